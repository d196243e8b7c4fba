//! The plain ground of a city that brings no terrain: level, at the height that its buildings stand at.
//!
//! The ground beyond the data is drawn with the sky (`shaders/sky.wgsl`). Where nobody gives terrain it is all the ground there is: buildings stand on it,
//! heat layers lie on it, and a click on it has a place.

use super::city::CityTiles;
use super::mesh::Built;
use crate::geo::Geodetic;
use crate::render::camera::{GroundBelow, SceneFrame};
use crate::render::environment::Environment;
use bevy::math::{DMat4, DVec3, Vec3};
use bevy::prelude::*;

/// A plain that would move by less stays, metres.
const STEP_M: f32 = 0.5;

/// The lowest corner of what a mesh takes, metres above the scene's anchor.
pub(super) fn base_m(built: &Built, enu_from_world: DMat4) -> f32 {
    let to_enu = enu_from_world * built.to_world;
    let (middle, half) = (Vec3::from(built.bounds.center).as_dvec3(), Vec3::from(built.bounds.half_extents).as_dvec3());
    let up = to_enu.row(2);
    (up.dot(middle.extend(1.0)) - up.truncate().abs().dot(half)) as f32
}

/// Puts the plain at the middle of the lowest places of the drawn tiles while no terrain was seen: what lies deepest, a cellar or a tunnel, does not pull
/// it down.
pub(super) fn lay(city: Res<CityTiles>, ground: Res<GroundBelow>, mut environment: ResMut<Environment>, mut terrain_seen: Local<bool>) {
    *terrain_seen |= ground.eye_m.is_some() || ground.target_m.is_some();
    if *terrain_seen {
        if environment.ground.x != 0.0 {
            environment.ground.x = 0.0;
        }
        return;
    }
    let mut bases: Vec<f32> = city.residents().filter(|(_, r)| r.drawn && r.base_m.is_finite()).map(|(_, r)| r.base_m).collect();
    if bases.is_empty() {
        return;
    }
    let middle = bases.len() / 2;
    let (_, level, _) = bases.select_nth_unstable_by(middle, f32::total_cmp);
    if (*level - environment.ground.x).abs() > STEP_M {
        environment.ground.x = *level;
    }
}

/// Where a ray meets the plain (east-north-up metres of the scene's frame; `None` where it points above the horizon), as `shaders/sky.wgsl` draws it:
/// bending away with the Earth.
pub fn on_plain(frame: &SceneFrame, environment: &Environment, origin: DVec3, direction: DVec3) -> Option<Geodetic> {
    let (twice_r, level) = (f64::from(environment.ground.y), f64::from(environment.ground.x));
    let (flat, along) = (origin.truncate(), direction.truncate());
    let a = along.length_squared() / twice_r;
    let b = direction.z + 2.0 * flat.dot(along) / twice_r;
    let c = origin.z - level + flat.length_squared() / twice_r;
    let under = b * b - 4.0 * a * c;
    (b < 0.0 && under > 0.0 && c > 0.0).then(|| frame.0.enu_to_geodetic(origin + direction * (2.0 * c / (-b + under.sqrt()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LocalFrame;
    use crate::model::scene::Theme;
    use bevy::camera::primitives::Aabb;

    #[test]
    fn a_ray_meets_the_plain_where_the_sky_draws_it_and_one_above_the_horizon_does_not() {
        let frame = SceneFrame(LocalFrame::new(Geodetic::from_degrees(4.3, 52.07, 0.0)));
        let mut environment = Environment::of(Theme::Day);
        environment.ground.x = 40.0;
        let slanted = DVec3::new(3.0, 0.0, -0.5).normalize();
        let at = on_plain(&frame, &environment, DVec3::new(0.0, 0.0, 540.0), slanted).expect("it points down");
        let enu = frame.0.geodetic_to_enu(at);
        // Three kilometres off, 0.7 m lower than at the anchor.
        assert!((enu.x - 3_000.0).abs() < 5.0 && (at.height_m - 40.0).abs() < 0.1, "{enu} {}", at.height_m);
        assert_eq!(on_plain(&frame, &environment, DVec3::Z * 540.0, DVec3::new(1.0, 0.0, 0.01).normalize()), None);
    }

    #[test]
    fn the_lowest_corner_is_told_in_the_scenes_frame_however_the_mesh_is_turned() {
        let built = |to_world| Built {
            mesh: Mesh::new(bevy::mesh::PrimitiveTopology::TriangleList, bevy::asset::RenderAssetUsages::RENDER_WORLD),
            to_world,
            bounds: Aabb::from_min_max(Vec3::ZERO, Vec3::new(10.0, 20.0, 30.0)),
            triangles: 1,
            two_sided: false,
            wet: false,
            pictures: None,
        };
        let lifted = DMat4::from_translation(DVec3::Z * 5.0);
        assert!((base_m(&built(lifted), DMat4::IDENTITY) - 5.0).abs() < 1e-3);
        let upside_down = lifted * DMat4::from_rotation_x(std::f64::consts::PI);
        assert!((base_m(&built(upside_down), DMat4::IDENTITY) + 25.0).abs() < 1e-3);
    }
}
