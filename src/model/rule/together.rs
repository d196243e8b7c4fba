//! The one incident of a rule over many sensors, and the readings it rests on.

use super::AlertRule;
use super::again::FRESH;
use super::ground::Correction;
use super::naming::Naming;
use super::watch::{EVIDENCE_MAX, Evidence, OVER_MAX, Sensor, Verdict};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, VecDeque};

/// From when on it is an incident, and until when.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub above: f64,
    pub sensors: usize,
    pub close: f64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Together {
    /// The open incident, and since when the condition no longer holds.
    open: Option<(Crowd, Option<DateTime<Utc>>)>,
    /// Those that are over and may still be taken back, the newest last.
    over: VecDeque<Crowd>,
    naming: Naming,
}

/// An incident with the reading of each sensor that was above the limit when it was opened; none of one of before a restart
/// until it is remembered.
#[derive(Clone, Debug)]
struct Crowd {
    id: String,
    readings: HashMap<String, (DateTime<Utc>, Option<f64>)>,
}

impl Together {
    /// Takes up an incident of an earlier run.
    pub fn resume(&mut self, rule: &str, id: &str, is_over: bool) {
        self.naming.know(rule, id);
        let crowd = Crowd { id: id.to_owned(), readings: HashMap::new() };
        if is_over { self.end(crowd) } else { self.open = Some((crowd, None)) }
    }

    /// Takes what the incident of an earlier run rested on, where that is enough for it.
    pub fn remember(&mut self, limits: Limits, id: &str, readings: Vec<Evidence>) {
        let open = self.open.as_mut().map(|(crowd, _)| crowd);
        let Some(crowd) = self.over.iter_mut().chain(open).find(|crowd| crowd.id == id && crowd.readings.is_empty()) else { return };
        let above = readings.into_iter().filter(|e| e.value > limits.above);
        let readings: HashMap<_, _> = above.map(|e| (e.datastream, (e.time, Some(e.value)))).collect();
        if readings.len() >= limits.sensors {
            crowd.readings = readings;
        }
    }

    fn end(&mut self, crowd: Crowd) {
        if self.over.len() >= OVER_MAX {
            self.over.pop_front();
        }
        self.over.push_back(crowd);
    }

    pub fn judge(&mut self, rule: &AlertRule, limits: Limits, now: DateTime<Utc>, sensors: &HashMap<String, Sensor>) -> Option<Verdict> {
        let limit = if self.open.is_none() { limits.above } else { limits.close };
        let mut over: Vec<(&String, &Sensor, DateTime<Utc>, f64)> = sensors
            .iter()
            .filter_map(|(id, s)| s.recent.newest().map(|(t, v)| (id, s, t, v)))
            .filter(|(_, _, t, v)| *v > limit && now - *t <= FRESH)
            .collect();
        over.sort_by(|a, b| a.0.cmp(b.0));
        match &mut self.open {
            None if over.len() >= limits.sensors => Some(self.begin(rule, now, &over)),
            None => None,
            Some((crowd, over_since)) if over.len() + crowd.unheard(limits, now, sensors) >= limits.sensors => {
                *over_since = None;
                None
            }
            Some((_, over_since)) => {
                let since = *over_since.get_or_insert(now);
                if (now - since).as_seconds_f64() < rule.close_after_s {
                    return None;
                }
                let (crowd, _) = self.open.take()?;
                let id = crowd.id.clone();
                self.end(crowd);
                Some(Verdict::Close { id, at: now, last: None })
            }
        }
    }

    fn begin(&mut self, rule: &AlertRule, now: DateTime<Utc>, over: &[(&String, &Sensor, DateTime<Utc>, f64)]) -> Verdict {
        let n = over.len() as f64;
        let (lon, lat) = over.iter().fold((0.0, 0.0), |(x, y), (_, s, ..)| (x + s.lon / n, y + s.lat / n));
        let evidence = over.iter().take(EVIDENCE_MAX);
        let evidence = evidence.map(|(id, _, time, value)| Evidence { datastream: (*id).clone(), time: *time, value: *value }).collect();
        let id = self.naming.next(&rule.id, "", now);
        let readings = over.iter().map(|(id, _, time, value)| ((*id).clone(), (*time, Some(*value)))).collect();
        self.open = Some((Crowd { id: id.clone(), readings }, None));
        Verdict::Open { id, at: now, lon, lat, evidence }
    }

    /// Ids of the incidents, open and over, that no longer stand once this is said of a reading of `datastream`.
    pub fn take_back(&mut self, limits: Limits, datastream: &str, said: Correction) -> Vec<String> {
        let mut broken = Vec::new();
        let mut stands = |crowd: &mut Crowd| {
            let stands = crowd.stands(limits, datastream, said);
            if !stands {
                broken.push(crowd.id.clone());
            }
            stands
        };
        self.over.retain_mut(&mut stands);
        drop(self.open.take_if(|(crowd, _)| !stands(crowd)));
        broken
    }
}

impl Crowd {
    /// Sensors that have said nothing since a restart: what they said before it still counts.
    fn unheard(&self, limits: Limits, now: DateTime<Utc>, sensors: &HashMap<String, Sensor>) -> usize {
        let counts = |time: DateTime<Utc>, value: Option<f64>| now - time <= FRESH && value.is_some_and(|v| v > limits.close);
        self.readings.iter().filter(|(id, (time, value))| !sensors.contains_key(*id) && counts(*time, *value)).count()
    }

    /// Takes the correction in; whether there are still enough sensors above the limit.
    fn stands(&mut self, limits: Limits, datastream: &str, said: Correction) -> bool {
        let Some((_, value)) = self.readings.get_mut(datastream).filter(|(time, _)| *time == said.time) else { return true };
        *value = said.value;
        self.readings.values().filter(|(_, v)| v.is_some_and(|v| v > limits.above)).count() >= limits.sensors
    }
}
