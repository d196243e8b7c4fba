//! Values that filters and orders compare.

use chrono::{DateTime, SecondsFormat};
use geo::Geometry;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// A property's value, or what a filter computes from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    /// Unix milliseconds.
    Time(i64),
    /// Milliseconds.
    Duration(i64),
    Text(String),
    /// Longitudes and latitudes in degrees.
    #[serde(skip)]
    Shape(Arc<Geometry>),
}

impl Value {
    /// Values of one kind in their natural order; kinds among themselves in a fixed one, so that sorting always works.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
            (Value::Time(a), Value::Time(b)) | (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// `None` when the two can't be compared: a filter is then false.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Shape(a), Value::Shape(b)) => (a == b).then_some(Ordering::Equal),
            _ if self.rank() == other.rank() => Some(self.order(other)),
            _ => None,
        }
    }

    /// As a key to sort by and to write into a next link.
    pub fn key(self) -> Value {
        if matches!(self, Value::Shape(_)) { Value::Null } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::Time(_) => 3,
            Value::Duration(_) => 4,
            Value::Text(_) => 5,
            Value::Shape(_) => 6,
        }
    }
}

/// ISO 8601 as SensorThings writes it; the epoch for what no calendar holds.
pub fn iso(unix_ms: i64) -> String {
    DateTime::from_timestamp_millis(unix_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
