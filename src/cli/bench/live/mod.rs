//! `yiping bench live`: what a hub bears on this machine. The hub runs as a process of its own, loaded over its own front doors.

mod fanout;
mod ingest;
mod server;

use anyhow::Context;
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// Readings a second into the hub, positions out to a thousand screens, ten thousand idle screens: each over loopback, on a fresh hub.
#[derive(clap::Args)]
pub struct Args {
    /// For as long as the figures in docs/benchmarks.md: a minute each way.
    #[arg(long)]
    full: bool,
    /// Readings offered a second.
    #[arg(long, default_value_t = 50_000)]
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
    Http,
    Fanout,
    Idle,
}

/// What was measured; absent: not asked for.
#[derive(Debug, Default, Serialize)]
struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    ingest_http_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingest_http: Option<ingest::Figures>,
    /// The loss ledger of every feed balances, and what it calls stored is what the history holds.
    ledger_balanced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fanout_ms_p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fanout_ms_p99: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fanout: Option<fanout::Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<fanout::IdleFigures>,
}

pub fn run(a: Args) -> anyhow::Result<ExitCode> {
    server::more_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    let figures = runtime.block_on(measure(&a))?;
    if a.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(if figures.ledger_balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(a: &Args) -> anyhow::Result<Figures> {
    let span = Duration::from_secs(if a.full { 60 } else { 8 });
    let asked = |part: Part| a.only.is_none_or(|only| only == part);
    let mut figures = Figures { ledger_balanced: true, ..Figures::default() };
    if asked(Part::Http) {
        let http = ingest::over_http(a.rate, span).await?;
        figures.ledger_balanced &= http.ledger_balanced;
        figures.ingest_http_per_s = Some(http.stored_per_s);
        figures.ingest_http = Some(http);
    }
    if asked(Part::Fanout) {
        let fanout = fanout::positions(a.clients, span).await?;
        figures.ledger_balanced &= fanout.ledger_balanced;
        (figures.fanout_ms_p50, figures.fanout_ms_p99) = (Some(fanout.ms_p50), Some(fanout.ms_p99));
        figures.fanout = Some(fanout);
    }
    if asked(Part::Idle) {
        figures.idle = Some(fanout::idle(a.idle).await?);
    }
    Ok(figures)
}

fn print(f: &Figures) {
    if let Some(i) = &f.ingest_http {
        println!("ingest HTTP   {:.0} observations/s stored of {:.0}/s offered, {:.0} s", i.stored_per_s, i.offered_per_s, i.seconds);
        println!(
            "  acknowledged {} · in the history {} · reader p50 {:.1} ms, p99 {:.1} ms",
            i.acknowledged, i.in_history, i.reader_ms_p50, i.reader_ms_p99
        );
        println!("  hub          {:.0} MiB, {:.1} CPU s", i.hub_rss_mib, i.hub_cpu_s);
    }
    if let Some(i) = &f.fanout {
        println!(
            "fan-out       {} screens, {:.0} positions/s: p50 {:.0} ms, p99 {:.0} ms ({} heard)",
            i.clients, i.positions_per_s, i.ms_p50, i.ms_p99, i.heard
        );
        println!("  hub          {:.0} MiB, {:.1} CPU s in {:.0} s", i.hub_rss_mib, i.hub_cpu_s, i.seconds);
    }
    if let Some(i) = &f.idle {
        println!(
            "idle          {} screens: hub {:.0} MiB, {:.0} MiB of it theirs, {:.1} kB each",
            i.clients, i.hub_rss_mib, i.added_mib, i.kb_each
        );
    }
    println!("ledger        {}", if f.ledger_balanced { "balanced" } else { "NOT BALANCED" });
}
