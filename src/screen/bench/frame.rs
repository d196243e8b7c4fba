//! How long a frame takes: any 3D Tiles, no window, each frame finished before the next.

use super::{Opened, percentile, timed};
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::tiles::{CityTiles, FaceCulling};
use crate::screen::app::{Adapter, Quality};
use crate::screen::start::StartError;
use crate::tiles::TilesetOptions;
use bevy::prelude::*;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Debug)]
pub struct FrameBench {
    /// Folder, `.3tz`, `tileset.json` or http(s) address.
    pub package: String,
    pub size: UVec2,
    pub frames: u32,
    /// Where to look from; the tileset's bounding sphere from 35 degrees above when not given.
    pub pose: Option<CameraPose>,
    pub quality: Quality,
    pub theme: Theme,
    /// Give up waiting for the full view after this.
    pub limit: Duration,
    pub picture: Option<std::path::PathBuf>,
    /// Tells the memory that the process has, MiB; asked when the picture stands, before anything is let go.
    pub memory_mib: fn() -> f64,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct FrameFigures {
    pub frame_ms_p50: f64,
    pub frame_ms_p99: f64,
    /// From opening the tileset until everything the view needs is drawn.
    pub full_view_ms: f64,
    pub settled: bool,
    pub tiles: usize,
    /// Of the tiles that are drawn, and how many of them cameras may see.
    pub triangles: usize,
    pub triangles_seen: usize,
    pub failed_tiles: usize,
    pub resident_mib: f64,
    /// Of the whole process while the picture stands.
    pub memory_mib: f64,
    /// Of the whole process at most; filled in by the command, which alone asks the system.
    pub peak_rss_mib: f64,
    pub adapter: String,
    pub size: String,
    pub frames: u32,
}

/// Runs the measurement.
///
/// # Errors
/// [`StartError`] when the tileset can't be read or nothing can draw.
pub fn frames(bench: &FrameBench) -> Result<FrameFigures, StartError> {
    let start = Instant::now();
    let opened = Opened::new(&bench.package, TilesetOptions::default())?;
    let pose = bench.pose.unwrap_or_else(|| opened.framing());
    let mut pump = opened.screen(pose, bench.size, (bench.quality, bench.theme))?;
    let settled = pump.until_ready(1, bench.limit);
    let full_view_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut times: Vec<f64> = (0..bench.frames.max(1)).map(|_| timed(&mut pump)).collect();
    times.sort_by(f64::total_cmp);
    let memory_mib = (bench.memory_mib)();
    if let Some(path) = &bench.picture {
        let picture = pump.picture().map_err(StartError::Graphics)?;
        picture.save(path).map_err(|e| StartError::Graphics(format!("{}: {e}", path.display())))?;
    }
    let city = pump.world().resource::<CityTiles>();
    Ok(FrameFigures {
        frame_ms_p50: percentile(&times, 0.5),
        frame_ms_p99: percentile(&times, 0.99),
        full_view_ms,
        settled,
        tiles: city.drawn_tiles,
        triangles: city.drawn_triangles,
        triangles_seen: pump.world().get_resource::<FaceCulling>().map_or(city.drawn_triangles, |c| c.drawn),
        failed_tiles: city.progress.failed,
        resident_mib: city.progress.resident_bytes as f64 / (1 << 20) as f64,
        memory_mib,
        peak_rss_mib: 0.0,
        adapter: pump.world().get_resource::<Adapter>().map_or_else(String::new, |a| a.name.clone()),
        size: format!("{}x{}", bench.size.x, bench.size.y),
        frames: bench.frames,
    })
}
