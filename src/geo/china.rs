//! GCJ-02 and BD-09: the shifted coordinates of maps published in China, to WGS 84 and back.
//!
//! No standard describes them; the formulas are those that Chinese map services and their users have agreed on for years (see the
//! repositories `wandergis/coordtransform` and `googollee/eviltransform`), with the ellipsoid of Krasovsky 1940.

use std::f64::consts::PI;

/// Krasovsky 1940: semi-major axis in metres, and eccentricity squared, as the formulas round it.
const A_M: f64 = 6_378_245.0;
const EE: f64 = 0.006_693_421_622_965_943;
/// Where the shift is applied: west, south, east, north in degrees. A rectangle, as in all implementations, and wider than the country.
const SHIFTED: [f64; 4] = [72.004, 0.8293, 137.8347, 55.8271];
/// The inverse stops when it is this near, degrees: a tenth of a millimetre.
const NEAR_DEG: f64 = 1e-9;
/// Steps of the inverse; each gains two digits, so that a handful is enough.
const STEPS_MAX: usize = 30;

/// A shifted system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shifted {
    /// 火星坐标, of all maps but Baidu's.
    Gcj02,
    /// Baidu's, a second shift on top of GCJ-02.
    Bd09,
}

impl Shifted {
    /// From a name as users write it: `GCJ-02`, `gcj02`, `BD09`, `bd-09ll`.
    pub fn named(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "gcj02" => Some(Self::Gcj02),
            "bd09" | "bd09ll" => Some(Self::Bd09),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gcj02 => "GCJ-02",
            Self::Bd09 => "BD-09",
        }
    }

    /// WGS 84 longitude and latitude, degrees, to this system; unchanged outside of China.
    pub fn forward(self, lon: f64, lat: f64) -> (f64, f64) {
        let [west, south, east, north] = SHIFTED;
        if !(west..=east).contains(&lon) || !(south..=north).contains(&lat) {
            return (lon, lat);
        }
        let (lon, lat) = gcj02(lon, lat);
        match self {
            Self::Gcj02 => (lon, lat),
            Self::Bd09 => bd09(lon, lat),
        }
    }

    /// Longitude and latitude of this system, degrees, to WGS 84: iterates until the forward formula gives them back within 1e-9 degrees.
    pub fn inverse(self, lon: f64, lat: f64) -> (f64, f64) {
        let (mut x, mut y) = (lon, lat);
        for _ in 0..STEPS_MAX {
            let (fx, fy) = self.forward(x, y);
            let (dx, dy) = (lon - fx, lat - fy);
            (x, y) = (x + dx, y + dy);
            if dx.abs().max(dy.abs()) < NEAR_DEG {
                break;
            }
        }
        (x, y)
    }
}

fn gcj02(lon: f64, lat: f64) -> (f64, f64) {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let waves = |v: f64, terms: [(f64, f64); 2]| terms.iter().map(|(size, turn)| size * (v * turn * PI).sin()).sum::<f64>() * 2.0 / 3.0;
    let common = waves(x, [(20.0, 6.0), (20.0, 2.0)]);
    let root = x.abs().sqrt();
    let north_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + common
        + waves(y, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
        + waves(y, [(160.0, 1.0 / 12.0), (320.0, 1.0 / 30.0)]);
    let east_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + common
        + waves(x, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
        + waves(x, [(150.0, 1.0 / 12.0), (300.0, 1.0 / 30.0)]);
    let rad = lat.to_radians();
    let w2 = 1.0 - EE * rad.sin() * rad.sin();
    let d_lat = north_m * 180.0 / (A_M * (1.0 - EE) / (w2 * w2.sqrt()) * PI);
    let d_lon = east_m * 180.0 / (A_M / w2.sqrt() * rad.cos() * PI);
    (lon + d_lon, lat + d_lat)
}

/// GCJ-02 to BD-09.
fn bd09(x: f64, y: f64) -> (f64, f64) {
    const TURN: f64 = PI * 3000.0 / 180.0;
    let z = x.hypot(y) + 0.00002 * (y * TURN).sin();
    let theta = y.atan2(x) + 0.000_003 * (x * TURN).cos();
    (z * theta.cos() + 0.0065, z * theta.sin() + 0.006)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_shift_as_the_map_services_shift_them() {
        // Tiananmen, from eviltransform's own tests (WGS 84 to GCJ-02), 1e-5 degrees as given there.
        let (lon, lat) = Shifted::Gcj02.forward(116.404, 39.915);
        assert!((lon - 116.410_244_499).abs() < 1e-6 && (lat - 39.916_404_282).abs() < 1e-6, "{lon} {lat}");
        // coordtransform's example: GCJ-02 (116.404, 39.915) is BD-09 (116.41036949371029, 39.92133699351022).
        let (lon, lat) = bd09(116.404, 39.915);
        assert!((lon - 116.410_369_493_710_29).abs() < 1e-9 && (lat - 39.921_336_993_510_22).abs() < 1e-9, "{lon} {lat}");
    }

    #[test]
    fn the_inverse_meets_the_forward_formula_all_over_mainland_china() {
        for system in [Shifted::Gcj02, Shifted::Bd09] {
            for (i, j) in (0..=124).flat_map(|i| (0..=70).map(move |j| (i, j))) {
                let (lon, lat) = (73.5 + f64::from(i) * 0.5, 18.0 + f64::from(j) * 0.5);
                let (x, y) = system.forward(lon, lat);
                let (back_lon, back_lat) = system.inverse(x, y);
                assert!((back_lon - lon).abs() < 1e-6 && (back_lat - lat).abs() < 1e-6, "{system:?} {lon} {lat}: {back_lon} {back_lat}");
            }
        }
    }

    #[test]
    fn nothing_moves_outside_of_china() {
        for (lon, lat) in [(4.3, 52.1), (139.7, 35.7), (118.0, -34.0), (-118.0, 34.0)] {
            assert_eq!(Shifted::Gcj02.forward(lon, lat), (lon, lat));
            assert_eq!(Shifted::Bd09.inverse(lon, lat), (lon, lat));
        }
    }

    #[test]
    fn names_are_known_however_they_are_written() {
        assert_eq!(Shifted::named("gcj-02"), Some(Shifted::Gcj02));
        assert_eq!(Shifted::named("BD09"), Some(Shifted::Bd09));
        assert_eq!(Shifted::named("EPSG:4326"), None);
    }
}
