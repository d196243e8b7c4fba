//! What is more in a city package than in any tileset: its manifest, and whether what it was made from is still the same.

use crate::city::CityError;
use crate::city::tileset::{TilesetPlace, is_tileset};
use crate::ogc::archive::{Archive, FILE_BYTES_MAX};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A city package's manifest and what became of its sources.
#[derive(Debug, Serialize)]
pub struct PackageSummary {
    /// `city.toml` as it is.
    pub manifest: toml::Table,
    /// Of each source, in the manifest's order.
    pub sources: Vec<(String, SourceState)>,
}

/// Whether a source is what the package was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Beside the package, and of the same checksum.
    Same,
    /// Beside the package, and changed since.
    Changed,
    /// Not beside the package; a manifest names no folders.
    NotHere,
}

/// A `.3tz` as an archive.
#[derive(Debug, Serialize)]
pub struct ArchiveSummary {
    pub files: u64,
    /// On disk, and unpacked.
    pub packed_bytes: u64,
    pub bytes: u64,
    /// It has an index that finds every file.
    pub indexed: bool,
    /// Files whose bytes are not what their checksum says, the first few, and how many.
    pub damaged: Vec<String>,
    pub damaged_count: u64,
}

pub(super) fn package(at: &TilesetPlace) -> Result<Option<PackageSummary>, CityError> {
    let wrong = |why: String| CityError::unusable(&at.shown, format!("city.toml: {why}; build the package again"));
    // What can't be had is not told as missing: most tilesets are no package.
    let Ok(text) = at.files.read("city.toml") else { return Ok(None) };
    let manifest: toml::Table =
        String::from_utf8_lossy(&text).parse().map_err(|e: toml::de::Error| wrong(e.to_string().trim_end().to_owned()))?;
    let folder = at.shown.canonicalize().ok().and_then(|p| Some(p.parent()?.to_owned())).unwrap_or_default();
    let sources = manifest.get("sources").and_then(toml::Value::as_array).into_iter().flatten();
    let sources = sources.filter_map(|s| {
        let file = s.get("file")?.as_str()?;
        Some((file.to_owned(), state(&folder, file, s.get("sha256")?.as_str()?)))
    });
    Ok(Some(PackageSummary { sources: sources.collect(), manifest }))
}

fn state(folder: &Path, file: &str, sha256: &str) -> SourceState {
    let here = crate::ogc::archive::inside(file).map(|name| folder.join(name)).filter(|p| p.exists());
    match here.and_then(digest) {
        None => SourceState::NotHere,
        Some(found) if found == sha256 => SourceState::Same,
        Some(_) => SourceState::Changed,
    }
}

fn digest(file: PathBuf) -> Option<String> {
    let hash: [u8; 32] = if is_tileset(&file) {
        TilesetPlace::open(&file).ok()?.digest()
    } else {
        let (mut file, mut hash, mut buffer) = (std::fs::File::open(file).ok()?, Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer).ok()? {
                0 => break hash.finalize().into(),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    Some(hash.iter().map(|b| format!("{b:02x}")).collect())
}

pub(super) fn archive(path: &Path) -> Result<ArchiveSummary, CityError> {
    let wrong = |e: crate::ogc::archive::ArchiveError| CityError::unusable(path, e.to_string());
    let archive = Archive::open(path).map_err(wrong)?;
    let entries = archive.entries().map_err(wrong)?;
    let mut summary = ArchiveSummary {
        files: entries.len() as u64,
        packed_bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
        bytes: entries.iter().map(|e| e.bytes).fold(0, u64::saturating_add),
        indexed: archive.indexed,
        damaged: Vec::new(),
        damaged_count: 0,
    };
    // What says it unpacks to far more than it is, is not unpacked to find out.
    let honest = summary.bytes <= summary.packed_bytes.saturating_mul(50).saturating_add(4 * FILE_BYTES_MAX);
    for entry in entries.iter().filter(|_| honest) {
        if let Err(e) = archive.read(&entry.name) {
            summary.damaged_count += 1;
            if summary.damaged.len() < super::TilesetSummary::MISSING_MAX {
                summary.damaged.push(e.to_string());
            }
        }
    }
    if !honest {
        return Err(CityError::unusable(path, format!("it says it unpacks to {} bytes; is it damaged?", summary.bytes)));
    }
    Ok(summary)
}
