//! What the heat layer says of the place that is pointed at: value, error, the sensors behind it with their series.

use super::card::{clock_time, row};
use super::{Asked, PanelData};
use crate::model::heat::HeatConfig;
use crate::screen::heat::Neighbour;
use crate::screen::style;
use bevy_egui::egui::{self, Button, Pos2, Rect, RichText, Stroke, pos2, vec2};

pub fn has_content(data: &PanelData) -> bool {
    data.heat.is_some() && data.probed.is_some()
}

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let (Some((heat, facts)), Some(probed)) = (data.heat, data.probed) else { return };
    ui.label(RichText::new(format!("{} 此处 here", heat.name)).font(style::strong(data.text.title)));
    match &probed.estimate {
        Some(estimate) => {
            ui.horizontal(|ui| {
                ui.label(RichText::new(format!("{:.1}", estimate.value)).font(style::strong(data.text.figure)));
                let error = estimate.error.map(|e| format!("±{e:.1} ")).unwrap_or_default();
                ui.label(RichText::new(format!("{error}{}", heat.unit())).font(style::regular(data.text.body)).color(style::QUIET));
            });
            if let Some((zh, en)) = heat.standard().and_then(|s| s.classes.get(heat.scale().class(estimate.value as f32))) {
                row(ui, data, "等级 class", &format!("{zh} {en}"));
            }
            if let Some(above) = probed.above_m {
                row(ui, data, "离地高度 height", &format!("{above:.0} m"));
            }
            match (estimate.error, facts.error) {
                (Some(e), _) => row(ui, data, "估计误差 error", &format!("±{e:.1} {} (σ)", heat.unit())),
                (None, Some(e)) => row(ui, data, "留一误差 typical", &format!("±{e:.1} {}", heat.unit())),
                _ => {}
            }
        }
        None => {
            ui.label(RichText::new("此处无可用传感器 no sensor informs this place").font(style::regular(data.text.body)));
        }
    }
    for sensor in &probed.sensors {
        neighbour(ui, data, heat, sensor);
    }
    if !probed.sensors.is_empty() {
        let hours = heat.charted_hours();
        let said = format!("曲线为近 {hours} 小时 curves: the last {hours} h");
        ui.label(RichText::new(said).font(style::regular(data.text.small)).color(style::QUIET));
    }
    if data.interactive && ui.add(Button::new(RichText::new("关闭 close").font(style::regular(data.text.small)))).clicked() {
        asked.push(Asked::ForgetHeat);
    }
}

/// One sensor: name, distance and part of the estimate, its series beside the reading.
fn neighbour(ui: &mut egui::Ui, data: &PanelData, heat: &HeatConfig, sensor: &Neighbour) {
    let em = data.text.body;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), em * 2.3), egui::Sense::hover());
    let painter = ui.painter_at(rect);
    let words = rect.width() * 0.52;
    let left = painter.with_clip_rect(Rect::from_min_size(rect.min, vec2(words, rect.height())));
    left.text(rect.left_top(), egui::Align2::LEFT_TOP, &sensor.name, style::regular(data.text.small), style::TEXT);
    let far =
        if sensor.distance_m < 1_000.0 { format!("{:.0} m", sensor.distance_m) } else { format!("{:.1} km", sensor.distance_m / 1e3) };
    let share = format!("{far} · 权重 weight {:.0}%", sensor.weight * 100.0);
    let below = pos2(rect.left(), rect.top() + em * 1.1);
    left.text(below, egui::Align2::LEFT_TOP, share, style::regular(data.text.small), style::QUIET);
    let value = painter.text(rect.right_top(), egui::Align2::RIGHT_TOP, format!("{:.1}", sensor.value), style::strong(em), style::TEXT);
    let unit = pos2(rect.right(), rect.top() + em * 1.2);
    painter.text(unit, egui::Align2::RIGHT_TOP, heat.unit(), style::regular(data.text.small * 0.9), style::QUIET);
    let plot =
        Rect::from_min_max(pos2(rect.left() + words + em * 0.4, rect.top()), pos2(value.left() - em * 0.8, rect.bottom() - em * 0.9));
    series(&painter, data, plot, sensor);
}

/// The readings as a line, with the first and the last time under it.
fn series(painter: &egui::Painter, data: &PanelData, plot: Rect, sensor: &Neighbour) {
    let (Some((from, _)), Some((to, _))) = (sensor.series.first(), sensor.series.last()) else { return };
    let seconds = (*to - *from).as_seconds_f64();
    let (low, high) = sensor.series.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (_, v)| (l.min(*v), h.max(*v)));
    if seconds <= 0.0 || plot.width() < data.text.body {
        return;
    }
    let at = |time: f64, value: f64| -> Pos2 {
        let v = if high > low { (value - low) / (high - low) } else { 0.5 };
        pos2(plot.left() + plot.width() * (time / seconds) as f32, plot.bottom() - plot.height() * v as f32)
    };
    let points: Vec<Pos2> = sensor.series.iter().map(|(t, v)| at((*t - *from).as_seconds_f64(), *v)).collect();
    if let Some(last) = points.last() {
        painter.circle_filled(*last, data.text.body * 0.12, style::ACCENT);
    }
    painter.line(points, Stroke::new((data.text.body * 0.09).max(1.0), style::ACCENT));
    let small = style::regular(data.text.small * 0.8);
    let below = plot.bottom() + data.text.body * 0.15;
    painter.text(pos2(plot.left(), below), egui::Align2::LEFT_TOP, clock_time(*from), small.clone(), style::QUIET);
    painter.text(pos2(plot.right(), below), egui::Align2::RIGHT_TOP, clock_time(*to), small, style::QUIET);
}
