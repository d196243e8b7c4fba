//! The neutral shape every city format is read into, before tiling.

use super::error::CityError;
pub use super::faces::{Face, Faces};
pub use super::raster::Samples;

use glam::DVec3;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// One read file, or a part of one: a vertex table in the source's own coordinates, and objects that index it.
///
/// A big file comes as many of these, one after the other ([`super::read_parts`]); an object and its parents come in the same one.
#[derive(Debug, Clone)]
pub struct CitySource {
    pub file: PathBuf,
    /// What the file says of itself (`EPSG:7415`, a URN, a URL); `None` when it is silent.
    pub crs: Option<String>,
    /// Decoded (scale and translation applied); x east or longitude, y north or latitude, z height in metres.
    pub vertices: Vec<DVec3>,
    /// Heights count from the ground under each object, not from a datum: footprints know nothing of the land they stand on.
    pub above_ground: bool,
    pub objects: Vec<CityObject>,
    /// Colours and textures that faces name by number.
    pub paints: Vec<Paint>,
}

impl CitySource {
    /// Nothing read yet.
    pub fn new(file: impl Into<PathBuf>, crs: Option<String>) -> Self {
        Self { file: file.into(), crs, vertices: Vec::new(), above_ground: false, objects: Vec::new(), paints: Vec::new() }
    }

    /// Puts another part of the same file behind this one.
    ///
    /// # Errors
    /// [`CityError::TooBig`] when vertices can no longer be numbered with 32 bits; this source then is unchanged.
    pub fn append(&mut self, mut part: CitySource) -> Result<(), CityError> {
        let (base, paints) = (self.vertices.len(), self.paints.len() as u32);
        if u32::try_from(base + part.vertices.len()).is_err() {
            let (what, mend) = ("too many vertices".to_owned(), "split the city into several files and give them all");
            return Err(CityError::TooBig { file: self.file.clone(), what, limit: u64::from(u32::MAX), mend });
        }
        for object in &mut part.objects {
            object.faces.corners_mut().iter_mut().for_each(|n| *n += base as u32);
            object.faces.repaint(|p| p + paints);
        }
        self.vertices.append(&mut part.vertices);
        self.objects.append(&mut part.objects);
        self.paints.append(&mut part.paints);
        Ok(())
    }
}

/// A city object that has (or had) geometry, at the level of detail asked for, else the best the file offers.
#[derive(Debug, Clone, Default)]
pub struct CityObject {
    /// `gml:id` or CityJSON key, unchanged.
    pub id: String,
    /// CityGML class name as the file writes it: `Building`, `BuildingPart`, `Road`, `TINRelief`, ...
    pub class: String,
    /// Id of the object this is a part of.
    pub parent: Option<String>,
    /// Level of detail of `faces`, as the file writes it: `"1"`, `"2.2"`, ...
    pub lod: String,
    /// Every source attribute, types kept. Attributes of semantic surfaces stand under `surfaces`, a list.
    pub attributes: Map<String, Value>,
    /// Polygons; empty for an object that only groups its parts.
    pub faces: Faces,
}

/// How a face is coloured when the source says so (CityGML's and CityJSON's appearance, a glTF material).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Paint {
    /// sRGB with opacity; multiplied with the texture where there is one.
    pub colour: Option<[u8; 4]>,
    pub texture: Option<Texture>,
}

/// A picture that faces wear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Texture {
    pub image: TextureImage,
    /// Texture coordinates beyond 0..1 repeat the picture; else its edge goes on.
    pub repeats: bool,
}

/// Where a picture's bytes (PNG or JPEG) are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextureImage {
    File(PathBuf),
    Bytes(Arc<[u8]>),
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
    pub values: Samples<f32>,
}
