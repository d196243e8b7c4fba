use super::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// An `@iot.id`: a number, or text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    /// What stands between the parentheses of `Datastreams(7)` or `Datastreams('a''b')`.
    pub fn parse(text: &str) -> Option<Id> {
        match text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
            Some(quoted) => Some(Id::Text(quoted.replace("''", "'"))),
            None => text.parse().ok().map(Id::Number),
        }
    }

    /// [`Id::parse`] turned round, with what a URL's path may not hold percent-encoded.
    pub fn in_path(&self) -> String {
        match self {
            Id::Number(n) => n.to_string(),
            Id::Text(text) => format!("'{}'", percent_encoded(&text.replace('\'', "''"))),
        }
    }

    pub fn json(&self) -> Json {
        match self {
            Id::Number(n) => (*n).into(),
            Id::Text(text) => text.as_str().into(),
        }
    }

    /// The id that a filter writes so.
    pub fn of(value: &Value) -> Option<Id> {
        match value {
            Value::Number(n) if *n >= 0.0 && n.fract() == 0.0 && *n < 9e15 => Some(Id::Number(*n as u64)),
            Value::Text(text) => Some(Id::Text(text.clone())),
            _ => None,
        }
    }

    pub fn value(&self) -> Value {
        match self {
            Id::Number(n) => Value::Number(*n as f64),
            Id::Text(text) => Value::Text(text.clone()),
        }
    }
}

/// All but what RFC 3986 allows in a path, and `'`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(byte as char),
            b if b"-._~/@:!$*,;='".contains(&b) => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Splits a path at its slashes, not at those within quotes.
pub fn segments(path: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (i, c) in path.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '/' if !quoted => {
                parts.push(&path[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&path[start..]);
    parts.retain(|p| !p.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_from_their_paths() {
        for id in ["a", "feed/12", "it's", "a b", "风", "x'/'y"] {
            let id = Id::Text(id.into());
            let url = url::Url::parse(&format!("http://h/Things({})/Datastreams", id.in_path())).unwrap();
            let pair = format!("p={}", url.path());
            let (_, path) = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap();
            let parts = segments(&path);
            assert_eq!(parts.len(), 2, "{parts:?}");
            let inside = parts[0].strip_prefix("Things(").and_then(|p| p.strip_suffix(')')).unwrap();
            assert_eq!(Id::parse(inside), Some(id));
        }
        assert_eq!(Id::parse("7"), Some(Id::Number(7)));
        assert_eq!(Id::parse("x"), None);
    }
}
