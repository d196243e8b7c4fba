//! The neighbours that estimates are made of, with their system solved as far as it does not depend on the place.

use super::lanes::{LANES, Lanes, Model};
use crate::heat::dense::Factor;
use crate::heat::variogram::Variogram;
use crate::heat::{Near, Sample};
use glam::{DVec3, Vec4};

/// What noise is added to every reading, as shares of the sill, until the system has an answer: none, then what makes two sensors side by side different.
const NOISES: [f64; 4] = [0.0, 1e-8, 1e-6, 1e-4];

/// Covariances between all samples of a field: blocks side by side share most of their neighbours, and each pair is told once.
pub(super) struct Table(Vec<f64>);

impl Table {
    /// Above so many samples most pairs are never asked for: 4 MiB.
    const SAMPLES_MAX: usize = 1_024;

    pub(super) fn of(samples: &[Sample], model: &Variogram) -> Option<Self> {
        let pairs = |(i, a): (usize, &Sample)| samples[..=i].iter().map(move |b| covariance(a, b, model)).collect::<Vec<f64>>();
        (samples.len() <= Self::SAMPLES_MAX).then(|| Self(samples.iter().enumerate().flat_map(pairs).collect()))
    }

    fn between(&self, a: u32, b: u32) -> Option<f64> {
        let (low, high) = (a.min(b) as usize, a.max(b) as usize);
        self.0.get(high * (high + 1) / 2 + low).copied()
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
    /// The same for rows of cells: the neighbours, and their factor's rows left of the diagonal.
    lean: Vec<Lean>,
    rows: Vec<f32>,
    /// What is kept of each neighbour along the columns and the rows of a block, where that is enough.
    axes: Vec<[Lanes; 2]>,
}

/// A neighbour as rows of cells use it.
struct Lean {
    east: f32,
    north: f32,
    up: f32,
    one: f32,
    dual: f32,
    inverse_diagonal: f32,
}

/// Nearer than a micrometre is the sensor's own place, square metres.
const HERE_M2: f64 = 1e-12;

/// What a row of cells gets.
pub(super) struct Row {
    pub values: Lanes,
    pub variances: Lanes,
    /// Squared distance to the nearest neighbour.
    pub nearest2: Lanes,
}

impl Neighbourhood {
    /// Makes the system of the neighbours; nothing is to do when they are those of the last time. `false` when there is no answer.
    pub(super) fn settle(&mut self, around_m: DVec3, near: &[Near], samples: &[Sample], model: &Variogram, table: Option<&Table>) -> bool {
        let same = !self.members.is_empty() && self.members.len() == near.len() && near.iter().all(|n| self.members.contains(&n.sample));
        if same {
            return true;
        }
        self.members.clear();
        self.members.extend(near.iter().map(|n| n.sample).filter(|n| (*n as usize) < samples.len()));
        self.origin_m = around_m;
        self.places.clear();
        self.places.extend(self.members.iter().map(|n| samples[*n as usize].place_m() - around_m));
        let solved = self.factorise(samples, model, table);
        if solved {
            self.weigh(samples);
            self.slim();
        } else {
            self.members.clear();
        }
        solved
    }

    pub(super) fn origin_m(&self) -> DVec3 {
        self.origin_m
    }

    fn factorise(&mut self, samples: &[Sample], model: &Variogram, table: Option<&Table>) -> bool {
        let members = &self.members;
        let told = |a: u32, b: u32| match table.and_then(|t| t.between(a, b)) {
            Some(known) => known,
            None => covariance(&samples[a as usize], &samples[b as usize], model),
        };
        !members.is_empty()
            && NOISES.iter().any(|noise| {
                let entry = |i: usize, j: usize| if i == j { model.sill() * (1.0 + noise) } else { told(members[i], members[j]) };
                self.factor.of(members.len(), entry)
            })
    }

    fn weigh(&mut self, samples: &[Sample]) {
        self.ones.clear();
        self.ones.resize(self.places.len(), 1.0);
        self.factor.solve(&mut self.ones);
        self.total = self.ones.iter().sum();
        self.dual.clear();
        self.dual.extend(self.members.iter().map(|n| samples[*n as usize].value));
        self.mean = self.ones.iter().zip(&self.dual).map(|(a, z)| a * z).sum::<f64>() / self.total;
        self.dual.iter_mut().for_each(|z| *z -= self.mean);
        self.factor.solve(&mut self.dual);
    }

    /// Estimate, its variance and the weights of the neighbours at one place.
    pub(super) fn at(&self, place_m: DVec3, model: &Variogram) -> (f64, f64, Vec<f64>) {
        let from = place_m - self.origin_m;
        let covariance = |p: &DVec3| {
            let d = p.distance(from);
            if d * d > HERE_M2 { model.sill() - model.at(d) } else { model.sill() }
        };
        let c: Vec<f64> = self.places.iter().map(covariance).collect();
        let mut weights = c.clone();
        self.factor.solve(&mut weights);
        let dot = |a: &[f64]| a.iter().zip(&c).map(|(a, c)| a * c).sum::<f64>();
        let rest = 1.0 - dot(&self.ones);
        let variance = model.sill() - dot(&weights) + rest * rest / self.total;
        let value = self.mean + dot(&self.dual);
        weights.iter_mut().zip(&self.ones).for_each(|(w, a)| *w += a * rest / self.total);
        (value, variance.max(0.0), weights)
    }

    /// Looks at a block of cells, its columns, its rows and its height from the origin, before its rows are asked for.
    pub(super) fn face(&mut self, east: &Lanes, north: &Lanes, up: f32, model: &Model) {
        self.axes.clear();
        if model.is_product() {
            let along = |cells: &Lanes, at: f32, beside: f32| cells.map(|c| model.kept((c - at) * (c - at) + beside));
            let both = |own: &Lean| [along(east, own.east, 0.0), along(north, own.north, (up - own.up) * (up - own.up))];
            self.axes.extend(self.lean.iter().map(both));
        }
    }

    /// The same for the row of that number of the block that was faced, `east`, `north` and `up` from the origin. cᵀC⁻¹c is the squared length of L⁻¹c,
    /// solved for all cells together.
    pub(super) fn row(&self, number: usize, east: &Lanes, (north, up): (f32, f32), model: &Model, solved: &mut Vec<Lanes>) -> Row {
        solved.clear();
        let all = |v: f32| [Vec4::splat(v); LANES / 4];
        let mut row = Row { values: all(self.mean as f32), variances: all(model.sill()), nearest2: all(f32::INFINITY) };
        let mut rest = all(1.0);
        let mut left_of = self.rows.as_slice();
        for (i, own) in self.lean.iter().enumerate() {
            let Some((left, below)) = left_of.split_at_checked(i) else { break };
            left_of = below;
            let (north, up) = (north - own.north, up - own.up);
            let aside2 = Vec4::splat(north * north + up * up);
            let axes = self.axes.get(i).map(|[columns, rows]| (columns, rows[number / 4][number % 4]));
            let mut y = all(0.0);
            for half in 0..LANES / 4 {
                let dx = east[half] - own.east;
                let squared = dx * dx + aside2;
                row.nearest2[half] = row.nearest2[half].min(squared);
                let c = match axes {
                    Some((columns, row)) => model.with(columns[half] * row, squared),
                    None => model.covariances(squared),
                };
                row.values[half] += c * own.dual;
                rest[half] -= c * own.one;
                y[half] = c;
            }
            for (l, before) in left.iter().zip(solved.iter()) {
                let l = Vec4::splat(*l);
                for (y, before) in y.iter_mut().zip(before) {
                    *y -= l * *before;
                }
            }
            for (y, variance) in y.iter_mut().zip(&mut row.variances) {
                *y *= own.inverse_diagonal;
                *variance -= *y * *y;
            }
            solved.push(y);
        }
        let total = (1.0 / self.total) as f32;
        for (variance, rest) in row.variances.iter_mut().zip(&rest) {
            *variance = (*variance + *rest * *rest * total).max(Vec4::ZERO);
        }
        row
    }

    /// What rows of cells need, in single precision.
    fn slim(&mut self) {
        self.lean.clear();
        self.rows.clear();
        for (i, ((place, one), dual)) in self.places.iter().zip(&self.ones).zip(&self.dual).enumerate() {
            let (left, inverse) = self.factor.row(i);
            let [east, north, up, one, dual, inverse_diagonal] = [place.x, place.y, place.z, *one, *dual, inverse].map(|n| n as f32);
            self.lean.push(Lean { east, north, up, one, dual, inverse_diagonal });
            self.rows.extend(left.iter().map(|l| *l as f32));
        }
    }
}
