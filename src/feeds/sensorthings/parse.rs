//! SensorThings 1.1 entities as other people's servers write them.
//!
//! Taken: ids that are numbers or text, observations without id, results that are numbers, text or booleans, time instants and
//! intervals, datastreams without unit, Locations that are a geometry or a Feature holding one.

use super::quality::quality;
use crate::feeds::phenomenon::Phenomenon;
use crate::feeds::place;
use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// An entity's `@iot.id` as a key: a number in decimals, text as it is.
pub(in crate::feeds) fn id(entity: &Value) -> Option<String> {
    match entity.get("@iot.id").or_else(|| entity.get("id"))? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// A datastream's path: `Datastreams(7)`, or `Datastreams('a7')` when the id is text.
pub(super) fn path(entity: &Value) -> Option<String> {
    match entity.get("@iot.id")? {
        Value::String(id) => Some(format!("Datastreams('{}')", id.replace('\'', "''"))),
        Value::Number(id) => Some(format!("Datastreams({id})")),
        _ => None,
    }
}

/// A Datastream expanded with Thing, its Locations, and ObservedProperty.
///
/// # Errors
/// In words, what can't be done without: id, observed property, place.
pub(in crate::feeds) fn datastream(feed: &str, entity: &Value) -> Result<Datastream, String> {
    let id = id(entity).ok_or("a Datastream without @iot.id")?;
    let thing = entity.get("Thing").unwrap_or(&Value::Null);
    let property = entity.get("ObservedProperty").unwrap_or(&Value::Null);
    let property = text(property, "name").or_else(|| text(property, "definition"));
    let property = property.ok_or_else(|| format!("Datastream {id}: no ObservedProperty name"))?;
    let unit = entity.get("unitOfMeasurement").unwrap_or(&Value::Null);
    let (lon, lat, height_m) = place(entity, thing).ok_or_else(|| format!("Datastream {id}: its Thing has no Location in GeoJSON"))?;
    Ok(Datastream {
        id: format!("{feed}/{id}"),
        feed: feed.to_owned(),
        sensor: text(thing, "name").or_else(|| text(entity, "name")).unwrap_or(&id).to_owned(),
        observed_property: snake_case(property),
        unit: text(unit, "symbol").or_else(|| text(unit, "name")).unwrap_or_default().to_owned(),
        lon,
        lat,
        height_m,
    })
}

/// Longitude, latitude (degrees) and height: the Thing's newest Location, else the middle of the datastream's observed area. A road or
/// an area is at its middle.
fn place(entity: &Value, thing: &Value) -> Option<(f64, f64, f64)> {
    let locations = thing.get("Locations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let geometries = locations.iter().filter_map(|l| l.get("location")).chain(entity.get("observedArea"));
    let mut found = geometries.filter_map(|g| {
        let geometry = g.get("geometry").unwrap_or(g);
        // The third number of a Point; a line's or an area's first corner is a list there.
        Some((place::middle(geometry).ok()?, geometry.pointer("/coordinates/2").and_then(Value::as_f64)))
    });
    let ((lon, lat), height_m) = found.next()?;
    let height_m = thing.pointer("/properties/height_m").and_then(Value::as_f64).or(height_m).unwrap_or(0.0);
    Some((lon, lat, height_m))
}

/// An Observation of the datastream `id` (as [`Datastream::id`]).
///
/// # Errors
/// In words: no usable time, or no finite number as result.
pub(in crate::feeds) fn observation(datastream: &str, entity: &Value) -> Result<Observation, String> {
    let fail = |why: String| format!("{datastream}: {why}");
    let time = text(entity, "phenomenonTime").or_else(|| text(entity, "resultTime"));
    let time = time.ok_or_else(|| fail("an observation without phenomenonTime".into()))?;
    let Phenomenon { start: phenomenon_start, end: phenomenon_time } = phenomenon(time).map_err(fail)?;
    let value = number(entity.get("result").unwrap_or(&Value::Null)).map_err(fail)?;
    let quality = quality(entity.get("resultQuality").unwrap_or(&Value::Null));
    Ok(Observation { datastream: datastream.to_owned(), phenomenon_time, phenomenon_start, value, quality })
}

/// When an Observation was, where it says that in a way that can be read.
pub(super) fn time(entity: &Value) -> Option<DateTime<Utc>> {
    phenomenon(text(entity, "phenomenonTime").or_else(|| text(entity, "resultTime"))?).ok().map(|p| p.end)
}

/// The observations of a message, each with its datastream's id where it names one itself: one Observation, an array of them, or
/// one or several data arrays (SensorThings 1.1, section 13).
///
/// # Errors
/// In words, when it is none of these.
pub(in crate::feeds) fn observations(message: Value) -> Result<Vec<(Option<String>, Value)>, String> {
    let entities = match message {
        Value::Array(entities) => entities,
        Value::Object(_) => vec![message],
        other => return Err(format!("{}: neither an Observation nor an array of them", short(&other.to_string()))),
    };
    let mut out = Vec::with_capacity(entities.len());
    for entity in entities {
        let stream = entity.get("Datastream").and_then(id);
        match (entity.get("components"), entity.get("dataArray")) {
            (Some(Value::Array(components)), Some(Value::Array(rows))) => {
                let row = |row: &Value| {
                    let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
                    components.iter().zip(cells).filter_map(|(c, cell)| Some((c.as_str()?.to_owned(), cell.clone()))).collect::<Map<_, _>>()
                };
                out.extend(rows.iter().map(|r| (stream.clone(), Value::Object(row(r)))));
            }
            (None, None) => out.push((stream, entity)),
            _ => return Err(format!("{}: a data array needs components and dataArray, both arrays", short(&entity.to_string()))),
        }
    }
    Ok(out)
}

/// When an Observation was. The end of an interval is when its value was known, and that is its time.
///
/// # Errors
/// In words, with what was written.
pub(in crate::feeds) fn phenomenon(text: &str) -> Result<Phenomenon, String> {
    let read = Phenomenon::read(text, instant).and_then(|read| read.ok_or_else(|| "is no time".into()));
    // As long as an interval with its zones.
    read.map_err(|why| format!("phenomenonTime {:?} {why}", text.chars().take(60).collect::<String>()))
}

/// A zone may be written without its colon (`2010-12-23T10:20:00-0700`), as in the standard's own examples.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"));
    time.ok().map(|t| t.with_timezone(&Utc))
}

fn number(result: &Value) -> Result<f64, String> {
    let value = match result {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    };
    value.filter(|v| v.is_finite()).ok_or_else(|| format!("result {} is no finite number", short(&result.to_string())))
}

fn text<'a>(entity: &'a Value, key: &str) -> Option<&'a str> {
    entity.get(key).and_then(Value::as_str).filter(|t| !t.trim().is_empty())
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// `PM2.5` and `pm2_5` are the same property to the heat layers: small letters and digits, `_` for the rest.
pub(in crate::feeds) fn snake_case(name: &str) -> String {
    let mapped: String = name.trim().chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    mapped.split('_').filter(|w| !w.is_empty()).collect::<Vec<_>>().join("_")
}

/// JSON with bare `NaN` and `Infinity` (as Python writes them) made `null`; `None` when there are none.
///
/// One such value must not cost the whole page.
pub(super) fn without_nan(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let (mut in_text, mut escaped, mut found) = (false, false, false);
    let mut i = 0;
    while i < body.len() {
        let rest = &body[i..];
        let bare =
            if in_text { None } else { ["-Infinity", "Infinity", "-NaN", "NaN"].into_iter().find(|w| rest.starts_with(w.as_bytes())) };
        if let Some(word) = bare {
            out.extend_from_slice(b"null");
            found = true;
            i += word.len();
            continue;
        }
        match body[i] {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
        out.push(body[i]);
        i += 1;
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Quality;
    use serde_json::json;

    #[test]
    fn other_servers_ways_are_understood() {
        let stream = json!({"@iot.id": "a'b", "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": "Mast 1", "Locations": [
            {"location": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [4.3, 52.1, 3.0]}}}]}});
        let d = datastream("f", &stream).unwrap();
        assert_eq!((d.id.as_str(), d.observed_property.as_str(), d.unit.as_str(), d.lon, d.height_m), ("f/a'b", "pm2_5", "", 4.3, 3.0));
        assert_eq!(path(&stream).unwrap(), "Datastreams('a''b')");
        let o =
            observation(&d.id, &json!({"phenomenonTime": "2026-01-01T00:00:00Z/2026-01-01T02:00:00+01:00", "result": " 12.5 "})).unwrap();
        let start = o.phenomenon_start.map(|s| s.time().timestamp());
        assert_eq!((o.value, start, o.phenomenon_time.timestamp()), (12.5, Some(1_767_225_600), 1_767_229_200));
        let o = observation("f/1", &json!({"resultTime": "2026-01-01T00:00:00Z", "result": 1, "resultQuality": "doubtful"})).unwrap();
        assert_eq!((o.quality, o.phenomenon_start), (Quality::Suspect, None));
    }

    #[test]
    fn batches_are_arrays_of_observations_or_data_arrays() {
        let ids = |message: Value| observations(message).unwrap().into_iter().map(|(id, o)| (id, o["result"].clone())).collect::<Vec<_>>();
        assert_eq!(ids(json!({"result": 1})), [(None, json!(1))]);
        assert_eq!(
            ids(json!([{"result": 1, "Datastream": {"@iot.id": 7}}, {"result": 2}])),
            [(Some("7".into()), json!(1)), (None, json!(2))]
        );
        let rows =
            json!({"Datastream": {"@iot.id": "a"}, "components": ["phenomenonTime", "result"], "dataArray": [["t", 1], ["t", 2], 3]});
        assert_eq!(ids(rows), [(Some("a".into()), json!(1)), (Some("a".into()), json!(2)), (Some("a".into()), Value::Null)]);
        assert!(observations(json!({"components": []})).unwrap_err().contains("dataArray"));
        assert!(observations(json!("x")).is_err());
    }

    #[test]
    fn what_is_no_reading_is_refused_in_words() {
        for result in [json!(null), json!("NaN"), json!("many"), json!({"a": 1}), json!([1])] {
            let why = observation("f/1", &json!({"phenomenonTime": "2026-01-01T00:00:00Z", "result": result})).unwrap_err();
            assert!(why.contains("no finite number"), "{why}");
        }
        let at = |time: &str| observation("f/1", &json!({"phenomenonTime": time, "result": 1})).unwrap_err();
        assert_eq!(at("soon"), r#"f/1: phenomenonTime "soon" is no time"#);
        let backwards = "2026-01-01T01:00:00Z/2026-01-01T00:00:00Z";
        assert_eq!(at(backwards), format!("f/1: phenomenonTime {backwards:?} ends before it starts"));
        assert!(at("2020-01-01T00:00:00Z/2026-01-01T00:00:00Z").contains("more than 366 days"));
        assert!(datastream("f", &json!({"@iot.id": 1, "ObservedProperty": {"name": "x"}})).unwrap_err().contains("Location"));
    }

    #[test]
    fn bare_nan_becomes_null_but_not_in_text() {
        let mended = without_nan(br#"{"a": NaN, "b": "NaN \" NaN", "c": [-Infinity]}"#).unwrap();
        let v: Value = serde_json::from_slice(&mended).unwrap();
        assert_eq!(v, json!({"a": null, "b": "NaN \" NaN", "c": [null]}));
        assert!(without_nan(b"{}").is_none());
    }
}
