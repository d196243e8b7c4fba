//! SensorThings 1.1 over what the hub knows: datastreams from all feeds as one catalogue, the history's readings, and the latest ones,
//! which may be on their way there; ids outlive a restart.
//!
//! A datastream's id is the hub's (`feed/7`), an observation's is that with its time in Unix milliseconds (`feed/7@1767225600000`).

use super::past::{Past, reading};
use super::{Shared, Standards, address};
use crate::hub::core::Core;
use crate::hub::tracks::is_track;
use crate::model::observation::Datastream;
use crate::ogc::sensorthings::{Answer, Answerer, Catalogue, Id, Naming, Rank, Reading, Refusal, Source, Stream, Wanted};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use chrono::Utc;
use serde_json::json;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// While feeds still name new datastreams, how old a catalogue may be.
const CATALOGUE_AGE_MAX: Duration = Duration::from_secs(1);

/// The catalogue as it was last asked for.
#[derive(Default)]
pub struct Sensors {
    known: Mutex<Option<Known>>,
}

struct Known {
    changes: u64,
    taken: Instant,
    catalogue: Arc<Catalogue>,
}

impl Sensors {
    fn catalogue(&self, core: &Core, since_ms: i64) -> Arc<Catalogue> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = core.world().datastream_changes();
        if let Some(k) = &*known
            && (k.changes == changes || k.taken.elapsed() < CATALOGUE_AGE_MAX)
        {
            return k.catalogue.clone();
        }
        // In the order of their keys, those of the history among them: their feeds may not have come back yet.
        let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
        let past = core.history.as_ref().and_then(|h| Handle::current().block_on(h.catalogue()).ok());
        let sensors = past.iter().flat_map(|p| p.current()).filter(|(_, d)| !is_track(d));
        streams.extend(sensors.map(|(_, d)| (d.id.clone(), stream(d.clone()))));
        super::pieces::each(
            core,
            |w| &w.datastreams,
            |key, d| {
                streams.insert(key.to_owned(), stream(d));
                true
            },
        );
        let mut catalogue = Catalogue::new(Naming::Keys, Some(since_ms));
        streams.into_values().for_each(|s| catalogue.learn(s));
        let catalogue = Arc::new(catalogue);
        *known = Some(Known { changes, taken: Instant::now(), catalogue: catalogue.clone() });
        catalogue
    }
}

fn stream(d: Datastream) -> Stream {
    let Datastream { id: key, feed, sensor: thing, observed_property, unit, lon, lat, height_m } = d;
    Stream { key, feed, thing, observed_property, unit, lon, lat, height_m }
}

/// The hub's readings behind a catalogue.
struct HubSource<'a> {
    core: &'a Core,
    catalogue: Arc<Catalogue>,
    past: Option<Past>,
    /// Asked once an answer.
    oldest_ms: OnceCell<Option<i64>>,
}

impl HubSource<'_> {
    fn latest(&self, stream: u32) -> Option<Reading> {
        let key = &self.catalogue.stream(stream)?.key;
        self.core.world().observations.get(key).map(|o| reading(stream, o))
    }

    /// The latest readings that `wanted` covers.
    fn latest_of(&self, wanted: &Wanted) -> Vec<Reading> {
        let mut all: Vec<Reading> = Vec::new();
        match &wanted.streams {
            Some(streams) => all.extend(streams.iter().filter_map(|s| self.latest(*s))),
            None => super::pieces::each(
                self.core,
                |w| &w.observations,
                |key, o| {
                    all.extend(self.catalogue.stream_of(key).map(|s| reading(s, &o)));
                    true
                },
            ),
        }
        all.retain(|r| wanted.covers(r.time_ms));
        all
    }
}

impl Source for HubSource<'_> {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn observations(&self, wanted: &Wanted) -> Result<Vec<Reading>, Refusal> {
        let Some(past) = &self.past else { return Ok(self.latest_of(wanted)) };
        let mut all = past.readings(&self.catalogue, wanted)?;
        // The oldest of many: the latest are not among them.
        if !wanted.newest_first && wanted.most.is_some_and(|most| all.len() >= most) {
            return Ok(all);
        }
        let known: HashSet<(u32, i64)> = all.iter().map(|r| (r.stream, r.time_ms)).collect();
        all.extend(self.latest_of(wanted).into_iter().filter(|r| !known.contains(&(r.stream, r.time_ms))));
        Ok(all)
    }

    fn count(&self, wanted: &Wanted) -> Option<usize> {
        let all = wanted.streams.is_none() && wanted.from_ms.is_none() && wanted.until_ms.is_none();
        self.past.as_ref().filter(|_| all)?.count()
    }

    fn observation(&self, id: &Id) -> Option<Reading> {
        let (stream, time_ms) = self.rank_of(id)?;
        let time_ms = time_ms as i64;
        let latest = self.latest(stream).filter(|r| r.time_ms == time_ms);
        let wanted =
            Wanted { streams: Some(vec![stream]), from_ms: Some(time_ms), until_ms: Some(time_ms), newest_first: true, most: Some(1) };
        latest.or_else(|| self.past.as_ref()?.readings(&self.catalogue, &wanted).ok()?.first().copied())
    }

    fn observation_id(&self, reading: &Reading) -> Id {
        let key = self.catalogue.stream(reading.stream).map_or("", |s| &s.key);
        Id::Text(format!("{key}@{}", reading.time_ms))
    }

    fn rank(&self, reading: &Reading) -> Rank {
        (reading.stream, reading.time_ms as u64)
    }

    fn rank_of(&self, id: &Id) -> Option<Rank> {
        let Id::Text(text) = id else { return None };
        let (key, time_ms) = text.rsplit_once('@')?;
        Some((self.catalogue.stream_of(key)?, time_ms.parse::<i64>().ok()? as u64))
    }

    /// With a history, from when that begins: when this one datastream did would be a question each.
    fn span(&self, stream: u32) -> Option<(i64, i64)> {
        let last = self.latest(stream)?.time_ms;
        let oldest = *self.oldest_ms.get_or_init(|| self.past.as_ref()?.oldest_ms());
        Some((oldest.unwrap_or(last).min(last), last))
    }
}

impl Standards {
    /// Asks the history: not on the runtime's own threads.
    fn source(&self) -> HubSource<'_> {
        let catalogue = self.sensors.catalogue(&self.core, self.started_at.timestamp_millis());
        let past = self.core.history.clone().map(|history| Past { history });
        HubSource { core: &self.core, catalogue, past, oldest_ms: OnceCell::new() }
    }
}

pub async fn service_root(State(standards): Shared, headers: HeaderMap) -> Json<serde_json::Value> {
    let root = format!("{}/sta/v1.1", address::root(&headers));
    let source = HubSource { core: &standards.core, catalogue: Arc::default(), past: None, oldest_ms: OnceCell::new() };
    Json(Answerer { source: &source, root: &root, now_ms: 0 }.service_root(&[]))
}

pub async fn answer(State(standards): Shared, Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let root = format!("{}/sta/v1.1", address::root(&headers));
    // An answer can take tens of milliseconds of pure work: not on the threads that serve the streams.
    let work = move || {
        let source = standards.source();
        Answerer { source: &source, root: &root, now_ms: Utc::now().timestamp_millis() }.answer(&path, query.as_deref().unwrap_or_default())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Answer::Json(json))) => Json(json).into_response(),
        Ok(Ok(Answer::Text(text))) => text.into_response(),
        Ok(Err(refusal @ Refusal::NotFound(_))) => error(StatusCode::NOT_FOUND, &refusal.to_string()),
        Ok(Err(refusal @ Refusal::Bad(_))) => error(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Ok(Err(refusal @ Refusal::Failed(_))) => error(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
        Err(failure) => error(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"code": status.as_u16(), "type": "error", "message": message}))).into_response()
}
