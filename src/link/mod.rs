//! The hub's client, for native screens (floor 2, no Bevy): a thread of its own that keeps one connection open.
//!
//! ```no_run
//! use yiping::link::{Identity, Link, WorldState};
//! use yiping::model::protocol::{Command, Role, ScreenClass};
//! # fn main() -> Result<(), yiping::link::LinkError> {
//! let me = Identity { screen: "desk-1".into(), class: ScreenClass::Medium, role: Role::Officer, actor: "王芳".into(), token: None };
//! let link = Link::connect("http://127.0.0.1:8080", me)?;
//! let mut world = WorldState::default();
//! let id = link.send(Command::TakeLead); // answered by `LinkEvent::Reply` with this id
//! for event in link.events() {
//!     world.apply(&event);
//! }
//! # Ok(()) }
//! ```
//! - After a break it connects again (with growing, jittered pauses) and resumes by revision.
//! - A command given while there is no connection is refused at once: a press on a button must not take effect minutes later.
//!   One that was sent and not answered before a break is sent again with the same id, which the hub does only once.
//! - A screen that doesn't take its events slows the connection down; the hub then conflates for it.

mod connection;
mod error;
mod fetch;
mod world;

pub use error::LinkError;
pub use fetch::fetch;
pub use world::WorldState;

use crate::model::protocol::{Change, Command, Outcome, Revision, Role, ScreenClass, Snapshot};
use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, TryIter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::{mpsc, oneshot};
use url::Url;

/// Events that may wait for the screen: at 60 frames a second far more than a frame brings.
const EVENTS_MAX: usize = 4096;
/// Commands that may wait for the connection: a person presses a few a second.
const COMMANDS_MAX: usize = 256;

/// What this screen says it is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Unique and stable: `desk-1`, `wall-a/2`.
    pub screen: String,
    pub class: ScreenClass,
    pub role: Role,
    /// Person's name as it is written into events.
    pub actor: String,
    pub token: Option<String>,
}

/// What the hub says and how the connection is. Give each to [`WorldState::apply`].
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    Connected,
    Snapshot(Box<Snapshot>),
    Delta {
        revision: Revision,
        time: DateTime<Utc>,
        changes: Vec<Change>,
    },
    /// Deltas are missing; a snapshot follows.
    Gap {
        from: Revision,
        to: Revision,
    },
    /// The answer to the command of this id.
    Reply {
        id: String,
        outcome: Outcome,
    },
    /// Said once for each break; what the screen shows is as of `since` (this machine's clock).
    Disconnected {
        why: String,
        since: DateTime<Utc>,
    },
}

/// What the connection's thread and the screen both see.
#[derive(Default)]
struct Shared {
    connected: AtomicBool,
    /// Hub's clock less ours, microseconds.
    offset_us: AtomicI64,
}

#[expect(clippy::large_enum_variant, reason = "a queue of what people do by hand")]
enum Ask {
    Command { id: String, command: Command },
    Subscribe(Option<[f64; 4]>),
    Fetch { path: String, answer: Sender<Result<Vec<u8>, LinkError>> },
}

/// A connection that is kept. Dropping it closes it.
pub struct Link {
    base: Url,
    events: Receiver<LinkEvent>,
    refusals: Sender<LinkEvent>,
    asks: mpsc::Sender<Ask>,
    shared: Arc<Shared>,
    /// Dropped with the link; its thread ends.
    _open: oneshot::Sender<()>,
}

impl Link {
    /// Starts to connect to the hub at `url` (`http://host:port`, or `host:port`) and goes on trying.
    pub fn connect(url: &str, me: Identity) -> Result<Self, LinkError> {
        let base = hub_url(url)?;
        let (events_in, events) = crossbeam_channel::bounded(EVENTS_MAX);
        let (asks, asked) = mpsc::channel(COMMANDS_MAX);
        let (open, closed) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let connection = connection::Connection::new(base.clone(), me, events_in.clone(), shared.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| LinkError::Thread(e.to_string()))?;
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = connection.run(asked) => {}
                    _ = closed => {}
                }
            });
        };
        std::thread::Builder::new().name("link".into()).spawn(run).map_err(|e| LinkError::Thread(e.to_string()))?;
        Ok(Self { base, events, refusals: events_in, asks, shared, _open: open })
    }

    /// What has come since the last call; never waits.
    pub fn events(&self) -> TryIter<'_, LinkEvent> {
        self.events.try_iter()
    }

    /// The channel behind [`Link::events`], for those who can wait.
    pub fn receiver(&self) -> &Receiver<LinkEvent> {
        &self.events
    }

    /// Sends a command; its answer comes as [`LinkEvent::Reply`] with the returned id. Without a connection that answer is a refusal.
    pub fn send(&self, command: Command) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        if !self.is_connected() {
            self.refuse(&id, "there is no connection to the hub; nothing was done", "与中枢的连接已断开，操作未执行");
        } else if self.asks.try_send(Ask::Command { id: id.clone(), command }).is_err() {
            self.refuse(&id, "too many commands are waiting; nothing was done", "操作过多，未执行，请稍候");
        }
        id
    }

    fn refuse(&self, id: &str, rule: &str, rule_zh: &str) {
        let outcome = Outcome::Rejected { rule: rule.into(), rule_zh: rule_zh.into() };
        if self.refusals.try_send(LinkEvent::Reply { id: id.to_owned(), outcome }).is_err() {
            tracing::warn!("a command was refused ({rule}) and the screen does not take its events");
        }
    }

    /// Which part of the city this screen looks at: west, south, east, north in degrees; `None` for all. Kept over breaks.
    pub fn subscribe(&self, viewport: Option<[f64; 4]>) {
        if self.asks.try_send(Ask::Subscribe(viewport)).is_err() {
            tracing::warn!("the viewport was not told to the hub: too many commands are waiting");
        }
    }

    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    /// The hub's clock now, by the best of the last pings; this machine's until there was one.
    pub fn hub_now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::microseconds(self.shared.offset_us.load(Ordering::Acquire))
    }

    /// Where the hub serves, ending in `/`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Gets `path` (`/api/scene`) from the hub on the link's thread.
    pub fn fetch(&self, path: &str) -> Receiver<Result<Vec<u8>, LinkError>> {
        let (answer, answered) = crossbeam_channel::bounded(1);
        if self.asks.try_send(Ask::Fetch { path: path.to_owned(), answer: answer.clone() }).is_err() {
            let _ = answer.send(Err(LinkError::Busy));
        }
        answered
    }
}

fn hub_url(url: &str) -> Result<Url, LinkError> {
    let wrong = |why: String| LinkError::Url { url: url.to_owned(), why };
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let mut base = Url::parse(&with_scheme).map_err(|e| wrong(e.to_string()))?;
    match base.scheme() {
        "http" | "https" => {}
        "ws" => base.set_scheme("http").map_err(|()| wrong("it can't be made an http URL".into()))?,
        other => return Err(wrong(format!("{other}:// is not how a hub is reached"))),
    }
    base.set_path("/");
    base.set_query(None);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_may_be_named_in_several_ways() {
        for url in ["http://10.0.0.5:8080", "10.0.0.5:8080", "ws://10.0.0.5:8080/ws", "http://10.0.0.5:8080/index.html?x=1"] {
            assert_eq!(hub_url(url).unwrap().as_str(), "http://10.0.0.5:8080/");
        }
        assert!(hub_url("ftp://a").is_err() && hub_url("").is_err());
    }
}
