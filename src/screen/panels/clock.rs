//! Title, time, live or not, revision, and who leads.

use super::timeline::FIRST_STEP;
use super::{Asked, PanelData, tiles};
use crate::model::view::{Clock, Known};
use crate::screen::style;
use bevy_egui::egui::{self, Button, RichText};
use chrono::FixedOffset;

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let text = data.text;
    let zone = FixedOffset::east_opt(8 * 3600);
    let time =
        zone.map_or_else(|| data.now.format("%H:%M:%S").to_string(), |z| data.now.with_timezone(&z).format("%m-%d %H:%M:%S").to_string());
    ui.horizontal(|ui| {
        ui.label(RichText::new(&data.scene.name).font(style::strong(text.title)));
        if data.interactive {
            ui.label(RichText::new(&data.scene.name_en).font(style::regular(text.small)).color(style::QUIET));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(time).font(style::strong(text.title)));
        });
    });
    ui.horizontal(|ui| {
        let (word, colour) = match (data.offline, data.world.view.as_ref().map(|v| v.clock)) {
            (Some(_), _) => ("● 断开 OFFLINE".to_owned(), style::ALARM),
            (None, Some(Clock::At { .. } | Clock::Playing { .. })) => ("● 回放 REPLAY".to_owned(), style::WARN),
            (None, _) => ("● 在线 LIVE".to_owned(), style::GOOD),
        };
        ui.label(RichText::new(word).font(style::strong(text.small)).color(colour));
        let leader = data.world.view.as_ref().and_then(|v| v.leader.clone());
        let words = match &leader {
            Some(l) if *l == data.screen => "本屏主导 leads".to_owned(),
            Some(l) => format!("跟随 {l}"),
            None => "无人主导 no leader".to_owned(),
        };
        let words = format!("r{} · {} 屏 screens · {words}", data.world.revision.0, data.world.screens_total);
        let words = egui::Label::new(RichText::new(words).font(style::regular(text.small)).color(style::QUIET)).truncate();
        if !data.interactive {
            ui.add(words);
        } else {
            // The buttons first: in a small window the words have what remains.
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if data.scene.tour.is_some() && data.tour_position_s.is_none() && ui.add(small(data, "▶ 巡演 tour (T)")).clicked() {
                    asked.push(Asked::Tour(crate::model::view::TourMove::Play));
                }
                if !data.in_the_past() && ui.add(small(data, "⏪ 回放 replay (R)")).clicked() {
                    asked.push(Asked::Clock(Clock::At { time: data.hub_now - FIRST_STEP, known: Known::default() }));
                }
                if !data.leads && ui.add(small(data, "主导 lead (L)")).clicked() {
                    asked.push(Asked::TakeLead);
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| ui.add(words));
            });
        }
    });
    tiles::show(ui, data, asked);
    if let Some(why) = data.offline.or(data.notice) {
        ui.label(RichText::new(why).font(style::regular(text.small)).color(style::WARN));
    }
}

fn small<'a>(data: &PanelData, words: &'a str) -> Button<'a> {
    Button::new(RichText::new(words).font(style::regular(data.text.small)))
}
