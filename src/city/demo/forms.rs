//! What buildings look like: from use, storeys and size to tiers.

use super::shape::{Crown, Tier, chamfered, ellipse, rectangle, scaled};
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Storey heights, metres.
pub const HOME_STOREY_M: f64 = 2.9;
pub const OFFICE_STOREY_M: f64 = 3.9;

/// A flat roof behind a parapet; `heads` lift and stair heads stand on it along the long axis.
pub fn slab(size: DVec2, height: f64, heads: u32) -> Tier {
    let parapet = 1.1;
    let mut tier = Tier::new(rectangle(DVec2::ZERO, size), height + parapet, Crown::Flat);
    let mut deck = Tier::new(rectangle(DVec2::ZERO, size - DVec2::splat(0.7)), height, Crown::Flat);
    for i in 0..heads {
        let x = (f64::from(i) + 0.5) / f64::from(heads) - 0.5;
        let head = dvec2(4.6_f64.min(size.x * 0.4), 5.4_f64.min(size.y * 0.5));
        deck.children.push(Tier::new(rectangle(dvec2(x * size.x, size.y * 0.08), head), height + 3.4, Crown::Flat));
    }
    tier.children.push(deck);
    tier
}

/// A plain house or shed under one of the sloped roofs.
pub fn house(size: DVec2, eaves: f64, crown: Crown) -> Tier {
    Tier::new(rectangle(DVec2::ZERO, size), eaves, crown)
}

/// A sloped roof fit for a span: gables and hips mostly, pyramids on squarish plans, a few sheds.
pub fn house_roof(size: DVec2, rng: &mut ChaCha8Rng) -> Crown {
    let rise = size.y * rng.random_range(0.24..0.36);
    let squarish = size.x < size.y * 1.25;
    match rng.random_range(0..10) {
        0..=4 => Crown::Gable(rise),
        5..=7 if squarish => Crown::Pyramid(rise * 1.1),
        5..=8 => Crown::Hip(rise),
        _ => Crown::Shed(rise * 0.45),
    }
}

/// A tower on a podium that fills the plot: plain, chamfered, round or stepped, with a crown by height.
pub fn tower(plot: DVec2, podium: f64, plan: DVec2, height: f64, rng: &mut ChaCha8Rng) -> Tier {
    let shape = match rng.random_range(0..10) {
        0..=3 => rectangle(DVec2::ZERO, plan),
        4..=7 => chamfered(plan, plan.min_element() * rng.random_range(0.12..0.26)),
        _ => ellipse(plan, 20),
    };
    let shaft = shaft(shape, podium, height, rng);
    let mut base = Tier::new(rectangle(DVec2::ZERO, plot), podium, Crown::Flat);
    base.children.push(shaft);
    base
}

/// The tower above its podium, in one to three steps.
fn shaft(ring: Vec<DVec2>, foot: f64, height: f64, rng: &mut ChaCha8Rng) -> Tier {
    let steps = if height < 80.0 { 1 } else { rng.random_range(1..=3) };
    let mut cuts: Vec<(f64, f64)> = Vec::new();
    for i in 0..steps {
        let top = foot + (height - foot) * [1.0, 0.62, 0.42][steps - 1] + (height - foot) * [0.0, 0.38, 0.29][steps - 1] * i as f64;
        cuts.push((1.0 - 0.15 * i as f64, top));
    }
    let crown = match rng.random_range(0..10) {
        0..=5 => Finish::Deck,
        6..=7 => Finish::Slant(rng.random_range(4.0..9.0)),
        _ => Finish::Peak(height * rng.random_range(0.05..0.12)),
    };
    let mut tier: Option<Tier> = None;
    for &(scale, top) in cuts.iter().rev() {
        let ring = scaled(&ring, scale);
        let next = match tier.take() {
            None => finished(ring, top, crown),
            Some(upper) => Tier { children: vec![upper], ..Tier::new(ring, top, Crown::Flat) },
        };
        tier = Some(next);
    }
    tier.unwrap_or_else(|| Tier::new(ring, height, Crown::Flat))
}

#[derive(Clone, Copy)]
enum Finish {
    Deck,
    Slant(f64),
    Peak(f64),
}

/// The last step: a machine deck behind a screen, a slanted top (four-sided plans only) or a peak.
fn finished(ring: Vec<DVec2>, top: f64, finish: Finish) -> Tier {
    match finish {
        Finish::Slant(rise) if ring.len() == 4 => Tier::new(ring, top - rise, Crown::Shed(rise)),
        Finish::Peak(rise) => {
            Tier { children: vec![Tier::new(scaled(&ring, 0.62), top + 0.1, Crown::Pyramid(rise))], ..Tier::new(ring, top, Crown::Flat) }
        }
        _ => {
            let mut deck = Tier::new(scaled(&ring, 0.95), top - 2.6, Crown::Flat);
            deck.children.push(Tier::new(scaled(&ring, 0.45), top + 1.8, Crown::Flat));
            Tier { children: vec![deck], ..Tier::new(ring, top, Crown::Flat) }
        }
    }
}

/// The three landmarks of the skyline, tallest first.
pub fn landmark(which: usize, plot: DVec2) -> Tier {
    let mut base = Tier::new(rectangle(DVec2::ZERO, plot), 22.0, Crown::Flat);
    let side = plot.min_element() * 0.62;
    let shaft = match which {
        // A tapering needle in four stages, octagonal, with a spire.
        0 => {
            let ring = chamfered(DVec2::splat(side), side * 0.28);
            let spire = Tier { taper: 0.55, ..Tier::new(scaled(&ring, 0.30), 236.0, Crown::Pyramid(42.0)) };
            let upper = Tier { taper: 0.72, children: vec![spire], ..Tier::new(scaled(&ring, 0.66), 226.0, Crown::Flat) };
            let middle = Tier { taper: 0.84, children: vec![upper], ..Tier::new(scaled(&ring, 0.90), 168.0, Crown::Flat) };
            Tier { children: vec![middle], ..Tier::new(ring, 84.0, Crown::Flat) }
        }
        // A round tower narrowing to a sunken crown.
        1 => {
            let ring = ellipse(dvec2(side, side), 32);
            let bowl = Tier::new(scaled(&ring, 0.62), 202.0, Crown::Flat);
            Tier { taper: 0.74, children: vec![bowl], ..Tier::new(ring, 212.0, Crown::Flat) }
        }
        // A slab with a slanted top.
        _ => Tier::new(rectangle(DVec2::ZERO, dvec2(side * 1.15, side * 0.55)), 168.0, Crown::Shed(20.0)),
    };
    base.children.push(shaft);
    base
}

/// A stadium: an oval ring of stands sloping down to the pitch.
pub fn stadium(size: DVec2) -> Tier {
    let ring = ellipse(size, 56);
    // Sunken court: its foot ring lies at the rim, its own "top" is the pitch, and the taper makes the stands slope.
    let stands = Tier { taper: 0.66, ..Tier::new(scaled(&ring, 0.93), 1.2, Crown::Flat) };
    Tier { taper: 1.0, children: vec![stands], ..Tier::new(ring, 34.0, Crown::Flat) }
}
