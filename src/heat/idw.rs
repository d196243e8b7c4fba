//! Inverse distance weighting (Shepard 1968): the nearer a sensor, the more its reading counts.

use super::grid::{self, Block, Grid, Raster, Run};
use super::{Estimate, Index, Near, Sample, Share, one_of};
use glam::{DVec3, Vec4};

/// Samples nearer than this count as standing here: the weight would grow without bound, metres.
pub const NEAR_M: f64 = 1.0;
/// Most neighbours that are weighed when not all are; more make no visible difference.
const NEIGHBOURS_MAX: usize = 32;

/// How a field is made from samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Idw {
    /// Exponent of the inverse distance, usually 2.
    pub power: f64,
    /// Beyond this distance from every sample nothing is known, metres.
    pub reach_m: f64,
    /// How many of the nearest are weighed, at most 32; `None` weighs all, as the device does.
    pub neighbours: Option<usize>,
}

impl Idw {
    /// The estimate at a place; `None` without samples or when all are out of reach.
    pub fn at(&self, place_m: DVec3, samples: &[Sample]) -> Option<Estimate> {
        self.of(self.weighed(place_m, samples, None), samples)
    }

    /// What one place is estimated from, without sample `left_out`.
    fn weighed(&self, place_m: DVec3, samples: &[Sample], left_out: Option<u32>) -> Vec<Near> {
        let mut near: Vec<Near> = samples
            .iter()
            .zip(0u32..)
            .filter(|(_, i)| Some(*i) != left_out)
            .map(|(s, sample)| Near { sample, distance_m: s.place_m().distance(place_m) })
            .collect();
        if let Some(k) = self.neighbours.map(|k| k.clamp(1, NEIGHBOURS_MAX)).filter(|k| *k < near.len()) {
            near.select_nth_unstable_by(k - 1, |a, b| a.distance_m.total_cmp(&b.distance_m).then(a.sample.cmp(&b.sample)));
            near.truncate(k);
        }
        near
    }

    fn of(&self, near: Vec<Near>, samples: &[Sample]) -> Option<Estimate> {
        let nearest_m = near.iter().map(|n| n.distance_m.max(NEAR_M)).fold(f64::INFINITY, f64::min);
        if !(nearest_m <= self.reach_m) {
            return None;
        }
        let weight = |n: &Near| n.distance_m.max(NEAR_M).powf(-self.power);
        let whole: f64 = near.iter().map(weight).sum();
        let shares: Vec<Share> =
            near.iter().map(|n| Share { sample: n.sample, weight: weight(n) / whole, distance_m: n.distance_m }).collect();
        let value = shares.iter().filter_map(|s| Some(s.weight * samples.get(s.sample as usize)?.value)).sum();
        Some(Estimate { value, error: None, nearest_m, shares }.with_heaviest_first())
    }

    /// The field of a grid. Cells out of reach of all samples stay unknown.
    pub fn onto(&self, grid: Grid, samples: &[Sample]) -> Raster {
        let index = Index::new(samples.iter().map(Sample::place_m));
        if index.is_empty() {
            return Raster::unknown(grid);
        }
        let k = self.neighbours.map_or(usize::MAX, |k| k.clamp(1, NEIGHBOURS_MAX));
        grid::fill(grid, Workbench::default, |bench, block, runs| {
            if bench.gather(block, &index, samples, k, self.reach_m) {
                runs.iter_mut().for_each(|run| bench.weigh(block, run, self));
            }
        })
    }

    /// Root mean square of the error made when each sample (of more than 1,500: some) is estimated from all others, in the layer's unit: what the legend shows.
    ///
    /// `None` with fewer than three samples.
    pub fn leave_one_out_rmse(&self, samples: &[Sample]) -> Option<f64> {
        if samples.len() < 3 {
            return None;
        }
        let everywhere = Idw { reach_m: f64::INFINITY, ..*self };
        let error = |(s, i): (&Sample, u32)| {
            let near = everywhere.weighed(s.place_m(), samples, Some(i));
            everywhere.of(near, samples).map_or(0.0, |e| (e.value - s.value).powi(2))
        };
        let errors: Vec<f64> = samples.iter().zip(0u32..).step_by(one_of(samples.len())).map(error).collect();
        Some((errors.iter().sum::<f64>() / errors.len() as f64).sqrt())
    }
}

/// One sample as a block sees it: from its middle, in metres, and its reading.
#[derive(Clone, Copy, Default)]
struct Candidate {
    east: f32,
    north: f32,
    /// Squared difference in height.
    up2: f32,
    value: f32,
}

/// What one thread keeps from block to block.
#[derive(Default)]
struct Workbench {
    near: Vec<Near>,
    /// Those that are among the nearest of every cell of the block come first.
    candidates: Vec<Candidate>,
    sure: usize,
    /// How many of the others each cell still takes.
    more: usize,
    squares: Vec<Vec4>,
}

impl Workbench {
    /// Finds what the cells of a block may weigh; `false` when no sample reaches any of them.
    ///
    /// With the k-th nearest of the block's middle at distance d and no cell farther than r from it, a cell's k-th nearest is between d - r and d + r
    /// away. So what stands within d - 2r of the middle is weighed by every cell, and what stands beyond d + 2r by none.
    fn gather(&mut self, block: &Block, index: &Index, samples: &[Sample], k: usize, reach_m: f64) -> bool {
        index.nearest(block.middle_m, k.min(index.len()).min(NEIGHBOURS_MAX), &mut self.near);
        let (Some(first), Some(last)) = (self.near.first(), self.near.last()) else { return false };
        if first.distance_m - block.radius_m > reach_m {
            return false;
        }
        let candidate = |near: &Near| {
            let s = samples.get(near.sample as usize)?;
            let from = (s.place_m() - block.middle_m).as_vec3();
            Some(Candidate { east: from.x, north: from.y, up2: from.z * from.z, value: s.value as f32 })
        };
        self.candidates.clear();
        if k >= index.len() {
            let all = samples.iter().zip(0u32..).filter(|(s, _)| s.place_m().is_finite());
            self.candidates.extend(all.filter_map(|(_, sample)| candidate(&Near { sample, distance_m: 0.0 })));
            (self.sure, self.more) = (self.candidates.len(), 0);
            return true;
        }
        let (spread, kth) = (2.0 * block.radius_m, last.distance_m);
        self.near.retain(|n| n.distance_m < kth - spread);
        self.sure = self.near.len();
        self.more = k - self.sure;
        index.within(block.middle_m, kth + spread, |near, _| {
            if near.distance_m >= kth - spread {
                self.near.push(near);
            }
        });
        self.candidates.extend(self.near.iter().filter_map(candidate));
        true
    }

    /// Fills one row of a block, four cells at a time. Single precision, from the block's middle: the error is some 1e-6 of the readings.
    fn weigh(&mut self, block: &Block, run: &mut Run, idw: &Idw) {
        let (step, north) = (block.step_m as f32, run.north_m as f32);
        for first in (0..run.values.len()).step_by(4) {
            let east = block.west_m as f32 + (Vec4::new(0.0, 1.0, 2.0, 3.0) + first as f32) * step;
            let (value, nearest) = self.four(east, north, idw.power);
            for (i, (value, nearest)) in value.to_array().into_iter().zip(nearest.to_array()).enumerate() {
                let known = f64::from(nearest) <= idw.reach_m;
                if let (Some(v), Some(d), true) = (run.values.get_mut(first + i), run.doubts.get_mut(first + i), known) {
                    (*v, *d) = (value, nearest);
                }
            }
        }
    }

    /// Estimates and distances to the nearest of four cells.
    fn four(&mut self, east: Vec4, north: f32, power: f64) -> (Vec4, Vec4) {
        let squared = |c: &Candidate| {
            let (dx, dy) = (east - c.east, north - c.north);
            (dx * dx + (dy * dy + c.up2)).max(Vec4::splat((NEAR_M * NEAR_M) as f32))
        };
        let (mut sum, mut weights, mut nearest) = (Vec4::ZERO, Vec4::ZERO, Vec4::INFINITY);
        let (sure, others) = self.candidates.split_at(self.sure);
        for c in sure {
            let d2 = squared(c);
            let w = weight(d2, power);
            sum += w * c.value;
            weights += w;
            nearest = nearest.min(d2);
        }
        if self.more > 0 {
            // The `more` least squared distances, sorted, of the four cells at once: the last is where weighing ends.
            let mut least = [Vec4::INFINITY; NEIGHBOURS_MAX];
            let least = &mut least[..self.more.min(NEIGHBOURS_MAX)];
            self.squares.clear();
            for c in others {
                let d2 = squared(c);
                self.squares.push(d2);
                let mut falling = d2;
                for kept in least.iter_mut() {
                    (*kept, falling) = (kept.min(falling), kept.max(falling));
                }
            }
            let end = least.last().copied().unwrap_or(Vec4::INFINITY);
            nearest = nearest.min(least.first().copied().unwrap_or(Vec4::INFINITY));
            for (c, d2) in others.iter().zip(&self.squares) {
                let w = Vec4::select(d2.cmple(end), weight(*d2, power), Vec4::ZERO);
                sum += w * c.value;
                weights += w;
            }
        }
        (sum / weights, nearest.map(f32::sqrt))
    }
}

/// Weights at squared distances. Powers 1, 2, 3 and 4 need no logarithm.
fn weight(d2: Vec4, power: f64) -> Vec4 {
    match power {
        2.0 => Vec4::ONE / d2,
        1.0 => Vec4::ONE / d2.map(f32::sqrt),
        3.0 => Vec4::ONE / (d2 * d2.map(f32::sqrt)),
        4.0 => Vec4::ONE / (d2 * d2),
        p => d2.powf((-0.5 * p) as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DVec2, UVec2};
    use proptest::prelude::*;

    const EVERYWHERE: Idw = Idw { power: 2.0, reach_m: f64::INFINITY, neighbours: None };

    fn sample(x: f64, y: f64, value: f64) -> Sample {
        Sample { at_m: DVec2::new(x, y), up_m: 0.0, value }
    }

    fn cloud(readings: &[(f64, f64, f64)]) -> Vec<Sample> {
        readings.iter().map(|&(x, y, v)| sample(x, y, v)).collect()
    }

    #[test]
    fn at_a_sensor_the_field_is_its_reading_and_out_of_reach_it_is_nothing() {
        let idw = Idw { reach_m: 500.0, ..EVERYWHERE };
        let s = [sample(0.0, 0.0, 10.0), sample(1_000.0, 0.0, 30.0)];
        let here = idw.at(DVec3::ZERO, &s).unwrap();
        assert!((here.value - 10.0).abs() < 0.001);
        assert_eq!(here.shares[0].sample, 0);
        assert_eq!(idw.at(DVec3::new(0.0, 2_000.0, 0.0), &s), None);
        assert_eq!(idw.at(DVec3::ZERO, &[]), None);
        assert!((idw.at(DVec3::new(500.0, 0.0, 0.0), &s).unwrap().value - 20.0).abs() < 1e-9);
    }

    #[test]
    fn readings_that_agree_leave_no_error() {
        let even: Vec<_> = (0..5).map(|i| sample(f64::from(i) * 100.0, 0.0, 7.0)).collect();
        assert!(EVERYWHERE.leave_one_out_rmse(&even).unwrap() < 1e-12);
        assert_eq!(EVERYWHERE.leave_one_out_rmse(&even[..2]), None);
    }

    #[test]
    fn of_many_samples_some_are_left_out_and_the_error_is_much_the_same() {
        assert_eq!([0, 3, 1_500, 1_501, 4_096, 20_000].map(one_of), [1, 1, 1, 2, 3, 66]);
        let wavy = |i: usize| sample((i % 50) as f64 * 100.0, (i / 50) as f64 * 100.0, ((i % 7) * (i % 11)) as f64);
        let many: Vec<Sample> = (0..1_600).map(wavy).collect();
        let near = Idw { neighbours: Some(12), ..EVERYWHERE };
        let (all, some) = (near.leave_one_out_rmse(&many[..1_500]).unwrap(), near.leave_one_out_rmse(&many).unwrap());
        assert!(all > 1.0 && (some / all - 1.0).abs() < 0.1, "{some} for {all}");
    }

    #[test]
    fn leaving_one_out_estimates_each_from_the_others() {
        let s = [sample(0.0, 0.0, 1.0), sample(100.0, 0.0, 2.0), sample(200.0, 0.0, 9.0)];
        let wrong = [(2.0 * 4.0 + 9.0) / 5.0 - 1.0, 5.0 - 2.0, (1.0 + 2.0 * 4.0) / 5.0 - 9.0f64];
        let expected = (wrong.iter().map(|e| e * e).sum::<f64>() / 3.0).sqrt();
        assert!((EVERYWHERE.leave_one_out_rmse(&s).unwrap() - expected).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn an_estimate_lies_between_the_least_and_the_greatest_reading_and_its_weights_sum_to_one(
            readings in prop::collection::vec((-5e3..5e3f64, -5e3..5e3f64, -50.0..500.0f64), 1..20), x in -5e3..5e3f64, y in -5e3..5e3f64
        ) {
            let s = cloud(&readings);
            let e = EVERYWHERE.at(DVec3::new(x, y, 0.0), &s).unwrap();
            let (lo, hi) = s.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s.value), h.max(s.value)));
            prop_assert!(e.value >= lo - 1e-9 && e.value <= hi + 1e-9);
            prop_assert!((e.shares.iter().map(|s| s.weight).sum::<f64>() - 1.0).abs() < 1e-9);
        }

        #[test]
        fn a_grid_is_what_each_place_gives_alone(
            readings in prop::collection::vec((-5e3..5e3f64, -5e3..5e3f64, -50.0..500.0f64), 1..90),
            k in 1usize..16, all: bool, high: bool, power in prop_oneof![Just(1.0), Just(2.0), Just(3.0), Just(4.0), 0.5..5.0f64], reach_m in 200.0..9e3f64
        ) {
            let (mut s, idw) = (cloud(&readings), Idw { power, reach_m, neighbours: (!all).then_some(k) });
            let grid = Grid { origin_m: DVec2::splat(-4e3), size_m: DVec2::new(9e3, 5e3), cells: UVec2::new(21, 13), up_m: if high { 300.0 } else { 0.0 } };
            // Some of them stand higher than others.
            s.iter_mut().enumerate().filter(|_| high).for_each(|(i, s)| s.up_m = f64::from(i as u32 % 4) * 200.0);
            let raster = idw.onto(grid, &s);
            for (x, y) in (0..13).flat_map(|y| (0..21).map(move |x| (x, y))) {
                let (value, nearest) = raster.cell(UVec2::new(x, y)).unwrap();
                let place = grid.raised(grid.centre(x, y));
                let alone = idw.at(place, &s);
                let Some(expected) = &alone else {
                    prop_assert!(value.is_nan() || (f64::from(nearest) - reach_m).abs() < 0.01);
                    continue;
                };
                // Where two stand equally far, single precision may take the other one.
                let mut near: Vec<f64> = s.iter().map(|s| s.place_m().distance(place)).collect();
                near.sort_by(f64::total_cmp);
                let tie = !all && near.get(k).is_some_and(|next| next - near[k - 1] < 0.05);
                prop_assert!(tie || (f64::from(value) - expected.value).abs() < 0.01, "{value} is not {} at {x} {y}", expected.value);
                prop_assert!((f64::from(nearest) - expected.nearest_m).abs() < 0.05);
            }
        }
    }
}
