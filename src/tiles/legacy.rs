//! Tile formats of 3D Tiles 1.0 that are drawn: b3dm.

use super::content::{DecodeContext, TileContent};
use super::error::TileError;
use super::glb::{Wrapping, decode_wrapped};
use crate::ogc::unwrap_b3dm;

/// Reads a `b3dm`.
pub fn decode_b3dm(bytes: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    let batched = unwrap_b3dm(bytes).map_err(|f| f.at(context.url))?;
    decode_wrapped(batched.glb, context, Wrapping { rtc_center: batched.rtc_center, batches: batched.batches })
}
