//! What one receiver says: its fixes in the order of their time, and the day of those sentences that don't tell it.
//!
//! RMC has everything. GGA has neither date nor course, and mostly stands before the RMC of its second; were it taken, the RMC would be
//! its repetition and the course lost, and in a log of last year it would be dated today and hide all that follows.

use super::parse::{Fix, nearest};
use chrono::{DateTime, TimeDelta, Utc};

/// GGA passes when the receiver's RMC is so much older, because then it has none of this second.
const RMC_AWAITED: TimeDelta = TimeDelta::seconds(2);

#[derive(Default)]
pub(super) struct Receiver {
    newest: Option<Fix>,
    day: Day,
}

enum Day {
    /// Nothing has told it yet; a fix that waits for it.
    Awaited(Option<Fix>),
    /// Its newest RMC has.
    Told(DateTime<Utc>),
    /// Two fixes after each other had none: it is a receiver without RMC, and its day is ours.
    Ours,
}

impl Default for Day {
    fn default() -> Self {
        Self::Awaited(None)
    }
}

/// What becomes of a fix.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    New(Fix),
    Repeated,
    /// Its clock is wrong.
    Ahead(Fix),
}

impl Receiver {
    /// The time that one of its sentences without a date is near to.
    pub(super) fn near(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match (&self.day, self.newest) {
            (Day::Told(_), Some(newest)) => newest.time,
            _ => now,
        }
    }

    /// Takes a fix; what becomes of it and of one that has waited, in their order. What is later than `latest` can't be.
    pub(super) fn take(&mut self, fix: Fix, latest: DateTime<Utc>) -> Vec<Taken> {
        let (waited, is_said_by_rmc) = match &mut self.day {
            Day::Awaited(waiting) if !fix.dated && waiting.is_none() => {
                *waiting = Some(fix);
                return Vec::new();
            }
            // A receiver of several systems says each second for each of them.
            Day::Awaited(Some(waiting)) if !fix.dated && waiting.time == fix.time => return vec![Taken::Repeated],
            Day::Awaited(waiting) => (waiting.take(), false),
            Day::Told(time) => (None, !fix.dated && fix.time - *time < RMC_AWAITED),
            Day::Ours => (None, false),
        };
        self.day = match self.day {
            _ if fix.dated && fix.time <= latest => Day::Told(fix.time),
            Day::Awaited(_) if !fix.dated => Day::Ours,
            Day::Awaited(_) => Day::Awaited(None),
            Day::Told(time) => Day::Told(time),
            Day::Ours => Day::Ours,
        };
        // Its time of day is right, its day was a guess.
        let waited = waited.map(|w| Fix { time: if fix.dated { nearest(w.time.time(), fix.time) } else { w.time }, ..w });
        let mut taken: Vec<Taken> =
            waited.into_iter().map(|w| self.pass(w, fix.dated && fix.time - w.time < RMC_AWAITED, latest)).collect();
        taken.push(self.pass(fix, is_said_by_rmc, latest));
        taken
    }

    fn pass(&mut self, fix: Fix, is_said_by_rmc: bool, latest: DateTime<Utc>) -> Taken {
        if fix.time > latest {
            return Taken::Ahead(fix);
        }
        if is_said_by_rmc || self.newest.is_some_and(|newest| newest.time >= fix.time) {
            return Taken::Repeated;
        }
        let course_deg = fix.course_deg.or(self.newest.and_then(|newest| newest.course_deg));
        let fix = Fix { course_deg, ..fix };
        self.newest = Some(fix);
        Taken::New(fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(time: &str, dated: bool) -> Fix {
        Fix { time: time.parse().unwrap(), dated, lon: 121.6, lat: 31.2, course_deg: dated.then_some(90.0) }
    }

    fn times(taken: Vec<Taken>) -> Vec<Option<String>> {
        let time = |t| if let Taken::New(fix) = t { Some(fix.time.format("%F %T").to_string()) } else { None };
        taken.into_iter().map(time).collect()
    }

    #[test]
    fn a_sentence_without_a_date_waits_for_one_that_has_it() {
        let (mut receiver, latest) = (Receiver::default(), "2026-11-26T06:00:00Z".parse().unwrap());
        let mut take = |fix: Fix| receiver.take(fix, latest);
        let gga = fix("2026-11-26T05:32:32Z", false);
        assert_eq!((take(gga), take(gga)), (vec![], vec![Taken::Repeated]));
        assert_eq!(times(take(fix("2015-03-02T05:32:32Z", true))), [None, Some("2015-03-02 05:32:32".into())]);
        // Of the next second: its RMC follows, or doesn't.
        assert_eq!(times(take(fix("2015-03-02T05:32:33Z", false))), [None]);
        assert_eq!(
            take(fix("2015-03-02T05:32:40Z", false)),
            [Taken::New(Fix { course_deg: Some(90.0), ..fix("2015-03-02T05:32:40Z", false) })]
        );
    }

    #[test]
    fn a_time_that_can_not_be_hides_nothing() {
        let (mut receiver, latest) = (Receiver::default(), "2026-11-26T06:00:00Z".parse().unwrap());
        assert_eq!(receiver.take(fix("2099-11-26T05:32:32Z", true), latest), [Taken::Ahead(fix("2099-11-26T05:32:32Z", true))]);
        assert_eq!(times(receiver.take(fix("2015-03-02T05:32:32Z", true), latest)), [Some("2015-03-02 05:32:32".into())]);
        assert_eq!(receiver.near(latest), fix("2015-03-02T05:32:32Z", true).time);
    }

    #[test]
    fn a_receiver_that_never_tells_the_day_has_ours_and_loses_nothing() {
        let (mut receiver, latest) = (Receiver::default(), "2026-11-26T06:00:00Z".parse().unwrap());
        let mut take = |fix: Fix| receiver.take(fix, latest);
        assert_eq!(take(fix("2026-11-26T05:32:32Z", false)), []);
        let (first, second) = ("2026-11-26 05:32:32".to_owned(), "2026-11-26 05:32:33".to_owned());
        assert_eq!(times(take(fix("2026-11-26T05:32:33Z", false))), [Some(first), Some(second)]);
        assert_eq!(times(take(fix("2026-11-26T05:32:34Z", false))), [Some("2026-11-26 05:32:34".into())]);
    }
}
