//! Interpolation of sensor readings over an area: the CPU reference that `shaders/heat.wgsl` is held to.

use glam::DVec2;

/// One reading at a place, metres east and north of the scene anchor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at_m: DVec2,
    /// In the layer's unit.
    pub value: f64,
}

/// How a field is made from samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Idw {
    /// Exponent of the inverse distance, usually 2.
    pub power: f64,
    /// Beyond this distance from every sample nothing is known, metres.
    pub reach_m: f64,
}

/// What is known of one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// In the layer's unit.
    pub value: f64,
    /// Distance to the nearest sample, metres.
    pub nearest_m: f64,
}

/// Samples nearer than this count as standing here: the weight would grow without bound, metres.
pub const NEAR_M: f64 = 1.0;

impl Idw {
    /// Inverse distance weighting (Shepard 1968) over all samples.
    ///
    /// `None` without samples or when all are out of reach.
    pub fn at(&self, place_m: DVec2, samples: &[Sample]) -> Option<Estimate> {
        let (mut sum, mut weights, mut nearest_m) = (0.0, 0.0, f64::INFINITY);
        for s in samples {
            let d = place_m.distance(s.at_m).max(NEAR_M);
            let w = d.powf(-self.power);
            sum += w * s.value;
            weights += w;
            nearest_m = nearest_m.min(d);
        }
        (nearest_m <= self.reach_m).then(|| Estimate { value: sum / weights, nearest_m })
    }

    /// Root mean square of the error made when each sample is estimated from all others, in the layer's unit: what the legend shows.
    ///
    /// `None` with fewer than three samples.
    pub fn leave_one_out_rmse(&self, samples: &[Sample]) -> Option<f64> {
        if samples.len() < 3 {
            return None;
        }
        let mut others = samples.to_vec();
        let mut sum = 0.0;
        for i in 0..samples.len() {
            let left_out = others.swap_remove(i);
            let everywhere = Idw { reach_m: f64::INFINITY, ..*self };
            let e = everywhere.at(samples[i].at_m, &others).map_or(0.0, |e| e.value - samples[i].value);
            sum += e * e;
            // Back to its place, so that index i stays sample i.
            others.push(left_out);
            others.swap(i, samples.len() - 1);
        }
        Some((sum / samples.len() as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(x: f64, y: f64, value: f64) -> Sample {
        Sample { at_m: DVec2::new(x, y), value }
    }

    #[test]
    fn at_a_sensor_the_field_is_its_reading_and_out_of_reach_it_is_nothing() {
        let idw = Idw { power: 2.0, reach_m: 500.0 };
        let s = [sample(0.0, 0.0, 10.0), sample(1_000.0, 0.0, 30.0)];
        let here = idw.at(DVec2::ZERO, &s).unwrap();
        assert!((here.value - 10.0).abs() < 0.001);
        assert_eq!(idw.at(DVec2::new(0.0, 2_000.0), &s), None);
        assert_eq!(idw.at(DVec2::ZERO, &[]), None);
        assert!((idw.at(DVec2::new(500.0, 0.0), &s).unwrap().value - 20.0).abs() < 1e-9);
    }

    #[test]
    fn readings_that_agree_leave_no_error() {
        let idw = Idw { power: 2.0, reach_m: 500.0 };
        let even: Vec<_> = (0..5).map(|i| sample(f64::from(i) * 100.0, 0.0, 7.0)).collect();
        assert!(idw.leave_one_out_rmse(&even).unwrap() < 1e-12);
        assert_eq!(idw.leave_one_out_rmse(&even[..2]), None);
    }

    proptest! {
        #[test]
        fn an_estimate_lies_between_the_least_and_the_greatest_reading(
            readings in prop::collection::vec((-5e3..5e3f64, -5e3..5e3f64, -50.0..500.0f64), 1..20), x in -5e3..5e3f64, y in -5e3..5e3f64
        ) {
            let s: Vec<_> = readings.iter().map(|&(x, y, v)| sample(x, y, v)).collect();
            let e = Idw { power: 2.0, reach_m: f64::INFINITY }.at(DVec2::new(x, y), &s).unwrap();
            let (lo, hi) = s.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s.value), h.max(s.value)));
            prop_assert!(e.value >= lo - 1e-9 && e.value <= hi + 1e-9);
        }
    }
}
