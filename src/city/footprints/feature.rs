//! A feature as every vector format has it: an id, attributes, and a shape in the file's own coordinates.

use glam::DVec2;
use serde_json::{Map, Value};

/// Points of one ring or line.
pub(crate) type Path = Vec<DVec2>;

/// Read from GeoJSON or FlatGeobuf, not yet anything of a city.
#[derive(Debug, Clone, Default)]
pub(crate) struct VectorFeature {
    pub(crate) id: Option<String>,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) shape: Shape,
}

/// What a feature has of a geometry; heights of its points are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shape {
    /// Each with its outer ring first, then holes; wound either way, closed or not.
    pub(crate) polygons: Vec<Vec<Path>>,
    pub(crate) lines: Vec<Path>,
    pub(crate) points: usize,
}

impl Shape {
    pub(crate) fn corners(&self) -> impl Iterator<Item = DVec2> {
        self.polygons.iter().flatten().chain(&self.lines).flatten().copied()
    }

    /// West, south, east, north; `None` without a finite point.
    pub(crate) fn bounds(&self) -> Option<[f64; 4]> {
        let (min, max) =
            self.corners().filter(|p| p.is_finite()).fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(min, max), p| (min.min(p), max.max(p)));
        (min.x <= max.x).then_some([min.x, min.y, max.x, max.y])
    }
}

/// Attributes of a feature, asked the ways of OpenStreetMap: `no` is as good as absent, and some exports keep tags one level down.
#[derive(Clone, Copy)]
pub(super) struct Tags<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Tags<'a> {
    /// A value that says something: not null, not empty, not `no`.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        let nested = || self.0.get("tags")?.as_object()?.get(name);
        self.0.get(name).or_else(nested).filter(|v| match v {
            Value::Null => false,
            Value::Bool(yes) => *yes,
            Value::String(text) => !text.trim().is_empty() && text != "no",
            _ => true,
        })
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first of several names that `read` can make something of; `Err` when there are only values that it can't.
    pub(super) fn first<T>(self, names: &[String], read: impl Fn(&str, &Value) -> Option<T>) -> Result<Option<T>, &'a Value> {
        let mut refused = None;
        for (name, value) in names.iter().filter_map(|n| Some((n, self.get(n)?))) {
            match read(name, value) {
                Some(found) => return Ok(Some(found)),
                None => refused = Some(value),
            }
        }
        refused.map_or(Ok(None), Err)
    }
}

/// GDAL writes the tags it has no column for as one text: `"roof:shape"=>"gabled","height"=>"12"`. Gives each a key of its own.
pub(super) fn spread_other_tags(attributes: &mut Map<String, Value>) {
    let Some(Value::String(text)) = attributes.get("other_tags") else { return };
    let Some(pairs) = pairs(text) else { return };
    attributes.shift_remove("other_tags");
    for (key, value) in pairs {
        attributes.entry(key).or_insert(Value::String(value));
    }
}

/// The pairs of an `hstore`; `None` when it is not one.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut rest = text.trim();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let (value, after) = quoted(after.trim_start().strip_prefix("=>")?.trim_start())?;
        pairs.push((key, value));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Some(pairs)
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => out.push(chars.next()?.1),
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gdals_other_tags_become_attributes() {
        let text = r#""roof:shape"=>"gabled","name"=>"Zum \"Hof\", 1","height"=>"12""#;
        let mut attributes = json!({"name": "Hof", "other_tags": text}).as_object().unwrap().clone();
        spread_other_tags(&mut attributes);
        assert_eq!(Value::Object(attributes), json!({"name": "Hof", "roof:shape": "gabled", "height": "12"}));
        for text in ["", "x", "\"a\"=>", "\"a\"=>\"b", "\"\\"] {
            let mut odd = json!({"other_tags": text}).as_object().unwrap().clone();
            spread_other_tags(&mut odd);
        }
    }
}
