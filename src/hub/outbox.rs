//! What waits to be sent to one screen. Bounded: what may be conflated is, what may not ends in a gap and a snapshot.

use super::news::UnitNews;
use crate::model::alert::Alert;
use crate::model::feed::FeedStatus;
use crate::model::observation::{Datastream, Observation};
use crate::model::protocol::{Change, Revision, ScreenInfo};
use axum::extract::ws::Utf8Bytes;
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Deltas that may wait for one screen; beyond it a snapshot says the same in fewer bytes.
pub const DELTAS_MAX: usize = 512;
/// Answers that may wait. A screen that asks this often without listening is cut off.
pub const REPLIES_MAX: usize = 256;
/// Positions go out together, this often: what moves on a map is seen to move.
pub const UNITS_EVERY: Duration = Duration::from_millis(200);
/// Readings and the rest that is conflated go out together, this often; also the rate of each single one.
pub const REST_EVERY: Duration = Duration::from_secs(1);
/// An entity that has waited longer than this when its next value comes was too long in the queue: the screen is slow.
const LATE: Duration = Duration::from_millis(1500);
/// Changes in one message, about 200 kB.
const CHANGES_MAX: usize = 1000;

/// A message in its order.
pub enum Waiting {
    Delta { revision: Revision, text: Utf8Bytes },
    Reply(Utf8Bytes),
}

/// What the writer of a socket does next.
pub enum Next {
    Send(Waiting),
    /// The queue ran over: tell the gap from here on and send a snapshot.
    Resync {
        from: Revision,
    },
    /// Positions, written once for all screens, as of the last revision sent.
    Units {
        revision: Revision,
        units: Vec<Arc<UnitNews>>,
        /// When the one that has waited longest came.
        since: Instant,
    },
    /// High-rate changes, as of the last revision sent.
    Changes {
        revision: Revision,
        changes: Vec<Change>,
    },
    /// Too many unread answers.
    CutOff,
    Nothing,
}

#[derive(Default)]
struct Inner {
    ordered: VecDeque<Waiting>,
    replies: usize,
    deltas: usize,
    resync: Option<Revision>,
    cut_off: bool,
    sent: Revision,
    units: IndexMap<Arc<str>, (Arc<UnitNews>, Instant)>,
    observations: IndexMap<String, (Observation, Instant)>,
    datastreams: IndexMap<String, Datastream>,
    alerts: IndexMap<String, Alert>,
    feeds: IndexMap<String, FeedStatus>,
    screens: Option<(Arc<[ScreenInfo]>, usize)>,
    flush_units: bool,
    flush_rest: bool,
    /// The last message was of conflated changes: answers and deltas are next.
    flushed_last: bool,
    dropped: u64,
    viewport: Option<[f64; 4]>,
}

#[derive(Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    pub more: Notify,
}

impl Outbox {
    /// For a screen that has been told everything up to `sent`.
    pub fn new(sent: Revision) -> Self {
        Self { inner: Mutex::new(Inner { sent, ..Inner::default() }), more: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn delta(&self, revision: Revision, text: Utf8Bytes) {
        let mut inner = self.lock();
        if inner.resync.is_some() {
            return; // The snapshot will hold it.
        }
        if inner.deltas >= DELTAS_MAX {
            inner.ordered.retain(|w| matches!(w, Waiting::Reply(_)));
            inner.dropped += inner.deltas as u64;
            inner.deltas = 0;
            inner.resync = Some(inner.sent);
        } else {
            inner.deltas += 1;
            inner.ordered.push_back(Waiting::Delta { revision, text });
        }
        drop(inner);
        self.more.notify_one();
    }

    /// Everything has to be told anew.
    pub fn resync(&self) {
        let mut inner = self.lock();
        inner.ordered.retain(|w| matches!(w, Waiting::Reply(_)));
        inner.deltas = 0;
        inner.resync = Some(inner.sent);
        drop(inner);
        self.more.notify_one();
    }

    pub fn reply(&self, text: Utf8Bytes) {
        let mut inner = self.lock();
        inner.replies += 1;
        if inner.replies > REPLIES_MAX {
            inner.cut_off = true;
        } else {
            inner.ordered.push_back(Waiting::Reply(text));
        }
        drop(inner);
        self.more.notify_one();
    }

    pub fn unit(&self, unit: &Arc<UnitNews>, now: Instant) {
        let mut inner = self.lock();
        if inner.sees(unit.lon, unit.lat) {
            let since = inner.units.get(&unit.id).map(|(_, since)| *since);
            let since = inner.waited(since, now);
            let first = inner.units.is_empty();
            inner.units.insert(unit.id.clone(), (unit.clone(), since));
            drop(inner);
            if first {
                self.more.notify_one();
            }
        }
    }

    /// `at`: longitude and latitude of its datastream.
    pub fn observation(&self, observation: &Observation, at: [f64; 2], now: Instant) {
        let mut inner = self.lock();
        if inner.sees(at[0], at[1]) {
            let since = inner.observations.get(&observation.datastream).map(|(_, since)| *since);
            let since = inner.waited(since, now);
            self.rest(inner, |inner| drop(inner.observations.insert(observation.datastream.clone(), (observation.clone(), since))));
        }
    }

    /// Changes what goes out at the slower pace, and wakes the writer when it is the first of its batch.
    fn rest(&self, mut inner: MutexGuard<'_, Inner>, change: impl FnOnce(&mut Inner)) {
        let first = !inner.has_rest();
        change(&mut inner);
        drop(inner);
        if first {
            self.more.notify_one();
        }
    }

    pub fn datastream(&self, datastream: &Datastream) {
        self.rest(self.lock(), |inner| drop(inner.datastreams.insert(datastream.id.clone(), datastream.clone())));
    }

    pub fn alert(&self, alert: &Alert) {
        self.rest(self.lock(), |inner| drop(inner.alerts.insert(alert.id.clone(), alert.clone())));
    }

    pub fn feed(&self, feed: &FeedStatus) {
        self.rest(self.lock(), |inner| drop(inner.feeds.insert(feed.feed.clone(), feed.clone())));
    }

    /// `total`: how many there are, where not all are told.
    pub fn screens(&self, screens: &Arc<[ScreenInfo]>, total: usize) {
        self.rest(self.lock(), |inner| inner.screens = Some((screens.clone(), total)));
    }

    pub fn set_viewport(&self, viewport: Option<[f64; 4]>) {
        self.lock().viewport = viewport;
    }

    pub fn sees(&self, lon: f64, lat: f64) -> bool {
        self.lock().sees(lon, lat)
    }

    /// Messages this screen was too slow for.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Whether positions wait, and whether something of the rest does.
    pub fn waits(&self) -> (bool, bool) {
        let inner = self.lock();
        (!inner.units.is_empty(), inner.has_rest())
    }

    /// What was conflated may go out: positions, the rest.
    pub fn flush(&self, units: bool, rest: bool) {
        let mut inner = self.lock();
        inner.flush_units |= units;
        inner.flush_rest |= rest;
    }

    /// A snapshot of `revision` is about to be sent: nothing older needs to be.
    pub fn resynced(&self, revision: Revision) {
        let mut inner = self.lock();
        let before = inner.ordered.len();
        inner.ordered.retain(|w| !matches!(w, Waiting::Delta { revision: r, .. } if *r <= revision));
        inner.deltas -= before - inner.ordered.len();
        (inner.sent, inner.resync) = (revision, None);
        inner.units.clear();
        inner.observations.clear();
    }

    /// The next thing to send. Conflated changes that are due take turns with answers and deltas: a stream of either must not
    /// keep the other waiting.
    pub fn next(&self) -> Next {
        let mut inner = self.lock();
        if inner.cut_off {
            return Next::CutOff;
        }
        if let Some(from) = inner.resync {
            return Next::Resync { from };
        }
        let turn = !inner.flushed_last || inner.ordered.is_empty();
        if inner.flush_units && turn {
            let n = inner.units.len().min(CHANGES_MAX);
            let (units, waited): (Vec<_>, Vec<_>) = inner.units.drain(..n).map(|(_, waiting)| waiting).unzip();
            inner.flush_units = !inner.units.is_empty();
            if let Some(since) = waited.into_iter().min() {
                inner.flushed_last = true;
                return Next::Units { revision: inner.sent, units, since };
            }
        }
        if inner.flush_rest && turn {
            let changes = inner.conflated();
            inner.flush_rest = !changes.is_empty();
            if !changes.is_empty() {
                inner.flushed_last = true;
                return Next::Changes { revision: inner.sent, changes };
            }
        }
        inner.flushed_last = false;
        let Some(waiting) = inner.ordered.pop_front() else { return Next::Nothing };
        match &waiting {
            Waiting::Delta { revision, .. } => {
                inner.deltas -= 1;
                inner.sent = *revision;
            }
            Waiting::Reply(_) => inner.replies -= 1,
        }
        Next::Send(waiting)
    }
}

impl Inner {
    fn sees(&self, lon: f64, lat: f64) -> bool {
        let Some([west, south, east, north]) = self.viewport else { return true };
        let across = if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east };
        across && (south..=north).contains(&lat)
    }

    /// Counts a value that is replaced before it was sent, if it had waited past its turn; since when its successor waits.
    fn waited(&mut self, since: Option<Instant>, now: Instant) -> Instant {
        if since.is_some_and(|since| now.duration_since(since) > LATE) {
            self.dropped += 1;
        }
        since.unwrap_or(now)
    }

    fn has_rest(&self) -> bool {
        self.screens.is_some()
            || !(self.observations.is_empty() && self.feeds.is_empty() && self.datastreams.is_empty() && self.alerts.is_empty())
    }

    fn conflated(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.screens.take().map(|(screens, total)| Change::Screens { screens: screens.to_vec(), total }));
        let left = |changes: &Vec<Change>, all: usize| all.min(CHANGES_MAX.saturating_sub(changes.len()));
        let n = left(&changes, self.feeds.len());
        changes.extend(self.feeds.drain(..n).map(|(_, feed)| Change::Feed { feed }));
        let n = left(&changes, self.alerts.len());
        changes.extend(self.alerts.drain(..n).map(|(_, alert)| Change::Alert { alert: Box::new(alert) }));
        let n = left(&changes, self.datastreams.len());
        changes.extend(self.datastreams.drain(..n).map(|(_, datastream)| Change::Datastream { datastream }));
        let n = left(&changes, self.observations.len());
        changes.extend(self.observations.drain(..n).map(|(_, (observation, _))| Change::Observation { observation }));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::Domain;
    use crate::model::unit::{Unit, UnitState};
    use chrono::DateTime;

    fn unit(id: &str, lon: f64) -> Arc<UnitNews> {
        let (call_sign, kind) = (id.to_owned(), "patrol_car".to_owned());
        let (domain, state, seen_at) = (Domain::Traffic, UnitState::Available, DateTime::UNIX_EPOCH);
        let (stale_at, details) = (None, None);
        UnitNews::of(&Unit { id: id.into(), call_sign, domain, kind, state, lon, lat: 33.0, heading_deg: 0.0, seen_at, stale_at, details })
    }

    fn flushed(outbox: &Outbox) -> Vec<(String, f64)> {
        outbox.flush(true, true);
        match outbox.next() {
            Next::Units { units, .. } => units.iter().map(|u| (u.id.to_string(), u.lon)).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn the_newest_of_each_goes_out_and_late_ones_are_counted() {
        let outbox = Outbox::new(Revision(3));
        let now = Instant::now();
        outbox.unit(&unit("a", 1.0), now);
        outbox.unit(&unit("b", 1.0), now);
        outbox.unit(&unit("a", 2.0), now + UNITS_EVERY);
        assert!(matches!(outbox.next(), Next::Nothing), "it waits for its turn");
        assert_eq!(outbox.dropped(), 0, "a screen that keeps up is not called slow");
        outbox.unit(&unit("a", 3.0), now + LATE * 2);
        assert_eq!(outbox.dropped(), 1);
        assert_eq!(flushed(&outbox), [("a".to_owned(), 3.0), ("b".to_owned(), 1.0)]);
        assert_eq!(flushed(&outbox), []);
    }

    #[test]
    fn what_the_viewport_does_not_see_is_not_sent() {
        let outbox = Outbox::new(Revision(0));
        outbox.set_viewport(Some([170.0, 30.0, -170.0, 40.0]));
        for lon in [0.0, 175.0, -175.0] {
            outbox.unit(&unit(&lon.to_string(), lon), Instant::now());
        }
        assert_eq!(flushed(&outbox).len(), 2, "a viewport may lie across the date line");
    }

    #[test]
    fn too_many_deltas_become_a_gap_and_answers_are_kept() {
        let outbox = Outbox::new(Revision(7));
        outbox.reply("answer".into());
        for revision in 8..=8 + DELTAS_MAX as u64 {
            outbox.delta(Revision(revision), "delta".into());
        }
        assert!(matches!(outbox.next(), Next::Resync { from: Revision(7) }));
        outbox.resynced(Revision(1000));
        outbox.delta(Revision(1001), "news".into());
        assert!(matches!(outbox.next(), Next::Send(Waiting::Reply(_))));
        assert!(matches!(outbox.next(), Next::Send(Waiting::Delta { revision: Revision(1001), .. })));
        assert_eq!(outbox.dropped(), DELTAS_MAX as u64);
    }

    #[test]
    fn a_stream_of_deltas_and_a_stream_of_readings_take_turns() {
        let outbox = Outbox::new(Revision(0));
        let mut order = String::new();
        for n in 1..=4 {
            outbox.delta(Revision(n), "delta".into());
            outbox.flush(true, true);
            outbox.unit(&unit(&n.to_string(), 1.0), Instant::now());
            order.push(match outbox.next() {
                Next::Units { .. } => 'c',
                Next::Send(_) => 'd',
                _ => '?',
            });
        }
        assert_eq!(order, "cdcd");
    }

    #[test]
    fn who_asks_without_listening_is_cut_off() {
        let outbox = Outbox::new(Revision(0));
        (0..=REPLIES_MAX).for_each(|_| outbox.reply("answer".into()));
        assert!(matches!(outbox.next(), Next::CutOff));
    }
}
