//! Incident events by the day, and what incidents were at an instant.

use super::Shared;
use super::event_sheet::{self, DAY_US};
use super::index::Part;
use crate::history::answer::to_us;
use crate::history::{At, EventQuery, INCIDENT_DAYS, IncidentEvent, READINGS_MAX, Told};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Files of events kept in memory: those of [`INCIDENT_DAYS`], so that scrubbing reads each once.
const FILES_MAX: usize = 256;

type Sheet = Arc<Vec<Arc<IncidentEvent>>>;

/// What files of events say, read once.
#[derive(Debug, Default)]
pub(super) struct EventDays(Mutex<HashMap<PathBuf, Sheet>>);

impl Shared {
    fn event_sheet(&self, part: &Part, missing: &mut Vec<String>) -> Sheet {
        let known = self.event_days.0.lock().unwrap_or_else(PoisonError::into_inner).get(&part.path).cloned();
        if let Some(known) = known {
            return known;
        }
        let before = missing.len();
        let events = self.tolerant(part, event_sheet::read(part), missing);
        let sheet: Sheet = Arc::new(events.into_iter().map(Arc::new).collect());
        if missing.len() == before {
            let mut known = self.event_days.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= FILES_MAX {
                known.clear();
            }
            known.insert(part.path.clone(), sheet.clone());
        }
        sheet
    }

    /// Events of days `from..=to`, each once, in order.
    fn events_of(&self, days: std::ops::RangeInclusive<i64>, known_by: Option<i64>, missing: &mut Vec<String>) -> Vec<Arc<IncidentEvent>> {
        if days.is_empty() {
            return Vec::new();
        }
        let hot = self.hot().clone();
        let parts: Vec<Arc<Part>> = self.index().events.range(days.clone()).flat_map(|(_, s)| s.raw.clone()).collect();
        let in_memory = hot.chunks().flat_map(|c| &c.events).filter(|e| days.contains(&to_us(e.happened_at).div_euclid(DAY_US)));
        let mut events: Vec<Arc<IncidentEvent>> = in_memory.cloned().collect();
        for part in parts {
            events.extend(self.event_sheet(&part, missing).iter().cloned());
        }
        events.retain(|e| known_by.is_none_or(|by| to_us(e.received_at) <= by));
        events.sort_by(|a, b| (a.happened_at, &a.incident, a.version).cmp(&(b.happened_at, &b.incident, b.version)));
        events.dedup_by(|a, b| (a.happened_at, &a.incident, a.version) == (b.happened_at, &b.incident, b.version));
        events
    }

    pub(super) fn events(&self, query: &EventQuery) -> Told<IncidentEvent> {
        let mut missing = Vec::new();
        let times = to_us(query.from)..to_us(query.to);
        let days = times.start.div_euclid(DAY_US)..=(times.end - 1).div_euclid(DAY_US);
        let limit = query.limit.min(READINGS_MAX);
        let mut rows = Vec::new();
        for day in self.event_days_of(days) {
            let events = self.events_of(day..=day, query.known_by.map(to_us), &mut missing);
            let wanted = |e: &&Arc<IncidentEvent>| {
                times.contains(&to_us(e.happened_at)) && query.incident.as_ref().is_none_or(|incident| *incident == e.incident)
            };
            rows.extend(events.iter().filter(wanted).take(limit - rows.len()).map(|e| IncidentEvent::clone(e)));
            if rows.len() >= limit {
                break;
            }
        }
        Told { rows, missing }
    }

    /// Days with events.
    fn event_days_of(&self, days: std::ops::RangeInclusive<i64>) -> Vec<i64> {
        if days.is_empty() {
            return Vec::new();
        }
        let in_memory: Vec<i64> = self.hot().chunks().flat_map(|c| &c.events).map(|e| to_us(e.happened_at).div_euclid(DAY_US)).collect();
        let mut all: Vec<i64> = self.index().events.range(days.clone()).map(|(day, _)| *day).collect();
        all.extend(in_memory.into_iter().filter(|d| days.contains(d)));
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn incidents_at(&self, at: At) -> Told<IncidentEvent> {
        let until = to_us(at.time);
        let day = until.div_euclid(DAY_US);
        let mut missing = Vec::new();
        let events = self.events_of(day - i64::from(INCIDENT_DAYS) + 1..=day, at.known_by.map(to_us), &mut missing);
        let mut newest: BTreeMap<&str, &Arc<IncidentEvent>> = BTreeMap::new();
        for event in events.iter().filter(|e| to_us(e.happened_at) <= until) {
            let slot = newest.entry(&event.incident).or_insert(event);
            if slot.version <= event.version {
                *slot = event;
            }
        }
        Told { rows: newest.into_values().map(|e| IncidentEvent::clone(e)).collect(), missing }
    }
}
