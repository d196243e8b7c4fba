//! Readings one by one, hour by hour, as far as the page asked for reaches.

use super::chosen::{Chosen, range};
use super::index::Hour;
use super::scan::Wanted;
use super::{Shared, hour_of, settle};
use crate::history::answer::{reading, to_us};
use crate::history::{READINGS_MAX, Reading, ReadingsQuery, Sample, Told};
use std::collections::{BTreeMap, BTreeSet};

impl Shared {
    pub(super) fn page(&self, query: &ReadingsQuery) -> Told<Reading> {
        let hot = self.hot().clone();
        let chosen = Chosen::new(&hot.catalogue, &query.select);
        let times = to_us(query.from)..to_us(query.to);
        let mut told = Told { rows: Vec::new(), missing: Vec::new() };
        if times.is_empty() {
            return told;
        }
        let mut in_memory: BTreeMap<Hour, Vec<Sample>> = BTreeMap::new();
        for sample in hot.samples().filter(|s| times.contains(&s.time_us) && chosen.holds(s.series)) {
            in_memory.entry(hour_of(sample.time_us)).or_default().push(*sample);
        }
        let wanted = times.start..=times.end - 1;
        let mut hours: BTreeSet<Hour> = in_memory.keys().copied().collect();
        let known_by = query.known_by.map(to_us);
        {
            let index = self.index();
            for (property, _) in &chosen.properties {
                hours.extend(index.slices(property, hour_of(*wanted.start())..=hour_of(*wanted.end())).iter().map(|(hour, _)| *hour));
            }
        }
        let mut skip = query.skip;
        let limit = query.limit.min(READINGS_MAX);
        let in_order: Vec<Hour> = if query.newest_first { hours.into_iter().rev().collect() } else { hours.into_iter().collect() };
        for hour in in_order {
            let mut samples = Vec::new();
            for (property, series) in &chosen.properties {
                let wanted = Wanted { series: range(series), times: wanted.clone() };
                let slices = self.index().slices(property, hour..=hour);
                for part in slices.iter().flat_map(|(_, s)| &s.raw) {
                    samples.extend(self.samples(part, &wanted, &mut told.missing));
                }
            }
            samples.extend(in_memory.remove(&hour).unwrap_or_default());
            samples.retain(|s| chosen.holds(s.series));
            settle(&mut samples, known_by);
            samples.sort_by_key(|s| (s.time_us, s.series));
            if query.newest_first {
                samples.reverse();
            }
            let left = limit - told.rows.len();
            let rows = samples.iter().skip(skip).take(left);
            told.rows.extend(rows.filter_map(|s| hot.catalogue.get(s.series).map(|d| reading(d, s))));
            skip = skip.saturating_sub(samples.len());
            if told.rows.len() >= limit {
                break;
            }
        }
        told
    }
}
