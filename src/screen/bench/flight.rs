//! A flight over a package: how evenly frames come while tiles stream in, how long detail takes to arrive, and what it costs.

use super::{Opened, percentile, timed};
use crate::geo::LocalFrame;
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::camera::OrbitCamera;
use crate::render::tiles::{CityTiles, FaceCulling};
use crate::screen::app::{Adapter, Pump, Quality};
use crate::screen::start::StartError;
use crate::tiles::TilesetOptions;
use bevy::math::DVec3;
use bevy::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Frames in a row without a tile to wait for until a view counts as full.
const QUIET_FRAMES: u32 = 2;
/// The flight of a package that brings none: part of the city's radius to the east and north of its middle, heading, pitch, and the distance as
/// a part of the radius. Overview, two descents, a sweep along streets, corners, straight down, across the whole city, and back.
const PATH: [[f64; 5]; 20] = [
    [0.0, 0.0, 0.0, 40.0, 3.0],
    [0.0, 0.0, 40.0, 35.0, 1.2],
    [0.0, 0.0, 80.0, 28.0, 0.4],
    [0.05, 0.0, 90.0, 22.0, 0.15],
    [0.2, 0.0, 90.0, 20.0, 0.15],
    [0.35, 0.05, 60.0, 20.0, 0.15],
    [0.4, 0.2, 10.0, 20.0, 0.15],
    [0.4, 0.35, 350.0, 25.0, 0.2],
    [0.3, 0.4, 280.0, 35.0, 0.5],
    [-0.3, 0.4, 250.0, 30.0, 0.3],
    [-0.4, 0.3, 190.0, 22.0, 0.15],
    [-0.4, 0.1, 180.0, 20.0, 0.15],
    [-0.4, -0.1, 180.0, 20.0, 0.15],
    [-0.35, -0.35, 130.0, 30.0, 0.3],
    [0.0, 0.0, 45.0, 89.0, 0.4],
    [0.4, -0.4, 320.0, 18.0, 0.3],
    [0.1, -0.1, 310.0, 15.0, 0.3],
    [-0.2, 0.2, 310.0, 20.0, 0.4],
    [0.0, 0.0, 180.0, 30.0, 1.2],
    [0.0, 0.0, 180.0, 50.0, 3.0],
];
/// No stop is nearer to its target than this, metres: the flight shows a city, not a wall.
const DISTANCE_MIN_M: f64 = 250.0;

/// Where a flight goes: eased from stop to stop, resting at each until everything it shows is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flight {
    /// Seconds from a stop to the next.
    pub leg_s: f64,
    pub stops: Vec<CameraPose>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct FlightBench {
    /// Folder, `.3tz`, `tileset.json` or http(s) address.
    pub package: String,
    /// The built-in one over the package when not given.
    pub flight: Option<Flight>,
    /// Seconds of the built-in flight, without its rests.
    pub seconds: f64,
    pub size: UVec2,
    pub quality: Quality,
    /// Give up waiting for the full view of a stop after this.
    pub limit: Duration,
    /// Memory for tiles, bytes: kept, uploaded and on the way.
    pub budget_bytes: usize,
    /// The flight begins again until it has lasted so long; once at least.
    pub at_least: Duration,
}

/// The figures of one flight.
#[derive(Clone, Debug, Serialize)]
pub struct FlightFigures {
    pub seconds: f64,
    pub frames: usize,
    pub frame_ms_p50: f64,
    pub frame_ms_p99: f64,
    pub frame_ms_worst: f64,
    /// From opening the tileset until the first stop's view is full.
    pub first_full_ms: f64,
    /// From coming to rest at a stop until its view is full: of all later stops.
    pub full_detail_ms_p50: f64,
    pub full_detail_ms_worst: f64,
    /// Stops whose view was not full in time.
    pub unsettled: usize,
    /// Screen-space error drawn at most, pixels: above that asked for where memory did not suffice.
    pub sse_px_worst: f64,
    /// At rest, where views are full.
    pub sse_px_at_stops: f64,
    pub tiles_loaded: usize,
    /// Decoded.
    pub mib_loaded: f64,
    /// Tiles in memory at most (kept, uploaded, on the way), those of them that were here, and what was allowed.
    pub peak_mib: f64,
    pub peak_resident_mib: f64,
    /// Of those here, what is kept beside the graphics device.
    pub peak_kept_mib: f64,
    pub budget_mib: f64,
    /// More was held than allowed.
    pub over_budget: bool,
    /// Of frames that uploaded tiles; to be held against the median of all.
    pub upload_frame_ms_worst: f64,
    /// The worst frame beside those around it: its time in medians of the nine that it is in the middle of, once the first view is full. A view of the whole
    /// city costs more than one of a street; this is what loading adds, whatever is looked at.
    pub hitch_worst: f64,
    pub rounds: u32,
    pub failed_tiles: usize,
    /// Of the whole process; filled in by the command, which alone asks the system.
    pub peak_rss_mib: f64,
    /// Tells the tiles of all full views: two flights of the same path over the same package have the same.
    pub tiles_checksum: String,
    pub adapter: String,
    pub size: String,
    pub flight: Flight,
    pub stops: Vec<StopFigures>,
    /// In order; not part of the JSON.
    #[serde(skip)]
    pub each_frame: Vec<FrameNote>,
}

/// One frame of the flight.
#[derive(Clone, Copy, Debug)]
pub struct FrameNote {
    /// Milliseconds since the tileset was opened.
    pub at_ms: f64,
    /// How long it took.
    pub ms: f64,
    /// Tiles handed to the graphics device in it.
    pub new_tiles: usize,
    /// Faces drawn.
    pub faces: usize,
}

/// A stop of the flight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StopFigures {
    /// Milliseconds from coming to rest.
    pub full_detail_ms: f64,
    pub settled: bool,
    /// Screen-space error of the full view, pixels.
    pub sse_px: f64,
    /// Addresses of the tiles drawn in the full view, sorted.
    pub tiles: Vec<String>,
}

/// Flies.
///
/// # Errors
/// [`StartError`] when the tileset can't be read, the flight has no stop, or nothing can draw.
pub fn flight(bench: &FlightBench) -> Result<FlightFigures, StartError> {
    let start = Instant::now();
    let opened = Opened::new(&bench.package, TilesetOptions { memory_bytes_max: Some(bench.budget_bytes), ..default() })?;
    let path = bench.flight.clone().unwrap_or_else(|| over(&opened, bench.seconds));
    let Some(first) = path.stops.first().copied() else {
        return Err(StartError::Package { place: bench.package.clone(), why: "the flight has no stops".to_owned() });
    };
    let pump = opened.screen(first, bench.size, (bench.quality, Theme::default()))?;
    let mut pilot = Pilot {
        pump,
        start,
        frames: Vec::new(),
        peak_bytes: 0,
        peak_resident: 0,
        peak_kept: 0,
        upload_frame_ms_worst: 0.0,
        sse_px_worst: 0.0,
        limit: bench.limit,
    };
    let mut stops = vec![pilot.rest(first)];
    let first_full_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut rounds = 0;
    while rounds == 0 || start.elapsed() < bench.at_least {
        // Later rounds begin with the way back to the first stop.
        for stop in path.stops.iter().skip(usize::from(rounds == 0)) {
            pilot.fly(*stop, path.leg_s);
            stops.push(pilot.rest(*stop));
            tracing::info!(
                "stop {} of {}, {:.0} s",
                (stops.len() - 1) % path.stops.len() + 1,
                path.stops.len(),
                start.elapsed().as_secs_f64()
            );
        }
        rounds += 1;
    }
    let mut waits: Vec<f64> = stops[1..].iter().map(|s| s.full_detail_ms).collect();
    waits.sort_by(f64::total_cmp);
    let Pilot { pump, frames: each_frame, peak_bytes, peak_resident, peak_kept, upload_frame_ms_worst, sse_px_worst, .. } = pilot;
    let mut frames: Vec<f64> = each_frame.iter().map(|f| f.ms).collect();
    frames.sort_by(f64::total_cmp);
    let city = pump.world().resource::<CityTiles>();
    let mib = |bytes: usize| bytes as f64 / (1 << 20) as f64;
    Ok(FlightFigures {
        seconds: start.elapsed().as_secs_f64(),
        frames: frames.len(),
        frame_ms_p50: percentile(&frames, 0.5),
        frame_ms_p99: percentile(&frames, 0.99),
        frame_ms_worst: percentile(&frames, 1.0),
        first_full_ms,
        full_detail_ms_p50: percentile(&waits, 0.5),
        full_detail_ms_worst: percentile(&waits, 1.0),
        unsettled: stops.iter().filter(|s| !s.settled).count(),
        sse_px_worst,
        sse_px_at_stops: stops.iter().map(|s| s.sse_px).fold(0.0, f64::max),
        tiles_loaded: city.loaded_tiles,
        mib_loaded: mib(city.loaded_bytes),
        peak_mib: mib(peak_bytes),
        peak_resident_mib: mib(peak_resident),
        peak_kept_mib: mib(peak_kept),
        over_budget: peak_bytes > bench.budget_bytes,
        upload_frame_ms_worst,
        hitch_worst: hitch_worst(&each_frame, first_full_ms),
        rounds,
        budget_mib: mib(bench.budget_bytes),
        failed_tiles: city.progress.failed,
        peak_rss_mib: 0.0,
        tiles_checksum: checksum(&stops),
        adapter: pump.world().get_resource::<Adapter>().map_or_else(String::new, |a| a.name.clone()),
        size: format!("{}x{}", bench.size.x, bench.size.y),
        flight: path,
        stops,
        each_frame,
    })
}

/// The built-in flight over a package.
fn over(opened: &Opened, seconds: f64) -> Flight {
    let frame = LocalFrame::new(opened.centre());
    let radius_m = opened.sphere.radius_m;
    let stop = |[east, north, heading_deg, pitch_deg, distance]: [f64; 5]| {
        let at = frame.enu_to_geodetic(DVec3::new(east, north, 0.0) * radius_m);
        CameraPose {
            lon: at.lon_deg(),
            lat: at.lat_deg(),
            height_m: opened.centre().height_m,
            heading_deg,
            pitch_deg,
            distance_m: (distance * radius_m).max(DISTANCE_MIN_M),
        }
    };
    Flight { leg_s: seconds / (PATH.len() - 1) as f64, stops: PATH.map(stop).to_vec() }
}

/// Draws frame by frame, and keeps count.
struct Pilot {
    pump: Pump,
    start: Instant,
    frames: Vec<FrameNote>,
    peak_bytes: usize,
    peak_resident: usize,
    peak_kept: usize,
    upload_frame_ms_worst: f64,
    sse_px_worst: f64,
    limit: Duration,
}

impl Pilot {
    fn frame(&mut self) {
        let before = self.pump.world().resource::<CityTiles>().loaded_tiles;
        let ms = timed(&mut self.pump);
        let at_ms = self.start.elapsed().as_secs_f64() * 1e3;
        let city = self.pump.world().resource::<CityTiles>();
        let new_tiles = city.loaded_tiles - before;
        self.frames.push(FrameNote { at_ms, ms, new_tiles, faces: self.pump.world().resource::<FaceCulling>().drawn });
        self.peak_bytes = self.peak_bytes.max(city.progress.held_bytes);
        self.peak_resident = self.peak_resident.max(city.progress.resident_bytes);
        self.peak_kept = self.peak_kept.max(city.progress.kept_bytes);
        self.sse_px_worst = self.sse_px_worst.max(city.progress.sse_px);
        if new_tiles > 0 {
            self.upload_frame_ms_worst = self.upload_frame_ms_worst.max(ms);
        }
    }

    fn fly(&mut self, to: CameraPose, seconds: f64) {
        self.pump.world_mut().resource_mut::<OrbitCamera>().go_to(to, seconds);
        loop {
            self.frame();
            if !self.pump.world().resource::<OrbitCamera>().is_moving() {
                return;
            }
        }
    }

    /// Waits at a stop until its view is full.
    fn rest(&mut self, at: CameraPose) -> StopFigures {
        let start = Instant::now();
        let (mut quiet, mut full_detail_ms) = (0, 0.0);
        while quiet < QUIET_FRAMES && start.elapsed() < self.limit {
            // Coarse ground may have lifted the camera: the full view is that of the stop itself.
            self.pump.world_mut().resource_mut::<OrbitCamera>().set(at);
            self.frame();
            match self.pump.world().resource::<CityTiles>().is_settled() {
                true => quiet += 1,
                false => {
                    quiet = 0;
                    // Loading runs on other threads; on two cores drawing at full speed would starve them.
                    std::thread::sleep(Duration::from_millis(5));
                    full_detail_ms = start.elapsed().as_secs_f64() * 1e3;
                }
            }
        }
        let city = self.pump.world().resource::<CityTiles>();
        StopFigures { full_detail_ms, settled: quiet >= QUIET_FRAMES, sse_px: city.progress.sse_px, tiles: city.drawn_addresses() }
    }
}

/// Frames that one is held against, itself in the middle.
const AROUND: usize = 9;

fn hitch_worst(frames: &[FrameNote], first_full_ms: f64) -> f64 {
    let first = frames.partition_point(|f| f.at_ms <= first_full_ms);
    let hitch = |around: &[FrameNote]| {
        let mut ms: Vec<f64> = around.iter().map(|f| f.ms).collect();
        ms.sort_by(f64::total_cmp);
        around[AROUND / 2].ms / ms[AROUND / 2]
    };
    frames[first..].windows(AROUND).map(hitch).fold(0.0, f64::max)
}

fn checksum(stops: &[StopFigures]) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for stop in stops {
        stop.tiles.iter().for_each(|t| hash.update(t.as_bytes()));
        hash.update(b"\n");
    }
    format!("{:016x}", hash.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hitch_is_told_from_a_view_that_costs_more() {
        let frame = |(i, ms): (usize, f64)| FrameNote { at_ms: i as f64 * 100.0, ms, new_tiles: 0, faces: 0 };
        let times = (0..40).map(|i| if i < 20 { 50.0 } else { 200.0 });
        let mut frames: Vec<FrameNote> = times.enumerate().map(frame).collect();
        assert_eq!(hitch_worst(&frames, 0.0), 1.0, "a change of the view is none");
        (frames[1].ms, frames[10].ms, frames[30].ms) = (900.0, 100.0, 300.0);
        assert_eq!(hitch_worst(&frames, 0.0), 2.0, "the first frames are of opening and have nobody around");
        assert_eq!(hitch_worst(&frames, 1_500.0), 1.5);
        assert_eq!(hitch_worst(&[], 0.0), 0.0);
    }
}
