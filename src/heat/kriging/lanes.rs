//! Covariances of several cells at once, in single precision: eight to a vector.
//!
//! Written with vectors, not left to the compiler: the dev profile, which users run, makes none out of loops. What vectors the processor has is found out
//! when the program runs (`fearless_simd`): AVX2 with its fused multiply-add on nearly every machine since 2015, else SSE 4.2, Neon or plain numbers.
//! Whatever works on them must be `inline(always)`, down from `dispatch!`: a function of its own would be compiled for the oldest processor. For the same
//! reason the vectors' own functions are called by name and not through their conversions, which are no such functions.

use crate::heat::variogram::{Family, Variogram};
use fearless_simd::{Simd, f32x8};

/// Cells side by side.
pub(super) const LANES: usize = crate::heat::grid::BLOCK;
/// One number a cell, as it lies in memory.
pub(super) type Lanes = [f32; LANES];

/// A vector of numbers in memory. The crate's own way checks in every dev build that source and target do not overlap, and keeps sums out of registers.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, from: &Lanes) -> f32x8<S> {
    let mut lanes = simd.splat_f32x8(0.0);
    *simd.as_array_mut_f32x8(&mut lanes) = *from;
    lanes
}

/// A vector as it lies in memory.
#[inline(always)]
pub(super) fn stored<S: Simd>(simd: S, lanes: f32x8<S>) -> Lanes {
    *simd.as_array_ref_f32x8(&lanes)
}

/// A model as lanes use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    family: Family,
    inverse_range: f32,
    partial_sill: f32,
    sill: f32,
}

impl From<&Variogram> for Model {
    fn from(v: &Variogram) -> Self {
        let [inverse_range, partial_sill, sill] = [1.0 / v.range_m, v.partial_sill, v.sill()].map(|n| n as f32);
        Self { family: v.family, inverse_range, partial_sill, sill }
    }
}

/// Nearer than a centimetre is the sensor's own place, square metres: single precision tells no nearer.
const HERE_M2: f32 = 1e-4;

impl Model {
    /// Covariances of what is kept at squared distances; the sill at a sensor's own place, without the nugget elsewhere.
    #[inline(always)]
    pub(super) fn covariances<S: Simd>(&self, simd: S, kept: f32x8<S>, squared_m: f32x8<S>) -> f32x8<S> {
        let elsewhere = simd.simd_gt_f32x8(squared_m, simd.splat_f32x8(HERE_M2));
        simd.select_f32x8(elsewhere, kept * simd.splat_f32x8(self.partial_sill), simd.splat_f32x8(self.sill))
    }

    /// The part of the partial sill that is kept at squared distances.
    #[inline(always)]
    pub(super) fn kept<S: Simd>(&self, simd: S, squared_m: f32x8<S>) -> f32x8<S> {
        match self.family {
            Family::Spherical => {
                let x = simd.min_f32x8(simd.sqrt_f32x8(squared_m) * simd.splat_f32x8(self.inverse_range), simd.splat_f32x8(1.0));
                simd.splat_f32x8(1.0) - x * simd.mul_add_f32x8(x * x, simd.splat_f32x8(-0.5), simd.splat_f32x8(1.5))
            }
            Family::Exponential => exp_below_zero(simd, simd.sqrt_f32x8(squared_m) * simd.splat_f32x8(-3.0 * self.inverse_range)),
            Family::Gaussian => exp_below_zero(simd, squared_m * simd.splat_f32x8(-3.0 * self.inverse_range * self.inverse_range)),
        }
    }

    /// Whether what is kept at a distance is what is kept along its axes, multiplied: then a block needs it for its columns and rows and not for its cells.
    pub(super) fn is_product(&self) -> bool {
        matches!(self.family, Family::Gaussian)
    }

    pub(super) fn sill(&self) -> f32 {
        self.sill
    }
}

/// e to the power of numbers not above 0, relative error under 3e-7; below -60 it is that of -60, which is nothing.
///
/// 2^n times the series of what is left, |r| <= ln 2 / 2, to its sixth power.
#[inline(always)]
fn exp_below_zero<S: Simd>(simd: S, x: f32x8<S>) -> f32x8<S> {
    /// Adding it leaves the nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let t = simd.max_f32x8(x, simd.splat_f32x8(-60.0)) * simd.splat_f32x8(std::f32::consts::LOG2_E);
    let shifted = t + simd.splat_f32x8(ROUND);
    let r = (t - (shifted - simd.splat_f32x8(ROUND))) * simd.splat_f32x8(std::f32::consts::LN_2);
    let mut series = simd.mul_add_f32x8(r, simd.splat_f32x8(1.0 / 720.0), simd.splat_f32x8(1.0 / 120.0));
    series = simd.mul_add_f32x8(series, r, simd.splat_f32x8(1.0 / 24.0));
    series = simd.mul_add_f32x8(series, r, simd.splat_f32x8(1.0 / 6.0));
    series = simd.mul_add_f32x8(series, r, simd.splat_f32x8(0.5));
    series = simd.mul_add_f32x8(series, r, simd.splat_f32x8(1.0));
    series = simd.mul_add_f32x8(series, r, simd.splat_f32x8(1.0));
    // n as the bits of an exponent.
    let power = simd.shl_u32x8(simd.add_u32x8(simd.reinterpret_u32_f32x8(shifted), simd.splat_u32x8(127)), 23);
    series * simd.cvt_from_bytes_f32x8(simd.cvt_to_bytes_u32x8(power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heat::kriging::tests::levels;
    use fearless_simd::dispatch;

    #[test]
    fn the_short_exponential_is_the_long_one() {
        for level in levels() {
            let short = |x: Lanes| -> Lanes { dispatch!(level, simd => stored(simd, exp_below_zero(simd, load(simd, &x)))) };
            for i in 0..6_000 {
                let x = -i as f32 * 0.01;
                for short in short([x; LANES]) {
                    assert!((f64::from(short) / f64::from(x).exp() - 1.0).abs() < 4e-6, "at {x}: {short}");
                }
            }
            assert!(short([-1e9; LANES])[0] < 1e-25);
        }
    }

    #[test]
    fn covariance_is_the_sill_less_the_semivariance() {
        let families = [Family::Spherical, Family::Exponential, Family::Gaussian];
        for (family, level) in families.into_iter().flat_map(|f| levels().map(move |l| (f, l))) {
            let variogram = Variogram { family, nugget: 2.0, partial_sill: 7.0, range_m: 300.0 };
            let model = Model::from(&variogram);
            let distances = [0.0, 60.0, 180.0, 420.0, 1.0, 299.0, 301.0, 9_000.0f32];
            let of = |squared: Lanes| -> Lanes {
                dispatch!(level, simd => {
                    let squared = load(simd, &squared);
                    stored(simd, model.covariances(simd, model.kept(simd, squared), squared))
                })
            };
            let c = of(distances.map(|d| d * d));
            let expected = distances.map(|d| variogram.sill() - variogram.at(f64::from(d)));
            assert!(c.iter().zip(expected).all(|(c, e)| (f64::from(*c) - e).abs() < 1e-4), "{family:?} {level:?}: {c:?}");
        }
    }
}
