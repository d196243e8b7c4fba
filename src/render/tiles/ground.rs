//! Heights of the ground, for what stands on it and for cameras that must not go below it.

use super::city::{CityTiles, TileRef};
use super::tileset::StandsFor;
use crate::geo::{Ecef, Geodetic};
use crate::model::view::CameraPose;
use crate::render::camera::{GroundBelow, OrbitCamera, SceneFrame, eye_of};
use crate::tiles::UNLIT;
use bevy::math::DVec3;
use bevy::prelude::*;
use std::collections::HashMap;

/// Surfaces of buildings and of what is not known, which a walker on the ground would not stand on.
pub(super) const BUILDING_SURFACES: [u8; 4] = [0, 1, 2, UNLIT];
/// Roofs and walls a ray down may pass before it gives up.
const ROOFS_MAX: usize = 24;
/// Looked-up heights kept.
const HEIGHTS_MAX: usize = 20_000;

/// Heights of the ground that were looked up, forgotten when finer terrain arrives.
#[derive(Default)]
pub(super) struct GroundCache {
    heights: HashMap<(i64, i64), f64>,
    /// Tiles that were here and tilesets that were seen when the heights were taken.
    of: (usize, usize),
}

impl GroundCache {
    /// Forgets all if other tiles are here, or other tilesets seen.
    pub(super) fn keep_for(&mut self, of: (usize, usize)) {
        if self.of != of {
            *self = Self { of, ..Self::default() };
        }
    }
}

impl CityTiles {
    /// Height of the ground (terrain, water, roads; not roofs) at a place, metres above the ellipsoid or the package's datum.
    pub fn ground_m(&mut self, frame: &SceneFrame, lon: f64, lat: f64) -> Option<f64> {
        // About a metre.
        let key = ((lon * 1e5).round() as i64, (lat * 1e5).round() as i64);
        if let Some(height) = self.ground.heights.get(&key) {
            return Some(*height);
        }
        let enu = frame.0.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        let up = self.ground_under(frame, DVec3::new(enu.x, enu.y, 10_000.0))?;
        let height = frame.0.enu_to_geodetic(DVec3::new(enu.x, enu.y, up)).height_m;
        if self.ground.heights.len() < HEIGHTS_MAX {
            self.ground.heights.insert(key, height);
        }
        Some(height)
    }

    /// Up of the ground below an east-north-up point.
    pub(super) fn ground_under(&self, frame: &SceneFrame, mut from: DVec3) -> Option<f64> {
        for _ in 0..ROOFS_MAX {
            let (tileset, hit) = self.ray(frame, from, DVec3::NEG_Z)?;
            let at = frame.0.to_enu(Ecef(hit.position));
            let all_ground = self.streams.get(&tileset).is_some_and(|s| s.stands_for == StandsFor::Ground);
            if all_ground || !BUILDING_SURFACES.contains(&hit.surface) {
                return Some(at.z);
            }
            from.z = at.z - 0.05;
        }
        None
    }
}

/// Tells the camera how high the ground is below it and below what it looks at.
pub(super) fn look_down(
    city: Res<CityTiles>,
    frame: Res<SceneFrame>,
    orbit: Res<OrbitCamera>,
    mut ground: ResMut<GroundBelow>,
    mut seen: Local<Option<(CameraPose, Vec<TileRef>)>>,
) {
    let on_screen =
        || city.streams.iter().flat_map(|(entity, s)| s.drawn().iter().map(move |tile| TileRef { tileset: *entity, tile: *tile }));
    if seen.as_ref().is_some_and(|(pose, tiles)| *pose == orbit.pose && tiles.iter().copied().eq(on_screen())) {
        return;
    }
    *seen = Some((orbit.pose, on_screen().collect()));
    let eye = eye_of(&orbit.pose, &frame.0);
    // From well above, so that an eye that already is under the ground finds it.
    let from = |p: DVec3| DVec3::new(p.x, p.y, p.z.max(0.0) + 5_000.0);
    ground.eye_m = city.ground_under(&frame, from(eye.position));
    ground.target_m = city.ground_under(&frame, from(eye.target));
}
