//! Heat layers: a field sampled over the ground and draped on whatever stands there.
//!
//! Add [`HeatPlugin`]; write [`HeatLayer`]. Inverse distance over all sensors is computed by `shaders/heat.wgsl`, held to [`crate::heat`]
//! by a test; every other field comes computed. Never here: sockets, files, which sensor belongs to which layer (the screens choose).

mod compute;
mod ramp;

pub use ramp::{heat_colour, ramp_colour};

use super::environment::Environment;
use crate::heat::{LEVELS_MAX, Levels, Sample, Texel};
use crate::model::scale::Scale;
use crate::model::styling::Ramp;
use bevy::asset::RenderAssetUsages;
use bevy::image::{ImageAddressMode, ImageSampler, ImageSamplerDescriptor};
use bevy::math::{DVec2, DVec3};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat, TextureUsages};
use std::sync::Arc;

/// The field that is shown. One at a time: two draped colours can't be told apart.
#[derive(Resource, Clone, Debug, PartialEq)]
pub struct HeatLayer {
    pub shown: bool,
    /// South-west corner and size of the area covered, metres from the anchor.
    pub origin_m: DVec2,
    pub size_m: DVec2,
    /// Where values stand on the ramp. Fixed, so that two times compare.
    pub scale: Scale,
    pub ramp: Ramp,
    pub field: Field,
    /// At which heights the field is told; they share its texture.
    pub levels: Levels,
}

/// What the field is made of.
#[derive(Clone, Debug)]
pub enum Field {
    /// Inverse distance over all of the samples, computed on the device.
    Samples {
        samples: Vec<Sample>,
        /// Where sensors stand that are left out: hatched around.
        left_out_m: Vec<DVec3>,
        power: f32,
        /// Beyond this distance from every sensor the layer is hatched instead of coloured, metres.
        reach_m: f32,
    },
    /// Computed on the processor (kriging, densities, areas): [`FIELD_SIZE`] squared, row by row from the south-west, or several levels beside
    /// each other.
    Texels(Arc<Vec<Texel>>),
}

impl PartialEq for Field {
    /// Of a computed field it is asked whether it is the same one, not whether a million numbers are alike.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Texels(a), Self::Texels(b)) => Arc::ptr_eq(a, b),
            (
                Self::Samples { samples, left_out_m, power, reach_m },
                Self::Samples { samples: samples_b, left_out_m: left_out_b, power: power_b, reach_m: reach_b },
            ) => samples == samples_b && left_out_m == left_out_b && power == power_b && reach_m == reach_b,
            _ => false,
        }
    }
}

impl Default for HeatLayer {
    fn default() -> Self {
        let field = Field::Texels(Arc::default());
        Self {
            shown: false,
            origin_m: DVec2::ZERO,
            size_m: DVec2::ONE,
            scale: Scale::default(),
            ramp: Ramp::Inferno,
            field,
            levels: Levels::flat(FIELD_SIZE),
        }
    }
}

/// Texels along each side. 512 keeps a 40 km city under 80 m a texel, finer than sensors stand apart.
pub const FIELD_SIZE: u32 = 512;
/// Most samples the device takes, those left out included; a layer with more is computed on the processor ([`crate::heat::Layer`]).
pub const SAMPLES_MAX: usize = crate::heat::OVER_ALL_MAX;

/// The textures the city samples.
#[derive(Resource, Clone)]
pub struct HeatTextures {
    pub field: Handle<Image>,
    pub ramp: Handle<Image>,
}

/// Computes the field when [`HeatLayer`] changes and lays it over the city.
pub struct HeatPlugin;

impl Plugin for HeatPlugin {
    fn build(&self, app: &mut App) {
        let mut images = app.world_mut().resource_mut::<Assets<Image>>();
        let textures = HeatTextures { field: images.add(field_image()), ramp: images.add(ramp::ramp_image()) };
        app.insert_resource(textures).init_resource::<HeatLayer>().add_systems(PostUpdate, lay_over);
        compute::build(app);
    }
}

fn field_image() -> Image {
    let size = Extent3d { width: FIELD_SIZE, height: FIELD_SIZE, depth_or_array_layers: 1 };
    let mut image = Image::new_fill(size, TextureDimension::D2, &[0; 8], TextureFormat::Rgba16Float, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage =
        TextureUsages::COPY_DST | TextureUsages::COPY_SRC | TextureUsages::STORAGE_BINDING | TextureUsages::TEXTURE_BINDING;
    image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor {
        address_mode_u: ImageAddressMode::ClampToEdge,
        address_mode_v: ImageAddressMode::ClampToEdge,
        ..ImageSamplerDescriptor::linear()
    });
    image
}

fn lay_over(layer: Res<HeatLayer>, mut environment: ResMut<Environment>) {
    if !layer.is_changed() {
        return;
    }
    let mut to = *environment;
    let (o, s) = (layer.origin_m.as_vec2(), layer.size_m.as_vec2().max(Vec2::ONE));
    to.heat_extent = Vec4::new(o.x, o.y, 1.0 / s.x, 1.0 / s.y);
    // LOOK.md: at most 70 % on the ground, 50 % on walls; the city under a layer goes 30 % less saturated.
    let heights = layer.levels.heights_m();
    let levels = if layer.shown { heights.len().min(LEVELS_MAX) } else { 0 };
    to.heat_levels =
        std::array::from_fn(|v| Vec4::from_array(std::array::from_fn(|i| heights.get(4 * v + i).map_or(f32::MAX, |h| *h as f32))));
    to.heat = Vec4::new(levels as f32, 0.62, 0.45, layer.scale.classes() as f32);
    to.ground.w = if layer.shown { 0.7 } else { 1.0 };
    environment.set_if_neq(to);
}
