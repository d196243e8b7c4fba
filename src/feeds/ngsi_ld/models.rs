//! What the smart data models mean here: `Alert` a public warning or an incident, `AirQualityObserved`, `TrafficFlowObserved` and other
//! entities with numbers a datastream for each number.

use super::entity::{Attribute, Entity};
use super::observed;
use crate::feeds::phenomenon::Phenomenon;
use crate::feeds::place;
use crate::model::alert::{Alert, AlertArea, AlertStatus};
use crate::model::incident::{Domain, Report, Severity};
use crate::model::observation::{Datastream, Observation, Quality};
use chrono::{DateTime, TimeDelta, Utc};

/// An alert that names no end holds so long, as with CAP.
const HOLDS: TimeDelta = TimeDelta::hours(24);
const TEXT_MAX: usize = 2_000;
const NAME_MAX: usize = 100;
/// Below this reliability (0 to 1) a source itself doubts its values.
const RELIABLE: f64 = 0.5;

/// Numbers that describe the entity or its values, and are no readings.
const NO_READINGS: [&str; 6] = ["reliability", "laneId", "laneUsage", "numberOfLanes", "version", "priority"];

/// What an entity says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Readings(Vec<Reading>),
    Alert(Alert),
    Incident(Report),
    /// About something whose time is over.
    Over {
        incident: String,
    },
}

/// One number of an entity; or why it can't be used.
pub type Reading = Result<(Datastream, Observation), String>;

/// # Errors
/// In words, what can't be done without: a place.
pub fn said(feed: &str, entity: &Entity, now: DateTime<Utc>) -> Result<Said, String> {
    let fail = |why: String| format!("{}: {why}", entity.id);
    if entity.kind == "Alert" { alert(feed, entity, now).map_err(fail) } else { readings(feed, entity).map(Said::Readings).map_err(fail) }
}

fn readings(feed: &str, entity: &Entity) -> Result<Vec<Reading>, String> {
    let geometry = entity.geometry(&["location", "observationSpace"]).ok_or("no location; values without a place are not shown")?;
    let (lon, lat) = place::middle(geometry)?;
    let observed = observed::entity(entity);
    let reliability = entity.attribute(&["reliability"]).and_then(|a| a.value.as_f64());
    let quality = if reliability.is_some_and(|r| r < RELIABLE) { Quality::Suspect } else { Quality::Good };
    let name =
        entity.text("name").or_else(|| entity.text("stationName")).unwrap_or_else(|| entity.id.rsplit(':').next().unwrap_or(&entity.id));
    let numbers = entity.attributes().filter(|a| a.value.is_number() && !NO_READINGS.contains(&a.name));
    let reading = |a: Attribute<'_>| {
        let id = format!("{feed}/{}/{}{}", entity.id, a.name, a.dataset.map(|d| format!("/{d}")).unwrap_or_default());
        let phenomenon = observed::value(entity, a.observed_at, &observed).map_err(|why| format!("{id}: {why}"))?;
        let value = a.value.as_f64().filter(|v| v.is_finite()).ok_or_else(|| format!("{id}: no finite number"))?;
        let datastream = Datastream {
            id: id.clone(),
            feed: feed.to_owned(),
            sensor: name.chars().take(NAME_MAX).collect(),
            observed_property: property(a.name),
            unit: a.unit_code.map(unit).unwrap_or_else(|| default_unit(a.name)).to_owned(),
            lon,
            lat,
            height_m: 0.0,
        };
        let Phenomenon { start: phenomenon_start, end: phenomenon_time } = phenomenon;
        Ok((datastream, Observation { datastream: id, phenomenon_time, phenomenon_start, value, quality }))
    };
    Ok(numbers.map(reading).collect())
}

/// `NO2` and `no2`, `PM2.5`, `pm25` and `PM25`, `averageVehicleSpeed`: as the heat layers name them.
pub fn property(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        snake.extend(if c.is_alphanumeric() { c.to_lowercase().collect::<Vec<_>>() } else { vec!['_'] });
        before = c;
    }
    let snake = snake.trim_matches('_');
    if snake == "pm25" { "pm2_5".into() } else { snake.to_owned() }
}

/// A UN/CEFACT Recommendation 20 code as a symbol; others as they are.
fn unit(code: &str) -> &str {
    match code {
        "GQ" => "µg/m³",
        "GP" => "mg/m³",
        "59" => "ppm",
        "61" => "ppb",
        "CEL" => "°C",
        "KEL" => "K",
        "P1" => "%",
        "C62" => "",
        "MTS" => "m/s",
        "KMH" => "km/h",
        "A97" => "hPa",
        "MMT" => "mm",
        "CMT" => "cm",
        "MTR" => "m",
        "SEC" => "s",
        "MIN" => "min",
        "2N" | "A92" => "dB",
        "DD" => "°",
        "LUX" => "lx",
        "D54" => "W/m²",
        "H67" => "l/m²",
        other => other,
    }
}

/// What the data models say in their text where an entity says nothing.
fn default_unit(name: &str) -> &'static str {
    match name {
        "temperature" => "°C",
        "windSpeed" => "m/s",
        "windDirection" => "°",
        "precipitation" => "l/m²",
        "atmosphericPressure" => "hPa",
        "averageVehicleSpeed" => "km/h",
        "averageVehicleLength" | "averageGapDistance" => "m",
        "averageHeadwayTime" => "s",
        _ => "",
    }
}

/// A warning for an area is an alert; what has a point must be handled there and is an incident.
fn alert(feed: &str, entity: &Entity, now: DateTime<Utc>) -> Result<Said, String> {
    let geometry = entity.geometry(&["location"]).ok_or("no location")?;
    let id = format!("{feed}/{}", entity.id);
    let issued = entity.time(&["dateIssued", "validFrom", "observedAt", "dateObserved", "modifiedAt"]).ok_or("no dateIssued")?;
    let until = entity.time(&["validTo"]);
    let words = |name: &str| entity.text(name).map(|t| t.chars().take(TEXT_MAX).collect::<String>());
    let (category, sub_category) = (entity.text("category").unwrap_or_default(), entity.text("subCategory").unwrap_or_default());
    let description = words("description").unwrap_or_default();
    let title: String = words("name")
        .or_else(|| description.split(['\n', '.', '。']).next().map(str::to_owned))
        .filter(|t| !t.is_empty())
        .unwrap_or_else(|| if sub_category.is_empty() { category.to_owned() } else { sub_category.to_owned() })
        .chars()
        .take(NAME_MAX)
        .collect();
    let severity = severity(entity.text("severity").unwrap_or_default());
    if let Some(polygons) = place::areas(geometry) {
        let effective = entity.time(&["validFrom"]).unwrap_or(issued);
        return Ok(Said::Alert(Alert {
            id,
            feed: feed.to_owned(),
            sender: entity.text("alertSource").or_else(|| entity.text("source")).unwrap_or_default().chars().take(NAME_MAX).collect(),
            sent: entity.time(&["modifiedAt"]).unwrap_or(issued).max(issued),
            status: AlertStatus::Actual,
            severity,
            event: if sub_category.is_empty() { category } else { sub_category }.to_owned(),
            headline: title,
            headline_en: String::new(),
            description,
            instruction: String::new(),
            areas: vec![AlertArea { name: address(entity), polygons: polygons?, ..AlertArea::default() }],
            effective,
            onset: None,
            expires: Some(until.unwrap_or(effective.max(issued) + HOLDS)),
            cancelled: false,
            replaced_by: None,
            ended_at: None,
        }));
    }
    if until.is_some_and(|end| end <= now) {
        return Ok(Said::Over { incident: id });
    }
    let (lon, lat) = place::middle(geometry)?;
    let (domain, category) = filed(category, sub_category);
    let parts = [description, address(entity)];
    let description = parts.iter().filter(|p| !p.is_empty()).cloned().collect::<Vec<_>>().join("\n");
    let (title_en, area) = (String::new(), None);
    let category = category.to_owned();
    Ok(Said::Incident(Report { id, domain, category, severity, title, title_en, description, lon, lat, area, reported_at: Some(issued) }))
}

fn address(entity: &Entity) -> String {
    let Some(address) = entity.attribute(&["address"]).map(|a| a.value) else { return String::new() };
    let part = |name: &str| address.get(name).and_then(|v| v.as_str());
    let parts = ["addressLocality", "streetAddress", "streetNr"].into_iter().filter_map(part);
    parts.collect::<Vec<_>>().join(" ").chars().take(NAME_MAX).collect()
}

fn severity(word: &str) -> Severity {
    match word.to_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" => Severity::Major,
        "medium" => Severity::Minor,
        _ => Severity::Info,
    }
}

/// Domain and path in our trees of an alert's category and sub-category (enumerations of the data model `Alert`).
pub(super) fn filed(category: &str, sub_category: &str) -> (Domain, &'static str) {
    match (category, sub_category) {
        ("traffic", "trafficJam") => (Domain::Traffic, "traffic/congestion/jam"),
        ("traffic", "carAccident" | "injuredBiker") => (Domain::Traffic, "traffic/accident/collision"),
        ("traffic", "carStopped") => (Domain::Traffic, "traffic/accident/breakdown"),
        ("traffic", "roadWorks" | "roadClosed") => (Domain::Traffic, "traffic/control/works"),
        ("traffic", _) => (Domain::Traffic, "traffic/other"),
        ("security", "robbery" | "stealing") => (Domain::PublicOrder, "public_order/security/theft"),
        ("security", "assault" | "civilDisorder") => (Domain::PublicOrder, "public_order/security/fight"),
        ("security", "gasLeak") => (Domain::Emergency, "emergency/accident/gas"),
        ("security", "fire" | "buildingFire") => (Domain::Emergency, "emergency/accident/fire"),
        ("security", _) => (Domain::PublicOrder, "public_order/other"),
        ("environment", "airPollution" | "pollenConcentration") => (Domain::Emergency, "emergency/public_health/air"),
        ("environment", "waterPollution") => (Domain::Emergency, "emergency/public_health/water"),
        ("environment" | "naturalDisaster", "fire" | "forestFire") => (Domain::Emergency, "emergency/accident/fire"),
        ("weather" | "naturalDisaster", "rainfall" | "rainstorm" | "thunderstorms") => {
            (Domain::Emergency, "emergency/natural_disaster/rainstorm")
        }
        ("weather" | "naturalDisaster", "flood" | "tsunami") => (Domain::Emergency, "emergency/natural_disaster/flood"),
        ("weather" | "naturalDisaster", "wind" | "tornado" | "hurricane") => (Domain::Emergency, "emergency/natural_disaster/wind"),
        ("weather", "ice" | "snow" | "snow/ice") => (Domain::Emergency, "emergency/natural_disaster/snow_ice"),
        ("weather", "heatWave" | "highTemperature") => (Domain::Emergency, "emergency/natural_disaster/heat"),
        ("naturalDisaster", "earthquake") => (Domain::Emergency, "emergency/natural_disaster/earthquake"),
        ("weather" | "naturalDisaster", _) => (Domain::Emergency, "emergency/natural_disaster"),
        ("health", _) => (Domain::Emergency, "emergency/public_health"),
        _ => (Domain::Emergency, "emergency/other"),
    }
}
