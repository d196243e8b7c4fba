//! What a feed brings on its way into the history: collected while the disk is at work on the batch before, written with one sync,
//! counted as stored once it is on disk.

use super::core::Core;
use super::ledger::{Fate, Ledger};
use super::tracks::Tracks;
use crate::feeds::Barrier;
use crate::history::{Batch, History, HistoryError, Reading};
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A history that can take nothing just now (a full disk, too much waiting) is asked again this often; the source waits meanwhile.
const RETRY_EVERY: Duration = Duration::from_millis(200);
/// Rows collected while a batch is being written; then the feed waits. With what one more taking brings, half of what a batch may hold.
const ROWS_MAX: usize = 65_536;

/// Rows with who waits for them.
#[derive(Debug, Default)]
struct Collected {
    batch: Batch,
    /// Messages of the ledger in `batch`: positions are counted as they come, readings when they are kept.
    uncounted: u64,
    /// Reached once all of it is on disk; dropped unreached when it is not, so that the source says it again.
    barriers: Vec<Barrier>,
}

/// A batch on its way to the disk.
#[derive(Debug)]
struct Writing {
    done: JoinHandle<Result<(), HistoryError>>,
    uncounted: u64,
    barriers: Vec<Barrier>,
}

/// The next batch of one feed, and the one that is being written.
#[derive(Debug, Default)]
pub struct Keep {
    next: Collected,
    tracks: Tracks,
    writing: Option<Writing>,
    /// Why the history can take nothing just now.
    trouble: Arc<Mutex<Option<String>>>,
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
        }
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

    /// What the history complains of since the last time it was asked.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
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
    pub async fn written(&mut self, feed: &mut Ledger) {
        let Some(writing) = &mut self.writing else { return };
        let done = (&mut writing.done).await;
        let Some(Writing { uncounted, barriers, .. }) = self.writing.take() else { return };
        match done {
            Ok(Ok(())) => {
                feed.count_many(Fate::Stored, uncounted);
                barriers.iter().for_each(Barrier::reached);
            }
            Ok(Err(e)) => lost(feed, uncounted, &e.to_string()),
            Err(e) => lost(feed, uncounted, &format!("the hub failed on it: {e}")),
        }
    }
}

fn lost(feed: &mut Ledger, uncounted: u64, why: &str) {
    tracing::error!(feed = feed.id(), "not kept in the history: {why}");
    feed.note(why.to_owned());
    feed.count_many(Fate::Rejected("not_kept"), uncounted);
}

/// Waits as long as the history can take nothing.
async fn append(history: Arc<dyn History>, batch: Batch, trouble: Arc<Mutex<Option<String>>>) -> Result<(), HistoryError> {
    loop {
        match history.append(batch.clone()).await {
            Err(e @ (HistoryError::Behind { .. } | HistoryError::DiskFull { .. })) => {
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
                tokio::time::sleep(RETRY_EVERY).await;
            }
            done => return done,
        }
    }
}
