//! What the screens take on this machine: no window, each frame finished before the next, any 3D Tiles.

mod flight;
mod frame;

pub use flight::{Flight, FlightBench, FlightFigures, FrameNote, StopFigures, flight};
pub use frame::{FrameBench, FrameFigures, frames};

use super::app::{self, Canvas, Pump, Quality, Ready, ScreenOptions};
use super::start::StartError;
use crate::geo::{Ecef, Geodetic, LocalFrame, Sphere, ecef_to_geodetic};
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::camera::FOV_Y_RAD;
use crate::render::tiles::{self, CityTiles, OpenedTileset, TileMemory};
use crate::tiles::{TileTree, Tileset, TilesetOptions, View};
use bevy::math::{DMat4, DVec3};
use bevy::prelude::*;
use std::time::{Duration, Instant};

/// Root tilesets are read within this.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Nearer than this the camera's near plane (1 m) would cut what it looks at.
const NEAREST_M: f64 = 2.5;
/// Nothing on Earth is so near its centre, metres.
const DEEP_M: f64 = 5.0e6;
/// Longitude and latitude, degrees, for models that stand nowhere.
const PLACE: (f64, f64) = (4.3, 52.08);
/// Where a city package keeps its buildings.
const BUILDINGS: &str = "/buildings/tileset.json";

/// A tileset whose root is read.
struct Opened {
    address: String,
    tileset: Tileset,
    /// Around its buildings where it is a city package, else around all of it.
    sphere: Sphere,
    /// It stood nowhere and was put on Earth.
    placed: bool,
}

impl Opened {
    fn new(package: &str, options: TilesetOptions) -> Result<Self, StartError> {
        let fail = |why: String| StartError::Package { place: package.to_owned(), why };
        let open = |options| Tileset::open(package, options).map_err(|e| fail(e.to_string()));
        let mut tileset = open(options.clone())?;
        let mut sphere = wait_for_root(&mut tileset).map_err(fail)?;
        let place = stands_nowhere(&sphere).then(|| put_on_earth(&mut sphere));
        // A root that is a content was handed over while it was waited for, and is gone with that.
        if place.is_some() || tileset.content(TileTree::ROOT).is_some() {
            tileset = open(TilesetOptions { place: place.or(options.place), ..options })?;
        }
        Ok(Self { address: package.to_owned(), tileset, sphere, placed: place.is_some() })
    }

    /// A pose from which the sphere just fits the picture's height; of models that stand nowhere, from the south-west.
    fn framing(&self) -> CameraPose {
        let centre = self.centre();
        let distance_m = (self.sphere.radius_m / (FOV_Y_RAD * 0.5).sin()).max(NEAREST_M);
        CameraPose {
            lon: centre.lon_deg(),
            lat: centre.lat_deg(),
            height_m: centre.height_m,
            heading_deg: if self.placed { 35.0 } else { 0.0 },
            pitch_deg: if self.placed { 25.0 } else { 35.0 },
            distance_m,
        }
    }

    fn centre(&self) -> Geodetic {
        ecef_to_geodetic(Ecef(self.sphere.centre))
    }

    /// A screen without a window that looks from `pose`.
    fn screen(self, pose: CameraPose, size: UVec2, (quality, theme): (Quality, Theme)) -> Result<Pump, StartError> {
        let options = ScreenOptions {
            canvas: Canvas::Picture { size },
            anchor: Geodetic::from_degrees(pose.lon, pose.lat, 0.0),
            theme,
            camera: pose,
            output: None,
            quality,
        };
        let mut app = app::build(&options).map_err(StartError::Graphics)?;
        app.insert_resource(TileMemory(self.tileset.memory().clone())).add_systems(
            Update,
            |city: Res<CityTiles>, mut ready: ResMut<Ready>| {
                ready.0 = city.is_settled();
            },
        );
        app.world_mut().spawn((tiles::Tileset::at(self.address), OpenedTileset::new(self.tileset)));
        Ok(Pump::new(app))
    }
}

/// Milliseconds of one frame.
fn timed(pump: &mut Pump) -> f64 {
    let start = Instant::now();
    pump.frame();
    start.elapsed().as_secs_f64() * 1e3
}

/// Of sorted numbers; 0 where there are none.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * share).round() as usize).copied().unwrap_or(0.0)
}

/// Models of which nobody says where they stand are around the Earth's centre.
fn stands_nowhere(sphere: &Sphere) -> bool {
    sphere.centre.length() < DEEP_M
}

/// World from the frame of a tileset that stands nowhere: its middle goes where up is along its z axis. The sphere moves with it.
fn put_on_earth(sphere: &mut Sphere) -> DMat4 {
    let somewhere = Geodetic::from_degrees(PLACE.0, PLACE.1, sphere.radius_m);
    let place = LocalFrame::new(somewhere).ecef_from_enu() * DMat4::from_translation(-sphere.centre);
    sphere.centre = place.transform_point3(sphere.centre);
    place
}

fn wait_for_root(tileset: &mut Tileset) -> Result<Sphere, String> {
    let start = Instant::now();
    // Without a view nothing is wanted; one from far outside wants the root and no more.
    let far = View::perspective(DVec3::new(1e9, 0.0, 0.0), DVec3::NEG_X, DVec3::Z, 1.0, 1.0, 1.0);
    while start.elapsed() < OPEN_LIMIT {
        tileset.update(std::slice::from_ref(&far));
        if let Some(failure) = tileset.failures().first() {
            return Err(failure.error.to_string());
        }
        if let Some(whole) = tileset.bounding_sphere() {
            return Ok(around_buildings(tileset.tree()).unwrap_or(whole));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("its tileset.json was not read within {} s", OPEN_LIMIT.as_secs()))
}

/// Terrain may reach far beyond the city that stands on it.
fn around_buildings(tree: &TileTree) -> Option<Sphere> {
    let is_buildings = |url: &str| url.ends_with(BUILDINGS);
    tree.iter().find(|(_, tile)| tile.contents.iter().any(|c| is_buildings(&c.url))).and_then(|(_, tile)| tile.volume.bounding_sphere())
}
