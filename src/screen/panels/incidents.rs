//! Incident list: open incidents, worst and oldest first.

use super::{Asked, PanelData, alerts};
use crate::model::incident::Incident;
use crate::model::view::Selection;
use crate::screen::overlay::markers::age_words;
use crate::screen::overlay::shapes;
use crate::screen::style;
use bevy_egui::egui::{self, Color32, RichText, Sense, vec2};

/// Rows beyond this are counted, not drawn: nobody reads a hundredth row on a wall.
const ROWS_MAX: usize = 60;

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let mut open: Vec<&Incident> = data.world.incidents.values().filter(|i| !i.state.is_ended()).collect();
    open.sort_by_key(|i| (i.acknowledged.is_some(), i.severity, i.reported_at));
    let new = open.iter().filter(|i| i.acknowledged.is_none()).count();
    ui.horizontal(|ui| {
        ui.label(RichText::new("事件").font(style::strong(data.text.title)));
        if data.interactive {
            ui.label(RichText::new("incidents").font(style::regular(data.text.small)).color(style::QUIET));
        }
        let counts = if data.interactive {
            format!("{new} 待确认 new · {} 在办 open", open.len())
        } else {
            format!("{new} 新 · {} 在办", open.len())
        };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(counts).font(style::regular(data.text.small)).color(style::QUIET)).truncate());
        });
    });
    ui.separator();
    alerts::rows(ui, data);
    let row_height = data.text.body * 2.65;
    let rows = if data.interactive { open.len().min(ROWS_MAX) } else { rows_that_fit(ui, row_height).min(open.len()) };
    let list = |ui: &mut egui::Ui, asked: &mut Vec<Asked>| {
        for incident in &open[..rows] {
            row(ui, data, incident, row_height, asked);
        }
        if open.len() > rows {
            ui.label(
                RichText::new(format!("还有 {} 件 more", open.len() - rows)).font(style::regular(data.text.small)).color(style::QUIET),
            );
        }
        if open.is_empty() {
            ui.label(RichText::new("没有在办事件 nothing open").color(style::QUIET));
        }
    };
    if data.interactive {
        let most = (ui.available_height() * 0.52).max(row_height * 3.0);
        egui::ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| list(ui, asked));
    } else {
        list(ui, asked);
    }
}

/// A wall doesn't scroll: it shows whole rows.
fn rows_that_fit(ui: &egui::Ui, row_height: f32) -> usize {
    (((ui.available_height() * 0.86) / (row_height + ui.spacing().item_spacing.y)) as usize).max(1)
}

fn row(ui: &mut egui::Ui, data: &PanelData, incident: &Incident, height: f32, asked: &mut Vec<Asked>) {
    let selected =
        matches!(data.world.view.as_ref().and_then(|v| v.selection.as_ref()), Some(Selection::Incident { id }) if *id == incident.id);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let painter = ui.painter_at(rect);
    if selected || response.hovered() {
        let fill = if selected { Color32::from_rgb(0x17, 0x2C, 0x47) } else { Color32::from_rgb(0x15, 0x20, 0x31) };
        painter.rect_filled(rect, 4.0, fill);
    }
    let em = data.text.body;
    shapes::head(&painter, rect.left_center() + vec2(em * 0.95, 0.0), em * 0.5, incident.severity, incident.acknowledged.is_some());
    let left = rect.left() + em * 2.0;
    let fresh = incident.acknowledged.is_none();
    let title_colour = if fresh { style::TEXT } else { style::TEXT.gamma_multiply(0.8) };
    let over = incident.due_at.is_some_and(|due| data.now > due);
    let age = painter.layout_no_wrap(
        age_words(data.now - incident.reported_at),
        style::regular(data.text.small),
        if over { style::ALARM } else { style::QUIET },
    );
    let room = rect.right() - left - em * 0.4;
    let title = elided(&painter, &incident.title, style::strong(em), title_colour, room);
    painter.galley(egui::pos2(left, rect.top() + height * 0.08), title, title_colour);
    let state = style::state_word(incident.state);
    let domain = style::domain_word(incident.domain);
    let under = if data.interactive { format!("{} · {} {}", domain.0, state.0, state.1) } else { format!("{} · {}", domain.0, state.0) };
    let under = elided(&painter, &under, style::regular(data.text.small), style::QUIET, room - age.size().x - em * 0.5);
    let y = rect.top() + height * 0.56;
    painter.galley(egui::pos2(left, y), under, style::QUIET);
    painter.galley(egui::pos2(rect.right() - em * 0.3 - age.size().x, y), age, style::QUIET);
    if response.clicked() && data.interactive {
        asked.push(Asked::Select(Some(Selection::Incident { id: incident.id.clone() })));
    }
}

/// One line that ends in an ellipsis where it does not fit.
pub(super) fn elided(painter: &egui::Painter, text: &str, font: egui::FontId, colour: Color32, width: f32) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(1.0));
    painter.layout_job(job)
}
