//! A decoded tile to Bevy meshes in the material's vertex layout, on a thread of the loader: one draw call a mesh, nearly always one mesh a tile.
//!
//! A vertex takes 20 bytes where steps of 16 bits are fine enough for its place ([`TileMesh::steps`]) and 32 where not; 12 more with pictures.

use super::features::{State, seeds};
use crate::render::material::{
    ATTRIBUTE_COLOUR, ATTRIBUTE_FACADE, ATTRIBUTE_FACADE_STEPS, ATTRIBUTE_FEATURE, ATTRIBUTE_PACKED, ATTRIBUTE_PLACE, ATTRIBUTE_TEXTURE,
    ATTRIBUTE_WEAR,
};
use crate::tiles::{FACADE_STEPS_PER_M, Prepared, TileContent, TileMesh, TileTexture, UNLIT, WALL, Wear};
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::math::{DMat3, DMat4, DQuat, DVec3, Vec3};
use bevy::mesh::{Indices, PrimitiveTopology, VertexAttributeValues};
use bevy::prelude::*;
use bevy::render::mesh::allocator::MeshAllocatorSettings;
use bevy::render::slab_allocator::SlabAllocatorSettings;
use std::sync::Arc;

/// The first of the surfaces that lie on the ground.
const TERRAIN: u8 = 4;
const WATER: u8 = 5;

/// What a tile becomes before the thread that draws sees it.
pub struct PreparedTile {
    pub meshes: Vec<Built>,
    /// One of each feature and a spare one.
    pub states: Vec<State>,
    /// Which features are buildings, or of no known kind: not ground, roads or water. By feature id.
    pub stands: Vec<bool>,
}

/// What one tile mesh becomes.
pub struct Built {
    pub mesh: Mesh,
    /// World (ECEF) from the mesh: a rotation, a translation and one scale.
    pub to_world: DMat4,
    /// In the mesh's own numbers.
    pub bounds: Aabb,
    pub triangles: usize,
    pub two_sided: bool,
    /// Whether it has water.
    pub wet: bool,
    pub pictures: Option<Pictures>,
}

/// What the faces of a mesh wear.
pub struct Pictures {
    pub texture: Arc<TileTexture>,
    /// Some go on beyond their edges.
    pub repeats: bool,
    pub holes: bool,
}

/// How meshes get their room on the graphics device: each has a buffer of its own, just as long as it needs. Buffers that tiles share would be copied as
/// they grow, half empty after, and none would go back when tiles go; the books of each alone, one a layout of vertices, take 3.5 MiB.
pub fn buffers() -> MeshAllocatorSettings {
    MeshAllocatorSettings { slab_allocator_settings: SlabAllocatorSettings { large_threshold: 1, ..default() }, ..default() }
}

/// Makes all that can be made of a tile before it is drawn, and empties the lists of its meshes, which nobody needs after that.
pub fn prepare(content: &mut TileContent) -> Prepared {
    let features = content.features.count();
    let origin = content.meshes.first().map_or([0.0; 3], |m| m.to_world.w_axis.truncate().to_array());
    let mut states: Vec<State> = seeds(origin, &content.features).map(|seed| [0, seed]).collect();
    let mut stands = vec![false; features as usize + 1];
    let mut meshes = Vec::with_capacity(content.meshes.len());
    for mesh in &mut content.meshes {
        let shell = TileMesh { to_world: mesh.to_world, two_sided: mesh.two_sided, ..TileMesh::default() };
        let mesh = std::mem::replace(mesh, shell);
        describe(&mesh, features, &mut states, &mut stands);
        meshes.push(build(mesh, features));
    }
    Prepared::new(PreparedTile { meshes, states, stands })
}

/// Notes which features stand, and in their states the heights of their walls above their lowest points, decimetres.
fn describe(tile: &TileMesh, features: u32, states: &mut [State], stands: &mut [bool]) {
    let facade = tile.facades();
    for (i, place) in facade.iter().enumerate() {
        let feature = feature_of(tile, i, features) as usize;
        let surface = tile.surfaces.get(i).copied().unwrap_or(0);
        stands[feature] |= surface < TERRAIN || surface == UNLIT;
        if surface == WALL {
            let height = (place[1] * 10.0).clamp(0.0, f32::from(u16::MAX)) as u32;
            let known = states[feature][1] & 0xffff;
            states[feature][1] = (states[feature][1] & !0xffff) | known.max(height);
        }
    }
}

/// Ids at or beyond `features` (no feature) become `features` itself, the tile's spare state.
fn feature_of(tile: &TileMesh, vertex: usize, features: u32) -> u32 {
    tile.feature_ids.get(vertex).copied().unwrap_or(u32::MAX).min(features)
}

fn build(mut tile: TileMesh, features: u32) -> Built {
    let vertices = tile.positions.len();
    let packed = (0..vertices).map(|i| {
        let normal = tile.normals.get(i).copied().unwrap_or([0.0, 0.0, 1.0]).map(|c| (c.clamp(-1.0, 1.0) * 127.0).round() as i8 as u8);
        u32::from_le_bytes([normal[0], normal[1], normal[2], tile.surfaces.get(i).copied().unwrap_or(0)])
    });
    let packed = VertexAttributeValues::Uint32(packed.collect());
    let mut mesh =
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD).with_inserted_attribute(ATTRIBUTE_PACKED, packed);
    let (to_world, bounds) = match tile.steps(features) {
        Some((low, step)) => compact(&mut mesh, &tile, features, low, step),
        None => wide(&mut mesh, &mut tile, features),
    };
    let mut colours = std::mem::take(&mut tile.colours);
    colours.resize(vertices, [255; 4]);
    mesh.insert_attribute(ATTRIBUTE_COLOUR, VertexAttributeValues::Unorm8x4(colours));
    let triangles = tile.indices.len() / 3;
    let pictures = pictures(&mut mesh, &mut tile, vertices);
    mesh.insert_indices(indices(tile.indices, vertices));
    let wet = tile.surfaces.contains(&WATER);
    Built { mesh, to_world, bounds, triangles, two_sided: tile.two_sided, wet, pictures }
}

/// Places, ids and facades in 16 bits each.
fn compact(mesh: &mut Mesh, tile: &TileMesh, features: u32, low: DVec3, step: f64) -> (DMat4, Aabb) {
    let steps = |p: &[f32; 3]| ((DVec3::from(p.map(f64::from)) - low) / step).round();
    let place = tile.positions.iter().enumerate().map(|(i, p)| {
        let at = steps(p);
        [at.x as u16, at.y as u16, at.z as u16, feature_of(tile, i, features) as u16]
    });
    mesh.insert_attribute(ATTRIBUTE_PLACE, VertexAttributeValues::Uint16x4(place.collect()));
    // Only walls have any that are looked at, and all of theirs fit.
    let facade = tile.facades().into_iter().map(|uv| uv.map(|m| (m * FACADE_STEPS_PER_M).round() as i16));
    mesh.insert_attribute(ATTRIBUTE_FACADE_STEPS, VertexAttributeValues::Sint16x2(facade.collect()));
    let top = steps(&(tile.bounds().1.as_vec3().to_array()));
    let to_world = tile.to_world * DMat4::from_translation(low) * DMat4::from_scale(DVec3::splat(step));
    (to_world, Aabb::from_min_max(Vec3::ZERO, top.as_vec3()))
}

/// All of them as they are.
fn wide(mesh: &mut Mesh, tile: &mut TileMesh, features: u32) -> (DMat4, Aabb) {
    let (min, max) = tile.bounds();
    let bounds = if tile.positions.is_empty() { Aabb::default() } else { Aabb::from_min_max(min.as_vec3(), max.as_vec3()) };
    let ids = (0..tile.positions.len()).map(|i| feature_of(tile, i, features)).collect();
    mesh.insert_attribute(ATTRIBUTE_FEATURE, VertexAttributeValues::Uint32(ids));
    mesh.insert_attribute(ATTRIBUTE_FACADE, tile.facades());
    mesh.insert_attribute(Mesh::ATTRIBUTE_POSITION, std::mem::take(&mut tile.positions));
    (tile.to_world, bounds)
}

fn pictures(mesh: &mut Mesh, tile: &mut TileMesh, vertices: usize) -> Option<Pictures> {
    let texture = tile.texture.take()?;
    if tile.wears.len() != vertices || tile.texture_uvs.len() != vertices {
        return None;
    }
    let ends = Wear::CLAMP_U | Wear::CLAMP_V;
    let worn = || tile.wears.iter().filter(|w| **w & Wear::TEXTURED != 0);
    let pictures = Pictures { texture, repeats: worn().any(|w| w & ends != ends), holes: worn().any(|w| w >> 24 > 0) };
    mesh.insert_attribute(ATTRIBUTE_TEXTURE, std::mem::take(&mut tile.texture_uvs));
    mesh.insert_attribute(ATTRIBUTE_WEAR, VertexAttributeValues::Uint32(std::mem::take(&mut tile.wears)));
    Some(pictures)
}

/// Half as long where so few vertices allow it.
fn indices(mut list: Vec<u32>, vertices: usize) -> Indices {
    if vertices > usize::from(u16::MAX) {
        return Indices::U32(list);
    }
    if list.len() % 2 == 1 {
        // A buffer of its own is filled in words of 32 bits; a face without an area fills it up.
        list.extend([list[0]; 3]);
    }
    Indices::U16(list.into_iter().map(|i| i as u16).collect())
}

/// Where a mesh stands in Bevy's axes: `to_world` is ECEF from mesh, `enu_from_world` the scene's frame.
pub fn transform(to_world: DMat4, enu_from_world: DMat4) -> Transform {
    // x east, y up, z south: a rotation, so the whole stays rigid.
    let bevy_from_enu = DMat4::from_cols(DVec3::X.extend(0.0), DVec3::NEG_Z.extend(0.0), DVec3::Y.extend(0.0), DVec3::ZERO.extend(1.0));
    let m = bevy_from_enu * enu_from_world * to_world;
    let scale = m.x_axis.truncate().length();
    let turn = DMat3::from_cols(m.x_axis.truncate() / scale, m.y_axis.truncate() / scale, m.z_axis.truncate() / scale);
    Transform { translation: m.w_axis.truncate().as_vec3(), rotation: DQuat::from_mat3(&turn).as_quat(), scale: Vec3::splat(scale as f32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{Geodetic, LocalFrame};

    #[test]
    fn a_tile_east_of_the_anchor_stands_at_plus_x_and_its_up_is_y() {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let east = frame.enu_to_geodetic(DVec3::new(1_000.0, 0.0, 0.0));
        let t = transform(LocalFrame::new(east).ecef_from_enu(), frame.enu_from_ecef());
        assert!((t.translation - Vec3::new(1_000.0, 0.0, 0.0)).length() < 0.01, "{t:?}");
        assert!((t.rotation * Vec3::Z - Vec3::Y).length() < 1e-3 && (t.rotation * Vec3::Y - Vec3::NEG_Z).length() < 1e-3);
    }

    #[test]
    fn walls_tell_their_buildings_height_and_strays_share_the_spare_state() {
        let tile = TileMesh {
            positions: vec![[0.0; 3]; 3],
            normals: vec![[0.0, 1.0, 0.0]; 3],
            feature_ids: vec![0, 0, u32::MAX],
            surfaces: vec![1, 1, 2],
            colours: vec![],
            texcoords: vec![[0.0, 0.0], [1.0, 12.5], [0.0, 99.0]],
            indices: vec![0, 1, 2],
            ..TileMesh::default()
        };
        let (mut states, mut stands) = (vec![[0, 0]; 2], vec![false; 2]);
        describe(&tile, 1, &mut states, &mut stands);
        assert_eq!((states, stands), (vec![[0, 125], [0, 0]], vec![true; 2]));
    }
    #[test]
    fn a_small_mesh_is_compact_and_its_vertices_are_where_they_were_within_half_a_step() {
        let corner = |i: usize| [i as f32 * 17.3 - 250.0, (i * i) as f32 * 1.1, (i % 7) as f32 * 9.9];
        let tile = TileMesh {
            to_world: DMat4::from_translation(DVec3::new(1e6, -2e6, 3e6)),
            positions: (0..30).map(corner).collect(),
            feature_ids: (0..30).collect(),
            indices: (0..30).collect(),
            ..TileMesh::default()
        };
        let built = build(tile.clone(), 30);
        let Some(VertexAttributeValues::Uint16x4(places)) = built.mesh.attribute(ATTRIBUTE_PLACE) else { panic!("not compact") };
        let half_step = 0.5 * 925.1 / 65_535.0;
        for (i, [x, y, z, feature]) in places.iter().enumerate() {
            assert_eq!(usize::from(*feature), i);
            let at = built.to_world.transform_point3(DVec3::new(f64::from(*x), f64::from(*y), f64::from(*z)));
            let was = tile.to_world.transform_point3(DVec3::from(corner(i).map(f64::from)));
            assert!((at - was).abs().max_element() <= half_step * 1.01, "{i}: {at} for {was}");
        }
        let wider = TileMesh { positions: (0..30).map(|i| corner(i).map(|c| c * 10.0)).collect(), ..tile };
        assert!(build(wider, 30).mesh.attribute(ATTRIBUTE_PLACE).is_none(), "steps of 14 cm would be seen");
    }
}
