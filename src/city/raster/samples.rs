//! Samples of a raster: in memory while they are few, else in a file that the operating system pages in and out.

use bytemuck::Pod;
use memmap2::Mmap;
use std::fmt;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that all rasters of one build keep in memory; what is beyond goes to files.
const MEMORY_MAX: u64 = 256 << 20;
/// Bytes that they take on disk at most: more than any machine has spare is a broken header.
const DISK_MAX: u64 = 64 << 30;

/// Where rasters that are too big for memory are kept while a build runs.
pub struct Scratch {
    dir: PathBuf,
    memory_max: u64,
    in_memory: AtomicU64,
    on_disk: AtomicU64,
    files: AtomicU64,
}

impl Scratch {
    /// Files go to `dir`, which is made when it is first needed; they have no name there and vanish with the program, however it ends.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let zero = || AtomicU64::new(0);
        Self { dir: dir.into(), memory_max: MEMORY_MAX, in_memory: zero(), on_disk: zero(), files: zero() }
    }

    /// In the system's folder for temporary files.
    pub fn temporary() -> Self {
        Self::new(std::env::temp_dir())
    }

    /// With another bound for what stays in memory, in bytes.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory_max = bytes;
        self
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Room for `width` x `height` samples, all zero.
    ///
    /// # Errors
    /// The disk refuses, or all rasters together would take more than it may hold.
    pub(crate) fn canvas<T: Pod>(&self, width: usize, height: usize) -> io::Result<Canvas<T>> {
        let count = width.checked_mul(height).ok_or(io::ErrorKind::FileTooLarge)?;
        let bytes = count.checked_mul(size_of::<T>()).ok_or(io::ErrorKind::FileTooLarge)? as u64;
        let before = self.in_memory.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.memory_max {
            return Ok(Canvas { width, kept: Kept::Memory(vec![T::zeroed(); count]) });
        }
        self.in_memory.fetch_sub(bytes, Ordering::Relaxed);
        if self.on_disk.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > DISK_MAX {
            let why = format!("all rasters together are over {} GiB; build the city in parts with --extent", DISK_MAX >> 30);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        std::fs::create_dir_all(&self.dir)?;
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!(".yiping-raster-{}-{number}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(&path)?;
        file.set_len(bytes)?;
        Ok(Canvas { width, kept: Kept::File(file) })
    }
}

enum Kept<T> {
    Memory(Vec<T>),
    File(File),
}

/// A raster being written.
pub(crate) struct Canvas<T> {
    width: usize,
    kept: Kept<T>,
}

impl<T: Pod> Canvas<T> {
    /// Puts samples from a place on eastwards; what would stick out is left out.
    pub fn put(&mut self, column: usize, row: usize, values: &[T]) -> io::Result<()> {
        let Some(room) = self.width.checked_sub(column) else { return Ok(()) };
        let values = &values[..values.len().min(room)];
        let start = row * self.width + column;
        match &mut self.kept {
            Kept::Memory(all) => {
                if let Some(part) = all.get_mut(start..start + values.len()) {
                    part.copy_from_slice(values);
                }
                Ok(())
            }
            // Written and not mapped: a full disk is an error then, and not the end of the program.
            Kept::File(file) => file.write_all_at(bytemuck::cast_slice(values), (start * size_of::<T>()) as u64),
        }
    }

    pub fn finish(self) -> io::Result<Samples<T>> {
        Ok(match self.kept {
            Kept::Memory(all) => Samples(Store::Memory(all)),
            // SAFETY: the file has no name and this program holds its only handle, which goes here: nobody can change or shorten it.
            Kept::File(file) => Samples(Store::File(Arc::new(unsafe { Mmap::map(&file)? }), PhantomData)),
        })
    }
}

/// Samples row by row; a slice to whoever reads them.
#[derive(Clone)]
pub struct Samples<T>(Store<T>);

#[derive(Clone)]
enum Store<T> {
    Memory(Vec<T>),
    File(Arc<Mmap>, PhantomData<T>),
}

impl<T> From<Vec<T>> for Samples<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Store::Memory(values))
    }
}

impl<T> FromIterator<T> for Samples<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Store::Memory(values.into_iter().collect()))
    }
}

impl<T: Pod> Deref for Samples<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Store::Memory(values) => values,
            // A mapping starts at a page, which is aligned for every number.
            Store::File(map, _) => bytemuck::cast_slice(map),
        }
    }
}

impl<T: Pod> fmt::Debug for Samples<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} samples", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_from_memory_and_from_disk() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path()).with_memory(24);
        for _ in 0..3 {
            let mut canvas = scratch.canvas::<f32>(3, 2).unwrap();
            canvas.put(1, 0, &[1.0, 2.0, 9.0]).unwrap();
            canvas.put(0, 1, &[3.0]).unwrap();
            assert_eq!(*canvas.finish().unwrap(), [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
        }
        assert_eq!(scratch.on_disk.load(Ordering::Relaxed), 48, "the first stays in memory");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files have no names");
        assert!(scratch.canvas::<f32>(1 << 20, 1 << 20).is_err());
    }
}
