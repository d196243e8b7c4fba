//! Units 力量: crews, vehicles, officers that can be dispatched.

use super::incident::Domain;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A place older than this is not where the unit is, unless its source says how long it holds.
const STALE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// So long after its last position the hub and all screens forget a unit; no message says so. Screens go by the hub's clock, as deltas
/// tell it. Its positions stay in the history.
pub const KEPT: TimeDelta = TimeDelta::days(1);

/// A unit and its last known place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    pub id: String,
    pub call_sign: String,
    pub domain: Domain,
    /// `patrol_car`, `fire_engine`, `ambulance`, `officer`, ...
    pub kind: String,
    pub state: UnitState,
    pub lon: f64,
    pub lat: f64,
    /// Degrees clockwise from north.
    #[serde(default)]
    pub heading_deg: f64,
    /// When `lon`, `lat` were measured.
    pub seen_at: DateTime<Utc>,
    /// From then on its place no longer holds, as its source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_at: Option<DateTime<Utc>>,
    /// What else the source says of it, in the source's own form; bounded by the adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

impl Unit {
    /// Whether it is no longer known where it is: shown quietly, not as an answer to "who is near".
    pub fn is_stale(&self, now: DateTime<Utc>) -> bool {
        now >= self.stale_at.unwrap_or(self.seen_at + STALE_AFTER)
    }

    /// Whether it is no longer told of at all ([`KEPT`]).
    pub fn is_forgotten(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at > KEPT
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    Available,
    EnRoute,
    OnScene,
    OffDuty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_says_how_long_a_place_holds_is_believed() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let json = r#"{"id":"u","call_sign":"U","domain":"traffic","kind":"","state":"available","lon":1,"lat":2,"seen_at":"1970-01-01T00:00:00Z"}"#;
        let mut unit: Unit = serde_json::from_str(json).unwrap();
        assert_eq!((unit.is_stale(at(4)), unit.is_stale(at(5))), (false, true));
        unit.stale_at = Some(at(60));
        assert_eq!((unit.is_stale(at(59)), unit.is_stale(at(60))), (false, true));
    }
}
