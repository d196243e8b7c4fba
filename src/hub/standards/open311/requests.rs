//! Service requests: incidents as Open311 shows them.

use super::{Refusal, bad, services};
use crate::hub::standards::Standards;
use crate::hub::standards::pieces::each;
use crate::model::incident::Incident;
use crate::model::lifecycle::state_name;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Requests on a page, at most and when nothing is asked, as the standard has it.
const PAGE_MAX: usize = 1_000;
/// Span when none is asked, as the standard has it.
const DAYS: i64 = 90;

#[derive(Debug, Default, PartialEq)]
struct Query {
    ids: Vec<String>,
    codes: Vec<String>,
    open: Option<bool>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    updated_after: Option<DateTime<Utc>>,
    updated_before: Option<DateTime<Utc>>,
    /// Latitude, longitude (degrees), metres.
    around: Option<[f64; 3]>,
    page: usize,
    page_size: usize,
}

impl Query {
    fn parse(pairs: &[(String, String)], now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut q = Query { page: 1, page_size: PAGE_MAX, ..Query::default() };
        let mut around = [None; 3];
        for (key, value) in pairs {
            let list = || value.split(',').map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned).collect();
            let time = || {
                let parsed = DateTime::parse_from_rfc3339(value).map(|t| Some(t.with_timezone(&Utc)));
                parsed.map_err(|_| bad(format!("{key}: {value:?} is no time like 2026-01-01T00:00:00Z (write + as %2B)")))
            };
            let number =
                || value.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| bad(format!("{key}: {value:?} is no number")));
            let whole = || {
                value.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(|| bad(format!("{key}: {value:?} is no whole number from 1 on")))
            };
            match key.as_str() {
                "service_request_id" => q.ids = list(),
                "service_code" => q.codes = list(),
                "status" => q.open = status(value)?,
                "start_date" => q.start = time()?,
                "end_date" => q.end = time()?,
                "updated_after" => q.updated_after = time()?,
                "updated_before" => q.updated_before = time()?,
                "lat" => around[0] = Some(number()?),
                "long" => around[1] = Some(number()?),
                "radius" => around[2] = Some(number()?),
                "page" => q.page = whole()?,
                "page_size" => q.page_size = whole()?.min(PAGE_MAX),
                // What the standard or its extensions name and makes no difference here, and our own token.
                "jurisdiction_id" | "extensions" | "api_key" | "token" => {}
                _ => return Err(bad(format!("{key:?} is no parameter of requests"))),
            }
        }
        q.around = match around {
            [Some(lat), Some(lon), radius] => Some([lat, lon, radius.unwrap_or(200.0)]),
            [None, None, _] => None,
            _ => return Err(bad("lat and long go together")),
        };
        if q.ids.is_empty() && q.start.is_none() && q.updated_after.is_none() {
            q.start = Some(q.end.unwrap_or(now) - TimeDelta::days(DAYS));
        }
        Ok(q)
    }

    fn meets(&self, i: &Incident) -> bool {
        if !self.ids.is_empty() {
            return self.ids.contains(&i.id);
        }
        let within = |at: DateTime<Utc>, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>| {
            from.is_none_or(|f| at >= f) && until.is_none_or(|u| at <= u)
        };
        (self.codes.is_empty() || self.codes.contains(&services::code(&i.category)))
            && self.open.is_none_or(|open| open != i.state.is_ended())
            && within(i.reported_at, self.start, self.end)
            && within(i.updated_at, self.updated_after, self.updated_before)
            && self.around.is_none_or(|[lat, lon, metres]| distance_m([lat, lon], [i.lat, i.lon]) <= metres)
    }
}

/// `open`, `closed` or both.
fn status(text: &str) -> Result<Option<bool>, Refusal> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let known = |w: &&str| ["open", "closed"].contains(w);
    if !words.iter().all(known) {
        return Err(bad(format!("status: {text:?} is neither open nor closed")));
    }
    Ok(match (words.contains(&"open"), words.contains(&"closed")) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    })
}

/// On a sphere; latitude and longitude in degrees.
fn distance_m([lat1, lon1]: [f64; 2], [lat2, lon2]: [f64; 2]) -> f64 {
    let (a, b) = (lat1.to_radians(), lat2.to_radians());
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let h = half(b - a) + a.cos() * b.cos() * half((lon2 - lon1).to_radians());
    2.0 * 6_371_008.8 * h.sqrt().min(1.0).asin()
}

/// The newest first.
pub fn list(standards: &Standards, asked: &[(String, String)]) -> Result<Value, Refusal> {
    let query = Query::parse(asked, Utc::now())?;
    let mut met: Vec<(DateTime<Utc>, String)> = Vec::new();
    each(
        &standards.core,
        |w| &w.incidents,
        |_, i| {
            if query.meets(&i) {
                met.push((i.reported_at, i.id));
            }
            true
        },
    );
    met.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names = names();
    let page = met.into_iter().skip((query.page - 1).saturating_mul(query.page_size)).take(query.page_size);
    let incident = |id: &str| standards.core.world().incidents.get(id).cloned();
    Ok(page.filter_map(|(_, id)| incident(&id)).map(|i| json(&i, &names)).collect())
}

pub fn one(standards: &Standards, id: &str) -> Option<Value> {
    let incident = standards.core.world().incidents.get(id).cloned()?;
    Some(json(&incident, &names()))
}

fn names() -> HashMap<String, String> {
    services::all().into_iter().map(|s| (s.category, format!("{} {}", s.name, s.name_en))).collect()
}

fn json(i: &Incident, names: &HashMap<String, String>) -> Value {
    let iso = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (state_en, state_zh) = state_name(i.state);
    let description = [&i.title, &i.description].into_iter().filter(|t| !t.is_empty()).map(String::as_str).collect::<Vec<_>>().join(": ");
    json!({
        "service_request_id": i.id,
        "status": if i.state.is_ended() { "closed" } else { "open" },
        "status_notes": format!("{state_zh} {state_en}"),
        "service_name": names.get(&i.category).unwrap_or(&i.category),
        "service_code": services::code(&i.category),
        "description": description,
        "agency_responsible": i.unit,
        "service_notice": null,
        "requested_datetime": iso(i.reported_at),
        "updated_datetime": iso(i.updated_at),
        "expected_datetime": i.due_at.map(iso),
        "address": null,
        "address_id": i.area,
        "zipcode": null,
        "lat": i.lat,
        "long": i.lon,
        "media_url": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_span_it_is_the_last_ninety_days_and_wrong_words_are_named() {
        let now: DateTime<Utc> = "2026-04-01T00:00:00Z".parse().unwrap();
        let parse = |query: &str| Query::parse(&crate::hub::standards::address::pairs(Some(query)), now);
        assert_eq!(parse("").unwrap().start, Some("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(parse("service_request_id=a,b").unwrap().start, None);
        let q = parse("status=closed&page=2&page_size=5000&lat=33&long=118&service_code=a.b,c.d").unwrap();
        assert_eq!((q.open, q.page, q.page_size, q.around, q.codes.len()), (Some(false), 2, PAGE_MAX, Some([33.0, 118.0, 200.0]), 2));
        assert_eq!(parse("status=open,closed").unwrap().open, None);
        for (wrong, named) in
            [("status=shut", "status"), ("start_date=soon", "start_date"), ("lat=1", "long"), ("page=0", "page"), ("x=1", "x")]
        {
            assert!(parse(wrong).unwrap_err().1.contains(named), "{wrong}");
        }
    }

    #[test]
    fn a_degree_of_latitude_is_111_km() {
        assert!((distance_m([33.0, 118.0], [34.0, 118.0]) - 111_195.0).abs() < 10.0);
        assert!((distance_m([33.9, 118.0], [33.9, 118.001]) - 92.3).abs() < 0.2);
    }
}
