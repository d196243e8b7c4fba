//! Takes what feeds say into the world, and keeps the loss ledger: `received = stored + rejected + conflated + quarantined`.

use super::core::Core;
use super::world::{DATASTREAMS_MAX, UNITS_MAX};
use crate::feeds::{self, FeedEvent, FeedHandle};
use crate::model::observation::{Datastream, FeedStatus, Observation};
use crate::model::protocol::Outcome;
use crate::model::scene::FeedConfig;
use crate::model::unit::Unit;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Events of one feed that may wait for the hub; a full channel makes its adapter wait.
const QUEUE_MAX: usize = 1024;
/// How often screens hear of a feed's counts.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// A reading from further in the future than this is a broken clock, and would hide all true ones behind it. So far, because a
/// replayed platform's clock runs ahead of ours: at 100x, 31 days in seven hours.
const AHEAD_MAX: TimeDelta = TimeDelta::days(31);

/// Starts an adapter and takes what it says until the hub ends.
pub async fn run(core: Arc<Core>, config: FeedConfig) {
    let (events, mut heard) = mpsc::channel(QUEUE_MAX);
    let _adapter: FeedHandle = feeds::spawn(&config, events);
    let mut feed = Ledger::new(config.id());
    let mut tick = tokio::time::interval(STATUS_EVERY);
    loop {
        tokio::select! {
            event = heard.recv() => match event {
                Some(event) => feed.take(&core, event).await,
                None => break,
            },
            _ = tick.tick() => feed.tell(&core),
        }
    }
    feed.tell(&core);
    tracing::warn!(feed = config.id(), "the feed's adapter has ended");
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stored,
    Rejected,
    Conflated,
    Quarantined,
}

/// Counts of the hub beside those of the adapter.
struct Ledger {
    adapter: FeedStatus,
    hub: FeedStatus,
    told: FeedStatus,
}

impl Ledger {
    fn new(feed: &str) -> Self {
        let empty = FeedStatus { feed: feed.to_owned(), ..FeedStatus::default() };
        Self { adapter: empty.clone(), hub: empty.clone(), told: empty }
    }

    async fn take(&mut self, core: &Core, event: FeedEvent) {
        let now = Utc::now();
        let fate = match event {
            FeedEvent::Status(status) => {
                self.adapter = FeedStatus { feed: self.hub.feed.clone(), ..status };
                return;
            }
            // The catalogue is no message: it counts only when it can't be used.
            FeedEvent::Datastream(datastream) => match take_datastream(core, datastream) {
                Fate::Rejected => Fate::Rejected,
                _ => return,
            },
            FeedEvent::Observation(observation) => {
                self.seen(observation.phenomenon_time, now);
                take_observation(core, observation, now)
            }
            FeedEvent::Unit(unit) => {
                self.seen(unit.seen_at, now);
                take_unit(core, unit, now)
            }
            FeedEvent::Incident(report) => {
                self.seen(report.reported_at.unwrap_or(now), now);
                match core.feed_report(&self.hub.feed, report, now).await {
                    None => Fate::Conflated,
                    Some(Outcome::Accepted { .. }) => Fate::Stored,
                    Some(Outcome::Conflict { .. }) => Fate::Conflated,
                    Some(Outcome::Rejected { rule, .. }) => {
                        self.hub.last_error = Some(rule);
                        Fate::Rejected
                    }
                }
            }
        };
        self.count(fate);
    }

    fn seen(&mut self, at: DateTime<Utc>, now: DateTime<Utc>) {
        if at <= now + AHEAD_MAX {
            self.hub.newest = self.hub.newest.max(Some(at));
        }
    }

    fn count(&mut self, fate: Fate) {
        self.hub.received += 1;
        match fate {
            Fate::Stored => self.hub.stored += 1,
            Fate::Rejected => self.hub.rejected += 1,
            Fate::Conflated => self.hub.conflated += 1,
            Fate::Quarantined => self.hub.quarantined += 1,
        }
    }

    /// What never reached the hub, by the adapter's count, and what did, by ours: balanced at any moment, whatever is on its way.
    fn status(&self) -> FeedStatus {
        let (a, h) = (&self.adapter, &self.hub);
        FeedStatus {
            received: h.received + a.rejected + a.conflated + a.quarantined,
            stored: h.stored,
            rejected: h.rejected + a.rejected,
            conflated: h.conflated + a.conflated,
            quarantined: h.quarantined + a.quarantined,
            newest: h.newest.max(a.newest),
            last_error: a.last_error.clone().or_else(|| h.last_error.clone()),
            ..a.clone()
        }
    }

    fn tell(&mut self, core: &Core) {
        let status = self.status();
        if status != self.told {
            let mut world = core.world();
            world.feeds.insert(status.feed.clone(), status.clone());
            core.screens().values().for_each(|c| c.outbox.feed(&status));
            drop(world);
            self.told = status;
        }
    }
}

fn on_earth(lon: f64, lat: f64) -> bool {
    lon.abs() <= 180.0 && lat.abs() <= 90.0
}

fn take_datastream(core: &Core, datastream: Datastream) -> Fate {
    let mut world = core.world();
    let known = world.datastreams.get(&datastream.id);
    if known == Some(&datastream) {
        return Fate::Conflated;
    }
    if !on_earth(datastream.lon, datastream.lat) || (known.is_none() && world.datastreams.len() >= DATASTREAMS_MAX) {
        return Fate::Rejected;
    }
    core.screens().values().for_each(|c| c.outbox.datastream(&datastream));
    world.datastreams.insert(datastream.id.clone(), datastream);
    Fate::Stored
}

/// Only the newest of a datastream is kept; one of a datastream nobody has named has no place on the map.
fn take_observation(core: &Core, observation: Observation, now: DateTime<Utc>) -> Fate {
    let mut world = core.world();
    if !observation.value.is_finite() || observation.phenomenon_time > now + AHEAD_MAX {
        return Fate::Rejected;
    }
    let Some(place) = world.datastreams.get(&observation.datastream).map(|d| [d.lon, d.lat]) else { return Fate::Quarantined };
    if world.observations.get(&observation.datastream).is_some_and(|o| o.phenomenon_time >= observation.phenomenon_time) {
        return Fate::Conflated;
    }
    let at = Instant::now();
    core.screens().values().for_each(|c| c.outbox.observation(&observation, place, at));
    world.observations.insert(observation.datastream.clone(), observation);
    Fate::Stored
}

fn take_unit(core: &Core, unit: Unit, now: DateTime<Utc>) -> Fate {
    let mut world = core.world();
    let known = world.units.get(&unit.id);
    if known.is_some_and(|u| u.seen_at >= unit.seen_at) {
        return Fate::Conflated;
    }
    if !on_earth(unit.lon, unit.lat) || unit.seen_at > now + AHEAD_MAX || (known.is_none() && world.units.len() >= UNITS_MAX) {
        return Fate::Rejected;
    }
    let at = Instant::now();
    core.screens().values().for_each(|c| c.outbox.unit(&unit, at));
    world.units.insert(unit.id.clone(), unit);
    Fate::Stored
}

#[cfg(test)]
mod tests {
    use super::super::scene_file::LoadedScene;
    use super::*;
    use crate::model::incident::{Domain, IncidentState, Report, Severity};
    use crate::model::observation::Quality;
    use crate::store::Embedded;

    const SCENE: &str = "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n";

    fn reading(datastream: &str, minute: i64, value: f64) -> FeedEvent {
        let phenomenon_time = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        FeedEvent::Observation(Observation { datastream: datastream.into(), phenomenon_time, value, quality: Quality::Good })
    }

    fn sensor(id: &str, lat: f64) -> FeedEvent {
        let (sensor, feed) = (id.to_owned(), "air".to_owned());
        let (observed_property, unit) = ("pm2_5".to_owned(), "µg/m³".to_owned());
        FeedEvent::Datastream(Datastream { id: id.into(), feed, sensor, observed_property, unit, lon: 118.0, lat, height_m: 0.0 })
    }

    fn incident(severity: Severity, title: &str) -> FeedEvent {
        FeedEvent::Incident(Report {
            id: "i".into(),
            domain: Domain::Traffic,
            category: "traffic/accident/collision".into(),
            severity,
            title: title.into(),
            title_en: String::new(),
            description: String::new(),
            lon: 118.0,
            lat: 33.0,
            area: None,
            reported_at: None,
        })
    }

    #[test]
    fn every_message_has_one_fate_and_the_ledger_balances() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        std::fs::write(&file, SCENE).unwrap();
        let scene = LoadedScene::load(&file, dir.path()).unwrap();
        let store = Arc::new(Embedded::open(&dir.path().join("s.redb")).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let core = Core::new(scene, None, None, store).await.unwrap();
            let (ready, is_ready) = tokio::sync::oneshot::channel();
            tokio::spawn(core.clone().follow(ready));
            is_ready.await.unwrap();
            let mut ledger = Ledger::new("air");
            let adapter = FeedStatus { received: 10, rejected: 2, quarantined: 1, conflated: 3, stored: 4, ..FeedStatus::default() };
            ledger.take(&core, FeedEvent::Status(adapter)).await;
            let events = [
                (sensor("a", 33.0), [0, 0, 0, 0]),
                (sensor("nowhere", 99.0), [0, 1, 0, 0]),
                (reading("a", 5, 1.0), [1, 1, 0, 0]),
                (reading("a", 4, 2.0), [1, 1, 1, 0]),
                (reading("a", 6, f64::NAN), [1, 2, 1, 0]),
                (reading("unknown", 6, 1.0), [1, 2, 1, 1]),
                (reading("a", 100_000_000, 1.0), [1, 3, 1, 1]),
                (incident(Severity::Minor, "追尾"), [2, 3, 1, 1]),
                (incident(Severity::Minor, "追尾"), [2, 3, 2, 1]),
                (incident(Severity::Major, "追尾"), [3, 3, 2, 1]),
                (incident(Severity::Major, ""), [3, 4, 2, 1]),
            ];
            for (event, fates) in events {
                ledger.take(&core, event.clone()).await;
                let h = &ledger.hub;
                assert_eq!([h.stored, h.rejected, h.conflated, h.quarantined], fates, "after {event:?}");
                let all = ledger.status();
                assert_eq!(all.received, all.stored + all.rejected + all.conflated + all.quarantined);
            }
            let world = core.world();
            assert_eq!(world.observations["a"].value, 1.0);
            let known = &world.incidents["i"];
            assert_eq!((known.version, known.severity, known.state), (2, Severity::Major, IncidentState::Reported));
            assert_eq!((known.source.as_str(), ledger.status().rejected), ("air", 6));
        });
    }
}
