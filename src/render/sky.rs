//! Sky and the ground beyond the data: one triangle behind everything.

use super::environment::Environment;
use super::heat::HeatTextures;
use super::material::SkyMaterial;
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::NoFrustumCulling;
use bevy::mesh::PrimitiveTopology;
use bevy::pbr::MeshMaterial3d;
use bevy::prelude::*;

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
    ));
}

fn colour_sky(environment: Res<Environment>, mut materials: ResMut<Assets<SkyMaterial>>) {
    if environment.is_changed() {
        for (_, material) in materials.iter_mut() {
            material.environment = *environment;
        }
    }
}
