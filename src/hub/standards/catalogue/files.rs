//! What the GeoJSON and GPX files of the city's data folder hold, looked at again when they have changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

/// Larger files are listed without being looked into.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One file in short.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Features, or points of a track.
    pub count: usize,
    /// West, south, east, north, degrees.
    pub bounds: Option<[f64; 4]>,
    /// Properties and their JSON types, as the first features have them.
    pub fields: Vec<(String, &'static str)>,
    pub licence: Option<String>,
    pub modified: Option<DateTime<Utc>>,
}

static KNOWN: LazyLock<Mutex<HashMap<PathBuf, (SystemTime, Summary)>>> = LazyLock::new(Mutex::default);

/// `None` when there is no such file.
pub fn summary(file: &Path) -> Option<Summary> {
    let metadata = std::fs::metadata(file).ok()?;
    let modified = metadata.modified().ok()?;
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned();
    if let Some((at, summary)) = known
        && at == modified
    {
        return Some(summary);
    }
    let text = if metadata.len() <= BYTES_MAX { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    let mut summary = match file.extension().and_then(|e| e.to_str()) {
        Some("gpx") => of_gpx(&text),
        _ => serde_json::from_str(&text).map(|v| of_geojson(&v)).unwrap_or_default(),
    };
    summary.modified = Some(modified.into());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), (modified, summary.clone()));
    Some(summary)
}

fn of_geojson(collection: &Value) -> Summary {
    let features = collection["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut summary = Summary {
        count: features.len(),
        licence: ["licence", "license"].iter().find_map(|k| collection[*k].as_str()).map(str::to_owned),
        ..Summary::default()
    };
    for feature in features {
        widen(&mut summary.bounds, &feature["geometry"]["coordinates"]);
    }
    for (name, value) in features.iter().take(20).filter_map(|f| f["properties"].as_object()).flatten() {
        let kind = match value {
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "boolean",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null => continue,
        };
        if !summary.fields.iter().any(|(n, _)| n == name) {
            summary.fields.push((name.clone(), kind));
        }
    }
    summary
}

fn of_gpx(text: &str) -> Summary {
    let Ok(gpx) = gpx::read(text.as_bytes()) else { return Summary::default() };
    let mut summary = Summary::default();
    let tracks = gpx.tracks.iter().flat_map(|t| &t.segments).flat_map(|s| &s.points);
    for point in tracks.chain(gpx.routes.iter().flat_map(|r| &r.points)).chain(&gpx.waypoints) {
        summary.count += 1;
        add(&mut summary.bounds, point.point().x(), point.point().y());
    }
    summary.fields = ["name", "ele", "time"].map(|n| (n.to_owned(), "string")).to_vec();
    summary
}

/// Over all positions in nested arrays of coordinates.
fn widen(bounds: &mut Option<[f64; 4]>, coordinates: &Value) {
    let Some(list) = coordinates.as_array() else { return };
    match (list.first().and_then(Value::as_f64), list.get(1).and_then(Value::as_f64)) {
        (Some(lon), Some(lat)) => add(bounds, lon, lat),
        _ => list.iter().for_each(|inner| widen(bounds, inner)),
    }
}

fn add(bounds: &mut Option<[f64; 4]>, lon: f64, lat: f64) {
    let [w, s, e, n] = bounds.unwrap_or([lon, lat, lon, lat]);
    *bounds = Some([w.min(lon), s.min(lat), e.max(lon), n.max(lat)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_tells_its_count_extent_and_fields() {
        let collection = json!({"type": "FeatureCollection", "licence": "MIT", "features": [
            {"geometry": {"type": "Polygon", "coordinates": [[[1.0, 2.0], [3.0, 2.0], [3.0, 5.0], [1.0, 2.0]]]}, "properties": {"id": "a", "rank": null}},
            {"geometry": {"type": "Point", "coordinates": [0.0, 9.0]}, "properties": {"id": "b", "rank": 3}}]});
        let s = of_geojson(&collection);
        assert_eq!((s.count, s.bounds, s.licence.as_deref()), (2, Some([0.0, 2.0, 3.0, 9.0]), Some("MIT")));
        assert_eq!(s.fields, [("id".to_owned(), "string"), ("rank".to_owned(), "number")]);
        let track = r#"<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
            <trkpt lat="33" lon="118"/><trkpt lat="34" lon="119"/></trkseg></trk></gpx>"#;
        assert_eq!((of_gpx(track).count, of_gpx(track).bounds), (2, Some([118.0, 33.0, 119.0, 34.0])));
        assert_eq!(of_gpx("rubbish").count, 0);
    }
}
