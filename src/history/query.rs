//! What can be asked. All times are UTC; ranges hold their start and not their end.

use super::HistoryError;
use crate::model::scene::HistoryConfig;
use chrono::{DateTime, TimeDelta, Utc};

/// Which series; an empty list leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Observed properties.
    pub properties: Vec<String>,
    /// Datastream ids.
    pub datastreams: Vec<String>,
}

impl Select {
    pub fn all() -> Self {
        Self::default()
    }

    pub fn property(name: &str) -> Self {
        Self { properties: vec![name.to_owned()], ..Self::default() }
    }

    pub fn datastream(id: &str) -> Self {
        Self { datastreams: vec![id.to_owned()], ..Self::default() }
    }

    pub fn holds(&self, datastream: &str, property: &str) -> bool {
        let in_list = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        in_list(&self.properties, property) && in_list(&self.datastreams, datastream)
    }
}

/// An instant to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Readings and events up to and with this phenomenon time.
    pub time: DateTime<Utc>,
    /// `None`: as it happened, with all that has been heard of it since. `Some`: as we knew it then, by what had arrived by this time.
    pub known_by: Option<DateTime<Utc>>,
}

impl At {
    pub fn as_it_happened(time: DateTime<Utc>) -> Self {
        Self { time, known_by: None }
    }

    pub fn as_we_knew_it(time: DateTime<Utc>) -> Self {
        Self { time, known_by: Some(time) }
    }
}

/// A chart of one datastream in buckets of `step`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    pub datastream: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Width of a bucket; buckets are aligned to the Unix epoch. Whole minutes are answered from roll-ups.
    pub step: TimeDelta,
    /// As in [`At`].
    pub known_by: Option<DateTime<Utc>>,
}

/// Charts of many datastreams of one property at once, as [`SeriesQuery`] has them of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartsQuery {
    pub property: String,
    /// Those of another property and those that nobody has described have no chart.
    pub datastreams: Vec<String>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub step: TimeDelta,
    /// As in [`At`].
    pub known_by: Option<DateTime<Utc>>,
}

/// Readings one by one, ordered by phenomenon time, then by the number of their datastream
/// (by ClickHouse, of more than a thousand datastreams, in an order of its own that stays).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingsQuery {
    pub select: Select,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub newest_first: bool,
    /// Left out before the first one told.
    pub skip: usize,
    /// At most [`super::READINGS_MAX`].
    pub limit: usize,
    /// As in [`At`].
    pub known_by: Option<DateTime<Utc>>,
}

/// A property by H3 cell and bucket of time. Readings flagged by their source are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexagonQuery {
    pub property: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Width of a bucket, aligned to the Unix epoch. Multiples of 15 minutes are answered from roll-ups.
    pub bucket: TimeDelta,
    /// H3 resolution, 0 (a continent) to 15 (a table). Up to [`super::CELL_RESOLUTION`] it is answered from roll-ups.
    pub resolution: u8,
}

/// What happened to incidents, in the order of their events' times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Only this incident.
    pub incident: Option<String>,
    /// As in [`At`].
    pub known_by: Option<DateTime<Utc>>,
    /// At most [`super::READINGS_MAX`].
    pub limit: usize,
}

/// How long what is kept; whole days, counted back from the day of `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days of single readings, today with them.
    pub raw_days: u32,
    /// Days of roll-ups and incident events, today with them.
    pub rollup_days: u32,
}

impl Default for Retention {
    /// What a scene gets that says nothing: a month of readings, two years of roll-ups and events.
    fn default() -> Self {
        let HistoryConfig { raw_days, rollup_days } = HistoryConfig::default();
        Self { raw_days, rollup_days }
    }
}

/// A width of time in microseconds.
///
/// # Errors
/// [`HistoryError::Query`] when it is not positive.
pub(super) fn width_us(what: &'static str, width: TimeDelta) -> Result<i64, HistoryError> {
    match width.num_microseconds() {
        Some(us) if us > 0 => Ok(us),
        _ => Err(HistoryError::Query { what, value: width.to_string(), mend: "give a width above nothing" }),
    }
}
