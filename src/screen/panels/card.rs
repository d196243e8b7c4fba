//! Card of what is selected: an incident with its next moves, a city object with its attributes, a sensor with its reading.

use super::{Asked, PanelData, PickedFeature, heat_card, metadata_card};
use crate::model::derived::DerivedValue;
use crate::model::incident::{Action, Incident, IncidentState};
use crate::model::observation::Observation;
use crate::model::protocol::Command;
use crate::model::styling::{Others, Styling};
use crate::model::view::Selection;
use crate::screen::group;
use crate::screen::overlay::markers::age_words;
use crate::screen::style::{self, severity_colour};
use crate::screen::styling::derived_words;
use bevy_egui::egui::{self, Button, Color32, RichText};
use chrono::{FixedOffset, TimeDelta, Utc};
use serde_json::Value;

pub fn has_content(data: &PanelData) -> bool {
    group::has_content(data.group) || has_selection(data) || heat_card::has_content(data)
}

fn has_selection(data: &PanelData) -> bool {
    match data.world.view.as_ref().and_then(|v| v.selection.as_ref()) {
        Some(Selection::Incident { id }) => data.world.incidents.contains_key(id),
        Some(Selection::Sensor { id }) => data.world.datastreams.contains_key(id),
        Some(Selection::Unit { id }) => data.world.units.contains_key(id),
        Some(Selection::Feature { id }) => picked(data, id).is_some(),
        None => picked(data, "").is_some(),
    }
}

/// What is known here of a selected object; with an empty id, of a picked place that belongs to none.
fn picked<'a>(data: &PanelData<'a>, id: &str) -> Option<&'a PickedFeature> {
    data.feature.filter(|f| f.id == id)
}

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    if heat_card::has_content(data) {
        heat_card::show(ui, data, asked);
        if !has_selection(data) && !group::has_content(data.group) {
            return;
        }
        ui.separator();
    }
    if group::has_content(data.group) {
        group::show(ui, data, data.group, asked);
        if !has_selection(data) {
            return;
        }
        ui.separator();
    }
    match data.world.view.as_ref().and_then(|v| v.selection.as_ref()) {
        None => show_feature(ui, data, ""),
        Some(selection) => show_selected(ui, data, selection, asked),
    }
    if data.interactive && ui.add(Button::new(RichText::new("关闭 close").font(style::regular(data.text.small)))).clicked() {
        asked.push(Asked::Select(None));
    }
}

fn show_selected(ui: &mut egui::Ui, data: &PanelData, selection: &Selection, asked: &mut Vec<Asked>) {
    match selection {
        Selection::Incident { id } => {
            if let Some(incident) = data.world.incidents.get(id) {
                show_incident(ui, data, incident, asked);
            }
        }
        Selection::Feature { id } => {
            show_feature(ui, data, id);
            if data.interactive {
                others(ui, data, asked);
            }
        }
        Selection::Sensor { id } => show_sensor(ui, data, id),
        Selection::Unit { id } => {
            if let Some(unit) = data.world.units.get(id) {
                ui.label(RichText::new(&unit.call_sign).font(style::strong(data.text.title)));
                row(ui, data, "状态 state", &format!("{:?}", unit.state));
                row(ui, data, "位置 seen", &age_words(data.now - unit.seen_at));
                if let Some(details) = &unit.details {
                    unit_details(ui, data, details);
                }
            }
        }
    }
}

/// What its source said beyond what we know how to show: unread, as it came.
fn unit_details(ui: &mut egui::Ui, data: &PanelData, details: &str) {
    let small = |words: &str| RichText::new(words.to_owned()).font(style::regular(data.text.small)).color(style::QUIET);
    ui.label(small("来源原文 as its source says"));
    egui::ScrollArea::vertical().id_salt("unit details").max_height(data.text.body * 6.0).auto_shrink([false, true]).show(ui, |ui| {
        ui.add(egui::Label::new(small(details)).wrap());
    });
}

fn show_incident(ui: &mut egui::Ui, data: &PanelData, incident: &Incident, asked: &mut Vec<Asked>) {
    let (word, word_en) = style::severity_word(incident.severity);
    ui.horizontal(|ui| {
        ui.label(RichText::new(word).font(style::strong(data.text.body)).color(severity_colour(incident.severity)));
        ui.label(RichText::new(word_en).font(style::regular(data.text.small)).color(style::QUIET));
        let (zh, en) = style::domain_word(incident.domain);
        ui.label(RichText::new(format!("{zh} {en}")).font(style::regular(data.text.small)).color(style::QUIET));
    });
    ui.label(RichText::new(&incident.title).font(style::strong(data.text.title)));
    if !incident.title_en.is_empty() {
        ui.label(RichText::new(&incident.title_en).font(style::regular(data.text.small)).color(style::QUIET));
    }
    let (zh, en) = style::state_word(incident.state);
    row(ui, data, "状态 state", &format!("{zh} {en}"));
    row(ui, data, "上报 reported", &format!("{} · {}", clock_time(incident.reported_at), age_words(data.now - incident.reported_at)));
    if let Some(due) = incident.due_at {
        let over = data.now > due;
        let left = if over {
            format!("超时 over by {}", age_words(data.now - due))
        } else {
            format!("{} · 余 {}", clock_time(due), age_words(due - data.now))
        };
        coloured_row(ui, data, "时限 due", &left, if over { style::ALARM } else { style::TEXT });
    }
    let acknowledged = incident.acknowledged.as_ref().map_or("—".to_owned(), |s| format!("{} {}", s.actor, clock_time(s.at)));
    row(ui, data, "确认 seen by", &acknowledged);
    if let Some(unit) = &incident.unit {
        let call_sign = data.world.units.get(unit).map_or(unit.as_str(), |u| u.call_sign.as_str());
        row(ui, data, "力量 unit", call_sign);
    }
    row(ui, data, "来源 source", &incident.source);
    if data.interactive {
        moves(ui, data, incident, asked);
    }
}

/// Buttons for what may come next; the hub has the last word.
fn moves(ui: &mut egui::Ui, data: &PanelData, incident: &Incident, asked: &mut Vec<Asked>) {
    let mut next: Vec<(&str, Action)> = Vec::new();
    if incident.acknowledged.is_none() && !incident.state.is_ended() {
        next.push(("确认 acknowledge", Action::Acknowledge));
    }
    match incident.state {
        IncidentState::Reported => next.extend([("核实 verify", Action::Verify), ("受理 accept", Action::Accept)]),
        IncidentState::Verifying => next.push(("受理 accept", Action::Accept)),
        IncidentState::Accepted => next.push(("立案 register", Action::Register)),
        IncidentState::Registered => {
            if let Some(unit) = nearest_unit(data, incident) {
                next.push(("派遣最近力量 dispatch nearest", Action::Dispatch { unit }));
            }
        }
        IncidentState::Dispatched => next.push(("签收 sign", Action::Sign)),
        IncidentState::EnRoute => next.push(("到场 arrive", Action::Arrive)),
        IncidentState::Handling => next.push(("反馈 finish", Action::Finish)),
        IncidentState::Handled => next.push(("核查 check", Action::Check)),
        IncidentState::Checking => next.extend([("结案 close", Action::Close), ("返工 rework", Action::Rework)]),
        _ => {}
    }
    if data.in_the_past() {
        let words = "回放中，回到在线后才能处置 replay: go back to live to act";
        ui.label(RichText::new(words).font(style::regular(data.text.small)).color(style::WARN));
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (i, (words, action)) in next.into_iter().enumerate() {
            let mut button = Button::new(RichText::new(words).font(style::strong(data.text.body)));
            if i == 0 {
                button = button.fill(Color32::from_rgb(0x1B, 0x5E, 0xA8));
            }
            if ui.add_enabled(data.offline.is_none(), button).clicked() {
                asked.push(Asked::Command(Command::Incident {
                    incident: incident.id.clone(),
                    expected_version: incident.version,
                    action,
                    reason: None,
                    device_time: Utc::now(),
                }));
            }
        }
    });
}

fn nearest_unit(data: &PanelData, incident: &Incident) -> Option<String> {
    let distance = |lon: f64, lat: f64| ((lon - incident.lon) * incident.lat.to_radians().cos()).hypot(lat - incident.lat);
    let units = data.world.units.values().filter(|u| u.domain == incident.domain);
    units.min_by(|a, b| distance(a.lon, a.lat).total_cmp(&distance(b.lon, b.lat))).map(|u| u.id.clone())
}

fn show_feature(ui: &mut egui::Ui, data: &PanelData, id: &str) {
    let Some(feature) = picked(data, id) else { return };
    let text = |key: &str| feature.attributes.get(key).and_then(Value::as_str).map(str::to_owned);
    let nameless = || {
        if id.is_empty() { metadata_card::drawn_name(&feature.metadata).unwrap_or("地点 place".into()) } else { "建筑 building".into() }
    };
    let title = text("name").or_else(|| text("class")).unwrap_or_else(nameless);
    ui.label(RichText::new(title).font(style::strong(data.text.title)));
    let own_id = text("id").filter(|_| id.is_empty()).unwrap_or_else(|| feature.id.clone());
    for quiet in [own_id.clone(), metadata_card::drawn_words(&feature.metadata)].into_iter().filter(|w| !w.is_empty()) {
        ui.label(RichText::new(quiet).font(style::regular(data.text.small)).color(style::QUIET));
    }
    egui::ScrollArea::vertical().max_height(data.text.body * 18.0).auto_shrink([false, true]).show(ui, |ui| {
        for (key, value) in &feature.attributes {
            if key == "id" || value.is_null() {
                continue;
            }
            labelled(ui, data, key, &metadata_card::value_words(value), &metadata_card::drawn_hint(&feature.metadata, key));
        }
        // What tools on this screen said of it.
        for column in &data.derived.columns {
            if let Some(value) = column.values.get(&own_id) {
                let value = match value {
                    DerivedValue::Truth(yes) => if *yes { "是 yes" } else { "否 no" }.to_owned(),
                    DerivedValue::Number(n) => format!("{n:.2} {}", column.unit),
                };
                labelled(ui, data, derived_words(&column.name).0, &value, "");
            }
        }
        metadata_card::show(ui, data, &feature.metadata);
    });
}

/// What becomes of the other buildings.
fn others(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let now = data.styling.cloned().unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        let chip = |ui: &mut egui::Ui, words: &str, on: bool| {
            ui.add(Button::selectable(on, RichText::new(words).font(style::regular(data.text.small)))).clicked()
        };
        for (words, to) in [("淡化其他 dim others", Others::Dimmed), ("隔离 isolate", Others::Hidden)] {
            if chip(ui, words, now.others == to) {
                let others = if now.others == to { Others::Shown } else { to };
                asked.push(Asked::Styling(Styling { others, ..now.clone() }));
            }
        }
        if chip(ui, "透视 x-ray", now.see_through) {
            asked.push(Asked::Styling(Styling { see_through: !now.see_through, ..now.clone() }));
        }
    });
}

fn show_sensor(ui: &mut egui::Ui, data: &PanelData, id: &str) {
    let Some(stream) = data.world.datastreams.get(id) else { return };
    ui.label(RichText::new(&stream.sensor).font(style::strong(data.text.title)));
    match data.world.observations.get(id) {
        Some(o) => {
            ui.horizontal(|ui| {
                ui.label(RichText::new(format!("{:.1}", o.value)).font(style::strong(data.text.figure)));
                ui.label(RichText::new(&stream.unit).font(style::regular(data.text.small)).color(style::QUIET));
            });
            row(ui, data, "时间 time", &format!("{} · {}", reading_time(o), age_words(data.now - o.phenomenon_time)));
        }
        None => {
            ui.label(RichText::new("没有读数 no reading").color(style::QUIET));
        }
    }
    row(ui, data, "属性 property", &stream.observed_property);
}

pub(super) fn row(ui: &mut egui::Ui, data: &PanelData, key: &str, value: &str) {
    coloured_row(ui, data, key, value, style::TEXT);
}

/// A row whose key is whole, on several lines if need be, and that says more where the pointer rests.
pub(super) fn labelled(ui: &mut egui::Ui, data: &PanelData, key: &str, value: &str, hint: &str) {
    let key = egui::Label::new(RichText::new(key).font(style::regular(data.text.small)).color(style::QUIET)).wrap();
    let row = keyed_row(ui, data, 9.0, key, value, style::TEXT);
    if !hint.is_empty() {
        row.on_hover_text(hint);
    }
}

fn coloured_row(ui: &mut egui::Ui, data: &PanelData, key: &str, value: &str, colour: Color32) {
    let key = egui::Label::new(RichText::new(key).font(style::regular(data.text.small)).color(style::QUIET)).truncate();
    keyed_row(ui, data, 6.2, key, value, colour);
}

/// `key_em` is the width of the key's column, in heights of the text.
fn keyed_row(ui: &mut egui::Ui, data: &PanelData, key_em: f32, key: egui::Label, value: &str, colour: Color32) -> egui::Response {
    let row = ui.horizontal_top(|ui| {
        ui.allocate_ui(egui::vec2(data.text.body * key_em, data.text.body), |ui| {
            ui.set_min_width(data.text.body * key_em);
            ui.add(key);
        });
        ui.add(egui::Label::new(RichText::new(value).font(style::regular(data.text.body * 0.94)).color(colour)).wrap());
    });
    row.response
}

/// When a reading was, or the span of time that it stands for: 10:00–11:00, with the days where it is of one or longer.
fn reading_time(o: &Observation) -> String {
    match o.phenomenon_start {
        None => clock_time(o.phenomenon_time),
        Some(start) if o.phenomenon_time - start.time() < TimeDelta::days(1) => {
            format!("{}–{}", clock_time(start.time()), clock_time(o.phenomenon_time))
        }
        Some(start) => format!("{}–{}", day_time(start.time()), day_time(o.phenomenon_time)),
    }
}

/// Where the city is; checked when the program is built.
const CHINA: FixedOffset = FixedOffset::east_opt(8 * 3600).unwrap();

/// Day and time in China: 05-01 14:05.
fn day_time(at: chrono::DateTime<Utc>) -> String {
    at.with_timezone(&CHINA).format("%m-%d %H:%M").to_string()
}

/// Time of day in China, where the city is: 14:05.
pub fn clock_time(at: chrono::DateTime<Utc>) -> String {
    at.with_timezone(&CHINA).format("%H:%M").to_string()
}
