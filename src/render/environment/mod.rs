//! Light, air and colours: one uniform for the city, the sky and the ground beyond.
//!
//! Values come from `assets/themes/*.toml` (LOOK.md is the art direction); the camera adds what depends on it each frame.

mod theme;

pub use theme::{parse, replace_themes};

use crate::model::scene::Theme;
use bevy::math::Vec4;
use bevy::prelude::Resource;
use bevy::render::render_resource::ShaderType;

/// Twin of `Environment` in `shaders/environment.wgsl`; see there for each field.
#[derive(Clone, Copy, Debug, Default, PartialEq, ShaderType, Resource)]
pub struct Environment {
    pub sun: Vec4,
    pub sun_colour: Vec4,
    pub sky_light: Vec4,
    pub ground_light: Vec4,
    pub zenith: Vec4,
    pub horizon: Vec4,
    pub wall: Vec4,
    pub roof: Vec4,
    pub land: Vec4,
    pub green: Vec4,
    pub water: Vec4,
    pub road: Vec4,
    pub window: Vec4,
    pub detail: Vec4,
    pub heat_extent: Vec4,
    pub heat: Vec4,
    pub heat_levels: [Vec4; 3],
    pub ground: Vec4,
    pub focus: Vec4,
    pub swipe: Vec4,
}

/// Height over which haze thins by a factor of e, metres: a city's dust layer.
const HAZE_SCALE_M: f32 = 900.0;
const EARTH_DIAMETER_M: f32 = 12_742_000.0;

impl Environment {
    /// Whether a heat layer is shown.
    pub fn is_heated(&self) -> bool {
        self.heat.x > 0.5
    }

    /// Whether a line divides the picture, with other tints on its right.
    pub fn is_compared(&self) -> bool {
        self.swipe.x >= 0.0
    }

    /// The environment of a theme, lit from where maps are lit. The files are part of the program and held by a test.
    pub fn of(theme: Theme) -> Self {
        theme::fixed(theme)
    }

    /// The environment under a sun at `azimuth_deg` clockwise from north and `altitude_deg` above the horizon, at `hour` of the place's solar
    /// day: day, dusk and night mixed, lit from the sun or, by night, from where maps are lit.
    pub fn under_sun(azimuth_deg: f64, altitude_deg: f64, hour: f64) -> Self {
        theme::under_sun(azimuth_deg as f32, altitude_deg as f32, hour as f32)
    }

    /// Takes over what a theme says and keeps the rest: what lies over the city, what is cut away, where the camera stands.
    pub fn relight(&mut self, light: &Self) {
        *self = Self {
            heat_extent: self.heat_extent,
            heat: self.heat,
            heat_levels: self.heat_levels,
            ground: self.ground,
            horizon: light.horizon.truncate().extend(self.horizon.w),
            focus: self.focus,
            swipe: self.swipe,
            ..*light
        };
    }

    /// Whether dark signs stand out better than light ones.
    pub fn is_bright(&self) -> bool {
        self.land.truncate().element_sum() * (self.sun.w * self.sun.y + self.sky_light.truncate().element_sum() / 3.0) > 0.9
    }

    /// What depends on the camera: a far view looks through thinner haze, so that the far third of the picture, not all of it, loses contrast by half.
    pub fn see_from(&mut self, orbit_distance_m: f32) {
        self.horizon.w = Self::haze_from(orbit_distance_m);
    }

    /// Haze a metre at ground level for a camera that looks from so far, metres.
    pub fn haze_from(orbit_distance_m: f32) -> f32 {
        let half_m = (orbit_distance_m * 3.2).clamp(7_000.0, 640_000.0);
        std::f32::consts::LN_2 / half_m
    }
}
