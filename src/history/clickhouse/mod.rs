//! Beyond one machine: ClickHouse over HTTP, sharded and replicated by its own `Distributed` tables.
//!
//! The cluster is named in the servers' `remote_servers`; every server gets the same tables, and any of them takes rows and answers.
//! Rows are shared out by series, so that all readings of a datastream lie on one shard. An append is acknowledged when every shard
//! has its rows (whether they are then on disk or in its memory is the server's setting `fsync_after_insert`, from version 20.10).
//! An append that was cut off may have been taken in part; sending it again changes nothing, for the same reading counts once.
//! Never here: roll-ups; ClickHouse reads a datastream's column fast enough, for rows are sorted by series.

mod address;
mod history;
mod http;
mod rows;
mod sql;
#[cfg(test)]
mod tests;

use super::answer::{from_us, reading, to_us};
use super::cell;
use super::query::width_us;
use super::{
    At, BUCKETS_MAX, Batch, Bucket, CELL_RESOLUTION, Catalogue, Health, Hexagon, HexagonQuery, HistoryError, INCIDENT_DAYS, IncidentEvent,
    READINGS_MAX, Reading, ReadingsQuery, Retained, Retention, Sample, Select, Series, SeriesQuery, State, check,
};
use crate::model::observation::{Datastream, Quality};
use chrono::{DateTime, TimeDelta, Utc};
use http::Servers;
use rows::{In, Out};
use sql::Names;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

const DAY_US: i64 = 86_400_000_000;
/// Series that are looked for one by one in days before yesterday; more are asked for as all.
const NAMED_MAX: usize = 1000;
/// Events one question for incidents reads at most.
const EVENTS_MAX: usize = 2_000_000;

pub use address::AddressError;

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
    known: Arc<RwLock<Known>>,
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
    /// Makes the tables where they are missing, and reads the datastreams.
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
        let mut known = Known::default();
        let answer = servers.ask(&names.datastreams()).await?;
        for datastream in parse(&servers, In(&answer).all(rows::datastream))? {
            known.describe(datastream)?;
        }
        Ok(Self { servers: Arc::new(servers), names, known: Arc::new(RwLock::new(known)) })
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, batch: Batch) -> Result<(), HistoryError> {
        check(&batch)?;
        let new = self.new_descriptions(&batch)?;
        if !new.is_empty() {
            self.keep_datastreams(&new).await?;
        }
        let observations = self.observation_rows(&batch.readings);
        if !observations.is_empty() {
            let columns = "day, property, series, cell, time, received, value, suspect";
            self.servers.insert(&self.names.table("observations"), columns, &observations).await?;
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
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
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
        }
        out.0
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

    async fn latest_by(&self, at: At, select: Select) -> Result<State, HistoryError> {
        let (catalogue, keys) = {
            let known = self.known();
            (known.catalogue.clone(), known.keys(&select))
        };
        // An instant holds its readings to the end of the calendar; the days of ClickHouse end in 2149.
        let at = At { time: at.time.min(from_us(i64::from(u16::MAX) * DAY_US)), ..at };
        let named = if select.datastreams.is_empty() { Vec::new() } else { keys.clone() };
        if keys.is_empty() {
            return Ok(State { catalogue, samples: Vec::new(), missing: Vec::new() });
        }
        // Most series were heard of within a day; only the silent ones are looked for in all of the past.
        let yesterday = to_us(at.time).min(to_us(Utc::now())) - DAY_US;
        let recent = self.names.latest(at, yesterday, &select.properties, &named);
        let mut samples = self.samples(&recent).await?;
        let found: HashSet<Series> = samples.iter().map(|s| s.series).collect();
        let silent: Vec<u64> = {
            let known = self.known();
            keys.into_iter().filter(|key| known.by_key.get(key).is_some_and(|s| !found.contains(s))).collect()
        };
        if !silent.is_empty() {
            let named = if silent.len() <= NAMED_MAX { silent } else { named };
            let past = At { time: from_us(yesterday - 1), ..at };
            let older = self.samples(&self.names.latest(past, 0, &select.properties, &named)).await?;
            samples.extend(older.into_iter().filter(|s| !found.contains(&s.series)));
        }
        samples.retain(|s| catalogue.is_current(s.series));
        samples.sort_unstable_by_key(|s| s.series);
        Ok(State { catalogue, samples, missing: Vec::new() })
    }

    async fn chart(&self, query: SeriesQuery) -> Result<Vec<Bucket>, HistoryError> {
        let step = width_us("the step of a chart", query.step)?;
        let known = self.known().catalogue.clone();
        let Some(datastream) = known.series(&query.datastream).and_then(|s| known.get(s)) else { return Ok(Vec::new()) };
        if query.from >= query.to {
            return Ok(Vec::new());
        }
        let question = self.names.series(&query, &datastream.observed_property, key(datastream), step, BUCKETS_MAX);
        self.rows(&question, bucket).await
    }

    async fn page(&self, query: ReadingsQuery) -> Result<Vec<Reading>, HistoryError> {
        let (catalogue, keys) = {
            let known = self.known();
            (known.catalogue.clone(), known.keys(&query.select))
        };
        if keys.is_empty() || query.from >= query.to {
            return Ok(Vec::new());
        }
        // Of very many, those of one instant come in the order of their keys.
        let keys = if keys.len() <= NAMED_MAX { keys } else { Vec::new() };
        let samples = self.samples(&self.names.readings(&query, &keys, query.limit.min(READINGS_MAX))).await?;
        Ok(samples.iter().filter_map(|s| catalogue.get(s.series).map(|d| reading(d, s))).collect())
    }

    async fn cells(&self, query: HexagonQuery) -> Result<Vec<Hexagon>, HistoryError> {
        let width = width_us("the bucket of hexagons", query.bucket)?;
        let resolution = cell::resolution(query.resolution)?;
        if query.from >= query.to {
            return Ok(Vec::new());
        }
        if query.resolution <= CELL_RESOLUTION {
            return self.rows(&self.names.hexagons(&query, width), |row| hexagon(row, None)).await;
        }
        let steps =
            self.rows(&self.names.steps(&query, width), |row| row.u64().and_then(|key| Some((key, hexagon(row, Some(0))?)))).await?;
        let known = self.known();
        let mut merged: BTreeMap<(DateTime<Utc>, u64), Hexagon> = BTreeMap::new();
        for (key, step) in steps {
            let datastream = known.by_key.get(&key).and_then(|s| known.catalogue.get(*s));
            let Some(cell) = datastream.and_then(|d| cell::of(d, resolution)) else { continue };
            let step = Hexagon { cell, ..step };
            merged.entry((step.start, cell)).and_modify(|known| merge(known, &step)).or_insert(step);
        }
        Ok(merged.into_values().collect())
    }

    async fn events_between(
        &self,
        from_us: i64,
        until_us: i64,
        known_by: Option<DateTime<Utc>>,
        incident: Option<&str>,
        limit: usize,
    ) -> Result<Vec<IncidentEvent>, HistoryError> {
        let question = self.names.events(from_us, until_us, known_by.map(to_us), incident, limit);
        self.rows(&question, rows::event).await
    }

    async fn incidents(&self, at: At) -> Result<Vec<IncidentEvent>, HistoryError> {
        let until = to_us(at.time);
        let from = until - TimeDelta::days(i64::from(INCIDENT_DAYS)).num_microseconds().unwrap_or(0);
        let mut newest: BTreeMap<String, IncidentEvent> = BTreeMap::new();
        for event in self.events_between(from, until, at.known_by, None, EVENTS_MAX).await? {
            if newest.get(&event.incident).is_none_or(|n| n.version <= event.version) {
                newest.insert(event.incident.clone(), event);
            }
        }
        Ok(newest.into_values().collect())
    }

    async fn extent(&self) -> Result<Health, HistoryError> {
        let extent = self.rows(&self.names.extent(), |row| Some((row.u64()?, row.i64()?, row.i64()?))).await?;
        let events = self.rows(&self.names.event_count(), |row| row.u64()).await?;
        let (readings, oldest, newest) = extent.first().copied().unwrap_or_default();
        let time = |us: i64| (readings > 0).then(|| from_us(us));
        Ok(Health {
            datastreams: self.known().catalogue.in_use() as u64,
            readings,
            events: events.first().copied().unwrap_or_default(),
            oldest: time(oldest),
            newest: time(newest),
            ..Health::default()
        })
    }

    async fn drop_old(&self, policy: Retention, now: DateTime<Utc>) -> Result<Retained, HistoryError> {
        let mut retained = Retained::default();
        for (table, days) in [("observations", policy.raw_days), ("events", policy.rollup_days)] {
            let before = to_us(now).div_euclid(DAY_US) - i64::from(days.max(1)) + 1;
            for day in self.rows(&self.names.old_days(table, before.max(0)), |row| row.text()).await? {
                self.servers.everywhere(&self.names.drop_day(table, &day)).await?;
                retained.removed.push(format!("{table}/day={day}"));
            }
        }
        Ok(retained)
    }
}

fn parse<T>(servers: &Servers, rows: Option<Vec<T>>) -> Result<Vec<T>, HistoryError> {
    let url = servers.urls().first().map(Url::to_string).unwrap_or_default();
    rows.ok_or(HistoryError::Server { url, why: "the answer is not in the columns asked for".to_owned() })
}

fn bucket(row: &mut In) -> Option<Bucket> {
    let (start, count, suspect) = (from_us(row.i64()?), row.u64()?, row.u64()?);
    let (sum, min, max, last) = (row.f64()?, row.f64()?, row.f64()?, row.f64()?);
    let of_good = |value: f64| (count > 0).then_some(value);
    Some(Bucket { start, count, suspect, mean: of_good(sum / count as f64), min: of_good(min), max: of_good(max), last })
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
