//! Luoma Lake, the old course of the Yellow River and the Grand Canal.

use super::curve::{self, SegmentIndex};
use glam::{DVec2, dvec2};
use noise::{NoiseFn, Perlin};

/// A lake, a river or a canal.
pub struct Water {
    pub name: &'static str,
    pub name_en: &'static str,
    pub class: &'static str,
    /// Height of the surface, metres.
    pub level_m: f64,
    pub shape: Shape,
    index: SegmentIndex,
    low: DVec2,
    high: DVec2,
}

pub enum Shape {
    /// Outer ring, counter-clockwise, not closed.
    Lake(Vec<DVec2>),
    /// Centre line and half the width at each of its points, metres.
    Course(Vec<DVec2>, Vec<f64>),
}

/// No answer is needed farther than this from a shore, metres.
pub const REACH_M: f64 = 420.0;

impl Water {
    fn new(names: [&'static str; 3], level_m: f64, shape: Shape) -> Self {
        let mut index = SegmentIndex::default();
        match &shape {
            Shape::Lake(ring) => {
                index.add_line(ring, 0);
                index.add(ring[ring.len() - 1], ring[0], 0);
            }
            Shape::Course(line, _) => index.add_line(line, 0),
        }
        let [name, name_en, class] = names;
        let (Shape::Lake(points) | Shape::Course(points, _)) = &shape;
        let low = points.iter().copied().fold(DVec2::INFINITY, DVec2::min);
        let high = points.iter().copied().fold(DVec2::NEG_INFINITY, DVec2::max);
        Self { name, name_en, class, level_m, shape, index, low, high }
    }

    /// Distance from the shore, metres: negative in the water; at most about [`REACH_M`] either way.
    pub fn shore_distance(&self, p: DVec2) -> f64 {
        match &self.shape {
            Shape::Lake(ring) => {
                let d = self.index.nearest(p, REACH_M).map_or(REACH_M, |(d, ..)| d);
                let near = p.cmpge(self.low).all() && p.cmple(self.high).all();
                if near && curve::within(ring, p) { -d } else { d }
            }
            Shape::Course(_, half) => self.index.nearest(p, REACH_M).map_or(REACH_M, |(d, id, t)| {
                let i = id as usize;
                d - (half[i] * (1.0 - t) + half[i + 1] * t)
            }),
        }
    }

    /// Direction of the shore or course at the point of it nearest to `p`, if within reach.
    pub fn tangent(&self, p: DVec2) -> Option<DVec2> {
        let (_, id, _) = self.index.nearest(p, REACH_M)?;
        let (a, b, _) = self.index.segments[id as usize];
        Some((b - a).normalize_or_zero())
    }
}

/// The three waters: lake, river, canal, in this order.
pub fn waters(seed: u32) -> Vec<Water> {
    let p = |list: &[(f64, f64)]| list.iter().map(|&(x, y)| dvec2(x, y)).collect::<Vec<_>>();
    let ragged = Perlin::new(seed);
    let mut lake = curve::smooth(
        &p(&[
            (-2000.0, 6100.0),
            (-1850.0, 7700.0),
            (-2500.0, 9500.0),
            (-4200.0, 10900.0),
            (-6000.0, 10600.0),
            (-8100.0, 11000.0),
            (-9900.0, 9900.0),
            (-10700.0, 8100.0),
            (-10200.0, 6200.0),
            (-9200.0, 4700.0),
            (-7800.0, 3700.0),
            (-6300.0, 3350.0),
            (-4900.0, 2950.0),
            (-3900.0, 3050.0),
            (-3300.0, 3650.0),
            (-3050.0, 4250.0),
            (-2350.0, 4850.0),
        ]),
        true,
        45.0,
    );
    for q in &mut lake {
        let wave = |f: f64, o: f64| ragged.get([q.x / f, q.y / f, o]);
        *q += dvec2(wave(900.0, 0.3), wave(900.0, 7.1)) * 210.0
            + dvec2(wave(2600.0, 5.3), wave(2600.0, 2.9)) * if q.x < -4200.0 || q.y > 6800.0 { 900.0 } else { 90.0 }
            + dvec2(wave(260.0, 3.7), wave(260.0, 9.9)) * 28.0;
    }
    if curve::area(&lake) < 0.0 {
        lake.reverse();
    }
    let river = curve::smooth(
        &p(&[
            (-13500.0, 400.0),
            (-11200.0, 1500.0),
            (-9300.0, 900.0),
            (-7400.0, 200.0),
            (-5700.0, 900.0),
            (-4500.0, 100.0),
            (-3300.0, 350.0),
            (-2300.0, 1150.0),
            (-1300.0, 850.0),
            (-650.0, -200.0),
            (250.0, -800.0),
            (1300.0, -450.0),
            (2150.0, -1000.0),
            (2550.0, -2150.0),
            (3600.0, -2700.0),
            (4900.0, -3700.0),
            (6700.0, -4100.0),
            (8300.0, -5500.0),
            (10600.0, -6100.0),
            (13500.0, -8300.0),
        ]),
        false,
        40.0,
    );
    let canal = curve::smooth(
        &p(&[
            (-2350.0, 7100.0),
            (-1300.0, 6650.0),
            (-200.0, 5600.0),
            (900.0, 4500.0),
            (1900.0, 3300.0),
            (2900.0, 2250.0),
            (4300.0, 1150.0),
            (6500.0, 0.0),
            (9000.0, -1500.0),
            (13500.0, -4300.0),
        ]),
        false,
        40.0,
    );
    let widths = |line: &[DVec2], half: f64, vary: f64, o: f64| -> Vec<f64> {
        curve::stations(line).iter().map(|s| half + vary * ragged.get([s / 1100.0, o])).collect()
    };
    let (river_half, canal_half) = (widths(&river, 58.0, 26.0, 1.5), widths(&canal, 38.0, 4.0, 8.5));
    vec![
        Water::new(["骆马湖", "Luoma Lake", "lake"], 19.0, Shape::Lake(lake)),
        Water::new(["古黄河", "Ancient Yellow River", "river"], 17.6, Shape::Course(river, river_half)),
        Water::new(["京杭大运河", "Grand Canal", "canal"], 19.0, Shape::Course(canal, canal_half)),
    ]
}

/// The water `p` is nearest to, and the distance to its shore (negative inside).
pub fn nearest(waters: &[Water], p: DVec2) -> (usize, f64) {
    waters.iter().map(|w| w.shore_distance(p)).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, REACH_M))
}
