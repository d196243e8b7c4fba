//! Readings out of the history, for SensorThings. Waits for it: not for the runtime's own threads.

use crate::history::{self, History, HistoryError, ReadingsQuery, Select};
use crate::model::observation::{Observation, Quality};
use crate::ogc::sensorthings::{Catalogue, Reading, Refusal, Wanted};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Readings one request may look at, some 40 bytes each. A page by time looks at as many as it holds; this bounds other orders and
/// filters by value.
const LOOKED_AT_MAX: usize = 500_000;
/// The calendar of ISO 8601: years 0001 to 9999.
const EARLIEST_S: i64 = -62_135_596_800;
const LATEST_S: i64 = 253_402_300_799;

/// The hub's history as a source asks it.
pub struct Past {
    pub history: Arc<dyn History>,
}

impl Past {
    /// What `wanted` covers, in its order as far as it has one.
    pub fn readings(&self, catalogue: &Catalogue, wanted: &Wanted) -> Result<Vec<Reading>, Refusal> {
        // Of these properties, so that the tracks of units, which are series too, are not read.
        let mut select = Select { properties: catalogue.observed_properties().map(str::to_owned).collect(), ..Select::default() };
        if select.properties.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(streams) = &wanted.streams {
            select.datastreams = streams.iter().filter_map(|s| catalogue.stream(*s)).map(|s| s.key.clone()).collect();
            if select.datastreams.is_empty() {
                return Ok(Vec::new());
            }
        }
        let (from, to) = (instant(wanted.from_ms, EARLIEST_S), instant(wanted.until_ms.map(|u| u.saturating_add(1)), LATEST_S));
        let mut all = Vec::new();
        let mut skip = 0;
        loop {
            let enough = wanted.most.unwrap_or(usize::MAX);
            let limit = (enough - skip.min(enough)).min(history::READINGS_MAX);
            if limit == 0 {
                return Ok(all);
            }
            let query = ReadingsQuery { select: select.clone(), from, to, newest_first: wanted.newest_first, skip, limit, known_by: None };
            let told = Handle::current().block_on(self.history.readings(query)).map_err(failed)?;
            told.missing.iter().for_each(|what| tracing::warn!("left out of an answer: {what}"));
            let rows = told.rows.len();
            let known = |o: &Observation| catalogue.stream_of(&o.datastream).map(|stream| reading(stream, o));
            all.extend(told.rows.iter().filter_map(|r| known(&r.observation)));
            skip += rows;
            if rows < limit {
                return Ok(all);
            }
            if skip >= LOOKED_AT_MAX {
                return Err(Refusal::Bad(format!(
                    "more than {LOOKED_AT_MAX} observations would have to be looked at; narrow phenomenonTime, or order by phenomenonTime alone"
                )));
            }
        }
    }

    /// How many there are in all, where they are too many to be counted one by one: then about, with the positions of units.
    pub fn count(&self) -> Option<usize> {
        let health = Handle::current().block_on(self.history.health()).ok()?;
        Some(health.readings as usize).filter(|n| *n > LOOKED_AT_MAX)
    }

    /// The time from which on there are readings, Unix milliseconds.
    pub fn oldest_ms(&self) -> Option<i64> {
        Handle::current().block_on(self.history.health()).ok()?.oldest.map(|t| t.timestamp_millis())
    }
}

pub fn reading(stream: u32, o: &Observation) -> Reading {
    let (suspect, time_ms) = (o.quality == Quality::Suspect, o.phenomenon_time.timestamp_millis());
    Reading { stream, time_ms, lasted_ms: o.lasted_ms(), value: o.value, suspect, number: 0 }
}

fn instant(ms: Option<i64>, otherwise_s: i64) -> DateTime<Utc> {
    let bounds = [EARLIEST_S, LATEST_S].map(|s| s * 1000);
    let ms = ms.map_or(otherwise_s * 1000, |ms| ms.clamp(bounds[0], bounds[1]));
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

fn failed(e: HistoryError) -> Refusal {
    Refusal::Failed(format!("the history does not answer: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{self, Batch, Memory};
    use crate::model::observation::Datastream;
    use crate::ogc::sensorthings::{Naming, Stream};

    fn stream(key: &str) -> Stream {
        let [key, feed, thing, observed_property, unit] = [key, "f", key, "noise", "dB"].map(str::to_owned);
        Stream { key, feed, thing, observed_property, unit, lon: 118.0, lat: 33.0, height_m: 0.0 }
    }

    /// Two datastreams with a reading a second each, of which the catalogue knows one and another without readings.
    #[test]
    fn what_is_wanted_is_read_and_no_more() {
        let past = Past { history: Arc::new(Memory::default()) };
        let at = |s: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        let datastream = |id: &str| Datastream {
            id: id.into(),
            feed: "f".into(),
            sensor: id.into(),
            observed_property: "noise".into(),
            unit: "dB".into(),
            lon: 118.0,
            lat: 33.0,
            height_m: 0.0,
        };
        let reading = |n: i64| history::Reading {
            observation: Observation {
                datastream: if n % 2 == 0 { "f/a" } else { "f/x" }.into(),
                phenomenon_time: at(n / 2),
                phenomenon_start: (n % 10 == 0).then(|| (at(n / 2) - TimeDelta::minutes(1)).into()),
                value: n as f64,
                quality: Quality::Good,
            },
            received_at: at(n / 2),
        };
        let batch =
            Batch { datastreams: vec![datastream("f/a"), datastream("f/x")], readings: (0..200).map(reading).collect(), events: vec![] };
        let mut catalogue = Catalogue::new(Naming::Keys, None);
        ["f/a", "f/b"].into_iter().for_each(|k| catalogue.learn(stream(k)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(past.history.append(batch)).unwrap();
        let read = |wanted: Wanted| {
            let _inside = runtime.enter();
            past.readings(&catalogue, &wanted).unwrap().iter().map(|r| r.time_ms / 1000).collect::<Vec<_>>()
        };
        assert_eq!(read(Wanted::default()).len(), 100, "those of a datastream nobody knows are left out");
        let times = Wanted { from_ms: Some(10_000), until_ms: Some(12_000), streams: Some(vec![0]), ..Wanted::default() };
        assert_eq!(read(times.clone()), [10, 11, 12], "both ends are in it");
        assert_eq!(read(Wanted { newest_first: true, most: Some(2), ..times }), [12, 11]);
        let lasted = {
            let _inside = runtime.enter();
            past.readings(&catalogue, &Wanted { most: Some(3), ..Wanted::default() })
                .unwrap()
                .iter()
                .map(|r| r.lasted_ms)
                .collect::<Vec<_>>()
        };
        assert_eq!(lasted, [60_000, 0], "a span is told with its length");
        assert_eq!(read(Wanted { streams: Some(vec![1]), ..Wanted::default() }).len(), 0);
        assert_eq!(read(Wanted { streams: Some(vec![]), ..Wanted::default() }).len(), 0);
        let _inside = runtime.enter();
        assert_eq!((past.count(), past.oldest_ms()), (None, Some(0)));
    }
}
