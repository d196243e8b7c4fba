//! Which alerts hold: an Update takes the place of what it refers to, a Cancel ends it, in whatever order they come.
//!
//! Messages of one status speak of that status only: no exercise, test or draft ends a real alert.

use super::parse::{BLOCK, Kind, Message};
use crate::model::alert::{Alert, AlertStatus};
use chrono::{DateTime, Utc};
use indexmap::IndexMap;

/// Messages whose alerts are remembered so that they can be ended; as many as the hub holds.
const SHOWN_MAX: usize = 10_000;
/// Messages known to be over, in case they come late.
const OVER_MAX: usize = 20_000;

/// A message's status and [`super::parse::Key::id`].
type Id = (AlertStatus, String);

#[derive(Debug, Default)]
pub struct Register {
    shown: IndexMap<Id, Vec<Alert>>,
    /// What has been replaced (by which alert) or cancelled.
    over: IndexMap<Id, Option<String>>,
}

/// What comes of a message.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// Alerts that have changed, in this order.
    Changed(Vec<Alert>),
    /// Said before, word for word.
    Repeated,
    /// Replaced or cancelled before it came.
    Superseded,
    /// Cancels something that was never heard of.
    NothingToCancel,
}

impl Register {
    /// Holds these alerts as if their messages had come before.
    pub fn resumed(mut alerts: Vec<Alert>) -> Self {
        // A message's first block before its others.
        alerts.sort_by(|a, b| a.sent.cmp(&b.sent).then_with(|| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id))));
        let mut register = Self::default();
        for alert in alerts {
            let first = alert.id.rsplit_once(BLOCK).filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(first, _)| first.to_owned());
            let first = first.map(|first| (alert.status, first));
            let has_begun = |id: &Id| register.shown.contains_key(id) || register.over.contains_key(id);
            let id = first.filter(has_begun).unwrap_or_else(|| (alert.status, alert.id.clone()));
            if alert.cancelled {
                register.over.insert(id, alert.replaced_by);
            } else {
                register.shown.entry(id).or_default().push(alert);
            }
        }
        register
    }

    /// Takes an Alert, Update or Cancel; the alerts that change by it.
    pub fn take(&mut self, message: Message, now: DateTime<Utc>) -> Verdict {
        let id = (message.status, message.key.id());
        let by = (message.kind == Kind::Update).then(|| message.alerts.first().map(|a| a.id.clone())).flatten();
        let (mut changed, ended_at) = (Vec::new(), Some(message.sent));
        if message.kind != Kind::Alert {
            for reference in message.references.iter().filter(|r| **r != message.key) {
                let over = (message.status, reference.id());
                if let Some(alerts) = self.shown.shift_remove(&over) {
                    changed.extend(alerts.into_iter().map(|a| Alert { cancelled: true, replaced_by: by.clone(), ended_at, ..a }));
                }
                bound(&mut self.over, OVER_MAX);
                self.over.insert(over, by.clone());
            }
        }
        if message.kind == Kind::Cancel {
            return if changed.is_empty() { Verdict::NothingToCancel } else { Verdict::Changed(changed) };
        }
        if self.over.contains_key(&id) {
            return if changed.is_empty() { Verdict::Superseded } else { Verdict::Changed(changed) };
        }
        if self.shown.get(&id) == Some(&message.alerts) {
            return if changed.is_empty() { Verdict::Repeated } else { Verdict::Changed(changed) };
        }
        if self.shown.len() >= SHOWN_MAX {
            self.shown.retain(|_, alerts| alerts.iter().any(|a| a.expires.is_none_or(|end| now < end)));
        }
        bound(&mut self.shown, SHOWN_MAX);
        self.shown.insert(id, message.alerts.clone());
        changed.extend(message.alerts);
        Verdict::Changed(changed)
    }
}

/// Makes room for one more by forgetting the oldest, in blocks, because removing the first one shifts all others.
fn bound<K, V>(map: &mut IndexMap<K, V>, max: usize) {
    if map.len() >= max {
        map.drain(..max / 10);
    }
}
