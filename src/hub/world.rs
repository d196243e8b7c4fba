//! What the hub knows now: durable things as the store told them, live things as feeds told them. Pure; the clock is an argument.

use super::fresh::Fresh;
use super::keys;
use crate::history::Reading;
use crate::model::alert::Alert;
use crate::model::alert_past::{AlertPast, AlertWord};
use crate::model::chronicle::Chronicle;
use crate::model::feed::FeedStatus;
use crate::model::incident::{Event, Incident};
use crate::model::observation::{Datastream, Observation};
use crate::model::protocol::{Change, Revision, ScreenInfo, Snapshot};
use crate::model::unit::Unit;
use crate::model::view::ViewState;
use crate::store::Entry;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Deltas kept for screens that come back; beyond it they get a snapshot, which is then cheaper anyway.
const HISTORY_MAX: usize = 2_000;
/// Commands remembered so that a repeated one is answered and not done again.
const RECENT_MAX: usize = 10_000;
/// Ended incidents in a snapshot; open ones all are.
const ENDED_SENT_MAX: usize = 500;
/// Entities from feeds; beyond it new ones are refused and counted as rejected.
pub const DATASTREAMS_MAX: usize = 200_000;
pub const UNITS_MAX: usize = 50_000;
pub const ALERTS_MAX: usize = 10_000;

/// The view as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredView {
    pub view: ViewState,
    /// `screen command-id` of the change that led here.
    pub command: String,
}

/// A past delta.
#[derive(Clone, Debug)]
pub struct Past {
    pub revision: Revision,
    pub at: DateTime<Utc>,
    pub change: Change,
}

#[derive(Debug)]
pub struct World {
    first_view: ViewState,
    pub revision: Revision,
    pub view: ViewState,
    /// Where the view was put; `None`: nobody has changed it yet.
    pub view_at: Option<Revision>,
    pub incidents: BTreeMap<String, Incident>,
    /// What happened to them in the last days.
    pub chronicle: Chronicle,
    pub units: BTreeMap<String, Unit>,
    pub datastreams: BTreeMap<String, Datastream>,
    /// One more for each datastream that was new or changed.
    datastream_changes: u64,
    pub observations: BTreeMap<String, Observation>,
    /// By id; those long over are forgotten.
    pub alerts: BTreeMap<String, Alert>,
    /// What was said of them and of those forgotten, and when.
    pub alert_past: AlertPast,
    /// The newest of it, not yet on disk.
    pub unkept_alert_words: Vec<AlertWord>,
    pub feeds: BTreeMap<String, FeedStatus>,
    /// Which of the live things have changed since screens were told.
    pub fresh: Fresh,
    history: VecDeque<Past>,
    /// Revisions up to here have left the history.
    history_floor: Revision,
    recent: HashMap<String, (u64, Revision)>,
    recent_order: VecDeque<String>,
}

impl World {
    pub fn new(first_view: ViewState) -> Self {
        Self {
            view: first_view.clone(),
            first_view,
            revision: Revision(0),
            view_at: None,
            incidents: BTreeMap::new(),
            chronicle: Chronicle::default(),
            units: BTreeMap::new(),
            datastreams: BTreeMap::new(),
            datastream_changes: 0,
            observations: BTreeMap::new(),
            alerts: BTreeMap::new(),
            alert_past: AlertPast::default(),
            unkept_alert_words: Vec::new(),
            feeds: BTreeMap::new(),
            fresh: Fresh::default(),
            history: VecDeque::new(),
            history_floor: Revision(0),
            recent: HashMap::new(),
            recent_order: VecDeque::new(),
        }
    }

    /// Forgets what the store told, before it tells all of it again.
    pub fn forget_durable(&mut self) {
        let live = (std::mem::take(&mut self.units), std::mem::take(&mut self.datastreams), std::mem::take(&mut self.observations));
        let (alerts, feeds) = (std::mem::take(&mut self.alerts), std::mem::take(&mut self.feeds));
        let past = (std::mem::take(&mut self.alert_past), std::mem::take(&mut self.unkept_alert_words));
        let (changes, fresh) = (self.datastream_changes, std::mem::take(&mut self.fresh));
        *self = Self::new(self.first_view.clone());
        (self.units, self.datastreams, self.observations) = live;
        (self.alerts, self.feeds) = (alerts, feeds);
        (self.alert_past, self.unkept_alert_words) = past;
        (self.datastream_changes, self.fresh) = (changes, fresh);
    }

    /// Enters a datastream, new or changed.
    pub fn learn(&mut self, datastream: Datastream) {
        self.datastream_changes += 1;
        self.datastreams.insert(datastream.id.clone(), datastream);
    }

    /// Enters a source's word on an alert, received at `now`.
    pub fn hear_alert(&mut self, alert: Alert, now: DateTime<Utc>) {
        let word = AlertWord { received_at: now, alert: alert.clone() };
        if self.alert_past.hear(word.clone()) {
            self.unkept_alert_words.push(word);
        }
        self.alerts.insert(alert.id.clone(), alert);
    }

    /// Takes up the alerts of an earlier run. Of those that the past knows nothing of (a hub of before it was kept), the past is that
    /// they were received when they were sent.
    pub fn resume_alerts(&mut self, alerts: BTreeMap<String, Alert>, past: AlertPast) {
        self.alert_past = past;
        for alert in alerts.values().filter(|a| !a.cancelled && !self.alert_past.has(&a.id)).cloned().collect::<Vec<_>>() {
            let word = AlertWord { received_at: alert.sent, alert };
            self.alert_past.push(word.clone());
            self.unkept_alert_words.push(word);
        }
        self.alerts = alerts;
    }

    /// Enters a sensor of before a restart with its last reading; what a feed has said since then stays.
    pub fn remember_sensor(&mut self, datastream: Datastream, newest: Option<Observation>) {
        if self.datastreams.len() >= DATASTREAMS_MAX || self.datastreams.contains_key(&datastream.id) {
            return;
        }
        self.learn(datastream);
        self.observations.extend(newest.map(|o| (o.datastream.clone(), o)));
    }

    /// Readings that could not be kept are not known: said again, they are no repetition.
    pub fn forget_unkept(&mut self, readings: &[Reading]) {
        for Reading { observation, .. } in readings {
            if self.observations.get(&observation.datastream) == Some(observation) {
                self.observations.remove(&observation.datastream);
            }
        }
    }

    /// As long as this number stays, so do the datastreams.
    pub fn datastream_changes(&self) -> u64 {
        self.datastream_changes
    }

    /// Takes an entry of the store; the change it makes on screens, with the event where it is one, or why it makes none.
    pub fn take(&mut self, entry: &Entry, view_key: &str) -> Result<Option<(Change, Option<Event>)>, String> {
        self.revision = self.revision.max(entry.revision);
        let unreadable = |e: serde_json::Error| format!("{} at revision {}: {e}", entry.key, entry.revision.0);
        let mut happened = None;
        let change = if entry.key.starts_with(keys::EVENTS) {
            let event: Event = serde_json::from_slice(&entry.value).map_err(unreadable)?;
            self.remember(command_key(&event.by.screen, &event.command), event.version, entry.revision);
            let before = self.incidents.get(&event.incident).cloned();
            let incident = Incident::after(before, &event).map_err(|e| e.to_string())?;
            self.incidents.insert(incident.id.clone(), incident.clone());
            self.chronicle.push(&event);
            happened = Some(event);
            Change::Incident { incident: Box::new(incident) }
        } else if entry.key == view_key {
            let stored: StoredView = serde_json::from_slice(&entry.value).map_err(unreadable)?;
            self.remember(stored.command, 0, entry.revision);
            self.view = stored.view;
            self.view_at = Some(entry.revision);
            // A layer that came into the scene since then.
            for (layer, shown) in &self.first_view.layers {
                self.view.layers.entry(layer.clone()).or_insert(*shown);
            }
            Change::View { view: Box::new(self.view.clone()) }
        } else {
            return Ok(None);
        };
        if self.history.len() >= HISTORY_MAX
            && let Some(oldest) = self.history.pop_front()
        {
            self.history_floor = oldest.revision;
        }
        self.history.push_back(Past { revision: entry.revision, at: entry.at, change: change.clone() });
        Ok(Some((change, happened)))
    }

    fn remember(&mut self, command: String, version: u64, revision: Revision) {
        if self.recent.insert(command.clone(), (version, revision)).is_none() {
            self.recent_order.push_back(command);
        }
        if self.recent_order.len() > RECENT_MAX
            && let Some(oldest) = self.recent_order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }

    /// Version and revision that this command led to, if it is remembered.
    pub fn done(&self, screen: &str, command: &str) -> Option<(u64, Revision)> {
        self.recent.get(&command_key(screen, command)).copied()
    }

    /// What changed after `from`, or `None` when that is no longer known (or not yet: a revision of another store).
    pub fn since(&self, from: Revision) -> Option<impl Iterator<Item = &Past>> {
        (from >= self.history_floor && from <= self.revision).then(|| self.history.iter().filter(move |p| p.revision > from))
    }

    pub fn snapshot(&self, now: DateTime<Utc>, screens: Vec<ScreenInfo>, seen: impl Fn(f64, f64) -> bool) -> Snapshot {
        let (mut ended, mut incidents): (Vec<_>, Vec<_>) = self.incidents.values().partition(|i| i.state.is_ended());
        ended.sort_by_key(|i| std::cmp::Reverse(i.updated_at));
        incidents.extend(ended.into_iter().take(ENDED_SENT_MAX));
        let place = |o: &&Observation| self.datastreams.get(&o.datastream).is_some_and(|d| seen(d.lon, d.lat));
        Snapshot {
            revision: self.revision,
            time: now,
            view: self.view.clone(),
            incidents: incidents.into_iter().cloned().collect(),
            units: self.units.values().filter(|u| seen(u.lon, u.lat)).cloned().collect(),
            datastreams: self.datastreams.values().cloned().collect(),
            observations: self.observations.values().filter(place).cloned().collect(),
            alerts: self.alerts.values().cloned().collect(),
            feeds: self.feeds.values().cloned().collect(),
            screens,
        }
    }
}

/// Command ids are chosen by screens, each for itself.
pub fn command_key(screen: &str, command: &str) -> String {
    format!("{screen} {command}")
}
