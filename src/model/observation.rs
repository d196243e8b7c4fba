//! Sensors and their readings, in OGC SensorThings' words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
    pub phenomenon_time: DateTime<Utc>,
    /// In the datastream's unit.
    pub value: f64,
    #[serde(default)]
    pub quality: Quality,
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
