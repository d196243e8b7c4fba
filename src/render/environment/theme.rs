//! Theme files and the light between them: `assets/themes/*.toml` to an [`Environment`], and a time of day to a mixture of three.

use super::{EARTH_DIAMETER_M, Environment, HAZE_SCALE_M};
use crate::model::scene::Theme;
use bevy::math::{Vec3, Vec4};
use serde::Deserialize;
use std::sync::OnceLock;

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
    /// Part of the sky that is the air's own light in the tier `full`, lit by the theme's sun; the rest is the gradient.
    #[serde(default)]
    air: f32,
    horizon: Hex,
    /// Glow of the sky around the light, in parts of the light.
    glow: f32,
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

/// The theme files that are part of the program.
const FILES: [(Theme, &str, &str); 4] = [
    (Theme::Night, "night.toml", include_str!("../../../assets/themes/night.toml")),
    (Theme::Dusk, "dusk.toml", include_str!("../../../assets/themes/dusk.toml")),
    (Theme::Day, "day.toml", include_str!("../../../assets/themes/day.toml")),
    (Theme::Dark, "dark.toml", include_str!("../../../assets/themes/dark.toml")),
];

/// Texts that stand instead of [`FILES`], for work on the look.
static REPLACED: OnceLock<Vec<(Theme, String)>> = OnceLock::new();

/// Takes themes from elsewhere, once a process: `read` gives the text of a file name, or nothing where the program's own is to stay.
pub fn replace_themes(read: impl Fn(&str) -> Option<String>) {
    let texts = FILES.iter().filter_map(|(theme, name, _)| Some((*theme, read(name)?))).collect();
    if REPLACED.set(texts).is_err() {
        tracing::warn!("themes were replaced before; the first stay");
    }
}

/// The environment of a theme, lit from where maps are lit; [`Theme::Clock`] looks like the night until its time is known.
pub(super) fn fixed(theme: Theme) -> Environment {
    let own = REPLACED.get().and_then(|all| all.iter().find(|(t, _)| *t == theme)).map(|(_, text)| text.as_str());
    let text = own.unwrap_or(FILES.iter().find(|(t, ..)| *t == theme).map_or(FILES[0].2, |(_, _, text)| text));
    parse(text).unwrap_or_else(|e| {
        tracing::error!("theme {theme:?}: {e}");
        Environment::default()
    })
}

/// Reads a theme file.
///
/// # Errors
/// When a value is missing, unknown or no colour.
pub fn parse(text: &str) -> Result<Environment, toml::de::Error> {
    let t: ThemeFile = toml::from_str(text)?;
    Ok(Environment {
        sun: towards(t.light_azimuth, t.light_altitude).extend(t.sun_strength),
        sun_colour: t.sun.0.extend(t.glow),
        sky_light: t.sky_light.0.extend(t.air),
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
        ground: Vec4::new(0.0, EARTH_DIAMETER_M, 0.0, 1.0),
        swipe: Vec4::new(-1.0, 0.0, 0.0, 0.0),
        ..Environment::default()
    })
}

/// The unit vector towards a light, Bevy's axes (x east, y up, z south); degrees clockwise from north and above the horizon.
fn towards(azimuth_deg: f32, altitude_deg: f32) -> Vec3 {
    let (azimuth, altitude) = (azimuth_deg.to_radians(), altitude_deg.to_radians());
    Vec3::new(azimuth.sin() * altitude.cos(), altitude.sin(), -azimuth.cos() * altitude.cos())
}

/// Sun altitudes, degrees: full day above the first, dusk at its fullest between the next two, full night below the last.
const DAY_DEG: f32 = 12.0;
const DUSK_DEG: [f32; 2] = [1.0, -3.0];
const NIGHT_DEG: f32 = -12.0;
/// Below this the moon has taken over; between it and the next the sun's light fades out.
const MOON_DEG: f32 = -6.0;
/// The light never grazes lower than this: longer shadows than that say nothing any more.
const GRAZING_DEG: f32 = 5.0;
/// Share of windows lit after midnight (LOOK.md).
const LIT_LATE: f32 = 0.08;

/// The environment under the sun at `azimuth_deg` clockwise from north and `altitude_deg` above the horizon, at `hour` of the place's solar day (0-24).
///
/// Day, dusk and night are mixed by the altitude; the light comes from the sun, and by night from where maps are lit.
pub(super) fn under_sun(azimuth_deg: f32, altitude_deg: f32, hour: f32) -> Environment {
    let [day, dusk, night] = [Theme::Day, Theme::Dusk, Theme::Night].map(fixed);
    let step = |from: f32, to: f32| ((altitude_deg - from) / (to - from)).clamp(0.0, 1.0);
    let smooth = |u: f32| u * u * (3.0 - 2.0 * u);
    let mut env = if altitude_deg >= DUSK_DEG[0] {
        mix(&dusk, &day, smooth(step(DUSK_DEG[0], DAY_DEG)))
    } else {
        mix(&dusk, &night, smooth(step(DUSK_DEG[1], NIGHT_DEG)))
    };
    if altitude_deg > MOON_DEG {
        let strength = env.sun.w * smooth(step(MOON_DEG, DUSK_DEG[0]));
        env.sun = towards(azimuth_deg, altitude_deg.max(GRAZING_DEG)).extend(strength);
    } else {
        env.sun = night.sun.truncate().extend(env.sun.w * smooth(((MOON_DEG - altitude_deg) / (MOON_DEG - NIGHT_DEG)).clamp(0.0, 1.0)));
    }
    env.window.w *= 1.0 - (1.0 - LIT_LATE / night.window.w.max(LIT_LATE)) * lateness(hour);
    env
}

/// 0 through the evening, 1 from one o'clock to five, in between while people go to bed and get up.
fn lateness(hour: f32) -> f32 {
    let night_hour = if hour < 12.0 { hour } else { hour - 24.0 };
    let asleep = ((night_hour + 1.5) / 2.5).clamp(0.0, 1.0);
    let awake = ((night_hour - 5.0) / 1.0).clamp(0.0, 1.0);
    asleep * (1.0 - awake)
}

/// `a` with `u` parts of `b` in everything a theme file says.
fn mix(a: &Environment, b: &Environment, u: f32) -> Environment {
    let m = |f: fn(&Environment) -> Vec4| f(a).lerp(f(b), u);
    Environment {
        sun: a.sun.truncate().extend(a.sun.w + (b.sun.w - a.sun.w) * u),
        sun_colour: m(|e| e.sun_colour),
        sky_light: m(|e| e.sky_light),
        ground_light: m(|e| e.ground_light),
        zenith: m(|e| e.zenith),
        horizon: m(|e| e.horizon),
        wall: m(|e| e.wall),
        roof: m(|e| e.roof),
        land: m(|e| e.land),
        green: m(|e| e.green),
        water: m(|e| e.water),
        road: m(|e| e.road),
        window: m(|e| e.window),
        detail: m(|e| e.detail),
        ..*a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_file_parses_and_its_light_stands_above_the_horizon() {
        for (theme, _, text) in FILES {
            let e = parse(text).unwrap_or_else(|e| panic!("{theme:?}: {e}"));
            assert!(e.sun.y > 0.0 && (e.sun.truncate().length() - 1.0).abs() < 1e-5, "{theme:?}");
        }
    }

    #[test]
    fn the_light_follows_the_sun_by_day_and_no_change_of_altitude_makes_it_jump() {
        let noon = under_sun(180.0, 50.0, 12.0);
        assert!(noon.sun.z > 0.5 && noon.sun.y > 0.7, "the sun stands in the south: {:?}", noon.sun);
        assert_eq!(noon.land, fixed(Theme::Day).land);
        assert_eq!(under_sun(180.0, -40.0, 0.0).sun.truncate(), fixed(Theme::Night).sun.truncate());
        let at = |tenth: i32| under_sun(260.0, tenth as f32 * 0.1, 18.0);
        for tenth in -200..=600 {
            let (a, b) = (at(tenth), at(tenth + 1));
            // What falls on a roof, which is what people see.
            let light = |e: &Environment| e.sun_colour.truncate() * (e.sun.w * e.sun.y) + e.sky_light.truncate();
            assert!((light(&a) - light(&b)).length() < 0.02, "at {tenth}: {:?} {:?}", light(&a), light(&b));
            assert!((a.land - b.land).length() < 0.02 && (a.horizon - b.horizon).length() < 0.02, "at {tenth}");
        }
    }

    #[test]
    fn most_windows_are_dark_after_midnight_and_lit_again_in_the_evening() {
        let lit = |hour| under_sun(0.0, -30.0, hour).window.w;
        assert!((lit(2.0) - LIT_LATE).abs() < 1e-4 && lit(21.0) > lit(2.0) * 1.5 && lit(6.5) > lit(3.0));
    }
}
