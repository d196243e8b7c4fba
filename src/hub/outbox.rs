//! What waits to be sent to one screen. Bounded: what may be conflated is, what may not ends in a gap and a snapshot.

use crate::model::observation::{Datastream, FeedStatus, Observation};
use crate::model::protocol::{Change, Revision, ScreenInfo};
use crate::model::unit::Unit;
use axum::extract::ws::Utf8Bytes;
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Deltas that may wait for one screen; beyond it a snapshot says the same in fewer bytes.
pub const DELTAS_MAX: usize = 512;
/// Answers that may wait. A screen that asks this often without listening is cut off.
pub const REPLIES_MAX: usize = 256;
/// High-rate changes go out together, this often; also the rate of each single entity.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);
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
    units: IndexMap<String, (Unit, Instant)>,
    observations: IndexMap<String, (Observation, Instant)>,
    datastreams: IndexMap<String, Datastream>,
    feeds: IndexMap<String, FeedStatus>,
    screens: Option<Vec<ScreenInfo>>,
    flush: bool,
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

    pub fn unit(&self, unit: &Unit, now: Instant) {
        let mut inner = self.lock();
        if inner.sees(unit.lon, unit.lat) {
            let since = inner.units.get(&unit.id).map(|(_, since)| *since);
            let since = inner.waited(since, now);
            inner.units.insert(unit.id.clone(), (unit.clone(), since));
        }
    }

    /// `at`: longitude and latitude of its datastream.
    pub fn observation(&self, observation: &Observation, at: [f64; 2], now: Instant) {
        let mut inner = self.lock();
        if inner.sees(at[0], at[1]) {
            let since = inner.observations.get(&observation.datastream).map(|(_, since)| *since);
            let since = inner.waited(since, now);
            inner.observations.insert(observation.datastream.clone(), (observation.clone(), since));
        }
    }

    pub fn datastream(&self, datastream: &Datastream) {
        self.lock().datastreams.insert(datastream.id.clone(), datastream.clone());
    }

    pub fn feed(&self, feed: &FeedStatus) {
        self.lock().feeds.insert(feed.feed.clone(), feed.clone());
    }

    pub fn screens(&self, screens: &[ScreenInfo]) {
        self.lock().screens = Some(screens.to_vec());
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

    /// Called every [`FLUSH_EVERY`]: what was conflated may go out.
    pub fn flush(&self) {
        self.lock().flush = true;
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

    /// The next thing to send, answers and deltas first.
    pub fn next(&self) -> Next {
        let mut inner = self.lock();
        if inner.cut_off {
            return Next::CutOff;
        }
        if let Some(from) = inner.resync {
            return Next::Resync { from };
        }
        if let Some(waiting) = inner.ordered.pop_front() {
            match &waiting {
                Waiting::Delta { revision, .. } => {
                    inner.deltas -= 1;
                    inner.sent = *revision;
                }
                Waiting::Reply(_) => inner.replies -= 1,
            }
            return Next::Send(waiting);
        }
        if !inner.flush {
            return Next::Nothing;
        }
        let changes = inner.conflated();
        if changes.is_empty() {
            inner.flush = false;
            return Next::Nothing;
        }
        Next::Changes { revision: inner.sent, changes }
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

    fn conflated(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.screens.take().map(|screens| Change::Screens { screens }));
        let left = |changes: &Vec<Change>, all: usize| all.min(CHANGES_MAX.saturating_sub(changes.len()));
        let n = left(&changes, self.feeds.len());
        changes.extend(self.feeds.drain(..n).map(|(_, feed)| Change::Feed { feed }));
        let n = left(&changes, self.datastreams.len());
        changes.extend(self.datastreams.drain(..n).map(|(_, datastream)| Change::Datastream { datastream }));
        let n = left(&changes, self.units.len());
        changes.extend(self.units.drain(..n).map(|(_, (unit, _))| Change::Unit { unit }));
        let n = left(&changes, self.observations.len());
        changes.extend(self.observations.drain(..n).map(|(_, (observation, _))| Change::Observation { observation }));
        changes
    }
}
