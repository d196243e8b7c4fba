//! Tilesets are entities: several at once over one memory, hidden and despawned like anything else, and they tell what becomes of them.

use super::{at, one_at_a_time, package};
use bevy::math::{UVec2, Vec2};
use bevy::mesh::MeshTag;
use bevy::prelude::*;
use std::time::{Duration, Instant};
use yiping::geo::Geodetic;
use yiping::model::city::CityManifest;
use yiping::render::tiles::picking::{PickRegion, PickRequest};
use yiping::render::tiles::{
    CityTiles, FeaturePicked, StandsFor, TileLoaded, TileMemory, Tileset, TilesetFailed, TilesetLoaded, TilesetProgress,
};
use yiping::screen::app::{self, Pump, ScreenOptions};

const SIZE: UVec2 = UVec2::new(320, 180);

/// What tilesets told, all of it.
#[derive(Resource, Default)]
struct Told {
    opened: Vec<Entity>,
    failed: Vec<TilesetFailed>,
    tiles: Vec<TileLoaded>,
    picked: Vec<FeaturePicked>,
}

fn hear(
    mut told: ResMut<Told>,
    mut opened: MessageReader<TilesetLoaded>,
    mut failed: MessageReader<TilesetFailed>,
    mut tiles: MessageReader<TileLoaded>,
    mut picked: MessageReader<FeaturePicked>,
) {
    told.opened.extend(opened.read().map(|m| m.tileset));
    told.failed.extend(failed.read().cloned());
    told.tiles.extend(tiles.read().copied());
    told.picked.extend(picked.read().cloned());
}

/// Draws until it holds.
fn until(pump: &mut Pump, what: &str, holds: impl Fn(&World) -> bool) {
    let started = Instant::now();
    while !holds(pump.world()) {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        pump.frame();
        std::thread::sleep(Duration::from_millis(2));
    }
    // What is shown is drawn with the next frame.
    pump.frame();
}

fn city(world: &World) -> &CityTiles {
    world.resource::<CityTiles>()
}

fn is_full(world: &World, tileset: Entity) -> bool {
    world.get::<TilesetProgress>(tileset).is_some_and(|p| p.is_settled && p.drawn_tiles > 0)
}

#[test]
fn several_tilesets_share_a_memory_are_hidden_and_despawned_and_tell_what_becomes_of_them() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path());
    let manifest = std::fs::read_to_string(package.join(CityManifest::FILE)).unwrap();
    let anchor = toml::from_str::<CityManifest>(&manifest).unwrap().anchor;
    let options = at(anchor.lon_deg, anchor.lat_deg, SIZE, None);
    let anchor = Geodetic::from_degrees(anchor.lon_deg, anchor.lat_deg, 0.0);
    let mut app = app::build(&ScreenOptions { anchor, ..options }).unwrap();
    app.init_resource::<Told>().add_systems(Last, hear);
    let address = package.join("tileset.json").display().to_string();
    let one = app.world_mut().spawn(Tileset::at(&address)).id();
    let missing = app.world_mut().spawn(Tileset::at("/no/such/city")).id();
    let mut pump = Pump::new(app);

    until(&mut pump, "the first is drawn", |w| is_full(w, one));
    let told = pump.world().resource::<Told>();
    assert_eq!((told.opened.as_slice(), told.failed.len()), ([one].as_slice(), 1));
    assert!(told.failed[0].tileset == missing && told.failed[0].error.to_string().contains("/no/such/city"), "{:?}", told.failed);
    assert!(city(pump.world()).is_settled(), "nobody waits for what can't be opened");
    let alone = pump.picture().unwrap();
    let (tiles, held) = (city(pump.world()).drawn_tiles, pump.world().resource::<TileMemory>().0.held_bytes());

    let ground = Tileset { stands_for: StandsFor::Ground, ..Tileset::at(&address) };
    let two = pump.world_mut().spawn(ground.clone()).id();
    until(&mut pump, "the second is drawn too", |w| is_full(w, two) && is_full(w, one));
    assert_eq!(city(pump.world()).drawn_tiles, 2 * tiles);
    assert!(pump.world().resource::<TileMemory>().0.held_bytes() > held * 3 / 2, "both count in one budget");
    let told = pump.world().resource::<Told>();
    assert!([one, two].iter().all(|t| told.tiles.iter().any(|m| m.tileset == *t && m.bytes > 0)));

    pump.world_mut().entity_mut(two).insert(Visibility::Hidden);
    until(&mut pump, "the second is hidden", |w| city(w).drawn_tiles == tiles && city(w).is_settled());
    assert_eq!(pump.picture().unwrap(), alone, "a hidden tileset is not seen");

    // Somewhere on the picture stands a building; streets and sky are no features.
    for n in 0..60 {
        if pump.world().resource::<Told>().picked.iter().any(|p| !p.feature.attributes.is_empty()) {
            break;
        }
        pump.world_mut().resource_mut::<Told>().picked.clear();
        let at = SIZE.as_vec2() * Vec2::new((n % 10) as f32 / 10.0 + 0.05, (n / 10) as f32 / 6.0 + 0.08);
        pump.world_mut().write_message(PickRequest { token: 9, region: PickRegion::Point(at) });
        (0..8).for_each(|_| pump.frame());
    }
    assert!(!pump.world().resource::<Told>().picked.is_empty(), "nothing is picked anywhere");
    let picked = &pump.world().resource::<Told>().picked[0];
    assert_eq!((picked.token, picked.feature.tile.tileset), (9, one));
    assert!(picked.feature.position.is_some() && !picked.feature.attributes.is_empty(), "{picked:?}");

    pump.world_mut().entity_mut(one).despawn();
    until(&mut pump, "the first is gone", |w| city(w).drawn_tiles == 0);
    pump.world_mut().entity_mut(two).insert(Visibility::Inherited);
    until(&mut pump, "the second is back", |w| is_full(w, two));
    assert!(city(pump.world()).drawn().all(|t| t.tileset == two));
    // Inserted anew it is opened anew, as what it is now.
    pump.world_mut().entity_mut(two).insert(Tileset { stands_for: StandsFor::City, ..ground });
    until(&mut pump, "the second is opened again", |w| w.resource::<Told>().opened.len() == 3 && is_full(w, two));
    assert_eq!(pump.picture().unwrap(), alone);
    pump.world_mut().entity_mut(two).despawn();
    pump.frame();
    until(&mut pump, "all memory is given back", |w| w.resource::<TileMemory>().0.held_bytes() == 0);
    let meshes = pump.world_mut().query::<&MeshTag>().iter(pump.world()).count();
    assert_eq!(meshes, 0, "no tile is left behind");
}
