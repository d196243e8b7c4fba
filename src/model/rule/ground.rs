//! What an incident of one sensor rests on, and whether it still does once a reading of it was corrected or flagged.

use super::watch::{Sensor, beyond};
use super::{AlertRule, Condition};
use chrono::{DateTime, Utc};

/// The readings that opened an incident, by the span they lie in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ground {
    pub id: String,
    /// Time of the first of them.
    pub from: DateTime<Utc>,
    /// Time of the one that opened it.
    pub to: DateTime<Utc>,
    /// It was opened before a restart: its readings are no longer in memory.
    pub earlier: bool,
}

/// What is said anew of a reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    pub time: DateTime<Utc>,
    /// `None`: its source takes it for wrong.
    pub value: Option<f64>,
    /// Whether another word on it is in memory; else it may as well be a reading that has come late.
    pub was_known: bool,
}

impl Ground {
    /// Whether the incident would still have been opened, with the correction in `sensor` already. What can't be told stands.
    pub fn stands(&self, rule: &AlertRule, sensor: &Sensor, correction: Correction) -> bool {
        let concerns = (self.from..=self.to).contains(&correction.time) && (correction.was_known || self.earlier);
        if !concerns {
            return true;
        }
        if let Some(rate) = rule.when.rate() {
            let is_told = !self.earlier && sensor.recent.tells(rate, self.from, self.to, correction.time);
            return !is_told || sensor.recent.changed(self.to, rate).is_some_and(|change| change >= rate.by);
        }
        let is_whole = !self.earlier && sensor.recent.is_whole_since(self.from);
        match rule.when {
            Condition::Above { .. } | Condition::Below { .. } if is_whole => self.holds(rule, sensor),
            when @ (Condition::Above { .. } | Condition::Below { .. }) => match correction.value {
                Some(value) => beyond(when, value, false),
                // An id has milliseconds, a reading may have less.
                None => self.from.timestamp_millis() != self.to.timestamp_millis(),
            },
            Condition::Rise { .. } | Condition::Fall { .. } | Condition::Silent { .. } | Condition::Many { .. } => true,
        }
    }

    /// Whether what is left of its readings is beyond the limit, and goes on so for as long as the rule asks.
    fn holds(&self, rule: &AlertRule, sensor: &Sensor) -> bool {
        let mut of_it = sensor.recent.iter().filter(|(t, _)| (self.from..=self.to).contains(t));
        let Some((first, _)) = of_it.clone().next() else { return false };
        if !of_it.all(|(_, v)| beyond(rule.when, v, false)) {
            return false;
        }
        let run = sensor.recent.iter().skip_while(|(t, _)| *t < first).take_while(|(_, v)| beyond(rule.when, *v, false));
        run.last().is_some_and(|(last, _)| (last - first).as_seconds_f64() >= rule.for_s)
    }
}
