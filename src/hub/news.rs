//! What many screens are told, written once for all of them.

use crate::model::protocol::{Change, Revision};
use crate::model::unit::Unit;
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;
use std::sync::Arc;

/// A unit's position as every screen is told it.
#[derive(Debug, PartialEq)]
pub struct UnitNews {
    pub id: Arc<str>,
    /// WGS 84, degrees: which viewports see it.
    pub lon: f64,
    pub lat: f64,
    /// The [`Change::Unit`] as it goes over the wire.
    json: Box<str>,
}

impl UnitNews {
    pub fn of(unit: &Unit) -> Arc<Self> {
        // Our own types with string keys: serde_json has no way to refuse them.
        let json = serde_json::to_string(&Change::Unit { unit: unit.clone() }).unwrap_or_default();
        Arc::new(Self { id: unit.id.as_str().into(), lon: unit.lon, lat: unit.lat, json: json.into() })
    }
}

/// The delta that tells these positions: the same text as serde would make of it.
pub fn delta(revision: Revision, time: DateTime<Utc>, units: &[Arc<UnitNews>]) -> String {
    let mut text = String::with_capacity(120 + units.iter().map(|u| u.json.len() + 1).sum::<usize>());
    let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    // Writing to a string can't fail.
    let _ = write!(text, r#"{{"type":"delta","revision":{},"time":"{time}","changes":["#, revision.0);
    for (i, unit) in units.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&unit.json);
    }
    text.push_str("]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::Domain;
    use crate::model::protocol::FromHub;
    use crate::model::unit::UnitState;

    #[test]
    fn what_is_written_by_hand_is_what_the_protocol_says() {
        let (domain, state, seen_at) = (Domain::Traffic, UnitState::Available, DateTime::UNIX_EPOCH);
        let unit = |id: &str| Unit {
            id: id.into(),
            call_sign: "警\"1\"".into(),
            domain,
            kind: "patrol_car".into(),
            state,
            lon: 118.3,
            lat: 33.9,
            heading_deg: 1.5,
            seen_at,
            stale_at: None,
            details: None,
        };
        let time = DateTime::from_timestamp_millis(1_767_225_600_123).unwrap();
        for ids in [&[][..], &["a"][..], &["a", "b"][..]] {
            let units: Vec<_> = ids.iter().map(|id| unit(id)).collect();
            let news: Vec<_> = units.iter().map(UnitNews::of).collect();
            let changes = units.into_iter().map(|unit| Change::Unit { unit }).collect();
            let by_serde = serde_json::to_string(&FromHub::Delta { revision: Revision(7), time, changes }).unwrap();
            assert_eq!(delta(Revision(7), time, &news), by_serde);
        }
    }
}
