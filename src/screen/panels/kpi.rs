//! Key figures: open, unacknowledged, overdue, closed today, and units at hand.

use super::PanelData;
use crate::model::incident::{Domain, IncidentState};
use crate::model::unit::UnitState;
use crate::screen::style::{self, domain_word};
use bevy_egui::egui::{self, Color32, RichText, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData) {
    let open: Vec<_> = data.world.incidents.values().filter(|i| !i.state.is_ended()).collect();
    let new = open.iter().filter(|i| i.acknowledged.is_none()).count();
    let over = open.iter().filter(|i| i.due_at.is_some_and(|d| data.now > d)).count();
    let closed = data.world.incidents.values().filter(|i| matches!(i.state, IncidentState::Closed | IncidentState::Evaluated)).count();
    ui.columns(2, |columns| {
        figure(&mut columns[0], data, open.len(), "在办", "open", style::TEXT);
        figure(&mut columns[1], data, new, "待确认", "new", if new > 0 { style::WARN } else { style::TEXT });
        figure(&mut columns[0], data, over, "超时", "overdue", if over > 0 { style::ALARM } else { style::TEXT });
        figure(&mut columns[1], data, closed, "结案", "closed", style::TEXT);
    });
    if !data.interactive {
        // On a wall four large figures are read; bars would not be.
        return;
    }
    ui.separator();
    let most = [Domain::PublicOrder, Domain::UrbanManagement, Domain::Emergency, Domain::Traffic]
        .map(|d| (d, open.iter().filter(|i| i.domain == d).count()));
    let scale = most.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    for (domain, count) in most {
        bar(ui, data, domain_word(domain).0, count, scale);
    }
    let free = data.world.units.values().filter(|u| u.state == UnitState::Available).count();
    ui.label(
        RichText::new(format!("力量 units {} · 可派 free {}", data.world.units.len(), free))
            .font(style::regular(data.text.small))
            .color(style::QUIET),
    );
}

fn figure(ui: &mut egui::Ui, data: &PanelData, value: usize, zh: &str, en: &str, colour: Color32) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.label(RichText::new(value.to_string()).font(style::strong(data.text.figure)).color(colour));
        ui.label(RichText::new(format!("{zh} {en}")).font(style::regular(data.text.small)).color(style::QUIET));
    });
}

fn bar(ui: &mut egui::Ui, data: &PanelData, words: &str, count: usize, scale: usize) {
    let em = data.text.body;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), em * 1.25), egui::Sense::hover());
    let painter = ui.painter_at(rect);
    painter.text(rect.left_center(), egui::Align2::LEFT_CENTER, words, style::regular(data.text.small), style::QUIET);
    let from = rect.left() + em * 3.0;
    let to = rect.right() - em * 1.8;
    let track = egui::Rect::from_min_max(egui::pos2(from, rect.center().y - em * 0.16), egui::pos2(to, rect.center().y + em * 0.16));
    painter.rect_filled(track, 2.0, style::LINE);
    let filled = egui::Rect::from_min_max(track.min, egui::pos2(from + (to - from) * count as f32 / scale as f32, track.max.y));
    painter.rect_filled(filled, 2.0, Color32::from_rgb(0x5B, 0x8D, 0xC4));
    painter.text(rect.right_center(), egui::Align2::RIGHT_CENTER, count, style::strong(data.text.small), style::TEXT);
}
