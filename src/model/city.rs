//! `city.toml`: what a city package says of itself. Written by `yiping build`, read by every screen and by the hub.

use serde::{Deserialize, Serialize};

/// The manifest of a city package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CityManifest {
    /// Version of this layout; readers refuse a newer one.
    pub format: u32,
    pub name: String,
    /// Program and version that wrote the package, e.g. `yiping 0.1.0`.
    pub created_by: String,
    /// Coordinate systems of the sources as `EPSG:n`, sorted, each once.
    pub crs: Vec<String>,
    /// Where a scene's local frame stands when it names no other place.
    pub anchor: Anchor,
    pub extent: Extent,
    pub counts: Counts,
    pub tilesets: Vec<TilesetEntry>,
    pub sources: Vec<SourceEntry>,
}

impl CityManifest {
    /// What this program writes into [`CityManifest::format`].
    pub const FORMAT: u32 = 1;
    /// Its name inside the package.
    pub const FILE: &'static str = "city.toml";
}

/// A point on the ground: WGS 84 degrees, metres in the sources' vertical datum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    pub lon_deg: f64,
    pub lat_deg: f64,
    pub height_m: f64,
}

/// What the package covers: WGS 84 degrees, metres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    pub west_deg: f64,
    pub south_deg: f64,
    pub east_deg: f64,
    pub north_deg: f64,
    pub min_height_m: f64,
    pub max_height_m: f64,
}

/// How much is in the package.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub buildings: u64,
    pub surfaces: u64,
    pub triangles: u64,
    pub tiles: u64,
    /// Contents of tilesets that were passed through as they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub imported: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One 3D Tiles tileset of the package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TilesetEntry {
    pub role: TilesetRole,
    /// Path of its `tileset.json` inside the package, with forward slashes.
    pub path: String,
}

/// What a tileset holds, so that a screen can switch it on and off by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TilesetRole {
    Buildings,
    Terrain,
    Surfaces,
    /// Somebody else's 3D Tiles, passed through as they are; drawn like buildings.
    Imported,
}

impl TilesetRole {
    /// The word used for folders and in `city.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildings => "buildings",
            Self::Terrain => "terrain",
            Self::Surfaces => "surfaces",
            Self::Imported => "imported",
        }
    }
}

/// One input file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// File name without its folder: a package must not tell where it was built.
    pub file: String,
    /// Lowercase hexadecimal.
    pub sha256: String,
    /// Objects with geometry, elevation samples, or contents of a tileset.
    pub count: u64,
    pub crs: String,
    /// What its heights counted from before they were made ellipsoidal: `ellipsoidal`, `egm96`, a constant such as `43.2 m`, or a grid's name.
    #[serde(default)]
    pub heights: String,
}
