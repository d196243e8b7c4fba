//! Settlements: where they lie, how many buildings each has, and what stands on each lot.

use crate::city::demo::mask::Rect;
use crate::city::demo::plots::roof_name;
use crate::city::demo::shape::{Crown, Tier};
use crate::city::demo::{forms, names};
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// Each settlement has a square of land of this side, metres, to itself: none reaches into another.
pub const CELL_M: f64 = 6_000.0;
/// Buildings a square kilometre over the whole country, as in a densely farmed plain.
pub const PER_KM2: f64 = 60.0;
/// Most buildings of one settlement: what its square holds.
const SETTLEMENT_MAX: usize = 28_000;
/// Lots stand back to back in blocks of two rows; metres.
const LOT_M: DVec2 = dvec2(17.0, 27.0);
const LOTS_IN_ROW: i32 = 8;
const STREET_M: f64 = 12.0;
/// Lots left free.
const GAPS: f64 = 0.08;

/// A place with a name and so many buildings.
pub struct Settlement {
    pub centre: DVec2,
    pub buildings: usize,
    /// Buildings of all settlements before this one.
    pub first: usize,
    pub name: String,
    pub name_en: String,
    /// Bearing of its streets, radians.
    angle: f64,
    /// Shape of its outline: a wave around a circle.
    lobes: f64,
}

/// A lot: its place, and its rank from the middle outwards in 0..1.
pub struct Lot {
    centre: DVec2,
    rank: f64,
}

/// One building on the plane.
pub struct House {
    pub rect: Rect,
    pub tier: Tier,
    pub usage: &'static str,
    pub roof: &'static str,
    pub storeys: u32,
    pub year: u32,
}

/// Settlements with `buildings` in all, many small and few large, on the squares nearest to the middle.
pub fn layout(buildings: usize, rng: &mut ChaCha8Rng) -> Vec<Settlement> {
    let per_cell = PER_KM2 * CELL_M * CELL_M / 1e6;
    let count = (buildings as f64 / per_cell).ceil() as usize;
    let lobes = rng.random_range(0.0..TAU);
    let mut cells: Vec<(f64, DVec2)> = Vec::new();
    // Wide enough for a disc of `count` squares whose border swings by a fifth.
    let half = ((count as f64).sqrt() * 0.8).ceil() as i32 + 1;
    for j in -half..=half {
        for i in -half..=half {
            let at = dvec2(f64::from(i), f64::from(j)) * CELL_M;
            cells.push((at.length() * wave(at, lobes), at));
        }
    }
    cells.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.x.total_cmp(&b.1.x)).then(a.1.y.total_cmp(&b.1.y)));
    cells.truncate(count);
    let sizes = sizes(buildings, count, rng);
    let mut first = 0;
    let mut out = Vec::with_capacity(count);
    for (n, ((_, at), buildings)) in cells.into_iter().zip(sizes).enumerate() {
        let (name, name_en) = names::settlement(n, buildings);
        let radius = (buildings as f64 * lot_m2() / std::f64::consts::PI).sqrt() * 1.2;
        let play = (CELL_M / 2.0 - radius).max(0.0) * 0.9;
        let centre = at + dvec2(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)) * play;
        let (angle, lobes) = (rng.random_range(-0.8..0.8), rng.random_range(0.0..TAU));
        out.push(Settlement { centre, buildings, first, name, name_en, angle, lobes });
        first += buildings;
    }
    out
}

/// How far an outline swings out in the direction of `at`: 0.8 to 1.2.
fn wave(at: DVec2, lobes: f64) -> f64 {
    let a = at.to_angle();
    1.0 + 0.12 * (2.0 * a + lobes).sin() + 0.08 * (5.0 * a - 2.0 * lobes).sin()
}

/// Land a lot takes with its share of streets and gaps, square metres.
fn lot_m2() -> f64 {
    let block = dvec2(LOT_M.x * f64::from(LOTS_IN_ROW) + STREET_M, LOT_M.y * 2.0 + STREET_M);
    block.x * block.y / f64::from(2 * LOTS_IN_ROW) / (1.0 - GAPS)
}

/// Sizes that add up to `buildings`, by a power law: the largest of a thousand is some fifty times the median.
fn sizes(buildings: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let weights: Vec<f64> = (0..count).map(|_| rng.random_range(1e-6..1.0_f64).powf(-0.75).min(45.0)).collect();
    let sum: f64 = weights.iter().sum();
    let mut out: Vec<usize> = weights.iter().map(|w| ((w / sum * buildings as f64) as usize).min(SETTLEMENT_MAX)).collect();
    // What rounding and the limit left over: first one each, then as much as fits, from the middle of the country outwards.
    let mut left = buildings.saturating_sub(out.iter().sum());
    for size in &mut out {
        let more = usize::from(left > 0 && *size < SETTLEMENT_MAX);
        (*size, left) = (*size + more, left - more);
    }
    for size in &mut out {
        let more = left.min(SETTLEMENT_MAX - *size);
        (*size, left) = (*size + more, left - more);
    }
    out
}

impl Settlement {
    /// The lots built on, from the middle outwards.
    pub fn lots(&self, rng: &mut ChaCha8Rng) -> Vec<Lot> {
        let pitch = dvec2(LOT_M.x * f64::from(LOTS_IN_ROW) + STREET_M, LOT_M.y * 2.0 + STREET_M);
        // The outline reaches 1.2 times the radius of a disc of that area, the corner lots a block farther.
        let reach = (self.buildings as f64 * lot_m2() / std::f64::consts::PI).sqrt() * 1.25;
        let blocks = (DVec2::splat(reach) / pitch).ceil();
        let mut found: Vec<(f64, DVec2)> = Vec::new();
        for j in -blocks.y as i32..=blocks.y as i32 {
            for i in -blocks.x as i32..=blocks.x as i32 {
                let corner = dvec2(f64::from(i), f64::from(j)) * pitch - pitch / 2.0;
                for lot in 0..2 * LOTS_IN_ROW {
                    let (column, row) = (lot % LOTS_IN_ROW, lot / LOTS_IN_ROW);
                    let at = corner + DVec2::splat(STREET_M / 2.0) + (dvec2(f64::from(column), f64::from(row)) + 0.5) * LOT_M;
                    if !rng.random_bool(GAPS) {
                        found.push((at.length() / wave(at, self.lobes), at));
                    }
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.x.total_cmp(&b.1.x)).then(a.1.y.total_cmp(&b.1.y)));
        let turn = DVec2::from_angle(self.angle);
        let rank = |n: usize| n as f64 / self.buildings as f64;
        found
            .into_iter()
            .take(self.buildings)
            .enumerate()
            .map(|(n, (_, at))| Lot { centre: self.centre + turn.rotate(at), rank: rank(n) })
            .collect()
    }

    /// What stands on a lot: towers and flats in the middle of towns, houses around, sheds at the edge.
    pub fn house(&self, lot: &Lot, rng: &mut ChaCha8Rng) -> House {
        let (town, city) = (self.buildings > 700, self.buildings > 5_000);
        let dice: f64 = rng.random();
        // A soft border between the kinds.
        let rank = lot.rank + (dice - 0.5) * 0.08;
        if city && rank < 0.03 {
            return self.place(lot, tower(rank, rng), 0.0, rng);
        }
        if town && rank < 0.22 {
            return self.place(lot, flats(city, rng), 0.0, rng);
        }
        let built = if rank > 0.93 { shed(rng) } else { home(rng) };
        self.place(lot, built, 0.05, rng)
    }

    fn place(&self, lot: &Lot, (size, tier, usage, storeys, year): Built, lean: f64, rng: &mut ChaCha8Rng) -> House {
        let room = ((LOT_M - size) / 2.0 - 0.6).max(DVec2::ZERO) * 0.6;
        let shift = dvec2(rng.random_range(-1.0..=1.0), rng.random_range(-1.0..=1.0)) * room;
        let angle = self.angle + rng.random_range(-1.0..=1.0) * lean;
        let rect = Rect { centre: lot.centre + DVec2::from_angle(self.angle).rotate(shift), size, angle };
        House { rect, roof: roof_name(tier.crown), tier, usage, storeys, year }
    }
}

/// Plan in metres, solid, use, storeys, year.
type Built = (DVec2, Tier, &'static str, u32, u32);

fn tower(rank: f64, rng: &mut ChaCha8Rng) -> Built {
    let size = dvec2(14.5, 23.0);
    let height: f64 = 30.0 + 90.0 * (1.0 - rank / 0.07).clamp(0.0, 1.0) * rng.random_range(0.2..1.0);
    let plan = dvec2(rng.random_range(9.5..12.0), rng.random_range(12.0..17.0));
    let usage = if rng.random_bool(0.7) { "office" } else { "commercial" };
    let tier = forms::tower(size, 8.0, plan, height, rng);
    (size, tier, usage, (height / forms::OFFICE_STOREY_M).round() as u32, rng.random_range(1995..2025))
}

fn flats(city: bool, rng: &mut ChaCha8Rng) -> Built {
    let size = dvec2(rng.random_range(12.0..15.0), rng.random_range(15.0..23.0));
    let storeys = rng.random_range(3..=if city { 9 } else { 5 });
    let height = f64::from(storeys) * forms::HOME_STOREY_M;
    let usage = ["residential", "residential", "residential", "commercial", "public"][rng.random_range(0..5)];
    let tier = if rng.random_bool(0.6) { forms::slab(size, height, 1) } else { forms::house(size, height, Crown::Hip(size.x * 0.25)) };
    (size, tier, usage, storeys, rng.random_range(1970..2024))
}

fn home(rng: &mut ChaCha8Rng) -> Built {
    let size = dvec2(rng.random_range(8.5..13.5), rng.random_range(7.5..11.0));
    let storeys = [1, 1, 2, 2, 2, 3][rng.random_range(0..6)];
    let crown = forms::house_roof(size, rng);
    (size, forms::house(size, f64::from(storeys) * 3.0, crown), "residential", storeys, rng.random_range(1935..2022))
}

fn shed(rng: &mut ChaCha8Rng) -> Built {
    let size = dvec2(rng.random_range(11.0..15.0), rng.random_range(17.0..24.0));
    let eaves = rng.random_range(4.0..9.0);
    let crown = match rng.random_range(0..4) {
        0 | 1 => Crown::Gable(size.y * 0.1),
        2 => Crown::Saw(1.8, 3),
        _ => Crown::Shed(1.5),
    };
    (size, forms::house(size, eaves, crown), "industrial", 1, rng.random_range(1985..2024))
}
