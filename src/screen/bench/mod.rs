//! What the screens take on this machine: no window, each frame finished before the next, any 3D Tiles.

mod flight;
mod frame;

pub use flight::{Flight, FlightBench, FlightFigures, StopFigures, flight};
pub use frame::{FrameBench, FrameFigures, frames};

use super::app::{self, Canvas, Pump, Quality, Ready, ScreenOptions};
use super::start::StartError;
use crate::geo::{Ecef, Geodetic, Sphere, ecef_to_geodetic};
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::camera::FOV_Y_RAD;
use crate::render::tiles::CityTiles;
use crate::tiles::{TileTree, Tileset, TilesetOptions, View};
use bevy::math::DVec3;
use bevy::prelude::*;
use std::time::{Duration, Instant};

/// Root tilesets are read within this.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Where a city package keeps its buildings.
const BUILDINGS: &str = "/buildings/tileset.json";

/// A tileset whose root is read.
struct Opened {
    tileset: Tileset,
    /// Around its buildings where it is a city package, else around all of it.
    sphere: Sphere,
}

impl Opened {
    fn new(package: &str, options: TilesetOptions) -> Result<Self, StartError> {
        let fail = |why: String| StartError::Package { place: package.to_owned(), why };
        let mut tileset = Tileset::open(package, options).map_err(|e| fail(e.to_string()))?;
        let sphere = wait_for_root(&mut tileset).map_err(fail)?;
        Ok(Self { tileset, sphere })
    }

    /// A pose from which the sphere just fits the picture's height.
    fn framing(&self) -> CameraPose {
        let centre = self.centre();
        let distance_m = (self.sphere.radius_m / (FOV_Y_RAD * 0.5).sin()).max(30.0);
        CameraPose {
            lon: centre.lon_deg(),
            lat: centre.lat_deg(),
            height_m: centre.height_m,
            heading_deg: 0.0,
            pitch_deg: 35.0,
            distance_m,
        }
    }

    fn centre(&self) -> Geodetic {
        ecef_to_geodetic(Ecef(self.sphere.centre))
    }

    /// A screen without a window that looks from `pose`.
    fn screen(self, pose: CameraPose, size: UVec2, quality: Quality) -> Result<Pump, StartError> {
        let options = ScreenOptions {
            canvas: Canvas::Picture { size },
            anchor: Geodetic::from_degrees(pose.lon, pose.lat, 0.0),
            theme: Theme::default(),
            camera: pose,
            output: None,
            quality,
        };
        let mut app = app::build(&options).map_err(StartError::Graphics)?;
        app.insert_resource(CityTiles::new(self.tileset)).add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| {
            ready.0 = city.tileset().is_settled();
        });
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
