//! What happens in the background: sealing, merging, deriving; one at a time, by whoever holds `keeping`.

use super::Shared;
use super::index::{Part, remove};
use super::writer::{Job, SEAL_AFTER};
use crate::history::HistoryError;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;

/// How often it looks whether there is anything to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure it waits so long before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Questions that began before a file was replaced may still open it for so long.
const GRAVE_AFTER: Duration = Duration::from_secs(30);

/// Files that were replaced and may still be read by questions that began before.
#[derive(Debug, Default)]
pub(super) struct Graves(VecDeque<(Instant, PathBuf)>);

impl Graves {
    pub(super) fn bury(&mut self, parts: Vec<Arc<Part>>) {
        self.0.extend(parts.into_iter().map(|p| (Instant::now(), p.path.clone())));
    }

    /// Removes those that nobody reads any more.
    fn clear(&mut self, older_than: Duration) {
        while self.0.front().is_some_and(|(since, _)| since.elapsed() >= older_than) {
            if let Some((_, path)) = self.0.pop_front() {
                remove(&path);
            }
        }
    }
}

impl Drop for Graves {
    fn drop(&mut self) {
        self.clear(Duration::ZERO);
    }
}

/// Runs until the history is closed.
pub(super) fn run(shared: &Shared, jobs: &WeakSender<Job>) {
    let mut not_before = Instant::now();
    loop {
        {
            let ended = shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let (ended, _) = shared.woken.wait_timeout(ended, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner);
            if *ended {
                return;
            }
        }
        shared.graves().clear(GRAVE_AFTER);
        rotate_when_old(shared, jobs);
        if shared.hot().sealing.is_empty() || Instant::now() < not_before {
            continue;
        }
        if let Err(e) = shared.keep_all(false) {
            shared.note(&e);
            not_before = Instant::now() + RETRY_AFTER;
        }
    }
}

/// A segment that nobody writes to any more is sealed too.
fn rotate_when_old(shared: &Shared, jobs: &WeakSender<Job>) {
    let old = {
        let hot = shared.hot();
        hot.open.rows > 0 && hot.open.since.elapsed() >= SEAL_AFTER
    };
    if let (true, Some(jobs)) = (old, jobs.upgrade()) {
        // A full queue means that others write, and they rotate it.
        let _ = jobs.try_send(Job::Rotate { done: oneshot::channel().0 });
    }
}

impl Shared {
    /// Seals all full segments, merges what has become many, derives what has become old (`at_once`: however often).
    ///
    /// # Errors
    /// The first thing that went wrong; the rest was tried too.
    pub(super) fn keep_all(&self, at_once: bool) -> Result<(), HistoryError> {
        let mut graves = self.graves();
        let sealed = self.seal_all();
        let merged = self.compact_all(&mut graves);
        let derived = self.derive_all(&mut graves, at_once);
        sealed.and(merged).and(derived)
    }
}
