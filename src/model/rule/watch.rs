//! A rule at work: readings in, verdicts out. The clock is an argument.

use super::silence::Feeds;
use super::{AlertRule, Condition};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Readings of a sensor kept to judge by; at one a second, four minutes of a rule's span.
const RECENT_MAX: usize = 256;
/// Readings shown as evidence.
pub(super) const EVIDENCE_MAX: usize = 12;
/// In a rule over many sensors, one whose last reading is older than this doesn't count.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// A reading that a verdict rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub datastream: String,
    pub time: DateTime<Utc>,
    pub value: f64,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// An incident begins. `id` is the same whenever the same readings are judged.
    Open { id: String, at: DateTime<Utc>, lon: f64, lat: f64, evidence: Vec<Evidence> },
    /// A whole feed has fallen silent: one incident for all its sensors, with the last readings of some.
    OpenFeed { id: String, at: DateTime<Utc>, feed: String, sensors: usize, lon: f64, lat: f64, evidence: Vec<Evidence> },
    /// It is over.
    Close { id: String, at: DateTime<Utc>, last: Option<Evidence> },
    /// What it rested on has been corrected: it never was.
    Retract { id: String, corrected: Evidence },
}

/// All sensors of one rule.
#[derive(Clone, Debug)]
pub struct Watch {
    rule: AlertRule,
    sensors: HashMap<String, Sensor>,
    /// Of a rule of silence.
    feeds: Feeds,
    /// The one incident of a rule over many sensors.
    together: Phase,
    /// Incidents of an earlier run that are still open, by sensor (empty: over many).
    earlier: BTreeMap<String, (String, DateTime<Utc>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Sensor {
    pub feed: Arc<str>,
    pub lon: f64,
    pub lat: f64,
    /// By time, the newest last.
    pub recent: VecDeque<(DateTime<Utc>, f64)>,
    phase: Phase,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Quiet,
    Open {
        id: String,
        evidence: Vec<Evidence>,
        /// Since when the condition no longer holds.
        over_since: Option<DateTime<Utc>>,
    },
}

impl Watch {
    pub fn new(rule: AlertRule) -> Self {
        Self { rule, sensors: HashMap::new(), feeds: Feeds::default(), together: Phase::Quiet, earlier: BTreeMap::new() }
    }

    pub fn rule(&self) -> &AlertRule {
        &self.rule
    }

    /// Takes up an incident that this rule opened before a restart and that is still open.
    pub fn resume(&mut self, id: &str) {
        let Some((sensor, at)) = id.strip_prefix(&format!("rule/{}/", self.rule.id)).and_then(|rest| rest.rsplit_once('/')) else { return };
        let Some(at) = at.parse().ok().and_then(DateTime::from_timestamp_millis) else { return };
        if matches!(self.rule.when, Condition::Many { .. }) {
            self.together = Phase::Open { id: id.to_owned(), evidence: Vec::new(), over_since: None };
        } else if !(self.is_of_silence() && self.feeds.resume(sensor, id, at)) {
            self.earlier.insert(sensor.to_owned(), (id.to_owned(), at));
        }
    }

    fn is_of_silence(&self) -> bool {
        matches!(self.rule.when, Condition::Silent { .. })
    }

    /// Takes up the last good reading of a sensor of before a restart. It and its feed have their time from `now` on to speak again.
    pub fn know(&mut self, feed: &str, datastream: &str, [lon, lat]: [f64; 2], last: (DateTime<Utc>, f64), now: DateTime<Utc>) {
        if !self.rule.covers(lon, lat) || self.sensors.contains_key(datastream) {
            return;
        }
        let name = if self.is_of_silence() { self.feeds.known(feed, now) } else { Arc::default() };
        self.feeds.one_more_sensor(feed);
        let phase = self.earlier.remove(datastream).map(|(id, _)| Phase::Open { id, evidence: Vec::new(), over_since: None });
        let sensor = Sensor { feed: name, lon, lat, recent: [last].into(), phase: phase.unwrap_or_default() };
        self.sensors.insert(datastream.to_owned(), sensor);
    }

    /// Takes a good reading of a feed's sensor at a place. The same time again is a correction.
    pub fn take(&mut self, feed: &str, datastream: &str, place: [f64; 2], time: DateTime<Utc>, value: f64) -> Option<Verdict> {
        let [lon, lat] = place;
        if !self.rule.covers(lon, lat) || !value.is_finite() {
            return None;
        }
        let heard = match self.rule.when {
            Condition::Silent { for_s } => Some(self.feeds.heard(feed, time, for_s)),
            _ => None,
        };
        let sensor = self.sensors.entry(datastream.to_owned()).or_insert_with(|| {
            let phase = self.earlier.remove(datastream).map(|(id, _)| Phase::Open { id, evidence: Vec::new(), over_since: None });
            self.feeds.one_more_sensor(feed);
            Sensor { feed: heard.unwrap_or_default(), lon, lat, recent: VecDeque::new(), phase: phase.unwrap_or_default() }
        });
        (sensor.lon, sensor.lat) = (lon, lat);
        let corrected = sensor.keep(time, value);
        if corrected && let Some(verdict) = sensor.take_back(&self.rule, datastream, time, value) {
            return Some(verdict);
        }
        match self.rule.when {
            Condition::Many { above, sensors, close } => self.judge_together(time, above, sensors, close.unwrap_or(above)),
            Condition::Silent { .. } => sensor.heard(time),
            _ => sensor.judge(&self.rule, datastream),
        }
    }

    /// Looks for sensors and feeds that have fallen silent at `now`; call it now and then.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Verdict> {
        let Condition::Silent { for_s } = self.rule.when else { return Vec::new() };
        let rule = &self.rule.id;
        let mut verdicts = self.feeds.judge(now, rule, for_s, &self.sensors);
        let feeds = &self.feeds;
        let silent = self.sensors.iter_mut().filter_map(|(datastream, sensor)| {
            let (last, value) = *sensor.recent.back()?;
            if sensor.phase != Phase::Quiet || feeds.deadline(sensor, last, for_s).is_none_or(|deadline| now < deadline) {
                return None;
            }
            let id = id(rule, datastream, last);
            let evidence = vec![Evidence { datastream: datastream.clone(), time: last, value }];
            sensor.phase = Phase::Open { id: id.clone(), evidence: evidence.clone(), over_since: None };
            Some(Verdict::Open { id, at: now, lon: sensor.lon, lat: sensor.lat, evidence })
        });
        verdicts.extend(silent);
        verdicts
    }

    fn judge_together(&mut self, now: DateTime<Utc>, above: f64, least: usize, close: f64) -> Option<Verdict> {
        let limit = if self.together == Phase::Quiet { above } else { close };
        let mut over: Vec<(&String, &Sensor, DateTime<Utc>, f64)> = self
            .sensors
            .iter()
            .filter_map(|(id, s)| s.recent.back().map(|(t, v)| (id, s, *t, *v)))
            .filter(|(_, _, t, v)| *v > limit && now - *t <= FRESH)
            .collect();
        over.sort_by(|a, b| a.0.cmp(b.0));
        match &mut self.together {
            Phase::Quiet if over.len() >= least => {
                let n = over.len() as f64;
                let (lon, lat) = over.iter().fold((0.0, 0.0), |(x, y), (_, s, ..)| (x + s.lon / n, y + s.lat / n));
                let evidence: Vec<_> = over
                    .iter()
                    .take(EVIDENCE_MAX)
                    .map(|(id, _, time, value)| Evidence { datastream: (*id).clone(), time: *time, value: *value })
                    .collect();
                let id = id(&self.rule.id, "", now);
                self.together = Phase::Open { id: id.clone(), evidence: evidence.clone(), over_since: None };
                Some(Verdict::Open { id, at: now, lon, lat, evidence })
            }
            Phase::Open { over_since, .. } if over.len() >= least => {
                *over_since = None;
                None
            }
            Phase::Open { id, over_since, .. } => {
                let since = *over_since.get_or_insert(now);
                if (now - since).as_seconds_f64() < self.rule.close_after_s {
                    return None;
                }
                let id = id.clone();
                self.together = Phase::Quiet;
                Some(Verdict::Close { id, at: now, last: None })
            }
            Phase::Quiet => None,
        }
    }
}

impl Sensor {
    /// Keeps a reading in its order; whether it corrects one that was there.
    fn keep(&mut self, time: DateTime<Utc>, value: f64) -> bool {
        let at = self.recent.partition_point(|(t, _)| *t < time);
        match self.recent.get_mut(at) {
            Some((known, before)) if *known == time => {
                let corrected = *before != value;
                *before = value;
                corrected
            }
            _ => {
                self.recent.insert(at, (time, value));
                if self.recent.len() > RECENT_MAX {
                    self.recent.pop_front();
                }
                false
            }
        }
    }

    /// An open incident whose evidence no longer makes it one.
    fn take_back(&mut self, rule: &AlertRule, datastream: &str, time: DateTime<Utc>, value: f64) -> Option<Verdict> {
        let Phase::Open { id, evidence, .. } = &self.phase else { return None };
        if !evidence.iter().any(|e| e.time == time) {
            return None;
        }
        let first = evidence.iter().map(|e| e.time).min()?;
        let last = evidence.iter().map(|e| e.time).max()?;
        let stands = match rule.when {
            Condition::Rise { by, within_s, .. } => self.risen(last, within_s).is_some_and(|risen| risen >= by),
            _ => self.recent.iter().filter(|(t, _)| (first..=last).contains(t)).all(|(_, v)| beyond(rule.when, *v, false)),
        };
        if stands {
            return None;
        }
        let id = id.clone();
        self.phase = Phase::Quiet;
        Some(Verdict::Retract { id, corrected: Evidence { datastream: datastream.to_owned(), time, value } })
    }

    /// A silent sensor has spoken again.
    fn heard(&mut self, time: DateTime<Utc>) -> Option<Verdict> {
        let Phase::Open { id, .. } = std::mem::take(&mut self.phase) else { return None };
        Some(Verdict::Close { id, at: time, last: None })
    }

    fn judge(&mut self, rule: &AlertRule, datastream: &str) -> Option<Verdict> {
        let &(now, value) = self.recent.back()?;
        let open = matches!(self.phase, Phase::Open { .. });
        let holds = match rule.when {
            Condition::Rise { by, within_s, close } => {
                let limit = if open { close.unwrap_or(by / 2.0) } else { by };
                self.risen(now, within_s).is_some_and(|risen| risen >= limit)
            }
            when => beyond(when, value, open),
        };
        match &mut self.phase {
            Phase::Open { over_since, .. } if holds => {
                *over_since = None;
                None
            }
            Phase::Open { id, over_since, .. } => {
                let since = *over_since.get_or_insert(now);
                if (now - since).as_seconds_f64() < rule.close_after_s {
                    return None;
                }
                let id = id.clone();
                self.phase = Phase::Quiet;
                let last = Some(Evidence { datastream: datastream.to_owned(), time: now, value });
                Some(Verdict::Close { id, at: now, last })
            }
            Phase::Quiet if holds => self.open(rule, datastream, now),
            Phase::Quiet => None,
        }
    }

    /// Opens once the condition has held for long enough.
    fn open(&mut self, rule: &AlertRule, datastream: &str, now: DateTime<Utc>) -> Option<Verdict> {
        let run: Vec<(DateTime<Utc>, f64)> = match rule.when {
            Condition::Rise { within_s, .. } => self.within(now, within_s).collect(),
            when => {
                let mut run: Vec<_> = self.recent.iter().rev().take_while(|(_, v)| beyond(when, *v, false)).copied().collect();
                run.reverse();
                run
            }
        };
        let since = run.first()?.0;
        if !matches!(rule.when, Condition::Rise { .. }) && (now - since).as_seconds_f64() < rule.for_s {
            return None;
        }
        let newest = &run[run.len().saturating_sub(EVIDENCE_MAX)..];
        let evidence: Vec<_> = newest.iter().map(|&(time, value)| Evidence { datastream: datastream.to_owned(), time, value }).collect();
        let id = id(&rule.id, datastream, since);
        self.phase = Phase::Open { id: id.clone(), evidence: evidence.clone(), over_since: None };
        Some(Verdict::Open { id, at: now, lon: self.lon, lat: self.lat, evidence })
    }

    fn within(&self, now: DateTime<Utc>, span_s: f64) -> impl Iterator<Item = (DateTime<Utc>, f64)> {
        self.recent.iter().copied().filter(move |(t, _)| *t <= now && (now - *t).as_seconds_f64() <= span_s)
    }

    /// From the least reading of the span to the one at its end; `None` with fewer than two.
    fn risen(&self, now: DateTime<Utc>, span_s: f64) -> Option<f64> {
        let readings: Vec<_> = self.within(now, span_s).map(|(_, v)| v).collect();
        let least = readings.iter().copied().fold(f64::INFINITY, f64::min);
        (readings.len() >= 2).then(|| readings[readings.len() - 1] - least)
    }
}

/// Whether a value makes the condition hold; once open, the milder limit counts.
fn beyond(when: Condition, value: f64, open: bool) -> bool {
    match when {
        Condition::Above { value: limit, close } => value > if open { close.unwrap_or(limit) } else { limit },
        Condition::Below { value: limit, close } => value < if open { close.unwrap_or(limit) } else { limit },
        Condition::Rise { .. } | Condition::Silent { .. } | Condition::Many { .. } => false,
    }
}

/// The same for the same readings, so that what is judged again (after a restart, from a replay) is no second incident.
pub(super) fn id(rule: &str, sensor: &str, since: DateTime<Utc>) -> String {
    format!("rule/{rule}/{sensor}/{}", since.timestamp_millis())
}
