//! Merging: many small files of one hour become one, without ever holding more than a stripe of series in memory.

use super::columns::{properties, sample_schema};
use super::folder::{Draft, Kind};
use super::index::{Broken, Part, set_aside};
use super::keeper::Graves;
use super::scan::Wanted;
use super::seal::{Place, write_samples};
use super::{Shared, event_sheet, scan};
use crate::history::{HistoryError, Sample};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// Files of one hour; a question opens each of them.
const PARTS_MAX: usize = 6;
/// Row groups of the largest file that make a stripe: about a million rows, 40 MiB.
const STRIPE_GROUPS: usize = 4;

/// Which files, oldest first with their bytes, to merge: from the newest back as long as the next is not more than twice of what is
/// there, so that each row is written again a logarithmic number of times.
fn plan(bytes: &[u64]) -> Option<Range<usize>> {
    if bytes.len() <= PARTS_MAX {
        return None;
    }
    let mut start = bytes.len() - 2;
    let mut sum: u64 = bytes[start..].iter().sum();
    while start > 0 && bytes[start - 1] <= 2 * sum {
        start -= 1;
        sum += bytes[start];
    }
    Some(start..bytes.len())
}

impl Shared {
    pub(super) fn compact_all(&self, graves: &mut Graves) -> Result<(), HistoryError> {
        let crowded = |slice: &super::index::Slice| slice.raw.len() > PARTS_MAX;
        let (hours, days) = {
            let index = self.index();
            let properties = index.properties.iter();
            let hours = properties.flat_map(|(p, slices)| slices.iter().filter(|(_, s)| crowded(s)).map(|(h, _)| (Some(p.clone()), *h)));
            let days = index.events.iter().filter(|(_, s)| crowded(s)).map(|(d, _)| (None, *d));
            (hours.collect::<Vec<_>>(), days.collect::<Vec<_>>())
        };
        let mut outcome = Ok(());
        for (property, hour) in hours.into_iter().chain(days) {
            outcome = outcome.and(self.compact(property, hour, graves));
        }
        outcome
    }

    fn compact(&self, property: Option<Arc<str>>, hour: i64, graves: &mut Graves) -> Result<(), HistoryError> {
        loop {
            let raw = {
                let index = self.index();
                let slices = property.as_ref().map_or(Some(&index.events), |p| index.properties.get(p));
                slices.and_then(|s| s.get(&hour)).map(|s| s.raw.clone()).unwrap_or_default()
            };
            let bytes: Vec<u64> = raw.iter().map(|p| p.bytes).collect();
            let Some(range) = plan(&bytes) else { return Ok(()) };
            let parts = &raw[range];
            let Some((from, to)) = parts.first().zip(parts.last()).map(|(a, b)| (a.name.from, b.name.to)) else { return Ok(()) };
            let kind = if property.is_some() { Kind::Observations } else { Kind::Events };
            let place = Place { kind, hour, property: property.clone(), from, to };
            let merged = if kind == Kind::Events { event_sheet::merge(self, &place, parts)? } else { self.merge(&place, parts)? };
            graves.bury(self.index().put(kind, place.day(), property.as_ref(), merged));
        }
    }

    fn merge(&self, place: &Place, parts: &[Arc<Part>]) -> Result<Arc<Part>, HistoryError> {
        let schema = sample_schema();
        let mut draft = Draft::new(&place.folder(&self.folder), schema.clone(), properties(&schema))?;
        for stripe in self.stripes(parts)? {
            let mut rows = self.stripe(parts, &stripe)?;
            rows.sort_by_key(|s| (s.series, s.time_us, s.received_us));
            // What was sent twice and received at one time says nothing new.
            rows.dedup();
            write_samples(&mut draft, &rows)?;
        }
        place.publish(draft)
    }

    /// Ranges of series that together are all, each about a million rows of `parts`. Looks that every file is sound first.
    pub(super) fn stripes(&self, parts: &[Arc<Part>]) -> Result<Vec<RangeInclusive<u32>>, HistoryError> {
        let mut starts = Vec::new();
        let largest = parts.iter().max_by_key(|p| p.bytes).map(|p| p.path.clone());
        for part in parts {
            let found = self.sound(part, self.footers.group_starts(part))?;
            if Some(&part.path) == largest.as_ref() {
                starts = found;
            }
        }
        let mut cuts: Vec<u32> = starts.into_iter().step_by(STRIPE_GROUPS).skip(1).collect();
        cuts.dedup();
        let ends = cuts.iter().map(|c| c.saturating_sub(1)).chain([u32::MAX]);
        Ok([0].into_iter().chain(cuts.iter().copied()).zip(ends).filter(|(a, b)| a <= b).map(|(a, b)| a..=b).collect())
    }

    /// Rows of a stripe of all files, one file after the other.
    pub(super) fn stripe(&self, parts: &[Arc<Part>], series: &RangeInclusive<u32>) -> Result<Vec<Sample>, HistoryError> {
        let wanted = Wanted { series: series.clone(), ..Wanted::all() };
        let mut rows = Vec::new();
        for part in parts {
            self.sound(part, scan::samples(&self.footers, part, &wanted))?.into_iter().for_each(|g| rows.extend(g));
        }
        Ok(rows)
    }

    /// For work that must not go on without a file: a damaged one is set aside, and the work is tried again later without it.
    pub(super) fn sound<T>(&self, part: &Part, read: Result<T, Broken>) -> Result<T, HistoryError> {
        read.map_err(|broken| {
            let why = match broken {
                Broken::Damaged(why) => {
                    set_aside(&self.index, part, &why);
                    why
                }
                Broken::Unread(why) => why,
            };
            super::folder::failed(&part.path, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::same_item_push, reason = "each of them may be merged at once")]
    fn small_files_are_merged_and_each_row_is_written_a_few_times_only() {
        assert_eq!(plan(&[100, 1, 1, 1, 1, 1]), None);
        assert_eq!(plan(&[100, 1, 1, 1, 1, 1, 1]), Some(1..7));
        assert_eq!(plan(&[10, 1, 1, 1, 1, 1, 1]), Some(0..7));
        let (mut files, mut written) = (Vec::new(), 0);
        for _ in 0..1000 {
            files.push(1);
            while let Some(range) = plan(&files) {
                let merged: u64 = files.drain(range).sum();
                written += merged;
                files.push(merged);
            }
        }
        assert_eq!(files.iter().sum::<u64>(), 1000);
        assert!(written < 6_000, "1000 rows were written {written} times");
    }
}
