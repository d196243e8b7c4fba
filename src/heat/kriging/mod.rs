//! Ordinary kriging (Matheron 1963; Chilès and Delfiner 2012, chapter 3) with a local neighbourhood.
//!
//! With covariances `C` between the neighbours, `c` from them to the place, readings `z` and the sill `C(0)`, in the form that needs one Cholesky
//! factor and no Lagrange multiplier: `m = (1ᵀC⁻¹z) / (1ᵀC⁻¹1)`, estimate `m + cᵀC⁻¹(z - m)`,
//! variance `C(0) - cᵀC⁻¹c + (1 - 1ᵀC⁻¹c)² / (1ᵀC⁻¹1)`.
//! `C` depends on the neighbours alone, so the cells of a block share one neighbourhood, its factor and `C⁻¹(z - m)`: a value is then one dot product a
//! cell. That is what makes a field of 512 by 512 a matter of milliseconds; at the border of two blocks the field steps by what the farthest
//! neighbours weigh, which a test bounds.

mod lanes;
mod neighbourhood;

use super::grid::{self, Grid, Raster, Run};
use super::variogram::{Variogram, VariogramError};
use super::{Distinct, Estimate, Index, Near, Sample, Share, distinct};
use glam::{DVec3, Vec4};
use lanes::{LANES, Lanes, Model};
use neighbourhood::{Neighbourhood, Table};

/// Most neighbours one estimate is made of; the work grows with their square.
pub const NEIGHBOURS_MAX: usize = 32;

/// Readings with what is known of how they differ with distance.
#[derive(Clone, Debug)]
pub struct Kriging {
    readings: Distinct,
    index: Index,
    variogram: Variogram,
    neighbours: usize,
}

/// Why there is no kriging of these samples.
#[derive(thiserror::Error, Clone, Debug, PartialEq)]
pub enum KrigingError {
    #[error(transparent)]
    Variogram(#[from] VariogramError),
}

impl Kriging {
    /// With a variogram fitted to the samples.
    ///
    /// # Errors
    /// Too few samples, or readings without any difference.
    pub fn fit(samples: &[Sample], neighbours: usize) -> Result<Self, KrigingError> {
        let variogram = Variogram::fit(&distinct(samples).samples)?;
        Ok(Self::with(samples, variogram, neighbours))
    }

    /// With a variogram that is given; `neighbours` (1 to [`NEIGHBOURS_MAX`]) make each estimate.
    pub fn with(samples: &[Sample], variogram: Variogram, neighbours: usize) -> Self {
        let readings = distinct(samples);
        let index = Index::new(readings.samples.iter().map(Sample::place_m));
        Self { readings, index, variogram, neighbours: neighbours.clamp(1, NEIGHBOURS_MAX) }
    }

    pub fn variogram(&self) -> &Variogram {
        &self.variogram
    }

    /// The estimate at a place of its own nearest neighbours; `None` without samples or beyond `reach_m` of all.
    ///
    /// Shares name positions in the list the kriging was made of.
    pub fn at(&self, place_m: DVec3, reach_m: f64) -> Option<Estimate> {
        let mut near = Vec::new();
        self.index.nearest(place_m, self.neighbours, &mut near);
        let nearest_m = near.first()?.distance_m;
        if nearest_m > reach_m {
            return None;
        }
        let mut estimate = self.estimate(place_m, &near)?;
        estimate.shares.iter_mut().for_each(|s| s.sample = self.readings.first.get(s.sample as usize).copied().unwrap_or(s.sample));
        Some(estimate)
    }

    fn estimate(&self, place_m: DVec3, near: &[Near]) -> Option<Estimate> {
        let mut around = Neighbourhood::default();
        if !around.settle(place_m, near, &self.readings.samples, &self.variogram, None) {
            return None;
        }
        let (value, variance, weights) = around.at(place_m, &self.variogram);
        let shares = near.iter().zip(weights).map(|(n, weight)| Share { sample: n.sample, weight, distance_m: n.distance_m }).collect();
        let nearest_m = near.first().map_or(f64::INFINITY, |n| n.distance_m);
        Some(Estimate { value, error: Some(variance.sqrt()), nearest_m, shares }.with_heaviest_first())
    }

    /// The field of a grid: estimates, and their variances as doubts. Cells beyond `reach_m` of every sample stay unknown.
    pub fn onto(&self, grid: Grid, reach_m: f64) -> Raster {
        let model = Model::from(&self.variogram);
        let table = Table::of(&self.readings.samples, &self.variogram);
        grid::fill(grid, Workbench::default, |bench, block, runs| {
            self.index.nearest(block.middle_m, self.neighbours, &mut bench.near);
            let in_reach = bench.near.first().is_some_and(|n| n.distance_m - block.radius_m <= reach_m);
            if in_reach && bench.around.settle(block.middle_m, &bench.near, &self.readings.samples, &self.variogram, table.as_ref()) {
                let start = block.middle_m - bench.around.origin_m();
                let (step, west, up) = (block.step_m as f32, (start.x + block.west_m) as f32, start.z as f32);
                let mut norths = [0.0; LANES];
                norths.iter_mut().zip(runs.iter()).for_each(|(north, run)| *north = (start.y + run.north_m) as f32);
                let east: Lanes = std::array::from_fn(|half| (Vec4::new(0.0, 1.0, 2.0, 3.0) + 4.0 * half as f32) * step + west);
                let north: Lanes = std::array::from_fn(|half| Vec4::from_slice(&norths[half * 4..]));
                bench.around.face(&east, &north, up, &model);
                let rows = runs.iter_mut().enumerate().zip(norths);
                rows.for_each(|((number, run), north)| self.one_row(bench, (number, north, up), &east, run, reach_m, &model));
            }
        })
    }

    fn one_row(
        &self,
        bench: &mut Workbench,
        (number, north, up): (usize, f32, f32),
        east: &Lanes,
        run: &mut Run,
        reach_m: f64,
        model: &Model,
    ) {
        let row = bench.around.row(number, east, (north, up), model, &mut bench.solved);
        let reach2 = (reach_m * reach_m) as f32;
        let one = |lanes: &Lanes, i: usize| lanes[i / 4][i % 4];
        for (i, (v, d)) in run.values.iter_mut().zip(run.doubts.iter_mut()).enumerate().take(LANES) {
            if one(&row.nearest2, i) <= reach2 {
                (*v, *d) = (one(&row.values, i), one(&row.variances, i));
            }
        }
    }

    /// Root mean square of the error made when each sample is estimated from the others, in the layer's unit.
    ///
    /// `None` with fewer than three samples.
    pub fn leave_one_out_rmse(&self) -> Option<f64> {
        let samples = &self.readings.samples;
        if samples.len() < 3 {
            return None;
        }
        let mut near = Vec::new();
        let mut sum = 0.0;
        for (s, i) in samples.iter().zip(0u32..) {
            self.index.nearest(s.place_m(), self.neighbours + 1, &mut near);
            near.retain(|n| n.sample != i);
            near.truncate(self.neighbours);
            sum += self.estimate(s.place_m(), &near).map_or(0.0, |e| (e.value - s.value).powi(2));
        }
        Some((sum / samples.len() as f64).sqrt())
    }
}

/// What one thread keeps from block to block.
#[derive(Default)]
struct Workbench {
    near: Vec<Near>,
    around: Neighbourhood,
    solved: Vec<Lanes>,
}

#[cfg(test)]
mod tests;
