//! Statements for ClickHouse, in words that versions 18 to 26 understand. Pure; tests run them on both ends of that range.

use crate::history::{At, CELL_RESOLUTION, HexagonQuery, ReadingsQuery};
use std::ops::Range;

/// Names of database and cluster. Without a cluster there is one server, and its tables are asked themselves.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub database: String,
    pub cluster: Option<String>,
}

/// A table on each server: its columns, its engine with the order of its rows, and what shares them out.
struct Table {
    name: &'static str,
    columns: &'static str,
    engine: &'static str,
    shard: &'static str,
}

const ROLLUP_COLUMNS: &str = "day Date, property String, series UInt64, hour Int64, token UInt64, start Int64, good UInt64, suspect UInt64, \
                              total Float64, least Float64, most Float64, last Float64";
const ROLLUP_ENGINE: &str = "MergeTree() PARTITION BY day ORDER BY (property, series, hour, token, start)";

/// `keyframes`: the newest reading of each series among those that are gone. `touches`, `derived` and the roll-ups: see [`super::derive`].
const TABLES: [Table; 10] = [
    Table {
        name: "observations",
        columns: "day Date, property String, series UInt64, cell UInt64, time Int64, received Int64, value Float64, suspect UInt8",
        engine: "MergeTree() PARTITION BY day ORDER BY (property, series, time, received)",
        shard: "series",
    },
    Table {
        name: "events",
        columns: "day Date, incident String, version UInt64, happened Int64, received Int64, domain String, category String, severity String, \
                  state String, lon Float64, lat Float64, area String",
        engine: "MergeTree() PARTITION BY day ORDER BY (happened, incident, version)",
        shard: "cityHash64(incident)",
    },
    Table {
        name: "datastreams",
        columns: "described Int64, id String, feed String, sensor String, observed_property String, unit String, lon Float64, lat Float64, \
                  height_m Float64",
        engine: "MergeTree() ORDER BY (id, described)",
        shard: "cityHash64(id)",
    },
    Table {
        name: "keyframes",
        columns: "property String, series UInt64, version UInt64, time Int64, received Int64, value Float64, suspect UInt8",
        engine: "ReplacingMergeTree(version) ORDER BY (property, series)",
        shard: "series",
    },
    Table {
        name: "touches",
        columns: "day Date, property String, hour Int64, slot UInt32 DEFAULT intDiv(toUInt32(now()), 600), token UInt64",
        engine: "SummingMergeTree(token) PARTITION BY day ORDER BY (property, hour, slot)",
        shard: "cityHash64(property)",
    },
    Table {
        name: "derived",
        columns: "day Date, property String, hour Int64, token UInt64, seen UInt64, state UInt8, \
                  slot UInt32 DEFAULT intDiv(toUInt32(now()), 600)",
        engine: "MergeTree() PARTITION BY day ORDER BY (property, hour)",
        shard: "cityHash64(property)",
    },
    Table { name: "rollup_1m", columns: ROLLUP_COLUMNS, engine: ROLLUP_ENGINE, shard: "series" },
    Table { name: "rollup_15m", columns: ROLLUP_COLUMNS, engine: ROLLUP_ENGINE, shard: "series" },
    Table { name: "rollup_1h", columns: ROLLUP_COLUMNS, engine: ROLLUP_ENGINE, shard: "series" },
    Table {
        name: "cells_15m",
        columns: "day Date, property String, hour Int64, token UInt64, start Int64, cell UInt64, good UInt64, total Float64, \
                  least Float64, most Float64",
        engine: "MergeTree() PARTITION BY day ORDER BY (property, hour, token, start, cell)",
        shard: "cell",
    },
];

/// Columns that tables got since they were first made: table, name, type. A reading that is of no span begins when it ends, and so do
/// those of before.
const ADDED: [(&str, &str, &str); 2] = [("observations", "start", "Int64 DEFAULT time"), ("keyframes", "start", "Int64 DEFAULT time")];

/// Of several readings the newest: its time, when it was received, its value, whether it is flagged, when its span began.
const NEWEST: &str = "max(time) AS t, argMax(received, tuple(time, received)) AS r, argMax(value, tuple(time, received)) AS v, \
                      argMax(suspect, tuple(time, received)) AS s, argMax(start, tuple(time, received)) AS u";

/// A word in quotes.
pub(super) fn text(word: &str) -> String {
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
        for Table { name, columns, engine, shard } in TABLES {
            let local = self.local(name);
            statements.push(format!("CREATE TABLE IF NOT EXISTS {local} ({columns}) ENGINE = {engine}"));
            if let Some(cluster) = &self.cluster {
                let distributed = format!("Distributed({cluster}, {}, {name}_local, {shard})", self.database);
                statements.push(format!("CREATE TABLE IF NOT EXISTS {} ({columns}) ENGINE = {distributed}", self.table(name)));
            }
        }
        statements
    }

    /// For each column that a table may lack: whether a server's table has it (a count), and the statement that adds it. Old servers
    /// know no `ADD COLUMN IF NOT EXISTS`.
    pub(super) fn added(&self) -> Vec<(String, String)> {
        let of = |(table, column, kind): (&str, &str, &str)| {
            let both = std::iter::once(format!("{table}_local")).chain(self.cluster.is_some().then(|| table.to_owned()));
            let one = |table: String| {
                let wanted = format!("database = {} AND table = {} AND name = {}", text(&self.database), text(&table), text(column));
                let add = format!("ALTER TABLE {}.{table} ADD COLUMN {column} {kind}", self.database);
                (format!("SELECT count() FROM system.columns WHERE {wanted}"), add)
            };
            both.map(one).collect::<Vec<_>>()
        };
        ADDED.into_iter().flat_map(of).collect()
    }

    /// Descriptions, the newest last.
    pub(super) fn datastreams(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY described, id", super::rows::DATASTREAM_COLUMNS, self.table("datastreams"))
    }

    /// The newest reading of each series; `series` and `properties` empty: all. `from_us`: how far back it looks.
    pub(super) fn latest(&self, at: At, from_us: i64, properties: &[String], series: &[u64]) -> String {
        let (until, known_by) = (at.time.timestamp_micros(), at.known_by.map(|t| t.timestamp_micros()));
        format!(
            "SELECT series, {NEWEST} FROM {} WHERE {} GROUP BY series",
            self.table("observations"),
            self.wanted(from_us, until, known_by, properties, series),
        )
    }

    /// The same of readings that are gone, as far as they were the newest then.
    pub(super) fn latest_gone(&self, at: At, properties: &[String], series: &[u64]) -> String {
        let known_by = at.known_by.map(|t| t.timestamp_micros());
        format!(
            "SELECT series, {NEWEST} FROM {} WHERE time <= {}{} GROUP BY series",
            self.table("keyframes"),
            at.time.timestamp_micros(),
            self.chosen(known_by, properties, series),
        )
    }

    /// What a server does before a day's readings go.
    pub(super) fn keep_newest(&self, day: &str) -> String {
        format!(
            "INSERT INTO {} (property, series, version, time, received, value, suspect, start) SELECT property, series, toUInt64(max(time)), {NEWEST} \
             FROM {} WHERE day = toDate({}) GROUP BY property, series",
            self.local("keyframes"),
            self.local("observations"),
            text(day),
        )
    }

    /// Times inclusive.
    fn wanted(&self, from_us: i64, until_us: i64, known_by: Option<i64>, properties: &[String], series: &[u64]) -> String {
        let (first, last) = (super::rollups::day(from_us), super::rollups::day(until_us));
        let times = format!("day >= toDate({first}) AND day <= toDate({last}) AND time >= {from_us} AND time <= {until_us}");
        times + &self.chosen(known_by, properties, series)
    }

    fn chosen(&self, known_by: Option<i64>, properties: &[String], series: &[u64]) -> String {
        let mut chosen = known_by.map_or(String::new(), |by| format!(" AND received <= {by}"));
        if !properties.is_empty() {
            let names: Vec<String> = properties.iter().map(|p| text(p)).collect();
            chosen += &format!(" AND property IN ({})", names.join(","));
        }
        if !series.is_empty() {
            chosen += &format!(" AND series IN ({})", keys(series));
        }
        chosen
    }

    /// Readings, of one series and time the one received last.
    fn settled(&self, wanted: &str) -> String {
        self.settled_from(&self.table("observations"), wanted)
    }

    pub(super) fn settled_from(&self, table: &str, wanted: &str) -> String {
        Self::settled_with("argMax(cell, received) AS c", table, wanted)
    }

    /// `column`: one more of the reading that counts; of what isn't read nothing is taken from the disk.
    fn settled_with(column: &str, table: &str, wanted: &str) -> String {
        format!(
            "SELECT series, {column}, time, max(received) AS r, argMax(value, received) AS v, argMax(suspect, received) AS s \
             FROM {table} WHERE {wanted} GROUP BY series, time"
        )
    }

    /// Readings of a property in ranges of time.
    fn settled_in(&self, ranges: &[Range<i64>], known_by: Option<i64>, property: &str, series: &[u64]) -> String {
        let from = ranges.first().map_or(0, |r| r.start);
        let until = ranges.last().map_or(0, |r| r.end) - 1;
        let mut wanted = self.wanted(from, until, known_by, &[property.to_owned()], series);
        if ranges.len() > 1 {
            wanted += &format!(" AND {}", super::rollups::within(ranges));
        }
        self.settled(&wanted)
    }

    /// Rows of start, newest time, good, suspect, sum, min, max, last, from the readings in some ranges of time.
    pub(super) fn series(
        &self,
        ranges: &[Range<i64>],
        known_by: Option<i64>,
        (property, key): (&str, u64),
        step_us: i64,
        limit: usize,
    ) -> String {
        format!(
            "SELECT {} AS b, max(time), countIf(s = 0), countIf(s = 1), sumIf(v, s = 0), minIf(v, s = 0), maxIf(v, s = 0), argMax(v, time) \
             FROM ({}) GROUP BY b ORDER BY b LIMIT {limit}",
            floor("time", step_us),
            self.settled_in(ranges, known_by, property, &[key]),
        )
    }

    /// Rows of key, time, received, value, suspect, start.
    pub(super) fn readings(&self, query: &ReadingsQuery, series: &[u64], limit: usize) -> String {
        let (from, until) = (query.from.timestamp_micros(), query.to.timestamp_micros() - 1);
        let known_by = query.known_by.map(|t| t.timestamp_micros());
        let wanted = self.wanted(from, until, known_by, &query.select.properties, series);
        let settled = Self::settled_with("argMax(start, received) AS u", &self.table("observations"), &wanted);
        let order = if query.newest_first { "time DESC, n DESC" } else { "time, n" };
        // Series in the order of their numbers, which only we know: their places in the list given.
        let number = format!("indexOf([{}], series)", keys(series));
        format!(
            "SELECT series, time, r, v, s, u FROM (SELECT series, time, r, v, s, u, {number} AS n FROM ({settled})) ORDER BY {order} LIMIT {}, {limit}",
            query.skip,
        )
    }

    /// Rows of start, cell, count, sum, min, max, from the readings in some ranges of time.
    pub(super) fn hexagons(&self, ranges: &[Range<i64>], query: &HexagonQuery, width_us: i64) -> String {
        format!(
            "SELECT {} AS b, {} AS h, count(), sum(v), min(v), max(v) FROM ({}) WHERE s = 0 AND c != 0 GROUP BY b, h ORDER BY b, h",
            floor("time", width_us),
            coarser("c", query.resolution),
            self.settled_in(ranges, None, &query.property, &[]),
        )
    }

    /// Rows of key, start, count, sum, min, max, for cells finer than those that are kept.
    pub(super) fn steps(&self, ranges: &[Range<i64>], query: &HexagonQuery, width_us: i64) -> String {
        format!(
            "SELECT series, {} AS b, count(), sum(v), min(v), max(v) FROM ({}) WHERE s = 0 GROUP BY series, b",
            floor("time", width_us),
            self.settled_in(ranges, None, &query.property, &[]),
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

/// The coarser cell that holds a cell: as in H3 the resolution in bits 52 to 55, three bits a digit, 7 where there is none.
pub(super) fn coarser(column: &str, resolution: u8) -> String {
    let resolution = u64::from(resolution.min(CELL_RESOLUTION));
    let (keep, set) = (!(0xf_u64 << 52), (resolution << 52) | ((1_u64 << (3 * (15 - resolution))) - 1));
    format!("bitOr(bitAnd({column}, {keep}), {set})")
}

/// A time rounded down to a multiple of a width; times are not before 1970.
pub(super) fn floor(column: &str, width_us: i64) -> String {
    format!("intDiv({column}, {width_us}) * {width_us}")
}
