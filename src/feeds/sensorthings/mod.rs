//! OGC SensorThings 1.1: catalogue and latest values over HTTP, then news over MQTT, or by polling where there is none.
//!
//! After a break it reads the catalogue again, subscribes, and only then asks over HTTP for what it missed, so that there is no gap
//! between the two. Repetitions are known by datastream, time and value, because an observation may come without an id.

mod mqtt;
pub(super) mod parse;

use super::http::{client, get, start_of};
use super::outbox::{Doubt, Outbox, Reason};
use super::{FeedError, FeedEvent, Tuning};
use crate::model::observation::Datastream;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mqtt::Push;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Datastreams read from one server; a large city has some ten thousand.
const STREAMS_MAX: usize = 100_000;
/// Pages followed in one walk, in case a server's links go round.
const PAGES_MAX: usize = 2_000;
/// How far before the newest reading we ask again, since servers don't store in order of time.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Readings remembered per datastream to know a repetition: ten a second over the overlap, and some.
const REMEMBERED: usize = 128;
/// A reading this far ahead of the rest of its feed and of our clock comes from a sensor whose clock is wrong. Kept apart, because
/// it would move our position past everything else.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
/// The catalogue is read again at most this often for the sake of an unknown datastream.
const REDISCOVER_MIN: Duration = Duration::from_secs(10);

/// Reads one server; what it knows outlives the connection.
pub(super) struct Adapter {
    feed: String,
    root: String,
    mqtt: Option<String>,
    tuning: Tuning,
    streams: HashMap<String, Stream>,
    /// Event time of the newest reading taken.
    position: Option<DateTime<Utc>>,
    discovered: Option<Instant>,
    unknown_seen: bool,
}

struct Stream {
    datastream: Datastream,
    path: String,
    /// Hashes of the last readings.
    recent: VecDeque<u64>,
}

/// How a message reached us, which decides whether a repetition is news to the ledger.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// The server sent it: a repetition counts as conflated.
    Pushed,
    /// We asked for it, with an overlap: a repetition is our own doing and not counted.
    Asked,
}

impl Adapter {
    pub(super) fn new(feed: String, url: String, mqtt: Option<String>, tuning: Tuning) -> Self {
        let root = url.trim_end_matches('/').to_owned();
        Self { feed, root, mqtt, tuning, streams: HashMap::new(), position: None, discovered: None, unknown_seen: false }
    }

    /// Reads the catalogue with the latest value of each datastream.
    async fn discover(&mut self, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        self.discovered = Some(Instant::now());
        self.unknown_seen = false;
        let expand = "Thing($expand=Locations),ObservedProperty,Observations($top=1;$orderby=phenomenonTime%20desc)";
        let mut latest = Vec::new();
        let mut next = Some(format!("{}/Datastreams?$top=200&$expand={expand}", self.root));
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { break };
            let page = page(http, &url, outbox).await?;
            next = page.next;
            for mut entity in page.entities {
                let observations = entity.get_mut("Observations").map(Value::take);
                if let Some(id) = self.learn(&entity, outbox).await?
                    && let Some(Value::Array(observations)) = observations
                {
                    latest.extend(observations.into_iter().next().map(|o| (id, o)));
                }
            }
            outbox.flush()?;
        }
        self.see_clock(&latest);
        for (id, observation) in &latest {
            self.take(id, observation, Way::Asked, outbox).await?;
        }
        Ok(())
    }

    /// Keeps a datastream and announces it when it is new or changed. `None` when it can't be used.
    async fn learn(&mut self, entity: &Value, outbox: &mut Outbox) -> Result<Option<String>, FeedError> {
        let (datastream, id, path) = match (parse::datastream(&self.feed, entity), parse::id(entity), parse::path(entity)) {
            (Ok(datastream), Some(id), Some(path)) => (datastream, id, path),
            (Err(why), ..) => {
                outbox.reject(Reason::Incomplete, why);
                return Ok(None);
            }
            _ => {
                outbox.reject(Reason::Incomplete, "a Datastream without @iot.id".into());
                return Ok(None);
            }
        };
        let full = self.streams.len() >= STREAMS_MAX;
        match self.streams.get_mut(&id) {
            Some(known) if known.datastream == datastream => return Ok(Some(id)),
            Some(known) => known.datastream = datastream.clone(),
            None if full => {
                outbox.reject(Reason::Full, format!("Datastream {id}: more than {STREAMS_MAX} datastreams; split the feed"));
                return Ok(None);
            }
            None => {
                let stream = Stream { datastream: datastream.clone(), path, recent: VecDeque::new() };
                self.streams.insert(id.clone(), stream);
            }
        }
        outbox.deliver(FeedEvent::Datastream(datastream)).await?;
        Ok(Some(id))
    }

    /// Finds the server's own "now" (a replay's clock may run far from ours): the middle one of the latest times, so that one wrong
    /// clock doesn't matter. A server whose time went back was started anew: our position goes back with it.
    fn see_clock(&mut self, latest: &[(String, Value)]) {
        let mut times: Vec<_> = latest.iter().filter_map(|(_, o)| parse::observation("", o).ok()).map(|o| o.phenomenon_time).collect();
        times.sort_unstable();
        let Some(&middle) = times.get(times.len() / 2) else { return };
        let went_back = self.position.is_some_and(|p| p > middle + AHEAD_MAX);
        if went_back || self.position.is_none() {
            self.position = Some(middle);
        }
    }

    /// Everything since our position, page by page, oldest first.
    async fn catch_up(&mut self, from: Option<DateTime<Utc>>, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(from) = from else { return Ok(()) };
        let from = (from - OVERLAP).to_rfc3339_opts(SecondsFormat::Millis, true);
        let filter = format!("$filter=phenomenonTime%20gt%20{from}&$orderby=phenomenonTime%20asc");
        let mut next = Some(format!("{}/Observations?{filter}&$top=1000&$expand=Datastream($select=id)", self.root));
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { return Ok(()) };
            let page = page(http, &url, outbox).await?;
            next = page.next;
            for observation in &page.entities {
                match observation.get("Datastream").and_then(parse::id) {
                    Some(id) => self.take(&id, observation, Way::Asked, outbox).await?,
                    None => outbox.reject(Reason::Incomplete, "an observation that names no Datastream".into()),
                }
            }
            outbox.flush()?;
        }
        outbox.note(format!("more than {PAGES_MAX} pages since {from}; the rest is left for the next time"));
        Ok(())
    }

    async fn take(&mut self, id: &str, entity: &Value, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(stream) = self.streams.get_mut(id) else {
            // Read the catalogue again; then it comes once more with what we catch up.
            self.unknown_seen = true;
            outbox.quarantine(Doubt::Unknown, format!("an observation of {}/{id}, which the catalogue doesn't have", self.feed));
            return Ok(());
        };
        let parsed = parse::observation(&stream.datastream.id, entity);
        if !stream.is_new(&parsed, entity) {
            if way == Way::Pushed {
                outbox.repeated();
            }
            return Ok(());
        }
        let observation = match parsed {
            Ok(observation) => observation,
            Err(why) => {
                outbox.reject(Reason::OutOfRange, why);
                return Ok(());
            }
        };
        let time = observation.phenomenon_time;
        if time > self.position.unwrap_or(time).max(Utc::now()) + AHEAD_MAX {
            outbox.quarantine(Doubt::Clock, format!("{}: its time {time} is more than an hour ahead", observation.datastream));
            return Ok(());
        }
        self.position = self.position.max(Some(time));
        outbox.deliver(FeedEvent::Observation(observation)).await
    }

    /// Takes what comes over MQTT until it breaks.
    async fn listen(&mut self, mut push: Push, outbox: &mut Outbox) -> Result<(), FeedError> {
        loop {
            outbox.flush()?;
            if self.must_rediscover() {
                // The new datastream needs its topic as well, so the session starts anew.
                return Ok(());
            }
            tokio::select! {
                message = push.messages.recv() => {
                    let Some(message) = message else { return Err(push.why_ended().await) };
                    match json(&message.payload) {
                        Ok(entity) => self.take(&message.datastream, &entity, Way::Pushed, outbox).await?,
                        Err(why) => outbox.reject(Reason::Unreadable, format!("{}/{}: {why}", self.feed, message.datastream)),
                    }
                }
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }

    /// Asks again and again, for `span` or for ever.
    async fn poll(&mut self, span: Option<Duration>, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        let start = Instant::now();
        while span.is_none_or(|s| start.elapsed() < s) && !self.must_rediscover() {
            outbox.idle(self.tuning.poll_every).await?;
            self.catch_up(self.position, http, outbox).await?;
        }
        Ok(())
    }

    fn must_rediscover(&self) -> bool {
        self.unknown_seen && self.discovered.is_none_or(|at| at.elapsed() >= REDISCOVER_MIN)
    }
}

impl Stream {
    /// Whether this reading (or this unreadable one) was not seen before; remembers it.
    fn is_new(&mut self, parsed: &Result<crate::model::observation::Observation, String>, entity: &Value) -> bool {
        let mut hasher = DefaultHasher::new();
        match parsed {
            Ok(o) => (o.phenomenon_time, o.value.to_bits()).hash(&mut hasher),
            Err(_) => entity.to_string().hash(&mut hasher),
        }
        let hash = hasher.finish();
        if self.recent.contains(&hash) {
            return false;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(hash);
        true
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let http = client()?;
        loop {
            let from = self.position;
            self.discover(&http, outbox).await?;
            outbox.connected();
            let push = match &self.mqtt {
                None => None,
                Some(address) => {
                    let paths: Vec<String> = self.streams.values().map(|s| s.path.clone()).collect();
                    let version = self.root.rsplit('/').next().unwrap_or("v1.1");
                    match Push::subscribe(address, version, &paths).await {
                        Ok(push) => Some(push),
                        Err(error) => {
                            outbox.note(format!("{error}; polling instead"));
                            None
                        }
                    }
                }
            };
            // The first time the catalogue's latest values are the start, and only what came since then is missing.
            let from = from.filter(|f| self.position.is_none_or(|p| *f <= p + AHEAD_MAX)).or(self.position);
            self.catch_up(from, &http, outbox).await?;
            match push {
                Some(push) => self.listen(push, outbox).await?,
                // A broker that was away is tried again now and then.
                None => self.poll(self.mqtt.as_ref().map(|_| self.tuning.retry_max), &http, outbox).await?,
            }
        }
    }
}

struct Page {
    entities: Vec<Value>,
    next: Option<String>,
}

async fn page(http: &reqwest::Client, url: &str, outbox: &mut Outbox) -> Result<Page, FeedError> {
    let body = get(http, url).await?;
    let failed = |outbox: &mut Outbox, why: String| {
        outbox.reject(Reason::Unreadable, why.clone());
        FeedError::Http { url: url.to_owned(), why }
    };
    let mut page = json(&body).map_err(|why| failed(outbox, why))?;
    let Some(Value::Array(entities)) = page.get_mut("value").map(Value::take) else {
        return Err(failed(outbox, format!("no array \"value\" in {}", start_of(&body))));
    };
    let next = match page.get("@iot.nextLink").and_then(Value::as_str) {
        None => None,
        Some(link) => {
            let joined = url::Url::parse(url).and_then(|u| u.join(link)).map(String::from);
            Some(joined.map_err(|e| failed(outbox, format!("@iot.nextLink {link:?}: {e}")))?)
        }
    };
    Ok(Page { entities, next: next.filter(|n| n != url) })
}

/// JSON, with Python's bare `NaN` taken for `null`.
fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).or_else(|error| {
        let mended = parse::without_nan(body).and_then(|m| serde_json::from_slice(&m).ok());
        mended.ok_or_else(|| format!("not JSON ({error}): {}", start_of(body)))
    })
}
