//! Files of tilesets from the network, kept on this machine's disk: least recently used go first, several processes may share one folder.
//!
//! An entry is one file, written beside and renamed into place, so that nobody reads half of one. What is wrong with the cache never is an
//! error of a tile: a broken entry is dropped and counted, a folder that can't be written turns writing off with one message.
//! Never here: the network (`cached` asks) or what HTTP says of freshness (crate `http-cache-semantics`).

mod entry;
#[cfg(test)]
mod tests;

pub use entry::Entry;

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Of all tilesets of this machine together.
const BYTES_MAX_USUAL: u64 = 4 << 30;
/// Below the folder given: nothing of somebody else's is ever touched, and another layout of ours gets another name.
const OWN_FOLDER: &str = "tiles-1";
const ENTRY: &str = "tile";
const HALF_WRITTEN: &str = "part";
/// A file that a process left half written is removed when it is this old.
const HALF_WRITTEN_MAX: Duration = Duration::from_secs(3600);
/// An entry takes at most this part of the whole.
const ENTRY_SHARE: u64 = 4;
/// When room is made, this part of the limit stays free, so that it is not made with every entry.
const ROOM_SHARE: u64 = 10;
/// After so many bytes of its own, as a part of the limit, a process looks again what the others wrote.
const LOOK_AGAIN_SHARE: u64 = 16;

/// Where files from the network are kept, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheOptions {
    pub folder: PathBuf,
    /// Bytes on disk, of all processes that share the folder.
    pub bytes_max: u64,
}

impl Default for CacheOptions {
    /// `$XDG_CACHE_HOME/yiping/tiles`, else `~/.cache/yiping/tiles`; 4 GiB.
    fn default() -> Self {
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = || set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_else(std::env::temp_dir).join(".cache");
        let base = set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).unwrap_or_else(home);
        Self { folder: base.join("yiping").join("tiles"), bytes_max: BYTES_MAX_USUAL }
    }
}

/// What the cache did for one tileset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CacheFigures {
    /// Files taken from disk without asking the server.
    pub fresh: u64,
    /// Files taken from disk because the server said that they have not changed.
    pub unchanged: u64,
    /// Files taken from disk, old as they are, because the server could not be reached.
    pub stale: u64,
    pub stored: u64,
    /// Entries dropped because they were damaged.
    pub broken: u64,
    /// Entries that gave way to newer ones.
    pub evicted: u64,
}

/// A name of an entry that tells nothing of the address or the headers it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Key(String);

impl Key {
    /// Of an address and of the headers sent there: whoever sends others gets an entry of their own.
    pub fn of<'a>(url: &str, headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut lines: Vec<(&str, &[u8])> = headers.collect();
        lines.sort_unstable();
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        part(url.as_bytes());
        lines.into_iter().for_each(|(name, value)| {
            part(name.as_bytes());
            part(value);
        });
        Self(digest.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

/// What lies on the disk, as last seen.
#[derive(Default)]
struct Held {
    /// `None` before the first look.
    bytes: Option<u64>,
    /// Written since.
    written: u64,
}

/// A folder of entries.
pub struct DiskCache {
    folder: PathBuf,
    bytes_max: u64,
    held: Mutex<Held>,
    /// Set when the folder can't be written.
    off: AtomicBool,
    parts: AtomicU64,
    pub(super) counts: Counts,
}

#[derive(Default)]
pub(super) struct Counts {
    pub fresh: AtomicU64,
    pub unchanged: AtomicU64,
    pub stale: AtomicU64,
    stored: AtomicU64,
    broken: AtomicU64,
    evicted: AtomicU64,
}

/// A file in the folder.
struct Lying {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl DiskCache {
    /// Makes the folder, if there is none; where that fails nothing is kept, which is said once.
    pub fn open(options: &CacheOptions) -> Self {
        let this = Self {
            folder: options.folder.join(OWN_FOLDER),
            bytes_max: options.bytes_max,
            held: Mutex::default(),
            off: AtomicBool::new(false),
            parts: AtomicU64::new(0),
            counts: Counts::default(),
        };
        if let Err(e) = private_folder(&this.folder) {
            this.turn_off(&e);
        }
        this
    }

    pub fn figures(&self) -> CacheFigures {
        let Counts { fresh, unchanged, stale, stored, broken, evicted } = &self.counts;
        let [fresh, unchanged, stale, stored, broken, evicted] =
            [fresh, unchanged, stale, stored, broken, evicted].map(|n| n.load(Ordering::Relaxed));
        CacheFigures { fresh, unchanged, stale, stored, broken, evicted }
    }

    /// An entry, which thereby is the most recently used. Reads a file: not for a thread that must not wait.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let path = self.path(key);
        match Entry::read(&path) {
            Ok(entry) => {
                // Its time of change is its time of use. A folder that can only be read keeps its order.
                let touched = std::fs::File::options().append(true).open(&path).and_then(|f| f.set_modified(SystemTime::now()));
                if let Err(e) = touched {
                    tracing::debug!(error = %e, "a cache entry keeps its time of use");
                }
                Some(entry)
            }
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                self.counts.broken.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(path = %path.display(), "a damaged file of the tile cache is dropped");
                self.remove(&path);
                None
            }
            Err(_) => None,
        }
    }

    /// Keeps an entry, making room for it. Writes files: not for a thread that must not wait.
    pub fn put(&self, key: &Key, entry: &Entry) {
        let bytes = entry.bytes();
        if self.off.load(Ordering::Relaxed) || bytes > self.bytes_max / ENTRY_SHARE {
            return;
        }
        let written = self.make_room(bytes).and_then(|()| self.write(key, entry));
        match written {
            Ok(()) => drop(self.counts.stored.fetch_add(1, Ordering::Relaxed)),
            Err(e) => self.turn_off(&e),
        }
    }

    fn write(&self, key: &Key, entry: &Entry) -> std::io::Result<()> {
        let path = self.path(key);
        path.parent().map_or(Ok(()), private_folder)?;
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        // Two caches of one process may share the folder: their own address tells them apart.
        let part = self.folder.join(format!("{}-{:p}-{number}.{HALF_WRITTEN}", std::process::id(), self));
        let written = entry.write(&part).and_then(|()| std::fs::rename(&part, &path));
        if written.is_err() {
            self.remove(&part);
        }
        written
    }

    /// Lets the least recently used go until `bytes` more fit.
    fn make_room(&self, bytes: u64) -> std::io::Result<()> {
        // What it holds is a number and a guess: a panic elsewhere leaves nothing wrong.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.bytes.filter(|_| held.written < self.bytes_max / LOOK_AGAIN_SHARE);
        if let Some(now) = known.filter(|n| n + bytes <= self.bytes_max) {
            held.bytes = Some(now + bytes);
            held.written += bytes;
            return Ok(());
        }
        let mut lying = self.look()?;
        let mut now: u64 = lying.iter().map(|l| l.bytes).sum();
        if now + bytes > self.bytes_max {
            lying.sort_unstable_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
            let goal = (self.bytes_max - self.bytes_max / ROOM_SHARE).saturating_sub(bytes);
            for oldest in lying {
                if now <= goal {
                    break;
                }
                now -= oldest.bytes;
                self.remove(&oldest.path);
                self.counts.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
        *held = Held { bytes: Some(now + bytes), written: bytes };
        Ok(())
    }

    /// All entries of all processes; what was left half written long ago is removed.
    fn look(&self) -> std::io::Result<Vec<Lying>> {
        let (mut lying, now) = (Vec::new(), SystemTime::now());
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder)?.flatten() {
                // Gone since, by another process.
                let Ok(about) = file.metadata() else { continue };
                let (path, used) = (file.path(), about.modified().unwrap_or(now));
                match path.extension().and_then(|e| e.to_str()) {
                    _ if about.is_dir() => folders.push(path),
                    Some(ENTRY) => lying.push(Lying { used, bytes: about.len(), path }),
                    Some(HALF_WRITTEN) if now.duration_since(used).is_ok_and(|age| age > HALF_WRITTEN_MAX) => self.remove(&path),
                    _ => {}
                }
            }
        }
        Ok(lying)
    }

    fn path(&self, Key(key): &Key) -> PathBuf {
        self.folder.join(&key[..2]).join(format!("{key}.{ENTRY}"))
    }

    fn remove(&self, path: &Path) {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::debug!(path = %path.display(), error = %e, "a file of the tile cache stays");
            }
            _ => {}
        }
    }

    fn turn_off(&self, why: &std::io::Error) {
        if !self.off.swap(true, Ordering::Relaxed) {
            tracing::warn!(folder = %self.folder.display(), error = %why, "tiles from the network are not kept on disk; give another folder (--cache)");
        }
    }
}

/// Tiles may be secret: nobody else of this machine may look into the folder.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
