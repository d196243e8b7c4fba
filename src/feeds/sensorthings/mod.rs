//! OGC SensorThings 1.1: catalogue and latest values over HTTP, then news over MQTT, or by polling where there is none.
//!
//! After a break it reads the catalogue again, subscribes, and only then asks over HTTP for what it missed, so that there is no gap
//! between the two. Repetitions are known by datastream, time and value, because an observation may come without an id.
//!
//! All datastreams are asked for at once, back behind the newest reading ([`reach`]). What that can't find, because a station speaks
//! once an hour or a sensor was away for longer, shows in the catalogue's latest values and is asked for by name ([`ask`]).

mod ask;
mod catalogue;
mod choice;
mod mqtt;
mod page;
pub(super) mod parse;
pub(super) mod quality;
mod reach;
#[cfg(test)]
mod samples;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use choice::Choice;
pub(super) use page::json;

use super::http::Caller;
use super::outbox::{Doubt, Outbox, Reason};
use super::{FeedError, FeedEvent, Kept, Tuning};
use crate::model::transport::Broker;
use chrono::{DateTime, TimeDelta, Utc};
use mqtt::Push;
use reach::Reach;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use stream::{Progress, Stranger, Stream, content, forget_oldest};
use tokio::time::{Instant, sleep_until};

/// Readings remembered of all datastreams, some 30 bytes each: an hour of a thousand sensors that speak each four seconds.
const REMEMBERED_MAX: usize = 1_000_000;
/// Datastreams remembered that the catalogue doesn't have.
const STRANGERS_MAX: usize = 10_000;
/// A reading this far ahead of the rest of its feed and of our clock comes from a sensor whose clock is wrong. Kept apart, because
/// it would hide all true ones behind it.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
/// The catalogue is read again at most this often for the sake of an unknown datastream.
const REDISCOVER_MIN: Duration = Duration::from_secs(10);

/// With a choice of datastreams, the catalogue is read again this often; also for a datastream that it still doesn't have.
const RECHOOSE_EVERY: Duration = Duration::from_secs(600);
/// What comes over MQTT is sent once at most: this often it is asked over HTTP what was lost.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Reads one server; what it knows outlives the connection.
pub(super) struct Adapter {
    feed: String,
    root: String,
    token_env: Option<String>,
    mqtt: Option<Broker>,
    tuning: Tuning,
    streams: HashMap<String, Stream>,
    strangers: HashMap<String, Stranger>,
    /// What is kept of datastreams that the catalogue has not named yet, by [`crate::model::observation::Datastream::id`].
    resumed: HashMap<String, Progress>,
    /// Hashes of the catalogue's entities that can't be used and were counted.
    refused: HashSet<u64>,
    reach: Reach,
    /// Readings in all memories.
    remembered: usize,
    /// The server's own "now" at its last look, where that is ahead of ours (a replay's may be by days).
    ahead: Option<DateTime<Utc>>,
    /// Nothing is missing behind what is pushed now.
    complete: bool,
    discovered: Option<Instant>,
    unknown_seen: bool,
    choice: Choice,
    /// The first of the choice's filters that the server understands.
    filter: usize,
    /// Whether the server has `$resultFormat=dataArray`, as far as we know.
    data_arrays: bool,
    /// Whether it can be asked for several datastreams by name at once.
    groups: bool,
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
            token_env: None,
            mqtt,
            tuning,
            streams: HashMap::new(),
            strangers: HashMap::new(),
            resumed: HashMap::new(),
            refused: HashSet::new(),
            reach: Reach::default(),
            remembered: 0,
            ahead: None,
            complete: false,
            discovered: None,
            unknown_seen: false,
            choice,
            filter: 0,
            data_arrays: true,
            groups: true,
        }
    }

    /// With the bearer token that this environment variable holds.
    pub(super) fn with_token(self, token_env: Option<String>) -> Self {
        Self { token_env, ..self }
    }

    /// Asking for what comes as late as that.
    pub(super) fn with_late_days(mut self, days: u32) -> Self {
        self.reach.back_max = TimeDelta::days(i64::from(days));
        self
    }

    /// Goes on where each datastream was, as if the connection had been broken since.
    pub(super) fn resume(mut self, kept: &Kept) -> Self {
        let now = Utc::now();
        let mut times: Vec<_> = kept.newest.iter().map(|o| o.phenomenon_time).collect();
        times.sort_unstable();
        let (Some(newest), Some(middle)) = (times.last().copied(), times.get(times.len() / 2).copied()) else { return self };
        // A sensor ahead of the clock says nothing of the others; if most of them are, it is the server that is.
        let clock = now.max(middle);
        self.reach = self.reach.resumed(Some(newest.min(clock)));
        for o in kept.newest.iter().chain(&kept.recent) {
            let progress = self.resumed.entry(o.datastream.clone()).or_default();
            progress.position = progress.position.max(Some(o.phenomenon_time.min(clock)));
            let is_new = progress.memory.is_new(Some(o.phenomenon_time), content(&Ok(o.clone()), &Value::Null));
            self.remembered += usize::from(is_new);
        }
        for progress in self.resumed.values_mut() {
            progress.since = progress.position.min(kept.recent_since.or(progress.position));
        }
        self
    }

    /// Our clock, or the server's where it is ahead.
    fn clock(&self) -> DateTime<Utc> {
        Utc::now().max(self.ahead.unwrap_or_default())
    }

    async fn take(&mut self, id: &str, entity: &Value, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let clock = self.clock();
        let Some(Stream { datastream, progress, .. }) = self.streams.get_mut(id) else {
            self.take_strange(id, entity, way, outbox);
            return Ok(());
        };
        let parsed = parse::observation(&datastream.id, entity);
        let time = parse::time(entity);
        if let Some(time) = time.filter(|_| way == Way::Asked) {
            self.reach.passes(time.min(clock));
            if progress.is_past(time, self.reach.floor) {
                return Ok(());
            }
        }
        let believed = time.filter(|time| *time <= clock.max(self.reach.newest.unwrap_or(clock)) + AHEAD_MAX);
        if !progress.memory.is_new(believed, content(&parsed, entity)) {
            if way == Way::Pushed {
                outbox.repeated();
            }
            return Ok(());
        }
        self.remembered += usize::from(believed.is_some());
        let observation = match parsed {
            Ok(observation) => observation,
            Err(why) => {
                outbox.reject(Reason::OutOfRange, why);
                return Ok(());
            }
        };
        let Some(time) = believed else {
            let (stream, time) = (&observation.datastream, observation.phenomenon_time);
            outbox.quarantine(Doubt::Clock, format!("{stream}: its time {time} is more than an hour ahead"));
            return Ok(());
        };
        // A replay that is ahead of us moves on between two looks at its clock.
        let time = if self.ahead.is_some() { time } else { time.min(clock) };
        progress.position = progress.position.max(Some(time));
        self.reach.saw(time, self.complete);
        outbox.deliver(FeedEvent::Observation(observation)).await
    }

    /// An observation of a datastream that we don't know.
    fn take_strange(&mut self, id: &str, entity: &Value, way: Way, outbox: &mut Outbox) {
        if !self.choice.is_all() {
            // One of those that the scene didn't choose, or a new one that the next reading of the catalogue finds.
            return;
        }
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(id) {
            let all: usize = self.strangers.drain().map(|(_, stranger)| stranger.memory.len()).sum();
            self.remembered = self.remembered.saturating_sub(all);
        }
        let stranger = self.strangers.entry(id.to_owned()).or_default();
        let (parsed, before) = (parse::observation(id, entity), stranger.memory.len());
        let is_new = stranger.memory.is_new(parse::time(entity), content(&parsed, entity));
        self.remembered += stranger.memory.len() - before;
        if !is_new {
            if way == Way::Pushed {
                outbox.repeated();
            }
            return;
        }
        // The catalogue is read again; then it comes once more, asked for by name.
        if stranger.sought.is_none_or(|at| at.elapsed() >= RECHOOSE_EVERY) {
            stranger.sought = Some(Instant::now());
            self.unknown_seen = true;
        }
        outbox.quarantine(Doubt::Unknown, format!("an observation of {}/{id}, which the catalogue doesn't have", self.feed));
    }

    /// Keeps memory within its bound by forgetting what is oldest, of all datastreams alike.
    fn forget(&mut self) {
        if self.remembered <= REMEMBERED_MAX {
            return;
        }
        let of_streams = self.streams.values_mut().map(|s| &mut s.progress).chain(self.resumed.values_mut()).map(|p| &mut p.memory);
        let mut all: Vec<_> = of_streams.chain(self.strangers.values_mut().map(|s| &mut s.memory)).collect();
        let (floor, left) = forget_oldest(&mut all);
        self.reach.floor = self.reach.floor.max(floor);
        self.remembered = left;
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
        self.forget();
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
            if self.discovered.is_some_and(|at| at.elapsed() >= SWEEP_EVERY) {
                self.reach.broken = true;
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

    /// Asks again and again, for `span` or until the catalogue is to be read.
    async fn poll(&mut self, span: Option<Duration>, http: &Caller, outbox: &mut Outbox) -> Result<(), FeedError> {
        let start = Instant::now();
        while span.is_none_or(|s| start.elapsed() < s) && !self.must_rediscover() && !self.reach.walks_next() {
            outbox.idle(self.tuning.poll_every).await?;
            let depth = self.reach.depth();
            self.catch_up(depth, http, outbox).await?;
        }
        outbox.idle(self.tuning.poll_every).await
    }

    fn must_rediscover(&self) -> bool {
        // What is not ours can't be told from what is new, so a choice is looked at again now and then.
        if !self.choice.is_all() && self.discovered.is_some_and(|at| at.elapsed() >= RECHOOSE_EVERY) {
            return true;
        }
        self.unknown_seen && self.discovered.is_none_or(|at| at.elapsed() >= REDISCOVER_MIN)
    }

    async fn subscribe(&self, outbox: &mut Outbox) -> Option<Push> {
        let broker = self.mqtt.as_ref()?;
        let paths: Vec<String> = self.streams.values().map(|s| s.path.clone()).collect();
        let version = self.root.rsplit('/').next().unwrap_or("v1.1");
        let push = Push::subscribe(broker, self.tuning.silence_max, version, &paths).await;
        push.inspect_err(|error| outbox.note(format!("{error}; polling instead"))).ok()
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let http = Caller::new(&self.root, self.token_env.as_deref())?;
        (self.complete, self.reach.broken) = (false, true);
        let mut after_break = self.reach.front.is_some();
        loop {
            let depth = self.reach.depth();
            let told = self.discover(depth, &http, outbox).await?;
            // Nothing says which datastreams have something that we have missed: ask for all of the time.
            let depth = if after_break && !told { self.reach.back_max } else { depth };
            outbox.connected();
            let push = self.subscribe(outbox).await;
            // The first time the catalogue's latest values are the start, and only what came since then is missing.
            self.catch_up(depth, &http, outbox).await?;
            self.ask_for_owed(&http, outbox).await?;
            match push {
                Some(push) => {
                    self.complete = true;
                    self.listen(push, outbox).await?;
                }
                // A broker that was away is tried again now and then.
                None => self.poll(self.mqtt.as_ref().map(|_| self.tuning.retry_max), &http, outbox).await?,
            }
            (self.complete, after_break) = (false, false);
            // What came of a datastream that is new to our choice was passed over.
            self.reach.broken |= !self.choice.is_all() && self.discovered.is_some_and(|at| at.elapsed() >= RECHOOSE_EVERY);
        }
    }
}
