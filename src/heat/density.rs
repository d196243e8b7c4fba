//! Point events as a density: how many of them a square kilometre (kernel density estimation, Parzen 1962; Silverman 1986).
//!
//! Events are shared out to the four cells around them and then spread by a gaussian, along rows and then along columns: the two are the same as
//! one spread in the plane. The work is cells times the kernel's width, whatever the number of events. The weights are scaled to sum to 1, so that the
//! field of a grid with room around it holds exactly as many events as there were.

use super::grid::{Grid, Raster};
use glam::DVec2;
use rayon::prelude::*;

/// Beyond so many bandwidths a gaussian is nothing (6e-5 of the events).
const KERNEL_BANDWIDTHS: f64 = 4.0;
/// Most cells a kernel reaches to each side: a wider one is cut, and the bound keeps a mistyped bandwidth from taking minutes.
const KERNEL_CELLS_MAX: usize = 512;

/// Events per km² over a grid, spread by a gaussian of `bandwidth_m` (its standard deviation). Events outside the grid are left out.
///
/// The doubt of a cell is 0: the field is a count, not an estimate from samples.
pub fn density(grid: Grid, events_m: &[DVec2], bandwidth_m: f64) -> Raster {
    let (columns, rows) = (grid.cells.x as usize, grid.cells.y as usize);
    let mut counts = shared_out(grid, events_m);
    let cell_m = grid.cell_m();
    let per_km2 = 1e6 / (cell_m.x * cell_m.y);
    let (along, across) = (kernel(bandwidth_m / cell_m.x), kernel(bandwidth_m / cell_m.y));
    counts.par_chunks_mut(columns.max(1)).for_each(|row| {
        let spread = spread(row, &along);
        row.copy_from_slice(&spread);
    });
    let mut values = vec![0.0f32; counts.len()];
    values.par_chunks_mut(columns.max(1)).enumerate().for_each(|(y, out)| {
        let mut sums = vec![0.0f64; columns];
        for (weight, from) in taps(&across, y, rows) {
            let row = &counts[from * columns..(from + 1) * columns];
            sums.iter_mut().zip(row).for_each(|(sum, count)| *sum += weight * count);
        }
        out.iter_mut().zip(sums).for_each(|(v, sum)| *v = (sum * per_km2) as f32);
    });
    Raster { grid, doubts: vec![0.0; values.len()], values }
}

/// Standard deviation for a kernel that suits the events (Scott 1992 for two dimensions: the spread of the events times n^(-1/6)), metres.
///
/// `None` when all stand at one place or there are fewer than two.
pub fn bandwidth_m(events_m: &[DVec2]) -> Option<f64> {
    let n = events_m.len() as f64;
    let mean = events_m.iter().copied().sum::<DVec2>() / n;
    let variance = events_m.iter().map(|e| e.distance_squared(mean)).sum::<f64>() / (2.0 * (n - 1.0));
    let bandwidth = variance.sqrt() * n.powf(-1.0 / 6.0);
    (events_m.len() > 1 && bandwidth > 0.0 && bandwidth.is_finite()).then_some(bandwidth)
}

/// Each event in the four cells around it, by how near their middles are.
fn shared_out(grid: Grid, events_m: &[DVec2]) -> Vec<f64> {
    let mut counts = vec![0.0; grid.len()];
    let last = grid.cells.as_ivec2() - 1;
    for event in events_m.iter().filter(|e| grid.cell_at(**e).is_some()) {
        let at = (*event - grid.origin_m) / grid.cell_m() - 0.5;
        let (low, part) = (at.floor().as_ivec2(), at - at.floor());
        for (corner, weight) in [
            (glam::IVec2::ZERO, (1.0 - part.x) * (1.0 - part.y)),
            (glam::IVec2::X, part.x * (1.0 - part.y)),
            (glam::IVec2::Y, (1.0 - part.x) * part.y),
            (glam::IVec2::ONE, part.x * part.y),
        ] {
            let cell = (low + corner).clamp(glam::IVec2::ZERO, last);
            if let Some(count) = counts.get_mut(cell.y as usize * grid.cells.x as usize + cell.x as usize) {
                *count += weight;
            }
        }
    }
    counts
}

/// Weights from the middle outwards; both sides together sum to 1.
fn kernel(sigma_cells: f64) -> Vec<f64> {
    let sigma = if sigma_cells.is_finite() { sigma_cells.max(1e-3) } else { 1e-3 };
    let reach = ((sigma * KERNEL_BANDWIDTHS).ceil() as usize).min(KERNEL_CELLS_MAX);
    let raw: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum = 2.0 * raw.iter().sum::<f64>() - 1.0;
    raw.into_iter().map(|w| w / sum).collect()
}

/// Weights and positions that reach `at`, within `0..len`.
fn taps(kernel: &[f64], at: usize, len: usize) -> impl Iterator<Item = (f64, usize)> + '_ {
    let reach = kernel.len() - 1;
    (at.saturating_sub(reach)..(at + reach + 1).min(len)).map(move |from| (kernel[from.abs_diff(at)], from))
}

fn spread(row: &[f64], kernel: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; row.len()];
    // Events are few and far between: spreading those that are there is less than gathering for every cell.
    for (at, count) in row.iter().enumerate().filter(|(_, c)| **c != 0.0) {
        for (weight, to) in taps(kernel, at, row.len()) {
            out[to] += weight * count;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::UVec2;
    use proptest::prelude::*;

    fn grid(cells: u32) -> Grid {
        Grid { origin_m: DVec2::splat(-6_000.0), size_m: DVec2::splat(12_000.0), cells: UVec2::splat(cells), up_m: 0.0 }
    }

    #[test]
    fn one_event_is_the_gaussian_around_it() {
        let raster = density(grid(240), &[DVec2::new(25.0, 25.0)], 500.0);
        let at = |x: f64, y: f64| f64::from(raster.cell(raster.grid.cell_at(DVec2::new(x, y)).unwrap()).unwrap().0);
        let expected = |d: f64| 1e6 / (std::f64::consts::TAU * 250_000.0) * (-0.5 * (d / 500.0f64).powi(2)).exp();
        for (x, y) in [(25.0, 25.0), (525.0, 25.0), (25.0, -975.0), (325.0, 425.0)] {
            let d = DVec2::new(x - 25.0, y - 25.0).length();
            assert!((at(x, y) / expected(d) - 1.0).abs() < 0.01, "{} is not {} at {d}", at(x, y), expected(d));
        }
    }

    #[test]
    fn a_bandwidth_needs_two_places() {
        assert_eq!(bandwidth_m(&[]), None);
        assert_eq!(bandwidth_m(&[DVec2::ONE; 5]), None);
        let four = [DVec2::ZERO, DVec2::X, DVec2::Y, DVec2::ONE].map(|e| e * 600.0);
        assert!((bandwidth_m(&four).unwrap() - 120_000f64.sqrt() * 4f64.powf(-1.0 / 6.0)).abs() < 1e-9);
        assert!(density(grid(0), &four, 100.0).values.is_empty());
        assert!(density(grid(9), &four, f64::NAN).values.iter().all(|v| v.is_finite()));
    }

    proptest! {
        #[test]
        fn the_field_holds_as_many_events_as_there_were(
            events in prop::collection::vec((-2e3..2e3f64, -2e3..2e3f64), 0..60), bandwidth_m in 20.0..900.0f64, cells in 20u32..90
        ) {
            let events: Vec<DVec2> = events.into_iter().map(DVec2::from).collect();
            let raster = density(grid(cells), &events, bandwidth_m);
            let km2 = raster.grid.cell_m().x * raster.grid.cell_m().y / 1e6;
            let whole: f64 = raster.values.iter().map(|v| f64::from(*v) * km2).sum();
            prop_assert!((whole - events.len() as f64).abs() < 1e-3 * (events.len() as f64).max(1.0), "{whole} of {}", events.len());
        }
    }
}
