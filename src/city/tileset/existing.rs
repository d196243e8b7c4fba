//! Tilesets passed through into a package as they are: the files they name, and nothing else of their folder.

use super::files::{TilesetFiles, TilesetPlace};
use super::references;
use super::tiles::{self, Reference, Tile, numbers};
use super::volume::region_of;
use super::walk::{Part, Visit, walk};
use crate::city::report::BuildReport;
use crate::city::{CityError, ModelPlace};
use crate::geo::Region;
use glam::DMat4;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A tileset that is to stand in a package.
pub struct ExistingTileset {
    at: TilesetPlace,
    /// 3D Tiles version of its root file.
    pub version: String,
    /// Of its root, in its own frame where it is placed by hand.
    root: Value,
    /// Metres: how wrong it is to draw nothing of it.
    pub error_m: f64,
    place: Option<ModelPlace>,
}

/// What was copied.
#[derive(Debug, Default)]
pub struct Copied {
    pub files: u64,
    /// Files that hold something to draw.
    pub contents: u64,
    pub bytes: u64,
    /// Of all names and all bytes, in the order of the names.
    pub sha256: [u8; 32],
}

impl ExistingTileset {
    /// Reads the root of a tileset. `place` is where one that has a frame of its own stands; one that stands on Earth keeps its place.
    ///
    /// # Errors
    /// [`CityError`] for what is no tileset of 3D Tiles 1.0 or 1.1, and for one that stands nowhere.
    pub fn open(at: TilesetPlace, place: Option<ModelPlace>) -> Result<Self, CityError> {
        let wrong = |why: String| CityError::unusable(&at.shown, why);
        let bytes = at.files.read(&at.root).map_err(|why| wrong(format!("{}: {why}", at.root)))?;
        let json: Value = serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).map_err(|e| {
            let mend = "build or download the tileset again";
            CityError::Json { file: at.shown.clone(), line: e.line(), column: e.column(), why: e.to_string(), mend }
        })?;
        tiles::of_tileset(&at.root, &json, tiles::Above::ROOT).map_err(|f| wrong(f.to_string()))?;
        let root = json["root"].clone();
        let on_earth = region_of(&root, &DMat4::IDENTITY).is_some();
        let placed = place.filter(|_| !on_earth);
        if !on_earth && placed.is_none() {
            let why = "the tileset stands in a frame of its own and not on Earth; say where with --place LON,LAT,HEIGHT,HEADING";
            return Err(wrong(why.to_owned()));
        }
        if let Some(fault) = placed.and_then(|p| p.fault()) {
            return Err(wrong(fault));
        }
        let error = |json: &Value| json["geometricError"].as_f64().filter(|e| e.is_finite() && *e >= 0.0).unwrap_or(0.0);
        let error_m = error(&json).max(error(&root)) * placed.map_or(1.0, |p| p.scale);
        let version = json["asset"]["version"].as_str().unwrap_or_default().to_owned();
        Ok(Self { at, version, root, error_m, place: placed })
    }

    /// The path or address that was given.
    pub fn shown(&self) -> &Path {
        &self.at.shown
    }

    pub(crate) fn files(&self) -> &dyn TilesetFiles {
        &*self.at.files
    }

    /// Short name, for its folder.
    pub fn name(&self) -> &str {
        &self.at.name
    }

    /// Name of its root file.
    pub fn root(&self) -> &str {
        &self.at.root
    }

    /// Where it is to be placed, when it was not on Earth.
    pub fn place(&self) -> Option<ModelPlace> {
        self.place
    }

    /// The transform that places it, for one that has a frame of its own; `ground_m` is the ground's height there.
    pub fn transform(&self, ground_m: f64) -> Option<DMat4> {
        self.place.map(|p| p.ecef_from_z_up(ground_m))
    }

    /// Region around its root. A region that is placed by hand can't be: it says itself where it is.
    pub fn region(&self, transform: Option<DMat4>) -> Option<Region> {
        let placed = transform.unwrap_or(DMat4::IDENTITY);
        region_of(&self.root, &placed).filter(|_| transform.is_none() || numbers::<6>(&self.root["boundingVolume"]["region"]).is_none())
    }

    /// Puts the tileset's files into `dir`: by hard link where they are on the same disk, else by copying. What can't be had is counted in
    /// `report`.
    ///
    /// # Errors
    /// When `dir` can't be written, or the tileset unpacks to more than its archive can honestly hold.
    pub fn copy(&self, dir: &Path, report: &mut BuildReport) -> Result<Copied, CityError> {
        self.at.take(Some(dir), report)
    }
}

impl TilesetPlace {
    /// SHA-256 of the names and bytes of all files of the tileset.
    pub fn digest(&self) -> [u8; 32] {
        // What is missing is told where the tileset is read.
        self.take(None, &mut BuildReport::default()).map(|c| c.sha256).unwrap_or_default()
    }

    fn take(&self, dir: Option<&Path>, report: &mut BuildReport) -> Result<Copied, CityError> {
        let files = &*self.files;
        let mut copy = Copy { files, shown: &self.shown, dir, report, done: BTreeMap::new(), made: Copied::default(), failed: None };
        walk(files, &self.root, &mut copy);
        let Copy { done, mut made, failed, .. } = copy;
        failed.map_or(Ok(()), Err)?;
        let mut all = Sha256::new();
        for (name, hash) in &done {
            all.update(name.as_bytes());
            all.update([0]);
            all.update(hash);
        }
        (made.sha256, made.files) = (all.finalize().into(), done.len() as u64);
        Ok(made)
    }
}

struct Copy<'a> {
    files: &'a dyn TilesetFiles,
    shown: &'a Path,
    /// `None` when nothing is written and only the digest is asked for.
    dir: Option<&'a Path>,
    report: &'a mut BuildReport,
    /// SHA-256 by name.
    done: BTreeMap<String, [u8; 32]>,
    made: Copied,
    failed: Option<CityError>,
}

impl Copy<'_> {
    /// Writes one file, once; whether it is new.
    fn take(&mut self, name: &str, bytes: &[u8]) -> bool {
        if self.failed.is_some() || self.done.contains_key(name) {
            return false;
        }
        self.made.bytes += bytes.len() as u64;
        if self.made.bytes > self.files.unpacked_bytes_max() {
            let why = format!(
                "it unpacks to more than {} bytes, far more than such an archive holds; is it damaged?",
                self.files.unpacked_bytes_max()
            );
            self.failed = Some(CityError::unusable(self.shown, why));
            return false;
        }
        let to = self.dir.map(|dir| dir.join(name));
        if let Some((to, Err(source))) = to.map(|to| (to.clone(), put(self.files.path(name).as_deref(), &to, bytes))) {
            self.failed = Some(CityError::Write { file: to, source });
            return false;
        }
        self.done.insert(name.to_owned(), Sha256::digest(bytes).into());
        true
    }

    /// What a file names beside it: buffers, pictures, models of instances and what these name.
    fn beside(&mut self, name: &str, bytes: &[u8], depth: usize) {
        for uri in references::of_content(bytes) {
            match tiles::resolve(name, &uri) {
                Reference::Inside(file) if self.done.contains_key(&file) => {}
                Reference::Inside(file) => match self.files.read(&file) {
                    Ok(bytes) => {
                        if self.take(&file, &bytes) && depth < 4 {
                            self.beside(&file, &bytes, depth + 1);
                        }
                    }
                    Err(why) => self.missing(&file, &why),
                },
                Reference::Network(address) => self.remote(&address),
                Reference::Outside(uri) => self.missing(&uri, "it leads out of the tileset's folder and is not taken"),
            }
        }
    }
}

impl Visit for Copy<'_> {
    fn tile(&mut self, _: &Tile) {}

    fn wants(&self, _: &Tile) -> bool {
        self.failed.is_none()
    }

    fn content(&mut self, _: &Tile, name: &str, bytes: Option<Vec<u8>>) {
        if let Some(bytes) = bytes
            && self.take(name, &bytes)
        {
            self.made.contents += 1;
            self.beside(name, &bytes, 0);
        }
    }

    fn part(&mut self, name: &str, bytes: &[u8], _: Part) {
        self.take(name, bytes);
    }

    fn missing(&mut self, name: &str, why: &str) {
        self.report.warn("a file that an existing tileset names can't be had", &format!("{}: {name}: {why}", self.shown.display()));
    }

    fn remote(&mut self, address: &str) {
        let reason = "an existing tileset names a file on the network: it stays there, and screens fetch it";
        self.report.warn(reason, &format!("{}: {address}", self.shown.display()));
    }
}

/// `from` at `to` without copying where the file system can, else `bytes`.
fn put(from: Option<&Path>, to: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A link to a link would follow it out of the tileset's folder; what it leads to is copied.
    let plain = from.filter(|f| std::fs::symlink_metadata(f).is_ok_and(|m| m.is_file()));
    match plain {
        Some(from) if std::fs::hard_link(from, to).is_ok() => Ok(()),
        _ => std::fs::write(to, bytes),
    }
}

/// Where files were taken from, for the manifest: the last part of a path, or the address.
pub(crate) fn shown_name(shown: &Path) -> String {
    let text = shown.to_string_lossy();
    if text.contains("://") {
        return text.into_owned();
    }
    let called: PathBuf = shown.canonicalize().unwrap_or_else(|_| shown.to_owned());
    called.file_name().map_or_else(|| text.into_owned(), |n| n.to_string_lossy().into_owned())
}
