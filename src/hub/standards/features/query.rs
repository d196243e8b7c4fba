//! What is asked of `items`, and whether a feature meets it.

use super::Collection;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

/// Features on a page when nothing is asked, and at most.
pub const LIMIT: usize = 100;
pub const LIMIT_MAX: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemQuery {
    /// West, south, east, north, degrees; west above east goes over the 180th meridian.
    pub bbox: Option<[f64; 4]>,
    pub datetime: Option<Interval>,
    pub limit: usize,
    pub offset: usize,
    /// Property and the value it must have.
    pub properties: Vec<(String, String)>,
}

/// Both ends inclusive; `None`: open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

impl ItemQuery {
    /// # Errors
    /// In words: the parameter and what is wrong with it, also when the collection has no such property.
    pub fn parse(pairs: &[(String, String)], collection: &Collection) -> Result<Self, String> {
        let mut q = ItemQuery { limit: LIMIT, ..ItemQuery::default() };
        for (key, value) in pairs {
            match key.as_str() {
                "bbox" => q.bbox = Some(bbox(value)?),
                "bbox-crs" | "crs" if value == super::CRS84 => {}
                "bbox-crs" | "crs" => return Err(format!("{key}: only {} is offered", super::CRS84)),
                "datetime" => q.datetime = Some(Interval::parse(value)?),
                "limit" => match value.parse::<usize>() {
                    Ok(n) if n > 0 => q.limit = n.min(LIMIT_MAX),
                    _ => return Err(format!("limit: {value:?} is no whole number from 1 to {LIMIT_MAX}")),
                },
                "offset" => q.offset = value.parse().map_err(|_| format!("offset: {value:?} is no whole number"))?,
                _ if is_common(key, value) => {}
                _ if collection.fields.iter().any(|f| f.name == key) => q.properties.push((key.clone(), value.clone())),
                _ => {
                    let names: Vec<&str> = collection.fields.iter().map(|f| f.name).collect();
                    return Err(format!("{key:?} is no parameter; there are bbox, datetime, limit, offset, {}", names.join(", ")));
                }
            }
        }
        Ok(q)
    }

    pub fn meets_time(&self, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> bool {
        let Some(asked) = self.datetime else { return true };
        let begins_before_end = asked.until.zip(from).is_none_or(|(u, f)| f <= u);
        let ends_after_begin = asked.from.zip(until).is_none_or(|(f, u)| u >= f);
        begins_before_end && ends_after_begin
    }

    pub fn meets_place(&self, lon: f64, lat: f64) -> bool {
        self.bbox.is_none_or(|b| halves(b).iter().any(|[w, s, e, n]| (*w..=*e).contains(&lon) && (*s..=*n).contains(&lat)))
    }

    pub fn meets_properties(&self, feature: &Value) -> bool {
        self.properties.iter().all(|(key, wanted)| match &feature["properties"][key.as_str()] {
            Value::String(s) => s == wanted,
            Value::Null => key == "id" && feature["id"] == wanted.as_str(),
            other => format!("{other}") == *wanted || other.as_f64().zip(wanted.parse().ok()).is_some_and(|(a, b): (f64, f64)| a == b),
        })
    }
}

/// One box, or two where it goes over the 180th meridian.
pub fn halves([west, south, east, north]: [f64; 4]) -> Vec<[f64; 4]> {
    if west <= east { vec![[west, south, east, north]] } else { vec![[west, south, 180.0, north], [-180.0, south, east, north]] }
}

fn is_common(key: &str, value: &str) -> bool {
    key == "token" || key == "f" && ["json", "geojson"].contains(&value)
}

/// # Errors
/// When there is any other parameter.
pub fn nothing_but_format(query: Option<&str>) -> Result<(), String> {
    match super::address::pairs(query).iter().find(|(k, v)| !is_common(k, v)) {
        Some((key, value)) => Err(format!("{key}={value} is no parameter here; there is only f=json")),
        None => Ok(()),
    }
}

fn bbox(text: &str) -> Result<[f64; 4], String> {
    let numbers: Vec<f64> = text.split(',').map_while(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
    let [west, south, east, north] = match numbers[..] {
        [w, s, e, n] | [w, s, _, e, n, _] if text.split(',').count() == numbers.len() => [w, s, e, n],
        _ => return Err(format!("bbox: {text:?} is not west,south,east,north in degrees")),
    };
    let on_earth = [west, east].iter().all(|x| x.abs() <= 180.0) && [south, north].iter().all(|y| y.abs() <= 90.0);
    if on_earth && south <= north { Ok([west, south, east, north]) } else { Err(format!("bbox: {text:?} is no part of the Earth")) }
}

impl Interval {
    /// An instant, or two around a `/` of which one may be `..` or missing.
    fn parse(text: &str) -> Result<Interval, String> {
        let wrong = || format!("datetime: {text:?} is neither a time like 2026-01-01T00:00:00Z nor an interval a/b, ../b or a/..");
        let end = |t: &str, last: bool| match t {
            "" | ".." => Ok(None),
            t => instant(t, last).map(Some).ok_or_else(wrong),
        };
        let interval = match text.split_once('/') {
            None => Interval { from: Some(instant(text, false).ok_or_else(wrong)?), until: instant(text, true) },
            Some((from, until)) => Interval { from: end(from, false)?, until: end(until, true)? },
        };
        if interval.from.zip(interval.until).is_some_and(|(f, u)| f > u) || interval == Interval::default() {
            return Err(wrong());
        }
        Ok(interval)
    }
}

/// RFC 3339; a date alone is its first or its last instant.
fn instant(text: &str, last: bool) -> Option<DateTime<Utc>> {
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.with_timezone(&Utc));
    }
    let date: NaiveDate = text.parse().ok()?;
    let time = if last { NaiveTime::from_hms_milli_opt(23, 59, 59, 999)? } else { NaiveTime::MIN };
    Some(date.and_time(time).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(query: &str) -> Result<ItemQuery, String> {
        ItemQuery::parse(&super::super::address::pairs(Some(query)), &super::super::COLLECTIONS[0])
    }

    #[test]
    fn parameters_are_read_and_wrong_ones_named() {
        let q = parse("bbox=118,33,119,34&limit=5000&offset=7&severity=major&datetime=2026-01-01/..&token=x&f=json").unwrap();
        assert_eq!((q.bbox, q.limit, q.offset, q.properties.len()), (Some([118.0, 33.0, 119.0, 34.0]), LIMIT_MAX, 7, 1));
        assert_eq!(parse("bbox=1,2,0,3,4,9").unwrap().bbox, Some([1.0, 2.0, 3.0, 4.0]));
        for (wrong, named) in [
            ("bbox=1,2,3", "bbox"),
            ("bbox=1,x,3,4", "bbox"),
            ("bbox=1,9,3,4", "bbox"),
            ("bbox=1,2,300,4", "bbox"),
            ("limit=0", "limit"),
            ("limit=many", "limit"),
            ("offset=-1", "offset"),
            ("datetime=soon", "datetime"),
            ("datetime=2026-02-01/2026-01-01", "datetime"),
            ("datetime=../..", "datetime"),
            ("colour=red", "colour"),
            ("crs=EPSG:4490", "crs"),
            ("f=xml", "f"),
        ] {
            assert!(parse(wrong).unwrap_err().contains(named), "{wrong}");
        }
    }

    #[test]
    fn times_places_and_properties_are_met_or_not() {
        let at = |t: &str| Some(t.parse::<DateTime<Utc>>().unwrap());
        let q = parse("datetime=2026-01-02T00:00:00Z/2026-01-03T00:00:00Z").unwrap();
        assert!(q.meets_time(at("2026-01-01T00:00:00Z"), None) && q.meets_time(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")));
        assert!(
            !q.meets_time(at("2026-01-04T00:00:00Z"), None) && !q.meets_time(None, at("2026-01-01T00:00:00Z")) && q.meets_time(None, None)
        );
        assert!(parse("datetime=2026-01-01").unwrap().meets_time(at("2026-01-01T18:00:00Z"), at("2026-01-01T18:00:00Z")));
        let over_the_meridian = parse("bbox=170,-10,-170,10").unwrap();
        assert!(
            over_the_meridian.meets_place(175.0, 0.0)
                && over_the_meridian.meets_place(-175.0, 0.0)
                && !over_the_meridian.meets_place(0.0, 0.0)
        );
        let q = parse("version=2&held=false&severity=major").unwrap();
        assert!(q.meets_properties(&json!({"properties": {"version": 2, "held": false, "severity": "major"}})));
        assert!(!q.meets_properties(&json!({"properties": {"version": 2, "held": true, "severity": "major"}})));
    }
}
