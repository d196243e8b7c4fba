//! Writing: the same files give the same bytes.

use super::format::{DEFLATED, Directory, Header, STORED};
use super::index::{INDEX, Index};
use super::{ArchiveError, FILE_BYTES_MAX};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Deflated only where it saves this part: a tile that is compressed already (meshopt, JPEG) is read faster as it is.
const WORTH: f64 = 0.9;
/// Of the middle of a file, to see whether it packs at all.
const SAMPLE_BYTES: usize = 1 << 14;
const BUFFER_BYTES: usize = 1 << 18;

/// An archive being written. Files go in by the caller's order; sort them by name for an archive that is always the same.
pub struct ArchiveWriter {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    entries: Vec<Header>,
}

impl ArchiveWriter {
    /// Begins an archive; a file that is there is overwritten.
    ///
    /// # Errors
    /// [`ArchiveError::Io`], here and below.
    pub fn create(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::create(path).map_err(|source| ArchiveError::Io { file: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(BUFFER_BYTES, file), at: 0, entries: Vec::new() })
    }

    /// Adds a file, deflated where that pays.
    ///
    /// # Errors
    /// Also for a name or a file that is too long.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        self.add_packed(name, Packed::new(bytes))
    }

    /// As [`ArchiveWriter::add`], for what other threads have packed.
    pub fn add_packed(&mut self, name: &str, packed: Packed) -> Result<(), ArchiveError> {
        let refused = |what: String| ArchiveError::Refused { file: self.path.clone(), what: format!("{name}: {what}") };
        if name.len() > usize::from(u16::MAX) {
            return Err(refused("the name is too long".to_owned()));
        }
        // The index alone may be bigger than a tile.
        if packed.size > FILE_BYTES_MAX && name != INDEX || u32::try_from(packed.size).is_err() {
            return Err(refused(format!("{} bytes (at most {FILE_BYTES_MAX})", packed.size)));
        }
        let Packed { method, crc, size, bytes } = packed;
        let (name, packed) = (name.to_owned(), bytes.len() as u64);
        let header = Header { name, method, crc, packed, size, offset: self.at, ..Header::default() };
        let mut record = Vec::new();
        header.write_local(&mut record);
        self.write(&record)?;
        self.write(&bytes)?;
        self.entries.push(header);
        Ok(())
    }

    /// Writes the index and the directory.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        let index = Index::of(self.entries.iter().map(|e| (e.name.as_str(), e.offset))).write();
        // Stored, so that readers may map it.
        let entries = index.len() as u64 / 24 + 1;
        self.add_packed(INDEX, Packed::stored(index))?;
        let offset = self.at;
        for entry in std::mem::take(&mut self.entries).chunks(1024) {
            let mut records = Vec::new();
            entry.iter().for_each(|e| e.write_entry(&mut records));
            self.write(&records)?;
        }
        let mut ends = Vec::new();
        Directory { offset, bytes: self.at - offset, entries }.write_ends(&mut ends);
        self.write(&ends)?;
        self.file.flush().map_err(|e| self.io(e))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|source| ArchiveError::Io { file: self.path.clone(), source })
    }

    fn io(&self, source: std::io::Error) -> ArchiveError {
        ArchiveError::Io { file: self.path.clone(), source }
    }
}

/// A file as it stands in an archive.
#[derive(Debug)]
pub struct Packed {
    method: u16,
    crc: u32,
    size: u64,
    bytes: Vec<u8>,
}

impl Packed {
    /// Deflated where that pays.
    pub fn new(bytes: Vec<u8>) -> Self {
        let stored = Self::stored(bytes);
        // The middle tells: the beginning of a glb is text that packs well, its vertices do not.
        let sample = stored.bytes.len().saturating_sub(SAMPLE_BYTES) / 2;
        let sample = stored.bytes.get(sample..).map_or(&[][..], |b| b.get(..SAMPLE_BYTES).unwrap_or(b));
        if !stored.bytes.is_empty() && deflate(sample).is_none_or(|d| !pays(d.len(), sample.len())) {
            return stored;
        }
        match deflate(&stored.bytes) {
            // An empty file always: readers take a size of 0 for one that is not said.
            Some(bytes) if stored.bytes.is_empty() || pays(bytes.len(), stored.bytes.len()) => Self { method: DEFLATED, bytes, ..stored },
            _ => stored,
        }
    }

    fn stored(bytes: Vec<u8>) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        Self { method: STORED, crc: crc.sum(), size: bytes.len() as u64, bytes }
    }
}

fn pays(packed: usize, bytes: usize) -> bool {
    (packed as f64) < bytes as f64 * WORTH
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
