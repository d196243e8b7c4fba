//! Where units were: each position as readings of its own few series, so that the history needs no second kind of table.

use crate::history::{Reading, Sample};
use crate::model::observation::{Datastream, Observation, Quality};
use crate::model::unit::{Unit, UnitState};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashSet};

/// Observed properties of a unit's series; nothing that a feed may call its own (a feed's are lower snake case of letters and digits).
pub const PROPERTIES: [&str; 4] = ["unit.lon", "unit.lat", "unit.heading", "unit.state"];

const STATES: [UnitState; 4] = [UnitState::Available, UnitState::EnRoute, UnitState::OnScene, UnitState::OffDuty];

/// Whether a series of the history is a unit's and not a sensor's.
pub fn is_track(datastream: &Datastream) -> bool {
    PROPERTIES.contains(&datastream.observed_property.as_str())
}

/// Makes readings of positions; remembers which units it has described.
#[derive(Debug, Default)]
pub struct Tracks {
    described: HashSet<String>,
}

impl Tracks {
    /// Appends the readings of one position, and the series of a unit that is new.
    pub fn take(&mut self, unit: &Unit, received_at: DateTime<Utc>, datastreams: &mut Vec<Datastream>, readings: &mut Vec<Reading>) {
        if !self.described.contains(&unit.id) {
            self.described.insert(unit.id.clone());
            datastreams.extend(PROPERTIES.iter().map(|property| Datastream {
                id: series(property, &unit.id),
                feed: "units".into(),
                sensor: unit.id.clone(),
                observed_property: (*property).to_owned(),
                unit: if *property == "unit.state" { String::new() } else { "°".into() },
                lon: unit.lon,
                lat: unit.lat,
                height_m: 0.0,
            }));
        }
        let state = STATES.iter().position(|s| *s == unit.state).unwrap_or_default();
        let values = [unit.lon, unit.lat, unit.heading_deg, state as f64];
        readings.extend(PROPERTIES.iter().zip(values).map(|(property, value)| Reading {
            observation: Observation {
                datastream: series(property, &unit.id),
                phenomenon_time: unit.seen_at,
                value,
                quality: Quality::Good,
            },
            received_at,
        }));
    }
}

fn series(property: &str, unit: &str) -> String {
    format!("{property}/{unit}")
}

/// Positions put together again.
#[derive(Debug, Default)]
pub struct Positions {
    /// Unit id -> values by [`PROPERTIES`], and when it was there.
    values: BTreeMap<String, ([Option<f64>; 4], i64)>,
}

impl Positions {
    /// Takes a unit's reading; `false` when it is a sensor's.
    pub fn take(&mut self, datastream: &Datastream, sample: &Sample) -> bool {
        let Some(which) = PROPERTIES.iter().position(|p| *p == datastream.observed_property) else { return false };
        let (values, time_us) = self.values.entry(datastream.sensor.clone()).or_default();
        values[which] = Some(sample.value);
        *time_us = (*time_us).max(sample.time_us);
        true
    }

    /// The units as they were; what doesn't move (call sign, kind) is as it is known now.
    pub fn units(&self, known: &BTreeMap<String, Unit>) -> Vec<Unit> {
        let unit = |(id, (values, time_us)): (&String, &([Option<f64>; 4], i64))| {
            let [Some(lon), Some(lat), heading, state] = *values else { return None };
            let now = known.get(id)?;
            let state = state.and_then(|s| STATES.get(s as usize)).copied().unwrap_or(now.state);
            let seen_at = DateTime::from_timestamp_micros(*time_us)?;
            Some(Unit { lon, lat, heading_deg: heading.unwrap_or_default(), state, seen_at, stale_at: None, ..now.clone() })
        };
        self.values.iter().filter_map(unit).collect()
    }
}
