//! What is kept of a tile once it is drawn: places, ids and kinds of its faces for rays, in half the room, and its features.

use super::content::{TileContent, TileMesh};
use crate::ogc::{FeatureTable, NO_FEATURE};
use glam::{DMat4, DVec3};
use std::sync::Arc;

/// Steps along each axis of a mesh's box.
const STEPS: f64 = u16::MAX as f64;

/// A tile that is in memory.
#[derive(Clone, Debug, Default)]
pub struct KeptTile {
    pub meshes: Vec<KeptMesh>,
    pub features: Arc<FeatureTable>,
    /// Memory it takes, bytes, about: kept here and uploaded.
    pub bytes: usize,
    /// Those of them that are kept here.
    pub kept_bytes: usize,
}

/// Faces of one tile. A vertex lies within half of 1/65,535 of the mesh's extent along each axis of its place, 8 mm in a tile of a kilometre.
#[derive(Clone, Debug, Default)]
pub struct KeptMesh {
    /// World (ECEF) from local; rigid.
    pub to_world: DMat4,
    low: DVec3,
    step: DVec3,
    places: Vec<[u16; 3]>,
    ids: Numbers,
    surfaces: Vec<u8>,
    indices: Numbers,
}

/// Whole numbers in 16 bits each where all fit, [`NO_FEATURE`] being the largest.
#[derive(Clone, Debug)]
enum Numbers {
    Short(Vec<u16>),
    Long(Vec<u32>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Short(Vec::new())
    }
}

impl Numbers {
    fn of(list: &[u32]) -> Self {
        let short = |n: &u32| match *n {
            NO_FEATURE => Some(u16::MAX),
            n => u16::try_from(n).ok().filter(|n| *n != u16::MAX),
        };
        list.iter().map(short).collect::<Option<Vec<u16>>>().map_or_else(|| Self::Long(list.to_vec()), Self::Short)
    }

    fn get(&self, i: usize) -> Option<u32> {
        match self {
            Self::Short(list) => list.get(i).map(|n| if *n == u16::MAX { NO_FEATURE } else { u32::from(*n) }),
            Self::Long(list) => list.get(i).copied(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Short(list) => list.len(),
            Self::Long(list) => list.len(),
        }
    }
}

impl KeptTile {
    pub(crate) fn of(content: &TileContent) -> Self {
        let meshes = content.meshes.iter().map(KeptMesh::of).collect();
        let features = content.features.clone();
        let faces: usize = content.meshes.iter().map(|m| KeptMesh::bytes_of(m, features.count())).sum();
        Self { meshes, kept_bytes: faces + features.bytes(), features, bytes: content.bytes }
    }

    /// Faces of all its meshes.
    pub fn triangles(&self) -> usize {
        self.meshes.iter().map(KeptMesh::triangles).sum()
    }
}

impl KeptMesh {
    fn of(mesh: &TileMesh) -> Self {
        let (low, high) = mesh.bounds();
        let step = (high - low) / STEPS;
        // A mesh that is flat along an axis has no steps there.
        let steps = |p: &[f32; 3]| {
            let from_low = DVec3::from(p.map(f64::from)) - low;
            [0, 1, 2].map(|i| if step[i] > 0.0 { (from_low[i] / step[i]).round() as u16 } else { 0 })
        };
        let places = mesh.positions.iter().map(steps).collect();
        let (ids, indices) = (Numbers::of(&mesh.feature_ids), Numbers::of(&mesh.indices));
        Self { to_world: mesh.to_world, low, step, places, ids, surfaces: mesh.surfaces.clone(), indices }
    }

    /// About what [`KeptMesh`] takes of a mesh, bytes.
    pub(crate) fn bytes_of(mesh: &TileMesh, features: u32) -> usize {
        let width = |most: usize| if most < usize::from(u16::MAX) { 2 } else { 4 };
        let vertices = mesh.positions.len();
        vertices * (6 + 1 + width(features as usize)) + mesh.indices.len() * width(vertices)
    }

    /// Lowest and highest corner in local metres.
    pub fn bounds(&self) -> (DVec3, DVec3) {
        (self.low, self.low + self.step * STEPS)
    }

    pub fn triangles(&self) -> usize {
        self.indices.len() / 3
    }

    /// The first vertex of a face, which has its id and kind, and the face's corners in local metres.
    pub fn triangle(&self, face: usize) -> Option<(usize, [DVec3; 3])> {
        let vertex = |i: usize| Some(self.indices.get(face * 3 + i)? as usize);
        let corner = |v: usize| self.places.get(v).map(|p| self.low + DVec3::from(p.map(f64::from)) * self.step);
        let [a, b, c] = [vertex(0)?, vertex(1)?, vertex(2)?];
        Some((a, [corner(a)?, corner(b)?, corner(c)?]))
    }

    /// Of a vertex: the id within the tile's [`FeatureTable`] or [`NO_FEATURE`], and the number of its `Surface`.
    pub fn about(&self, vertex: usize) -> (u32, u8) {
        (self.ids.get(vertex).unwrap_or(NO_FEATURE), self.surfaces.get(vertex).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_to_a_step_and_ids_of_any_size_come_back() {
        let positions: Vec<[f32; 3]> = (0..9).map(|i| [i as f32 * 100.0, 7.0, (i * i) as f32]).collect();
        for (ids, indices) in [(vec![0, 5, NO_FEATURE], 3), (vec![70_000, 65_535, NO_FEATURE], 3)] {
            let feature_ids: Vec<u32> = ids.iter().cycle().take(9).copied().collect();
            let mesh = TileMesh {
                positions: positions.clone(),
                feature_ids: feature_ids.clone(),
                surfaces: vec![1; 9],
                indices: (0..9).collect(),
                ..TileMesh::default()
            };
            let kept = KeptMesh::of(&mesh);
            assert_eq!(kept.triangles(), indices);
            for face in 0..3 {
                let (first, corners) = kept.triangle(face).unwrap();
                assert_eq!((first, kept.about(first)), (face * 3, (feature_ids[face * 3], 1)));
                for (corner, at) in corners.iter().zip(&positions[face * 3..]) {
                    assert!((*corner - DVec3::from(at.map(f64::from))).length() < 0.01, "{corner}");
                }
            }
            assert!(kept.triangle(3).is_none());
        }
    }
}
