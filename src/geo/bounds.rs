//! Bounding volumes shared by the tiler (which writes them) and the tile engine (which reads them).

use super::{Geodetic, geodetic_to_ecef};
use glam::DVec3;

/// Axis-aligned box; empty until a point is added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aabb {
    pub min: DVec3,
    pub max: DVec3,
}

impl Aabb {
    pub const EMPTY: Aabb = Aabb { min: DVec3::splat(f64::INFINITY), max: DVec3::splat(f64::NEG_INFINITY) };

    pub fn from_points(points: impl IntoIterator<Item = DVec3>) -> Self {
        points.into_iter().fold(Self::EMPTY, |b, p| b.with(p))
    }

    pub fn with(self, p: DVec3) -> Self {
        Aabb { min: self.min.min(p), max: self.max.max(p) }
    }

    pub fn union(self, other: Aabb) -> Self {
        Aabb { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    pub fn is_empty(&self) -> bool {
        self.min.x > self.max.x
    }

    pub fn centre(&self) -> DVec3 {
        (self.min + self.max) * 0.5
    }

    pub fn size(&self) -> DVec3 {
        self.max - self.min
    }
}

/// Sphere: centre and radius in metres, in whatever frame the owner says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    pub centre: DVec3,
    pub radius_m: f64,
}

/// A 3D Tiles `region`: radians and metres above the ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    pub west_rad: f64,
    pub south_rad: f64,
    pub east_rad: f64,
    pub north_rad: f64,
    pub min_height_m: f64,
    pub max_height_m: f64,
}

impl Region {
    /// ECEF corners, edge middles and centre at both heights: 18 points whose hull, for regions of a city's size, holds the region to within metres.
    pub fn sample_points(&self) -> Vec<DVec3> {
        let mut points = Vec::with_capacity(18);
        for i in 0..3 {
            for j in 0..3 {
                for height_m in [self.min_height_m, self.max_height_m] {
                    let lon_rad = self.west_rad + (self.east_rad - self.west_rad) * f64::from(i) * 0.5;
                    let lat_rad = self.south_rad + (self.north_rad - self.south_rad) * f64::from(j) * 0.5;
                    points.push(geodetic_to_ecef(Geodetic { lon_rad, lat_rad, height_m }).0);
                }
            }
        }
        points
    }
}
