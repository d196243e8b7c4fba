//! What a feed brings on its way into the history: collected, written with one sync, counted as stored once it is on disk.

use super::core::Core;
use super::ledger::{Fate, Ledger};
use super::tracks::Tracks;
use crate::history::{Batch, HistoryError, Reading};
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// A history that can take nothing just now (a full disk, too much waiting) is asked again this often; the source waits meanwhile.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// The next batch of one feed.
#[derive(Debug, Default)]
pub struct Keep {
    batch: Batch,
    tracks: Tracks,
    /// Messages of the ledger in `batch`: positions are counted as they come, readings when they are kept.
    uncounted: u64,
}

impl Keep {
    pub fn datastream(&mut self, core: &Core, datastream: &Datastream) {
        if core.history.is_some() {
            self.batch.datastreams.push(datastream.clone());
        }
    }

    /// Whether there is a history to keep it.
    pub fn observation(&mut self, core: &Core, observation: Observation, received_at: DateTime<Utc>) -> bool {
        if core.history.is_none() {
            return false;
        }
        self.batch.readings.push(Reading { observation, received_at });
        self.uncounted += 1;
        true
    }

    pub fn unit(&mut self, core: &Core, unit: &Unit, received_at: DateTime<Utc>) {
        if core.history.is_some() {
            self.tracks.take(unit, received_at, &mut self.batch.datastreams, &mut self.batch.readings);
        }
    }

    /// Puts what was collected on disk and counts it; whether all of it is kept.
    ///
    /// Waits as long as the history can take nothing: holding the source back loses nothing, going on would.
    pub async fn flush(&mut self, core: &Core, feed: &mut Ledger) -> bool {
        let (batch, uncounted) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.uncounted));
        let Some(history) = core.history.as_ref().filter(|_| !batch.is_empty()) else { return true };
        loop {
            match history.append(batch.clone()).await {
                Ok(()) => {
                    feed.count_many(Fate::Stored, uncounted);
                    return true;
                }
                Err(e @ (HistoryError::Behind { .. } | HistoryError::DiskFull { .. })) => {
                    feed.note(e.to_string());
                    core.tell_feed(feed);
                    tokio::time::sleep(RETRY_EVERY).await;
                }
                Err(e) => {
                    tracing::error!(feed = feed.id(), "not kept in the history: {e}");
                    feed.note(e.to_string());
                    feed.count_many(Fate::Rejected("not_kept"), uncounted);
                    return false;
                }
            }
        }
    }
}
