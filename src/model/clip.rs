//! What is cut away from a city: it is not drawn, and neither blocks a view nor casts a shadow.

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
