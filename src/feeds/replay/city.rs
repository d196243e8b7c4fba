//! The city a generated journal plays in: `sensors.geojson`, `units.geojson`, `incidents.json` of a folder.

use super::ReplayError;
use crate::model::incident::{Domain, Report, Severity};
use crate::model::observation::Datastream;
use crate::model::unit::{Unit, UnitState};
use chrono::DateTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// What was read; entries that can't be used are left out and told in `left_out`.
#[derive(Clone, Debug, Default)]
pub struct City {
    pub sensors: Vec<Datastream>,
    /// Units at their homes.
    pub units: Vec<Unit>,
    pub incidents: Vec<Planned>,
    pub left_out: Vec<String>,
}

/// An incident that happens every day.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Planned {
    pub id: String,
    pub domain: Domain,
    pub category: String,
    pub severity: Severity,
    pub title: String,
    #[serde(default)]
    pub title_en: String,
    #[serde(default)]
    pub description: String,
    pub lon: f64,
    pub lat: f64,
    /// Seconds after local midnight.
    pub offset_s: f64,
    #[serde(default)]
    pub area: Option<String>,
}

#[derive(Deserialize)]
struct SensorProperties {
    id: String,
    name: String,
    observed_property: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    height_m: f64,
}

#[derive(Deserialize)]
struct UnitProperties {
    id: String,
    call_sign: String,
    domain: Domain,
    kind: String,
    state: UnitState,
}

impl City {
    /// Reads the folder `dir`. A missing file is an empty list: a platform may have sensors and no units.
    ///
    /// # Errors
    /// [`ReplayError::Io`], [`ReplayError::Json`] with the file; [`ReplayError::Empty`] when there is nothing at all.
    pub fn read(dir: &Path) -> Result<Self, ReplayError> {
        let mut city = City::default();
        for (p, lon, lat) in features::<SensorProperties>(&dir.join("sensors.geojson"), &mut city.left_out)? {
            let (feed, sensor, observed_property, unit) = (String::new(), p.name, p.observed_property, p.unit);
            city.sensors.push(Datastream { id: p.id, feed, sensor, observed_property, unit, lon, lat, height_m: p.height_m });
        }
        for (p, lon, lat) in features::<UnitProperties>(&dir.join("units.geojson"), &mut city.left_out)? {
            let (heading_deg, seen_at, stale_at, details) = (0.0, DateTime::UNIX_EPOCH, None, None);
            let UnitProperties { id, call_sign, domain, kind, state } = p;
            city.units.push(Unit { id, call_sign, domain, kind, state, lon, lat, heading_deg, seen_at, stale_at, details });
        }
        let file = dir.join("incidents.json");
        let entries = match json(&file)? {
            Value::Array(entries) => entries,
            Value::Null => Vec::new(),
            _ => return Err(ReplayError::Json { file, why: "not an array of incidents".into() }),
        };
        for (i, entry) in entries.into_iter().enumerate() {
            match Planned::deserialize(entry).map_err(|e| e.to_string()).and_then(checked) {
                Ok(planned) => city.incidents.push(planned),
                Err(why) => city.left_out.push(format!("{}: entry {i}: {why}", file.display())),
            }
        }
        if city.sensors.is_empty() && city.units.is_empty() && city.incidents.is_empty() {
            return Err(ReplayError::Empty { dir: dir.to_owned() });
        }
        Ok(city)
    }
}

fn checked(p: Planned) -> Result<Planned, String> {
    on_earth(p.lon, p.lat)?;
    if (0.0..1e9).contains(&p.offset_s) { Ok(p) } else { Err(format!("offset_s is {}", p.offset_s)) }
}

fn on_earth(lon: f64, lat: f64) -> Result<(), String> {
    let on = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    if on { Ok(()) } else { Err(format!("{lon}, {lat} is no place on Earth")) }
}

/// Properties and place of each Point feature.
fn features<T: DeserializeOwned>(file: &Path, left_out: &mut Vec<String>) -> Result<Vec<(T, f64, f64)>, ReplayError> {
    let collection = json(file)?;
    let empty = Vec::new();
    let features = match &collection {
        Value::Null => &empty,
        other => other
            .get("features")
            .and_then(Value::as_array)
            .ok_or_else(|| ReplayError::Json { file: file.to_owned(), why: "not a FeatureCollection".into() })?,
    };
    let mut out = Vec::new();
    for (i, feature) in features.iter().enumerate() {
        let at = |n: usize| feature.pointer("/geometry/coordinates").and_then(|c| c.get(n)).and_then(Value::as_f64);
        let read = T::deserialize(feature.get("properties").unwrap_or(&Value::Null)).map_err(|e| e.to_string());
        let placed = read.and_then(|p| {
            let (lon, lat) = at(0).zip(at(1)).ok_or("not a Point")?;
            on_earth(lon, lat)?;
            Ok((p, lon, lat))
        });
        match placed {
            Ok(one) => out.push(one),
            Err(why) => left_out.push(format!("{}: feature {i}: {why}", file.display())),
        }
    }
    Ok(out)
}

/// The file as JSON, `Null` when there is no such file.
fn json(file: &Path) -> Result<Value, ReplayError> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Value::Null),
        Err(source) => return Err(ReplayError::Io { file: file.to_owned(), source }),
    };
    serde_json::from_slice(&bytes).map_err(|e| ReplayError::Json { file: file.to_owned(), why: e.to_string() })
}

impl Planned {
    /// The incident as it is reported on one day; `day` (as `20260501`) makes the id new each day.
    pub fn report(&self, day: &str, reported_at: DateTime<chrono::Utc>) -> Report {
        let p = self.clone();
        Report {
            id: format!("{}-{day}", p.id),
            domain: p.domain,
            category: p.category,
            severity: p.severity,
            title: p.title,
            title_en: p.title_en,
            description: p.description,
            lon: p.lon,
            lat: p.lat,
            area: p.area,
            reported_at: Some(reported_at),
        }
    }
}
