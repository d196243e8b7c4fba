//! Roofs that slope from every edge: a face an edge over the straight skeleton, checked before it is believed.

use super::skeleton::{Arc, Edge, Skeleton, skeleton};
use super::{Top, TopFace, gable, level};
use crate::city::footprints::outline::Outline;
use crate::city::source::Surface;
use glam::DVec2;
use std::collections::HashMap;

/// Corners of an outline that still gets a sloping roof; the events of a skeleton grow with their square.
const CORNERS_MAX: usize = 600;
/// A corner within this of the line between its neighbours makes no hip, metres.
const IN_LINE_M: f64 = 3e-3;
/// Most that a point of a face may lie off its plane (measured level, as the wavefront moves), metres.
const OFF_PLANE_M: f64 = 0.02;
/// Shakings tried.
const TRIES: u64 = 4;

/// One face: its edge of the outline, and its ring, which starts with that edge.
#[derive(Debug, Clone)]
pub(super) struct HipFace {
    pub(super) edge: usize,
    pub(super) ring: Vec<usize>,
    /// Turned up to a wall by [`gable`].
    pub(super) upright: bool,
}

/// A roof over the corners that make hips, heights in metres at a slope of 1.
#[derive(Debug, Clone)]
pub(super) struct Hipped {
    pub(super) edges: Vec<Edge>,
    /// The corners first.
    pub(super) points: Vec<DVec2>,
    pub(super) heights: Vec<f64>,
    pub(super) faces: Vec<HipFace>,
}

/// A hipped roof whose end faces are turned up by `gable`: 0 hipped, 1 gabled, between them half-hipped.
///
/// `None` when the outline has too many corners or no skeleton that holds.
pub(super) fn top(outline: &Outline, gable: f64) -> Option<Top> {
    if outline.corners().len() > CORNERS_MAX {
        return None;
    }
    let strong = strong_corners(outline);
    let corners: Vec<DVec2> = strong.iter().flatten().map(|c| outline.corners()[*c]).collect();
    let mut edges = Vec::with_capacity(corners.len());
    for ring in &strong {
        let base = edges.len();
        edges.extend((0..ring.len()).map(|i| (base + i, base + (i + 1) % ring.len())));
    }
    let mut hipped = (0..TRIES).find_map(|seed| Hipped::of(skeleton(&corners, &edges, seed)?, &edges, outline.area_m2()))?;
    if gable > 0.0 {
        gable::turn_up(&mut hipped, gable);
    }
    Some(hipped.over(outline, &strong))
}

/// Corners of each ring without those that lie in line.
fn strong_corners(outline: &Outline) -> Vec<Vec<usize>> {
    let at = |c: usize| outline.corners()[c];
    let weak = |a: usize, between: &[usize], b: usize| {
        let line = (at(b) - at(a)).normalize_or_zero();
        between.iter().all(|c| {
            let to = at(*c) - at(a);
            line.perp_dot(to).abs() < IN_LINE_M && line.dot(to) > 0.0 && line.dot(at(b) - at(*c)) > 0.0
        })
    };
    let mut rings = Vec::new();
    for ring in outline.rings() {
        let numbers: Vec<usize> = ring.collect();
        let count = numbers.len();
        // Begin at a corner that is one for sure.
        let sharp = (0..count).max_by(|i, j| {
            let turn = |i: usize| {
                let (a, b, c) = (at(numbers[(i + count - 1) % count]), at(numbers[i]), at(numbers[(i + 1) % count]));
                (b - a).normalize_or_zero().perp_dot((c - b).normalize_or_zero()).abs()
            };
            turn(*i).total_cmp(&turn(*j))
        });
        let order: Vec<usize> = (0..count).map(|i| numbers[(i + sharp.unwrap_or(0)) % count]).collect();
        let mut kept = vec![order[0]];
        let mut skipped = Vec::new();
        for i in 1..count {
            let last = *kept.last().unwrap_or(&order[0]);
            skipped.push(order[i]);
            if !weak(last, &skipped, order[(i + 1) % count]) {
                kept.push(order[i]);
                skipped.clear();
            }
        }
        rings.push(if kept.len() >= 3 { kept } else { order });
    }
    rings
}

impl Hipped {
    /// Faces from arcs. `None` when they don't close, or are no roof.
    fn of(skeleton: Skeleton, edges: &[(usize, usize)], area_m2: f64) -> Option<Self> {
        let Skeleton { edges: lines, nodes, arcs } = skeleton;
        let mut sides: Vec<Vec<(usize, usize)>> = edges.iter().map(|e| vec![*e]).collect();
        for Arc { from, to, before, after } in arcs {
            sides[before].push((from, to));
            sides[after].push((to, from));
        }
        let mut faces = Vec::with_capacity(edges.len());
        for (edge, sides) in sides.into_iter().enumerate() {
            for ring in rings(sides, edges[edge])? {
                faces.push(HipFace { edge, ring, upright: false });
            }
        }
        let hipped =
            Self { edges: lines, points: nodes.iter().map(|n| n.at).collect(), heights: nodes.iter().map(|n| n.time).collect(), faces };
        hipped.holds(area_m2).then_some(hipped)
    }

    /// Whether it is a roof: every face a simple polygon in the plane of its edge, all together as large as the outline.
    pub(super) fn holds(&self, area_m2: f64) -> bool {
        let mut sum = 0.0;
        for face in &self.faces {
            let ring: Vec<DVec2> = face.ring.iter().map(|n| self.points[*n]).collect();
            let area = area(&ring);
            if face.upright {
                continue;
            }
            let edge = &self.edges[face.edge];
            let off = face.ring.iter().map(|n| (edge.distance(self.points[*n]) - self.heights[*n]).abs()).fold(0.0, f64::max);
            if !(area > 1e-6) || !(off < OFF_PLANE_M) || crosses_itself(&ring) {
                return false;
            }
            sum += area;
        }
        (sum - area_m2).abs() < 1e-3 * area_m2 + 1e-3
    }

    /// Puts the corners that lie in line back, and heights between 0 and 1.
    fn over(self, outline: &Outline, strong: &[Vec<usize>]) -> Top {
        let numbers: Vec<usize> = strong.iter().flatten().copied().collect();
        let next: HashMap<usize, usize> = outline.edges().collect();
        // Of those in use: nodes drawn into others are left over.
        let used = self.faces.iter().flat_map(|f| &f.ring).map(|n| self.heights[*n]);
        let highest = used.fold(0.0, f64::max).max(1e-6);
        let mut points = level(outline);
        let mut place: Vec<Option<u32>> = numbers.iter().map(|c| Some(*c as u32)).collect();
        place.resize(self.points.len(), None);
        let mut faces = Vec::with_capacity(self.faces.len());
        for face in &self.faces {
            let mut ring = Vec::with_capacity(face.ring.len());
            for (i, &n) in face.ring.iter().enumerate() {
                ring.push(*place[n].get_or_insert_with(|| {
                    points.push(self.points[n].extend(self.heights[n] / highest));
                    points.len() as u32 - 1
                }));
                // The outline's own edge comes first where the face has it.
                if i == 0 && n < numbers.len() && face.ring.get(1).is_some_and(|m| *m < numbers.len() && *m == self.after(n, strong)) {
                    let end = numbers[face.ring[1]];
                    let mut between = next.get(&numbers[n]).copied();
                    while let Some(c) = between.filter(|c| *c != end) {
                        ring.push(c as u32);
                        between = next.get(&c).copied();
                    }
                }
            }
            let surface = if face.upright { Surface::Wall } else { Surface::Roof };
            faces.push(TopFace { surface, rings: vec![ring] });
        }
        Top { points, faces, on_edges: Vec::new(), run_m: highest }
    }

    /// The strong corner after one, both numbered through all rings.
    fn after(&self, corner: usize, strong: &[Vec<usize>]) -> usize {
        let mut base = 0;
        for ring in strong {
            if corner < base + ring.len() {
                return base + (corner - base + 1) % ring.len();
            }
            base += ring.len();
        }
        corner
    }
}

/// Rings out of the directed sides of a face, the first starting with its edge. `None` when they don't close.
fn rings(mut sides: Vec<(usize, usize)>, edge: (usize, usize)) -> Option<Vec<Vec<usize>>> {
    // There and back again within one face bounds nothing.
    let mut i = 0;
    while i < sides.len() {
        let (a, b) = sides[i];
        match sides.iter().position(|s| *s == (b, a)) {
            Some(j) => {
                sides.remove(i.max(j));
                sides.remove(i.min(j));
                i = 0;
            }
            None => i += 1,
        }
    }
    let mut found = Vec::new();
    while !sides.is_empty() {
        let first = sides.iter().position(|s| *s == edge).unwrap_or(0);
        let (start, mut at) = sides.swap_remove(first);
        let mut ring = vec![start];
        while at != start {
            // A place passed twice: what was walked since is a ring of its own.
            if let Some(seen) = ring.iter().position(|n| *n == at) {
                found.push(ring.split_off(seen));
            }
            ring.push(at);
            let step = sides.iter().position(|s| s.0 == at)?;
            at = sides.swap_remove(step).1;
        }
        found.push(ring);
    }
    (found.iter().all(|r| r.len() >= 3)).then_some(found)
}

pub(super) fn area(ring: &[DVec2]) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    ring.windows(2).map(|w| (w[0] - first).perp_dot(w[1] - first)).sum::<f64>() / 2.0
}

pub(super) fn crosses_itself(ring: &[DVec2]) -> bool {
    let side = |i: usize| (ring[i], ring[(i + 1) % ring.len()]);
    (0..ring.len()).any(|i| {
        let (a, b) = side(i);
        (i + 2..ring.len()).filter(|j| (j + 1) % ring.len() != i).any(|j| {
            let (c, d) = side(j);
            let (d1, d2) = ((b - a).perp_dot(c - a), (b - a).perp_dot(d - a));
            let (d3, d4) = ((d - c).perp_dot(a - c), (d - c).perp_dot(b - c));
            d1 * d2 < 0.0 && d3 * d4 < 0.0
        })
    })
}
