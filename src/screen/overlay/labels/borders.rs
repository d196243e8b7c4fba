//! Borders of areas: thin dashed light lines, seen from above only, at the level of the present zoom.

use super::levels::border_level;
use super::read::AreaBorder;
use super::sight::{Rays, Sight};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::area::AreaLevel;
use crate::screen::overlay::Projector;
use crate::screen::style::TextSizes;
use bevy::math::DVec3;
use bevy_egui::egui::{Color32, Painter, Pos2, Shape, Stroke};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Borders are laid over the ground in steps of this length, metres.
const STEP_M: f64 = 500.0;
/// Lines beyond this many times the zoom are left out.
const REACH: f64 = 3.0;
/// From a flatter view than the first (sine of the camera's pitch) buildings would stand behind the lines; at the second they are at full strength.
const PITCH_SIN: [f64; 2] = [0.5, 0.68];

/// A run of border that two areas share or one has alone.
#[derive(Clone, Debug)]
struct Run {
    /// East-north-up at height 0.
    points: Vec<DVec3>,
}

/// The borders of all levels.
#[derive(Clone, Debug, Default)]
pub struct Borders {
    runs: HashMap<AreaLevel, Vec<Run>>,
}

type Corner = (i64, i64);

/// A corner in about centimetres, so that neighbours' copies of it are one.
fn corner(p: &[f64; 2]) -> Corner {
    ((p[0] * 1e7).round() as i64, (p[1] * 1e7).round() as i64)
}

/// Edges of a level's rings, each once, joined to lines that run from one junction to the next.
fn chains<'a>(rings: impl Iterator<Item = &'a Vec<[f64; 2]>>) -> Vec<Vec<Corner>> {
    let mut edges: HashSet<(Corner, Corner)> = HashSet::new();
    for ring in rings {
        let pairs = ring.windows(2).map(|e| (corner(&e[0]), corner(&e[1]))).filter(|(a, b)| a != b);
        edges.extend(pairs.map(|(a, b)| (a.min(b), a.max(b))));
    }
    let mut next: BTreeMap<Corner, Vec<Corner>> = BTreeMap::new();
    for (a, b) in &edges {
        next.entry(*a).or_default().push(*b);
        next.entry(*b).or_default().push(*a);
    }
    // Junctions first, so that lines end there; rings without any are begun anywhere.
    let mut starts: Vec<Corner> = next.keys().copied().collect();
    starts.sort_by_key(|c| next[c].len() == 2);
    let mut out = Vec::new();
    for start in starts {
        while let Some(first) = next[&start].iter().copied().find(|to| edges.contains(&(start.min(*to), start.max(*to)))) {
            let mut chain = vec![start];
            let mut to = first;
            loop {
                let from = chain[chain.len() - 1];
                edges.remove(&(from.min(to), from.max(to)));
                chain.push(to);
                let onwards = next[&to].iter().copied().find(|n| edges.contains(&(to.min(*n), to.max(*n))));
                match onwards.filter(|_| next[&to].len() == 2) {
                    Some(n) => to = n,
                    None => break,
                }
            }
            out.push(chain);
        }
    }
    out
}

/// Points at most [`STEP_M`] apart.
fn stepped(corners: &[DVec3]) -> Vec<DVec3> {
    let mut out: Vec<DVec3> = corners.first().copied().into_iter().collect();
    for pair in corners.windows(2) {
        let steps = (pair[0].distance(pair[1]) / STEP_M).ceil().clamp(1.0, 400.0) as usize;
        out.extend((1..=steps).map(|i| pair[0].lerp(pair[1], i as f64 / steps as f64)));
    }
    out
}

impl Borders {
    pub fn new(areas: &[AreaBorder], frame: &LocalFrame) -> Self {
        let enu = |c: &Corner| frame.geodetic_to_enu(Geodetic::from_degrees(c.0 as f64 * 1e-7, c.1 as f64 * 1e-7, 0.0));
        let levels = [AreaLevel::City, AreaLevel::County, AreaLevel::Town, AreaLevel::Village];
        let of_level = |level: AreaLevel| {
            let rings = areas.iter().filter(|a| a.level == level).flat_map(|a| &a.rings);
            let runs = chains(rings).into_iter().map(|c| Run { points: stepped(&c.iter().map(enu).collect::<Vec<_>>()) });
            (level, runs.collect())
        };
        Self { runs: levels.into_iter().map(of_level).collect() }
    }

    /// Draws the borders of the present zoom.
    pub fn draw(&self, painter: &Painter, projector: &Projector, text: &TextSizes, sight: &mut Sight, rays: &Rays, bright: bool) {
        let zoom_m = projector.eye.position.distance(projector.eye.target);
        let steep = (-projector.eye.forward.z - PITCH_SIN[0]) / (PITCH_SIN[1] - PITCH_SIN[0]);
        let Some(runs) = border_level(zoom_m).filter(|_| steep > 0.0).and_then(|l| self.runs.get(&l)) else { return };
        let strength = steep.min(1.0) as f32;
        let (light, under) = if bright {
            (Color32::from_rgb(0x3A, 0x47, 0x58), Color32::WHITE)
        } else {
            (Color32::from_rgb(0xC8, 0xD4, 0xE4), Color32::BLACK)
        };
        let width = (text.body * 0.085).max(1.0);
        for run in runs {
            for part in self.visible(run, projector, zoom_m, sight, rays) {
                painter.line(part.clone(), Stroke::new(width * 2.2, under.gamma_multiply(0.14 * strength)));
                let dashed = Shape::dashed_line(&part, Stroke::new(width, light.gamma_multiply(0.62 * strength)), width * 6.0, width * 4.5);
                painter.extend(dashed);
            }
        }
    }

    /// The parts of a run on the screen, in points.
    fn visible(&self, run: &Run, projector: &Projector, zoom_m: f64, sight: &mut Sight, rays: &Rays) -> Vec<Vec<Pos2>> {
        let around = projector.screen.expand(120.0);
        let mut parts: Vec<Vec<Pos2>> = Vec::new();
        let mut open = false;
        for point in &run.points {
            let near = point.distance(projector.eye.target) < zoom_m * REACH;
            let flat = near.then(|| projector.spot_enu(*point)).flatten().map(|s| projector.place(&s));
            let Some(_) = flat.filter(|at| around.contains(*at)) else {
                open = false;
                continue;
            };
            let place = projector.frame.enu_to_geodetic(*point);
            // Borders may wait for a ray: until then they lie at height 0.
            let key = (point.x.to_bits() ^ point.y.to_bits().rotate_left(17)) | 1 << 63;
            let height = sight.height(key, || (rays.ground)(place.lon_deg(), place.lat_deg())).unwrap_or(0.0);
            let raised = projector.spot_enu(*point + DVec3::Z * height).map(|s| projector.place(&s));
            let Some(at) = raised else { continue };
            match parts.last_mut().filter(|_| open) {
                Some(part) => part.push(at),
                None => parts.push(vec![at]),
            }
            open = true;
        }
        parts.retain(|p| p.len() > 1);
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_that_two_areas_share_is_one_line() {
        let left = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
        let right = vec![[1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0], [1.0, 0.0]];
        let found = chains([&left, &right].into_iter());
        assert_eq!(found.len(), 3, "left, right and the line between them");
        assert_eq!(found.iter().map(|c| c.len() - 1).sum::<usize>(), 7);
    }
}
