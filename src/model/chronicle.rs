//! Incidents as they were: the events of the last days, folded up to any instant. Pure; the clock is an argument.

use super::incident::{Event, Happened, Incident, OutOfOrder};
use super::view::Known;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};

/// Every incident with the events that may still be asked for one by one.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    incidents: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    /// The incident before the first of `events`; `None` when that is its report.
    base: Option<Incident>,
    events: VecDeque<Event>,
}

impl Chronicle {
    /// Takes an event, which must follow on those taken before.
    pub fn push(&mut self, event: &Event) {
        self.incidents.entry(event.incident.clone()).or_default().events.push_back(event.clone());
    }

    /// Incidents as they were at `time`, in the order of their ids: by when things happened, or by when the hub had heard of them.
    pub fn at(&self, time: DateTime<Utc>, known: Known) -> Vec<Incident> {
        self.incidents.values().filter_map(|kept| kept.at(time, known)).collect()
    }

    /// Makes one state of all events before `time`; instants before it can no longer be told apart.
    ///
    /// # Errors
    /// An event that doesn't follow on the one before; that incident keeps its events.
    pub fn forget_before(&mut self, time: DateTime<Utc>) -> Result<(), OutOfOrder> {
        let mut wrong = Ok(());
        for kept in self.incidents.values_mut() {
            while let Some(event) = kept.events.pop_front_if(|e| e.by.at < time) {
                match Incident::after(kept.base.take(), &event) {
                    Ok(after) => kept.base = Some(after),
                    Err(e) => wrong = Err(e),
                }
            }
        }
        wrong
    }
}

impl Kept {
    fn at(&self, time: DateTime<Utc>, known: Known) -> Option<Incident> {
        let mut state = self.base.clone().filter(|i| i.reported_at <= time);
        for event in self.events.iter().take_while(|e| happened_at(e, known) <= time) {
            match Incident::after(state.take(), event) {
                Ok(after) => state = Some(after),
                // A hole in the store: what is known before it is still true.
                Err(_) => break,
            }
        }
        state
    }
}

/// When an event happened: by the device in the person's hand, or when the hub had it. A device whose clock is ahead can't make
/// it later than that.
fn happened_at(event: &Event, known: Known) -> DateTime<Utc> {
    let heard = event.by.at;
    let there = match (&event.what, known) {
        (_, Known::AsWeKnewIt) | (Happened::Amended { .. }, _) => None,
        (Happened::Reported { report, .. }, Known::AsItHappened) => report.reported_at,
        (Happened::Moved { .. }, Known::AsItHappened) => event.device_time,
    };
    there.map_or(heard, |there| there.min(heard))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::{Action, Domain, IncidentState, Report, Severity, Stamp};
    use crate::model::protocol::Role;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn event(version: u64, heard: i64, happened: i64, to: IncidentState) -> Event {
        let report = Report {
            id: "i".into(),
            domain: Domain::Traffic,
            category: "traffic/accident/collision".into(),
            severity: Severity::Minor,
            title: "追尾".into(),
            title_en: String::new(),
            description: String::new(),
            lon: 118.0,
            lat: 33.0,
            area: None,
            reported_at: Some(at(happened)),
        };
        let what = match version {
            1 => Happened::Reported { report, source: "f".into(), due_at: None },
            _ => Happened::Moved { action: Action::Verify, to, due_at: None },
        };
        let by = Stamp { actor: "a".into(), screen: "s".into(), at: at(heard) };
        Event {
            incident: "i".into(),
            version,
            command: "c".into(),
            by,
            role: Role::Officer,
            device_time: Some(at(happened)),
            reason: None,
            what,
        }
    }

    #[test]
    fn an_offline_report_happened_before_we_knew_of_it() {
        let mut chronicle = Chronicle::default();
        chronicle.push(&event(1, 60, 10, IncidentState::Reported));
        chronicle.push(&event(2, 90, 80, IncidentState::Verifying));
        let state = |minute, known| chronicle.at(at(minute), known).first().map(|i| i.state);
        assert_eq!(state(9, Known::AsItHappened), None);
        assert_eq!(state(10, Known::AsItHappened), Some(IncidentState::Reported));
        assert_eq!((state(59, Known::AsWeKnewIt), state(60, Known::AsWeKnewIt)), (None, Some(IncidentState::Reported)));
        assert_eq!(
            (state(85, Known::AsItHappened), state(85, Known::AsWeKnewIt)),
            (Some(IncidentState::Verifying), Some(IncidentState::Reported))
        );
    }

    proptest! {
        #[test]
        fn forgetting_what_is_old_changes_nothing_after_it(steps in prop::collection::vec(1i64..30, 1..12), cut in 0i64..200, asked in 0i64..400) {
            let mut chronicle = Chronicle::default();
            let mut now = 0;
            for (i, step) in steps.iter().enumerate() {
                now += step;
                let to = if i % 2 == 0 { IncidentState::Reported } else { IncidentState::Verifying };
                chronicle.push(&event(i as u64 + 1, now, now - 1, to));
            }
            let asked = asked.max(cut);
            let before = [Known::AsItHappened, Known::AsWeKnewIt].map(|k| chronicle.at(at(asked), k));
            chronicle.forget_before(at(cut)).unwrap();
            let after = [Known::AsItHappened, Known::AsWeKnewIt].map(|k| chronicle.at(at(asked), k));
            prop_assert_eq!(before, after);
        }
    }
}
