//! What is known at an instant: the newest of each entity, without what is over.

use super::{Entry, Gone, Kind, What};
use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;

/// Entities of one kind; the oldest make room.
const ENTITIES_MAX: usize = 1_200_000;
/// Reports say nothing of an end, so they are known for so long.
const INCIDENT_KNOWN: TimeDelta = TimeDelta::days(7);
/// A unit that has been stale for so long is forgotten.
const STALE_KNOWN: TimeDelta = TimeDelta::days(1);

/// Filled by entries in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    datastreams: IndexMap<String, Entry>,
    observations: IndexMap<String, Entry>,
    units: IndexMap<String, Entry>,
    incidents: IndexMap<String, Entry>,
    alerts: IndexMap<String, Entry>,
}

impl State {
    /// Takes what was said; an older word never replaces a newer one.
    pub fn apply(&mut self, entry: Entry) {
        let (kept, id, is_newer): (_, _, fn(&What, &What) -> bool) = match &entry.what {
            What::Base(_) => return,
            What::Gone(gone) => return self.forget(gone),
            What::Datastream(d) => (&mut self.datastreams, d.id.clone(), |_, _| true),
            What::Incident(r) => (&mut self.incidents, r.id.clone(), |_, _| true),
            What::Observation(o) => (&mut self.observations, o.datastream.clone(), |new, old| match (new, old) {
                (What::Observation(new), What::Observation(old)) => new.phenomenon_time >= old.phenomenon_time,
                _ => true,
            }),
            What::Unit(u) => (&mut self.units, u.id.clone(), |new, old| match (new, old) {
                (What::Unit(new), What::Unit(old)) => new.seen_at >= old.seen_at,
                _ => true,
            }),
            What::Alert(a) => (&mut self.alerts, a.id.clone(), |new, old| match (new, old) {
                (What::Alert(new), What::Alert(old)) => new.sent >= old.sent,
                _ => true,
            }),
        };
        match kept.get_mut(&id) {
            Some(old) if is_newer(&entry.what, &old.what) => *old = entry,
            Some(_) => {}
            None => {
                if kept.len() >= ENTITIES_MAX {
                    // In blocks, because removing the first one shifts all others.
                    kept.drain(..ENTITIES_MAX / 10);
                }
                kept.insert(id, entry);
            }
        }
    }

    fn forget(&mut self, gone: &Gone) {
        match gone.entity {
            Kind::Datastream => {
                self.datastreams.shift_remove(&gone.id);
                self.observations.shift_remove(&gone.id);
            }
            Kind::Incident => drop(self.incidents.shift_remove(&gone.id)),
            Kind::Unit => drop(self.units.shift_remove(&gone.id)),
            Kind::Alert => drop(self.alerts.shift_remove(&gone.id)),
        }
    }

    /// What still holds at `now`, each datastream before its reading.
    pub fn entries(&self, now: DateTime<Utc>) -> Vec<Entry> {
        let holds = |e: &&Entry| match &e.what {
            What::Unit(unit) => !unit.is_stale(now - STALE_KNOWN),
            What::Incident(_) => e.t + INCIDENT_KNOWN > now,
            What::Alert(alert) => !alert.cancelled && alert.expires.is_none_or(|end| now < end),
            _ => true,
        };
        let all = [&self.datastreams, &self.observations, &self.units, &self.incidents, &self.alerts];
        all.into_iter().flat_map(IndexMap::values).filter(holds).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(second: i64, kind: &str, data: serde_json::Value) -> Entry {
        serde_json::from_value(json!({"t": DateTime::UNIX_EPOCH + TimeDelta::seconds(second), "kind": kind, "data": data})).unwrap()
    }

    fn unit(second: i64, lon: f64) -> Entry {
        let seen_at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        entry(
            second,
            "unit",
            json!({"id": "u", "call_sign": "U", "domain": "traffic", "kind": "", "state": "available", "lon": lon, "lat": 1.0, "seen_at": seen_at}),
        )
    }

    fn alert(second: i64, cancelled: bool, expires: i64) -> Entry {
        let at = |s| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        entry(
            second,
            "alert",
            json!({"id": "a", "feed": "f", "sender": "s", "sent": at(second), "status": "actual", "severity": "minor",
            "event": "e", "areas": [], "effective": at(second), "expires": at(expires), "cancelled": cancelled}),
        )
    }

    #[test]
    fn only_what_still_holds_is_known_and_never_an_older_word() {
        let at = |s| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        let mut state = State::default();
        for e in [unit(10, 2.0), unit(5, 1.0), alert(10, false, 100)] {
            state.apply(e);
        }
        assert_eq!(state.entries(at(20)), [unit(10, 2.0), alert(10, false, 100)]);
        // Expired, and long stale.
        assert_eq!(state.entries(at(100)), [unit(10, 2.0)]);
        assert_eq!(state.entries(at(86_400 * 2)), []);
        state.apply(alert(11, true, 100));
        assert_eq!(state.entries(at(20)), [unit(10, 2.0)]);
        state.apply(entry(12, "gone", json!({"entity": "unit", "id": "u"})));
        assert_eq!(state.entries(at(20)), []);
    }
}
