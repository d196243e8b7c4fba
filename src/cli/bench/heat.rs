//! `yiping bench heat`: fields from points, timed on this machine; `--dump` keeps points and fields, to hold others' against.

use crate::heat::{Estimate, Grid, Idw, Kriging, NEIGHBOURS_MAX, Raster, Sample};
use anyhow::Context;
use glam::{DVec2, DVec3, UVec2};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Kriging of 500 sensors onto 512 x 512 on one core, inverse distance of 10,000 onto 1024 x 1024 on one and on all.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of each; the median counts, the best is told too.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
    /// Writes points and fields as raw little-endian numbers into this folder (benches/peers/heat reads them).
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
}

/// Side of the made-up city, metres.
pub const CITY_M: f64 = 20_000.0;
pub const KRIGING_SENSORS: usize = 500;
pub const KRIGING_CELLS: u32 = 512;
pub const KRIGING_NEIGHBOURS: usize = 16;
pub const IDW_SENSORS: usize = 10_000;
pub const IDW_CELLS: u32 = 1024;
pub const IDW_NEIGHBOURS: usize = 12;
/// Single places of kriging that are dumped beside the field.
const PLACES: usize = 2_000;

/// What came out, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub kriging_ms: f64,
    kriging_best_ms: f64,
    kriging_fit_ms: f64,
    kriging_variogram: String,
    kriging_leave_one_out_ms: f64,
    pub idw_one_core_ms: f64,
    idw_ms: f64,
    idw_best_ms: f64,
    cores: usize,
    profile: &'static str,
}

/// Air over a made-up city: two slow waves, a hill of smoke and a little noise, at places spread by the plastic number.
pub fn city(sensors: usize) -> Vec<Sample> {
    let part = |i: usize, by: f64| ((i as f64 + 0.5) * by).fract();
    let reading = |i: usize| {
        let at_m = DVec2::new(part(i, 0.754_877_666_246_693), part(i, 0.569_840_290_998_053)) * CITY_M;
        let smoke = (-at_m.distance_squared(DVec2::new(12_000.0, 6_000.0)) / 8e6).exp();
        let waves = 25.0 * (at_m.x / 4_200.0).sin() + 20.0 * (at_m.y / 5_800.0).cos();
        Sample { at_m, up_m: 0.0, value: 60.0 + waves + 40.0 * smoke + 8.0 * (part(i, 0.618_033_988_749_895) - 0.5) }
    };
    (0..sensors).map(reading).collect()
}

pub fn grid(cells: u32) -> Grid {
    Grid { origin_m: DVec2::ZERO, size_m: DVec2::splat(CITY_M), cells: UVec2::splat(cells), up_m: 0.0 }
}

pub fn idw() -> Idw {
    Idw { power: 2.0, reach_m: f64::INFINITY, neighbours: Some(IDW_NEIGHBOURS) }
}

/// Times both kinds of field.
pub fn figures(runs: u32) -> anyhow::Result<Figures> {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("no thread for the one core")?;
    let (few, many) = (city(KRIGING_SENSORS), city(IDW_SENSORS));
    let kriging = Kriging::fit(&few, KRIGING_NEIGHBOURS)?;
    let onto = || one.install(|| kriging.onto(grid(KRIGING_CELLS), f64::INFINITY));
    let [kriging_ms, kriging_best_ms] = timed(runs, onto);
    let [kriging_fit_ms, _] = timed(runs, || one.install(|| Kriging::fit(&few, KRIGING_NEIGHBOURS)));
    let [kriging_leave_one_out_ms, _] = timed(runs, || kriging.leave_one_out_rmse());
    let [idw_one_core_ms, _] = timed(runs, || one.install(|| idw().onto(grid(IDW_CELLS), &many)));
    let [idw_ms, idw_best_ms] = timed(runs, || idw().onto(grid(IDW_CELLS), &many));
    Ok(Figures {
        kriging_ms,
        kriging_best_ms,
        kriging_fit_ms,
        kriging_variogram: format!("{:?}", kriging.variogram()),
        kriging_leave_one_out_ms,
        idw_one_core_ms,
        idw_ms,
        idw_best_ms,
        cores: rayon::current_num_threads(),
        profile: if cfg!(debug_assertions) { "dev" } else { "release" },
    })
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let figures = figures(args.runs)?;
    if let Some(dir) = &args.dump {
        let (few, many) = (city(KRIGING_SENSORS), city(IDW_SENSORS));
        let kriging = Kriging::fit(&few, KRIGING_NEIGHBOURS)?;
        let places: Vec<DVec3> = city(PLACES + 77).into_iter().skip(77).map(|s| DVec3::new(s.at_m.y, s.at_m.x, 0.0)).collect();
        dump(dir, "kriging", &few, &kriging.onto(grid(KRIGING_CELLS), f64::INFINITY))?;
        dump(dir, "idw", &many, &idw().onto(grid(IDW_CELLS), &many))?;
        dump_places(dir, &places, |p| kriging.at(p, f64::INFINITY))?;
        let v = kriging.variogram();
        let model = serde_json::json!({
            "family": format!("{:?}", v.family).to_lowercase(), "nugget": v.nugget, "partial_sill": v.partial_sill, "range_m": v.range_m,
            "neighbours": KRIGING_NEIGHBOURS.min(NEIGHBOURS_MAX), "city_m": CITY_M, "figures": figures,
        });
        write(dir, "model.json", &serde_json::to_vec_pretty(&model)?)?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!(
            "kriging {KRIGING_SENSORS} sensors -> {KRIGING_CELLS}², {KRIGING_NEIGHBOURS} neighbours, one core: {:.1} ms (best {:.1})",
            figures.kriging_ms, figures.kriging_best_ms
        );
        println!(
            "  fitting its variogram {:.1} ms, leave-one-out {:.1} ms; {}",
            figures.kriging_fit_ms, figures.kriging_leave_one_out_ms, figures.kriging_variogram
        );
        println!(
            "inverse distance {IDW_SENSORS} sensors -> {IDW_CELLS}², {IDW_NEIGHBOURS} neighbours: {:.1} ms on one core, {:.1} ms (best {:.1}) on {}",
            figures.idw_one_core_ms, figures.idw_ms, figures.idw_best_ms, figures.cores
        );
        println!("profile {}", figures.profile);
    }
    Ok(ExitCode::SUCCESS)
}

/// Median and best of some runs, milliseconds.
fn timed<T>(runs: u32, mut work: impl FnMut() -> T) -> [f64; 2] {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [times[times.len() / 2], times[0]]
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
    let file = dir.join(name);
    std::fs::write(&file, bytes).with_context(|| format!("can't write {}", file.display()))
}

/// Points as x, y, value in f64; values and doubts in f32, row by row from the south-west.
fn dump(dir: &Path, name: &str, samples: &[Sample], field: &Raster) -> anyhow::Result<()> {
    let points: Vec<f64> = samples.iter().flat_map(|s| [s.at_m.x, s.at_m.y, s.value]).collect();
    write(dir, &format!("{name}.points.f64"), bytemuck::cast_slice(&points))?;
    write(dir, &format!("{name}.values.f32"), bytemuck::cast_slice(&field.values))?;
    write(dir, &format!("{name}.doubts.f32"), bytemuck::cast_slice(&field.doubts))
}

/// Places as x, y, estimate, variance in f64.
fn dump_places(dir: &Path, places: &[DVec3], at: impl Fn(DVec3) -> Option<Estimate>) -> anyhow::Result<()> {
    let row = |p: &DVec3| at(*p).map(|e| [p.x, p.y, e.value, e.error.unwrap_or(f64::NAN).powi(2)]);
    let rows: Vec<f64> = places.iter().filter_map(row).flatten().collect();
    write(dir, "kriging.places.f64", bytemuck::cast_slice(&rows))
}
