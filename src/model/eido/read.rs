//! An EIDO of another system.

use super::types;
use crate::model::category::root;
use crate::model::feed::Filing;
use crate::model::incident::{Domain, Report, Severity};
use crate::model::xml::{self, Element};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Characters; three bytes each in Chinese must stay under what an incident may hold.
const TEXT_MAX: usize = 2_000;
const TITLE_MAX: usize = 100;
const ID_MAX: usize = 150;
/// Notes that are read; the newest ones stand at the end.
const NOTES_MAX: usize = 20;

/// What is used of an EIDO.
#[derive(Clone, Debug, PartialEq)]
pub struct Eido {
    /// The incident tracking identifier: `$id` of the whole.
    pub id: String,
    pub updated: DateTime<Utc>,
    /// Of the common registry: `MVAINJY`.
    pub type_code: String,
    /// In the sender's own words.
    pub type_text: Option<String>,
    pub internal_code: Option<String>,
    pub internal_id: Option<String>,
    /// Of the common registry: `Active`, `Closed`, ...
    pub statuses: Vec<String>,
    pub priority: Option<u64>,
    pub notes: Vec<String>,
    /// Why there is none, in words.
    pub place: Result<Place, String>,
}

/// Where it is, WGS 84 degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub lon: f64,
    pub lat: f64,
    /// Street, number and town as written.
    pub address: String,
}

/// The EIDOs of a message: one, a list, or those of a notification (section 4 of the standard's conveyance).
pub fn objects(message: &Value) -> Vec<&Value> {
    match message {
        Value::Array(list) => list.iter().collect(),
        message => match message.pointer("/event/notification").or_else(|| message.get("eidos")) {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => vec![message],
        },
    }
}

/// Whether it tells of calls and callers alone, as at a call transfer. The incident component is optional (2.1) and may come with a
/// later EIDO of the same identifier.
pub fn is_of_calls_alone(eido: &Value) -> bool {
    eido.get("incidentComponent").is_none() && eido.get("callComponent").is_some() && text(eido, "$id").is_some()
}

/// Reads one EIDO.
///
/// # Errors
/// In words, what can't be done without: `$id`, a time, the incident component with a type.
pub fn read(eido: &Value) -> Result<Eido, String> {
    let id = text(eido, "$id").ok_or("an EIDO without $id")?;
    if id.chars().count() > ID_MAX {
        return Err(format!("an EIDO whose $id is longer than {ID_MAX} characters"));
    }
    let fail = |why: &str| format!("EIDO {id}: {why}");
    // One object in the standard, a list of one at some senders.
    let incident = match eido.get("incidentComponent") {
        Some(Value::Array(list)) => list.first(),
        other => other,
    };
    let incident = incident.filter(|i| i.is_object()).ok_or_else(|| fail("no incidentComponent; a call alone is no incident"))?;
    let updated = time(eido).max(time(incident)).ok_or_else(|| fail("no lastUpdateTimeStamp like 2026-01-01T00:00:00+08:00"))?;
    let notes = referenced(eido, incident, "notesReference", "notesComponent");
    let notes = notes.iter().rev().take(NOTES_MAX).rev().filter_map(|n| text(n, "notesActionComments"));
    Ok(Eido {
        id: id.to_owned(),
        updated,
        type_code: text(incident, "incidentTypeCommonRegistryText").ok_or_else(|| fail("no incidentTypeCommonRegistryText"))?.to_owned(),
        type_text: text(incident, "incidentTypeInternalText").map(str::to_owned),
        internal_code: text(incident, "incidentTypeInternalCode").map(str::to_owned),
        internal_id: text(incident, "internalIncidentId").map(str::to_owned),
        statuses: texts(incident.get("incidentStatusCommonRegistryText")),
        priority: incident.get("incidentCommonPriorityNumber").and_then(Value::as_u64),
        notes: notes.map(plain).collect(),
        place: place(eido, incident),
    })
}

impl Eido {
    /// Closed or cancelled, and not opened again since: of several statuses the last one counts.
    pub fn is_over(&self) -> bool {
        let known = self.statuses.iter().rev().find(|s| matches!(s.as_str(), "Active" | "ReOpened" | "Closed" | "Cancelled"));
        known.is_some_and(|s| s == "Closed" || s == "Cancelled")
    }

    /// As a report of the incident `id`. `None` without a place.
    pub fn report(&self, id: String) -> Option<Report> {
        let place = self.place.as_ref().ok()?;
        let severity = types::severity(self.priority);
        let filing = self.filing(severity);
        let title = self.type_text.clone().or_else(|| self.notes.first().cloned()).unwrap_or_else(|| self.type_code.clone());
        let notes = self.notes.join("\n");
        let parts = [notes.as_str(), place.address.as_str()];
        Some(Report {
            id,
            domain: filing.domain,
            category: filing.category,
            severity,
            title: title.chars().take(TITLE_MAX).collect(),
            title_en: String::new(),
            description: parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("\n").chars().take(TEXT_MAX).collect(),
            lon: place.lon,
            lat: place.lat,
            area: None,
            reported_at: Some(self.updated),
        })
    }

    /// A system of our own words says our category as its internal code; others are filed by the registry's type.
    fn filing(&self, severity: Severity) -> Filing {
        let domains = [Domain::PublicOrder, Domain::UrbanManagement, Domain::Emergency, Domain::Traffic];
        let ours = self.internal_code.as_deref().and_then(|code| {
            let domain =
                domains.into_iter().find(|d| code.strip_prefix(root(*d)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))?;
            Some(Filing { domain, category: code.to_owned(), severity })
        });
        ours.unwrap_or_else(|| types::filing(&self.type_code, severity))
    }
}

/// Components of `list` that `from` refers to by `$ref`.
fn referenced<'a>(eido: &'a Value, from: &Value, reference: &str, list: &str) -> Vec<&'a Value> {
    let references = match from.get(reference) {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let names: Vec<&str> = references.iter().filter_map(|r| text(r, "$ref")).collect();
    let all = eido.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|component| text(component, "$id").is_some_and(|id| names.contains(&id))).collect()
}

/// The current place of the incident, else its first, else any that is given by value.
fn place(eido: &Value, incident: &Value) -> Result<Place, String> {
    let mut locations = referenced(eido, incident, "locationReference", "locationComponent");
    let rank = |l: &&Value| match text(l, "locationTypeDescriptionRegistryText") {
        Some("CurrentIncident") => 0,
        Some("InitialIncident") => 1,
        // Where help is sent first when nothing better is known (2.18).
        Some("Caller") => 2,
        // Where a crew or a mast stands is not where it happens, but better than nothing.
        Some("RoutingLocation" | "TowerLocation" | "UnitLocation" | "Staging") => 4,
        _ => 3,
    };
    locations.sort_by_key(rank);
    // What is wrong with the best of them says most.
    let mut why = None;
    for location in locations {
        match text(location, "locationByValue").map(presence) {
            Some(Ok(place)) => return Ok(place),
            Some(Err(wrong)) => drop(why.get_or_insert(wrong)),
            None => drop(why.get_or_insert_with(|| "its location is only to be had by reference, which is not followed".into())),
        }
    }
    Err(why.unwrap_or_else(|| "no location".into()))
}

/// A presence document (PIDF-LO, RFC 4119 and 5491): the first shape in it, and its address (RFC 5139).
fn presence(text: &str) -> Result<Place, String> {
    let document = xml::parse(text.as_bytes()).map_err(|why| format!("its locationByValue: {why}"))?;
    let point = document.with_descendants().find_map(shape).ok_or("its locationByValue has no point, circle or polygon")?;
    let (lat, lon) = point;
    if lat.abs() > 90.0 || lon.abs() > 180.0 {
        return Err(format!("{lat}, {lon} is no place on Earth"));
    }
    let civic = document.with_descendants().find(|e| e.name == "civicAddress");
    // Country to town, then street and number.
    let parts = ["A1", "A3", "A4", "PRD", "RD", "STS", "HNO", "LMK", "LOC", "NAM"].map(|n| civic.and_then(|c| c.text_of(n)));
    let address = parts.into_iter().flatten().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    Ok(Place { lon, lat, address })
}

/// Latitude and longitude of a point or a circle, and the middle of a polygon's corners.
fn shape(element: &Element) -> Option<(f64, f64)> {
    let numbers = |text: &str| text.split_whitespace().map(|n| n.parse::<f64>().ok().filter(|n| n.is_finite())).collect::<Option<Vec<_>>>();
    match element.name.as_str() {
        "Point" | "Circle" | "Ellipse" | "Sphere" | "ArcBand" => {
            let pos = numbers(element.text_of("pos")?)?;
            Some((*pos.first()?, *pos.get(1)?))
        }
        "Polygon" => {
            let dimensions =
                |e: &Element| if e.attribute("srsDimension") == Some("3") || e.text.split_whitespace().count() % 2 == 1 { 3 } else { 2 };
            let mut corners = Vec::new();
            for e in element.with_descendants().filter(|e| matches!(e.name.as_str(), "pos" | "posList")) {
                let step = if e.name == "pos" { usize::MAX } else { dimensions(e) };
                corners.extend(numbers(&e.text)?.chunks(step).filter_map(|c| Some((*c.first()?, *c.get(1)?))));
            }
            // The last corner is the first one again.
            corners.pop();
            let n = corners.len() as f64;
            let sum = corners.iter().fold((0.0, 0.0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
            (!corners.is_empty()).then_some((sum.0 / n, sum.1 / n))
        }
        _ => None,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty())
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).take(NOTES_MAX).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn time(component: &Value) -> Option<DateTime<Utc>> {
    // The second spelling is a widespread library's.
    let text = text(component, "lastUpdateTimeStamp").or_else(|| text(component, "lastUpdateTimestamp"))?;
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc))
}

/// A note's HTML as the words in it: a screen shows text, never somebody's markup.
fn plain(html: &str) -> String {
    let (mut out, mut in_tag) = (String::new(), false);
    for c in html.chars().take(TEXT_MAX) {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    let out = quick_xml::escape::unescape(&out).map(|t| t.into_owned()).unwrap_or(out);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
