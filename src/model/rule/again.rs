//! Incidents of before a restart: what they rested on, from whoever kept it, so that a correction still takes them back.

use super::watch::{Evidence, Sensor, Watch};
use super::{AlertRule, Condition};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// The good readings that [`Watch::remember`] asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Needed {
    /// Those of a datastream in a span, ends included.
    Of { datastream: String, from: DateTime<Utc>, to: DateTime<Utc> },
    /// The newest at an instant of each sensor that the rule covers, none older than `since`.
    Latest { rule: Box<AlertRule>, since: DateTime<Utc>, at: DateTime<Utc> },
}

/// As old as a reading may be that counts in a rule over many sensors.
pub(super) const FRESH: TimeDelta = TimeDelta::hours(1);

impl Watch {
    /// What the incident of this rule, which was opened by the reading of `opened_at`, rested on; `None` where the id says enough.
    pub fn needs(&self, id: &str, opened_at: DateTime<Utc>) -> Option<Needed> {
        let (sensor, _) = self.named(id)?;
        match self.rule.when {
            Condition::Rise { within_s, .. } | Condition::Fall { within_s, .. } => {
                let from = opened_at - TimeDelta::milliseconds((within_s * 1000.0) as i64);
                Some(Needed::Of { datastream: sensor.to_owned(), from, to: opened_at })
            }
            Condition::Many { .. } => {
                Some(Needed::Latest { rule: Box::new(AlertRule::clone(&self.rule)), since: opened_at - FRESH, at: opened_at })
            }
            Condition::Above { .. } | Condition::Below { .. } | Condition::Silent { .. } => None,
        }
    }

    /// Takes what an incident that was taken up again rested on. Where that is not enough for it, it stands for good as before.
    pub fn remember(&mut self, id: &str, readings: Vec<Evidence>) {
        if let Some(limits) = self.limits() {
            return self.together.remember(limits, id, readings);
        }
        let (Some(rate), Some((datastream, _))) = (self.rule.when.rate(), self.named(id)) else { return };
        let (rule, earlier) = (&self.rule, &mut self.earlier);
        let sensor = self.sensors.entry(datastream.to_owned()).or_insert_with(|| {
            // Its place comes with its next reading, before anything is judged by it.
            Sensor::new(&rule.id, Arc::default(), earlier.remove(datastream).unwrap_or_default())
        });
        for Evidence { time, value, .. } in readings {
            // What has been said since the restart is newer.
            if !sensor.recent.knows(time) {
                sensor.recent.keep((time, value), self.rule.when, self.recent_max);
            }
        }
        let Some(to) = sensor.ground_mut(id).map(|ground| ground.to) else { return };
        let is_known = sensor.recent.changed(to, rate).is_some_and(|change| change >= rate.by);
        if let Some(ground) = sensor.ground_mut(id) {
            ground.earlier &= !is_known;
        }
    }
}
