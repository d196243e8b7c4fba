//! Legend of the heat layer that is shown: unit, scale with its classes, time, sensors and who of them was left out, method and error.

use super::{PanelData, card::clock_time};
use crate::model::heat::HeatConfig;
use crate::model::scale::Scale;
use crate::render::heat::heat_colour;
use crate::screen::heat::HeatFacts;
use crate::screen::style;
use bevy_egui::egui::{self, Color32, Rect, RichText, Stroke, pos2, vec2};

pub fn show(ui: &mut egui::Ui, data: &PanelData) {
    let Some((heat, facts)) = data.heat else { return };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&heat.name).font(style::strong(data.text.body)));
        let words = RichText::new(format!("{} · {}", heat.name_en, heat.unit())).font(style::regular(data.text.small)).color(style::QUIET);
        // In one piece: a unit alone on a row of its own says nothing.
        ui.add(egui::Label::new(words).extend());
    });
    let scale = heat.scale();
    strip(ui, data, heat, &scale);
    if let Some(standard) = heat.standard() {
        classes(ui, data, heat, &scale, standard.classes);
    }
    if let Some(words) = meaning_words(heat) {
        quiet(ui, data, words);
    }
    for words in [heat.caution().map(|(zh, en)| format!("{zh} {en}")), facts.trouble.clone()].into_iter().flatten() {
        ui.label(RichText::new(words).font(style::regular(data.text.small)).color(style::WARN));
    }
    quiet(ui, data, source_words(facts));
    if facts.roll.left_out() > 0 {
        let words = left_out_words(facts);
        ui.label(RichText::new(words).font(style::regular(data.text.small)).color(style::WARN));
    }
    quiet(ui, data, method_words(heat, facts));
    if let Some(note) = &facts.note {
        ui.label(RichText::new(note).font(style::regular(data.text.small)).color(style::WARN));
    }
    if !facts.of_incidents {
        quiet(ui, data, "斜线处无可用传感器 hatched: no sensor that counts".to_owned());
    }
}

fn quiet(ui: &mut egui::Ui, data: &PanelData, words: String) {
    ui.label(RichText::new(words).font(style::regular(data.text.small)).color(style::QUIET));
}

fn of(heat: &HeatConfig, u: f32) -> Color32 {
    let [r, g, b] = heat_colour(heat.ramp, u);
    Color32::from_rgb(r, g, b)
}

/// The ramp with its classes' ends.
fn strip(ui: &mut egui::Ui, data: &PanelData, heat: &HeatConfig, scale: &Scale) {
    let em = data.text.body;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), em * 1.9), egui::Sense::hover());
    let painter = ui.painter_at(rect.expand(em));
    let strip = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + em * 0.7));
    let slices = 96;
    for i in 0..slices {
        let x = |i: usize| strip.left() + strip.width() * i as f32 / slices as f32;
        let slice = Rect::from_min_max(pos2(x(i), strip.top()), pos2(x(i + 1) + 0.5, strip.bottom()));
        painter.rect_filled(slice, 0.0, of(heat, (i as f32 + 0.5) / slices as f32));
    }
    // Two figures that would touch: every other one is written.
    let every = if scale.classes() > 4 && heat.standard().is_none() { 2 } else { 1 };
    for (i, bound) in scale.bounds().iter().enumerate() {
        let x = strip.left() + strip.width() * i as f32 / scale.classes() as f32;
        painter.line_segment([pos2(x, strip.bottom()), pos2(x, strip.bottom() + em * 0.2)], Stroke::new(1.0, style::QUIET));
        let align = match i {
            0 => egui::Align2::LEFT_TOP,
            i if i == scale.classes() => egui::Align2::RIGHT_TOP,
            _ => egui::Align2::CENTER_TOP,
        };
        if i % every == 0 {
            painter.text(pos2(x, strip.bottom() + em * 0.25), align, figure(*bound, scale), style::regular(data.text.small), style::TEXT);
        }
    }
}

/// Without decimals where the scale is wide enough to do without.
fn figure(value: f32, scale: &Scale) -> String {
    let whole = scale.bounds().iter().all(|b| b.fract() == 0.0);
    if whole { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// English stands beside Chinese in no less than this part of its size.
const LEAST_PART: f32 = 0.7;

/// Names of the classes, two a row, each with its colour.
fn classes(ui: &mut egui::Ui, data: &PanelData, heat: &HeatConfig, scale: &Scale, names: &[(&str, &str)]) {
    let (em, width) = (data.text.small, ui.available_width() * 0.5);
    let long = |words: &str, em: f32| ui.painter().layout_no_wrap(words.to_owned(), style::regular(em), style::TEXT).rect.width();
    // All in one size, so that the longest is not cut; where that would be too small, Chinese alone.
    let fits = names.iter().map(|(zh, en)| (width - em * 1.8 - long(zh, em)) / long(en, em)).fold(0.92, f32::min);
    let english = (fits >= LEAST_PART).then(|| style::regular(em * fits));
    for (row, pair) in names.chunks(2).enumerate() {
        let (rect, _) = ui.allocate_exact_size(vec2(width * 2.0, em * 1.25), egui::Sense::hover());
        let painter = ui.painter_at(rect);
        for (column, (zh, en)) in pair.iter().enumerate() {
            let left = rect.left() + width * column as f32;
            let u = ((2 * row + column) as f32 + 0.5) / scale.classes() as f32;
            let swatch = Rect::from_center_size(pos2(left + em * 0.4, rect.center().y), vec2(em * 0.8, em * 0.8));
            painter.rect_filled(swatch, 2.0, of(heat, u));
            let at = pos2(left + em * 1.2, rect.center().y);
            let zh = painter.text(at, egui::Align2::LEFT_CENTER, zh, style::regular(em), style::TEXT);
            let at = pos2(zh.right() + em * 0.4, rect.center().y);
            if let Some(font) = &english {
                painter.text(at, egui::Align2::LEFT_CENTER, en, font.clone(), style::QUIET);
            }
        }
    }
}

/// Of which standard the scale is, and over what time its values are.
fn meaning_words(heat: &HeatConfig) -> Option<String> {
    let mean = heat.meaning().map(|(zh, en)| format!("{zh} {en}"));
    let parts: Vec<String> = heat.scale.iter().cloned().chain(mean).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn source_words(facts: &HeatFacts) -> String {
    let time = facts.roll.newest.map_or("—".to_owned(), clock_time);
    let what = if facts.of_incidents { "起事件 incidents" } else { "个传感器 sensors" };
    format!("{time} · {} {what}", facts.roll.present)
}

fn left_out_words(facts: &HeatFacts) -> String {
    let roll = &facts.roll;
    let counts = [roll.flagged, roll.stale, roll.silent, roll.scarce];
    let parts = counts.into_iter().zip(["存疑 flagged", "过时 stale", "无数据 silent", "数据不足 not enough data"]);
    let parts: Vec<String> = parts.filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
    format!("未计入 left out: {}", parts.join(" · "))
}

fn method_words(heat: &HeatConfig, facts: &HeatFacts) -> String {
    use crate::model::heat::HeatMethod::{Density, Idw, Kriging};
    let (zh, en) = facts.method.words();
    let range = |words: &str| facts.range_m.map(|r| format!(" · {words} {r:.0} m")).unwrap_or_default();
    match facts.method {
        Idw | Kriging => {
            let error = facts.error.map_or("—".to_owned(), |e| format!("±{e:.1} {}", heat.unit()));
            let range = if facts.method == Kriging { range("变程 range") } else { String::new() };
            format!("{zh} {en}{range}\n留一误差 leave-one-out {error}")
        }
        Density => format!("{zh} {en}{}", range("带宽 bandwidth")),
        _ => format!("{zh} {en}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heat::RollCall;

    #[test]
    fn who_was_left_out_is_said_by_reason() {
        let roll = RollCall { present: 40, flagged: 2, silent: 3, ..RollCall::default() };
        let facts = HeatFacts { roll, ..HeatFacts::default() };
        assert_eq!(left_out_words(&facts), "未计入 left out: 2 存疑 flagged · 3 无数据 silent");
        assert_eq!(source_words(&facts), "— · 40 个传感器 sensors");
        let scarce = HeatFacts { roll: RollCall { scarce: 4, ..RollCall::default() }, ..HeatFacts::default() };
        assert_eq!(left_out_words(&scarce), "未计入 left out: 4 数据不足 not enough data");
    }

    #[test]
    fn a_legend_says_over_what_time_values_are() {
        let heat =
            |more: &str| -> HeatConfig { toml::from_str(&format!("id = 'h'\nname = 'h'\nobserved_property = 'o3'\n{more}")).unwrap() };
        let said = meaning_words(&heat("scale = 'HJ 633-2012 O3 8 h'\nmean_h = 8"));
        assert_eq!(said.as_deref(), Some("HJ 633-2012 O3 8 h · 8小时平均 8 h mean"));
        assert_eq!(meaning_words(&heat("range = [0, 1]\nmean_h = 24")).as_deref(), Some("24小时平均 24 h mean"));
        assert_eq!(meaning_words(&heat("range = [0, 1]")), None);
    }

    #[test]
    fn narrow_scales_show_a_decimal() {
        let narrow = Scale::even([0.0, 2.0]).unwrap();
        assert_eq!(figure(narrow.bounds()[1], &narrow), "0.3");
        let wide = Scale::even([0.0, 150.0]).unwrap();
        assert_eq!(figure(wide.bounds()[1], &wide), "25");
    }
}
