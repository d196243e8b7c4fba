//! Off-screen render tests at small sizes: what the graphics device computes is what the CPU says, and a wall is one picture.
//! They need a Vulkan driver; Mesa's software rasteriser will do (scripts/setup installs it).
#![cfg(feature = "screen")]

mod culling;
mod cuts;
mod detail;
mod draws;
mod fade;
mod full;
mod golden;
mod heat;
mod picking;
mod stage;
mod swipe;
mod tilesets;
mod views;

use bevy::math::{DVec2, DVec3, UVec2};
use bevy::prelude::*;
use bevy::render::gpu_readback::{Readback, ReadbackComplete};
use image::RgbImage;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use yiping::geo::{Geodetic, LocalFrame};
use yiping::heat::{Idw, Input, Layer, Point, Sample, Texel};
use yiping::model::city::CityManifest;
use yiping::model::heat::{HeatConfig, HeatMethod};
use yiping::model::scale::{Scale, standard};
use yiping::model::scene::Theme;
use yiping::model::view::CameraPose;
use yiping::render::camera::{FOV_Y_RAD, Tangents};
use yiping::render::heat::{FIELD_SIZE, Field, HeatLayer, HeatTextures};
use yiping::render::tiles::{CityTiles, Tileset, WholeWall};
use yiping::screen::app::{self, Canvas, Pump, Quality, Ready, ScreenOptions};
use yiping::screen::bench::{FlightBench, FlightFigures, flight};

/// Two software rasterisers at once are slower than one after the other, and Bevy's task pools are one per process.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|broken| broken.into_inner())
}

fn options(size: UVec2, output: Option<Tangents>) -> ScreenOptions {
    at(4.24, 52.1, size, output)
}

fn at(lon: f64, lat: f64, size: UVec2, output: Option<Tangents>) -> ScreenOptions {
    let camera = CameraPose { lon, lat, height_m: 5.0, heading_deg: 30.0, pitch_deg: 32.0, distance_m: 300.0 };
    ScreenOptions {
        canvas: Canvas::Picture { size },
        anchor: Geodetic::from_degrees(camera.lon, camera.lat, 0.0),
        theme: Theme::Night,
        camera,
        output,
        quality: Quality::Lean,
    }
}

fn half_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (if bits & 0x8000 == 0 { 1.0 } else { -1.0 }, i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * if exponent == 0 { fraction * 2f32.powi(-24) } else { (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15) }
}

#[test]
fn the_heat_field_of_the_device_is_the_cpu_reference_within_one_percent_of_the_range() {
    let _turn = one_at_a_time();
    let place = |i: i32| DVec2::new(f64::from(i * 7919 % 4000) - 2000.0, f64::from(i * 104_729 % 4000) - 2000.0);
    let samples: Vec<Sample> = (0..40).map(|i| Sample { at_m: place(i), up_m: 0.0, value: f64::from(i * 37 % 150) }).collect();
    let left_out_m: Vec<DVec2> = (50..54).map(place).collect();
    // A standard's classes, which are not even.
    let scale = Scale::try_from(standard("HJ 633-2012 PM2.5").unwrap().bounds.to_vec()).unwrap();
    let layer = HeatLayer {
        shown: true,
        origin_m: DVec2::new(-2500.0, -2500.0),
        size_m: DVec2::new(5000.0, 5000.0),
        scale: scale.clone(),
        field: Field::Samples {
            samples: samples.clone(),
            left_out_m: left_out_m.iter().map(|p| p.extend(0.0)).collect(),
            power: 2.0,
            reach_m: 600.0,
        },
        ..HeatLayer::default()
    };
    let idw = Idw { power: 2.0, reach_m: f64::INFINITY, neighbours: None };
    let mut worst = 0.0f64;
    let field = read_field(layer.clone());
    for (x, y) in (0..FIELD_SIZE).step_by(17).flat_map(|x| (0..FIELD_SIZE).step_by(13).map(move |y| (x, y))) {
        let texel = field[(y * FIELD_SIZE + x) as usize];
        let place = layer.origin_m + (DVec2::new(f64::from(x), f64::from(y)) + 0.5) / f64::from(FIELD_SIZE) * layer.size_m;
        let expected = idw.at(place.extend(0.0), &samples).unwrap();
        worst = worst.max((texel.on_ramp - scale.on_ramp(expected.value as f32)).abs().into());
        let informed = (1.0 - 0.5 * expected.nearest_m / 600.0).clamp(0.0, 1.0);
        assert!((f64::from(texel.informed) - informed).abs() < 0.01, "how well {place} is informed");
        let absent = left_out_m.iter().map(|p| p.distance(place)).fold(f64::INFINITY, f64::min);
        let much = absent < 590.0 && absent < 0.75 * expected.nearest_m;
        let none = absent > 610.0 || absent > 1.01 * expected.nearest_m;
        assert!(
            !(much && texel.left_out < 0.99 || none && texel.left_out > 0.01),
            "{place} belongs to a sensor left out: {}",
            texel.left_out
        );
    }
    assert!(worst < 0.01, "differs by {worst} of the range");
}

#[test]
fn where_height_counts_the_device_makes_each_level_as_the_cpu_does() {
    let _turn = one_at_a_time();
    let text = "id = 'h'\nname = 'h'\nobserved_property = 'p'\nrange = [0, 150]\nreach_m = 900\nvertical = 20";
    let config: HeatConfig = toml::from_str(text).unwrap();
    let frame = LocalFrame::new(Geodetic::from_degrees(4.24, 52.1, 0.0));
    let point = |i: i32| {
        let at_m = DVec2::new(f64::from(i * 7919 % 4000) - 2000.0, f64::from(i * 104_729 % 4000) - 2000.0);
        Point { at_m, height_m: f64::from(i % 5) * 20.0, lon: 0.0, lat: 0.0, value: f64::from(i * 37 % 150) }
    };
    let input = Input { frame, points: (0..60).map(point).collect(), left_out_m: vec![DVec3::new(0.0, 0.0, 80.0)], areas: Vec::new() };
    let computed = Layer::compute(&config, &input, FIELD_SIZE);
    let (levels, samples) = (computed.levels.clone(), computed.samples().to_vec());
    let (origin_m, size_m) = (computed.grid.origin_m, computed.grid.size_m);
    let field = Field::Samples { samples, left_out_m: computed.left_out(&input), power: 2.0, reach_m: 900.0 };
    let layer = HeatLayer { shown: true, origin_m, size_m, scale: config.scale(), field, levels: levels.clone(), ..HeatLayer::default() };
    let there = read_field(layer);
    assert_eq!((levels.heights_m(), levels.side(), levels.cells()), ([0.0, 20.0, 40.0, 60.0, 80.0].as_slice(), 3, 170));
    let mut worst = 0.0f64;
    for (i, height_m) in levels.heights_m().iter().enumerate() {
        for (x, y) in (0..170).step_by(13).flat_map(|y| (0..170).step_by(11).map(move |x| (x, y))) {
            let place = computed.grid.centre(x, y);
            let Some(expected) = computed.at(place, *height_m) else { continue };
            let (column, row) = (i as u32 % 3 * 170 + x, i as u32 / 3 * 170 + y);
            let texel = there[(row * FIELD_SIZE + column) as usize];
            worst = worst.max((texel.on_ramp - config.scale().on_ramp(expected.value as f32)).abs().into());
        }
    }
    assert!(worst < 0.01, "differs by {worst} of the range");
    let last = there[(FIELD_SIZE * FIELD_SIZE - 1) as usize];
    assert_eq!((last.on_ramp, last.informed), (0.0, 0.0), "what belongs to no level is nothing");
}

#[test]
fn a_field_that_comes_computed_lies_on_the_device_as_it_is() {
    let _turn = one_at_a_time();
    let config: HeatConfig =
        toml::from_str("id = 'h'\nname = 'h'\nobserved_property = 'p'\nmethod = 'kriging'\nrange = [0, 150]\nreach_m = 900").unwrap();
    let frame = LocalFrame::new(Geodetic::from_degrees(4.24, 52.1, 0.0));
    let point = |i: i32| {
        let at_m = DVec2::new(f64::from(i * 7919 % 4000) - 2000.0, f64::from(i * 104_729 % 4000) - 2000.0);
        Point { at_m, height_m: 0.0, lon: 0.0, lat: 0.0, value: 70.0 + 60.0 * (at_m.x / 900.0).sin() }
    };
    let input = Input { frame, points: (0..40).map(point).collect(), left_out_m: vec![DVec3::ZERO], areas: Vec::new() };
    let computed = Layer::compute(&config, &input, FIELD_SIZE);
    assert_eq!(computed.method, HeatMethod::Kriging);
    let texels = computed.texels.clone().unwrap();
    let layer = HeatLayer { shown: true, field: Field::Texels(texels.clone()), ..HeatLayer::default() };
    let there = read_field(layer);
    let off =
        |a: &Texel, b: &Texel| (a.on_ramp - b.on_ramp).abs().max((a.informed - b.informed).abs()).max((a.left_out - b.left_out).abs());
    let worst = there.iter().zip(texels.iter()).map(|(a, b)| off(a, b)).fold(0.0, f32::max);
    assert!(there.len() == texels.len() && worst < 0.001, "differs by {worst}");
    assert!(texels.iter().any(|t| t.left_out > 0.9) && texels.iter().any(|t| t.informed > 0.8), "the field says something");
}

/// The texture of a layer as it lies on the device.
fn read_field(layer: HeatLayer) -> Vec<Texel> {
    let mut app = app::build(&options(UVec2::new(64, 36), None)).unwrap();
    app.insert_resource(layer);
    let mut pump = Pump::new(app);
    (0..10).for_each(|_| pump.frame());
    let field = pump.world().resource::<HeatTextures>().field.clone();
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let to = bytes.clone();
    pump.world_mut().spawn(Readback::texture(field)).observe(move |read: On<ReadbackComplete>| *to.lock().unwrap() = read.data.clone());
    (0..20).for_each(|_| pump.frame());
    let bytes = bytes.lock().unwrap().clone();
    assert_eq!(bytes.len(), (FIELD_SIZE * FIELD_SIZE * 8) as usize, "the whole field came back");
    let channel = |texel: &[u8], c: usize| half_to_f32(u16::from_le_bytes([texel[2 * c], texel[2 * c + 1]]));
    bytes.chunks_exact(8).map(|t| Texel { on_ramp: channel(t, 0), informed: channel(t, 1), left_out: channel(t, 2) }).collect()
}

/// The Hague sample as a city package.
fn package(dir: &Path) -> PathBuf {
    let out = dir.join("package");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/the-hague-sample.city.json");
    let built =
        Command::new(env!("CARGO_BIN_EXE_yiping")).args(["build", "--crs", "EPSG:7415", "--out"]).arg(&out).arg(sample).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    out
}

fn picture(package: &Path, size: UVec2, output: Option<Tangents>, wall_px: f64) -> RgbImage {
    picture_around(package, size, output, wall_px, 0.0)
}

/// As [`picture`], with the frame everything is drawn in anchored `degrees` of latitude off.
fn picture_around(package: &Path, size: UVec2, output: Option<Tangents>, wall_px: f64, degrees: f64) -> RgbImage {
    let manifest = std::fs::read_to_string(package.join(CityManifest::FILE)).unwrap();
    let anchor = toml::from_str::<CityManifest>(&manifest).unwrap().anchor;
    let options = at(anchor.lon_deg, anchor.lat_deg, size, output);
    let anchor = Geodetic::from_degrees(anchor.lon_deg, anchor.lat_deg + degrees, 0.0);
    let mut app = app::build(&ScreenOptions { anchor, ..options }).unwrap();
    app.world_mut().spawn(Tileset::at(package.join("tileset.json").display().to_string()));
    app.insert_resource(WholeWall { height_px: wall_px, fovy_rad: FOV_Y_RAD })
        .add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| ready.0 = city.is_settled() && city.drawn_tiles > 0);
    let mut pump = Pump::new(app);
    assert!(pump.until_ready(3, Duration::from_secs(60)), "the sample is drawn");
    pump.picture().unwrap()
}

/// A package of one box, 40 x 30 x 20 m, whose walls wear a picture of one colour; night, from the south-west.
fn box_in(dir: &Path, name: &str, colour: [u8; 3]) -> PathBuf {
    let [file, model, out] = ["picture.png", "box.city.json", name].map(|n| dir.join(n));
    RgbImage::from_pixel(64, 64, image::Rgb(colour)).save(file).unwrap();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/textured.city.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["appearance"]["textures"][0]["image"] = "picture.png".into();
    document["transform"]["scale"] = serde_json::json!([0.005, 0.006, 0.005]);
    std::fs::write(&model, document.to_string()).unwrap();
    let built = Command::new(env!("CARGO_BIN_EXE_yiping")).args(["build", "--out"]).args([&out, &model]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    out
}

#[test]
fn a_wall_with_a_red_picture_is_drawn_red_and_its_roof_is_not() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let [red, blue] = [("red", [255, 0, 0]), ("blue", [0, 0, 255])].map(|(name, colour)| {
        let package = box_in(dir.path(), name, colour);
        picture(&package, UVec2::new(160, 120), None, 2000.0)
    });
    let strong = |p: &image::Rgb<u8>, own: usize| {
        let others = (0..3).filter(|i| *i != own).map(|i| p.0[i]).max().unwrap();
        p.0[own] > 30 && p.0[own] / 2 > others
    };
    let count = |picture: &RgbImage, own: usize| picture.pixels().filter(|p| strong(p, own)).count();
    assert!(count(&red, 0) > 20 && count(&red, 2) == 0, "{} red pixels", count(&red, 0));
    assert!(count(&blue, 2) > 20 && count(&blue, 0) == 0, "{} blue pixels", count(&blue, 2));
    // Everything but the walls is the same in both: roof, land and sky know nothing of the picture.
    let differing = red.pixels().zip(blue.pixels()).filter(|(a, b)| a.0.iter().zip(b.0).any(|(x, y)| x.abs_diff(y) > 4)).count();
    let walls = red.pixels().zip(blue.pixels()).filter(|(a, b)| strong(a, 0) || strong(b, 2)).count();
    assert!(differing < walls * 3 / 2, "{differing} pixels differ, {walls} are walls");
}

#[test]
fn two_outputs_side_by_side_are_the_same_picture_as_one() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path());
    let whole = Tangents::symmetric(FOV_Y_RAD, 2.0);
    let left = Tangents { right: 0.0, ..whole };
    let right = Tangents { left: 0.0, ..whole };
    let one = picture(&package, UVec2::new(320, 160), Some(whole), 160.0);
    let halves = [left, right].map(|part| picture(&package, UVec2::new(160, 160), Some(part), 160.0));
    let colours: std::collections::HashSet<[u8; 3]> = one.pixels().map(|p| p.0).collect();
    assert!(colours.len() > 200, "a city, not a blank: {} colours", colours.len());
    // Rasterisation may round an edge the other way; a seam or a wrong frustum would shift everything.
    let differs = |(x, y, p): (u32, u32, &image::Rgb<u8>)| {
        let half = &halves[(x / 160) as usize];
        let q = half.get_pixel(x % 160, y);
        p.0.iter().zip(q.0).any(|(a, b)| a.abs_diff(b) > 6)
    };
    let wrong = one.enumerate_pixels().filter(|p| differs(*p)).count();
    assert!(wrong < 320 * 160 / 200, "{wrong} of {} pixels differ", 320 * 160);
}

#[test]
fn a_building_a_hundred_kilometres_from_the_anchor_is_drawn_as_one_beside_it() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path());
    let size = UVec2::new(320, 180);
    let near = picture(&package, size, None, 2000.0);
    let far = picture_around(&package, size, None, 2000.0, 0.9);
    // Up is another direction there by 0.9 degrees, so light and haze differ a little; corners must stand where they stood.
    let edges = |p: &RgbImage| {
        let grey = image::imageops::grayscale(p);
        image::GrayImage::from_fn(size.x - 1, size.y, |x, y| {
            image::Luma([grey.get_pixel(x, y).0[0].abs_diff(grey.get_pixel(x + 1, y).0[0])])
        })
    };
    let (a, b) = (edges(&near), edges(&far));
    let strong = a.pixels().filter(|p| p.0[0] > 24).count();
    let moved = a.pixels().zip(b.pixels()).filter(|(p, q)| p.0[0].abs_diff(q.0[0]) > 24).count();
    assert!(strong > 300 && moved * 20 < strong, "{moved} of {strong} edge pixels differ");
}

#[test]
fn two_flights_over_a_city_end_with_the_same_tiles_at_every_stop_and_within_the_budget() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let bench = FlightBench {
        package: package(dir.path()).display().to_string(),
        flight: None,
        seconds: 1.0,
        size: UVec2::new(96, 54),
        quality: Quality::Lean,
        limit: Duration::from_secs(60),
        budget_bytes: 64 << 20,
        at_least: Duration::ZERO,
    };
    let [first, second] = [flight(&bench).unwrap(), flight(&FlightBench { flight: None, ..bench.clone() }).unwrap()];
    assert_eq!((first.unsettled, first.failed_tiles, first.stops.len()), (0, 0, 20));
    assert!(first.stops.iter().all(|s| s.tiles.iter().any(|t| t.starts_with("buildings/"))), "{:?}", first.stops);
    assert!(first.tiles_loaded > 0 && first.peak_mib > 0.0 && first.peak_mib <= first.budget_mib);
    let tiles = |f: &FlightFigures| f.stops.iter().map(|s| s.tiles.clone()).collect::<Vec<_>>();
    assert_eq!((tiles(&first), first.tiles_checksum), (tiles(&second), second.tiles_checksum.clone()));
}
