//! The last day to go back to, and the band that says on every screen that what is shown is not now.

use super::{Asked, PanelData};
use crate::model::view::{Clock, Known};
use crate::screen::style::{self, TextSizes};
use bevy_egui::egui::{self, Align2, Button, Color32, RichText, Slider, pos2, vec2};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

/// How far back the slider reaches.
const REACH: TimeDelta = TimeDelta::hours(24);
/// Where one lands who goes into the past.
pub const FIRST_STEP: TimeDelta = TimeDelta::minutes(10);
const SPEEDS: [f64; 4] = [1.0, 10.0, 60.0, 600.0];

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let Some(clock) = data.world.view.as_ref().map(|v| v.clock).filter(|c| !c.is_live()) else { return };
    let known = clock.known();
    let back_s = (data.hub_now - data.now).as_seconds_f64().max(0.0);
    ui.horizontal(|ui| {
        super::two(ui, data.text, "回放", "replay");
        ui.label(RichText::new(words(data.now)).font(style::strong(data.text.title)).color(style::WARN));
        ui.label(RichText::new(format!("{} 前 ago", span(back_s))).font(style::regular(data.text.small)).color(style::QUIET));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let live = Button::new(RichText::new("● 回到在线 back to live").font(style::strong(data.text.small)))
                .fill(Color32::from_rgb(0x1B, 0x5E, 0xA8));
            if ui.add(live).clicked() {
                asked.push(Asked::Clock(Clock::Live));
            }
        });
    });
    let reach_s = REACH.as_seconds_f64();
    // To the right is now, as on any time axis.
    let mut at = (reach_s - back_s).max(0.0);
    ui.spacing_mut().slider_width = ui.available_width();
    let slider = ui.add(Slider::new(&mut at, 0.0..=reach_s).show_value(false));
    if slider.changed() {
        let time = data.hub_now - TimeDelta::milliseconds(((reach_s - at) * 1000.0) as i64);
        asked.push(Asked::Clock(Clock::At { time, known }));
    }
    ui.horizontal_wrapped(|ui| {
        let (playing, speed) = match clock {
            Clock::Playing { speed, .. } => (true, speed),
            _ => (false, 60.0),
        };
        let (word, to) = match playing {
            true => ("⏸ 暂停 pause", Clock::At { time: data.now, known }),
            false => ("▶ 播放 play", Clock::Playing { time: data.now, at: data.hub_now, speed, known }),
        };
        if chip(ui, data, word, false) {
            asked.push(Asked::Clock(to));
        }
        for fast in SPEEDS {
            if chip(ui, data, &format!("{fast}x"), playing && speed == fast) {
                asked.push(Asked::Clock(Clock::Playing { time: data.now, at: data.hub_now, speed: fast, known }));
            }
        }
        for (word, minutes) in [("−1 h", -60), ("−10 min", -10), ("+10 min", 10), ("+1 h", 60)] {
            if chip(ui, data, word, false) {
                let time = (data.now + TimeDelta::minutes(minutes)).clamp(data.hub_now - REACH, data.hub_now);
                asked.push(Asked::Clock(Clock::At { time, known }));
            }
        }
        for (word, of) in [("实际发生 as it happened", Known::AsItHappened), ("当时所知 as we knew it", Known::AsWeKnewIt)] {
            if chip(ui, data, word, known == of) {
                asked.push(Asked::Clock(match clock {
                    Clock::Playing { speed, .. } => Clock::Playing { time: data.now, at: data.hub_now, speed, known: of },
                    _ => Clock::At { time: data.now, known: of },
                }));
            }
        }
    });
}

fn chip(ui: &mut egui::Ui, data: &PanelData, words: &str, on: bool) -> bool {
    ui.add(Button::selectable(on, RichText::new(words).font(style::regular(data.text.small)))).clicked()
}

/// The band at the foot of the picture, on every screen while the clock is in the past: nobody may take it for now. The room it takes.
pub fn band(
    painter: &egui::Painter,
    screen: egui::Rect,
    text: &TextSizes,
    clock: Clock,
    now: DateTime<Utc>,
    trouble: Option<&str>,
) -> egui::Rect {
    let height = band_height(text);
    let mut line = format!("回放 REPLAY  {}", words(now));
    if let Clock::Playing { speed, .. } = clock {
        line += &format!("  {speed}x");
    }
    line += match clock.known() {
        Known::AsItHappened => "  实际发生",
        Known::AsWeKnewIt => "  当时所知",
    };
    if let Some(trouble) = trouble {
        line += &format!("  · {trouble}");
    }
    let galley = painter.layout(line, style::strong(text.title), Color32::from_rgb(0x14, 0x0C, 0x02), screen.width() * 0.9);
    let size = vec2(galley.size().x + text.body * 2.0, height);
    let sign = Align2::CENTER_BOTTOM.anchor_size(pos2(screen.center().x, screen.bottom()), size);
    painter.rect_filled(sign, egui::CornerRadius { nw: 6, ne: 6, sw: 0, se: 0 }, style::WARN);
    painter.galley(sign.center() - galley.size() * 0.5, galley, Color32::BLACK);
    // A frame all around: seen from the side of the room where the words can't be read.
    let edge = (text.gap() * 0.45).max(3.0);
    painter.rect_stroke(screen, 0.0, egui::Stroke::new(edge, style::WARN), egui::StrokeKind::Inside);
    sign
}

/// Height of the band's words at the foot of the picture.
pub fn band_height(text: &TextSizes) -> f32 {
    text.title * 1.7
}

/// Day and time in the city's zone.
fn words(time: DateTime<Utc>) -> String {
    let zone = FixedOffset::east_opt(8 * 3600);
    zone.map_or_else(|| time.format("%m-%d %H:%M:%S").to_string(), |z| time.with_timezone(&z).format("%m-%d %H:%M:%S").to_string())
}

fn span(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as i64;
    match minutes {
        0 => format!("{} s", seconds.round()),
        1..60 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_shortly() {
        assert_eq!([span(12.0), span(600.0), span(3600.0 * 5.0 + 60.0)], ["12 s".to_owned(), "10 min".into(), "5 h 01 min".into()]);
    }
}
