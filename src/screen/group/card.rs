//! The card of a group: how many, sums and means of their numbers, and the way to a file.

use super::{Group, GroupMove};
use crate::screen::panels::{Asked, PanelData};
use crate::screen::style;
use bevy_egui::egui::{self, Button, RichText};

/// Attributes listed; the files have them all.
const FIGURES_MAX: usize = 24;

pub fn has_content(group: &Group) -> bool {
    group.waits || !group.members.is_empty()
}

pub fn show(ui: &mut egui::Ui, data: &PanelData, group: &Group, asked: &mut Vec<Asked>) {
    let quiet = |words: &str| RichText::new(words).font(style::regular(data.text.small)).color(style::QUIET);
    if group.waits {
        ui.label(quiet("正在选取 selecting …"));
        return;
    }
    ui.label(RichText::new(format!("已选 {} 栋建筑", group.members.len())).font(style::strong(data.text.title)));
    ui.label(quiet(&format!("{} buildings selected", group.members.len())));
    egui::Grid::new("figures of the group").num_columns(3).spacing([data.text.body, data.text.body * 0.2]).show(ui, |ui| {
        ["属性 attribute", "合计 sum", "均值 mean"].into_iter().for_each(|words| drop(ui.label(quiet(words))));
        ui.end_row();
        for figure in group.figures.iter().take(FIGURES_MAX) {
            ui.label(quiet(&figure.attribute));
            for number in [figure.sum, figure.mean()] {
                ui.label(RichText::new(short(number)).font(style::regular(data.text.body * 0.94)));
            }
            ui.end_row();
        }
    });
    ui.horizontal_wrapped(|ui| {
        for (words, wish) in [("导出 export", GroupMove::Export), ("清除 clear", GroupMove::Clear)] {
            if ui.add(Button::new(RichText::new(words).font(style::regular(data.text.small)))).clicked() {
                asked.push(Asked::Group(wish));
            }
        }
    });
    if let Some(said) = &group.said {
        ui.add(egui::Label::new(quiet(said)).wrap());
    }
}

/// Whole from a hundred on, else two digits after the point.
fn short(number: f64) -> String {
    if number.abs() >= 100.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}
