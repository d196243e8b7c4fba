//! The one door out of an adapter: a bounded channel, conflation when it is full, and the loss ledger.

mod fate;
#[cfg(test)]
mod tests;

pub(super) use fate::{Doubt, Reason, Unusable};

use super::inlet::Barrier;
use super::{FeedError, FeedEvent};
use crate::geo::Shifted;
use crate::model::feed::{Coordinates, Counts, FeedStatus};
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, error::TrySendError};
use tokio::time::{Instant, sleep_until};

/// Entities that may wait for room, one event each. Above the number of sensors and units of a large city; what does not fit is
/// counted as conflated.
const WAITING_MAX: usize = 200_000;

/// Longest reason kept for the feeds panel, characters: a source must not fill our memory by way of an error text.
const REASON_MAX: usize = 300;

/// Policies by which a message is left out; words of the ledger.
const REPEATED: &str = "repeated";
const REPLACED: &str = "replaced";

/// Counts every message exactly once, at the moment its fate is decided, so the ledger balances at any time.
#[derive(Debug)]
pub(super) struct Outbox {
    out: Sender<FeedEvent>,
    status: FeedStatus,
    /// Newest event of each entity that found the channel full, in the order they came; not yet counted.
    waiting: IndexMap<String, FeedEvent>,
    status_every: Duration,
    next_status: Instant,
    unsaid: bool,
}

impl Outbox {
    pub(super) fn new(feed: &str, kind: &str, coordinates: Coordinates, out: Sender<FeedEvent>, status_every: Duration) -> Self {
        let status = FeedStatus { feed: feed.into(), kind: kind.into(), coordinates, ..FeedStatus::default() };
        Self { out, status, waiting: IndexMap::new(), status_every, next_status: Instant::now(), unsaid: true }
    }

    pub(super) fn status(&self) -> &FeedStatus {
        &self.status
    }

    /// A place of the source, WGS 84 degrees.
    pub(super) fn in_wgs84(&self, lon: f64, lat: f64) -> (f64, f64) {
        shifted(self.status.coordinates).map_or((lon, lat), |shifted| shifted.inverse(lon, lat))
    }

    /// The source answers again.
    pub(super) fn connected(&mut self) {
        self.unsaid |= !self.status.connected;
        self.status.connected = true;
    }

    /// The source is lost, and why.
    pub(super) fn lost(&mut self, why: String) {
        self.status.connected = false;
        self.note(why);
    }

    /// Something that is no message went wrong.
    pub(super) fn note(&mut self, why: String) {
        self.status.last_error = Some(shortened(why));
        self.unsaid = true;
    }

    /// A message that can't be used.
    pub(super) fn reject(&mut self, reason: Reason, why: String) {
        tracing::debug!(feed = self.status.feed, why, "message rejected");
        self.status.rejected += 1;
        one_more(&mut self.status.rejected_for, reason.word());
        self.count(None);
        self.note(why);
    }

    /// A message that may be right but can't be trusted or placed.
    pub(super) fn quarantine(&mut self, doubt: Doubt, why: String) {
        tracing::debug!(feed = self.status.feed, why, "message quarantined");
        self.status.quarantined += 1;
        one_more(&mut self.status.quarantined_for, doubt.word());
        self.count(None);
        self.note(why);
    }

    /// One of the two, as the parser has it.
    pub(super) fn refuse(&mut self, why: Unusable) {
        match why {
            Unusable::Rejected(reason, why) => self.reject(reason, why),
            Unusable::Quarantined(doubt, why) => self.quarantine(doubt, why),
        }
    }

    /// A message that says nothing new, e.g. one seen before the connection broke.
    pub(super) fn repeated(&mut self) {
        self.left_out(REPEATED);
    }

    /// A message that was understood and is left out by a policy, in a word of the ledger.
    pub(super) fn left_out(&mut self, policy: &'static str) {
        self.status.conflated += 1;
        one_more(&mut self.status.conflated_by, policy);
        self.count(None);
    }

    /// Messages that never came, by the source's sequence numbers.
    pub(super) fn missing(&mut self, messages: u64) {
        self.status.gaps += messages;
        self.unsaid = true;
    }

    /// One that was told as missing has come after all.
    pub(super) fn found(&mut self) {
        self.status.gaps = self.status.gaps.saturating_sub(1);
        self.unsaid = true;
    }

    /// The source's clock less ours, as it has just told it.
    pub(super) fn skew(&mut self, ms: f64) {
        // Told anew only when it has moved: each answer comes with a few milliseconds of its own.
        if self.status.skew_ms.is_none_or(|before| (before - ms).abs() > 250.0) {
            self.status.skew_ms = Some(ms.round());
            self.unsaid = true;
        }
    }

    fn count(&mut self, newest: Option<DateTime<Utc>>) {
        self.status.received += 1;
        self.status.newest = self.status.newest.max(newest);
        self.unsaid = true;
    }

    /// A position of `entity`: sent when there is room, else it waits and replaces what waited before.
    ///
    /// # Errors
    /// [`FeedError::Closed`] when nobody reads any more.
    pub(super) fn offer(&mut self, entity: &str, mut event: FeedEvent) -> Result<(), FeedError> {
        to_wgs84(self.status.coordinates, &mut event);
        let event = if self.waiting.is_empty() {
            match self.try_send(event)? {
                None => return Ok(()),
                Some(event) => event,
            }
        } else {
            event
        };
        // A newer one takes the place of the older in the queue, so nobody starves.
        let full = self.waiting.len() >= WAITING_MAX;
        match self.waiting.get_mut(entity) {
            Some(older) => {
                *older = event;
                self.left_out(REPLACED);
            }
            None if full => self.left_out(REPLACED),
            None => {
                self.waiting.insert(entity.to_owned(), event);
            }
        }
        Ok(())
    }

    /// Something that must not be lost or conflated: waits for room and so holds the source back.
    pub(super) async fn deliver(&mut self, mut event: FeedEvent) -> Result<(), FeedError> {
        to_wgs84(self.status.coordinates, &mut event);
        let time = event_time(&event);
        let counts = !matches!(event, FeedEvent::Datastream(_) | FeedEvent::Barrier(_));
        self.out.send(event).await.map_err(|_| FeedError::Closed)?;
        // The catalogue is no message: only readings, incidents and positions are counted.
        if counts {
            self.status.stored += 1;
            self.count(time);
        }
        Ok(())
    }

    /// A mark behind everything delivered so far; what it gives is ready when all of that is on disk.
    pub(super) async fn barrier(&mut self) -> Result<tokio::sync::oneshot::Receiver<()>, FeedError> {
        let (barrier, reached) = Barrier::new();
        self.out.send(FeedEvent::Barrier(barrier)).await.map_err(|_| FeedError::Closed)?;
        Ok(reached)
    }

    /// Sends what waits as far as there is room, and the status when it is due. Call it now and then, also when nothing comes.
    pub(super) fn flush(&mut self) -> Result<(), FeedError> {
        while let Some((entity, event)) = self.waiting.shift_remove_index(0) {
            if let Some(event) = self.try_send(event)? {
                self.waiting.shift_insert(0, entity, event);
                break;
            }
        }
        if self.unsaid && Instant::now() >= self.next_status {
            match self.out.try_send(FeedEvent::Status(self.status.clone())) {
                Ok(()) => {
                    self.unsaid = false;
                    self.next_status = Instant::now() + self.status_every;
                }
                Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Closed(_)) => return Err(FeedError::Closed),
            }
        }
        if self.out.is_closed() { Err(FeedError::Closed) } else { Ok(()) }
    }

    /// When [`Outbox::flush`] next has something to do: soon while something waits, else when the status is due.
    pub(super) fn next_flush(&self) -> Instant {
        let soon = Instant::now() + Duration::from_millis(20);
        match (self.waiting.is_empty(), self.unsaid) {
            (false, _) => soon,
            (true, true) => self.next_status.max(soon),
            // Only to notice that the reader is gone.
            (true, false) => soon + Duration::from_millis(480),
        }
    }

    /// Waits, sending what there is to send meanwhile.
    pub(super) async fn idle(&mut self, wait: Duration) -> Result<(), FeedError> {
        let end = Instant::now() + wait;
        loop {
            self.flush()?;
            let next = self.next_flush().min(end);
            sleep_until(next).await;
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    /// Gives the event back when the channel is full.
    fn try_send(&mut self, event: FeedEvent) -> Result<Option<FeedEvent>, FeedError> {
        let time = event_time(&event);
        match self.out.try_send(event) {
            Ok(()) => {
                self.status.stored += 1;
                self.count(time);
                Ok(None)
            }
            Err(TrySendError::Full(event)) => Ok(Some(event)),
            Err(TrySendError::Closed(_)) => Err(FeedError::Closed),
        }
    }
}

fn one_more(counts: &mut Counts, word: &'static str) {
    *counts.entry(word.into()).or_default() += 1;
}

/// How a source's coordinates differ from WGS 84; `None` where they don't.
pub(super) fn shifted(coordinates: Coordinates) -> Option<Shifted> {
    match coordinates {
        Coordinates::Wgs84 | Coordinates::Cgcs2000 => None,
        Coordinates::Gcj02 => Some(Shifted::Gcj02),
        Coordinates::Bd09 => Some(Shifted::Bd09),
    }
}

/// Longitudes and latitudes of the source's system, made WGS 84.
fn to_wgs84(from: Coordinates, event: &mut FeedEvent) {
    let Some(shifted) = shifted(from) else { return };
    let mend = |lon: &mut f64, lat: &mut f64| (*lon, *lat) = shifted.inverse(*lon, *lat);
    match event {
        FeedEvent::Datastream(d) => mend(&mut d.lon, &mut d.lat),
        FeedEvent::Incident(r) => mend(&mut r.lon, &mut r.lat),
        FeedEvent::Unit(u) => mend(&mut u.lon, &mut u.lat),
        FeedEvent::Alert(alert) => alert.areas.iter_mut().for_each(|area| area.each_place(mend)),
        FeedEvent::Observation(_) | FeedEvent::Ended { .. } | FeedEvent::Status(_) | FeedEvent::Barrier(_) => {}
    }
}

fn event_time(event: &FeedEvent) -> Option<DateTime<Utc>> {
    match event {
        FeedEvent::Observation(o) => Some(o.phenomenon_time),
        FeedEvent::Incident(r) => r.reported_at,
        FeedEvent::Unit(u) => Some(u.seen_at),
        FeedEvent::Alert(a) => Some(a.sent),
        FeedEvent::Datastream(_) | FeedEvent::Ended { .. } | FeedEvent::Status(_) | FeedEvent::Barrier(_) => None,
    }
}

fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(REASON_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}
