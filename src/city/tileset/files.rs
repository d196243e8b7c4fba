//! Where the files of a tileset are.

use crate::city::CityError;
use crate::ogc::archive::{self, Archive, ArchiveError, FILE_BYTES_MAX, inside};
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The name of a tileset's root file, where nobody says another.
const ROOT: &str = "tileset.json";

/// JSON of tilesets packs about 1:20; more than this, and more than the bytes below, is a bomb.
const UNPACKED_RATIO_MAX: u64 = 50;
const UNPACKED_BYTES: u64 = 1 << 30;

/// Bytes of a tileset by name. A name is a path below the tileset's folder, with forward slashes.
pub trait TilesetFiles: Sync {
    /// The whole file, at most [`FILE_BYTES_MAX`].
    ///
    /// # Errors
    /// Why it can't be had, in words.
    fn read(&self, name: &str) -> Result<Vec<u8>, String>;

    /// Whether the file is there, without reading it.
    fn has(&self, name: &str) -> bool;

    /// These will be read soon: a store that is far away may fetch several at a time.
    fn prefetch(&self, _names: &[String]) {}

    /// The file on this disk, where it is one.
    fn path(&self, _name: &str) -> Option<PathBuf> {
        None
    }

    /// Bytes that all files together can honestly have.
    fn unpacked_bytes_max(&self) -> u64 {
        u64::MAX
    }
}

/// A tileset: its files, its root among them, and how it is called.
pub struct TilesetPlace {
    pub files: Box<dyn TilesetFiles>,
    /// Name of the root file.
    pub root: String,
    /// As errors and manifests call it: the path or address that was given.
    pub shown: PathBuf,
    /// Short, for a folder inside a package: ASCII letters, digits, `-`, `_` and `.`.
    pub name: String,
}

impl TilesetPlace {
    /// Opens a folder with a `tileset.json`, a `tileset.json` by itself, or a `.3tz`.
    ///
    /// # Errors
    /// [`CityError`] when there is none.
    pub fn open(path: &Path) -> Result<Self, CityError> {
        if archive::is_archive(path) {
            let files = Archive::open(path).map_err(|e| of_archive(path, e))?;
            if !files.contains(ROOT) {
                return Err(CityError::unusable(path, format!("the archive has no {ROOT}; write it again from the tileset's folder")));
            }
            return Ok(Self { files: Box::new(files), root: ROOT.to_owned(), shown: path.to_owned(), name: short_name(path) });
        }
        let (folder, root) = if path.is_dir() {
            (path.to_owned(), ROOT.to_owned())
        } else {
            let root = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned(), root)
        };
        if !folder.join(&root).is_file() {
            return Err(CityError::unusable(path, format!("the folder has no {root}; name the folder or the file of a tileset")));
        }
        let called = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        Ok(Self { files: Box::new(Folder(folder)), root, shown: path.to_owned(), name: short_name(&called) })
    }
}

fn of_archive(path: &Path, error: ArchiveError) -> CityError {
    match error {
        ArchiveError::Io { file, source } => CityError::Open { file, source },
        other => CityError::unusable(path, other.to_string().trim_start_matches(&format!("{}: ", path.display())).to_owned()),
    }
}

/// Whether an input is 3D Tiles: a folder with a `tileset.json`, a `.3tz`, or JSON that has a tileset's root. Reads no more of a file than
/// that takes.
pub fn is_tileset(path: &Path) -> bool {
    if archive::is_archive(path) {
        return path.is_file();
    }
    if path.is_dir() {
        return path.join(ROOT).is_file();
    }
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        return false;
    }
    let mut found = false;
    if let Ok(file) = File::open(path) {
        // Stopped by the first key that tells, which serde takes for an error.
        let _ = serde_json::Deserializer::from_reader(BufReader::new(file)).deserialize_map(FirstKey(&mut found));
    }
    found
}

/// Looks at the keys of an object up to the first that only a tileset has, or never has.
struct FirstKey<'a>(&'a mut bool);

impl<'de> Visitor<'de> for FirstKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "root" | "geometricError" => {
                    *self.0 = true;
                    break;
                }
                // CityJSON and GeoJSON; glTF.
                "type" | "CityObjects" | "features" | "vertices" | "meshes" | "nodes" | "scenes" | "accessors" | "buffers" => break,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Err(serde::de::Error::custom("enough"))
    }
}

/// `Delft 2024/` -> `Delft-2024`.
pub(crate) fn short_name(path: &Path) -> String {
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = stem.unwrap_or_default().to_string_lossy().chars().map(plain).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "tileset".to_owned() } else { name.to_owned() }
}

/// Files of a folder.
struct Folder(PathBuf);

impl TilesetFiles for Folder {
    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.path(name).ok_or("it leads out of the tileset's folder")?;
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(|e| e.to_string())?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > FILE_BYTES_MAX { Err(format!("it has more than {FILE_BYTES_MAX} bytes")) } else { Ok(bytes) }
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).is_some_and(|p| p.is_file())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        inside(name).map(|name| self.0.join(name))
    }
}

impl TilesetFiles for Archive {
    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        Archive::read(self, name).map_err(|e| match e {
            ArchiveError::Missing { .. } => "it is not in the archive".to_owned(),
            other => other.to_string(),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.contains(name)
    }

    fn unpacked_bytes_max(&self) -> u64 {
        let packed = std::fs::metadata(Archive::path(self)).map_or(0, |m| m.len());
        packed.saturating_mul(UNPACKED_RATIO_MAX).saturating_add(UNPACKED_BYTES)
    }
}
