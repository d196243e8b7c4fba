//! `yiping bench live`: what a hub bears on this machine. The hub runs as a process of its own, loaded over its own front doors.
//!
//! Load and hub share the machine: what each took of its processors is told beside what came out.

mod broker;
mod fanout;
mod http;
mod ingest;
mod mqtt;
pub(super) mod server;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// Readings a second into the hub over HTTP and MQTT, positions out to a thousand screens, ten thousand idle screens: each over loopback,
/// on a fresh hub. And the heat fields of `yiping bench heat`, and with --full the hundred million readings of `yiping bench history`.
#[derive(clap::Args)]
pub struct Args {
    /// For as long as the figures in docs/benchmarks.md: a minute each way.
    #[arg(long)]
    full: bool,
    /// Readings offered a second: 1 % more than the aim of 50,000, so that what is stored can be held against it.
    #[arg(long, default_value_t = 50_500)]
    rate: u32,
    /// Screens with viewports that follow 1,400 positions a second.
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Screens that only stay connected.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Mqtt,
    /// One reading a message.
    MqttSingle,
    Http,
    Fanout,
    Idle,
    Heat,
    /// With `--full`, or where it is asked for: it takes a quarter of a minute, and ten with `--full`.
    History,
}

/// What was measured; absent: not asked for.
#[derive(Debug, Default, Serialize)]
struct Figures {
    version: &'static str,
    profile: &'static str,
    cores: usize,
    #[serde(flatten)]
    parts: serde_json::Map<String, Value>,
    /// The loss ledger of every feed balances, and what it calls stored is what the history holds.
    ledger_balanced: bool,
}

/// Readings in a message of a gateway.
const ARRAY: usize = 80;
/// Fields computed of each kind; the median counts.
const HEAT_RUNS: u32 = 7;

pub fn run(a: Args) -> anyhow::Result<ExitCode> {
    server::more_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    let figures = runtime.block_on(measure(&a))?;
    if a.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    Ok(if figures.ledger_balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(a: &Args) -> anyhow::Result<Figures> {
    let span = |short| Duration::from_secs(if a.full { 60 } else { short });
    let asked = |part: Part| a.only.is_none_or(|only| only == part);
    let say = |line: String| {
        if !a.json {
            println!("{line}")
        }
    };
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let cores = std::thread::available_parallelism()?.get();
    let mut figures = Figures { version: env!("CARGO_PKG_VERSION"), profile, cores, ledger_balanced: true, ..Figures::default() };
    for (part, name, form) in [(Part::Mqtt, "mqtt", mqtt::Form::Arrays(ARRAY)), (Part::MqttSingle, "mqtt_single", mqtt::Form::Single)] {
        if asked(part) {
            let ingest = mqtt::measure(form, a.rate, span(if part == Part::Mqtt { 5 } else { 2 })).await?;
            figures.ingest(name, &ingest, &say)?;
        }
    }
    if asked(Part::Http) {
        figures.ingest("http", &http::measure(a.rate, span(5)).await?, &say)?;
    }
    if asked(Part::Fanout) {
        let f = fanout::positions(a.clients, span(5)).await?;
        say(format!(
            "fan-out       {} screens ({} cut off), {:.0} positions/s: p50 {:.0} ms, p99 {:.0} ms ({} timed)",
            f.clients, f.cut_off, f.positions_per_s, f.ms_p50, f.ms_p99, f.heard
        ));
        say(format!(
            "  CPU         hub {:.1} s, load {:.1} s, of {:.0} s; hub {:.0} MiB",
            f.hub_cpu_s, f.load_cpu_s, f.seconds, f.hub_rss_mib
        ));
        figures.ledger_balanced &= f.ledger_balanced;
        figures.put("fanout_ms_p50", f.ms_p50)?;
        figures.put("fanout_ms_p99", f.ms_p99)?;
        figures.put("fanout", f)?;
    }
    if asked(Part::Idle) {
        let i = fanout::idle(a.idle, Duration::from_secs(if a.full { 30 } else { 2 })).await?;
        say(format!(
            "idle          {} screens: hub {:.0} MiB, {:.0} MiB of it theirs, {:.1} kB each",
            i.clients, i.hub_rss_mib, i.added_mib, i.kb_each
        ));
        figures.put("idle_clients", i.clients)?;
        figures.put("idle_hub_rss_mib", i.hub_rss_mib)?;
        figures.put("idle", i)?;
    }
    if asked(Part::Heat) {
        let heat = tokio::task::spawn_blocking(|| super::heat::figures(HEAT_RUNS)).await??;
        say(format!(
            "heat          kriging {:.1} ms on one core; inverse distance {:.1} ms on one core",
            heat.kriging_ms, heat.idw_one_core_ms
        ));
        figures.put("kriging_ms", heat.kriging_ms)?;
        figures.put("idw_ms", heat.idw_one_core_ms)?;
        figures.put("heat", heat)?;
    }
    if a.only == Some(Part::History) || a.only.is_none() && a.full {
        let h = super::history::figures(a.full).await?;
        say(format!(
            "history       {} readings of {} series: hexagons by 15 minutes {:.0} ms cold, the newest of all {:.0} ms, any instant {:.0} ms",
            h.observations, h.series, h.hexagons_15m_cold_ms, h.latest_ms.median, h.latest_at_ms.median
        ));
        figures.put("hexagons_15m_cold_ms", h.hexagons_15m_cold_ms)?;
        figures.put("latest_ms", h.latest_ms.median)?;
        figures.put("instant_ms", h.latest_at_ms.median)?;
        figures.put("history", h)?;
    }
    say(format!("ledger        {}", if figures.ledger_balanced { "balanced" } else { "NOT BALANCED" }));
    Ok(figures)
}

impl Figures {
    fn put(&mut self, key: &str, value: impl Serialize) -> anyhow::Result<()> {
        self.parts.insert(key.into(), serde_json::to_value(value)?);
        Ok(())
    }

    fn ingest(&mut self, way: &str, f: &ingest::Figures, say: &impl Fn(String)) -> anyhow::Result<()> {
        say(format!("ingest {way:<12}{:.0} observations/s stored of {:.0}/s offered, {:.1} s", f.stored_per_s, f.offered_per_s, f.seconds));
        say(format!(
            "  acknowledged {}, in the history {}; reader p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
            f.acknowledged, f.in_history, f.reader_ms_p50, f.reader_ms_p99, f.reader_ms_max
        ));
        let broker = f.broker.as_ref().zip(f.broker_cpu_s).map_or(String::new(), |(name, s)| format!(", {name} {s:.1} s"));
        say(format!("  CPU         hub {:.1} s{broker}, load {:.1} s; hub {:.0} MiB", f.hub_cpu_s, f.load_cpu_s, f.hub_rss_mib));
        self.ledger_balanced &= f.ledger_balanced;
        self.put(&format!("ingest_{way}_per_s"), f.stored_per_s)?;
        self.put(&format!("ingest_{way}_reader_ms_p99"), f.reader_ms_p99)?;
        self.put(&format!("ingest_{way}"), f)
    }
}
