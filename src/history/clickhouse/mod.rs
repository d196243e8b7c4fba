//! Beyond one machine: ClickHouse over HTTP, sharded and replicated by its own `Distributed` tables.
//!
//! The cluster is named in the servers' `remote_servers`; every server gets the same tables, and any of them takes rows and answers.
//! Rows are shared out by series, so that all readings of a datastream lie on one shard. An append is acknowledged when every shard
//! has its rows (whether they are then on disk or in its memory is the server's setting `fsync_after_insert`, from version 20.10).
//! An append that was cut off may have been taken in part; sending it again changes nothing, for the same reading counts once.
//! Charts and hexagons are answered from roll-ups where these hold ([`derive`]), from the readings where not: an answer never depends on
//! what was derived.

mod address;
mod charts;
mod derive;
mod history;
mod http;
mod questions;
mod retain;
mod rollups;
mod rows;
mod sql;
#[cfg(test)]
mod tests;

pub use address::AddressError;

use super::answer::{from_us, to_us};
use super::cell;
use super::{Batch, CELL_RESOLUTION, Catalogue, Hexagon, HistoryError, Reading, Sample, Select, Series, check};
use crate::model::observation::{Datastream, Quality, SpanStart};
use chrono::Utc;
use http::Servers;
use rows::{In, Out};
use sql::Names;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

const MINUTE_US: i64 = 60_000_000;
const QUARTER_US: i64 = 15 * MINUTE_US;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
/// Series that are looked for one by one in days before yesterday; more are asked for as all.
const NAMED_MAX: usize = 1000;
/// Events one question for incidents reads at most.
const EVENTS_MAX: usize = 2_000_000;

/// Readings that take longer to insert are touched again; under what makes an hour quiet.
const TOUCH_HOLDS: Duration = Duration::from_secs(300);

/// Where the servers are; written in one line as [`std::str::FromStr`] tells.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouseConfig {
    /// All servers of the cluster, as `http://HOST:8123`.
    pub urls: Vec<Url>,
    /// Its name in the servers' `remote_servers`; none for a single server.
    pub cluster: Option<String>,
    /// Letters, digits and `_`.
    pub database: String,
    /// Name and password.
    pub user: Option<(String, String)>,
}

impl std::fmt::Debug for ClickHouseConfig {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (urls, user) = (self.urls.iter().map(Url::as_str).collect::<Vec<_>>(), self.user.as_ref().map(|(name, _)| name));
        let mut shown = f.debug_struct("ClickHouseConfig");
        shown.field("urls", &urls).field("cluster", &self.cluster).field("database", &self.database).field("user", &user).finish()
    }
}

/// A history in a ClickHouse cluster.
#[derive(Clone)]
pub struct ClickHouse {
    servers: Arc<Servers>,
    names: Names,
    shared: Arc<Shared>,
}

/// What all clones of a history share.
#[derive(Default)]
struct Shared {
    known: RwLock<Known>,
    /// Read while readings are on their way to the servers.
    appending: tokio::sync::RwLock<()>,
    /// What went wrong last while roll-ups were made.
    last_error: Mutex<Option<String>>,
}

/// Datastreams as the servers have them.
#[derive(Default)]
struct Known {
    catalogue: Arc<Catalogue>,
    by_key: HashMap<u64, Series>,
}

/// What rows hold in place of a datastream's id and property: the same on every hub, unlike its number.
fn key(datastream: &Datastream) -> u64 {
    xxh3_64(format!("{}\0{}", datastream.id, datastream.observed_property).as_bytes())
}

impl Known {
    fn describe(&mut self, datastream: Datastream) -> Result<(), HistoryError> {
        let key = key(&datastream);
        let series = Arc::make_mut(&mut self.catalogue).describe(datastream)?;
        self.by_key.insert(key, series);
        Ok(())
    }

    /// Keys of the chosen series in the order of their numbers; none when all are chosen.
    fn keys(&self, select: &Select) -> Vec<u64> {
        let chosen = self.catalogue.current().filter(|(_, d)| select.holds(&d.id, &d.observed_property));
        chosen.map(|(_, d)| key(d)).collect()
    }
}

impl ClickHouse {
    /// Makes the tables and columns that are missing, and reads the datastreams.
    ///
    /// Needs a `tokio` runtime that goes on, for roll-ups are made there from time to time.
    ///
    /// # Errors
    /// When a server is not reached or refuses; all of them are asked.
    pub async fn open(config: ClickHouseConfig) -> Result<Self, HistoryError> {
        for name in std::iter::once(&config.database).chain(&config.cluster) {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let mend = "use letters, digits and _ only";
                return Err(HistoryError::Query { what: "the name of a database or cluster", value: name.clone(), mend });
            }
        }
        let servers = Servers::new(config.urls, config.user)?;
        let names = Names { database: config.database, cluster: config.cluster };
        for statement in names.schema() {
            servers.everywhere(&statement).await?;
        }
        for (question, add) in names.added() {
            for server in 0..servers.urls().len() {
                add_column(&servers, server, &question, &add).await?;
            }
        }
        let mut known = Known::default();
        let answer = servers.ask(&names.datastreams()).await?;
        for datastream in parse(&servers, In(&answer).all(rows::datastream))? {
            known.describe(datastream)?;
        }
        let shared = Shared { known: RwLock::new(known), ..Shared::default() };
        let history = Self { servers: Arc::new(servers), names, shared: Arc::new(shared) };
        tokio::spawn(derive::keep(history.weak()));
        Ok(history)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.shared.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, batch: Batch) -> Result<(), HistoryError> {
        check(&batch)?;
        let new = self.new_descriptions(&batch)?;
        if !new.is_empty() {
            self.keep_datastreams(&new).await?;
        }
        let observations = self.observation_rows(&batch.readings);
        if !observations.is_empty() {
            let _under_way = self.shared.appending.read().await;
            let (hours, begun) = (self.hours_touched(&batch.readings), Instant::now());
            self.touch(&hours).await?;
            let columns = "day, property, series, cell, time, received, value, suspect, start";
            self.servers.insert(&self.names.table("observations"), columns, &observations).await?;
            // The hours may have passed for quiet meanwhile, and have been rolled up without these readings.
            if begun.elapsed() >= TOUCH_HOLDS {
                self.touch(&hours).await?;
            }
        }
        if !batch.events.is_empty() {
            let mut out = Out::default();
            for event in &batch.events {
                out.day(to_us(event.happened_at));
                rows::put_event(&mut out, event);
            }
            let columns = format!("day, {}", rows::EVENT_COLUMNS);
            self.servers.insert(&self.names.table("events"), &columns, &out.0).await?;
        }
        Ok(())
    }

    /// Descriptions that say something new; every reading's datastream is known or among them.
    fn new_descriptions(&self, batch: &Batch) -> Result<Vec<Datastream>, HistoryError> {
        let known = self.known();
        let here: HashSet<&str> = batch.datastreams.iter().map(|d| d.id.as_str()).collect();
        let unknown = |r: &&Reading| {
            let id = r.observation.datastream.as_str();
            known.catalogue.series(id).is_none() && !here.contains(id)
        };
        if let Some(reading) = batch.readings.iter().find(unknown) {
            return Err(HistoryError::Unknown { id: reading.observation.datastream.clone() });
        }
        let same = |d: &&Datastream| known.catalogue.series(&d.id).and_then(|s| known.catalogue.get(s)) != Some(*d);
        Ok(batch.datastreams.iter().filter(same).cloned().collect())
    }

    async fn keep_datastreams(&self, new: &[Datastream]) -> Result<(), HistoryError> {
        let mut out = Out::default();
        let now = Utc::now().timestamp_micros();
        for (i, datastream) in new.iter().enumerate() {
            out.i64(now + i as i64);
            rows::put_datastream(&mut out, datastream);
        }
        let columns = format!("described, {}", rows::DATASTREAM_COLUMNS);
        self.servers.insert(&self.names.table("datastreams"), &columns, &out.0).await?;
        let mut known = self.shared.known.write().unwrap_or_else(PoisonError::into_inner);
        new.iter().try_for_each(|d| known.describe(d.clone()))
    }

    fn observation_rows(&self, readings: &[Reading]) -> Vec<u8> {
        let known = self.known();
        let resolution = cell::resolution(CELL_RESOLUTION).ok();
        let mut out = Out::default();
        for Reading { observation: o, received_at } in readings {
            let Some(datastream) = known.catalogue.series(&o.datastream).and_then(|s| known.catalogue.get(s)) else { continue };
            let cell = resolution.and_then(|r| cell::of(datastream, r)).unwrap_or(0);
            let time_us = to_us(o.phenomenon_time);
            out.day(time_us).text(&datastream.observed_property).u64(key(datastream)).u64(cell);
            out.i64(time_us).i64(to_us(*received_at)).f64(o.value).u8(u8::from(o.quality != Quality::Good));
            out.i64(o.phenomenon_start.map_or(time_us, SpanStart::micros));
        }
        out.0
    }

    /// Hours of properties that readings fall into.
    fn hours_touched(&self, readings: &[Reading]) -> BTreeSet<(String, i64)> {
        let known = self.known();
        let mut hours: BTreeSet<(&str, i64)> = BTreeSet::new();
        for Reading { observation: o, .. } in readings {
            if let Some(datastream) = known.catalogue.series(&o.datastream).and_then(|s| known.catalogue.get(s)) {
                hours.insert((&datastream.observed_property, to_us(o.phenomenon_time).div_euclid(HOUR_US)));
            }
        }
        hours.into_iter().map(|(property, hour)| (property.to_owned(), hour)).collect()
    }

    /// Rows of an answer, or the complaint that it was none of ours.
    async fn rows<T>(&self, question: &str, row: impl FnMut(&mut In) -> Option<T>) -> Result<Vec<T>, HistoryError> {
        let answer = self.servers.ask(question).await?;
        parse(&self.servers, In(&answer).all(row))
    }

    async fn samples(&self, question: &str) -> Result<Vec<Sample>, HistoryError> {
        let answer = self.servers.ask(question).await?;
        let known = self.known();
        let found = In(&answer).all(|row| rows::sample(row, |key| known.by_key.get(&key).copied()));
        Ok(parse(&self.servers, found)?.into_iter().flatten().collect())
    }
}

/// Adds a column where `question` counts none.
async fn add_column(servers: &Servers, server: usize, question: &str, add: &str) -> Result<(), HistoryError> {
    let is_there = async || Ok::<_, HistoryError>(In(&servers.ask_one(server, question).await?).u64().is_some_and(|n| n > 0));
    if is_there().await? {
        return Ok(());
    }
    match servers.tell_one(server, add).await {
        // Another hub was quicker.
        Err(_) if is_there().await? => Ok(()),
        added => added.map(drop),
    }
}

fn parse<T>(servers: &Servers, rows: Option<Vec<T>>) -> Result<Vec<T>, HistoryError> {
    let url = servers.urls().first().map(Url::to_string).unwrap_or_default();
    rows.ok_or(HistoryError::Server { url, why: "the answer is not in the columns asked for".to_owned() })
}

/// `cell`: given, or the column after the start.
fn hexagon(row: &mut In, cell: Option<u64>) -> Option<Hexagon> {
    let start = from_us(row.i64()?);
    let cell = match cell {
        Some(cell) => cell,
        None => row.u64()?,
    };
    let (count, sum, min, max) = (row.u64()?, row.f64()?, row.f64()?, row.f64()?);
    Some(Hexagon { cell, start, count, mean: sum / count.max(1) as f64, min, max })
}

fn merge(known: &mut Hexagon, other: &Hexagon) {
    let (a, b) = (known.count as f64, other.count as f64);
    known.mean = (known.mean * a + other.mean * b) / (a + b);
    known.count += other.count;
    known.min = known.min.min(other.min);
    known.max = known.max.max(other.max);
}
