//! Fields from points: kriging on one core, inverse distance on one and on all, a density.
//!
//! `cargo bench --no-default-features --bench heat`; with `--profile dev`, what demo and tests run. Beside scipy and pykrige: `benches/peers/heat/compare.py`.

use criterion::{Criterion, criterion_group, criterion_main};
use glam::DVec2;
use std::hint::black_box;
use yiping::cli::bench::heat::{IDW_CELLS, IDW_SENSORS, KRIGING_CELLS, KRIGING_NEIGHBOURS, KRIGING_SENSORS, city, grid, idw};
use yiping::heat::density::density;
use yiping::heat::{Kriging, Variogram};

fn fields(c: &mut Criterion) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let (few, many) = (city(KRIGING_SENSORS), city(IDW_SENSORS));
    let kriging = Kriging::fit(&few, KRIGING_NEIGHBOURS).expect("the made-up city has a variogram");
    let events: Vec<DVec2> = many.iter().map(|s| s.at_m).collect();
    let mut group = c.benchmark_group("heat");
    group.sample_size(20);
    group.bench_function("kriging, 500 sensors, 512 x 512, one core", |b| {
        b.iter(|| one.install(|| black_box(&kriging).onto(grid(KRIGING_CELLS), f64::INFINITY)))
    });
    group.bench_function("variogram of 500 sensors, one core", |b| b.iter(|| one.install(|| Variogram::fit(black_box(&few)))));
    group.bench_function("kriging, leaving one of 500 out", |b| b.iter(|| black_box(&kriging).leave_one_out_rmse()));
    group.bench_function("inverse distance, 10,000 sensors, 1024 x 1024, one core", |b| {
        b.iter(|| one.install(|| idw().onto(grid(IDW_CELLS), black_box(&many))))
    });
    group.bench_function("inverse distance, 10,000 sensors, 1024 x 1024, all cores", |b| {
        b.iter(|| idw().onto(grid(IDW_CELLS), black_box(&many)))
    });
    group.bench_function("density, 10,000 events, 512 x 512, all cores", |b| {
        b.iter(|| density(grid(KRIGING_CELLS), black_box(&events), 500.0))
    });
    group.finish();
}

criterion_group!(benches, fields);
criterion_main!(benches);
