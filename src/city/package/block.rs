//! A building seen from afar: its outline, straightened, pulled up to the mean height of its roof; in steps where its roofs are.

use super::mesh::{Mesh, Placement, Triangulator};
use super::outline::{Polygons, convex_hull, rectangle, signed_area, simplify, to_ring};
use super::shape::Shape;
use crate::city::source::{Face, Surface};
use glam::{DVec2, DVec3};

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

/// Prisms on top of each other that stand for one building in inner tiles. Metres in the building's own frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub base_m: f64,
    pub steps: Vec<Step>,
    /// Metres by which block and building differ at most, measured at the corners of both.
    pub deviation_m: f64,
}

/// Prisms of one height, from the top of the step below.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Their outlines, counter-clockwise.
    pub rings: Vec<Vec<DVec2>>,
    pub top_m: f64,
}

impl Block {
    /// `None` for something without area (a lone wall): it has no block.
    pub fn of(shape: &Shape, outline: &Polygons) -> Option<Self> {
        let ground = corners(outline)?;
        let stuck_out_m = walls_outside(shape, &ground);
        // In steps and as one piece; steps that fit no better are not worth their vertices.
        let roofs = roofs(shape);
        let plain = fit(vec![roofs.clone()], &ground, shape.base_m, stuck_out_m);
        let groups = group(roofs, STEPS_MAX);
        let stepped = if groups.len() > 1 { fit(groups, &ground, shape.base_m, stuck_out_m) } else { (f64::INFINITY, Vec::new()) };
        let (deviation_m, steps) = if stepped.0 < plain.0 { stepped } else { plain };
        Some(Self { base_m: shape.base_m, steps, deviation_m })
    }

    /// Vertices it costs in a tile.
    pub fn vertices(&self) -> usize {
        self.rings().map(|r| r.len() * 5).sum()
    }

    pub fn rings(&self) -> impl Iterator<Item = &[DVec2]> {
        self.steps.iter().flat_map(|s| s.rings.iter().map(Vec::as_slice))
    }

    /// Square metres of ground under it.
    pub fn area_m2(&self) -> f64 {
        self.steps.first().map_or(0.0, |s| s.rings.iter().map(|r| signed_area(r)).sum())
    }

    /// Adds walls and roofs.
    pub fn add(&self, mesh: &mut Mesh, place: &Placement, colours: [[u8; 4]; 2], triangulator: &mut Triangulator) {
        let mut below_m = self.base_m;
        for step in &self.steps {
            step.rings.iter().for_each(|ring| mesh.add_prism(ring, (below_m, step.top_m), place, colours, triangulator));
            below_m = step.top_m;
        }
    }

    /// Its bytes in the spool: base, deviation, number of steps; each step top and number of rings; each ring its length and corners.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |v: f64| out.extend_from_slice(&(v as f32).to_le_bytes());
        [self.base_m, self.deviation_m, self.steps.len() as f64].into_iter().for_each(&mut put);
        for step in &self.steps {
            [step.top_m, step.rings.len() as f64].into_iter().for_each(&mut put);
            for ring in &step.rings {
                put(ring.len() as f64);
                ring.iter().flat_map(|p| p.to_array()).for_each(&mut put);
            }
        }
    }

    /// The reverse of [`Block::encode`]; `None` when the bytes are not those of a block.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut values = bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        let mut next = || values.next();
        let (base_m, deviation_m, count) = (next()?, next()?, next()?);
        let mut steps = Vec::new();
        for _ in 0..count as usize {
            let (top_m, rings) = (next()?, next()?);
            let mut step = Step { rings: Vec::new(), top_m };
            for _ in 0..rings as usize {
                let length = next()? as usize;
                let ring: Option<Vec<DVec2>> = (0..length).map(|_| Some(DVec2::new(next()?, next()?))).collect();
                step.rings.push(ring?);
            }
            steps.push(step);
        }
        Some(Self { base_m, steps, deviation_m })
    }
}

/// Steps for groups of roofs, and how far off they are.
fn fit(groups: Vec<Vec<Roof>>, ground: &[DVec2], base_m: f64, stuck_out_m: f64) -> (f64, Vec<Step>) {
    let steps = steps(&groups, ground, base_m);
    (deviation(&groups, &steps).max(stuck_out_m), steps)
}

/// One step a group of roofs; the lowest on the ground outline, the others on rectangles around what they carry.
fn steps(groups: &[Vec<Roof>], ground: &[DVec2], base_m: f64) -> Vec<Step> {
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
        let mut points: Vec<DVec2> = roof.points.iter().map(|p| p.truncate()).collect();
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
pub fn corners(polygons: &[Vec<Vec<DVec2>>]) -> Option<Vec<DVec2>> {
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
#[derive(Clone)]
struct Roof {
    /// Metres up, mean of its corners.
    mean_m: f64,
    /// As seen from above.
    area_m2: f64,
    /// Its corners.
    points: Vec<DVec3>,
}

/// Faces that are no walls; where nothing covers the building, a level one at its highest point.
fn roofs(shape: &Shape) -> Vec<Roof> {
    let roof = |face: Face| {
        let points: Vec<DVec3> = face.outer().iter().map(|i| shape.points[*i as usize]).collect();
        let flat: Vec<DVec2> = points.iter().map(|p| p.truncate()).collect();
        let mean_m = points.iter().map(|p| p.z).sum::<f64>() / points.len().max(1) as f64;
        Roof { mean_m, area_m2: signed_area(&flat).abs(), points }
    };
    let faces = shape.drawn_faces().filter(|f| f.surface != Surface::Wall);
    let mut roofs: Vec<Roof> = faces.map(roof).filter(|r| r.area_m2 > 0.0).collect();
    if roofs.is_empty() {
        roofs.push(Roof { mean_m: shape.top_m, area_m2: 1.0, points: Vec::new() });
    }
    roofs
}

/// Roofs by steps, the lowest first.
fn group(mut roofs: Vec<Roof>, most: usize) -> Vec<Vec<Roof>> {
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
fn deviation(groups: &[Vec<Roof>], steps: &[Step]) -> f64 {
    let mut worst: f64 = 0.0;
    for (n, step) in steps.iter().enumerate() {
        for p in groups[n].iter().flat_map(|r| &r.points) {
            let out = step.rings.iter().map(|r| outside(p.truncate(), r)).fold(f64::INFINITY, f64::min);
            worst = worst.max((p.z - step.top_m).abs()).max(out);
        }
        let carried = || groups[n..].iter().flatten().flat_map(|r| &r.points);
        for corner in step.rings.iter().flatten().filter(|_| carried().next().is_some()) {
            worst = worst.max(carried().map(|p| p.truncate().distance(*corner)).fold(f64::INFINITY, f64::min));
        }
    }
    worst
}

/// How far the building sticks out of the block's outline.
fn walls_outside(shape: &Shape, ring: &[DVec2]) -> f64 {
    // Each vertex once, of whatever face: those of roofs are inside of their steps, and these of the ground.
    shape.points.iter().map(|p| outside(p.truncate(), ring)).fold(0.0, f64::max)
}

/// Metres from a point to a ring it lies outside of; 0 inside.
pub fn outside(p: DVec2, ring: &[DVec2]) -> f64 {
    let (inside, squared) = to_ring(p, ring);
    if inside { 0.0 } else { squared.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roof(mean_m: f64, side: f64) -> Roof {
        let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)];
        Roof { mean_m, area_m2: side * side, points: corners.iter().map(|c| DVec3::new(c.0, c.1, mean_m)).collect() }
    }

    fn square(side: f64) -> Vec<DVec2> {
        [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)].map(|p| DVec2::new(p.0, p.1)).to_vec()
    }

    #[test]
    fn a_tower_on_its_podium_is_two_steps_and_a_gable_is_one() {
        let groups = group(vec![roof(60.0, 20.0), roof(12.0, 50.0)], STEPS_MAX);
        assert_eq!(groups.iter().map(|g| mean_m(g)).collect::<Vec<_>>(), [12.0, 60.0]);
        assert_eq!(group(vec![roof(9.0, 5.0), roof(9.5, 5.0), roof(11.0, 2.0)], STEPS_MAX).len(), 1);
        let many = (0..9).map(|i| roof(f64::from(i) * 10.0, 5.0)).collect();
        assert_eq!(group(many, STEPS_MAX).len(), STEPS_MAX);
    }

    #[test]
    fn the_deviation_sees_height_and_place() {
        let groups = [vec![roof(10.0, 8.0)]];
        let step = |side, top_m| [Step { rings: vec![square(side)], top_m }];
        assert_eq!(deviation(&groups, &step(8.0, 10.0)), 0.0);
        assert_eq!(deviation(&groups, &step(8.0, 13.0)), 3.0);
        assert!((deviation(&groups, &step(7.0, 10.0)) - 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn two_towers_on_a_podium_stay_two() {
        let mut far = roof(60.0, 20.0);
        far.points.iter_mut().for_each(|p| *p += DVec3::new(80.0, 80.0, 0.0));
        let groups = group(vec![roof(60.0, 20.0), far, roof(12.0, 100.0)], STEPS_MAX);
        let steps = steps(&groups, &square(100.0), 0.0);
        assert_eq!(steps.iter().map(|s| s.rings.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(deviation(&groups, &steps) < 1e-9);
    }

    #[test]
    fn a_block_comes_back_from_its_bytes() {
        let steps = vec![Step { rings: vec![square(50.0), square(5.0)], top_m: 12.5 }, Step { rings: vec![square(20.0)], top_m: 60.25 }];
        let block = Block { base_m: -1.5, steps, deviation_m: 0.75 };
        let mut bytes = Vec::new();
        block.encode(&mut bytes);
        assert_eq!(Block::decode(&bytes).unwrap(), block);
        assert!((0..bytes.len() / 4).all(|n| Block::decode(&bytes[..n * 4]).is_none()));
        assert_eq!((block.vertices(), block.area_m2()), (60, 2525.0));
    }
}
