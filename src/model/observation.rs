//! Sensors and their readings, in OGC SensorThings' words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::num::NonZeroI64;

/// A SensorThings Datastream with the place of its Thing: one sensor, one observed property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Datastream {
    /// `feed id/@iot.id`, unique in the hub.
    pub id: String,
    pub feed: String,
    /// Name of the Thing.
    pub sensor: String,
    /// ObservedProperty name, lower snake case: `pm2_5`, `noise`, `water_level`, ...
    pub observed_property: String,
    /// Unit symbol as it is shown: `µg/m³`.
    pub unit: String,
    pub lon: f64,
    pub lat: f64,
    /// Height above ground, metres.
    #[serde(default)]
    pub height_m: f64,
}

/// One reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// [`Datastream::id`].
    pub datastream: String,
    /// When it was; of one that stands for a span of time (an hourly mean), the span's end. With the datastream it is what a reading is
    /// known by.
    pub phenomenon_time: DateTime<Utc>,
    /// When that span began, before its end; `None`: the reading is of an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phenomenon_start: Option<SpanStart>,
    /// In the datastream's unit.
    pub value: f64,
    #[serde(default)]
    pub quality: Quality,
}

impl Observation {
    /// A good reading of an instant.
    pub fn new(datastream: impl Into<String>, phenomenon_time: DateTime<Utc>, value: f64) -> Self {
        Self { datastream: datastream.into(), phenomenon_time, phenomenon_start: None, value, quality: Quality::Good }
    }

    /// Length of the span it stands for, whole milliseconds between its two ends' own; 0 where it is of an instant.
    pub fn lasted_ms(&self) -> u64 {
        let start_ms = self.phenomenon_start.map(|start| start.micros().div_euclid(1000));
        start_ms.map_or(0, |start| u64::try_from(self.phenomenon_time.timestamp_millis().saturating_sub(start)).unwrap_or(0))
    }
}

/// When a span of time began, to the microsecond: what the history keeps.
///
/// In 8 bytes also where there may be none: an `Option<DateTime<Utc>>` of 12 would make each reading of a million 16 longer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanStart(
    /// Microseconds since the Unix epoch with the sign bit turned: zero is then a time that no calendar holds.
    NonZeroI64,
);

impl SpanStart {
    /// Of microseconds since the Unix epoch.
    pub fn from_micros(us: i64) -> Self {
        Self(NonZeroI64::new(us ^ i64::MIN).unwrap_or(NonZeroI64::MIN))
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0.get() ^ i64::MIN
    }

    /// The epoch for what no calendar holds.
    pub fn time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros()).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for SpanStart {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_micros(time.timestamp_micros())
    }
}

impl std::fmt::Debug for SpanStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.time().fmt(f)
    }
}

impl Serialize for SpanStart {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.time().serialize(s)
    }
}

impl<'de> Deserialize<'de> for SpanStart {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(d).map(Self::from)
    }
}

/// What the source says of a reading's worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    #[default]
    Good,
    /// Flagged by the source: shown hatched, left out of heat.
    Suspect,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_of_an_instant_is_written_as_ever_and_a_span_is_read_as_it_was_written() {
        let instant = r#"{"datastream":"f/1","phenomenon_time":"2026-01-01T01:00:00Z","value":1.5,"quality":"good"}"#;
        let mut o: Observation = serde_json::from_str(instant).unwrap();
        assert_eq!((o.phenomenon_start, serde_json::to_string(&o).unwrap().as_str()), (None, instant));
        o.phenomenon_start = Some(SpanStart::from("2026-01-01T00:00:00.000001Z".parse::<DateTime<Utc>>().unwrap()));
        let written = serde_json::to_string(&o).unwrap();
        assert!(written.contains(r#""phenomenon_start":"2026-01-01T00:00:00.000001Z""#), "{written}");
        assert_eq!(serde_json::from_str::<Observation>(&written).unwrap(), o);
    }

    #[test]
    fn a_start_costs_eight_bytes_and_any_time_can_be_one() {
        assert_eq!((size_of::<Option<SpanStart>>(), size_of::<Observation>()), (8, 56));
        for time in [DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(SpanStart::from(time).micros(), time.timestamp_micros());
        }
        assert_eq!(SpanStart::from(DateTime::UNIX_EPOCH).time(), DateTime::UNIX_EPOCH);
    }
}
