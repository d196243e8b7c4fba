//! What the graphics device is told to draw: a call a tile, and what is near before what it covers.

use super::golden::NEAR;
use super::one_at_a_time;
use super::stage::Stage;
use bevy::camera::primitives::Aabb;
use bevy::core_pipeline::core_3d::Opaque3d;
use bevy::math::Vec3A;
use bevy::prelude::*;
use bevy::render::render_phase::ViewBinnedRenderPhases;
use bevy::render::{Render, RenderApp, RenderSystems};
use std::sync::{Arc, Mutex};
use yiping::model::view::CameraPose;
use yiping::render::camera::{CityCamera, OrbitCamera};
use yiping::render::tiles::CityTiles;
use yiping::screen::app::Quality;

#[test]
fn each_tile_is_one_draw_and_near_ones_are_drawn_first() {
    let _turn = one_at_a_time();
    let told = Arc::new(Mutex::new(Vec::new()));
    let of_last_frame = told.clone();
    let note = move |phases: Res<ViewBinnedRenderPhases<Opaque3d>>| {
        let mut draws = Vec::new();
        for phase in phases.values() {
            assert!(phase.multidrawable_meshes.is_empty() && phase.unbatchable_meshes.is_empty() && phase.non_mesh_items.is_empty());
            draws.extend(phase.batchable_meshes.values().map(|bin| bin.entities().keys().copied().collect::<Vec<_>>()));
        }
        *told.lock().unwrap() = draws;
    };
    let mut stage = Stage::prepared(Quality::Lean, NEAR, |app| {
        app.sub_app_mut(RenderApp).add_systems(Render, note.in_set(RenderSystems::Cleanup));
    });
    for heading_deg in [0.0, 120.0, 240.0] {
        stage.with(OrbitCamera::new(CameraPose { heading_deg, ..NEAR }));
        let draws = of_last_frame.lock().unwrap().clone();
        let tiles = stage.0.world().resource::<CityTiles>().drawn_tiles;
        // The sky is one too; tiles that are needed around the picture are beside it.
        assert!((4..=tiles + 1).contains(&draws.len()), "{} draws of {tiles} tiles", draws.len());
        assert!(draws.iter().all(|meshes| meshes.len() == 1), "each tile has its own mesh");
        let world = stage.0.world_mut();
        let eye = world.query_filtered::<&GlobalTransform, With<CityCamera>>().single(world).unwrap().translation_vec3a();
        let middle = |mesh: &Entity| -> Option<Vec3A> {
            let (bounds, place) = (world.get::<Aabb>(*mesh)?, world.get::<GlobalTransform>(*mesh)?);
            Some(place.affine().transform_point3a(bounds.center))
        };
        let distances: Vec<Option<f32>> = draws.iter().flatten().map(|e| middle(&e.id()).map(|m| m.distance(eye))).collect();
        let (sky, tiles) = distances.split_last().unwrap();
        assert!(sky.is_none(), "nothing is behind the sky");
        let tiles: Vec<f32> = tiles.iter().flatten().copied().collect();
        assert!(tiles.len() + 1 == draws.len() && tiles.is_sorted(), "{tiles:?}");
    }
}
