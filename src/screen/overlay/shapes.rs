//! The four severities as shapes that are told apart without colour.

use crate::model::incident::Severity;
use crate::screen::style::severity_colour;
use bevy_egui::egui::{Color32, Painter, Pos2, Shape, Stroke, vec2};

/// A head of a marker: diamond, triangle, circle or square. `hollow`: acknowledged.
pub fn head(painter: &Painter, at: Pos2, radius: f32, severity: Severity, hollow: bool) {
    let colour = severity_colour(severity);
    let dark = Color32::from_rgb(0x0B, 0x11, 0x1B);
    let (fill, line) = if hollow { (dark, Stroke::new(radius * 0.26, colour)) } else { (colour, Stroke::new(radius * 0.16, dark)) };
    let r = radius;
    let corner = |x: f32, y: f32| at + vec2(x * r, y * r);
    match severity {
        Severity::Critical => {
            polygon(painter, vec![corner(0.0, -1.25), corner(1.15, 0.0), corner(0.0, 1.25), corner(-1.15, 0.0)], fill, line)
        }
        Severity::Major => polygon(painter, vec![corner(0.0, -1.15), corner(1.15, 0.85), corner(-1.15, 0.85)], fill, line),
        Severity::Minor => {
            painter.circle(at, r * 0.95, fill, line);
        }
        Severity::Info => {
            polygon(painter, vec![corner(-0.85, -0.85), corner(0.85, -0.85), corner(0.85, 0.85), corner(-0.85, 0.85)], fill, line)
        }
    }
}

fn polygon(painter: &Painter, points: Vec<Pos2>, fill: Color32, line: Stroke) {
    painter.add(Shape::convex_polygon(points, fill, line));
}

/// A ring that fills clockwise from the top with the share of the limit used, red when it is over.
pub fn time_ring(painter: &Painter, at: Pos2, radius: f32, used: f32) {
    let over = used >= 1.0;
    let colour = if over { Color32::from_rgb(0xFF, 0x4D, 0x4F) } else { Color32::from_rgb(0xC8, 0xD4, 0xE2) };
    painter.circle_stroke(at, radius, Stroke::new(radius * 0.10, Color32::from_rgba_unmultiplied(0x0B, 0x11, 0x1B, 190)));
    let steps = 48;
    let last = (used.clamp(0.0, 1.0) * steps as f32).round() as usize;
    let point = |i: usize| {
        let angle = i as f32 / steps as f32 * std::f32::consts::TAU;
        at + vec2(angle.sin(), -angle.cos()) * radius
    };
    if last > 0 {
        painter.line((0..=last).map(point).collect(), Stroke::new(radius * 0.14, colour));
    }
}
