//! The materials that all tiles without pictures share, and the buffer of feature states that all tiles read.

use super::features::FeatureStates;
use crate::render::clip::{ClipPicture, WRITES};
use crate::render::environment::Environment;
use crate::render::heat::HeatTextures;
use crate::render::material::{CityMaterial, TexturedMaterial};
use bevy::camera::visibility::VisibilitySystems;
use bevy::platform::collections::HashSet;
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;

/// The materials that all tiles without pictures share.
#[derive(Resource)]
pub(super) struct SharedMaterial {
    /// By [`Worn::number`].
    all: Vec<Handle<CityMaterial>>,
    pub(super) buffer: Handle<ShaderBuffer>,
    /// Tints right of the line of comparison.
    pub(super) right: Handle<ShaderBuffer>,
}

/// What of a tile's mesh chooses how it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worn {
    pub(super) two_sided: bool,
    /// It has water.
    pub(super) wet: bool,
    pub(super) fading: bool,
    /// See `detail`.
    pub(super) far: bool,
}

impl Worn {
    /// All there are, by number.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..16).map(|n| Self { two_sided: n & 1 != 0, wet: n & 2 != 0, fading: n & 4 != 0, far: n & 8 != 0 })
    }

    fn number(self) -> usize {
        usize::from(self.two_sided) | usize::from(self.wet) << 1 | usize::from(self.fading) << 2 | usize::from(self.far) << 3
    }
}

impl SharedMaterial {
    pub(super) fn of(&self, worn: Worn) -> Handle<CityMaterial> {
        self.all.get(worn.number()).cloned().unwrap_or_default()
    }

    pub(super) fn is_two_sided(&self, material: &Handle<CityMaterial>) -> bool {
        Worn::all().zip(&self.all).any(|(worn, one)| worn.two_sided && one == material)
    }
}

/// Frames in a row in which materials are written after a buffer was replaced: a material that is prepared before its buffer binds the old one.
const BINDS: u32 = 2;

/// Adds them and keeps them up to date.
pub(super) fn build(app: &mut App) {
    let colour = colour_city.after(VisibilitySystems::CheckVisibility);
    app.add_systems(Startup, make_material).add_systems(PostUpdate, (upload_states, colour).chain());
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
    let material = |worn: Worn| {
        materials.add(CityMaterial {
            environment: *environment,
            features: buffer.clone(),
            right_tints: right.clone(),
            heat_field: heat.field.clone(),
            heat_ramp: heat.ramp.clone(),
            clip: default(),
            clip_picture: cut.0.clone(),
            clipped: false,
            two_sided: worn.two_sided,
            fading: worn.fading,
            wet: worn.wet,
            far: worn.far,
        })
    };
    let all = Worn::all().map(material).collect();
    commands.insert_resource(SharedMaterial { all, buffer, right });
}

fn upload_states(
    mut states: ResMut<FeatureStates>,
    shared: Res<SharedMaterial>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    (mut uploaded, mut binds): (Local<[usize; 2]>, Local<u32>),
) {
    // Insets ask whether it has changed: it is touched only when it has.
    if states.dirty {
        states.dirty = false;
        let now = upload(&states, &shared, &mut buffers, uploaded[1] > 0);
        // A buffer of the same length is written in place.
        if std::mem::replace(&mut *uploaded, now) != now {
            *binds = BINDS;
        }
    }
    if *binds == 0 {
        return;
    }
    *binds -= 1;
    for handle in &shared.all {
        if let Some(mut material) = materials.get_mut(handle) {
            (material.features, material.right_tints) = (shared.buffer.clone(), shared.right.clone());
        }
    }
    for (_, material) in textured.iter_mut() {
        (material.features, material.right_tints) = (shared.buffer.clone(), shared.right.clone());
    }
}

/// Bytes of states and of tints on the right, 0 of these while nothing is compared: then they are written once, if they `were` there before.
fn upload(states: &FeatureStates, shared: &SharedMaterial, buffers: &mut Assets<ShaderBuffer>, were: bool) -> [usize; 2] {
    let mut put = |handle: &Handle<ShaderBuffer>, buffer: ShaderBuffer| {
        let bytes = buffer.data.as_ref().map_or(0, Vec::len);
        if buffers.insert(handle, buffer).is_err() {
            tracing::error!("a buffer of feature states is gone");
        }
        bytes
    };
    let states_bytes = put(&shared.buffer, states.buffer());
    let right_bytes = if states.is_comparing() || were { put(&shared.right, states.right_buffer()) } else { 0 };
    [states_bytes, if states.is_comparing() { right_bytes } else { 0 }]
}

/// Only what is seen is written, as each write makes a binding anew: the light changes with every move of the camera.
fn colour_city(
    environment: Res<Environment>,
    shared: Res<SharedMaterial>,
    worn: Query<(&MeshMaterial3d<CityMaterial>, &ViewVisibility)>,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    (mut known, mut writes): (Local<[bool; 2]>, Local<u32>),
) {
    let [heated, compared] = [environment.is_heated(), environment.is_compared()];
    if std::mem::replace(&mut *known, [heated, compared]) != [heated, compared] {
        // Another pipeline, see `clip::WRITES`.
        *writes = WRITES;
    }
    let seen: HashSet<AssetId<CityMaterial>> = worn.iter().filter(|(_, seen)| seen.get()).map(|(worn, _)| worn.id()).collect();
    for handle in &shared.all {
        let is_old = || seen.contains(&handle.id()) && materials.get(handle).is_some_and(|m| m.environment != *environment);
        if (*writes > 0 || is_old())
            && let Some(mut material) = materials.get_mut(handle)
        {
            material.environment = *environment;
        }
    }
    if *writes > 0 {
        *writes -= 1;
        textured.iter_mut().for_each(|(_, material)| (material.heated, material.compared) = (heated, compared));
    }
}
