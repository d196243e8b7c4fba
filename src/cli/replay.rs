//! `yiping replay`: a recorded or generated journal as a live data platform.

use crate::feeds::replay::{City, Options, PAYLOAD_BYTES, PAYLOAD_BYTES_MAX, Platform, SPEEDS};
use anyhow::Context;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Play a recorded or generated journal as a live platform: SensorThings over HTTP and MQTT, incidents and units as events, alerts as CAP.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with sensors.geojson, units.geojson and incidents.json, as `yiping demo-city` writes them
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Journals to play with their own timing: files (plain, .gz or .zst) or folders of them, merged by time. Without one, a journal is
    /// generated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    journal: Vec<PathBuf>,
    /// Address of the HTTP side; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// Address of the MQTT broker; port 0 takes any free one, `off` does without
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1883")]
    mqtt: String,
    /// Readings of one datastream that are due together are published as one MQTT message of at most so many bytes, as some servers take no
    /// more; 0 publishes each by itself
    #[arg(long, value_name = "BYTES", default_value_t = PAYLOAD_BYTES, value_parser = payload_bytes)]
    mqtt_payload: usize,
    /// Simulated seconds a second, 0.1 to 1000; changed while it plays by POST /control {"speed": 10}
    #[arg(long, default_value = "1", value_parser = speed)]
    speed: f64,
    /// Simulated time at the start, with what was known then [default: now, or the journal's first entry]; POST /control
    /// {"seek": "TIME"} goes elsewhere while it plays
    #[arg(long, visible_alias = "seek", value_name = "TIME")]
    start: Option<DateTime<Utc>>,
    /// The same seed and start give the same journal
    #[arg(long, default_value = "7")]
    seed: u64,
    /// Write what is served to this journal
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the addresses as one line of JSON
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.trim_end_matches('x').parse().map_err(|e| format!("{e}"))?;
    if SPEEDS.contains(&speed) { Ok(speed) } else { Err(format!("a speed is between {} and {}", SPEEDS.start(), SPEEDS.end())) }
}

fn payload_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().map_err(|e| format!("{e}"))?;
    if bytes <= PAYLOAD_BYTES_MAX { Ok(bytes) } else { Err(format!("a payload has at most {PAYLOAD_BYTES_MAX} bytes")) }
}

/// Serves until interrupted.
///
/// # Errors
/// Data or addresses that can't be used.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let city = args.data.as_deref().map(City::read).transpose()?;
    let left_out = city.as_ref().map(|c| c.left_out.clone()).unwrap_or_default();
    let mqtt = match args.mqtt.as_str() {
        "off" => None,
        address => Some(address.parse().with_context(|| format!("--mqtt {address:?} is no address such as 127.0.0.1:1883"))?),
    };
    let (units, incidents) = city.as_ref().map_or((0, 0), |c| (c.units.len(), c.incidents.len()));
    let options = Options {
        city,
        journals: args.journal.clone(),
        listen: args.listen,
        mqtt,
        mqtt_payload_bytes: args.mqtt_payload,
        speed: args.speed,
        start: args.start,
        seed: args.seed,
        record: args.record.clone(),
    };
    let platform = Platform::start(options)?;
    for line in left_out.iter().take(20) {
        eprintln!("left out: {line}");
    }
    announce(args.json, &platform, (units, incidents), left_out.len())?;
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread to wait on")?;
    waiting.block_on(tokio::signal::ctrl_c()).context("can't wait for an interrupt")?;
    let report = platform.report();
    if args.json {
        println!("{}", json!(report));
    } else {
        println!("played {} entries, {} bad lines, {} publications dropped", report.played, report.bad_lines, report.mqtt_dropped);
        report.told.iter().for_each(|line| println!("  {line}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn announce(as_json: bool, platform: &Platform, (units, incidents): (usize, usize), left_out: usize) -> anyhow::Result<()> {
    let http = format!("http://{}", platform.http);
    let mut out = std::io::stdout().lock();
    if as_json {
        let line = json!({
            "http": http, "sensorthings": platform.sensorthings_url(), "mqtt": platform.mqtt_url(),
            "incidents": format!("{http}/incidents/stream"), "units": format!("{http}/units/stream"), "alerts": format!("{http}/cap"), "control": format!("{http}/control"),
            "datastreams": platform.datastreams, "unit_count": units, "incidents_a_day": incidents, "left_out": left_out,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "SensorThings  {}  ({} datastreams)", platform.sensorthings_url(), platform.datastreams)?;
        writeln!(out, "MQTT          {}", platform.mqtt_url().unwrap_or_else(|| "off".into()))?;
        writeln!(out, "incidents     {http}/incidents/stream  ({incidents} a day)")?;
        writeln!(out, "units         {http}/units/stream  ({units})")?;
        writeln!(out, "alerts        {http}/cap")?;
        writeln!(out, "control       {http}/control")?;
    }
    // A parent process waits for this line through a pipe.
    Ok(out.flush()?)
}
