//! Faces that no camera sees are not drawn, and nobody sees that.

use super::golden::NEAR;
use super::one_at_a_time;
use super::stage::{Stage, same};
use bevy::prelude::*;
use bevy::render::batching::gpu_preprocessing::{GpuPreprocessingMode, GpuPreprocessingSupport};
use bevy::render::mesh::{RenderMesh, RenderMeshBufferInfo};
use bevy::render::render_asset::RenderAssets;
use bevy::render::{Render, RenderApp, RenderSystems};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use yiping::model::view::CameraPose;
use yiping::render::camera::OrbitCamera;
use yiping::render::tiles::FaceCulling;
use yiping::screen::app::Quality;

/// From four sides, near and straight down.
fn poses() -> Vec<CameraPose> {
    let around = [0.0, 90.0, 180.0, 270.0].map(|heading_deg| CameraPose { heading_deg, ..NEAR });
    let close = CameraPose { distance_m: NEAR.distance_m * 0.2, pitch_deg: 8.0, ..NEAR };
    around.into_iter().chain([close, CameraPose { pitch_deg: 89.0, ..NEAR }]).collect()
}

/// That its draw call takes.
fn corners(mesh: &RenderMesh) -> usize {
    match mesh.buffer_info {
        RenderMeshBufferInfo::Indexed { count, .. } => count as usize,
        RenderMeshBufferInfo::NonIndexed => 0,
    }
}

#[test]
fn a_part_of_the_faces_draws_the_whole_picture_from_wherever_one_looks() {
    let _turn = one_at_a_time();
    let pictures = |on: bool| {
        let on_device = Arc::new(AtomicUsize::new(0));
        let counted = on_device.clone();
        let mut stage = Stage::prepared(Quality::Lean, NEAR, |app| {
            app.insert_resource(FaceCulling { on, ..default() });
            let count = move |meshes: Res<RenderAssets<RenderMesh>>, says: Res<GpuPreprocessingSupport>| {
                assert!(says.max_supported_mode == GpuPreprocessingMode::None, "the processor says how much is drawn");
                counted.store(meshes.iter().map(|(_, mesh)| corners(mesh)).sum(), Ordering::Relaxed);
            };
            app.sub_app_mut(RenderApp).add_systems(Render, count.in_set(RenderSystems::Cleanup));
        });
        let picture = |pose: CameraPose| {
            let shown = stage.with(OrbitCamera::new(pose));
            (shown, *stage.0.world().resource::<FaceCulling>(), on_device.load(Ordering::Relaxed))
        };
        poses().into_iter().map(picture).collect::<Vec<_>>()
    };
    for (number, ((part, some, few), (whole, all, many))) in pictures(true).into_iter().zip(pictures(false)).enumerate() {
        assert_eq!(all.drawn, all.whole);
        assert!(some.drawn * 10 < some.whole * 7, "pose {number}: {some:?}");
        // Of all meshes that are there, those that nobody sees too, which are the most.
        assert!(few * 20 < many * 19, "pose {number}: {few} of {many}");
        assert_eq!(same(&part, &whole), 1.0, "pose {number}");
    }
}
