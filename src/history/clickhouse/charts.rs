//! Charts and hexagons: of each hour from the widest roll-up that fits, where it holds; from the readings of all other hours.

use super::derive::Hour;
use super::rollups::{CELLS, ROLLUPS};
use super::rows::In;
use super::{ClickHouse, HOUR_US, QUARTER_US, hexagon, key, merge};
use crate::history::answer::{from_us, to_us};
use crate::history::query::width_us;
use crate::history::{BUCKETS_MAX, Bucket, CELL_RESOLUTION, Hexagon, HexagonQuery, HistoryError, SeriesQuery, cell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

/// Hours that one question names one by one, and ranges of time: a statement has at most 256 KiB.
const HOURS_NAMED: usize = 2_000;
const RANGES_NAMED: usize = 500;

/// From what a question is answered.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    /// Hours by table, each with the token of its roll-ups.
    rolled: BTreeMap<&'static str, Vec<(i64, u64)>>,
    /// Times whose readings answer.
    read: Vec<Range<i64>>,
}

impl Plan {
    /// `table`: the roll-up that answers an hour, given whether the hour's readings are gone; none: its readings do.
    /// Of hours whose readings are gone late ones are not asked.
    fn new(times: &Range<i64>, hours: &BTreeMap<i64, Hour>, table: impl Fn(i64, bool) -> Option<&'static str>) -> Self {
        let mut plan = Self::default();
        let mut read_from = times.start;
        let asked = times.start.div_euclid(HOUR_US)..=(times.end - 1).div_euclid(HOUR_US);
        for (hour, known) in hours.range(asked) {
            let Some((token, gone)) = known.whole() else { continue };
            let table = table(*hour, gone);
            match table {
                Some(table) => plan.rolled.entry(table).or_default().push((*hour, token)),
                None if gone => {}
                None => continue,
            }
            plan.read_to(read_from, hour * HOUR_US);
            read_from = read_from.max((hour + 1) * HOUR_US);
        }
        plan.read_to(read_from, times.end);
        plan
    }

    fn read_to(&mut self, from: i64, until: i64) {
        if from < until {
            self.read.push(from..until);
        }
    }

    fn rolled(&self) -> impl Iterator<Item = (&'static str, &[(i64, u64)])> {
        self.rolled.iter().flat_map(|(table, hours)| hours.chunks(HOURS_NAMED).map(|chunk| (*table, chunk)))
    }
}

/// Whether a width of roll-ups answers an hour exactly: all of the hour is asked for, or what is cut off are whole steps.
fn fits(times: &Range<i64>, hour: i64, width: i64) -> bool {
    let inside = hour * HOUR_US >= times.start && (hour + 1) * HOUR_US <= times.end;
    inside || (times.start % width == 0 && times.end % width == 0)
}

/// A bucket while it is put together of hours.
#[derive(Debug)]
struct Step {
    newest: i64,
    good: u64,
    suspect: u64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Step {
    /// A row of start, newest time, good, suspect, sum, min, max, last.
    fn row(row: &mut In) -> Option<(i64, Self)> {
        let (start, newest, good, suspect) = (row.i64()?, row.i64()?, row.u64()?, row.u64()?);
        let (sum, min, max, last) = (row.f64()?, row.f64()?, row.f64()?, row.f64()?);
        // Of no good reading ClickHouse says 0.
        let (min, max) = if good > 0 { (min, max) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        Some((start, Self { newest, good, suspect, sum, min, max, last }))
    }

    fn add(&mut self, other: &Self) {
        if other.newest >= self.newest {
            (self.newest, self.last) = (other.newest, other.last);
        }
        self.good += other.good;
        self.suspect += other.suspect;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn bucket(&self, start: i64) -> Bucket {
        let of_good = |value: f64| (self.good > 0).then_some(value);
        Bucket {
            start: from_us(start),
            count: self.good,
            suspect: self.suspect,
            mean: of_good(self.sum / self.good as f64),
            min: of_good(self.min),
            max: of_good(self.max),
            last: self.last,
        }
    }
}

/// Times that ClickHouse can have rows of: its days begin in 1970 and end in 2149.
fn of_calendar(from: i64, to: i64) -> Range<i64> {
    from..to.min((i64::from(u16::MAX) + 1) * super::DAY_US)
}

impl ClickHouse {
    pub(super) async fn chart(&self, query: SeriesQuery) -> Result<Vec<Bucket>, HistoryError> {
        let step = width_us("the step of a chart", query.step)?;
        let known = self.known().catalogue.clone();
        let Some(datastream) = known.series(&query.datastream).and_then(|s| known.get(s)) else { return Ok(Vec::new()) };
        let times = of_calendar(to_us(query.from), to_us(query.to));
        if times.is_empty() {
            return Ok(Vec::new());
        }
        let series = (datastream.observed_property.as_str(), key(datastream));
        let hours = self.hours_of(&times, series.0).await?;
        let plan = Plan::new(&times, &hours, |hour, gone| {
            let fits = |(_, width): &&(&str, i64)| query.known_by.is_none() && step % width == 0 && fits(&times, hour, *width);
            // Where only roll-ups are left, minutes are the finest there is.
            ROLLUPS.iter().rev().find(fits).or_else(|| ROLLUPS.first().filter(|_| gone)).map(|(table, _)| *table)
        });
        let mut questions: Vec<String> =
            plan.rolled().map(|(table, hours)| self.names.rolled_series(table, hours, series, &times, step)).collect();
        let known_by = query.known_by.map(to_us);
        questions.extend(plan.read.chunks(RANGES_NAMED).map(|ranges| self.names.series(ranges, known_by, series, step, BUCKETS_MAX)));
        let mut steps: BTreeMap<i64, Step> = BTreeMap::new();
        for question in questions {
            for (start, step) in self.rows(&question, Step::row).await? {
                match steps.entry(start) {
                    Entry::Vacant(slot) => drop(slot.insert(step)),
                    Entry::Occupied(mut slot) => slot.get_mut().add(&step),
                }
            }
        }
        Ok(steps.iter().take(BUCKETS_MAX).map(|(start, step)| step.bucket(*start)).collect())
    }

    pub(super) async fn cells(&self, query: HexagonQuery) -> Result<Vec<Hexagon>, HistoryError> {
        let width = width_us("the bucket of hexagons", query.bucket)?;
        let resolution = cell::resolution(query.resolution)?;
        let times = of_calendar(to_us(query.from), to_us(query.to));
        if times.is_empty() {
            return Ok(Vec::new());
        }
        let kept = query.resolution <= CELL_RESOLUTION;
        let hours = self.hours_of(&times, &query.property).await?;
        let plan =
            Plan::new(&times, &hours, |hour, _| (kept && width % QUARTER_US == 0 && fits(&times, hour, QUARTER_US)).then_some(CELLS));
        let mut rows: Vec<Hexagon> = Vec::new();
        for (_, hours) in plan.rolled() {
            rows.extend(self.rows(&self.names.rolled_hexagons(hours, &query, &times, width), |row| hexagon(row, None)).await?);
        }
        for ranges in plan.read.chunks(RANGES_NAMED) {
            if kept {
                rows.extend(self.rows(&self.names.hexagons(ranges, &query, width), |row| hexagon(row, None)).await?);
                continue;
            }
            let steps = self.rows(&self.names.steps(ranges, &query, width), |row| Some((row.u64()?, hexagon(row, Some(0))?))).await?;
            let known = self.known();
            let place = |key: u64| known.by_key.get(&key).and_then(|s| known.catalogue.get(*s)).and_then(|d| cell::of(d, resolution));
            rows.extend(steps.into_iter().filter_map(|(key, step)| place(key).map(|cell| Hexagon { cell, ..step })));
        }
        let mut merged: BTreeMap<(i64, u64), Hexagon> = BTreeMap::new();
        for row in rows {
            merged.entry((to_us(row.start), row.cell)).and_modify(|known| merge(known, &row)).or_insert(row);
        }
        Ok(merged.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_whose_roll_ups_hold_are_not_read() {
        let whole = |token| Hour::of_one(token, false);
        let hours = BTreeMap::from([(10, whole(7)), (11, whole(8)), (12, Hour::default()), (13, Hour::of_one(9, true))]);
        let hour = |h: i64| h * HOUR_US;
        let times = hour(9) + 1..hour(15);
        let plan = Plan::new(&times, &hours, |_, _| Some("rollup_1h"));
        assert_eq!(plan.rolled, BTreeMap::from([("rollup_1h", vec![(10, 7), (11, 8), (13, 9)])]));
        assert_eq!(plan.read, [hour(9) + 1..hour(10), hour(12)..hour(13), hour(14)..hour(15)]);
        let none = Plan::new(&times, &hours, |_, _| None);
        assert_eq!((none.rolled.len(), none.read), (0, vec![hour(9) + 1..hour(13), hour(14)..hour(15)]), "what is gone is not read");
        assert_eq!(Plan::new(&(hour(10)..hour(12)), &hours, |_, _| Some("rollup_1h")).read.len(), 0);
    }
}
