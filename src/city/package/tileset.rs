//! `tileset.json` of 3D Tiles 1.1.

use super::PackageError;
use super::place::region_size_m;
use crate::geo::{LocalFrame, Region};
use glam::DMat4;
use serde_json::{Map, Value, json};
use std::path::Path;

/// One tile with its children.
#[derive(Clone)]
pub struct Tile {
    pub region: Region,
    /// Metres of the largest detail left out; 0 in full tiles.
    pub error_m: f64,
    /// Frame of the content; `None`: the content knows its own place (an external tileset).
    pub frame: Option<LocalFrame>,
    /// Where an external tileset with a frame of its own stands: ECEF from that frame. Of tiles below the root without children only.
    pub placed: Option<DMat4>,
    pub content: Option<String>,
    pub children: Vec<Tile>,
    pub implicit: Option<Implicit>,
}

/// An implicit quadtree rooted in a tile.
#[derive(Clone)]
pub struct Implicit {
    pub subtree_levels: u32,
    pub available_levels: u32,
    pub subtrees: String,
}

/// Writes `tileset.json` with `root` in it.
pub fn write(path: &Path, root: &Tile) -> Result<(), PackageError> {
    let document = json!({
        "asset": { "version": "1.1", "generator": concat!("yiping ", env!("CARGO_PKG_VERSION")) },
        // Seen so small that the whole of it is a dot, nothing is drawn.
        "geometricError": region_size_m(&root.region).max(root.error_m),
        "root": tile(root, DMat4::IDENTITY),
    });
    let mut bytes = serde_json::to_vec(&document).map_err(|source| PackageError::Json { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    std::fs::write(path, bytes).map_err(PackageError::io(path))
}

/// `parent_from_ecef` undoes the transforms of all tiles above.
fn tile(t: &Tile, parent_from_ecef: DMat4) -> Value {
    let r = &t.region;
    let mut out = Map::new();
    let region = [r.west_rad, r.south_rad, r.east_rad, r.north_rad, r.min_height_m, r.max_height_m];
    out.insert("boundingVolume".into(), json!({ "region": region }));
    out.insert("geometricError".into(), json!(t.error_m));
    out.insert("refine".into(), json!("REPLACE"));
    let mut below = parent_from_ecef;
    if let Some(frame) = &t.frame {
        let m = parent_from_ecef * frame.ecef_from_enu();
        out.insert("transform".into(), json!(m.to_cols_array()));
        below = frame.enu_from_ecef();
    }
    if let Some(placed) = &t.placed {
        out.insert("transform".into(), json!((parent_from_ecef * *placed).to_cols_array()));
    }
    if let Some(uri) = &t.content {
        out.insert("content".into(), json!({ "uri": uri }));
    }
    if let Some(i) = &t.implicit {
        out.insert(
            "implicitTiling".into(),
            json!({
                "subdivisionScheme": "QUADTREE",
                "subtreeLevels": i.subtree_levels,
                "availableLevels": i.available_levels,
                "subtrees": { "uri": i.subtrees },
            }),
        );
    }
    if !t.children.is_empty() {
        out.insert("children".into(), Value::Array(t.children.iter().map(|c| tile(c, below)).collect()));
    }
    Value::Object(out)
}
