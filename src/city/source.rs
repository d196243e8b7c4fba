//! The neutral shape every city format is read into, before tiling.

use glam::DVec3;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// One read file: a vertex table in the source's own coordinates, and objects that index it.
#[derive(Debug, Clone)]
pub struct CitySource {
    pub file: PathBuf,
    /// What the file says of itself (`EPSG:7415`, a URN, a URL); `None` when it is silent.
    pub crs: Option<String>,
    /// Decoded (scale and translation applied); x east or longitude, y north or latitude, z height in metres.
    pub vertices: Vec<DVec3>,
    pub objects: Vec<CityObject>,
}

/// A city object that has (or had) geometry, at the best level of detail the file offers.
#[derive(Debug, Clone)]
pub struct CityObject {
    /// `gml:id` or CityJSON key, unchanged.
    pub id: String,
    /// CityGML class name as the file writes it: `Building`, `BuildingPart`, `Road`, `TINRelief`, ...
    pub class: String,
    /// Id of the object this is a part of.
    pub parent: Option<String>,
    /// Level of detail of `faces`, as the file writes it: `"1"`, `"2.2"`, ...
    pub lod: String,
    /// Every source attribute, types kept.
    pub attributes: Map<String, Value>,
    /// Polygons; empty for an object that only groups its parts.
    pub faces: Vec<Face>,
}

/// A planar polygon with holes.
#[derive(Debug, Clone)]
pub struct Face {
    pub surface: Surface,
    /// Outer ring first, then holes; indices into [`CitySource::vertices`]; not closed (first point not repeated); at least 3 points a ring.
    pub rings: Vec<Vec<u32>>,
}

/// What a piece of surface is; the number is written to the glb as the vertex attribute `_SURFACE` and read by `shaders/city.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Surface {
    /// Nothing known (foreign tilesets): shaded by its normal alone.
    Other = 0,
    Wall = 1,
    Roof = 2,
    /// The underside of a building: never visible, left out of tiles.
    Ground = 3,
    Terrain = 4,
    Water = 5,
    Road = 6,
    /// Parks, plant cover, fields.
    Green = 7,
    /// Other land use: squares, industrial ground.
    Land = 8,
    Bridge = 9,
}

/// A regular elevation grid in its own coordinate system.
#[derive(Debug, Clone)]
pub struct ElevationGrid {
    pub file: PathBuf,
    pub crs: Option<String>,
    /// Coordinates of the centre of the first sample (north-west corner).
    pub origin: (f64, f64),
    /// Distance between samples; `step.1` is negative (rows run southwards).
    pub step: (f64, f64),
    pub width: usize,
    pub height: usize,
    /// Row by row from the north-west, metres; `NaN` where there is no data.
    pub values: Vec<f32>,
}
