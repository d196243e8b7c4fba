//! A camera of Bevy's to a view of the engine's.

use super::WholeWall;
use crate::model::view::CameraPose;
use crate::render::camera::{self, SceneFrame, eye_of};
use crate::tiles::{Tangents, View};
use bevy::math::DVec3;
use bevy::prelude::*;

/// Mean of the haze over rays from where cameras are, in parts of that on the ground.
pub(super) const HAZE_ALOFT: f64 = 0.6;

/// The camera but for where it stands.
pub(super) struct Lens<'a> {
    pub(super) frame: &'a SceneFrame,
    pub(super) camera: &'a Camera,
    pub(super) projection: &'a Projection,
    pub(super) wall: Option<&'a WholeWall>,
    pub(super) haze_per_m: f64,
}

impl Lens<'_> {
    /// What the engine chooses tiles for, from a pose.
    pub(super) fn view(&self, pose: &CameraPose) -> Option<View> {
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
