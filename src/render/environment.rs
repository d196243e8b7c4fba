//! Light, air and colours: one uniform for the city, the sky and the ground beyond.
//!
//! Values come from `assets/themes/*.toml` (LOOK.md is the art direction); the camera adds what depends on it each frame.

use crate::model::scene::Theme;
use bevy::math::{Vec3, Vec4};
use bevy::prelude::Resource;
use bevy::render::render_resource::ShaderType;
use serde::Deserialize;

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
    pub ground: Vec4,
}

/// A theme file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    sun: Hex,
    sun_strength: f32,
    sky_light: Hex,
    ground_light: Hex,
    zenith: Hex,
    zenith_bend: f32,
    horizon: Hex,
    wall: Hex,
    roof: Hex,
    land: Hex,
    green: Hex,
    water: Hex,
    road: Hex,
    window: Hex,
    window_strength: f32,
    windows_lit: f32,
    glass: f32,
    floor_line: f32,
    roof_edge: f32,
    light_azimuth: f32,
    light_altitude: f32,
}

/// `#RRGGBB`, kept as linear light.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Hex(Vec3);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let bevy::color::Srgba { red, green, blue, .. } =
            bevy::color::Srgba::hex(&s).map_err(|e| format!("{s:?} is no colour like #1A2B3C: {e}"))?;
        let linear = bevy::color::LinearRgba::from(bevy::color::Srgba::rgb(red, green, blue));
        Ok(Hex(Vec3::new(linear.red, linear.green, linear.blue)))
    }
}

/// Height over which haze thins by a factor of e, metres: a city's dust layer.
const HAZE_SCALE_M: f32 = 900.0;
const EARTH_DIAMETER_M: f32 = 12_742_000.0;

impl Environment {
    /// The environment of a theme. The files are part of the program and held by a test.
    pub fn of(theme: Theme) -> Self {
        let text = match theme {
            Theme::Night => include_str!("../../assets/themes/night.toml"),
            Theme::Dusk => include_str!("../../assets/themes/dusk.toml"),
            Theme::Day => include_str!("../../assets/themes/day.toml"),
        };
        Self::parse(text).unwrap_or_else(|e| {
            tracing::error!("theme {theme:?}: {e}");
            Self::default()
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let t: ThemeFile = toml::from_str(text)?;
        let (azimuth, altitude) = (t.light_azimuth.to_radians(), t.light_altitude.to_radians());
        // Bevy axes: x east, y up, z south.
        let sun = Vec3::new(azimuth.sin() * altitude.cos(), altitude.sin(), -azimuth.cos() * altitude.cos());
        Ok(Self {
            sun: sun.extend(t.sun_strength),
            sun_colour: t.sun.0.extend(1.0),
            sky_light: t.sky_light.0.extend(1.0),
            ground_light: t.ground_light.0.extend(1.0),
            zenith: t.zenith.0.extend(t.zenith_bend),
            horizon: t.horizon.0.extend(1.0 / 20_000.0),
            wall: t.wall.0.extend(1.0),
            roof: t.roof.0.extend(1.0),
            land: t.land.0.extend(1.0),
            green: t.green.0.extend(1.0),
            water: t.water.0.extend(1.0),
            road: t.road.0.extend(1.0),
            window: (t.window.0 * t.window_strength).extend(t.windows_lit),
            detail: Vec4::new(t.glass, t.floor_line, t.roof_edge, HAZE_SCALE_M),
            heat_extent: Vec4::new(0.0, 0.0, 0.0, 0.0),
            heat: Vec4::ZERO,
            ground: Vec4::new(0.0, EARTH_DIAMETER_M, 0.001, 1.0),
        })
    }

    /// What depends on the camera: a far view looks through thinner haze, so that the far third of the picture, not all of it, loses contrast by half.
    pub fn see_from(&mut self, orbit_distance_m: f32, pixel_rad: f32) {
        let half_m = (orbit_distance_m * 3.2).clamp(7_000.0, 120_000.0);
        self.horizon.w = std::f32::consts::LN_2 / half_m;
        self.ground.z = pixel_rad;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_file_parses_and_its_light_stands_above_the_horizon() {
        for text in [
            include_str!("../../assets/themes/night.toml"),
            include_str!("../../assets/themes/dusk.toml"),
            include_str!("../../assets/themes/day.toml"),
        ] {
            let e = Environment::parse(text).unwrap();
            assert!(e.sun.y > 0.0 && (e.sun.truncate().length() - 1.0).abs() < 1e-5);
        }
    }
}
