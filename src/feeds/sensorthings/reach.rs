//! How far back a server is asked. Readings come late and are corrected, and no server can be asked for what it was told last; so
//! every question goes back behind the newest reading: a little each time, farther in turns, and farthest a few times a day. Each depth
//! costs about six times the plain flow of readings.

use chrono::{DateTime, TimeDelta, Utc};

/// In every so many questions it is asked so far back; each is a multiple of the one before.
const DEPTHS: [(u32, TimeDelta); 4] = [(1, TimeDelta::seconds(30)), (12, TimeDelta::minutes(6)), (WALK_EACH, HOUR), (FARTHEST_EACH, DAY)];
/// The last of them goes back as far as readings may come late.
const FARTHEST_EACH: u32 = 24 * WALK_EACH;
/// The catalogue with the latest reading of each datastream is read in every so many questions.
pub(super) const WALK_EACH: u32 = 120;
/// After a break.
const HOUR: TimeDelta = TimeDelta::hours(1);
/// The first time: reading the catalogue of a large server takes a while.
const FIRST: TimeDelta = TimeDelta::minutes(6);
/// Unless a scene says otherwise, what was missed for longer is left to whoever imports it: a hub that was away for a month must not read
/// a month first.
const DAY: TimeDelta = TimeDelta::days(1);

/// How far a server was read, and how far back it is to be asked next.
#[derive(Debug)]
pub(super) struct Reach {
    /// How far back the farthest question goes: so late readings may come.
    pub back_max: TimeDelta,
    /// Up to here all datastreams were read.
    pub front: Option<DateTime<Utc>>,
    /// The newest reading of all; one ahead of the clock counts as now.
    pub newest: Option<DateTime<Utc>>,
    /// No question goes back behind it: there our first one began.
    begun: Option<DateTime<Utc>>,
    /// Memory ends here.
    pub floor: DateTime<Utc>,
    asked: u32,
    /// The newest reading that the question under way has come to.
    passed: Option<DateTime<Utc>>,
    /// Since the last question we may have missed something.
    pub broken: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self { back_max: DAY, front: None, newest: None, begun: None, floor: DateTime::default(), asked: 0, passed: None, broken: false }
    }
}

impl Reach {
    /// Up to `front` everything is kept from before.
    pub fn resumed(self, front: Option<DateTime<Utc>>) -> Self {
        Self { front, newest: front, back_max: self.back_max, ..Self::default() }
    }

    /// The depth of the next question.
    pub fn depth(&mut self) -> TimeDelta {
        self.asked = self.asked.wrapping_add(1);
        let broken = std::mem::take(&mut self.broken);
        let depth = |(each, depth): &(u32, TimeDelta)| if *each == FARTHEST_EACH { self.back_max } else { *depth };
        let by_turn = DEPTHS.iter().rev().find(|(each, _)| self.asked.is_multiple_of(*each)).map_or(HOUR, depth);
        match self.front {
            None => FIRST,
            Some(_) if broken => by_turn.max(HOUR),
            Some(_) => by_turn,
        }
    }

    /// Whether the catalogue is to be read before the next question.
    pub fn walks_next(&self) -> bool {
        self.asked.wrapping_add(1).is_multiple_of(WALK_EACH)
    }

    /// From where on a question of `depth` asks of all datastreams.
    pub fn from(&self, depth: TimeDelta) -> Option<DateTime<Utc>> {
        let from = (self.front? - depth).max(self.floor);
        Some(self.begun.map_or(from, |begun| from.max(begun)))
    }

    pub fn asks(&mut self, from: DateTime<Utc>) {
        self.begun.get_or_insert(from);
    }

    pub fn begins_question(&mut self) {
        self.passed = None;
    }

    /// An answer to the question under way, known or not.
    pub fn passes(&mut self, time: DateTime<Utc>) {
        self.passed = self.passed.max(Some(time));
    }

    /// A page of a question of all datastreams was taken: answers come in the order of time.
    pub fn page_taken(&mut self) {
        self.front = self.front.max(self.passed);
    }

    /// The last page was taken.
    pub fn reached(&mut self) {
        self.front = self.front.max(self.newest);
    }

    /// A reading was taken; while nothing is `complete`, others before it may still be missing.
    pub fn saw(&mut self, time: DateTime<Utc>, complete: bool) {
        self.newest = self.newest.max(Some(time));
        if complete {
            self.reached();
        }
    }

    /// The server was started anew.
    pub fn begin_anew(&mut self) {
        *self = Self { back_max: self.back_max, asked: self.asked, broken: self.broken, ..Self::default() };
    }

    /// The server's own newest reading: nothing is asked for that came later than may be by it.
    pub fn not_behind(&mut self, newest: DateTime<Utc>) {
        self.front = self.front.map(|front| front.max(newest - self.back_max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_each_time_and_farther_in_turns_and_after_a_break() {
        let now = Utc::now();
        let mut reach = Reach::default();
        assert_eq!((reach.depth(), reach.from(HOUR)), (FIRST, None));
        reach.front = Some(now);
        let depths: Vec<_> = (2..=2_880).map(|_| (reach.walks_next(), reach.depth())).collect();
        let count = |d: TimeDelta| depths.iter().filter(|(_, depth)| *depth == d).count();
        assert_eq!([TimeDelta::seconds(30), TimeDelta::minutes(6), HOUR, DAY].map(count), [2_639, 216, 23, 1]);
        assert!(depths.iter().all(|(walks, depth)| *walks == (*depth >= HOUR)));
        reach.broken = true;
        assert_eq!((reach.depth(), reach.depth()), (HOUR, TimeDelta::seconds(30)));
    }

    #[test]
    fn no_question_goes_back_behind_the_first_one_nor_behind_memory() {
        let now = Utc::now();
        let mut reach = Reach::default().resumed(Some(now));
        let first = reach.from(HOUR).unwrap();
        reach.asks(first);
        assert_eq!((first, reach.from(DAY)), (now - HOUR, Some(first)));
        reach.floor = now - TimeDelta::minutes(10);
        assert_eq!(reach.from(DAY), Some(reach.floor));
        reach.not_behind(now + TimeDelta::days(30));
        assert_eq!(reach.front, Some(now + TimeDelta::days(29)));
    }
}
