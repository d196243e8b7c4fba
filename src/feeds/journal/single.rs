//! A journal in one file, as a platform records what it serves.

use super::write::LEVEL;
use super::{Entry, JournalError};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes what a platform serves, into one file; `.gz` and `.zst` by its name.
pub struct Single {
    file: PathBuf,
    out: Box<dyn Write + Send>,
}

impl Single {
    /// # Errors
    /// [`JournalError`] when the file can't be made.
    pub fn create(file: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError { file: file.to_owned(), source };
        let created = io::BufWriter::new(File::create(file).map_err(failed)?);
        let out: Box<dyn Write + Send> = match file.extension().and_then(|e| e.to_str()) {
            Some("gz") => Box::new(flate2::write::GzEncoder::new(created, flate2::Compression::default())),
            Some("zst") => Box::new(zstd::stream::write::Encoder::new(created, LEVEL).map_err(failed)?.auto_finish()),
            _ => Box::new(created),
        };
        Ok(Self { file: file.to_owned(), out })
    }

    /// # Errors
    /// [`JournalError`], e.g. when the disk is full.
    pub fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let line = serde_json::to_string(entry).map_err(io::Error::other);
        let written = line.and_then(|line| writeln!(self.out, "{line}"));
        written.map_err(|source| JournalError { file: self.file.clone(), source })
    }

    /// Puts on disk what is in memory.
    ///
    /// # Errors
    /// [`JournalError`], e.g. when the disk is full.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.out.flush().map_err(|source| JournalError { file: self.file.clone(), source })
    }
}
