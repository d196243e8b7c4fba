//! Closed solids (LoD2) from a rectangle: stacked tiers with flat, gabled, hipped, pyramidal, shed or saw-tooth roofs.
//!
//! Every face is added with its edges running opposite to its neighbour's, so a shell is closed by construction; a test holds it.

use crate::city::source::Surface;
use glam::{DVec2, DVec3, dvec2};
use std::collections::HashMap;

/// A closed shell; faces index `points`, outer ring first, then holes.
#[derive(Default)]
pub struct Shell {
    pub points: Vec<[i64; 3]>,
    pub faces: Vec<(Surface, Vec<Vec<u32>>)>,
    seen: HashMap<[i64; 3], u32>,
}

/// What closes the top of a tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crown {
    Flat,
    Gable(f64),
    Hip(f64),
    Pyramid(f64),
    Shed(f64),
    /// Rise and number of bays.
    Saw(f64, u32),
}

/// A prism standing on the ground or on its parent's roof.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Counter-clockwise, in the frame of the building, metres.
    pub ring: Vec<DVec2>,
    /// The ring at the top is scaled about its middle by this: 1 for upright walls.
    pub taper: f64,
    /// Height of the top above the building's ground, metres; below the parent's top it is a sunken court (parapet, stadium).
    pub top: f64,
    pub crown: Crown,
    /// Stand on this roof, apart from each other and from its border; only under a flat crown.
    pub children: Vec<Tier>,
}

impl Tier {
    pub fn new(ring: Vec<DVec2>, top: f64, crown: Crown) -> Self {
        Self { ring, taper: 1.0, top, crown, children: Vec::new() }
    }

    /// The ring, with the points a saw-tooth roof needs along its short sides.
    fn outline(&self) -> Vec<DVec2> {
        if let Crown::Saw(_, bays) = self.crown { saw_ring(&self.ring, bays) } else { self.ring.clone() }
    }

    /// Height of the highest point, metres above the building's ground.
    pub fn highest(&self) -> f64 {
        let rise = match self.crown {
            _ if !self.children.is_empty() => 0.0,
            Crown::Flat => 0.0,
            Crown::Gable(r) | Crown::Hip(r) | Crown::Pyramid(r) | Crown::Shed(r) | Crown::Saw(r, _) => r,
        };
        self.children.iter().map(Tier::highest).fold(self.top + rise, f64::max)
    }
}

/// A rectangle's ring, counter-clockwise from the south-west.
pub fn rectangle(centre: DVec2, size: DVec2) -> Vec<DVec2> {
    let h = size / 2.0;
    vec![centre - h, centre + dvec2(h.x, -h.y), centre + h, centre + dvec2(-h.x, h.y)]
}

/// A rectangle with its corners cut by `cut` metres.
pub fn chamfered(size: DVec2, cut: f64) -> Vec<DVec2> {
    let h = size / 2.0;
    let c = cut;
    vec![
        dvec2(-h.x + c, -h.y),
        dvec2(h.x - c, -h.y),
        dvec2(h.x, -h.y + c),
        dvec2(h.x, h.y - c),
        dvec2(h.x - c, h.y),
        dvec2(-h.x + c, h.y),
        dvec2(-h.x, h.y - c),
        dvec2(-h.x, -h.y + c),
    ]
}

/// An ellipse of `n` corners.
pub fn ellipse(size: DVec2, n: u32) -> Vec<DVec2> {
    (0..n).map(|i| DVec2::from_angle(std::f64::consts::TAU * f64::from(i) / f64::from(n)) * size / 2.0).collect()
}

pub fn scaled(ring: &[DVec2], by: f64) -> Vec<DVec2> {
    let mid = ring.iter().copied().sum::<DVec2>() / ring.len() as f64;
    ring.iter().map(|p| mid + (*p - mid) * by).collect()
}

impl Shell {
    fn point(&mut self, p: DVec3) -> u32 {
        // Millimetres, the scale of the file: what is one point there is one point here.
        let key = [(p.x * 1000.0).round() as i64, (p.y * 1000.0).round() as i64, (p.z * 1000.0).round() as i64];
        *self.seen.entry(key).or_insert_with(|| {
            self.points.push(key);
            (self.points.len() - 1) as u32
        })
    }

    fn face(&mut self, surface: Surface, rings: &[&[DVec3]]) {
        let rings = rings.iter().map(|r| r.iter().map(|p| self.point(*p)).collect()).collect();
        self.faces.push((surface, rings));
    }

    /// Four-sided faces between two rings of the same number of points.
    fn sides(&mut self, low: &[DVec3], high: &[DVec3]) {
        for i in 0..low.len() {
            let j = (i + 1) % low.len();
            self.face(Surface::Wall, &[&[low[i], low[j], high[j], high[i]]]);
        }
    }

    /// Builds the tier with its bottom at `foot` metres, placed by `place`.
    pub fn build(&mut self, tier: &Tier, foot: f64, place: &impl Fn(DVec2, f64) -> DVec3) {
        let ground: Vec<DVec3> = tier.outline().iter().rev().map(|p| place(*p, foot)).collect();
        self.face(Surface::Ground, &[&ground]);
        self.tier(tier, foot, place);
    }

    fn tier(&mut self, tier: &Tier, foot: f64, place: &impl Fn(DVec2, f64) -> DVec3) {
        let ring = tier.outline();
        let low: Vec<DVec3> = ring.iter().map(|p| place(*p, foot)).collect();
        let top_ring = scaled(&ring, tier.taper);
        let top: Vec<DVec3> = top_ring.iter().map(|p| place(*p, tier.top)).collect();
        self.sides(&low, &top);
        if tier.children.is_empty() {
            return self.crown(tier.crown, &top_ring, tier.top, place);
        }
        let holes: Vec<Vec<DVec3>> = tier.children.iter().map(|c| c.ring.iter().rev().map(|p| place(*p, tier.top)).collect()).collect();
        let mut rings: Vec<&[DVec3]> = vec![&top];
        rings.extend(holes.iter().map(Vec::as_slice));
        self.face(Surface::Roof, &rings);
        for child in &tier.children {
            self.tier(child, tier.top, place);
        }
    }

    fn crown(&mut self, crown: Crown, ring: &[DVec2], top: f64, place: &impl Fn(DVec2, f64) -> DVec3) {
        let at = |i: usize, rise: f64| place(ring[i % ring.len()], top + rise);
        let mid = |i: usize, j: usize, rise: f64| place((ring[i] + ring[j]) / 2.0, top + rise);
        let (roof, wall) = (Surface::Roof, Surface::Wall);
        match crown {
            Crown::Gable(rise) if ring.len() == 4 => {
                let (w, e) = (mid(3, 0, rise), mid(1, 2, rise));
                self.face(roof, &[&[at(0, 0.0), at(1, 0.0), e, w]]);
                self.face(roof, &[&[at(2, 0.0), at(3, 0.0), w, e]]);
                self.face(wall, &[&[at(1, 0.0), at(2, 0.0), e]]);
                self.face(wall, &[&[at(3, 0.0), at(0, 0.0), w]]);
            }
            Crown::Hip(rise) if ring.len() == 4 => {
                let (a, b) = ((ring[3] + ring[0]) / 2.0, (ring[1] + ring[2]) / 2.0);
                let inset = (ring[0].distance(ring[3]) / 2.0 / a.distance(b)).min(0.42);
                let (w, e) = (place(a.lerp(b, inset), top + rise), place(b.lerp(a, inset), top + rise));
                self.face(roof, &[&[at(0, 0.0), at(1, 0.0), e, w]]);
                self.face(roof, &[&[at(2, 0.0), at(3, 0.0), w, e]]);
                self.face(roof, &[&[at(1, 0.0), at(2, 0.0), e]]);
                self.face(roof, &[&[at(3, 0.0), at(0, 0.0), w]]);
            }
            Crown::Shed(rise) if ring.len() == 4 => {
                let (h2, h3) = (at(2, rise), at(3, rise));
                self.face(roof, &[&[at(0, 0.0), at(1, 0.0), h2, h3]]);
                self.face(wall, &[&[at(1, 0.0), at(2, 0.0), h2]]);
                self.face(wall, &[&[at(2, 0.0), at(3, 0.0), h3, h2]]);
                self.face(wall, &[&[at(3, 0.0), at(0, 0.0), h3]]);
            }
            Crown::Pyramid(rise) => {
                let centre = ring.iter().copied().sum::<DVec2>() / ring.len() as f64;
                let apex = place(centre, top + rise);
                for i in 0..ring.len() {
                    self.face(roof, &[&[at(i, 0.0), at(i + 1, 0.0), apex]]);
                }
            }
            Crown::Saw(rise, bays) => self.saw(rise, bays as usize, &|i| at(i, 0.0), &|i, j| mid(i, j, rise)),
            _ => {
                let flat: Vec<DVec3> = (0..ring.len()).map(|i| at(i, 0.0)).collect();
                self.face(roof, &[&flat]);
            }
        }
    }

    /// A row of small gables; the ring is the one of [`saw_ring`].
    fn saw(&mut self, rise: f64, bays: usize, at: &impl Fn(usize) -> DVec3, mid: &impl Fn(usize, usize) -> DVec3) {
        debug_assert!(rise > 0.0);
        let n = 2 * bays + 2;
        let (east, west) = (|j: usize| 1 + j, |j: usize| (n - j) % n);
        for j in 0..bays {
            let (e0, e1, w0, w1) = (east(j), east(j + 1), west(j), west(j + 1));
            let (re, rw) = (mid(e0, e1), mid(w0, w1));
            self.face(Surface::Roof, &[&[at(w0), at(e0), re, rw]]);
            self.face(Surface::Roof, &[&[at(e1), at(w1), rw, re]]);
            self.face(Surface::Wall, &[&[at(e0), at(e1), re]]);
            self.face(Surface::Wall, &[&[at(w1), at(w0), rw]]);
        }
    }
}

/// The rectangle with its short sides split where the valleys end: 0 is south-west, 1 to bays+1 up the east side, the rest down the west side.
fn saw_ring(ring: &[DVec2], bays: u32) -> Vec<DVec2> {
    let part = |a: DVec2, b: DVec2, j: u32| a.lerp(b, f64::from(j) / f64::from(bays));
    let mut out = vec![ring[0]];
    out.extend((0..=bays).map(|j| part(ring[1], ring[2], j)));
    out.extend((1..=bays).rev().map(|j| part(ring[0], ring[3], j)));
    out
}
