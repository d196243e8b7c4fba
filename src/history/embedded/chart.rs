//! One datastream in buckets, or many of one property: from the widest roll-up that fits, hour by hour; from the readings where none does.

use super::columns::Rollup;
use super::derive::{MINUTE_US, ROLLUPS, roll_up};
use super::folder::Kind;
use super::index::{Hour, Slice};
use super::scan::{self, Wanted};
use super::{HOUR_US, Shared, hour_of, settle};
use crate::history::answer::{from_us, to_us};
use crate::history::query::width_us;
use crate::history::{BUCKETS_MAX, Bucket, ChartsQuery, HistoryError, Sample, Series, SeriesQuery, Told};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};

/// Hours of a chart that one thread reads.
const FEW_HOURS: usize = 3;

/// A chart's question in numbers.
struct Chart {
    series: RangeInclusive<u32>,
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
            let wanted = Wanted { series: self.series.clone(), times };
            return shared.tolerant(part, scan::rollups(&shared.footers, part, &wanted), missing);
        }
        let wanted = Wanted { series: self.series.clone(), times: self.times.start..=self.times.end - 1 };
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
        let chart = Chart { series: series.0..=series.0, step, known_by: query.known_by.map(to_us), times };
        let mut in_memory: BTreeMap<Hour, Vec<Sample>> = BTreeMap::new();
        for sample in hot.of_series(series).filter(|s| chart.times.contains(&s.time_us)) {
            in_memory.entry(hour_of(sample.time_us)).or_default().push(*sample);
        }
        let buckets = self.buckets(&chart, &datastream.observed_property, &in_memory, |of| of == series, &mut told.missing);
        told.rows = buckets.values().take(BUCKETS_MAX).map(bucket).collect();
        Ok(told)
    }

    /// Each file is read once for all datastreams; one after the other, each of them would be opened for each.
    pub(super) fn charts(&self, query: &ChartsQuery) -> Result<Told<(String, Vec<Bucket>)>, HistoryError> {
        let step = width_us("the step of a chart", query.step)?;
        let hot = self.hot().clone();
        let mut told = Told { rows: Vec::new(), missing: Vec::new() };
        let times = to_us(query.from)..to_us(query.to);
        let is_of_it = |series: &Series| hot.catalogue.get(*series).is_some_and(|d| d.observed_property == query.property);
        let named = query.datastreams.iter().filter_map(|id| Some((hot.catalogue.series(id)?, id)));
        let wanted: HashMap<Series, &String> = named.filter(|(series, _)| is_of_it(series)).collect();
        let numbers = || wanted.keys().map(|series| series.0);
        let Some((least, most)) = numbers().min().zip(numbers().max()).filter(|_| !times.is_empty()) else { return Ok(told) };
        let chart = Chart { series: least..=most, step, known_by: query.known_by.map(to_us), times };
        let mut in_memory: BTreeMap<Hour, Vec<Sample>> = BTreeMap::new();
        let samples = hot.chunks().flat_map(|chunk| chunk.samples());
        for sample in samples.filter(|s| chart.times.contains(&s.time_us) && wanted.contains_key(&s.series)) {
            in_memory.entry(hour_of(sample.time_us)).or_default().push(*sample);
        }
        let buckets = self.buckets(&chart, &query.property, &in_memory, |of| wanted.contains_key(&of), &mut told.missing);
        let mut charts: BTreeMap<Series, Vec<Bucket>> = BTreeMap::new();
        for ((series, _), step) in &buckets {
            charts.entry(*series).or_default().push(bucket(step));
        }
        told.rows = charts.into_iter().filter_map(|(series, steps)| Some(((*wanted.get(&series)?).clone(), steps))).collect();
        Ok(told)
    }

    /// Steps of the chart's series that are `wanted`, of readings in memory and in partitions.
    fn buckets(
        &self,
        chart: &Chart,
        property: &str,
        in_memory: &BTreeMap<Hour, Vec<Sample>>,
        wanted: impl Fn(Series) -> bool + Sync,
        all_missing: &mut Vec<String>,
    ) -> BTreeMap<(Series, i64), Rollup> {
        let hours = hour_of(chart.times.start)..=hour_of(chart.times.end - 1);
        let slices: BTreeMap<Hour, Slice> = self.index().slices(property, hours).into_iter().collect();
        let mut all: Vec<Hour> = slices.keys().chain(in_memory.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        let none = Slice::default();
        let of_hour = |hour: &Hour| {
            let mut missing = Vec::new();
            let hot = in_memory.get(hour).map_or(&[][..], Vec::as_slice);
            let mut steps = chart.of_hour(self, *hour, slices.get(hour).unwrap_or(&none), hot, &mut missing);
            steps.retain(|step| wanted(step.series));
            (steps, missing)
        };
        // Few are read here: the pool's threads may be at work on a whole hour's roll-ups, and a chart of today would wait for them.
        let found: Vec<_> = if all.len() <= FEW_HOURS { all.iter().map(of_hour).collect() } else { all.par_iter().map(of_hour).collect() };
        let mut buckets: BTreeMap<(Series, i64), Rollup> = BTreeMap::new();
        for (steps, missing) in found {
            all_missing.extend(missing);
            for rollup in steps {
                let (series, start) = (rollup.series, rollup.start_us.div_euclid(chart.step) * chart.step);
                buckets.entry((series, start)).or_insert_with(|| Rollup::empty(series, start)).merge(&rollup);
            }
        }
        buckets
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
