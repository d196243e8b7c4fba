//! OGC SensorThings 1.1: catalogue and latest values over HTTP, then news over MQTT, or by polling where there is none.
//!
//! After a break it reads the catalogue again, subscribes, and only then asks over HTTP for what it missed, so that there is no gap
//! between the two. Repetitions are known by datastream, time and value, because an observation may come without an id.

mod choice;
mod mqtt;
mod page;
pub(super) mod parse;

pub(super) use choice::Choice;
pub(super) use page::json;

use super::http::client;
use super::outbox::{Doubt, Outbox, Reason};
use super::{FeedError, FeedEvent, Tuning};
use crate::model::observation::Datastream;
use crate::model::transport::Broker;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mqtt::Push;
use page::{Page, encoded, page, page_quietly};
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
/// What was missed for longer than this is left to whoever imports it: a hub that was away for a month must not read a month first.
const BACK_MAX: TimeDelta = TimeDelta::days(1);
/// Readings remembered per datastream to know a repetition: ten a second over the overlap, and some.
const REMEMBERED: usize = 128;
/// A reading this far ahead of the rest of its feed and of our clock comes from a sensor whose clock is wrong. Kept apart, because
/// it would move our position past everything else.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
/// The catalogue is read again at most this often for the sake of an unknown datastream.
const REDISCOVER_MIN: Duration = Duration::from_secs(10);

/// With a choice of datastreams, the catalogue is read again this often.
const RECHOOSE_EVERY: Duration = Duration::from_secs(600);

/// Reads one server; what it knows outlives the connection.
pub(super) struct Adapter {
    feed: String,
    root: String,
    mqtt: Option<Broker>,
    tuning: Tuning,
    streams: HashMap<String, Stream>,
    /// Event time of the newest reading taken.
    position: Option<DateTime<Utc>>,
    discovered: Option<Instant>,
    unknown_seen: bool,
    choice: Choice,
    /// The first of the choice's filters that the server understands.
    filter: usize,
    /// Whether the server has `$resultFormat=dataArray`, as far as we know.
    data_arrays: bool,
}

/// A datastream's id and its latest observation.
type Latest = (String, Option<Value>);

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
    pub(super) fn new(feed: String, url: String, mqtt: Option<Broker>, choice: Choice, tuning: Tuning) -> Self {
        let root = url.trim_end_matches('/').to_owned();
        Self {
            feed,
            root,
            mqtt,
            tuning,
            streams: HashMap::new(),
            position: None,
            discovered: None,
            unknown_seen: false,
            choice,
            filter: 0,
            data_arrays: true,
        }
    }

    /// Goes on behind the newest reading that is kept already, as if the connection had been broken since.
    pub(super) fn resume(mut self, since: Option<DateTime<Utc>>) -> Self {
        self.position = since;
        self
    }

    /// Reads the catalogue with the latest value of each datastream.
    async fn discover(&mut self, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        self.discovered = Some(Instant::now());
        self.unknown_seen = false;
        let filters = self.choice.filters();
        let mut latest = Vec::new();
        for (i, filter) in filters.iter().enumerate().skip(self.filter) {
            let is_last = i + 1 == filters.len();
            match self.walk(filter.as_deref(), http, outbox).await {
                // Nothing by a filter may mean that the server spells or places things in another way: look ourselves.
                Ok(found) if found.is_empty() && !is_last => {}
                Ok(found) => {
                    (self.filter, latest) = (i, found);
                    break;
                }
                Err(FeedError::Http { why, .. }) if !is_last && why.starts_with("answered ") => {
                    outbox.note(format!("{}: can't filter by {}: {why}", self.root, filter.as_deref().unwrap_or_default()));
                }
                Err(error) => return Err(error),
            }
        }
        self.see_clock(&latest);
        for (id, observation) in &latest {
            if let Some(observation) = observation {
                self.take(id, observation, Way::Asked, outbox).await?;
            }
        }
        Ok(())
    }

    /// Follows the catalogue page by page; gives each datastream of ours with its latest observation.
    async fn walk(&mut self, filter: Option<&str>, http: &reqwest::Client, outbox: &mut Outbox) -> Result<Vec<Latest>, FeedError> {
        let expand = "Thing($expand=Locations),ObservedProperty,Observations($top=1;$orderby=phenomenonTime%20desc)";
        let filter = filter.map(|f| format!("&$filter={}", encoded(f))).unwrap_or_default();
        let mut latest = Vec::new();
        let mut next = Some(format!("{}/Datastreams?$top=200&$expand={expand}{filter}", self.root));
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { break };
            let page = page(http, &url, outbox).await?;
            next = page.next;
            for mut entity in page.entities {
                let observations = entity.get_mut("Observations").map(Value::take);
                if let Some(id) = self.learn(&entity, outbox).await? {
                    let newest = match observations {
                        Some(Value::Array(observations)) => observations.into_iter().next(),
                        _ => None,
                    };
                    latest.push((id, newest));
                }
            }
            outbox.flush()?;
        }
        Ok(latest)
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
        if !self.choice.takes(&datastream) {
            return Ok(None);
        }
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
    fn see_clock(&mut self, latest: &[Latest]) {
        let observations = latest.iter().filter_map(|(_, o)| parse::observation("", o.as_ref()?).ok());
        let mut times: Vec<_> = observations.map(|o| o.phenomenon_time).collect();
        times.sort_unstable();
        let Some(&middle) = times.get(times.len() / 2) else {
            // Nothing yet, or it doesn't tell with the catalogue: what comes is not to be missed, however wrong its clock is.
            self.position = self.position.or(Some(Utc::now() - BACK_MAX));
            return;
        };
        let oldest = middle - BACK_MAX;
        self.position = match self.position {
            Some(position) if position <= middle + AHEAD_MAX => Some(position.max(oldest)),
            _ => Some(middle),
        };
    }

    /// Everything since our position, page by page, oldest first; as data arrays where the server has them, a tenth of the bytes.
    async fn catch_up(&mut self, from: Option<DateTime<Utc>>, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(from) = from else { return Ok(()) };
        let from = (from - OVERLAP).to_rfc3339_opts(SecondsFormat::Millis, true);
        let asked = format!("{}/Observations?$filter=phenomenonTime%20gt%20{from}&$orderby=phenomenonTime%20asc&$top=1000", self.root);
        if self.data_arrays {
            let first = page_quietly(http, &format!("{asked}&$resultFormat=dataArray"), outbox).await;
            match first {
                Ok(page) if page.entities.iter().all(|e| e.get("dataArray").is_some()) => {
                    return self.take_pages(page, &from, http, outbox).await;
                }
                // It doesn't know them, or says so.
                Ok(_) => self.data_arrays = false,
                Err(FeedError::Http { why, .. }) if why.starts_with("answered ") => self.data_arrays = false,
                Err(error) => return Err(error),
            }
        }
        let first = page(http, &format!("{asked}&$expand=Datastream($select=id)"), outbox).await?;
        self.take_pages(first, &from, http, outbox).await
    }

    async fn take_pages(&mut self, first: Page, from: &str, http: &reqwest::Client, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut current = first;
        for _ in 0..PAGES_MAX {
            for entity in current.entities {
                // A data array names its datastream by a link.
                let linked = entity.get("Datastream@iot.navigationLink").and_then(Value::as_str).and_then(mqtt::id_in);
                match parse::observations(entity) {
                    Err(why) => outbox.reject(Reason::Unreadable, why),
                    Ok(observations) => {
                        for (id, observation) in &observations {
                            match id.as_deref().or(linked.as_deref()) {
                                Some(id) => self.take(id, observation, Way::Asked, outbox).await?,
                                None => outbox.reject(Reason::Incomplete, "an observation that names no Datastream".into()),
                            }
                        }
                    }
                }
            }
            outbox.flush()?;
            let Some(url) = current.next else { return Ok(()) };
            current = page(http, &url, outbox).await?;
        }
        outbox.note(format!("more than {PAGES_MAX} pages since {from}; the rest is left for the next time"));
        Ok(())
    }

    async fn take(&mut self, id: &str, entity: &Value, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(stream) = self.streams.get_mut(id) else {
            if !self.choice.is_all() {
                // One of those that the scene didn't choose, or a new one that the next reading of the catalogue finds.
                return Ok(());
            }
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

    /// One observation, an array of them, or data arrays (section 13 of the standard), as one or several messages.
    async fn take_message(&mut self, message: &mqtt::Message, outbox: &mut Outbox) -> Result<(), FeedError> {
        let observations = json(&message.payload).and_then(parse::observations);
        match observations {
            Err(why) => outbox.reject(Reason::Unreadable, format!("{}/{}: {why}", self.feed, message.datastream)),
            Ok(observations) => {
                for (id, entity) in &observations {
                    self.take(id.as_deref().unwrap_or(&message.datastream), entity, Way::Pushed, outbox).await?;
                }
            }
        }
        Ok(())
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
                message = push.next() => {
                    let Some(message) = message else { return Err(push.why_ended().await) };
                    self.take_message(&message, outbox).await?;
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
        // What is not ours can't be told from what is new, so a choice is looked at again now and then.
        if !self.choice.is_all() && self.discovered.is_some_and(|at| at.elapsed() >= RECHOOSE_EVERY) {
            return true;
        }
        self.unknown_seen && self.discovered.is_none_or(|at| at.elapsed() >= REDISCOVER_MIN)
    }
}

impl Stream {
    /// Whether this reading (or this unreadable one) was not seen before; remembers it.
    fn is_new(&mut self, parsed: &Result<crate::model::observation::Observation, String>, entity: &Value) -> bool {
        let mut hasher = DefaultHasher::new();
        match parsed {
            Ok(o) => (o.phenomenon_time, o.value.to_bits(), o.quality).hash(&mut hasher),
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
                Some(broker) => {
                    let paths: Vec<String> = self.streams.values().map(|s| s.path.clone()).collect();
                    let version = self.root.rsplit('/').next().unwrap_or("v1.1");
                    match Push::subscribe(broker, self.tuning.silence_max, version, &paths).await {
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
