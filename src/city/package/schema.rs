//! Source attributes to one metadata class (EXT_structural_metadata): one type per property over the whole city, so that tiles agree.

use crate::city::source::CityObject;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The class name every property table of a package uses.
pub const CLASS: &str = "feature";
/// Columns every row has; they come first.
pub const BASE: [&str; 4] = ["id", "class", "parent", "lod"];
/// Stands for "no value" in a text column. An empty text in a source counts as no value too: glTF has no buffer view of 0 bytes, so a
/// column of nothing but empty texts can't be written.
pub const NO_TEXT: &str = "";
/// The same for numbers, the first that no value of the column equals. All are exact in f64 and i32.
const NO_NUMBER: [f64; 4] = [-9999.0, -999_999.0, -2_147_483_647.0, 2_147_483_647.0];
/// Whole numbers beyond this lose digits in the f64 that every reader in JavaScript uses.
const EXACT_MAX: i64 = 1 << 53;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Int32,
    Float64,
    Text,
}

/// One property of the class.
pub struct Column {
    /// The attribute's name in the source.
    pub key: String,
    /// An identifier as the standard wants it, unique in the class.
    pub id: String,
    pub kind: Kind,
    /// Every feature of the city has a value.
    pub required: bool,
    pub no_number: f64,
}

/// The class: base columns, then source attributes by name.
pub struct Schema {
    pub columns: Vec<Column>,
}

/// What has been seen of one attribute.
#[derive(Default)]
struct Seen {
    count: usize,
    booleans: usize,
    ints: usize,
    floats: usize,
    /// Indices into [`NO_NUMBER`] of those that occur as real values.
    taken: BTreeSet<usize>,
}

impl Seen {
    fn add(&mut self, v: &Value) {
        self.count += 1;
        match v {
            Value::Bool(_) => self.booleans += 1,
            Value::Number(n) => {
                if let Some(i) = n.as_i64().filter(|i| i32::try_from(*i).is_ok()) {
                    self.ints += 1;
                    self.take(i as f64);
                } else if n.as_i64().is_none_or(|i| i.abs() <= EXACT_MAX) && n.as_u64().is_none_or(|i| i <= EXACT_MAX as u64) {
                    self.floats += 1;
                    self.take(n.as_f64().unwrap_or(0.0));
                }
            }
            _ => {}
        }
    }

    fn merge(&mut self, other: Seen) {
        self.count += other.count;
        self.booleans += other.booleans;
        self.ints += other.ints;
        self.floats += other.floats;
        self.taken.extend(other.taken);
    }

    fn take(&mut self, number: f64) {
        self.taken.extend(NO_NUMBER.iter().position(|n| *n == number));
    }

    /// Mixed types become text, and so do booleans with gaps: the standard has no "no value" for them.
    fn column(&self, key: &str, id: String, features: usize) -> Column {
        let required = self.count == features;
        let no_number = (0..NO_NUMBER.len()).find(|i| !self.taken.contains(i));
        let kind = match self.count {
            n if n == self.booleans && required => Kind::Boolean,
            n if n == self.ints && no_number.is_some() => Kind::Int32,
            n if n == self.ints + self.floats && no_number.is_some() => Kind::Float64,
            _ => Kind::Text,
        };
        Column { key: key.to_owned(), id, kind, required, no_number: NO_NUMBER[no_number.unwrap_or(0)] }
    }
}

/// Looks at every attribute of every object, in any order and in parts.
#[derive(Default)]
pub struct Survey {
    seen: BTreeMap<String, Seen>,
    count: usize,
    parents: usize,
    lods: usize,
}

impl Survey {
    pub fn add(&mut self, object: &CityObject) {
        self.count += 1;
        self.parents += usize::from(object.parent.is_some());
        self.lods += usize::from(!object.lod.is_empty());
        for (key, value) in object.attributes.iter().filter(|(_, v)| is_value(v)) {
            match self.seen.get_mut(key) {
                Some(seen) => seen.add(value),
                None => self.seen.entry(key.clone()).or_default().add(value),
            }
        }
    }

    /// As if all that `other` has seen had been seen here.
    pub fn merge(&mut self, other: Survey) {
        self.count += other.count;
        self.parents += other.parents;
        self.lods += other.lods;
        for (key, seen) in other.seen {
            self.seen.entry(key).or_default().merge(seen);
        }
    }
}

impl Schema {
    /// Only the base columns; parent and level of detail optional.
    pub fn base() -> Self {
        Self { columns: base([true, true, false, false]) }
    }

    /// The class for everything a survey has seen.
    pub fn of(survey: &Survey) -> Self {
        let count = survey.count;
        let mut columns = base([true, true, survey.parents == count, survey.lods == count]);
        let mut ids: BTreeSet<String> = BASE.into_iter().map(str::to_owned).collect();
        for (key, seen) in &survey.seen {
            let id = identifier(key, &mut ids);
            columns.push(seen.column(key, id, count));
        }
        Self { columns }
    }

    /// Some of the columns as EXT_structural_metadata writes them. A column that is not in every table can't be `required`, so only
    /// the base columns may be.
    pub fn json(&self, columns: &[usize]) -> Value {
        let mut properties = Map::new();
        for (i, c) in columns.iter().map(|i| (*i, &self.columns[*i])) {
            let mut p = Map::new();
            p.insert("name".into(), json!(c.key));
            match c.kind {
                Kind::Boolean => p.insert("type".into(), json!("BOOLEAN")),
                Kind::Text => p.insert("type".into(), json!("STRING")),
                Kind::Int32 | Kind::Float64 => {
                    p.insert("type".into(), json!("SCALAR"));
                    p.insert("componentType".into(), json!(if c.kind == Kind::Int32 { "INT32" } else { "FLOAT64" }))
                }
            };
            if i < BASE.len() && c.required {
                p.insert("required".into(), json!(true));
            } else if !c.required {
                match c.kind {
                    Kind::Text => p.insert("noData".into(), json!(NO_TEXT)),
                    Kind::Int32 => p.insert("noData".into(), json!(c.no_number as i64)),
                    Kind::Float64 => p.insert("noData".into(), json!(c.no_number)),
                    Kind::Boolean => None,
                };
            }
            if c.id == "id" {
                p.insert("semantic".into(), json!("ID"));
            }
            properties.insert(c.id.clone(), Value::Object(p));
        }
        json!({ "id": "yiping_city", "classes": { CLASS: { "name": "City object", "properties": properties } } })
    }
}

fn base(required: [bool; BASE.len()]) -> Vec<Column> {
    let column = |(key, required): (&str, bool)| Column {
        key: key.to_owned(),
        id: key.to_owned(),
        kind: Kind::Text,
        required,
        no_number: NO_NUMBER[0],
    };
    BASE.into_iter().zip(required).map(column).collect()
}

/// Neither null nor an empty text.
pub fn is_value(v: &Value) -> bool {
    !v.is_null() && v.as_str() != Some(NO_TEXT)
}

/// Text of a value: strings as they are, everything else as JSON.
pub fn text(v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, unlike any other taken so far.
fn identifier(key: &str, taken: &mut BTreeSet<String>) -> String {
    let mut base: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        base.insert(0, '_');
    }
    let mut id = base.clone();
    for n in 1.. {
        if taken.insert(id.clone()) {
            break;
        }
        id = format!("{base}_{n}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_legal_and_unique() {
        let mut taken: BTreeSet<String> = ["class".to_owned()].into();
        let mut id = |k: &str| identifier(k, &mut taken);
        assert_eq!(id("class"), "class_1");
        assert_eq!(id("min-height"), "min_height");
        assert_eq!(id("min.height"), "min_height_1");
        assert_eq!(id("3d"), "_3d");
        assert_eq!(id("高度"), "__");
    }

    #[test]
    fn kinds_follow_the_values_and_sentinels_avoid_them() {
        let kind = |values: &[Value], features: usize| {
            let mut seen = Seen::default();
            values.iter().for_each(|v| seen.add(v));
            seen.column("k", "k".into(), features)
        };
        assert_eq!(kind(&[json!(1), json!(-2)], 2).kind, Kind::Int32);
        assert_eq!(kind(&[json!(1), json!(2.5)], 2).kind, Kind::Float64);
        assert_eq!(kind(&[json!(3_000_000_000_u64)], 1).kind, Kind::Float64);
        assert_eq!(kind(&[json!(u64::MAX)], 1).kind, Kind::Text);
        assert_eq!(kind(&[json!(1), json!("x")], 2).kind, Kind::Text);
        assert_eq!(kind(&[json!([1, 2])], 1).kind, Kind::Text);
        assert_eq!(kind(&[json!(true)], 1).kind, Kind::Boolean);
        assert_eq!(kind(&[json!(true)], 2).kind, Kind::Text);
        assert_eq!(kind(&[json!(-9999)], 2).no_number, -999_999.0);
        assert!(!is_value(&json!("")) && !is_value(&json!(null)) && is_value(&json!(false)));
    }
}
