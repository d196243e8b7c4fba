//! Public warnings in force, above the incidents: few lines, worst first. What is over has left.

use super::PanelData;
use super::incidents::elided;
use crate::model::alert::{Alert, AlertStatus};
use crate::screen::overlay::alerts::{title, when};
use crate::screen::overlay::shapes;
use crate::screen::style;
use bevy_egui::egui::{self, Color32, RichText, Sense, vec2};

/// Lines on a desk, and on a wall, where each costs an incident's.
const ROWS_MAX: usize = 6;
const ROWS_MAX_WALL: usize = 3;

pub fn rows(ui: &mut egui::Ui, data: &PanelData) {
    let mut shown: Vec<&Alert> = data.world.alerts.values().filter(|a| a.is_shown(data.now)).collect();
    if shown.is_empty() {
        return;
    }
    // What is real before what is practised.
    shown.sort_by_key(|a| (a.status == AlertStatus::Exercise, a.severity, a.effective));
    let most = if data.interactive { ROWS_MAX } else { ROWS_MAX_WALL };
    for alert in shown.iter().take(most) {
        row(ui, data, alert);
    }
    if shown.len() > most {
        let more = format!("还有 {} 条预警 more", shown.len() - most);
        ui.label(RichText::new(more).font(style::regular(data.text.small)).color(style::QUIET));
    }
    ui.separator();
}

/// One line; on a desk a click opens what it says and what to do.
fn row(ui: &mut egui::Ui, data: &PanelData, alert: &Alert) {
    let em = data.text.body;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), em * 1.6), Sense::click());
    let painter = ui.painter_at(rect);
    if data.interactive && response.hovered() {
        painter.rect_filled(rect, 4.0, Color32::from_rgb(0x15, 0x20, 0x31));
    }
    let is_exercise = alert.status == AlertStatus::Exercise;
    shapes::head(&painter, rect.left_center() + vec2(em * 0.95, 0.0), em * 0.36, alert.severity, is_exercise);
    let until = painter.layout_no_wrap(when(alert, data.now), style::regular(data.text.small), style::QUIET);
    let left = rect.left() + em * 2.0;
    let room = rect.right() - left - until.size().x - em * 0.8;
    let name = elided(&painter, &title(alert), style::strong(em * 0.92), style::TEXT, room);
    let middle = |height: f32| rect.center().y - height * 0.5;
    painter.galley(egui::pos2(left, middle(name.size().y)), name, style::TEXT);
    painter.galley(egui::pos2(rect.right() - em * 0.3 - until.size().x, middle(until.size().y)), until, style::QUIET);
    let open = ui.make_persistent_id(("alert", &alert.id));
    let is_open = ui.data(|d| d.get_temp(open)).unwrap_or(false) != response.clicked();
    ui.data_mut(|d| d.insert_temp(open, is_open));
    if is_open && data.interactive {
        for (text, colour) in [(&alert.headline_en, style::QUIET), (&alert.description, style::TEXT), (&alert.instruction, style::WARN)] {
            if !text.is_empty() {
                let text: String = text.chars().take(600).collect();
                ui.label(RichText::new(text).font(style::regular(data.text.small)).color(colour));
            }
        }
        ui.label(RichText::new(&alert.sender).font(style::regular(data.text.small)).color(style::QUIET));
    }
}
