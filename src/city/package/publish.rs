//! A package appears whole or not at all: written into a sibling folder, renamed at the end.

use super::PackageError;
use crate::city::report::BuildReport;
use crate::model::city::CityManifest;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Refuses to replace a folder that is no city package.
pub fn check(out: &Path) -> Result<(), PackageError> {
    let foreign = match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some() && !out.join(CityManifest::FILE).is_file(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) => return Err(PackageError::io(out)(e)),
    };
    if foreign { Err(PackageError::NotAPackage { dir: out.to_owned() }) } else { Ok(()) }
}

/// The folder being written; removed when dropped before [`Draft::publish`].
pub struct Draft {
    dir: PathBuf,
    out: PathBuf,
}

impl Draft {
    /// Makes the folder beside `out`, so that the renaming stays on one file system.
    pub fn new(out: &Path) -> Result<Self, PackageError> {
        let dir = sibling(out, "new");
        // Left over from a process of the same number that was killed.
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(PackageError::io(&dir))?;
        }
        std::fs::create_dir_all(&dir).map_err(PackageError::io(&dir))?;
        Ok(Self { dir, out: out.to_owned() })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts the finished folder in the place of the old one.
    pub fn publish(self) -> Result<(), PackageError> {
        let old = sibling(&self.out, "old");
        let had_old = self.out.exists();
        if had_old {
            std::fs::rename(&self.out, &old).map_err(PackageError::io(&self.out))?;
        }
        if let Err(e) = std::fs::rename(&self.dir, &self.out) {
            if had_old {
                // The old package goes back; should that fail too it is still whole, under its other name.
                let _ = std::fs::rename(&old, &self.out);
            }
            return Err(PackageError::io(&self.out)(e));
        }
        if had_old {
            std::fs::remove_dir_all(&old).map_err(PackageError::io(&old))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After publishing the folder is gone under this name, and there is nothing to remove.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// `DIR/NAME` -> `DIR/.NAME.KIND-PID`.
fn sibling(out: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(out.file_name().unwrap_or_else(|| "package".as_ref()));
    name.push(format!(".{kind}-{}", std::process::id()));
    out.with_file_name(name)
}

pub fn write_text(path: &Path, text: &str) -> Result<(), PackageError> {
    std::fs::write(path, text).map_err(PackageError::io(path))
}

/// The report as JSON without what differs between two builds of the same input: time, memory, and what could be taken over.
pub fn write_report(path: &Path, report: &BuildReport) -> Result<(), PackageError> {
    let json = |source| PackageError::Json { path: path.to_owned(), source };
    let mut value = serde_json::to_value(report).map_err(json)?;
    if let Value::Object(map) = &mut value {
        map.shift_remove("seconds");
        map.shift_remove("tiles_kept");
        map.shift_remove("peak_rss_mib");
    }
    let text = serde_json::to_string_pretty(&value).map_err(json)?;
    write_text(path, &(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_leaves_the_old_package_and_no_rubbish() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("city");
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.join(CityManifest::FILE), "old").unwrap();
        let draft = Draft::new(&out).unwrap();
        std::fs::write(draft.dir().join(CityManifest::FILE), "half").unwrap();
        drop(draft);
        assert_eq!(std::fs::read_to_string(out.join(CityManifest::FILE)).unwrap(), "old");
        let draft = Draft::new(&out).unwrap();
        std::fs::write(draft.dir().join(CityManifest::FILE), "new").unwrap();
        draft.publish().unwrap();
        assert_eq!(std::fs::read_to_string(out.join(CityManifest::FILE)).unwrap(), "new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn somebody_elses_folder_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path()).is_ok() && check(&dir.path().join("none")).is_ok());
        std::fs::write(dir.path().join("thesis.txt"), "years").unwrap();
        assert!(matches!(check(dir.path()), Err(PackageError::NotAPackage { .. })));
    }
}
