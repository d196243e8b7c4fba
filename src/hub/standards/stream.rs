//! Incidents and units as GeoJSON Features in server-sent events: what the feed `geojson_sse` of another Yiping reads.
//!
//! Incidents carry the store's revision as event id: with `Last-Event-ID` a reader goes on where it was cut off, or hears of all open
//! ones again when that is too long ago. Units are told at most twice a second each. A reader is never waited for: one that falls behind
//! skips to what is now. `bbox` and properties choose as in OGC API Features (`?bbox=118,33,119,34&domain=traffic`).

use super::features::{Collection, ItemQuery};
use super::{Shared, Standards, address};
use crate::model::geojson::{incident_feature, unit_feature};
use crate::model::protocol::{Change, Revision};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream::{Stream, unfold};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};

/// Readers of both streams together; each costs a connection and what it is behind by.
pub const STREAMS_MAX: usize = 256;
/// A comment when nothing happens, so that both sides know that the other is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often units are looked at.
const UNITS_EVERY: Duration = Duration::from_millis(500);
/// Looks at the units that a reader may be behind: 32 s.
const UNITS_BEHIND_MAX: usize = 64;

pub async fn incidents(State(standards): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let (asked, permit) = match enter(&standards, "incidents", query) {
        Ok(entered) => entered,
        Err(refusal) => return refusal,
    };
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let resume = last.and_then(|id| id.strip_prefix(&standards.core.name)?.strip_prefix('-')?.parse().ok()).map(Revision);
    let applied = standards.core.applied();
    events(unfold(
        IncidentReader { standards, asked, position: resume, queue: VecDeque::new(), applied, _permit: permit },
        IncidentReader::next,
    ))
}

pub async fn units(State(standards): Shared, RawQuery(query): RawQuery) -> Response {
    let (asked, permit) = match enter(&standards, "units", query) {
        Ok(entered) => entered,
        Err(refusal) => return refusal,
    };
    let news = UnitNews::subscribe(&standards);
    let mut reader = UnitReader { standards, asked, queue: VecDeque::new(), news, _permit: permit };
    reader.tell_all();
    events(unfold(reader, UnitReader::next))
}

fn events(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

#[expect(clippy::result_large_err, reason = "an answer, made once a connection")]
fn enter(standards: &Standards, collection: &str, query: Option<String>) -> Result<(ItemQuery, OwnedSemaphorePermit), Response> {
    let refused = |status: StatusCode, why: String| (status, why + "\n").into_response();
    let collection = Collection::named(collection).ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such stream".into()))?;
    let asked = ItemQuery::parse(&address::pairs(query.as_deref()), collection).map_err(|why| refused(StatusCode::BAD_REQUEST, why))?;
    let permit = standards.streams_open.clone().try_acquire_owned();
    let full =
        |_| refused(StatusCode::SERVICE_UNAVAILABLE, format!("{STREAMS_MAX} readers of streams are connected already; try again later"));
    Ok((asked, permit.map_err(full)?))
}

struct IncidentReader {
    standards: Arc<Standards>,
    asked: ItemQuery,
    /// Up to here the reader has heard of everything; `None`: of nothing.
    position: Option<Revision>,
    queue: VecDeque<Event>,
    applied: watch::Receiver<Revision>,
    _permit: OwnedSemaphorePermit,
}

impl IncidentReader {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while self.queue.is_empty() {
            self.applied.borrow_and_update();
            self.look();
            // An error means that the hub has ended.
            if self.queue.is_empty() && self.applied.changed().await.is_err() {
                return None;
            }
        }
        self.queue.pop_front().map(|event| (Ok(event), self))
    }

    /// Queues what has changed since its position, or all open incidents when that is no longer known.
    fn look(&mut self) {
        let (now, missed) = {
            let world = self.standards.core.world();
            let missed: Option<Vec<(Revision, Value)>> = self.position.and_then(|p| world.since(p)).map(|past| {
                let incidents =
                    past.filter_map(|p| if let Change::Incident { incident } = &p.change { Some((p.revision, incident)) } else { None });
                incidents.filter(|(_, i)| self.asked.meets_place(i.lon, i.lat)).map(|(r, i)| (r, incident_feature(i))).collect()
            });
            (world.revision, missed)
        };
        self.position = Some(now);
        match missed {
            Some(missed) => {
                let met = missed.into_iter().filter(|(_, f)| self.asked.meets_properties(f));
                let events: Vec<Event> = met.map(|(revision, f)| event(&f).id(self.id(revision))).collect();
                self.queue.extend(events);
            }
            None => {
                let mut all = Vec::new();
                super::pieces::each(
                    &self.standards.core,
                    |w| &w.incidents,
                    |_, i| {
                        if !i.state.is_ended() && self.asked.meets_place(i.lon, i.lat) {
                            all.push(incident_feature(&i));
                        }
                        true
                    },
                );
                all.retain(|f| self.asked.meets_properties(f));
                let last = all.len().saturating_sub(1);
                // Only the last one has an id: who is cut off before it must hear of all again.
                let told = all.iter().enumerate().map(|(i, f)| if i == last { event(f).id(self.id(now)) } else { event(f) });
                let events: Vec<Event> = told.collect();
                self.queue.extend(events);
            }
        }
    }

    /// Names the store too: a revision of another one means nothing here.
    fn id(&self, revision: Revision) -> String {
        format!("{}-{}", self.standards.core.name, revision.0)
    }
}

fn event(feature: &Value) -> Event {
    Event::default().data(feature.to_string())
}

/// A unit's new place or state, written once for all readers.
struct UnitChange {
    lon: f64,
    lat: f64,
    feature: Value,
    text: Arc<str>,
}

type Look = Arc<Vec<UnitChange>>;

/// Looks at the units for all readers together, as long as there is one.
#[derive(Default)]
pub struct UnitNews {
    sender: Mutex<Option<broadcast::Sender<Look>>>,
}

impl UnitNews {
    fn subscribe(standards: &Arc<Standards>) -> broadcast::Receiver<Look> {
        let mut sender = standards.unit_news.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*sender {
            return sender.subscribe();
        }
        let (new, receiver) = broadcast::channel(UNITS_BEHIND_MAX);
        *sender = Some(new.clone());
        // Before the reader is told all: what changes in between is told twice rather than never.
        let mut seen = HashMap::new();
        changes(standards, &mut seen);
        tokio::spawn(look_on(standards.clone(), new, seen));
        receiver
    }
}

async fn look_on(standards: Arc<Standards>, sender: broadcast::Sender<Look>, mut seen: HashMap<String, DateTime<Utc>>) {
    let mut tick = tokio::time::interval(UNITS_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        {
            let mut known = standards.unit_news.sender.lock().unwrap_or_else(PoisonError::into_inner);
            if sender.receiver_count() == 0 {
                *known = None;
                return;
            }
        }
        let look = changes(&standards, &mut seen);
        if !look.is_empty() {
            // An error means that the last reader has just left.
            let _ = sender.send(Arc::new(look));
        }
    }
}

/// Units whose place was measured anew since `seen`, which is brought up to date.
fn changes(standards: &Standards, seen: &mut HashMap<String, DateTime<Utc>>) -> Vec<UnitChange> {
    let mut changed = Vec::new();
    super::pieces::each(
        &standards.core,
        |w| &w.units,
        |id, unit| {
            if seen.get(id) != Some(&unit.seen_at) {
                seen.insert(id.to_owned(), unit.seen_at);
                let feature = unit_feature(&unit);
                changed.push(UnitChange { lon: unit.lon, lat: unit.lat, text: feature.to_string().into(), feature });
            }
            true
        },
    );
    changed
}

struct UnitReader {
    standards: Arc<Standards>,
    asked: ItemQuery,
    queue: VecDeque<Event>,
    news: broadcast::Receiver<Look>,
    _permit: OwnedSemaphorePermit,
}

impl UnitReader {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while self.queue.is_empty() {
            match self.news.recv().await {
                Ok(look) => {
                    let met = look.iter().filter(|u| self.asked.meets_place(u.lon, u.lat) && self.asked.meets_properties(&u.feature));
                    self.queue.extend(met.map(|u| Event::default().data(&*u.text)));
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.tell_all(),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
        self.queue.pop_front().map(|event| (Ok(event), self))
    }

    fn tell_all(&mut self) {
        let Self { standards, asked, queue, .. } = self;
        super::pieces::each(
            &standards.core,
            |w| &w.units,
            |_, unit| {
                if asked.meets_place(unit.lon, unit.lat) {
                    let feature = unit_feature(&unit);
                    if asked.meets_properties(&feature) {
                        queue.push_back(event(&feature));
                    }
                }
                true
            },
        );
    }
}
