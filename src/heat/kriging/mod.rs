//! Ordinary kriging (Matheron 1963; Chilès and Delfiner 2012, chapter 3) with a local neighbourhood.
//!
//! With covariances `C` between the neighbours, `c` from them to the place, readings `z` and the sill `C(0)`, in the form that needs one
//! factor and no Lagrange multiplier: `m = (1ᵀC⁻¹z) / (1ᵀC⁻¹1)`, estimate `m + cᵀC⁻¹(z - m)`,
//! variance `C(0) - cᵀC⁻¹c + (1 - 1ᵀC⁻¹c)² / (1ᵀC⁻¹1)`.
//! `C` depends on the neighbours alone, so the cells of a block share one neighbourhood, its factor and `C⁻¹(z - m)`: a value is then one dot product a
//! cell. That is what makes a field of 512 by 512 a matter of milliseconds; at the border of two blocks the field steps by what the farthest
//! neighbours weigh, which a test bounds.

mod lanes;
mod neighbourhood;

use super::grid::{self, Block, Grid, Raster, Run};
use super::variogram::{Variogram, VariogramError};
use super::{Distinct, Estimate, Index, Near, Sample, Share, distinct, one_of};
use fearless_simd::Level;
use glam::DVec3;
use lanes::{LANES, Model};
use neighbourhood::{Cells, Estimates, Neighbourhood, Table};

/// Most neighbours one estimate is made of; the work grows with their square.
pub const NEIGHBOURS_MAX: usize = 32;

/// Readings with what is known of how they differ with distance.
#[derive(Clone, Debug)]
pub struct Kriging {
    readings: Distinct,
    index: Index,
    variogram: Variogram,
    neighbours: usize,
    /// Which vectors the processor has.
    level: Level,
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
        Self { readings, index, variogram, neighbours: neighbours.clamp(1, NEIGHBOURS_MAX), level: Level::new() }
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
        if !around.settle(place_m, near, &self.readings.samples, &self.variogram, &mut Table::default(), self.level) {
            return None;
        }
        let (value, variance, weights) = around.at(place_m, &self.variogram, self.level);
        let shares = near.iter().zip(weights).map(|(n, weight)| Share { sample: n.sample, weight, distance_m: n.distance_m }).collect();
        let nearest_m = near.first().map_or(f64::INFINITY, |n| n.distance_m);
        Some(Estimate { value, error: Some(variance.sqrt()), nearest_m, shares }.with_heaviest_first())
    }

    /// The field of a grid: estimates, and their variances as doubts. Cells beyond `reach_m` of every sample stay unknown.
    pub fn onto(&self, grid: Grid, reach_m: f64) -> Raster {
        let model = Model::from(&self.variogram);
        let samples = &self.readings.samples;
        grid::fill(
            grid,
            || Workbench::of(samples.len()),
            |bench, block, runs| {
                self.index.nearest(block.middle_m, self.neighbours, &mut bench.near);
                let in_reach = bench.near.first().is_some_and(|n| n.distance_m - block.radius_m <= reach_m);
                if in_reach && bench.around.settle(block.middle_m, &bench.near, samples, &self.variogram, &mut bench.table, self.level) {
                    bench.around.block(&bench.cells(block, runs), &model, &mut bench.made, self.level);
                    bench.hand_over(runs, reach_m);
                }
            },
        )
    }

    /// Root mean square of the error made when each sample (of more than 1,500: some) is estimated from the others, in the layer's unit.
    ///
    /// `None` with fewer than three samples.
    pub fn leave_one_out_rmse(&self) -> Option<f64> {
        let samples = &self.readings.samples;
        if samples.len() < 3 {
            return None;
        }
        let mut near = Vec::new();
        let (mut sum, mut count) = (0.0, 0.0);
        for (s, i) in samples.iter().zip(0u32..).step_by(one_of(samples.len())) {
            count += 1.0;
            self.index.nearest(s.place_m(), self.neighbours + 1, &mut near);
            near.retain(|n| n.sample != i);
            near.truncate(self.neighbours);
            sum += self.estimate(s.place_m(), &near).map_or(0.0, |e| (e.value - s.value).powi(2));
        }
        Some((sum / count).sqrt())
    }
}

/// What one thread keeps from block to block.
struct Workbench {
    near: Vec<Near>,
    table: Table,
    around: Neighbourhood,
    made: Box<Estimates>,
}

impl Workbench {
    fn of(samples: usize) -> Self {
        Self { near: Vec::new(), table: Table::of(samples), around: Neighbourhood::default(), made: Box::default() }
    }

    /// Where the cells of a block are. Rows that it lacks at the edge of the field are taken to be in its middle, and looked at by nobody.
    fn cells(&self, block: &Block, runs: &[Run]) -> Cells {
        let start = block.middle_m - self.around.origin_m();
        let (west, step) = ((start.x + block.west_m) as f32, block.step_m as f32);
        let mut cells = Cells { east: [west; LANES], north: [start.y as f32; LANES], up: start.z as f32 };
        cells.east.iter_mut().enumerate().for_each(|(column, east)| *east += column as f32 * step);
        cells.north.iter_mut().zip(runs).for_each(|(north, run)| *north = (start.y + run.north_m) as f32);
        cells
    }

    fn hand_over(&self, runs: &mut [Run], reach_m: f64) {
        let reach2 = (reach_m * reach_m) as f32;
        for (row, run) in runs.iter_mut().enumerate().take(LANES) {
            let made = self.made.nearest2[row].iter().zip(self.made.values[row].iter().zip(&self.made.variances[row]));
            for ((v, d), (nearest2, (value, variance))) in run.values.iter_mut().zip(run.doubts.iter_mut()).zip(made) {
                if *nearest2 <= reach2 {
                    (*v, *d) = (*value, *variance);
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
