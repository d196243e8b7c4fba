//! What goes after its time, and how much there is.

use super::folder::{Kind, day_name};
use super::index::{Index, Slice};
use super::{Shared, folder, hour_of, scan};
use crate::history::answer::{from_us, to_us};
use crate::history::{Health, HistoryError, Retained, Retention};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Days since the Unix epoch of which something is kept, from the first day on.
fn first_kept(now: DateTime<Utc>, days: u32) -> i64 {
    hour_of(to_us(now)).div_euclid(24) - i64::from(days.max(1)) + 1
}

/// Takes out of a slice what the policy lets go, as folders of days; says why when it must stay.
fn let_go(slice: &mut Slice, day: i64, raw_from: i64, rollups_from: i64) -> Result<BTreeSet<Kind>, String> {
    let mut gone = BTreeSet::new();
    if day < rollups_from {
        gone.extend(slice.derived.keys().copied());
        slice.derived.clear();
    }
    if day < raw_from && !slice.raw.is_empty() {
        let missing = [Kind::Minute, Kind::Quarter, Kind::Hour, Kind::Cells].into_iter().find(|k| slice.whole(*k).is_none());
        if let Some(kind) = missing.filter(|_| day >= rollups_from) {
            return Err(format!("{} has no {} yet", day_name(day), kind.folder()));
        }
        slice.raw.clear();
        gone.insert(Kind::Observations);
    }
    if day < raw_from && slice.derived.remove(&Kind::Keyframes).is_some() {
        gone.insert(Kind::Keyframes);
    }
    Ok(gone)
}

impl Shared {
    /// Removes days beyond the policy. Roll-ups have just been made ([`crate::history::History::settle`]); where one is missing, its readings stay.
    pub(super) fn retain(&self, policy: Retention, now: DateTime<Utc>) -> Result<Retained, HistoryError> {
        let _keeping = self.graves();
        let (raw_from, rollups_from) = (first_kept(now, policy.raw_days), first_kept(now, policy.rollup_days.max(policy.raw_days)));
        let mut retained = Retained::default();
        let mut gone: Vec<PathBuf> = Vec::new();
        let mut days = BTreeSet::new();
        {
            let mut index = self.index();
            let paths =
                |slice: &Slice| -> Vec<PathBuf> { slice.raw.iter().chain(slice.derived.values()).map(|p| p.path.clone()).collect() };
            for slices in index.properties.values_mut() {
                // Nothing later holds what its series were known by last.
                let newest = slices.iter().rev().find(|(_, slice)| !slice.raw.is_empty()).map(|(hour, _)| *hour);
                for (hour, slice) in slices.iter_mut().filter(|(hour, _)| Some(**hour) != newest) {
                    let (day, before) = (hour.div_euclid(24), paths(slice));
                    match let_go(slice, day, raw_from, rollups_from) {
                        Ok(kinds) => days.extend(kinds.into_iter().map(|kind| (kind, day))),
                        Err(why) => retained.kept.push(why),
                    }
                    let after = paths(slice);
                    gone.extend(before.into_iter().filter(|p| !after.contains(p)));
                }
                slices.retain(|_, s| !s.raw.is_empty() || !s.derived.is_empty());
            }
            let old: Vec<i64> = index.events.range(..rollups_from).map(|(day, _)| *day).collect();
            for day in old {
                gone.extend(index.events.remove(&day).iter().flat_map(paths));
                days.insert((Kind::Events, day));
            }
        }
        for path in &gone {
            std::fs::remove_file(path).map_err(|e| folder::io_failed(path, &e))?;
        }
        for (kind, day) in days {
            retained.removed.push(format!("{}/{}", kind.folder(), day_name(day)));
            self.remove_empty(kind, day);
        }
        retained.kept.dedup();
        Ok(retained)
    }

    /// Folders without files; one that holds anything stays, for `remove_dir` refuses it.
    fn remove_empty(&self, kind: Kind, day: i64) {
        let day = self.folder.join(kind.folder()).join(day_name(day));
        for entry in std::fs::read_dir(&day).into_iter().flatten().flatten() {
            let _ = std::fs::remove_dir(entry.path());
        }
        let _ = std::fs::remove_dir(day);
    }

    pub(super) fn health(&self) -> Health {
        let (datastreams, hot, hot_rows, hot_events) = {
            let hot = self.hot();
            let events = hot.chunks().map(|c| c.events.len() as u64).sum::<u64>();
            (hot.catalogue.in_use() as u64, hot.clone(), hot.rows(), events)
        };
        let index = Index::clone(&self.index());
        let mut rows = [hot_rows - hot_events, hot_events];
        let mut bytes: BTreeMap<&'static str, u64> = BTreeMap::new();
        bytes.insert("journal", hot.chunks().map(|c| c.bytes).sum());
        for part in index.parts() {
            let folder = Kind::ALL.into_iter().find(|k| part.path.starts_with(self.folder.join(k.folder())));
            *bytes.entry(folder.map_or("other", Kind::folder)).or_default() += part.bytes;
        }
        let mut times: Option<(i64, i64)> = None;
        let slices = index.properties.values().flat_map(BTreeMap::values);
        for part in slices.flat_map(|s| &s.raw) {
            let facts = scan::facts(part, 1);
            rows[0] += facts.rows;
            times = earliest_and_latest(times, facts.times);
        }
        for part in index.events.values().flat_map(|s| &s.raw) {
            rows[1] += scan::facts(part, 0).rows;
        }
        for sample in hot.samples() {
            times = earliest_and_latest(times, Some((sample.time_us, sample.time_us)));
        }
        Health {
            datastreams,
            readings: rows[0],
            events: rows[1],
            hot: hot_rows,
            bytes: bytes.into_iter().map(|(folder, bytes)| (folder.to_owned(), bytes)).collect(),
            oldest: times.map(|(oldest, _)| from_us(oldest)),
            newest: times.map(|(_, newest)| from_us(newest)),
            torn_bytes: self.torn(),
            unreadable: index.unreadable.into_iter().collect(),
            last_error: self.last_error(),
        }
    }
}

fn earliest_and_latest(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::date;
    use super::*;

    #[test]
    fn days_are_counted_back_from_today_with_today() {
        let now = DateTime::from_timestamp(1_795_564_800 + 3600, 0).unwrap();
        assert_eq!(date(first_kept(now, 1)).to_string(), "2026-11-25");
        assert_eq!(date(first_kept(now, 31)).to_string(), "2026-10-26");
        assert_eq!(date(first_kept(now, 0)).to_string(), "2026-11-25", "today is always kept");
    }
}
