//! Superblocks between arterials and water, what each is for, its inner streets and its blocks.

use super::curve;
use super::mask::{GREEN, Mask, ROAD, Rect, WATER};
use super::roads::{self, Class, Road};
use super::water::Water;
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a superblock is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Cbd,
    Core,
    OldTown,
    Homes,
    Industry,
    Campus,
    Stadium,
    Park,
    /// The strip between embankment road and water, and leftovers too thin to build on.
    Bank,
}

/// Heart of the skyline: between the lake's shore and the river.
pub const CBD: DVec2 = dvec2(-1950.0, 2350.0);
pub const OLD_TOWN: DVec2 = dvec2(850.0, 950.0);
/// Centre of Suyu, east of the canal.
pub const SUYU: DVec2 = dvec2(3900.0, 3000.0);
pub const STADIUM: DVec2 = dvec2(-2900.0, -900.0);
const PARK: DVec2 = dvec2(300.0, -1900.0);
const CAMPUS: [DVec2; 2] = [dvec2(-600.0, -3300.0), dvec2(-4300.0, 1500.0)];

pub struct Superblock {
    pub kind: Kind,
    pub centroid: DVec2,
    pub area_m2: f64,
    /// Bearing of its grid, radians.
    pub angle: f64,
    pub blocks: Vec<Rect>,
    /// Its number, as [`Districts::label_at`] gives it.
    pub label: u16,
}

/// Which superblock is where.
pub struct Districts {
    labels: Labels,
    pub superblocks: Vec<Superblock>,
}

impl Districts {
    /// Does `p` lie in the superblock?
    pub fn holds(&self, sb: &Superblock, p: DVec2) -> bool {
        self.labels.at(p) == sb.label
    }

    /// Number of the superblock at `p`; roads, waters and the country have one that no superblock has.
    pub fn label_at(&self, p: DVec2) -> u16 {
        self.labels.at(p)
    }
}

/// Half side and cell of the raster superblocks are found on, metres.
const HALF_M: f64 = 7000.0;
const CELL_M: f64 = 10.0;
const SIDE: usize = (2.0 * HALF_M / CELL_M) as usize;
const BLOCKED: u16 = u16::MAX;
/// Smaller leftovers are verges, square metres.
const LEAST_M2: f64 = 12_000.0;

struct Labels(Vec<u16>);

impl Labels {
    fn index(p: DVec2) -> Option<usize> {
        let (i, j) = (((p.x + HALF_M) / CELL_M).floor(), ((p.y + HALF_M) / CELL_M).floor());
        ((0.0..SIDE as f64).contains(&i) && (0.0..SIDE as f64).contains(&j)).then_some(j as usize * SIDE + i as usize)
    }

    fn at(&self, p: DVec2) -> u16 {
        Self::index(p).map_or(BLOCKED, |i| self.0[i])
    }

    fn centre(i: usize) -> DVec2 {
        dvec2(((i % SIDE) as f64 + 0.5) * CELL_M - HALF_M, ((i / SIDE) as f64 + 0.5) * CELL_M - HALF_M)
    }

    /// Flood fill of what is neither road nor water within the ring; the cells of each piece.
    fn find(mask: &Mask, ring: &[DVec2]) -> (Self, Vec<Vec<u32>>) {
        let mut inner = Mask::new(HALF_M, CELL_M);
        inner.ring(ring, 1);
        let mut labels: Vec<u16> = (0..SIDE * SIDE)
            .map(|i| {
                let p = Self::centre(i);
                if inner.at(p) == 1 && mask.at(p) & (ROAD | WATER) == 0 { 0 } else { BLOCKED }
            })
            .collect();
        let mut pieces: Vec<Vec<u32>> = Vec::new();
        for start in 0..labels.len() {
            if labels[start] != 0 || pieces.len() >= usize::from(BLOCKED) - 2 {
                continue;
            }
            let id = pieces.len() as u16 + 1;
            let (mut stack, mut cells) = (vec![start], Vec::new());
            labels[start] = id;
            while let Some(i) = stack.pop() {
                cells.push(i as u32);
                let (x, y) = (i % SIDE, i / SIDE);
                let steps =
                    [(x > 0).then(|| i - 1), (x + 1 < SIDE).then(|| i + 1), (y > 0).then(|| i - SIDE), (y + 1 < SIDE).then(|| i + SIDE)];
                for next in steps.into_iter().flatten() {
                    if labels[next] == 0 {
                        labels[next] = id;
                        stack.push(next);
                    }
                }
            }
            pieces.push(cells);
        }
        (Self(labels), pieces)
    }
}

fn kind_of(c: DVec2, thin: bool, shore_m: f64) -> Kind {
    if thin || shore_m < 75.0 {
        return Kind::Bank;
    }
    if c.distance(CBD) < 950.0 {
        return Kind::Cbd;
    }
    if c.distance(OLD_TOWN) < 900.0 {
        return Kind::OldTown;
    }
    if c.distance(CBD) < 1700.0 || c.distance(SUYU) < 650.0 || c.distance(dvec2(-600.0, 900.0)) < 650.0 {
        return Kind::Core;
    }
    let west = c.x < -3700.0 && c.y < -900.0;
    let south = c.y < -3700.0;
    let east = c.x > 4300.0 && c.y < 1200.0;
    if west || south || east { Kind::Industry } else { Kind::Homes }
}

/// Distance wanted between inner streets, metres: along and across the grid.
fn street_spacing(kind: Kind) -> (f64, f64, f64) {
    match kind {
        Kind::Cbd => (165.0, 150.0, 16.0),
        Kind::Core => (220.0, 190.0, 15.0),
        Kind::OldTown => (130.0, 95.0, 9.0),
        Kind::Homes => (310.0, 240.0, 15.0),
        Kind::Industry => (420.0, 280.0, 16.0),
        Kind::Campus => (380.0, 300.0, 10.0),
        Kind::Stadium | Kind::Park | Kind::Bank => (f64::INFINITY, f64::INFINITY, 0.0),
    }
}

/// Finds the superblocks, lays their streets (into `roads`) and cuts them into blocks.
pub fn superblocks(waters: &[Water], ring: &[DVec2], mask: &Mask, roads: &mut Vec<Road>, rng: &mut ChaCha8Rng) -> Districts {
    let (labels, pieces) = Labels::find(mask, ring);
    let mut found: Vec<(u16, Superblock, Vec<u32>)> = Vec::new();
    for (i, cells) in pieces.into_iter().enumerate() {
        let area_m2 = cells.len() as f64 * CELL_M * CELL_M;
        if area_m2 < LEAST_M2 {
            continue;
        }
        let centroid = cells.iter().map(|&c| Labels::centre(c as usize)).sum::<DVec2>() / cells.len() as f64;
        let shore = cells.iter().step_by(7).map(|&c| super::water::nearest(waters, Labels::centre(c as usize)).1).sum::<f64>()
            / cells.len().div_ceil(7) as f64;
        let kind = kind_of(centroid, area_m2 < 30_000.0, shore);
        let angle = roads::bearing(waters, centroid);
        found.push((i as u16 + 1, Superblock { kind, centroid, area_m2, angle, blocks: Vec::new(), label: i as u16 + 1 }, cells));
    }
    for (place, kind) in [(STADIUM, Kind::Stadium), (PARK, Kind::Park), (CAMPUS[0], Kind::Campus), (CAMPUS[1], Kind::Campus)] {
        let least = if kind == Kind::Stadium { 250_000.0 } else { 120_000.0 };
        let nearest = found
            .iter_mut()
            .filter(|(_, s, _)| {
                s.area_m2 > least
                    && s.area_m2 < 900_000.0
                    && s.centroid.distance(CBD) > 1500.0
                    && matches!(s.kind, Kind::Homes | Kind::Industry | Kind::Core)
            })
            .min_by(|a, b| a.1.centroid.distance(place).total_cmp(&b.1.centroid.distance(place)));
        if let Some((_, s, _)) = nearest {
            s.kind = kind;
        }
    }
    let mut out = Vec::new();
    for (label, mut block, cells) in found {
        lay_streets(&labels, label, &mut block, &cells, mask, roads, rng);
        out.push(block);
    }
    Districts { labels, superblocks: out }
}

/// Positions of grid lines between `lo` and `hi`, both ends included, about `step` apart with some play.
fn grid_lines(lo: f64, hi: f64, step: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = if step.is_finite() { ((hi - lo) / step).round().max(1.0) as usize } else { 1 };
    (0..=n)
        .map(|i| {
            let play = if i == 0 || i == n { 0.0 } else { rng.random_range(-0.13..0.13) };
            lo + (hi - lo) * (i as f64 + play) / n as f64
        })
        .collect()
}

fn lay_streets(labels: &Labels, label: u16, sb: &mut Superblock, cells: &[u32], mask: &Mask, roads: &mut Vec<Road>, rng: &mut ChaCha8Rng) {
    let turn = DVec2::from_angle(sb.angle);
    let to_frame = |p: DVec2| dvec2((p - sb.centroid).dot(turn), (p - sb.centroid).dot(turn.perp()));
    let from_frame = |q: DVec2| sb.centroid + turn * q.x + turn.perp() * q.y;
    let (mut lo, mut hi) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    for &c in cells {
        let q = to_frame(Labels::centre(c as usize));
        (lo, hi) = (lo.min(q), hi.max(q));
    }
    let (du, dv, width) = street_spacing(sb.kind);
    let us = grid_lines(lo.x, hi.x, du, rng);
    let vs = grid_lines(lo.y, hi.y, dv, rng);
    for (list, along_v) in [(&us, true), (&vs, false)] {
        for &at in &list[1..list.len() - 1] {
            let (from, to) = if along_v { (lo.y, hi.y) } else { (lo.x, hi.x) };
            let place = |s: f64| from_frame(if along_v { dvec2(at, s) } else { dvec2(s, at) });
            for (a, b) in runs(labels, label, mask, &place, from, to) {
                let line = curve::resample(&[place(a), place(b)], 40.0);
                let (zh, en) = super::names::street(roads.len());
                roads.push(Road { name: zh, name_en: en, class: Class::Street, width_m: width, line });
            }
        }
    }
    let verge = width / 2.0 + 3.0;
    for u in us.windows(2) {
        for v in vs.windows(2) {
            let size = dvec2(u[1] - u[0], v[1] - v[0]) - DVec2::splat(2.0 * verge);
            let block = Rect { centre: from_frame(dvec2((u[0] + u[1]) / 2.0, (v[0] + v[1]) / 2.0)), size, angle: sb.angle };
            let touches =
                (0..=4).any(|i| (0..=4).any(|j| labels.at(block.at(f64::from(i) / 4.0 - 0.5, f64::from(j) / 4.0 - 0.5)) == label));
            if size.min_element() > 12.0 && touches {
                sb.blocks.push(block);
            }
        }
    }
}

/// Stretches of a street line within its superblock, each carried on to the middle of the road it meets.
fn runs(labels: &Labels, label: u16, mask: &Mask, place: &impl Fn(f64) -> DVec2, from: f64, to: f64) -> Vec<(f64, f64)> {
    const STEP: f64 = 5.0;
    let reach_out = |end: f64, sign: f64| -> f64 {
        let mut s = end;
        for _ in 0..4 {
            let bits = mask.at(place(s + sign * STEP));
            if bits & ROAD == 0 || bits & (WATER | GREEN) != 0 {
                break;
            }
            s += sign * STEP;
        }
        s
    };
    let mut out = Vec::new();
    let mut open: Option<f64> = None;
    let n = ((to - from) / STEP).ceil() as usize + 2;
    for i in 0..=n {
        let s = from + (i as f64 - 1.0) * STEP;
        let inside = labels.at(place(s)) == label;
        match (inside, open) {
            (true, None) => open = Some(s),
            (false, Some(start)) => {
                if s - start > 70.0 {
                    out.push((reach_out(start, -1.0), reach_out(s - STEP, 1.0)));
                }
                open = None;
            }
            _ => {}
        }
    }
    out
}
