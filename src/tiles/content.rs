//! Content bytes to meshes and features: which format it is, and the promise every format keeps.

use super::clusters::Cluster;
use super::error::{Fault, TileError};
use super::face_metadata::{self, MetadataRun};
use super::kept::KeptMesh;
use super::prepared::Prepared;
use super::texture::TileTexture;
pub use super::tree::UpAxis;
use super::{glb, i3dm, legacy, pnts, tileset};
use crate::ogc::{FeatureTable, NO_FEATURE};
use glam::{DMat4, DVec3};
use std::sync::Arc;

/// Of a vertex on the graphics device without pictures, as `render::tiles` lays it out: where [`TileMesh::steps`] can be told and where not.
const UPLOADED_VERTEX_BYTES: [usize; 2] = [20, 32];
/// Steps of 16 bits may be this long in any tile, metres: one of 2.2 km. Half of it is what a vertex may be off.
const STEP_MAX_M: f64 = 0.034;
/// Where a tile differs by more from what it stands for, steps may be this part of that: a tile is drawn while its error is 16 pixels or less.
const STEP_OF_ERROR: f64 = 1.0 / 32.0;
/// Facade coordinates in 16 bits, steps a metre: 2 cm.
pub const FACADE_STEPS_PER_M: f32 = 50.0;
/// Of a feature's state there.
const STATE_BYTES: usize = 8;
/// Surface number of walls, as `city::source::Surface` writes it.
pub const WALL: u8 = 1;
/// Composite tiles inside composite tiles.
const COMPOSITE_DEPTH_MAX: u32 = 8;

/// A tile decoded: what to draw and what it is.
#[derive(Clone, Debug, Default)]
pub struct TileContent {
    /// Usually one: all primitives of a glb are merged, and parts of a composite and contents of a tile where they go together.
    pub meshes: Vec<TileMesh>,
    pub features: Arc<FeatureTable>,
    /// Memory it takes once uploaded, bytes, about: what is kept of it here and what is on the graphics device.
    pub bytes: usize,
    /// What a thread of the loader made of it for whoever draws ([`super::Tileset::prepare_with`]); its meshes' lists may be empty then.
    pub prepared: Option<Prepared>,
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
    /// What is said of places on some of its faces, in the order of their vertices.
    pub(crate) metadata: Vec<MetadataRun>,
    /// Where a tile has several contents: the first vertex of each and its number among them.
    pub(crate) contents: Vec<(u32, u32)>,
    /// By how much it differs from what it stands for: the tile's geometric error, metres.
    pub error_m: f64,
    /// Whether faces are seen from behind too: a material of the tile says so.
    pub two_sided: bool,
    /// Triangle list, counter-clockwise seen from outside; all in range.
    pub indices: Vec<u32>,
    /// Of its faces, in their order; none before a loader's thread has put them in order.
    pub(crate) clusters: Vec<Cluster>,
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

    /// How its vertices fit 16 bits a number: the lowest corner and a step, local metres, the same along all axes so that the mesh stays rigid.
    ///
    /// `None` where steps would be seen, where ids of its tile's `features` don't fit, or where walls are longer than facade coordinates reach.
    pub fn steps(&self, features: u32) -> Option<(DVec3, f64)> {
        let (low, high) = self.bounds();
        let step = (high - low).max_element() / f64::from(u16::MAX);
        let reach = f32::from(i16::MAX) / FACADE_STEPS_PER_M;
        let walls_without = self.texcoords.len() != self.positions.len() && self.surfaces.contains(&WALL);
        let far = |(uv, surface): (&[f32; 2], &u8)| *surface == WALL && (uv[0].abs() > reach || uv[1].abs() > reach);
        let fits = step > 0.0 && step <= STEP_MAX_M.max(self.error_m * STEP_OF_ERROR) && features < u32::from(u16::MAX);
        (fits && !walls_without && !self.texcoords.iter().zip(&self.surfaces).any(far)).then_some((low, step))
    }

    fn bytes(&self, features: u32) -> usize {
        let texture = self.texture.as_ref().map_or(0, |t| t.bytes());
        let vertices = self.positions.len();
        let kept = KeptMesh::bytes_of(self);
        let short = vertices <= usize::from(u16::MAX);
        let vertex = UPLOADED_VERTEX_BYTES[usize::from(self.steps(features).is_none())];
        let uploaded = vertices * vertex + self.wears.len() * 12 + self.indices.len() * if short { 2 } else { 4 };
        kept + uploaded + texture
    }
}

/// Where a content lies and how to get at files beside it.
pub struct DecodeContext<'a> {
    pub url: &'a str,
    /// World from content (z-up).
    pub transform: DMat4,
    pub up_axis: UpAxis,
    /// The tile's geometric error, metres; 0 where nobody knows.
    pub error_m: f64,
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
    content.meshes.iter_mut().for_each(|m| m.error_m = context.error_m);
    content.measure();
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
    /// Counts its bytes.
    pub(super) fn measure(&mut self) {
        let meshes: usize = self.meshes.iter().map(|m| m.bytes(self.features.count())).sum();
        self.bytes = meshes + self.features.bytes() + (self.features.count() as usize + 1) * STATE_BYTES;
        self.bytes += face_metadata::bytes(self.meshes.iter().flat_map(|m| &m.metadata), &self.features);
    }

    /// Adds another content's meshes and features; its feature ids move behind those already here. Meshes are joined where that is possible. Afterwards
    /// its bytes are to be counted anew.
    pub(crate) fn merge(&mut self, mut other: Self) -> Result<(), Fault> {
        let others = Arc::unwrap_or_clone(std::mem::take(&mut other.features));
        let shift = Arc::make_mut(&mut self.features).append(others);
        let shift = shift.ok_or_else(super::features::too_many)?;
        for mut mesh in other.meshes {
            mesh.feature_ids.iter_mut().filter(|id| **id != NO_FEATURE).for_each(|id| *id += shift);
            mesh.metadata.iter_mut().for_each(|run| run.id_shift += shift);
            let apart = self.meshes.iter_mut().try_fold(mesh, |mesh, into| into.join(mesh));
            self.meshes.extend(apart);
        }
        self.notes.append(&mut other.notes);
        Ok(())
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod samples;
