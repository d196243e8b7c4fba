//! The area of an alert rule: a code of the city's hierarchy, or a border of its own in GeoJSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Corners of a border: a country's is drawn with fewer, and each new sensor is held against all of them.
const CORNERS_MAX: usize = 100_000;

/// Where the sensors of a rule stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum RuleArea {
    /// Id of a Feature in the city's `areas.geojson`: `321302`. Somebody has to look its border up before it covers anything.
    Code(String),
    /// Shared, because rules are copied with each of their verdicts.
    Border(Arc<Border>),
}

/// One or several polygons of longitude and latitude (WGS 84, degrees), with holes.
#[derive(Clone, Debug, PartialEq)]
pub struct Border {
    /// As it was written, for who is told the scene.
    geometry: Value,
    /// All rings, outer and holes alike: a place is inside where it is within an odd number of them.
    rings: Vec<Vec<[f64; 2]>>,
    /// West, south, east, north.
    bounds: [f64; 4],
}

impl TryFrom<Value> for RuleArea {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(code) if !code.is_empty() => Ok(Self::Code(code)),
            Value::Object(_) => Ok(Self::Border(Border::of(&value)?.into())),
            _ => Err("an area is the code of one of the city's areas, \"321302\", or a GeoJSON Polygon or MultiPolygon; \
                      a rectangle is bounds = [west, south, east, north]"
                .into()),
        }
    }
}

impl From<RuleArea> for Value {
    fn from(area: RuleArea) -> Self {
        match area {
            RuleArea::Code(code) => json!(code),
            RuleArea::Border(border) => border.geometry.clone(),
        }
    }
}

impl Border {
    /// A GeoJSON geometry (RFC 7946); a Feature counts as its geometry. Rings that are not closed are taken as closed.
    ///
    /// # Errors
    /// In words, when it is no Polygon or MultiPolygon of places on Earth.
    pub fn of(geojson: &Value) -> Result<Self, String> {
        let geometry = geojson.get("geometry").unwrap_or(geojson);
        let coordinates = &geometry["coordinates"];
        let list = |value: &Value| value.as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
        let polygons = match geometry["type"].as_str() {
            Some("Polygon") => vec![list(coordinates)],
            Some("MultiPolygon") => list(coordinates).iter().map(list).collect(),
            other => return Err(format!("an area is a GeoJSON Polygon or MultiPolygon, not {}", other.unwrap_or("without a type"))),
        };
        let mut rings = Vec::new();
        for (p, polygon) in polygons.iter().enumerate() {
            for (r, written) in polygon.iter().enumerate() {
                rings.push(ring(written).map_err(|why| format!("polygon {}, ring {}: {why}", p + 1, r + 1))?);
            }
        }
        let corners: usize = rings.iter().map(Vec::len).sum();
        if rings.is_empty() || corners > CORNERS_MAX {
            return Err(format!("an area has a ring at least, and at most {CORNERS_MAX} corners; this one has {corners}"));
        }
        let wide = |[w, s, e, n]: [f64; 4], [lon, lat]: &[f64; 2]| [w.min(*lon), s.min(*lat), e.max(*lon), n.max(*lat)];
        let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let bounds = rings.iter().flatten().fold(nothing, wide);
        Ok(Self { geometry: geometry.clone(), rings, bounds })
    }

    /// Whether a place lies in it: even-odd rule, a western or southern edge belongs to it.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        let [west, south, east, north] = self.bounds;
        if !((west..=east).contains(&lon) && (south..=north).contains(&lat)) {
            return false;
        }
        let crosses =
            |a: &[f64; 2], b: &[f64; 2]| (a[1] <= lat) != (b[1] <= lat) && a[0] + (lat - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) <= lon;
        let crossings = |ring: &Vec<[f64; 2]>| ring.iter().zip(ring.iter().cycle().skip(1)).filter(|(a, b)| crosses(a, b)).count();
        self.rings.iter().map(crossings).sum::<usize>() % 2 == 1
    }
}

fn ring(written: &Value) -> Result<Vec<[f64; 2]>, String> {
    let positions = written.as_array().map(Vec::as_slice).unwrap_or_default();
    let place = |position: &Value| match (position[0].as_f64(), position[1].as_f64()) {
        (Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok([lon, lat]),
        _ => Err(format!("{position} is no [longitude, latitude] in degrees")),
    };
    let mut ring = positions.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 { Err(format!("a ring needs three corners, this one has {}", ring.len())) } else { Ok(ring) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(west: f64, south: f64, side: f64) -> Value {
        let (east, north) = (west + side, south + side);
        json!([[west, south], [east, south], [east, north], [west, north], [west, south]])
    }

    #[test]
    fn a_place_is_inside_one_of_the_polygons_and_in_no_hole() {
        let polygon = json!({"type": "Polygon", "coordinates": [square(118.0, 33.0, 1.0), square(118.4, 33.4, 0.2)]});
        let several = json!({"type": "MultiPolygon", "coordinates": [polygon["coordinates"], [square(120.0, 33.0, 1.0)]]});
        let one = Border::of(&json!({"type": "Feature", "geometry": polygon, "properties": {}})).unwrap();
        let both = Border::of(&several).unwrap();
        for (lon, lat, in_one, in_both) in [
            (118.1, 33.1, true, true),
            (118.5, 33.5, false, false),
            (119.5, 33.5, false, false),
            (120.5, 33.5, false, true),
            (118.0, 33.0, true, true),
            (119.0, 33.5, false, false),
            (117.9, 33.5, false, false),
        ] {
            assert_eq!((one.contains(lon, lat), both.contains(lon, lat)), (in_one, in_both), "{lon} {lat}");
        }
    }

    #[test]
    fn what_is_no_area_is_refused_with_the_place_and_the_mend() {
        for (written, said) in [
            (json!([1, 2, 3, 4]), "bounds = [west, south, east, north]"),
            (json!(""), "\"321302\""),
            (json!({"type": "Point", "coordinates": [1, 2]}), "not Point"),
            (json!({"coordinates": []}), "without a type"),
            (json!({"type": "Polygon", "coordinates": []}), "a ring at least"),
            (json!({"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]}), "polygon 1, ring 1: a ring needs three corners"),
            (
                json!({"type": "MultiPolygon", "coordinates": [[square(0.0, 0.0, 1.0), [[33, 118], [34, 118], [33, "x"]]]]}),
                "polygon 1, ring 2",
            ),
        ] {
            let why = RuleArea::try_from(written.clone()).unwrap_err();
            assert!(why.contains(said), "{written}: {why}");
        }
    }

    #[test]
    fn a_screen_is_told_the_area_as_it_was_written() {
        let polygon = json!({"type": "Polygon", "coordinates": [square(118.0, 33.0, 1.0)]});
        for written in [json!("321302"), polygon] {
            let area: RuleArea = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&area).unwrap(), written);
        }
    }
}
