//! Whole feeds that fall silent: one incident for a feed, and none for each of its sensors.
//!
//! The simple answer, an incident a sensor, is wrong on the night it matters: a platform that goes away makes a thousand of them, and the
//! one sensor that is broken is lost among them. So a sensor counts as silent only once its feed has said something *after* the sensor
//! should have spoken; a feed of which nothing at all has come for so long is one incident. After its return all its sensors have their
//! time again from then on.

use super::naming::id;
use super::watch::{EVIDENCE_MAX, Evidence, Sensor, Verdict};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::Arc;

/// What begins the sensor's part of an incident's id when it is about a feed. No datastream is called so: theirs have a `/`.
const MARK: &str = "feed:";

/// All feeds of one rule of silence.
#[derive(Clone, Debug, Default)]
pub(super) struct Feeds(HashMap<Arc<str>, Feed>);

/// One feed as far as the rule has heard of it.
#[derive(Clone, Debug)]
struct Feed {
    /// Time of its newest reading.
    last: DateTime<Utc>,
    /// Its first reading after it had been silent.
    back: Option<DateTime<Utc>>,
    sensors: usize,
    /// Its open incident, and its newest reading then.
    open: Option<(String, DateTime<Utc>)>,
}

impl Feeds {
    /// Takes the time of a reading; gives the feed's name to keep with a sensor.
    pub(super) fn heard(&mut self, feed: &str, time: DateTime<Utc>, for_s: f64) -> Arc<str> {
        let name = self.0.get_key_value(feed).map_or_else(|| Arc::from(feed), |(name, _)| name.clone());
        let known = self.0.entry(name.clone()).or_insert(Feed { last: time, back: None, sensors: 0, open: None });
        if (time - known.last).as_seconds_f64() >= for_s {
            known.back = Some(time);
        }
        known.last = known.last.max(time);
        name
    }

    /// Takes up a feed of before a restart; gives its name to keep with a sensor.
    pub(super) fn known(&mut self, feed: &str, now: DateTime<Utc>) -> Arc<str> {
        if let Some((name, _)) = self.0.get_key_value(feed) {
            return name.clone();
        }
        let name: Arc<str> = feed.into();
        self.0.insert(name.clone(), Feed { last: now, back: Some(now), sensors: 0, open: None });
        name
    }

    pub(super) fn one_more_sensor(&mut self, feed: &str) {
        if let Some(feed) = self.0.get_mut(feed) {
            feed.sensors += 1;
        }
    }

    /// Takes up an incident of before a restart, by the sensor's part of its id; whether it is a feed's.
    pub(super) fn resume(&mut self, sensor: &str, id: &str, at: DateTime<Utc>) -> bool {
        let Some(feed) = sensor.strip_prefix(MARK).filter(|feed| !feed.contains('/')) else { return false };
        self.0.insert(feed.into(), Feed { last: at, back: None, sensors: 0, open: Some((id.to_owned(), at)) });
        true
    }

    /// Feeds that have fallen silent at `now`, and those that speak again.
    pub(super) fn judge(&mut self, now: DateTime<Utc>, rule: &str, for_s: f64, all: &HashMap<String, Sensor>) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (name, feed) in &mut self.0 {
            if let Some((id, _)) = feed.open.take_if(|(_, then)| feed.last > *then) {
                verdicts.push(Verdict::Close { id, at: feed.back.unwrap_or(feed.last), last: None });
            }
            // A feed of one sensor is that sensor.
            if feed.open.is_none() && feed.sensors > 1 && (now - feed.last).as_seconds_f64() >= for_s {
                let id = id(rule, &format!("{MARK}{name}"), feed.last);
                feed.open = Some((id.clone(), feed.last));
                verdicts.push(opened(id, now, name, all));
            }
        }
        verdicts
    }

    /// From when on a sensor counts as silent; `None` as long as it may as well be its feed that is.
    pub(super) fn deadline(&self, sensor: &Sensor, last: DateTime<Utc>, for_s: f64) -> Option<DateTime<Utc>> {
        let feed = self.0.get(&sensor.feed)?;
        let since = feed.back.map_or(last, |back| back.max(last));
        let deadline = since + TimeDelta::milliseconds((for_s * 1000.0) as i64);
        (feed.sensors <= 1 || feed.last >= deadline).then_some(deadline)
    }
}

/// In the middle of its sensors, with the last readings of some of them.
fn opened(id: String, at: DateTime<Utc>, feed: &Arc<str>, all: &HashMap<String, Sensor>) -> Verdict {
    let mut of_it: Vec<(&String, &Sensor)> = all.iter().filter(|(_, s)| s.feed == *feed).collect();
    of_it.sort_unstable_by_key(|(id, _)| *id);
    let n = of_it.len().max(1) as f64;
    let (lon, lat) = of_it.iter().fold((0.0, 0.0), |(x, y), (_, s)| (x + s.lon / n, y + s.lat / n));
    let last = |(datastream, s): &(&String, &Sensor)| {
        s.recent.newest().map(|(time, value)| Evidence { datastream: (*datastream).clone(), time, value })
    };
    let evidence = of_it.iter().filter_map(last).take(EVIDENCE_MAX).collect();
    Verdict::OpenFeed { id, at, feed: feed.to_string(), sensors: of_it.len(), lon, lat, evidence }
}
