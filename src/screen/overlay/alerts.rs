//! Public warnings as areas on the ground: a light fill, an outline with the severity's shape strung along it, and the headline.
//!
//! An exercise is dashed and says so in words; what begins later is fainter and says when. What is over is not drawn at all.

use super::{Projector, shapes};
use crate::geo::Geodetic;
use crate::model::alert::{Alert, AlertStatus, is_inside, label_place};
use crate::screen::panels::clock_time;
use crate::screen::style::{self, TextSizes, severity_colour};
use bevy::math::DVec3;
use bevy_egui::egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};
use chrono::{DateTime, Utc};

/// Alerts drawn; more at a time nobody tells apart, and the list has them all.
const DRAWN_MAX: usize = 40;
/// Corners of a ring that are drawn; a border in finer detail is thinned.
const CORNERS_MAX: usize = 600;
/// A side longer than this is cut, so that it follows the ground, metres.
const SIDE_M: f64 = 400.0;
const PIECES_MAX: usize = 3_000;
/// Nearer than this is behind the picture, metres.
const NEAR_M: f64 = 2.0;
/// Between two shapes on an outline, in heights of body text.
const SHAPES_EM: f32 = 5.5;

/// What is drawn beside the alerts.
pub struct Ground<'a> {
    pub projector: &'a Projector,
    pub text: &'a TextSizes,
    pub now: DateTime<Utc>,
    /// Height of the ground at a place, metres.
    pub height: &'a dyn Fn(f64, f64) -> f64,
}

/// Draws areas and outlines. Before everything else that stands on the ground.
pub fn draw_areas<'a>(painter: &Painter, ground: &Ground, alerts: impl Iterator<Item = &'a Alert>) {
    for alert in worst_last(alerts, ground.now) {
        for ring in alert.areas.iter().flat_map(|a| a.rings()) {
            one_area(painter, ground, alert, &thinned(ring));
        }
    }
}

/// Draws a headline in each alert, worst first, where there is room.
pub fn draw_labels<'a>(painter: &Painter, ground: &Ground, alerts: impl Iterator<Item = &'a Alert>, taken: &mut Vec<Rect>) {
    for alert in worst_last(alerts, ground.now).into_iter().rev() {
        let rings: Vec<_> = alert.areas.iter().flat_map(|a| a.rings()).collect();
        // Someone who stands in the middle of a wide area sees its name where they look.
        let target = ground.projector.frame.enu_to_geodetic(ground.projector.eye.target);
        let target = [target.lon_deg(), target.lat_deg()];
        let around = rings.iter().any(|r| is_inside(r, target)).then_some(target);
        let places = rings.iter().filter_map(|r| label_place(r)).chain(around);
        for [lon, lat] in places {
            let spot = ground.projector.spot(lon, lat, (ground.height)(lon, lat));
            let at = spot.map(|s| ground.projector.place(&s)).filter(|at| ground.projector.screen.contains(*at));
            if at.is_some_and(|at| label(painter, ground, alert, at, taken)) {
                break;
            }
        }
    }
}

fn worst_last<'a>(alerts: impl Iterator<Item = &'a Alert>, now: DateTime<Utc>) -> Vec<&'a Alert> {
    let mut shown: Vec<&Alert> = alerts.filter(|a| a.is_shown(now)).collect();
    shown.sort_by_key(|a| (a.status == AlertStatus::Exercise, a.severity, a.effective));
    shown.truncate(DRAWN_MAX);
    shown.reverse();
    shown
}

fn thinned(ring: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let step = ring.len().div_ceil(CORNERS_MAX).max(1);
    let last = ring.len().saturating_sub(1);
    ring.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last).map(|(_, p)| p).collect()
}

fn one_area(painter: &Painter, ground: &Ground, alert: &Alert, ring: &[[f64; 2]]) {
    let strength = if alert.effective <= ground.now { 1.0 } else { 0.5 };
    let colour = severity_colour(alert.severity);
    painter.add(Shape::mesh(fill(ground.projector, &flat(ground, ring), colour.gamma_multiply(0.10 * strength))));
    let way = draped(ground, ring);
    let width = (ground.text.body * 0.14).max(1.6);
    for run in runs(ground.projector, &way) {
        let stroke = Stroke::new(width, colour.gamma_multiply(0.9 * strength));
        painter.line(run.clone(), Stroke::new(width * 2.2, Color32::from_rgba_unmultiplied(8, 12, 20, 110)));
        if alert.status == AlertStatus::Exercise {
            painter.extend(Shape::dashed_line(&run, stroke, width * 5.0, width * 4.0));
        } else {
            painter.line(run.clone(), stroke);
        }
        for at in strung(&run, ground.text.body * SHAPES_EM) {
            shapes::head(painter, at, ground.text.body * 0.32, alert.severity, alert.status == AlertStatus::Exercise);
        }
    }
}

fn enu(ground: &Ground, [lon, lat]: [f64; 2], lift_m: f64) -> DVec3 {
    ground.projector.frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, (ground.height)(lon, lat) + lift_m))
}

/// Corners on the ground, for the fill.
fn flat(ground: &Ground, ring: &[[f64; 2]]) -> Vec<DVec3> {
    ring.iter().map(|p| enu(ground, *p, 0.0)).collect()
}

/// The outline with long sides cut, a little above the ground.
fn draped(ground: &Ground, ring: &[[f64; 2]]) -> Vec<DVec3> {
    let mut way = Vec::new();
    for side in ring.windows(2) {
        let (a, b) = (enu(ground, side[0], 3.0), enu(ground, side[1], 3.0));
        // Far away nobody sees the ground under a line.
        let near = a.distance(ground.projector.eye.position).min(b.distance(ground.projector.eye.position)) < 20_000.0;
        let pieces = if near { ((a.distance(b) / SIDE_M).ceil() as usize).clamp(1, 64) } else { 1 };
        for i in 0..pieces {
            let t = i as f64 / pieces as f64;
            way.push(enu(ground, [side[0][0] + t * (side[1][0] - side[0][0]), side[0][1] + t * (side[1][1] - side[0][1])], 3.0));
        }
        if way.len() > PIECES_MAX {
            break;
        }
    }
    way.extend(way.first().copied());
    way
}

/// Right, up and depth of a point as the eye sees it.
fn seen(projector: &Projector, point: DVec3) -> DVec3 {
    let (eye, v) = (&projector.eye, point - projector.eye.position);
    DVec3::new(v.dot(eye.forward.cross(eye.up)), v.dot(eye.up), v.dot(eye.forward))
}

fn on_screen(projector: &Projector, seen: DVec3) -> Pos2 {
    let (tx, ty) = (seen.x / seen.z, seen.y / seen.z);
    let u = (tx - projector.part.left) / projector.part.width();
    let v = (projector.part.top - ty) / projector.part.height();
    pos2(projector.screen.left() + u as f32 * projector.screen.width(), projector.screen.top() + v as f32 * projector.screen.height())
}

/// Where a line crosses the near plane.
fn at_near(a: DVec3, b: DVec3) -> DVec3 {
    a + (b - a) * ((NEAR_M - a.z) / (b.z - a.z))
}

/// The area as triangles, cut where they come behind the eye.
fn fill(projector: &Projector, corners: &[DVec3], colour: Color32) -> Mesh {
    let outline: Vec<[f64; 2]> = corners.split_last().map_or(Vec::new(), |(_, ring)| ring.iter().map(|c| [c.x, c.y]).collect());
    let mut indices: Vec<u32> = Vec::new();
    earcut::Earcut::new().earcut(outline, &[] as &[u32], &mut indices);
    let mut mesh = Mesh::default();
    for triangle in indices.chunks_exact(3) {
        let points: Vec<DVec3> = triangle.iter().map(|i| seen(projector, corners[*i as usize])).collect();
        let mut visible = Vec::with_capacity(4);
        for (i, a) in points.iter().enumerate() {
            let b = &points[(i + 1) % 3];
            if a.z >= NEAR_M {
                visible.push(*a);
            }
            if (a.z >= NEAR_M) != (b.z >= NEAR_M) {
                visible.push(at_near(*a, *b));
            }
        }
        let first = mesh.vertices.len() as u32;
        for point in &visible {
            mesh.colored_vertex(on_screen(projector, *point), colour);
        }
        for i in 2..visible.len() as u32 {
            mesh.add_triangle(first, first + i - 1, first + i);
        }
    }
    mesh
}

/// The pieces of a way that are on this screen or a little beside it.
fn runs(projector: &Projector, way: &[DVec3]) -> Vec<Vec<Pos2>> {
    let around = projector.screen.expand(projector.screen.width().max(projector.screen.height()));
    let (mut runs, mut run): (Vec<Vec<Pos2>>, Vec<Pos2>) = (Vec::new(), Vec::new());
    for side in way.windows(2) {
        let (mut a, mut b) = (seen(projector, side[0]), seen(projector, side[1]));
        let hidden = a.z < NEAR_M && b.z < NEAR_M;
        if a.z < NEAR_M {
            a = at_near(a, b);
        } else if b.z < NEAR_M {
            b = at_near(a, b);
        }
        let (from, to) = (on_screen(projector, a), on_screen(projector, b));
        if hidden || !Rect::from_two_pos(from, to).intersects(around) {
            runs.push(std::mem::take(&mut run));
            continue;
        }
        if run.last() != Some(&from) {
            runs.push(std::mem::take(&mut run));
            run.push(from);
        }
        run.push(to);
    }
    runs.push(run);
    runs.retain(|r| r.len() > 1);
    runs
}

/// Places along a line, `every` points apart; none on a line that is shorter.
fn strung(line: &[Pos2], every: f32) -> Vec<Pos2> {
    let (mut places, mut rest) = (Vec::new(), every * 0.5);
    for side in line.windows(2) {
        let long = side[0].distance(side[1]);
        let mut at = rest;
        while at < long && places.len() < 400 {
            places.push(side[0] + (side[1] - side[0]) * (at / long));
            at += every;
        }
        rest = at - long;
    }
    places
}

/// Headline, and until when; whether there was room.
fn label(painter: &Painter, ground: &Ground, alert: &Alert, at: Pos2, taken: &mut Vec<Rect>) -> bool {
    let size = ground.text.body;
    let title: String = title(alert).chars().take(24).collect();
    let title = painter.layout_no_wrap(title, style::strong(size), style::TEXT);
    let under = painter.layout_no_wrap(when(alert, ground.now), style::regular(size * 0.8), style::QUIET);
    let (pad, mark) = (size * 0.45, size * 1.5);
    let inner = vec2(mark + title.size().x.max(under.size().x), title.size().y + under.size().y);
    let rect = Rect::from_center_size(at, inner + vec2(pad, pad) * 2.0);
    if !ground.projector.screen.shrink(2.0).contains_rect(rect) || taken.iter().any(|t| t.intersects(rect)) {
        return false;
    }
    painter.rect_filled(rect, 4.0, Color32::from_rgba_unmultiplied(10, 16, 26, 215));
    painter.rect_stroke(
        rect,
        4.0,
        Stroke::new((size * 0.08).max(1.0), severity_colour(alert.severity)),
        bevy_egui::egui::StrokeKind::Inside,
    );
    let is_exercise = alert.status == AlertStatus::Exercise;
    shapes::head(
        painter,
        pos2(rect.left() + pad + mark * 0.42, rect.top() + pad + title.size().y * 0.5),
        size * 0.42,
        alert.severity,
        is_exercise,
    );
    let left = rect.left() + pad + mark;
    let under_at = pos2(left, rect.top() + pad + title.size().y);
    painter.galley(pos2(left, rect.top() + pad), title, style::TEXT);
    painter.galley(under_at, under, style::QUIET);
    taken.push(rect);
    true
}

/// What an alert is called; an exercise never without the word.
pub fn title(alert: &Alert) -> String {
    let words = if alert.headline.is_empty() { &alert.event } else { &alert.headline };
    if alert.status == AlertStatus::Exercise { format!("演练 EXERCISE · {words}") } else { words.clone() }
}

/// From when, or until when, an alert holds.
pub fn when(alert: &Alert, now: DateTime<Utc>) -> String {
    match alert.expires {
        _ if alert.effective > now => format!("{} 起 from", clock_time(alert.effective)),
        Some(end) => format!("至 until {}", clock_time(end)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_strung_evenly_along_a_bent_line() {
        let line = [pos2(0.0, 0.0), pos2(30.0, 0.0), pos2(30.0, 40.0)];
        let places = strung(&line, 20.0);
        assert_eq!(places, [pos2(10.0, 0.0), pos2(30.0, 0.0), pos2(30.0, 20.0)]);
        assert!(strung(&line[..2], 100.0).is_empty());
    }

    #[test]
    fn a_border_in_fine_detail_keeps_its_ends_and_is_thinned() {
        let ring: Vec<[f64; 2]> = (0..=10_000).map(|i| [f64::from(i % 10_000), 0.0]).collect();
        let thin = thinned(ring);
        assert!(thin.len() <= CORNERS_MAX + 1 && thin.first() == thin.last());
    }

    #[test]
    fn an_exercise_is_never_named_without_the_word() {
        let time = DateTime::UNIX_EPOCH;
        let alert = Alert {
            id: "a".into(),
            feed: "f".into(),
            sender: String::new(),
            sent: time,
            status: AlertStatus::Exercise,
            severity: crate::model::incident::Severity::Critical,
            event: "暴雨".into(),
            headline: String::new(),
            headline_en: String::new(),
            description: String::new(),
            instruction: String::new(),
            areas: Vec::new(),
            effective: time,
            onset: None,
            expires: None,
            cancelled: false,
            replaced_by: None,
            ended_at: None,
        };
        assert_eq!(title(&alert), "演练 EXERCISE · 暴雨");
        assert_eq!(title(&Alert { status: AlertStatus::Actual, headline: "暴雨红色预警".into(), ..alert }), "暴雨红色预警");
    }
}
