//! Levels of detail: which of several an object is read at.

use std::cmp::Reverse;

/// Levels count in thousandths: `"2.2"` is 2,200.
const UNIT: f64 = 1000.0;

/// The level of detail asked for.
///
/// A whole number (`"1"`) allows all levels that begin with it (1.0 to 1.9); a finer one (`"1.2"`) those up to itself. Nothing asked for
/// allows all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The first level that is too high.
    below: Option<i64>,
}

/// How well a level of detail fits: the greatest is the one to take. Levels that are too high come last, the lowest of them first, so that an
/// object that has no other is not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Above(Reverse<i64>),
    /// Not given, or no number.
    Unknown,
    Within(i64),
}

impl Level {
    pub(crate) fn is_above(self) -> bool {
        matches!(self, Self::Above(_))
    }
}

impl Wanted {
    /// From [`super::ReadOptions::lod`]; what is no number asks for nothing.
    pub(crate) fn new(lod: Option<&str>) -> Self {
        let whole = lod.is_some_and(|lod| !lod.contains('.'));
        Self { below: lod.and_then(thousandths).map(|level| level + if whole { UNIT as i64 } else { 1 }) }
    }

    pub(crate) fn rank(self, lod: &str) -> Level {
        match (thousandths(lod), self.below) {
            (None, _) => Level::Unknown,
            (Some(level), Some(below)) if level >= below => Level::Above(Reverse(level)),
            (Some(level), _) => Level::Within(level),
        }
    }
}

fn thousandths(lod: &str) -> Option<i64> {
    let level: f64 = lod.trim().parse().ok()?;
    (0.0..100.0).contains(&level).then_some((level * UNIT).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_level_that_is_not_above_wins_and_then_the_lowest_above() {
        let best = |wanted: Option<&str>| {
            let wanted = Wanted::new(wanted);
            let mut all = ["1", "2.2", "", "1.3", "1.2", "2", "3"];
            all.sort_by_key(|lod| Reverse(wanted.rank(lod)));
            all
        };
        assert_eq!(best(None), ["3", "2.2", "2", "1.3", "1.2", "1", ""]);
        assert_eq!(best(Some("1")), ["1.3", "1.2", "1", "", "2", "2.2", "3"]);
        assert_eq!(best(Some("1.2")), ["1.2", "1", "", "1.3", "2", "2.2", "3"]);
        assert_eq!(best(Some("2.0"))[0], "2");
        assert_eq!(best(Some("0"))[..2], ["", "1"]);
    }
}
