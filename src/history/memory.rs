//! Everything in one vector, and each answer by looking at all of it: slow, small, and plainly right.

use super::answer::{from_us, reading, to_us};
use super::query::width_us;
use super::{
    At, BUCKETS_MAX, Batch, Bucket, Catalogue, EventQuery, Health, Hexagon, HexagonQuery, History, HistoryError, IncidentEvent,
    READINGS_MAX, Reading, ReadingsQuery, Retained, Retention, Sample, Select, Series, SeriesQuery, State, Told, check,
};
use crate::model::observation::Quality;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, ready};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A history that forgets at the end of the process: for tests, and for a demonstration without a disk.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    catalogue: Arc<Catalogue>,
    samples: Vec<Sample>,
    events: Vec<IncidentEvent>,
}

impl Kept {
    fn append(&mut self, batch: Batch) -> Result<(), HistoryError> {
        check(&batch)?;
        let mut catalogue = Catalogue::clone(&self.catalogue);
        for datastream in batch.datastreams {
            catalogue.describe(datastream)?;
        }
        let mut samples = Vec::new();
        for Reading { observation: o, received_at } in batch.readings {
            let series = catalogue.series(&o.datastream).ok_or(HistoryError::Unknown { id: o.datastream })?;
            let (time_us, received_us) = (to_us(o.phenomenon_time), to_us(received_at));
            samples.push(Sample { series, time_us, start: o.phenomenon_start, received_us, value: o.value, quality: o.quality });
        }
        self.catalogue = Arc::new(catalogue);
        self.samples.extend(samples);
        self.events.extend(batch.events);
        Ok(())
    }

    /// Readings known by a time, one for each series and phenomenon time, in the order of these.
    fn known(&self, by: Option<DateTime<Utc>>, select: &Select) -> BTreeMap<(Series, i64), Sample> {
        let mut known = BTreeMap::new();
        for sample in self.samples.iter().filter(|s| by.is_none_or(|by| s.received_us <= to_us(by))) {
            let Some(datastream) = self.catalogue.get(sample.series) else { continue };
            if select.holds(&datastream.id, &datastream.observed_property) {
                let winner = known.entry((sample.series, sample.time_us)).or_insert(*sample);
                if sample.supersedes(winner) {
                    *winner = *sample;
                }
            }
        }
        known
    }

    fn latest_at(&self, at: At, select: &Select) -> State {
        let mut newest = BTreeMap::new();
        for sample in self.known(at.known_by, select).into_values().filter(|s| s.time_us <= to_us(at.time)) {
            newest.insert(sample.series, sample);
        }
        State { catalogue: self.catalogue.clone(), samples: newest.into_values().collect(), missing: Vec::new() }
    }

    fn series(&self, query: &SeriesQuery) -> Result<Vec<Bucket>, HistoryError> {
        let step = width_us("the step of a chart", query.step)?;
        let mut buckets: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
        for sample in self.known(query.known_by, &Select::datastream(&query.datastream)).into_values() {
            if (to_us(query.from)..to_us(query.to)).contains(&sample.time_us) {
                buckets.entry(sample.time_us.div_euclid(step) * step).or_default().push(sample);
            }
        }
        Ok(buckets.into_iter().take(BUCKETS_MAX).map(|(start, samples)| bucket(start, &samples)).collect())
    }

    fn readings(&self, query: &ReadingsQuery) -> Vec<Reading> {
        let mut samples: Vec<Sample> = self.known(query.known_by, &query.select).into_values().collect();
        samples.retain(|s| (to_us(query.from)..to_us(query.to)).contains(&s.time_us));
        samples.sort_by_key(|s| (s.time_us, s.series));
        if query.newest_first {
            samples.reverse();
        }
        let told = samples.iter().skip(query.skip).take(query.limit.min(READINGS_MAX));
        told.filter_map(|s| self.catalogue.get(s.series).map(|d| reading(d, s))).collect()
    }

    fn hexagons(&self, query: &HexagonQuery) -> Result<Vec<Hexagon>, HistoryError> {
        let width = width_us("the bucket of hexagons", query.bucket)?;
        let resolution = super::cell::resolution(query.resolution)?;
        let mut cells: BTreeMap<(i64, u64), Vec<f64>> = BTreeMap::new();
        for sample in self.known(None, &Select::property(&query.property)).into_values() {
            let inside = (to_us(query.from)..to_us(query.to)).contains(&sample.time_us) && sample.quality == Quality::Good;
            let place = self.catalogue.get(sample.series).and_then(|d| super::cell::of(d, resolution));
            if let Some(cell) = place.filter(|_| inside) {
                cells.entry((sample.time_us.div_euclid(width) * width, cell)).or_default().push(sample.value);
            }
        }
        let hexagon = |((start, cell), values): ((i64, u64), Vec<f64>)| {
            let (count, mean, min, max) = summary(&values);
            Hexagon { cell, start: from_us(start), count, mean, min, max }
        };
        Ok(cells.into_iter().map(hexagon).collect())
    }

    fn known_events(&self, known_by: Option<DateTime<Utc>>) -> Vec<IncidentEvent> {
        let known = self.events.iter().filter(|e| known_by.is_none_or(|by| to_us(e.received_at) <= to_us(by)));
        let once: BTreeMap<_, _> = known.map(|e| ((e.happened_at, e.incident.clone(), e.version), e.clone())).collect();
        once.into_values().collect()
    }

    fn health(&self) -> Health {
        let time = |us: Option<i64>| us.map(from_us);
        Health {
            datastreams: self.catalogue.current().count() as u64,
            readings: self.samples.len() as u64,
            events: self.events.len() as u64,
            hot: (self.samples.len() + self.events.len()) as u64,
            oldest: time(self.samples.iter().map(|s| s.time_us).min()),
            newest: time(self.samples.iter().map(|s| s.time_us).max()),
            ..Health::default()
        }
    }
}

/// Count, mean, least and most.
fn summary(values: &[f64]) -> (u64, f64, f64, f64) {
    let fold = |f: fn(f64, f64) -> f64, start| values.iter().copied().fold(start, f);
    (
        values.len() as u64,
        values.iter().sum::<f64>() / values.len() as f64,
        fold(f64::min, f64::INFINITY),
        fold(f64::max, f64::NEG_INFINITY),
    )
}

/// `samples`: of one bucket and in the order of their times, at least one.
fn bucket(start: i64, samples: &[Sample]) -> Bucket {
    let good: Vec<f64> = samples.iter().filter(|s| s.quality == Quality::Good).map(|s| s.value).collect();
    let (count, mean, min, max) = summary(&good);
    let of_good = |value: f64| (count > 0).then_some(value);
    let last = samples.last().map_or(f64::NAN, |s| s.value);
    let suspect = samples.len() as u64 - count;
    Bucket { start: from_us(start), count, suspect, mean: of_good(mean), min: of_good(min), max: of_good(max), last }
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told<T: Send + 'static>(rows: Result<Vec<T>, HistoryError>) -> BoxFuture<'static, Result<Told<T>, HistoryError>> {
    Box::pin(ready(rows.map(|rows| Told { rows, missing: Vec::new() })))
}

impl History for Memory {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(ready(self.kept().append(batch)))
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Arc<Catalogue>, HistoryError>> {
        Box::pin(ready(Ok(self.kept().catalogue.clone())))
    }

    fn latest(&self, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        self.latest_at(At::as_it_happened(DateTime::<Utc>::MAX_UTC), select)
    }

    fn latest_at(&self, at: At, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        Box::pin(ready(Ok(self.kept().latest_at(at, &select))))
    }

    fn series(&self, query: SeriesQuery) -> BoxFuture<'_, Result<Told<Bucket>, HistoryError>> {
        told(self.kept().series(&query))
    }

    fn readings(&self, query: ReadingsQuery) -> BoxFuture<'_, Result<Told<Reading>, HistoryError>> {
        told(Ok(self.kept().readings(&query)))
    }

    fn hexagons(&self, query: HexagonQuery) -> BoxFuture<'_, Result<Told<Hexagon>, HistoryError>> {
        told(self.kept().hexagons(&query))
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        let mut events = self.kept().known_events(query.known_by);
        events.retain(|e| (query.from..query.to).contains(&e.happened_at) && query.incident.as_ref().is_none_or(|i| *i == e.incident));
        events.truncate(query.limit.min(READINGS_MAX));
        told(Ok(events))
    }

    fn incidents_at(&self, at: At) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        let mut newest: BTreeMap<String, IncidentEvent> = BTreeMap::new();
        for event in self.kept().known_events(at.known_by).into_iter().filter(|e| e.happened_at <= at.time) {
            if newest.get(&event.incident).is_none_or(|n| n.version <= event.version) {
                newest.insert(event.incident.clone(), event);
            }
        }
        told(Ok(newest.into_values().collect()))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, HistoryError>> {
        Box::pin(ready(Ok(self.kept().health())))
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(ready(Ok(())))
    }

    fn retain(&self, policy: Retention, now: DateTime<Utc>) -> BoxFuture<'_, Result<Retained, HistoryError>> {
        let first = |days: u32| now.date_naive() - TimeDelta::days(i64::from(days.max(1)) - 1);
        let (raw, events) = (first(policy.raw_days), first(policy.rollup_days));
        let mut kept = self.kept();
        kept.samples.retain(|s| from_us(s.time_us).date_naive() >= raw);
        kept.events.retain(|e| e.happened_at.date_naive() >= events);
        Box::pin(ready(Ok(Retained::default())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;

    #[tokio::test]
    async fn it_keeps_what_every_history_must_keep() {
        conformance::all(Memory::default).await;
    }
}
