//! Legend of the buildings' colours: the attribute, its unit, and each colour with what it means.

use super::PanelData;
use crate::model::styling::{Category, StyleRule};
use crate::screen::style::{self, colour};
use bevy_egui::egui::{self, RichText, pos2, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData, rule: &StyleRule) {
    let em = data.text.body;
    ui.horizontal(|ui| {
        ui.label(RichText::new(&rule.name).font(style::strong(em)));
        let unit = if rule.unit.is_empty() { String::new() } else { format!(" · {}", rule.unit) };
        ui.label(RichText::new(format!("{}{unit}", rule.name_en)).font(style::regular(data.text.small)).color(style::QUIET));
    });
    match rule.range {
        Some(range) => ramp(ui, data, rule, range),
        None => rule.category.iter().for_each(|c| line(ui, data, c)),
    }
    if let Some(other) = rule.other {
        let words = if rule.range.is_some() { ("无数据", "no value") } else { ("其他", "other") };
        swatch(ui, data, other.0, words.0, words.1);
    }
}

fn ramp(ui: &mut egui::Ui, data: &PanelData, rule: &StyleRule, [low, high]: [f64; 2]) {
    let em = data.text.body;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), em * 2.0), egui::Sense::hover());
    let painter = ui.painter_at(rect.expand(em));
    const SLICES: usize = 96;
    let x = |u: f32| rect.left() + rect.width() * u;
    for i in 0..SLICES {
        let (a, b) = (i as f32 / SLICES as f32, (i + 1) as f32 / SLICES as f32);
        let slice = egui::Rect::from_min_max(pos2(x(a), rect.top()), pos2(x(b) + 0.5, rect.top() + em * 0.7));
        painter.rect_filled(slice, 0.0, colour(rule.ramp.at(f64::from(a + b) * 0.5).0));
    }
    const STEPS: usize = 4;
    let digits = if high - low < 10.0 { 1 } else { 0 };
    for step in 0..=STEPS {
        let u = step as f32 / STEPS as f32;
        let align = match step {
            0 => egui::Align2::LEFT_TOP,
            STEPS => egui::Align2::RIGHT_TOP,
            _ => egui::Align2::CENTER_TOP,
        };
        let value = low + (high - low) * f64::from(u);
        // The colours of the ends stand for everything beyond them too.
        let words = match step {
            0 => format!("≤{value:.digits$}"),
            STEPS => format!("≥{value:.digits$}"),
            _ => format!("{value:.digits$}"),
        };
        painter.text(pos2(x(u), rect.top() + em * 0.8), align, words, style::regular(data.text.small), style::TEXT);
    }
}

fn line(ui: &mut egui::Ui, data: &PanelData, category: &Category) {
    swatch(ui, data, category.colour.0, &category.name, &category.name_en);
}

fn swatch(ui: &mut egui::Ui, data: &PanelData, rgb: [u8; 3], name: &str, name_en: &str) {
    ui.horizontal(|ui| {
        let side = data.text.body * 0.8;
        let (rect, _) = ui.allocate_exact_size(vec2(side, side), egui::Sense::hover());
        ui.painter().rect_filled(rect, 2.0, colour(rgb));
        ui.label(RichText::new(name).font(style::regular(data.text.body * 0.92)));
        ui.label(RichText::new(name_en).font(style::regular(data.text.small)).color(style::QUIET));
    });
}
