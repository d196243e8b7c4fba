//! Incident markers: a stem from the ground, a head that faces the viewer; clusters far away.

use super::{Projector, Spot, shapes};
use crate::model::cluster::{Cluster, Head, cluster};
use crate::model::incident::Incident;
use crate::screen::style::{self, TextSizes, severity_colour};
use bevy_egui::egui::{Align2, Color32, Painter, Pos2, Rect, Stroke, vec2};
use chrono::{DateTime, Utc};

/// What the painter needs beside the incidents.
pub struct Signs<'a> {
    pub projector: &'a Projector,
    pub text: &'a TextSizes,
    pub now: DateTime<Utc>,
    /// Height of the ground at a place, metres; incidents stand on it.
    pub ground: &'a dyn Fn(f64, f64) -> f64,
    /// Signs are kept out of these panels.
    pub panels: &'a [Rect],
    pub reduced_motion: bool,
    /// Whether what needs a hand now glows.
    pub glow: bool,
}

/// A head as drawn, for clicks and for keeping labels away.
#[derive(Clone, Debug)]
pub struct DrawnHead {
    pub rect: Rect,
    /// Ids inside, worst first.
    pub incidents: Vec<String>,
}

/// Heads nearer than this many head radii become one.
const CLUSTER_REACH: f64 = 3.0;
/// Length of a stem on the ground near the camera, metres; far away it has a least length on the picture.
const STEM_M: f64 = 60.0;
const PULSE_S: f32 = 1.2;
/// How far a head's light reaches, in its radii: two heads that are not one cluster yet still are two lights.
const GLOW: f32 = 3.4;

/// Draws all open incidents; returns their heads, and everything names and units must keep clear of (panels included).
pub fn draw(painter: &Painter, signs: &Signs, incidents: &[&Incident], selected: Option<&str>) -> (Vec<DrawnHead>, Vec<Rect>) {
    let radius = signs.text.body * 0.62;
    let placed: Vec<(usize, Spot, Spot)> =
        incidents.iter().enumerate().filter_map(|(i, n)| stem(signs, n).map(|(f, h)| (i, f, h))).collect();
    let heads: Vec<Head> = placed
        .iter()
        .map(|(i, _, head)| Head {
            x: head.x,
            y: head.y,
            severity: incidents[*i].severity,
            alone: selected == Some(incidents[*i].id.as_str()),
        })
        .collect();
    let reach = f64::from(radius) * CLUSTER_REACH / signs.projector.points_per_height();
    let mut clusters = cluster(&heads, reach);
    // The worst on top: drawn last.
    clusters.reverse();
    let mut drawn = Vec::new();
    let mut taken: Vec<Rect> = signs.panels.to_vec();
    for c in &clusters {
        let (first, foot, spot) = placed[c.members[0]];
        let incident = incidents[first];
        let is_selected = selected == Some(incident.id.as_str());
        // Under a panel it would be half a sign; the list shows it.
        if signs.panels.iter().any(|p| p.expand(radius).contains(signs.projector.place(&spot))) {
            continue;
        }
        stem_line(painter, signs, &foot, &spot, incident, is_selected);
        let Some(at) = signs.projector.kept_whole(signs.projector.place(&spot), radius * 1.7) else { continue };
        one_head(painter, signs, at, radius, c, incident, is_selected);
        let rect = Rect::from_center_size(at, vec2(radius, radius) * 2.8);
        taken.push(rect);
        drawn.push(DrawnHead { rect, incidents: c.members.iter().map(|m| incidents[placed[*m].0].id.clone()).collect() });
    }
    // Labels after all heads, worst first, where there is room.
    for c in clusters.iter().rev() {
        let (first, _, spot) = placed[c.members[0]];
        let incident = incidents[first];
        let is_selected = selected == Some(incident.id.as_str());
        let at = signs.projector.place(&spot);
        if c.members.len() == 1
            && signs.projector.screen.contains(at)
            && !signs.panels.iter().any(|p| p.expand(radius).contains(at))
            && (is_selected || spot.distance_m < 9_000.0)
        {
            label(painter, signs, at, radius, incident, is_selected, &mut taken);
        }
    }
    (drawn, taken)
}

/// Foot and head of an incident's stem.
fn stem(signs: &Signs, incident: &Incident) -> Option<(Spot, Spot)> {
    let ground = (signs.ground)(incident.lon, incident.lat);
    let foot = signs.projector.spot(incident.lon, incident.lat, ground)?;
    let least = f64::from(signs.text.body) * 2.4 / signs.projector.points_per_height();
    let head = signs.projector.spot(incident.lon, incident.lat, ground + STEM_M)?;
    let head = if foot.y - head.y < least { Spot { y: foot.y - least, x: foot.x, ..head } } else { head };
    Some((foot, head))
}

fn stem_line(painter: &Painter, signs: &Signs, foot: &Spot, head: &Spot, incident: &Incident, selected: bool) {
    let (a, b) = (signs.projector.place(foot), signs.projector.place(head));
    let visible = signs.projector.screen.expand(4.0);
    if !visible.contains(a) && !visible.contains(b) {
        return;
    }
    let colour = severity_colour(incident.severity).gamma_multiply(if selected { 1.0 } else { 0.75 });
    let width = (signs.text.body * 0.09).max(1.2);
    painter.line_segment([a, b], Stroke::new(width * 2.2, Color32::from_rgba_unmultiplied(8, 12, 20, 120)));
    painter.line_segment([a, b], Stroke::new(width, colour));
    painter.circle_filled(a, width * 1.9, colour);
}

fn one_head(painter: &Painter, signs: &Signs, at: Pos2, radius: f32, c: &Cluster, incident: &Incident, selected: bool) {
    if signs.glow && incident.acknowledged.is_none() {
        shapes::halo(painter, at, radius * GLOW, c.severity);
    }
    if selected {
        painter.circle(at, radius * 1.75, style::ACCENT.gamma_multiply(0.25), Stroke::new(radius * 0.16, style::ACCENT));
    }
    let age_s = (signs.now - incident.reported_at).as_seconds_f64() as f32;
    if (0.0..PULSE_S).contains(&age_s) && !signs.reduced_motion {
        let u = age_s / PULSE_S;
        painter.circle_stroke(
            at,
            radius * (1.3 + 2.2 * u),
            Stroke::new(radius * 0.2, severity_colour(incident.severity).gamma_multiply(1.0 - u)),
        );
    }
    if c.members.len() > 1 {
        painter.circle_filled(at, radius * 1.45, Color32::from_rgba_unmultiplied(11, 17, 27, 235));
        shapes::head(painter, at, radius * 1.22, c.severity, false);
        let dark = Color32::from_rgb(0x0B, 0x11, 0x1B);
        painter.text(at, Align2::CENTER_CENTER, c.members.len(), style::strong(radius * 1.15), dark);
        return;
    }
    shapes::head(painter, at, radius, incident.severity, incident.acknowledged.is_some());
    if let Some(due) = incident.due_at {
        let limit = (due - incident.reported_at).as_seconds_f64();
        if limit > 0.0 {
            let used = (signs.now - incident.reported_at).as_seconds_f64() / limit;
            shapes::time_ring(painter, at, radius * 1.5, used as f32);
        }
    }
}

/// Title and age beside a head, if neither panel, head nor other label is in the way.
fn label(painter: &Painter, signs: &Signs, at: Pos2, radius: f32, incident: &Incident, selected: bool, taken: &mut Vec<Rect>) {
    let size = signs.text.small.max(signs.text.body * 0.82);
    let title: String = incident.title.chars().take(14).collect();
    let galley = painter.layout_no_wrap(title, style::strong(size), style::TEXT);
    let age = painter.layout_no_wrap(age_words(signs.now - incident.reported_at), style::regular(size * 0.82), style::QUIET);
    let width = galley.size().x.max(age.size().x);
    let height = galley.size().y + age.size().y * 0.92;
    let pad = size * 0.4;
    let sides = [vec2(radius * 2.0, -height * 0.5), vec2(-radius * 2.0 - width - 2.0 * pad, -height * 0.5)];
    for side in sides {
        let rect = Rect::from_min_size(at + side, vec2(width + 2.0 * pad, height + pad));
        if !signs.projector.screen.shrink(2.0).contains_rect(rect) || (taken.iter().any(|t| t.intersects(rect)) && !selected) {
            continue;
        }
        painter.rect_filled(rect, 4.0, Color32::from_rgba_unmultiplied(10, 16, 26, if selected { 235 } else { 190 }));
        painter.galley(rect.min + vec2(pad, pad * 0.4), galley.clone(), style::TEXT);
        painter.galley(rect.min + vec2(pad, pad * 0.4 + galley.size().y * 0.96), age, style::QUIET);
        taken.push(rect);
        return;
    }
}

/// An age as people say it.
pub fn age_words(age: chrono::TimeDelta) -> String {
    let minutes = age.num_minutes();
    match minutes {
        ..=0 => "刚刚 now".to_owned(),
        1..=59 => format!("{minutes} 分 min"),
        60..=1439 => format!("{} 时 {} 分", minutes / 60, minutes % 60),
        _ => format!("{} 天 d", minutes / 1440),
    }
}
