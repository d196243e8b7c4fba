//! `yiping bench history`: how fast the history takes readings and answers, over generated ones.

use super::super::memory::peak_rss_mib;
use super::scrub::{self, Scrub};
use crate::history::{At, Batch, Embedded, HexagonQuery, History, Reading, Select, SeriesQuery};
use crate::hub::DATASTREAMS_MAX;
use crate::model::observation::{Datastream, Observation};
use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Ingest, scrubbing, charts and hexagons over a day of generated readings, in a folder of its own that is removed afterwards.
#[derive(clap::Args)]
pub struct Args {
    /// Datastreams, spread over 90 km by 95 km.
    #[arg(long, default_value_t = 10_000)]
    series: u32,
    /// Readings of each, evenly over 24 hours.
    #[arg(long, default_value_t = 200)]
    readings: u32,
    /// A hundred readings of a million datastreams: ten minutes and 8 GB of disk.
    #[arg(long)]
    full: bool,
    /// Where the history is made [default: the system's folder for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Leave the history there, to ask others the same; no hub is asked then, which would add its units.
    #[arg(long)]
    keep: bool,
    /// Asks a history that `--keep` has left, and takes nothing in.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["full", "folder", "keep", "series", "readings"])]
    ask: Option<PathBuf>,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Median and greatest of several times, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    first: f64,
    pub(super) median: f64,
    max: f64,
}

/// What it took to make the history.
#[derive(Debug, Serialize)]
struct Taken {
    /// From the first append to the last acknowledgement, each on disk.
    ingest_per_s: f64,
    /// Of one batch of 5,000 readings, each with its sync.
    append_ms: Times,
    /// Until all of it was in partitions, merged and rolled up.
    settle_s: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Figures {
    version: &'static str,
    cores: usize,
    pub(super) series: u32,
    pub(super) observations: u64,
    /// Absent where a history was only asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<Taken>,
    disk_mib: Vec<(String, f64)>,
    bytes_per_observation: f64,
    /// A start: index, keyframes, the newest reading of every series into memory. Files not in the system's cache.
    open_cold_ms: f64,
    /// All hexagons of the day by 15 minutes, resolution 8, files not in the system's cache and never looked at.
    pub(super) hexagons_15m_cold_ms: f64,
    hexagons: usize,
    hexagons_15m_ms: Times,
    /// Resolution 9, which is what is kept.
    hexagons_fine_ms: Times,
    /// By 5 minutes: from the readings themselves. Absent where there are more than a screen will ever ask for at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    hexagons_from_readings_ms: Option<Times>,
    /// The newest reading of every series, from memory.
    pub(super) latest_ms: Times,
    /// Any instant of the 24 hours, every series; the first of them from a cold start.
    pub(super) latest_at_ms: Times,
    /// The same, as we knew it then.
    latest_at_known_ms: Times,
    /// One datastream's day by 15 minutes.
    series_ms: Times,
    /// What a hub takes for the same as screens ask it. Absent where a history was only asked, or has more datastreams than a hub takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    hub_at: Option<Scrub>,
    /// SQL over the same files through DataFusion; only in programs built with `--features sql`.
    #[cfg(feature = "sql")]
    sql_ms: Vec<(String, Times)>,
    peak_rss_mib: f64,
}

/// A batch: 0.1 s of 50,000 readings a second.
const BATCH: u32 = 5_000;
pub(super) const PROPERTY: &str = "pm2_5";
const RUNS: usize = 7;
/// Readings that hexagons are made of without roll-ups.
const FROM_READINGS_MAX: u64 = 20_000_000;

/// The same questions as in `benches/peers/history/engines.py`.
#[cfg(feature = "sql")]
const SQL: [(&str, &str); 3] = [
    (
        "cells by 15 min from readings",
        "SELECT d.cell, date_bin(INTERVAL '15 minutes', o.time) AS start, count(*), avg(o.value), min(o.value), max(o.value) \
         FROM observations o JOIN datastreams d USING (series) GROUP BY 1, 2",
    ),
    (
        "mean of all readings by 15 min",
        "SELECT date_bin(INTERVAL '15 minutes', time) AS start, count(*), avg(value) FROM observations GROUP BY 1",
    ),
    ("one datastream", "SELECT time, value FROM observations WHERE series = 4711 ORDER BY time"),
];

/// Datastreams and readings of each that `--full` stands for.
const FULL: (u32, u32) = (1_000_000, 100);

pub fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if args.full {
        (args.series, args.readings) = FULL;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = match &args.ask {
        Some(folder) => runtime.block_on(asked(folder, None)),
        None => runtime.block_on(made(&args)),
    };
    let figures = figures?;
    println!("{}", if args.json { serde_json::to_string_pretty(&figures)? } else { format!("{figures:#?}") });
    Ok(ExitCode::SUCCESS)
}

/// For `yiping bench live`: a history of a hundred million readings, or of two million.
pub(super) async fn figures(full: bool) -> anyhow::Result<Figures> {
    let (series, readings) = if full { FULL } else { (10_000, 200) };
    made(&Args { series, readings, full, folder: None, keep: false, ask: None, json: true }).await
}

async fn made(args: &Args) -> anyhow::Result<Figures> {
    let temporary = tempfile_in(args.folder.as_deref())?;
    let figures = measure(args, &temporary).await;
    if args.keep {
        eprintln!("the history is left in {}", temporary.display());
    } else {
        std::fs::remove_dir_all(&temporary).with_context(|| format!("{}: can't be removed", temporary.display()))?;
    }
    figures
}

fn tempfile_in(folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned).join(format!("yiping-bench-history-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("{}: can't be made", folder.display()))?;
    Ok(folder)
}

/// The day's first instant: it ends at the last full hour.
pub(super) fn first() -> DateTime<Utc> {
    let hour = Utc::now().timestamp() / 3600 * 3600;
    DateTime::from_timestamp(hour, 0).unwrap_or_default() - TimeDelta::hours(24)
}

fn datastream(n: u32) -> Datastream {
    // A grid of sensors over the city, in an order that has nothing to do with their numbers.
    let side = 1000;
    let at = n.wrapping_mul(7919) % (side * side);
    let (x, y) = (f64::from(at % side) / f64::from(side), f64::from(at / side) / f64::from(side));
    Datastream {
        id: format!("bench/{n}"),
        feed: "bench".into(),
        sensor: format!("sensor {n}"),
        observed_property: PROPERTY.into(),
        unit: "µg/m³".into(),
        lon: 117.8 + x,
        lat: 33.5 + y * 0.85,
        height_m: 3.0,
    }
}

/// Reading number `round` of a series: a daily wave, its own level, and noise of a step of 0.1.
fn reading(n: u32, round: u32, rounds: u32, from: DateTime<Utc>) -> Reading {
    let every_ms = 86_400_000 / i64::from(rounds);
    let jitter = i64::from(n.wrapping_mul(2_654_435_761) >> 8) % every_ms.max(1);
    let phenomenon_time = from + TimeDelta::milliseconds(i64::from(round) * every_ms + jitter);
    let noise = f64::from((n ^ round).wrapping_mul(2_246_822_519) >> 20) / 4096.0;
    let value = 40.0 + f64::from(n % 50) + 15.0 * (f64::from(round) / f64::from(rounds) * std::f64::consts::TAU).sin() + 6.0 * noise;
    let observation = Observation::new(format!("bench/{n}"), phenomenon_time, (value * 10.0).round() / 10.0);
    Reading { observation, received_at: phenomenon_time + TimeDelta::milliseconds(300 + i64::from(n % 700)) }
}

pub(super) fn times(mut ms: Vec<f64>) -> Times {
    let first = ms.first().copied().unwrap_or(f64::NAN);
    ms.sort_by(f64::total_cmp);
    Times { first, median: ms.get(ms.len() / 2).copied().unwrap_or(f64::NAN), max: ms.last().copied().unwrap_or(f64::NAN) }
}

pub(super) fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Forgets what the system has of the folder's files in memory.
fn cool(folder: &Path) -> anyhow::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let input = format!("if={}", path.display());
            let dropped = Command::new("dd").args([input.as_str(), "iflag=nocache", "count=0"]).stderr(Stdio::null()).status();
            dropped.context("dd, which drops files from the cache")?;
        }
    }
    Ok(())
}

async fn measure(args: &Args, folder: &Path) -> anyhow::Result<Figures> {
    let from = first();
    let history = Embedded::open(folder)?;
    for part in (0..args.series).collect::<Vec<_>>().chunks(100_000) {
        history.append(Batch { datastreams: part.iter().map(|n| datastream(*n)).collect(), ..Batch::default() }).await?;
    }
    eprintln!("{} datastreams; now {} readings", args.series, u64::from(args.series) * u64::from(args.readings));
    let (ingest_s, append_ms) = ingest(args, &history, from).await?;
    eprintln!("{:.0} readings a second; now partitions and roll-ups", f64::from(args.series) * f64::from(args.readings) / ingest_s);
    let begun = Instant::now();
    history.settle().await?;
    let settle_s = begun.elapsed().as_secs_f64();
    drop(history);
    let observations = u64::from(args.series) * u64::from(args.readings);
    let mut figures = asked(folder, Some(Taken { ingest_per_s: observations as f64 / ingest_s, append_ms, settle_s })).await?;
    // The history is closed by now: a hub may have it.
    if args.series as usize <= DATASTREAMS_MAX && !args.keep {
        eprintln!("and now a hub's own answers");
        figures.hub_at = Some(scrub::measure(folder).await?);
    }
    Ok(figures)
}

/// Questions to the history in `folder`.
async fn asked(folder: &Path, taken: Option<Taken>) -> anyhow::Result<Figures> {
    cool(folder)?;
    let begun = Instant::now();
    let history = Embedded::open(folder)?;
    let open_cold_ms = ms(begun);
    let health = history.health().await?;
    let oldest = health.oldest.with_context(|| format!("{}: no history is there", folder.display()))?;
    // The day began with the hour of its first reading.
    let from = DateTime::from_timestamp(oldest.timestamp() / 3600 * 3600, 0).unwrap_or(oldest);
    let series = health.datastreams as u32;
    cool(folder)?;
    let hexagons = |resolution, minutes| HexagonQuery {
        property: PROPERTY.into(),
        from,
        to: from + TimeDelta::hours(24),
        bucket: TimeDelta::minutes(minutes),
        resolution,
    };
    let begun = Instant::now();
    let told = history.hexagons(hexagons(8, 15)).await?;
    let hexagons_15m_cold_ms = ms(begun);
    let timed = |history: &Embedded, query: HexagonQuery, runs: usize| {
        let history = history.clone();
        async move {
            let mut all = Vec::new();
            for _ in 0..runs {
                let begun = Instant::now();
                history.hexagons(query.clone()).await?;
                all.push(ms(begun));
            }
            anyhow::Ok(times(all))
        }
    };
    let observations = health.readings;
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let stored: u64 = health.bytes.iter().filter(|(folder, _)| folder == "observations").map(|(_, b)| b).sum();
    Ok(Figures {
        version: env!("CARGO_PKG_VERSION"),
        cores: std::thread::available_parallelism()?.get(),
        series,
        observations,
        taken,
        disk_mib: health.bytes.iter().map(|(folder, bytes)| (folder.clone(), mib(*bytes))).collect(),
        bytes_per_observation: stored as f64 / observations as f64,
        open_cold_ms,
        hexagons_15m_cold_ms,
        hexagons: told.rows.len(),
        hexagons_15m_ms: timed(&history, hexagons(8, 15), RUNS).await?,
        hexagons_fine_ms: timed(&history, hexagons(9, 15), 3).await?,
        hexagons_from_readings_ms: match observations {
            0..=FROM_READINGS_MAX => Some(timed(&history, hexagons(8, 5), 2).await?),
            _ => None,
        },
        latest_ms: latest(&history).await?,
        latest_at_ms: instants(folder, &history, from, false).await?,
        latest_at_known_ms: instants(folder, &history, from, true).await?,
        series_ms: charts(series, &history, from).await?,
        hub_at: None,
        #[cfg(feature = "sql")]
        sql_ms: sql(&history).await?,
        peak_rss_mib: peak_rss_mib(),
    })
}

/// Seconds, and times of appends. Four batches are on their way at any time, as from four feeds.
async fn ingest(args: &Args, history: &Embedded, from: DateTime<Utc>) -> anyhow::Result<(f64, Times)> {
    let begun = Instant::now();
    let mut all = Vec::new();
    let mut flying = tokio::task::JoinSet::new();
    for round in 0..args.readings {
        for start in (0..args.series).step_by(BATCH as usize) {
            let end = (start + BATCH).min(args.series);
            let readings = (start..end).map(|n| reading(n, round, args.readings, from)).collect();
            if flying.len() >= 4
                && let Some(done) = flying.join_next().await
            {
                all.push(done??);
            }
            let history = history.clone();
            let batch = Batch { readings, ..Batch::default() };
            flying.spawn(async move {
                let begun = Instant::now();
                // A history that can't seal as fast says so; a feed would wait too.
                while let Err(e) = history.append(batch.clone()).await {
                    anyhow::ensure!(matches!(e, crate::history::HistoryError::Behind { .. }), "{e}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Ok(ms(begun))
            });
        }
        if round % 10 == 9 {
            eprintln!("{} of {} rounds, {:.0} s", round + 1, args.readings, begun.elapsed().as_secs_f64());
        }
    }
    while let Some(done) = flying.join_next().await {
        all.push(done??);
    }
    Ok((begun.elapsed().as_secs_f64(), times(all)))
}

async fn latest(history: &Embedded) -> anyhow::Result<Times> {
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        history.latest(Select::all()).await?;
        all.push(ms(begun));
    }
    Ok(times(all))
}

/// Instants all over the day; the first of them with cold files.
async fn instants(folder: &Path, history: &Embedded, from: DateTime<Utc>, known: bool) -> anyhow::Result<Times> {
    cool(folder)?;
    let mut all = Vec::new();
    for i in 0..24 {
        let time = from + TimeDelta::seconds(3600 + (i * 13_577) % 82_000);
        let at = if known { At::as_we_knew_it(time) } else { At::as_it_happened(time) };
        let begun = Instant::now();
        history.latest_at(at, Select::all()).await?;
        all.push(ms(begun));
    }
    Ok(times(all))
}

async fn charts(series: u32, history: &Embedded, from: DateTime<Utc>) -> anyhow::Result<Times> {
    let mut all = Vec::new();
    for i in 0..20_u32 {
        let datastream = format!("bench/{}", i.wrapping_mul(48_271) % series);
        let query = SeriesQuery { datastream, from, to: from + TimeDelta::hours(24), step: TimeDelta::minutes(15), known_by: None };
        let begun = Instant::now();
        history.series(query).await?;
        all.push(ms(begun));
    }
    Ok(times(all))
}

#[cfg(feature = "sql")]
async fn sql(history: &Embedded) -> anyhow::Result<Vec<(String, Times)>> {
    let mut all = Vec::new();
    for (name, question) in SQL {
        let mut runs = Vec::new();
        for _ in 0..2 {
            let begun = Instant::now();
            history.sql(&format!("SELECT count(*) FROM ({question})")).await?;
            runs.push(ms(begun));
        }
        all.push((name.to_owned(), times(runs)));
    }
    Ok(all)
}
