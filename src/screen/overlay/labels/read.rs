//! Names from `places.geojson`, `areas.geojson` and `roads.geojson`. What can't be read is left out and counted.

use super::levels::Kind;
use crate::model::area::AreaLevel;
use geojson::{Feature, FeatureCollection, GeometryValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A name at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Source id, empty where there is none.
    pub id: String,
    pub name: String,
    pub name_en: String,
    pub kind: Kind,
    /// 1 is seen from farthest away.
    pub rank: u8,
    /// Degrees.
    pub lon: f64,
    pub lat: f64,
}

/// A named line.
#[derive(Clone, Debug, PartialEq)]
pub struct Road {
    pub name: String,
    pub name_en: String,
    /// As of places; 4 for the widest class.
    pub rank: u8,
    /// Longitude and latitude, degrees.
    pub line: Vec<[f64; 2]>,
}

/// An area with its border.
#[derive(Clone, Debug, PartialEq)]
pub struct AreaBorder {
    pub place: Place,
    pub level: AreaLevel,
    /// Outer rings, degrees.
    pub rings: Vec<Vec<[f64; 2]>>,
}

#[derive(Deserialize)]
struct PlaceProperties {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    name_en: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default = "lowest_rank")]
    rank: u8,
}

#[derive(Deserialize)]
struct AreaProperties {
    id: String,
    name: String,
    #[serde(default)]
    name_en: Option<String>,
    level: AreaLevel,
}

#[derive(Deserialize)]
struct RoadProperties {
    name: String,
    #[serde(default)]
    name_en: Option<String>,
    #[serde(default)]
    class: String,
}

fn lowest_rank() -> u8 {
    4
}

/// Reads features with `one`; also says how many were left out.
fn all<T>(file: &str, text: &str, one: impl Fn(Feature) -> Option<T>) -> Result<(Vec<T>, usize), String> {
    let collection: FeatureCollection = text.parse().map_err(|e| format!("{file}: {e}"))?;
    let total = collection.features.len();
    let good: Vec<T> = collection.features.into_iter().filter_map(one).collect();
    let left_out = total - good.len();
    Ok((good, left_out))
}

fn properties<P: DeserializeOwned>(feature: &Feature) -> Option<P> {
    serde_json::from_value(serde_json::Value::Object(feature.properties.clone()?)).ok()
}

fn lon_lat(position: &[f64]) -> Option<[f64; 2]> {
    let at = [*position.first()?, *position.get(1)?];
    (at.iter().all(|c| c.is_finite()) && at[0].abs() <= 180.0 && at[1].abs() <= 90.0).then_some(at)
}

/// Named points.
///
/// # Errors
/// In words, when the text is no GeoJSON FeatureCollection.
pub fn places(text: &str) -> Result<(Vec<Place>, usize), String> {
    all("places.geojson", text, |feature| {
        let GeometryValue::Point { coordinates } = &feature.geometry.as_ref()?.value else { return None };
        let [lon, lat] = lon_lat(coordinates.as_slice())?;
        let p: PlaceProperties = properties(&feature)?;
        let kind = match p.kind.as_str() {
            "water" | "lake" | "river" | "canal" => Kind::Water,
            "park" | "forest" => Kind::Green,
            "landmark" => Kind::Landmark,
            "road" => Kind::Road,
            _ => Kind::Place,
        };
        let (id, name_en) = (p.id.unwrap_or_default(), p.name_en.unwrap_or_default());
        Some(Place { id, name: p.name, name_en, kind, rank: p.rank, lon, lat })
    })
}

/// Areas of all levels with their label points.
///
/// # Errors
/// In words, when the text is no GeoJSON FeatureCollection.
pub fn areas(text: &str) -> Result<(Vec<AreaBorder>, usize), String> {
    all("areas.geojson", text, |feature| {
        let outer: Vec<_> = match &feature.geometry.as_ref()?.value {
            GeometryValue::Polygon { coordinates } => coordinates.first().into_iter().collect(),
            GeometryValue::MultiPolygon { coordinates } => coordinates.iter().filter_map(|p| p.first()).collect(),
            _ => return None,
        };
        let rings: Vec<Vec<[f64; 2]>> = outer.iter().map(|r| r.iter().filter_map(|p| lon_lat(p.as_slice())).collect()).collect();
        let p: AreaProperties = properties(&feature)?;
        let largest = rings.iter().max_by(|a, b| doubled_area(a).abs().total_cmp(&doubled_area(b).abs()))?;
        let [lon, lat] = label_point(largest)?;
        let name_en = p.name_en.unwrap_or_default();
        let place = Place { id: p.id, name: p.name, name_en, kind: Kind::Area(p.level), rank: 0, lon, lat };
        Some(AreaBorder { place, level: p.level, rings })
    })
}

/// Named lines.
///
/// # Errors
/// In words, when the text is no GeoJSON FeatureCollection.
pub fn roads(text: &str) -> Result<(Vec<Road>, usize), String> {
    all("roads.geojson", text, |feature| {
        let GeometryValue::LineString { coordinates } = &feature.geometry.as_ref()?.value else { return None };
        let line: Vec<[f64; 2]> = coordinates.iter().filter_map(|p| lon_lat(p.as_slice())).collect();
        let p: RoadProperties = properties(&feature)?;
        let rank = match p.class.as_str() {
            "motorway" | "trunk" => 4,
            "arterial" | "primary" | "secondary" => 5,
            _ => 6,
        };
        let usable = line.len() > 1 && !p.name.is_empty();
        usable.then(|| Road { name: p.name, name_en: p.name_en.unwrap_or_default(), rank, line })
    })
}

fn cross(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[1] - b[0] * a[1]
}

fn doubled_area(ring: &[[f64; 2]]) -> f64 {
    ring.windows(2).map(|e| cross(e[0], e[1])).sum()
}

/// A point inside a ring: its centre of gravity, or, where that lies outside, the middle of the widest part at its height.
fn label_point(ring: &[[f64; 2]]) -> Option<[f64; 2]> {
    let from = *ring.first()?;
    // About its own corner: degrees squared differ too little for the sum otherwise.
    let own: Vec<[f64; 2]> = ring.iter().map(|p| [p[0] - from[0], p[1] - from[1]]).collect();
    let area = doubled_area(&own);
    if area.abs() < 1e-14 {
        return None;
    }
    let sum = |i: usize| own.windows(2).map(|e| (e[0][i] + e[1][i]) * cross(e[0], e[1])).sum::<f64>() / (3.0 * area);
    let (x, y) = (sum(0), sum(1));
    let crossing = |e: &[[f64; 2]]| {
        let (a, b) = (e[0], e[1]);
        ((a[1] > y) != (b[1] > y)).then(|| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    };
    let mut cuts: Vec<f64> = own.windows(2).filter_map(crossing).collect();
    cuts.sort_by(f64::total_cmp);
    let spans = || cuts.as_chunks::<2>().0.iter();
    if spans().any(|s| s[0] <= x && x <= s[1]) {
        return Some([x + from[0], y + from[1]]);
    }
    let widest = spans().max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some([(widest[0] + widest[1]) * 0.5 + from[0], y + from[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameless_features_are_counted_and_the_rest_is_read() {
        let text = r#"{"type":"FeatureCollection","features":[
            {"type":"Feature","properties":{"name":"骆马湖","name_en":"Luoma Lake","kind":"lake","rank":1},"geometry":{"type":"Point","coordinates":[118.2,34.1]}},
            {"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[118.2,34.1]}}]}"#;
        let (found, left_out) = places(text).unwrap();
        assert_eq!((found.len(), left_out, found[0].kind), (1, 1, Kind::Water));
        assert!(places("{").is_err());
    }

    #[test]
    fn roads_and_areas_are_read_with_what_is_broken_left_out() {
        let text = r#"{"type":"FeatureCollection","features":[
            {"type":"Feature","properties":{"name":"太湖路","class":"arterial"},"geometry":{"type":"LineString","coordinates":[[118.2,34.1],[118.3,34.1]]}},
            {"type":"Feature","properties":{"name":"太湖路"},"geometry":{"type":"LineString","coordinates":[[118.2,34.1],[999,34.1]]}},
            {"type":"Feature","properties":{"name":"x"},"geometry":null}]}"#;
        let (found, left_out) = roads(text).unwrap();
        assert_eq!((found.len(), left_out, found[0].rank), (1, 2, 5));
        let text = r#"{"type":"FeatureCollection","features":[
            {"type":"Feature","properties":{"id":"1","name":"镇","level":"town","parent":null},"geometry":{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,2],[0,0]]]}},
            {"type":"Feature","properties":{"id":"2","name":"镇","level":"continent"},"geometry":{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]}}]}"#;
        let (found, left_out) = areas(text).unwrap();
        assert_eq!((found.len(), left_out), (1, 1));
        assert!((found[0].place.lon - 1.0).abs() < 1e-9 && (found[0].place.lat - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_name_of_a_bent_area_lies_inside_it() {
        let ring = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [9.0, 10.0], [9.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
        let [x, y] = label_point(&ring).unwrap();
        assert!(x > 9.0 && x < 10.0 || y < 1.0, "{x} {y}");
        assert_eq!(label_point(&[[1.0, 1.0], [1.0, 1.0]]), None);
    }
}
