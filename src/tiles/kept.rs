//! What is kept of a tile once it is drawn: places, ids and kinds of its faces for rays, in half the room, and its features.

use super::clusters::{Cluster, ClusterEye, seen};
use super::content::{TileContent, TileMesh};
use super::face_metadata::{self, FaceSpot, MetadataRun};
use super::place_metadata::{FeatureIdSource, MetadataGroup, MetadataSource};
use crate::ogc::{FeatureTable, NO_FEATURE};
use glam::{DMat4, DVec3};
use std::ops::Range;
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
    /// Id and surface of runs of vertices, with the first vertex of each; vertices of a feature lie together.
    runs: Vec<(u32, u32, u8)>,
    indices: Numbers,
    /// Boxes around [`BLOCK`] faces each, in steps: what a ray misses as a whole.
    blocks: Vec<[[u16; 3]; 2]>,
    /// Of all its faces, or none.
    clusters: Vec<Cluster>,
    /// As in [`TileMesh`].
    metadata: Vec<MetadataRun>,
    contents: Vec<(u32, u32)>,
}

/// Faces of a block.
const BLOCK: usize = 64;

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

    fn bytes(&self) -> usize {
        match self {
            Self::Short(list) => size_of_val(&list[..]),
            Self::Long(list) => size_of_val(&list[..]),
        }
    }
}

impl KeptTile {
    pub(crate) fn of(content: &TileContent) -> Self {
        let meshes: Vec<KeptMesh> = content.meshes.iter().map(KeptMesh::of).collect();
        let features = content.features.clone();
        let faces: usize = meshes.iter().map(KeptMesh::bytes).sum();
        let metadata = face_metadata::bytes(meshes.iter().flat_map(|m| &m.metadata), &features);
        Self { meshes, kept_bytes: faces + metadata + features.bytes(), features, bytes: content.bytes }
    }

    /// All that the content says of a place, the drawn feature's `feature_id` first where nothing else says what it is.
    pub(super) fn said_at(&self, spot: &FaceSpot, feature_id: u32) -> Vec<MetadataGroup> {
        let mesh = self.meshes.get(spot.mesh);
        let run = mesh.and_then(|m| m.run_at(spot.face));
        let mut groups = run.map_or_else(Vec::new, |(run, corners)| run.groups(corners, spot.weights));
        if !groups.iter().any(MetadataGroup::is_drawn_feature)
            && let Some((row, said)) = self.features.described(feature_id)
        {
            let source = FeatureIdSource { feature: Some(row), is_drawn: true, ..FeatureIdSource::default() };
            groups.insert(0, MetadataGroup::of(MetadataSource::FeatureIds(source), said));
        }
        groups
    }

    /// The feature of the exact pixel, where features are drawn by a set of ids in a picture.
    pub(super) fn pictured_feature(&self, spot: &FaceSpot) -> Option<u32> {
        let (run, corners) = self.meshes.get(spot.mesh)?.run_at(spot.face)?;
        run.pictured_feature(corners, spot.weights)
    }

    /// Which of the tile's contents a face is of.
    pub(super) fn content_at(&self, spot: &FaceSpot) -> usize {
        self.meshes.get(spot.mesh).map_or(0, |m| m.content_of(spot.face))
    }

    /// Corners of its meshes' boxes in the world (ECEF), metres; none without vertices.
    pub(crate) fn world_corners(&self) -> impl Iterator<Item = DVec3> {
        self.meshes.iter().filter(|m| !m.places.is_empty()).flat_map(|mesh| {
            let (min, max) = mesh.bounds();
            let of = move |i: u32, axis: u32| if i >> axis & 1 == 0 { min } else { max };
            (0..8).map(move |i| mesh.to_world.transform_point3(DVec3::new(of(i, 0).x, of(i, 1).y, of(i, 2).z)))
        })
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
        let places: Vec<[u16; 3]> = mesh.positions.iter().map(steps).collect();
        let blocks = mesh.indices.chunks(BLOCK * 3).map(|faces| block(faces, &places)).collect();
        let (metadata, contents) = (mesh.metadata.clone(), mesh.contents.clone());
        Self {
            to_world: mesh.to_world,
            low,
            step,
            places,
            runs: runs(mesh),
            indices: Numbers::of(&mesh.indices),
            blocks,
            clusters: mesh.clusters.clone(),
            metadata,
            contents,
        }
    }

    /// What is said of a face's places, if anything is, and the face's corners.
    fn run_at(&self, face: usize) -> Option<(&MetadataRun, [u32; 3])> {
        let corner = |i: usize| self.indices.get(face * 3 + i);
        let corners = [corner(0)?, corner(1)?, corner(2)?];
        MetadataRun::of(&self.metadata, corners[0]).map(|run| (run, corners))
    }

    fn content_of(&self, face: usize) -> usize {
        let first = self.indices.get(face * 3).unwrap_or_default();
        let after = self.contents.partition_point(|(start, _)| *start <= first);
        after.checked_sub(1).and_then(|i| self.contents.get(i)).map_or(0, |(_, content)| *content as usize)
    }

    /// About what [`KeptMesh`] will take of a mesh, bytes.
    pub(crate) fn bytes_of(mesh: &TileMesh) -> usize {
        let vertices = mesh.positions.len();
        let index = if vertices < usize::from(u16::MAX) { 2 } else { 4 };
        let blocks = mesh.indices.len().div_ceil(BLOCK * 3);
        let clusters = blocks * size_of::<Cluster>();
        vertices * 6 + changes(mesh).count() * size_of::<(u32, u32, u8)>() + mesh.indices.len() * index + blocks * 12 + clusters
    }

    fn bytes(&self) -> usize {
        let lists = size_of_val(&self.places[..]) + size_of_val(&self.runs[..]) + size_of_val(&self.blocks[..]);
        lists + size_of_val(&self.clusters[..]) + self.indices.bytes()
    }

    /// Faces that a ray may meet, by their blocks' boxes; `meets` is asked for corners in local metres.
    pub fn faces_where<'a>(&'a self, meets: impl Fn(DVec3, DVec3) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
        let at = |p: [u16; 3]| self.low + DVec3::from(p.map(f64::from)) * self.step;
        let met = self.blocks.iter().enumerate().filter(move |(_, [low, high])| meets(at(*low), at(*high)));
        met.flat_map(|(block, _)| block * BLOCK..((block + 1) * BLOCK).min(self.triangles()))
    }

    /// Runs of faces that some eye may see; with `backs`, also from behind. All of them where they are in no clusters.
    pub fn seen(&self, eyes: &[ClusterEye], backs: bool) -> Vec<Range<u32>> {
        if self.clusters.is_empty() { self.whole() } else { seen(&self.clusters, eyes, backs) }
    }

    /// All of its faces as one run.
    pub fn whole(&self) -> Vec<Range<u32>> {
        std::iter::once(0..self.triangles() as u32).collect()
    }

    /// Corners of runs of faces as a device takes them, 16 or 32 bits each, little-endian.
    pub fn index_bytes(&self, runs: &[Range<u32>], short: bool) -> Vec<u8> {
        let of = |run: &Range<u32>| run.start as usize * 3..run.end as usize * 3;
        if let (Numbers::Short(list), true) = (&self.indices, short) {
            return runs.iter().flat_map(|run| list.get(of(run)).unwrap_or_default()).flat_map(|i| i.to_le_bytes()).collect();
        }
        let corners = runs.iter().flat_map(of).filter_map(|i| self.indices.get(i));
        if short { corners.flat_map(|i| (i as u16).to_le_bytes()).collect() } else { corners.flat_map(u32::to_le_bytes).collect() }
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
        let after = self.runs.partition_point(|(first, ..)| *first as usize <= vertex);
        self.runs.get(after.wrapping_sub(1)).map_or((NO_FEATURE, 0), |(_, id, surface)| (*id, *surface))
    }
}

fn block(indices: &[u32], places: &[[u16; 3]]) -> [[u16; 3]; 2] {
    let corners = indices.iter().filter_map(|i| places.get(*i as usize));
    corners.fold([[u16::MAX; 3], [0; 3]], |[low, high], p| {
        [[0, 1, 2].map(|axis| low[axis].min(p[axis])), [0, 1, 2].map(|axis| high[axis].max(p[axis]))]
    })
}

fn runs(mesh: &TileMesh) -> Vec<(u32, u32, u8)> {
    changes(mesh).collect()
}

/// Where id or surface of a vertex differ from those of the one before.
fn changes(mesh: &TileMesh) -> impl Iterator<Item = (u32, u32, u8)> + '_ {
    let about = |i: usize| (mesh.feature_ids.get(i).copied().unwrap_or(NO_FEATURE), mesh.surfaces.get(i).copied().unwrap_or(0));
    (0..mesh.positions.len()).filter(move |i| *i == 0 || about(*i) != about(i - 1)).map(move |i| (i as u32, about(i).0, about(i).1))
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
