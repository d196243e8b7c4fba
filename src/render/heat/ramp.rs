//! The colour ramp of heat layers: perceptually even and safe for colour-blind eyes.

use bevy::asset::RenderAssetUsages;
use bevy::image::{ImageSampler, ImageSamplerDescriptor};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};

/// Nine stops of "inferno" (Smith and van der Walt, matplotlib 2.0, CC0), from 0.10 up so that its dark end still shows on a dark city. sRGB.
const STOPS: [[u8; 3]; 9] = [
    [36, 12, 79],
    [78, 15, 109],
    [118, 27, 109],
    [158, 42, 99],
    [196, 60, 78],
    [228, 90, 49],
    [247, 132, 16],
    [250, 182, 30],
    [243, 233, 121],
];

/// Colour at `u` (0..1) as sRGB bytes.
pub fn ramp_colour(u: f32) -> [u8; 3] {
    let x = u.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let i = (x as usize).min(STOPS.len() - 2);
    let f = x - i as f32;
    std::array::from_fn(|c| (f32::from(STOPS[i][c]) * (1.0 - f) + f32::from(STOPS[i + 1][c]) * f).round() as u8)
}

pub(super) fn ramp_image() -> Image {
    let width = 256;
    let data = (0..width)
        .flat_map(|i| {
            let [r, g, b] = ramp_colour(i as f32 / (width - 1) as f32);
            [r, g, b, 255]
        })
        .collect();
    let size = Extent3d { width, height: 1, depth_or_array_layers: 1 };
    let mut image = Image::new(size, TextureDimension::D2, data, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor::linear());
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gets_lighter_all_the_way() {
        let light = |u| {
            let [r, g, b] = ramp_colour(u).map(f32::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        assert!((0..100).all(|i| light((i + 1) as f32 / 100.0) > light(i as f32 / 100.0)));
    }
}
