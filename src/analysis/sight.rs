//! Whether one place sees another.

use super::error::AnalysisError;
use super::kernel::{Hit, Kernel, Surfaces};
use super::spot::{Place, Spot, place};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// Height of a person's eyes, metres: taken where a place is given without a height.
pub const EYE_M: f64 = 1.6;
/// The ends of a line don't touch what they stand on, metres.
const OFF_M: f64 = 0.05;

/// What a line of sight meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SightResult {
    pub visible: bool,
    /// From end to end, metres.
    pub distance_m: f64,
    pub from: Place,
    pub to: Place,
    /// The first thing in the way, seen from `from`.
    pub obstacle: Option<Obstacle>,
}

/// What stands in the way, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Obstacle {
    pub at: Place,
    /// From the observer, metres.
    pub distance_m: f64,
    /// Source id and class; absent for what is no feature.
    pub object: Option<String>,
    pub class: Option<String>,
}

/// Whether `to` is seen from `from`; places without a height stand [`EYE_M`] above the ground. Light goes straight here: no refraction.
///
/// Seen one way, seen the other: both ask the same ray.
///
/// # Errors
/// When a place has neither height nor ground, or both are the same.
pub fn line_of_sight(kernel: &Kernel, from: &Spot, to: &Spot) -> Result<SightResult, AnalysisError> {
    let (a, b) = (from.resolve(kernel, EYE_M)?, to.resolve(kernel, EYE_M)?);
    let distance_m = a.distance(b);
    if distance_m < 2.0 * OFF_M {
        return Err(AnalysisError::Input("a line of sight takes two different places".to_owned()));
    }
    let visible = sees(kernel, a, b);
    let obstacle = (!visible).then(|| first_between(kernel, a, b)).flatten().map(|hit| obstacle(kernel, a, &hit));
    let frame = kernel.frame();
    Ok(SightResult { visible, distance_m, from: place(frame, a), to: place(frame, b), obstacle })
}

/// Whether nothing lies between two points, their last 5 cm not counted. The same both ways.
pub(super) fn sees(kernel: &Kernel, a: DVec3, b: DVec3) -> bool {
    let (a, b) = if a.to_array() <= b.to_array() { (a, b) } else { (b, a) };
    let length = a.distance(b);
    let direction = (b - a) / length;
    length <= 2.0 * OFF_M || !kernel.is_blocked(a + direction * OFF_M, direction, length - 2.0 * OFF_M)
}

fn first_between(kernel: &Kernel, a: DVec3, b: DVec3) -> Option<Hit> {
    let (length, direction) = (a.distance(b), (b - a).normalize());
    let reach = length - 2.0 * OFF_M;
    let from_here = kernel.nearest(a + direction * OFF_M, direction, reach, Surfaces::ALL);
    // Where f32 tells the two ways apart, what is met from the other end.
    from_here.or_else(|| kernel.nearest(b - direction * OFF_M, -direction, reach, Surfaces::ALL))
}

fn obstacle(kernel: &Kernel, from: DVec3, hit: &Hit) -> Obstacle {
    let object = hit.object.and_then(|o| kernel.object(o));
    Obstacle {
        at: place(kernel.frame(), hit.position),
        distance_m: from.distance(hit.position),
        object: object.map(|o| o.id.clone()),
        class: object.map(|o| o.class.clone()).filter(|c| !c.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{lon_lat, plane, plane_and_boxes};
    use super::*;
    use proptest::prelude::*;

    fn spot(east: f64, north: f64, above: f64) -> Spot {
        let [lon, lat] = lon_lat(east, north);
        Spot { above_m: Some(above), ..Spot::new(lon, lat) }
    }

    #[test]
    fn a_box_in_the_way_is_named_and_a_view_over_it_is_free() {
        let city = plane_and_boxes();
        let blocked = line_of_sight(&city, &spot(0.0, 0.0, 1.6), &spot(60.0, 0.0, 1.6)).unwrap();
        let obstacle = blocked.obstacle.unwrap();
        assert!(!blocked.visible && (obstacle.distance_m - 15.0).abs() < 0.01 && (blocked.distance_m - 60.0).abs() < 0.01);
        assert_eq!((obstacle.object.as_deref(), obstacle.class.as_deref()), (Some("box-east"), Some("Building")));
        let free = line_of_sight(&city, &spot(0.0, 0.0, 12.0), &spot(60.0, 0.0, 12.0)).unwrap();
        assert!(free.visible && free.obstacle.is_none());
    }

    proptest! {
        #[test]
        fn who_sees_is_seen(a in prop::array::uniform2(-90.0..90.0f64), b in prop::array::uniform2(-90.0..90.0f64), up in prop::array::uniform2(0.0..25.0f64)) {
            let city = plane_and_boxes();
            let (a, b) = (spot(a[0], a[1], up[0]), spot(b[0], b[1], up[1]));
            if let (Ok(there), Ok(back)) = (line_of_sight(&city, &a, &b), line_of_sight(&city, &b, &a)) {
                prop_assert_eq!(there.visible, back.visible);
                prop_assert_eq!(there.visible, there.obstacle.is_none());
            }
        }

        #[test]
        fn over_an_open_plane_all_is_seen(a in prop::array::uniform2(-150.0..150.0f64), b in prop::array::uniform2(-150.0..150.0f64)) {
            let (a, b) = (spot(a[0], a[1], 0.3), spot(b[0], b[1], 0.3));
            if let Ok(sight) = line_of_sight(&plane(), &a, &b) {
                prop_assert!(sight.visible);
            }
        }
    }
}
