//! The loss ledger of one feed: what its adapter counted, what the hub did with the rest, and what both counted before a restart, as one
//! balanced account.

use crate::feeds::LagMeter;
use crate::model::feed::{Counts, FeedStatus, Lag};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// A time further ahead than this says nothing of how new a feed is.
const AHEAD_MAX: TimeDelta = TimeDelta::days(31);

/// What half of all messages must be ahead of our clock to be told as a clock that is wrong, milliseconds.
const SKEW_LEAST_MS: f64 = 2_000.0;

/// So many messages must agree before it is said that all of them are late.
const ALWAYS_LATE_OF: u64 = 20;
/// What half of them may be later than the least, as a part of it.
const ALWAYS_LATE_SPREAD: f64 = 0.25;

/// What became of one event; in words of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stored,
    Rejected(&'static str),
    Conflated(&'static str),
    Quarantined(&'static str),
}

/// Counts of the hub beside those of the adapter.
#[derive(Debug)]
pub struct Ledger {
    source: Arc<str>,
    /// Counts of before this start of the hub.
    before: FeedStatus,
    adapter: FeedStatus,
    hub: FeedStatus,
    told: FeedStatus,
    lag: LagMeter,
    /// How far times were ahead of our clock.
    ahead: LagMeter,
}

impl Ledger {
    pub fn new(feed: &str) -> Self {
        let empty = FeedStatus { feed: feed.to_owned(), ..FeedStatus::default() };
        Self {
            source: feed.into(),
            before: FeedStatus::default(),
            adapter: empty.clone(),
            hub: empty.clone(),
            told: empty,
            lag: LagMeter::default(),
            ahead: LagMeter::default(),
        }
    }

    /// Goes on from the counts of `before` this start.
    pub fn after(mut self, before: &FeedStatus) -> Self {
        self.before = before.counts();
        // No news before the adapter has said what it is.
        self.told = self.status();
        self
    }

    pub fn id(&self) -> &str {
        &self.hub.feed
    }

    /// The id, for what goes on from here with its source.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Takes the adapter's own account.
    pub fn adapter_says(&mut self, status: FeedStatus) {
        self.adapter = FeedStatus { feed: self.hub.feed.clone(), ..status };
    }

    /// A message with its event time has come.
    pub fn seen(&mut self, at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let Some(at) = at else { return };
        if at <= now + AHEAD_MAX {
            self.hub.newest = self.hub.newest.max(Some(at));
        }
        let late_ms = (now - at).num_milliseconds();
        self.lag.record(late_ms);
        self.ahead.record(-late_ms);
    }

    /// What went wrong last, in words.
    pub fn note(&mut self, why: String) {
        self.hub.last_error = Some(why);
    }

    /// Nothing is taken just now, and why, or all flows again; whether that is news.
    pub fn hold_back(&mut self, why: Option<String>) -> bool {
        let news = self.hub.held_back != why;
        self.hub.held_back = why;
        news
    }

    /// The adapter is gone: nothing more will come.
    pub fn ended(&mut self, why: &str) {
        self.adapter.connected = false;
        self.adapter.last_error = Some(why.to_owned());
    }

    /// So many are in no journal though they should be, and why.
    pub fn unrecorded(&mut self, entries: u64, why: Option<String>) {
        if entries > self.hub.unrecorded {
            self.hub.unrecorded = entries;
            self.hub.last_error = why.map(|why| format!("journal: {why}"));
        }
    }

    pub fn count(&mut self, fate: Fate) {
        self.count_many(fate, 1);
    }

    /// So many messages with one fate.
    pub fn count_many(&mut self, fate: Fate, messages: u64) {
        if messages == 0 {
            return;
        }
        let hub = &mut self.hub;
        hub.received += messages;
        let (total, reason) = match fate {
            Fate::Stored => {
                hub.stored += messages;
                return;
            }
            Fate::Rejected(why) => (&mut hub.rejected, hub.rejected_for.entry(why.into()).or_default()),
            Fate::Conflated(by) => (&mut hub.conflated, hub.conflated_by.entry(by.into()).or_default()),
            Fate::Quarantined(why) => (&mut hub.quarantined, hub.quarantined_for.entry(why.into()).or_default()),
        };
        *total += messages;
        *reason += messages;
    }

    /// What never reached the hub, by the adapter's count, and what did, by ours, beside what was before: balanced at any moment,
    /// whatever is on its way.
    pub fn status(&self) -> FeedStatus {
        let (a, h, b) = (&self.adapter, &self.hub, &self.before);
        let lag = self.lag.quantiles_ms().map(|(p50, p99)| Lag { arrival_p50_ms: p50, arrival_p99_ms: p99, ..Lag::default() });
        FeedStatus {
            since: b.since,
            received: b.received + h.received + a.rejected + a.conflated + a.quarantined,
            stored: b.stored + h.stored,
            rejected: b.rejected + h.rejected + a.rejected,
            rejected_for: summed([&b.rejected_for, &h.rejected_for, &a.rejected_for]),
            conflated: b.conflated + h.conflated + a.conflated,
            conflated_by: summed([&b.conflated_by, &h.conflated_by, &a.conflated_by]),
            quarantined: b.quarantined + h.quarantined + a.quarantined,
            quarantined_for: summed([&b.quarantined_for, &h.quarantined_for, &a.quarantined_for]),
            gaps: b.gaps + a.gaps,
            lag,
            skew_ms: a.skew_ms.or_else(|| self.skew_ms()),
            always_late_ms: if a.skew_ms.is_none() { self.always_late_ms() } else { None },
            unrecorded: b.unrecorded + h.unrecorded,
            held_back: h.held_back.clone(),
            newest: h.newest.max(a.newest),
            last_error: a.last_error.clone().or_else(|| h.last_error.clone()),
            ..a.clone()
        }
    }

    /// Of a source that doesn't tell its time: a reading from the future is a clock that is ahead of ours by at least so much.
    fn skew_ms(&self) -> Option<f64> {
        self.ahead.quantiles_ms().map(|(half, _)| half).filter(|ms| *ms >= SKEW_LEAST_MS)
    }

    /// Of a source that doesn't tell its time: what all messages of the last minute are late by, where that is about the same for half of
    /// them. Its clock is behind, or it always takes as long; nothing here can tell which.
    fn always_late_ms(&self) -> Option<f64> {
        let (least, half) = self.lag.least_and_half_ms(ALWAYS_LATE_OF)?;
        (least >= SKEW_LEAST_MS && half - least <= least * ALWAYS_LATE_SPREAD).then_some(least)
    }

    /// The account, when it says something else than the last time.
    ///
    /// `to_screens_ms`: how long what it says is on its way from the hub to screens, as [`super::to_screens::ToScreens`] has it.
    pub fn news(&mut self, to_screens_ms: Option<(f64, f64)>) -> Option<FeedStatus> {
        let mut status = self.status();
        if let (Some(lag), Some((p50, p99))) = (&mut status.lag, to_screens_ms) {
            (lag.screen_p50_ms, lag.screen_p99_ms) = (Some(p50), Some(p99));
        }
        (status != self.told).then(|| {
            self.told = status.clone();
            status
        })
    }
}

fn summed(parts: [&Counts; 3]) -> Counts {
    let mut sum = Counts::new();
    for (why, count) in parts.into_iter().flatten() {
        *sum.entry(why.clone()).or_default() += count;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fate(n: u8) -> Fate {
        match n % 7 {
            0 | 1 => Fate::Stored,
            2 => Fate::Rejected("rule"),
            3 => Fate::Rejected("place"),
            4 => Fate::Conflated("older"),
            5 => Fate::Conflated("no_news"),
            _ => Fate::Quarantined("unknown_sensor"),
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_seen_by_its_readings_unless_the_source_tells_its_time() {
        let now = Utc::now();
        let mut ledger = Ledger::new("f");
        (0..9).for_each(|s| ledger.seen(Some(now + TimeDelta::seconds(300 - s)), now));
        let skew_ms = ledger.status().skew_ms.unwrap();
        assert!((290_000.0..=303_000.0).contains(&skew_ms), "{skew_ms}");
        ledger.adapter_says(FeedStatus { skew_ms: Some(40.0), ..FeedStatus::default() });
        assert_eq!(ledger.status().skew_ms, Some(40.0));
    }

    #[test]
    fn a_clock_that_is_behind_is_told_as_messages_that_are_all_late_by_about_as_much() {
        let now = Utc::now();
        let heard = |count: i64, late_ms: fn(i64) -> i64| {
            let mut ledger = Ledger::new("f");
            (0..count).for_each(|i| ledger.seen(Some(now - TimeDelta::milliseconds(late_ms(i))), now));
            ledger
        };
        let mut behind = heard(30, |i| 300_000 + i * 50);
        let late_ms = behind.status().always_late_ms.unwrap();
        assert!((297_000.0..=300_000.0).contains(&late_ms) && behind.status().skew_ms.is_none(), "{late_ms}");
        // Too few, on time, at very different times, with one that is on time.
        assert_eq!(heard(19, |_| 300_000).status().always_late_ms, None);
        assert_eq!(heard(30, |i| 100 + i).status().always_late_ms, None);
        assert_eq!(heard(30, |i| 5_000 + i * 1_000).status().always_late_ms, None);
        assert_eq!(heard(30, |i| if i == 7 { 10 } else { 300_000 }).status().always_late_ms, None);
        behind.adapter_says(FeedStatus { skew_ms: Some(40.0), ..FeedStatus::default() });
        assert_eq!(behind.status().always_late_ms, None, "its clock is right: it is late");
    }

    proptest! {
        #[test]
        fn the_sums_agree_whatever_comes_and_whenever_the_adapter_speaks(
            fates in prop::collection::vec(any::<u8>(), 0..200), refused in 0u64..50, repeated in 0u64..50, stored in 0u64..1000
        ) {
            let mut ledger = Ledger::new("f");
            for (i, n) in fates.iter().enumerate() {
                ledger.count(fate(*n));
                if i == fates.len() / 2 {
                    let (rejected_for, conflated_by) = ([("rule".into(), refused)].into(), [("repeated".into(), repeated)].into());
                    let received = stored + refused + repeated;
                    let (rejected, conflated) = (refused, repeated);
                    let said = FeedStatus { received, stored, rejected, rejected_for, conflated, conflated_by, ..FeedStatus::default() };
                    prop_assert!(said.balances());
                    ledger.adapter_says(said);
                }
                prop_assert!(ledger.status().balances(), "{:?}", ledger.status());
            }
            // After a restart all of it goes on.
            let before = ledger.status();
            let mut again = Ledger::new("f").after(&before);
            prop_assert_eq!((again.status().counts(), again.news(None)), (before.counts(), None));
            fates.iter().for_each(|n| again.count(fate(*n)));
            prop_assert!(again.status().balances(), "{:?}", again.status());
            prop_assert_eq!(again.status().received, before.received + fates.len() as u64);
        }
    }
}
