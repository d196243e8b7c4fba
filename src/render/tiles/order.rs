//! In which order tiles are drawn: what stands near first, what lies on the ground last, and the sky after all.
//!
//! Bevy draws opaque meshes in the order in which they came. What is drawn first hides what comes after it before it costs anything but its corners: in a
//! dense city that spares a third of the pixels, most where a rasteriser in software shades each.

use crate::render::camera::CityCamera;
use bevy::camera::primitives::Aabb;
use bevy::core_pipeline::core_3d::Opaque3d;
use bevy::mesh::MeshTag;
use bevy::prelude::*;
use bevy::render::batching::sort_binned_render_phase;
use bevy::render::extract_resource::{ExtractResource, ExtractResourcePlugin};
use bevy::render::mesh::allocator::{MeshAllocator, MeshSlabs};
use bevy::render::render_phase::ViewBinnedRenderPhases;
use bevy::render::{Render, RenderApp, RenderSystems};
use std::collections::HashMap;
use std::sync::Arc;

/// Marks parts of tiles that are nothing but ground.
#[derive(Component)]
pub(super) struct Lies;

/// How far meshes of tiles are from the eye, metres; what lies comes behind all that stands.
#[derive(Resource, Clone, Default, ExtractResource)]
struct NearFirst(Arc<Vec<(AssetId<Mesh>, f32)>>);

/// Added to the distance of what lies: more than a city is wide.
const BEHIND_M: f32 = 1e7;

/// Adds the order to the renderer.
pub(super) fn build(app: &mut App) {
    app.init_resource::<NearFirst>()
        .add_plugins(ExtractResourcePlugin::<NearFirst>::default())
        .add_systems(PostUpdate, measure.after(bevy::transform::TransformSystems::Propagate));
    if let Some(render) = app.get_sub_app_mut(RenderApp) {
        render.add_systems(Render, sort.in_set(RenderSystems::PhaseSort).after(sort_binned_render_phase::<Opaque3d>));
    }
}

type Drawn<'a> = (&'a Mesh3d, &'a GlobalTransform, &'a Aabb, &'a InheritedVisibility, Has<Lies>);

fn measure(mut order: ResMut<NearFirst>, tiles: Query<Drawn, With<MeshTag>>, cameras: Query<&GlobalTransform, With<CityCamera>>) {
    let Ok(eye) = cameras.single().map(GlobalTransform::translation) else { return };
    let seen = tiles.iter().filter(|(_, _, _, visible, _)| visible.get());
    let told = seen.map(|(mesh, place, bounds, _, lies)| (mesh.id(), distance_m(eye, place, bounds) + if lies { BEHIND_M } else { 0.0 }));
    let told: Vec<_> = told.collect();
    if *order.0 != told {
        order.0 = Arc::new(told);
    }
}

/// From a point to the nearest place of a box; transforms of tiles are rigid but for one scale.
fn distance_m(from: Vec3, place: &GlobalTransform, bounds: &Aabb) -> f32 {
    let local = place.affine().inverse().transform_point3(from);
    let beyond = (local - Vec3::from(bounds.center)).abs() - Vec3::from(bounds.half_extents);
    beyond.max(Vec3::ZERO).length() * place.scale().x
}

/// Puts what Bevy has sorted by the numbers of its buffers into the order of distances; what is no tile comes last, as it was.
fn sort(order: Res<NearFirst>, meshes: Res<MeshAllocator>, mut phases: ResMut<ViewBinnedRenderPhases<Opaque3d>>) {
    let ranks: HashMap<MeshSlabs, f32> = order.0.iter().filter_map(|(mesh, d)| Some((meshes.mesh_slabs(mesh)?, *d))).collect();
    let rank = |slabs: &MeshSlabs| ranks.get(slabs).copied().unwrap_or(f32::INFINITY);
    for phase in phases.values_mut() {
        phase.multidrawable_meshes.sort_by(|a, _, b, _| rank(&a.slabs).total_cmp(&rank(&b.slabs)));
        phase.batchable_meshes.sort_by(|a, _, b, _| rank(&a.0.slabs).total_cmp(&rank(&b.0.slabs)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_the_nearest_place_of_a_box_however_it_is_scaled() {
        let bounds = Aabb::from_min_max(Vec3::ZERO, Vec3::new(100.0, 50.0, 10.0));
        let place = GlobalTransform::from(Transform::from_xyz(10.0, 0.0, 0.0).with_scale(Vec3::splat(0.5)));
        assert_eq!(distance_m(Vec3::new(0.0, 10.0, 2.0), &place, &bounds), 10.0);
        assert_eq!(distance_m(Vec3::new(30.0, 10.0, 2.0), &place, &bounds), 0.0);
    }
}
