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
    /// Of tiles that stand, and of those that fade; each one-sided and two-sided.
    standing: [Handle<CityMaterial>; 2],
    fading: [Handle<CityMaterial>; 2],
    pub(super) buffer: Handle<ShaderBuffer>,
}

impl SharedMaterial {
    pub(super) fn of(&self, two_sided: bool, fading: bool) -> &Handle<CityMaterial> {
        let [one, two] = if fading { &self.fading } else { &self.standing };
        if two_sided { two } else { one }
    }

    pub(super) fn is_two_sided(&self, material: &Handle<CityMaterial>) -> bool {
        [&self.standing[1], &self.fading[1]].contains(&material)
    }

    fn all(&self) -> impl Iterator<Item = &Handle<CityMaterial>> {
        self.standing.iter().chain(&self.fading)
    }
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
    let mut material = |two_sided, fading| {
        materials.add(CityMaterial {
            environment: *environment,
            features: buffer.clone(),
            heat_field: heat.field.clone(),
            heat_ramp: heat.ramp.clone(),
            clip: default(),
            clip_picture: cut.0.clone(),
            clipped: false,
            two_sided,
            fading,
        })
    };
    let mut both = |fading| [material(false, fading), material(true, fading)];
    let (standing, fading) = (both(false), both(true));
    commands.insert_resource(SharedMaterial { standing, fading, buffer });
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
    for handle in shared.all() {
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
    for handle in shared.all() {
        if let Some(mut material) = materials.get_mut(handle) {
            material.environment = *environment;
        }
    }
}
