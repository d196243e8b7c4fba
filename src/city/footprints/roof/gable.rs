//! Gables: the triangles at the ends of a hipped roof turned up, wholly or in part.

use super::hipped::{HipFace, Hipped, area};
use glam::{DMat2, DVec2};

/// A gable's point keeps this part of the edge's length from its ends; nearer, the hip stays.
const MARGIN: f64 = 0.1;

/// Turns up every end face that can be: a triangle whose point is shared with just the two faces beside it.
///
/// `part` of the way: 1 makes a wall of it; less leaves a smaller hip above a wall (half-hipped).
pub(super) fn turn_up(roof: &mut Hipped, part: f64) {
    for face in 0..roof.faces.len() {
        let Some(end) = End::of(roof, face) else { continue };
        let before = roof.clone();
        if part >= 1.0 {
            end.gable(roof)
        } else {
            end.half(roof, part)
        }
        if !end.beside.iter().all(|f| sound(roof, *f)) {
            *roof = before;
        }
    }
}

/// Whether a face is still a simple polygon seen from above.
fn sound(roof: &Hipped, face: usize) -> bool {
    let ring: Vec<DVec2> = roof.faces[face].ring.iter().map(|n| roof.points[*n]).collect();
    area(&ring) > 1e-3 && !super::hipped::crosses_itself(&ring)
}

/// A face that can be turned up.
struct End {
    face: usize,
    /// Its two corners on the outline, then its point.
    a: usize,
    b: usize,
    point: usize,
    /// The faces beside it: the one before (sharing the side to `a`), the one after (sharing the side to `b`).
    beside: [usize; 2],
    /// Where the ridge meets the edge, and how high.
    foot: DVec2,
    height: f64,
}

impl End {
    fn of(roof: &Hipped, face: usize) -> Option<Self> {
        let [a, b, point] = roof.faces[face].ring[..] else { return None };
        if roof.faces[face].upright || roof.heights[a] != 0.0 || roof.heights[b] != 0.0 || roof.heights[point] <= 0.0 {
            return None;
        }
        let around: Vec<usize> = (0..roof.faces.len()).filter(|f| roof.faces[*f].ring.contains(&point)).collect();
        let sharing = |from: usize, to: usize| around.iter().copied().find(|f| sides(&roof.faces[*f]).any(|side| side == (from, to)));
        // Sides of this face are (a, b), (b, point), (point, a); of its neighbours the same the other way round.
        let beside = [sharing(a, point)?, sharing(point, b)?];
        if around.len() != 3 || beside.iter().any(|f| roof.faces[*f].upright) {
            return None;
        }
        // Where all three planes' lines meet: on the edge, as far from the lines of both neighbours.
        let [p, q] = beside.map(|f| roof.edges[roof.faces[f].edge]);
        let e = roof.edges[roof.faces[face].edge];
        let lines = DMat2::from_cols(p.normal - q.normal, e.normal).transpose();
        if lines.determinant().abs() < 1e-9 {
            return None;
        }
        let foot = lines.inverse() * DVec2::new(p.offset - q.offset, e.offset);
        let height = p.distance(foot);
        let (from, to) = (roof.points[a], roof.points[b]);
        let along = (foot - from).dot(to - from) / from.distance_squared(to);
        let usable = along > MARGIN && along < 1.0 - MARGIN && height > 0.0 && height < 3.0 * roof.heights[point];
        usable.then_some(Self { face, a, b, point, beside, foot, height })
    }

    /// Moves the point over the edge.
    fn gable(&self, roof: &mut Hipped) {
        roof.points[self.point] = self.foot;
        roof.heights[self.point] = self.height;
        roof.faces[self.face].upright = true;
    }

    /// A wall up to `part` of the gable, and a hip from there to the ridge, which ends that much nearer to the edge.
    fn half(&self, roof: &mut Hipped, part: f64) {
        let (low, high) = (roof.points.len(), roof.points.len() + 1);
        let [from, to] = [self.a, self.b].map(|n| roof.points[n]);
        roof.points.extend([from.lerp(self.foot, part), to.lerp(self.foot, part)]);
        roof.heights.extend([self.height * part; 2]);
        roof.points[self.point] = roof.points[self.point].lerp(self.foot, part);
        roof.heights[self.point] += (self.height - roof.heights[self.point]) * part;
        let edge = roof.faces[self.face].edge;
        roof.faces[self.face] = HipFace { edge, ring: vec![self.a, self.b, high, low], upright: true };
        // Upright as far as checks go: its plane is steeper than the others.
        roof.faces.push(HipFace { edge, ring: vec![low, high, self.point], upright: false });
        let insert = |face: &mut HipFace, from: usize, to: usize, new: usize| {
            let count = face.ring.len();
            if let Some(i) = (0..count).find(|i| face.ring[*i] == from && face.ring[(i + 1) % count] == to) {
                face.ring.insert(i + 1, new);
            }
        };
        insert(&mut roof.faces[self.beside[0]], self.a, self.point, low);
        insert(&mut roof.faces[self.beside[1]], self.point, self.b, high);
    }
}

fn sides(face: &HipFace) -> impl Iterator<Item = (usize, usize)> + '_ {
    let ring = &face.ring;
    (0..ring.len()).map(|i| (ring[i], ring[(i + 1) % ring.len()]))
}
