//! Points spread over the walls and roofs of buildings.

use super::kernel::Kernel;
use glam::{DVec2, DVec3};
use std::collections::BTreeSet;

/// Points stand off their wall by this, metres, so that it does not shade itself.
pub const OFF_M: f64 = 0.1;

/// One point in front of a wall or over a roof.
#[derive(Clone, Copy, Debug)]
pub struct FacadePoint {
    /// East-north-up metres of the kernel's frame, [`OFF_M`] outside.
    pub at: DVec3,
    pub normal: DVec3,
    pub object: u32,
    pub is_roof: bool,
}

/// Buildings with a triangle in reach of a place in plan.
pub fn buildings_within(kernel: &Kernel, centre: DVec2, radius_m: f64) -> BTreeSet<u32> {
    let near = |corners: &[DVec3; 3]| corners.iter().any(|c| c.truncate().distance(centre) <= radius_m);
    let found = kernel.triangles().filter(|(corners, ..)| near(corners)).filter_map(|(_, object, _)| object);
    found.filter(|o| kernel.object(*o).is_some_and(|o| o.is_building)).collect()
}

/// Points on a grid of `grid_m` over all walls and roofs of the objects, one at least for each object that has any.
///
/// The grid lies in the wall's own plane and runs through its triangles, so that how a wall is cut into triangles changes nothing.
pub fn points(kernel: &Kernel, objects: &BTreeSet<u32>, grid_m: f64) -> Vec<FacadePoint> {
    let mut points = Vec::new();
    let mut largest: std::collections::BTreeMap<u32, (f64, FacadePoint)> = Default::default();
    for (corners, object, _) in kernel.triangles() {
        let Some(object) = object.filter(|o| objects.contains(o)) else { continue };
        let [a, b, c] = corners;
        let across = (b - a).cross(c - a);
        let (area, normal) = (0.5 * across.length(), across.normalize_or_zero());
        // Floors, where a model has them, see no sky.
        if normal.z < -0.5 || normal == DVec3::ZERO {
            continue;
        }
        let make = |at: DVec3| FacadePoint { at: at + normal * OFF_M, normal, object, is_roof: normal.z > 0.5 };
        on_grid(corners, normal, grid_m, &mut |at| points.push(make(at)));
        let known = largest.get(&object).map_or(0.0, |l| l.0);
        if area > known {
            largest.insert(object, (area, make((a + b + c) / 3.0)));
        }
    }
    let met: BTreeSet<u32> = points.iter().map(|p| p.object).collect();
    points.extend(largest.into_iter().filter(|(object, _)| !met.contains(object)).map(|(_, (_, point))| point));
    points
}

/// Calls `found` with each point of the plane's grid in the triangle.
fn on_grid([a, b, c]: [DVec3; 3], normal: DVec3, grid_m: f64, found: &mut dyn FnMut(DVec3)) {
    // Level along a wall, north-south on a flat roof.
    let u = if normal.z.abs() < 0.999 { DVec3::Z.cross(normal).normalize() } else { DVec3::X };
    let v = normal.cross(u);
    let flat = [a, b, c].map(|p| DVec2::new(p.dot(u), p.dot(v)));
    let (min, max) = flat.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
    let first = (min / grid_m - 0.5).ceil();
    let last = (max / grid_m - 0.5).floor();
    for row in 0..=((last.y - first.y).max(-1.0)) as i64 {
        for column in 0..=((last.x - first.x).max(-1.0)) as i64 {
            let p = (first + DVec2::new(column as f64, row as f64) + 0.5) * grid_m;
            if p.x <= max.x && p.y <= max.y && holds(&flat, p) {
                found(u * p.x + v * p.y + normal * a.dot(normal));
            }
        }
    }
}

/// Whether a counter-clockwise triangle holds a point; of two that share an edge, about one does.
fn holds([a, b, c]: &[DVec2; 3], p: DVec2) -> bool {
    let side = |from: DVec2, to: DVec2| (to - from).perp_dot(p - from);
    side(*a, *b) >= 0.0 && side(*b, *c) > 0.0 && side(*c, *a) >= 0.0
}

#[cfg(test)]
mod tests {
    use super::super::test_city::plane_and_boxes;
    use super::*;

    #[test]
    fn a_box_gets_a_point_for_each_square_of_its_walls_and_roof() {
        let city = plane_and_boxes();
        let east = buildings_within(&city, DVec2::new(20.0, 0.0), 8.0);
        assert_eq!(east.len(), 1);
        let points = points(&city, &east, 2.0);
        let roof = points.iter().filter(|p| p.is_roof).count();
        // 5 x 5 a side, give or take points on edges.
        assert!((23..=30).contains(&roof) && (95..=115).contains(&(points.len() - roof)), "{roof} of {}", points.len());
        assert!(points.iter().all(|p| (p.at - DVec3::new(20.0, 0.0, 5.0)).abs().max_element() > 5.09), "all stand outside");
    }

    #[test]
    fn a_building_smaller_than_the_grid_still_gets_a_point() {
        let city = plane_and_boxes();
        let all = buildings_within(&city, DVec2::ZERO, 100.0);
        let found: BTreeSet<u32> = points(&city, &all, 500.0).iter().map(|p| p.object).collect();
        assert_eq!(found, all);
        assert!(buildings_within(&city, DVec2::new(-100.0, 0.0), 20.0).is_empty());
    }
}
