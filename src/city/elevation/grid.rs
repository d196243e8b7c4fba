//! Asking a grid for heights.

use super::ElevationGrid;
use crate::city::raster::Blend;

/// Steps beyond the outermost samples at which a grid still answers, for [`ElevationGrid::sample_near`]: to the other side of a gap of one sample.
/// The little more is for rounding.
pub(crate) const REACH: f64 = 2.0 + 1e-6;
/// Half a step, and a little for rounding.
pub(crate) const OWN_REACH: f64 = 0.5 + 1e-6;

impl ElevationGrid {
    /// Metres at (`x`, `y`) in the grid's own coordinates, bilinear between the four nearest samples.
    ///
    /// Samples without data are left out and the others weighted up; `None` where none of them has data and further than half a step outside
    /// of the outermost samples (within it the edge goes on level).
    pub fn sample(&self, x: f64, y: f64) -> Option<f32> {
        self.sample_near(x, y).filter(|(_, (x, y))| x.abs().max(y.abs()) <= OWN_REACH).map(|(z, _)| z)
    }

    /// The same up to [`REACH`] steps outside, with how many steps that is eastwards and southwards (0 inside).
    pub(crate) fn sample_near(&self, x: f64, y: f64) -> Option<(f32, (f64, f64))> {
        let (c0, c1, u, beyond_x) = between((x - self.origin.0) / self.step.0, self.width)?;
        let (r0, r1, v, beyond_y) = between((y - self.origin.1) / self.step.1, self.height)?;
        let values: &[f32] = &self.values;
        let at = |r: usize, c: usize| values.get(r * self.width + c).copied().unwrap_or(f32::NAN);
        let z = f32::blend([at(r0, c0), at(r0, c1), at(r1, c0), at(r1, c1)], u, v);
        z.is_finite().then_some((z, (beyond_x, beyond_y)))
    }

    /// West, south, east, north of the outermost samples, in the grid's own coordinates.
    pub fn bounds(&self) -> [f64; 4] {
        let x1 = self.origin.0 + self.step.0 * self.width.saturating_sub(1) as f64;
        let y1 = self.origin.1 + self.step.1 * self.height.saturating_sub(1) as f64;
        [self.origin.0.min(x1), self.origin.1.min(y1), self.origin.0.max(x1), self.origin.1.max(y1)]
    }
}

/// The two samples around a position of `0..count`, the share of the second, and how far the position sticks out.
fn between(position: f64, count: usize) -> Option<(usize, usize, f64, f64)> {
    let last = count.checked_sub(1)?;
    // Written so that NaN is outside.
    if !(position >= -REACH && position <= last as f64 + REACH) {
        return None;
    }
    let inside = position.clamp(0.0, last as f64);
    let first = inside.floor() as usize;
    Some((first, (first + 1).min(last), inside - first as f64, position - inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(width: usize, height: usize, values: Vec<f32>) -> ElevationGrid {
        ElevationGrid { file: "test".into(), crs: None, origin: (118.0, 34.0), step: (0.5, -0.25), width, height, values: values.into() }
    }

    #[test]
    fn halfway_is_the_mean_and_a_hole_is_bridged_from_its_neighbours() {
        let g = grid(2, 2, vec![0.0, 10.0, 20.0, 30.0]);
        assert_eq!(g.sample(118.25, 33.875), Some(15.0));
        assert_eq!(g.bounds(), [118.0, 33.75, 118.5, 34.0]);
        let holed = grid(2, 2, vec![f32::NAN, 10.0, f32::NAN, 30.0]);
        assert_eq!(holed.sample(118.25, 33.875), Some(20.0));
        assert_eq!(holed.sample(118.0, 34.0), None, "a sample without data, hit exactly");
        assert_eq!(grid(1, 1, vec![f32::NAN]).sample(118.0, 34.0), None);
        assert_eq!(grid(0, 0, vec![]).sample(118.0, 34.0), None);
    }

    proptest! {
        #[test]
        fn a_sample_lies_between_its_neighbours_and_outside_is_none(
            (w, h, values) in (1usize..9, 1usize..9).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), proptest::collection::vec(prop_oneof![9 => -500f32..9000.0, 1 => Just(f32::NAN)], w * h))
            }),
            column in -3.0f64..12.0,
            row in -3.0f64..12.0,
        ) {
            let g = grid(w, h, values.clone());
            let got = g.sample(118.0 + column * 0.5, 34.0 - row * 0.25);
            let outside = column < -0.51 || row < -0.51 || column > w as f64 - 0.49 || row > h as f64 - 0.49;
            if outside {
                prop_assert_eq!(got, None);
            } else if let Some(z) = got {
                let real = || values.iter().copied().filter(|v| v.is_finite());
                let (low, high) = real().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)));
                prop_assert!(z >= low - 0.01 && z <= high + 0.01, "{z} not in {low}..{high}");
            }
        }

        #[test]
        fn a_plane_is_given_back_as_it_is(x in 118.0f64..121.0, y in 33.0f64..34.0) {
            let plane = |x: f64, y: f64| 3.0 * (x - 118.0) - 7.0 * (y - 33.0);
            let values = (0..5).flat_map(|r| (0..7).map(move |c| plane(118.0 + 0.5 * f64::from(c), 34.0 - 0.25 * f64::from(r)) as f32)).collect();
            let z = grid(7, 5, values).sample(x, y).unwrap();
            prop_assert!((f64::from(z) - plane(x, y)).abs() < 1e-4);
        }
    }
}
