//! Draws 3D Tiles: one entity, one draw call, one range of feature states a tile.
//!
//! Add [`TilesetPlugin`], then spawn as many [`Tileset`]s as you like, and despawn them:
//! ```ignore
//! let mesh = commands.spawn((Tileset { stands_for: StandsFor::Ground, ..Tileset::at("https://tiles.example/mesh/tileset.json") }, Name::new("harbour"))).id();
//! commands.entity(mesh).insert(Visibility::Hidden);   // loads nothing while hidden
//! commands.entity(mesh).despawn();                    // gives all its memory back
//! ```
//! All keep to one budget ([`TileMemory`]) and are drawn for the same views ([`TileViews`]), which stand in groups that choose apart: the picture,
//! what comes next in it, and small pictures of other cameras, each with its weight and the layer of its cameras. What becomes of tiles comes as
//! messages ([`TilesetLoaded`], [`TilesetFailed`], [`TileLoaded`], [`TileEvicted`], [`TileFailed`], [`FeaturePicked`]), as figures of each
//! ([`TilesetProgress`]) and of all together ([`CityTiles`], which also answers rays). Order systems by [`TilesetSystems`].
//!
//! It is one of [`super::CityRenderPlugins`] and needs the others: camera, light, heat and cuts say what tiles look like. A program of its own adds them all,
//! after inserting `SceneFrame`, `OrbitCamera` and `Environment` (`examples/tileset.rs` is one). [`crate::tiles`] alone needs none of it, nor Bevy. Never here:
//! which tiles are needed ([`crate::tiles`] decides).

mod city;
mod columns;
mod culling;
mod detail;
mod device_memory;
mod fade;
mod features;
mod ground;
mod lens;
mod look;
mod mesh;
mod messages;
mod names;
mod pace;
pub mod picking;
mod plain;
mod selection;
mod stream;
mod styled;
mod styling;
mod tileset;
mod views;
mod wardrobe;
mod warm;

pub use city::{CityTiles, Picked, TileRef};
pub use columns::AttributeColumn;
pub use culling::FaceCulling;
pub use detail::FarTiles;
pub use fade::TileFade;
pub use features::{FLAG_HIDDEN, FLAG_SELECTED, FeatureStates};
pub(in crate::render) use lens::HAZE_ALOFT;
pub use lens::{PosesAhead, WholeWall};
pub use messages::{FeaturePicked, TileEvicted, TileFailed, TileLoaded, TilesetFailed, TilesetLoaded};
pub use names::NamedBuilding;
pub use plain::on_plain;
pub use selection::{SelectedFeature, SelectedGroup};
pub use styled::StyledTile;
pub use styling::{CityStyling, Swipe};
pub use tileset::{OpenedTileset, StandsFor, TileMemory, Tileset, TilesetProgress};
pub use views::{LAYERS_MAX, NamedViews, PICK_LAYER, PICTURE_LAYER, TileViews};

use super::camera::CameraPlaced;
use bevy::prelude::*;
use bevy::render::RenderApp;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;

/// Opens, uploads, shows, styles, picks and forgets what every [`Tileset`] needs.
///
/// It gives every mesh of the program a buffer of its own (`MeshAllocatorSettings`). Bevy 0.19 fills such buffers in words of 32 bits, so other meshes of the
/// program with 16-bit indices need an even number of them; insert settings of your own into the render world after it to share buffers again.
pub struct TilesetPlugin;

/// What happens to tiles in `Update`, in this order, after the camera stands.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilesetSystems {
    /// The first groups of [`TileViews`] are taken from the city's camera. Write groups of your own in it, or your own views of these after it.
    Look,
    /// Tiles come, are shown and go; messages are written.
    Stream,
    /// Colours, filters and what is selected.
    Style,
    /// Picks are begun and answered.
    Pick,
}

impl Plugin for TilesetPlugin {
    fn build(&self, app: &mut App) {
        messages::build(app);
        look::build(app);
        wardrobe::build(app);
        culling::build(app);
        warm::build(app);
        app.init_resource::<CityTiles>()
            .init_resource::<TileMemory>()
            .init_resource::<TileViews>()
            .init_resource::<TileFade>()
            .init_resource::<FarTiles>()
            .init_resource::<CityStyling>()
            .init_resource::<PosesAhead>()
            .init_resource::<FeatureStates>()
            .init_resource::<SelectedFeature>()
            .init_resource::<SelectedGroup>()
            .add_observer(tileset::open)
            .add_observer(tileset::close)
            .add_plugins(picking::PickingPlugin);
        use TilesetSystems::{Look, Pick, Stream, Style};
        app.configure_sets(Update, (Look, Stream, Style, Pick).chain().after(CameraPlaced)).add_systems(
            Update,
            (
                (device_memory::fit, lens::look).chain().in_set(Look),
                (stream::stream, ground::look_down, plain::lay).chain().in_set(Stream),
                (selection::select, styling::restyle, styling::focus).chain().in_set(Style),
            ),
        );
    }

    fn finish(&self, app: &mut App) {
        let pipelined = app.is_plugin_added::<PipelinedRenderingPlugin>();
        if let Some(mut city) = app.world_mut().get_resource_mut::<CityTiles>() {
            city.pace.pipelined = pipelined;
        }
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            render.insert_resource(mesh::buffers());
        }
    }
}
