//! How readings differ with the distance between them: the experimental variogram (Matheron 1963) and a model fitted to it.

use super::Sample;
use rayon::prelude::*;

/// Shapes that give positive definite covariances in the plane. With `x` = distance / range, the part of the sill that is reached:
/// spherical `1.5 x - 0.5 x³` up to the range; exponential `1 - e^(-3x)`; gaussian `1 - e^(-3x²)`. The latter two reach 95 % at the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Spherical,
    Exponential,
    Gaussian,
}

/// A model: semivariance at distance h, in the square of the reading's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variogram {
    pub family: Family,
    /// Semivariance just beyond distance 0: noise of the instruments and what changes within less than sensors stand apart.
    pub nugget: f64,
    /// What is added to the nugget as distance grows.
    pub partial_sill: f64,
    /// Distance at which 95 % of the sill is reached (spherical: all of it), metres.
    pub range_m: f64,
}

/// Pairs of one distance class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Mean distance of its pairs, metres.
    pub distance_m: f64,
    /// Half the mean squared difference.
    pub semivariance: f64,
    pub pairs: u64,
}

/// Why there is no model.
#[derive(thiserror::Error, Clone, Debug, PartialEq)]
pub enum VariogramError {
    #[error("{samples} sensors are too few to say how readings differ with distance; kriging needs {SAMPLES_MIN}, use method = \"idw\"")]
    TooFew { samples: usize },
    #[error("all readings are the same or all sensors stand at one place: there is nothing to fit a variogram to; use method = \"idw\"")]
    Flat,
}

/// Fewer samples give too few pairs a class.
pub const SAMPLES_MIN: usize = 10;
/// Distance classes.
const BINS: usize = 15;
/// Pairs are taken of at most so many samples, spread over the list: two million pairs say as much as fifty million.
const SAMPLES_MAX: usize = 2_000;
/// Beyond half the largest distance pairs come from the edges only (Journel and Huijbregts 1978).
const DISTANCE_SHARE: f64 = 0.5;
/// A gaussian without any nugget makes systems that double precision can't solve; share of its sill.
const GAUSSIAN_NUGGET_MIN: f64 = 1e-3;
/// Ranges tried, evenly in the logarithm, before the best is refined.
const RANGES: usize = 48;

impl Variogram {
    /// Semivariance at a distance; 0 at distance 0.
    pub fn at(&self, distance_m: f64) -> f64 {
        if distance_m <= 0.0 { 0.0 } else { self.nugget + self.partial_sill * self.family.reached(distance_m / self.range_m) }
    }

    /// Variance of a reading about the mean: what an estimate far from every sensor is worth.
    pub fn sill(&self) -> f64 {
        self.nugget + self.partial_sill
    }

    /// The model that fits the samples best, of the three families: weighted least squares with weights N/h² (Cressie 1985 as in gstat), linear in
    /// nugget and sill, searched in the range.
    ///
    /// # Errors
    /// [`VariogramError`] where no model can be told.
    pub fn fit(samples: &[Sample]) -> Result<Self, VariogramError> {
        if samples.len() < SAMPLES_MIN {
            return Err(VariogramError::TooFew { samples: samples.len() });
        }
        Self::fit_bins(&experimental(samples))
    }

    /// As [`Variogram::fit`], to classes that are there.
    ///
    /// # Errors
    /// [`VariogramError::Flat`] when they show no difference at all.
    pub fn fit_bins(bins: &[Bin]) -> Result<Self, VariogramError> {
        let longest = bins.iter().map(|b| b.distance_m).fold(0.0, f64::max);
        if !(longest > 0.0) || !bins.iter().any(|b| b.semivariance > 0.0) {
            return Err(VariogramError::Flat);
        }
        [Family::Spherical, Family::Exponential, Family::Gaussian]
            .into_iter()
            .map(|family| best_range(family, bins, longest))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(model, _)| model)
            .ok_or(VariogramError::Flat)
    }
}

impl Family {
    /// Part of the sill reached at `x` ranges.
    pub fn reached(self, x: f64) -> f64 {
        match self {
            Self::Spherical if x >= 1.0 => 1.0,
            Self::Spherical => x * (1.5 - 0.5 * x * x),
            Self::Exponential => 1.0 - (-3.0 * x).exp(),
            Self::Gaussian => 1.0 - (-3.0 * x * x).exp(),
        }
    }
}

/// The classes of the samples' pairs up to half the largest distance; empty ones are left out.
pub fn experimental(samples: &[Sample]) -> Vec<Bin> {
    let step = samples.len().div_ceil(SAMPLES_MAX).max(1);
    let some: Vec<Sample> = samples.iter().step_by(step).filter(|s| s.place_m().is_finite() && s.value.is_finite()).copied().collect();
    let reach = DISTANCE_SHARE * largest_distance(&some);
    if !(reach > 0.0) {
        return Vec::new();
    }
    let per_metre = BINS as f64 / reach;
    let add = |mut sums: [(f64, f64, u64); BINS], i: usize| {
        for b in &some[i + 1..] {
            let distance = some[i].place_m().distance(b.place_m());
            if let Some(bin) = sums.get_mut((distance * per_metre) as usize) {
                let difference = some[i].value - b.value;
                *bin = (bin.0 + distance, bin.1 + difference * difference, bin.2 + 1);
            }
        }
        sums
    };
    let none = [(0.0, 0.0, 0u64); BINS];
    // Added in the order of the samples, whatever the number of threads: the same readings give the same model on every screen.
    let parts: Vec<[(f64, f64, u64); BINS]> =
        (0..some.len().div_ceil(64)).into_par_iter().map(|part| (part * 64..((part + 1) * 64).min(some.len())).fold(none, add)).collect();
    let whole =
        parts.iter().fold(none, |sum, part| std::array::from_fn(|i| (sum[i].0 + part[i].0, sum[i].1 + part[i].1, sum[i].2 + part[i].2)));
    let bin = |(distance, squares, pairs): (f64, f64, u64)| {
        let n = pairs as f64;
        (pairs > 0 && distance > 0.0).then(|| Bin { distance_m: distance / n, semivariance: 0.5 * squares / n, pairs })
    };
    whole.into_iter().filter_map(bin).collect()
}

/// Diagonal of the samples' bounding box, metres.
fn largest_distance(samples: &[Sample]) -> f64 {
    let Some(first) = samples.first() else { return 0.0 };
    let (low, high) = samples.iter().fold((first.place_m(), first.place_m()), |(l, h), s| (l.min(s.place_m()), h.max(s.place_m())));
    low.distance(high)
}

/// The model of a family with the least weighted squares, and their sum.
fn best_range(family: Family, bins: &[Bin], longest_m: f64) -> (Variogram, f64) {
    let (low, high) = ((longest_m * 0.02).ln(), (longest_m * 3.0).ln());
    let at = |t: f64| best_sills(family, bins, t.exp());
    let step = (high - low) / (RANGES - 1) as f64;
    let coarse = (0..RANGES).map(|i| low + step * i as f64).min_by(|a, b| at(*a).1.total_cmp(&at(*b).1)).unwrap_or(low);
    // Golden section around the best of the coarse ones.
    let (mut a, mut b) = (coarse - step, coarse + step);
    const GOLDEN: f64 = 0.618_033_988_749_895;
    for _ in 0..32 {
        let (c, d) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
        if at(c).1 < at(d).1 { b = d } else { a = c }
    }
    at(0.5 * (a + b))
}

/// Nugget and partial sill, neither below 0, with the least weighted squares for a given range.
fn best_sills(family: Family, bins: &[Bin], range_m: f64) -> (Variogram, f64) {
    let rows =
        bins.iter().map(|b| (b.pairs as f64 / (b.distance_m * b.distance_m), family.reached(b.distance_m / range_m), b.semivariance));
    let (mut w, mut wg, mut wgg, mut ws, mut wgs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (weight, g, s) in rows.clone() {
        w += weight;
        wg += weight * g;
        wgg += weight * g * g;
        ws += weight * s;
        wgs += weight * g * s;
    }
    let least = if family == Family::Gaussian { GAUSSIAN_NUGGET_MIN } else { 0.0 };
    let determinant = w * wgg - wg * wg;
    let free = ((wgg * ws - wg * wgs) / determinant, (w * wgs - wg * ws) / determinant);
    let only_sill = || {
        // Nugget a fixed share of the sill: one unknown left.
        let (num, den) = (wgs + least * ws, wgg + 2.0 * least * wg + least * least * w);
        let sill = (num / den).max(0.0);
        (least * sill, sill)
    };
    let (nugget, partial_sill) = match free {
        (n, s) if n.is_finite() && s >= 0.0 && n >= least * s => (n, s),
        (n, s) if n.is_finite() && s < 0.0 => (ws / w, 0.0),
        _ => only_sill(),
    };
    let squares = rows.map(|(weight, g, s)| weight * (nugget + partial_sill * g - s).powi(2)).sum();
    (Variogram { family, nugget, partial_sill, range_m }, squares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec2;
    use proptest::prelude::*;

    #[test]
    fn two_classes_are_the_mean_of_their_pairs() {
        let s = |x: f64, value: f64| Sample { at_m: DVec2::new(x, 0.0), up_m: 0.0, value };
        let bins = experimental(&[s(0.0, 1.0), s(10.0, 3.0), s(20.0, 3.0), s(300.0, 0.0)]);
        let near: Vec<&Bin> = bins.iter().filter(|b| b.distance_m < 100.0).collect();
        // 10 m: (0-10), (10-20); 20 m: (0-20); one class of 10 m a class of half of 300 m.
        let pairs: Vec<(f64, f64, u64)> = near.iter().map(|b| (b.distance_m, b.semivariance, b.pairs)).collect();
        assert_eq!(pairs, [(10.0, 1.0, 2), (20.0, 2.0, 1)]);
    }

    #[test]
    fn readings_that_are_all_alike_or_too_few_have_no_model_and_the_error_says_what_to_do() {
        let s: Vec<Sample> = (0..12).map(|i| Sample { at_m: DVec2::new(f64::from(i), 0.0), up_m: 0.0, value: 4.0 }).collect();
        assert_eq!(Variogram::fit(&s), Err(VariogramError::Flat));
        assert!(Variogram::fit(&s[..9]).unwrap_err().to_string().contains("idw"));
        let one_place: Vec<Sample> = (0..12).map(|i| Sample { at_m: DVec2::ONE, up_m: 0.0, value: f64::from(i) }).collect();
        assert_eq!(Variogram::fit(&one_place), Err(VariogramError::Flat));
    }

    proptest! {
        #[test]
        fn classes_of_a_model_give_the_model_back(
            which in 0usize..3, nugget in 0.0..4.0f64, partial_sill in 2.0..50.0f64, range_m in 500.0..2_000.0f64
        ) {
            // Three classes lie within the shortest range: with fewer a model has more unknowns than there are classes that tell of them.
            let family = [Family::Spherical, Family::Exponential, Family::Gaussian][which];
            let nugget = if family == Family::Gaussian { nugget + 0.1 } else { nugget };
            let truth = Variogram { family, nugget, partial_sill, range_m };
            let bins: Vec<Bin> = (1..=15).map(|i| f64::from(i) * 150.0)
                .map(|h| Bin { distance_m: h, semivariance: truth.at(h), pairs: 100 }).collect();
            let fitted = Variogram::fit_bins(&bins).unwrap();
            prop_assert_eq!(fitted.family, family);
            for h in [50.0, 400.0, 1_500.0] {
                prop_assert!((fitted.at(h) - truth.at(h)).abs() < 0.02 * truth.sill(), "{:?} for {:?} at {}", fitted, truth, h);
            }
        }

        #[test]
        fn a_model_is_0_at_0_and_never_falls(nugget in 0.0..9.0f64, partial_sill in 0.0..9.0f64, range_m in 1.0..9e3f64, a in 0.0..2e4f64, b in 0.0..2e4f64) {
            for family in [Family::Spherical, Family::Exponential, Family::Gaussian] {
                let model = Variogram { family, nugget, partial_sill, range_m };
                prop_assert_eq!(model.at(0.0), 0.0);
                prop_assert!(model.at(a.min(b)) <= model.at(a.max(b)) && model.at(a) <= model.sill() + 1e-12);
            }
        }
    }
}
