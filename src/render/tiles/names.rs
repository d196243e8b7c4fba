//! Names of buildings, from the attributes of drawn tiles.

use super::city::{CityTiles, TileRef};
use super::ground::BUILDING_SURFACES;
use crate::render::camera::SceneFrame;
use crate::tiles::KeptTile;
use bevy::math::DVec3;
use serde_json::Value;
use std::collections::HashMap;

/// A building with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedBuilding {
    /// Source id, empty where there is none.
    pub id: String,
    pub name: String,
    pub name_en: String,
    /// Above the middle of its top, east-north-up metres of the scene's frame.
    pub top: DVec3,
    /// From its lowest to its highest point, metres.
    pub height_m: f64,
}

/// Names read from one tile; a tile of more holds no buildings anyone could read the names of.
const NAMES_MAX: usize = 4_000;

impl CityTiles {
    /// Buildings of a tile that have a `name`; empty when it is not in memory.
    pub fn named_buildings(&self, frame: &SceneFrame, tile: TileRef) -> Vec<NamedBuilding> {
        let Some(content) = self.kept(tile) else { return Vec::new() };
        let mut names = texts(content, "name");
        if names.is_empty() {
            return Vec::new();
        }
        let (mut ids, mut english) = (texts(content, "id"), texts(content, "name_en"));
        let boxes = boxes(content, frame, &names);
        let one = |(feature, (low, high)): (u32, (DVec3, DVec3))| {
            let name = names.remove(&feature)?;
            let middle = (low + high) * 0.5;
            let (id, name_en) = (ids.remove(&feature).unwrap_or_default(), english.remove(&feature).unwrap_or_default());
            Some(NamedBuilding { id, name, name_en, top: DVec3::new(middle.x, middle.y, high.z), height_m: high.z - low.z })
        };
        boxes.into_iter().filter_map(one).take(NAMES_MAX).collect()
    }
}

/// Texts of an attribute by feature.
fn texts(content: &KeptTile, attribute: &str) -> HashMap<u32, String> {
    let text = |(i, v): (usize, Option<Value>)| match v {
        Some(Value::String(s)) if !s.is_empty() => Some((i as u32, s)),
        _ => None,
    };
    content.features.values(attribute).enumerate().filter_map(text).collect()
}

/// Lowest and highest corners of buildings among `wanted`, east-north-up.
fn boxes(content: &KeptTile, frame: &SceneFrame, wanted: &HashMap<u32, String>) -> HashMap<u32, (DVec3, DVec3)> {
    let mut out: HashMap<u32, (DVec3, DVec3)> = HashMap::new();
    for mesh in &content.meshes {
        let to_enu = frame.0.enu_from_ecef() * mesh.to_world;
        for (vertex, corners) in (0..mesh.triangles()).filter_map(|face| mesh.triangle(face)) {
            let (feature, surface) = mesh.about(vertex);
            if !wanted.contains_key(&feature) || !BUILDING_SURFACES.contains(&surface) {
                continue;
            }
            for corner in corners.map(|c| to_enu.transform_point3(c)) {
                let known = out.entry(feature).or_insert((corner, corner));
                *known = (known.0.min(corner), known.1.max(corner));
            }
        }
    }
    out
}
