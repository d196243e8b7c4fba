//! Far tiles are drawn by a shader of their own, and nobody sees where it begins.

use super::golden::{FAR, THEMES, difference};
use super::heat::HOT;
use super::one_at_a_time;
use super::stage::{Stage, same};
use image::RgbImage;
use yiping::render::environment::Environment;
use yiping::render::heat::HeatLayer;
use yiping::render::tiles::FarTiles;
use yiping::screen::app::Quality;

/// Drawn with far tiles and without.
fn both(stage: &mut Stage) -> [RgbImage; 2] {
    [FarTiles::default(), FarTiles::NONE].map(|far| stage.with(far))
}

#[test]
fn a_far_tile_looks_as_it_would_with_all_detail_in_every_theme_and_under_heat() {
    let _turn = one_at_a_time();
    let mut stage = Stage::from(Quality::Lean, FAR);
    let mut wrong = Vec::new();
    let mut compare = |stage: &mut Stage, what: &str| {
        let [far, near] = both(stage);
        assert!(same(&far, &near) < 1.0, "{what}: no tile is far");
        let (mean, strikingly) = difference(&far, &near);
        if mean > 1.0 || strikingly > 0.001 {
            let out = std::env::temp_dir();
            far.save(out.join(format!("yiping-far-{what}.png"))).unwrap();
            near.save(out.join(format!("yiping-near-{what}.png"))).unwrap();
            wrong.push(format!("{what}: {mean:.2} steps in the mean, {:.2} % strikingly; see {}", strikingly * 100.0, out.display()));
        }
    };
    for (name, theme) in THEMES {
        stage.0.world_mut().resource_mut::<Environment>().relight(&Environment::of(theme));
        compare(&mut stage, name);
        stage.under(&[(0.0, HOT)]);
        compare(&mut stage, &format!("{name} under heat"));
        stage.with(HeatLayer::default());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
