//! Views in groups over one set of tiles: a mini-map beside the picture, and a path that is loaded before the camera comes.

use super::golden::{NEAR, city};
use super::{at, one_at_a_time};
use bevy::camera::visibility::RenderLayers;
use bevy::math::UVec2;
use bevy::mesh::MeshTag;
use bevy::prelude::*;
use bevy::render::gpu_readback::{Readback, ReadbackComplete};
use image::RgbImage;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use yiping::model::protocol::ScreenClass;
use yiping::model::scene::Theme;
use yiping::model::view::{CameraPose, Clock, TourState, ViewState};
use yiping::render::camera::{OrbitCamera, SceneFrame};
use yiping::render::environment::Environment;
use yiping::render::inset::{Inset, InsetState, Looks, MapExtent, inset_camera};
use yiping::render::tiles::{CityTiles, TileLoaded, TileRef, TileViews, Tileset};
use yiping::screen::app::{self, Canvas, Pump, Quality, Ready, ScreenOptions};
use yiping::screen::light::OwnLight;
use yiping::screen::session::Session;
use yiping::screen::start::{self, From, Setup};
use yiping::screen::styling::OwnStyling;
use yiping::tiles::{Headers, TileTree};

const SIZE: UVec2 = UVec2::new(320, 180);
const MAP: UVec2 = UVec2::new(256, 192);
const LAYER: usize = 2;

fn until(pump: &mut Pump, what: &str, holds: impl Fn(&World) -> bool) {
    let started = Instant::now();
    while !holds(pump.world()) {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        pump.frame();
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What is on an inset's image, as it lies there: a screenshot would be of a camera that draws.
fn image_of(pump: &mut Pump, inset: Entity) -> RgbImage {
    let (handle, size) = pump.world().get::<Inset>(inset).map(|i| (i.image.clone(), i.size)).unwrap();
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let to = bytes.clone();
    let read = pump
        .world_mut()
        .spawn(Readback::texture(handle))
        .observe(move |read: On<ReadbackComplete>| *to.lock().unwrap() = read.data.clone())
        .id();
    for _ in 0..60 {
        pump.frame();
        let bytes = std::mem::take(&mut *bytes.lock().unwrap());
        if !bytes.is_empty() {
            pump.world_mut().despawn(read);
            let colours = bytes.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            return RgbImage::from_raw(size.x, size.y, colours).expect("rows of a multiple of 256 bytes");
        }
    }
    panic!("the device gave no picture back");
}

/// Tiles that cameras of a layer see, told apart by where their states begin.
fn seen_on(pump: &mut Pump, layer: usize) -> HashSet<u32> {
    let layer = RenderLayers::layer(layer);
    let mut meshes = pump.world_mut().query_filtered::<(&MeshTag, &InheritedVisibility, Option<&RenderLayers>), With<ChildOf>>();
    let seen = meshes.iter(pump.world()).filter(|(_, visible, on)| visible.get() && on.unwrap_or_default().intersects(&layer));
    seen.map(|(tag, ..)| tag.0).collect()
}

fn drawn_by(pump: &Pump, group: &str) -> HashSet<TileRef> {
    pump.world().resource::<CityTiles>().drawn_by(group).collect()
}

fn is_current(world: &World, inset: Entity) -> bool {
    let state = world.get::<InsetState>(inset);
    world.resource::<CityTiles>().is_settled() && state.is_some_and(|s| s.is_whole() && s.is_current())
}

#[test]
fn a_mini_map_draws_tiles_of_its_own_beside_a_picture_that_stays_as_it_is_and_only_when_something_has_changed() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let options = ScreenOptions { camera: NEAR, ..at(118.2740478, 33.9620655, SIZE, None) };
    let mut app = app::build(&options).unwrap();
    let tileset = app.world_mut().spawn(Tileset::at(city(dir.path()).display().to_string())).id();
    app.add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| ready.0 = city.is_settled() && city.drawn_tiles > 0);
    let mut pump = Pump::new(app);
    assert!(pump.until_ready(3, Duration::from_secs(60)), "the city is drawn");
    let alone = pump.picture().unwrap();

    let world = pump.world_mut();
    let camera = inset_camera(&mut world.resource_mut::<Assets<Image>>(), "map", 0.1, LAYER, MAP);
    let inset = world.spawn(camera).id();
    let frame = world.resource::<SceneFrame>().0;
    let of = |city: &CityTiles| city.tilesets().find(|(e, _)| *e == tileset).map(|(_, t)| t.tree().tile(TileTree::ROOT).volume);
    let volume = of(world.resource::<CityTiles>()).unwrap();
    world.get_mut::<Inset>(inset).unwrap().looks = MapExtent::around(&volume, &frame, f64::from(MAP.x) / f64::from(MAP.y)).map(Looks::Down);
    until(&mut pump, "the map is drawn", |w| is_current(w, inset));

    let (picture, map) = (drawn_by(&pump, TileViews::PICTURE), drawn_by(&pump, "map"));
    assert!(!map.is_empty() && map != picture, "{} tiles, as the picture's {}", map.len(), picture.len());
    assert_eq!(pump.world().resource::<CityTiles>().drawn().collect::<HashSet<_>>(), picture, "what is on screen is the picture's");
    let [in_picture, on_map] = [0, LAYER].map(|layer| seen_on(&mut pump, layer));
    assert_eq!((in_picture.len(), on_map.len()), (picture.len(), map.len()), "each camera sees the tiles of its group");
    assert_eq!(in_picture.intersection(&on_map).count(), picture.intersection(&map).count(), "one that both draw is one");
    assert_eq!(pump.picture().unwrap(), alone, "the picture knows nothing of the map");

    let night = image_of(&mut pump, inset);
    assert!(night.pixels().collect::<HashSet<_>>().len() > 50, "a city from above");
    let mut active = 0;
    for _ in 0..30 {
        pump.frame();
        active += u32::from(pump.world().get::<Camera>(inset).unwrap().is_active);
    }
    assert_eq!(active, 0, "nothing has changed");
    pump.world_mut().resource_mut::<Environment>().relight(&Environment::of(Theme::Day));
    pump.frame();
    assert!(!pump.world().get::<InsetState>(inset).unwrap().is_current(), "it is day");
    until(&mut pump, "the map is drawn by day", |w| is_current(w, inset));
    let light = |picture: &RgbImage| picture.pixels().map(|p| u64::from(p.0[1])).sum::<u64>();
    let day = image_of(&mut pump, inset);
    assert!(light(&day) > 2 * light(&night), "{} after {}", light(&day), light(&night));

    // What a camera of the same place would draw first, drawn again: nothing is lost between two drawings.
    pump.world_mut().resource_mut::<Environment>().relight(&Environment::of(Theme::Night));
    pump.frame();
    until(&mut pump, "the map is drawn by night again", |w| is_current(w, inset));
    assert_eq!(image_of(&mut pump, inset), night);
    pump.world_mut().entity_mut(inset).despawn();
    pump.frame();
    pump.frame();
    assert!(drawn_by(&pump, "map").is_empty() && seen_on(&mut pump, LAYER).is_empty());
    assert_eq!((drawn_by(&pump, TileViews::PICTURE), pump.picture().unwrap()), (picture, alone));
}

#[test]
fn a_preview_is_the_picture_that_the_camera_would_have_there() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let far = CameraPose { distance_m: 9_000.0, pitch_deg: 45.0, ..NEAR };
    let options = ScreenOptions { camera: far, ..at(118.2740478, 33.9620655, SIZE, None) };
    let mut app = app::build(&options).unwrap();
    app.world_mut().spawn(Tileset::at(city(dir.path()).display().to_string()));
    app.add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| ready.0 = city.is_settled() && city.drawn_tiles > 0);
    let mut pump = Pump::new(app);
    assert!(pump.until_ready(3, Duration::from_secs(60)), "the city is drawn");
    // Seen from far away, through other air.
    let world = pump.world_mut();
    let camera = inset_camera(&mut world.resource_mut::<Assets<Image>>(), "preview", 0.5, LAYER + 1, SIZE);
    let inset = world.spawn(camera).id();
    world.get_mut::<Inset>(inset).unwrap().looks = Some(Looks::From(NEAR));
    until(&mut pump, "the preview is drawn", |w| is_current(w, inset));
    let preview = image_of(&mut pump, inset);
    assert_ne!(preview, pump.picture().unwrap());
    pump.world_mut().resource_mut::<OrbitCamera>().set(NEAR);
    pump.frame();
    assert!(pump.until_ready(3, Duration::from_secs(60)), "the camera is there");
    let there = pump.picture().unwrap();
    // Haze was told by a quotient, which rounds.
    let wrong = there.pixels().zip(preview.pixels()).filter(|(a, b)| a.0.iter().zip(b.0).any(|(x, y)| x.abs_diff(y) > 2)).count();
    assert!(wrong < 320 * 180 / 500, "{wrong} pixels differ");
}

/// Median milliseconds of some frames.
fn frame_ms(pump: &mut Pump, frames: usize) -> f64 {
    let mut took: Vec<f64> = std::iter::repeat_with(|| {
        let begun = Instant::now();
        pump.frame();
        begun.elapsed().as_secs_f64() * 1e3
    })
    .take(frames)
    .collect();
    took.sort_by(f64::total_cmp);
    took[frames / 2]
}

#[test]
#[ignore = "prints figures: cargo test --test render idle -- --ignored --nocapture"]
fn figures_of_a_map_that_is_idle_and_one_that_is_drawn() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let options = ScreenOptions { camera: NEAR, ..at(118.2740478, 33.9620655, SIZE, None) };
    let mut app = app::build(&options).unwrap();
    app.world_mut().spawn(Tileset::at(city(dir.path()).display().to_string()));
    app.add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| ready.0 = city.is_settled() && city.drawn_tiles > 0);
    let mut pump = Pump::new(app);
    assert!(pump.until_ready(3, Duration::from_secs(60)), "the city is drawn");
    let world = pump.world_mut();
    let camera = inset_camera(&mut world.resource_mut::<Assets<Image>>(), "map", 0.1, LAYER, UVec2::new(440, 320));
    let inset = world.spawn(camera).id();
    let half_m = bevy::math::DVec2::new(8_000.0, 5_800.0);
    let map = Looks::Down(MapExtent { centre_m: bevy::math::DVec2::ZERO, half_m });
    for round in 0..3 {
        pump.world_mut().get_mut::<Inset>(inset).unwrap().looks = None;
        pump.frame();
        let without = frame_ms(&mut pump, 40);
        pump.world_mut().get_mut::<Inset>(inset).unwrap().looks = Some(map);
        until(&mut pump, "the map is drawn", |w| is_current(w, inset));
        let idle = frame_ms(&mut pump, 40);
        // One drawing a second at most: only frames in which it is drawn count.
        let mut drawn = Vec::new();
        while drawn.len() < 3 {
            pump.world_mut().get_mut::<Inset>(inset).unwrap().set_changed();
            let begun = Instant::now();
            pump.frame();
            if pump.world().get::<Camera>(inset).is_some_and(|c| c.is_active) {
                drawn.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        drawn.sort_by(f64::total_cmp);
        println!("round {round}: {without:.2} ms a frame without a map, {idle:.2} with one that is idle, {:.1} when it is drawn", drawn[1]);
    }
}

const START: CameraPose =
    CameraPose { lon: 118.2330, lat: 33.9700, height_m: 25.0, heading_deg: 350.0, pitch_deg: 35.0, distance_m: 500.0 };
const ON_THE_WAY: CameraPose = CameraPose { lon: 118.2545, lat: 33.9858, heading_deg: 20.0, ..START };
/// Nobody goes there.
const ELSEWHERE: CameraPose = CameraPose { lon: 118.3050, lat: 33.9400, heading_deg: 160.0, ..START };

fn scene(dir: &std::path::Path) -> std::path::PathBuf {
    city(dir);
    let pose = |p: CameraPose| {
        let CameraPose { lon, lat, height_m, heading_deg, pitch_deg, distance_m } = p;
        format!(
            "pose = {{ lon = {lon}, lat = {lat}, height_m = {height_m:.1}, heading_deg = {heading_deg:.1}, pitch_deg = {pitch_deg:.1}, distance_m = {distance_m:.1} }}"
        )
    };
    let (start, next) = (pose(START), pose(ON_THE_WAY));
    let text = format!(
        "name = 's'\nname_en = 's'\npackage = 'package'\n[[camera]]\nid = 'a'\nname = 'a'\nname_en = 'a'\n{start}\n[tour]\nname = 't'\n\
         [[tour.keyframe]]\nat_s = 0.0\n{start}\n[[tour.keyframe]]\nat_s = 9.0\n{next}\n"
    );
    let file = dir.join("scene.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn setup(data: &std::path::Path) -> Setup {
    Setup {
        canvas: Canvas::Picture { size: SIZE },
        quality: Quality::Lean,
        class: ScreenClass::Medium,
        light: OwnLight::default(),
        styling: OwnStyling::default(),
        clip: None,
        camera: None,
        pose: None,
        wall: None,
        probe: None,
        panels: false,
        signs: false,
        data: data.to_path_buf(),
        headers: Headers::default(),
        cache: None,
        tile_memory: None,
    }
}

/// Tiles that came, ever.
#[derive(Resource, Default)]
struct Came(HashSet<TileRef>);

fn touring(position_s: f64) -> Option<ViewState> {
    Some(ViewState {
        scene: "scene".into(),
        camera: START,
        layers: Default::default(),
        selection: None,
        clock: Clock::default(),
        tour: TourState::Paused { position_s },
        theme: None,
        styling: Default::default(),
        clip: None,
        leader: None,
    })
}

/// How far two poses' targets lie apart, degrees.
fn apart(a: &CameraPose, b: &CameraPose) -> f64 {
    (a.lon - b.lon).hypot(a.lat - b.lat)
}

#[test]
fn a_tour_finds_its_tiles_loaded_where_it_comes() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let scene = scene(dir.path());
    let loaded = start::load(From::File { scene: &scene, data: dir.path() }).unwrap();
    let mut app = start::screen(loaded, &setup(dir.path())).unwrap();
    app.init_resource::<Came>().add_systems(Last, |mut tiles: MessageReader<TileLoaded>, mut came: ResMut<Came>| {
        came.0.extend(tiles.read().map(|m| TileRef { tileset: m.tileset, tile: m.tile }));
    });
    app.world_mut().resource_mut::<Session>().world.view = touring(0.0);
    let mut pump = Pump::new(app);
    let stands = |world: &World, at: CameraPose| {
        let (camera, city) = (world.resource::<OrbitCamera>(), world.resource::<CityTiles>());
        apart(&camera.pose, &at) < 1e-6 && city.is_settled() && city.drawn_tiles > 0
    };
    until(&mut pump, "the start, and what comes after it, is loaded", |w| {
        stands(w, START) && w.resource::<CityTiles>().progress.preloading == 0
    });
    let came = pump.world().resource::<Came>().0.clone();
    let here = drawn_by(&pump, TileViews::PICTURE);

    pump.world_mut().resource_mut::<Session>().world.view = touring(9.0);
    until(&mut pump, "the camera has come", |w| stands(w, ON_THE_WAY));
    let there = drawn_by(&pump, TileViews::PICTURE);
    assert!(there.difference(&here).count() > 0, "another place, other tiles");
    assert!(there.is_subset(&came), "{} of {} tiles were not loaded before", there.difference(&came).count(), there.len());

    // Where no path leads, tiles come when the camera does.
    pump.world_mut().resource_mut::<Session>().world.view = None;
    pump.world_mut().resource_mut::<OrbitCamera>().set(ELSEWHERE);
    pump.frame();
    until(&mut pump, "the other place is drawn", |w| stands(w, ELSEWHERE));
    assert!(!drawn_by(&pump, TileViews::PICTURE).is_subset(&came));
}
