//! Writes a feed's journal beside the feed: the hub never waits for it, and a full disk costs entries, which are counted, not the feed.
//!
//! Lines are gathered into zstd frames that stand each for itself, so a torn end costs one of them.

#[cfg(test)]
mod tests;

use super::{Base, Entry, State, What};
use crate::feeds::FeedEvent;
use chrono::{DateTime, NaiveDate, Utc};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Entries that may wait for the writer; two seconds of the highest rate a hub takes.
const QUEUE: usize = 100_000;
/// zstd's own default: a tenth of the text, and quick.
pub(super) const LEVEL: i32 = 3;

/// Bounds of one feed's journal.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A file over this, or of another day (UTC), is followed by a new one.
    pub file_bytes: u64,
    /// Text in one frame, before compression.
    pub frame_bytes: usize,
    /// A frame is ended at the latest after this; so much a crash may cost.
    pub flush_every: Duration,
    /// All files of the feed together; the oldest go first.
    pub all_bytes: u64,
    /// After a failure, the next try.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            frame_bytes: 256 << 10,
            flush_every: Duration::from_secs(1),
            all_bytes: 16 << 30,
            retry_after: Duration::from_secs(10),
        }
    }
}

/// Records one feed; dropping it writes what is left.
pub struct Recorder {
    /// `None` only while it is dropped.
    queue: Option<SyncSender<Entry>>,
    trouble: Arc<Trouble>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Trouble {
    lost: AtomicU64,
    why: Mutex<Option<String>>,
}

impl Trouble {
    fn lose(&self, entries: u64, why: String) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

type Open = Box<dyn Fn(&Path) -> io::Result<Box<dyn Write + Send>> + Send>;

impl Recorder {
    /// Records into `dir`, which is made when it is not there. What goes wrong is told by [`Recorder::trouble`].
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(dir: &Path, feed: &str, limits: Limits) -> io::Result<Self> {
        let dir_made = dir.to_owned();
        let open = move |path: &Path| -> io::Result<Box<dyn Write + Send>> {
            std::fs::create_dir_all(&dir_made)?;
            Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
        };
        Self::start_with(dir, feed, limits, Box::new(open))
    }

    fn start_with(dir: &Path, feed: &str, limits: Limits, open: Open) -> io::Result<Self> {
        let (queue, entries) = sync_channel(QUEUE);
        let trouble = Arc::new(Trouble::default());
        let writer = Writer {
            dir: dir.to_owned(),
            feed: feed.to_owned(),
            limits,
            open,
            file: None,
            state: State::default(),
            text: Vec::new(),
            lines: 0,
            not_before: None,
            trouble: trouble.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("journal {feed}")).spawn(move || writer.run(&entries))?;
        Ok(Self { queue: Some(queue), trouble, thread: Some(thread) })
    }

    /// Takes an event of the feed; never waits.
    pub fn take(&self, event: &FeedEvent, now: DateTime<Utc>) {
        let (Some(what), Some(queue)) = (What::of(event), &self.queue) else { return };
        if queue.try_send(Entry { t: now, what }).is_err() {
            self.trouble.lose(1, "the journal's disk is too slow".into());
        }
    }

    /// Entries that are in no journal, and why the last of them is not.
    pub fn trouble(&self) -> (u64, Option<String>) {
        let why = self.trouble.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.trouble.lost.load(Ordering::Relaxed), why)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writer {
    dir: PathBuf,
    feed: String,
    limits: Limits,
    open: Open,
    file: Option<Current>,
    /// What the next file begins with.
    state: State,
    text: Vec<u8>,
    lines: u64,
    /// After a failure nothing is tried before.
    not_before: Option<Instant>,
    trouble: Arc<Trouble>,
}

struct Current {
    path: PathBuf,
    out: Box<dyn Write + Send>,
    day: NaiveDate,
    bytes: u64,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        let mut next_flush = Instant::now() + self.limits.flush_every;
        loop {
            match entries.recv_timeout(next_flush.saturating_duration_since(Instant::now())) {
                Ok(entry) => {
                    self.add(entry);
                    if self.text.len() < self.limits.frame_bytes && Instant::now() < next_flush {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            self.flush();
            next_flush = Instant::now() + self.limits.flush_every;
        }
    }

    fn add(&mut self, entry: Entry) {
        // The file begins with what was known before this entry.
        let due = self.file.as_ref().is_none_or(|f| f.bytes >= self.limits.file_bytes || f.day != entry.t.date_naive());
        if due {
            self.flush();
            self.begin(entry.t);
        }
        self.write_line(&entry);
        self.state.apply(entry);
    }

    fn write_line(&mut self, entry: &Entry) {
        match serde_json::to_writer(&mut self.text, entry) {
            Ok(()) => {
                self.text.push(b'\n');
                self.lines += 1;
            }
            Err(e) => self.trouble.lose(1, e.to_string()),
        }
    }

    fn begin(&mut self, now: DateTime<Utc>) {
        self.file = None;
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        match self.new_file(now) {
            Ok(file) => self.file = Some(file),
            Err((path, e)) => return self.failed(0, format!("{}: {e}", path.display())),
        }
        self.prune();
        let known = self.state.entries(now);
        let base = Base { feed: self.feed.clone(), entries: known.len() as u64 };
        self.write_line(&Entry { t: now, what: What::Base(base) });
        for entry in known {
            self.write_line(&entry);
            if self.text.len() >= self.limits.frame_bytes {
                self.flush();
            }
        }
    }

    fn new_file(&self, now: DateTime<Utc>) -> Result<Current, (PathBuf, io::Error)> {
        // Two files of one millisecond: the second gets a later name.
        for later in 0..1000 {
            let path = self.dir.join(file_name(&self.feed, now + chrono::TimeDelta::milliseconds(later)));
            match (self.open)(&path) {
                Ok(out) => return Ok(Current { path, out, day: now.date_naive(), bytes: 0 }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err((path, e)),
            }
        }
        Err((self.dir.clone(), io::ErrorKind::AlreadyExists.into()))
    }

    /// Ends the frame.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let (text, lines) = (std::mem::take(&mut self.text), std::mem::take(&mut self.lines));
        let Some(file) = &mut self.file else {
            self.trouble.lost.fetch_add(lines, Ordering::Relaxed);
            return;
        };
        let written = zstd::bulk::compress(&text, LEVEL).and_then(|frame| {
            file.out.write_all(&frame)?;
            file.out.flush()?;
            Ok(frame.len() as u64)
        });
        match written {
            Ok(bytes) => file.bytes += bytes,
            Err(e) => {
                let why = format!("{}: {e}", file.path.display());
                // Its end may be torn; what follows goes into a new one.
                self.file = None;
                self.failed(lines, why);
            }
        }
        self.text = text;
        self.text.clear();
    }

    fn failed(&mut self, entries: u64, why: String) {
        tracing::error!(feed = self.feed, why, "the journal can't be written; the feed goes on without");
        self.trouble.lose(entries, why);
        self.not_before = Some(Instant::now() + self.limits.retry_after);
    }

    /// Deletes the oldest files of this feed above the bound.
    fn prune(&self) {
        let begin = format!("{}.", safe(&self.feed));
        let Ok(listed) = std::fs::read_dir(&self.dir) else { return };
        let mut files: Vec<(PathBuf, u64)> = listed
            .filter_map(Result::ok)
            .filter(|f| f.file_name().to_str().is_some_and(|n| n.starts_with(&begin) && n.ends_with(".jsonl.zst")))
            .filter_map(|f| Some((f.path(), f.metadata().ok()?.len())))
            .collect();
        files.sort();
        let mut all: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        // The newest is the one being written.
        for (path, bytes) in files.iter().rev().skip(1).rev() {
            if all <= self.limits.all_bytes {
                return;
            }
            if std::fs::remove_file(path).is_ok() {
                all -= bytes;
            }
        }
    }
}

/// Names sort by time.
fn file_name(feed: &str, begun: DateTime<Utc>) -> String {
    format!("{}.{}.jsonl.zst", safe(feed), begun.format("%Y%m%dT%H%M%S%.3fZ"))
}

/// A feed's id as a file may be called.
fn safe(feed: &str) -> String {
    feed.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}
