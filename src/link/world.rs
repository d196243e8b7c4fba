//! What a screen knows: the last snapshot with every delta since. Pure.

use super::LinkEvent;
use crate::model::alert::Alert;
use crate::model::feed::FeedStatus;
use crate::model::incident::Incident;
use crate::model::observation::{Datastream, Observation};
use crate::model::protocol::{Change, PastWorld, Revision, ScreenInfo, Snapshot};
use crate::model::unit::Unit;
use crate::model::view::ViewState;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Filled by [`WorldState::apply`]; two screens with the same `revision` hold the same `view` and `incidents`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorldState {
    pub revision: Revision,
    /// `None` until the first snapshot.
    pub view: Option<ViewState>,
    pub incidents: BTreeMap<String, Incident>,
    pub units: BTreeMap<String, Unit>,
    pub datastreams: BTreeMap<String, Datastream>,
    /// The latest of each datastream.
    pub observations: BTreeMap<String, Observation>,
    pub alerts: BTreeMap<String, Alert>,
    pub feeds: BTreeMap<String, FeedStatus>,
    pub screens: Vec<ScreenInfo>,
    /// How many screens there are, where not all are told.
    pub screens_total: usize,
    pub connected: bool,
    /// Since when all this may be old (this machine's clock); `None` while it is live.
    pub stale_since: Option<DateTime<Utc>>,
    /// Why there is no connection, in words.
    pub why_stale: Option<String>,
    /// When units were last looked at for those to forget (the hub's clock).
    pub units_swept: Option<DateTime<Utc>>,
}

/// How often that is.
const SWEEP_EVERY: TimeDelta = TimeDelta::minutes(1);

fn by_id<T: Clone>(all: &[T], id: impl Fn(&T) -> &String) -> BTreeMap<String, T> {
    all.iter().map(|t| (id(t).clone(), t.clone())).collect()
}

impl WorldState {
    /// Takes what the link says.
    pub fn apply(&mut self, event: &LinkEvent) {
        match event {
            LinkEvent::Connected => {
                self.connected = true;
                (self.stale_since, self.why_stale) = (None, None);
            }
            LinkEvent::Snapshot(snapshot) => self.replace(snapshot),
            LinkEvent::Delta { revision, time, changes } => {
                // An older one is in what we have already.
                if *revision >= self.revision {
                    self.revision = *revision;
                    changes.iter().for_each(|change| self.change(change));
                    self.forget_units(*time);
                }
            }
            LinkEvent::Gap { .. } | LinkEvent::Reply { .. } => {}
            LinkEvent::Disconnected { why, since } => {
                self.connected = false;
                self.stale_since.get_or_insert(*since);
                self.why_stale = Some(why.clone());
            }
        }
    }

    /// Forgets units of which no position has come for a day, as the hub does.
    fn forget_units(&mut self, now: DateTime<Utc>) {
        if self.units_swept.is_none_or(|at| (now - at).abs() >= SWEEP_EVERY) {
            self.units_swept = Some(now);
            self.units.retain(|_, unit| !unit.is_forgotten(now));
        }
    }

    /// Shows the past in place of what is live; view, feeds and screens stay as they are now.
    pub fn show_past(&mut self, past: &PastWorld) {
        self.incidents = by_id(&past.incidents, |i| &i.id);
        self.units = by_id(&past.units, |u| &u.id);
        self.observations = by_id(&past.observations, |o| &o.datastream);
        self.alerts = by_id(&past.alerts, |a| &a.id);
    }

    fn replace(&mut self, snapshot: &Snapshot) {
        self.revision = snapshot.revision;
        self.view = Some(snapshot.view.clone());
        self.incidents = by_id(&snapshot.incidents, |i| &i.id);
        self.units = by_id(&snapshot.units, |u| &u.id);
        self.datastreams = by_id(&snapshot.datastreams, |d| &d.id);
        self.observations = by_id(&snapshot.observations, |o| &o.datastream);
        self.alerts = by_id(&snapshot.alerts, |a| &a.id);
        self.feeds = by_id(&snapshot.feeds, |f| &f.feed);
        self.screens = snapshot.screens.clone();
        self.screens_total = self.screens.len();
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::View { view } => self.view = Some((**view).clone()),
            Change::Incident { incident } => drop(self.incidents.insert(incident.id.clone(), (**incident).clone())),
            Change::Unit { unit } => drop(self.units.insert(unit.id.clone(), unit.clone())),
            Change::Datastream { datastream } => drop(self.datastreams.insert(datastream.id.clone(), datastream.clone())),
            Change::Observation { observation } => {
                self.observations.insert(observation.datastream.clone(), observation.clone());
            }
            Change::Alert { alert } => drop(self.alerts.insert(alert.id.clone(), (**alert).clone())),
            Change::Feed { feed } => drop(self.feeds.insert(feed.feed.clone(), feed.clone())),
            Change::Screens { screens, total } => {
                self.screens = screens.clone();
                self.screens_total = (*total).max(screens.len());
            }
        }
    }

    /// Whether this screen leads the view.
    pub fn leads(&self, screen: &str) -> bool {
        self.view.as_ref().and_then(|v| v.leader.as_deref()) == Some(screen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::{CameraPose, Clock, TourState};

    fn snapshot(revision: u64) -> LinkEvent {
        let camera = CameraPose { lon: 118.3, lat: 33.9, height_m: 0.0, heading_deg: 0.0, pitch_deg: 45.0, distance_m: 900.0 };
        let layers = BTreeMap::new();
        let view = ViewState {
            scene: "s".into(),
            camera,
            layers,
            selection: None,
            clock: Clock::Live,
            tour: TourState::Off,
            theme: None,
            styling: Default::default(),
            clip: None,
            leader: None,
        };
        let time = DateTime::UNIX_EPOCH;
        let (incidents, units, datastreams, observations) = (vec![], vec![], vec![], vec![]);
        let (alerts, feeds, screens) = (vec![], vec![], vec![]);
        LinkEvent::Snapshot(Box::new(Snapshot {
            revision: Revision(revision),
            time,
            view,
            incidents,
            units,
            datastreams,
            observations,
            alerts,
            feeds,
            screens,
        }))
    }

    fn reading(revision: u64, value: f64) -> LinkEvent {
        let time = DateTime::UNIX_EPOCH;
        let observation =
            Observation { datastream: "d".into(), phenomenon_time: time, phenomenon_start: None, value, quality: Default::default() };
        LinkEvent::Delta { revision: Revision(revision), time, changes: vec![Change::Observation { observation }] }
    }

    #[test]
    fn deltas_follow_a_snapshot_and_old_ones_are_ignored() {
        let mut world = WorldState::default();
        world.apply(&snapshot(5));
        world.apply(&reading(5, 1.0));
        world.apply(&reading(6, 2.0));
        world.apply(&reading(4, 3.0));
        assert_eq!((world.revision, world.observations["d"].value), (Revision(6), 2.0));
        world.apply(&snapshot(7));
        assert!(world.observations.is_empty() && world.revision == Revision(7), "a snapshot is everything");
    }

    #[test]
    fn a_unit_leaves_a_day_after_its_last_position_by_the_clock_of_the_hub() {
        let unit = |id: &str| -> Unit {
            let json = serde_json::json!({"id": id, "call_sign": "U", "domain": "traffic", "kind": "", "state": "available", "lon": 1, "lat": 2,
                "seen_at": "1970-01-01T00:00:00Z"});
            serde_json::from_value(json).unwrap()
        };
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let mut world = WorldState::default();
        world.apply(&snapshot(5));
        let mut hear = |minutes, changes| {
            world.apply(&LinkEvent::Delta { revision: Revision(5), time: at(minutes), changes });
            world.units.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(hear(0, vec![Change::Unit { unit: unit("a") }, Change::Unit { unit: unit("b") }]), ["a", "b"]);
        assert_eq!(hear(1_439, vec![Change::Unit { unit: Unit { seen_at: at(1_439), ..unit("b") } }]), ["a", "b"]);
        assert_eq!(hear(1_441, vec![]), ["b"]);
    }

    #[test]
    fn the_past_shows_the_warnings_that_stood_then_and_none_of_now() {
        let alert = |id: &str| -> Alert {
            let json = serde_json::json!({"id": id, "feed": "f", "sender": "s", "sent": "1970-01-01T00:00:00Z", "status": "actual",
                "severity": "minor", "event": "rain", "areas": [], "effective": "1970-01-01T00:00:00Z", "expires": null});
            serde_json::from_value(json).unwrap()
        };
        let mut world = WorldState { alerts: by_id(&[alert("now")], |a| &a.id), ..WorldState::default() };
        world.show_past(&PastWorld { alerts: vec![alert("then")], ..PastWorld::default() });
        assert_eq!(world.alerts.into_keys().collect::<Vec<_>>(), ["then"]);
    }

    #[test]
    fn a_break_leaves_the_picture_and_says_since_when_it_is_old() {
        let mut world = WorldState::default();
        world.apply(&snapshot(5));
        for seconds in [10, 20] {
            let since = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
            world.apply(&LinkEvent::Disconnected { why: "cut".into(), since });
        }
        assert_eq!(world.stale_since, Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(10)));
        assert!(world.view.is_some());
        world.apply(&LinkEvent::Connected);
        assert_eq!((world.stale_since, world.connected), (None, true));
    }
}
