//! Roofs that rise from all sides to a point: pyramid and cone, dome, onion.

use super::{RoofShape, Top, TopFace, cross, level};
use crate::city::footprints::outline::Outline;
use std::f64::consts::FRAC_PI_2;

/// Levels of a dome or onion between eaves and point.
const LEVELS: usize = 6;
/// Corners above which a dome would be all triangles.
const CORNERS_MAX: usize = 256;

/// `None` when the outline has holes, or its middle doesn't see all of its edges.
pub(super) fn top(outline: &Outline, shape: RoofShape) -> Option<Top> {
    let corners = outline.corners();
    let middle = outline.centroid();
    // A sliver of a triangle would be a face without a normal.
    let sees_all = || outline.edges().all(|(a, b)| cross(corners[a], corners[b], middle) > 1e-3);
    if outline.has_holes() || corners.len() > CORNERS_MAX || !sees_all() {
        return None;
    }
    let profile: Vec<(f64, f64)> = match shape {
        RoofShape::Dome => (1..LEVELS).map(|i| FRAC_PI_2 * i as f64 / LEVELS as f64).map(|a| (a.cos(), a.sin())).collect(),
        // Bulges out to 1.2 of the wall's width, then draws in to a tip, as onion domes do.
        RoofShape::Onion => vec![(1.13, 0.08), (1.2, 0.18), (1.13, 0.33), (0.86, 0.46), (0.5, 0.57), (0.22, 0.7), (0.08, 0.86)],
        _ => Vec::new(),
    };
    let count = corners.len();
    let mut points = level(outline);
    let mut faces = Vec::new();
    for (i, (scale, z)) in profile.iter().enumerate() {
        points.extend(corners.iter().map(|c| (middle + (*c - middle) * *scale).extend(*z)));
        let (low, high) = ((i * count) as u32, ((i + 1) * count) as u32);
        faces.extend(
            outline.edges().map(|(a, b)| (a as u32, b as u32)).map(|(a, b)| TopFace::roof(vec![low + a, low + b, high + b, high + a])),
        );
    }
    let last = (profile.len() * count) as u32;
    let apex = points.len() as u32;
    points.push(middle.extend(1.0));
    faces.extend(outline.edges().map(|(a, b)| TopFace::roof(vec![last + a as u32, last + b as u32, apex])));
    let run_m = corners.iter().map(|c| c.distance(middle)).fold(f64::INFINITY, f64::min);
    Some(Top { points, faces, on_edges: Vec::new(), run_m })
}
