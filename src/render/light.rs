//! The sun of the tier `full`: a light that casts shadows, kept where [`Environment`] says and sharp where the camera looks.
//!
//! The city's brightness comes from the material; this light is there for its shadow maps alone.

use super::camera::{CityCamera, OrbitCamera};
use super::clip::CityClip;
use super::environment::Environment;
use bevy::core_pipeline::prepass::DepthPrepass;
use bevy::light::{CascadeShadowConfig, CascadeShadowConfigBuilder, DirectionalLightShadowMap, PointLightShadowMap};
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;

/// Shadows and ambient shade for cameras with [`FullTier`].
pub struct SunPlugin;

/// Marks the camera of a screen that draws the tier `full`. Its depth prepass, from which ambient shade is read, is what tells the shaders.
#[derive(Component)]
pub struct FullTier;

/// Whether a tile whose pictures have holes was ever drawn.
#[derive(Resource, Default, PartialEq)]
pub struct HolesSeen(pub bool);

/// Marks the light.
#[derive(Component)]
struct Sun;

/// Texels along each side of a cascade: 20 cm on a street seen from 300 m, 2 m on a district.
const SHADOW_TEXELS: usize = 2048;
/// Where nothing casts any; 2048 and Bevy's 1024 for six sides of a point light would take 40 MiB.
const NO_SHADOW_TEXELS: usize = 16;
/// Shadows are drawn up to this many times the distance that the camera orbits at; beyond, haze and distance hide that there are none.
const REACH: f32 = 4.0;

impl Plugin for SunPlugin {
    fn build(&self, app: &mut App) {
        // Bevy keeps maps of these sizes whether a light casts shadows or not; a point light never does here.
        app.insert_resource(DirectionalLightShadowMap { size: NO_SHADOW_TEXELS })
            .insert_resource(PointLightShadowMap { size: NO_SHADOW_TEXELS })
            .init_resource::<HolesSeen>()
            .add_systems(PostUpdate, (choose_tier, shine).chain());
    }
}

/// Gives the camera its depth prepass, and takes it away where the driver can't: llvmpipe (Mesa 22) breaks off when a pass without colours
/// leaves pixels out, as cuts and holes do. There such a city is drawn without shadows.
fn choose_tier(
    mut commands: Commands,
    adapter: Option<Res<RenderAdapterInfo>>,
    clip: Res<CityClip>,
    holes: Res<HolesSeen>,
    cameras: Query<(Entity, Has<DepthPrepass>), With<FullTier>>,
    mut told: Local<bool>,
) {
    let llvmpipe = adapter.is_some_and(|a| a.name.contains("llvmpipe"));
    let able = !(llvmpipe && (clip.is_active() || holes.0));
    for (camera, has) in &cameras {
        match (able, has) {
            (true, false) => drop(commands.entity(camera).insert(DepthPrepass)),
            (false, true) => drop(commands.entity(camera).remove::<DepthPrepass>()),
            _ => {}
        }
    }
    if !able && !cameras.is_empty() && !std::mem::replace(&mut *told, true) {
        tracing::info!("llvmpipe draws cuts and pictures with holes without shadows and ambient shade");
    }
}

fn shine(
    mut commands: Commands,
    environment: Res<Environment>,
    orbit: Res<OrbitCamera>,
    cameras: Query<(), (With<CityCamera>, With<DepthPrepass>)>,
    mut suns: Query<(Entity, &mut Transform), With<Sun>>,
    mut map: ResMut<DirectionalLightShadowMap>,
    mut reached: Local<f32>,
) {
    let texels = if cameras.is_empty() { NO_SHADOW_TEXELS } else { SHADOW_TEXELS };
    if map.size != texels {
        map.size = texels;
    }
    if cameras.is_empty() {
        suns.iter().for_each(|(sun, _)| commands.entity(sun).despawn());
        return;
    }
    let towards = environment.sun.truncate();
    let look = Transform::default().looking_to(-towards, if towards.y > 0.99 { Vec3::Z } else { Vec3::Y });
    let Ok((_, mut transform)) = suns.single_mut() else {
        *reached = 0.0;
        if suns.is_empty() {
            let light = DirectionalLight { shadow_maps_enabled: true, illuminance: 1.0, ..default() };
            commands.spawn((Name::new("sun"), Sun, light, look, cascades(orbit.pose.distance_m as f32)));
        }
        return;
    };
    transform.set_if_neq(look);
    let distance = orbit.pose.distance_m as f32;
    // New cascades move every shadow's edge: not at each step of a zoom.
    if (*reached / distance).ln().abs() > 0.4 || *reached == 0.0 {
        *reached = distance;
        commands.queue(move |world: &mut World| {
            let mut suns = world.query_filtered::<&mut CascadeShadowConfig, With<Sun>>();
            suns.iter_mut(world).for_each(|mut c| *c = cascades(distance));
        });
    }
}

fn cascades(orbit_distance_m: f32) -> CascadeShadowConfig {
    let distance = orbit_distance_m.clamp(50.0, 30_000.0);
    CascadeShadowConfigBuilder {
        num_cascades: 4,
        minimum_distance: distance * 0.05,
        first_cascade_far_bound: distance * 0.7,
        maximum_distance: distance * REACH,
        overlap_proportion: 0.2,
    }
    .build()
}
