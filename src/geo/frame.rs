//! WGS 84 geodetic, ECEF and local east-north-up coordinates.

use glam::{DMat4, DVec3, DVec4};
use serde::{Deserialize, Serialize};

/// WGS 84 semi-major axis, metres (EPSG:7030).
pub const WGS84_A_M: f64 = 6_378_137.0;
/// WGS 84 flattening (EPSG:7030).
pub const WGS84_F: f64 = 1.0 / 298.257_223_563;
const E2: f64 = WGS84_F * (2.0 - WGS84_F);

/// A point in WGS 84: radians, and metres above the ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geodetic {
    pub lon_rad: f64,
    pub lat_rad: f64,
    pub height_m: f64,
}

impl Geodetic {
    /// From longitude and latitude in degrees and height above the ellipsoid in metres.
    pub fn from_degrees(lon_deg: f64, lat_deg: f64, height_m: f64) -> Self {
        Self { lon_rad: lon_deg.to_radians(), lat_rad: lat_deg.to_radians(), height_m }
    }

    pub fn lon_deg(&self) -> f64 {
        self.lon_rad.to_degrees()
    }

    pub fn lat_deg(&self) -> f64 {
        self.lat_rad.to_degrees()
    }
}

/// A point in Earth-centred, Earth-fixed metres (EPSG:4978).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ecef(pub DVec3);

/// Geodetic (WGS 84) to Earth-centred, Earth-fixed.
///
/// Exact to rounding (closed form); source: EPSG Guidance Note 7-2, method 9602.
pub fn geodetic_to_ecef(p: Geodetic) -> Ecef {
    let (sin_lat, cos_lat) = p.lat_rad.sin_cos();
    let (sin_lon, cos_lon) = p.lon_rad.sin_cos();
    let n = WGS84_A_M / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    Ecef(DVec3::new((n + p.height_m) * cos_lat * cos_lon, (n + p.height_m) * cos_lat * sin_lon, (n * (1.0 - E2) + p.height_m) * sin_lat))
}

/// Earth-centred, Earth-fixed to geodetic (WGS 84).
///
/// Bowring's formula followed by two Newton-like refinements of the latitude: under 1e-9 m and 1e-15 rad
/// between -10 km and +1,000 km. Source: EPSG Guidance Note 7-2, method 9602 (reverse).
pub fn ecef_to_geodetic(p: Ecef) -> Geodetic {
    let DVec3 { x, y, z } = p.0;
    let b = WGS84_A_M * (1.0 - WGS84_F);
    let ep2 = (WGS84_A_M * WGS84_A_M - b * b) / (b * b);
    let rho = x.hypot(y);
    let theta = (z * WGS84_A_M).atan2(rho * b);
    let mut lat = (z + ep2 * b * theta.sin().powi(3)).atan2(rho - E2 * WGS84_A_M * theta.cos().powi(3));
    for _ in 0..2 {
        let n = WGS84_A_M / (1.0 - E2 * lat.sin().powi(2)).sqrt();
        lat = (z + E2 * n * lat.sin()).atan2(rho);
    }
    let n = WGS84_A_M / (1.0 - E2 * lat.sin().powi(2)).sqrt();
    // Near a pole rho / cos(lat) loses its digits; this form is good everywhere.
    let height_m = rho * lat.cos() + z * lat.sin() - n * (1.0 - E2 * lat.sin().powi(2));
    Geodetic { lon_rad: y.atan2(x), lat_rad: lat, height_m }
}

/// A local east-north-up frame on the ellipsoid: x east, y north, z up, metres.
///
/// Bevy draws in y-up; [`crate::render`] swaps axes at its door, so everything below it speaks east-north-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    origin: Geodetic,
    ecef_from_enu: DMat4,
    enu_from_ecef: DMat4,
}

impl LocalFrame {
    /// A frame whose origin is `origin` and whose z axis is the ellipsoid's normal there.
    pub fn new(origin: Geodetic) -> Self {
        let (sin_lat, cos_lat) = origin.lat_rad.sin_cos();
        let (sin_lon, cos_lon) = origin.lon_rad.sin_cos();
        let east = DVec3::new(-sin_lon, cos_lon, 0.0);
        let north = DVec3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat);
        let up = DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat);
        let at = geodetic_to_ecef(origin).0;
        let ecef_from_enu = DMat4::from_cols(east.extend(0.0), north.extend(0.0), up.extend(0.0), at.extend(1.0));
        // Rigid, so the inverse is the transpose; a general inverse would lose digits at 6,000 km.
        let axis = |v: DVec3| DVec4::new(east.dot(v), north.dot(v), up.dot(v), 0.0);
        let enu_from_ecef =
            DMat4::from_cols(axis(DVec3::X), axis(DVec3::Y), axis(DVec3::Z), DVec4::new(-east.dot(at), -north.dot(at), -up.dot(at), 1.0));
        Self { origin, ecef_from_enu, enu_from_ecef }
    }

    pub fn origin(&self) -> Geodetic {
        self.origin
    }

    /// 4x4 matrix from this frame to ECEF, column-major as glTF and 3D Tiles write it.
    pub fn ecef_from_enu(&self) -> DMat4 {
        self.ecef_from_enu
    }

    /// 4x4 matrix from ECEF to this frame.
    pub fn enu_from_ecef(&self) -> DMat4 {
        self.enu_from_ecef
    }

    /// ECEF to metres east, north and up of the origin.
    pub fn to_enu(&self, p: Ecef) -> DVec3 {
        // Subtract first: both numbers are near 6e6, their difference is small and exact.
        let d = p.0 - self.ecef_from_enu.w_axis.truncate();
        let m = &self.ecef_from_enu;
        DVec3::new(m.x_axis.truncate().dot(d), m.y_axis.truncate().dot(d), m.z_axis.truncate().dot(d))
    }

    /// Metres east, north and up of the origin to ECEF.
    pub fn to_ecef(&self, enu: DVec3) -> Ecef {
        Ecef(self.ecef_from_enu.transform_point3(enu))
    }

    /// Geodetic to metres east, north and up of the origin.
    pub fn geodetic_to_enu(&self, p: Geodetic) -> DVec3 {
        self.to_enu(geodetic_to_ecef(p))
    }

    /// The same for points near the origin, many times faster: within 1 cm up to 1 km from it.
    ///
    /// Series of the geodesic problem to the second order (Torge and Müller, Geodesy, 4th edition, section 6.3); the height is told to the
    /// curvature of the mean sphere.
    pub fn enu_to_geodetic_near(&self, enu: DVec3) -> Geodetic {
        let (sin_lat, cos_lat) = self.origin.lat_rad.sin_cos();
        let w2 = 1.0 - E2 * sin_lat * sin_lat;
        // Radii of curvature along the parallel and along the meridian, at the point's height.
        let n = WGS84_A_M / w2.sqrt();
        let (n, m) = (n + self.origin.height_m + enu.z, n * (1.0 - E2) / w2 + self.origin.height_m + enu.z);
        let tan_lat = sin_lat / cos_lat;
        let lat_rad = self.origin.lat_rad + enu.y / m - enu.x * enu.x * tan_lat / (2.0 * m * n);
        let lon_rad = self.origin.lon_rad + enu.x / (n * cos_lat) * (1.0 + enu.y * tan_lat / n);
        let height_m = self.origin.height_m + enu.z + (enu.x * enu.x / n + enu.y * enu.y / m) * 0.5;
        Geodetic { lon_rad, lat_rad, height_m }
    }

    /// Metres east, north and up of the origin to geodetic.
    pub fn enu_to_geodetic(&self, enu: DVec3) -> Geodetic {
        ecef_to_geodetic(self.to_ecef(enu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn greenwich_on_the_equator_is_one_radius_along_x() {
        let p = geodetic_to_ecef(Geodetic::from_degrees(0.0, 0.0, 0.0)).0;
        assert!((p - DVec3::new(WGS84_A_M, 0.0, 0.0)).length() < 1e-9);
    }

    proptest! {
        #[test]
        fn geodetic_and_ecef_round_trip(lon in -179.9..179.9f64, lat in -89.9..89.9f64, h in -500.0..9000.0f64) {
            let p = Geodetic::from_degrees(lon, lat, h);
            let q = ecef_to_geodetic(geodetic_to_ecef(p));
            prop_assert!((q.height_m - h).abs() < 1e-6);
            prop_assert!((q.lat_rad - p.lat_rad).abs() < 1e-12 && (q.lon_rad - p.lon_rad).abs() < 1e-12);
        }

        #[test]
        fn the_fast_way_back_is_good_to_a_centimetre(lat in -70.0..70.0f64, e in -700.0..700.0f64, n in -700.0..700.0f64, u in -100.0..500.0f64) {
            let f = LocalFrame::new(Geodetic::from_degrees(118.275, lat, 20.0));
            let (fast, exact) = (f.enu_to_geodetic_near(DVec3::new(e, n, u)), f.enu_to_geodetic(DVec3::new(e, n, u)));
            let off = geodetic_to_ecef(fast).0.distance(geodetic_to_ecef(exact).0);
            prop_assert!(off < 0.01, "{off} m");
        }

        #[test]
        fn enu_and_ecef_round_trip(e in -50_000.0..50_000.0f64, n in -50_000.0..50_000.0f64, u in -100.0..5_000.0f64) {
            let f = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 20.0));
            let q = f.to_enu(f.to_ecef(DVec3::new(e, n, u)));
            prop_assert!((q - DVec3::new(e, n, u)).length() < 1e-6);
        }
    }
}
