//! The country around: villages with their lanes, and fields.

use super::curve::{self, SegmentIndex};
use super::forms;
use super::mask::{GREEN, Mask, ROAD, Rect};
use super::plots::{Builder, Green};
use super::roads::{Class, Road};
use super::shape::Crown;
use super::water::{self, Water};
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A village: where it lies and its two names.
pub struct Village {
    pub centre: DVec2,
    pub name: String,
    pub name_en: String,
}

/// Most villages; with about 75 houses each they bound how many buildings can be asked for.
const MAX_VILLAGES: usize = 220;
/// Villages that there are even when no more buildings are wanted.
const LEAST_VILLAGES: usize = 40;

/// Places for villages, nearest to the city first, at least 650 m apart and off the roads and waters.
pub fn places(waters: &[Water], ring: &[DVec2], mask: &Mask, rng: &mut ChaCha8Rng) -> Vec<Village> {
    let mut spots: Vec<DVec2> = Vec::new();
    for _ in 0..20_000 {
        let p = dvec2(rng.random_range(-10_300.0..10_300.0), rng.random_range(-10_300.0..10_300.0));
        let far_from_ring = ring.iter().step_by(4).all(|q| q.distance(p) > 420.0);
        let clear = !curve::within(ring, p) && far_from_ring && water::nearest(waters, p).1 > 240.0 && mask.at(p) == 0;
        if clear && spots.iter().all(|q| q.distance(p) > 650.0) {
            spots.push(p);
        }
        if spots.len() >= MAX_VILLAGES {
            break;
        }
    }
    spots.sort_by(|a, b| a.length().total_cmp(&b.length()));
    spots
        .into_iter()
        .enumerate()
        .map(|(i, centre)| {
            let (name, name_en) = super::names::village(i);
            Village { centre, name, name_en }
        })
        .collect()
}

/// A village street along the contour of the houses, and a lane to the nearest greater road.
pub fn lanes(villages: &[Village], roads: &[Road], waters: &[Water], rng: &mut ChaCha8Rng) -> Vec<Road> {
    let mut index = SegmentIndex::default();
    for r in roads.iter().filter(|r| r.class == Class::Arterial) {
        index.add_line(&r.line, 0);
    }
    let mut out = Vec::new();
    for v in villages {
        let half = dvec2(rng.random_range(150.0..210.0), rng.random_range(-20.0..20.0));
        let named = |line: Vec<DVec2>| Road {
            name: format!("{}路", v.name.trim_end_matches('村')),
            name_en: v.name_en.replace("Village", "Lane"),
            class: Class::Street,
            width_m: 7.0,
            line: curve::resample(&line, 40.0),
        };
        out.push(named(vec![v.centre - half, v.centre, v.centre + half]));
        if let Some((_, id, t)) = index.nearest(v.centre, 2200.0) {
            let (a, b, _) = index.segments[id as usize];
            let end = a.lerp(b, t);
            let line = curve::resample(&[v.centre, (v.centre + end) / 2.0 + (end - v.centre).perp() * 0.08, end], 40.0);
            if line.iter().all(|p| water::nearest(waters, *p).1 > 30.0) {
                out.push(named(line));
            }
        }
    }
    out
}

/// Rows of farmhouses on both sides of the village street, until `want` buildings stand or the place is full.
pub fn build(builder: &mut Builder, v: &Village, want: usize) {
    let rows: i32 = builder.rng.random_range(2..=4);
    let columns = builder.rng.random_range(14..=22);
    for row in -rows..=rows {
        for column in 0..columns {
            if builder.plots.len() >= want {
                return;
            }
            let size = dvec2(builder.rng.random_range(9.5..14.0), builder.rng.random_range(7.5..9.5));
            let jitter = dvec2(builder.rng.random_range(-1.5..1.5), builder.rng.random_range(-2.5..2.5));
            let at = dvec2(
                (f64::from(column) - f64::from(columns - 1) / 2.0) * 18.5,
                f64::from(row) * 29.0 + 14.5 * f64::from(row.signum()) - 8.0 * f64::from((row == 0) as i32),
            );
            if row == 0 || builder.rng.random_bool(0.16) {
                continue;
            }
            let storeys = builder.rng.random_range(1..=2);
            let rise = size.y * 0.28;
            let crown = if builder.rng.random_bool(0.8) { Crown::Gable(rise) } else { Crown::Hip(rise) };
            let year = builder.rng.random_range(1986..2018);
            let rect = Rect { centre: v.centre + at + jitter, size, angle: builder.rng.random_range(-0.04..0.04) };
            builder.put(rect, "residential", storeys, year, forms::house(size, f64::from(storeys) * 3.1, crown), None);
        }
    }
}

/// How many of the buildings stand in villages at least: a sixth, none in a small trial city.
pub fn share(buildings: usize) -> usize {
    if buildings < 8_000 { 0 } else { buildings / 6 }
}

/// How many villages stand before the count of buildings is looked at.
pub fn kept(villages: &[Village], built: usize) -> usize {
    villages.len().min(built.max(LEAST_VILLAGES))
}

/// Fields between villages, and woods on the hills: tracts with a bearing and a plot size of their own, left out where anything else is.
pub fn fields(waters: &[Water], ring: &[DVec2], mask: &mut Mask, rng: &mut ChaCha8Rng) -> Vec<Green> {
    let mut tracts: Vec<(DVec2, f64, DVec2)> = Vec::new();
    for _ in 0..TRACTS {
        let at = dvec2(rng.random_range(-10_900.0..10_900.0), rng.random_range(-10_900.0..10_900.0));
        tracts.push((at, rng.random_range(-0.5..0.5), dvec2(rng.random_range(150.0..300.0), rng.random_range(90.0..190.0))));
    }
    let mut out = Vec::new();
    for (t, &(centre, angle, size)) in tracts.iter().enumerate() {
        let n = (1_900.0 / size).ceil();
        let frame = Rect { centre, size, angle };
        for j in -n.y as i32..=n.y as i32 {
            for i in -n.x as i32..=n.x as i32 {
                let at = frame.at(f64::from(i) + if j % 2 == 0 { 0.0 } else { 0.3 }, f64::from(j));
                let mine =
                    tracts.iter().enumerate().min_by(|a, b| a.1.0.distance(at).total_cmp(&b.1.0.distance(at))).is_some_and(|(n, _)| n == t);
                let hilly = at.distance(dvec2(3600.0, 9600.0)) < 2100.0
                    || at.distance(dvec2(7300.0, 10_200.0)) < 1700.0
                    || at.distance(dvec2(5600.0, 8700.0)) < 1100.0;
                let crop = ["wheat", "rice", "vegetables", "orchard"][[0, 0, 0, 1, 1, 1, 2, 3][rng.random_range(0..8)]];
                let fallow = rng.random_bool(if hilly { 0.25 } else { 0.09 });
                let rect = Rect { centre: at, size: size - dvec2(9.0, 7.0), angle };
                let city = curve::within(ring, at) || rect.corners().iter().any(|c| curve::within(ring, *c));
                if !mine || fallow || city || water::nearest(waters, at).1 < 60.0 || !sampled_free(mask, &rect) {
                    continue;
                }
                mask.take(&rect, 0.0, GREEN);
                out.push(Green { rect, class: if hilly { "forest" } else { crop }, name: None, label: None });
            }
        }
    }
    out
}

/// Tracts of fields over the whole land.
const TRACTS: usize = 130;

/// Coarser than [`Mask::free`]: fields are large.
fn sampled_free(mask: &Mask, r: &Rect) -> bool {
    (0..=12).all(|i| (0..=10).all(|j| mask.at(r.at(f64::from(i) / 12.0 - 0.5, f64::from(j) / 10.0 - 0.5)) == 0))
}

/// Stamps roads with the room their class needs beside it.
pub fn stamp_roads(mask: &mut Mask, roads: &[Road]) {
    for r in roads {
        let setback = match r.class {
            Class::Motorway => 12.0,
            Class::Arterial => 7.0,
            Class::Street => 3.0,
        };
        mask.line(&r.line, r.width_m / 2.0 + setback, ROAD);
    }
}
