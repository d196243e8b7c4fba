//! Names along roads: fixed spots on each line, turned as the road runs on the picture, never upside down.

use super::collide::Block;
use super::read::Road;
use crate::geo::{Geodetic, LocalFrame};
use bevy::math::DVec3;
use bevy_egui::egui::{Pos2, Vec2, pos2};

/// Distance between two spots for a name on the same road, metres.
const REPEAT_M: f64 = 450.0;
/// A name is not stretched over more of a road than this, metres.
const REACH_M: f64 = 700.0;
/// The steepest that a name may stand on the picture, radians.
const STEEPEST: f32 = 1.22;
/// Flatter than this is level, radians.
const LEVEL: f32 = 0.03;

/// A road ready for the picture.
#[derive(Clone, Debug)]
pub struct Line {
    /// East-north-up points at height 0, metres.
    points: Vec<DVec3>,
    /// Metres along the line at each point.
    stations: Vec<f64>,
    /// Metres along the line at each spot for a name.
    spots: Vec<f64>,
}

impl Line {
    pub fn new(road: &Road, frame: &LocalFrame) -> Self {
        let points: Vec<DVec3> = road.line.iter().map(|p| frame.geodetic_to_enu(Geodetic::from_degrees(p[0], p[1], 0.0))).collect();
        let mut at = 0.0;
        let steps = points.windows(2).map(|w| w[0].distance(w[1]));
        let stations: Vec<f64> = std::iter::once(0.0)
            .chain(steps.map(|step| {
                at += step;
                at
            }))
            .collect();
        let length = at;
        let count = (length / REPEAT_M).floor().max(1.0);
        let spots = (0..count as usize).map(|i| length * (i as f64 + 0.5) / count).collect();
        Self { points, stations, spots }
    }

    pub fn spots(&self) -> &[f64] {
        &self.spots
    }

    /// The point `along` metres from the line's beginning; `None` off its ends.
    pub fn at(&self, along: f64) -> Option<DVec3> {
        let length = *self.stations.last()?;
        if !(0.0..=length).contains(&along) {
            return None;
        }
        let i = self.stations.partition_point(|s| *s <= along).clamp(1, self.stations.len() - 1);
        let (from, to) = (self.stations[i - 1], self.stations[i]);
        let share = if to > from { (along - from) / (to - from) } else { 0.0 };
        Some(self.points[i - 1].lerp(self.points[i], share))
    }

    /// The room of a name of `size` (points) at `along`, where the road is long and straight enough for it on the picture. `project` gives the
    /// place on the screen of a point at height 0. Also gives how far the name reaches along the road to either side, metres.
    pub fn block(&self, along: f64, size: Vec2, project: &dyn Fn(DVec3) -> Option<Pos2>) -> Option<(Block, f64)> {
        let on_screen = |s: f64| project(self.at(s)?);
        const STEP_M: f64 = 12.0;
        let (a, b) = (on_screen(along - STEP_M)?, on_screen(along + STEP_M)?);
        let points_per_m = f64::from((b - a).length()) / (2.0 * STEP_M);
        let half_m = f64::from(size.x) * 0.5 / points_per_m.max(1e-6);
        if half_m > REACH_M {
            return None;
        }
        let [a, b, c, d, e] = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|share| on_screen(along + share * half_m));
        straight([a?, b?, c?, d?, e?], size).map(|block| (block, half_m))
    }
}

/// Room along five places in a row, if they are straight enough for a text of `size`.
fn straight(places: [Pos2; 5], size: Vec2) -> Option<Block> {
    let chord = places[4] - places[0];
    let length = chord.length();
    if length < size.x * 0.6 {
        return None;
    }
    let across = Vec2::new(-chord.y, chord.x) / length;
    let off: Vec<f32> = places.iter().map(|p| (*p - places[0]).dot(across)).collect();
    if off.iter().any(|o| o.abs() > size.y * 0.4) {
        return None;
    }
    let turned = upright(chord.angle());
    // Letters turned by next to nothing are only blurred by it.
    let angle = if turned.abs() < LEVEL { 0.0 } else { turned };
    let middle = places[0] + chord * 0.5 + across * (off.iter().sum::<f32>() / 5.0);
    (angle.abs() <= STEEPEST).then_some(Block { centre: pos2(middle.x, middle.y), size, angle })
}

/// An angle turned by half a circle where text along it would be upside down, radians.
pub fn upright(angle: f32) -> f32 {
    use std::f32::consts::{FRAC_PI_2, PI};
    let turned = (angle + PI).rem_euclid(2.0 * PI) - PI;
    match turned {
        a if a > FRAC_PI_2 => a - PI,
        a if a < -FRAC_PI_2 => a + PI,
        a => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::vec2;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_along_a_road_is_never_upside_down(angle in -20.0f32..20.0) {
            let up = upright(angle);
            prop_assert!(up.abs() <= std::f32::consts::FRAC_PI_2 + 1e-4);
            let same_line = (angle - up) / std::f32::consts::PI;
            prop_assert!((same_line - same_line.round()).abs() < 1e-3, "parallel to the road still");
        }
    }

    fn line(points: &[DVec3]) -> Line {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.0, 34.0, 0.0));
        let road = |p: &DVec3| {
            let g = frame.enu_to_geodetic(*p);
            [g.lon_deg(), g.lat_deg()]
        };
        let line = points.iter().map(road).collect();
        Line::new(&Road { name: "太湖路".into(), name_en: String::new(), rank: 5, line }, &frame)
    }

    #[test]
    fn names_repeat_along_a_straight_road_and_leave_a_bend_out() {
        let flat = |p: DVec3| Some(pos2(p.x as f32 * 0.2, -p.y as f32 * 0.2));
        let straight = line(&[DVec3::ZERO, DVec3::new(-1_500.0, 0.0, 0.0)]);
        assert_eq!(straight.spots().len(), 3);
        let (block, half_m) = straight.block(750.0, vec2(60.0, 14.0), &flat).unwrap();
        assert!((half_m - 150.0).abs() < 1.0, "{half_m}");
        assert!(block.angle.abs() < 0.01 && (block.centre - pos2(-150.0, 0.0)).length() < 1.0, "{block:?}");
        let bent = line(&[DVec3::ZERO, DVec3::new(750.0, 0.0, 0.0), DVec3::new(750.0, 750.0, 0.0)]);
        assert!(bent.block(750.0, vec2(60.0, 14.0), &flat).is_none());
        assert!(straight.block(10.0, vec2(60.0, 14.0), &flat).is_none(), "too near to its end");
    }
}
