//! GPX trackers: a file or an address that is asked again and again; each track and each named waypoint with a time is a unit.

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
#[derive(Debug, PartialEq)]
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
            let from = self.newest.get(&id).copied().or_else(|| trail.places.iter().rev().nth(1).copied());
            let course = from.and_then(|from| course_deg(from, place));
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
            let read = tokio::task::spawn_blocking(move || trails(&bytes)).await.map_err(|_| FeedError::Closed)?;
            match read {
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

/// # Errors
/// In words, when it is no GPX.
fn trails(bytes: &[u8]) -> Result<Vec<Trail>, String> {
    let file = ::gpx::read(bytes).map_err(|e| format!("not GPX: {e}"))?;
    let mut trails = Vec::new();
    for (i, track) in file.tracks.iter().enumerate() {
        let named = track.name.clone().filter(|n| !n.trim().is_empty());
        let unit = named.or(track.number.map(|n| n.to_string())).unwrap_or_else(|| (i + 1).to_string());
        trails.push(trail(unit, track.segments.iter().flat_map(|s| &s.points)));
    }
    for point in file.waypoints.iter().filter(|w| w.time.is_some()) {
        if let Some(unit) = point.name.clone().filter(|n| !n.trim().is_empty()) {
            trails.push(trail(unit, std::iter::once(point)));
        }
    }
    Ok(trails)
}

fn trail<'a>(unit: String, points: impl Iterator<Item = &'a ::gpx::Waypoint>) -> Trail {
    let mut trail = Trail { unit, places: Vec::new(), untimed: 0 };
    for point in points {
        let time = point.time.and_then(|t| t.format().ok()).and_then(|t| DateTime::parse_from_rfc3339(&t).ok());
        let (lon, lat) = (point.point().x(), point.point().y());
        match time {
            Some(time) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => trail.places.push(Place { time: time.with_timezone(&Utc), lon, lat }),
            _ => trail.untimed += 1,
        }
    }
    trail.places.sort_by_key(|p| p.time);
    trail
}

/// Direction from one place to the next, degrees clockwise from north; `None` where they are too near to tell. Flat, which is exact
/// enough over the steps of a tracker.
fn course_deg(from: Place, to: Place) -> Option<f64> {
    let (east, north) = ((to.lon - from.lon) * to.lat.to_radians().cos(), to.lat - from.lat);
    (east.hypot(north) > 1e-5).then(|| east.atan2(north).to_degrees().rem_euclid(360.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::spawn_tuned;
    use crate::feeds::tests::{Heard, listen, quick, serve};
    use crate::model::feed::FeedConfig;
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::mpsc;

    fn gpx(points: &[(f64, &str)]) -> String {
        let points: String = points.iter().map(|(lon, t)| format!("<trkpt lat=\"33.9\" lon=\"{lon}\"><time>{t}</time></trkpt>")).collect();
        format!(
            "<?xml version=\"1.0\"?><gpx version=\"1.1\" creator=\"t\" xmlns=\"http://www.topografix.com/GPX/1/1\">\
             <wpt lat=\"33.8\" lon=\"118.1\"><time>2026-05-01T00:00:00Z</time><name>W</name></wpt>\
             <trk><name>Car</name><trkseg>{points}</trkseg></trk></gpx>"
        )
    }

    #[test]
    fn each_track_and_named_waypoint_is_a_trail_in_order_of_time() {
        let text = gpx(&[(118.3, "2026-05-01T00:00:02Z"), (118.2, "2026-05-01T08:00:01+08:00")]);
        let read = trails(text.as_bytes()).unwrap();
        let units: Vec<_> = read.iter().map(|t| (t.unit.as_str(), t.places.iter().map(|p| p.lon).collect::<Vec<_>>())).collect();
        assert_eq!(units, [("Car", vec![118.2, 118.3]), ("W", vec![118.1])]);
        assert_eq!(course_deg(read[0].places[0], read[0].places[1]), Some(90.0));
        assert!(trails(b"<html>").unwrap_err().contains("not GPX"));
    }

    #[tokio::test]
    async fn what_is_added_to_a_track_is_news_and_what_was_there_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gpx");
        let write = |points: &[(f64, &str)]| {
            // As a tracker does it: whole, in one step.
            std::fs::write(dir.path().join("new"), gpx(points)).unwrap();
            std::fs::rename(dir.path().join("new"), &path).unwrap();
        };
        let all = [
            (118.1, "2026-05-01T00:00:01Z"),
            (118.2, "2026-05-01T00:00:02Z"),
            (118.3, "2026-05-01T00:00:03Z"),
            (118.4, "2026-05-01T00:00:04Z"),
        ];
        write(&all[..2]);
        let (tx, mut rx) = mpsc::channel(100);
        let config: FeedConfig =
            toml::from_str(&format!("kind = \"gpx\"\nid = \"g\"\nurl = \"{}\"\ndomain = \"traffic\"", path.display())).unwrap();
        let _feed = spawn_tuned(&config, quick(), tx);
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.units.len() == 2).await;
        write(&all);
        listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 3).await;
        std::fs::write(&path, "<gpx").unwrap();
        listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("not GPX"))).await;
        write(&all);
        listen(&mut rx, &mut heard, |h| h.status.connected).await;
        assert_eq!((heard.units["g/Car"], heard.units["g/W"], heard.status.stored), (3, 1, 4));
    }

    #[tokio::test]
    async fn a_place_of_the_future_is_counted_once_and_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gpx");
        let write = |points: &[(f64, &str)]| {
            std::fs::write(dir.path().join("new"), gpx(points)).unwrap();
            std::fs::rename(dir.path().join("new"), &path).unwrap();
        };
        let all = [(118.1, "2026-05-01T00:00:01Z"), (118.5, "2999-01-01T00:00:00Z"), (118.6, "2999-01-01T00:00:01Z")];
        write(&all[..2]);
        let (tx, mut rx) = mpsc::channel(100);
        let config: FeedConfig =
            toml::from_str(&format!("kind = \"gpx\"\nid = \"g\"\nurl = \"{}\"\ndomain = \"traffic\"", path.display())).unwrap();
        let _feed = spawn_tuned(&config, quick(), tx);
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.units.len() == 2 && h.status.quarantined > 0).await;
        // Many rounds later.
        write(&[all[0], (118.2, "2026-05-01T00:00:02Z"), all[1]]);
        listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 2).await;
        write(&[all[0], (118.2, "2026-05-01T00:00:02Z"), all[1], all[2], (118.3, "2026-05-01T00:00:03Z")]);
        listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 3 && h.status.stored == 4).await;
        assert_eq!((heard.status.quarantined, heard.status.received), (2, 6), "{:?}", heard.status);
    }

    #[tokio::test]
    async fn over_http_what_has_not_changed_is_not_sent_again_and_what_is_added_is_news() {
        let all = [(118.1, "2026-05-01T00:00:01Z"), (118.2, "2026-05-01T00:00:02Z"), (118.3, "2026-05-01T00:00:03Z")];
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = calls.clone();
        let answer = move |headers: HeaderMap| async move {
            let call = seen.fetch_add(1, Ordering::SeqCst);
            let tag = if call < 5 { "\"early\"" } else { "\"late\"" };
            match headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
                true => StatusCode::NOT_MODIFIED.into_response(),
                false if call == 5 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")], "").into_response(),
                false => ([(header::ETAG, tag)], gpx(&all[..if call < 5 { 2 } else { 3 }])).into_response(),
            }
        };
        let address = serve(Router::new().route("/live.gpx", get(answer))).await;
        let (tx, mut rx) = mpsc::channel(100);
        let text = format!("kind = \"gpx\"\nid = \"g\"\nurl = \"http://{address}/live.gpx\"\ndomain = \"traffic\"");
        let config: FeedConfig = toml::from_str(&text).unwrap();
        let _feed = spawn_tuned(&config, quick(), tx);
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.units.len() == 2 && h.status.skew_ms.is_some()).await;
        listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 2 && h.status.connected).await;
        while calls.load(Ordering::SeqCst) < 10 {
            let _ = tokio::time::timeout(Duration::from_millis(20), listen(&mut rx, &mut heard, |_| false)).await;
        }
        assert_eq!((heard.units["g/Car"], heard.units["g/W"], heard.status.received), (2, 1, 3));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0usize..400, byte in any::<u8>(), cut in 1usize..500) {
            let mut bytes = gpx(&[(118.3, "2026-05-01T00:00:02Z")]).into_bytes();
            if let Some(b) = bytes.get_mut(at) { *b = byte }
            bytes.truncate(cut);
            let _ = trails(&bytes);
        }
    }
}
