//! NGSI-LD context brokers (ETSI GS CIM 009): entities by query, page by page, and by subscription with the hub as its endpoint.
//!
//! Entities are smart data models: `Alert`, `AirQualityObserved`, `TrafficFlowObserved`, and any other with numbers and a place.

mod entity;
mod models;
mod observed;
mod subscription;
#[cfg(test)]
mod tests;

use super::outbox::{Doubt, Outbox, Reason};
use super::rounds::{Source, make_room};
use super::visit::{Answer, Visitor};
use super::{FeedError, FeedEvent};
use crate::model::feed::NgsiLdEntities;
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, TimeDelta, Utc};
use entity::Entity;
use indexmap::IndexMap;
use models::Said;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use subscription::{Subscription, Wanted};
use url::Url;

/// Entities a page; more than this some brokers refuse.
const PAGE_SIZE: usize = 100;
/// Pages followed in one round.
const PAGES_MAX: usize = 2_000;
const STREAMS_MAX: usize = 200_000;
/// Alerts and incidents remembered, to know a repetition.
const REMEMBERED_MAX: usize = 20_000;
/// Readings remembered per datastream, to know a repetition that comes out of order from a correction.
const RECENT_MAX: usize = 16;
/// A reading this far ahead of our clock comes from a sensor whose clock is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
const ACCEPT: &str = "application/ld+json, application/json;q=0.9";

/// Something whose time was over before we heard of it; a word of the ledger.
const OVER: &str = "over_already";

/// Instead of a hash: an incident is open and its words are not known.
const OPEN: u64 = u64::MAX;

/// How an entity reached us, which decides whether a repetition is news to the ledger.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Pushed,
    Asked,
}

/// Reads one broker; what it knows outlives a break.
pub(super) struct Entities {
    feed: String,
    root: String,
    wanted: NgsiLdEntities,
    subscription: Option<Subscription>,
    streams: HashMap<String, Stream>,
    /// Alerts and incidents, and a hash of what was last said of them.
    said: IndexMap<String, u64>,
}

struct Stream {
    datastream: Datastream,
    /// The last readings that came, each time once.
    recent: VecDeque<Observation>,
}

impl Stream {
    /// Whether a reading says what was said of its time before; remembers it.
    fn is_repeated(&mut self, observation: &Observation) -> bool {
        if let Some(known) = self.recent.iter_mut().find(|o| o.phenomenon_time == observation.phenomenon_time) {
            let before = std::mem::replace(known, observation.clone());
            return before == *observation;
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(observation.clone());
        false
    }
}

/// `Link` header that says which `@context` the short names of a question belong to (ETSI GS CIM 009, 6.3.5).
pub(super) fn context_link(context: &str) -> String {
    format!("<{context}>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"")
}

impl Entities {
    pub fn new(feed: String, url: String, wanted: NgsiLdEntities) -> Self {
        let root = url.trim_end_matches('/').to_owned();
        let root = if root.ends_with("/ngsi-ld/v1") { root } else { format!("{root}/ngsi-ld/v1") };
        let subscription = wanted.notify.clone().map(|notify| {
            let notify_token = wanted.notify_token_env.as_ref().and_then(|name| std::env::var(name).ok());
            let (types, query) = (wanted.types.clone(), wanted.query.clone());
            Subscription::new(Wanted { feed: feed.clone(), root: root.clone(), types, query, notify, notify_token })
        });
        Self { feed, root, wanted, subscription, streams: HashMap::new(), said: IndexMap::new() }
    }

    /// Knows which of its incidents are open, so that one whose time passed while we were away is ended.
    pub fn resume(mut self, open: Vec<String>) -> Self {
        self.said.extend(open.into_iter().map(|incident| (incident, OPEN)));
        self
    }

    fn first_page(&self) -> Result<Url, FeedError> {
        let address = format!("{}/entities", self.root);
        let mut url = Url::parse(&address).map_err(|e| FeedError::Http { url: address, why: e.to_string() })?;
        url.query_pairs_mut().append_pair("type", &self.wanted.types.join(",")).append_pair("limit", &PAGE_SIZE.to_string());
        if let Some(query) = &self.wanted.query {
            url.query_pairs_mut().append_pair("q", query);
        }
        Ok(url)
    }

    /// All entities, page by page: where the broker says the next one is, else by counting on.
    async fn ask(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let first = self.first_page()?;
        let mut url = first.clone();
        for page in 1..=PAGES_MAX {
            let Answer::New(answer) = http.get(url.as_str(), ACCEPT, outbox).await? else { return Ok(()) };
            let failed = |why: String| FeedError::Http { url: url.to_string(), why };
            let entities = match serde_json::from_slice(&answer.body) {
                Ok(Value::Array(entities)) => entities,
                other => {
                    let why = other.err().map_or_else(|| "an answer that is no list of entities".into(), |e| format!("not JSON ({e})"));
                    outbox.reject(Reason::Unreadable, why.clone());
                    return Err(failed(why));
                }
            };
            for entity in &entities {
                self.take(entity, Way::Asked, outbox).await?;
            }
            outbox.flush()?;
            let next = answer.header("link").and_then(next_link).and_then(|link| url.join(&link).ok()).filter(|next| *next != url);
            match next {
                Some(next) => url = next,
                None if entities.len() >= PAGE_SIZE => {
                    url = first.clone();
                    url.query_pairs_mut().append_pair("offset", &(page * PAGE_SIZE).to_string());
                }
                None => return Ok(()),
            }
        }
        outbox.note(format!("{}: more than {PAGES_MAX} pages; ask for fewer types, or with a query", self.root));
        Ok(())
    }

    async fn take(&mut self, value: &Value, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let now = Utc::now();
        let said = Entity::read(value).and_then(|entity| models::said(&self.feed, &entity, now));
        match said {
            Err(why) => {
                if self.is_news(unnamed(&why), 0) {
                    outbox.reject(Reason::Incomplete, why);
                } else if way == Way::Pushed {
                    outbox.repeated();
                }
            }
            Ok(Said::Readings(readings)) => {
                for reading in readings {
                    self.take_reading(reading, way, now, outbox).await?;
                }
            }
            Ok(Said::Alert(alert)) => {
                let hash = hash(&format!("{alert:?}"));
                self.deliver(alert.id.clone(), hash, FeedEvent::Alert(alert), way, outbox).await?;
            }
            Ok(Said::Incident(report)) => self.take_incident(report, way, outbox).await?,
            Ok(Said::Over { incident }) => {
                // Zero is the hash of what is over.
                let known = self.said.get(&incident).copied();
                match known {
                    Some(0) if way == Way::Asked => {}
                    Some(0) => outbox.repeated(),
                    Some(_) => outbox.deliver(FeedEvent::Ended { incident: incident.clone(), why: "validTo has passed".into() }).await?,
                    None => outbox.left_out(OVER),
                }
                self.is_news(incident, 0);
            }
        }
        Ok(())
    }

    async fn take_incident(&mut self, report: Report, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let hash = hash(&format!("{report:?}"));
        self.deliver(report.id.clone(), hash, FeedEvent::Incident(report), way, outbox).await
    }

    /// Passes on what is new.
    async fn deliver(&mut self, id: String, hash: u64, event: FeedEvent, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        if self.said.get(&id) != Some(&hash) {
            outbox.deliver(event).await?;
            self.is_news(id, hash);
        } else if way == Way::Pushed {
            outbox.repeated();
        }
        Ok(())
    }

    /// Whether this is another content than the last one of `id`; remembers it.
    fn is_news(&mut self, id: String, hash: u64) -> bool {
        if !self.said.contains_key(&id) {
            // Zero is the hash of what is over, and of what is no incident.
            make_room(&mut self.said, REMEMBERED_MAX, |hash| *hash != 0);
        }
        self.said.insert(id, hash) != Some(hash)
    }

    async fn take_reading(&mut self, reading: models::Reading, way: Way, now: DateTime<Utc>, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (datastream, observation) = match reading {
            Ok(reading) => reading,
            Err(why) => {
                if way == Way::Pushed || self.is_news(unnamed(&why), 0) {
                    outbox.reject(Reason::Incomplete, why);
                }
                return Ok(());
            }
        };
        let Observation { phenomenon_time, .. } = observation;
        if phenomenon_time > now + AHEAD_MAX {
            if way == Way::Pushed || self.is_news(format!("\0{}", datastream.id), hash(&phenomenon_time.to_rfc3339())) {
                outbox.quarantine(Doubt::Clock, format!("{}: its time {phenomenon_time} is more than an hour ahead", datastream.id));
            }
            return Ok(());
        }
        let full = self.streams.len() >= STREAMS_MAX;
        let stream = match self.streams.get_mut(&datastream.id) {
            Some(stream) => stream,
            None if full => {
                outbox.reject(Reason::Full, format!("{}: more than {STREAMS_MAX} values; split the feed", datastream.id));
                return Ok(());
            }
            None => {
                outbox.deliver(FeedEvent::Datastream(datastream.clone())).await?;
                let stream = Stream { datastream: datastream.clone(), recent: VecDeque::new() };
                self.streams.entry(datastream.id.clone()).or_insert(stream)
            }
        };
        let is_newest = stream.recent.iter().all(|o| o.phenomenon_time < phenomenon_time);
        // Another value, or another word on its worth, is a correction.
        if stream.is_repeated(&observation) {
            if way == Way::Pushed {
                outbox.repeated();
            }
            return Ok(());
        }
        // Moved, or named anew; by an older word it stays as it is.
        if stream.datastream != datastream && is_newest {
            stream.datastream = datastream.clone();
            outbox.deliver(FeedEvent::Datastream(datastream)).await?;
        }
        outbox.deliver(FeedEvent::Observation(observation)).await
    }
}

/// A key for what has no id of its own; no entity's id begins so.
fn unnamed(why: &str) -> String {
    format!("\0{:016x}", hash(why))
}

fn hash(text: &str) -> u64 {
    // Never zero, which is kept for what is over.
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1)
}

/// The address in a `Link` header whose `rel` is `next` (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let links = header.split(",<").map(|l| l.trim_start().trim_start_matches('<'));
    links
        .filter_map(|link| link.split_once('>'))
        .find(|(_, parameters)| {
            let mut parameters = parameters.split(';').map(|p| p.trim().replace(' ', ""));
            parameters.any(|p| p.eq_ignore_ascii_case("rel=next") || p.eq_ignore_ascii_case("rel=\"next\""))
        })
        .map(|(address, _)| address.to_owned())
}

impl Source for Entities {
    async fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        // First, so that nothing falls between the question and the subscription.
        if let Some(subscription) = &mut self.subscription {
            subscription.keep(http, outbox).await?;
        }
        self.ask(http, outbox).await
    }

    /// A notification, or entities as they are.
    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let mut message: Value = match serde_json::from_slice(body) {
            Ok(message) => message,
            Err(e) => {
                let why = format!("not JSON ({e})");
                outbox.reject(Reason::Unreadable, why.clone());
                return Ok(Err(why));
            }
        };
        let data = message.as_object_mut().and_then(|m| m.remove("data").or_else(|| m.remove("https://uri.etsi.org/ngsi-ld/data")));
        let entities = match data.unwrap_or(message) {
            Value::Array(entities) => entities,
            one => vec![one],
        };
        for entity in &entities {
            self.take(entity, Way::Pushed, outbox).await?;
        }
        Ok(Ok(()))
    }
}
