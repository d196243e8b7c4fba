//! Content bytes to meshes and features: which format it is, and the promise every format keeps.

use super::error::{Fault, TileError};
use super::kept::KeptMesh;
use super::texture::TileTexture;
pub use super::tree::UpAxis;
use super::{glb, i3dm, legacy, pnts, tileset};
use crate::ogc::{FeatureTable, NO_FEATURE};
use glam::{DMat4, DVec3};
use std::sync::Arc;

/// Of a vertex on the graphics device without pictures, as `render::tiles` lays it out.
const UPLOADED_VERTEX_BYTES: usize = 32;
/// Of a feature's state there.
const STATE_BYTES: usize = 8;
/// Composite tiles inside composite tiles.
const COMPOSITE_DEPTH_MAX: u32 = 8;

/// A tile decoded: what to draw and what it is.
#[derive(Clone, Debug, Default)]
pub struct TileContent {
    /// Usually one: all primitives of a glb are merged.
    pub meshes: Vec<TileMesh>,
    pub features: Arc<FeatureTable>,
    /// Memory it takes once uploaded, bytes, about: what is kept of it here and what is on the graphics device.
    pub bytes: usize,
    /// What was left out, in words ("textures are not drawn"); counted by the engine's [`super::Progress`].
    pub notes: Vec<String>,
}

/// Triangles of one tile, ready to draw in one call. All per-vertex lists are as long as `positions`, `texcoords` may be empty.
#[derive(Clone, Debug, Default)]
pub struct TileMesh {
    /// World (ECEF) from local. Rigid: a rotation and a translation, so it turns normals as it is.
    pub to_world: DMat4,
    /// Local metres, z-up axes of the tile, near the origin so that f32 is exact to well under a millimetre.
    pub positions: Vec<[f32; 3]>,
    /// Local, unit length; flat where the file has none.
    pub normals: Vec<[f32; 3]>,
    /// Id within the tile's [`FeatureTable`], or [`NO_FEATURE`].
    pub feature_ids: Vec<u32>,
    /// The number of a `Surface` (wall, roof, ...) from the attribute `_SURFACE`; where the file does not say, 0, or [`super::UNLIT`] for faces without light.
    pub surfaces: Vec<u8>,
    /// Linear, as glTF has it, with alpha: vertex colour times the material's base colour.
    pub colours: Vec<[u8; 4]>,
    /// glTF convention, v down; empty where no primitive has any.
    pub texcoords: Vec<[f32; 2]>,
    /// The pictures that faces wear; `None` where there are none.
    pub texture: Option<Arc<TileTexture>>,
    /// Where each vertex is on its picture, v down; empty without pictures.
    pub texture_uvs: Vec<[f32; 2]>,
    /// What each vertex wears, see [`super::Wear`]; empty without pictures.
    pub wears: Vec<u32>,
    /// Whether faces are seen from behind too: a material of the tile says so.
    pub two_sided: bool,
    /// Triangle list, counter-clockwise seen from outside; all in range.
    pub indices: Vec<u32>,
}

impl TileMesh {
    /// Lowest and highest corner in local metres.
    pub fn bounds(&self) -> (DVec3, DVec3) {
        let empty = (DVec3::splat(f64::INFINITY), DVec3::splat(f64::NEG_INFINITY));
        self.positions.iter().fold(empty, |(min, max), p| {
            let p = DVec3::from(p.map(f64::from));
            (min.min(p), max.max(p))
        })
    }

    /// Corners of its box in the world (ECEF), metres; none without vertices.
    pub(crate) fn world_corners(&self) -> impl Iterator<Item = DVec3> {
        let (min, max) = self.bounds();
        let corners = if self.positions.is_empty() { 0..0 } else { 0..8 };
        let of = move |i: u32, axis: u32| if i >> axis & 1 == 0 { min } else { max };
        let to_world = self.to_world;
        corners.map(move |i| to_world.transform_point3(DVec3::new(of(i, 0).x, of(i, 1).y, of(i, 2).z)))
    }

    fn bytes(&self, features: u32) -> usize {
        let texture = self.texture.as_ref().map_or(0, |t| t.bytes());
        let vertices = self.positions.len();
        let kept = KeptMesh::bytes_of(self, features);
        let short = vertices <= usize::from(u16::MAX);
        let uploaded = vertices * UPLOADED_VERTEX_BYTES + self.wears.len() * 12 + self.indices.len() * if short { 2 } else { 4 };
        kept + uploaded + texture
    }
}

/// Where a content lies and how to get at files beside it.
pub struct DecodeContext<'a> {
    pub url: &'a str,
    /// World from content (z-up).
    pub transform: DMat4,
    pub up_axis: UpAxis,
    /// Reads another file by absolute address (external buffers).
    pub external: &'a dyn Fn(&str) -> Result<Vec<u8>, TileError>,
}

/// What a content turned out to be.
#[derive(Debug)]
pub enum Decoded {
    Meshes(TileContent),
    /// JSON of another tileset, to be joined to the tree.
    Tileset,
}

/// Decodes one content by its first bytes, whatever its name says.
///
/// # Errors
/// [`TileError::Bad`] for broken bytes, [`TileError::Unsupported`] for what this engine lacks.
pub fn decode(bytes: &[u8], context: &DecodeContext<'_>) -> Result<Decoded, TileError> {
    if tileset::is_tileset(bytes) {
        return Ok(Decoded::Tileset);
    }
    let mut content = meshes(bytes, context, 0)?;
    content.bytes = content.meshes.iter().map(|m| m.bytes(content.features.count())).sum::<usize>() + content.features.bytes();
    content.bytes += (content.features.count() as usize + 1) * STATE_BYTES;
    Ok(Decoded::Meshes(content))
}

fn meshes(bytes: &[u8], context: &DecodeContext<'_>, depth: u32) -> Result<TileContent, TileError> {
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, 0xEF | 0xBB | 0xBF));
    let unsupported = |what: &str, mend: &str| Err(Fault::unsupported(what, mend).at(context.url));
    match bytes.get(..4) {
        Some(b"glTF") => glb::decode_glb(bytes, context),
        Some(b"b3dm") => legacy::decode_b3dm(bytes, context),
        Some(b"cmpt") => composite(bytes, context, depth),
        Some(b"i3dm") => i3dm::decode_i3dm(bytes, context),
        Some(b"pnts") => pnts::decode_pnts(bytes, context),
        Some(b"vctr" | b"geom") => unsupported("a vector tile", "convert it to glTF"),
        _ if first == Some(&b'{') => glb::decode_gltf_json(bytes, &[], context),
        _ => Err(Fault::bad("header", "this is no tile content that is known (glb, glTF, b3dm, i3dm, pnts, cmpt)").at(context.url)),
    }
}

fn composite(bytes: &[u8], context: &DecodeContext<'_>, depth: u32) -> Result<TileContent, TileError> {
    if depth >= COMPOSITE_DEPTH_MAX {
        return Err(Fault::bad("cmpt", format!("composites nest more than {COMPOSITE_DEPTH_MAX} deep")).at(context.url));
    }
    let parts = crate::ogc::composite_parts(bytes).map_err(|f| f.at(context.url))?;
    let mut all = TileContent::default();
    let (mut failed, mut last) = (0, None);
    for part in &parts {
        // A part that can't be drawn does not take the others with it.
        match meshes(part, context, depth + 1) {
            Ok(content) => all.merge(content).map_err(|f| f.at(context.url))?,
            Err(e) => {
                all.notes.push(format!("a part of a composite is left out: {e}"));
                (failed, last) = (failed + 1, Some(e));
            }
        }
    }
    match last {
        Some(e) if failed == parts.len() => Err(e),
        _ => Ok(all),
    }
}

impl TileContent {
    /// Adds another content's meshes and features; its feature ids move behind those already here.
    pub(crate) fn merge(&mut self, mut other: Self) -> Result<(), Fault> {
        let others = Arc::unwrap_or_clone(std::mem::take(&mut other.features));
        let shift = Arc::make_mut(&mut self.features).append(others);
        let shift = shift.ok_or_else(super::features::too_many)?;
        for mesh in &mut other.meshes {
            mesh.feature_ids.iter_mut().filter(|id| **id != NO_FEATURE).for_each(|id| *id += shift);
        }
        self.meshes.append(&mut other.meshes);
        self.notes.append(&mut other.notes);
        self.bytes += other.bytes;
        Ok(())
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod samples;
