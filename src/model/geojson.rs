//! Incidents, units, sensors and alerts as GeoJSON Features (RFC 7946): `properties.kind` says which, the place is the geometry.
//!
//! What one Yiping writes with these the feed `geojson_sse` of another reads.

use super::alert::Alert;
use super::incident::{Incident, IncidentState, Report};
use super::observation::{Datastream, Observation};
use super::unit::Unit;
use serde_json::{Value, json};

/// A report of an incident; `properties.kind` is `incident`.
pub fn report_feature(report: &Report) -> Value {
    feature("incident", &report.id, (report.lon, report.lat), json!(report))
}

/// An incident as it stands; what its report said is in it.
pub fn incident_feature(incident: &Incident) -> Value {
    feature("incident", &incident.id, (incident.lon, incident.lat), json!(incident))
}

/// An incident's Feature as one that is over, with why where its source has said so.
pub fn ended_feature(mut feature: Value, why: Option<&str>) -> Value {
    if let Some(properties) = feature.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("state".into(), json!(IncidentState::Closed));
        properties.extend(why.map(|why| ("reason".to_owned(), why.into())));
    }
    feature
}

/// A unit; `properties.kind` is `unit` and its own kind `unit_kind`.
pub fn unit_feature(unit: &Unit) -> Value {
    let mut properties = json!(unit);
    properties["unit_kind"] = properties["kind"].take();
    feature("unit", &unit.id, (unit.lon, unit.lat), properties)
}

/// A datastream with its latest reading; `properties.kind` is `sensor`.
pub fn sensor_feature(datastream: &Datastream, latest: Option<&Observation>) -> Value {
    let mut properties = json!(datastream);
    if let Some(o) = latest {
        properties["phenomenon_time"] = json!(o.phenomenon_time);
        if let Some(start) = o.phenomenon_start {
            properties["phenomenon_start"] = json!(start);
        }
        properties["value"] = json!(o.value);
        properties["quality"] = json!(o.quality);
    }
    feature("sensor", &datastream.id, (datastream.lon, datastream.lat), properties)
}

/// Corners of a circle's outline: within half a percent of its radius.
const CORNERS: u32 = 32;
/// Metres in a degree of latitude, on a sphere of the Earth's mean radius.
pub(super) const METRES_A_DEGREE: f64 = 111_195.0;

/// A public warning with all its areas as one MultiPolygon, circles by their outline; `properties.kind` is `alert`.
pub fn alert_feature(alert: &Alert) -> Value {
    let rings = alert.areas.iter().flat_map(|a| a.polygons.iter().cloned().chain(a.circles.iter().map(outline)));
    let polygons: Vec<Value> = rings.map(|ring| json!([ring])).collect();
    let mut properties = json!(alert);
    let names: Vec<&str> = alert.areas.iter().map(|a| a.name.as_str()).filter(|n| !n.is_empty()).collect();
    properties["areas"] = json!(names);
    properties["kind"] = "alert".into();
    let geometry = if polygons.is_empty() { Value::Null } else { json!({"type": "MultiPolygon", "coordinates": polygons}) };
    json!({"type": "Feature", "id": alert.id, "geometry": geometry, "properties": properties})
}

/// Anticlockwise and closed.
fn outline(&[lon, lat, radius_m]: &[f64; 3]) -> Vec<[f64; 2]> {
    let north = radius_m / METRES_A_DEGREE;
    let east = north / lat.to_radians().cos().max(0.01);
    let corner = |i: u32| f64::from(i % CORNERS) * std::f64::consts::TAU / f64::from(CORNERS);
    (0..=CORNERS).map(corner).map(|a| [lon + east * a.cos(), lat + north * a.sin()]).collect()
}

fn feature(kind: &str, id: &str, (lon, lat): (f64, f64), mut properties: Value) -> Value {
    if let Some(map) = properties.as_object_mut() {
        map.shift_remove("lon");
        map.shift_remove("lat");
    }
    properties["kind"] = kind.into();
    json!({"type": "Feature", "id": id, "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::{AlertArea, AlertStatus};
    use crate::model::incident::Severity;
    use chrono::DateTime;

    #[test]
    fn a_warning_is_all_its_polygons_and_circles() {
        let square = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        let areas = vec![AlertArea {
            name: "城区".into(),
            polygons: vec![square],
            circles: vec![[118.0, 60.0, 111_195.0]],
            ..AlertArea::default()
        }];
        let epoch = DateTime::UNIX_EPOCH;
        let [feed, sender, id, event] = ["cap", "weather", "a1", "暴雨"].map(str::to_owned);
        let mut alert = Alert {
            id,
            feed,
            sender,
            sent: epoch,
            status: AlertStatus::Actual,
            severity: Severity::Major,
            event,
            headline: String::new(),
            headline_en: String::new(),
            description: String::new(),
            instruction: String::new(),
            areas,
            effective: epoch,
            onset: None,
            expires: None,
            cancelled: false,
            replaced_by: None,
            ended_at: None,
        };
        let feature = alert_feature(&alert);
        let polygons = feature["geometry"]["coordinates"].as_array().unwrap();
        let circle = polygons[1][0].as_array().unwrap();
        assert_eq!((polygons.len(), circle.len(), &circle[0], &feature["properties"]["areas"]), (2, 33, &circle[32], &json!(["城区"])));
        let east = circle[0][0].as_f64().unwrap();
        assert!((east - 120.0).abs() < 1e-6, "a degree of latitude is two of longitude at 60° north: {east}");
        alert.areas.clear();
        assert_eq!(alert_feature(&alert)["geometry"], Value::Null);
    }
}
