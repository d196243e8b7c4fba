//! Signs on the city: warned areas, incident markers, units, labels, the course. Painted over the picture, behind the panels.

pub mod alerts;
pub mod course;
pub mod labels;
pub mod markers;
pub mod shapes;
pub mod units;

use crate::geo::{Geodetic, LocalFrame};
use crate::render::camera::{Eye, Tangents};
use bevy_egui::egui::{Pos2, Rect, pos2, vec2};

/// How points of the city land on this screen's picture.
///
/// Positions are kept in units of the whole picture's height, so that the nodes of a wall, each of which shows a part, decide alike.
#[derive(Clone, Copy, Debug)]
pub struct Projector {
    pub eye: Eye,
    pub frame: LocalFrame,
    /// Of the whole picture.
    pub whole: Tangents,
    /// Of what this screen shows.
    pub part: Tangents,
    /// This screen, in points of egui.
    pub screen: Rect,
}

/// A point on the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Rightwards and downwards from the top left of the whole picture, in heights of it.
    pub x: f64,
    pub y: f64,
    pub distance_m: f64,
}

impl Projector {
    /// `None` for what lies behind the eye.
    pub fn spot(&self, lon: f64, lat: f64, height_m: f64) -> Option<Spot> {
        self.spot_enu(self.frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, height_m)))
    }

    /// The same for an east-north-up point of the scene's frame.
    pub fn spot_enu(&self, enu: bevy::math::DVec3) -> Option<Spot> {
        let v = enu - self.eye.position;
        let right = self.eye.forward.cross(self.eye.up);
        let depth = v.dot(self.eye.forward);
        if depth < 1.0 {
            return None;
        }
        let (tx, ty) = (v.dot(right) / depth, v.dot(self.eye.up) / depth);
        let h = self.whole.height();
        Some(Spot { x: (tx - self.whole.left) / h, y: (self.whole.top - ty) / h, distance_m: v.length() })
    }

    /// Where a spot is on this screen.
    pub fn place(&self, spot: &Spot) -> Pos2 {
        let h = self.whole.height();
        let (tx, ty) = (spot.x * h + self.whole.left, self.whole.top - spot.y * h);
        let u = (tx - self.part.left) / self.part.width();
        let v = (self.part.top - ty) / self.part.height();
        pos2(self.screen.left() + u as f32 * self.screen.width(), self.screen.top() + v as f32 * self.screen.height())
    }

    /// Points of egui that one height of the whole picture takes here.
    pub fn points_per_height(&self) -> f64 {
        f64::from(self.screen.height()) * self.whole.height() / self.part.height()
    }

    /// All screens of a wall in points of this one; this screen alone without a wall.
    pub fn screens(&self, outputs: &[Tangents]) -> Vec<Rect> {
        let rect = |part: &Tangents| {
            let x = |t: f64| self.screen.left() + ((t - self.part.left) / self.part.width()) as f32 * self.screen.width();
            let y = |t: f64| self.screen.top() + ((self.part.top - t) / self.part.height()) as f32 * self.screen.height();
            Rect::from_min_max(pos2(x(part.left), y(part.top)), pos2(x(part.right), y(part.bottom)))
        };
        if outputs.is_empty() { vec![self.screen] } else { outputs.iter().map(rect).collect() }
    }

    /// Whether an east-north-up point lies on the whole picture or a little beside it: a quick look that leaves out most of a city.
    pub fn is_about_in_view(&self, enu: bevy::math::DVec3) -> bool {
        const BESIDE: f64 = 0.15;
        let aspect = self.whole.width() / self.whole.height();
        let beside = |v: f64, end: f64| (-BESIDE..=end + BESIDE).contains(&v);
        self.spot_enu(enu).is_some_and(|s| beside(s.x, aspect) && beside(s.y, 1.0))
    }

    /// Pushes a sign whose centre is on this screen wholly onto it, so that none crosses a bezel; `None` when its centre is on another screen.
    pub fn kept_whole(&self, centre: Pos2, half: f32) -> Option<Pos2> {
        if !self.screen.contains(centre) {
            return None;
        }
        let inner = self.screen.shrink2(vec2(half.min(self.screen.width() * 0.5), half.min(self.screen.height() * 0.5)));
        Some(inner.clamp(centre))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::CameraPose;
    use crate::render::camera::{FOV_Y_RAD, eye_of};

    fn projector(part: Tangents) -> Projector {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let pose = CameraPose { lon: 118.275, lat: 33.963, height_m: 0.0, heading_deg: 20.0, pitch_deg: 40.0, distance_m: 1_000.0 };
        let whole = Tangents::symmetric(FOV_Y_RAD, 2.0);
        Projector { eye: eye_of(&pose, &frame), frame, whole, part, screen: Rect::from_min_size(Pos2::ZERO, vec2(200.0, 100.0)) }
    }

    #[test]
    fn the_target_is_in_the_middle_and_what_is_behind_is_nowhere() {
        let p = projector(Tangents::symmetric(FOV_Y_RAD, 2.0));
        let spot = p.spot(118.275, 33.963, 0.0).unwrap();
        assert!((p.place(&spot) - pos2(100.0, 50.0)).length() < 1e-3 && (spot.distance_m - 1_000.0).abs() < 1e-3);
        assert!(p.spot(118.275, 33.90, 0.0).is_none());
    }

    #[test]
    fn a_sign_at_the_edge_slides_onto_the_screen_that_holds_its_centre() {
        let p = projector(Tangents::symmetric(FOV_Y_RAD, 2.0));
        assert_eq!(p.kept_whole(pos2(1.0, 50.0), 10.0), Some(pos2(10.0, 50.0)));
        assert_eq!(p.kept_whole(pos2(-1.0, 50.0), 10.0), None);
    }
}
