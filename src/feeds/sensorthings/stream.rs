//! How far one datastream was read, and which of its readings have come, to tell a repetition from what is late.

use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::time::Instant;

/// Messages remembered of a datastream whose times say nothing: unreadable, or of a clock that is far ahead.
const ODD_MAX: usize = 1_024;

/// One datastream of a server.
pub(super) struct Stream {
    pub datastream: Datastream,
    /// `Datastreams(7)`.
    pub path: String,
    pub progress: Progress,
}

/// What has come of one datastream.
#[derive(Default)]
pub(super) struct Progress {
    /// Time of the newest reading taken; one ahead of the clock counts as now.
    pub position: Option<DateTime<Utc>>,
    /// Readings before it are from before our first look.
    pub since: Option<DateTime<Utc>>,
    /// What came after it is still to be asked for, of this datastream by name.
    pub owed: Option<DateTime<Utc>>,
    pub memory: Memory,
}

impl Progress {
    /// Whether an answer to our own question is of no interest: from before our first look, or from before `floor`, where memory ends,
    /// and so taken already as far as anybody can tell.
    pub fn is_past(&self, time: DateTime<Utc>, floor: DateTime<Utc>) -> bool {
        let taken = self.owed.or(self.position);
        self.since.is_some_and(|since| time < since) || (time < floor && taken.is_some_and(|taken| time <= taken))
    }
}

/// A datastream that the catalogue doesn't have.
#[derive(Default)]
pub(super) struct Stranger {
    pub memory: Memory,
    /// When the catalogue was last to be read again for it.
    pub sought: Option<Instant>,
}

/// Readings by time and content. The same time with another value is a correction.
#[derive(Default)]
pub(super) struct Memory {
    /// Microseconds since the Unix epoch, and a hash.
    timed: BTreeSet<(i64, u64)>,
    odd: VecDeque<u64>,
}

impl Memory {
    /// Whether this has not come before; remembers it. `time`: `None` when it can't be believed.
    pub fn is_new(&mut self, time: Option<DateTime<Utc>>, content: u64) -> bool {
        if let Some(time) = time {
            return self.timed.insert((time.timestamp_micros(), content));
        }
        if self.odd.contains(&content) {
            return false;
        }
        if self.odd.len() == ODD_MAX {
            self.odd.pop_front();
        }
        self.odd.push_back(content);
        true
    }

    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.timed.first()?.0)
    }

    pub fn len(&self) -> usize {
        self.timed.len()
    }

    fn forget_before(&mut self, floor: DateTime<Utc>) {
        if self.oldest().is_some_and(|oldest| oldest < floor) {
            self.timed = self.timed.split_off(&(floor.timestamp_micros(), 0));
        }
    }
}

/// Forgets the older quarter of all readings; from when on they are still remembered, and how many there are.
pub(super) fn forget_oldest(memories: &mut [&mut Memory]) -> (DateTime<Utc>, usize) {
    let mut times: Vec<i64> = memories.iter().flat_map(|m| m.timed.iter().map(|(us, _)| *us)).collect();
    let quarter = times.len() / 4;
    let floor = if times.is_empty() { 0 } else { *times.select_nth_unstable(quarter).1 };
    let floor = DateTime::from_timestamp_micros(floor).unwrap_or_default();
    memories.iter_mut().for_each(|m| m.forget_before(floor));
    (floor, memories.iter().map(|m| m.len()).sum())
}

/// What makes two readings of one time the same.
pub(super) fn content(parsed: &Result<Observation, String>, entity: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match parsed {
        // To the microsecond, as readings are kept. The same value, flagged since or of another span, is another reading.
        Ok(o) => (o.phenomenon_time.timestamp_micros(), o.phenomenon_start, o.value.to_bits(), o.quality).hash(&mut hasher),
        Err(_) => entity.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(s, 0).unwrap()
    }

    #[test]
    fn a_correction_is_new_and_both_values_are_known_afterwards() {
        let mut memory = Memory::default();
        assert!(memory.is_new(Some(at(1)), 7) && memory.is_new(Some(at(1)), 8) && memory.is_new(None, 7));
        assert!(!memory.is_new(Some(at(1)), 7) && !memory.is_new(Some(at(1)), 8) && !memory.is_new(None, 7));
        memory.forget_before(at(2));
        assert_eq!((memory.len(), memory.oldest()), (0, None));
    }

    #[test]
    fn what_is_oldest_is_forgotten_of_all_datastreams_alike() {
        let (mut quick, mut slow) = (Memory::default(), Memory::default());
        (0..90).for_each(|s| assert!(quick.is_new(Some(at(s)), 1)));
        (0..10).for_each(|n| assert!(slow.is_new(Some(at(n * 9)), 1)));
        let (floor, left) = forget_oldest(&mut [&mut quick, &mut slow]);
        assert_eq!((floor, left), (at(22), 68 + 7));
        assert_eq!((quick.oldest(), slow.oldest()), (Some(at(22)), Some(at(27))));
        assert_eq!(forget_oldest(&mut [&mut Memory::default()]), (at(0), 0));
    }

    #[test]
    fn behind_the_end_of_memory_only_what_is_owed_is_of_interest() {
        let progress = Progress { position: Some(at(50)), since: Some(at(10)), ..Progress::default() };
        let past = |p: &Progress, s| p.is_past(at(s), at(100));
        assert_eq!([9, 50, 51, 100].map(|s| past(&progress, s)), [true, true, false, false]);
        let owing = Progress { owed: Some(at(20)), ..progress };
        assert_eq!([9, 20, 21, 51].map(|s| past(&owing, s)), [true, true, false, false]);
    }
}
