//! Samples, and what is said of one place.

use glam::{DVec2, DVec3};

/// One reading at a place, metres east and north of the scene anchor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at_m: DVec2,
    /// Height above ground, in the metres aside that it counts as (see [`super::Layer`]); 0 where heights don't matter.
    pub up_m: f64,
    /// In the layer's unit.
    pub value: f64,
}

impl Sample {
    /// Its place in the space distances are measured in.
    pub fn place_m(&self) -> DVec3 {
        self.at_m.extend(self.up_m)
    }
}

/// What is known of one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// In the layer's unit.
    pub value: f64,
    /// Standard error of the estimate in the layer's unit; `None` where the method has none of its own (inverse distance).
    pub error: Option<f64>,
    /// Distance to the nearest sample, metres.
    pub nearest_m: f64,
    /// The samples behind it, the heaviest first; their weights sum to 1.
    pub shares: Vec<Share>,
}

/// How much one sample says about a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Position in the list of samples.
    pub sample: u32,
    pub weight: f64,
    pub distance_m: f64,
}

impl Estimate {
    /// Sorts by weight, whichever its sign: a sample that is screened by others may count a little below nothing.
    pub(super) fn with_heaviest_first(mut self) -> Self {
        self.shares.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.sample.cmp(&b.sample)));
        self
    }
}

/// Most samples that are left out to see how well the others tell them, and most distances that may take.
const LEFT_OUT_MAX: usize = 1_500;
const DISTANCES_MAX: usize = LEFT_OUT_MAX * 4_096;

/// Of so many samples, each which one is left out: all of them, or some spread evenly where that would take too long.
pub(super) fn one_of(samples: usize) -> usize {
    samples.div_ceil(LEFT_OUT_MAX).max(samples.saturating_mul(samples).div_ceil(DISTANCES_MAX)).max(1)
}

/// Samples of which no two stand at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distinct {
    pub samples: Vec<Sample>,
    /// For each, the position of the first that stood there in the list it came from.
    pub first: Vec<u32>,
}

/// Samples at one place become one with their mean value; what is no number is left out. Two instruments on a pole would make a kriging system
/// that has no answer.
///
/// The order is kept by first appearance. "One place" is the same cube of [`super::NEAR_M`].
pub fn distinct(samples: &[Sample]) -> Distinct {
    let mut at: std::collections::HashMap<(i64, i64, i64), usize> = std::collections::HashMap::with_capacity(samples.len());
    let mut counts: Vec<f64> = Vec::with_capacity(samples.len());
    let mut found = Distinct::default();
    for (s, position) in samples.iter().zip(0u32..).filter(|(s, _)| s.place_m().is_finite() && s.value.is_finite()) {
        let cube = (s.place_m() / super::NEAR_M).round();
        let place = *at.entry((cube.x as i64, cube.y as i64, cube.z as i64)).or_insert(counts.len());
        match (found.samples.get_mut(place), counts.get_mut(place)) {
            (Some(kept), Some(count)) => {
                *count += 1.0;
                kept.value += (s.value - kept.value) / *count;
            }
            _ => {
                counts.push(1.0);
                found.samples.push(*s);
                found.first.push(position);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_instruments_on_one_pole_count_as_their_mean_and_what_is_no_number_is_left_out() {
        let s = |x, value| Sample { at_m: DVec2::new(x, 0.0), up_m: 0.0, value };
        let merged = distinct(&[s(0.0, 10.0), s(500.0, 1.0), s(0.2, 20.0), s(f64::NAN, 3.0), s(9.0, f64::INFINITY), s(0.0, 30.0)]);
        assert_eq!(merged, Distinct { samples: vec![s(0.0, 20.0), s(500.0, 1.0)], first: vec![0, 1] });
    }
}
