//! Edges that a file wants drawn along its faces (`CESIUM_primitive_outline`), as thin dark solids of the same tile.

use super::accessor::Buffers;
use super::error::Fault;
use super::gltf_json::Primitive;
use super::mesh::{Piece, UNLIT};
use super::shapes;
use crate::ogc::NO_FEATURE;

/// What a tile with outlines says.
pub const OUTLINES_NOTE: &str = "outlines are drawn as thin prisms";
/// The extension leaves colour to whoever draws; CesiumJS takes black too.
const COLOUR: [u8; 4] = [0, 0, 0, 255];

/// The edges of a primitive, if it names any; `faces` is what was read of it.
///
/// # Errors
/// When an edge names a vertex that is not there.
pub fn outline(buffers: &Buffers<'_>, primitive: &Primitive, faces: &Piece) -> Result<Option<Piece>, Fault> {
    let (Some(outline), Some(position)) = (&primitive.extensions.outline, primitive.attributes.get("POSITION")) else { return Ok(None) };
    let positions = buffers.vectors::<3>(*position)?;
    let count = positions.len();
    let indices: Vec<u32> = buffers.whole(outline.indices)?;
    if indices.iter().any(|i| *i as usize >= count) {
        return Err(Fault::bad("CESIUM_primitive_outline", format!("an edge ends beyond the {count} vertices")));
    }
    // Faces whose corners were taken apart have other vertices than the file.
    let feature_ids = if faces.feature_ids.len() == count { faces.feature_ids.clone() } else { vec![NO_FEATURE; count] };
    let edges = Piece { positions, feature_ids, surfaces: vec![UNLIT; count], colours: vec![COLOUR; count], indices, ..Piece::default() };
    shapes::edges(edges).map(Some)
}
