//! Questions that are answered from readings and events alone.

use super::{ClickHouse, DAY_US, EVENTS_MAX, NAMED_MAX, rows};
use crate::history::answer::{from_us, reading, to_us};
use crate::history::{At, Health, HistoryError, INCIDENT_DAYS, IncidentEvent, READINGS_MAX, Reading, ReadingsQuery, Select, Series, State};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet};

impl ClickHouse {
    pub(super) async fn latest_by(&self, at: At, select: Select) -> Result<State, HistoryError> {
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
            let mut older = self.samples(&self.names.latest(past, 0, &select.properties, &named)).await?;
            older.extend(self.samples(&self.names.latest_gone(at, &select.properties, &named)).await?);
            older.retain(|s| !found.contains(&s.series));
            // A late reading of a day that is gone may be older than what was the newest then.
            older.sort_unstable_by_key(|s| (s.series, s.time_us, s.received_us));
            older.reverse();
            older.dedup_by_key(|s| s.series);
            samples.extend(older);
        }
        samples.retain(|s| catalogue.is_current(s.series));
        samples.sort_unstable_by_key(|s| s.series);
        Ok(State { catalogue, samples, missing: Vec::new() })
    }

    pub(super) async fn page(&self, query: ReadingsQuery) -> Result<Vec<Reading>, HistoryError> {
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

    pub(super) async fn events_between(
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

    pub(super) async fn incidents(&self, at: At) -> Result<Vec<IncidentEvent>, HistoryError> {
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

    pub(super) async fn extent(&self) -> Result<Health, HistoryError> {
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
            last_error: self.shared.last_error(),
            ..Health::default()
        })
    }
}
