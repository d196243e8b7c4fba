//! Roll-ups, and how it is known that they hold.
//!
//! Before readings are inserted, each hour of a property they fall into is *touched*: it gets a random token. Roll-ups of an hour are made
//! from its readings by every server for its own, under a token of their own; then a row in `derived` says which touches they have *seen*
//! (the sum of their tokens). They hold as long as the sum is the same: any later reading, late or corrected, is preceded by a touch, and
//! from then on the readings of that hour answer, until the hour has been quiet for a while and is made anew. Materialized views would be
//! wrong after a correction, for they see a reading once and can't take it back.
//!
//! The slots of the servers' clocks (ten minutes) only decide when an hour is quiet: then all readings whose touch is seen are there.

use super::rollups::HourOf;
use super::rows::{In, Out};
use super::{ClickHouse, HOUR_US, Shared};
use crate::history::HistoryError;
use crate::history::answer::to_us;
use chrono::Utc;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

/// How often a hub looks for hours that have become quiet.
const KEEP_EVERY: Duration = Duration::from_secs(300);
/// Slots until an hour is quiet, and until a hub that has begun one is taken for dead: ten minutes at least.
const QUIET: u32 = 2;
/// Slots until nobody is at work any more on what was begun: a day.
const DEAD: u32 = 144;

/// Hours that may fail in a row before the rest waits: one that can't be made must not keep others from it, a server that is down fails all.
const FAILURES_MAX: usize = 3;

/// What a row in `derived` says of its roll-ups.
const BEGUN: u8 = 0;
const MADE: u8 = 1;
/// The readings they were made of are gone: they hold whatever comes late.
const LAST: u8 = 2;

/// A row of `derived`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    pub token: u64,
    seen: u64,
    state: u8,
    pub slot: u32,
}

/// What is known of an hour of a property.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hour {
    /// Sum of the touches' tokens, and the slot of the newest.
    touched: u64,
    slot: u32,
    pub marks: Vec<Mark>,
}

impl Hour {
    /// Roll-ups that hold, by their token, and whether the readings are gone.
    pub(super) fn whole(&self) -> Option<(u64, bool)> {
        let newest = |wanted: &dyn Fn(&&Mark) -> bool| self.marks.iter().filter(wanted).map(|m| m.token).max();
        let last = newest(&|m| m.state == LAST).map(|token| (token, true));
        last.or_else(|| newest(&|m| m.state == MADE && m.seen == self.touched).map(|token| (token, false)))
    }

    fn is_quiet(&self, now: u32) -> bool {
        self.slot.saturating_add(QUIET) <= now
    }

    /// Whether a hub is at work on it, but for the one with this token.
    fn is_begun(&self, now: u32, but_for: Option<u64>) -> bool {
        let made = |token| self.marks.iter().any(|m| m.token == token && m.state != BEGUN);
        self.marks.iter().any(|m| m.state == BEGUN && m.slot.saturating_add(QUIET) > now && Some(m.token) != but_for && !made(m.token))
    }

    /// Roll-ups that hold no longer and were made so long ago that no question still reads them, and halves that nobody goes on with.
    fn old(&self, now: u32) -> Vec<u64> {
        let age = |m: &&Mark| m.slot.saturating_add(if m.state == BEGUN { DEAD } else { QUIET }) <= now;
        let mut old: Vec<u64> = self.marks.iter().filter(age).map(|m| m.token).collect();
        old.sort_unstable();
        old.dedup();
        old
    }

    #[cfg(test)]
    pub(super) fn of_one(token: u64, gone: bool) -> Self {
        let mark = Mark { token, seen: 5, state: if gone { LAST } else { MADE }, slot: 0 };
        Self { touched: 5, slot: 0, marks: vec![mark] }
    }
}

/// By property and hour.
type Hours = BTreeMap<(String, i64), Hour>;

/// A number that nobody else has had.
fn token() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low
}

/// A row of what is known of an hour: the sum of its touches and the slot of the newest, or a mark.
enum Row {
    Touched(u64, u32),
    Marked(Mark),
}

fn row_of_hour(row: &mut In) -> Option<((String, i64), Row)> {
    let (kind, property, hour) = (row.u8()?, row.text()?, row.i64()?);
    let (token, slot, seen, state) = (row.u64()?, row.u32()?, row.u64()?, row.u8()?);
    let of_hour = if kind == 0 { Row::Touched(token, slot) } else { Row::Marked(Mark { token, seen, state, slot }) };
    Some(((property, hour), of_hour))
}

/// Runs as long as the history is open; answers never depend on it.
pub(super) async fn keep(history: impl Fn() -> Option<ClickHouse>) {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        let Some(history) = history() else { return };
        let outcome = history.derive_quiet().await;
        if let Err(e) = &outcome {
            tracing::error!("history: roll-ups could not be made, readings answer: {e}");
        }
        history.shared.note(outcome.err());
    }
}

impl Shared {
    fn note(&self, e: Option<HistoryError>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = e.map(|e| e.to_string());
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClickHouse {
    /// The same history for as long as somebody else has it open.
    pub(super) fn weak(&self) -> impl Fn() -> Option<Self> + Send + use<> {
        let (servers, names, shared): (_, _, Weak<Shared>) = (self.servers.clone(), self.names.clone(), Arc::downgrade(&self.shared));
        move || shared.upgrade().map(|shared| Self { servers: servers.clone(), names: names.clone(), shared })
    }

    /// Rows of `touches` before readings are inserted: day, property, hour, token.
    pub(super) async fn touch(&self, hours: &BTreeSet<(String, i64)>) -> Result<(), HistoryError> {
        let mut out = Out::default();
        for (property, hour) in hours {
            out.day(hour * HOUR_US).text(property).i64(*hour).u64(token());
        }
        self.servers.insert(&self.names.table("touches"), "day, property, hour, token", &out.0).await
    }

    async fn mark(&self, of: HourOf<'_>, token: u64, seen: u64, state: u8) -> Result<(), HistoryError> {
        let mut out = Out::default();
        out.day(of.hour * HOUR_US).text(of.property).i64(of.hour).u64(token).u64(seen).u8(state);
        self.servers.insert(&self.names.table("derived"), "day, property, hour, token, seen, state", &out.0).await
    }

    /// What is known of hours that were touched or derived; of one property, or of all.
    async fn hours(&self, hours: Range<i64>, property: Option<&str>) -> Result<Hours, HistoryError> {
        let mut known = Hours::new();
        for (of, row) in self.rows(&self.names.hours(hours, property), row_of_hour).await? {
            let hour = known.entry(of).or_default();
            match row {
                Row::Touched(touched, slot) => (hour.touched, hour.slot) = (touched, slot),
                Row::Marked(mark) => hour.marks.push(mark),
            }
        }
        Ok(known)
    }

    /// The same of one property's hours that a range of time touches.
    pub(super) async fn hours_of(&self, times: &Range<i64>, property: &str) -> Result<BTreeMap<i64, Hour>, HistoryError> {
        let range = times.start.div_euclid(HOUR_US)..(times.end - 1).div_euclid(HOUR_US) + 1;
        let known = self.hours(range, Some(property)).await?;
        Ok(known.into_iter().map(|((_, hour), known)| (hour, known)).collect())
    }

    /// The ten-minute slot of the servers' clock.
    pub(super) async fn slot(&self) -> Result<u32, HistoryError> {
        let slots = self.rows(&self.names.slot(), |row| row.u32()).await?;
        Ok(slots.first().copied().unwrap_or_default())
    }

    /// Hours that have ended, from the first that was touched; what is older has been let go of.
    async fn ended(&self) -> Result<Range<i64>, HistoryError> {
        let touched = self.rows(&self.names.touched(), |row| Some((row.u64()?, row.i64()?))).await?;
        let now = to_us(Utc::now()).div_euclid(HOUR_US);
        let first = touched.first().filter(|(count, _)| *count > 0).map_or(now, |(_, hour)| *hour);
        Ok(first.max(0)..now)
    }

    /// Makes the roll-ups of all hours that have become quiet, and forgets those that they replace.
    pub(super) async fn derive_quiet(&self) -> Result<(), HistoryError> {
        let now = self.slot().await?;
        let mut failed = Vec::new();
        for ((property, hour), known) in self.hours(self.ended().await?, None).await? {
            if known.whole().is_some() || !known.is_quiet(now) || known.is_begun(now, None) {
                continue;
            }
            if let Err(e) = self.derive_anew(HourOf { property: &property, hour }, &known, now).await {
                failed.push(e);
            }
            if failed.len() >= FAILURES_MAX {
                break;
            }
        }
        failed.into_iter().next().map_or(Ok(()), Err)
    }

    pub(super) async fn derive_anew(&self, of: HourOf<'_>, known: &Hour, now: u32) -> Result<(), HistoryError> {
        self.derive(of, known.touched).await?;
        let old = known.old(now);
        if !old.is_empty() {
            for statement in self.names.forget(of, &old) {
                self.servers.everywhere(&statement).await?;
            }
        }
        Ok(())
    }

    /// Makes the roll-ups of all hours without waiting until they are over and quiet. Readings that come through this history
    /// meanwhile are waited for; other hubs must not append.
    pub(super) async fn derive_all(&self) -> Result<(), HistoryError> {
        let hours = {
            let _no_readings_under_way = self.shared.appending.write().await;
            self.hours(0..i64::MAX / HOUR_US, None).await?
        };
        for ((property, hour), known) in hours {
            if known.whole().is_none() {
                self.derive(HourOf { property: &property, hour }, known.touched).await?;
            }
        }
        Ok(())
    }

    /// Makes the roll-ups of an hour on every server; none hold unless all have them.
    async fn derive(&self, of: HourOf<'_>, seen: u64) -> Result<u64, HistoryError> {
        let token = token();
        self.mark(of, token, seen, BEGUN).await?;
        for server in 0..self.servers.urls().len() {
            // A server that is named twice would count twice.
            let answer = self.servers.ask_one(server, &self.names.rolled_up(of, token)).await?;
            if In(&answer).u64() != Some(0) {
                continue;
            }
            for statement in self.names.derive(of, token) {
                self.servers.tell_one(server, &statement).await?;
            }
        }
        self.mark(of, token, seen, MADE).await?;
        Ok(token)
    }

    /// Makes sure that a day's roll-ups will do without its readings; says why when they won't yet.
    ///
    /// # Errors
    /// When the servers can't be asked.
    pub(super) async fn close_day(&self, day: &str) -> Result<Result<(), String>, HistoryError> {
        let read = self.rows(&self.names.hours_read(day), |row| Some((row.text()?, row.i64()?))).await?;
        let range = read.iter().map(|(_, hour)| *hour).min().unwrap_or(0)..read.iter().map(|(_, hour)| hour + 1).max().unwrap_or(0);
        let known = {
            let _no_readings_under_way = self.shared.appending.write().await;
            self.hours(range.clone(), None).await?
        };
        let mut last = Vec::new();
        for of in &read {
            let hour = known.get(of).cloned().unwrap_or_default();
            let (property, at) = (of.0.as_str(), of.1);
            match hour.whole() {
                Some((_, true)) => {}
                Some((token, false)) => last.push((HourOf { property, hour: at }, token)),
                None => {
                    let of = HourOf { property, hour: at };
                    last.push((of, self.derive(of, hour.touched).await?));
                }
            }
        }
        // Another hub that has begun the same may have read what is half gone, or we what it has begun to remove.
        let (now, again) = (self.slot().await?, self.hours(range, None).await?);
        for (of, token) in &last {
            let hour = again.get(&(of.property.to_owned(), of.hour)).cloned().unwrap_or_default();
            if hour.is_begun(now, Some(*token)) || hour.whole().is_some_and(|(_, gone)| gone) {
                return Ok(Err(format!("observations/day={day} is being let go by another hub")));
            }
        }
        for (of, token) in last {
            self.mark(of, token, 0, LAST).await?;
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(touched: u64, marks: &[(u64, u64, u8, u32)]) -> Hour {
        let marks = marks.iter().map(|&(token, seen, state, slot)| Mark { token, seen, state, slot }).collect();
        Hour { touched, slot: 100, marks }
    }

    #[test]
    fn roll_ups_hold_until_their_hour_is_touched_again_or_for_ever_once_its_readings_are_gone() {
        assert_eq!(hour(5, &[]).whole(), None);
        assert_eq!(hour(5, &[(1, 5, BEGUN, 100)]).whole(), None, "half made");
        assert_eq!(hour(5, &[(1, 5, BEGUN, 100), (1, 5, MADE, 100)]).whole(), Some((1, false)));
        assert_eq!(hour(6, &[(1, 5, MADE, 100)]).whole(), None, "something came since");
        assert_eq!(hour(6, &[(1, 5, MADE, 100), (2, 6, MADE, 101)]).whole(), Some((2, false)));
        assert_eq!(hour(7, &[(1, 5, LAST, 100), (2, 7, MADE, 101)]).whole(), Some((1, true)), "what comes late changes nothing");
    }

    #[test]
    fn an_hour_is_made_anew_by_one_hub_once_it_is_quiet() {
        let touched = hour(5, &[]);
        assert!(!touched.is_quiet(101) && touched.is_quiet(102));
        let begun = hour(5, &[(1, 5, BEGUN, 102)]);
        assert!(begun.is_begun(103, None) && !begun.is_begun(103, Some(1)), "another hub is at work");
        assert!(!begun.is_begun(104, None), "or was, and has died");
        assert!(!hour(5, &[(1, 5, BEGUN, 102), (1, 5, MADE, 102)]).is_begun(103, None), "it is done");
        assert_eq!(hour(9, &[(1, 5, BEGUN, 90), (1, 5, MADE, 90), (2, 9, BEGUN, 110)]).old(110), [1]);
        assert_eq!(hour(9, &[(1, 5, BEGUN, 90)]).old(110), [0; 0], "a slow hub may still be at it");
        assert_eq!(hour(9, &[(1, 5, BEGUN, 90)]).old(90 + DEAD), [1]);
    }

    #[test]
    fn tokens_differ() {
        let tokens: std::collections::HashSet<u64> = (0..1000).map(|_| token()).collect();
        assert_eq!(tokens.len(), 1000);
    }
}
