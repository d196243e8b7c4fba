//! Has the pipelines that tiles change between made before any tile needs them. Where they are compiled beside the picture, what waits for one is not drawn:
//! a tile that comes near, or begins to fade, would be gone for some frames. Where the picture waits for them, one frame would take twice as long.
//!
//! A face without an area is drawn with each of the materials that tiles may share until all are there, at the start and whenever what is shown asks for others.

use super::detail::FarTiles;
use super::fade::TileFade;
use super::look::{SharedMaterial, Worn};
use super::picking::Compiling;
use crate::render::clip::CityClip;
use crate::render::environment::Environment;
use crate::render::material::{
    ATTRIBUTE_COLOUR, ATTRIBUTE_FACADE, ATTRIBUTE_FACADE_STEPS, ATTRIBUTE_FEATURE, ATTRIBUTE_PACKED, ATTRIBUTE_PLACE,
};
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::NoFrustumCulling;
use bevy::mesh::{Indices, MeshTag, PrimitiveTopology, VertexAttributeValues};
use bevy::prelude::*;

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
    app.add_systems(PostUpdate, warm);
}

fn warm(
    mut commands: Commands,
    (environment, clip, compiling): (Res<Environment>, Res<CityClip>, Res<Compiling>),
    (fade, far, shared): (Res<TileFade>, Res<FarTiles>, Res<SharedMaterial>),
    mut meshes: ResMut<Assets<Mesh>>,
    mut warming: Local<Warming>,
) {
    let shows = [environment.is_heated(), environment.is_compared(), clip.is_active()];
    if warming.shown.replace(shows) != Some(shows) {
        // Tiles with two sides are rare.
        let may_be = |worn: &Worn| !worn.two_sided && (!worn.fading || fade.seconds > 0.0) && (!worn.far || far.pixel_m.is_finite());
        let meshes = [compact(), wide()].map(|mesh| Mesh3d(meshes.add(mesh)));
        let faces = Worn::all().filter(may_be).flat_map(|worn| meshes.clone().map(|mesh| (mesh, worn))).map(|(mesh, worn)| {
            commands.spawn((mesh, MeshTag(0), MeshMaterial3d(shared.of(worn)), Transform::default(), NoFrustumCulling)).id()
        });
        warming.faces.extend(faces);
        warming.frames = 0;
    }
    warming.frames += 1;
    if warming.frames > FRAMES_MIN && compiling.count() == 0 {
        warming.faces.drain(..).for_each(|face| commands.entity(face).despawn());
    }
}

/// In the layout of a tile whose places fit into 16 bits a coordinate.
fn compact() -> Mesh {
    face()
        .with_inserted_attribute(ATTRIBUTE_PLACE, VertexAttributeValues::Uint16x4(vec![[0; 4]; 3]))
        .with_inserted_attribute(ATTRIBUTE_FACADE_STEPS, VertexAttributeValues::Sint16x2(vec![[0; 2]; 3]))
}

/// In the layout of a larger one.
fn wide() -> Mesh {
    face()
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, vec![[0.0; 3]; 3])
        .with_inserted_attribute(ATTRIBUTE_FEATURE, vec![0u32; 3])
        .with_inserted_attribute(ATTRIBUTE_FACADE, vec![[0.0; 2]; 3])
}

fn face() -> Mesh {
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(ATTRIBUTE_PACKED, vec![0u32; 3])
        .with_inserted_attribute(ATTRIBUTE_COLOUR, VertexAttributeValues::Unorm8x4(vec![[0; 4]; 3]))
        .with_inserted_indices(Indices::U32(vec![0; 3]))
}
