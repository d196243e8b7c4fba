//! The loss ledger of one feed.

use super::Coordinates;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Messages by a short word of what became of them.
pub type Counts = BTreeMap<Cow<'static, str>, u64>;

/// The loss ledger of one feed: `received = stored + rejected + conflated + quarantined` at any time, and each of the last three
/// is the sum of its reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    pub feed: String,
    pub kind: String,
    #[serde(default)]
    pub coordinates: Coordinates,
    pub connected: bool,
    /// Since when all counts are kept: they go on over restarts of the hub. `None` of a hub of before they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    pub received: u64,
    pub stored: u64,
    /// Can't be used: unreadable, incomplete, out of range.
    pub rejected: u64,
    #[serde(default)]
    pub rejected_for: Counts,
    /// Left out by policy: repeated, or replaced by a newer one before there was room for it.
    pub conflated: u64,
    #[serde(default)]
    pub conflated_by: Counts,
    /// May be right but can't be trusted or placed: a clock that is wrong, a sensor nobody has described.
    pub quarantined: u64,
    #[serde(default)]
    pub quarantined_for: Counts,
    /// Events that are missing in its journal, though it is recorded.
    #[serde(default)]
    pub unrecorded: u64,
    /// Messages that never came, by the source's own sequence numbers.
    #[serde(default)]
    pub gaps: u64,
    /// How late messages come; `None` until one with a time has come.
    #[serde(default)]
    pub lag: Option<Lag>,
    /// The source's clock less ours, milliseconds: as it tells its time, else by how much its readings are ahead of ours. `None` where
    /// neither is known.
    #[serde(default)]
    pub skew_ms: Option<f64>,
    /// Of a source whose clock is not known: by how much, in milliseconds, all its messages of the last minute are late. Its clock is
    /// behind, or they are always as long on their way. `None` where they differ, or are on time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_late_ms: Option<f64>,
    /// Event time of the newest message.
    pub newest: Option<DateTime<Utc>>,
    /// Why nothing is taken just now, in words: the source waits, and what it has sent since is acknowledged to nobody. `None` while all
    /// flows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// In words, for the feeds panel.
    pub last_error: Option<String>,
}

/// Milliseconds from the event to its arrival at the hub (a wrong clock of the source shows here), and from there to a screen's socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    pub arrival_p50_ms: f64,
    pub arrival_p99_ms: f64,
    #[serde(default)]
    pub screen_p50_ms: Option<f64>,
    #[serde(default)]
    pub screen_p99_ms: Option<f64>,
}

impl FeedStatus {
    /// Its counts and since when they are kept, without what holds for this moment only.
    pub fn counts(&self) -> Self {
        let one = self.clone();
        Self {
            feed: one.feed,
            since: one.since,
            received: one.received,
            stored: one.stored,
            rejected: one.rejected,
            rejected_for: one.rejected_for,
            conflated: one.conflated,
            conflated_by: one.conflated_by,
            quarantined: one.quarantined,
            quarantined_for: one.quarantined_for,
            unrecorded: one.unrecorded,
            gaps: one.gaps,
            ..Self::default()
        }
    }

    /// Whether every message has exactly one fate, and every fate its reasons.
    pub fn balances(&self) -> bool {
        let sum = |counts: &Counts| counts.values().sum::<u64>();
        self.received == self.stored + self.rejected + self.conflated + self.quarantined
            && self.rejected == sum(&self.rejected_for)
            && self.conflated == sum(&self.conflated_by)
            && self.quarantined == sum(&self.quarantined_for)
    }
}
