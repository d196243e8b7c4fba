//! What a tileset has to say: tiles given up and things left out, for whoever lists them and for the log.

use super::{Failure, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Failures kept for the list on screen; beyond it they are only counted.
const FAILURES_LISTED_MAX: usize = 1000;
/// Of them in [`Progress::recent_failures`].
const FAILURES_RECENT: usize = 8;
/// Failures that have a line of the log each; of more, the count is logged whenever it has doubled. A dead server must not fill the disk.
const FAILURES_LOGGED: usize = 20;
/// Distinct notes kept and logged.
const NOTES_MAX: usize = 100;
/// What a tileset says whose server can't be reached.
const OFFLINE_NOTE: &str = "the server can't be reached; files kept on this machine's disk are drawn, old as they are";

/// What a tileset says whose picture has holes for want of memory.
const LACKING_NOTE: &str = "memory does not suffice for the coarsest tiles in view; give tiles more, or look at less";

#[derive(Debug, Default)]
pub(super) struct Said {
    failures: Vec<Failure>,
    /// Of the list above and beyond it.
    failed: usize,
    recent: Arc<[Failure]>,
    /// Failures told to the log, ever.
    logged: usize,
    notes: BTreeMap<String, usize>,
    offline_told: bool,
}

impl Said {
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    pub fn fail(&mut self, failure: Failure) {
        self.logged += 1;
        if self.logged <= FAILURES_LOGGED {
            let Failure { tile, uri, error } = &failure;
            tracing::error!(tile = tile.0, uri, %error, "a tile is given up; what stands in for it stays");
        } else if self.logged.is_power_of_two() {
            tracing::error!(tiles = self.logged, error = %failure.error, "more tiles are given up, this one the last of them");
        }
        self.failed += 1;
        self.recent = std::iter::once(&failure).chain(&*self.recent).take(FAILURES_RECENT).cloned().collect();
        if self.failures.len() < FAILURES_LISTED_MAX {
            self.failures.push(failure);
        }
    }

    pub fn forget_failures(&mut self) {
        (self.failures, self.failed, self.recent) = (Vec::new(), 0, Arc::default());
    }

    /// Of the tile at `uri`; the first tile with a note is told to the log.
    pub fn note(&mut self, note: &str, uri: &str) {
        if let Some(tiles) = self.notes.get_mut(note) {
            *tiles += 1;
        } else if self.notes.len() < NOTES_MAX {
            tracing::warn!(uri, note, "a tile is drawn without something, and others may be; this is told once");
            self.notes.insert(note.to_owned(), 1);
        }
    }

    /// Puts what there is to say into the figures. `stale` files were taken from the disk because their server at `address` can't be reached;
    /// so many tiles are `lacking` for want of memory.
    pub fn put(&mut self, stale: usize, lacking: usize, address: &str, progress: &mut Progress) {
        if stale > 0 && !std::mem::replace(&mut self.offline_told, true) {
            tracing::warn!(address, "{OFFLINE_NOTE}");
        }
        let offline = (stale > 0).then(|| (OFFLINE_NOTE.to_owned(), stale));
        progress.notes = self.notes.iter().map(|(note, n)| (note.clone(), *n)).chain(offline).collect();
        if lacking > 0 {
            progress.notes.insert(LACKING_NOTE.to_owned(), lacking);
        }
        (progress.failed, progress.recent_failures) = (self.failed, self.recent.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::{TileError, TileId};
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        let to = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn failure(i: u32) -> Failure {
        let uri = format!("https://tiles.example/{i}.glb");
        Failure { tile: TileId(i), error: TileError::Fetch { url: uri.clone(), why: "it is gone".into(), retry: false }, uri }
    }

    #[test]
    fn the_last_failures_are_at_hand_and_the_log_is_not_flooded() {
        let (mut said, mut progress) = (Said::default(), Progress::default());
        let log = lines(|| (0..5000).for_each(|i| said.fail(failure(i))));
        said.put(0, 0, "", &mut progress);
        assert_eq!((progress.failed, said.failures().len()), (5000, FAILURES_LISTED_MAX));
        let recent: Vec<_> = progress.recent_failures.iter().map(|f| (f.tile.0, f.uri.as_str(), f.error.to_string())).collect();
        assert_eq!(recent[0], (4999, "https://tiles.example/4999.glb", "https://tiles.example/4999.glb: it is gone".to_owned()));
        assert_eq!((recent.len(), recent[7].0), (FAILURES_RECENT, 4992));
        assert!(log.len() > FAILURES_LOGGED && log.len() < FAILURES_LOGGED + 10, "{} lines", log.len());
        assert!(log[0].contains("https://tiles.example/0.glb") && log[log.len() - 1].contains("4096"), "{log:?}");
        said.forget_failures();
        said.put(0, 0, "", &mut progress);
        assert_eq!((progress.failed, progress.recent_failures.len()), (0, 0));
    }

    #[test]
    fn each_note_is_logged_once_and_counted_always() {
        let (mut said, mut progress) = (Said::default(), Progress::default());
        let log = lines(|| {
            for i in 0..3 {
                said.note("points are drawn as small tetrahedra", &format!("https://tiles.example/{i}.pnts"));
                said.put(i, 0, "https://tiles.example/tileset.json", &mut progress);
            }
        });
        let counted: Vec<_> = progress.notes.values().copied().collect();
        assert_eq!((counted, log.len()), (vec![3, 2], 2));
        assert!(log[0].contains("0.pnts") && log[0].contains("tetrahedra") && log[1].contains("can't be reached"), "{log:?}");
    }
}
