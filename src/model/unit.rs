//! Units 力量: crews, vehicles, officers that can be dispatched.

use super::incident::Domain;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    Available,
    EnRoute,
    OnScene,
    OffDuty,
}
