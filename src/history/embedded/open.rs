//! Opening: what the folder holds, what the journal still has to say, and the newest readings into memory.

use super::folder::{failed, io_failed, make_folder};
use super::hot::{Chunk, Hot, Latest};
use super::index::Index;
use super::journal::{self, Segment};
use super::writer::Writer;
use super::{Embedded, QUEUE_MAX, Shared, Threads, keeper, table};
use crate::history::{At, Catalogue, HistoryError, Select};
use chrono::{DateTime, Utc};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use tokio::sync::mpsc;

pub(super) fn open(folder: &Path) -> Result<Embedded, HistoryError> {
    make_folder(folder)?;
    let lock = lock(folder)?;
    let journal_folder = folder.join("journal");
    make_folder(&journal_folder)?;
    let segments = journal::segments(&journal_folder)?;
    let mut index = Index::load(folder, segments.first().copied().unwrap_or(u64::MAX))?;
    let mut catalogue = table::load(folder)?;
    let mut torn_bytes = 0;
    let mut chunks = Vec::new();
    for number in &segments {
        let path = journal::segment_path(&journal_folder, *number);
        let bytes = journal::read(&path)?;
        let scanned = journal::scan(&bytes);
        torn_bytes += scanned.torn_bytes;
        if scanned.torn_bytes > 0 {
            tracing::warn!("{}: {} bytes at its end were never acknowledged and are left out", path.display(), scanned.torn_bytes);
        }
        if scanned.damaged > 0 {
            let why = format!("{} batches in its middle are damaged and lost", scanned.damaged);
            tracing::error!("{}: {why}", path.display());
            index.unreadable.insert(path.clone(), why);
        }
        chunks.push(Arc::new(replayed(*number, scanned, bytes.len() as u64, &mut catalogue)));
    }
    let number = segments.last().copied().unwrap_or(0).max(index.newest()) + 1;
    let segment = Segment::create(&journal_folder, number)?;
    let mut hot = Hot::new(catalogue.clone(), number);
    hot.sealing = chunks;
    let shared = Arc::new(Shared {
        folder: folder.to_owned(),
        described: AtomicBool::new(!segments.is_empty()),
        hot: RwLock::new(hot),
        latest: RwLock::new(Latest::default()),
        index: Mutex::new(index),
        footers: super::Footers::default(),
        event_days: super::events::EventDays::default(),
        places: super::hexagons::Places::default(),
        torn_bytes: AtomicU64::new(torn_bytes),
        last_error: Mutex::new(None),
        keeping: Mutex::new(keeper::Graves::default()),
        ended: Mutex::new(false),
        woken: Condvar::new(),
        _lock: lock,
    });
    bring_newest(&shared);
    start(shared, segment, catalogue)
}

fn lock(folder: &Path) -> Result<File, HistoryError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|e| io_failed(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(e)) => Err(io_failed(&path, &e)),
    }
}

/// A segment's rows in memory again.
fn replayed(number: u64, scanned: journal::Scanned, bytes: u64, catalogue: &mut Catalogue) -> Chunk {
    let mut chunk = Chunk::new(number);
    chunk.bytes = bytes;
    for entry in scanned.entries {
        entry.datastreams.into_iter().for_each(|(series, datastream)| catalogue.put(series, datastream));
        chunk.push(entry.samples, entry.events);
    }
    chunk
}

/// The newest reading of each series, from keyframes, the last hours and the journal.
fn bring_newest(shared: &Shared) {
    let state = shared.latest_at(At::as_it_happened(DateTime::<Utc>::MAX_UTC), &Select::all());
    for missing in &state.missing {
        tracing::error!("history: {missing}");
    }
    let mut latest = shared.latest_mut();
    state.samples.iter().for_each(|s| latest.note(s));
}

fn start(shared: Arc<Shared>, segment: Segment, catalogue: Catalogue) -> Result<Embedded, HistoryError> {
    let (jobs, queue) = mpsc::channel(QUEUE_MAX);
    let writer = Writer { shared: shared.clone(), segment, catalogue };
    let (kept, jobs_of_keeper) = (shared.clone(), jobs.downgrade());
    let thread = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let spawned = std::thread::Builder::new().name(name.into()).spawn(run);
        spawned.map_err(|e| failed(&shared.folder, format!("no thread to keep it: {e}")))
    };
    let writer = thread("history-writer", Box::new(move || writer.run(queue)))?;
    let keeper = thread("history-keeper", Box::new(move || keeper::run(&kept, &jobs_of_keeper)))?;
    let threads = Threads { shared: shared.clone(), jobs: Some(jobs), writer: Some(writer), keeper: Some(keeper) };
    Ok(Embedded { shared, threads: Arc::new(threads) })
}

impl Shared {
    /// Bytes cut from the journal at start.
    pub(super) fn torn(&self) -> u64 {
        self.torn_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn graves(&self) -> std::sync::MutexGuard<'_, keeper::Graves> {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
