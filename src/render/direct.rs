//! Draws whose places and lengths the processor says.
//!
//! Bevy has graphics devices work out where meshes stand and which of them are drawn, which pays for many thousands of them. A city is a few hundred draws
//! at most: a software rasteriser is spared two compute shaders a view and frame, and `tiles::culling` can say how much of a tile is drawn.

use bevy::prelude::*;
use bevy::render::batching::gpu_preprocessing::{GpuPreprocessingMode, GpuPreprocessingSupport};
use bevy::render::{RenderApp, RenderStartup, init_gpu_resource};

/// Add it right after [`bevy::render::RenderPlugin`]: what draws meshes asks for the answer when it is finished itself.
pub struct DirectDrawing;

impl Plugin for DirectDrawing {
    fn build(&self, _: &mut App) {}

    fn finish(&self, app: &mut App) {
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            say(render.world_mut());
            // Bevy asks the device anew whenever it starts.
            render.add_systems(RenderStartup, say.after(init_gpu_resource::<GpuPreprocessingSupport>));
        }
    }
}

fn say(world: &mut World) {
    world.insert_resource(GpuPreprocessingSupport { max_supported_mode: GpuPreprocessingMode::None });
}
