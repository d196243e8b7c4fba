//! A decoded tile to a Bevy mesh in the material's vertex layout: 32 bytes a vertex, 44 with pictures; one draw call a tile.

use crate::render::material::{ATTRIBUTE_COLOUR, ATTRIBUTE_FACADE, ATTRIBUTE_PACKED, ATTRIBUTE_TEXTURE, ATTRIBUTE_WEAR};
use crate::tiles::{TileMesh, UNLIT};
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::math::{DMat3, DMat4, DQuat, DVec3, Vec3};
use bevy::mesh::{Indices, PrimitiveTopology, VertexAttributeValues};
use bevy::prelude::*;

/// Surface number of walls, as `city::source::Surface` writes it.
const WALL: u8 = 1;
/// The first of the surfaces that lie on the ground.
const TERRAIN: u8 = 4;

/// What one tile mesh becomes.
pub struct Built {
    pub mesh: Mesh,
    pub bounds: Aabb,
    /// Height of each feature's walls above its lowest point, decimetres, by feature id.
    pub heights_dm: Vec<u16>,
    /// Which features are buildings, or of no known kind: not ground, roads or water. By feature id.
    pub stands: Vec<bool>,
    pub triangles: usize,
}

/// Builds the mesh. Feature ids at or beyond `features` (no feature) become `features` itself, the tile's spare state.
pub fn build(tile: &TileMesh, features: u32) -> Built {
    let vertices = tile.positions.len();
    let mut heights_dm = vec![0u16; features as usize + 1];
    let mut stands = vec![false; features as usize + 1];
    let facade = facades(tile);
    let mut packed = Vec::with_capacity(vertices);
    for (i, place) in facade.iter().enumerate() {
        let feature = tile.feature_ids.get(i).copied().unwrap_or(u32::MAX).min(features);
        let surface = tile.surfaces.get(i).copied().unwrap_or(0);
        let normal = tile.normals.get(i).copied().unwrap_or([0.0, 0.0, 1.0]).map(|c| (c.clamp(-1.0, 1.0) * 127.0).round() as i8 as u8);
        packed.push([u32::from_le_bytes([normal[0], normal[1], normal[2], surface]), feature]);
        stands[feature as usize] |= surface < TERRAIN || surface == UNLIT;
        if surface == WALL {
            let height = (place[1] * 10.0).clamp(0.0, f32::from(u16::MAX)) as u16;
            let known = &mut heights_dm[feature as usize];
            *known = (*known).max(height);
        }
    }
    let mut colours = tile.colours.clone();
    colours.resize(vertices, [255; 4]);
    let mut mesh = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, tile.positions.clone())
        .with_inserted_attribute(ATTRIBUTE_PACKED, VertexAttributeValues::Uint32x2(packed))
        .with_inserted_attribute(ATTRIBUTE_FACADE, facade)
        .with_inserted_attribute(ATTRIBUTE_COLOUR, VertexAttributeValues::Unorm8x4(colours))
        .with_inserted_indices(indices(tile));
    if tile.texture.is_some() && tile.wears.len() == vertices && tile.texture_uvs.len() == vertices {
        mesh.insert_attribute(ATTRIBUTE_TEXTURE, tile.texture_uvs.clone());
        mesh.insert_attribute(ATTRIBUTE_WEAR, VertexAttributeValues::Uint32(tile.wears.clone()));
    }
    let (min, max) = tile.bounds();
    let bounds = if vertices == 0 { Aabb::default() } else { Aabb::from_min_max(min.as_vec3(), max.as_vec3()) };
    Built { mesh, bounds, heights_dm, stands, triangles: tile.indices.len() / 3 }
}

/// Half as long where so few vertices allow it.
fn indices(tile: &TileMesh) -> Indices {
    let short: Option<Vec<u16>> = tile.indices.iter().map(|i| u16::try_from(*i).ok().filter(|i| *i != u16::MAX)).collect();
    short.map_or_else(|| Indices::U32(tile.indices.clone()), Indices::U16)
}

/// Facade coordinates; models without any get their height above the tile's lowest point and a horizontal coordinate from their place.
fn facades(tile: &TileMesh) -> Vec<[f32; 2]> {
    if tile.texcoords.len() == tile.positions.len() && tile.surfaces.iter().any(|s| *s != 0 && *s != UNLIT) {
        return tile.texcoords.clone();
    }
    let lowest = tile.positions.iter().map(|p| p[2]).fold(f32::INFINITY, f32::min);
    tile.positions.iter().map(|p| [p[0] + p[1], p[2] - lowest]).collect()
}

/// Where a tile stands in Bevy's axes: `to_world` is ECEF from tile, `enu_from_world` the scene's frame.
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
        assert_eq!(build(&tile, 1).heights_dm, vec![125, 0]);
    }
}
