//! The camera: an orbit pose that every screen shares, eased, never below ground.
//!
//! Add [`CityCameraPlugin`]; write [`OrbitCamera::go_to`] or let `controls` turn mouse, touch and keys into poses.

mod controls;
mod projection;

pub use controls::{ControlMode, PointerTaken, ray_through};
pub use projection::{FOV_Y_RAD, FrustumProjection, Tangents};

use super::environment::Environment;
use crate::geo::{Geodetic, LocalFrame};
use crate::model::view::CameraPose;
use bevy::camera::Exposure;
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::math::DVec3;
use bevy::prelude::*;

/// The local east-north-up frame everything is drawn in.
#[derive(Resource, Clone, Copy)]
pub struct SceneFrame(pub LocalFrame);

/// East-north-up metres to Bevy's x east, y up, z south.
pub fn bevy_from_enu(v: DVec3) -> DVec3 {
    DVec3::new(v.x, v.z, -v.y)
}

/// Bevy's axes to east-north-up.
pub fn enu_from_bevy(v: DVec3) -> DVec3 {
    DVec3::new(v.x, -v.z, v.y)
}

/// Where the camera is and where it is going.
#[derive(Resource, Clone, Debug)]
pub struct OrbitCamera {
    /// What is drawn this frame.
    pub pose: CameraPose,
    motion: Option<Motion>,
    /// Set by `controls` when a person moved the camera this frame; cleared by whoever tells the other screens.
    pub moved_by_hand: bool,
}

#[derive(Clone, Debug)]
struct Motion {
    from: CameraPose,
    to: CameraPose,
    gone_s: f64,
    length_s: f64,
}

/// Seconds of an eased move; LOOK.md asks for 0.6-1.2.
pub const MOVE_S: f64 = 0.9;

impl OrbitCamera {
    pub fn new(pose: CameraPose) -> Self {
        Self { pose, motion: None, moved_by_hand: false }
    }

    /// Stands at `pose` at once.
    pub fn set(&mut self, pose: CameraPose) {
        self.pose = pose;
        self.motion = None;
    }

    /// Moves to `pose`, easing in and out over `length_s` seconds.
    pub fn go_to(&mut self, pose: CameraPose, length_s: f64) {
        self.motion = Some(Motion { from: self.pose, to: pose, gone_s: 0.0, length_s: length_s.max(1e-3) });
    }

    /// Follows a pose that changes several times a second: closes most of the gap within a quarter of a second.
    pub fn follow(&mut self, pose: CameraPose, dt_s: f64) {
        self.motion = None;
        self.pose = between(&self.pose, &pose, 1.0 - (-dt_s * 10.0).exp());
    }

    /// Where it is going, or stands.
    pub fn goal(&self) -> CameraPose {
        self.motion.as_ref().map_or(self.pose, |m| m.to)
    }

    pub fn is_moving(&self) -> bool {
        self.motion.is_some()
    }

    fn advance(&mut self, dt_s: f64) {
        let Some(m) = &mut self.motion else { return };
        m.gone_s += dt_s;
        let u = (m.gone_s / m.length_s).min(1.0);
        self.pose = between(&m.from, &m.to, u * u * (3.0 - 2.0 * u));
        if u >= 1.0 {
            self.motion = None;
        }
    }
}

/// Linear between two poses, the short way round and with the distance on a logarithmic scale.
fn between(a: &CameraPose, b: &CameraPose, u: f64) -> CameraPose {
    let mix = |a: f64, b: f64| a + (b - a) * u;
    let turn = (b.heading_deg - a.heading_deg + 180.0).rem_euclid(360.0) - 180.0;
    CameraPose {
        lon: mix(a.lon, b.lon),
        lat: mix(a.lat, b.lat),
        height_m: mix(a.height_m, b.height_m),
        heading_deg: (a.heading_deg + turn * u).rem_euclid(360.0),
        pitch_deg: mix(a.pitch_deg, b.pitch_deg),
        distance_m: (mix(a.distance_m.max(1.0).ln(), b.distance_m.max(1.0).ln())).exp(),
    }
}

/// Where a pose puts the eye and which way it looks, in east-north-up metres.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    pub position: DVec3,
    pub forward: DVec3,
    pub up: DVec3,
    pub target: DVec3,
}

/// The eye of a pose in `frame`.
pub fn eye_of(pose: &CameraPose, frame: &LocalFrame) -> Eye {
    let target = frame.geodetic_to_enu(Geodetic::from_degrees(pose.lon, pose.lat, pose.height_m));
    let (sin_h, cos_h) = pose.heading_deg.to_radians().sin_cos();
    let (sin_p, cos_p) = pose.pitch_deg.to_radians().sin_cos();
    // Heading and pitch are by the north and the horizon of the target, which is not the anchor's: 0.9 degrees off at 100 km.
    let there = LocalFrame::new(Geodetic::from_degrees(pose.lon, pose.lat, 0.0));
    let turn = |v: DVec3| frame.enu_from_ecef().transform_vector3(there.ecef_from_enu().transform_vector3(v));
    let forward = turn(DVec3::new(sin_h * cos_p, cos_h * cos_p, -sin_p));
    let up = turn(DVec3::new(sin_h * sin_p, cos_h * sin_p, cos_p));
    Eye { position: target - forward * pose.distance_m, forward, up, target }
}

/// Height of the ground, told by whoever draws it, below the eye and below the target, metres in the scene's frame (up of the anchor).
#[derive(Resource, Default, Debug)]
pub struct GroundBelow {
    pub eye_m: Option<f64>,
    pub target_m: Option<f64>,
}

/// Marks the one camera that draws the city.
#[derive(Component)]
pub struct CityCamera;

/// What every city camera needs; the caller adds projection and target.
pub fn city_camera() -> impl Bundle {
    // The material writes display-referred colours: no tone curve, no exposure.
    (CityCamera, Camera3d::default(), Tonemapping::None, haze_part(1.0), Transform::default())
}

/// How thick the haze is that a camera looks through, in parts of what [`Environment`] says for the city's camera.
///
/// Bevy hands a view's exposure to shaders, and the city's have no use for one: they write colours as they are displayed. So it carries this.
pub fn haze_part(part: f32) -> Exposure {
    // Inverse of `Exposure::exposure`: 2^-ev100 / 1.2.
    Exposure { ev100: -(1.2 * part.max(1e-6)).log2() }
}

/// Least height of the eye above the ground below it, metres.
const CLEARANCE_M: f64 = 8.0;

/// Camera motion and controls.
pub struct CityCameraPlugin;

/// After this set the camera's transform is final for the frame.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CameraPlaced;

impl Plugin for CityCameraPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<GroundBelow>()
            .init_resource::<PointerTaken>()
            .init_resource::<ControlMode>()
            .add_systems(Update, (controls::control, advance, place).chain().in_set(CameraPlaced));
    }
}

fn advance(time: Res<Time>, mut camera: ResMut<OrbitCamera>) {
    camera.advance(time.delta_secs_f64());
}

/// Puts Bevy's camera where the pose says, lifted above the ground where it would go under it.
fn place(
    mut orbit: ResMut<OrbitCamera>,
    frame: Res<SceneFrame>,
    ground: Res<GroundBelow>,
    mut environment: ResMut<Environment>,
    mut cameras: Query<&mut Transform, With<CityCamera>>,
) {
    let mut eye = eye_of(&orbit.pose, &frame.0);
    if let Some(ground_m) = ground.eye_m {
        let lift = ground_m + CLEARANCE_M - eye.position.z;
        if lift > 0.0 {
            orbit.pose.height_m += lift;
            eye.position.z += lift;
            eye.target.z += lift;
        }
    }
    for mut transform in &mut cameras {
        transform.translation = bevy_from_enu(eye.position).as_vec3();
        transform.look_to(bevy_from_enu(eye.forward).as_vec3(), bevy_from_enu(eye.up).as_vec3());
    }
    let mut seen = *environment;
    seen.see_from(orbit.pose.distance_m as f32);
    environment.set_if_neq(seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose() -> CameraPose {
        CameraPose { lon: 118.275, lat: 33.963, height_m: 20.0, heading_deg: 350.0, pitch_deg: 40.0, distance_m: 2_000.0 }
    }

    #[test]
    fn the_eye_stands_distance_away_and_looks_at_the_target() {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let eye = eye_of(&pose(), &frame);
        assert!(((eye.target - eye.position).length() - 2_000.0).abs() < 1e-6);
        assert!(((eye.target - eye.position).normalize() - eye.forward).length() < 1e-9);
        assert!(eye.forward.dot(eye.up).abs() < 1e-12 && eye.position.z > 1_000.0);
    }

    #[test]
    fn a_move_eases_the_short_way_and_ends_at_its_goal() {
        let mut camera = OrbitCamera::new(pose());
        let goal = CameraPose { heading_deg: 10.0, distance_m: 500.0, ..pose() };
        camera.go_to(goal, 1.0);
        camera.advance(0.5);
        assert!(camera.pose.heading_deg < 1e-6 || camera.pose.heading_deg > 359.0);
        assert!((camera.pose.distance_m - 1_000.0).abs() < 1.0);
        camera.advance(0.6);
        assert!((camera.pose.heading_deg - 10.0).abs() < 1e-9 && !camera.is_moving());
    }
}
