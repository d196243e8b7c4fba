//! What a feed brings on its way into the history: collected while the disk is at work on the batch before, written with one sync,
//! counted as stored once it is on disk.

use super::core::Core;
use super::hold::{RETRY_EVERY, SAID_AFTER};
use super::ledger::{Fate, Ledger};
use super::tracks::Tracks;
use crate::feeds::Barrier;
use crate::history::{Batch, History, HistoryError, Reading};
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::task::JoinHandle;

/// Rows collected while a batch is being written; then the feed waits. With what one more taking brings, half of what a batch may hold.
const ROWS_MAX: usize = 65_536;

/// Rows with who waits for them.
#[derive(Debug, Default)]
struct Collected {
    batch: Batch,
    /// Messages of the ledger in `batch`: a position is one, though several readings tell it.
    uncounted: u64,
    /// Reached once all of it is on disk; dropped unreached when it is not, so that the source says it again.
    barriers: Vec<Barrier>,
}

/// A batch on its way to the disk.
#[derive(Debug)]
struct Writing {
    done: JoinHandle<Result<(), (HistoryError, Batch)>>,
    uncounted: u64,
    barriers: Vec<Barrier>,
}

/// The next batch of one feed, and the one that is being written.
#[derive(Debug, Default)]
pub struct Keep {
    next: Collected,
    tracks: Tracks,
    writing: Option<Writing>,
    trouble: Arc<Trouble>,
}

/// Since when the history can take nothing, and why.
#[derive(Debug, Default)]
struct Trouble(Mutex<Option<(Instant, String)>>);

impl Trouble {
    fn begin(&self, why: String) {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = trouble.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        *trouble = Some((since, why));
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Keep {
    pub fn datastream(&mut self, core: &Core, datastream: &Datastream) {
        if core.history.is_some() {
            self.next.batch.datastreams.push(datastream.clone());
        }
    }

    /// Whether there is a history to keep it.
    pub fn observation(&mut self, core: &Core, observation: Observation, received_at: DateTime<Utc>) -> bool {
        if core.history.is_none() {
            return false;
        }
        self.next.batch.readings.push(Reading { observation, received_at });
        self.next.uncounted += 1;
        true
    }

    pub fn unit(&mut self, core: &Core, unit: &Unit, received_at: DateTime<Utc>) {
        if core.history.is_some() {
            self.tracks.take(unit, received_at, &mut self.next.batch.datastreams, &mut self.next.batch.readings);
            self.next.uncounted += 1;
        }
    }

    /// The same of a position of long ago; false where that is known already, or no history keeps it.
    pub fn old_unit(&mut self, core: &Core, unit: &Unit, received_at: DateTime<Utc>) -> bool {
        let is_kept = core.history.is_some() && self.tracks.is_news(unit, received_at);
        if is_kept {
            self.unit(core, unit, received_at);
        }
        is_kept
    }

    /// Everything so far has to be on disk before `barrier` is reached.
    pub fn barrier(&mut self, barrier: Barrier) {
        self.next.barriers.push(barrier);
    }

    /// Whether more may be collected: holding the source back loses nothing, going on without bound would.
    pub fn has_room(&self) -> bool {
        self.next.batch.readings.len() + self.next.batch.datastreams.len() < ROWS_MAX
    }

    pub fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Why the history has taken nothing for a while.
    pub fn held_back(&self) -> Option<String> {
        let trouble = self.trouble.0.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().filter(|(since, _)| since.elapsed() >= SAID_AFTER).map(|(_, why)| why.clone())
    }

    /// Begins to write what was collected, unless a batch is on its way already.
    pub fn write(&mut self, core: &Core) {
        if self.writing.is_some() {
            return;
        }
        let Some(history) = core.history.clone().filter(|_| !self.next.batch.is_empty()) else {
            // Nothing before them waits for the disk.
            self.next.barriers.drain(..).for_each(|b| b.reached());
            return;
        };
        let Collected { batch, uncounted, barriers } = std::mem::take(&mut self.next);
        let done = tokio::spawn(append(history, batch, self.trouble.clone()));
        self.writing = Some(Writing { done, uncounted, barriers });
    }

    /// Waits for the batch on its way, counts it, and tells those who wait for it. May be broken off.
    pub async fn written(&mut self, core: &Core, feed: &mut Ledger) {
        let Some(writing) = &mut self.writing else { return };
        let done = (&mut writing.done).await;
        let Some(Writing { uncounted, barriers, .. }) = self.writing.take() else { return };
        match done {
            Ok(Ok(())) => {
                feed.count_many(Fate::Stored, uncounted);
                barriers.iter().for_each(Barrier::reached);
            }
            Ok(Err((e, batch))) => {
                // Said again, it must not pass for a repetition of what is kept.
                core.world().forget_unkept(&batch.readings);
                lost(feed, uncounted, &e.to_string());
            }
            Err(e) => lost(feed, uncounted, &format!("the hub failed on it: {e}")),
        }
    }
}

fn lost(feed: &mut Ledger, uncounted: u64, why: &str) {
    tracing::error!(feed = feed.id(), "not kept in the history: {why}");
    feed.note(why.to_owned());
    feed.count_many(Fate::Rejected("not_kept"), uncounted);
}

/// Waits as long as the history can take nothing (a full disk, too much waiting); gives back what it refuses for good.
async fn append(history: Arc<dyn History>, batch: Batch, trouble: Arc<Trouble>) -> Result<(), (HistoryError, Batch)> {
    loop {
        match history.append(batch.clone()).await {
            Err(e) if e.may_pass() => {
                trouble.begin(e.to_string());
                tokio::time::sleep(RETRY_EVERY).await;
            }
            done => {
                trouble.end();
                return done.map_err(|e| (e, batch));
            }
        }
    }
}
