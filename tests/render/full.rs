//! The tier `full` under a cut: what is cut away casts no shadow.
//!
//! llvmpipe (Mesa 22) draws cuts without shadows (`render::light`); Chromium, which scripts/setup installs for the page's tests, brings another
//! rasteriser in software that draws both. A driver is chosen for a whole process, so the test runs itself in one of its own.

use super::one_at_a_time;
use super::stage::{Stage, same};
use bevy::core_pipeline::prepass::DepthPrepass;
use bevy::math::DVec2;
use bevy::prelude::*;
use image::RgbImage;
use std::path::Path;
use std::process::Command;
use yiping::model::scene::Theme;
use yiping::model::styling::{Comparison, Condition};
use yiping::render::camera::CityCamera;
use yiping::render::clip::CityClip;
use yiping::render::environment::Environment;
use yiping::render::tiles::CityStyling;
use yiping::screen::app::Quality;

/// The driver that Debian's Chromium brings.
const DRIVER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

#[test]
fn what_is_cut_away_casts_no_shadow() {
    if !Path::new(DRIVER).exists() {
        eprintln!("not tested: {DRIVER} is missing; Debian's package chromium has it");
        return;
    }
    let _turn = one_at_a_time();
    let mut inner = Command::new(std::env::current_exe().unwrap());
    inner.args(["full::with_a_driver_that_draws_cut_shadows", "--exact", "--ignored", "--nocapture"]);
    let out = inner.env("VK_ICD_FILENAMES", DRIVER).env("VK_DRIVER_FILES", DRIVER).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("1 passed"), "{said}");
}

/// Part of the pixels that are darker by a tenth or more.
fn darker(picture: &RgbImage, than: &RgbImage) -> f64 {
    let light = |p: &image::Rgb<u8>| p.0.iter().map(|c| f64::from(*c)).sum::<f64>();
    let darker = picture.pixels().zip(than.pixels()).filter(|(a, b)| light(a) < 0.9 * light(b)).count();
    darker as f64 / f64::from(picture.width() * picture.height())
}

#[test]
#[ignore = "runs in a process of its own: what_is_cut_away_casts_no_shadow starts it with another driver"]
fn with_a_driver_that_draws_cut_shadows() {
    let mut stage = Stage::new(Quality::Full);
    stage.0.world_mut().resource_mut::<Environment>().relight(&Environment::of(Theme::Day));
    let whole = stage.picture();
    let nothing_stands = Condition { attribute: "height_m".to_owned(), is: Comparison::More, value: 1e6.into() };
    let bare = stage.with(CityStyling { conditions: vec![nothing_stands], ..CityStyling::default() });
    stage.with(CityStyling::default());
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|c| DVec2::from(c) * 40_000.0);
    let cut = stage.with(CityClip { polygon_m: corners.to_vec(), ..CityClip::default() });
    let mut cameras = stage.0.world_mut().query_filtered::<Has<DepthPrepass>, With<CityCamera>>();
    assert!(cameras.single(stage.0.world()).unwrap(), "shadows and shade are drawn under a cut");
    assert!(darker(&whole, &bare) > 0.1, "buildings shade the ground: {}", darker(&whole, &bare));
    assert!(same(&cut, &bare) > 0.98, "cut away they leave the ground as if they had never been: {}", same(&cut, &bare));
    assert!(darker(&cut, &bare) < 0.01, "no shadow stays behind: {}", darker(&cut, &bare));
}
