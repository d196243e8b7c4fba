//! What heights and photos share: samples too many for memory, places on Earth, TIFF and tile pyramids.
//!
//! Never here: what a sample means.

mod place;
pub(crate) mod pyramid;
mod samples;
pub(crate) mod tiff;

pub(crate) use place::{Lattice, Placement, prj_beside, world_file_beside};
pub(crate) use samples::Canvas;
pub use samples::{Samples, Scratch};

/// A sample that can be mixed from four around it.
pub(crate) trait Blend: bytemuck::Pod {
    /// Between four samples: north-west, north-east, south-west, south-east, `u` of the way east and `v` south. What is empty is left out.
    fn blend(corners: [Self; 4], u: f64, v: f64) -> Self;
}

fn weights(u: f64, v: f64) -> [f64; 4] {
    [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v]
}

/// Heights; `NaN` is empty.
impl Blend for f32 {
    fn blend(corners: [f32; 4], u: f64, v: f64) -> f32 {
        let (mut sum, mut all) = (0.0, 0.0);
        for (value, weight) in corners.into_iter().zip(weights(u, v)) {
            if weight > 0.0 && value.is_finite() {
                sum += weight * f64::from(value);
                all += weight;
            }
        }
        if all > 0.0 { (sum / all) as f32 } else { f32::NAN }
    }
}

/// Colours with opacity; transparent is empty.
impl Blend for [u8; 4] {
    fn blend(corners: [[u8; 4]; 4], u: f64, v: f64) -> [u8; 4] {
        let (mut sum, mut alpha) = ([0.0; 3], 0.0);
        for (colour, weight) in corners.into_iter().zip(weights(u, v)) {
            let weight = weight * f64::from(colour[3]);
            sum.iter_mut().zip(colour).for_each(|(s, c)| *s += weight * f64::from(c));
            alpha += weight;
        }
        if alpha <= 0.0 {
            return [0; 4];
        }
        let [r, g, b] = sum.map(|s| (s / alpha).round() as u8);
        [r, g, b, alpha.round().min(255.0) as u8]
    }
}
