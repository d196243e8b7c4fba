//! Legend of the heat layer that is shown: unit, scale, time, number of sensors, error.

use super::{PanelData, card::clock_time};
use crate::render::heat::{LEGEND_STEPS, ramp_colour};
use crate::screen::style;
use bevy_egui::egui::{self, Color32, RichText, Stroke, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData) {
    let Some((heat, facts)) = data.heat else { return };
    ui.horizontal(|ui| {
        ui.label(RichText::new(&heat.name).font(style::strong(data.text.body)));
        ui.label(RichText::new(format!("{} · {}", heat.name_en, heat.unit())).font(style::regular(data.text.small)).color(style::QUIET));
    });
    let em = data.text.body;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), em * 2.0), egui::Sense::hover());
    let painter = ui.painter_at(rect.expand(em));
    let strip = egui::Rect::from_min_max(rect.min, egui::pos2(rect.right(), rect.top() + em * 0.7));
    let slices = 96;
    for i in 0..slices {
        let [r, g, b] = ramp_colour((i as f32 + 0.5) / slices as f32);
        let x = |i: usize| strip.left() + strip.width() * i as f32 / slices as f32;
        painter.rect_filled(
            egui::Rect::from_min_max(egui::pos2(x(i), strip.top()), egui::pos2(x(i + 1) + 0.5, strip.bottom())),
            0.0,
            Color32::from_rgb(r, g, b),
        );
    }
    let [low, high] = heat.scale().ends();
    for step in 0..=LEGEND_STEPS {
        let u = step as f32 / LEGEND_STEPS as f32;
        let x = strip.left() + strip.width() * u;
        painter.line_segment([egui::pos2(x, strip.bottom()), egui::pos2(x, strip.bottom() + em * 0.2)], Stroke::new(1.0, style::QUIET));
        let value = low + (high - low) * u;
        let align = if step == 0 {
            egui::Align2::LEFT_TOP
        } else if step == LEGEND_STEPS {
            egui::Align2::RIGHT_TOP
        } else {
            egui::Align2::CENTER_TOP
        };
        if step % 2 == 0 {
            painter.text(
                egui::pos2(x, strip.bottom() + em * 0.25),
                align,
                format!("{value:.0}"),
                style::regular(data.text.small),
                style::TEXT,
            );
        }
    }
    let time = facts.newest.map_or("—".to_owned(), clock_time);
    let error = facts.rmse.map_or("—".to_owned(), |e| format!("±{e:.1}"));
    let words = format!("{time} · {} 个传感器 sensors · 误差 error {error}", facts.sensors);
    ui.label(RichText::new(words).font(style::regular(data.text.small)).color(style::QUIET));
    ui.label(RichText::new("斜线处无传感器 hatched: no sensor informs").font(style::regular(data.text.small)).color(style::QUIET));
}
