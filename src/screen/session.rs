//! This screen's part of the conversation with the hub: state in, commands out.

use super::past::Past;
use crate::geo::Geodetic;
use crate::link::{Link, LinkError, LinkEvent, WorldState};
use crate::model::protocol::{Command, Outcome, Role};
use crate::model::scene::Scene;
use bevy::prelude::*;
use chrono::{DateTime, Utc};
use crossbeam_channel::Receiver;
use std::time::{Duration, Instant};

/// The scene this screen shows, and where.
#[derive(Resource, Clone, Debug)]
pub struct SceneInfo {
    pub id: String,
    pub scene: Scene,
    pub anchor: Geodetic,
}

/// The link, the state it brought, and who this screen is.
#[derive(Resource)]
pub struct Session {
    link: Option<Link>,
    /// What is shown: what is now, or with the shared clock in the past what was.
    pub world: WorldState,
    past: Past,
    pub screen: String,
    pub role: Role,
    notice: Option<(String, Instant)>,
    /// Commands of this screen that the hub took.
    pub accepted: u64,
}

/// A refusal is shown this long.
const NOTICE_FOR: Duration = Duration::from_secs(8);

impl Session {
    pub fn new(link: Option<Link>, screen: String, role: Role) -> Self {
        Self { link, world: WorldState::default(), past: Past::default(), screen, role, notice: None, accepted: 0 }
    }

    /// Why what is shown may be old, in words; `None` while it is live or when there is no hub at all.
    pub fn offline(&self) -> Option<String> {
        if self.link.is_none() || self.world.connected {
            return None;
        }
        let why = self.world.why_stale.as_deref().unwrap_or("正在连接 connecting");
        Some(match self.world.stale_since {
            Some(since) => format!("{why} · 数据截至 as of {}", super::panels::clock_time(since)),
            None => why.to_owned(),
        })
    }

    /// The hub's clock; this machine's when there is no hub.
    pub fn hub_now(&self) -> DateTime<Utc> {
        self.link.as_ref().map_or_else(Utc::now, Link::hub_now)
    }

    /// The instant that is shown: now, or where the shared clock stands in the past.
    pub fn scene_now(&self) -> DateTime<Utc> {
        let now = self.hub_now();
        self.world.view.as_ref().and_then(|v| v.clock.past(now)).unwrap_or(now)
    }

    /// Whether the shared clock is in the past.
    pub fn in_the_past(&self) -> bool {
        self.world.view.as_ref().is_some_and(|v| !v.clock.is_live())
    }

    /// Why the past that should be shown is not, in words.
    pub fn past_trouble(&self) -> Option<&str> {
        self.past.trouble()
    }

    pub fn leads(&self) -> bool {
        self.world.view.as_ref().is_some_and(|v| v.leader.as_deref() == Some(self.screen.as_str()))
    }

    pub fn may_lead(&self) -> bool {
        matches!(self.role, Role::Officer | Role::Presenter)
    }

    /// Sends a command; what stands against it is shown as a notice.
    pub fn ask(&mut self, command: Command) {
        match &self.link {
            None => self.say("没有连接中枢 no hub: nothing was sent".to_owned()),
            Some(link) => {
                link.send(command);
            }
        }
    }

    /// Asks the hub for a file or an answer; `None` without a hub.
    pub fn fetch(&self, path: &str) -> Option<Receiver<Result<Vec<u8>, LinkError>>> {
        self.link.as_ref().map(|link| link.fetch(path))
    }

    fn say(&mut self, words: String) {
        self.notice = Some((words, Instant::now()));
    }

    /// The last refusal while it is fresh.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_ref().filter(|(_, at)| at.elapsed() < NOTICE_FOR).map(|(words, _)| words.as_str())
    }

    /// Whether this screen has no hub at all.
    pub fn is_alone(&self) -> bool {
        self.link.is_none()
    }

    /// Whether a snapshot has come (always true without a hub).
    pub fn is_ready(&self) -> bool {
        self.link.is_none() || self.world.view.is_some()
    }
}

/// Takes in everything the hub said since the last frame.
pub fn receive(mut session: ResMut<Session>) {
    let events: Vec<LinkEvent> = match &session.link {
        Some(link) => link.events().collect(),
        None => return,
    };
    for event in events {
        let session = &mut *session;
        session.past.live_mut(&mut session.world).apply(&event);
        if let LinkEvent::Reply { outcome, .. } = event {
            match outcome {
                Outcome::Accepted { .. } => session.accepted += 1,
                Outcome::Conflict { current } => session.say(format!("别人先改了 changed by someone else: {}", current.title)),
                Outcome::Rejected { rule, rule_zh } => session.say(format!("{rule_zh} {rule}")),
            }
        }
    }
    let now = session.hub_now();
    let Session { link, world, past, .. } = &mut *session;
    if let Some(link) = link {
        past.follow(world, now, |path| link.fetch(path));
    }
}
