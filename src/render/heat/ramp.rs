//! The colour ramp of heat layers: perceptually even and safe for colour-blind eyes.

use crate::model::styling::Ramp;
use bevy::asset::RenderAssetUsages;
use bevy::image::{ImageSampler, ImageSamplerDescriptor};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat, TextureUsages};

pub(super) const RAMP_WIDTH: u32 = 256;

/// The standing ramp of heat ("inferno", Smith and van der Walt, matplotlib 2.0, CC0) at `u` (0..1) as sRGB bytes.
pub fn ramp_colour(u: f32) -> [u8; 3] {
    heat_colour(Ramp::Inferno, u)
}

/// A heat ramp at `u` (0..1) as sRGB bytes.
pub fn heat_colour(ramp: Ramp, u: f32) -> [u8; 3] {
    ramp.of_heat(f64::from(u)).0
}

/// The ramp's texels, RGBA8.
pub(super) fn ramp_bytes(ramp: Ramp) -> Vec<u8> {
    (0..RAMP_WIDTH)
        .flat_map(|i| {
            let [r, g, b] = heat_colour(ramp, i as f32 / (RAMP_WIDTH - 1) as f32);
            [r, g, b, 255]
        })
        .collect()
}

pub(super) fn ramp_image() -> Image {
    let size = Extent3d { width: RAMP_WIDTH, height: 1, depth_or_array_layers: 1 };
    let data = ramp_bytes(Ramp::Inferno);
    let mut image = Image::new(size, TextureDimension::D2, data, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage = TextureUsages::COPY_DST | TextureUsages::TEXTURE_BINDING;
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
