//! The theme a screen is drawn in, and the sun's place when it follows the clock.

use super::session::{SceneInfo, Session};
use crate::geo::sun_position;
use crate::model::scene::Theme;
use crate::render::environment::Environment;
use bevy::prelude::*;
use chrono::{DateTime, TimeDelta, Timelike, Utc};

/// What this screen was started with; `None` follows the shared view, then the scene.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct OwnLight {
    pub theme: Option<Theme>,
    /// The instant to light the city for, instead of the scene's clock.
    pub at: Option<DateTime<Utc>>,
}

/// What the city was lit by last.
#[derive(Default, PartialEq)]
pub enum Lit {
    #[default]
    Not,
    Fixed(Theme),
    Sun {
        azimuth_deg: f64,
        altitude_deg: f64,
    },
}

/// The sun moves this far, degrees, before shadows and colours are set anew: half a minute of time, less than its own width.
const STEP_DEG: f64 = 0.12;

/// Lights the city by theme or clock.
pub fn shine(own: Res<OwnLight>, session: Res<Session>, scene: Res<SceneInfo>, mut environment: ResMut<Environment>, mut lit: Local<Lit>) {
    let view = session.world.view.as_ref();
    let theme = own.theme.or(view.and_then(|v| v.theme)).unwrap_or(scene.scene.theme);
    if theme != Theme::Clock {
        if *lit != Lit::Fixed(theme) {
            environment.relight(&Environment::of(theme));
            *lit = Lit::Fixed(theme);
        }
        return;
    }
    let time = own.at.unwrap_or_else(|| session.scene_now());
    let (lon, lat) = (scene.anchor.lon_deg(), scene.anchor.lat_deg());
    let sun = sun_position(time, lon, lat);
    if let Lit::Sun { azimuth_deg, altitude_deg } = *lit
        && (azimuth_deg - sun.azimuth_deg).abs() < STEP_DEG
        && (altitude_deg - sun.altitude_deg).abs() < STEP_DEG
    {
        return;
    }
    environment.relight(&Environment::under_sun(sun.azimuth_deg, sun.altitude_deg, solar_hour(time, lon)));
    *lit = Lit::Sun { azimuth_deg: sun.azimuth_deg, altitude_deg: sun.altitude_deg };
}

/// Hour of the mean solar day at a longitude, 0 to 24.
fn solar_hour(time: DateTime<Utc>, lon_deg: f64) -> f64 {
    (f64::from(time.num_seconds_from_midnight()) / 3600.0 + lon_deg / 15.0).rem_euclid(24.0)
}

/// The zone of a place by its longitude: whole hours from UTC, as clocks there would show without a country's own rules (China's +8 holds for
/// Suqian).
pub fn zone_hours(lon_deg: f64) -> TimeDelta {
    TimeDelta::hours((lon_deg / 15.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noon_in_suqian_is_in_the_middle_of_its_solar_day() {
        let noon = DateTime::parse_from_rfc3339("2026-06-21T12:00:00+08:00").unwrap().to_utc();
        assert!((solar_hour(noon, 118.275) - 11.885).abs() < 1e-3);
        assert_eq!(zone_hours(118.275), TimeDelta::hours(8));
        assert_eq!(zone_hours(4.3), TimeDelta::zero());
    }
}
