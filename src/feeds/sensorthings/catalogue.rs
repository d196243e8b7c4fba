//! Reading the catalogue: which datastreams there are, the latest value of each, and what that says of the server's clock and of
//! readings that we have missed.

use super::page::{encoded, page};
use super::stream::{Progress, Stream};
use super::{Adapter, Way, parse};
use crate::feeds::http::Caller;
use crate::feeds::outbox::{Outbox, Reason};
use crate::feeds::{FeedError, FeedEvent};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::time::Instant;

/// Datastreams read from one server; a large city has some ten thousand.
const STREAMS_MAX: usize = 100_000;
/// Pages followed in one walk, in case a server's links go round.
pub(super) const PAGES_MAX: usize = 2_000;
/// Entities remembered that can't be used, so that each is counted once.
const REFUSED_MAX: usize = 100_000;
/// A server's clock is this far ahead of ours before that is taken into account.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(10);
/// A datastream whose latest value is this much older than what we have of it belongs to a server that was started anew.
const BACK_MIN: TimeDelta = TimeDelta::hours(1);

/// A datastream's id and its latest observation.
type Latest = (String, Option<Value>);

impl Adapter {
    /// Reads the catalogue with the latest value of each datastream; what the next question of `depth` will not reach is owed from then
    /// on. Whether the server tells latest values at all.
    pub(super) async fn discover(&mut self, depth: TimeDelta, http: &Caller, outbox: &mut Outbox) -> Result<bool, FeedError> {
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
        self.compare(&latest, depth);
        for (id, observation) in &latest {
            if let Some(observation) = observation {
                self.take(id, observation, Way::Asked, outbox).await?;
            }
        }
        // Nothing yet, or it doesn't tell with the catalogue: what comes is not to be missed, however wrong its clock is.
        self.reach.front = self.reach.front.or(self.reach.newest).or(Some(Utc::now() - self.reach.back_max));
        Ok(latest.iter().any(|(_, observation)| observation.is_some()))
    }

    /// Follows the catalogue page by page; gives each datastream of ours with its latest observation.
    async fn walk(&mut self, filter: Option<&str>, http: &Caller, outbox: &mut Outbox) -> Result<Vec<Latest>, FeedError> {
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
                self.refuse(&entity.to_string(), Reason::Incomplete, why, outbox);
                return Ok(None);
            }
            _ => {
                self.refuse(&entity.to_string(), Reason::Incomplete, "a Datastream without @iot.id".into(), outbox);
                return Ok(None);
            }
        };
        let (lon, lat) = outbox.in_wgs84(datastream.lon, datastream.lat);
        if !self.choice.takes(&datastream.observed_property, lon, lat) {
            return Ok(None);
        }
        let full = self.streams.len() >= STREAMS_MAX;
        match self.streams.get_mut(&id) {
            Some(known) if known.datastream == datastream => return Ok(Some(id)),
            Some(known) => known.datastream = datastream.clone(),
            None if full => {
                let why = format!("Datastream {id}: more than {STREAMS_MAX} datastreams; split the feed");
                self.refuse(&id, Reason::Full, why, outbox);
                return Ok(None);
            }
            None => {
                let mut progress = self.resumed.remove(&datastream.id).unwrap_or_default();
                if let Some(stranger) = self.strangers.remove(&id) {
                    // Its first readings were kept apart; the farthest question may have passed them since.
                    progress.owed = stranger.memory.oldest().or(progress.owed);
                    self.remembered = self.remembered.saturating_sub(stranger.memory.len());
                }
                self.streams.insert(id.clone(), Stream { datastream: datastream.clone(), path, progress });
            }
        }
        outbox.deliver(FeedEvent::Datastream(datastream)).await?;
        Ok(Some(id))
    }

    /// Counts what can't be used and comes with each of our questions, the first time; `what` it is.
    pub(super) fn refuse(&mut self, what: &str, reason: Reason, why: String, outbox: &mut Outbox) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        if self.refused.insert(hasher.finish()) {
            outbox.reject(reason, why);
        }
    }

    /// Compares the latest values with what we have: where the server's clock is, whether it was started anew, and what is missing.
    fn compare(&mut self, latest: &[Latest], depth: TimeDelta) {
        let time = |(id, o): &Latest| Some((id.clone(), parse::time(o.as_ref()?)?));
        let latest: Vec<(String, DateTime<Utc>)> = latest.iter().filter_map(time).collect();
        let mut times: Vec<_> = latest.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        // Not the newest: one wrong clock doesn't matter; nor the middle one: many sensors may be dead.
        let theirs = times.get(times.len() * 3 / 4).copied();
        self.ahead = theirs.filter(|theirs| *theirs > Utc::now() + CLOCK_SLACK);
        if self.went_back(&latest) {
            return self.begin_anew(&latest);
        }
        let Some(front) = self.reach.front else { return self.begin(&latest) };
        if let Some(theirs) = theirs {
            self.reach.not_behind(theirs.min(self.clock()));
        }
        let reached = self.reach.from(depth).unwrap_or(front);
        let oldest = theirs.map_or(front, |theirs| theirs.min(self.clock())) - self.reach.back_max;
        for (id, time) in latest {
            let Some(progress) = self.streams.get_mut(&id).map(|s| &mut s.progress) else { continue };
            if let Some(position) = progress.position.filter(|position| *position < reached && *position < time) {
                progress.owed = Some(progress.owed.unwrap_or(position).max(oldest));
            }
        }
    }

    /// A first look: the latest values are the start.
    fn begin(&mut self, latest: &[(String, DateTime<Utc>)]) {
        for (id, time) in latest {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.progress.since = Some(*time);
            }
        }
    }

    /// Whether most datastreams are at an earlier time than they were.
    fn went_back(&self, latest: &[(String, DateTime<Utc>)]) -> bool {
        let position = |id: &String| self.streams.get(id).and_then(|s| s.progress.position);
        let both: Vec<_> = latest.iter().filter_map(|(id, time)| Some((*time, position(id)?))).collect();
        both.iter().filter(|(time, position)| *time < *position - BACK_MIN).count() * 2 > both.len()
    }

    fn begin_anew(&mut self, latest: &[(String, DateTime<Utc>)]) {
        self.streams.values_mut().for_each(|s| s.progress = Progress::default());
        self.resumed.clear();
        self.remembered = self.strangers.values().map(|s| s.memory.len()).sum();
        self.reach.begin_anew();
        self.begin(latest);
    }
}
