//! GPX trackers: a file or an address that is asked again and again; each track and each named waypoint with a time is a unit.

mod read;
#[cfg(test)]
mod tests;

use super::outbox::{Doubt, Outbox, Reason};
use super::{FeedError, FeedEvent, Tuning};
use crate::feeds::visit::{Answer, Manners, Page, Visitor};
use crate::model::feed::Tracker;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Largest file read.
const FILE_BYTES_MAX: u64 = 32 << 20;
const ACCEPT: &str = "application/gpx+xml, application/xml;q=0.9, */*;q=0.5";
/// Units of one feed.
const UNITS_MAX: usize = 20_000;
/// Places gone back to find one far enough away to tell a course: one who stands moves by less than his receiver errs.
const STANDING_MAX: usize = 100;
/// A time this far ahead of our clock is a clock that is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// Asks one address; the newest place of each unit outlives a session.
pub(super) struct Adapter {
    feed: String,
    url: String,
    tracker: Tracker,
    tuning: Tuning,
    newest: HashMap<String, Place>,
    /// The newest time of each unit that was ahead of our clock and was counted.
    ahead: HashMap<String, DateTime<Utc>>,
    /// `None` for a file, and until it is first asked.
    visitor: Option<Visitor>,
}

/// A file as it is now.
enum Fetched {
    File(Vec<u8>),
    Page(Page),
    Unchanged,
}

/// One point with a time, WGS 84 degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    time: DateTime<Utc>,
    lon: f64,
    lat: f64,
}

/// What a file says of one unit, oldest place first.
#[derive(Debug, Default, PartialEq)]
struct Trail {
    unit: String,
    places: Vec<Place>,
    /// Points that say no time.
    untimed: u64,
}

impl Adapter {
    pub(super) fn new(feed: String, tracker: Tracker, tuning: Tuning) -> Self {
        let url = tracker.url.clone();
        let every = tracker.poll_every_s.map_or(tuning.poll_every, |s| Duration::from_secs_f64(s.clamp(0.1, 86_400.0)));
        Self {
            feed,
            url,
            tracker,
            tuning: Tuning { poll_every: every, ..tuning },
            newest: HashMap::new(),
            ahead: HashMap::new(),
            visitor: None,
        }
    }

    /// As polite as all who ask over HTTP: what has not changed is not sent again, and a server that wants peace gets it.
    async fn ask(&mut self, outbox: &mut Outbox) -> Result<Fetched, FeedError> {
        let mut visitor = match self.visitor.take() {
            Some(visitor) => visitor,
            None => Visitor::new(&Manners { token_env: self.tracker.token_env.clone(), ..Manners::default() })?,
        };
        if let Some(peace) = visitor.not_before() {
            outbox.idle(peace.saturating_duration_since(Instant::now())).await?;
        }
        let answer = visitor.get(&self.url, ACCEPT, outbox).await;
        self.visitor = Some(visitor);
        Ok(match answer? {
            Answer::New(page) => Fetched::Page(page),
            Answer::Unchanged => Fetched::Unchanged,
        })
    }

    async fn fetch(&mut self, outbox: &mut Outbox) -> Result<Fetched, FeedError> {
        if self.url.starts_with("http://") || self.url.starts_with("https://") {
            return self.ask(outbox).await;
        }
        let path = Path::new(self.url.strip_prefix("file://").unwrap_or(&self.url));
        let failed = |why: String| FeedError::Socket { address: path.display().to_string(), why };
        let size = tokio::fs::metadata(path).await.map_err(|e| failed(e.to_string()))?.len();
        if size > FILE_BYTES_MAX {
            return Err(failed(format!("{size} bytes; at most {FILE_BYTES_MAX} are read")));
        }
        tokio::fs::read(path).await.map(Fetched::File).map_err(|e| failed(e.to_string()))
    }

    fn take(&mut self, mut trail: Trail, outbox: &mut Outbox) -> Result<(), FeedError> {
        let id = format!("{}/{}", self.feed, trail.unit);
        if trail.places.is_empty() {
            if trail.untimed > 0 && !self.newest.contains_key(&id) {
                outbox.reject(Reason::Incomplete, format!("{id}: points without time; a place without it says nothing of now"));
            }
            return Ok(());
        }
        let before = self.newest.get(&id).copied();
        let is_known = before.is_some() || self.ahead.contains_key(&id);
        if !is_known && self.newest.len().max(self.ahead.len()) >= UNITS_MAX {
            outbox.reject(Reason::Full, format!("{id}: more than {UNITS_MAX} units; split the feed"));
            return Ok(());
        }
        let in_time = Utc::now() + AHEAD_MAX;
        let ahead = trail.places.split_off(trail.places.partition_point(|p| p.time <= in_time));
        self.keep_apart(&id, &ahead, outbox);
        let Some(newest) = trail.places.last().copied() else { return Ok(()) };
        // The first time only its newest place is news; later all that came since. What was there before is our own asking again.
        let new = trail.places.iter().filter(|p| before.map_or(**p == newest, |b| p.time > b.time)).copied();
        for place in new.collect::<Vec<_>>() {
            let earlier = &trail.places[..trail.places.partition_point(|p| p.time < place.time)];
            let mut earlier = earlier.iter().rev().take(STANDING_MAX).chain(self.newest.get(&id));
            let course = earlier.find_map(|from| course_deg(*from, place));
            let unit = self.tracker.unit(&id, place.lon, place.lat, course, place.time);
            outbox.offer(&id, FeedEvent::Unit(unit))?;
            self.newest.insert(id.clone(), place);
        }
        Ok(())
    }

    /// Counts places whose time is ahead of our clock, each once; the first time only the newest, as with those that are in time.
    fn keep_apart(&mut self, id: &str, ahead: &[Place], outbox: &mut Outbox) {
        let Some(newest) = ahead.last() else { return };
        let before = self.ahead.insert(id.to_owned(), newest.time);
        for place in ahead.iter().filter(|p| before.map_or(*p == newest, |before| p.time > before)) {
            outbox.quarantine(Doubt::Clock, format!("{id}: its time {} is more than an hour ahead", place.time));
        }
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        loop {
            let (bytes, mut page) = match self.fetch(outbox).await? {
                Fetched::File(bytes) => (bytes, None),
                Fetched::Page(mut page) => (std::mem::take(&mut page.body), Some(page)),
                Fetched::Unchanged => {
                    outbox.connected();
                    outbox.idle(self.tuning.poll_every).await?;
                    continue;
                }
            };
            // A large file takes tens of milliseconds of pure work.
            let trails = tokio::task::spawn_blocking(move || read::trails(&bytes)).await.map_err(|_| FeedError::Closed)?;
            match trails {
                Err(why) => {
                    outbox.reject(Reason::Unreadable, why.clone());
                    return Err(FeedError::Socket { address: self.url.clone(), why });
                }
                Ok(trails) => {
                    outbox.connected();
                    for trail in trails {
                        self.take(trail, outbox)?;
                    }
                    if let (Some(visitor), Some(page)) = (&mut self.visitor, page.take()) {
                        visitor.taken(&self.url, &page);
                    }
                }
            }
            outbox.idle(self.tuning.poll_every).await?;
        }
    }
}

/// Direction from one place to the next, degrees clockwise from north; `None` where they are too near to tell. Flat, which is exact
/// enough over the steps of a tracker.
fn course_deg(from: Place, to: Place) -> Option<f64> {
    let (east, north) = ((to.lon - from.lon) * to.lat.to_radians().cos(), to.lat - from.lat);
    (east.hypot(north) > 1e-5).then(|| east.atan2(north).to_degrees().rem_euclid(360.0))
}
