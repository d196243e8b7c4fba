//! A building seen from afar: its outline, straightened, pulled up to the mean height of its roof.

use super::mesh::{Corner, Mesh, Mesher, Style};
use super::outline::{convex_hull, distance_to_segment, outline, rectangle, signed_area, simplify};
use super::place::{City, Feature, NOWHERE, grow, join};
use crate::city::source::Surface;
use crate::geo::{Geodetic, LocalFrame, Region};
use glam::DVec2;

/// A rectangle stands for an outline that fills this part of it; emptier ones (L, U) keep their own corners.
const FILL_MIN: f64 = 0.7;
/// Dents under this many metres go.
const TOLERANCE_M: f64 = 1.0;
/// Outlines that keep more corners than this become rectangles after all: blocks are for views where 20,000 of them are drawn.
const CORNERS_MAX: usize = 8;

/// A prism that stands for one building in inner tiles.
pub struct Block {
    /// Corners on the ground, counter-clockwise; heights are `base_m`.
    pub ring: Vec<Geodetic>,
    pub base_m: f64,
    pub top_m: f64,
    /// Metres by which block and building differ at most (sampled at the corners of both).
    pub deviation_m: f64,
    /// Around block and building.
    pub region: Region,
}

impl Block {
    /// `None` for something without area (a lone wall): it has no block and counts as left out.
    pub fn of(city: &City, feature: &Feature) -> Option<Self> {
        let r = &feature.region;
        let centre = Geodetic { lon_rad: (r.west_rad + r.east_rad) * 0.5, lat_rad: (r.south_rad + r.north_rad) * 0.5, height_m: 0.0 };
        let frame = LocalFrame::new(centre);
        let corners = corners(&outline(city, feature, &frame))?;
        let base_m = r.min_height_m;
        let top_m = roof_m(city, feature, &frame).clamp(base_m, r.max_height_m).max(base_m + 0.1);
        let deviation_m = deviation(city, feature, &frame, &corners, top_m);
        // Up to the ellipsoid and back at the right height: the frame's plane leaves the ellipsoid by millimetres only at this size.
        let lift = |p: &DVec2| Geodetic { height_m: base_m, ..frame.enu_to_geodetic(p.extend(0.0)) };
        let ring: Vec<Geodetic> = corners.iter().map(lift).collect();
        let mut region = NOWHERE;
        join(&mut region, r);
        ring.iter().for_each(|p| grow(&mut region, *p));
        grow(&mut region, Geodetic { height_m: top_m, ..ring[0] });
        Some(Self { ring, base_m, top_m, deviation_m, region })
    }

    /// Vertices it costs in a tile.
    pub fn vertices(&self) -> usize {
        self.ring.len() * 5
    }

    /// Adds walls and roof.
    pub fn add(&self, mesh: &mut Mesh, mesher: &mut Mesher, feature: &Feature, frame: &LocalFrame, row: u16) {
        let at = |p: &Geodetic, height_m: f64| Corner::new(frame, Geodetic { height_m, ..*p });
        let wall = Style::of(feature, row, Surface::Wall);
        for (a, b) in self.ring.iter().zip(self.ring.iter().cycle().skip(1)) {
            mesher.add_ring(mesh, &[at(a, self.base_m), at(b, self.base_m), at(b, self.top_m), at(a, self.top_m)], &wall);
        }
        let top: Vec<Corner> = self.ring.iter().map(|p| at(p, self.top_m)).collect();
        mesher.add_ring(mesh, &top, &Style::of(feature, row, Surface::Roof));
    }
}

/// The outline's largest ring straightened, or the rectangle around all of it.
fn corners(polygons: &[Vec<Vec<DVec2>>]) -> Option<Vec<DVec2>> {
    let hull = convex_hull(polygons.iter().flat_map(|p| p.first()).flatten().copied().collect());
    let around = rectangle(&hull)?;
    let areas: Vec<f64> = polygons.iter().map(|p| p.first().map_or(0.0, |r| signed_area(r))).collect();
    let total: f64 = areas.iter().sum();
    let largest = (0..areas.len()).max_by(|&a, &b| areas[a].total_cmp(&areas[b]))?;
    let own = simplify(&polygons[largest][0], TOLERANCE_M);
    let one = areas[largest] > 0.95 * total && own.len() >= 3 && own.len() <= CORNERS_MAX && signed_area(&own) > 0.0;
    Some(if one && total < FILL_MIN * signed_area(&around) { own } else { around.to_vec() })
}

/// Mean height of the roof by the area it covers, metres; the highest point where nothing covers anything.
fn roof_m(city: &City, feature: &Feature, frame: &LocalFrame) -> f64 {
    let points = &city.points[feature.source];
    let (mut area, mut sum) = (0.0, 0.0);
    for face in feature.drawn_faces().map(|i| &feature.object.faces[i]).filter(|f| f.surface != Surface::Wall) {
        let Some(outer) = face.rings.first() else { continue };
        let flat: Vec<DVec2> = outer.iter().map(|&i| frame.geodetic_to_enu(points[i as usize]).truncate()).collect();
        let mean = outer.iter().map(|&i| points[i as usize].height_m).sum::<f64>() / outer.len() as f64;
        let a = signed_area(&flat).abs();
        area += a;
        sum += a * mean;
    }
    if area > 0.0 { sum / area } else { feature.region.max_height_m }
}

/// The larger of: how far a roof vertex is above or below the block's top, how far a vertex lies outside of the block,
/// and how far a corner of the block is from the nearest vertex.
fn deviation(city: &City, feature: &Feature, frame: &LocalFrame, corners: &[DVec2], top_m: f64) -> f64 {
    let points = &city.points[feature.source];
    let mut worst: f64 = 0.0;
    let mut nearest = vec![f64::INFINITY; corners.len()];
    for i in feature.drawn_faces() {
        let face = &feature.object.faces[i];
        for &v in face.rings.iter().flatten() {
            let p = points[v as usize];
            let flat = frame.geodetic_to_enu(p).truncate();
            if face.surface == Surface::Roof {
                worst = worst.max((p.height_m - top_m).abs());
            }
            for (d, c) in nearest.iter_mut().zip(corners) {
                *d = d.min(flat.distance(*c));
            }
            worst = worst.max(outside(flat, corners));
        }
    }
    nearest.into_iter().fold(worst, f64::max)
}

/// Metres from a point to a ring it lies outside of; 0 inside.
fn outside(p: DVec2, ring: &[DVec2]) -> f64 {
    let sides = || ring.iter().zip(ring.iter().cycle().skip(1));
    let crosses = |a: DVec2, b: DVec2| (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y);
    if sides().filter(|(a, b)| crosses(**a, **b)).count() % 2 == 1 {
        return 0.0;
    }
    sides().map(|(a, b)| distance_to_segment(p, *a, *b)).fold(f64::INFINITY, f64::min)
}
