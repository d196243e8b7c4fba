//! Faces that no camera sees are not drawn, and nobody sees that.

use super::golden::NEAR;
use super::one_at_a_time;
use super::stage::{Stage, same};
use bevy::prelude::*;
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

#[test]
fn a_part_of_the_faces_draws_the_whole_picture_from_wherever_one_looks() {
    let _turn = one_at_a_time();
    let pictures = |on: bool| {
        let mut stage = Stage::prepared(Quality::Lean, NEAR, |world| world.insert_resource(FaceCulling { on, ..default() }));
        let picture = |pose: CameraPose| {
            let shown = stage.with(OrbitCamera::new(pose));
            (shown, *stage.0.world().resource::<FaceCulling>())
        };
        poses().into_iter().map(picture).collect::<Vec<_>>()
    };
    for (number, ((part, some), (whole, all))) in pictures(true).into_iter().zip(pictures(false)).enumerate() {
        assert_eq!(all.drawn, all.whole);
        assert!(some.drawn * 10 < some.whole * 7, "pose {number}: {some:?}");
        assert_eq!(same(&part, &whole), 1.0, "pose {number}");
    }
}
