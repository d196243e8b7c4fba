//! A rule at work: readings in, verdicts out. The clock is an argument.

use super::ground::{Correction, Ground};
use super::naming::{self, Naming};
use super::recent::{RECENT_MAX, Reading, Recent};
use super::silence::Feeds;
use super::together::{Limits, Together};
use super::{AlertRule, Condition};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Readings shown as evidence.
pub(super) const EVIDENCE_MAX: usize = 12;
/// Incidents of one sensor that are over and may still be taken back; corrections come within hours, not months.
pub(super) const OVER_MAX: usize = 8;

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
    /// An incident begins. `id` is the same whenever the same readings are judged, so that what is judged again (after a restart, from a
    /// replay) is no second incident.
    Open { id: String, at: DateTime<Utc>, lon: f64, lat: f64, evidence: Vec<Evidence> },
    /// A whole feed has fallen silent: one incident for all its sensors, with the last readings of some.
    OpenFeed { id: String, at: DateTime<Utc>, feed: String, sensors: usize, lon: f64, lat: f64, evidence: Vec<Evidence> },
    /// It is over.
    Close { id: String, at: DateTime<Utc>, last: Option<Evidence> },
    /// What it rested on has been corrected, or `flagged` as suspect by its source: it never was. Also of one that is over.
    Retract { id: String, corrected: Evidence, flagged: bool },
}

impl Verdict {
    /// The id of the incident that it is about.
    pub fn incident(&self) -> &str {
        match self {
            Self::Open { id, .. } | Self::OpenFeed { id, .. } | Self::Close { id, .. } | Self::Retract { id, .. } => id,
        }
    }
}

/// All sensors of one rule.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) rule: Arc<AlertRule>,
    pub(super) sensors: HashMap<String, Sensor>,
    /// Of a rule with a border: which places lie in it, by sensor. A border has thousands of corners and readings come by the thousand.
    places: HashMap<String, ([f64; 2], bool)>,
    /// Of a rule of silence.
    feeds: Feeds,
    /// Of a rule over many sensors.
    pub(super) together: Together,
    /// Incidents of an earlier run that nobody has closed, by sensor, and whether their cause is over.
    pub(super) earlier: BTreeMap<String, Vec<(Ground, bool)>>,
    /// Readings of a sensor kept to judge by.
    pub(super) recent_max: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Sensor {
    pub feed: Arc<str>,
    pub lon: f64,
    pub lat: f64,
    pub recent: Recent,
    phase: Phase,
    /// Incidents that are over and may still be taken back, the newest last.
    over: VecDeque<Ground>,
    naming: Naming,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Quiet,
    Open {
        ground: Ground,
        /// Since when the condition no longer holds.
        over_since: Option<DateTime<Utc>>,
    },
}

impl Watch {
    pub fn new(rule: AlertRule) -> Self {
        let (sensors, places) = Default::default();
        let (feeds, together, earlier) = Default::default();
        Self { rule: Arc::new(rule), sensors, places, feeds, together, earlier, recent_max: RECENT_MAX }
    }

    pub fn rule(&self) -> &Arc<AlertRule> {
        &self.rule
    }

    /// Takes up an incident that this rule opened before a restart, by the reading of `opened_at`, and that nobody has closed. One whose
    /// cause `is_over` may still be taken back.
    pub fn resume(&mut self, id: &str, opened_at: DateTime<Utc>, is_over: bool) {
        let Some((sensor, from)) = self.named(id) else { return };
        match self.rule.when {
            Condition::Many { .. } => self.together.resume(&self.rule.id, id, is_over),
            Condition::Silent { .. } if is_over || self.feeds.resume(sensor, id, from) => {}
            _ => {
                let ground = Ground { id: id.to_owned(), from, to: opened_at, earlier: true };
                self.earlier.entry(sensor.to_owned()).or_default().push((ground, is_over));
            }
        }
    }

    /// The sensor of an incident of this rule (empty: over many), and since when its condition held.
    pub(super) fn named<'a>(&self, id: &'a str) -> Option<(&'a str, DateTime<Utc>)> {
        naming::parts(&self.rule.id, id).map(|(sensor, since, _)| (sensor, since))
    }

    /// Takes up the last good reading of a sensor of before a restart. It and its feed have their time from `now` on to speak again.
    pub fn know(&mut self, feed: &str, datastream: &str, [lon, lat]: [f64; 2], last: (DateTime<Utc>, f64), now: DateTime<Utc>) {
        if !self.covers(datastream, [lon, lat]) || self.sensors.contains_key(datastream) {
            return;
        }
        let name = if matches!(self.rule.when, Condition::Silent { .. }) { self.feeds.known(feed, now) } else { Arc::default() };
        self.feeds.one_more_sensor(feed);
        let mut sensor = Sensor::new(&self.rule.id, name, self.earlier.remove(datastream).unwrap_or_default());
        (sensor.lon, sensor.lat, sensor.recent) = (lon, lat, last.into());
        self.sensors.insert(datastream.to_owned(), sensor);
    }

    fn covers(&mut self, datastream: &str, place: [f64; 2]) -> bool {
        let [lon, lat] = place;
        if self.rule.area.is_none() {
            return self.rule.covers(lon, lat);
        }
        match self.places.get_mut(datastream) {
            Some((known, covered)) if *known == place => *covered,
            Some(known) => {
                *known = (place, self.rule.covers(lon, lat));
                known.1
            }
            None => {
                let covered = self.rule.covers(lon, lat);
                self.places.insert(datastream.to_owned(), (place, covered));
                covered
            }
        }
    }

    /// Takes a good reading of a feed's sensor at a place. The same time again is a correction.
    pub fn take(&mut self, feed: &str, datastream: &str, place: [f64; 2], time: DateTime<Utc>, value: f64) -> Vec<Verdict> {
        let [lon, lat] = place;
        if !self.covers(datastream, place) || !value.is_finite() {
            return Vec::new();
        }
        let heard = match self.rule.when {
            Condition::Silent { for_s } => Some(self.feeds.heard(feed, time, for_s)),
            _ => None,
        };
        let sensor = self.sensors.entry(datastream.to_owned()).or_insert_with(|| {
            self.feeds.one_more_sensor(feed);
            Sensor::new(&self.rule.id, heard.unwrap_or_default(), self.earlier.remove(datastream).unwrap_or_default())
        });
        (sensor.lon, sensor.lat) = (lon, lat);
        let was_known = sensor.recent.keep((time, value), self.rule.when, self.recent_max);
        let taken_back = self.take_back(datastream, Correction { time, value: Some(value), was_known }, value);
        if !taken_back.is_empty() {
            return taken_back;
        }
        let Some(sensor) = self.sensors.get_mut(datastream) else { return Vec::new() };
        let verdict = match self.rule.when {
            Condition::Many { .. } => self.limits().and_then(|limits| self.together.judge(&self.rule, limits, time, &self.sensors)),
            Condition::Silent { .. } => sensor.heard(time),
            _ => sensor.judge(&self.rule, datastream),
        };
        verdict.into_iter().collect()
    }

    /// Takes a reading that its source has flagged: it is no evidence, and what rested on it is taken back.
    pub fn doubt(&mut self, datastream: &str, time: DateTime<Utc>, value: f64) -> Vec<Verdict> {
        let said = |was_known| Correction { time, value: None, was_known };
        match self.sensors.get_mut(datastream).map(|sensor| sensor.recent.forget(time)) {
            Some(was_known) => self.take_back(datastream, said(was_known), value),
            None if self.limits().is_some() => self.take_back(datastream, said(false), value),
            None => self.doubt_earlier(datastream, said(false), value),
        }
    }

    /// The same of a sensor that has said nothing since a restart.
    fn doubt_earlier(&mut self, datastream: &str, said: Correction, value: f64) -> Vec<Verdict> {
        let Some(grounds) = self.earlier.get_mut(datastream) else { return Vec::new() };
        let (rule, nothing) = (&self.rule, Sensor::new(&self.rule.id, Arc::default(), Vec::new()));
        let broken: Vec<_> = grounds.extract_if(.., |(ground, _)| !ground.stands(rule, &nothing, said)).collect();
        broken.into_iter().map(|(ground, _)| retract(ground.id, datastream, said, value)).collect()
    }

    /// Takes back what no longer stands, open or over.
    fn take_back(&mut self, datastream: &str, said: Correction, value: f64) -> Vec<Verdict> {
        let broken = match (self.limits(), self.sensors.get_mut(datastream)) {
            (Some(limits), _) => self.together.take_back(limits, datastream, said),
            (None, Some(sensor)) => sensor.take_back(&self.rule, said),
            (None, None) => Vec::new(),
        };
        broken.into_iter().map(|id| retract(id, datastream, said, value)).collect()
    }

    /// Of a rule over many sensors.
    pub(super) fn limits(&self) -> Option<Limits> {
        let Condition::Many { above, sensors, close } = self.rule.when else { return None };
        Some(Limits { above, sensors, close: close.unwrap_or(above) })
    }

    /// Looks for sensors and feeds that have fallen silent at `now`; call it now and then.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Verdict> {
        let Condition::Silent { for_s } = self.rule.when else { return Vec::new() };
        let rule = &self.rule.id;
        let mut verdicts = self.feeds.judge(now, rule, for_s, &self.sensors);
        let feeds = &self.feeds;
        let silent = self.sensors.iter_mut().filter_map(|(datastream, sensor)| {
            let (last, value) = sensor.recent.newest()?;
            if sensor.phase != Phase::Quiet || feeds.deadline(sensor, last, for_s).is_none_or(|deadline| now < deadline) {
                return None;
            }
            let id = naming::id(rule, datastream, last);
            let evidence = vec![Evidence { datastream: datastream.clone(), time: last, value }];
            let ground = Ground { id: id.clone(), from: last, to: last, earlier: false };
            sensor.phase = Phase::Open { ground, over_since: None };
            Some(Verdict::Open { id, at: now, lon: sensor.lon, lat: sensor.lat, evidence })
        });
        verdicts.extend(silent);
        verdicts
    }
}

impl Sensor {
    /// One that has said nothing yet, with its incidents of an earlier run and whether their cause is over.
    pub(super) fn new(rule: &str, feed: Arc<str>, earlier: Vec<(Ground, bool)>) -> Self {
        let (mut phase, mut over, mut naming) = (Phase::Quiet, VecDeque::new(), Naming::default());
        for (ground, is_over) in earlier {
            naming.know(rule, &ground.id);
            match is_over {
                true => over.push_back(ground),
                false => phase = Phase::Open { ground, over_since: None },
            }
        }
        Self { feed, lon: 0.0, lat: 0.0, recent: Recent::default(), phase, over, naming }
    }

    /// What its incident of this id, open or over, rests on.
    pub(super) fn ground_mut(&mut self, id: &str) -> Option<&mut Ground> {
        let open = match &mut self.phase {
            Phase::Open { ground, .. } => Some(ground),
            Phase::Quiet => None,
        };
        self.over.iter_mut().chain(open).find(|ground| ground.id == id)
    }

    /// Ids of the incidents, open and over, that no longer stand now that this was said of a reading.
    fn take_back(&mut self, rule: &AlertRule, said: Correction) -> Vec<String> {
        let (mut over, mut broken) = (std::mem::take(&mut self.over), Vec::new());
        over.retain(|ground| {
            let stands = ground.stands(rule, self, said);
            if !stands {
                broken.push(ground.id.clone());
            }
            stands
        });
        self.over = over;
        if let Phase::Open { ground, .. } = &self.phase
            && !ground.stands(rule, self, said)
        {
            broken.push(ground.id.clone());
            self.phase = Phase::Quiet;
        }
        broken
    }

    /// The open incident is over; it may still be taken back.
    fn end(&mut self) -> Option<String> {
        let Phase::Open { ground, .. } = std::mem::take(&mut self.phase) else { return None };
        let id = ground.id.clone();
        if self.over.len() >= OVER_MAX {
            self.over.pop_front();
        }
        self.over.push_back(ground);
        Some(id)
    }

    /// A silent sensor has spoken again.
    fn heard(&mut self, time: DateTime<Utc>) -> Option<Verdict> {
        let Phase::Open { ground, .. } = std::mem::take(&mut self.phase) else { return None };
        Some(Verdict::Close { id: ground.id, at: time, last: None })
    }

    fn judge(&mut self, rule: &AlertRule, datastream: &str) -> Option<Verdict> {
        let (now, value) = self.recent.newest()?;
        let open = matches!(self.phase, Phase::Open { .. });
        let holds = match rule.when.rate() {
            Some(rate) => self.recent.changed(now, rate).is_some_and(|change| change >= if open { rate.close } else { rate.by }),
            None => beyond(rule.when, value, open),
        };
        match &mut self.phase {
            Phase::Open { over_since, .. } if holds => {
                *over_since = None;
                None
            }
            Phase::Open { over_since, .. } => {
                let since = *over_since.get_or_insert(now);
                if (now - since).as_seconds_f64() < rule.close_after_s {
                    return None;
                }
                let id = self.end()?;
                let last = Some(Evidence { datastream: datastream.to_owned(), time: now, value });
                Some(Verdict::Close { id, at: now, last })
            }
            Phase::Quiet if holds => self.open(rule, datastream, now),
            Phase::Quiet => None,
        }
    }

    /// Opens once the condition has held for long enough.
    fn open(&mut self, rule: &AlertRule, datastream: &str, now: DateTime<Utc>) -> Option<Verdict> {
        // What an incident that is over was opened by opens no second one; after a restart it may be all that is known.
        let used = self.over.iter().map(|ground| ground.to).max();
        let is_new = |time: DateTime<Utc>| used.is_none_or(|used| time > used);
        if !is_new(now) {
            return None;
        }
        let rate = rule.when.rate();
        let (since, run): (_, Vec<Reading>) = match rate {
            Some(rate) => {
                let run: Vec<_> = self.recent.within(now, rate.within_s).collect();
                (run.first()?.0, run)
            }
            None => self.recent.run(rule.when, is_new)?,
        };
        if rate.is_none() && (now - since).as_seconds_f64() < rule.for_s {
            return None;
        }
        let mut shown = run[run.len().saturating_sub(EVIDENCE_MAX)..].to_vec();
        // What it has risen or fallen from belongs to it, however long the span is.
        if let Some(from) = rate.and_then(|rate| run.iter().min_by(|a, b| (rate.sign * a.1).total_cmp(&(rate.sign * b.1))))
            && !shown.contains(from)
        {
            shown[0] = *from;
        }
        let evidence: Vec<_> = shown.into_iter().map(|(time, value)| Evidence { datastream: datastream.to_owned(), time, value }).collect();
        let id = self.naming.next(&rule.id, datastream, since);
        self.phase = Phase::Open { ground: Ground { id: id.clone(), from: since, to: now, earlier: false }, over_since: None };
        Some(Verdict::Open { id, at: now, lon: self.lon, lat: self.lat, evidence })
    }
}

fn retract(id: String, datastream: &str, said: Correction, value: f64) -> Verdict {
    let corrected = Evidence { datastream: datastream.to_owned(), time: said.time, value };
    Verdict::Retract { id, corrected, flagged: said.value.is_none() }
}

/// Whether a value makes the condition hold; once open, the milder limit counts.
pub(super) fn beyond(when: Condition, value: f64, open: bool) -> bool {
    match when {
        Condition::Above { value: limit, close } => value > if open { close.unwrap_or(limit) } else { limit },
        Condition::Below { value: limit, close } => value < if open { close.unwrap_or(limit) } else { limit },
        Condition::Rise { .. } | Condition::Fall { .. } | Condition::Silent { .. } | Condition::Many { .. } => false,
    }
}
