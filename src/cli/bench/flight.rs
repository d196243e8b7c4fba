//! `yiping bench flight`: a flight over a city.

use super::super::quality::QualityArg;
use crate::screen::bench::{Flight, FlightBench, FlightFigures, FrameNote, flight};
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
    /// Length of the built-in flight without its rests [default: 300, or --minutes where that is less].
    #[arg(long, conflicts_with = "path")]
    seconds: Option<f64>,
    #[arg(long, value_parser = super::super::size::parse, default_value = "1280x720")]
    size: (u32, u32),
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    /// Memory for tiles, such as 64MiB or 2GiB; a number alone is MiB. Exit code 1 when more is held.
    #[arg(long, default_value = "2GiB", value_parser = super::super::cache::budget)]
    budget: u64,
    /// Fly again and again for so many minutes.
    #[arg(long, default_value_t = 0.0, value_parser = minutes)]
    minutes: f64,
    /// Seconds to wait for the full view of a stop.
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Also writes each frame there, as CSV: when it was done, how long it took, tiles that came with it, faces drawn.
    #[arg(long)]
    frames: Option<PathBuf>,
    /// Figures as JSON, with the tiles of every stop.
    #[arg(long)]
    json: bool,
}

pub fn run(a: Args) -> anyhow::Result<ExitCode> {
    let bench = FlightBench {
        package: a.package,
        flight: a.path.as_deref().map(read).transpose()?,
        seconds: length_s(a.seconds, a.minutes),
        size: UVec2::new(a.size.0, a.size.1),
        quality: a.quality.into(),
        limit: Duration::from_secs(a.limit),
        budget_bytes: usize::try_from(a.budget).unwrap_or(usize::MAX),
        at_least: Duration::from_secs_f64(a.minutes * 60.0),
    };
    let mut figures = flight(&bench)?;
    figures.peak_rss_mib = super::super::memory::peak_rss_mib();
    if let Some(path) = &a.frames {
        std::fs::write(path, csv(&figures.each_frame)).with_context(|| path.display().to_string())?;
    }
    if a.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(if figures.unsettled == 0 && !figures.over_budget { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Length of the built-in flight where nobody says.
const SECONDS_USUAL: f64 = 300.0;

/// Seconds of the built-in flight: whoever wants two minutes is not kept for five.
fn length_s(asked: Option<f64>, minutes: f64) -> f64 {
    let short = Some(minutes * 60.0).filter(|s| *s > 0.0 && *s < SECONDS_USUAL);
    asked.or(short).unwrap_or(SECONDS_USUAL)
}

fn minutes(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|m| (0.0..=100_000.0).contains(m)).ok_or_else(|| format!("{text:?} is no number of minutes"))
}

fn read(path: &Path) -> anyhow::Result<Flight> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{} is no flight; see `yiping bench flight --help`", path.display()))
}

fn csv(frames: &[FrameNote]) -> String {
    let line = |f: &FrameNote| format!("{:.1},{:.1},{},{}\n", f.at_ms, f.ms, f.new_tiles, f.faces);
    std::iter::once("at_ms,ms,new_tiles,faces\n".to_owned()).chain(frames.iter().map(line)).collect()
}

fn print(f: &FlightFigures) {
    println!("adapter      {}", f.adapter);
    println!("flight       {:.0} s, {} stops, {} frames at {}", f.seconds, f.stops.len(), f.frames, f.size);
    println!(
        "frame        {:.1} ms median, {:.1} ms p99, {:.1} ms worst, {:.1} ms the worst with new tiles; at most {:.2} times as long as those around it",
        f.frame_ms_p50, f.frame_ms_p99, f.frame_ms_worst, f.upload_frame_ms_worst, f.hitch_worst
    );
    println!(
        "full detail  {:.0} ms first, then {:.0} ms median, {:.0} ms worst at a stop",
        f.first_full_ms, f.full_detail_ms_p50, f.full_detail_ms_worst
    );
    println!("error        {:.1} px at most on the way, {:.1} px at stops", f.sse_px_worst, f.sse_px_at_stops);
    println!(
        "loaded       {} tiles, {:.1} MiB decoded, {} failed; {} stops not full in time",
        f.tiles_loaded, f.mib_loaded, f.failed_tiles, f.unsettled
    );
    println!(
        "memory       {:.1} of {:.0} MiB of tiles at most{}, {:.1} MiB of them here and uploaded, {:.1} MiB here alone; {:.0} MiB in all",
        f.peak_mib,
        f.budget_mib,
        if f.over_budget { ", MORE THAN ALLOWED" } else { "" },
        f.peak_resident_mib,
        f.peak_kept_mib,
        f.peak_rss_mib
    );
    println!("tiles        {}", f.tiles_checksum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_a_line() {
        let frame = FrameNote { at_ms: 1234.56, ms: 20.04, new_tiles: 2, faces: 77 };
        assert_eq!(csv(&[frame, frame]), "at_ms,ms,new_tiles,faces\n1234.6,20.0,2,77\n1234.6,20.0,2,77\n");
    }

    #[test]
    fn whoever_asks_for_few_minutes_gets_a_shorter_flight_and_for_many_the_usual_one_again_and_again() {
        assert_eq!(
            [length_s(None, 2.0), length_s(None, 0.0), length_s(None, 30.0), length_s(Some(60.0), 2.0)],
            [120.0, 300.0, 300.0, 60.0]
        );
    }
}
