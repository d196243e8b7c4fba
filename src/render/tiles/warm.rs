//! Has the pipelines that tiles change between made before any tile needs them. In a window pipelines are compiled beside the picture, and what waits for one
//! is not drawn: a tile that comes near, or begins to fade, would be gone for some frames.
//!
//! A face without an area is drawn with each of the materials that tiles share until all are there, at the start and whenever what is shown asks for others.

use super::look::{SharedMaterial, Worn};
use super::picking::Compiling;
use crate::render::clip::CityClip;
use crate::render::environment::Environment;
use crate::render::material::{ATTRIBUTE_COLOUR, ATTRIBUTE_FACADE_STEPS, ATTRIBUTE_PACKED, ATTRIBUTE_PLACE};
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::NoFrustumCulling;
use bevy::mesh::{Indices, MeshTag, PrimitiveTopology, VertexAttributeValues};
use bevy::prelude::*;
use bevy::render::RenderPlugin;

/// Frames until the renderer has asked for what is drawn: materials are written that often after a change, see [`crate::render::clip`].
const FRAMES_MIN: u32 = 5;

/// What is drawn for its pipelines alone.
#[derive(Default)]
struct Warming {
    /// What the pipelines were made for: heat, a line of comparison, a cut.
    shown: Option<[bool; 3]>,
    faces: Vec<Entity>,
    frames: u32,
}

pub(super) fn build(app: &mut App) {
    if app.get_added_plugins::<RenderPlugin>().iter().any(|p| !p.synchronous_pipeline_compilation) {
        app.add_systems(PostUpdate, warm);
    }
}

fn warm(
    mut commands: Commands,
    (environment, clip, compiling): (Res<Environment>, Res<CityClip>, Res<Compiling>),
    shared: Res<SharedMaterial>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut warming: Local<Warming>,
) {
    let shows = [environment.is_heated(), environment.is_compared(), clip.is_active()];
    if warming.shown.replace(shows) != Some(shows) {
        let mesh = Mesh3d(meshes.add(face()));
        let faces = Worn::all().map(|worn| {
            commands.spawn((mesh.clone(), MeshTag(0), MeshMaterial3d(shared.of(worn)), Transform::default(), NoFrustumCulling)).id()
        });
        warming.faces.extend(faces);
        warming.frames = 0;
    }
    warming.frames += 1;
    if warming.frames > FRAMES_MIN && compiling.count() == 0 {
        warming.faces.drain(..).for_each(|face| commands.entity(face).despawn());
    }
}

/// In the layout of a tile that is small enough for it, as all of a city package are.
fn face() -> Mesh {
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(ATTRIBUTE_PLACE, VertexAttributeValues::Uint16x4(vec![[0; 4]; 3]))
        .with_inserted_attribute(ATTRIBUTE_PACKED, VertexAttributeValues::Uint32(vec![0; 3]))
        .with_inserted_attribute(ATTRIBUTE_FACADE_STEPS, VertexAttributeValues::Sint16x2(vec![[0; 2]; 3]))
        .with_inserted_attribute(ATTRIBUTE_COLOUR, VertexAttributeValues::Unorm8x4(vec![[0; 4]; 3]))
        .with_inserted_indices(Indices::U32(vec![0; 3]))
}
