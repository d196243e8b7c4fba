//! The demo city near its centre on an off-screen picture, for tests that compare what is drawn before and after a change.

use super::at;
use super::golden::{NEAR, city};
use bevy::math::UVec2;
use bevy::prelude::*;
use image::{Rgb, RgbImage};
use std::time::Duration;
use yiping::model::view::CameraPose;
use yiping::render::tiles::{CityTiles, Tileset};
use yiping::screen::app::{self, Pump, Quality, Ready, ScreenOptions};

pub const SIZE: UVec2 = UVec2::new(320, 180);

/// 1,500 buildings with roads, water and terrain, settled.
pub struct Stage(pub Pump);

impl Stage {
    pub fn new(quality: Quality) -> Self {
        Self::from(quality, NEAR)
    }

    pub fn from(quality: Quality, camera: CameraPose) -> Self {
        Self::prepared(quality, camera, |_| {})
    }

    /// `prepare` is called before the first tile is there.
    pub fn prepared(quality: Quality, camera: CameraPose, prepare: impl FnOnce(&mut App)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = ScreenOptions { camera, quality, ..at(118.2740478, 33.9620655, SIZE, None) };
        let mut app = app::build(&options).unwrap();
        prepare(&mut app);
        app.world_mut().spawn(Tileset::at(city(dir.path()).display().to_string()));
        app.add_systems(Update, |city: Res<CityTiles>, mut ready: ResMut<Ready>| ready.0 = city.is_settled() && city.drawn_tiles > 0);
        let mut pump = Pump::new(app);
        assert!(pump.until_ready(3, Duration::from_secs(120)), "the city is drawn");
        Self(pump)
    }

    /// The picture some frames after a resource became another.
    pub fn with<R: Resource>(&mut self, resource: R) -> RgbImage {
        self.0.world_mut().insert_resource(resource);
        self.picture()
    }

    pub fn picture(&mut self) -> RgbImage {
        (0..6).for_each(|_| self.0.frame());
        self.0.picture().unwrap()
    }
}

/// Whether eyes see two pixels as the same.
pub fn alike(a: &Rgb<u8>, b: &Rgb<u8>) -> bool {
    a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= 2)
}

/// Part of the pixels that `holds` is true of, given each one's place.
pub fn part(holds: impl Fn(u32, u32) -> bool) -> f64 {
    let all = (0..SIZE.y).flat_map(|y| (0..SIZE.x).map(move |x| (x, y)));
    all.filter(|(x, y)| holds(*x, *y)).count() as f64 / f64::from(SIZE.x * SIZE.y)
}

/// Part of the pixels that are the same in both.
pub fn same(a: &RgbImage, b: &RgbImage) -> f64 {
    part(|x, y| alike(a.get_pixel(x, y), b.get_pixel(x, y)))
}
