//! What the tile formats of 3D Tiles 1.0 share, and `b3dm`; `i3dm` and `pnts` have files of their own.

use super::content::{DecodeContext, TileContent};
use super::error::TileError;
use super::glb::{Instance, Wrapping, decode_wrapped};
use crate::ogc::unwrap_b3dm;
use glam::{DMat4, DVec3};

/// Reads a `b3dm`.
pub fn decode_b3dm(bytes: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    let batched = unwrap_b3dm(bytes).map_err(|f| f.at(context.url))?;
    let instances = Some(vec![Instance { place: DMat4::from_translation(batched.rtc_center), batch: None }]);
    decode_wrapped(batched.glb, context, Wrapping { batches: batched.batches, instances })
}

/// A unit vector from its place on an unfolded octahedron, two numbers from 0 to `max`.
///
/// Source: Cigolle et al., "A Survey of Efficient Representations of Independent Unit Vectors", JCGT 2014, as 3D Tiles 1.0 has it.
pub fn unit_from_oct(xy: [f64; 2], max: f64) -> DVec3 {
    let [x, y] = xy.map(|v| v / max * 2.0 - 1.0);
    let z = 1.0 - x.abs() - y.abs();
    let folded = if z < 0.0 { [(1.0 - y.abs()) * 1f64.copysign(x), (1.0 - x.abs()) * 1f64.copysign(y)] } else { [x, y] };
    DVec3::new(folded[0], folded[1], z).normalize_or(DVec3::Z)
}

#[cfg(test)]
#[path = "legacy_tests.rs"]
mod tests;
