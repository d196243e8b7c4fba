//! Draws what is near first: a pixel that is covered already is not painted again.
//!
//! Bevy puts what is drawn with the same pipeline and buffers together, which pays for many small meshes. A city is a few hundred large ones at most, and
//! painting is what a software rasteriser spends its time on. Faces within a tile stay in the order of their clusters: near ones first gained nothing there.

use bevy::camera::primitives::Aabb;
use bevy::camera::visibility::NoFrustumCulling;
use bevy::core_pipeline::core_3d::Opaque3d;
use bevy::math::{FloatOrd, Vec3A};
use bevy::prelude::*;
use bevy::render::batching::sort_binned_render_phase;
use bevy::render::render_phase::ViewBinnedRenderPhases;
use bevy::render::sync_world::{MainEntity, MainEntityHashMap};
use bevy::render::view::ExtractedView;
use bevy::render::{Extract, ExtractSchedule, Render, RenderApp, RenderSystems};

/// Add it beside [`super::direct::DirectDrawing`].
pub struct NearFirst;

/// Middles of all meshes that anything sees, in Bevy's world. What has no bounds, as the sky, is behind everything.
#[derive(Resource, Default)]
struct Middles(MainEntityHashMap<Vec3A>);

impl Plugin for NearFirst {
    fn build(&self, app: &mut App) {
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            let near_first = near_first.in_set(RenderSystems::PhaseSort).after(sort_binned_render_phase::<Opaque3d>);
            render.init_resource::<Middles>().add_systems(ExtractSchedule, take_middles).add_systems(Render, near_first);
        }
    }
}

type Meshes<'w, 's> =
    Query<'w, 's, (Entity, &'static GlobalTransform, &'static Aabb, &'static ViewVisibility), (With<Mesh3d>, Without<NoFrustumCulling>)>;

fn take_middles(mut middles: ResMut<Middles>, meshes: Extract<Meshes>) {
    middles.0.clear();
    let seen = meshes.iter().filter(|(.., seen)| seen.get());
    middles.0.extend(seen.map(|(entity, place, bounds, _)| (entity.into(), place.affine().transform_point3a(bounds.center))));
}

fn near_first(mut phases: ResMut<ViewBinnedRenderPhases<Opaque3d>>, middles: Res<Middles>, views: Query<&ExtractedView>) {
    for view in &views {
        let Some(phase) = phases.get_mut(&view.retained_view_entity) else { continue };
        let eye = view.world_from_view.affine().translation;
        // Without a perspective depth would say it better, but maps are drawn from so high that it is much the same.
        let distance = |mesh: &MainEntity| middles.0.get(mesh).map_or(f32::INFINITY, |middle| middle.distance_squared(eye));
        phase.batchable_meshes.sort_by_cached_key(|_, bin| FloatOrd(bin.entities().keys().next().map_or(f32::INFINITY, distance)));
    }
}
