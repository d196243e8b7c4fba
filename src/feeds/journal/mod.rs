//! Journals: what a feed or a platform said and when, one JSON object a line; plain, `.gz`, or `.zst` in frames.
//!
//! ```text
//! {"t":"2026-05-01T00:00:02Z","kind":"observation","data":{"datastream":"aq-01","phenomenon_time":"…","value":31.0}}
//! ```
//! `t` is when it was said, by the clock of whoever wrote the journal. The hub's own journals ([`Recorder`]) are rotated, and each of
//! their files begins with what was known then (`base`), so that a file needs no other and any instant is found by reading one.

mod read;
mod single;
mod state;
mod write;

pub use read::{Journals, PlayReport};
pub use single::Single;
pub use state::State;
pub use write::{Limits, Recorder};

use super::FeedEvent;
use crate::model::alert::Alert;
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub t: DateTime<Utc>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum What {
    Datastream(Datastream),
    Observation(Observation),
    Incident(Report),
    Unit(Unit),
    Alert(Box<Alert>),
    /// An entity that is there no longer; an incident that is over.
    Gone(Gone),
    /// The next entries are what was known when the file was begun, not what happened then.
    Base(Base),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    pub entity: Kind,
    pub id: String,
    /// Why an incident is over, in its source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Datastream,
    Incident,
    Unit,
    Alert,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Files of one feed are played one after the other.
    pub feed: String,
    pub entries: u64,
}

impl What {
    /// What is kept of an event; its ledger and its marks are nobody's news later.
    pub fn of(event: &FeedEvent) -> Option<Self> {
        match event {
            FeedEvent::Datastream(d) => Some(Self::Datastream(d.clone())),
            FeedEvent::Observation(o) => Some(Self::Observation(o.clone())),
            FeedEvent::Incident(r) => Some(Self::Incident(r.clone())),
            FeedEvent::Unit(u) => Some(Self::Unit(u.clone())),
            FeedEvent::Alert(a) => Some(Self::Alert(Box::new(a.clone()))),
            FeedEvent::Ended { incident, why } => {
                Some(Self::Gone(Gone { entity: Kind::Incident, id: incident.clone(), why: Some(why.clone()) }))
            }
            FeedEvent::Status(_) | FeedEvent::Barrier(_) => None,
        }
    }
}

/// A journal that can't be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", file.display())]
pub struct JournalError {
    pub file: PathBuf,
    pub source: std::io::Error,
}
