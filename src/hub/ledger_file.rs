//! The counts of all feeds' ledgers on disk, so that they go on over a restart as the history does.
//!
//! One small file beside the state. Each ledger in it is one that was told to screens, so that its sums agree: after a fall of the hub
//! some seconds of counts are missing, in all columns alike.

use super::core::Core;
use super::whole_file;
use crate::model::feed::FeedStatus;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

/// How often they are written, where they have changed.
const EVERY: Duration = Duration::from_secs(5);
/// More than any feed brings; so that sums of counts from a file stay in their range.
const COUNT_MAX: u64 = 1 << 53;

/// The file, and what is in it by feed; also of feeds that the scene has no more.
pub struct LedgerFile {
    path: PathBuf,
    kept: Mutex<BTreeMap<String, FeedStatus>>,
}

impl LedgerFile {
    /// `hub.feeds.json` beside `hub.redb`, read. A ledger whose sums don't agree begins anew and is said.
    pub fn beside(state: &Path) -> Self {
        let path = state.with_extension("feeds.json");
        let mut kept: Vec<FeedStatus> = whole_file::read(&path, "the feeds' counts begin anew");
        kept.retain(|one| {
            let is_sound = is_sound(one);
            if !is_sound {
                tracing::error!(feed = one.feed, "{}: its sums don't agree; they begin anew", path.display());
            }
            is_sound
        });
        Self { path, kept: Mutex::new(kept.into_iter().map(|one| (one.feed.clone(), one)).collect()) }
    }

    /// What was counted of a feed before this start; from `now` on where nothing was.
    pub async fn before(&self, feed: &str, now: DateTime<Utc>) -> FeedStatus {
        let known = self.kept.lock().await.get(feed).cloned();
        known.unwrap_or_else(|| FeedStatus { feed: feed.to_owned(), since: Some(now), ..FeedStatus::default() })
    }

    /// Writes what these ledgers count, where it has changed; on disk when this returns.
    ///
    /// # Errors
    /// The file and why; then it is as it was before, and they go with the next try.
    async fn write(&self, ledgers: Vec<FeedStatus>) -> io::Result<()> {
        let mut kept = self.kept.lock().await;
        let mut all = kept.clone();
        all.extend(ledgers.into_iter().map(|one| (one.feed.clone(), one.counts())));
        if all == *kept {
            return Ok(());
        }
        let (path, list) = (self.path.clone(), all.values().cloned().collect::<Vec<_>>());
        let written = tokio::task::spawn_blocking(move || whole_file::write(&path, &list)).await;
        let written = written.unwrap_or_else(|e| Err(io::Error::other(e)));
        written.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}; the feeds' counts are not kept", self.path.display())))?;
        *kept = all;
        Ok(())
    }
}

fn is_sound(ledger: &FeedStatus) -> bool {
    let sums = [ledger.received, ledger.stored, ledger.rejected, ledger.conflated, ledger.quarantined, ledger.gaps, ledger.unrecorded];
    let reasons = [&ledger.rejected_for, &ledger.conflated_by, &ledger.quarantined_for];
    sums.iter().chain(reasons.iter().flat_map(|counts| counts.values())).all(|count| *count <= COUNT_MAX) && ledger.balances()
}

/// Keeps the counts until the hub ends.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        tick.tick().await;
        let trouble = core.keep_ledgers().await.err().map(|e| e.to_string());
        // Once, not each time that it is tried.
        if told != trouble {
            match &trouble {
                Some(why) => tracing::warn!("{why}"),
                None => tracing::info!("the feeds' counts are kept again"),
            }
            told = trouble;
        }
    }
}

impl Core {
    /// Puts the counts of all feeds on disk as they were last told.
    ///
    /// # Errors
    /// As [`LedgerFile`] writes.
    pub async fn keep_ledgers(&self) -> io::Result<()> {
        let told = self.world().feeds.values().cloned().collect();
        self.ledgers.write(told).await
    }
}

#[cfg(test)]
mod tests;
