//! Service requests and services of Open311 GeoReport v2, as JSON or XML, as cities' servers write them.

use crate::model::xml;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Characters of a text that are kept.
const TEXT_MAX: usize = 2_000;
const ID_MAX: usize = 150;

/// One request; what a server leaves out is `None` (empty texts and `null` are left out as well).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub id: String,
    pub closed: bool,
    pub status_notes: Option<String>,
    pub service_code: Option<String>,
    pub service_name: Option<String>,
    pub description: Option<String>,
    pub address: Option<String>,
    pub requested: Option<DateTime<Utc>>,
    /// Longitude, latitude.
    pub place: Option<(f64, f64)>,
}

/// A record's fields, whatever it was written in.
type Fields<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The requests of an answer; one that is wrong is a reason in words.
///
/// # Errors
/// The answer is no list of requests at all.
pub fn requests(body: &[u8]) -> Result<Vec<Result<Request, String>>, String> {
    records(body, ["service_requests", "request"], &request)
}

/// Codes and names of the services that an endpoint has.
///
/// # Errors
/// As [`requests`].
pub fn services(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let service = |field: &Fields| {
        let code = field("service_code").ok_or("a service without service_code")?;
        Ok((code.clone(), field("service_name").unwrap_or(code)))
    };
    Ok(records(body, ["services", "service"], &service)?.into_iter().flatten().collect())
}

fn records<T>(body: &[u8], names: [&str; 2], read: &dyn Fn(&Fields) -> Result<T, String>) -> Result<Vec<Result<T, String>>, String> {
    let starts_with = body.iter().find(|b| !b.is_ascii_whitespace() && !b"\xEF\xBB\xBF".contains(b));
    if starts_with == Some(&b'<') {
        let root = xml::parse(body)?;
        let found: Vec<_> = root.all(names[1]).map(|e| read(&|name: &str| e.text_of(name).map(shortened))).collect();
        let is_list = root.name == names[0] || !found.is_empty();
        return if is_list { Ok(found) } else { Err(format!("a <{}> and not <{}>", root.name, names[0])) };
    }
    let mut answer: Value = serde_json::from_slice(body).map_err(|e| format!("not JSON ({e}) and not XML"))?;
    let list = match answer.get_mut(names[0]).map(Value::take).unwrap_or(answer) {
        Value::Array(list) => list,
        other => return Err(format!("{:?} is no list", other.to_string().chars().take(60).collect::<String>())),
    };
    Ok(list.iter().map(|record| read(&|name: &str| text(record.get(name)?))).collect())
}

fn request(field: &Fields) -> Result<Request, String> {
    let id = field("service_request_id").ok_or("a request without service_request_id (a token is none)")?;
    if id.len() > ID_MAX {
        return Err(format!("a request whose service_request_id is longer than {ID_MAX} bytes"));
    }
    let fail = |why: String| format!("request {id}: {why}");
    let closed = match field("status").map(|s| s.to_lowercase()).as_deref() {
        Some("open") | None => false,
        Some("closed") => true,
        Some(other) => return Err(fail(format!("status is {other:?}, neither open nor closed"))),
    };
    let number = |name: &str| field(name).map(|n| n.parse::<f64>().map_err(|_| fail(format!("{name} is {n:?}")))).transpose();
    let place = match (number("long")?.or(number("lon")?), number("lat")?) {
        (Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Some((lon, lat)),
        (Some(lon), Some(lat)) => return Err(fail(format!("{lat}, {lon} is no place on Earth"))),
        _ => None,
    };
    let time = |name: &str| field(name).map(|t| time(&t).ok_or_else(|| fail(format!("{name} is {t:?}")))).transpose();
    Ok(Request {
        closed,
        status_notes: field("status_notes"),
        service_code: field("service_code"),
        service_name: field("service_name"),
        description: field("description"),
        address: field("address"),
        requested: time("requested_datetime")?,
        place,
        id,
    })
}

/// With a zone as the standard asks; without one it is taken for UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let without_zone = || chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|t| t.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc)).or_else(without_zone)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(shortened(text.trim())).filter(|t| !t.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_and_xml_give_the_same_requests() {
        let json = br#"[{"service_request_id":638344,"status":"closed","status_notes":"Duplicate request.","service_name":"Sidewalk and Curb Issues",
            "service_code":"006","description":null,"requested_datetime":"2010-04-14T06:37:38-08:00","address":"8TH AVE and JUDAH ST","lat":37.762221815,"long":"-122.4651145"},
            {"token":"12345"}, {"service_request_id":"2","status":"held"}, {"service_request_id":"3","lat":"north","long":"1"}]"#;
        let xml = br#"<?xml version="1.0" encoding="utf-8"?><service_requests><request><service_request_id>638344</service_request_id><status>closed</status>
            <status_notes>Duplicate request.</status_notes><service_name>Sidewalk and Curb Issues</service_name><service_code>006</service_code><description/>
            <requested_datetime>2010-04-14T06:37:38-08:00</requested_datetime><address>8TH AVE and JUDAH ST</address><lat>37.762221815</lat><long>-122.4651145</long></request>
            <request><token>12345</token></request></service_requests>"#;
        let json = requests(json).unwrap();
        let first = json[0].as_ref().unwrap();
        assert_eq!(Ok(first.clone()), requests(xml).unwrap()[0]);
        assert_eq!(
            (first.id.as_str(), first.closed, first.place, &first.description),
            ("638344", true, Some((-122.4651145, 37.762221815)), &None)
        );
        assert_eq!(first.requested, Some("2010-04-14T14:37:38Z".parse().unwrap()));
        let why: Vec<_> = json[1..].iter().map(|r| r.clone().unwrap_err()).collect();
        assert!(why[0].contains("without service_request_id") && why[1].contains("neither open nor closed") && why[2].contains("lat is"));
        assert!(requests(b"<html/>").is_err() && requests(b"{}").is_err() && requests(b"").is_err());
        assert_eq!(requests(b"<service_requests/>"), Ok(vec![]));
    }

    #[test]
    fn services_have_a_code_and_a_name() {
        let list =
            services(br#"[{"service_code":"001","service_name":"Cans left out 24x7"},{"service_name":"x"},{"service_code":2}]"#).unwrap();
        assert_eq!(list, [("001".into(), "Cans left out 24x7".into()), ("2".into(), "2".into())]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[{\"<>/a-z:,0-9 }\\]]{0,60}") {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let _ = (requests(body), services(body));
            }
        }
    }
}
