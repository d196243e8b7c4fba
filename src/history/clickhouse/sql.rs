//! Statements for ClickHouse, in words that versions 18 to 26 understand. Pure; tests run them on both ends of that range.

use crate::history::{At, CELL_RESOLUTION, HexagonQuery, ReadingsQuery, SeriesQuery};

/// Names of database and cluster. Without a cluster there is one server, and its tables are asked themselves.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub database: String,
    pub cluster: Option<String>,
}

/// Tables with their columns, order and what shares them out.
const TABLES: [(&str, &str, &str, &str); 3] = [
    (
        "observations",
        "day Date, property String, series UInt64, cell UInt64, time Int64, received Int64, value Float64, suspect UInt8",
        "PARTITION BY day ORDER BY (property, series, time, received)",
        "series",
    ),
    (
        "events",
        "day Date, incident String, version UInt64, happened Int64, received Int64, domain String, category String, severity String, \
         state String, lon Float64, lat Float64, area String",
        "PARTITION BY day ORDER BY (happened, incident, version)",
        "cityHash64(incident)",
    ),
    (
        "datastreams",
        "described Int64, id String, feed String, sensor String, observed_property String, unit String, lon Float64, lat Float64, \
         height_m Float64",
        "ORDER BY (id, described)",
        "cityHash64(id)",
    ),
];

/// A word in quotes.
fn text(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn keys(series: &[u64]) -> String {
    series.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

impl Names {
    /// The table that holds the rows of all shards.
    pub(super) fn table(&self, name: &str) -> String {
        let local = if self.cluster.is_some() { "" } else { "_local" };
        format!("{}.{name}{local}", self.database)
    }

    pub(super) fn local(&self, name: &str) -> String {
        format!("{}.{name}_local", self.database)
    }

    /// What every server has to do once.
    pub(super) fn schema(&self) -> Vec<String> {
        let mut statements = vec![format!("CREATE DATABASE IF NOT EXISTS {}", self.database)];
        for (name, columns, order, shard) in TABLES {
            let local = self.local(name);
            statements.push(format!("CREATE TABLE IF NOT EXISTS {local} ({columns}) ENGINE = MergeTree() {order}"));
            if let Some(cluster) = &self.cluster {
                let distributed = format!("Distributed({cluster}, {}, {name}_local, {shard})", self.database);
                statements.push(format!("CREATE TABLE IF NOT EXISTS {} ({columns}) ENGINE = {distributed}", self.table(name)));
            }
        }
        statements
    }

    /// Descriptions, the newest last.
    pub(super) fn datastreams(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY described, id", super::rows::DATASTREAM_COLUMNS, self.table("datastreams"))
    }

    /// The newest reading of each series; `series` and `properties` empty: all. `from_us`: how far back it looks.
    pub(super) fn latest(&self, at: At, from_us: i64, properties: &[String], series: &[u64]) -> String {
        let until = at.time.timestamp_micros();
        let order = "tuple(time, received)";
        format!(
            "SELECT series, max(time) AS t, argMax(received, {order}) AS r, argMax(value, {order}) AS v, argMax(suspect, {order}) AS s \
             FROM {} WHERE {} GROUP BY series",
            self.table("observations"),
            self.wanted(from_us, until, at.known_by.map(|t| t.timestamp_micros()), properties, series),
        )
    }

    /// Times inclusive.
    fn wanted(&self, from_us: i64, until_us: i64, known_by: Option<i64>, properties: &[String], series: &[u64]) -> String {
        let day = |us: i64| us.div_euclid(super::DAY_US).clamp(0, i64::from(u16::MAX));
        let mut wanted =
            format!("day >= toDate({}) AND day <= toDate({}) AND time >= {from_us} AND time <= {until_us}", day(from_us), day(until_us));
        if let Some(by) = known_by {
            wanted += &format!(" AND received <= {by}");
        }
        if !properties.is_empty() {
            let names: Vec<String> = properties.iter().map(|p| text(p)).collect();
            wanted += &format!(" AND property IN ({})", names.join(","));
        }
        if !series.is_empty() {
            wanted += &format!(" AND series IN ({})", keys(series));
        }
        wanted
    }

    /// Readings, of one series and time the one received last.
    fn settled(&self, wanted: &str) -> String {
        format!(
            "SELECT series, any(cell) AS c, time, max(received) AS r, argMax(value, received) AS v, argMax(suspect, received) AS s FROM {} \
             WHERE {wanted} GROUP BY series, time",
            self.table("observations")
        )
    }

    /// Rows of start, good, suspect, sum, min, max, last.
    pub(super) fn series(&self, query: &SeriesQuery, property: &str, key: u64, step_us: i64, limit: usize) -> String {
        let (from, until) = (query.from.timestamp_micros(), query.to.timestamp_micros() - 1);
        let known_by = query.known_by.map(|t| t.timestamp_micros());
        let settled = self.settled(&self.wanted(from, until, known_by, &[property.to_owned()], &[key]));
        format!(
            "SELECT {} AS start, countIf(s = 0), countIf(s = 1), sumIf(v, s = 0), minIf(v, s = 0), maxIf(v, s = 0), argMax(v, time) \
             FROM ({settled}) GROUP BY start ORDER BY start LIMIT {limit}",
            floor("time", step_us),
        )
    }

    /// Rows of key, time, received, value, suspect.
    pub(super) fn readings(&self, query: &ReadingsQuery, series: &[u64], limit: usize) -> String {
        let (from, until) = (query.from.timestamp_micros(), query.to.timestamp_micros() - 1);
        let known_by = query.known_by.map(|t| t.timestamp_micros());
        let settled = self.settled(&self.wanted(from, until, known_by, &query.select.properties, series));
        let order = if query.newest_first { "time DESC, n DESC" } else { "time, n" };
        // Series in the order of their numbers, which only we know: their places in the list given.
        let number = format!("indexOf([{}], series)", keys(series));
        format!(
            "SELECT series, time, r, v, s FROM (SELECT series, time, r, v, s, {number} AS n FROM ({settled})) ORDER BY {order} LIMIT {}, {limit}",
            query.skip,
        )
    }

    /// Rows of start, cell, count, sum, min, max.
    pub(super) fn hexagons(&self, query: &HexagonQuery, width_us: i64) -> String {
        let (from, until) = (query.from.timestamp_micros(), query.to.timestamp_micros() - 1);
        let settled = self.settled(&self.wanted(from, until, None, std::slice::from_ref(&query.property), &[]));
        // As in H3: the resolution in bits 52 to 55, three bits a digit, 7 where there is none.
        let resolution = u64::from(query.resolution.min(CELL_RESOLUTION));
        let (keep, set) = (!(0xf_u64 << 52), (resolution << 52) | ((1_u64 << (3 * (15 - resolution))) - 1));
        format!(
            "SELECT {} AS start, bitOr(bitAnd(c, {keep}), {set}) AS h, count(), sum(v), min(v), max(v) FROM ({settled}) \
             WHERE s = 0 AND c != 0 GROUP BY start, h ORDER BY start, h",
            floor("time", width_us),
        )
    }

    /// Rows of key, start, count, sum, min, max, for cells finer than those that are kept.
    pub(super) fn steps(&self, query: &HexagonQuery, width_us: i64) -> String {
        let (from, until) = (query.from.timestamp_micros(), query.to.timestamp_micros() - 1);
        let settled = self.settled(&self.wanted(from, until, None, std::slice::from_ref(&query.property), &[]));
        format!(
            "SELECT series, {} AS start, count(), sum(v), min(v), max(v) FROM ({settled}) WHERE s = 0 GROUP BY series, start",
            floor("time", width_us),
        )
    }

    pub(super) fn events(&self, from_us: i64, until_us: i64, known_by: Option<i64>, incident: Option<&str>, limit: usize) -> String {
        let day = |us: i64| us.div_euclid(super::DAY_US).clamp(0, i64::from(u16::MAX));
        let known = known_by.map_or(String::new(), |by| format!(" AND received <= {by}"));
        let one = incident.map_or(String::new(), |incident| format!(" AND incident = {}", text(incident)));
        format!(
            "SELECT {columns} FROM {table} WHERE day >= toDate({}) AND day <= toDate({}) AND happened >= {from_us} AND happened <= {until_us}{known}{one} \
             ORDER BY happened, incident, version LIMIT 1 BY happened, incident, version LIMIT {limit}",
            day(from_us),
            day(until_us),
            columns = super::rows::EVENT_COLUMNS,
            table = self.table("events"),
        )
    }

    /// Rows of how many readings, oldest and newest time.
    pub(super) fn extent(&self) -> String {
        format!("SELECT count(), min(time), max(time) FROM {}", self.table("observations"))
    }

    pub(super) fn event_count(&self) -> String {
        format!("SELECT count() FROM {}", self.table("events"))
    }

    /// Days of a table on one server that are older than a day.
    pub(super) fn old_days(&self, table: &str, before: i64) -> String {
        format!("SELECT toString(day) FROM {} WHERE day < toDate({before}) GROUP BY day ORDER BY day", self.table(table))
    }

    pub(super) fn drop_day(&self, table: &str, day: &str) -> String {
        format!("ALTER TABLE {} DROP PARTITION {}", self.local(table), text(day))
    }
}

/// A time rounded down to a multiple of a width; times are not before 1970.
fn floor(column: &str, width_us: i64) -> String {
    format!("intDiv({column}, {width_us}) * {width_us}")
}
