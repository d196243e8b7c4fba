//! Ids of the incidents of rules: the same for the same readings, and no two of one sensor alike.
//!
//! An id says since when the condition held. Two incidents may have begun with one reading: a value rises again within the span of the
//! rise before, or one was taken back by a correction and the rest of its readings is enough for another. Where people have closed the
//! first, a second of its name would pass for it and be missed. So the second is `…/MS~2`.

use chrono::{DateTime, Utc};

const NUMBER: char = '~';

/// The id of an incident of which no two can begin with one reading.
pub(super) fn id(rule: &str, sensor: &str, since: DateTime<Utc>) -> String {
    format!("rule/{rule}/{sensor}/{}", since.timestamp_millis())
}

/// The sensor of an incident of this rule, since when its condition held, and the how manyth it is that began then.
pub(super) fn parts<'a>(rule: &str, id: &'a str) -> Option<(&'a str, DateTime<Utc>, u32)> {
    let (sensor, at) = id.strip_prefix("rule/")?.strip_prefix(rule)?.strip_prefix('/')?.rsplit_once('/')?;
    let (ms, number) = match at.split_once(NUMBER) {
        Some((ms, number)) => (ms, number.parse().ok()?),
        None => (at, 1),
    };
    Some((sensor, DateTime::from_timestamp_millis(ms.parse().ok()?)?, number))
}

/// Names the incidents of one sensor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Naming {
    /// When the last of them began, and the how manyth of that time it was.
    last: Option<(i64, u32)>,
}

impl Naming {
    /// The id of the next one, whatever has become of the last.
    pub fn next(&mut self, rule: &str, sensor: &str, since: DateTime<Utc>) -> String {
        let ms = since.timestamp_millis();
        let number = self.last.filter(|(last, _)| *last == ms).map_or(1, |(_, number)| number.saturating_add(1));
        self.last = Some((ms, number));
        let id = id(rule, sensor, since);
        if number == 1 { id } else { format!("{id}{NUMBER}{number}") }
    }

    /// Takes up one of before a restart.
    pub fn know(&mut self, rule: &str, id: &str) {
        let known = parts(rule, id).map(|(_, since, number)| (since.timestamp_millis(), number));
        self.last = self.last.max(known);
    }
}

#[cfg(test)]
mod tests;
