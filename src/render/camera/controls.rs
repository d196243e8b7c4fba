//! Mouse, touch and keys to camera poses.
//!
//! Orbit: left drag pans, right drag (or ctrl + left) turns and tilts, wheel zooms; one finger pans, two pinch, turn and tilt;
//! WASD or arrows pan, Q and E turn, R and F tilt, plus and minus zoom. Fly (key V): drag looks around, WASD moves, space and C rise and sink.

use super::{CityCamera, OrbitCamera, SceneFrame, enu_from_bevy, eye_of};
use crate::geo::Geodetic;
use crate::model::view::CameraPose;
use bevy::input::mouse::{AccumulatedMouseMotion, AccumulatedMouseScroll, MouseScrollUnit};
use bevy::input::touch::Touches;
use bevy::math::{DVec2, DVec3};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;

/// Set by the panels while the pointer or the keyboard is theirs.
#[derive(Resource, Default)]
pub struct PointerTaken {
    pub pointer: bool,
    pub keys: bool,
}

/// How movements are read.
#[derive(Resource, Default, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ControlMode {
    #[default]
    Orbit,
    Fly,
}

/// Nearest and farthest the eye may be from its target, metres.
const DISTANCE_M: std::ops::RangeInclusive<f64> = 20.0..=120_000.0;
/// Straight down is 90; from 4 degrees the horizon lies in the upper half.
const PITCH_DEG: std::ops::RangeInclusive<f64> = 4.0..=89.0;
const DEGREES_PER_PIXEL: f64 = 0.22;

/// A change asked for in one frame, in screen terms.
#[derive(Default, Debug, PartialEq)]
struct Wish {
    /// Pixels right and down.
    pan_px: DVec2,
    turn_deg: f64,
    tilt_deg: f64,
    /// Factor on the distance; 1 is none.
    zoom: f64,
    /// Fly: metres right, forward, up.
    fly: DVec3,
}

/// Everything a person can move the camera with.
#[derive(bevy::ecs::system::SystemParam)]
pub struct Devices<'w> {
    buttons: Option<Res<'w, ButtonInput<MouseButton>>>,
    keys: Option<Res<'w, ButtonInput<KeyCode>>>,
    motion: Option<Res<'w, AccumulatedMouseMotion>>,
    scroll: Option<Res<'w, AccumulatedMouseScroll>>,
    touches: Option<Res<'w, Touches>>,
}

#[expect(clippy::too_many_arguments, reason = "a Bevy system's arguments are what it may touch")]
pub fn control(
    devices: Devices,
    taken: Res<PointerTaken>,
    mut mode: ResMut<ControlMode>,
    time: Res<Time>,
    frame: Res<SceneFrame>,
    mut camera: ResMut<OrbitCamera>,
    windows: Query<&Window, With<PrimaryWindow>>,
    cameras: Query<&Projection, With<CityCamera>>,
) {
    let (Ok(window), Ok(projection)) = (windows.single(), cameras.single()) else { return };
    if !taken.keys && devices.keys.as_ref().is_some_and(|k| k.just_pressed(KeyCode::KeyV)) {
        *mode = if *mode == ControlMode::Orbit { ControlMode::Fly } else { ControlMode::Orbit };
    }
    let wish = wish(&devices, &taken, *mode, time.delta_secs_f64());
    if wish == (Wish { zoom: 1.0, ..default() }) {
        return;
    }
    let tan_height = f64::from(2.0 / projection.get_clip_from_view().y_axis.y);
    let metres_per_px = camera.pose.distance_m * tan_height / f64::from(window.height().max(1.0));
    let pose = match *mode {
        ControlMode::Orbit => orbited(&camera.pose, &wish, metres_per_px, &frame),
        ControlMode::Fly => flown(&camera.pose, &wish, &frame),
    };
    camera.set(pose);
    camera.moved_by_hand = true;
}

fn wish(devices: &Devices, taken: &PointerTaken, mode: ControlMode, dt_s: f64) -> Wish {
    let mut wish = Wish { zoom: 1.0, ..default() };
    if !taken.pointer {
        by_mouse(devices, mode, &mut wish);
        by_touch(devices, &mut wish);
    }
    if let (false, Some(keys)) = (taken.keys, &devices.keys) {
        by_keys(keys, mode, dt_s, &mut wish);
    }
    wish
}

fn by_mouse(devices: &Devices, mode: ControlMode, wish: &mut Wish) {
    if let (Some(buttons), Some(motion)) = (&devices.buttons, &devices.motion) {
        let moved = motion.delta.as_dvec2();
        let ctrl = devices.keys.as_ref().is_some_and(|k| k.any_pressed([KeyCode::ControlLeft, KeyCode::ControlRight]));
        let left = buttons.pressed(MouseButton::Left);
        if buttons.any_pressed([MouseButton::Right, MouseButton::Middle]) || (left && (ctrl || mode == ControlMode::Fly)) {
            wish.turn_deg += moved.x * DEGREES_PER_PIXEL;
            wish.tilt_deg += moved.y * DEGREES_PER_PIXEL;
        } else if left {
            wish.pan_px += moved;
        }
    }
    if let Some(scroll) = &devices.scroll {
        let lines = match scroll.unit {
            MouseScrollUnit::Line => f64::from(scroll.delta.y),
            MouseScrollUnit::Pixel => f64::from(scroll.delta.y) / 50.0,
        };
        wish.zoom *= 0.88f64.powf(lines.clamp(-8.0, 8.0));
    }
}

fn by_touch(devices: &Devices, wish: &mut Wish) {
    let Some(touches) = &devices.touches else { return };
    let fingers: Vec<_> = touches.iter().collect();
    match fingers.as_slice() {
        [one] => wish.pan_px += one.delta().as_dvec2(),
        [a, b, ..] => {
            let before = (b.previous_position() - a.previous_position()).as_dvec2();
            let now = (b.position() - a.position()).as_dvec2();
            if before.length() > 1.0 && now.length() > 1.0 {
                wish.zoom *= before.length() / now.length();
                wish.turn_deg -= before.angle_to(now).to_degrees();
            }
            let (da, db) = (a.delta().as_dvec2(), b.delta().as_dvec2());
            // Both fingers up or down together tilt.
            if da.y * db.y > 0.0 && da.x.abs() + db.x.abs() < da.y.abs() + db.y.abs() {
                wish.tilt_deg -= 0.5 * (da.y + db.y) * DEGREES_PER_PIXEL;
            }
        }
        [] => {}
    }
}

fn by_keys(keys: &ButtonInput<KeyCode>, mode: ControlMode, dt_s: f64, wish: &mut Wish) {
    let axis = |plus: [KeyCode; 2], minus: [KeyCode; 2]| f64::from(i8::from(keys.any_pressed(plus)) - i8::from(keys.any_pressed(minus)));
    let right = axis([KeyCode::KeyD, KeyCode::ArrowRight], [KeyCode::KeyA, KeyCode::ArrowLeft]);
    let ahead = axis([KeyCode::KeyW, KeyCode::ArrowUp], [KeyCode::KeyS, KeyCode::ArrowDown]);
    let fast = if keys.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]) { 3.0 } else { 1.0 };
    match mode {
        ControlMode::Orbit => wish.pan_px += DVec2::new(-right, ahead) * (600.0 * dt_s * fast),
        ControlMode::Fly => {
            let up = axis([KeyCode::Space, KeyCode::PageUp], [KeyCode::KeyC, KeyCode::PageDown]);
            wish.fly += DVec3::new(right, ahead, up) * (80.0 * dt_s * fast);
        }
    }
    wish.turn_deg += axis([KeyCode::KeyE; 2], [KeyCode::KeyQ; 2]) * 60.0 * dt_s;
    wish.tilt_deg += axis([KeyCode::KeyR; 2], [KeyCode::KeyF; 2]) * 40.0 * dt_s;
    let zoom = axis([KeyCode::Minus, KeyCode::NumpadSubtract], [KeyCode::Equal, KeyCode::NumpadAdd]);
    wish.zoom *= (zoom * 1.2 * dt_s * fast).exp();
}

fn orbited(pose: &CameraPose, wish: &Wish, metres_per_px: f64, frame: &SceneFrame) -> CameraPose {
    let mut to = *pose;
    to.heading_deg = (pose.heading_deg + wish.turn_deg).rem_euclid(360.0);
    to.pitch_deg = (pose.pitch_deg + wish.tilt_deg).clamp(*PITCH_DEG.start(), *PITCH_DEG.end());
    to.distance_m = (pose.distance_m * wish.zoom).clamp(*DISTANCE_M.start(), *DISTANCE_M.end());
    // The ground under the pointer goes with it: a pixel down is more metres the flatter the view.
    let right = -wish.pan_px.x * metres_per_px;
    let ahead = wish.pan_px.y * metres_per_px / to.pitch_deg.to_radians().sin().max(0.25);
    moved(&to, right, ahead, 0.0, frame)
}

fn flown(pose: &CameraPose, wish: &Wish, frame: &SceneFrame) -> CameraPose {
    let eye = eye_of(pose, &frame.0);
    let mut to = *pose;
    to.heading_deg = (pose.heading_deg + wish.turn_deg).rem_euclid(360.0);
    to.pitch_deg = (pose.pitch_deg + wish.tilt_deg).clamp(*PITCH_DEG.start(), *PITCH_DEG.end());
    // Turning is about the eye: the target goes round instead.
    // Heading and pitch are by the horizon of the target, which moves by that: each round is a thousand times nearer.
    for _ in 0..3 {
        let at = frame.0.enu_to_geodetic(eye.position + eye_of(&to, &frame.0).forward * to.distance_m);
        to = CameraPose { lon: at.lon_deg(), lat: at.lat_deg(), height_m: at.height_m, ..to };
    }
    let speed = (pose.distance_m / 400.0).clamp(0.3, 20.0) / wish.zoom;
    moved(&to, wish.fly.x * speed, wish.fly.y * speed, wish.fly.z * speed, frame)
}

/// The pose with its target moved, metres to the right, ahead and up as the viewer sees it.
fn moved(pose: &CameraPose, right_m: f64, ahead_m: f64, up_m: f64, frame: &SceneFrame) -> CameraPose {
    let (sin_h, cos_h) = pose.heading_deg.to_radians().sin_cos();
    let target = frame.0.geodetic_to_enu(Geodetic::from_degrees(pose.lon, pose.lat, pose.height_m));
    let to = frame.0.enu_to_geodetic(target + DVec3::new(right_m * cos_h + ahead_m * sin_h, -right_m * sin_h + ahead_m * cos_h, 0.0));
    // The height stays on its own: moving along the tangent plane would climb away from the round Earth.
    CameraPose { lon: to.lon_deg(), lat: to.lat_deg(), height_m: pose.height_m + up_m, ..*pose }
}

/// Direction of a ray through a point of the picture, east-north-up; `ndc` -1..1, y up.
pub fn ray_through(ndc: Vec2, projection: &Projection, camera: &GlobalTransform) -> (DVec3, DVec3) {
    let view = projection.get_clip_from_view().inverse() * ndc.extend(0.5).extend(1.0);
    let direction = camera.rotation() * (view.truncate() / view.w).normalize();
    (enu_from_bevy(camera.translation().as_dvec3()), enu_from_bevy(direction.as_dvec3()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LocalFrame;

    fn setup() -> (CameraPose, SceneFrame) {
        let pose = CameraPose { lon: 118.275, lat: 33.963, height_m: 20.0, heading_deg: 90.0, pitch_deg: 45.0, distance_m: 1_000.0 };
        (pose, SceneFrame(LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0))))
    }

    #[test]
    fn dragging_right_moves_the_ground_right_so_the_target_goes_left() {
        let (pose, frame) = setup();
        let to = orbited(&pose, &Wish { pan_px: DVec2::new(100.0, 0.0), zoom: 1.0, ..default() }, 1.0, &frame);
        // Looking east, left is north.
        assert!(to.lat > pose.lat && (to.lon - pose.lon).abs() < 1e-6);
    }

    #[test]
    fn zoom_and_tilt_stay_within_their_limits() {
        let (pose, frame) = setup();
        let to = orbited(&pose, &Wish { zoom: 1e-9, tilt_deg: 500.0, ..default() }, 1.0, &frame);
        assert_eq!((to.distance_m, to.pitch_deg), (*DISTANCE_M.start(), *PITCH_DEG.end()));
    }

    #[test]
    fn looking_around_while_flying_keeps_the_eye_where_it_is() {
        let (pose, frame) = setup();
        let to = flown(&pose, &Wish { turn_deg: 30.0, tilt_deg: -10.0, zoom: 1.0, ..default() }, &frame);
        let (a, b) = (eye_of(&pose, &frame.0).position, eye_of(&to, &frame.0).position);
        assert!((a - b).length() < 0.01, "{}", (a - b).length());
    }
}
