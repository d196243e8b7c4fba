//! The default backend: a journal and Parquet partitions in one folder, in this process.
//!
//! A reading's way: [`writer`] puts it into the journal ([`journal`], one sync for all that wait) and into memory ([`hot`]), and it is
//! acknowledged; [`keeper`] turns each full segment into partitions by day, property and hour ([`seal`]), merges small ones
//! ([`compact`]) and derives from each hour what makes questions fast ([`derive`]): roll-ups of 1 min, 15 min and 1 h by datastream,
//! 15 min by H3 cell, and keyframes, the newest reading of each series before the hour.
//! Everything derived says up to which segment it holds ([`folder::Name`]); where late readings have made it old, the readings
//! themselves answer until it is made anew. So an answer never depends on what was derived, only its speed does.

mod chart;
mod chosen;
mod columns;
mod compact;
mod derive;
mod event_sheet;
mod events;
mod folder;
mod hexagons;
mod hot;
mod index;
mod instant;
mod journal;
mod keeper;
mod open;
mod pages;
mod retain;
mod scan;
mod seal;
#[cfg(feature = "sql")]
mod sql;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrade;
mod writer;

#[cfg(feature = "sql")]
pub use sql::Answer;

use super::{
    At, Batch, Bucket, Catalogue, Chart, ChartsQuery, EventQuery, Health, Hexagon, HexagonQuery, History, HistoryError, IncidentEvent,
    Reading, ReadingsQuery, Retained, Retention, Sample, Select, SeriesQuery, State, Told,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use hot::{Hot, Latest};
use index::{Broken, Index, Part, set_aside};
use scan::{Footers, Wanted};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use writer::Job;

/// Batches that may wait for the writer; beyond it callers wait before they are queued.
const QUEUE_MAX: usize = 4096;

const HOUR_US: i64 = 3_600_000_000;

/// Hours since the Unix epoch.
fn hour_of(time_us: i64) -> i64 {
    time_us.div_euclid(HOUR_US)
}

/// A history in one folder. Clones share it; it is closed when the last one is dropped. What was acknowledged is on disk at any time.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
    threads: Arc<Threads>,
}

/// What writer, keeper and questions share.
struct Shared {
    folder: PathBuf,
    hot: RwLock<Hot>,
    /// Taken after `hot` by whoever needs both.
    latest: RwLock<Latest>,
    index: Mutex<Index>,
    footers: Footers,
    event_days: events::EventDays,
    places: hexagons::Places,
    /// Descriptions that are not yet in the table of datastreams.
    described: AtomicBool,
    torn_bytes: AtomicU64,
    last_error: Mutex<Option<String>>,
    /// Held by whoever seals, merges, derives or removes.
    keeping: Mutex<keeper::Graves>,
    /// Whether the keeper shall end.
    ended: Mutex<bool>,
    woken: Condvar,
    /// Only one hub at a time.
    _lock: std::fs::File,
}

impl Shared {
    fn hot(&self) -> RwLockReadGuard<'_, Hot> {
        self.hot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn hot_mut(&self) -> RwLockWriteGuard<'_, Hot> {
        self.hot.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn latest_mut(&self) -> RwLockWriteGuard<'_, Latest> {
        self.latest.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    fn described(&self) {
        self.described.store(true, Ordering::Relaxed);
    }

    fn is_described(&self) -> bool {
        self.described.load(Ordering::Relaxed)
    }

    fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something went wrong that no caller hears of, or that others should hear of too.
    fn note(&self, e: &HistoryError) {
        tracing::error!("history: {e}");
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
    }

    fn wake(&self) {
        self.woken.notify_all();
    }

    /// What a file says, or nothing and a line in `missing` when it can't be read.
    fn tolerant<T: Default>(&self, part: &Part, read: Result<T, Broken>, missing: &mut Vec<String>) -> T {
        read.unwrap_or_else(|broken| {
            let why = match broken {
                Broken::Damaged(why) => {
                    set_aside(&self.index, part, &why);
                    why
                }
                Broken::Unread(why) => why,
            };
            missing.push(format!("{}: {why}", part.path.display()));
            T::default()
        })
    }

    /// Readings of a file that may be wanted.
    fn samples(&self, part: &Part, wanted: &Wanted, missing: &mut Vec<String>) -> Vec<Sample> {
        let mut groups = self.tolerant(part, scan::samples(&self.footers, part, wanted), missing);
        match groups.len() {
            1 => groups.pop().unwrap_or_default(),
            _ => groups.concat(),
        }
    }
}

/// Sorts by series and time, and leaves of each phenomenon time what was received last (by `known_by`).
fn settle(samples: &mut Vec<Sample>, known_by: Option<i64>) {
    if let Some(by) = known_by {
        samples.retain(|s| s.received_us <= by);
    }
    let sorted = |a: &Sample, b: &Sample| (a.series, a.time_us, a.received_us) <= (b.series, b.time_us, b.received_us);
    if !samples.is_sorted_by(sorted) {
        // Stable, so that of two received at one time the one appended last counts.
        samples.sort_by_key(|s| (s.series, s.time_us, s.received_us));
    }
    samples.reverse();
    samples.dedup_by_key(|s| (s.series, s.time_us));
    samples.reverse();
}

/// The threads of a history; they have ended when this is gone.
struct Threads {
    shared: Arc<Shared>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.jobs = None;
        let join = |thread: Option<JoinHandle<()>>, name: &str| {
            if thread.is_some_and(|t| t.join().is_err()) {
                tracing::error!("the history's {name} has panicked");
            }
        };
        join(self.writer.take(), "writer");
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake();
        join(self.keeper.take(), "keeper");
    }
}

impl Embedded {
    /// Opens the history in `folder`, or makes it. Reads the journal and brings the newest readings into memory.
    ///
    /// # Errors
    /// When another hub has it open, or the folder can't be read or written.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        open::open(folder)
    }

    /// Runs a question on a thread where it may wait for the disk.
    fn asking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Shared) -> Result<T, HistoryError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, HistoryError>> {
        let shared = self.shared.clone();
        Box::pin(async move { tokio::task::spawn_blocking(move || ask(&shared)).await.unwrap_or(Err(HistoryError::Closed)) })
    }

    async fn send(&self, job: Job, answer: oneshot::Receiver<Result<(), HistoryError>>) -> Result<(), HistoryError> {
        let jobs = self.threads.jobs.as_ref().ok_or(HistoryError::Closed)?;
        jobs.send(job).await.map_err(|_| HistoryError::Closed)?;
        answer.await.unwrap_or(Err(HistoryError::Closed))
    }
}

impl History for Embedded {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), HistoryError>> {
        let (done, answer) = oneshot::channel();
        Box::pin(self.send(Job::Append { batch, done }, answer))
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Arc<Catalogue>, HistoryError>> {
        let catalogue = self.shared.hot().catalogue.clone();
        Box::pin(async move { Ok(catalogue) })
    }

    fn latest(&self, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        self.asking(move |shared| Ok(shared.newest(&select)))
    }

    fn latest_at(&self, at: At, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        self.asking(move |shared| Ok(shared.latest_at(at, &select)))
    }

    fn series(&self, query: SeriesQuery) -> BoxFuture<'_, Result<Told<Bucket>, HistoryError>> {
        self.asking(move |shared| shared.chart(&query))
    }

    fn charts(&self, query: ChartsQuery) -> BoxFuture<'_, Result<Told<Chart>, HistoryError>> {
        self.asking(move |shared| shared.charts(&query))
    }

    fn readings(&self, query: ReadingsQuery) -> BoxFuture<'_, Result<Told<Reading>, HistoryError>> {
        self.asking(move |shared| Ok(shared.page(&query)))
    }

    fn hexagons(&self, query: HexagonQuery) -> BoxFuture<'_, Result<Told<Hexagon>, HistoryError>> {
        self.asking(move |shared| shared.hexagons(&query))
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        self.asking(move |shared| Ok(shared.events(&query)))
    }

    fn incidents_at(&self, at: At) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        self.asking(move |shared| Ok(shared.incidents_at(at)))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, HistoryError>> {
        self.asking(|shared| Ok(shared.health()))
    }

    /// Makes partitions of all that is in memory, merges and derives: what the keeper does by itself every few minutes.
    fn settle(&self) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(async {
            let (done, answer) = oneshot::channel();
            self.send(Job::Rotate { done }, answer).await?;
            self.asking(|shared| shared.keep_all(true)).await
        })
    }

    fn retain(&self, policy: Retention, now: DateTime<Utc>) -> BoxFuture<'_, Result<Retained, HistoryError>> {
        Box::pin(async move {
            self.settle().await?;
            self.asking(move |shared| shared.retain(policy, now)).await
        })
    }
}
