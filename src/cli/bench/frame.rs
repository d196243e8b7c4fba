//! `yiping bench frame`: how long a picture takes.

use super::super::quality::QualityArg;
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::screen::bench::{FrameBench, FrameFigures, frames};
use bevy::math::UVec2;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Time of a frame and of the first full view of any 3D Tiles.
#[derive(clap::Args)]
pub struct Args {
    /// Folder or .3tz of a city package, any tileset.json, glTF or other tile content by itself, or an http(s) address of one.
    #[arg(long)]
    package: String,
    #[arg(long, value_parser = super::super::size::parse, default_value = "1280x720")]
    size: (u32, u32),
    #[arg(long, default_value_t = 30)]
    frames: u32,
    /// Look from here instead of framing the whole: longitude,latitude,height,heading,pitch,distance
    #[arg(long, value_parser = super::super::pose::parse, allow_hyphen_values = true)]
    pose: Option<CameraPose>,
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    #[arg(long, value_enum)]
    theme: Option<super::super::theme::ThemeArg>,
    /// Seconds to wait for the full view.
    #[arg(long, default_value_t = 120)]
    limit: u64,
    /// Also save the picture that was measured.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(a: Args) -> anyhow::Result<ExitCode> {
    let bench = FrameBench {
        package: a.package,
        size: UVec2::new(a.size.0, a.size.1),
        frames: a.frames,
        pose: a.pose,
        quality: a.quality.into(),
        theme: a.theme.map(Theme::from).unwrap_or_default(),
        limit: Duration::from_secs(a.limit),
        picture: a.out,
        memory_mib: super::super::memory::now_mib,
    };
    let mut figures = frames(&bench)?;
    figures.peak_rss_mib = super::super::memory::peak_rss_mib();
    if a.json {
        println!("{}", serde_json::to_string_pretty(&figures)?)
    } else {
        print(&figures)
    }
    Ok(if figures.settled { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(f: &FrameFigures) {
    println!("adapter      {}", f.adapter);
    println!("frame        {:.1} ms median, {:.1} ms p99 of {} at {}", f.frame_ms_p50, f.frame_ms_p99, f.frames, f.size);
    println!("full view    {:.0} ms{}", f.full_view_ms, if f.settled { "" } else { " (not reached)" });
    println!("drawn        {} tiles, {} of their {} triangles, {} failed", f.tiles, f.triangles_seen, f.triangles, f.failed_tiles);
    println!("memory       {:.0} MiB, {:.0} MiB of it tiles; {:.0} MiB at most", f.memory_mib, f.resident_mib, f.peak_rss_mib);
}
