//! What is cut away: it neither blocks a view nor casts a shadow.

use crate::geo::{Geodetic, LocalFrame};
use glam::{DVec2, DVec3};
use serde::{Deserialize, Serialize};

/// A region of which everything is cut away. Of several conditions all must hold; with none, nothing is cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClipRegion {
    /// Corners as longitude and latitude, degrees; not closed. Inside is cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub polygon: Vec<[f64; 2]>,
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

/// A clip in the kernel's frame.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    polygon: Vec<DVec2>,
    /// Points `p` with `normal . p > offset` are cut.
    planes: Vec<(DVec3, f64)>,
}

impl Clip {
    /// `None` when the region cuts nothing.
    pub fn new(region: &ClipRegion, frame: &LocalFrame) -> Option<Self> {
        let enu = |lon: f64, lat: f64, h: f64| frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, h));
        let polygon: Vec<DVec2> = region.polygon.iter().map(|p| enu(p[0], p[1], 0.0).truncate()).collect();
        let mut planes = Vec::new();
        if let Some(above) = region.above_m {
            planes.push((DVec3::Z, above - frame.origin().height_m));
        }
        if let Some(plane) = region.plane {
            let normal = DVec3::from(plane.normal).normalize_or_zero();
            planes.push((normal, normal.dot(enu(plane.lon, plane.lat, plane.height_m))));
        }
        let cuts = polygon.len() > 2 || !planes.is_empty();
        cuts.then_some(Self { polygon, planes })
    }

    /// Whether an east-north-up point is cut away.
    pub fn cuts(&self, p: DVec3) -> bool {
        let beyond = self.planes.iter().all(|(normal, offset)| normal.dot(p) > *offset);
        beyond && (self.polygon.len() < 3 || inside(&self.polygon, p.truncate()))
    }
}

/// Whether a point lies in a polygon (even-odd rule; the last corner joins the first).
pub fn inside(polygon: &[DVec2], p: DVec2) -> bool {
    let mut within = false;
    let mut before = polygon.last().copied().unwrap_or_default();
    for &corner in polygon {
        if (corner.y > p.y) != (before.y > p.y) && p.x < (before.x - corner.x) * (p.y - corner.y) / (before.y - corner.y) + corner.x {
            within = !within;
        }
        before = corner;
    }
    within
}
