//! Layer switches, cameras by name, and the phone's address.

use super::{Asked, PanelData, two};
use crate::screen::style;
use bevy_egui::egui::{self, Button, Color32, RichText, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    two(ui, data.text, "图层", "layers");
    let shown = |id: &str| data.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(false);
    for (id, zh, en) in fixed_layers() {
        // Signs are on until someone switches them off.
        let on = data.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(true);
        switch(ui, data, id, &format!("{zh} {en}"), on, asked);
    }
    for heat in &data.scene.heats {
        switch(ui, data, &heat.id, &format!("{} {}", heat.name, heat.name_en), shown(&heat.id), asked);
    }
    ui.separator();
    two(ui, data.text, "视角", "views");
    ui.horizontal_wrapped(|ui| {
        for camera in &data.scene.cameras {
            if ui.add(Button::new(RichText::new(&camera.name).font(style::regular(data.text.small)))).clicked() {
                asked.push(Asked::GoTo(camera.pose));
            }
        }
    });
    if let Some((address, code)) = data.phone {
        ui.separator();
        two(ui, data.text, "手机", "phone");
        ui.horizontal(|ui| {
            qr(ui, code, data.text.body * 5.6);
            ui.add(egui::Label::new(RichText::new(address).font(style::regular(data.text.small)).color(style::QUIET)).wrap());
        });
    }
}

/// Layers every scene has.
pub fn fixed_layers() -> [(&'static str, &'static str, &'static str); 3] {
    [("incidents", "事件", "incidents"), ("units", "力量", "units"), ("labels", "地名", "names")]
}

fn switch(ui: &mut egui::Ui, data: &PanelData, id: &str, words: &str, mut on: bool, asked: &mut Vec<Asked>) {
    if ui.checkbox(&mut on, RichText::new(words).font(style::regular(data.text.body * 0.92))).changed() {
        asked.push(Asked::Layer(id.to_owned(), on));
    }
}

fn qr(ui: &mut egui::Ui, code: &[Vec<bool>], side: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(side, side), egui::Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, Color32::from_rgb(0xE6, 0xED, 0xF5));
    let quiet = 2.0;
    let module = side / (code.len() as f32 + 2.0 * quiet);
    for (y, line) in code.iter().enumerate() {
        for (x, dark) in line.iter().enumerate().filter(|(_, d)| **d) {
            debug_assert!(dark);
            let min = rect.min + vec2(x as f32 + quiet, y as f32 + quiet) * module;
            painter.rect_filled(egui::Rect::from_min_size(min, vec2(module, module) * 1.02), 0.0, Color32::from_rgb(0x0B, 0x11, 0x1B));
        }
    }
}
