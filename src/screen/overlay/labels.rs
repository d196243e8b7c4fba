//! Names on the city: districts, lakes, landmarks. Chinese first, English under it at half the size; never on a marker or a panel.

use super::Projector;
use crate::screen::style::{self, TextSizes};
use bevy_egui::egui::{Align2, Color32, Painter, Rect, pos2, vec2};
use serde::Deserialize;

/// A named place of the scene's `places.geojson`.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub name: String,
    pub name_en: String,
    /// 1 is seen from farthest away.
    pub rank: u8,
    pub water: bool,
    pub lon: f64,
    pub lat: f64,
}

#[derive(Deserialize)]
struct Properties {
    name: String,
    #[serde(default)]
    name_en: String,
    #[serde(default)]
    kind: String,
    #[serde(default = "lowest_rank")]
    rank: u8,
}

fn lowest_rank() -> u8 {
    4
}

/// Named points of a GeoJSON text; features that are no points or have no name are left out and counted.
///
/// # Errors
/// In words, when the text is no GeoJSON FeatureCollection.
pub fn places(text: &str) -> Result<(Vec<Place>, usize), String> {
    let collection: geojson::FeatureCollection = text.parse().map_err(|e| format!("places.geojson: {e}"))?;
    let total = collection.features.len();
    let mut places: Vec<Place> = collection.features.into_iter().filter_map(place).collect();
    places.sort_by_key(|p| p.rank);
    let left_out = total - places.len();
    Ok((places, left_out))
}

fn place(feature: geojson::Feature) -> Option<Place> {
    let geojson::GeometryValue::Point { coordinates } = &feature.geometry.as_ref()?.value else { return None };
    let (lon, lat) = (*coordinates.as_slice().first()?, *coordinates.as_slice().get(1)?);
    let p: Properties = serde_json::from_value(serde_json::Value::Object(feature.properties?)).ok()?;
    let water = ["water", "lake", "river", "canal"].contains(&p.kind.as_str());
    Some(Place { name: p.name, name_en: p.name_en, rank: p.rank, water, lon, lat })
}

/// How far away names of a rank are still shown, metres.
fn reach_m(rank: u8) -> f64 {
    match rank {
        0 | 1 => 60_000.0,
        2 => 16_000.0,
        3 => 7_000.0,
        _ => 3_500.0,
    }
}

/// Draws names where there is room, most important first. `taken` holds heads and panels.
pub fn draw(
    painter: &Painter,
    projector: &Projector,
    text: &TextSizes,
    places: &[Place],
    ground: &dyn Fn(f64, f64) -> f64,
    mut taken: Vec<Rect>,
    bright: bool,
) {
    for place in places {
        let lift_m = if place.water { 0.0 } else { 40.0 };
        let Some(spot) = projector.spot(place.lon, place.lat, ground(place.lon, place.lat) + lift_m) else { continue };
        let fade = 1.0 - (spot.distance_m / reach_m(place.rank)).clamp(0.0, 1.0).powi(4);
        let at = projector.place(&spot);
        if fade < 0.05 || !projector.screen.contains(at) {
            continue;
        }
        let size = if place.rank <= 1 { text.title } else { text.body * 0.95 };
        let colour = match (place.water, bright) {
            (true, false) => Color32::from_rgb(0x8F, 0xC4, 0xE8),
            (false, false) => Color32::from_rgb(0xC3, 0xCF, 0xDD),
            (true, true) => Color32::from_rgb(0x12, 0x44, 0x6B),
            (false, true) => Color32::from_rgb(0x1B, 0x27, 0x36),
        };
        let zh = painter.layout_no_wrap(place.name.clone(), style::regular(size), colour);
        let en = painter.layout_no_wrap(place.name_en.clone(), style::regular(size * 0.55), colour);
        let block = vec2(zh.size().x.max(en.size().x), zh.size().y + en.size().y * 0.85);
        let Some(at) = projector.kept_whole(at, block.x * 0.5 + 4.0) else { continue };
        let rect = Rect::from_center_size(at, block + vec2(12.0, 6.0));
        if taken.iter().any(|t| t.intersects(rect)) {
            continue;
        }
        taken.push(rect);
        let painter = {
            let mut p = painter.clone();
            p.multiply_opacity(fade as f32 * 0.92);
            p
        };
        haloed(&painter, pos2(rect.center().x, rect.top() + 2.0), &place.name, size, (colour, bright));
        haloed(&painter, pos2(rect.center().x, rect.top() + zh.size().y * 0.92), &place.name_en, size * 0.55, (colour, bright));
    }
}

/// Text with a halo in the ground's colour.
pub fn haloed(painter: &Painter, top: bevy_egui::egui::Pos2, text: &str, size: f32, (colour, bright): (Color32, bool)) {
    let halo = if bright { Color32::from_rgba_unmultiplied(240, 243, 246, 170) } else { Color32::from_rgba_unmultiplied(10, 16, 24, 150) };
    let d = (size * 0.06).max(1.0);
    for offset in [vec2(d, 0.0), vec2(-d, 0.0), vec2(0.0, d), vec2(0.0, -d), vec2(d, d), vec2(-d, -d), vec2(d, -d), vec2(-d, d)] {
        painter.text(top + offset, Align2::CENTER_TOP, text, style::regular(size), halo);
    }
    painter.text(top, Align2::CENTER_TOP, text, style::regular(size), colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameless_features_are_counted_and_the_rest_is_read() {
        let text = r#"{"type":"FeatureCollection","features":[
            {"type":"Feature","properties":{"name":"骆马湖","name_en":"Luoma Lake","kind":"lake","rank":1},"geometry":{"type":"Point","coordinates":[118.2,34.1]}},
            {"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[118.2,34.1]}}]}"#;
        let (places, left_out) = places(text).unwrap();
        assert_eq!((places.len(), left_out, places[0].water), (1, 1, true));
        assert!(super::places("{").is_err());
    }
}
