//! What a sensor has said lately: as much as its rule judges by, in bounded memory whatever its rate.
//!
//! Dropping the oldest is not enough: at one reading a second that leaves four minutes, and a rule of five would never open. So what is
//! dropped leaves behind what a verdict needs of it. Of a rule with a limit that is since when the condition has held, which is exact. Of a
//! rule of a rise or fall it is the lowest (highest) and the last reading of each slice of its span: a low may be missed in the slice that is
//! only partly in the span, and nothing of before the span is ever counted.

use super::watch::beyond;
use super::{Condition, Rate};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// Readings of a sensor kept to judge by; 6 KiB.
pub(super) const RECENT_MAX: usize = 256;
/// Slices in the span of a rise or fall. At two readings each, those of `SPANS` leave half of the room to the newest readings as they came.
const SLICES: f64 = 32.0;
/// Spans of a rise or fall that are kept, so that an incident can be judged anew when a reading is corrected after it was opened.
const SPANS: f64 = 2.0;

pub(super) type Reading = (DateTime<Utc>, f64);

#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// By time, the newest last.
    readings: VecDeque<Reading>,
    /// Time of the newest reading that was dropped from the old end.
    forgotten: Option<DateTime<Utc>>,
    /// Time of the newest reading that was dropped from its slice.
    thinned: Option<DateTime<Utc>>,
    /// Since when all that were dropped from the old end were beyond the limit, up to the oldest that is still there.
    held_since: Option<DateTime<Utc>>,
}

impl From<Reading> for Recent {
    fn from(reading: Reading) -> Self {
        Self { readings: [reading].into(), ..Self::default() }
    }
}

impl Recent {
    pub fn newest(&self) -> Option<Reading> {
        self.readings.back().copied()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Reading> + Clone {
        self.readings.iter().copied()
    }

    pub fn knows(&self, time: DateTime<Utc>) -> bool {
        self.at(time).is_ok()
    }

    /// Where a reading of this time is, or would be.
    fn at(&self, time: DateTime<Utc>) -> Result<usize, usize> {
        self.readings.binary_search_by_key(&time, |(t, _)| *t)
    }

    /// Keeps a reading in its order, of `max` at most; whether it corrects one that was there.
    pub fn keep(&mut self, (time, value): Reading, when: Condition, max: usize) -> bool {
        match self.at(time) {
            Ok(at) => self.readings.get_mut(at).is_some_and(|(_, before)| std::mem::replace(before, value) != value),
            // Where it belongs there is nothing left to judge it by.
            Err(0) if !self.readings.is_empty() && self.forgotten.is_some_and(|until| time <= until) => {
                self.leave((time, value), when);
                false
            }
            Err(at) => {
                self.readings.insert(at, (time, value));
                if self.readings.len() > max {
                    self.drop_one(when);
                }
                false
            }
        }
    }

    /// Forgets a reading; whether it was there.
    pub fn forget(&mut self, time: DateTime<Utc>) -> bool {
        // What came after the first of a run is not known any more.
        self.held_since.take_if(|since| *since == time);
        self.at(time).is_ok_and(|at| self.readings.remove(at).is_some())
    }

    fn drop_one(&mut self, when: Condition) {
        if let Some(at) = when.rate().and_then(|rate| self.spare(rate)) {
            let dropped = self.readings.remove(at).map(|(t, _)| t);
            self.thinned = self.thinned.max(dropped);
        } else if let Some(oldest) = self.readings.pop_front() {
            self.leave(oldest, when);
        }
    }

    /// The oldest reading that is neither the lowest (highest) nor the last of its slice; `None` where the oldest of all may go.
    fn spare(&self, rate: Rate) -> Option<usize> {
        let (&(oldest, _), &(newest, _)) = self.readings.front().zip(self.readings.back())?;
        if (newest - oldest).as_seconds_f64() > SPANS * rate.within_s {
            return None;
        }
        let mut before = None;
        let pairs = self.readings.iter().zip(self.readings.iter().skip(1));
        pairs.enumerate().find_map(|(at, (&(time, value), &(next_time, next)))| {
            let (slice, value, next) = (rate.slice(time), value * rate.sign, next * rate.sign);
            let has_lower_before = before.replace((slice, value)).is_some_and(|(s, v)| s == slice && v < value);
            (slice == rate.slice(next_time) && (has_lower_before || next <= value)).then_some(at)
        })
    }

    /// Takes down what a verdict needs of one that is dropped from the old end.
    fn leave(&mut self, (time, value): Reading, when: Condition) {
        let is_late = self.forgotten.is_some_and(|until| time <= until);
        self.forgotten = self.forgotten.max(Some(time));
        self.held_since = match self.held_since {
            Some(since) if time < since => Some(since),
            since if beyond(when, value, false) => since.or((!is_late).then_some(time)),
            _ => None,
        };
    }

    /// The newest readings that are beyond the limit without a break, of those that `may` count, the oldest first; and since when.
    pub fn run(&mut self, when: Condition, may: impl Fn(DateTime<Utc>) -> bool) -> Option<(DateTime<Utc>, Vec<Reading>)> {
        // Those that count begin after it; its place is taken by the next that is dropped.
        self.held_since.take_if(|since| !may(*since));
        let mut run: Vec<_> = self.iter().rev().take_while(|(t, v)| may(*t) && beyond(when, *v, false)).collect();
        run.reverse();
        let first = run.first()?.0;
        let since = self.held_since.filter(|_| run.len() == self.readings.len()).unwrap_or(first);
        Some((since, run))
    }

    pub fn within(&self, now: DateTime<Utc>, span_s: f64) -> impl Iterator<Item = Reading> {
        self.iter().filter(move |(t, _)| *t <= now && (now - *t).as_seconds_f64() <= span_s)
    }

    /// How much it has risen (or fallen) from the least (greatest) reading of the span to the one at its end; `None` with fewer than two.
    pub fn changed(&self, now: DateTime<Utc>, rate: Rate) -> Option<f64> {
        let readings: Vec<_> = self.within(now, rate.within_s).map(|(_, v)| v * rate.sign).collect();
        let least = readings.iter().copied().fold(f64::INFINITY, f64::min);
        (readings.len() >= 2).then(|| readings[readings.len() - 1] - least)
    }

    /// Whether all readings since then are still there.
    pub fn is_whole_since(&self, from: DateTime<Utc>) -> bool {
        self.forgotten.is_none_or(|until| until < from) && self.thinned.is_none_or(|until| until < from)
    }

    /// Whether the change from `from` to `to` can be told now that the reading of `corrected` was: not where another that was dropped from
    /// its slice may be the lowest now. What rises to `to` from readings that are there is told until `to` itself may be dropped.
    pub fn tells(&self, rate: Rate, from: DateTime<Utc>, to: DateTime<Utc>, corrected: DateTime<Utc>) -> bool {
        let is_held = self.forgotten.is_none_or(|until| until < from);
        let is_its_slice_whole = |until| rate.slice(until) < rate.slice(corrected) || (corrected == to && until < to);
        is_held && self.thinned.is_none_or(is_its_slice_whole)
    }
}

impl Rate {
    /// The slice of its span that a time lies in; the same whatever else is known.
    fn slice(self, time: DateTime<Utc>) -> i64 {
        (time.timestamp_micros() as f64 * SLICES / (self.within_s * 1e6)).floor() as i64
    }
}

#[cfg(test)]
mod tests;
