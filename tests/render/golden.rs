//! Golden pictures: a change to the look changes them on purpose.
//!
//! `YIPING_BLESS=1 cargo test --test render golden` writes them anew; look at each before you commit it. What a failing run drew lies in
//! the folder that the message names.

use super::{at, one_at_a_time};
use bevy::math::UVec2;
use bevy::prelude::*;
use image::RgbImage;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use yiping::model::scene::Theme;
use yiping::model::view::CameraPose;
use yiping::render::camera::OrbitCamera;
use yiping::render::environment::Environment;
use yiping::render::tiles::{CityTiles, Tileset};
use yiping::screen::app::{self, Pump, Quality, Ready, ScreenOptions};

const SIZE: UVec2 = UVec2::new(480, 270);
pub const THEMES: [(&str, Theme); 4] = [("night", Theme::Night), ("dusk", Theme::Dusk), ("day", Theme::Day), ("dark", Theme::Dark)];
pub const NEAR: CameraPose =
    CameraPose { lon: 118.2545, lat: 33.9858, height_m: 40.0, heading_deg: 318.0, pitch_deg: 20.0, distance_m: 700.0 };
pub const FAR: CameraPose =
    CameraPose { lon: 118.2580, lat: 33.9800, height_m: 30.0, heading_deg: 335.0, pitch_deg: 16.5, distance_m: 3_900.0 };

/// Steps of 8-bit colour: what eyes don't see when they look from picture to picture, and drivers' rounding.
const MEAN_MAX: f64 = 2.0;
/// Part of the pixels that may differ by more than [`STRIKING`], after both pictures were blurred by a pixel: edges that fell the other way.
const STRIKING: u8 = 28;
const STRIKING_PART: f64 = 0.01;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.png"))
}

/// 1,500 buildings of the demo city with water, roads and terrain; the same on every machine.
pub fn city(dir: &Path) -> PathBuf {
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_yiping")).args(args).current_dir(dir).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    run(&["demo-city", "--buildings", "1500", "--out", "city"]);
    let [buildings, surfaces, terrain] = ["city/buildings.city.json", "city/surfaces.city.json", "city/terrain.tif"];
    run(&["build", buildings, surfaces, "--terrain", terrain, "--heights", "ellipsoidal", "--out", "package"]);
    dir.join("package/tileset.json")
}

/// How two pictures differ: mean of the channels, and the part of pixels that differ strikingly.
pub fn difference(a: &RgbImage, b: &RgbImage) -> (f64, f64) {
    assert_eq!(a.dimensions(), b.dimensions());
    let [a, b] = [a, b].map(|picture| image::imageops::blur(picture, 1.0));
    let steps: Vec<u8> = a.pixels().zip(b.pixels()).map(|(p, q)| p.0.iter().zip(q.0).map(|(x, y)| x.abs_diff(y)).max().unwrap()).collect();
    let part = steps.iter().filter(|s| **s > STRIKING).count() as f64 / steps.len() as f64;
    (steps.iter().map(|s| f64::from(*s)).sum::<f64>() / steps.len() as f64, part)
}

#[test]
fn golden_pictures_of_every_theme_near_and_far_look_as_they_did() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let options = ScreenOptions { camera: NEAR, quality: Quality::Full, ..at(118.2740478, 33.9620655, SIZE, None) };
    let mut app = app::build(&options).unwrap();
    app.world_mut().spawn(Tileset::at(city(dir.path()).display().to_string()));
    app.add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| {
        ready.0 = city.is_settled() && city.drawn_tiles > 0;
    });
    let mut pump = Pump::new(app);
    let (bless, out) = (std::env::var_os("YIPING_BLESS").is_some(), std::env::temp_dir().join("yiping-golden"));
    let mut wrong = Vec::new();
    for (place, pose) in [("near", NEAR), ("far", FAR)] {
        pump.world_mut().resource_mut::<OrbitCamera>().set(pose);
        for (theme_name, theme) in THEMES {
            pump.world_mut().resource_mut::<Environment>().relight(&Environment::of(theme));
            // A frame for the new pose to be asked for, before it can be all there.
            pump.frame();
            assert!(pump.until_ready(2, Duration::from_secs(120)), "{theme_name} {place} is drawn");
            let (picture, name) = (pump.picture().unwrap(), format!("{theme_name}-{place}"));
            if bless {
                picture.save(golden(&name)).unwrap();
                continue;
            }
            let known = image::open(golden(&name)).unwrap_or_else(|e| panic!("tests/golden/{name}.png: {e}")).to_rgb8();
            let (mean, part) = difference(&known, &picture);
            if mean > MEAN_MAX || part > STRIKING_PART {
                std::fs::create_dir_all(&out).unwrap();
                picture.save(out.join(format!("{name}.png"))).unwrap();
                wrong.push(format!("{name}: {mean:.2} steps in the mean, {:.1} % of it strikingly", part * 100.0));
            }
        }
    }
    assert!(wrong.is_empty(), "the look changed; see {}:\n{}", out.display(), wrong.join("\n"));
}

#[test]
fn the_measure_of_golden_pictures_sees_a_changed_look_and_not_a_jagged_edge() {
    let plain = RgbImage::from_fn(100, 100, |x, y| if x + y < 100 { image::Rgb([40, 50, 60]) } else { image::Rgb([120, 110, 100]) });
    let jagged =
        RgbImage::from_fn(100, 100, |x, y| if x + y < 100 + (y & 1) { image::Rgb([40, 50, 60]) } else { image::Rgb([120, 110, 100]) });
    let (mean, part) = difference(&plain, &jagged);
    assert!(mean < MEAN_MAX && part < STRIKING_PART, "{mean} {part}");
    let tinted = RgbImage::from_fn(100, 100, |x, y| image::Rgb(plain.get_pixel(x, y).0.map(|c| c + 4)));
    assert!(difference(&plain, &tinted).0 > MEAN_MAX);
    let moved = RgbImage::from_fn(100, 100, |x, y| *plain.get_pixel(x, y.saturating_sub(3)));
    assert!(difference(&plain, &moved).1 > STRIKING_PART);
}
