//! What is kept and what is told.

use super::catalogue::{Catalogue, Series};
use crate::model::incident::{Domain, Event, Incident, IncidentState, Severity};
use crate::model::observation::{Datastream, Observation, Quality, SpanStart};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A reading with the time at which the hub had it. Times are kept to the microsecond.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub observation: Observation,
    pub received_at: DateTime<Utc>,
}

/// One event of an incident, with the incident as it was after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentEvent {
    pub incident: String,
    pub version: u64,
    /// The hub's clock when it was accepted, or the device's where that is known.
    pub happened_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub domain: Domain,
    pub category: String,
    pub severity: Severity,
    pub state: IncidentState,
    /// WGS 84, degrees.
    pub lon: f64,
    pub lat: f64,
    pub area: Option<String>,
}

impl IncidentEvent {
    /// `after`: the incident once `event` has happened.
    pub fn new(after: &Incident, event: &Event, received_at: DateTime<Utc>) -> Self {
        Self {
            incident: after.id.clone(),
            version: event.version,
            happened_at: event.by.at,
            received_at,
            domain: after.domain,
            category: after.category.clone(),
            severity: after.severity,
            state: after.state,
            lon: after.lon,
            lat: after.lat,
            area: after.area.clone(),
        }
    }
}

/// What is appended at once and acknowledged at once: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Described before the readings that name them; again when a description has changed.
    pub datastreams: Vec<Datastream>,
    pub readings: Vec<Reading>,
    pub events: Vec<IncidentEvent>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.datastreams.is_empty() && self.readings.is_empty() && self.events.is_empty()
    }
}

/// One series' reading, small enough to hold millions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub series: Series,
    /// Microseconds since the Unix epoch, UTC.
    pub time_us: i64,
    /// When the span of time began that it stands for; `None`: it is of an instant.
    pub start: Option<SpanStart>,
    pub received_us: i64,
    /// In the datastream's unit.
    pub value: f64,
    pub quality: Quality,
}

impl Sample {
    /// The later phenomenon time wins; of one time, what was received last.
    pub(super) fn supersedes(&self, other: &Sample) -> bool {
        (self.time_us, self.received_us) >= (other.time_us, other.received_us)
    }
}

/// The newest reading of each series at an instant, in the order of their [`Series`].
#[derive(Clone, Debug)]
pub struct State {
    pub catalogue: Arc<Catalogue>,
    pub samples: Vec<Sample>,
    /// What could not be read and is therefore missing, in words.
    pub missing: Vec<String>,
}

impl State {
    /// Each with its datastream.
    pub fn iter(&self) -> impl Iterator<Item = (&Datastream, &Sample)> {
        self.samples.iter().filter_map(|s| self.catalogue.get(s.series).map(|d| (d, s)))
    }

    /// As the readings they were.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.iter().map(|(datastream, sample)| reading(datastream, sample))
    }
}

/// A sample as the reading it was.
pub(super) fn reading(datastream: &Datastream, sample: &Sample) -> Reading {
    Reading {
        observation: Observation {
            datastream: datastream.id.clone(),
            phenomenon_time: from_us(sample.time_us),
            phenomenon_start: sample.start,
            value: sample.value,
            quality: sample.quality,
        },
        received_at: from_us(sample.received_us),
    }
}

/// Rows with what could not be read and is therefore missing, in words (a damaged file is named there and left out).
#[derive(Clone, Debug, PartialEq)]
pub struct Told<T> {
    pub rows: Vec<T>,
    pub missing: Vec<String>,
}

/// A step of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    pub start: DateTime<Utc>,
    /// Good readings.
    pub count: u64,
    /// Readings flagged by their source.
    pub suspect: u64,
    /// Of good readings; nothing where there is none.
    pub mean: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The newest reading of the bucket, flagged or not.
    pub last: f64,
}

/// A datastream's id with its chart.
pub type Chart = (String, Vec<Bucket>);

/// A cell in a bucket of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Hexagon {
    /// H3 index.
    pub cell: u64,
    pub start: DateTime<Utc>,
    pub count: u64,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
}

/// How the history is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    pub datastreams: u64,
    /// Rows of readings, doublings counted until they are merged.
    pub readings: u64,
    pub events: u64,
    /// Rows not yet in a partition: in memory and in the journal.
    pub hot: u64,
    /// Bytes on disk, by what they are for (`journal`, `observations`, `rollup-1m`, ...).
    pub bytes: Vec<(String, u64)>,
    /// Oldest and newest phenomenon time.
    pub oldest: Option<DateTime<Utc>>,
    pub newest: Option<DateTime<Utc>>,
    /// Bytes cut from the journal's end at start: a write that was never acknowledged.
    pub torn_bytes: u64,
    /// Files left out, each with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// The last thing that went wrong in the background, in words.
    pub last_error: Option<String>,
}

/// What a retention run removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Partitions removed, as `folder/day=...`.
    pub removed: Vec<String>,
    /// Kept against the policy, each with the reason (roll-ups that could not be made).
    pub kept: Vec<String>,
}

/// Microseconds since the Unix epoch.
pub(super) fn to_us(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The time of so many microseconds since the Unix epoch; the nearest there is for one beyond the calendar.
pub(super) fn from_us(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or(if us < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC })
}
