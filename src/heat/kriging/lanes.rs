//! Covariances of several cells at once, in single precision: four to a vector of the processor, two vectors so that one works while the other waits.
//!
//! Written with vectors, not left to the compiler: the dev profile, which users run, makes none out of loops.

use crate::heat::variogram::{Family, Variogram};
use glam::Vec4;

/// Cells side by side.
pub(super) const LANES: usize = crate::heat::grid::BLOCK;
/// One number a cell.
pub(super) type Lanes = [Vec4; LANES / 4];

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
    /// Covariances at squared distances; the sill at a sensor's own place, without the nugget elsewhere.
    #[inline]
    pub(super) fn covariances(&self, squared_m: Vec4) -> Vec4 {
        self.with(self.kept(squared_m), squared_m)
    }

    /// Covariances of what is kept at squared distances.
    #[inline]
    pub(super) fn with(&self, kept: Vec4, squared_m: Vec4) -> Vec4 {
        Vec4::select(squared_m.cmpgt(Vec4::splat(HERE_M2)), kept * self.partial_sill, Vec4::splat(self.sill))
    }

    /// The part of the partial sill that is kept at squared distances.
    #[inline]
    pub(super) fn kept(&self, squared_m: Vec4) -> Vec4 {
        match self.family {
            Family::Spherical => {
                let x = (squared_m.sqrt() * self.inverse_range).min(Vec4::ONE);
                Vec4::ONE - x * (Vec4::splat(1.5) - x * x * 0.5)
            }
            Family::Exponential => exp_below_zero(squared_m.sqrt() * (-3.0 * self.inverse_range)),
            Family::Gaussian => exp_below_zero(squared_m * (-3.0 * self.inverse_range * self.inverse_range)),
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
#[inline]
fn exp_below_zero(x: Vec4) -> Vec4 {
    /// Adding it leaves the nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let t = x.max(Vec4::splat(-60.0)) * std::f32::consts::LOG2_E;
    let shifted = t + ROUND;
    let r = (t - (shifted - ROUND)) * std::f32::consts::LN_2;
    let mut series = r * (1.0 / 720.0) + 1.0 / 120.0;
    for coefficient in [1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + coefficient;
    }
    series * Vec4::from_array(shifted.to_array().map(|s| f32::from_bits(s.to_bits().wrapping_add(127) << 23)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_exponential_is_the_long_one() {
        for i in 0..6_000 {
            let x = -i as f32 * 0.01;
            let short = exp_below_zero(Vec4::splat(x)).x;
            assert!((f64::from(short) / f64::from(x).exp() - 1.0).abs() < 4e-6, "at {x}: {short}");
        }
        assert!(exp_below_zero(Vec4::splat(-1e9)).x < 1e-25);
    }

    #[test]
    fn covariance_is_the_sill_less_the_semivariance() {
        for family in [Family::Spherical, Family::Exponential, Family::Gaussian] {
            let variogram = Variogram { family, nugget: 2.0, partial_sill: 7.0, range_m: 300.0 };
            let distances = Vec4::new(0.0, 60.0, 180.0, 420.0);
            let c = Model::from(&variogram).covariances(distances * distances).to_array();
            let expected = distances.to_array().map(|d| variogram.sill() - variogram.at(f64::from(d)));
            assert!(c.iter().zip(expected).all(|(c, e)| (f64::from(*c) - e).abs() < 1e-4), "{family:?}: {c:?}");
        }
    }
}
