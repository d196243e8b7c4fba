//! How long a frame takes: any 3D Tiles, no window, each frame finished before the next.

use super::app::{self, Adapter, Canvas, Quality, Ready, ScreenOptions};
use super::start::StartError;
use crate::geo::{Ecef, Geodetic, Sphere, ecef_to_geodetic};
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::camera::FOV_Y_RAD;
use crate::render::tiles::CityTiles;
use crate::tiles::{Tileset, TilesetOptions, View};
use bevy::math::DVec3;
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
    /// Give up waiting for the full view after this.
    pub limit: Duration,
    pub picture: Option<std::path::PathBuf>,
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
    pub triangles: usize,
    pub failed_tiles: usize,
    pub resident_mib: f64,
    /// Of the whole process; filled in by the command, which alone asks the system.
    pub peak_rss_mib: f64,
    pub adapter: String,
    pub size: String,
    pub frames: u32,
}

/// Root tilesets are read within this.
const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// Runs the measurement.
///
/// # Errors
/// [`StartError`] when the tileset can't be read or nothing can draw.
pub fn frames(bench: &FrameBench) -> Result<FrameFigures, StartError> {
    let fail = |why: String| StartError::Package { place: bench.package.clone(), why };
    let start = Instant::now();
    let mut tileset = Tileset::open(&bench.package, TilesetOptions::default()).map_err(|e| fail(e.to_string()))?;
    let sphere = wait_for_root(&mut tileset).map_err(fail)?;
    let pose = bench.pose.unwrap_or_else(|| framing(&sphere));
    let options = ScreenOptions {
        canvas: Canvas::Picture { size: bench.size },
        anchor: Geodetic::from_degrees(pose.lon, pose.lat, 0.0),
        theme: Theme::default(),
        camera: pose,
        output: None,
        quality: bench.quality,
    };
    let mut app = app::build(&options).map_err(StartError::Graphics)?;
    app.insert_resource(CityTiles::new(tileset)).add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| {
        ready.0 = city.tileset().is_settled();
    });
    let mut pump = app::Pump::new(app);
    let settled = pump.until_ready(1, bench.limit);
    let full_view_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut times: Vec<f64> = (0..bench.frames.max(1)).map(|_| timed(&mut pump)).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    if let Some(path) = &bench.picture {
        let picture = pump.picture().map_err(StartError::Graphics)?;
        picture.save(path).map_err(|e| StartError::Graphics(format!("{}: {e}", path.display())))?;
    }
    let city = pump.world().resource::<CityTiles>();
    Ok(FrameFigures {
        frame_ms_p50: at(0.5),
        frame_ms_p99: at(0.99),
        full_view_ms,
        settled,
        tiles: city.drawn_tiles,
        triangles: city.drawn_triangles,
        failed_tiles: city.progress.failed,
        resident_mib: city.progress.resident_bytes as f64 / (1 << 20) as f64,
        peak_rss_mib: 0.0,
        adapter: pump.world().get_resource::<Adapter>().map_or_else(String::new, |a| a.name.clone()),
        size: format!("{}x{}", bench.size.x, bench.size.y),
        frames: bench.frames,
    })
}

fn timed(pump: &mut app::Pump) -> f64 {
    let start = Instant::now();
    pump.frame();
    start.elapsed().as_secs_f64() * 1e3
}

fn wait_for_root(tileset: &mut Tileset) -> Result<Sphere, String> {
    let start = Instant::now();
    // Without a view nothing is wanted; one from far outside wants the root and no more.
    let far = View::perspective(DVec3::new(1e9, 0.0, 0.0), DVec3::NEG_X, DVec3::Z, 1.0, 1.0, 1.0);
    while start.elapsed() < OPEN_LIMIT {
        tileset.update(std::slice::from_ref(&far));
        if let Some(failure) = tileset.failures().first() {
            return Err(failure.error.to_string());
        }
        if let Some(sphere) = tileset.bounding_sphere() {
            return Ok(sphere);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("its tileset.json was not read within {} s", OPEN_LIMIT.as_secs()))
}

/// A pose from which the sphere just fits the picture's height.
pub fn framing(sphere: &Sphere) -> CameraPose {
    let centre = ecef_to_geodetic(Ecef(sphere.centre));
    let distance_m = (sphere.radius_m / (FOV_Y_RAD * 0.5).sin()).max(30.0);
    CameraPose { lon: centre.lon_deg(), lat: centre.lat_deg(), height_m: centre.height_m, heading_deg: 0.0, pitch_deg: 35.0, distance_m }
}
