//! Keeps this screen's camera with the others: tour first, then the leader's camera, then this person's hand.

use super::session::Session;
use crate::model::protocol::Command;
use crate::model::view::{CameraPose, TourMove, TourState, ViewPatch};
use crate::render::camera::{MOVE_S, OrbitCamera};
use crate::render::tiles::PosesAhead;
use bevy::prelude::*;

/// What was last taken over from the shared view and last told to it.
#[derive(Resource, Default)]
pub struct Followed {
    seen: Option<CameraPose>,
    told_at_s: f64,
    untold: bool,
    tour: Joined,
}

/// How far this screen is with a tour.
#[derive(Default, PartialEq)]
enum Joined {
    #[default]
    No,
    /// Flying to where the tour is.
    Joining,
    Along,
}

/// Camera poses told per second while a hand moves: enough to look smooth after easing, few enough to be durable each.
const TELL_INTERVAL_S: f64 = 0.1;
/// How far ahead a tour is looked, seconds: time to load the tiles of a district from a disk or a near server.
const AHEAD_S: [f64; 3] = [2.0, 5.0, 9.0];
/// A pose that differs by more than this share of the distance is flown to, not followed.
const FAR_SHARE: f64 = 0.35;

/// Moves the camera by tour or leader, and tells the hub where this screen went when it leads.
pub fn follow(
    time: Res<Time>,
    scene: Res<super::session::SceneInfo>,
    mut session: ResMut<Session>,
    mut camera: ResMut<OrbitCamera>,
    mut followed: ResMut<Followed>,
    mut ahead: ResMut<PosesAhead>,
) {
    let now_s = time.elapsed_secs_f64();
    let tour = session.world.view.as_ref().map_or(TourState::Off, |v| v.tour);
    let by_hand = std::mem::take(&mut camera.moved_by_hand);
    let position = tour.position_s(session.hub_now());
    ahead.set_if_neq(PosesAhead(match (position, &scene.scene.tour) {
        (Some(now), Some(path)) => AHEAD_S.iter().filter_map(|s| path.pose(now + s)).collect(),
        _ => Vec::new(),
    }));
    if let (Some(position_s), Some(path)) = (position, &scene.scene.tour) {
        if by_hand && matches!(tour, TourState::Playing { .. }) && session.may_lead() {
            // A hand on the camera pauses the tour; it can go on from there.
            session.ask(Command::View { patch: ViewPatch { tour: Some(TourMove::Pause), ..default() } });
        }
        if let Some(pose) = path.pose(position_s).filter(|_| !(by_hand && session.may_lead())) {
            match followed.tour {
                Joined::No => {
                    camera.go_to(pose, MOVE_S);
                    followed.tour = Joined::Joining;
                }
                Joined::Joining if camera.is_moving() => {}
                _ => {
                    followed.tour = Joined::Along;
                    camera.follow(pose, time.delta_secs_f64() * 2.0);
                }
            }
            return;
        }
    }
    followed.tour = Joined::No;
    let Some(shared) = session.world.view.as_ref().map(|v| v.camera) else { return };
    let leads = session.leads();
    if by_hand && session.may_lead() {
        followed.untold = true;
    }
    if followed.untold && leads_or_free(&session) {
        if now_s - followed.told_at_s >= TELL_INTERVAL_S {
            let pose = camera.pose;
            session.ask(Command::View { patch: ViewPatch { camera: Some(pose), ..default() } });
            followed.told_at_s = now_s;
            followed.untold = false;
            followed.seen = Some(pose);
        }
        return;
    }
    // What came back of one's own movement is not new.
    if followed.seen == Some(shared) || (leads && now_s - followed.told_at_s < 1.0) {
        return;
    }
    let first = followed.seen.is_none();
    followed.seen = Some(shared);
    if first {
        camera.set(shared);
    } else if is_far(&camera.goal(), &shared) {
        camera.go_to(shared, MOVE_S);
    } else {
        camera.go_to(shared, 0.25);
    }
}

fn leads_or_free(session: &Session) -> bool {
    session.leads() || session.world.view.as_ref().is_some_and(|v| v.leader.is_none())
}

fn is_far(a: &CameraPose, b: &CameraPose) -> bool {
    let metres = 111_000.0 * ((a.lon - b.lon) * a.lat.to_radians().cos()).hypot(a.lat - b.lat);
    let turn = ((b.heading_deg - a.heading_deg + 180.0).rem_euclid(360.0) - 180.0).abs();
    metres > a.distance_m * FAR_SHARE || turn > 25.0 || (a.distance_m / b.distance_m).ln().abs() > 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_are_followed_and_jumps_are_flown() {
        let a = CameraPose { lon: 118.275, lat: 33.963, height_m: 20.0, heading_deg: 0.0, pitch_deg: 40.0, distance_m: 2_000.0 };
        assert!(!is_far(&a, &CameraPose { lon: 118.276, ..a }));
        assert!(is_far(&a, &CameraPose { lon: 118.375, ..a }));
        assert!(is_far(&a, &CameraPose { heading_deg: 300.0, ..a }));
    }
}
