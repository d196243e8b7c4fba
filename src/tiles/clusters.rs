//! Faces in clusters: near one another and facing about the same way, so that what turns its back on every eye, or lies beside every picture, need not be
//! drawn. Half of a city's walls do.
//!
//! Source: A. Kapoulkine's meshoptimizer, "cluster culling" by a sphere and a cone of normals; grouping is our own, because its is by shared
//! vertices and walls share none.

use super::content::TileMesh;
use glam::{DVec3, Vec3, Vec4};
use std::ops::Range;

/// Faces of a cluster, at most.
pub(super) const CLUSTER: usize = 64;
/// Cells along a mesh's longest side that faces are ordered by.
const CELLS: f64 = 32.0;
/// A component of a unit vector beyond this, the sine of half a right angle's half, counts as pointing that way.
const POINTS: f32 = 0.383;
/// Numbers are not exact: faces may turn by so much, as a sine.
const TURN: f32 = 0.002;

/// Faces that lie near one another and face about the same way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// The first face after it; it begins where the one before ends.
    pub end: u32,
    /// A sphere around its corners, local metres.
    pub centre: Vec3,
    pub radius_m: f32,
    /// The middle of its faces' outward directions (unit).
    pub axis: Vec3,
    /// The sine of the angle by which they stray from it at most; 1 where they face anywhere.
    pub spread: f32,
}

/// What looks at clusters, in their mesh's frame.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterEye {
    /// What lies before all of these is in the picture: unit normals inwards, and distances.
    pub planes: Vec<Vec4>,
    pub from: Sightline,
}

/// Where an eye looks from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sightline {
    /// From a point.
    Eye(Vec3),
    /// From far away along a direction (unit), without perspective.
    Along(Vec3),
}

impl Cluster {
    /// Whether an eye may see any of its faces; with `backs`, also from behind.
    pub fn is_seen(&self, eye: &ClusterEye, backs: bool) -> bool {
        let beside = eye.planes.iter().any(|plane| plane.truncate().dot(self.centre) + plane.w < -self.radius_m);
        !beside && (backs || !self.turns_away(eye.from))
    }

    fn turns_away(&self, from: Sightline) -> bool {
        let spread = self.spread + TURN;
        spread < 1.0
            && match from {
                Sightline::Eye(at) => {
                    let to = self.centre - at;
                    to.dot(self.axis) >= spread * to.length() + self.radius_m
                }
                Sightline::Along(direction) => direction.dot(self.axis) >= spread,
            }
    }
}

/// Runs of faces that some eye may see.
pub fn seen(clusters: &[Cluster], eyes: &[ClusterEye], backs: bool) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    let mut first = 0;
    for cluster in clusters {
        if eyes.iter().any(|eye| cluster.is_seen(eye, backs)) {
            match runs.last_mut().filter(|run| run.end == first) {
                Some(run) => run.end = cluster.end,
                None => runs.push(first..cluster.end),
            }
        }
        first = cluster.end;
    }
    runs
}

impl TileMesh {
    /// Puts its faces in the order of clusters, and notes these; `features` as in [`TileMesh::steps`].
    pub(super) fn cluster(&mut self, features: u32) {
        let faces = self.indices.as_chunks::<3>().0;
        let places = self.drawn_places(features);
        let (low, high) = self.bounds();
        let cell = ((high - low).max_element() / CELLS).max(f64::MIN_POSITIVE);
        // Way and cell above, the face's number below: within a cell faces stay in the order they have, two of a wall together.
        let key = |(number, face): (usize, &[u32; 3])| {
            let corners = corners(&places, face);
            let middle = (corners[0] + corners[1] + corners[2]) / 3.0;
            let key = way(normal(corners)) << 15 | morton((middle.as_dvec3() - low) / cell);
            u64::from(key) << 32 | number as u64
        };
        let mut order: Vec<u64> = faces.iter().enumerate().map(key).collect();
        order.sort_unstable();
        let sorted: Vec<[u32; 3]> = order.iter().map(|key| faces[(key & 0xffff_ffff) as usize]).collect();
        let ways = order.iter().map(|key| key >> 47);
        let mut clusters: Vec<Cluster> = Vec::new();
        let mut begin = 0;
        for (face, way) in ways.clone().enumerate() {
            let ends = face + 1 == sorted.len() || face + 1 - begin == CLUSTER || (order[face + 1] >> 47) != way;
            if ends {
                clusters.push(cluster_of(&places, &sorted[begin..=face], face as u32 + 1, self.two_sided));
                begin = face + 1;
            }
        }
        (self.indices, self.clusters) = (sorted.into_flattened(), clusters);
    }

    /// Where its vertices are drawn: faces of coarse tiles turn as their corners are rounded to steps.
    fn drawn_places(&self, features: u32) -> Vec<Vec3> {
        let steps = self.steps(features);
        let drawn = |p: &[f32; 3]| match steps {
            Some((low, step)) => (((DVec3::from(p.map(f64::from)) - low) / step).round() * step + low).as_vec3(),
            None => Vec3::from(*p),
        };
        self.positions.iter().map(drawn).collect()
    }
}

fn corners(places: &[Vec3], face: &[u32; 3]) -> [Vec3; 3] {
    face.map(|i| places.get(i as usize).copied().unwrap_or_default())
}

fn cluster_of(places: &[Vec3], faces: &[[u32; 3]], end: u32, two_sided: bool) -> Cluster {
    let all = || faces.iter().flat_map(|f| corners(places, f));
    let start = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    let (low, high) = all().fold(start, |(low, high), p| (low.min(p), high.max(p)));
    let centre = (low + high) * 0.5;
    let radius_m = all().map(|p| p.distance(centre)).fold(0.0, f32::max);
    // A face without an area is drawn by nobody.
    let normals = || faces.iter().map(|f| normal(corners(places, f))).filter(|n| *n != Vec3::ZERO);
    let axis = normals().sum::<Vec3>().normalize_or_zero();
    let nearest = normals().map(|n| n.dot(axis)).fold(1.0, f32::min);
    let spread = if nearest > 0.0 && !two_sided { (1.0 - nearest * nearest).max(0.0).sqrt() } else { 1.0 };
    Cluster { end, centre, radius_m, axis, spread }
}

/// Outward, unit; zero for a face without an area.
fn normal([a, b, c]: [Vec3; 3]) -> Vec3 {
    (b - a).cross(c - a).normalize_or_zero()
}

/// One of the 27 ways to a neighbour in a cubic grid, which is where a vector points.
fn way(normal: Vec3) -> u32 {
    let third = |c: f32| if c > POINTS { 2 } else { u32::from(c >= -POINTS) };
    third(normal.x) * 9 + third(normal.y) * 3 + third(normal.z)
}

/// Five bits of each of a place's cells, woven: what is near in the number is near in space.
fn morton(cell: DVec3) -> u32 {
    let axis = |c: f64| {
        let c = c.clamp(0.0, CELLS - 1.0) as u32;
        (0..5).fold(0, |woven, bit| woven | (c >> bit & 1) << (3 * bit))
    };
    axis(cell.x) << 2 | axis(cell.y) << 1 | axis(cell.z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A closed box with its own four corners for each side, as buildings have them.
    fn house(low: Vec3, size: Vec3, turn_rad: f32) -> TileMesh {
        let turn = glam::Quat::from_rotation_z(turn_rad);
        let mut mesh = TileMesh::default();
        for (axis, side) in [(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0), (2, 0.0), (2, 1.0_f32)] {
            let corner = |u: f32, v: f32| {
                let mut at = [0.0; 3];
                (at[axis], at[(axis + 1) % 3], at[(axis + 2) % 3]) = (side, u, v);
                (turn * (low + Vec3::from(at) * size)).to_array()
            };
            let first = mesh.positions.len() as u32;
            mesh.positions.extend([corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)]);
            let quad = if side > 0.5 { [0, 1, 2, 0, 2, 3] } else { [0, 2, 1, 0, 3, 2] };
            mesh.indices.extend(quad.map(|i| i + first));
        }
        mesh
    }

    fn town(houses: &[(f32, f32, f32, f32)]) -> TileMesh {
        let mut town = TileMesh::default();
        for (x, y, height, turn) in houses {
            let one = house(Vec3::new(*x, *y, 0.0), Vec3::new(12.0, 20.0, *height), *turn);
            let first = town.positions.len() as u32;
            town.positions.extend(one.positions);
            town.indices.extend(one.indices.iter().map(|i| i + first));
        }
        town
    }

    fn faces_of(mesh: &TileMesh) -> Vec<[u32; 3]> {
        let mut faces = mesh.indices.as_chunks::<3>().0.to_vec();
        faces.sort_unstable();
        faces
    }

    proptest! {
        #[test]
        fn no_face_that_an_eye_sees_from_the_front_is_left_out(
            houses in prop::collection::vec((-900.0f32..900.0, -900.0f32..900.0, 3.0f32..120.0, 0.0f32..6.3), 1..60),
            eye in (-1500.0f32..1500.0, -1500.0f32..1500.0, 1.0f32..900.0),
        ) {
            let mut mesh = town(&houses);
            let before = faces_of(&mesh);
            mesh.cluster(0);
            prop_assert_eq!(faces_of(&mesh), before, "the same faces in another order");
            let at = Vec3::from(eye);
            let eye = ClusterEye { planes: vec![], from: Sightline::Eye(at) };
            let runs = seen(&mesh.clusters, &[eye], false);
            let places = mesh.drawn_places(0);
            for (number, face) in mesh.indices.as_chunks::<3>().0.iter().enumerate() {
                let corners = corners(&places, face);
                let front = (at - corners[0]).dot(normal(corners)) > 1e-2;
                let drawn = runs.iter().any(|run| run.contains(&(number as u32)));
                prop_assert!(drawn || !front, "face {} is seen from {}", number, at);
            }
        }
    }

    #[test]
    fn an_eye_to_the_south_of_a_town_needs_about_half_of_its_faces() {
        let houses: Vec<_> = (0..400).map(|i| ((i % 20) as f32 * 40.0, (i / 20) as f32 * 40.0, 15.0, 0.0)).collect();
        let mut mesh = town(&houses);
        mesh.cluster(0);
        let faces = mesh.indices.len() / 3;
        let drawn = |from, backs| {
            let eye = ClusterEye { planes: vec![], from };
            seen(&mesh.clusters, &[eye], backs).iter().map(|r| r.len()).sum::<usize>() as f64 / faces as f64
        };
        // Roofs, the walls to the south and half of those to the east and west, with what shares their clusters.
        let from_south = drawn(Sightline::Eye(Vec3::new(400.0, -2_000.0, 600.0)), false);
        assert!((0.49..0.65).contains(&from_south), "{from_south}");
        assert_eq!(drawn(Sightline::Along(Vec3::NEG_Z), false), 5.0 / 6.0, "a map shows no floors; walls stand edge on");
        assert_eq!(drawn(Sightline::Along(Vec3::new(0.48, 0.6, -0.64)), false), 0.5, "roofs and the walls of two sides");
        assert_eq!(drawn(Sightline::Along(Vec3::NEG_Z), true), 1.0, "behind a cut backs are seen");
    }

    #[test]
    fn what_lies_beside_the_picture_is_left_out_and_two_sided_faces_have_no_back() {
        let houses: Vec<_> = (0..1600).map(|i| ((i % 40) as f32 * 40.0, (i / 40) as f32 * 40.0, 15.0, 0.0)).collect();
        let mut mesh = town(&houses);
        mesh.cluster(0);
        let west = ClusterEye { planes: vec![Vec4::new(-1.0, 0.0, 0.0, 400.0)], from: Sightline::Along(Vec3::Y) };
        let all: usize = seen(&mesh.clusters, std::slice::from_ref(&west), true).iter().map(|r| r.len()).sum();
        // A quarter of the 19,200 faces, with those beside them that share their clusters.
        assert!((4_800..9_600).contains(&all), "{all}");
        let mut open = TileMesh { two_sided: true, ..mesh };
        open.cluster(0);
        assert!(open.clusters.iter().all(|c| c.spread == 1.0));
    }
}
