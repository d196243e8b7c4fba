//! History 历史: observations and incident events that were, in columns (floor 2).
//!
//! A [`History`] takes batches and acknowledges them when they are on disk; it answers what was at any instant, as it happened
//! (by phenomenon time, late and corrected readings in their place) or as we knew it then (only what had arrived by a time).
//! - [`Embedded`]: the default; a journal and Parquet partitions in a folder, in this process.
//! - [`ClickHouse`]: beyond one machine; ClickHouse over HTTP, sharded by its `Distributed` tables.
//! - [`Memory`]: everything in one vector, each answer by looking at all of it; what the others are tested against.
//!
//! Of several readings of one datastream at one phenomenon time, the one received last counts.
//! Never here: where readings come from, and what an incident may do.

mod answer;
mod catalogue;
mod cell;
pub mod clickhouse;
pub mod conformance;
pub mod embedded;
mod error;
mod memory;
mod query;

pub use answer::{Batch, Bucket, Chart, Health, Hexagon, IncidentEvent, Reading, Retained, Sample, State, Told};
pub use catalogue::{Catalogue, DATASTREAMS_MAX, Series};
pub use clickhouse::{ClickHouse, ClickHouseConfig};
pub use embedded::Embedded;
pub use error::HistoryError;
pub use memory::Memory;
pub use query::{At, ChartsQuery, EventQuery, HexagonQuery, ReadingsQuery, Retention, Select, SeriesQuery};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Rows one answer may tell; ask for the next with `skip`.
pub const READINGS_MAX: usize = 100_000;
/// Buckets of one chart: a year of hours, ten times.
pub const BUCKETS_MAX: usize = 100_000;
/// Rows of one batch: a second of the fastest ingest, four times; bounds how long others wait for its sync.
pub const BATCH_ROWS_MAX: usize = 200_000;
/// Charts that are asked for at a time where many are wanted.
const CHARTS_AT_A_TIME: usize = 8;
/// Incidents of which nothing was heard for so many days are not told by [`History::incidents_at`]; the state store has them all.
pub const INCIDENT_DAYS: u32 = 92;
/// H3 resolution of the cell roll-ups: hexagons of 0.1 km², edges of 200 m. Finer ones are computed from readings.
pub const CELL_RESOLUTION: u8 = 9;

/// Observations and incident events, durable once acknowledged.
///
/// Damaged files never fail a question: they are named in what is told, and the rest answers.
pub trait History: Send + Sync + 'static {
    /// Keeps a batch: all of it or nothing. Returns when it is on disk; writers that wait at the same time share a sync.
    ///
    /// # Errors
    /// When nothing of it was kept, with the reason; after [`HistoryError::Behind`] and [`HistoryError::DiskFull`] the same batch may be sent again.
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), HistoryError>>;

    /// The datastreams described so far.
    fn catalogue(&self) -> BoxFuture<'_, Result<Arc<Catalogue>, HistoryError>>;

    /// The newest reading of each series.
    fn latest(&self, select: Select) -> BoxFuture<'_, Result<State, HistoryError>>;

    /// The newest reading of each series at an instant: what scrubbing shows.
    fn latest_at(&self, at: At, select: Select) -> BoxFuture<'_, Result<State, HistoryError>>;

    /// One datastream in buckets; buckets without readings are left out. An unknown datastream has none.
    fn series(&self, query: SeriesQuery) -> BoxFuture<'_, Result<Told<Bucket>, HistoryError>>;

    /// Many datastreams of one property in buckets, each with its id; those without readings are left out. In no order.
    ///
    /// A backend that has nothing better asks for one after the other.
    fn charts(&self, query: ChartsQuery) -> BoxFuture<'_, Result<Told<Chart>, HistoryError>> {
        Box::pin(async move {
            let ChartsQuery { property, datastreams, from, to, step, known_by } = query;
            let catalogue = self.catalogue().await?;
            let is_of_it =
                |id: &String| catalogue.series(id).and_then(|s| catalogue.get(s)).is_some_and(|d| d.observed_property == property);
            let asked: Vec<String> = datastreams.into_iter().filter(is_of_it).collect();
            let ask = |datastream: String| async move {
                let told = self.series(SeriesQuery { datastream: datastream.clone(), from, to, step, known_by }).await?;
                Ok::<_, HistoryError>((datastream, told))
            };
            let each: Vec<(String, Told<Bucket>)> = stream::iter(asked).map(ask).buffered(CHARTS_AT_A_TIME).try_collect().await?;
            let mut all = Told { rows: Vec::new(), missing: Vec::new() };
            for (datastream, told) in each {
                all.missing.extend(told.missing);
                all.rows.extend((!told.rows.is_empty()).then_some((datastream, told.rows)));
            }
            Ok(all)
        })
    }

    /// Readings one by one.
    fn readings(&self, query: ReadingsQuery) -> BoxFuture<'_, Result<Told<Reading>, HistoryError>>;

    /// A property by H3 cell and bucket, ordered by bucket, then by cell.
    fn hexagons(&self, query: HexagonQuery) -> BoxFuture<'_, Result<Told<Hexagon>, HistoryError>>;

    /// What happened to incidents, oldest first.
    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>>;

    /// Each incident as it was at an instant, by its newest event of the last [`INCIDENT_DAYS`], ordered by id.
    fn incidents_at(&self, at: At) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>>;

    fn health(&self) -> BoxFuture<'_, Result<Health, HistoryError>>;

    /// Makes at once what the history makes by itself in its own time so that questions are fast; no answer changes by it.
    ///
    /// # Errors
    /// The first thing that could not be made; what was appended is kept all the same.
    fn settle(&self) -> BoxFuture<'_, Result<(), HistoryError>>;

    /// Removes what is older than the policy keeps, counted back from `now`; never a partition whose roll-ups are not made.
    fn retain(&self, policy: Retention, now: DateTime<Utc>) -> BoxFuture<'_, Result<Retained, HistoryError>>;
}

/// What every backend refuses before it asks its engine.
fn check(batch: &Batch) -> Result<(), HistoryError> {
    let rows = batch.datastreams.len() + batch.readings.len() + batch.events.len();
    if rows > BATCH_ROWS_MAX {
        return Err(HistoryError::TooMany { what: "rows of one batch", found: rows as u64, max: BATCH_ROWS_MAX as u64 });
    }
    if let Some(reading) = batch.readings.iter().find(|r| !r.observation.value.is_finite()) {
        let value = format!("{} ({})", reading.observation.value, reading.observation.datastream);
        return Err(HistoryError::Query { what: "a reading", value, mend: "reject readings that are no number before they are appended" });
    }
    Ok(())
}
