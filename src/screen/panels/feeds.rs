//! Feeds: what came, what was kept, what was left out and why.

use super::{PanelData, two};
use crate::screen::style;
use bevy_egui::egui::{self, RichText};

pub fn show(ui: &mut egui::Ui, data: &PanelData) {
    two(ui, data.text, "数据源", "feeds");
    for feed in data.world.feeds.values() {
        let colour = if feed.connected { style::GOOD } else { style::ALARM };
        ui.horizontal(|ui| {
            ui.label(RichText::new("●").font(style::regular(data.text.small)).color(colour));
            ui.label(RichText::new(&feed.feed).font(style::regular(data.text.body * 0.92)));
            ui.label(
                RichText::new(format!("{} 收 · {} 拒", feed.received, feed.rejected))
                    .font(style::regular(data.text.small))
                    .color(style::QUIET),
            );
        });
        if let Some(error) = feed.last_error.as_ref().filter(|_| !feed.connected) {
            ui.label(RichText::new(error).font(style::regular(data.text.small)).color(style::WARN));
        }
    }
}
