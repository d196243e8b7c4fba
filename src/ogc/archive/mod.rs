//! `.3tz`: a tileset in one file. A zip whose last entry, `@3dtilesIndex1@`, finds each file by the MD5 of its path.
//!
//! Written and read here by hand and not by the crate `zip`: it can neither look an entry up by its offset, which is what the index is for
//! (a city of a million tiles opens without a list of a million names in memory), nor say at which offset it writes one.
//! Source: 3D Tiles Archive Format 1.3 (Maxar, E. Dahlström) and PKWARE's APPNOTE 6.3.

mod format;
mod index;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Archive, Entry};
pub use write::{ArchiveWriter, Packed};

use std::path::{Path, PathBuf};

/// The ending of such files, in lower case.
pub const EXTENSION: &str = "3tz";

/// Largest file taken out of an archive, bytes. City tiles are well under 10 MB; this stops a zip bomb.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// Why an archive can't be read or written.
#[derive(thiserror::Error, Debug)]
pub enum ArchiveError {
    #[error("{file}: {source}")]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{file}: {what}; copy or download the archive again")]
    Damaged { file: PathBuf, what: String },
    #[error("{file}: {what}")]
    Refused { file: PathBuf, what: String },
    #[error("{file}: has no file {name:?}")]
    Missing { file: PathBuf, name: String },
}

/// Whether a path is named as an archive.
pub fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(EXTENSION))
}

/// A name from outside as a path below some folder: forward slashes, no `.`; `None` where it leads out of the folder or can't be a file
/// on every system.
pub fn inside(name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if name.starts_with('/') || name.contains(['\\', '\0', ':']) {
        return None;
    }
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}
