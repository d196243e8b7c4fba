//! What a group of objects has in common: sums and means of its numbers, and its attributes as files.

use crate::geo::Geodetic;
use crate::model::derived::quoted;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One object of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub id: String,
    pub attributes: Map<String, Value>,
    /// Middle of it.
    pub at: Option<Geodetic>,
}

/// A numeric attribute of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub attribute: String,
    /// Objects that have it.
    pub count: usize,
    pub sum: f64,
}

impl Figure {
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

/// Sums of every attribute that is a number, by name.
pub fn figures(members: &[Member]) -> Vec<Figure> {
    let mut all: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (name, value) in members.iter().flat_map(|m| &m.attributes) {
        if let Some(number) = value.as_f64().filter(|n| n.is_finite()) {
            let known = all.entry(name).or_default();
            *known = (known.0 + 1, known.1 + number);
        }
    }
    all.into_iter().map(|(name, (count, sum))| Figure { attribute: name.to_owned(), count, sum }).collect()
}

/// A GeoJSON FeatureCollection (RFC 7946; WGS 84, heights above the ellipsoid or the package's datum): a point an object.
pub fn to_geojson(members: &[Member]) -> Value {
    let point = |at: &Geodetic| json!({"type": "Point", "coordinates": [at.lon_deg(), at.lat_deg(), at.height_m]});
    let of = |m: &Member| json!({"type": "Feature", "id": m.id, "geometry": m.at.as_ref().map(point), "properties": m.attributes});
    json!({"type": "FeatureCollection", "features": members.iter().map(of).collect::<Vec<_>>()})
}

/// A line an object, a column an attribute.
pub fn to_csv(members: &[Member]) -> String {
    let names: BTreeSet<&str> = members.iter().flat_map(|m| m.attributes.keys()).map(String::as_str).filter(|n| *n != "id").collect();
    let head = ["id", "lon", "lat"].into_iter().chain(names.iter().copied());
    let mut lines = vec![head.map(quoted).collect::<Vec<_>>().join(",")];
    for m in members {
        let degrees = |of: fn(&Geodetic) -> f64| m.at.as_ref().map_or(String::new(), |at| format!("{:.7}", of(at)));
        let own = names.iter().map(|n| quoted(&text(m.attributes.get(*n))));
        let fields = [quoted(&m.id), degrees(|at| at.lon_deg()), degrees(|at| at.lat_deg())].into_iter().chain(own);
        lines.push(fields.collect::<Vec<_>>().join(","));
    }
    lines.join("\n") + "\n"
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Writes both files into `folder` (made if need be), named after `now`; gives the path of the GeoJSON.
///
/// # Errors
/// In words, when a file can't be written.
pub fn export(members: &[Member], folder: &Path, now: chrono::DateTime<chrono::Utc>) -> Result<PathBuf, String> {
    let file = |ending: &str| folder.join(format!("selection-{}.{ending}", now.format("%Y%m%d-%H%M%S")));
    let failed = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    for (ending, text) in [("csv", to_csv(members)), ("geojson", to_geojson(members).to_string())] {
        let path = file(ending);
        std::fs::write(&path, text).map_err(|e| failed(&path, e))?;
    }
    Ok(file("geojson"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<Member> {
        let of = |id: &str, text: &str| Member {
            id: id.to_owned(),
            attributes: serde_json::from_str(text).unwrap(),
            at: Some(Geodetic::from_degrees(4.5, 52.25, 3.0)),
        };
        vec![of("a", r#"{"id":"a","population":30,"name":"x, \"y\""}"#), of("b", r#"{"id":"b","population":12.5,"empty":null}"#)]
    }

    #[test]
    fn numbers_are_summed_and_texts_are_not() {
        let got = figures(&members());
        assert_eq!(got, [Figure { attribute: "population".into(), count: 2, sum: 42.5 }]);
        assert_eq!(got[0].mean(), 21.25);
    }

    #[test]
    fn both_files_hold_every_object_and_attribute() {
        let dir = tempfile::tempdir().unwrap();
        let now = chrono::DateTime::from_timestamp(0, 0).unwrap();
        let path = export(&members(), &dir.path().join("new"), now).unwrap();
        assert!(path.ends_with("new/selection-19700101-000000.geojson"));
        let geojson: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(geojson["features"][1]["properties"]["population"], 12.5);
        assert_eq!(geojson["features"][0]["geometry"]["coordinates"][0], 4.5);
        let csv = std::fs::read_to_string(path.with_extension("csv")).unwrap();
        assert_eq!(csv, "id,lon,lat,empty,name,population\na,4.5000000,52.2500000,,\"x, \"\"y\"\"\",30\nb,4.5000000,52.2500000,,,12.5\n");
    }
}
