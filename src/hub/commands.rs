//! What screens and feeds ask for: decided by the model's rules, put into the store, answered once it is on disk.

use super::core::{Core, Screen};
use super::keys;
use super::world::{StoredView, command_key};
use crate::model::category::Categories;
use crate::model::incident::{Action, Event, Incident, Report, Stamp};
use crate::model::lifecycle::{self, ID_BYTES_MAX, Order, Refusal, Rule, Wish};
use crate::model::protocol::{Command, Outcome, Revision, Role};
use crate::model::view::{Clock, PLAY_SPEEDS, ViewPatch, ViewState};
use crate::store::{Expect, StoreError};
use chrono::{DateTime, Utc};

/// Layers a view may name; a scene has a dozen.
const LAYERS_MAX: usize = 200;
/// How often a view change is decided again because another hub was first.
const TRIES_MAX: usize = 3;
/// Of a feed's word on why an incident is over.
const REASON_CHARS_MAX: usize = 1_000;

impl Core {
    /// Does what `screen` asks for, or says why not. To be run to its end even when the screen goes away meanwhile.
    pub async fn command(&self, screen: &Screen, id: &str, command: Command) -> Outcome {
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return rejected(Rule::new("a command needs an id of at most 200 bytes", "命令编号无效"));
        }
        if let Some(outcome) = self.done_before(screen, id) {
            return outcome;
        }
        match command {
            Command::Report { report } => {
                let incident = report.id.clone();
                self.incident(&incident, self.order(screen, id, Wish::Report { report, source: "screen".into() })).await
            }
            Command::Incident { incident, expected_version, action, reason, device_time } => {
                if let Err(rule) = self.check_original(&action) {
                    return rejected(rule);
                }
                let order = self.order(screen, id, Wish::Move { expected_version, action });
                self.incident(&incident, Order { reason, device_time: Some(device_time), ..order }).await
            }
            Command::View { patch } => self.change_view(screen, id, Some(patch)).await,
            Command::TakeLead => self.change_view(screen, id, None).await,
        }
    }

    fn done_before(&self, screen: &Screen, id: &str) -> Option<Outcome> {
        self.world().done(&screen.id, id).map(|(version, revision)| Outcome::Accepted { version, revision })
    }

    fn order(&self, screen: &Screen, id: &str, what: Wish) -> Order {
        let by = Stamp { actor: screen.actor.clone(), screen: screen.id.clone(), at: Utc::now() };
        Order { command: id.to_owned(), by, role: screen.role, device_time: None, reason: None, what }
    }

    fn check_original(&self, action: &Action) -> Result<(), Rule> {
        match action {
            Action::MarkDuplicate { of } if !self.world().incidents.contains_key(of) => {
                Err(Rule::new(format!("there is no incident {of}"), format!("没有事件 {of}")))
            }
            _ => Ok(()),
        }
    }

    /// Decides `order` on what is there and puts the event.
    pub async fn incident(&self, incident: &str, order: Order) -> Outcome {
        self.try_incident(incident, order).await.unwrap_or_else(|e| not_stored(&e))
    }

    /// [`Core::incident`] for those who can ask again later.
    ///
    /// # Errors
    /// The disk can't take it now; nothing has changed.
    pub async fn try_incident(&self, incident: &str, order: Order) -> Result<Outcome, StoreError> {
        let _turn = self.incident_lock(incident).lock().await;
        // The same command may have waited for its own first copy.
        let before = self.world().done(&order.by.screen, &order.command);
        if let Some((version, revision)) = before {
            return Ok(Outcome::Accepted { version, revision });
        }
        let current = self.world().incidents.get(incident).cloned();
        if let (Some(current), Wish::Report { report, .. }) = (&current, &order.what)
            && is_same(current, report)
        {
            return self.already_reported(current).await;
        }
        match lifecycle::decide(incident, current.as_ref(), &order, Categories::bundled()) {
            Ok(event) => self.put(event).await,
            Err(Refusal::Conflict(current)) => Ok(Outcome::Conflict { current }),
            Err(Refusal::Rule(rule)) => {
                tracing::info!(incident, actor = order.by.actor, "refused: {rule}");
                Ok(rejected(rule))
            }
        }
    }

    async fn put(&self, event: Event) -> Result<Outcome, StoreError> {
        let value = match serde_json::to_vec(&event) {
            Ok(value) => value,
            Err(e) => return Ok(not_stored(&e)),
        };
        let put = self.store.put(&keys::event(&event.incident, event.version), value, Expect::Absent, &event.by.actor).await;
        match put {
            Ok(revision) => {
                self.reached(revision).await;
                Ok(Outcome::Accepted { version: event.version, revision })
            }
            Err(StoreError::Conflict { current }) => {
                if let Some(first) = current {
                    self.reached(first.revision).await;
                }
                let now = self.world().incidents.get(&event.incident).cloned();
                Ok(match now {
                    Some(now) => Outcome::Conflict { current: Box::new(now) },
                    None => not_stored(&StoreError::Conflict { current: None }),
                })
            }
            Err(e) if e.may_pass() => Err(e),
            Err(e) => Ok(not_stored(&e)),
        }
    }

    /// A report that came twice is answered as it was the first time.
    async fn already_reported(&self, current: &Incident) -> Result<Outcome, StoreError> {
        Ok(match self.store.get(&keys::event(&current.id, 1)).await? {
            Some(first) => Outcome::Accepted { version: 1, revision: first.revision },
            None => Outcome::Conflict { current: Box::new(current.clone()) },
        })
    }

    /// Changes the view (`None`: only takes the lead), if this screen leads or may lead.
    async fn change_view(&self, screen: &Screen, id: &str, patch: Option<ViewPatch>) -> Outcome {
        if !matches!(screen.role, Role::Officer | Role::Presenter) {
            return rejected(Rule::new("your role may not lead the view", "当前角色无权控制画面"));
        }
        if let Err(rule) = patch.as_ref().map_or(Ok(()), check_patch) {
            return rejected(rule);
        }
        let _turn = self.view_lock.lock().await;
        if let Some(outcome) = self.done_before(screen, id) {
            return outcome;
        }
        if let (Some(_), Some(leader)) = (&patch, self.other_leader(&screen.id)) {
            return rejected(Rule::new(
                format!("{leader} leads the view; take the lead first"),
                format!("当前由 {leader} 主控画面，请先接管"),
            ));
        }
        let length_s = self.scene.tour_length_s();
        let change = |view: &mut ViewState| {
            view.leader = Some(screen.id.clone());
            if let Some(patch) = &patch {
                view.apply(patch, Utc::now(), length_s);
            }
        };
        self.put_view(&screen.actor, &command_key(&screen.id, id), change).await
    }

    /// Puts the view after `change`; nothing is put when it changes nothing. The caller holds `view_lock`.
    pub async fn put_view(&self, actor: &str, command: &str, change: impl Fn(&mut ViewState)) -> Outcome {
        for _ in 0..TRIES_MAX {
            let (before, at, revision) = {
                let world = self.world();
                (world.view.clone(), world.view_at, world.revision)
            };
            let mut view = before.clone();
            change(&mut view);
            if view == before {
                return Outcome::Accepted { version: 0, revision };
            }
            let value = match serde_json::to_vec(&StoredView { view, command: command.to_owned() }) {
                Ok(value) => value,
                Err(e) => return not_stored(&e),
            };
            match self.store.put(&self.view_key, value, at.map_or(Expect::Absent, Expect::At), actor).await {
                Ok(revision) => {
                    self.reached(revision).await;
                    return Outcome::Accepted { version: 0, revision };
                }
                Err(StoreError::Conflict { current }) => {
                    self.reached(current.map_or(Revision(0), |c| c.revision)).await;
                }
                Err(e) => return not_stored(&e),
            }
        }
        rejected(Rule::new("the view is changing too fast; try again", "画面正在变化，请重试"))
    }

    /// Who leads, when it is another screen and it is connected.
    fn other_leader(&self, screen: &str) -> Option<String> {
        let leader = self.world().view.leader.clone().filter(|leader| leader != screen)?;
        self.screens().contains_key(&leader).then_some(leader)
    }

    /// A feed's report: a new incident, its newer word on one, or nothing new (`None`).
    ///
    /// # Errors
    /// As [`Core::try_incident`].
    pub async fn feed_report(&self, feed: &str, report: Report, now: DateTime<Utc>) -> Result<Option<Outcome>, StoreError> {
        let incident = report.id.clone();
        let current = self.world().incidents.get(&incident).cloned();
        let by = Stamp { actor: feed.to_owned(), screen: "feed".into(), at: now };
        let (what, command) = match &current {
            None => (Wish::Report { report, source: feed.to_owned() }, format!("{feed}/{incident}")),
            Some(known) if known.source != feed || known.state.is_ended() || !lifecycle::is_news(known, &report) => return Ok(None),
            Some(known) => (Wish::Amend { report }, format!("{feed}/{incident}/{}", known.version + 1)),
        };
        // A source the city has chosen to read speaks with an officer's word.
        let order = Order { command, by, role: Role::Officer, device_time: None, reason: None, what };
        self.try_incident(&incident, order).await.map(Some)
    }

    /// A feed says that an incident of its own is over; `None` when it is already, or none of this feed's.
    ///
    /// # Errors
    /// As [`Core::try_incident`].
    pub async fn feed_ended(&self, feed: &str, incident: &str, why: &str, now: DateTime<Utc>) -> Result<Option<Outcome>, StoreError> {
        let current = self.world().incidents.get(incident).cloned();
        let Some(known) = current.filter(|known| known.source == feed && !known.state.is_ended()) else { return Ok(None) };
        let by = Stamp { actor: feed.to_owned(), screen: "feed".into(), at: now };
        let command = format!("{feed}/{incident}/{}", known.version + 1);
        let reason = Some(why.chars().take(REASON_CHARS_MAX).collect());
        let order = Order { command, by, role: Role::Officer, device_time: None, reason, what: Wish::End };
        self.try_incident(incident, order).await.map(Some)
    }
}

fn is_same(current: &Incident, report: &Report) -> bool {
    current.domain == report.domain && current.category == report.category && current.lon == report.lon && current.lat == report.lat
}

fn check_patch(patch: &ViewPatch) -> Result<(), Rule> {
    let rule = |en: &str, zh: &str| Err(Rule::new(en, zh));
    if let Some(c) = &patch.camera {
        let numbers = [c.lon, c.lat, c.height_m, c.heading_deg, c.pitch_deg, c.distance_m];
        if numbers.iter().any(|n| !n.is_finite()) || c.lon.abs() > 180.0 || c.lat.abs() > 90.0 || c.distance_m <= 0.0 {
            return rule("the camera is at no place on Earth", "镜头位置无效");
        }
    }
    if let Some(Clock::Playing { speed, .. }) = &patch.clock
        && !PLAY_SPEEDS.contains(speed)
    {
        return rule("the past plays at 1 to 600 times its speed", "回放速度为1至600倍");
    }
    if patch.layers.len() > LAYERS_MAX || patch.layers.keys().any(|k| k.is_empty() || k.len() > ID_BYTES_MAX) {
        return rule("too many layers, or a layer id that is too long", "图层过多或图层编号过长");
    }
    let selected = patch.selection.as_ref().and_then(|s| s.as_ref()).map(|s| s.id().len());
    if selected.is_some_and(|len| len == 0 || len > ID_BYTES_MAX) {
        return rule("the id of the selected thing is empty or too long", "所选对象编号无效");
    }
    Ok(())
}

fn rejected(rule: Rule) -> Outcome {
    Outcome::Rejected { rule: rule.en, rule_zh: rule.zh }
}

fn not_stored(e: &dyn std::error::Error) -> Outcome {
    tracing::error!("a command was not stored: {e}");
    rejected(Rule::new(format!("not stored, nothing has changed: {e}"), "未能保存，状态没有改变，请通知管理员"))
}
