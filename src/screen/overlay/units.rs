//! Units: an arrow with heading and call sign, coloured by state, grey and dashed when stale.

use super::Projector;
use crate::model::unit::{Unit, UnitState};
use crate::screen::style::{self, TextSizes};
use bevy_egui::egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};
use chrono::{DateTime, Utc};

/// Beyond this distance units are left out, and call signs well before, metres.
const REACH_M: f64 = 14_000.0;
const CALL_SIGN_M: f64 = 3_000.0;

fn colour(state: UnitState) -> Color32 {
    match state {
        UnitState::Available => Color32::from_rgb(0x5F, 0xC9, 0xB0),
        UnitState::EnRoute => Color32::from_rgb(0xF5, 0xC2, 0x6B),
        UnitState::OnScene => Color32::from_rgb(0xE8, 0x8A, 0x6A),
        UnitState::OffDuty => Color32::from_rgb(0x7C, 0x8A, 0x9C),
    }
}

pub fn draw<'a>(
    painter: &Painter,
    projector: &Projector,
    text: &TextSizes,
    units: impl Iterator<Item = &'a Unit>,
    now: DateTime<Utc>,
    ground: &dyn Fn(f64, f64) -> f64,
    taken: &mut Vec<Rect>,
) {
    for unit in units {
        let Some(spot) = projector.spot(unit.lon, unit.lat, ground(unit.lon, unit.lat) + 6.0).filter(|s| s.distance_m < REACH_M) else {
            continue;
        };
        let size = text.body * 0.46;
        let Some(at) = projector.kept_whole(projector.place(&spot), size) else { continue };
        if taken.iter().any(|t| t.intersects(Rect::from_center_size(at, vec2(size, size) * 1.6))) {
            continue;
        }
        let stale = unit.is_stale(now);
        let fill = if stale { Color32::from_rgb(0x66, 0x71, 0x80) } else { colour(unit.state) };
        arrow(painter, at, size, screen_heading(projector, unit, ground).unwrap_or(0.0), fill, stale);
        let rect = Rect::from_center_size(at, vec2(size, size) * 2.0);
        taken.push(rect);
        if spot.distance_m < CALL_SIGN_M {
            let galley = painter.layout_no_wrap(unit.call_sign.clone(), style::regular(text.small * 0.92), fill);
            let label = Align2::CENTER_TOP.anchor_size(pos2(at.x, at.y + size * 1.1), galley.size());
            if projector.screen.contains_rect(label) && !taken.iter().any(|t| t.intersects(label)) {
                painter.rect_filled(label.expand(2.0), 3.0, Color32::from_rgba_unmultiplied(10, 16, 26, 150));
                painter.galley(label.min, galley, fill);
                taken.push(label);
            }
        }
    }
}

/// Direction of the unit on the picture, radians clockwise from up.
fn screen_heading(projector: &Projector, unit: &Unit, ground: &dyn Fn(f64, f64) -> f64) -> Option<f32> {
    let (sin, cos) = unit.heading_deg.to_radians().sin_cos();
    let height = ground(unit.lon, unit.lat) + 6.0;
    let step = 20.0 / 111_320.0;
    let a = projector.place(&projector.spot(unit.lon, unit.lat, height)?);
    let b =
        projector.place(&projector.spot(unit.lon + sin * step / unit.lat.to_radians().cos().max(0.05), unit.lat + cos * step, height)?);
    Some((b.x - a.x).atan2(a.y - b.y))
}

fn arrow(painter: &Painter, at: Pos2, size: f32, heading: f32, fill: Color32, stale: bool) {
    let (sin, cos) = heading.sin_cos();
    let turn = |x: f32, y: f32| at + vec2(x * cos - y * sin, x * sin + y * cos) * size;
    let outline = Stroke::new((size * 0.34).max(1.5), Color32::from_rgb(0x0B, 0x11, 0x1B));
    let (tip, right, notch, left) = (turn(0.0, -1.0), turn(0.72, 0.85), turn(0.0, 0.45), turn(-0.72, 0.85));
    if stale {
        painter.extend(Shape::dashed_line(&[tip, right, notch, left, tip], Stroke::new(size * 0.16, fill), size * 0.3, size * 0.25));
    } else {
        painter.add(Shape::closed_line(vec![tip, right, notch, left], outline));
        painter.add(Shape::convex_polygon(vec![tip, right, notch], fill, Stroke::NONE));
        painter.add(Shape::convex_polygon(vec![tip, notch, left], fill, Stroke::NONE));
    }
}
