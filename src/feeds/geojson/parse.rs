//! A GeoJSON Feature as an incident report or a unit.
//!
//! `properties.kind` says which: `incident` or `unit`; without it, a `call_sign` makes a unit and a `severity` an incident.
//! A unit's own kind is `unit_kind`, or `kind` where that is not taken. An incident whose `state` is one of those in which nothing more
//! is to be done (`closed`, `evaluated`, `duplicate`, `void`) is over; of such a one only its id is needed.

use crate::feeds::FeedEvent;
use crate::model::incident::{IncidentState, Report};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longer details of a unit are left out.
const DETAILS_BYTES_MAX: usize = 4 << 10;

/// # Errors
/// In words, when it is no JSON.
pub(super) fn message(data: &str) -> Result<Value, String> {
    serde_json::from_str(data).map_err(|e| format!("not JSON ({e}): {}", start(data)))
}

/// Features of one message: the Feature itself, or those of a FeatureCollection.
///
/// # Errors
/// In words, when the message is neither.
pub(super) fn features(message: &Value) -> Result<&[Value], String> {
    match message.get("type").and_then(Value::as_str) {
        Some("Feature") => Ok(std::slice::from_ref(message)),
        Some("FeatureCollection") => match message.get("features") {
            Some(Value::Array(features)) => Ok(features),
            _ => Err("a FeatureCollection without an array \"features\"".into()),
        },
        _ => Err(format!("neither a GeoJSON Feature nor a FeatureCollection: {}", start(&message.to_string()))),
    }
}

/// What a Feature says, with the id of the entity it is about.
///
/// # Errors
/// In words: which field is missing or what is wrong with it. Only what can't be done without is demanded.
pub(super) fn entity(feature: &Value) -> Result<(String, FeedEvent), String> {
    let properties = feature.get("properties").and_then(Value::as_object).ok_or("a Feature without properties")?;
    let id = id(feature, properties).ok_or("a Feature without id")?;
    let is_unit = match text(properties, "kind") {
        Some("unit") => true,
        Some("incident") => false,
        _ if properties.contains_key("call_sign") => true,
        _ if properties.contains_key("severity") => false,
        _ => return Err(format!("{id}: kind is neither incident nor unit")),
    };
    let event = match is_unit {
        true => point(feature).and_then(|place| unit(&id, properties, place)).map(FeedEvent::Unit),
        false => match over(properties) {
            Some(why) => Ok(FeedEvent::Ended { incident: id.clone(), why }),
            None => point(feature).and_then(|place| incident(&id, properties, place)).map(FeedEvent::Incident),
        },
    };
    Ok((id.clone(), event.map_err(|why| format!("{id}: {why}"))?))
}

/// Why an incident is over, in its source's words; `None` while it is not, or where the source says nothing of its state.
fn over(p: &Map<String, Value>) -> Option<String> {
    let state: IncidentState = word(p, "state").ok()?;
    let why = || format!("{} at its source", text(p, "state").unwrap_or_default());
    state.is_ended().then(|| text(p, "reason").map_or_else(why, str::to_owned))
}

fn incident(id: &str, p: &Map<String, Value>, (lon, lat): (f64, f64)) -> Result<Report, String> {
    let title = text(p, "title").or_else(|| text(p, "title_en")).ok_or("no title")?;
    Ok(Report {
        id: id.to_owned(),
        domain: word(p, "domain")?,
        category: text(p, "category").unwrap_or_default().to_owned(),
        severity: word(p, "severity")?,
        title: title.to_owned(),
        title_en: text(p, "title_en").unwrap_or_default().to_owned(),
        description: text(p, "description").unwrap_or_default().to_owned(),
        lon,
        lat,
        area: text(p, "area").map(str::to_owned),
        reported_at: time(p, "reported_at")?,
    })
}

fn unit(id: &str, p: &Map<String, Value>, (lon, lat): (f64, f64)) -> Result<Unit, String> {
    let own_kind = text(p, "kind").filter(|k| *k != "unit");
    let heading_deg = p.get("heading_deg").and_then(Value::as_f64).filter(|h| h.is_finite()).unwrap_or(0.0);
    Ok(Unit {
        id: id.to_owned(),
        call_sign: text(p, "call_sign").unwrap_or(id).to_owned(),
        domain: word(p, "domain")?,
        kind: text(p, "unit_kind").or(own_kind).unwrap_or_default().to_owned(),
        state: word(p, "state")?,
        lon,
        lat,
        heading_deg: heading_deg.rem_euclid(360.0),
        // A position without a time says nothing about where the unit is now.
        seen_at: time(p, "seen_at")?.ok_or("no seen_at")?,
        stale_at: time(p, "stale_at")?,
        details: text(p, "details").filter(|d| d.len() <= DETAILS_BYTES_MAX).map(str::to_owned),
    })
}

fn text<'a>(p: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    p.get(key).and_then(Value::as_str).filter(|t| !t.trim().is_empty())
}

/// A field whose value is one of the model's words.
fn word<T: DeserializeOwned>(p: &Map<String, Value>, key: &str) -> Result<T, String> {
    let value = p.get(key).ok_or_else(|| format!("no {key}"))?;
    T::deserialize(value).map_err(|_| format!("{key} is {}", start(&value.to_string())))
}

fn time(p: &Map<String, Value>, key: &str) -> Result<Option<DateTime<Utc>>, String> {
    match p.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| format!("{key} is {}, not a time like 2026-01-01T00:00:00Z", start(&value.to_string()))),
    }
}

fn id(feature: &Value, properties: &Map<String, Value>) -> Option<String> {
    match feature.get("id").or_else(|| properties.get("id"))? {
        Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Longitude and latitude in degrees.
fn point(feature: &Value) -> Result<(f64, f64), String> {
    let geometry = feature.get("geometry").unwrap_or(&Value::Null);
    if geometry.get("type").and_then(Value::as_str) != Some("Point") {
        return Err("the geometry is no Point".into());
    }
    let at = |i: usize| geometry.get("coordinates").and_then(|c| c.get(i)).and_then(Value::as_f64);
    match (at(0), at(1)) {
        (Some(lon), Some(lat)) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => Ok((lon, lat)),
        (Some(lon), Some(lat)) => Err(format!("{lon}, {lat} is no place on Earth (longitude, latitude in degrees)")),
        _ => Err("coordinates are not two numbers".into()),
    }
}

fn start(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unit() -> Value {
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [118.2, 33.9]}, "properties":
            {"id": "u1", "call_sign": "A 1", "domain": "traffic", "kind": "patrol_car", "state": "available", "seen_at": "2026-01-01T00:00:00Z"}})
    }

    fn why(change: impl Fn(&mut Value)) -> String {
        let mut feature = unit();
        change(&mut feature);
        entity(&feature).unwrap_err()
    }

    #[test]
    fn a_unit_is_known_by_its_call_sign() {
        let (id, event) = entity(&unit()).unwrap();
        let FeedEvent::Unit(unit) = event else { panic!("{event:?}") };
        assert_eq!((id.as_str(), unit.kind.as_str(), unit.lon), ("u1", "patrol_car", 118.2));
    }

    #[test]
    fn an_incident_in_a_state_that_is_an_end_is_over_and_in_any_other_it_is_reported() {
        let said = |state: &str| {
            let feature = json!({"type": "Feature", "id": "i1", "geometry": {"type": "Point", "coordinates": [118.2, 33.9]}, "properties":
                {"kind": "incident", "title": "追尾", "domain": "traffic", "severity": "minor", "state": state}});
            entity(&feature).unwrap().1
        };
        for state in ["closed", "evaluated", "duplicate", "void"] {
            assert_eq!(said(state), FeedEvent::Ended { incident: "i1".into(), why: format!("{state} at its source") });
        }
        // A state that is not ours says nothing of an end.
        for state in ["reported", "handling", "open"] {
            assert!(matches!(said(state), FeedEvent::Incident(report) if report.title == "追尾"), "{state}");
        }
        // Nothing but its id is needed of one that is over.
        let bare =
            json!({"type": "Feature", "id": "i1", "geometry": null, "properties": {"kind": "incident", "state": "void", "reason": "误报"}});
        assert_eq!(entity(&bare).unwrap().1, FeedEvent::Ended { incident: "i1".into(), why: "误报".into() });
    }

    #[test]
    fn each_missing_or_wrong_field_is_named() {
        assert!(why(|f| f["properties"]["state"] = json!("asleep")).contains("state is"));
        assert!(why(|f| f["properties"]["seen_at"] = json!("yesterday")).contains("seen_at"));
        assert!(why(|f| f["properties"]["seen_at"] = Value::Null).contains("no seen_at"));
        assert!(why(|f| f["geometry"]["coordinates"] = json!([500, 1])).contains("no place on Earth"));
        assert!(why(|f| f["geometry"]["coordinates"] = json!(["118", "33"])).contains("not two numbers"));
        assert!(why(|f| f["geometry"] = json!({"type": "LineString"})).contains("no Point"));
        assert!(why(|f| f["properties"]["id"] = json!([])).contains("without id"));
        assert!(why(|f| f["properties"] = json!({"id": 1})).contains("neither incident nor unit"));
        assert!(message("<html>").unwrap_err().contains("not JSON"));
        assert!(features(&json!({"type": "Point"})).unwrap_err().contains("neither a GeoJSON"));
    }
}
