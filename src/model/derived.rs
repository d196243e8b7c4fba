//! Derived attributes 推算属性: what an analysis says of city objects, as columns that style, filter and export like attributes from a source.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DerivedValue {
    Truth(bool),
    Number(f64),
}

/// One named column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedColumn {
    pub name: String,
    /// Unit of its numbers, empty for truths and shares.
    pub unit: String,
    /// Source id of an object -> its value. Objects without a value are not in it.
    pub values: BTreeMap<String, DerivedValue>,
}

/// Columns over city objects, and where the objects are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedAttributes {
    pub columns: Vec<DerivedColumn>,
    /// Source id -> longitude, latitude (degrees) and metres above the ellipsoid of about its middle.
    pub places: BTreeMap<String, [f64; 3]>,
}

impl DerivedValue {
    /// A number to colour by: a truth is 0 or 1.
    pub fn as_number(self) -> f64 {
        match self {
            Self::Number(n) => n,
            Self::Truth(t) => f64::from(u8::from(t)),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Number(n) => json!(n),
            Self::Truth(t) => json!(t),
        }
    }
}

impl DerivedAttributes {
    /// Sets a number; the newer of two stays. What is no number is left out.
    pub fn number(&mut self, column: &str, unit: &str, id: &str, value: f64, at: [f64; 3]) {
        if value.is_finite() {
            self.set(column, unit, id, DerivedValue::Number(value), at);
        }
    }

    /// Sets a yes or no.
    pub fn truth(&mut self, column: &str, id: &str, value: bool, at: [f64; 3]) {
        self.set(column, "", id, DerivedValue::Truth(value), at);
    }

    fn set(&mut self, name: &str, unit: &str, id: &str, value: DerivedValue, at: [f64; 3]) {
        let known = self.columns.iter().position(|c| c.name == name);
        let index = known.unwrap_or_else(|| {
            self.columns.push(DerivedColumn { name: name.to_owned(), unit: unit.to_owned(), ..Default::default() });
            self.columns.len() - 1
        });
        self.columns[index].values.insert(id.to_owned(), value);
        self.places.insert(id.to_owned(), at);
    }

    pub fn column(&self, name: &str) -> Option<&DerivedColumn> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Objects with any value, sorted.
    pub fn objects(&self) -> BTreeSet<&str> {
        self.columns.iter().flat_map(|c| c.values.keys().map(String::as_str)).collect()
    }

    /// Everything said of one object, by column.
    pub fn of(&self, id: &str) -> Map<String, Value> {
        let own = self.columns.iter().filter_map(|c| Some((c.name.clone(), c.values.get(id)?.json())));
        own.collect()
    }

    /// Objects whose value in a column passes, sorted: the filter of a style or of an export.
    pub fn objects_where(&self, column: &str, passes: impl Fn(DerivedValue) -> bool) -> Vec<&str> {
        let values = self.column(column).into_iter().flat_map(|c| &c.values);
        values.filter(|(_, v)| passes(**v)).map(|(id, _)| id.as_str()).collect()
    }

    /// GeoJSON features (RFC 7946): a point for each object, its values as properties.
    pub fn features(&self) -> Vec<Value> {
        let feature = |id: &str| {
            let mut properties = self.of(id);
            properties.insert("id".to_owned(), json!(id));
            let geometry = self.places.get(id).map(|at| json!({"type": "Point", "coordinates": at}));
            json!({"type": "Feature", "id": id, "geometry": geometry, "properties": properties})
        };
        self.objects().into_iter().map(feature).collect()
    }

    /// A table (RFC 4180): `id,lon,lat,height_m` and a column each, units in brackets in the first line.
    pub fn csv(&self) -> String {
        let mut out = "id,lon,lat,height_m".to_owned();
        for c in &self.columns {
            let head = if c.unit.is_empty() { c.name.clone() } else { format!("{} [{}]", c.name, c.unit) };
            let _ = write!(out, ",{}", quoted(&head));
        }
        out.push('\n');
        for id in self.objects() {
            let [lon, lat, height] = self.places.get(id).copied().unwrap_or_default();
            let _ = write!(out, "{},{lon:.7},{lat:.7},{height:.2}", quoted(id));
            for c in &self.columns {
                match c.values.get(id) {
                    Some(DerivedValue::Number(n)) => drop(write!(out, ",{n}")),
                    Some(DerivedValue::Truth(t)) => drop(write!(out, ",{t}")),
                    None => out.push(','),
                }
            }
            out.push('\n');
        }
        out
    }
}

/// A field of a CSV line, in quotes where it must be.
pub fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> DerivedAttributes {
        let mut d = DerivedAttributes::default();
        d.number("sun_hours", "h", "a,1", 3.5, [118.0, 34.0, 20.0]);
        d.truth("visible", "b", true, [118.1, 34.1, 21.0]);
        d.number("sun_hours", "h", "b", f64::NAN, [0.0; 3]);
        d
    }

    #[test]
    fn columns_filter_export_and_come_back_from_json() {
        let d = two();
        assert_eq!(d.objects_where("sun_hours", |v| v.as_number() > 3.0), ["a,1"]);
        assert_eq!(d.objects_where("visible", |v| v == DerivedValue::Truth(true)), ["b"]);
        assert_eq!(
            d.csv(),
            "id,lon,lat,height_m,sun_hours [h],visible\n\"a,1\",118.0000000,34.0000000,20.00,3.5,\nb,118.1000000,34.1000000,21.00,,true\n"
        );
        assert_eq!(d.features()[0]["properties"]["sun_hours"], 3.5);
        let text = serde_json::to_string(&d).unwrap();
        assert_eq!(serde_json::from_str::<DerivedAttributes>(&text).unwrap(), d);
    }

    #[test]
    fn what_is_no_number_is_no_value() {
        assert!(!two().column("sun_hours").unwrap().values.contains_key("b"));
        assert!(two().column("nothing").is_none() && two().of("nobody").is_empty());
    }
}
