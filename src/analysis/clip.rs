//! What is cut away: it neither blocks a view nor casts a shadow.

use crate::geo::{Geodetic, LocalFrame};
use crate::model::clip::ClipRegion;
use glam::{DVec2, DVec3};

/// A clip in the kernel's frame.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    polygon: Vec<DVec2>,
    keep_inside: bool,
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
        cuts.then_some(Self { polygon, keep_inside: region.keep_inside, planes })
    }

    /// Whether an east-north-up point is cut away.
    pub fn cuts(&self, p: DVec3) -> bool {
        let beyond = self.planes.iter().all(|(normal, offset)| normal.dot(p) > *offset);
        beyond && (self.polygon.len() < 3 || inside(&self.polygon, p.truncate()) != self.keep_inside)
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
