//! What the Earth itself hides: volumes wholly below the horizon of an eye.

use super::volume::BoundingVolume;
use glam::DVec3;

/// The Earth that hides is the WGS 84 ellipsoid lowered by this much, metres. The lowest dry land, the Dead Sea's shore, lies some
/// 410 m below the ellipsoid; with the ellipsoid itself, an eye there would lose what it sees across the water.
const LOWERED_M: f64 = 500.0;
/// Semi-axes of the lowered ellipsoid, metres.
const RADII_M: DVec3 = DVec3::new(6_378_137.0 - LOWERED_M, 6_378_137.0 - LOWERED_M, 6_356_752.314_245 - LOWERED_M);
/// Metres from the Earth's centre between which a tileset on Earth has something: well below and above any ground.
const SHELL_M: std::ops::Range<f64> = 6_300_000.0..6_400_000.0;

/// True if a tileset of this extent stands on the Earth (ECEF metres), so that the Earth may hide parts of it.
///
/// A tileset in a frame of its own is near its origin, which would be the middle of the Earth.
pub(super) fn is_on_earth(whole: &BoundingVolume) -> bool {
    let reach = |s: crate::geo::Sphere| (s.centre.length() - s.radius_m, s.centre.length() + s.radius_m);
    whole.bounding_sphere().map(reach).is_some_and(|(near_m, far_m)| near_m < SHELL_M.end && far_m > SHELL_M.start)
}

/// The horizon of one eye above the lowered ellipsoid.
///
/// Space is scaled so that the ellipsoid becomes the unit sphere; straight lines stay straight. Source: K. Ring, "Horizon Culling"
/// (Cesium, 2013), and CesiumJS `EllipsoidalOccluder.isScaledSpacePointVisible`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// The eye in scaled space.
    eye: DVec3,
    /// Square of the scaled distance from the eye to its horizon: |eye|^2 - 1.
    to_horizon_2: f64,
}

impl Horizon {
    /// The horizon of an eye in ECEF metres; `None` for an eye inside the ellipsoid, which has none.
    pub fn of(eye: DVec3) -> Option<Self> {
        let eye = eye / RADII_M;
        let to_horizon_2 = eye.length_squared() - 1.0;
        (to_horizon_2 > 0.0).then_some(Self { eye, to_horizon_2 })
    }

    /// True if the point is beyond the plane of the horizon circle and within the cone of lines of sight that touch it.
    fn hides_point(&self, p: DVec3) -> bool {
        let to = p / RADII_M - self.eye;
        let down = -to.dot(self.eye);
        down > self.to_horizon_2 && down * down > self.to_horizon_2 * to.length_squared()
    }

    /// True if the Earth hides the whole volume: what is hidden is convex (a cone cut by a plane), so its corners decide.
    pub fn hides(&self, volume: &BoundingVolume) -> bool {
        // The centre first: nearly every volume near the eye is settled by it alone.
        self.hides_point(volume.centre()) && volume.corners().is_some_and(|corners| corners.iter().all(|p| self.hides_point(*p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{Geodetic, geodetic_to_ecef};
    use glam::{DMat3, DMat4};
    use proptest::prelude::*;

    fn at(lon: f64, lat: f64, height_m: f64) -> DVec3 {
        geodetic_to_ecef(Geodetic::from_degrees(lon, lat, height_m)).0
    }

    fn block(centre: DVec3, half_m: f64) -> BoundingVolume {
        BoundingVolume::from_half_axes(centre, DMat3::from_diagonal(DVec3::splat(half_m)), &DMat4::IDENTITY)
    }

    #[test]
    fn a_far_city_is_below_the_horizon_and_a_high_mountain_is_not() {
        // From 300 m over the lowered ground the horizon is 101 km away; at 500 km the Earth hides 12.6 km.
        let horizon = Horizon::of(at(118.0, 34.0, 300.0)).unwrap();
        assert!(horizon.hides(&block(at(123.4, 34.0, 0.0), 500.0)));
        assert!(!horizon.hides(&block(at(123.4, 34.0, 15_000.0), 500.0)));
        assert!(!horizon.hides(&block(at(118.5, 34.0, 0.0), 500.0)));
        assert!(horizon.hides(&block(at(-62.0, -34.0, 0.0), 500.0)), "the other side of the Earth");
        assert!(!horizon.hides(&BoundingVolume::Everywhere));
    }

    #[test]
    fn an_eye_below_the_ground_and_a_tileset_off_the_earth_have_no_horizon() {
        assert!(Horizon::of(DVec3::new(10.0, 20.0, 1.7)).is_none());
        assert!(is_on_earth(&block(at(4.3, 52.0, 0.0), 5000.0)) && is_on_earth(&block(DVec3::ZERO, 6.4e6)));
        assert!(!is_on_earth(&block(DVec3::ZERO, 5000.0)) && !is_on_earth(&BoundingVolume::Everywhere));
        assert!(!is_on_earth(&block(DVec3::new(5e5, 4.2e6, 0.0), 5000.0)), "metres of a map projection");
    }

    /// Smallest distance of the straight line between two points from the Earth's centre, radii of the lowered ellipsoid.
    fn nearest(a: DVec3, b: DVec3) -> f64 {
        let (a, b) = (a / RADII_M, b / RADII_M);
        let t = (-a.dot(b - a) / (b - a).length_squared()).clamp(0.0, 1.0);
        (a + (b - a) * t).length()
    }

    proptest! {
        /// Wherever a hidden volume is sampled, the line of sight passes through the Earth.
        #[test]
        fn no_point_of_a_hidden_volume_is_in_sight(
            eye_m in 0.0..1e6f64, lat in -89.0..89.0f64, dlon in 0.0..40.0f64, height_m in -400.0..20_000.0f64, half_m in 1.0..50_000.0f64,
            samples in prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64, -1.0..1.0f64), 30), sphere: bool
        ) {
            let (eye, centre) = (at(10.0, 30.0, eye_m), at(10.0 + dlon, lat, height_m));
            let volume = if sphere { BoundingVolume::from_sphere(centre, half_m, &DMat4::IDENTITY) } else { block(centre, half_m) };
            let hidden = Horizon::of(eye).is_some_and(|h| h.hides(&volume));
            for (x, y, z) in samples {
                let p = centre + DVec3::new(x, y, z) * half_m;
                prop_assert!(!hidden || !volume.contains(p) || nearest(eye, p) < 1.0 + 1e-12);
            }
        }

        /// A point above ground is either hidden or its line of sight is clear: the test is exact, not only safe.
        #[test]
        fn what_is_in_sight_and_what_is_hidden_is_told_exactly(eye_m in 0.0..1e6f64, dlon in -60.0..60.0f64, lat in -60.0..60.0f64, height_m in 0.0..1e5f64) {
            let (eye, p) = (at(10.0, 20.0, eye_m), at(10.0 + dlon, lat, height_m));
            let nearest = nearest(eye, p);
            prop_assume!((nearest - 1.0).abs() > 1e-9);
            prop_assert_eq!(Horizon::of(eye).unwrap().hides_point(p), nearest < 1.0);
        }
    }
}
