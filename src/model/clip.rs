//! What is cut away from a city: it is not drawn, and neither blocks a view nor casts a shadow.

use super::view::CameraPose;
use serde::{Deserialize, Serialize};

/// A region of which everything is cut away. Of several conditions all must hold; with none, nothing is cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClipRegion {
    /// Corners as longitude and latitude, degrees; not closed. Inside is cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub polygon: Vec<[f64; 2]>,
    /// The polygon's inside stays and the rest is cut.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_inside: bool,
    /// Ground, water and roads are cut too, not buildings alone. Drawing only: rays keep their ground.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub with_ground: bool,
    /// The ground is thinned out, so that what lies below it is seen. Drawing only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub see_below_ground: bool,
    /// Cut what is higher than this, metres above the ellipsoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_m: Option<f64>,
    /// Cut what lies on the side of a plane its normal points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plane: Option<ClipPlane>,
}

/// A plane through a place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipPlane {
    pub lon: f64,
    pub lat: f64,
    /// Metres above the ellipsoid.
    pub height_m: f64,
    /// East, north, up at the place; any length.
    pub normal: [f64; 3],
}

/// Metres of a degree of latitude, near enough to push a plane by hand.
const DEGREE_M: f64 = 111_320.0;

impl ClipPlane {
    /// An upright one through what a camera looks at: what stands between both is cut away, and the section faces who looks.
    pub fn facing(camera: &CameraPose) -> Self {
        let (sin, cos) = camera.heading_deg.to_radians().sin_cos();
        Self { lon: camera.lon, lat: camera.lat, height_m: camera.height_m, normal: [-sin, -cos, 0.0] }
    }

    /// Pushed along its normal.
    pub fn moved(self, metres: f64) -> Self {
        let [east, north, up] = self.normal;
        let length = (east * east + north * north + up * up).sqrt().max(1e-9);
        let by = |part: f64| part / length * metres;
        let lon = self.lon + by(east) / (DEGREE_M * self.lat.to_radians().cos().max(1e-6));
        Self { lon, lat: self.lat + by(north) / DEGREE_M, height_m: self.height_m + by(up), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_faces_who_looks_and_is_pushed_towards_them() {
        let camera = CameraPose { lon: 118.25, lat: 33.98, height_m: 20.0, heading_deg: 90.0, pitch_deg: 30.0, distance_m: 500.0 };
        let plane = ClipPlane::facing(&camera);
        // Looking east: what is west of the place is cut away.
        assert!((plane.normal[0] + 1.0).abs() < 1e-12 && plane.normal[1].abs() < 1e-12, "{plane:?}");
        let nearer = plane.moved(10.0);
        let west_m = (plane.lon - nearer.lon) * DEGREE_M * 33.98f64.to_radians().cos();
        assert!((west_m - 10.0).abs() < 1e-6 && (nearer.lat - plane.lat).abs() < 1e-12 && nearer.height_m == 20.0);
        assert!((nearer.moved(-10.0).lon - plane.lon).abs() < 1e-12);
    }
}
