//! Sky and the ground beyond the data: one triangle behind everything.

use super::environment::Environment;
use super::heat::HeatTextures;
use super::material::SkyMaterial;
use super::tiles::{LAYERS_MAX, PICTURE_LAYER};
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::mesh::PrimitiveTopology;
use bevy::pbr::MeshMaterial3d;
use bevy::prelude::*;

/// Rendering layer of cameras beside the picture's that see the sky too.
pub const SKY_LAYER: usize = LAYERS_MAX - 1;

/// Draws the sky of the current [`Environment`].
pub struct SkyPlugin;

impl Plugin for SkyPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Startup, spawn_sky).add_systems(PostUpdate, colour_sky);
    }
}

fn spawn_sky(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<SkyMaterial>>,
    environment: Res<Environment>,
    heat: Res<HeatTextures>,
) {
    let material = SkyMaterial { environment: *environment, heat_field: heat.field.clone(), heat_ramp: heat.ramp.clone() };
    let screen = vec![[-1.0f32, -1.0, 0.0], [3.0, -1.0, 0.0], [-1.0, 3.0, 0.0]];
    let mesh = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, screen);
    commands.spawn((
        Name::new("sky"),
        Mesh3d(meshes.add(mesh)),
        MeshMaterial3d(materials.add(material)),
        Transform::IDENTITY,
        NoFrustumCulling,
        RenderLayers::from_layers(&[PICTURE_LAYER, SKY_LAYER]),
    ));
}

fn colour_sky(environment: Res<Environment>, mut materials: ResMut<Assets<SkyMaterial>>) {
    if environment.is_changed() {
        for (_, material) in materials.iter_mut() {
            material.environment = *environment;
        }
    }
}
