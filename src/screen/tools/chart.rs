//! The profile of a section: ground as a line, buildings as blocks on it.

use super::Text;
use crate::analysis::SectionResult;
use crate::screen::style::{self, ACCENT, LINE, QUIET, TEXT};
use bevy_egui::egui::{self, Align2, Color32, Pos2, Rect, Stroke, Ui, pos2, vec2};

const BLOCK: Color32 = Color32::from_rgb(0x7C, 0x8C, 0xA3);

/// A step of 1, 2 or 5 times a power of ten that gives about `wanted` marks over `span`.
fn nice_step(span: f64, wanted: f64) -> f64 {
    let raw = (span / wanted).max(1e-6);
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(power * 10.0)
}

/// Draws the profile with both axes in metres; heights are above the ellipsoid.
pub fn show(ui: &mut Ui, text: &Text, section: &SectionResult) {
    let Some([low, high]) = section.ground_range_m else { return };
    let top = section.crossed.iter().map(|c| c.top_m).fold(high, f64::max);
    let step = nice_step((top - low).max(10.0), 4.0);
    let (bottom, top) = ((low / step).floor() * step, (top / step).ceil() * step);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), text.body * 12.0), egui::Sense::hover());
    let plot = Rect::from_min_max(rect.min + vec2(text.body * 2.6, text.body * 2.4), rect.max - vec2(text.body * 0.8, text.body * 2.4));
    let length = section.length_m.max(1e-6);
    let at = |d: f64, h: f64| {
        let (u, v) = (d / length, (h - bottom) / (top - bottom).max(1e-6));
        pos2(plot.left() + plot.width() * u as f32, plot.bottom() - plot.height() * v as f32)
    };
    axes(ui, text, plot, rect, (length, bottom, top, step), &at);
    let painter = ui.painter_at(rect);
    let mut columns = egui::Mesh::default();
    for pair in section.samples.windows(2) {
        let [a, b] = pair else { continue };
        let (Some(top_a), Some(ground_a), Some(ground_b)) = (a.top_m, a.ground_m, b.ground_m) else { continue };
        let top_b = b.top_m.filter(|_| a.crossed == b.crossed).unwrap_or(top_a);
        let first = columns.vertices.len() as u32;
        let corners = [at(a.distance_m, ground_a), at(b.distance_m, ground_b), at(b.distance_m, top_b), at(a.distance_m, top_a)];
        corners.iter().for_each(|p| columns.colored_vertex(*p, BLOCK));
        columns.add_triangle(first, first + 1, first + 2);
        columns.add_triangle(first, first + 2, first + 3);
    }
    painter.add(egui::Shape::mesh(columns));
    let ground: Vec<Pos2> = section.samples.iter().filter_map(|s| Some(at(s.distance_m, s.ground_m?))).collect();
    painter.line(ground, Stroke::new((text.body * 0.14).max(1.5), ACCENT));
}

fn axes(ui: &Ui, text: &Text, plot: Rect, rect: Rect, (length, bottom, top, step): (f64, f64, f64, f64), at: &dyn Fn(f64, f64) -> Pos2) {
    let painter = ui.painter_at(rect);
    let small = style::regular(text.small * 0.92);
    let thin = Stroke::new(1.0, LINE);
    let marks = ((top - bottom) / step).round() as i32;
    for i in 0..=marks {
        let height = bottom + f64::from(i) * step;
        let y = at(0.0, height).y;
        painter.line_segment([pos2(plot.left(), y), pos2(plot.right(), y)], thin);
        painter.text(pos2(plot.left() - text.body * 0.3, y), Align2::RIGHT_CENTER, format!("{height:.0}"), small.clone(), QUIET);
    }
    let along = nice_step(length, 6.0);
    for i in 0..=(length / along).floor() as i32 {
        let distance = f64::from(i) * along;
        let x = at(distance, bottom).x;
        painter.line_segment([pos2(x, plot.bottom()), pos2(x, plot.bottom() + text.body * 0.25)], Stroke::new(1.0, QUIET));
        painter.text(pos2(x, plot.bottom() + text.body * 0.3), Align2::CENTER_TOP, format!("{distance:.0}"), small.clone(), QUIET);
    }
    painter.text(rect.left_top(), Align2::LEFT_TOP, "高程 height, m", small.clone(), TEXT);
    painter.text(pos2(plot.right(), rect.bottom()), Align2::RIGHT_BOTTOM, "距离 distance, m", small.clone(), TEXT);
    painter.text(pos2(plot.left(), plot.top()), Align2::CENTER_BOTTOM, "A", style::strong(text.small), TEXT);
    painter.text(pos2(plot.right(), plot.top()), Align2::CENTER_BOTTOM, "B", style::strong(text.small), TEXT);
}
