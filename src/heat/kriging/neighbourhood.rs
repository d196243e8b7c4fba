//! The neighbours that estimates are made of, with their system solved as far as it does not depend on the place.

use super::NEIGHBOURS_MAX;
use super::lanes::{LANES, Lanes, Model, load, stored};
use crate::heat::dense::Factor;
use crate::heat::variogram::Variogram;
use crate::heat::{Near, Sample};
use fearless_simd::{Level, Simd, dispatch};
use glam::DVec3;

/// What noise is added to every reading, as shares of the sill, until the system has an answer: none, then what makes two sensors side by side different.
const NOISES: [f64; 4] = [0.0, 1e-8, 1e-6, 1e-4];

/// Covariances between the samples of a field as far as they were asked for: blocks side by side share most of their neighbours, and each pair is
/// worked out once.
#[derive(Default)]
pub(super) struct Table {
    /// Samples before this one and itself, row by row; 0 where nobody has asked, or where asking again is no work.
    known: Vec<f64>,
}

impl Table {
    /// Above so many samples a pair is seldom asked for twice: 4 MiB, of which the system gives what is touched.
    const SAMPLES_MAX: usize = 1_024;

    pub(super) fn of(samples: usize) -> Self {
        let kept = if samples <= Self::SAMPLES_MAX { samples * (samples + 1) / 2 } else { 0 };
        Self { known: vec![0.0; kept] }
    }

    #[inline(always)]
    fn between(&mut self, a: u32, b: u32, samples: &[Sample], model: &Variogram) -> f64 {
        let (low, high) = (a.min(b) as usize, a.max(b) as usize);
        let at = high * (high + 1) / 2 + low;
        match self.known.get(at) {
            Some(known) if *known != 0.0 => *known,
            _ => self.ask(at, covariance(&samples[low], &samples[high], model)),
        }
    }

    #[cold]
    fn ask(&mut self, at: usize, answer: f64) -> f64 {
        if let Some(known) = self.known.get_mut(at) {
            *known = answer;
        }
        answer
    }
}

fn covariance(a: &Sample, b: &Sample, model: &Variogram) -> f64 {
    model.sill() - model.at(a.place_m().distance(b.place_m()))
}

/// Neighbours with their solved system; settled again and again by one thread, in the same memory.
#[derive(Default)]
pub(super) struct Neighbourhood {
    /// Which samples, in the order of the system.
    members: Vec<u32>,
    origin_m: DVec3,
    /// From the origin, metres.
    places: Vec<DVec3>,
    factor: Factor,
    /// C⁻¹1 and the sum of it.
    ones: Vec<f64>,
    total: f64,
    mean: f64,
    /// C⁻¹(z - mean).
    dual: Vec<f64>,
    /// The same for blocks of cells: the neighbours, and what is left of the diagonal in their rows of the factor, with the sign turned.
    lean: Vec<Lean>,
    rows: Vec<f32>,
}

/// A neighbour as blocks of cells use it.
struct Lean {
    east: f32,
    north: f32,
    up: f32,
    one: f32,
    dual: f32,
    inverse: f32,
}

/// Nearer than a micrometre is the sensor's own place, square metres.
const HERE_M2: f64 = 1e-12;

/// The cells of a block, from the neighbourhood's origin, metres.
pub(super) struct Cells {
    /// Its columns.
    pub east: Lanes,
    /// Its rows.
    pub north: Lanes,
    pub up: f32,
}

/// A number for each cell of a block, row by row.
type Square = [Lanes; LANES];

/// What the cells of a block get, and what is worked with between.
pub(super) struct Estimates {
    pub values: Square,
    pub variances: Square,
    /// Squared distances to the nearest neighbour.
    pub nearest2: Square,
    /// For each neighbour its covariances with the cells, and L⁻¹c.
    covariances: [Square; NEIGHBOURS_MAX],
    solved: [Square; NEIGHBOURS_MAX],
}

impl Default for Estimates {
    fn default() -> Self {
        const NONE: Square = [[0.0; LANES]; LANES];
        Self { values: NONE, variances: NONE, nearest2: NONE, covariances: [NONE; NEIGHBOURS_MAX], solved: [NONE; NEIGHBOURS_MAX] }
    }
}

impl Neighbourhood {
    /// Makes the system of the neighbours; nothing is to do when they are those of the last time. `false` when there is no answer.
    pub(super) fn settle(
        &mut self,
        around_m: DVec3,
        near: &[Near],
        samples: &[Sample],
        model: &Variogram,
        table: &mut Table,
        level: Level,
    ) -> bool {
        // Those that have changed are the farthest.
        let same =
            !self.members.is_empty() && self.members.len() == near.len() && near.iter().rev().all(|n| self.members.contains(&n.sample));
        if same {
            return true;
        }
        self.members.clear();
        self.members.extend(near.iter().map(|n| n.sample).filter(|n| (*n as usize) < samples.len()));
        self.origin_m = around_m;
        self.places.clear();
        self.places.extend(self.members.iter().map(|n| samples[*n as usize].place_m() - around_m));
        let solved = self.factorise(samples, model, table, level);
        if solved {
            self.weigh(samples, level);
            self.slim();
        } else {
            self.members.clear();
        }
        solved
    }

    pub(super) fn origin_m(&self) -> DVec3 {
        self.origin_m
    }

    fn factorise(&mut self, samples: &[Sample], model: &Variogram, table: &mut Table, level: Level) -> bool {
        let members = &self.members;
        !members.is_empty()
            && NOISES.iter().any(|noise| {
                self.factor.of(level, members.len(), |i, row| {
                    row[i] = model.sill() * (1.0 + noise);
                    for j in i + 1..members.len() {
                        row[j] = table.between(members[i], members[j], samples, model);
                    }
                })
            })
    }

    fn weigh(&mut self, samples: &[Sample], level: Level) {
        self.ones.clear();
        self.ones.resize(self.places.len(), 1.0);
        self.factor.solve(level, &mut self.ones);
        self.total = self.ones.iter().sum();
        self.dual.clear();
        self.dual.extend(self.members.iter().map(|n| samples[*n as usize].value));
        self.mean = self.ones.iter().zip(&self.dual).map(|(a, z)| a * z).sum::<f64>() / self.total;
        self.dual.iter_mut().for_each(|z| *z -= self.mean);
        self.factor.solve(level, &mut self.dual);
    }

    /// Estimate, its variance and the weights of the neighbours at one place.
    pub(super) fn at(&self, place_m: DVec3, model: &Variogram, level: Level) -> (f64, f64, Vec<f64>) {
        let from = place_m - self.origin_m;
        let covariance = |p: &DVec3| {
            let d = p.distance(from);
            if d * d > HERE_M2 { model.sill() - model.at(d) } else { model.sill() }
        };
        let c: Vec<f64> = self.places.iter().map(covariance).collect();
        let mut weights = c.clone();
        self.factor.solve(level, &mut weights);
        let dot = |a: &[f64]| a.iter().zip(&c).map(|(a, c)| a * c).sum::<f64>();
        let rest = 1.0 - dot(&self.ones);
        let variance = model.sill() - dot(&weights) + rest * rest / self.total;
        let value = self.mean + dot(&self.dual);
        weights.iter_mut().zip(&self.ones).for_each(|(w, a)| *w += a * rest / self.total);
        (value, variance.max(0.0), weights)
    }

    /// The same for the cells of a block, all together.
    pub(super) fn block(&self, cells: &Cells, model: &Model, made: &mut Estimates, level: Level) {
        dispatch!(level, simd => {
            self.compare(simd, cells, model, made);
            self.solve(simd, made);
            self.sum(simd, model, made);
        });
    }

    /// Covariances of each neighbour with the cells.
    #[inline(always)]
    fn compare<S: Simd>(&self, simd: S, cells: &Cells, model: &Model, made: &mut Estimates) {
        let (east, north) = (load(simd, &cells.east), load(simd, &cells.north));
        made.nearest2 = [[f32::INFINITY; LANES]; LANES];
        for (own, covariances) in self.lean.iter().zip(&mut made.covariances) {
            let (dx, dy, dz) = (east - simd.splat_f32x8(own.east), north - simd.splat_f32x8(own.north), cells.up - own.up);
            let (along2, aside2) = (dx * dx, simd.mul_add_f32x8(dy, dy, simd.splat_f32x8(dz * dz)));
            // Of the columns and of the rows, where that is enough.
            let axes = if model.is_product() { Some((model.kept(simd, along2), stored(simd, model.kept(simd, aside2)))) } else { None };
            let aside2 = stored(simd, aside2);
            for row in 0..LANES {
                let squared = along2 + simd.splat_f32x8(aside2[row]);
                let nearest2 = simd.min_f32x8(load(simd, &made.nearest2[row]), squared);
                made.nearest2[row] = stored(simd, nearest2);
                let kept = match axes {
                    Some((columns, rows)) => columns * simd.splat_f32x8(rows[row]),
                    None => model.kept(simd, squared),
                };
                covariances[row] = stored(simd, model.covariances(simd, kept, squared));
            }
        }
    }

    /// L⁻¹c, four rows of cells at once: so many sums the processor adds to while others wait, and has room for.
    #[inline(always)]
    fn solve<S: Simd>(&self, simd: S, made: &mut Estimates) {
        let mut left_of = self.rows.as_slice();
        for i in 0..self.lean.len() {
            let (left, below) = left_of.split_at(i);
            left_of = below;
            let (before, own) = made.solved.split_at_mut(i);
            let c = &made.covariances[i];
            for first in [0, 4] {
                let (mut a, mut b) = (load(simd, &c[first]), load(simd, &c[first + 1]));
                let (mut c, mut d) = (load(simd, &c[first + 2]), load(simd, &c[first + 3]));
                for (l, y) in left.iter().zip(before.iter()) {
                    let l = simd.splat_f32x8(*l);
                    a = simd.mul_add_f32x8(l, load(simd, &y[first]), a);
                    b = simd.mul_add_f32x8(l, load(simd, &y[first + 1]), b);
                    c = simd.mul_add_f32x8(l, load(simd, &y[first + 2]), c);
                    d = simd.mul_add_f32x8(l, load(simd, &y[first + 3]), d);
                }
                own[0][first] = stored(simd, a);
                own[0][first + 1] = stored(simd, b);
                own[0][first + 2] = stored(simd, c);
                own[0][first + 3] = stored(simd, d);
            }
        }
    }

    /// Values and variances. cᵀC⁻¹c is the squared length of L⁻¹c, each number of it over D.
    #[inline(always)]
    fn sum<S: Simd>(&self, simd: S, model: &Model, made: &mut Estimates) {
        let total = simd.splat_f32x8((1.0 / self.total) as f32);
        for row in 0..LANES {
            let mut value = simd.splat_f32x8(self.mean as f32);
            let mut variance = simd.splat_f32x8(model.sill());
            let mut rest = simd.splat_f32x8(1.0);
            for (own, (c, y)) in self.lean.iter().zip(made.covariances.iter().zip(&made.solved)) {
                let (c, y) = (load(simd, &c[row]), load(simd, &y[row]));
                value = simd.mul_add_f32x8(c, simd.splat_f32x8(own.dual), value);
                rest = simd.mul_add_f32x8(c, simd.splat_f32x8(-own.one), rest);
                variance = simd.mul_add_f32x8(y * y, simd.splat_f32x8(-own.inverse), variance);
            }
            variance = simd.max_f32x8(simd.mul_add_f32x8(rest * rest, total, variance), simd.splat_f32x8(0.0));
            made.values[row] = stored(simd, value);
            made.variances[row] = stored(simd, variance);
        }
    }

    /// What blocks of cells need, in single precision.
    fn slim(&mut self) {
        self.lean.clear();
        self.rows.clear();
        for (i, ((place, one), dual)) in self.places.iter().zip(&self.ones).zip(&self.dual).enumerate() {
            let (left, inverse) = self.factor.row(i);
            let [east, north, up, one, dual, inverse] = [place.x, place.y, place.z, *one, *dual, inverse].map(|n| n as f32);
            self.lean.push(Lean { east, north, up, one, dual, inverse });
            self.rows.extend(left.iter().map(|l| -*l as f32));
        }
    }
}
