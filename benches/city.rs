//! Times of the two hot paths that need no GPU: reading CityJSON, and choosing tiles for a moving camera.
//!
//! `cargo bench --bench city --profile dev` shares what demo and tests have built; without `--profile dev`, release figures.
//! Prints median and 95th percentile by itself: two lines of statistics need no crate.

use glam::DVec3;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use yiping::city::elevation::Reading;
use yiping::city::package::{self, Job};
use yiping::city::raster::Scratch;
use yiping::city::report::BuildReport;
use yiping::city::{demo, elevation, read_source};
use yiping::geo::{Geodetic, LocalFrame};
use yiping::tiles::{Tileset, TilesetOptions, View};

const BUILDINGS: usize = 2_000;
const READS: usize = 15;
/// Frames of one slow turn around the centre.
const FRAMES: usize = 720;
/// Longest wait until all tiles of a view are loaded.
const SETTLE_WITHIN: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let city = demo::City::generate(demo::Options { seed: 7, buildings: BUILDINGS })?;
    demo::write::write(&city, dir.path())?;
    read_cityjson(&dir.path().join("buildings.city.json"))?;
    select_tiles(dir.path())
}

fn read_cityjson(file: &Path) -> Result<(), Box<dyn Error>> {
    let mib = std::fs::metadata(file)?.len() as f64 / f64::from(1 << 20);
    let mut times = Vec::new();
    for _ in 0..READS {
        let start = Instant::now();
        let source = read_source(file, &mut BuildReport::default())?;
        times.push(start.elapsed());
        std::hint::black_box(source);
    }
    let [p50, p95] = percentiles(&mut times);
    println!("read_cityjson   {BUILDINGS} buildings, {mib:.1} MiB: p50 {p50:.2?}, p95 {p95:.2?}, {:.0} MiB/s", mib / p50.as_secs_f64());
    Ok(())
}

fn select_tiles(dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut report = BuildReport::default();
    let sources = [dir.join("buildings.city.json"), dir.join("surfaces.city.json")].map(|f| read_source(&f, &mut report));
    let sources = sources.into_iter().collect::<Result<Vec<_>, _>>()?;
    let out = dir.join("package");
    let job = Job { name: "bench".into(), out: out.clone(), ..Job::default() };
    let scratch = Scratch::temporary();
    let grids = elevation::read(&dir.join("terrain.tif"), &mut Reading { scratch: &scratch, crs_given: false, report: &mut report })?;
    package::build(sources, grids, &job, &(), &mut report)?;
    let mut tileset = Tileset::open(&out.display().to_string(), TilesetOptions::default())?;
    let frame = LocalFrame::new(Geodetic::from_degrees(118.2545, 33.9858, 20.0));
    // Every view of the turn is loaded first: what is timed then is choosing, not the disk.
    let start = Instant::now();
    for step in (0..FRAMES).step_by(FRAMES / 24) {
        loop {
            tileset.update(&[around(&frame, step)]);
            if tileset.is_settled() {
                break;
            }
            if start.elapsed() > SETTLE_WITHIN {
                return Err("the tiles did not come within a minute".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let mut times = Vec::new();
    let mut drawn = 0;
    for step in 0..FRAMES {
        let view = around(&frame, step);
        let start = Instant::now();
        let now = tileset.update(&[view]);
        times.push(start.elapsed());
        drawn += now.draw.len();
    }
    let [p50, p95] = percentiles(&mut times);
    println!("tileset.update  {} tiles known, {} drawn on average: p50 {p50:.2?}, p95 {p95:.2?}", tileset.tree().len(), drawn / FRAMES);
    Ok(())
}

/// A view of the centre from 2 km south of it, turned by `step` of [`FRAMES`].
fn around(frame: &LocalFrame, step: usize) -> View {
    let turn = step as f64 / FRAMES as f64 * std::f64::consts::TAU;
    let eye = DVec3::new(2_000.0 * turn.sin(), -2_000.0 * turn.cos(), 900.0);
    let to_world = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
    View::perspective(frame.to_ecef(eye).0, to_world(-eye.normalize()), to_world(DVec3::Z), 0.7, 16.0 / 9.0, 1_080.0)
}

fn percentiles(times: &mut [Duration]) -> [Duration; 2] {
    times.sort();
    [0.5, 0.95].map(|share| times[((times.len() - 1) as f64 * share) as usize])
}
