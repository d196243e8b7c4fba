//! What tiles are chosen for: a camera of Bevy's to a view of the engines'.

use super::views::TileViews;
use crate::model::view::CameraPose;
use crate::render::camera::{self, CityCamera, OrbitCamera, SceneFrame, eye_of};
use crate::render::environment::Environment;
use crate::tiles::{Tangents, View};
use bevy::math::DVec3;
use bevy::prelude::*;

/// Mean of the haze over rays from where cameras are, in parts of that on the ground.
pub(in crate::render) const HAZE_ALOFT: f64 = 0.6;

/// Poses that will be looked from within some seconds, soonest first; written by whoever knows the path.
#[derive(Resource, Default, Clone, Debug, PartialEq)]
pub struct PosesAhead(pub Vec<CameraPose>);

/// What a wall needs beside its own output: lines of the whole wall and its field of view, so that both sides of a seam draw the same tiles.
#[derive(Resource, Clone, Copy, Debug)]
pub struct WholeWall {
    pub height_px: f64,
    pub fovy_rad: f64,
}

/// Takes the views from the city's camera.
pub(super) fn look(
    frame: Res<SceneFrame>,
    (orbit, ahead, environment): (Res<OrbitCamera>, Res<PosesAhead>, Res<Environment>),
    wall: Option<Res<WholeWall>>,
    cameras: Query<(&Camera, &Projection), With<CityCamera>>,
    mut views: ResMut<TileViews>,
) {
    let Ok((camera, projection)) = cameras.single() else {
        views.set_views(TileViews::PICTURE, Vec::new());
        views.set_views(TileViews::AHEAD, Vec::new());
        return;
    };
    let lens = Lens { frame: &frame, camera, projection, wall: wall.as_deref(), haze_per_m: f64::from(environment.horizon.w) * HAZE_ALOFT };
    views.set_views(TileViews::PICTURE, lens.view(&orbit.pose).into_iter().collect());
    // Where the camera is going, and what a tour shows next.
    let going = orbit.is_moving().then(|| orbit.goal());
    views.set_views(TileViews::AHEAD, going.iter().chain(&ahead.0).filter_map(|pose| lens.view(pose)).collect());
}

/// The camera but for where it stands.
struct Lens<'a> {
    frame: &'a SceneFrame,
    camera: &'a Camera,
    projection: &'a Projection,
    wall: Option<&'a WholeWall>,
    haze_per_m: f64,
}

impl Lens<'_> {
    /// What the engine chooses tiles for, from a pose.
    fn view(&self, pose: &CameraPose) -> Option<View> {
        let frame = &self.frame.0;
        let size = self.camera.physical_target_size().filter(|s| s.y > 0)?;
        let eye = eye_of(pose, frame);
        let t = camera::Tangents::of(self.projection);
        let tangents = Tangents { left: t.left, right: t.right, bottom: t.bottom, top: t.top };
        let own = WholeWall { height_px: f64::from(size.y), fovy_rad: 2.0 * (t.height() * 0.5).atan() };
        let whole = self.wall.copied().unwrap_or(own);
        let turn = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
        let view =
            View::off_axis(frame.to_ecef(eye.position).0, turn(eye.forward), turn(eye.up), tangents, whole.height_px, whole.fovy_rad);
        Some(view.with_haze(self.haze_per_m))
    }
}
