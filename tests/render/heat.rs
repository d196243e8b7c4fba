//! A heat layer on what stands there: ground, walls by their height, roofs, and the hatching where no sensor informs.

use super::one_at_a_time;
use super::stage::{Stage, alike};
use bevy::math::DVec2;
use image::RgbImage;
use std::sync::Arc;
use yiping::heat::{Levels, Point, Sample, Texel};
use yiping::model::styling::Ramp;
use yiping::render::heat::{FIELD_SIZE, Field, HeatLayer};
use yiping::screen::app::Quality;

pub const HOT: Texel = Texel { on_ramp: 0.9, informed: 1.0, left_out: 0.0 };
const UNKNOWN: Texel = Texel { on_ramp: 0.0, informed: 0.0, left_out: 0.0 };

impl Stage {
    /// The city under a field that says the same everywhere at each height; heights rise.
    pub fn under(&mut self, levels: &[(f64, Texel)]) -> RgbImage {
        let point = |(height_m, _): &(f64, Texel)| Point { at_m: DVec2::ZERO, height_m: *height_m, lon: 0.0, lat: 0.0, value: 0.0 };
        let tiles = Levels::of(&levels.iter().map(point).collect::<Vec<_>>(), 1.0, FIELD_SIZE);
        let texel = |i: u32| {
            let (column, row) = (i % FIELD_SIZE / tiles.cells(), i / FIELD_SIZE / tiles.cells());
            levels.get((row * tiles.side() + column) as usize).map_or(UNKNOWN, |(_, texel)| *texel)
        };
        let field = Field::Texels(Arc::new((0..FIELD_SIZE * FIELD_SIZE).map(texel).collect()));
        let (origin_m, size_m) = (DVec2::splat(-10_000.0), DVec2::splat(20_000.0));
        let layer = HeatLayer { shown: true, origin_m, size_m, ramp: Ramp::Inferno, field, levels: tiles, ..HeatLayer::default() };
        self.with(layer)
    }
}

#[test]
fn heat_colours_ground_walls_and_roofs_each_at_its_height_and_hatches_where_no_sensor_informs() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    let nothing = stage.under(&[(0.0, UNKNOWN)]);
    let all = stage.under(&[(0.0, HOT)]);
    let low = stage.under(&[(0.0, HOT), (12.0, UNKNOWN)]);
    let high = stage.under(&[(0.0, UNKNOWN), (12.0, HOT)]);
    let coloured: Vec<(u32, u32)> =
        all.enumerate_pixels().filter(|(x, y, p)| !alike(p, nothing.get_pixel(*x, *y))).map(|(x, y, _)| (x, y)).collect();
    let part = |count: usize| count as f64 / coloured.len() as f64;
    assert!(coloured.len() > 20_000, "ground and buildings are under it: {} pixels", coloured.len());
    let as_in = |picture: &RgbImage, other: &RgbImage| {
        coloured.iter().filter(|(x, y)| alike(picture.get_pixel(*x, *y), other.get_pixel(*x, *y))).count()
    };
    let (ground, above) = (as_in(&low, &all), as_in(&low, &nothing));
    assert!(part(ground) > 0.1, "the ground is what the low level says: {ground} of {} pixels", coloured.len());
    assert!(part(above) > 0.1, "roofs and walls above 12 m are what the high level says: {above} of {} pixels", coloured.len());
    assert!(part(as_in(&high, &nothing)) > 0.1 && part(as_in(&high, &all)) > 0.1, "and the other way round");
    let same = |a: &RgbImage, b: &RgbImage, (x, y): (u32, u32)| alike(a.get_pixel(x, y), b.get_pixel(x, y));
    let both = coloured.iter().filter(|p| same(&low, &all, **p) && same(&high, &all, **p)).count();
    assert!(part(both) < 0.02, "nothing is of both heights: {both}");
    let between = coloured.len() - ground - above;
    assert!(part(between) > 0.01, "walls go from one to the other: {between} pixels");

    let hatched = stage.under(&[(0.0, Texel { informed: 0.3, ..HOT })]);
    let absent = stage.under(&[(0.0, Texel { left_out: 1.0, ..HOT })]);
    let count = |a: &RgbImage, b: &RgbImage| a.pixels().zip(b.pixels()).filter(|(a, b)| !alike(a, b)).count();
    let stripes = count(&hatched, &nothing);
    assert!(part(stripes) > 0.05 && part(stripes) < 0.6, "stripes, not a colour: {stripes} of {} pixels", coloured.len());
    // What is hatched is grey: red is moved hardly more than blue, as a ramp's red would be.
    let warmth = |p: &image::Rgb<u8>| f64::from(p.0[0]) - f64::from(p.0[2]);
    let redder = |a: &RgbImage| a.pixels().zip(nothing.pixels()).map(|(p, n)| warmth(p) - warmth(n)).sum::<f64>();
    assert!(redder(&hatched).abs() < 0.1 * redder(&all), "{} against {}", redder(&hatched), redder(&all));
    let left_out = count(&absent, &all);
    assert!(
        part(left_out) > 0.05 && part(left_out) < 0.6,
        "a sensor that is left out is hatched over the colour of the others: {left_out}"
    );
}

/// Memory of this process now, MiB.
#[cfg(target_os = "linux")]
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
}

/// Mesa's lavapipe keeps a shader for each draw when a branch or a loop of it hangs on uniforms alone: some 6 MiB a frame of this city.
#[test]
#[cfg(target_os = "linux")]
fn a_picture_that_stands_takes_no_more_memory_with_each_frame() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    for levels in [vec![(0.0, UNKNOWN)], vec![(0.0, HOT)], vec![(0.0, HOT), (12.0, UNKNOWN)]] {
        stage.under(&levels);
        (0..10).for_each(|_| stage.0.frame());
        let before = resident_mib();
        (0..40).for_each(|_| stage.0.frame());
        let grown = resident_mib() - before;
        assert!(grown < 60.0, "{grown:.0} MiB more after 40 frames with {} levels", levels.len());
    }
}

/// A layer follows its sensors for twelve hours: each new field is computed by the same shader.
#[test]
#[cfg(target_os = "linux")]
fn a_field_that_follows_its_sensors_takes_no_more_memory_with_each_change() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    let mut follow = |from: i32, to: i32| {
        for i in from..to {
            let sample = |k: i32| {
                let at_m = DVec2::new(f64::from(k * 7919 % 4000) - 2000.0, f64::from(k * 104_729 % 4000) - 2000.0);
                Sample { at_m, up_m: 0.0, value: f64::from((k * 37 + i * 11) % 150) }
            };
            // Sensors come and go too.
            let samples = (0..40 + i % 5).map(sample).collect();
            let field = Field::Samples { samples, left_out_m: Vec::new(), power: 2.0, reach_m: 600.0 };
            let (origin_m, size_m) = (DVec2::splat(-10_000.0), DVec2::splat(20_000.0));
            stage.0.world_mut().insert_resource(HeatLayer { shown: true, origin_m, size_m, field, ..HeatLayer::default() });
            (0..2).for_each(|_| stage.0.frame());
        }
        resident_mib()
    };
    let before = follow(0, 20);
    let grown = follow(20, 80) - before;
    assert!(grown < 30.0, "{grown:.0} MiB more after 60 changes");
}
