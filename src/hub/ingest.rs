//! Takes what feeds say into the world, and keeps the loss ledger: `received = stored + rejected + conflated + quarantined`.

use super::core::Core;
use super::hold::until_kept;
use super::keep::Keep;
use super::ledger::{Fate, Ledger};
use super::restore;
use super::to_screens::Came;
use super::units;
use super::world::{ALERTS_MAX, DATASTREAMS_MAX, UNITS_MAX, World};
use crate::feeds::journal::{Limits, Recorder};
use crate::feeds::{self, FeedEvent, FeedHandle, Tuning};
use crate::model::alert::Alert;
use crate::model::feed::FeedConfig;
use crate::model::observation::{Datastream, Observation};
use crate::model::protocol::Outcome;
use crate::model::unit::Unit;
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Events of one feed that may wait for the hub; a full channel makes its adapter wait.
const QUEUE_MAX: usize = 16_384;
/// Events taken in one go, and put on disk with one sync.
const BATCH: usize = 8_192;
/// How often screens hear of a feed's counts.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// A reading from further in the future than this is a broken clock, and would hide all true ones behind it. So far, because a
/// replayed platform's clock runs ahead of ours: at 100x, 31 days in seven hours.
const AHEAD_MAX: TimeDelta = TimeDelta::days(31);
/// A source's clock may be so far ahead of ours before its readings count as from the future.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(2);
/// An alert is forgotten so long after its end.
const ALERT_KEPT: TimeDelta = TimeDelta::days(1);

/// Starts an adapter and takes what it says until the hub is `stopped`; then the rest of what it has said.
pub async fn run(core: Arc<Core>, config: FeedConfig, tuning: Tuning, mut stopped: watch::Receiver<bool>) {
    let (events, mut heard) = mpsc::channel(QUEUE_MAX);
    let kept = restore::kept(&core, &config).await;
    let adapter: FeedHandle = feeds::resume(&config, tuning, kept, events);
    if let Some(inlet) = &adapter.inlet {
        core.inlets().insert(config.id.clone(), inlet.clone());
    }
    let mut feed = Ledger::new(config.id()).after(&core.ledgers.before(config.id(), Utc::now()).await);
    let mut stops = false;
    let recorder = config.record.then(|| recorder(&core, config.id())).flatten();
    let mut tick = tokio::time::interval(STATUS_EVERY);
    let mut batch = Vec::with_capacity(BATCH);
    let mut keep = Keep::default();
    loop {
        keep.write(&core);
        tokio::select! {
            () = keep.written(&core, &mut feed), if keep.is_writing() => told_held_back(&core, &mut feed, &keep),
            () = stop(&mut stopped), if !stops => {
                stops = true;
                heard.close();
            }
            () = core.alarms.verdicts.room(), if !core.alarms.verdicts.has_room() => {}
            count = heard.recv_many(&mut batch, BATCH), if keep.has_room() && core.alarms.verdicts.has_room() => match count {
                0 => break,
                _ => {
                    if let Some(recorder) = &recorder {
                        let now = Utc::now();
                        batch.iter().for_each(|event| recorder.take(event, now));
                    }
                    take(&core, &mut feed, &mut keep, &mut batch).await;
                }
            },
            _ = tick.tick() => {
                if let Some((entries, why)) = recorder.as_ref().map(Recorder::trouble) {
                    feed.unrecorded(entries, why);
                }
                told_held_back(&core, &mut feed, &keep);
                core.tell_feed(&mut feed);
            }
        }
    }
    while keep.is_writing() {
        keep.written(&core, &mut feed).await;
        keep.write(&core);
    }
    if !stops {
        feed.ended("the feed has ended because what it brings can't be kept; see the hub's log, and start the hub again");
        tracing::warn!(feed = config.id(), "the feed's adapter has ended");
    }
    core.tell_feed(&mut feed);
    core.inlets().remove(config.id());
}

/// Returns when it is said.
pub(super) async fn stop(stopped: &mut watch::Receiver<bool>) {
    // An error here: who could say so is gone.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Tells screens when the history or the rules can take nothing any more, and when they can again.
fn told_held_back(core: &Core, feed: &mut Ledger, keep: &Keep) {
    let why = keep.held_back().or_else(|| core.alarms.verdicts.held_back());
    if feed.hold_back(why.clone()) {
        match why {
            Some(why) => tracing::error!(feed = feed.id(), "held back: {why}"),
            None => tracing::info!(feed = feed.id(), "goes on"),
        }
        core.tell_feed(feed);
    }
}

/// Writes what the feed says below the data folder; a feed whose journal can't be written is read all the same.
fn recorder(core: &Core, feed: &str) -> Option<Recorder> {
    let dir = core.scene.data.join("journals");
    Recorder::start(&dir, feed, Limits::default()).inspect_err(|error| tracing::error!(feed, %error, "the feed is not recorded")).ok()
}

/// When a batch was taken: by the clock, and as it is measured on the way to screens.
type When<'a> = (DateTime<Utc>, &'a Came);

/// Takes a batch of events in their order; what is to be kept of it is collected in `keep`.
async fn take(core: &Core, feed: &mut Ledger, keep: &mut Keep, batch: &mut Vec<FeedEvent>) {
    let now = Utc::now();
    let came = Came { source: feed.source().clone(), at: Instant::now() };
    let mut events = batch.drain(..).peekable();
    while let Some(event) = events.next() {
        match event {
            FeedEvent::Status(status) => feed.adapter_says(status),
            FeedEvent::Incident(report) => {
                feed.seen(report.reported_at, now);
                let id = feed.id().to_owned();
                let outcome = until_kept(core, feed, StoreError::may_pass, || core.feed_report(&id, report.clone(), now)).await;
                count(feed, outcome);
            }
            FeedEvent::Ended { incident, why } => {
                let id = feed.id().to_owned();
                let outcome = until_kept(core, feed, StoreError::may_pass, || core.feed_ended(&id, &incident, &why, now)).await;
                count(feed, outcome);
            }
            FeedEvent::Barrier(barrier) => keep.barrier(barrier),
            event => {
                // All live events that come together are taken under one lock.
                let mut alerts = 0;
                {
                    let mut world = core.world();
                    alerts += u64::from(take_live(core, &mut world, feed, keep, event, (now, &came)));
                    while let Some(event) = events.next_if(is_live) {
                        alerts += u64::from(take_live(core, &mut world, feed, keep, event, (now, &came)));
                    }
                }
                if alerts > 0 {
                    // Nothing of it is refused for good: a disk that can't take it is waited for.
                    let _ = until_kept(core, feed, |_| true, || core.keep_alerts()).await;
                    feed.count_many(Fate::Stored, alerts);
                }
            }
        }
    }
}

/// Counts what became of a word on an incident.
fn count(feed: &mut Ledger, outcome: Result<Option<Outcome>, StoreError>) {
    let fate = match outcome {
        Ok(None | Some(Outcome::Conflict { .. })) => Fate::Conflated("no_news"),
        Ok(Some(Outcome::Accepted { .. })) => Fate::Stored,
        Ok(Some(Outcome::Rejected { rule, .. })) => {
            feed.note(rule);
            Fate::Rejected("rule")
        }
        Err(e) => {
            feed.note(e.to_string());
            Fate::Rejected("not_kept")
        }
    };
    feed.count(fate);
}

fn is_live(event: &FeedEvent) -> bool {
    !matches!(event, FeedEvent::Status(_) | FeedEvent::Incident(_) | FeedEvent::Ended { .. } | FeedEvent::Barrier(_))
}

/// Takes what is not in the state store: it changes the world at once. Whether it is an alert, which is counted once it is on disk.
fn take_live(core: &Core, world: &mut World, feed: &mut Ledger, keep: &mut Keep, event: FeedEvent, when: When<'_>) -> bool {
    let (now, _) = when;
    let fate = match event {
        // The catalogue is no message: it counts only when it can't be used.
        FeedEvent::Datastream(datastream) => match take_datastream(core, world, keep, datastream) {
            fate @ Fate::Rejected(_) => fate,
            _ => return false,
        },
        FeedEvent::Observation(observation) => {
            feed.seen(Some(observation.phenomenon_time), now);
            match take_observation(core, world, keep, observation, when) {
                // Counted once it is on disk.
                Fate::Stored if core.history.is_some() => return false,
                fate => fate,
            }
        }
        FeedEvent::Unit(unit) => {
            feed.seen(Some(unit.seen_at), now);
            let is_old = unit.is_forgotten(now);
            match if is_old { units::take_old(core, keep, &unit, now) } else { take_unit(core, world, keep, unit, when) } {
                // As a reading.
                Fate::Stored if core.history.is_some() => return false,
                fate => fate,
            }
        }
        FeedEvent::Alert(alert) => {
            feed.seen(Some(alert.sent), now);
            match take_alert(world, alert, when) {
                Fate::Stored => return true,
                fate => fate,
            }
        }
        FeedEvent::Status(_) | FeedEvent::Incident(_) | FeedEvent::Ended { .. } | FeedEvent::Barrier(_) => return false,
    };
    feed.count(fate);
    false
}

impl Core {
    /// Tells screens what the ledger says, when it says something else than before.
    pub fn tell_feed(&self, feed: &mut Ledger) {
        if let Some(status) = feed.news(self.to_screens.quantiles_ms(feed.id())) {
            let mut world = self.world();
            world.fresh.feed(&status.feed);
            world.feeds.insert(status.feed.clone(), status);
        }
    }
}

pub(super) fn on_earth(lon: f64, lat: f64) -> bool {
    lon.abs() <= 180.0 && lat.abs() <= 90.0
}

fn take_datastream(core: &Core, world: &mut World, keep: &mut Keep, datastream: Datastream) -> Fate {
    let known = world.datastreams.get(&datastream.id);
    if known == Some(&datastream) {
        return Fate::Conflated("no_news");
    }
    if !on_earth(datastream.lon, datastream.lat) {
        return Fate::Rejected("place");
    }
    if known.is_none() && world.datastreams.len() >= DATASTREAMS_MAX {
        return Fate::Rejected("full");
    }
    world.fresh.datastream(&datastream.id);
    keep.datastream(core, &datastream);
    world.learn(datastream);
    Fate::Stored
}

/// All are kept in the history, and screens are told of the newest; one of a datastream nobody has named has no place on the map.
fn take_observation(core: &Core, world: &mut World, keep: &mut Keep, observation: Observation, (now, came): When<'_>) -> Fate {
    if !observation.value.is_finite() || observation.phenomenon_time > now + AHEAD_MAX {
        return Fate::Rejected("out_of_range");
    }
    let Some(stream) = world.datastreams.get(&observation.datastream) else { return Fate::Quarantined("unknown_sensor") };
    let newest = world.observations.get(&observation.datastream);
    if newest == Some(&observation) {
        return Fate::Conflated("repeated");
    }
    core.alarms.take(stream, &observation);
    if newest.is_some_and(|o| hides(o.phenomenon_time, observation.phenomenon_time, now)) {
        // Late, or out of order: its place is in the past.
        return if keep.observation(core, observation, now) { Fate::Stored } else { Fate::Conflated("older") };
    }
    keep.observation(core, observation.clone(), now);
    world.fresh.observation(&observation.datastream, came);
    world.observations.insert(observation.datastream.clone(), observation);
    Fate::Stored
}

/// Whether a reading known already is newer than one that has come. One from the future is not: it was a clock that was wrong, and has
/// been put right.
fn hides(known: DateTime<Utc>, came: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let in_time = now + CLOCK_SLACK;
    known > came && !(known > in_time && came <= in_time)
}

fn take_unit(core: &Core, world: &mut World, keep: &mut Keep, unit: Unit, (now, came): When<'_>) -> Fate {
    let known = world.units.get(&unit.id);
    if known.is_some_and(|u| u.seen_at >= unit.seen_at) {
        return Fate::Conflated("older");
    }
    if !on_earth(unit.lon, unit.lat) || unit.seen_at > now + AHEAD_MAX {
        return Fate::Rejected("out_of_range");
    }
    if known.is_none() && world.units.len() >= UNITS_MAX {
        return Fate::Rejected("full");
    }
    world.fresh.unit(&unit.id, came);
    keep.unit(core, &unit, now);
    world.units.insert(unit.id.clone(), unit);
    Fate::Stored
}

/// Those long over make room; an older word on one never replaces a newer.
fn take_alert(world: &mut World, alert: Alert, (now, came): When<'_>) -> Fate {
    world.alerts.retain(|_, a| a.expires.is_none_or(|end| now < end + ALERT_KEPT));
    let places = alert.areas.iter().flat_map(|a| a.polygons.iter().flatten().copied().chain(a.circles.iter().map(|c| [c[0], c[1]])));
    if places.into_iter().any(|[lon, lat]| !on_earth(lon, lat)) {
        return Fate::Rejected("place");
    }
    let known = world.alerts.get(&alert.id);
    if known.is_some_and(|k| k.sent > alert.sent || *k == alert) {
        return Fate::Conflated("older");
    }
    if known.is_none() && world.alerts.len() >= ALERTS_MAX {
        return Fate::Rejected("full");
    }
    world.fresh.alert(&alert.id, came);
    world.hear_alert(alert, now);
    Fate::Stored
}

#[cfg(test)]
mod tests;
