//! One glTF primitive to plain per-vertex lists, and many of them to one mesh.

use super::accessor::Buffers;
use super::content::TileMesh;
use super::error::Fault;
use super::face_metadata::{FaceMetadata, IdSet, MetadataRun};
use super::features::Ids;
use super::gltf_json::{Document, Primitive};
use super::texels::IdPicture;
use super::texture::{TileTexture, Worn};
use super::volume::orthonormal;
use crate::ogc::NO_FEATURE;
use glam::{DMat3, DMat4, DVec3, Vec3};
use std::sync::Arc;

/// Bit of `_SURFACE` that tells faces which show their picture from those that lie on a white spot of it; written by `city::package`.
const TEXTURED: u32 = 0x80;
/// Surface number of faces that ask for no light (`KHR_materials_unlit`), above those of `city::source::Surface`.
pub const UNLIT: u8 = 10;
/// Vertices of one tile, instances expanded; 45 bytes each, so 360 MB.
pub const VERTICES_MAX: usize = 8_000_000;

/// A primitive as read, in its node's frame.
#[derive(Debug, Default)]
pub struct Piece {
    pub positions: Vec<[f32; 3]>,
    pub normals: Vec<[f32; 3]>,
    /// Ids within the tile.
    pub feature_ids: Vec<u32>,
    pub surfaces: Vec<u8>,
    pub colours: Vec<[u8; 4]>,
    /// Empty where there are none.
    pub texcoords: Vec<[f32; 2]>,
    /// As in [`TileMesh`]; empty where it wears no picture.
    pub texture_uvs: Vec<[f32; 2]>,
    pub wears: Vec<u32>,
    pub indices: Vec<u32>,
    /// What is said of places on its faces, if anything is.
    pub metadata: Option<Arc<FaceMetadata>>,
    /// Which vertex of the file each is, for that; empty where they are as the file has them.
    pub origins: Arc<[u32]>,
}

/// A piece put somewhere.
pub struct Placed {
    pub piece: usize,
    /// World from the piece's frame.
    pub to_world: DMat4,
    /// The feature of a whole instance, in place of the piece's own.
    pub feature_id: Option<u32>,
    /// All sets of ids of the node's instances, where they have several, and which instance this is.
    pub instance: Option<(Arc<[IdSet]>, u32)>,
}

impl Piece {
    /// Reads a primitive; `ids` are the tile's, `metadata` is what else is said of its faces; `worn` is its picture.
    ///
    /// Triangles are ready to be placed; the indices of points and lines are as written, and [`super::shapes`] makes solids of them.
    pub fn read(
        buffers: &Buffers<'_>,
        document: &Document,
        primitive: &Primitive,
        (ids, metadata): (Ids, Option<Arc<FaceMetadata>>),
        worn: Option<&Worn>,
    ) -> Result<Self, Fault> {
        let mode = primitive.mode.unwrap_or(4);
        let attribute = |name: &str| primitive.attributes.get(name).copied();
        let position = attribute("POSITION").ok_or_else(|| Fault::bad("primitive", "it has no POSITION"))?;
        let positions = buffers.vectors::<3>(position)?;
        let count = positions.len();
        if count > VERTICES_MAX {
            return Err(too_many());
        }
        let same = |name: &str, len: usize| {
            if len == count { Ok(()) } else { Err(Fault::bad(name, format!("{len} values for {count} vertices"))) }
        };
        let normals = attribute("NORMAL").map(|i| buffers.vectors::<3>(i)).transpose()?.unwrap_or_default();
        let texcoords = attribute("TEXCOORD_0").map(|i| buffers.vectors::<2>(i)).transpose()?.unwrap_or_default();
        let marked = attribute("_SURFACE").map(|i| buffers.whole(i)).transpose()?.unwrap_or_else(|| vec![0; count]);
        let unlit = primitive.material.and_then(|m| document.materials.get(m)).is_some_and(|m| m.extensions.unlit.is_some());
        // Faces of a known kind are drawn as all of that kind.
        let unknown = if unlit { UNLIT } else { 0 };
        let surface = |mark: &u32| u8::try_from(mark & !TEXTURED).ok().filter(|s| *s != 0 && *s != UNLIT).unwrap_or(unknown);
        let surfaces: Vec<u8> = marked.iter().map(surface).collect();
        let (texture_uvs, wears) = match worn.and_then(|w| Some((w, attribute(&format!("TEXCOORD_{}", w.texcoord))?))) {
            None => (Vec::new(), Vec::new()),
            Some((worn, set)) => {
                let uvs = buffers.vectors::<2>(set)?.into_iter().map(|uv| worn.uv(uv)).collect();
                // Where none is told apart, all faces show their picture.
                let all = !marked.iter().any(|s| s & TEXTURED != 0);
                (uvs, marked.iter().map(|s| if all || s & TEXTURED != 0 { worn.wear } else { 0 }).collect())
            }
        };
        let colours = colours(buffers, document, primitive, count)?;
        let (feature_ids, pictured) = match ids {
            Ids::Vertices(ids) if !ids.is_empty() => (ids, None),
            Ids::Picture(picture) => (vec![NO_FEATURE; count], Some(picture)),
            _ => (vec![NO_FEATURE; count], None),
        };
        let id_uvs = match &pictured {
            Some(picture) => {
                let name = format!("TEXCOORD_{}", picture.channels.texcoord());
                let set = attribute(&name).ok_or_else(|| Fault::bad("EXT_mesh_features", format!("the attribute {name} is not there")))?;
                buffers.vectors::<2>(set)?
            }
            None => Vec::new(),
        };
        let optional = [("NORMAL", normals.len()), ("TEXCOORD_0", texcoords.len()), ("TEXCOORD", texture_uvs.len())];
        let needed = [("_SURFACE", surfaces.len()), ("COLOR_0", colours.len()), ("feature ids", feature_ids.len())];
        let of_picture = pictured.iter().map(|_| ("TEXCOORD", id_uvs.len()));
        for (name, len) in optional.into_iter().filter(|(_, len)| *len > 0).chain(needed).chain(of_picture) {
            same(name, len)?;
        }
        let indices = match primitive.indices {
            Some(i) => buffers.whole(i)?,
            None => (0..count as u32).collect(),
        };
        let indices = if mode < 4 { indices } else { triangles(mode, indices)? };
        if indices.iter().any(|i| *i as usize >= count) {
            return Err(Fault::bad("indices", format!("an index is beyond the {count} vertices")));
        }
        let origins = Arc::default();
        let piece = Self { positions, normals, feature_ids, surfaces, colours, texcoords, texture_uvs, wears, indices, metadata, origins };
        let piece = match pictured {
            Some(picture) => piece.with_pictured_ids(&picture, &id_uvs, mode)?,
            None => piece,
        };
        if piece.normals.is_empty() && mode >= 4 { piece.faceted() } else { Ok(piece) }
    }

    /// Ids from a picture: each triangle gets vertices of its own and the id that the picture has in its middle; points and lines take it where they are.
    fn with_pictured_ids(mut self, picture: &IdPicture, uvs: &[[f32; 2]], mode: u32) -> Result<Self, Fault> {
        if mode < 4 {
            self.feature_ids = uvs.iter().map(|uv| picture.id_at(*uv)).collect();
            return Ok(self);
        }
        let middle = |[a, b, c]: &[u32; 3]| [0, 1].map(|axis| [a, b, c].map(|i| uvs[*i as usize][axis]).iter().sum::<f32>() / 3.0);
        let ids: Vec<u32> = self.indices.as_chunks::<3>().0.iter().map(|t| picture.id_at(middle(t))).collect();
        let mut apart = self.unshared()?;
        apart.feature_ids = ids.into_iter().flat_map(|id| [id; 3]).collect();
        Ok(apart)
    }

    /// Every corner of every triangle as a vertex of its own.
    fn unshared(mut self) -> Result<Self, Fault> {
        if self.indices.len() > VERTICES_MAX {
            return Err(too_many());
        }
        let corners = std::mem::take(&mut self.indices);
        let at = |list: &[[f32; 3]]| if list.is_empty() { Vec::new() } else { corners.iter().map(|i| list[*i as usize]).collect() };
        let (positions, normals) = (at(&self.positions), at(&self.normals));
        let indices = (0..corners.len() as u32).collect();
        Ok(self.regrouped(&corners, positions, normals, indices))
    }

    /// The same with other vertices: vertex `n` is the old one `of[n]`, but for its position and normal.
    pub fn regrouped(self, of: &[u32], positions: Vec<[f32; 3]>, normals: Vec<[f32; 3]>, indices: Vec<u32>) -> Self {
        fn gathered<T: Copy>(list: &[T], of: &[u32]) -> Vec<T> {
            if list.is_empty() { Vec::new() } else { of.iter().map(|i| list[*i as usize]).collect() }
        }
        let origins = match (&self.metadata, self.origins.is_empty()) {
            (None, _) => Arc::default(),
            (Some(_), true) => of.into(),
            (Some(_), false) => gathered(&self.origins, of).into(),
        };
        Self {
            positions,
            normals,
            feature_ids: gathered(&self.feature_ids, of),
            surfaces: gathered(&self.surfaces, of),
            colours: gathered(&self.colours, of),
            texcoords: gathered(&self.texcoords, of),
            texture_uvs: gathered(&self.texture_uvs, of),
            wears: gathered(&self.wears, of),
            indices,
            metadata: self.metadata,
            origins,
        }
    }

    /// Flat shading: each triangle gets vertices of its own. glTF 2.0: "When normals are not specified, client implementations MUST calculate flat normals".
    fn faceted(self) -> Result<Self, Fault> {
        let mut apart = self.unshared()?;
        let mut normals = Vec::with_capacity(apart.positions.len());
        for [a, b, c] in apart.positions.as_chunks::<3>().0 {
            let [a, b, c] = [a, b, c].map(|p| Vec3::from(*p));
            normals.extend([(b - a).cross(c - a).normalize_or(Vec3::Y).to_array(); 3]);
        }
        apart.normals = normals;
        Ok(apart)
    }
}

fn too_many() -> Fault {
    Fault::unsupported(format!("a tile of more than {VERTICES_MAX} vertices"), "divide the tile")
}

/// A triangle list from a list (4), a strip (5) or a fan (6).
fn triangles(mode: u32, mut indices: Vec<u32>) -> Result<Vec<u32>, Fault> {
    match mode {
        4 => {
            indices.truncate(indices.len() / 3 * 3);
            Ok(indices)
        }
        5 => {
            Ok(indices.windows(3).enumerate().flat_map(|(i, w)| if i % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] }).collect())
        }
        6 => Ok(indices.get(1..).unwrap_or_default().windows(2).flat_map(|w| [indices[0], w[0], w[1]]).collect()),
        other => Err(Fault::bad("primitive.mode", format!("{other} is not of the standard"))),
    }
}

/// Vertex colour times base colour, linear as glTF has both.
fn colours(buffers: &Buffers<'_>, document: &Document, primitive: &Primitive, count: usize) -> Result<Vec<[u8; 4]>, Fault> {
    let material = primitive.material.and_then(|m| document.materials.get(m));
    let factor = material.map_or([1.0; 4], |m| m.colour());
    let Some(accessor) = primitive.attributes.get("COLOR_0") else {
        return Ok(vec![encode(factor); count]);
    };
    let (components, flat) = buffers.read(*accessor, &[3, 4], |v| v as f32)?;
    let of = |c: &[f32]| encode([c[0] * factor[0], c[1] * factor[1], c[2] * factor[2], c.get(3).copied().unwrap_or(1.0) * factor[3]]);
    Ok(flat.chunks_exact(components).map(of).collect())
}

fn encode(linear: [f32; 4]) -> [u8; 4] {
    linear.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// All placed pieces as one mesh, in a rigid frame turned like `tile_transform` with its origin in their middle. `texture` holds what they wear.
///
/// `None` if there is no triangle.
pub fn merge(
    pieces: &[Piece],
    placed: &[Placed],
    tile_transform: &DMat4,
    texture: Option<Arc<TileTexture>>,
) -> Result<Option<TileMesh>, Fault> {
    let vertices = placed.iter().try_fold(0usize, |sum, p| sum.checked_add(pieces[p.piece].positions.len()).filter(|n| *n <= VERTICES_MAX));
    let vertices = vertices.ok_or_else(too_many)?;
    let (min, max) = extent(pieces, placed);
    let origin = (min + max) * 0.5;
    if !origin.is_finite() {
        return if vertices == 0 { Ok(None) } else { Err(Fault::bad("POSITION", "coordinates are not finite")) };
    }
    let rotation = right_handed(orthonormal(DMat3::from_mat4(*tile_transform)));
    let to_local = DMat4::from_mat3(rotation.transpose()) * DMat4::from_translation(-origin);
    let to_world = DMat4::from_translation(origin) * DMat4::from_mat3(rotation);
    let mut mesh = TileMesh { to_world, positions: Vec::with_capacity(vertices), texture, ..TileMesh::default() };
    let textured = placed.iter().any(|p| !pieces[p.piece].texcoords.is_empty());
    for placed in placed {
        let piece = &pieces[placed.piece];
        let run = run_of(&mesh, piece, placed);
        mesh.metadata.extend(run);
        append(&mut mesh, piece, &(to_local * placed.to_world), placed.feature_id, textured);
    }
    Ok((!mesh.indices.is_empty()).then_some(mesh))
}

/// What is said of a placed piece that will be appended next, if anything is.
fn run_of(mesh: &TileMesh, piece: &Piece, placed: &Placed) -> Option<MetadataRun> {
    let first = mesh.positions.len() as u32;
    (piece.metadata.is_some() || placed.instance.is_some()).then(|| MetadataRun {
        vertices: first..first + piece.positions.len() as u32,
        faces: piece.metadata.clone(),
        origins: piece.origins.clone(),
        instance: placed.instance.clone(),
        is_of_instance: placed.feature_id.is_some(),
        id_shift: 0,
    })
}

fn append(mesh: &mut TileMesh, piece: &Piece, to_local: &DMat4, feature_id: Option<u32>, textured: bool) {
    let linear = DMat3::from_mat4(*to_local);
    // Cofactors are the inverse transpose up to a positive factor, and exist for flat scales too.
    let cofactors =
        DMat3::from_cols(linear.y_axis.cross(linear.z_axis), linear.z_axis.cross(linear.x_axis), linear.x_axis.cross(linear.y_axis));
    let mirrored = linear.determinant() < 0.0;
    let turn = if mirrored { -cofactors } else { cofactors };
    let base = mesh.positions.len() as u32;
    let wide = |p: &[f32; 3]| DVec3::from(p.map(f64::from));
    mesh.positions.extend(piece.positions.iter().map(|p| to_local.transform_point3(wide(p)).as_vec3().to_array()));
    mesh.normals.extend(piece.normals.iter().map(|n| (turn * wide(n)).normalize_or(DVec3::Z).as_vec3().to_array()));
    match feature_id {
        Some(id) => mesh.feature_ids.extend(std::iter::repeat_n(id, piece.positions.len())),
        None => mesh.feature_ids.extend_from_slice(&piece.feature_ids),
    }
    mesh.surfaces.extend_from_slice(&piece.surfaces);
    mesh.colours.extend_from_slice(&piece.colours);
    if textured {
        mesh.texcoords.extend_from_slice(&piece.texcoords);
        mesh.texcoords.resize(mesh.positions.len(), [0.0; 2]);
    }
    if mesh.texture.is_some() {
        mesh.texture_uvs.extend_from_slice(&piece.texture_uvs);
        mesh.texture_uvs.resize(mesh.positions.len(), [0.0; 2]);
        mesh.wears.extend_from_slice(&piece.wears);
        mesh.wears.resize(mesh.positions.len(), 0);
    }
    for [a, b, c] in piece.indices.as_chunks::<3>().0 {
        let [b, c] = if mirrored { [c, b] } else { [b, c] };
        mesh.indices.extend([a + base, b + base, c + base]);
    }
}

fn extent(pieces: &[Piece], placed: &[Placed]) -> (DVec3, DVec3) {
    let (mut min, mut max) = (DVec3::splat(f64::INFINITY), DVec3::splat(f64::NEG_INFINITY));
    for p in placed {
        for position in &pieces[p.piece].positions {
            let world = p.to_world.transform_point3(DVec3::from(position.map(f64::from)));
            // `min` and `max` pass over NaN; this does not.
            if !world.is_finite() {
                return (DVec3::NAN, DVec3::NAN);
            }
            (min, max) = (min.min(world), max.max(world));
        }
    }
    (min, max)
}

fn right_handed(m: DMat3) -> DMat3 {
    if m.determinant() < 0.0 { DMat3::from_cols(m.x_axis, m.y_axis, -m.z_axis) } else { m }
}
