//! Ground as one net of triangles: welded, smoothed, simplified within a measured error.

use super::mesh::{Mesh, Placement, Style, lies};
use super::piece::{Piece, PieceFace, surface};
use crate::city::source::Surface;
use glam::{DVec2, DVec3, Vec2, Vec3};
use meshopt::{SimplifyOptions, VertexDataAdapter};
use std::collections::HashMap;

/// Cells along a side of the grid that finds the triangle under a point.
const GRID_MAX: usize = 256;

/// Triangles of one surface of one object, in the object's frame; vertices at the same place are one.
#[derive(Default)]
pub struct Net {
    pub positions: Vec<[f32; 3]>,
    pub indices: Vec<u32>,
    at: HashMap<[u32; 3], u32>,
}

impl Net {
    fn vertex(&mut self, p: [f32; 3]) -> u32 {
        // + 0.0 makes the two zeros one.
        *self.at.entry(p.map(|x| (x + 0.0).to_bits())).or_insert_with(|| {
            self.positions.push(p);
            self.positions.len() as u32 - 1
        })
    }

    /// Adds the triangles of one face.
    pub fn add(&mut self, piece: &Piece, corners: &[u32], indices: &[u16]) {
        for t in indices.chunks_exact(3) {
            let t = [t[0], t[1], t[2]].map(|i| self.vertex(piece.points[corners[usize::from(i)] as usize]));
            if t[0] != t[1] && t[1] != t[2] && t[2] != t[0] {
                self.indices.extend(t);
            }
        }
    }

    pub fn triangles(&self) -> usize {
        self.indices.len() / 3
    }

    /// Fewer triangles within about `tolerance_m`, or as far off as it takes to keep to `triangles_max`; borders stay, so that neighbouring
    /// pieces still meet. Answers by how many metres the ground moved at most: measured at every vertex that went.
    pub fn simplify(&mut self, tolerance_m: f32, triangles_max: usize) -> f32 {
        let mut fewer = self.fewer(0, tolerance_m, SimplifyOptions::LockBorder);
        if fewer.len() > triangles_max.saturating_mul(3) {
            fewer = self.fewer(triangles_max * 3, f32::MAX, SimplifyOptions::LockBorder);
        }
        if fewer.is_empty() || fewer.len() >= self.indices.len() {
            return 0.0;
        }
        let moved_m = moved(&self.positions, &self.indices, &fewer);
        self.indices = fewer;
        moved_m
    }

    /// Fewer triangles within `tolerance_m`, borders too: where a road is, its edge is all there is. Neighbours part by that much at most.
    /// Answers as [`Self::simplify`].
    pub fn straighten(&mut self, tolerance_m: f32) -> f32 {
        // The library's error is a mean over what went: what went farthest may be some times as far off.
        for part in [1.0, 0.5, 0.25, 0.125] {
            let fewer = self.fewer(0, tolerance_m * part, SimplifyOptions::None);
            if fewer.is_empty() || fewer.len() >= self.indices.len() {
                return 0.0;
            }
            let moved_m = moved(&self.positions, &self.indices, &fewer);
            if moved_m <= tolerance_m {
                self.indices = fewer;
                return moved_m;
            }
        }
        0.0
    }

    fn fewer(&self, indices: usize, tolerance_m: f32, options: SimplifyOptions) -> Vec<u32> {
        let Ok(vertices) = VertexDataAdapter::new(bytemuck::cast_slice(&self.positions), 12, 0) else { return Vec::new() };
        meshopt::simplify(&self.indices, &vertices, indices, tolerance_m, options | SimplifyOptions::ErrorAbsolute, None)
    }

    /// Drops vertices that no triangle uses.
    fn compact(&mut self) {
        let mut new = vec![u32::MAX; self.positions.len()];
        let mut kept = Vec::new();
        for i in &mut self.indices {
            let slot = &mut new[*i as usize];
            if *slot == u32::MAX {
                *slot = kept.len() as u32;
                kept.push(self.positions[*i as usize]);
            }
            *i = *slot;
        }
        self.positions = kept;
    }

    /// As one face of a piece; `None` when it has too many vertices for one.
    pub fn into_face(mut self, surface: Surface, paint: u32, piece: &mut Piece) -> Option<()> {
        self.compact();
        if self.positions.len() > usize::from(u16::MAX) {
            return None;
        }
        let first = piece.points.len() as u32;
        piece.corners.extend(first..first + self.positions.len() as u32);
        piece.indices.extend(self.indices.iter().map(|i| *i as u16));
        let (corners, indices) = (self.positions.len() as u32, self.indices.len() as u32);
        piece.faces.push(PieceFace { normal: [0.0, 0.0, 1.0], paint, colour: [0; 4], corners, indices, surface: surface as u32 });
        piece.points.append(&mut self.positions);
        Some(())
    }

    /// Adds it to a tile with normals averaged by area.
    pub fn smooth(mut self, place: &Placement, style: &Style, mesh: &mut Mesh) {
        self.compact();
        let at = |i: u32| Vec3::from(self.positions[i as usize]);
        let mut normals = vec![Vec3::ZERO; self.positions.len()];
        for t in self.indices.chunks_exact(3) {
            let n = (at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0]));
            t.iter().for_each(|i| normals[*i as usize] += n);
        }
        let first = mesh.positions.len() as u32;
        for (p, n) in self.positions.iter().zip(normals) {
            let p = DVec3::from(Vec3::from(*p));
            let normal = place.to_tile.transform_vector3(n.try_normalize().unwrap_or(Vec3::Z).as_dvec3());
            let uv = if style.surface == Surface::Terrain { DVec2::ZERO } else { DVec2::new(place.height_m, p.z - place.base_m) };
            mesh.push(place.to_tile.transform_point3(p), normal, uv, style);
        }
        mesh.indices.extend(self.indices.iter().map(|i| first + i));
    }
}

/// The nets of a piece by surface and paint, in that order; without faces that `apart` says stand for themselves.
pub fn nets(piece: &Piece, apart: &dyn Fn(&PieceFace) -> bool, nets: &mut std::collections::BTreeMap<(u32, u32), Net>) {
    for (face, corners, indices, _) in piece.iter().filter(|(f, ..)| lies(surface(f.surface)) && !apart(f)) {
        nets.entry((face.surface, face.paint)).or_default().add(piece, corners, indices);
    }
}

/// The largest height, metres, by which a vertex that `before` used and `after` does not lies off the triangles over or under it. Points
/// beside all triangles count by their distance from the nearest.
fn moved(positions: &[[f32; 3]], before: &[u32], after: &[u32]) -> f32 {
    let grid = Grid::new(positions, after);
    let mut gone = vec![false; positions.len()];
    before.iter().for_each(|i| gone[*i as usize] = true);
    after.iter().for_each(|i| gone[*i as usize] = false);
    let gone = positions.iter().zip(&gone).filter(|(_, gone)| **gone);
    gone.map(|(p, _)| grid.off(Vec3::from(*p))).fold(0.0, f32::max)
}

/// Triangles by the cells they touch, seen from above.
struct Grid<'a> {
    positions: &'a [[f32; 3]],
    indices: &'a [u32],
    cells: Vec<Vec<u32>>,
    side: usize,
    origin: Vec2,
    cell: Vec2,
}

impl<'a> Grid<'a> {
    fn new(positions: &'a [[f32; 3]], indices: &'a [u32]) -> Self {
        let flat = |i: &u32| Vec3::from(positions[*i as usize]).truncate();
        let (lo, hi) = indices.iter().map(flat).fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), p| (lo.min(p), hi.max(p)));
        let side = ((indices.len() / 3) as f32).sqrt().ceil().clamp(1.0, GRID_MAX as f32) as usize;
        let cell = ((hi - lo) / side as f32).max(Vec2::splat(1e-3));
        let mut grid = Self { positions, indices, cells: vec![Vec::new(); side * side], side, origin: lo, cell };
        for (n, t) in indices.chunks_exact(3).enumerate() {
            let corners = [flat(&t[0]), flat(&t[1]), flat(&t[2])];
            let from = grid.cell(corners[0].min(corners[1]).min(corners[2]));
            let to = grid.cell(corners[0].max(corners[1]).max(corners[2]));
            for y in from.1..=to.1 {
                (from.0..=to.0).for_each(|x| grid.cells[y * side + x].push(n as u32));
            }
        }
        grid
    }

    fn cell(&self, p: Vec2) -> (usize, usize) {
        let at = ((p - self.origin) / self.cell).clamp(Vec2::ZERO, Vec2::splat(self.side as f32 - 1.0));
        (at.x as usize, at.y as usize)
    }

    /// Metres of a point off the triangles: in height where some lie over or under it, else from the nearest edge in the cells around.
    fn off(&self, p: Vec3) -> f32 {
        let (x, y) = self.cell(p.truncate());
        let over = self.corners(x, y).filter_map(|t| height_at(p.truncate(), t));
        let off = over.map(|z| (z - p.z).abs()).fold(f32::INFINITY, f32::min);
        if off.is_finite() {
            return off;
        }
        let last = self.side - 1;
        let around = (y.saturating_sub(1)..=(y + 1).min(last)).flat_map(|y| (x.saturating_sub(1)..=(x + 1).min(last)).map(move |x| (x, y)));
        let edges = around.flat_map(|(x, y)| self.corners(x, y)).flat_map(|[a, b, c]| [(a, b), (b, c), (c, a)]);
        let near = edges.map(|(a, b)| from_edge(p, a, b)).fold(f32::INFINITY, f32::min);
        if near.is_finite() { near } else { 2.0 * self.cell.length() }
    }

    /// The corners of the triangles in a cell.
    fn corners(&self, x: usize, y: usize) -> impl Iterator<Item = [Vec3; 3]> {
        let corner = |i: u32| Vec3::from(self.positions[i as usize]);
        let triangles = self.cells[y * self.side + x].iter().map(|t| &self.indices[*t as usize * 3..*t as usize * 3 + 3]);
        triangles.map(move |t| [corner(t[0]), corner(t[1]), corner(t[2])])
    }
}

fn from_edge(p: Vec3, a: Vec3, b: Vec3) -> f32 {
    let along = b - a;
    let part = (p - a).dot(along) / along.length_squared().max(f32::MIN_POSITIVE);
    p.distance(a + along * part.clamp(0.0, 1.0))
}

/// Height of a triangle over a place; `None` beside it.
fn height_at(p: Vec2, t: [Vec3; 3]) -> Option<f32> {
    let (a, b, c) = (t[0].truncate(), t[1].truncate(), t[2].truncate());
    let area = (b - a).perp_dot(c - a);
    if area == 0.0 {
        return None;
    }
    let (u, v) = ((b - p).perp_dot(c - p) / area, (c - p).perp_dot(a - p) / area);
    let w = 1.0 - u - v;
    const EDGE: f32 = -1e-4;
    (u >= EDGE && v >= EDGE && w >= EDGE).then_some(u * t[0].z + v * t[1].z + w * t[2].z)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of `n` x `n` cells of 10 m.
    fn field(n: u32, height: impl Fn(f32, f32) -> f32) -> Net {
        let mut net = Net::default();
        for y in 0..=n {
            for x in 0..=n {
                let (x, y) = (x as f32 * 10.0, y as f32 * 10.0);
                net.positions.push([x, y, height(x, y)]);
            }
        }
        for (x, y) in (0..n).flat_map(|y| (0..n).map(move |x| (x, y))) {
            let i = y * (n + 1) + x;
            net.indices.extend([i, i + 1, i + n + 2, i, i + n + 2, i + n + 1]);
        }
        net
    }

    #[test]
    fn a_plane_loses_its_middle_and_does_not_move() {
        let mut net = field(20, |x, y| 0.1 * x - 0.2 * y);
        let moved_m = net.simplify(0.5, usize::MAX);
        assert!(net.triangles() < 200 && moved_m < 1e-3, "{} triangles, {moved_m} m", net.triangles());
    }

    #[test]
    fn a_road_keeps_its_width_and_loses_its_cross_lines() {
        let (mut road, n) = (Net::default(), 60);
        for i in 0..=n {
            let (x, bend) = (i as f32 * 20.0, (i as f32 * 0.05).sin() * 0.3);
            road.positions.extend([[x, bend, 0.1 * bend], [x, bend + 12.0, 0.1 * bend]]);
        }
        road.indices.extend((0..n).flat_map(|i| [2 * i, 2 * i + 2, 2 * i + 3, 2 * i, 2 * i + 3, 2 * i + 1]));
        let area = |net: &Net| {
            net.indices
                .chunks_exact(3)
                .map(|t| t.iter().map(|i| Vec3::from(net.positions[*i as usize])).collect::<Vec<_>>())
                .map(|t| (t[1] - t[0]).cross(t[2] - t[0]).length() / 2.0)
                .sum::<f32>()
        };
        let before = area(&road);
        assert_eq!(road.simplify(1.0, usize::MAX), 0.0, "all of a road is border");
        let moved_m = road.straighten(1.0);
        assert!(road.triangles() < 20 && moved_m > 0.0 && moved_m <= 1.0, "{} triangles, {moved_m} m", road.triangles());
        assert!((area(&road) / before - 1.0).abs() < 0.05, "{} of {before} m2", area(&road));
    }

    #[test]
    fn the_error_told_is_the_height_of_the_hill_that_went() {
        let mut net = field(20, |x, y| if (x, y) == (100.0, 100.0) { 7.0 } else { 0.0 });
        let moved_m = net.simplify(100.0, 100);
        assert!((moved_m - 7.0).abs() < 0.1, "{moved_m}");
    }
}
