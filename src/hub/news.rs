//! What many screens are told, written once for all of them.

use super::to_screens::Came;
use crate::model::alert::Alert;
use crate::model::feed::FeedStatus;
use crate::model::observation::{Datastream, Observation};
use crate::model::protocol::{Change, Revision, ScreenInfo};
use crate::model::unit::Unit;
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;
use std::sync::Arc;

/// A changed thing as every screen is told it; the newest word on it takes the place of an older one.
#[derive(Debug, PartialEq)]
pub struct News {
    /// Its kind and id.
    pub key: Arc<str>,
    /// Longitude and latitude (WGS 84, degrees) by which viewports see it; `None`: every screen is told.
    pub at: Option<[f64; 2]>,
    /// From where and when it came, where it is news from a source.
    pub came: Option<Came>,
    /// The [`Change`] as it goes over the wire.
    json: Box<str>,
}

impl News {
    fn of(key: String, at: Option<[f64; 2]>, came: Option<Came>, change: &Change) -> Arc<Self> {
        // Our own types with string keys: serde_json has no way to refuse them.
        let json = serde_json::to_string(change).unwrap_or_default();
        Arc::new(Self { key: key.into(), at, came, json: json.into() })
    }

    pub fn unit(unit: Unit, came: Option<Came>) -> Arc<Self> {
        Self::of(format!("unit {}", unit.id), Some([unit.lon, unit.lat]), came, &Change::Unit { unit })
    }

    /// `at`: the place of its datastream.
    pub fn observation(observation: Observation, at: [f64; 2], came: Option<Came>) -> Arc<Self> {
        Self::of(format!("observation {}", observation.datastream), Some(at), came, &Change::Observation { observation })
    }

    pub fn datastream(datastream: Datastream) -> Arc<Self> {
        Self::of(format!("datastream {}", datastream.id), None, None, &Change::Datastream { datastream })
    }

    pub fn alert(alert: Alert, came: Option<Came>) -> Arc<Self> {
        Self::of(format!("alert {}", alert.id), None, came, &Change::Alert { alert: Box::new(alert) })
    }

    pub fn feed(feed: FeedStatus) -> Arc<Self> {
        Self::of(format!("feed {}", feed.feed), None, None, &Change::Feed { feed })
    }

    /// `total`: how many there are, where not all are told.
    pub fn screens(screens: Vec<ScreenInfo>, total: usize) -> Arc<Self> {
        Self::of("screens".into(), None, None, &Change::Screens { screens, total })
    }
}

/// The delta that tells these: the same text as serde would make of it.
pub fn delta(revision: Revision, time: DateTime<Utc>, news: &[Arc<News>]) -> String {
    let mut text = String::with_capacity(120 + news.iter().map(|n| n.json.len() + 1).sum::<usize>());
    let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    // Writing to a string can't fail.
    let _ = write!(text, r#"{{"type":"delta","revision":{},"time":"{time}","changes":["#, revision.0);
    for (i, one) in news.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&one.json);
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
            let news: Vec<_> = units.iter().map(|u| News::unit(u.clone(), None)).collect();
            let changes = units.into_iter().map(|unit| Change::Unit { unit }).collect();
            let by_serde = serde_json::to_string(&FromHub::Delta { revision: Revision(7), time, changes }).unwrap();
            assert_eq!(delta(Revision(7), time, &news), by_serde);
        }
    }
}
