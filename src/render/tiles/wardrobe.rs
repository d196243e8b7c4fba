//! Pictures of tiles on the graphics device, each tile's as one texture with a material of its own.

use super::look::{SharedMaterial, Worn};
use super::mesh::Pictures;
use crate::render::clip::{CityClip, ClipPicture, ClipUniform};
use crate::render::environment::Environment;
use crate::render::heat::HeatTextures;
use crate::render::light::HolesSeen;
use crate::render::material::TexturedMaterial;
use crate::tiles::TileTexture;
use bevy::asset::RenderAssetUsages;
use bevy::ecs::system::SystemParam;
use bevy::image::{ImageAddressMode, ImageSampler, ImageSamplerDescriptor};
use bevy::prelude::*;
use bevy::render::render_resource::{
    Extent3d, TextureDescriptor, TextureDimension, TextureFormat, TextureUsages, TextureViewDescriptor, TextureViewDimension,
};
use bevy::render::renderer::RenderAdapterInfo;
use bevy::render::storage::ShaderBuffer;

/// Samples along a slanted wall or street: without them its picture blurs where it is seen edge on. Not on software rasterisers: there they
/// cost most of a frame, and llvmpipe (Mesa 22) drops columns of pixels with them.
const ANISOTROPY: u16 = 4;

/// The buffer of light and colours that all textured tiles read.
#[derive(Resource)]
struct SharedLight(Handle<ShaderBuffer>);

/// Adds the buffer and keeps it up to date.
pub(super) fn build(app: &mut App) {
    app.add_systems(Startup, make_light).add_systems(PostUpdate, light);
}

fn make_light(mut commands: Commands, environment: Res<Environment>, mut buffers: ResMut<Assets<ShaderBuffer>>) {
    commands.insert_resource(SharedLight(buffers.add(ShaderBuffer::from(*environment))));
}

fn light(environment: Res<Environment>, shared: Res<SharedLight>, mut buffers: ResMut<Assets<ShaderBuffer>>) {
    // The same length: it is written in place.
    if environment.is_changed() && buffers.insert(&shared.0, ShaderBuffer::from(*environment)).is_err() {
        tracing::error!("the light buffer is gone");
    }
}

/// What makes materials for tiles that wear pictures.
#[derive(SystemParam)]
pub(super) struct Wardrobe<'w> {
    light: Res<'w, SharedLight>,
    heat: Res<'w, HeatTextures>,
    environment: Res<'w, Environment>,
    clip: Res<'w, CityClip>,
    holes: ResMut<'w, HolesSeen>,
    clip_picture: Res<'w, ClipPicture>,
    images: ResMut<'w, Assets<Image>>,
    materials: ResMut<'w, Assets<TexturedMaterial>>,
    adapter: Option<Res<'w, RenderAdapterInfo>>,
}

impl Wardrobe<'_> {
    /// A material with a mesh's pictures; `None` where they are gone.
    pub(super) fn dress(
        &mut self,
        Pictures { texture, repeats, holes }: &Pictures,
        worn: Worn,
        shared: &SharedMaterial,
    ) -> Option<Handle<TexturedMaterial>> {
        let hardware = self.adapter.as_ref().is_none_or(|a| format!("{:?}", a.device_type) != "Cpu");
        let pictures = image(texture, *repeats, hardware)?;
        self.holes.0 |= holes;
        Some(self.materials.add(TexturedMaterial {
            environment: self.light.0.clone(),
            features: shared.buffer.clone(),
            right_tints: shared.right.clone(),
            heat_field: self.heat.field.clone(),
            heat_ramp: self.heat.ramp.clone(),
            pictures: self.images.add(pictures),
            clip: ClipUniform::from(&*self.clip),
            clip_picture: self.clip_picture.0.clone(),
            clipped: self.clip.is_active(),
            two_sided: worn.two_sided,
            fading: worn.fading,
            holes: *holes,
            wet: worn.wet,
            heated: self.environment.is_heated(),
            compared: self.environment.is_compared(),
        }))
    }

    /// Has pixels of a tile asked whether they are left out, or not.
    pub(super) fn set_fading(&mut self, material: &Handle<TexturedMaterial>, fading: bool) {
        // A write makes the bindings anew.
        if self.materials.get(material).is_some_and(|m| m.fading != fading)
            && let Some(mut material) = self.materials.get_mut(material)
        {
            material.fading = fading;
        }
    }
}

fn image(texture: &TileTexture, repeats: bool, hardware: bool) -> Option<Image> {
    let data = texture.take();
    if data.len() != texture.bytes() {
        tracing::error!("a tile's pictures were taken before; it is drawn in plain colours");
        return None;
    }
    // Pictures that end don't bleed from one edge into the other.
    let mode = if repeats { ImageAddressMode::Repeat } else { ImageAddressMode::ClampToEdge };
    let mut sampler = ImageSamplerDescriptor { address_mode_u: mode, address_mode_v: mode, ..ImageSamplerDescriptor::linear() };
    if hardware {
        sampler.set_anisotropic_filter(ANISOTROPY);
    }
    Some(Image {
        data: Some(data),
        texture_descriptor: TextureDescriptor {
            label: None,
            size: Extent3d { width: texture.width, height: texture.height, depth_or_array_layers: texture.layers },
            mip_level_count: texture.levels,
            sample_count: 1,
            dimension: TextureDimension::D2,
            format: TextureFormat::Rgba8UnormSrgb,
            usage: TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST,
            view_formats: &[],
        },
        sampler: ImageSampler::Descriptor(sampler),
        texture_view_descriptor: Some(TextureViewDescriptor { dimension: Some(TextureViewDimension::D2Array), ..default() }),
        asset_usage: RenderAssetUsages::RENDER_WORLD,
        ..default()
    })
}
