//! `yiping bench flight`: a flight over a city.

use super::super::quality::QualityArg;
use crate::screen::bench::{Flight, FlightBench, FlightFigures, flight};
use anyhow::Context;
use bevy::math::UVec2;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A flight over a package: frames while tiles stream in, time to full detail at every stop, tiles and memory; repeatable to the tile list.
#[derive(clap::Args)]
pub struct Args {
    /// Folder or .3tz of a city package, any tileset.json, or an http(s) address of one.
    #[arg(long)]
    package: String,
    /// Stops of another flight than the built-in one, as JSON: {"leg_s": 15, "stops": [{"lon", "lat", "height_m", "heading_deg", "pitch_deg", "distance_m"}, ...]}; `flight` of --json is one.
    #[arg(long)]
    path: Option<PathBuf>,
    /// Length of the built-in flight without its rests.
    #[arg(long, default_value_t = 300.0, conflicts_with = "path")]
    seconds: f64,
    #[arg(long, value_parser = super::super::size::parse, default_value = "1280x720")]
    size: (u32, u32),
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    /// Memory for decoded tiles, MiB.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    budget: u32,
    /// Seconds to wait for the full view of a stop.
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Figures as JSON, with the tiles of every stop.
    #[arg(long)]
    json: bool,
}

pub fn run(a: Args) -> anyhow::Result<ExitCode> {
    let bench = FlightBench {
        package: a.package,
        flight: a.path.as_deref().map(read).transpose()?,
        seconds: a.seconds,
        size: UVec2::new(a.size.0, a.size.1),
        quality: a.quality.into(),
        limit: Duration::from_secs(a.limit),
        budget_bytes: (a.budget as usize) << 20,
    };
    let mut figures = flight(&bench)?;
    figures.peak_rss_mib = super::super::memory::peak_rss_mib();
    if a.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(if figures.unsettled == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> anyhow::Result<Flight> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{} is no flight; see `yiping bench flight --help`", path.display()))
}

fn print(f: &FlightFigures) {
    println!("adapter      {}", f.adapter);
    println!("flight       {:.0} s, {} stops, {} frames at {}", f.seconds, f.stops.len(), f.frames, f.size);
    println!("frame        {:.1} ms median, {:.1} ms p99, {:.1} ms worst", f.frame_ms_p50, f.frame_ms_p99, f.frame_ms_worst);
    println!(
        "full detail  {:.0} ms first, then {:.0} ms median, {:.0} ms worst at a stop",
        f.first_full_ms, f.full_detail_ms_p50, f.full_detail_ms_worst
    );
    println!(
        "loaded       {} tiles, {:.1} MiB decoded, {} failed; {} stops not full in time",
        f.tiles_loaded, f.mib_loaded, f.failed_tiles, f.unsettled
    );
    println!("memory       {:.1} of {:.0} MiB of tiles, {:.0} MiB in all", f.peak_mib, f.budget_mib, f.peak_rss_mib);
    println!("tiles        {}", f.tiles_checksum);
}
