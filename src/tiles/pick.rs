//! What a ray hits first among drawn tiles, on the CPU.

use super::face_metadata::FaceSpot;
use super::kept::{KeptMesh, KeptTile};
use super::tree::TileId;
use super::volume::{BoundingVolume, ray_meets_box};
use glam::DVec3;

/// The nearest triangle on a ray.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub tile: TileId,
    /// Id in the tile's feature table, or [`super::NO_FEATURE`]; where ids lie in a picture, that of the very pixel.
    pub feature_id: u32,
    /// World (ECEF), metres.
    pub position: DVec3,
    /// The triangle's normal in the world, unit length, towards the ray's origin.
    pub normal: DVec3,
    /// Number of the `Surface` hit (wall, roof, ...).
    pub surface: u8,
    pub distance_m: f64,
    /// Where on which face, for [`super::Tileset::place_metadata`].
    pub(crate) spot: FaceSpot,
}

/// Rays reach this far, metres: beyond the Earth's far side from orbit.
const REACH_M: f64 = 1e8;

pub fn nearest<'a>(
    tiles: impl Iterator<Item = (TileId, &'a BoundingVolume, &'a KeptTile)>,
    origin: DVec3,
    direction: DVec3,
    visible: &impl Fn(TileId, u32) -> bool,
) -> Option<Hit> {
    let direction = direction.try_normalize()?;
    let mut best: Option<Hit> = None;
    for (tile, volume, content) in tiles {
        for (number, mesh) in content.meshes.iter().enumerate() {
            let limit = best.map_or(REACH_M, |h| h.distance_m);
            if volume.meets_ray(origin, direction, limit)
                && let Some(mut hit) = nearest_in(tile, mesh, origin, direction, limit, visible)
            {
                hit.spot.mesh = number;
                hit.feature_id = content.pictured_feature(&hit.spot).unwrap_or(hit.feature_id);
                best = Some(hit);
            }
        }
    }
    best
}

fn nearest_in(
    tile: TileId,
    mesh: &KeptMesh,
    origin: DVec3,
    direction: DVec3,
    limit: f64,
    visible: &impl Fn(TileId, u32) -> bool,
) -> Option<Hit> {
    // Rigid: directions and distances are the same on both sides.
    let to_local = mesh.to_world.inverse();
    let (o, d) = (to_local.transform_point3(origin), to_local.transform_vector3(direction));
    let (min, max) = mesh.bounds();
    // A hair of slack for walls that are flat along an axis.
    if !ray_meets_box(o, d, min - 1e-3, max + 1e-3, limit) {
        return None;
    }
    let mut best: Option<(f64, usize, DVec3, FaceSpot)> = None;
    let near = mesh.faces_where(|low, high| ray_meets_box(o, d, low - 1e-3, high + 1e-3, limit));
    for (face, (vertex, [a, b, c])) in near.filter_map(|face| Some((face, mesh.triangle(face)?))) {
        let Some((distance, weights)) = ray_meets_triangle(o, d, [a, b, c]) else { continue };
        if distance < best.map_or(limit, |b| b.0) && visible(tile, mesh.about(vertex).0) {
            best = Some((distance, vertex, (b - a).cross(c - a), FaceSpot { mesh: 0, face, weights }));
        }
    }
    let (distance_m, vertex, normal, spot) = best?;
    let (feature_id, surface) = mesh.about(vertex);
    let normal = mesh.to_world.transform_vector3(normal).normalize_or_zero();
    Some(Hit {
        tile,
        feature_id,
        position: origin + direction * distance_m,
        normal: if normal.dot(direction) > 0.0 { -normal } else { normal },
        surface,
        distance_m,
        spot,
    })
}

/// Distance along the ray to the triangle, from either side, and the weights of its corners there, which add up to 1.
///
/// Source: Moeller and Trumbore, 1997.
fn ray_meets_triangle(origin: DVec3, direction: DVec3, [a, b, c]: [DVec3; 3]) -> Option<(f64, [f64; 3])> {
    let (e1, e2) = (b - a, c - a);
    let p = direction.cross(e2);
    let det = e1.dot(p);
    if det.abs() < 1e-12 {
        return None;
    }
    let t = origin - a;
    let u = t.dot(p) / det;
    let q = t.cross(e1);
    let v = direction.dot(q) / det;
    let distance = e2.dot(q) / det;
    (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && distance > 0.0).then_some((distance, [1.0 - u - v, u, v]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::{TileContent, TileMesh};
    use glam::DMat4;

    #[test]
    fn the_nearest_visible_triangle_is_hit_in_world_metres() {
        let far_off = DVec3::new(4e6, 3e5, 4.9e6);
        let square = |z: f32| vec![[-1.0, -1.0, z], [3.0, -1.0, z], [-1.0, 3.0, z]];
        let mesh = TileMesh {
            to_world: DMat4::from_translation(far_off),
            positions: [square(0.0), square(5.0)].concat(),
            feature_ids: vec![7, 7, 7, 8, 8, 8],
            surfaces: vec![1, 1, 1, 2, 2, 2],
            indices: (0..6).collect(),
            ..TileMesh::default()
        };
        let content = KeptTile::of(&TileContent { meshes: vec![mesh], ..TileContent::default() });
        let origin = far_off + DVec3::new(0.0, 0.0, 20.0);
        let tiles = || std::iter::once((TileId(3), &BoundingVolume::Everywhere, &content));
        let hit = nearest(tiles(), origin, -DVec3::Z, &|_, _| true).unwrap();
        assert_eq!((hit.tile, hit.feature_id, hit.surface), (TileId(3), 8, 2));
        let weights = [0.5, 0.25, 0.25];
        assert!(hit.spot.face == 1 && hit.spot.weights.iter().zip(weights).all(|(w, was)| (w - was).abs() < 1e-3), "{:?}", hit.spot);
        assert!((hit.distance_m - 15.0).abs() < 1e-3 && (hit.normal - DVec3::Z).length() < 1e-9);
        let below = nearest(tiles(), origin, -DVec3::Z, &|_, feature| feature != 8).unwrap();
        assert_eq!((below.feature_id, below.surface), (7, 1));
        assert_eq!(nearest(tiles(), origin, DVec3::Z, &|_, _| true), None);
    }
}
