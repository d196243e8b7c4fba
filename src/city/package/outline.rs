//! Footprints: a building's outline on the ground, for blocks far away and for the phone's map.

use super::shape::Shape;
use crate::city::source::Surface;
use glam::DVec2;

/// Polygons in metres east and north of a frame: outer ring counter-clockwise, then holes; not closed.
pub type Polygons = Vec<Vec<Vec<DVec2>>>;

/// Ground faces where the source has them, else the convex hull of everything. Metres in the shape's own frame.
pub fn outline(shape: &Shape) -> Polygons {
    let flat = |i: &u32| shape.points[*i as usize].truncate();
    let mut polygons = Polygons::new();
    for face in shape.faces.iter().filter(|f| f.surface == Surface::Ground) {
        let mut rings: Vec<Vec<DVec2>> = face.rings().map(|r| r.iter().map(flat).collect()).collect();
        // Outer rings turn left and holes right, as GeoJSON wants; undersides come the other way round.
        for (i, ring) in rings.iter_mut().enumerate() {
            if (signed_area(ring) < 0.0) == (i == 0) {
                ring.reverse();
            }
        }
        if rings.first().is_some_and(|r| signed_area(r) > 0.0) {
            polygons.push(rings);
        }
    }
    if polygons.is_empty() {
        let hull = convex_hull(shape.points.iter().map(|p| p.truncate()).collect());
        if hull.len() >= 3 {
            polygons.push(vec![hull]);
        }
    }
    polygons
}

/// Square metres, positive when the ring turns left.
pub fn signed_area(ring: &[DVec2]) -> f64 {
    let Some(origin) = ring.first() else { return 0.0 };
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| (a - origin).perp_dot(b - origin)).sum::<f64>() * 0.5
}

/// Andrew's monotone chain; counter-clockwise, without points on its edges.
pub fn convex_hull(mut points: Vec<DVec2>) -> Vec<DVec2> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let chain = |points: &mut dyn Iterator<Item = DVec2>| {
        let mut half: Vec<DVec2> = Vec::new();
        for p in points {
            while let [.., a, b] = half[..]
                && (b - a).perp_dot(p - a) <= 0.0
            {
                half.pop();
            }
            half.push(p);
        }
        half.pop();
        half
    };
    let mut hull = chain(&mut points.iter().copied());
    hull.extend(chain(&mut points.iter().rev().copied()));
    hull
}

/// The rectangle of least area around a convex ring (one of its sides lies on a side of the hull), counter-clockwise.
pub fn rectangle(hull: &[DVec2]) -> Option<[DVec2; 4]> {
    let mut best: Option<(f64, [DVec2; 4])> = None;
    for (a, b) in hull.iter().zip(hull.iter().cycle().skip(1)) {
        let Some(x) = (b - a).try_normalize() else { continue };
        let y = x.perp();
        let (mut lo, mut hi) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        for p in hull {
            let q = DVec2::new(x.dot(*p), y.dot(*p));
            (lo, hi) = (lo.min(q), hi.max(q));
        }
        let area = (hi - lo).element_product();
        if best.is_none_or(|(least, _)| area < least) {
            let at = |u: f64, v: f64| x * u + y * v;
            best = Some((area, [at(lo.x, lo.y), at(hi.x, lo.y), at(hi.x, hi.y), at(lo.x, hi.y)]));
        }
    }
    best.filter(|(area, _)| *area > 0.0).map(|(_, corners)| corners)
}

/// Douglas-Peucker on a closed ring: no point left out is further than `tolerance_m` from the result.
pub fn simplify(ring: &[DVec2], tolerance_m: f64) -> Vec<DVec2> {
    let n = ring.len();
    if n < 5 {
        return ring.to_vec();
    }
    let far = (0..n).max_by(|&a, &b| ring[0].distance_squared(ring[a]).total_cmp(&ring[0].distance_squared(ring[b]))).unwrap_or(0);
    let mut keep = vec![false; n + 1];
    (keep[0], keep[far], keep[n]) = (true, true, true);
    let mut spans = vec![(0, far), (far, n)];
    while let Some((i, j)) = spans.pop() {
        let (a, b) = (ring[i], ring[j % n]);
        let worst = (i + 1..j).map(|k| (k, distance_to_segment(ring[k], a, b))).max_by(|x, y| x.1.total_cmp(&y.1));
        if let Some((k, _)) = worst.filter(|(_, d)| *d > tolerance_m) {
            keep[k] = true;
            spans.extend([(i, k), (k, j)]);
        }
    }
    (0..n).filter(|&i| keep[i]).map(|i| ring[i]).collect()
}

/// Metres from `p` to the segment between `a` and `b`.
pub fn distance_to_segment(p: DVec2, a: DVec2, b: DVec2) -> f64 {
    squared_to_segment(p, a, b).sqrt()
}

fn squared_to_segment(p: DVec2, a: DVec2, b: DVec2) -> f64 {
    let ab = b - a;
    let t = if ab == DVec2::ZERO { 0.0 } else { ((p - a).dot(ab) / ab.length_squared()).clamp(0.0, 1.0) };
    p.distance_squared(a + ab * t)
}

/// Whether a point is inside of a ring, and its squared distance in metres from the nearest side.
pub fn to_ring(p: DVec2, ring: &[DVec2]) -> (bool, f64) {
    let Some(mut a) = ring.last().copied() else { return (false, f64::INFINITY) };
    let (mut inside, mut nearest) = (false, f64::INFINITY);
    for &b in ring {
        inside ^= (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y);
        nearest = nearest.min(squared_to_segment(p, a, b));
        a = b;
    }
    (inside, nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_rectangle_around_a_turned_box_is_the_box() {
        let turn = DVec2::from_angle(0.4);
        let corners = [[0.0, 0.0], [30.0, 0.0], [30.0, 8.0], [0.0, 8.0], [12.0, 3.0]].map(|p| turn.rotate(DVec2::from_array(p)));
        let hull = convex_hull(corners.to_vec());
        assert_eq!(hull.len(), 4);
        let r = rectangle(&hull).unwrap();
        assert!((signed_area(&r) - 240.0).abs() < 1e-9);
    }

    #[test]
    fn simplifying_keeps_corners_and_drops_dents_under_the_tolerance() {
        let ring = [[0.0, 0.0], [5.0, 0.1], [10.0, 0.0], [10.0, 10.0], [5.0, 14.0], [0.0, 10.0]].map(DVec2::from_array);
        assert_eq!(simplify(&ring, 0.5).len(), 5);
        assert_eq!(simplify(&ring, 0.01).len(), 6);
    }
}
