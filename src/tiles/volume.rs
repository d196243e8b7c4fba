//! Bounding volumes in world coordinates: distance and frustum tests, always on the safe side.

use super::view::Plane;
use crate::geo::{Aabb, Geodetic, LocalFrame, Region, Sphere, geodetic_to_ecef};
use glam::{DMat3, DMat4, DVec3};

/// WGS 84 semi-major axis, metres: how far from its chord a step along the ground can bulge at most.
const EARTH_RADIUS_M: f64 = 6_378_137.0;

/// A volume in world metres that holds a tile and everything below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BoundingVolume {
    /// Box with any rotation: `axes` are orthonormal columns, `half_m` the half lengths along them.
    Box {
        centre: DVec3,
        axes: DMat3,
        half_m: DVec3,
    },
    Sphere(Sphere),
    /// Holds everything: the volume of a tileset whose root is not read yet.
    Everywhere,
}

/// Where a volume lies against a frustum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    Not,
    Partly,
    Wholly,
}

impl BoundingVolume {
    /// A 3D Tiles `box` (centre and three half axes) moved by `transform`.
    ///
    /// Skewed or flat boxes are replaced by the rectangular box around them, so the result always holds the original.
    pub fn from_half_axes(centre: DVec3, half_axes: DMat3, transform: &DMat4) -> Self {
        let linear = DMat3::from_mat4(*transform);
        let moved = linear * half_axes;
        let axes = orthonormal(moved);
        let reach = |axis: DVec3| (0..3).map(|i| axis.dot(moved.col(i)).abs()).sum::<f64>();
        let half_m = DVec3::new(reach(axes.x_axis), reach(axes.y_axis), reach(axes.z_axis));
        Self::Box { centre: transform.transform_point3(centre), axes, half_m }
    }

    /// A 3D Tiles `sphere` moved by `transform`; a stretched sphere grows to its longest axis.
    pub fn from_sphere(centre: DVec3, radius_m: f64, transform: &DMat4) -> Self {
        let scale = [transform.x_axis, transform.y_axis, transform.z_axis].map(|c| c.truncate().length()).into_iter().fold(0.0, f64::max);
        Self::Sphere(Sphere { centre: transform.transform_point3(centre), radius_m: radius_m * scale })
    }

    /// A 3D Tiles `region`, as the box in the local frame of its middle that holds it.
    ///
    /// The region is sampled on a grid of steps of at most 0.1 rad, and the box padded by the sagitta of one step, so that the
    /// curved surface between two samples is inside too.
    pub fn from_region(region: &Region) -> Self {
        let turn = std::f64::consts::TAU;
        let width = (region.east_rad - region.west_rad).rem_euclid(turn);
        let width = if width == 0.0 && region.east_rad > region.west_rad { turn } else { width };
        let height = (region.north_rad - region.south_rad).max(0.0);
        let steps = |span: f64| ((span / 0.1).ceil() as usize).clamp(2, 64);
        let (nx, ny) = (steps(width), steps(height));
        let middle = Geodetic { lon_rad: region.west_rad + width * 0.5, lat_rad: region.south_rad + height * 0.5, height_m: 0.0 };
        let frame = LocalFrame::new(middle);
        let mut points = Vec::with_capacity((nx + 1) * (ny + 1) * 2);
        for i in 0..=nx {
            for j in 0..=ny {
                for height_m in [region.min_height_m, region.max_height_m] {
                    let lon_rad = region.west_rad + width * i as f64 / nx as f64;
                    let lat_rad = region.south_rad + height * j as f64 / ny as f64;
                    points.push(frame.to_enu(geodetic_to_ecef(Geodetic { lon_rad, lat_rad, height_m })));
                }
            }
        }
        let bounds = Aabb::from_points(points);
        let step = (width / nx as f64).max(height / ny as f64);
        let pad = (EARTH_RADIUS_M + region.max_height_m.max(0.0)) * (1.0 - (step * 0.5).cos());
        let axes = DMat3::from_mat4(frame.ecef_from_enu());
        Self::Box { centre: frame.to_ecef(bounds.centre()).0, axes, half_m: bounds.size() * 0.5 + DVec3::splat(pad) }
    }

    /// Middle of the volume; the origin where it is everywhere.
    pub fn centre(&self) -> DVec3 {
        match self {
            Self::Box { centre, .. } => *centre,
            Self::Sphere(s) => s.centre,
            Self::Everywhere => DVec3::ZERO,
        }
    }

    /// Metres from `p` to the nearest point of the volume; 0 inside.
    pub fn distance_m(&self, p: DVec3) -> f64 {
        match self {
            Self::Box { centre, axes, half_m } => {
                let local = (axes.transpose() * (p - *centre)).abs();
                (local - *half_m).max(DVec3::ZERO).length()
            }
            Self::Sphere(s) => (p.distance(s.centre) - s.radius_m).max(0.0),
            Self::Everywhere => 0.0,
        }
    }

    pub fn contains(&self, p: DVec3) -> bool {
        self.distance_m(p) == 0.0
    }

    /// False only if the whole volume is on the outer side of one of the planes.
    pub fn meets_frustum(&self, planes: &[Plane]) -> bool {
        self.inside(planes) != Inside::Not
    }

    /// How much of the volume is on the inner side of all planes.
    pub(crate) fn inside(&self, planes: &[Plane]) -> Inside {
        let mut inside = if matches!(self, Self::Everywhere) { Inside::Partly } else { Inside::Wholly };
        for plane in planes {
            let (distance_m, reach_m) = match self {
                Self::Box { centre, axes, half_m } => (plane.distance_m(*centre), (axes.transpose() * plane.normal).abs().dot(*half_m)),
                Self::Sphere(s) => (plane.distance_m(s.centre), s.radius_m),
                Self::Everywhere => return Inside::Partly,
            };
            if distance_m < -reach_m {
                return Inside::Not;
            }
            if distance_m < reach_m {
                inside = Inside::Partly;
            }
        }
        inside
    }

    /// Corners of the box, or of a cube around the sphere; `None` where it is everywhere.
    pub(crate) fn corners(&self) -> Option<[DVec3; 8]> {
        let (centre, axes) = match self {
            Self::Box { centre, axes, half_m } => (*centre, *axes * DMat3::from_diagonal(*half_m)),
            Self::Sphere(s) => (s.centre, DMat3::from_diagonal(DVec3::splat(s.radius_m))),
            Self::Everywhere => return None,
        };
        let side = |corner: usize, axis: usize| if corner >> axis & 1 == 1 { 1.0 } else { -1.0 };
        Some(std::array::from_fn(|i| centre + axes * DVec3::new(side(i, 0), side(i, 1), side(i, 2))))
    }

    /// A sphere around the volume; `None` where it is everywhere.
    pub fn bounding_sphere(&self) -> Option<Sphere> {
        match self {
            Self::Box { centre, half_m, .. } => Some(Sphere { centre: *centre, radius_m: half_m.length() }),
            Self::Sphere(s) => Some(*s),
            Self::Everywhere => None,
        }
    }

    /// True if a ray (unit direction) enters the volume before `limit_m`.
    pub fn meets_ray(&self, origin: DVec3, direction: DVec3, limit_m: f64) -> bool {
        match self {
            Self::Box { centre, axes, half_m } => {
                let to_local = axes.transpose();
                ray_meets_box(to_local * (origin - *centre), to_local * direction, -*half_m, *half_m, limit_m)
            }
            Self::Sphere(s) => {
                let along = (s.centre - origin).dot(direction);
                let nearest = origin + direction * along.clamp(0.0, limit_m);
                nearest.distance_squared(s.centre) <= s.radius_m * s.radius_m
            }
            Self::Everywhere => true,
        }
    }
}

/// Slab test of a ray against an axis-aligned box.
pub(crate) fn ray_meets_box(origin: DVec3, direction: DVec3, min: DVec3, max: DVec3, limit_m: f64) -> bool {
    let (mut near, mut far) = (0.0f64, limit_m);
    for axis in 0..3 {
        if direction[axis].abs() < 1e-300 {
            if origin[axis] < min[axis] || origin[axis] > max[axis] {
                return false;
            }
            continue;
        }
        let (a, b) = ((min[axis] - origin[axis]) / direction[axis], (max[axis] - origin[axis]) / direction[axis]);
        near = near.max(a.min(b));
        far = far.min(a.max(b));
    }
    near <= far
}

/// An orthonormal basis close to the columns of `m`; missing directions (flat boxes) are filled in.
pub(crate) fn orthonormal(m: DMat3) -> DMat3 {
    let longest = (0..3).map(|i| m.col(i).length()).fold(0.0, f64::max);
    let solid = |v: DVec3| v.length() > longest * 1e-9 && longest > 0.0;
    let mut axes: [Option<DVec3>; 3] = [None; 3];
    for i in 0..3 {
        let mut v = m.col(i);
        for done in axes.iter().flatten() {
            v -= *done * done.dot(v);
        }
        axes[i] = solid(v).then(|| v.normalize());
    }
    for i in 0..3 {
        if axes[i].is_none() {
            let candidates = [DVec3::X, DVec3::Y, DVec3::Z].map(|c| axes.iter().flatten().fold(c, |v, done| v - *done * done.dot(v)));
            axes[i] = candidates.into_iter().max_by(|a, b| a.length().total_cmp(&b.length())).map(DVec3::normalize);
        }
    }
    let [x, y, z] = axes.map(|a| a.unwrap_or(DVec3::X));
    DMat3::from_cols(x, y, z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::View;
    use proptest::prelude::*;

    #[test]
    fn a_flat_box_still_has_three_axes() {
        let volume = BoundingVolume::from_half_axes(DVec3::ZERO, DMat3::from_diagonal(DVec3::new(2.0, 3.0, 0.0)), &DMat4::IDENTITY);
        assert_eq!(volume.distance_m(DVec3::new(0.0, 0.0, 5.0)), 5.0);
        assert_eq!(volume.distance_m(DVec3::new(6.0, 0.0, 3.0)), 5.0);
        assert!(volume.contains(DVec3::new(1.0, 2.0, 0.0)));
    }

    #[test]
    fn stretched_spheres_grow_to_the_longest_axis() {
        let volume = BoundingVolume::from_sphere(DVec3::X, 2.0, &DMat4::from_scale(DVec3::new(1.0, 3.0, 1.0)));
        assert_eq!(volume.bounding_sphere(), Some(Sphere { centre: DVec3::X, radius_m: 6.0 }));
    }

    #[test]
    fn the_whole_earth_as_a_region_holds_the_earth() {
        let half = std::f64::consts::FRAC_PI_2;
        let pi = std::f64::consts::PI;
        let world = Region { west_rad: -pi, south_rad: -half, east_rad: pi, north_rad: half, min_height_m: -500.0, max_height_m: 9000.0 };
        let volume = BoundingVolume::from_region(&world);
        for (lon, lat) in [(0.0, 0.0), (118.3, 33.9), (-70.0, -89.0), (179.0, 12.0)] {
            assert!(volume.contains(geodetic_to_ecef(Geodetic::from_degrees(lon, lat, 8000.0)).0), "{lon} {lat}");
        }
    }

    #[test]
    fn a_region_across_the_date_line_is_narrow() {
        let deg = f64::to_radians;
        let region = Region {
            west_rad: deg(179.0),
            south_rad: deg(10.0),
            east_rad: deg(-179.0),
            north_rad: deg(11.0),
            min_height_m: 0.0,
            max_height_m: 10.0,
        };
        let volume = BoundingVolume::from_region(&region);
        assert!(volume.contains(geodetic_to_ecef(Geodetic::from_degrees(180.0, 10.5, 5.0)).0));
        assert!(volume.bounding_sphere().unwrap().radius_m < 200_000.0);
    }

    proptest! {
        #[test]
        fn a_region_holds_its_points(w in -179.0..170.0f64, s in -80.0..70.0f64, dw in 0.001..9.0f64, ds in 0.001..9.0f64, u in 0.0..1.0f64, v in 0.0..1.0f64, t in 0.0..1.0f64) {
            let deg = f64::to_radians;
            let region = Region { west_rad: deg(w), south_rad: deg(s), east_rad: deg(w + dw), north_rad: deg(s + ds), min_height_m: -10.0, max_height_m: 300.0 };
            let p = geodetic_to_ecef(Geodetic::from_degrees(w + dw * u, s + ds * v, -10.0 + 310.0 * t)).0;
            prop_assert!(BoundingVolume::from_region(&region).distance_m(p) < 1e-6);
        }

        #[test]
        fn culling_never_loses_a_point_that_is_seen(x in -50.0..50.0f64, y in 1.0..50.0f64, z in -50.0..50.0f64, hx in 0.0..9.0f64, hy in 0.0..9.0f64) {
            let view = View::perspective(DVec3::ZERO, DVec3::Y, DVec3::Z, 1.0, 1.5, 1000.0);
            let centre = DVec3::new(x, y, z);
            let volume = BoundingVolume::from_half_axes(centre, DMat3::from_diagonal(DVec3::new(hx, hy, 1.0)), &DMat4::IDENTITY);
            let corner = centre + DVec3::new(hx, hy, 1.0);
            let seen = view.planes().iter().all(|p| p.distance_m(corner) >= 0.0);
            prop_assert!(!seen || volume.meets_frustum(view.planes()));
        }
    }
}
