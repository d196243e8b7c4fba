//! The default backend: one `redb` file, written by one thread.
//!
//! A put is a value, a log row and the next revision in one transaction, on disk (fsync) before it is answered. Puts that
//! wait at the same time share a transaction: each is decided in its turn, all are answered after the one fsync.
//! The log holds the newest [`LOG_ROWS_MAX`] changes; a watcher that needs older ones is told of the gap.

mod disk;
mod watch;

use super::{Entry, Expect, Health, Revision, StateStore, StoreError, Watch, check};
use disk::Disk;
use futures_util::future::BoxFuture;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot};
use watch::EmbeddedWatch;

/// Changes kept for screens that come back: at 2 changes a second, two and a half hours.
pub const LOG_ROWS_MAX: u64 = 20_000;
/// Puts that may wait for the writer; beyond it callers wait before they are queued.
const QUEUE_MAX: usize = 1024;
/// Puts that share one fsync; bounds how long the first of them waits.
const BATCH_MAX: usize = 256;
/// After a full disk, how often it is tried whether there is room.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// Changes a watcher may lag behind before it has to read the log.
const NEWS_MAX: usize = 1024;

struct Put {
    key: String,
    value: Vec<u8>,
    expect: Expect,
    actor: String,
    done: oneshot::Sender<Result<Revision, StoreError>>,
}

/// A store in one file. Clones share it; the file is closed when the last one is dropped.
#[derive(Clone)]
pub struct Embedded {
    disk: Arc<Disk>,
    writer: Arc<WriterThread>,
    news: broadcast::Sender<Arc<Entry>>,
}

/// The way to the writer. When the last one is gone, its thread has ended and the file is free for the next to open it.
struct WriterThread {
    puts: Option<mpsc::Sender<Put>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.puts = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the state store's writer has panicked");
        }
    }
}

impl Embedded {
    /// Opens `file`, or makes it (its folder must exist).
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        Self::open_with_log(file, LOG_ROWS_MAX)
    }

    /// As [`Embedded::open`], keeping `log_rows_max` changes in the log.
    pub fn open_with_log(file: &Path, log_rows_max: u64) -> Result<Self, StoreError> {
        let disk = Arc::new(Disk::open(file, log_rows_max.max(1))?);
        let (puts, queue) = mpsc::channel(QUEUE_MAX);
        let (news, _) = broadcast::channel(NEWS_MAX);
        let told = disk.health()?.revision;
        let writer = Writer { disk: disk.clone(), news: news.clone(), told, stopped: None, tried: Instant::now() };
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || writer.run(queue));
        let thread = thread.map_err(|e| StoreError::File { file: file.to_owned(), why: format!("no thread to write it: {e}") })?;
        Ok(Self { disk, writer: Arc::new(WriterThread { puts: Some(puts), thread: Some(thread) }), news })
    }
}

/// The one that writes; everything it does is in the order of revisions.
struct Writer {
    disk: Arc<Disk>,
    news: broadcast::Sender<Arc<Entry>>,
    /// The last revision that watchers were told of.
    told: Revision,
    /// After a failed commit the engine's state is unknown: refuse everything rather than promise anything. After a full disk the file
    /// is opened anew, which tells.
    stopped: Option<StoreError>,
    /// When that was last tried.
    tried: Instant,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Put>) {
        let mut batch = Vec::new();
        while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
            self.write(std::mem::take(&mut batch));
        }
    }

    fn write(&mut self, batch: Vec<Put>) {
        let wanted: Vec<_> = batch.iter().map(|p| (p.key.as_str(), p.value.as_slice(), p.expect, p.actor.as_str())).collect();
        let written = self.ready().and_then(|()| self.disk.put_all(&wanted));
        match written {
            Ok(outcomes) => {
                // News before answers: whoever hears that a change was accepted can already see it.
                outcomes.iter().flatten().for_each(|entry| self.tell(entry.clone()));
                for (put, outcome) in batch.into_iter().zip(outcomes) {
                    let _ = put.done.send(outcome.map(|e| e.revision));
                }
            }
            Err(e) => {
                if self.stopped.is_none() {
                    tracing::error!("{e}");
                    (self.stopped, self.tried) = (Some(e.clone()), Instant::now());
                }
                for put in batch {
                    let _ = put.done.send(Err(e.clone()));
                }
            }
        }
    }

    fn tell(&mut self, entry: Entry) {
        self.told = entry.revision;
        // An error: nobody watches.
        let _ = self.news.send(Arc::new(entry));
    }

    /// Whether changes are taken; where the disk was full, it is tried now and then whether there is room.
    fn ready(&mut self) -> Result<(), StoreError> {
        let Some(stopped) = self.stopped.clone() else { return Ok(()) };
        if !matches!(stopped, StoreError::DiskFull { .. }) || self.tried.elapsed() < TRY_EVERY {
            return Err(stopped);
        }
        self.tried = Instant::now();
        match self.disk.open_again().and_then(|()| self.tell_missed()) {
            Ok(()) => {
                tracing::info!("the state store takes changes again");
                self.stopped = None;
                Ok(())
            }
            Err(e) => {
                // As long as there is no room, opening fails in one way or another.
                tracing::debug!("the state file can't be opened again yet: {e}");
                Err(stopped)
            }
        }
    }

    /// What was answered as not stored and is on disk all the same: who asked finds it there when they ask again, and so must watchers.
    fn tell_missed(&mut self) -> Result<(), StoreError> {
        let newest = self.disk.health()?.revision;
        let missed = self.disk.log(Revision(self.told.0 + 1)..=newest)?;
        missed.into_iter().for_each(|entry| self.tell(entry));
        Ok(())
    }
}

/// Runs a read on a thread where it may wait for the disk.
async fn reading<T: Send + 'static>(
    disk: Arc<Disk>,
    read: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(move || read(&disk)).await.unwrap_or(Err(StoreError::Closed))
}

impl StateStore for Embedded {
    fn get(&self, key: &str) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        let key = key.to_owned();
        Box::pin(reading(self.disk.clone(), move |disk| disk.get(&key)))
    }

    fn put(&self, key: &str, value: Vec<u8>, expect: Expect, actor: &str) -> BoxFuture<'_, Result<Revision, StoreError>> {
        let checked = check(key, &value);
        let (done, answer) = oneshot::channel();
        let put = Put { key: key.to_owned(), value, expect, actor: actor.to_owned(), done };
        Box::pin(async move {
            checked?;
            let puts = self.writer.puts.as_ref().ok_or(StoreError::Closed)?;
            puts.send(put).await.map_err(|_| StoreError::Closed)?;
            answer.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    fn watch(&self, prefix: &str, from: Option<Revision>) -> BoxFuture<'_, Result<Box<dyn Watch>, StoreError>> {
        // Subscribed before anything is read, so that nothing falls between the reading and the news.
        let watch = EmbeddedWatch::new(self.disk.clone(), self.news.subscribe(), prefix, from);
        Box::pin(async move { Ok(Box::new(watch) as Box<dyn Watch>) })
    }

    fn log(&self, range: RangeInclusive<Revision>) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(reading(self.disk.clone(), move |disk| disk.log(range)))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(reading(self.disk.clone(), Disk::health))
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn it_keeps_what_every_store_must_keep() {
        let dir = tempfile::tempdir().unwrap();
        let mut n = 0;
        runtime().block_on(conformance::all(|log_rows| {
            n += 1;
            Embedded::open_with_log(&dir.path().join(format!("{n}.redb")), log_rows).unwrap()
        }));
    }

    #[test]
    fn what_was_put_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.redb");
        let rt = runtime();
        let first = Embedded::open(&file).unwrap();
        let revision = rt.block_on(first.put("a", b"1".to_vec(), Expect::Absent, "me")).unwrap();
        drop(first);
        let second = Embedded::open(&file);
        let entry = rt.block_on(second.unwrap().get("a")).unwrap().unwrap();
        assert_eq!((entry.value.as_slice(), entry.revision, entry.actor.as_str()), (b"1".as_slice(), revision, "me"));
    }

    #[test]
    fn a_file_opened_again_goes_on_with_what_was_committed_and_watchers_miss_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.redb");
        let rt = runtime();
        let store = Embedded::open(&file).unwrap();
        rt.block_on(store.put("a", b"1".to_vec(), Expect::Absent, "me")).unwrap();
        // A commit that reached the disk though its writer was told that it had not.
        store.disk.put_all(&[("b", b"2".as_slice(), Expect::Absent, "me")]).unwrap();
        let full = StoreError::DiskFull { file: file.clone() };
        let tried = Instant::now() - TRY_EVERY;
        let mut news = store.news.subscribe();
        let mut writer = Writer { disk: store.disk.clone(), news: store.news.clone(), told: Revision(1), stopped: Some(full), tried };
        writer.ready().unwrap();
        assert_eq!(news.try_recv().unwrap().key, "b");
        assert!(news.try_recv().is_err() && writer.told == Revision(2));
        assert_eq!(rt.block_on(store.put("c", b"3".to_vec(), Expect::Absent, "me")).unwrap(), Revision(3));
        assert_eq!(rt.block_on(store.get("a")).unwrap().unwrap().value, b"1");
    }

    #[test]
    fn a_second_hub_and_rubbish_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.redb");
        let _open = Embedded::open(&file).unwrap();
        assert!(matches!(Embedded::open(&file), Err(StoreError::InUse { .. })));
        let rubbish = dir.path().join("rubbish.redb");
        std::fs::write(&rubbish, vec![0x5a; 70_000]).unwrap();
        assert!(matches!(Embedded::open(&rubbish), Err(StoreError::Unreadable { .. })));
        assert_eq!(std::fs::read(&rubbish).unwrap(), vec![0x5a; 70_000], "a file that is not ours stays as it was");
    }

    #[test]
    fn a_damaged_file_is_refused_or_whole_and_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.redb");
        let store = Embedded::open(&file).unwrap();
        let rt = runtime();
        let puts = (0..100).map(|i| store.put(&format!("k/{i}"), vec![i; 2000], Expect::Any, "me"));
        rt.block_on(futures_util::future::try_join_all(puts)).unwrap();
        drop(store);
        let whole = std::fs::read(&file).unwrap();
        let mut refused = 0;
        for eighth in 0..8 {
            let at = whole.len() / 8 * eighth;
            let mut flipped = whole.clone();
            flipped[at..at + 3000].iter_mut().for_each(|b| *b ^= 0x55);
            for damaged in [&flipped, &whole[..at].to_vec()] {
                std::fs::write(&file, damaged).unwrap();
                match Embedded::open(&file) {
                    Ok(store) if at > 0 => {
                        let value = rt.block_on(store.get("k/99")).unwrap().map(|e| e.value);
                        assert_eq!(value, Some(vec![99; 2000]), "what opens is whole");
                    }
                    Ok(_) => {}
                    Err(StoreError::Unreadable { .. }) => refused += 1,
                    Err(e) => panic!("{e}"),
                }
            }
        }
        assert!(refused >= 8, "only {refused} of 16 damaged files were refused");
    }
}
