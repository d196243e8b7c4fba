//! Roofs with one cross-section along the whole building: skillion, gabled, saltbox, gambrel, barrel, butterfly.

use super::{RoofShape, RoofWish, Top, TopFace};
use crate::city::footprints::outline::Outline;
use geo::MinimumRotatedRect;
use geo::{Coord, LineString, Polygon};
use glam::{DVec2, DVec3};
use std::f64::consts::PI;

/// A corner this near to a crease lies on it, metres.
const ON_CREASE_M: f64 = 2e-3;
/// Least part of its rectangle that a building fills to get a ridge along the rectangle; wings want ridges of their own.
const FILL_MIN: f64 = 0.85;
/// Directions are written as compass points and house walls are not: a slope this near to a wall's direction looks straight at it, degrees.
const SNAP_DEG: f64 = 23.0;
/// Facets of a barrel roof.
const BARREL_FACETS: usize = 8;

/// One plane, highest at one side.
pub(super) fn skillion(outline: &Outline, wish: &RoofWish) -> Option<Top> {
    let section = Section::new(outline, wish, &[(0.0, 1.0), (1.0, 0.0)])?;
    let mut top = super::flat(outline);
    top.points.iter_mut().for_each(|p| p.z = section.height(p.truncate()));
    top.run_m = section.width;
    Some(top)
}

/// A roof folded along creases. `None` when a crease cuts the outline into more than two pieces, it has holes or is not much of a rectangle.
pub(super) fn top(outline: &Outline, wish: &RoofWish) -> Option<Top> {
    let barrel: Vec<(f64, f64)> = (0..=BARREL_FACETS)
        .map(|i| PI * i as f64 / BARREL_FACETS as f64)
        .map(|a| ((1.0 - a.cos()) / 2.0, if a == PI { 0.0 } else { a.sin() }))
        .collect();
    let profile: &[(f64, f64)] = match wish.shape {
        RoofShape::Saltbox => &[(0.0, 0.0), (0.35, 1.0), (1.0, 0.0)],
        RoofShape::Gambrel => &[(0.0, 0.0), (0.2, 0.6), (0.5, 1.0), (0.8, 0.6), (1.0, 0.0)],
        RoofShape::Butterfly => &[(0.0, 1.0), (0.5, 0.0), (1.0, 1.0)],
        RoofShape::Round => &barrel,
        _ => &[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)],
    };
    let section = Section::new(outline, wish, profile)?;
    if outline.has_holes() || outline.area_m2() < FILL_MIN * section.rectangle_m2 {
        return None;
    }
    let creases = &profile[1..profile.len() - 1];
    Fold::new(outline, &section).fold(creases.iter().map(|c| c.0))
}

/// The cross-section: where it lies and how high it is.
struct Section<'a> {
    /// Unit vector across the ridge, the way the slope looks.
    across: DVec2,
    /// Where along `across` the outline begins, and how far it goes, metres.
    start: f64,
    width: f64,
    rectangle_m2: f64,
    /// Part of the width, part of the height.
    profile: &'a [(f64, f64)],
}

impl<'a> Section<'a> {
    fn new(outline: &Outline, wish: &RoofWish, profile: &'a [(f64, f64)]) -> Option<Self> {
        let points = LineString(outline.corners().iter().map(|p| Coord { x: p.x, y: p.y }).collect());
        let rectangle = Polygon::new(points, Vec::new()).minimum_rotated_rect()?;
        let corner = |i: usize| rectangle.exterior().0.get(i).map(|c| DVec2::new(c.x, c.y));
        let (a, b) = (corner(1)? - corner(0)?, corner(2)? - corner(1)?);
        let (long, short) = if a.length() >= b.length() { (a, b) } else { (b, a) };
        let (long_m, short_m) = (long.length(), short.length());
        if !(short_m > ON_CREASE_M * 8.0) {
            return None;
        }
        let axes = [short / short_m, long / long_m];
        let across = match wish.direction_deg {
            Some(degrees) => {
                let (east, north) = degrees.to_radians().sin_cos();
                snap(DVec2::new(east, north), axes)
            }
            None => axes[usize::from(wish.across)],
        };
        let along = outline.corners().iter().map(|p| p.dot(across));
        let (start, end) = along.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), u| (min.min(u), max.max(u)));
        Some(Self { across, start, width: end - start, rectangle_m2: long_m * short_m, profile })
    }

    /// Part of the way across.
    fn part(&self, p: DVec2) -> f64 {
        ((p.dot(self.across) - self.start) / self.width).clamp(0.0, 1.0)
    }

    fn height(&self, p: DVec2) -> f64 {
        let u = self.part(p);
        let after = self.profile.iter().position(|(at, _)| *at >= u).unwrap_or(self.profile.len() - 1).max(1);
        let ((u0, z0), (u1, z1)) = (self.profile[after - 1], self.profile[after]);
        z0 + (z1 - z0) * (u - u0) / (u1 - u0)
    }

    /// Metres across of the steepest slope, per unit of height.
    fn run_m(&self) -> f64 {
        let highest = self.profile.iter().position(|(_, z)| *z == 1.0).unwrap_or(0);
        let (at, _) = self.profile[highest];
        self.width * if at > 0.0 && at < 1.0 { at } else { 0.5 }
    }
}

/// The nearest of two axes and their opposites when it is near, else the direction itself.
fn snap(direction: DVec2, axes: [DVec2; 2]) -> DVec2 {
    let candidates = [axes[0], -axes[0], axes[1], -axes[1]];
    let near = SNAP_DEG.to_radians().cos();
    candidates.into_iter().find(|a| a.dot(direction) > near).unwrap_or(direction)
}

/// A roof being cut along creases.
struct Fold<'a> {
    section: &'a Section<'a>,
    points: Vec<DVec3>,
    /// Of each point on an edge of the outline: the edge's first corner. Corners themselves have none.
    edge: Vec<Option<usize>>,
    faces: Vec<Vec<u32>>,
    corners: usize,
}

impl<'a> Fold<'a> {
    fn new(outline: &Outline, section: &'a Section<'a>) -> Self {
        let points: Vec<DVec3> = super::level(outline);
        let corners = points.len();
        Self { section, edge: vec![None; corners], faces: vec![(0..corners as u32).collect()], points, corners }
    }

    fn fold(mut self, creases: impl Iterator<Item = f64>) -> Option<Top> {
        for at in creases {
            let faces = std::mem::take(&mut self.faces);
            for face in faces {
                self.cut(face, at)?;
            }
        }
        for p in &mut self.points {
            p.z = self.section.height(p.truncate());
        }
        let run_m = self.section.run_m();
        let mut on_edges: Vec<(usize, u32)> = Vec::new();
        for (n, edge) in self.edge.iter().enumerate() {
            on_edges.extend(edge.map(|e| (e, n as u32)));
        }
        let from = |(edge, n): &(usize, u32)| self.points[*edge].truncate().distance_squared(self.points[*n as usize].truncate());
        on_edges.sort_by(|a, b| a.0.cmp(&b.0).then(from(a).total_cmp(&from(b))));
        Some(Top { on_edges, points: self.points, faces: self.faces.into_iter().map(TopFace::roof).collect(), run_m })
    }

    /// Metres beyond the crease; 0 on it.
    fn side(&self, point: u32, at: f64) -> f64 {
        let d = (self.section.part(self.points[point as usize].truncate()) - at) * self.section.width;
        if d.abs() < ON_CREASE_M { 0.0 } else { d }
    }

    /// Cuts a face in two along a crease that crosses its ring twice; leaves alone what lies on one side.
    fn cut(&mut self, face: Vec<u32>, at: f64) -> Option<()> {
        let sides: Vec<f64> = face.iter().map(|p| self.side(*p, at)).collect();
        if sides.iter().all(|s| *s <= 0.0) || sides.iter().all(|s| *s >= 0.0) {
            self.faces.push(face);
            return Some(());
        }
        let mut ring = Vec::with_capacity(face.len() + 2);
        let mut on = Vec::new();
        for (i, (&p, &s)) in face.iter().zip(&sides).enumerate() {
            let next = (i + 1) % face.len();
            if s == 0.0 {
                on.push(ring.len());
            }
            ring.push(p);
            if s * sides[next] < 0.0 {
                on.push(ring.len());
                ring.push(self.between(p, face[next], s / (s - sides[next])));
            }
        }
        let [first, second] = on[..] else { return None };
        let one: Vec<u32> = ring[first..=second].to_vec();
        let other: Vec<u32> = ring[second..].iter().chain(&ring[..=first]).copied().collect();
        if one.len() < 3 || other.len() < 3 {
            return None;
        }
        self.faces.extend([one, other]);
        Some(())
    }

    /// A new point on the way from `a` to `b`.
    fn between(&mut self, a: u32, b: u32, part: f64) -> u32 {
        let edge = self.shared_edge(a, b);
        let (p, q) = (self.points[a as usize], self.points[b as usize]);
        self.points.push(p.lerp(q, part));
        self.edge.push(edge);
        self.points.len() as u32 - 1
    }

    /// The outline's edge that both points lie on.
    fn shared_edge(&self, a: u32, b: u32) -> Option<usize> {
        let (a, b) = (a as usize, b as usize);
        // Faces run as the outline does: the edge is the one that starts at `a`, or that `a` or `b` was put on.
        self.edge[a].or(self.edge[b]).or((a < self.corners).then_some(a))
    }
}
