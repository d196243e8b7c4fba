//! What is taken: a raster of the city by which nothing is ever put on a road, into water or onto another building.

use glam::{DVec2, dvec2};

pub const WATER: u8 = 1;
pub const ROAD: u8 = 2;
pub const BUILDING: u8 = 4;
pub const GREEN: u8 = 8;

/// A square of bits around the centre.
pub struct Mask {
    half_m: f64,
    cell_m: f64,
    side: usize,
    cells: Vec<u8>,
}

impl Mask {
    pub fn new(half_m: f64, cell_m: f64) -> Self {
        let side = (2.0 * half_m / cell_m).ceil() as usize;
        Self { half_m, cell_m, side, cells: vec![0; side * side] }
    }

    fn cell(&self, v: f64) -> isize {
        ((v + self.half_m) / self.cell_m).floor() as isize
    }

    fn centre(&self, i: usize, j: usize) -> DVec2 {
        dvec2((i as f64 + 0.5) * self.cell_m - self.half_m, (j as f64 + 0.5) * self.cell_m - self.half_m)
    }

    /// What is at `p`; everything beyond the raster is taken.
    pub fn at(&self, p: DVec2) -> u8 {
        let (i, j) = (self.cell(p.x), self.cell(p.y));
        let inside = |v: isize| v >= 0 && (v as usize) < self.side;
        if inside(i) && inside(j) { self.cells[j as usize * self.side + i as usize] } else { u8::MAX }
    }

    /// Marks each cell whose centre passes `test` within the box.
    fn fill(&mut self, lo: DVec2, hi: DVec2, bit: u8, test: impl Fn(DVec2) -> bool) {
        let clamp = |v: isize| v.clamp(0, self.side as isize - 1) as usize;
        let (i0, i1, j0, j1) = (clamp(self.cell(lo.x)), clamp(self.cell(hi.x)), clamp(self.cell(lo.y)), clamp(self.cell(hi.y)));
        for j in j0..=j1 {
            for i in i0..=i1 {
                if test(self.centre(i, j)) {
                    self.cells[j * self.side + i] |= bit;
                }
            }
        }
    }

    /// Everything within `reach` metres of the line.
    pub fn line(&mut self, line: &[DVec2], reach: f64, bit: u8) {
        for w in line.windows(2) {
            let (lo, hi) = (w[0].min(w[1]) - reach, w[0].max(w[1]) + reach);
            let (a, b) = (w[0], w[1]);
            self.fill(lo, hi, bit, |p| super::curve::segment_distance(p, a, b).0 <= reach);
        }
    }

    /// Everything within the ring, by scan lines (a lake has a thousand edges).
    pub fn ring(&mut self, ring: &[DVec2], bit: u8) {
        let (lo, hi) = ring.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), p| (lo.min(p.y), hi.max(p.y)));
        let last = self.side as isize - 1;
        for j in self.cell(lo).clamp(0, last)..=self.cell(hi).clamp(0, last) {
            let y = self.centre(0, j as usize).y;
            let mut cuts: Vec<f64> = (0..ring.len())
                .filter_map(|i| {
                    let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
                    ((a.y > y) != (b.y > y)).then(|| a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y))
                })
                .collect();
            cuts.sort_by(f64::total_cmp);
            for pair in cuts.chunks_exact(2) {
                for i in self.cell(pair[0]).max(0)..=self.cell(pair[1]).min(last) {
                    self.cells[j as usize * self.side + i as usize] |= bit;
                }
            }
        }
    }

    /// Is the rectangle free of every bit? Sampled closer than a cell, border included.
    pub fn free(&self, r: &Rect) -> bool {
        let steps = |m: f64| (m / (self.cell_m * 0.75)).ceil().max(1.0) as usize;
        let (nu, nv) = (steps(r.size.x), steps(r.size.y));
        (0..=nu).all(|i| (0..=nv).all(|j| self.at(r.at(i as f64 / nu as f64 - 0.5, j as f64 / nv as f64 - 0.5)) == 0))
    }

    /// Marks the cells of the rectangle that pass `test`.
    pub fn take_where(&mut self, r: &Rect, bit: u8, test: impl Fn(DVec2) -> bool) {
        let corners = r.corners();
        let lo = corners.iter().copied().fold(DVec2::INFINITY, DVec2::min);
        let hi = corners.iter().copied().fold(DVec2::NEG_INFINITY, DVec2::max);
        self.fill(lo, hi, bit, |p| super::curve::within(&corners, p) && test(p));
    }

    /// Marks the rectangle, grown by `margin` metres.
    pub fn take(&mut self, r: &Rect, margin: f64, bit: u8) {
        let grown = Rect { size: r.size + DVec2::splat(2.0 * margin), ..*r };
        self.ring(&grown.corners(), bit);
    }
}

/// A rectangle turned by `angle` (radians, counter-clockwise from east).
#[derive(Clone, Copy, Debug)]
pub struct Rect {
    pub centre: DVec2,
    /// Along and across, metres.
    pub size: DVec2,
    pub angle: f64,
}

impl Rect {
    /// The point at fractions of the size from the centre (-0.5 to 0.5).
    pub fn at(&self, u: f64, v: f64) -> DVec2 {
        self.centre + DVec2::from_angle(self.angle).rotate(dvec2(u, v) * self.size)
    }

    /// Counter-clockwise, from the south-west in its own frame.
    pub fn corners(&self) -> [DVec2; 4] {
        [self.at(-0.5, -0.5), self.at(0.5, -0.5), self.at(0.5, 0.5), self.at(-0.5, 0.5)]
    }
}
