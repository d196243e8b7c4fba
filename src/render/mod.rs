//! Bevy plugins that draw the city: tiles, material, sky, heat, camera, picking. Floor 3: no sockets, no files.
//!
//! [`CityRenderPlugins`] adds all of them; insert [`camera::SceneFrame`], [`camera::OrbitCamera`] and [`environment::Environment`] first.

pub mod camera;
pub mod clip;
pub mod direct;
pub mod environment;
pub mod heat;
pub mod inset;
pub mod light;
pub mod material;
pub mod order;
pub mod sky;
pub mod tiles;
pub mod unused;

use bevy::app::{PluginGroup, PluginGroupBuilder};

/// Everything that draws the city.
pub struct CityRenderPlugins;

impl PluginGroup for CityRenderPlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(material::CityMaterialPlugin)
            .add(heat::HeatPlugin)
            .add(camera::CityCameraPlugin)
            .add(tiles::TilesetPlugin)
            .add(inset::InsetPlugin)
            .add(clip::ClipPlugin)
            .add(light::SunPlugin)
            .add(sky::SkyPlugin)
            .add(order::NearFirst)
    }
}
