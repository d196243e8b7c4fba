//! Layer switches, cameras by name, and the phone's address.

use super::{Asked, PanelData, two};
use crate::model::clip::{ClipPlane, ClipRegion};
use crate::model::scene::{NamedCamera, Theme};
use crate::model::styling::{Styling, Swipe};
use crate::screen::mini_map;
use crate::screen::preview::PREVIEW_EM;
use crate::screen::style;
use crate::screen::styling::{DERIVED, at_least, derived_words, rule, threshold};
use bevy_egui::egui::{self, Button, Color32, RichText, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    two(ui, data.text, "图层", "layers");
    let shown = |id: &str| data.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(false);
    let map = data.has_map.then_some((mini_map::LAYER, "鹰眼", "mini-map"));
    for (id, zh, en) in fixed_layers().into_iter().chain(map) {
        // Signs are on until someone switches them off.
        let on = data.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(true);
        switch(ui, data, id, &format!("{zh} {en}"), on, asked);
    }
    for heat in &data.scene.heats {
        switch(ui, data, &heat.id, &format!("{} {}", heat.name, heat.name_en), shown(&heat.id), asked);
    }
    for tileset in &data.scene.tilesets {
        let on = data.world.view.as_ref().and_then(|v| v.layers.get(&tileset.id)).copied().unwrap_or(tileset.shown);
        switch(ui, data, &tileset.id, &format!("{} {}", tileset.name, tileset.name_en), on, asked);
    }
    buildings(ui, data, asked);
    ui.separator();
    two(ui, data.text, "视角", "views");
    ui.horizontal_wrapped(|ui| {
        for camera in &data.scene.cameras {
            let button = ui.add(Button::new(RichText::new(&camera.name).font(style::regular(data.text.small))));
            if button.hovered() {
                asked.push(Asked::Preview(camera.pose));
            }
            if button.on_hover_ui(|ui| preview(ui, data, camera)).clicked() {
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

/// A small picture of a view, before all screens are taken there.
fn preview(ui: &mut egui::Ui, data: &PanelData, camera: &NamedCamera) {
    let size = egui::Vec2::from(PREVIEW_EM) * data.text.body;
    ui.set_max_width(size.x);
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, style::LINE);
    match data.preview.filter(|p| p.pose == camera.pose).and_then(|p| p.texture) {
        Some(texture) => {
            let whole = egui::Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
            painter.image(texture, rect, whole, Color32::WHITE);
        }
        None => {
            let words = "正在加载 loading";
            painter.text(rect.center(), egui::Align2::CENTER_CENTER, words, style::regular(data.text.small), style::QUIET);
        }
    }
    ui.label(RichText::new(format!("{} {}", camera.name, camera.name_en)).font(style::regular(data.text.small)));
}

/// Colours, filters and looks of the city.
fn buildings(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let now = data.styling.cloned().unwrap_or_default();
    if !data.scene.styles.is_empty() || !data.derived.columns.is_empty() {
        ui.separator();
        two(ui, data.text, "建筑", "buildings");
    }
    if let Some(rule) = style_chips(ui, data, now.rule.as_deref()) {
        asked.push(Asked::Styling(Styling { rule, ..now.clone() }));
    }
    derived_filter(ui, data, &now, asked);
    for filter in &data.scene.filters {
        let mut on = now.filters.contains(&filter.id);
        let words = RichText::new(format!("{} {}", filter.name, filter.name_en)).font(style::regular(data.text.body * 0.92));
        if ui.checkbox(&mut on, words).changed() {
            let mut filters: Vec<String> = now.filters.iter().filter(|id| **id != filter.id).cloned().collect();
            filters.extend(on.then(|| filter.id.clone()));
            asked.push(Asked::Styling(Styling { filters, ..now.clone() }));
        }
    }
    compare(ui, data, &now, asked);
    cut(ui, data, asked);
    ui.separator();
    two(ui, data.text, "光照", "light");
    let theme = data.world.view.as_ref().and_then(|v| v.theme).unwrap_or(data.scene.theme);
    ui.horizontal_wrapped(|ui| {
        for (zh, to) in [("夜", Theme::Night), ("暮", Theme::Dusk), ("昼", Theme::Day), ("暗图", Theme::Dark), ("实时", Theme::Clock)]
        {
            if chip(ui, data, zh, theme == to) {
                asked.push(Asked::Theme(to));
            }
        }
    });
}

/// A button for each style of the scene and each computed column; what is chosen by the press of one, the one that is on being switched off by it.
fn style_chips(ui: &mut egui::Ui, data: &PanelData, now: Option<&str>) -> Option<Option<String>> {
    let styles = data.scene.styles.iter().map(|s| (s.id.clone(), s.name.as_str()));
    let derived = data.derived.columns.iter().map(|c| (format!("{DERIVED}{}", c.name), derived_words(&c.name).0));
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        for (id, name) in styles.chain(derived) {
            let on = now == Some(id.as_str());
            if chip(ui, data, name, on) {
                chosen = Some((!on).then_some(id));
            }
        }
    });
    chosen
}

/// Two looks of the city on both sides of a line. The left one is what is chosen without it.
fn compare(ui: &mut egui::Ui, data: &PanelData, now: &Styling, asked: &mut Vec<Asked>) {
    if now.rule.is_none() && now.swipe.is_none() && data.heat.is_none() {
        return;
    }
    let mut ask = |swipe: Option<Swipe>| asked.push(Asked::Styling(Styling { swipe, ..now.clone() }));
    let words = |words: &str| RichText::new(words.to_owned()).font(style::regular(data.text.body * 0.92));
    let mut on = now.swipe.is_some();
    if ui.checkbox(&mut on, words("对比 compare")).changed() {
        ask(on.then(|| Swipe::with_plain(0.5)));
    }
    let Some(swipe) = &now.swipe else { return };
    let mut share = swipe.share;
    if ui.add(egui::Slider::new(&mut share, 0.1..=0.9).show_value(false)).changed() {
        ask(Some(Swipe { share, ..swipe.clone() }));
    }
    two(ui, data.text, "右侧", "right of the line");
    if let Some(rule) = style_chips(ui, data, swipe.rule.as_deref()) {
        ask(Some(Swipe { rule, ..swipe.clone() }));
    }
    if data.heat.is_some() {
        ui.horizontal_wrapped(|ui| {
            for (side, name) in ["热力左 heat left", "热力右 right"].into_iter().enumerate() {
                if chip(ui, data, name, swipe.heat[side]) {
                    let mut heat = swipe.heat;
                    heat[side] = !heat[side];
                    ask(Some(Swipe { heat, ..swipe.clone() }));
                }
            }
        });
    }
}

/// Where a computed column colours the city: only buildings with at least so much of it.
fn derived_filter(ui: &mut egui::Ui, data: &PanelData, now: &Styling, asked: &mut Vec<Asked>) {
    let Some(name) = now.rule.as_deref().and_then(|rule| rule.strip_prefix(DERIVED)) else { return };
    let Some(range) = rule(&format!("{DERIVED}{name}"), data.scene, data.derived).and_then(|r| r.range) else { return };
    let set = now.filters.iter().filter_map(|f| threshold(f)).find(|(of, _)| *of == name).map(|(_, value)| value);
    let others = || now.filters.iter().filter(|f| threshold(f).is_none_or(|(of, _)| of != name)).cloned();
    let mut on = set.is_some();
    let mut ask = |value: Option<f64>| {
        let filters = others().chain(value.map(|v| at_least(name, v))).collect();
        asked.push(Asked::Styling(Styling { filters, ..now.clone() }));
    };
    if ui.checkbox(&mut on, RichText::new("只看不少于 at least").font(style::regular(data.text.body * 0.92))).changed() {
        ask(on.then_some(0.5 * (range[0] + range[1])));
    }
    if let Some(mut value) = set
        && ui.add(egui::Slider::new(&mut value, range[0]..=range[1]).fixed_decimals(1)).changed()
    {
        ask(Some((value * 10.0).round() / 10.0));
    }
}

/// What is cut away, and the view below the ground.
fn cut(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let now = data.world.view.as_ref().and_then(|v| v.clip.clone()).unwrap_or_default();
    let small = |words: &str| RichText::new(words.to_owned()).font(style::regular(data.text.body * 0.92));
    let mut below = now.see_below_ground;
    if ui.checkbox(&mut below, small("地下 below ground")).changed() {
        asked.push(Asked::Clip(whole_or(ClipRegion { see_below_ground: below, ..now.clone() })));
    }
    planes(ui, data, &now, asked);
    if now.polygon.is_empty() && now.plane.is_none() && now.above_m.is_none() {
        return;
    }
    let mut keep = now.keep_inside;
    if ui.checkbox(&mut keep, small("只留其内 keep inside")).changed() {
        asked.push(Asked::Clip(Some(ClipRegion { keep_inside: keep, ..now.clone() })));
    }
    let mut ground = now.with_ground;
    if ui.checkbox(&mut ground, small("连同地面 ground too")).changed() {
        asked.push(Asked::Clip(Some(ClipRegion { with_ground: ground, ..now.clone() })));
    }
    if chip(ui, data, "恢复 make whole", false) {
        asked.push(Asked::Clip(whole_or(ClipRegion { see_below_ground: below, ..ClipRegion::default() })));
    }
}

/// Metres that a click pushes a section.
const PUSH_M: f64 = 10.0;
/// Over what the camera looks at the first level cut is made, metres.
const FIRST_LEVEL_M: f64 = 15.0;

/// An upright section that faces the camera, and a level one.
fn planes(ui: &mut egui::Ui, data: &PanelData, now: &ClipRegion, asked: &mut Vec<Asked>) {
    let Some(camera) = data.world.view.as_ref().map(|v| v.camera) else { return };
    let mut cut = |to: ClipRegion| asked.push(Asked::Clip(whole_or(to)));
    ui.horizontal_wrapped(|ui| {
        if chip(ui, data, "剖面 section", now.plane.is_some()) {
            let plane = now.plane.is_none().then(|| ClipPlane::facing(&camera));
            cut(ClipRegion { plane, ..now.clone() });
        }
        if let Some(plane) = now.plane {
            for (words, by) in [("远 farther", -PUSH_M), ("近 nearer", PUSH_M)] {
                if chip(ui, data, words, false) {
                    cut(ClipRegion { plane: Some(plane.moved(by)), ..now.clone() });
                }
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        if chip(ui, data, "削顶 level cut", now.above_m.is_some()) {
            let above_m = now.above_m.is_none().then_some((camera.height_m + FIRST_LEVEL_M).round());
            cut(ClipRegion { above_m, ..now.clone() });
        }
        if let Some(mut above) = now.above_m
            && ui.add(egui::DragValue::new(&mut above).speed(1.0).suffix(" m")).changed()
        {
            cut(ClipRegion { above_m: Some(above), ..now.clone() });
        }
    });
}

/// Nothing where a region cuts nothing.
fn whole_or(region: ClipRegion) -> Option<ClipRegion> {
    (region != ClipRegion::default()).then_some(region)
}

/// A small button that shows whether it is on; true when it was pressed.
fn chip(ui: &mut egui::Ui, data: &PanelData, words: &str, on: bool) -> bool {
    ui.add(Button::selectable(on, RichText::new(words).font(style::regular(data.text.small)))).clicked()
}

/// Layers every scene has.
pub fn fixed_layers() -> [(&'static str, &'static str, &'static str); 4] {
    [("incidents", "事件", "incidents"), ("alerts", "预警", "warnings"), ("units", "力量", "units"), ("labels", "地名", "names")]
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
