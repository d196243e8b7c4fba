//! Existing tilesets in a package: their files under `imported/NAME/`, and a place in its root.

use super::PackageError;
use super::tileset::Tile;
use crate::city::report::BuildReport;
use crate::city::tileset::{ExistingTileset, shown_name};
use crate::geo::{Heights, Region};
use crate::model::city::{SourceEntry, TilesetEntry, TilesetRole};
use glam::DMat4;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What such a tileset is placed in: WGS 84 with ellipsoidal heights, as all 3D Tiles on Earth.
const CRS: &str = "EPSG:4979";

/// A tileset that was passed through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Of its root file inside the package, with forward slashes.
    path: String,
    #[serde(with = "super::bits")]
    region: [f64; 6],
    #[serde(with = "super::bits")]
    error_m: [f64; 1],
    /// Column-major; `None` where it stands on Earth by itself.
    placed: Option<Placed>,
    pub contents: u64,
    pub source: SourceEntry,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Placed(#[serde(with = "super::bits")] [f64; 16]);

impl Imported {
    /// Copies a tileset into the folder of a package. `taken` are the paths of those before it, `ground_m` the height of the ground where it
    /// is to stand.
    ///
    /// # Errors
    /// When it can't be copied, or stands nowhere.
    pub fn take(
        tileset: &ExistingTileset,
        package: &Path,
        taken: &[Imported],
        ground_m: f64,
        report: &mut BuildReport,
    ) -> Result<Self, PackageError> {
        let transform = tileset.transform(ground_m);
        let region = tileset.region(transform).ok_or_else(|| {
            let why = "its root has no volume that can be placed on Earth; give it a box or a sphere".to_owned();
            crate::city::CityError::Unusable { file: tileset.shown().to_owned(), why }
        })?;
        let numbered = |n: usize| if n == 1 { tileset.name().to_owned() } else { format!("{}-{n}", tileset.name()) };
        let free = |name: &String| !taken.iter().any(|t| t.folder() == name);
        let name = (1..).map(numbered).find(free).unwrap_or_default();
        let copied = tileset.copy(&package.join(TilesetRole::Imported.name()).join(&name), report)?;
        let Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m } = region;
        Ok(Self {
            path: format!("{}/{name}/{}", TilesetRole::Imported.name(), tileset.root()),
            region: [west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m],
            error_m: [tileset.error_m],
            placed: transform.map(|m| Placed(m.to_cols_array())),
            contents: copied.contents,
            source: SourceEntry {
                file: shown_name(tileset.shown()),
                sha256: copied.sha256.iter().map(|b| format!("{b:02x}")).collect(),
                count: copied.contents,
                crs: CRS.to_owned(),
                heights: Heights::Ellipsoidal.to_string(),
            },
        })
    }

    /// Its folder below `imported/`.
    fn folder(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    pub fn region(&self) -> Region {
        let [west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m] = self.region;
        Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m }
    }

    pub fn entry(&self) -> TilesetEntry {
        TilesetEntry { role: TilesetRole::Imported, path: self.path.clone() }
    }

    /// Its tile below the package's root.
    pub fn tile(&self) -> Tile {
        Tile {
            region: self.region(),
            error_m: self.error_m[0],
            frame: None,
            placed: self.placed.as_ref().map(|p| DMat4::from_cols_array(&p.0)),
            content: Some(self.path.split('/').map(escape).collect::<Vec<_>>().join("/")),
            children: Vec::new(),
            implicit: None,
        }
    }
}

/// A part of a path as a uri has it.
fn escape(part: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    part.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
