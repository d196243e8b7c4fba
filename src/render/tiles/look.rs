//! The materials that all tiles without pictures share, and the buffer of feature states that all tiles read.

use super::features::FeatureStates;
use crate::render::clip::ClipPicture;
use crate::render::environment::Environment;
use crate::render::heat::HeatTextures;
use crate::render::material::{CityMaterial, TexturedMaterial};
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;

/// The materials that all tiles without pictures share.
#[derive(Resource)]
pub(super) struct SharedMaterial {
    pub(super) one_sided: Handle<CityMaterial>,
    pub(super) two_sided: Handle<CityMaterial>,
    pub(super) buffer: Handle<ShaderBuffer>,
}

/// Adds them and keeps them up to date.
pub(super) fn build(app: &mut App) {
    app.add_systems(Startup, make_material).add_systems(PostUpdate, (upload_states, colour_city).chain());
}

fn make_material(
    mut commands: Commands,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    environment: Res<Environment>,
    heat: Res<HeatTextures>,
    cut: Res<ClipPicture>,
) {
    let buffer = buffers.add(FeatureStates::default().buffer());
    let mut material = |two_sided| {
        materials.add(CityMaterial {
            environment: *environment,
            features: buffer.clone(),
            heat_field: heat.field.clone(),
            heat_ramp: heat.ramp.clone(),
            clip: default(),
            clip_picture: cut.0.clone(),
            clipped: false,
            two_sided,
        })
    };
    let (one_sided, two_sided) = (material(false), material(true));
    commands.insert_resource(SharedMaterial { one_sided, two_sided, buffer });
}

fn upload_states(
    mut states: ResMut<FeatureStates>,
    shared: Res<SharedMaterial>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    mut uploaded: Local<usize>,
) {
    if !states.dirty {
        return;
    }
    states.dirty = false;
    let buffer = states.buffer();
    let bytes = buffer.data.as_ref().map_or(0, Vec::len);
    if buffers.insert(&shared.buffer, buffer).is_err() {
        tracing::error!("the feature state buffer is gone");
    }
    // The binding holds the old buffer until its material is prepared again, and only a write counts as a change.
    for handle in [&shared.one_sided, &shared.two_sided] {
        if let Some(mut material) = materials.get_mut(handle) {
            material.features = shared.buffer.clone();
        }
    }
    // A buffer of the same length is written in place; only a new one has to be bound again, by each tile with pictures.
    if std::mem::replace(&mut *uploaded, bytes) != bytes {
        for (_, material) in textured.iter_mut() {
            material.features = shared.buffer.clone();
        }
    }
}

fn colour_city(environment: Res<Environment>, shared: Res<SharedMaterial>, mut materials: ResMut<Assets<CityMaterial>>) {
    if !environment.is_changed() {
        return;
    }
    for handle in [&shared.one_sided, &shared.two_sided] {
        if let Some(mut material) = materials.get_mut(handle) {
            material.environment = *environment;
        }
    }
}
