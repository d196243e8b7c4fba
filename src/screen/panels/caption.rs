//! Tour caption with its place in time.

use super::{Asked, PanelData};
use crate::model::view::{TourMove, TourState};
use crate::screen::style;
use bevy_egui::egui::{self, Button, RichText, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let (Some(tour), Some(position_s)) = (&data.scene.tour, data.tour_position_s) else { return };
    let text = data.text;
    let length_s = tour.length_s();
    ui.vertical_centered(|ui| {
        ui.label(
            RichText::new(format!("巡演 TOUR · {} · {}", tour.name, minutes(position_s, length_s)))
                .font(style::strong(text.small))
                .color(style::WARN),
        );
        if let Some(caption) = tour.caption(position_s) {
            ui.label(RichText::new(&caption.zh).font(style::strong(text.title * 1.15)));
            if !caption.en.is_empty() {
                ui.label(RichText::new(&caption.en).font(style::regular(text.body)).color(style::QUIET));
            }
        }
    });
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), text.body * 0.3), egui::Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, style::LINE);
    let share = (position_s / length_s.max(1e-6)).clamp(0.0, 1.0) as f32;
    painter.rect_filled(egui::Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height())), 2.0, style::WARN);
    if data.interactive {
        ui.horizontal(|ui| {
            let playing = matches!(data.world.view.as_ref().map(|v| v.tour), Some(TourState::Playing { .. }));
            let (words, to) = if playing { ("⏸ 暂停 pause (T)", TourMove::Pause) } else { ("▶ 继续 play (T)", TourMove::Play) };
            for (words, to) in [(words, to), ("⏹ 退出 leave (Esc)", TourMove::Leave)] {
                if ui.add(Button::new(RichText::new(words).font(style::regular(text.small)))).clicked() {
                    asked.push(Asked::Tour(to));
                }
            }
        });
    }
}

fn minutes(position_s: f64, length_s: f64) -> String {
    let words = |s: f64| format!("{}:{:02}", s as u64 / 60, s as u64 % 60);
    format!("{} / {}", words(position_s.clamp(0.0, length_s)), words(length_s))
}
