//! The cells a field is computed for.

use glam::{DVec2, DVec3, UVec2};
use rayon::prelude::*;

/// Cells of equal size over a rectangle. Row 0 is the southernmost and column 0 the westernmost, as the texture is addressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// South-west corner, metres from the scene anchor.
    pub origin_m: DVec2,
    pub size_m: DVec2,
    /// Columns and rows.
    pub cells: UVec2,
    /// Height of the cells above ground, as [`super::Sample::up_m`] counts it.
    pub up_m: f64,
}

impl Grid {
    pub fn len(&self) -> usize {
        self.cells.x as usize * self.cells.y as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// East-west and north-south side of a cell, metres.
    pub fn cell_m(&self) -> DVec2 {
        self.size_m / self.cells.max(UVec2::ONE).as_dvec2()
    }

    /// A place on the ground at the height of the cells.
    pub fn raised(&self, place_m: DVec2) -> DVec3 {
        place_m.extend(self.up_m)
    }

    /// Middle of a cell, metres from the anchor.
    pub fn centre(&self, column: u32, row: u32) -> DVec2 {
        self.origin_m + (DVec2::new(f64::from(column), f64::from(row)) + 0.5) * self.cell_m()
    }

    /// Column and row of a place, `None` outside.
    pub fn cell_at(&self, place_m: DVec2) -> Option<UVec2> {
        let at = (place_m - self.origin_m) / self.cell_m();
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < f64::from(self.cells.x) && at.y < f64::from(self.cells.y);
        inside.then(|| at.as_uvec2())
    }
}

/// A field: one estimate a cell, and beside it what says how far to trust it.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    pub grid: Grid,
    /// In the layer's unit, row by row from the south-west; NaN where nothing is known.
    pub values: Vec<f32>,
    /// Inverse distance: metres to the nearest sample. Kriging: variance of the estimate, unit squared. Areas: count behind the value.
    /// Infinite where nothing is known.
    pub doubts: Vec<f32>,
}

impl Raster {
    /// A field of which nothing is known yet.
    pub fn unknown(grid: Grid) -> Self {
        Self { grid, values: vec![f32::NAN; grid.len()], doubts: vec![f32::INFINITY; grid.len()] }
    }

    /// Value and doubt of a cell.
    pub fn cell(&self, at: UVec2) -> Option<(f32, f32)> {
        let i = at.y as usize * self.grid.cells.x as usize + at.x as usize;
        (at.x < self.grid.cells.x).then(|| Some((*self.values.get(i)?, *self.doubts.get(i)?))).flatten()
    }
}

/// Cells a side of one block: what one search of neighbours serves.
pub(super) const BLOCK: usize = 8;

/// One block's part of one row: cells side by side, at most [`BLOCK`].
pub(super) struct Run<'a> {
    /// Distance of the row from the block's middle, metres north.
    pub north_m: f64,
    pub values: &'a mut [f32],
    pub doubts: &'a mut [f32],
}

/// A square of at most [`BLOCK`] by [`BLOCK`] cells.
pub(super) struct Block {
    pub middle_m: DVec3,
    /// From the middle to the first column's cells, metres east.
    pub west_m: f64,
    /// From a column to the next, metres.
    pub step_m: f64,
    /// From the middle to the farthest centre of a cell, metres.
    pub radius_m: f64,
}

/// Fills a field block by block, rows of blocks in parallel. `fresh` makes what one thread keeps from block to block.
pub(super) fn fill<S>(grid: Grid, fresh: impl Fn() -> S + Sync, block: impl Fn(&mut S, &Block, &mut [Run]) + Sync) -> Raster {
    let mut raster = Raster::unknown(grid);
    let columns = grid.cells.x as usize;
    if grid.is_empty() {
        return raster;
    }
    let cell_m = grid.cell_m();
    let band = columns * BLOCK;
    raster.values.par_chunks_mut(band).zip(raster.doubts.par_chunks_mut(band)).enumerate().for_each_init(
        &fresh,
        |state, (i, (values, doubts))| {
            let mut rows: Vec<(std::slice::ChunksMut<f32>, std::slice::ChunksMut<f32>)> = values
                .chunks_mut(columns)
                .zip(doubts.chunks_mut(columns))
                .map(|(v, d)| (v.chunks_mut(BLOCK), d.chunks_mut(BLOCK)))
                .collect();
            let height = rows.len();
            for first in (0..columns).step_by(BLOCK) {
                let width = BLOCK.min(columns - first);
                let half = DVec2::new(width as f64 - 1.0, height as f64 - 1.0) * 0.5 * cell_m;
                let middle_m = grid.raised(grid.centre(first as u32, (i * BLOCK) as u32) + half);
                let this = Block { middle_m, west_m: -half.x, step_m: cell_m.x, radius_m: half.length() };
                let mut runs: Vec<Run> = Vec::with_capacity(height);
                for (r, (v, d)) in rows.iter_mut().enumerate() {
                    if let (Some(values), Some(doubts)) = (v.next(), d.next()) {
                        runs.push(Run { north_m: r as f64 * cell_m.y - half.y, values, doubts });
                    }
                }
                block(state, &this, &mut runs);
            }
        },
    );
    raster
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_any_size_is_filled_at_its_own_place() {
        for cells in [UVec2::new(1, 1), UVec2::new(19, 9), UVec2::new(8, 16), UVec2::new(0, 3)] {
            let grid = Grid { origin_m: DVec2::new(-5.0, 30.0), size_m: DVec2::new(190.0, 45.0), cells, up_m: 7.0 };
            let raster = fill(
                grid,
                || (),
                |(), block, runs| {
                    for run in runs {
                        for (i, (v, d)) in run.values.iter_mut().zip(run.doubts.iter_mut()).enumerate() {
                            let from = DVec3::new(block.west_m + i as f64 * block.step_m, run.north_m, 0.0);
                            let place = block.middle_m + from;
                            assert!(from.length() <= block.radius_m + 1e-9 && place.z == 7.0);
                            (*v, *d) = (place.x as f32, place.y as f32);
                        }
                    }
                },
            );
            for (x, y) in (0..cells.y).flat_map(|y| (0..cells.x).map(move |x| (x, y))) {
                let centre = grid.centre(x, y).as_vec2();
                let (v, d) = raster.cell(UVec2::new(x, y)).unwrap();
                assert!((v - centre.x).abs() < 1e-3 && (d - centre.y).abs() < 1e-3, "{cells}: {x} {y}");
                assert_eq!(grid.cell_at(grid.centre(x, y)), Some(UVec2::new(x, y)));
            }
        }
    }
}
