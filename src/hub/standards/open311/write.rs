//! Answers in JSON or XML.

use super::Refusal;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quick_xml::escape::escape;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

/// Element names of an answer in XML: the root's, and that of each entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(pub &'static str, pub &'static str);

impl Format {
    /// The path without its `.json` or `.xml`, and the format it or else `Accept` asks for; JSON when neither does.
    pub fn of<'a>(path: &'a str, headers: &HeaderMap) -> (&'a str, Format) {
        if let Some(path) = path.strip_suffix(".json") {
            return (path, Format::Json);
        }
        if let Some(path) = path.strip_suffix(".xml") {
            return (path, Format::Xml);
        }
        let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let xml = accept.contains("xml") && !accept.contains("json") && !accept.contains("html");
        (path, if xml { Format::Xml } else { Format::Json })
    }
}

pub fn answer(format: Format, name: Name, value: &Value) -> Response {
    match format {
        Format::Json => ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], value.to_string()).into_response(),
        Format::Xml => ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], xml(name, value)).into_response(),
    }
}

pub fn refused(format: Format, Refusal(status, why): &Refusal) -> Response {
    let body = answer(format, Name("errors", "error"), &json!([{"code": status.as_u16(), "description": why}]));
    (*status, body).into_response()
}

pub fn created(format: Format, value: &Value) -> Response {
    (StatusCode::CREATED, answer(format, Name("service_requests", "request"), value)).into_response()
}

fn xml(Name(root, entry): Name, value: &Value) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    element(&mut out, root, entry, value);
    out.push('\n');
    out
}

/// An element with what `value` holds; lists as elements named `entry`.
fn element(out: &mut String, name: &str, entry: &str, value: &Value) {
    out.push_str(&format!("<{name}>"));
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| element(out, key, singular(key), value)),
        Value::Array(list) => list.iter().for_each(|value| element(out, entry, "", value)),
        Value::String(text) => out.push_str(&escape(allowed(text).as_str())),
        Value::Null => {}
        other => out.push_str(&other.to_string()),
    }
    out.push_str(&format!("</{name}>"));
}

fn singular(plural: &str) -> &str {
    plural.strip_suffix('s').unwrap_or(plural)
}

/// Without the control characters that XML 1.0 can't hold at all.
fn allowed(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_xml_is_read_back_by_a_parser() {
        let value = json!([{"id": "<&\"'>\u{1}", "n": 1.5, "none": null, "attributes": [{"variable": true}, {"variable": false}]}]);
        let text = xml(Name("requests", "request"), &value);
        assert!(text.ends_with(
            "<requests><request><id>&lt;&amp;&quot;&apos;&gt;</id><n>1.5</n><none></none>\
             <attributes><attribute><variable>true</variable></attribute><attribute><variable>false</variable></attribute></attributes>\
             </request></requests>\n"
        ));
        let mut reader = quick_xml::Reader::from_str(&text);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }

    #[test]
    fn the_format_is_that_of_the_path_or_of_accept() {
        let of = |path: &'static str, accept: &str| Format::of(path, &[(header::ACCEPT, accept.parse().unwrap())].into_iter().collect());
        assert_eq!(of("services.xml", "application/json"), ("services", Format::Xml));
        assert_eq!(of("services/a.b.json", "text/xml"), ("services/a.b", Format::Json));
        assert_eq!((of("services", "text/xml").1, of("services", "*/*").1), (Format::Xml, Format::Json));
    }
}
