//! Where finer tiles take over from coarser ones, or these from them, both are drawn for a moment, and no pixel by both or by none.

use super::{at, one_at_a_time, package};
use bevy::math::UVec2;
use bevy::mesh::MeshTag;
use bevy::prelude::*;
use std::time::{Duration, Instant};
use yiping::geo::Geodetic;
use yiping::model::city::CityManifest;
use yiping::render::camera::FOV_Y_RAD;
use yiping::render::tiles::{CityTiles, TileFade, Tileset, WholeWall};
use yiping::screen::app::{self, Pump, ScreenOptions};

const SIZE: UVec2 = UVec2::new(240, 136);
/// Pixels of a wall on which the coarse level is good enough, and where it is not.
const FEW: f64 = 60.0;
const MANY: f64 = 2160.0;

/// The sample's buildings as two levels that look the same: the coarse one's file is the fine one's.
fn two_levels_alike(folder: &std::path::Path) -> (String, Geodetic) {
    let package = package(folder);
    let manifest = std::fs::read_to_string(package.join(CityManifest::FILE)).unwrap();
    let anchor = toml::from_str::<CityManifest>(&manifest).unwrap().anchor;
    let file = package.join("buildings/tileset.json");
    let mut tileset: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let fine = tileset["root"]["children"][0]["content"].clone();
    assert!(fine["uri"].is_string() && tileset["root"]["children"].as_array().unwrap().len() == 1, "{tileset}");
    tileset["root"]["content"] = fine;
    tileset["root"]["geometricError"] = 30.into();
    std::fs::write(&file, tileset.to_string()).unwrap();
    (file.display().to_string(), Geodetic::from_degrees(anchor.lon_deg, anchor.lat_deg, 0.0))
}

fn shown(pump: &mut Pump) -> usize {
    pump.world_mut().query_filtered::<&ViewVisibility, With<MeshTag>>().iter(pump.world()).filter(|v| v.get()).count()
}

fn until(pump: &mut Pump, what: &str, holds: impl Fn(&mut Pump) -> bool) {
    let started = Instant::now();
    while !holds(pump) {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        pump.frame();
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn while_levels_change_over_both_are_drawn_and_together_they_are_the_picture() {
    let _turn = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let (address, anchor) = two_levels_alike(folder.path());
    let options = at(anchor.lon_deg(), anchor.lat_deg(), SIZE, None);
    let mut app = app::build(&ScreenOptions { anchor, ..options }).unwrap();
    app.world_mut().spawn(Tileset::at(address));
    app.insert_resource(WholeWall { height_px: FEW, fovy_rad: FOV_Y_RAD }).insert_resource(TileFade { seconds: 2.0 });
    let mut pump = Pump::new(app);
    let drawn = |pump: &mut Pump| pump.world().resource::<CityTiles>().drawn().map(|t| t.tile).collect::<Vec<_>>();
    until(&mut pump, "the coarse level is drawn", |p| shown(p) == 1);
    let coarse = drawn(&mut pump);
    let still = pump.picture().unwrap();
    assert!(still.pixels().collect::<std::collections::HashSet<_>>().len() > 20, "nothing is to be seen");

    for height_px in [MANY, FEW] {
        pump.world_mut().resource_mut::<WholeWall>().height_px = height_px;
        until(&mut pump, "both levels are drawn", |p| shown(p) == 2);
        assert_eq!(drawn(&mut pump) == coarse, height_px == FEW, "what is picked is what stays");
        let mut pictures = 0;
        while shown(&mut pump) == 2 {
            let picture = pump.picture().unwrap();
            // The last one may have been taken when it was over.
            pictures += usize::from(shown(&mut pump) == 2);
            assert!(picture == still, "picture {pictures} of the change to {height_px} px differs");
        }
        assert!(pictures > 1, "seen in {pictures} pictures only");
        assert_eq!(shown(&mut pump), 1, "one level stays");
    }
    pump.world_mut().resource_mut::<TileFade>().seconds = 0.0;
    pump.world_mut().resource_mut::<WholeWall>().height_px = MANY;
    until(&mut pump, "the fine level is drawn", |p| drawn(p) != coarse);
    assert!(shown(&mut pump) < 2, "without a time to take they change at once");
}
