//! A package in one file: built as a folder beside it, then packed.

use super::PackageError;
use super::outcome::BUILD_FILE;
use crate::ogc::archive::{Archive, ArchiveError, ArchiveWriter, Packed, is_archive};
use rayon::prelude::*;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Files packed at a time: some tens of megabytes in memory.
const BATCH: usize = 64;

/// A `.3tz` to be made of a package. Its folder is removed when dropped.
pub struct Packing {
    folder: PathBuf,
    out: PathBuf,
}

impl Packing {
    /// Of `out`, when it is named as an archive; `None` for a folder.
    ///
    /// # Errors
    /// [`PackageError::NotAPackage`] when a file that is no archive is at its place.
    pub fn of(out: &Path) -> Result<Option<Self>, PackageError> {
        if !is_archive(out) || out.is_dir() {
            return Ok(None);
        }
        if out.exists() && Archive::open(out).is_err() {
            return Err(PackageError::NotAPackage { dir: out.to_owned() });
        }
        Ok(Some(Self { folder: sibling(out, "folder"), out: out.to_owned() }))
    }

    /// Where the package is to be built.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Packs the folder: all files but what only the next build of a folder needs, in the order of their names, so that the same package
    /// gives the same bytes.
    ///
    /// # Errors
    /// [`PackageError::Io`] and [`PackageError::Archive`]; an archive that was there then stays.
    pub fn pack(self) -> Result<(), PackageError> {
        let mut names = Vec::new();
        list(&self.folder, "", &mut names)?;
        names.retain(|n| n != BUILD_FILE);
        names.sort();
        let new = sibling(&self.out, "new");
        let written = self.write(&new, &names);
        if written.is_err() {
            // It is no archive yet; whether it goes or not, the error is the one above.
            let _ = std::fs::remove_file(&new);
        }
        written?;
        std::fs::rename(&new, &self.out).map_err(PackageError::io(&self.out))
    }

    fn write(&self, new: &Path, names: &[String]) -> Result<(), PackageError> {
        let mut writer = ArchiveWriter::create(new)?;
        for batch in names.chunks(BATCH) {
            let packed = |name: &String| {
                let path = self.folder.join(name);
                std::fs::read(&path).map(Packed::new).map_err(PackageError::io(path))
            };
            let packed: Vec<Packed> = batch.par_iter().map(packed).collect::<Result<_, _>>()?;
            batch.iter().zip(packed).try_for_each(|(name, packed)| writer.add_packed(name, packed))?;
        }
        Ok(writer.finish()?)
    }
}

impl Drop for Packing {
    fn drop(&mut self) {
        // A build that failed has left none.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl From<ArchiveError> for PackageError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { file, source } => Self::Io { path: file, source },
            other => Self::Archive(other),
        }
    }
}

/// Names of all files below `dir`, with forward slashes.
fn list(dir: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), PackageError> {
    for entry in std::fs::read_dir(dir).map_err(PackageError::io(dir))? {
        let entry = entry.map_err(PackageError::io(dir))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// `DIR/NAME` -> `DIR/.NAME.KIND-PID`.
fn sibling(out: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(out.file_name().unwrap_or_default());
    name.push(format!(".{kind}-{}", std::process::id()));
    out.with_file_name(name)
}
