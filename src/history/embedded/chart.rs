//! One datastream in buckets: from the widest roll-up that fits, hour by hour; from the readings where none does.

use super::columns::Rollup;
use super::derive::{MINUTE_US, ROLLUPS, roll_up};
use super::folder::Kind;
use super::index::{Hour, Slice};
use super::scan::{self, Wanted};
use super::{HOUR_US, Shared, hour_of, settle};
use crate::history::answer::{from_us, to_us};
use crate::history::query::width_us;
use crate::history::{BUCKETS_MAX, Bucket, HistoryError, Sample, Series, SeriesQuery, Told};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Hours of a chart that one thread reads.
const FEW_HOURS: usize = 3;

/// A chart's question in numbers.
struct Chart {
    series: Series,
    times: Range<i64>,
    step: i64,
    known_by: Option<i64>,
}

impl Chart {
    /// The roll-up that answers an hour exactly, widest first.
    fn rollup(&self, hour: Hour, slice: &Slice) -> Option<Kind> {
        let inside = hour * HOUR_US >= self.times.start && (hour + 1) * HOUR_US <= self.times.end;
        let fits = |width: i64| self.step % width == 0 && (inside || (self.times.start % width == 0 && self.times.end % width == 0));
        let whole = |kind: Kind| slice.whole(kind).is_some();
        ROLLUPS.iter().rev().find(|(kind, width)| fits(*width) && whole(*kind)).map(|(kind, _)| *kind)
    }

    /// Whether only roll-ups are left of an hour: then minutes are the finest there is.
    fn only_rolled_up(slice: &Slice) -> Option<Kind> {
        slice.is_only_derived().then(|| ROLLUPS.iter().map(|(kind, _)| *kind).find(|k| slice.derived.contains_key(k))).flatten()
    }

    fn of_hour(&self, shared: &Shared, hour: Hour, slice: &Slice, hot: &[Sample], missing: &mut Vec<String>) -> Vec<Rollup> {
        let exact = if hot.is_empty() && self.known_by.is_none() { self.rollup(hour, slice) } else { None };
        if let Some(kind) = exact.or_else(|| Self::only_rolled_up(slice))
            && let Some(part) = slice.derived.get(&kind)
        {
            // A step that has begun before the range belongs to it where only roll-ups are left.
            let times = self.times.start.div_euclid(MINUTE_US) * MINUTE_US..=self.times.end - 1;
            let wanted = Wanted { series: self.series.0..=self.series.0, times };
            return shared.tolerant(part, scan::rollups(&shared.footers, part, &wanted), missing);
        }
        let wanted = Wanted { series: self.series.0..=self.series.0, times: self.times.start..=self.times.end - 1 };
        let mut samples = Vec::new();
        for part in &slice.raw {
            samples.extend(shared.samples(part, &wanted, missing));
        }
        // After them: of two received at one time, the one that came last counts.
        samples.extend_from_slice(hot);
        settle(&mut samples, self.known_by);
        roll_up(&samples, self.step)
    }
}

impl Shared {
    pub(super) fn chart(&self, query: &SeriesQuery) -> Result<Told<Bucket>, HistoryError> {
        let step = width_us("the step of a chart", query.step)?;
        let hot = self.hot().clone();
        let mut told = Told { rows: Vec::new(), missing: Vec::new() };
        let times = to_us(query.from)..to_us(query.to);
        let Some(series) = hot.catalogue.series(&query.datastream) else { return Ok(told) };
        let Some(datastream) = hot.catalogue.get(series).filter(|_| !times.is_empty()) else { return Ok(told) };
        let chart = Chart { series, step, known_by: query.known_by.map(to_us), times };
        let mut in_memory: BTreeMap<Hour, Vec<Sample>> = BTreeMap::new();
        for sample in hot.of_series(series).filter(|s| chart.times.contains(&s.time_us)) {
            in_memory.entry(hour_of(sample.time_us)).or_default().push(*sample);
        }
        let hours = hour_of(chart.times.start)..=hour_of(chart.times.end - 1);
        let slices: BTreeMap<Hour, Slice> = self.index().slices(&datastream.observed_property, hours).into_iter().collect();
        let mut all: Vec<Hour> = slices.keys().chain(in_memory.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        let none = Slice::default();
        let of_hour = |hour: &Hour| {
            let mut missing = Vec::new();
            let hot = in_memory.get(hour).map_or(&[][..], Vec::as_slice);
            let steps = chart.of_hour(self, *hour, slices.get(hour).unwrap_or(&none), hot, &mut missing);
            (steps, missing)
        };
        // Few are read here: the pool's threads may be at work on a whole hour's roll-ups, and a chart of today would wait for them.
        let found: Vec<_> = if all.len() <= FEW_HOURS { all.iter().map(of_hour).collect() } else { all.par_iter().map(of_hour).collect() };
        let mut buckets: BTreeMap<i64, Rollup> = BTreeMap::new();
        for (steps, missing) in found {
            told.missing.extend(missing);
            for rollup in steps {
                let start = rollup.start_us.div_euclid(step) * step;
                buckets.entry(start).or_insert_with(|| Rollup::empty(series, start)).merge(&rollup);
            }
        }
        told.rows = buckets.values().take(BUCKETS_MAX).map(bucket).collect();
        Ok(told)
    }
}

fn bucket(step: &Rollup) -> Bucket {
    let of_good = |value: f64| (step.count > 0).then_some(value);
    Bucket {
        start: from_us(step.start_us),
        count: u64::from(step.count),
        suspect: u64::from(step.suspect),
        mean: of_good(step.sum / f64::from(step.count)),
        min: of_good(step.min),
        max: of_good(step.max),
        last: step.last,
    }
}
