//! The one door out of an adapter: a bounded channel, conflation when it is full, and the loss ledger.

use super::{FeedError, FeedEvent};
use crate::model::observation::FeedStatus;
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
    pub(super) fn new(feed: &str, kind: &str, out: Sender<FeedEvent>, status_every: Duration) -> Self {
        let status = FeedStatus { feed: feed.into(), kind: kind.into(), ..FeedStatus::default() };
        Self { out, status, waiting: IndexMap::new(), status_every, next_status: Instant::now(), unsaid: true }
    }

    pub(super) fn status(&self) -> &FeedStatus {
        &self.status
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
    pub(super) fn reject(&mut self, why: String) {
        tracing::debug!(feed = self.status.feed, why, "message rejected");
        self.status.rejected += 1;
        self.count(None);
        self.note(why);
    }

    /// A message that may be right but can't be trusted or placed.
    pub(super) fn quarantine(&mut self, why: String) {
        tracing::debug!(feed = self.status.feed, why, "message quarantined");
        self.status.quarantined += 1;
        self.count(None);
        self.note(why);
    }

    /// A message that says nothing new, e.g. one seen before the connection broke.
    pub(super) fn repeated(&mut self) {
        self.status.conflated += 1;
        self.count(None);
    }

    fn count(&mut self, newest: Option<DateTime<Utc>>) {
        self.status.received += 1;
        self.status.newest = self.status.newest.max(newest);
        self.unsaid = true;
    }

    /// A reading or position of `entity`: sent when there is room, else it waits and replaces what waited before.
    ///
    /// # Errors
    /// [`FeedError::Closed`] when nobody reads any more.
    pub(super) fn offer(&mut self, entity: &str, event: FeedEvent) -> Result<(), FeedError> {
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
                self.repeated();
            }
            None if full => self.repeated(),
            None => {
                self.waiting.insert(entity.to_owned(), event);
            }
        }
        Ok(())
    }

    /// Something that must not be lost or conflated: waits for room and so holds the source back.
    pub(super) async fn deliver(&mut self, event: FeedEvent) -> Result<(), FeedError> {
        let time = event_time(&event);
        let counts = !matches!(event, FeedEvent::Datastream(_));
        self.out.send(event).await.map_err(|_| FeedError::Closed)?;
        // The catalogue is no message: only readings, incidents and positions are counted.
        if counts {
            self.status.stored += 1;
            self.count(time);
        }
        Ok(())
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

fn event_time(event: &FeedEvent) -> Option<DateTime<Utc>> {
    match event {
        FeedEvent::Observation(o) => Some(o.phenomenon_time),
        FeedEvent::Incident(r) => r.reported_at,
        FeedEvent::Unit(u) => Some(u.seen_at),
        FeedEvent::Datastream(_) | FeedEvent::Status(_) => None,
    }
}

fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(REASON_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::{Observation, Quality};
    use tokio::sync::mpsc;

    fn reading(datastream: &str, value: f64) -> FeedEvent {
        let phenomenon_time = DateTime::UNIX_EPOCH;
        FeedEvent::Observation(Observation { datastream: datastream.into(), phenomenon_time, value, quality: Quality::Good })
    }

    #[test]
    fn a_full_channel_conflates_per_entity_and_the_ledger_balances() {
        let (tx, mut rx) = mpsc::channel(1);
        let mut outbox = Outbox::new("f", "test", tx, Duration::ZERO);
        for i in 0..10 {
            outbox.offer("a", reading("a", f64::from(i))).unwrap();
            outbox.offer("b", reading("b", f64::from(i))).unwrap();
            let s = outbox.status();
            assert_eq!(s.received, s.stored + s.rejected + s.conflated + s.quarantined);
        }
        outbox.reject("no".into());
        let mut got = Vec::new();
        for _ in 0..5 {
            while let Ok(event) = rx.try_recv() {
                if let FeedEvent::Observation(o) = event {
                    got.push((o.datastream, o.value));
                }
            }
            outbox.flush().unwrap();
        }
        assert_eq!(got, [("a".into(), 0.0), ("b".into(), 9.0), ("a".into(), 9.0)]);
        let s = outbox.status();
        assert_eq!((s.received, s.stored, s.conflated, s.rejected), (21, 3, 17, 1));
    }

    #[test]
    fn reasons_are_cut_to_size() {
        assert_eq!(shortened("路".repeat(REASON_MAX + 5)).chars().count(), REASON_MAX + 1);
        assert_eq!(shortened("short".into()), "short");
    }
}
