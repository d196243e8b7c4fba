//! The road net: a ring road, embankment roads, arterials traced through a direction field, roads into the country.
//!
//! The field turns with the river, the canal and the shore and with each quarter's own bearing, so that the grid bends and
//! changes direction as in a grown city. Evenly spaced lines through such a field: Jobard and Lefer 1997; Chen et al. 2008.

use super::curve::{self, SegmentIndex};
use super::water::{self, Shape, Water};
use glam::{DVec2, dvec2};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Motorway,
    Arterial,
    Street,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Class::Motorway => "motorway",
            Class::Arterial => "arterial",
            Class::Street => "street",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Road {
    pub name: String,
    pub name_en: String,
    pub class: Class,
    pub width_m: f64,
    pub line: Vec<DVec2>,
}

/// Step of a traced line, metres.
const STEP_M: f64 = 20.0;
/// Farthest an arterial is carried on to end at another road, metres.
const LINK_M: f64 = 650.0;
/// Longest arterial, in steps: across the city and back, so that a whirl in the field ends.
const MAX_STEPS: usize = 900;
/// Most arterials; the city needs about 50.
const MAX_LINES: usize = 120;

/// Direction of the street grid at `p`, radians in (-45, 45] degrees: a quarter turn leaves a grid as it is, so angles are blended fourfold.
pub fn bearing(waters: &[Water], p: DVec2) -> f64 {
    let mut sum = DVec2::ZERO;
    let mut add = |angle: f64, weight: f64| sum += DVec2::from_angle(4.0 * angle) * weight;
    for &(x, y, reach, deg) in &[
        (-3000.0, -2600.0, 2400.0, 5.0_f64),
        (600.0, -3600.0, 2000.0, -9.0),
        (900.0, 900.0, 1300.0, -33.0),
        (-1700.0, 2300.0, 1000.0, 12.0),
        (4300.0, 3200.0, 2000.0, -20.0),
        (4600.0, -1600.0, 1500.0, 14.0),
        (-4700.0, 1900.0, 1300.0, -14.0),
        (0.0, 4600.0, 1100.0, 24.0),
    ] {
        add(deg.to_radians(), 0.02 + (-(p - dvec2(x, y)).length_squared() / (2.0 * reach * reach)).exp());
    }
    for w in waters {
        if let Some(t) = w.tangent(p) {
            add(t.to_angle(), 2.2 * (-w.shore_distance(p).max(0.0) / 260.0).exp());
        }
    }
    sum.to_angle() / 4.0
}

/// The outer ring: 10 to 11 km across, drawn in along the lake.
pub fn ring(waters: &[Water]) -> Vec<DVec2> {
    let n = 240;
    let reach: Vec<f64> = (0..n)
        .map(|i| {
            let angle = std::f64::consts::TAU * f64::from(i) / f64::from(n);
            let dir = DVec2::from_angle(angle);
            // A rounded quadrilateral turned a little, as ring roads that follow a street grid are.
            let (c, s) = ((angle + 0.16).cos().abs() / 5400.0, (angle + 0.16).sin().abs() / 4950.0);
            let free = (c.powf(3.4) + s.powf(3.4)).powf(-1.0 / 3.4) + 240.0 * (angle - 0.3).cos() - 190.0 * (3.0 * angle + 1.0).sin();
            (0..)
                .map(|k| f64::from(k) * 25.0)
                .take_while(|r| *r < free && waters[0].shore_distance(dir * (r + 150.0)) > 150.0)
                .last()
                .unwrap_or(free)
        })
        .collect();
    let n = n as isize;
    let soft = |i: isize| (-4..=4).map(|k: isize| reach[(i + k).rem_euclid(n) as usize]).sum::<f64>() / 9.0;
    let points: Vec<DVec2> = (0..n)
        .step_by(4)
        .map(|i| {
            let r = soft(i).min(reach[i as usize] + 40.0);
            DVec2::from_angle(std::f64::consts::TAU * i as f64 / n as f64) * r
        })
        .collect();
    let mut line = curve::smooth(&points, true, 30.0);
    line.push(line[0]);
    line
}

struct Tracer<'a> {
    waters: &'a [Water],
    ring: &'a [DVec2],
    index: SegmentIndex,
    lines: Vec<Vec<DVec2>>,
}

/// Distance wanted between parallel arterials, metres: closer in the centre.
fn spacing(p: DVec2) -> f64 {
    700.0 + 330.0 * (p.length() / 4200.0).clamp(0.0, 1.0)
}

impl Tracer<'_> {
    fn register(&mut self, line: Vec<DVec2>) {
        self.index.add_line(&line, self.lines.len() as u32);
        self.lines.push(line);
    }

    /// Is a line running along `dir` already within `reach` of `p`?
    fn crowded(&self, p: DVec2, dir: DVec2, reach: f64) -> bool {
        self.index.near(p, reach).any(|id| {
            let (a, b, _) = self.index.segments[id as usize];
            (b - a).normalize_or_zero().dot(dir).abs() > 0.75 && curve::segment_distance(p, a, b).0 < reach
        })
    }

    fn half(&self, from: DVec2, dir: DVec2) -> Vec<DVec2> {
        let (mut p, mut dir, mut wet, mut out) = (from, dir, 0, Vec::new());
        for _ in 0..MAX_STEPS {
            let grid = bearing(self.waters, p);
            let options = [0.0, 0.25, 0.5, 0.75].map(|q| DVec2::from_angle(grid + q * std::f64::consts::TAU));
            dir = options.into_iter().max_by(|a, b| a.dot(dir).total_cmp(&b.dot(dir))).unwrap_or(dir);
            p += dir * STEP_M;
            let (which, d) = water::nearest(self.waters, p);
            wet = if d < 0.0 { wet + 1 } else { 0 };
            if wet > 14 || (which == 0 && d < 60.0) || self.crowded(p, dir, 0.5 * spacing(p)) {
                break;
            }
            out.push(p);
            if !curve::within(self.ring, p) {
                break;
            }
        }
        while out.last().is_some_and(|p| water::nearest(self.waters, *p).1 < 20.0) {
            out.pop();
        }
        out
    }

    /// Carries an end that stopped short on to the nearest road, a metre across it so that the two cross.
    fn link(&self, line: &mut Vec<DVec2>) {
        let end = line[line.len() - 1];
        let back = line[line.len().saturating_sub(4)];
        let way = (end - back).normalize_or_zero();
        let mut best: Option<(f64, DVec2)> = None;
        for id in self.index.near(end, LINK_M) {
            let (a, b, _) = self.index.segments[id as usize];
            let (d, t) = curve::segment_distance(end, a, b);
            let to = a.lerp(b, t) - end;
            // Straight on is worth a detour; turning back never is.
            let cost = d * (1.6 - to.normalize_or_zero().dot(way));
            let wet = (1..8).any(|k| water::nearest(self.waters, end + to * (f64::from(k) / 8.0)).1 < 20.0);
            if d < LINK_M && to.normalize_or_zero().dot(way) > 0.12 && !wet && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, end + to + to.normalize_or_zero() * 1.0));
            }
        }
        if let Some((_, p)) = best {
            line.push(p);
        }
    }

    fn try_from(&mut self, p: DVec2, dir: DVec2) -> bool {
        if !curve::within(self.ring, p) || water::nearest(self.waters, p).1 < 40.0 || self.crowded(p, dir, 0.92 * spacing(p)) {
            return false;
        }
        let mut line = self.half(p, -dir);
        line.reverse();
        line.push(p);
        line.extend(self.half(p, dir));
        self.link(&mut line);
        line.reverse();
        self.link(&mut line);
        if curve::length(&line) < 900.0 {
            return false;
        }
        self.register(line);
        true
    }
}

/// Stretches of `line` within the ring and off the water.
fn dry_within(line: &[DVec2], ring: &[DVec2], waters: &[Water], clear: f64) -> Vec<Vec<DVec2>> {
    let mut out: Vec<Vec<DVec2>> = vec![Vec::new()];
    for p in line {
        if curve::within(ring, *p) && water::nearest(waters, *p).1 > clear {
            if let Some(last) = out.last_mut() {
                last.push(*p);
            }
        } else if out.last().is_some_and(|l| !l.is_empty()) {
            out.push(Vec::new());
        }
    }
    out.retain(|l| curve::length_or_zero(l) > 700.0);
    out
}

/// Ring first, then motorway, embankment roads, arterials, country roads. Named in the order they come.
pub fn arterials(waters: &[Water], rng: &mut ChaCha8Rng) -> Vec<Road> {
    let ring = ring(waters);
    let mut tracer = Tracer { waters, ring: &ring, index: SegmentIndex::default(), lines: Vec::new() };
    tracer.register(ring.clone());
    let mut banks = Vec::new();
    for w in &waters[1..] {
        if let Shape::Course(line, half) = &w.shape {
            for side in [1.0, -1.0] {
                let shifted = curve::resample(&curve::offset(line, |i| side * (half[i] + 62.0)), 30.0);
                for part in dry_within(&shifted, &ring, waters, 35.0) {
                    let tags = match (w.class, side > 0.0) {
                        ("river", true) => ("黄河北路", "Huanghe North Road"),
                        ("river", false) => ("黄河南路", "Huanghe South Road"),
                        (_, true) => ("运河东路", "Yunhe East Road"),
                        (_, false) => ("运河西路", "Yunhe West Road"),
                    };
                    banks.push((tags, tracer.lines.len()));
                    tracer.register(part);
                }
            }
        }
    }
    let fixed = tracer.lines.len();
    trace_all(&mut tracer, rng);
    let mut lines = std::mem::take(&mut tracer.lines);
    for _ in 0..3 {
        trim(&mut lines, 1);
    }
    let mut roads = vec![road("环城快速路", "Ring Expressway", Class::Motorway, 34.0, lines[0].clone())];
    roads.push(road("淮徐高速", "Huai-Xu Expressway", Class::Motorway, 30.0, expressway()));
    for ((zh, en), i) in banks {
        roads.push(road(zh, en, Class::Arterial, 22.0, lines[i].clone()));
    }
    let mut names = super::names::Arterials::default();
    for line in lines.into_iter().skip(fixed).filter(|l| curve::length_or_zero(l) > 700.0) {
        let way = line[line.len() - 1] - line[0];
        let (zh, en) = names.next(way.x.abs() > way.y.abs());
        let width = if curve::length(&line) > 5000.0 { 34.0 } else { 26.0 };
        roads.push(road(&zh, &en, Class::Arterial, width, line));
    }
    roads.extend(country(waters, &ring));
    roads
}

fn road(zh: &str, en: &str, class: Class, width_m: f64, line: Vec<DVec2>) -> Road {
    Road { name: zh.to_owned(), name_en: en.to_owned(), class, width_m, line }
}

fn trace_all(tracer: &mut Tracer, rng: &mut ChaCha8Rng) {
    use rand::RngExt;
    let mut queue: VecDeque<usize> = (0..tracer.lines.len()).collect();
    let starts: [(f64, f64); 5] = [(-1700.0, 2200.0), (900.0, 900.0), (-1500.0, -2300.0), (3900.0, 2900.0), (3500.0, -900.0)];
    for (x, y) in starts {
        let p = dvec2(x + rng.random_range(-120.0..120.0), y + rng.random_range(-120.0..120.0));
        for turn in [0.0, std::f64::consts::FRAC_PI_2] {
            if tracer.try_from(p, DVec2::from_angle(bearing(tracer.waters, p) + turn)) {
                queue.push_back(tracer.lines.len() - 1);
            }
        }
    }
    while let Some(i) = queue.pop_front() {
        let line = tracer.lines[i].clone();
        let normals = curve::normals(&line);
        for k in (0..line.len()).step_by(4) {
            for side in [1.0, -1.0] {
                let p = line[k] + normals[k] * side * spacing(line[k]) * rng.random_range(0.97..1.12);
                if tracer.lines.len() < MAX_LINES && tracer.try_from(p, normals[k].perp()) {
                    queue.push_back(tracer.lines.len() - 1);
                }
            }
            // A crossing line, so that both families cover the city.
            let p = line[k];
            if k % 24 == 12 && tracer.lines.len() < MAX_LINES && tracer.try_from(p, normals[k]) {
                queue.push_back(tracer.lines.len() - 1);
            }
        }
    }
}

/// Cuts each line from `keep` on back to its outermost crossings, so that no road ends in a field.
#[expect(clippy::needless_range_loop, reason = "the body replaces lines[i] while the index holds all lines")]
fn trim(lines: &mut [Vec<DVec2>], keep: usize) {
    let mut index = SegmentIndex::default();
    for (i, line) in lines.iter().enumerate() {
        index.add_line(line, i as u32);
    }
    for i in keep..lines.len() {
        let line = lines[i].clone();
        let mut cuts: Vec<(f64, DVec2)> = Vec::new();
        for (k, w) in line.windows(2).enumerate() {
            for id in index.near((w[0] + w[1]) / 2.0, w[0].distance(w[1]) / 2.0 + 5.0) {
                let (a, b, owner) = index.segments[id as usize];
                if owner as usize != i
                    && let Some((t, _)) = curve::crossing(w[0], w[1], a, b)
                {
                    cuts.push((k as f64 + t, w[0].lerp(w[1], t)));
                }
            }
        }
        cuts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else {
            lines[i].clear();
            continue;
        };
        let mut out = vec![first.1];
        out.extend((0..line.len()).filter(|k| *k as f64 > first.0 && (*k as f64) < last.0).map(|k| line[k]));
        out.push(last.1);
        lines[i] = if curve::length(&out) > 500.0 { out } else { Vec::new() };
    }
}

fn expressway() -> Vec<DVec2> {
    let points = [
        (-12500.0, -4300.0),
        (-8500.0, -5600.0),
        (-4500.0, -6700.0),
        (0.0, -6900.0),
        (4000.0, -6500.0),
        (8000.0, -7600.0),
        (12500.0, -9300.0),
    ];
    curve::smooth(&points.map(|(x, y)| dvec2(x, y)), false, 40.0)
}

/// Roads from the ring out into the country.
fn country(waters: &[Water], ring: &[DVec2]) -> Vec<Road> {
    let ways: [(f64, &str, &str); 9] = [
        (8.0, "徐宿线", "Xu-Su Highway"),
        (33.0, "宿沭公路", "Su-Shu Highway"),
        (62.0, "宿新公路", "Su-Xin Highway"),
        (-24.0, "宿泗公路", "Su-Si Highway"),
        (-52.0, "洋河大道", "Yanghe Avenue"),
        (-78.0, "宿洪公路", "Su-Hong Highway"),
        (-112.0, "埠子公路", "Buzi Highway"),
        (-148.0, "蔡集公路", "Caiji Highway"),
        (172.0, "皂河公路", "Zaohe Highway"),
    ];
    ways.iter()
        .filter_map(|&(deg, zh, en)| {
            let dir = DVec2::from_angle(deg.to_radians());
            let start = (0..700).map(|k| dir * (f64::from(k) * 10.0)).find(|p| p.length() > 1000.0 && !curve::within(ring, *p))?;
            let bend = dir.perp() * 420.0 * (deg * 0.7).sin();
            let points =
                [start - dir * 10.0, start + dir * 1800.0 + bend, start + dir * 4200.0 - bend, dir * (12_200.0 / dir.abs().max_element())];
            let line = curve::smooth(&points, false, 40.0);
            let dry = line.iter().all(|p| water::nearest(&waters[..1], *p).1 > 80.0);
            dry.then(|| road(zh, en, Class::Arterial, 20.0, line))
        })
        .collect()
}
