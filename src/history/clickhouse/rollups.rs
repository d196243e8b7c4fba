//! Statements for roll-ups and for what is known of them.

use super::sql::{Names, floor, text};
use super::{DAY_US, HOUR_US, MINUTE_US, QUARTER_US};
use crate::history::HexagonQuery;
use std::ops::Range;

/// Roll-ups by datastream with their widths, finest first; each is made from the one before.
pub(super) const ROLLUPS: [(&str, i64); 3] = [("rollup_1m", MINUTE_US), ("rollup_15m", QUARTER_US), ("rollup_1h", HOUR_US)];
/// Good readings by H3 cell and quarter of an hour; each shard holds those of its own series.
pub(super) const CELLS: &str = "cells_15m";

const ROLLUP_COLUMNS: &str = "day, property, series, hour, token, start, good, suspect, total, least, most, last";

/// An hour of a property.
#[derive(Clone, Copy, Debug)]
pub(super) struct HourOf<'a> {
    pub property: &'a str,
    /// Hours since the Unix epoch.
    pub hour: i64,
}

impl HourOf<'_> {
    fn day(self) -> i64 {
        day(self.hour * HOUR_US)
    }

    /// The condition for its rows, in tables that have a column for the hour.
    fn rows(self) -> String {
        format!("day = toDate({}) AND property = {} AND hour = {}", self.day(), text(self.property), self.hour)
    }
}

/// A `Date` as ClickHouse counts it.
pub(super) fn day(time_us: i64) -> i64 {
    time_us.div_euclid(DAY_US).clamp(0, i64::from(u16::MAX))
}

/// Times in any of these ranges, as a condition.
pub(super) fn within(ranges: &[Range<i64>]) -> String {
    let one = |r: &Range<i64>| format!("(time >= {} AND time < {})", r.start, r.end);
    format!("({})", ranges.iter().map(one).collect::<Vec<_>>().join(" OR "))
}

/// Hours with the token of their roll-ups, as a condition.
fn of_hours(hours: &[(i64, u64)]) -> String {
    let pairs: Vec<String> = hours.iter().map(|(hour, token)| format!("({hour},{token})")).collect();
    format!("(hour, token) IN ({})", pairs.join(","))
}

/// The days that some hours lie in, as a condition.
fn of_days(hours: &[(i64, u64)]) -> String {
    let days = || hours.iter().map(|(hour, _)| day(hour * HOUR_US));
    format!("day >= toDate({}) AND day <= toDate({})", days().min().unwrap_or(0), days().max().unwrap_or(0))
}

impl Names {
    /// Ten-minute slot of the server's clock, counted since the Unix epoch.
    pub(super) fn slot(&self) -> String {
        "SELECT toUInt32(intDiv(toUInt32(now()), 600))".into()
    }

    /// A row of how many touches there are, and the earliest hour of them.
    pub(super) fn touched(&self) -> String {
        format!("SELECT count(), min(hour) FROM {}", self.table("touches"))
    }

    /// Rows of 0, property, hour, sum of touches, slot of the newest, 0, 0; and of 1, property, hour, token, slot, seen, state.
    /// `hours`: only those; `property`: only that one.
    pub(super) fn hours(&self, hours: Range<i64>, property: Option<&str>) -> String {
        let (from, until) = (day(hours.start.saturating_mul(HOUR_US)), day(hours.end.saturating_sub(1).saturating_mul(HOUR_US)));
        let mut wanted = format!("day >= toDate({from}) AND day <= toDate({until}) AND hour >= {} AND hour < {}", hours.start, hours.end);
        if let Some(property) = property {
            wanted += &format!(" AND property = {}", text(property));
        }
        format!(
            "SELECT toUInt8(0) AS kind, property, hour, sum(token) AS a, max(slot) AS b, toUInt64(0) AS c, toUInt8(0) AS d FROM {} \
             WHERE {wanted} GROUP BY property, hour \
             UNION ALL SELECT toUInt8(1) AS kind, property, hour, token AS a, slot AS b, seen AS c, state AS d FROM {} WHERE {wanted}",
            self.table("touches"),
            self.table("derived"),
        )
    }

    /// How many rows a server has of an hour's roll-up.
    pub(super) fn rolled_up(&self, of: HourOf, token: u64) -> String {
        format!("SELECT count() FROM {} WHERE {} AND token = {token}", self.local(ROLLUPS[0].0), of.rows())
    }

    /// What a server does to make its roll-ups of an hour, in this order.
    pub(super) fn derive(&self, of: HourOf, token: u64) -> Vec<String> {
        let (from, until) = (of.hour * HOUR_US, (of.hour + 1) * HOUR_US);
        let (property, day) = (text(of.property), of.day());
        let wanted = format!("day = toDate({day}) AND property = {property} AND time >= {from} AND time < {until}");
        let settled = self.settled_from(&self.local("observations"), &wanted);
        let head = |series: &str| format!("SELECT toDate({day}), {property}, {series}toInt64({}), toUInt64({token})", of.hour);
        let cells = format!(
            "INSERT INTO {} (day, property, hour, token, start, cell, good, total, least, most) {}, {} AS b, c, count(), sum(v), min(v), max(v) \
             FROM ({settled}) WHERE s = 0 AND c != 0 GROUP BY b, c",
            self.local(CELLS),
            head(""),
            floor("time", QUARTER_US),
        );
        let minutes = format!(
            "INSERT INTO {} ({ROLLUP_COLUMNS}) {}, {} AS b, countIf(s = 0), countIf(s = 1), sumIf(v, s = 0), minIf(v, s = 0), \
             maxIf(v, s = 0), argMax(v, time) FROM ({settled}) GROUP BY series, b",
            self.local(ROLLUPS[0].0),
            head("series, "),
            floor("time", MINUTE_US),
        );
        let wider = |pair: &[(&str, i64)]| {
            format!(
                "INSERT INTO {} ({ROLLUP_COLUMNS}) {}, {} AS b, sum(good), sum(suspect), sum(total), minIf(least, good > 0), \
                 maxIf(most, good > 0), argMax(last, start) FROM {} WHERE {} AND token = {token} GROUP BY series, b",
                self.local(pair[1].0),
                head("series, "),
                floor("start", pair[1].1),
                self.local(pair[0].0),
                of.rows(),
            )
        };
        [minutes, cells].into_iter().chain(ROLLUPS.windows(2).map(wider)).collect()
    }

    /// Takes roll-ups of an hour that others have replaced from a server.
    pub(super) fn forget(&self, of: HourOf, tokens: &[u64]) -> Vec<String> {
        let tokens = tokens.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let delete = |table: &str| format!("ALTER TABLE {} DELETE WHERE {} AND token IN ({tokens})", self.local(table), of.rows());
        ROLLUPS.iter().map(|(table, _)| *table).chain([CELLS]).map(delete).collect()
    }

    /// Rows of property, hour, of the readings of a day.
    pub(super) fn hours_read(&self, day: &str) -> String {
        format!(
            "SELECT property, toInt64(intDiv(time, {HOUR_US})) AS h FROM {} WHERE day = toDate({}) GROUP BY property, h ORDER BY property, h",
            self.table("observations"),
            text(day)
        )
    }

    /// Rows of start, newest time, good, suspect, sum, min, max, last, from the roll-ups of some hours.
    pub(super) fn rolled_series(
        &self,
        table: &str,
        hours: &[(i64, u64)],
        (property, key): (&str, u64),
        times: &Range<i64>,
        step_us: i64,
    ) -> String {
        format!(
            "SELECT {} AS b, max(start), sum(good), sum(suspect), sum(total), minIf(least, good > 0), maxIf(most, good > 0), argMax(last, start) \
             FROM {} WHERE {} AND property = {} AND series = {key} AND {} AND start >= {} AND start < {} GROUP BY b ORDER BY b",
            floor("start", step_us),
            self.table(table),
            of_days(hours),
            text(property),
            of_hours(hours),
            times.start.div_euclid(MINUTE_US) * MINUTE_US,
            times.end,
        )
    }

    /// Rows of start, cell, count, sum, min, max, from the cells of some hours.
    pub(super) fn rolled_hexagons(&self, hours: &[(i64, u64)], query: &HexagonQuery, times: &Range<i64>, width_us: i64) -> String {
        format!(
            "SELECT {} AS b, {} AS h, sum(good), sum(total), min(least), max(most) FROM {} WHERE {} AND property = {} AND {} \
             AND start >= {} AND start < {} GROUP BY b, h ORDER BY b, h",
            floor("start", width_us),
            super::sql::coarser("cell", query.resolution),
            self.table(CELLS),
            of_days(hours),
            text(&query.property),
            of_hours(hours),
            times.start,
            times.end,
        )
    }
}
