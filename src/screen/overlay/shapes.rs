//! The four severities as shapes that are told apart without colour.

use crate::model::incident::Severity;
use crate::screen::style::severity_colour;
use bevy_egui::egui::{Color32, Mesh, Painter, Pos2, Shape, Stroke, vec2};

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

/// Light around a head that needs a hand now, added to what is there and gone at `radius`. The worse the stronger; information has none.
pub fn halo(painter: &Painter, at: Pos2, radius: f32, severity: Severity) {
    let strength = match severity {
        Severity::Critical => 0.55,
        Severity::Major => 0.40,
        Severity::Minor => 0.22,
        Severity::Info => return,
    };
    painter.add(glow(at, radius, severity_colour(severity), strength));
}

/// Rings of triangles whose light falls off with the square of the distance left.
fn glow(at: Pos2, radius: f32, colour: Color32, strength: f32) -> Mesh {
    const SIDES: u32 = 32;
    const RINGS: u32 = 4;
    // Premultiplied, an alpha of 0 adds.
    let light = |part: f32| {
        let of = |c: u8| (f32::from(c) * strength * (1.0 - part).powi(2)).round() as u8;
        Color32::from_rgba_premultiplied(of(colour.r()), of(colour.g()), of(colour.b()), 0)
    };
    let mut mesh = Mesh::default();
    mesh.colored_vertex(at, light(0.0));
    for ring in 1..=RINGS {
        let part = ring as f32 / RINGS as f32;
        for side in 0..SIDES {
            let angle = side as f32 / SIDES as f32 * std::f32::consts::TAU;
            mesh.colored_vertex(at + vec2(angle.cos(), angle.sin()) * radius * part, light(part));
        }
    }
    let vertex = |ring: u32, side: u32| 1 + (ring - 1) * SIDES + side % SIDES;
    for side in 0..SIDES {
        mesh.add_triangle(0, vertex(1, side), vertex(1, side + 1));
        for ring in 1..RINGS {
            mesh.add_triangle(vertex(ring, side), vertex(ring + 1, side), vertex(ring + 1, side + 1));
            mesh.add_triangle(vertex(ring, side), vertex(ring + 1, side + 1), vertex(ring, side + 1));
        }
    }
    mesh
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glow_adds_light_in_its_middle_and_none_at_its_rim() {
        let mesh = glow(Pos2::new(10.0, 20.0), 30.0, Color32::from_rgb(255, 77, 79), 0.5);
        assert!(mesh.is_valid() && mesh.vertices.iter().all(|v| v.color.a() == 0), "it covers nothing");
        assert_eq!(mesh.vertices[0].color.r(), 128);
        let rim = mesh.vertices.iter().filter(|v| (v.pos.distance(Pos2::new(10.0, 20.0)) - 30.0).abs() < 1e-3);
        assert!(rim.clone().count() == 32 && rim.clone().all(|v| v.color == Color32::TRANSPARENT));
    }
}
