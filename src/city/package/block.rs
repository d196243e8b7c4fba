//! A building seen from afar: its outline, straightened, pulled up to the mean height of its roof; in steps where its roofs are.

use super::mesh::{Corner, Mesh, Mesher, Style};
use super::outline::{convex_hull, distance_to_segment, outline, rectangle, signed_area, simplify};
use super::place::{City, Feature, NOWHERE, grow, join};
use super::tiles::frame;
use crate::city::source::Surface;
use crate::geo::{Geodetic, LocalFrame, Region};
use glam::DVec2;

/// A rectangle stands for an outline that fills this part of it; emptier ones (L, U) keep their own corners.
const FILL_MIN: f64 = 0.7;
/// Dents under this many metres go.
const TOLERANCE_M: f64 = 1.0;
/// Outlines that keep more corners than this become rectangles after all: blocks are for views where 20,000 of them are drawn.
const CORNERS_MAX: usize = 8;
/// Roofs further apart in height than this are steps of their own: a tower on its podium, a storey and its staircase are not one block.
const STEP_MIN_M: f64 = 4.0;
/// Steps at most; the largest differences count.
const STEPS_MAX: usize = 3;
/// Towers on one podium at most; more are one block.
const CLUSTERS_MAX: usize = 4;

/// Prisms on top of each other that stand for one building in inner tiles.
pub struct Block {
    base_m: f64,
    steps: Vec<Step<Geodetic>>,
    /// Metres by which block and building differ at most (sampled at the corners of both).
    pub deviation_m: f64,
    /// Around block and building.
    pub region: Region,
}

/// Prisms of one height, from the top of the step below.
struct Step<P> {
    /// Their outlines, counter-clockwise.
    rings: Vec<Vec<P>>,
    top_m: f64,
}

impl Block {
    /// `None` for something without area (a lone wall): it has no block and counts as left out.
    pub fn of(city: &City, feature: &Feature) -> Option<Self> {
        let frame = frame(&feature.region);
        let ground = corners(&outline(city, feature, &frame))?;
        let base_m = feature.region.min_height_m;
        let stuck_out_m = walls_outside(city, feature, &frame, &ground);
        // In steps and as one piece; steps that fit no better are not worth their vertices.
        let best = [STEPS_MAX, 1].map(|most| {
            let groups = group(roofs(city, feature, &frame), feature, most);
            let steps = steps(&groups, &ground, base_m);
            (deviation(&groups, &steps).max(stuck_out_m), steps)
        });
        let [stepped, plain] = best;
        let (deviation_m, flat) = if stepped.0 < plain.0 { stepped } else { plain };
        let lift = |step: Step<DVec2>| {
            let ring =
                |r: Vec<DVec2>| r.into_iter().map(|p| Geodetic { height_m: step.top_m, ..frame.enu_to_geodetic(p.extend(0.0)) }).collect();
            Step { rings: step.rings.into_iter().map(ring).collect(), top_m: step.top_m }
        };
        let steps: Vec<Step<Geodetic>> = flat.into_iter().map(lift).collect();
        let mut region = NOWHERE;
        join(&mut region, &feature.region);
        steps.iter().flat_map(|s| s.rings.iter().flatten()).for_each(|p| grow(&mut region, *p));
        Some(Self { base_m, steps, deviation_m, region })
    }

    /// Vertices it costs in a tile.
    pub fn vertices(&self) -> usize {
        self.steps.iter().flat_map(|s| &s.rings).map(|r| r.len() * 5).sum()
    }

    /// Adds walls and roofs.
    pub fn add(&self, mesh: &mut Mesh, mesher: &mut Mesher, feature: &Feature, frame: &LocalFrame, row: u16) {
        let at = |p: &Geodetic, height_m: f64| Corner::new(frame, Geodetic { height_m, ..*p });
        let (wall, roof) = (Style::of(feature, row, Surface::Wall), Style::of(feature, row, Surface::Roof));
        let mut below_m = self.base_m;
        for step in &self.steps {
            for ring in &step.rings {
                for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                    mesher.add_ring(mesh, &[at(a, below_m), at(b, below_m), at(b, step.top_m), at(a, step.top_m)], &wall);
                }
                let top: Vec<Corner> = ring.iter().map(|p| at(p, step.top_m)).collect();
                mesher.add_ring(mesh, &top, &roof);
            }
            below_m = step.top_m;
        }
    }
}

/// One step a group of roofs; the lowest on the ground outline, the others on rectangles around what they carry.
fn steps(groups: &[Vec<Roof>], ground: &[DVec2], base_m: f64) -> Vec<Step<DVec2>> {
    let mut below_m = base_m;
    let mut steps = Vec::new();
    for n in 0..groups.len() {
        let mut rings: Vec<Vec<DVec2>> = Vec::new();
        if n > 0 {
            // What stands on a step stands inside of it: its outlines hold all the higher roofs too.
            rings.extend(clusters(&groups[n..]).into_iter().filter_map(|points| rectangle(&convex_hull(points))).map(Vec::from));
        }
        if rings.is_empty() {
            rings.push(ground.to_vec());
        }
        let top_m = mean_m(&groups[n]).max(below_m + 0.1);
        steps.push(Step { rings, top_m });
        below_m = top_m;
    }
    steps
}

/// Corners of roofs that touch, together; all in one when there are more heaps than [`CLUSTERS_MAX`].
fn clusters(groups: &[Vec<Roof>]) -> Vec<Vec<DVec2>> {
    let mut heaps: Vec<(DVec2, DVec2, Vec<DVec2>)> = Vec::new();
    for roof in groups.iter().flatten() {
        let mut points: Vec<DVec2> = roof.points.iter().map(|p| p.0).collect();
        let mut lo = points.iter().fold(DVec2::INFINITY, |m, p| m.min(*p)) - TOLERANCE_M * 0.5;
        let mut hi = points.iter().fold(DVec2::NEG_INFINITY, |m, p| m.max(*p)) + TOLERANCE_M * 0.5;
        // The new roof may bring heaps together that were apart: swallow all it touches.
        while let Some(i) = heaps.iter().position(|h| h.0.cmple(hi).all() && lo.cmple(h.1).all()) {
            let (l, h, more) = heaps.swap_remove(i);
            (lo, hi) = (lo.min(l), hi.max(h));
            points.extend(more);
        }
        heaps.push((lo, hi, points));
    }
    let heaps: Vec<Vec<DVec2>> = heaps.into_iter().map(|h| h.2).collect();
    if heaps.len() > CLUSTERS_MAX { vec![heaps.concat()] } else { heaps }
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

/// A face that is no wall.
struct Roof {
    /// Metres above the ellipsoid, mean of its corners.
    mean_m: f64,
    /// As seen from above.
    area_m2: f64,
    /// Corners with their heights.
    points: Vec<(DVec2, f64)>,
}

fn roofs(city: &City, feature: &Feature, frame: &LocalFrame) -> Vec<Roof> {
    let points = &city.points[feature.source];
    let faces = feature.drawn_faces().filter(|f| f.surface != Surface::Wall);
    let roof = |outer: &[u32]| {
        let corner = |i: &u32| (frame.geodetic_to_enu(points[*i as usize]).truncate(), points[*i as usize].height_m);
        let points: Vec<(DVec2, f64)> = outer.iter().map(corner).collect();
        let flat: Vec<DVec2> = points.iter().map(|p| p.0).collect();
        let mean_m = points.iter().map(|p| p.1).sum::<f64>() / points.len().max(1) as f64;
        Roof { mean_m, area_m2: signed_area(&flat).abs(), points }
    };
    faces.map(|f| roof(f.outer())).filter(|r| r.area_m2 > 0.0).collect()
}

/// Roofs by steps, the lowest first; one step up to the highest point where nothing covers the building.
fn group(mut roofs: Vec<Roof>, feature: &Feature, most: usize) -> Vec<Vec<Roof>> {
    if roofs.is_empty() {
        roofs.push(Roof { mean_m: feature.region.max_height_m, area_m2: 1.0, points: Vec::new() });
    }
    roofs.sort_by(|a, b| a.mean_m.total_cmp(&b.mean_m));
    let mut gaps: Vec<(f64, usize)> = (1..roofs.len()).map(|i| (roofs[i].mean_m - roofs[i - 1].mean_m, i)).collect();
    gaps.retain(|(gap, _)| *gap > STEP_MIN_M);
    gaps.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut cuts: Vec<usize> = gaps.iter().take(most - 1).map(|g| g.1).collect();
    cuts.sort_unstable();
    let mut groups: Vec<Vec<Roof>> = cuts.iter().rev().map(|&cut| roofs.split_off(cut)).collect();
    groups.push(roofs);
    groups.reverse();
    groups
}

/// Mean height of roofs by the area they cover, metres.
fn mean_m(roofs: &[Roof]) -> f64 {
    let area: f64 = roofs.iter().map(|r| r.area_m2).sum();
    roofs.iter().map(|r| r.mean_m * r.area_m2).sum::<f64>() / area
}

/// The largest of: how far a roof's corner is above or below its step, how far outside of it, and how far a step's corner is from the
/// nearest corner of the roofs it carries.
fn deviation(groups: &[Vec<Roof>], steps: &[Step<DVec2>]) -> f64 {
    let mut worst: f64 = 0.0;
    for (n, step) in steps.iter().enumerate() {
        for (p, height_m) in groups[n].iter().flat_map(|r| &r.points) {
            let out = step.rings.iter().map(|r| outside(*p, r)).fold(f64::INFINITY, f64::min);
            worst = worst.max((height_m - step.top_m).abs()).max(out);
        }
        let carried = || groups[n..].iter().flatten().flat_map(|r| &r.points);
        for corner in step.rings.iter().flatten().filter(|_| carried().next().is_some()) {
            worst = worst.max(carried().map(|(p, _)| p.distance(*corner)).fold(f64::INFINITY, f64::min));
        }
    }
    worst
}

/// How far the walls stick out of the block's outline.
fn walls_outside(city: &City, feature: &Feature, frame: &LocalFrame, ring: &[DVec2]) -> f64 {
    let points = &city.points[feature.source];
    let walls = feature.drawn_faces().filter(|f| f.surface == Surface::Wall);
    let corners = walls.flat_map(|f| f.corners());
    corners.map(|v| outside(frame.geodetic_to_enu(points[*v as usize]).truncate(), ring)).fold(0.0, f64::max)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn roof(mean_m: f64, side: f64) -> Roof {
        let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)];
        Roof { mean_m, area_m2: side * side, points: corners.iter().map(|c| (DVec2::new(c.0, c.1), mean_m)).collect() }
    }

    fn plain() -> Feature {
        let object = crate::city::source::CityObject {
            id: "t".into(),
            class: "Building".into(),
            parent: None,
            lod: "1".into(),
            attributes: Default::default(),
            faces: Default::default(),
        };
        let region = Region { max_height_m: 30.0, min_height_m: 0.0, ..NOWHERE };
        Feature { object, source: 0, role: crate::model::city::TilesetRole::Buildings, region }
    }

    #[test]
    fn a_tower_on_its_podium_is_two_steps_and_a_gable_is_one() {
        let groups = group(vec![roof(60.0, 20.0), roof(12.0, 50.0)], &plain(), STEPS_MAX);
        assert_eq!(groups.iter().map(|g| mean_m(g)).collect::<Vec<_>>(), [12.0, 60.0]);
        assert_eq!(group(vec![roof(9.0, 5.0), roof(9.5, 5.0), roof(11.0, 2.0)], &plain(), STEPS_MAX).len(), 1);
        let many = (0..9).map(|i| roof(f64::from(i) * 10.0, 5.0)).collect();
        assert_eq!(group(many, &plain(), STEPS_MAX).len(), STEPS_MAX);
        assert_eq!(mean_m(&group(Vec::new(), &plain(), STEPS_MAX)[0]), 30.0);
    }

    #[test]
    fn the_deviation_sees_height_and_place() {
        let groups = [vec![roof(10.0, 8.0)]];
        let square = |s: f64| [(0.0, 0.0), (s, 0.0), (s, s), (0.0, s)].map(|p| DVec2::new(p.0, p.1)).to_vec();
        let step = |side, top_m| [Step { rings: vec![square(side)], top_m }];
        assert_eq!(deviation(&groups, &step(8.0, 10.0)), 0.0);
        assert_eq!(deviation(&groups, &step(8.0, 13.0)), 3.0);
        assert!((deviation(&groups, &step(7.0, 10.0)) - 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn two_towers_on_a_podium_stay_two() {
        let mut far = roof(60.0, 20.0);
        far.points.iter_mut().for_each(|p| p.0 += DVec2::splat(80.0));
        let groups = group(vec![roof(60.0, 20.0), far, roof(12.0, 100.0)], &plain(), STEPS_MAX);
        let ground = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)].map(|p| DVec2::new(p.0, p.1));
        let steps = steps(&groups, &ground, 0.0);
        assert_eq!(steps.iter().map(|s| s.rings.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(deviation(&groups, &steps) < 1e-9);
    }
}
