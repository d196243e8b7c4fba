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
    /// Tints right of the line of comparison.
    pub(super) right: Handle<ShaderBuffer>,
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
    let [buffer, right] = [FeatureStates::default().buffer(), FeatureStates::default().right_buffer()].map(|b| buffers.add(b));
    let mut material = |two_sided, fading| {
        materials.add(CityMaterial {
            environment: *environment,
            features: buffer.clone(),
            right_tints: right.clone(),
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
    commands.insert_resource(SharedMaterial { standing, fading, buffer, right });
}

fn upload_states(
    mut states: ResMut<FeatureStates>,
    shared: Res<SharedMaterial>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    mut uploaded: Local<[usize; 2]>,
) {
    if !states.dirty {
        return;
    }
    states.dirty = false;
    let mut put = |handle: &Handle<ShaderBuffer>, buffer: ShaderBuffer| {
        let bytes = buffer.data.as_ref().map_or(0, Vec::len);
        if buffers.insert(handle, buffer).is_err() {
            tracing::error!("a buffer of feature states is gone");
        }
        bytes
    };
    let states_bytes = put(&shared.buffer, states.buffer());
    // While nothing is compared there is nothing to write but once, when that ends.
    let [_, before] = *uploaded;
    let right_bytes = if states.is_comparing() || before > 0 { put(&shared.right, states.right_buffer()) } else { 0 };
    let now = [states_bytes, if states.is_comparing() { right_bytes } else { 0 }];
    // The binding holds the old buffer until its material is prepared again, and only a write counts as a change.
    for handle in shared.all() {
        if let Some(mut material) = materials.get_mut(handle) {
            (material.features, material.right_tints) = (shared.buffer.clone(), shared.right.clone());
        }
    }
    // A buffer of the same length is written in place; only a new one has to be bound again, by each tile with pictures.
    if std::mem::replace(&mut *uploaded, now) != now {
        for (_, material) in textured.iter_mut() {
            (material.features, material.right_tints) = (shared.buffer.clone(), shared.right.clone());
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
