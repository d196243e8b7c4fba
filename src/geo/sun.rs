//! Where the sun stands.

use chrono::{DateTime, Utc};
use glam::DVec3;
use solar_positioning::{Location, RefractionCorrection, SolarPositions, delta_t};

/// Direction to the sun as seen from a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SunPosition {
    /// Degrees clockwise from north, 0 to 360.
    pub azimuth_deg: f64,
    /// Degrees above the horizon of the ellipsoid; negative at night.
    pub altitude_deg: f64,
}

/// TT minus UT1 in the 2020s, seconds, for years the estimate does not know.
const DELTA_T_S: f64 = 69.0;

/// The sun at an instant over a place in WGS 84, at sea level.
///
/// NREL's Solar Position Algorithm (Reda and Andreas 2004, ±0.0003 degrees) by crate `solar-positioning`, with refraction of the standard
/// atmosphere (1013.25 hPa, 15 °C): where light comes from, not where the sun is. Refraction ends under the horizon, where the altitude
/// jumps by half a degree. Outside the years -2000 to 6000, or for a place that is none, the sun stands straight below.
pub fn sun_position(time: DateTime<Utc>, lon_deg: f64, lat_deg: f64) -> SunPosition {
    let place = Location { latitude: lat_deg, longitude: (lon_deg + 180.0).rem_euclid(360.0) - 180.0 };
    let delta_t_s = delta_t::estimate_from_date_like(&time).unwrap_or(DELTA_T_S);
    match SolarPositions::new().at(&time, place, 0.0, delta_t_s, Some(RefractionCorrection::standard())) {
        Ok(sun) => SunPosition { azimuth_deg: sun.azimuth(), altitude_deg: sun.elevation_angle() },
        Err(_) => SunPosition { azimuth_deg: 0.0, altitude_deg: -90.0 },
    }
}

impl SunPosition {
    /// Unit vector towards the sun: x east, y north, z up at the place.
    pub fn direction_enu(&self) -> DVec3 {
        let (sin_a, cos_a) = self.azimuth_deg.to_radians().sin_cos();
        let (sin_h, cos_h) = self.altitude_deg.to_radians().sin_cos();
        DVec3::new(sin_a * cos_h, cos_a * cos_h, sin_h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Reda and Andreas, NREL/TP-560-34302, table A5.1: zenith 50.11162, azimuth 194.34024, for 820 hPa, 11 degrees and 1,830 m;
    /// our sea level air bends the light 0.004 degrees more.
    #[test]
    fn the_published_example_of_nrel_is_met() {
        let sun = sun_position(at("2003-10-17T19:30:30Z"), -105.1786, 39.742476);
        assert!((sun.azimuth_deg - 194.34024).abs() < 5e-4, "{sun:?}");
        assert!((sun.altitude_deg - (90.0 - 50.11162)).abs() < 6e-3, "{sun:?}");
    }

    #[test]
    fn at_noon_of_the_solstice_the_sun_over_suqian_stands_in_the_south() {
        // True noon at 118.275 degrees east: 12:00 - 7h53m06s, and 1m50s for the equation of time.
        let sun = sun_position(at("2026-06-21T04:08:45Z"), 118.275, 33.963);
        assert!((sun.azimuth_deg - 180.0).abs() < 0.5, "{sun:?}");
        assert!((sun.altitude_deg - (90.0 - 33.963 + 23.436)).abs() < 0.02, "{sun:?}");
        let direction = sun.direction_enu();
        assert!((direction.length() - 1.0).abs() < 1e-12 && direction.y < 0.0 && direction.z > 0.9);
        assert!(sun_position(at("2026-06-21T16:00:00Z"), 118.275, 33.963).altitude_deg < -30.0);
    }

    #[test]
    fn a_longitude_once_around_is_the_same_place_and_nonsense_is_dark() {
        let t = at("2026-03-20T04:00:00Z");
        let (a, b) = (sun_position(t, 118.0, 34.0), sun_position(t, 118.0 - 360.0, 34.0));
        assert!((a.altitude_deg - b.altitude_deg).abs() < 1e-9);
        assert_eq!(sun_position(t, f64::NAN, 34.0).altitude_deg, -90.0);
        assert_eq!(sun_position(t, 0.0, 134.0).altitude_deg, -90.0);
    }
}
