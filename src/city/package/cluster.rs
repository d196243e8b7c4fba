//! Buildings too many for one tile: which are merged into one prism, what it looks like, and by how much it is off.

use super::block::{Block, corners, outside};
use super::outline::{convex_hull, to_ring};
use super::place::{NOWHERE, join};
use super::quadtree::{DEPTH_MAX, Item, LEAF_FEATURES, prefix};
use super::spool::Entry;
use crate::geo::Region;
use glam::{DAffine3, DVec2, DVec3};
use std::collections::BinaryHeap;

/// Vertices of a merged prism.
pub const MERGED_VERTICES: usize = 20;
/// A group is worth dividing by at least this part of half its diagonal, however closely it is built: a slab is no quarter of a city.
const CLOSED_MIN: f64 = 0.25;
/// Groups that differ from their buildings by less than this (millimetres) are left as they are: nobody sees it from where they are drawn.
const ENOUGH_MM: u64 = 1_000;
/// Samples along a side when a merged roof is compared with the roofs under it.
const SAMPLES: usize = 5;
/// Mean radius of the Earth, metres (IUGG R1).
const RADIUS_M: f64 = 6_371_008.8;

/// What a coarse tile draws of some items; numbers count in the tile's items.
#[derive(Debug, PartialEq)]
pub enum Group {
    One(usize),
    Merged(Vec<usize>),
}

impl Group {
    fn first(&self) -> usize {
        match self {
            Self::One(i) => *i,
            Self::Merged(members) => members.first().copied().unwrap_or_default(),
        }
    }
}

/// Groups of a tile's items that keep to `budget` vertices where that can be done at all.
///
/// All begin as one group, and the one that tells least of its buildings is divided into the cells of the next level of the grid, again and again, until
/// vertices run out: farms far apart and towers among houses stand alone early, terraces stay together longest.
pub fn plan(items: &[Item], entries: &[Entry], level: u32, budget: usize) -> Vec<Group> {
    let planner = Planner { items, entries };
    let cost = |i: usize| vertices(planner.entry(i));
    if items.len() <= LEAF_FEATURES && (0..items.len()).map(cost).sum::<usize>() <= budget {
        return (0..items.len()).map(Group::One).collect();
    }
    // What has no block is drawn whole, in a group or not.
    let (members, alone): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|i| planner.entry(*i).has_block());
    let mut groups: Vec<Group> = alone.iter().map(|i| Group::One(*i)).collect();
    let mut spent = alone.iter().map(|i| cost(*i)).sum::<usize>();
    let mut parts = BinaryHeap::from_iter((!members.is_empty()).then(|| planner.part(members, level)));
    spent += parts.iter().map(|p| planner.cost(p)).sum::<usize>();
    while let Some(worst) = parts.pop() {
        let finer = if worst.off_mm > ENOUGH_MM { planner.divide(&worst) } else { Vec::new() };
        let after = spent + finer.iter().map(|p| planner.cost(p)).sum::<usize>() - planner.cost(&worst);
        if finer.is_empty() || after > budget || groups.len() + parts.len() + finer.len() > LEAF_FEATURES {
            // The others are less off, and what they would be divided into no longer changes how far all of the tile is off.
            parts.push(worst);
            break;
        }
        spent = after;
        parts.extend(finer);
    }
    groups.extend(parts.into_iter().map(|p| if let [one] = p.members[..] { Group::One(one) } else { Group::Merged(p.members) }));
    groups.sort_by_key(Group::first);
    groups
}

/// Vertices of a building from afar; of one without block, in full.
pub fn vertices(entry: &Entry) -> usize {
    if entry.has_block() { entry.coarse_vertices as usize } else { entry.vertices as usize }
}

struct Planner<'a> {
    items: &'a [Item],
    entries: &'a [Entry],
}

impl Planner<'_> {
    fn entry(&self, i: usize) -> &Entry {
        &self.entries[self.items[i].entry as usize]
    }

    /// Items of one cell on `level`.
    fn part(&self, members: Vec<usize>, level: u32) -> Part {
        let off_mm = if members.len() > 1 { (self.off_m(&members) * 1e3) as u64 } else { 0 };
        Part { off_mm, level, members }
    }

    fn cost(&self, part: &Part) -> usize {
        if let [one] = part.members[..] { vertices(self.entry(one)) } else { MERGED_VERTICES }
    }

    /// About how far one prism is from these buildings, metres: from the ground between them, and from their heights.
    fn off_m(&self, members: &[usize]) -> f64 {
        let mut region = NOWHERE;
        members.iter().for_each(|i| join(&mut region, &self.entry(*i).region));
        let (x, y) = sides_m(&region);
        let covered: f64 = members.iter().map(|i| f64::from(self.entry(*i).area_m2)).sum();
        let open = (1.0 - covered / (x * y).max(1.0)).max(CLOSED_MIN);
        // From the lowest to the highest and not from their mean: towers are what a city is known by.
        let start = (f64::INFINITY, 0.0_f64);
        let (low, high) = members.iter().map(|i| height_m(self.entry(*i))).fold(start, |(low, high), h| (low.min(h), high.max(h)));
        (0.5 * x.hypot(y) * open).max(high - low)
    }

    /// Into the cells of the next level that tells them apart; nothing where none does.
    fn divide(&self, part: &Part) -> Vec<Part> {
        let cell = |i: &usize, level| prefix(self.items[*i].code, level);
        let differ = |level: &u32| part.members.first().map(|i| cell(i, *level)) != part.members.last().map(|i| cell(i, *level));
        // Members lie in the order of their codes.
        let Some(level) = (part.level + 1..=DEPTH_MAX).find(differ) else { return Vec::new() };
        part.members.chunk_by(|a, b| cell(a, level) == cell(b, level)).map(|m| self.part(m.to_vec(), level)).collect()
    }
}

/// Buildings of one cell of the grid; ordered by how far one prism would be from them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    off_mm: u64,
    level: u32,
    members: Vec<usize>,
}

fn height_m(entry: &Entry) -> f64 {
    entry.region.max_height_m - entry.region.min_height_m
}

fn sides_m(r: &Region) -> (f64, f64) {
    let mid = (r.south_rad + r.north_rad) * 0.5;
    ((r.east_rad - r.west_rad) * mid.cos() * RADIUS_M, (r.north_rad - r.south_rad) * RADIUS_M)
}

/// A building that is merged: its prisms from above and their heights, metres in the tile's frame.
pub struct Member {
    rings: Vec<Roof>,
    base_m: f64,
    area_m2: f64,
    deviation_m: f64,
}

/// One of its roofs, level, with the box around it.
struct Roof {
    ring: Vec<DVec2>,
    top_m: f64,
    lo: DVec2,
    hi: DVec2,
}

impl Roof {
    fn new(ring: Vec<DVec2>, top_m: f64) -> Self {
        let (lo, hi) = ring.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
        Self { ring, top_m, lo, hi }
    }

    /// Metres from a point on a level to the roof, where that is under `best`; else anything that is not.
    fn distance(&self, p: DVec2, level_m: f64, best: f64) -> f64 {
        let up = self.top_m - level_m;
        let to_box = (self.lo - p).max(p - self.hi).max(DVec2::ZERO);
        if to_box.length_squared() + up * up >= best * best {
            return best;
        }
        let out = outside(p, &self.ring);
        (out * out + up * up).sqrt()
    }
}

impl Member {
    pub fn new(block: &Block, to_tile: &DAffine3) -> Self {
        let at = |p: &DVec2, z: f64| to_tile.transform_point3(p.extend(z));
        // All of a city's verticals are parallel to a thousandth: one point tells how far up its frame lies.
        let lift_m = to_tile.transform_point3(DVec3::ZERO).z;
        let ring = |top_m: f64, r: &[DVec2]| Roof::new(r.iter().map(|p| at(p, top_m).truncate()).collect(), top_m + lift_m);
        let rings = block.steps.iter().flat_map(|s| s.rings.iter().map(|r| ring(s.top_m, r))).collect();
        Self { rings, base_m: block.base_m + lift_m, area_m2: block.area_m2(), deviation_m: block.deviation_m }
    }

    fn top_m(&self) -> f64 {
        self.rings.first().map_or(self.base_m, |r| r.top_m)
    }

    fn points(&self) -> impl Iterator<Item = (DVec2, f64)> {
        self.rings.iter().flat_map(|r| r.ring.iter().map(|p| (*p, r.top_m)))
    }
}

/// One prism for many buildings, metres in the tile's frame.
pub struct Merged {
    pub ring: Vec<DVec2>,
    pub base_m: f64,
    pub top_m: f64,
    /// Metres by which it and the buildings differ at most, measured at corners of both and over its roof.
    pub deviation_m: f64,
}

impl Merged {
    /// `None` when they cover no ground at all.
    pub fn of(members: &[Member]) -> Option<Self> {
        let hull = convex_hull(members.iter().flat_map(|m| m.points().map(|p| p.0)).collect());
        let ring = corners(&[vec![hull]])?;
        let area: f64 = members.iter().map(|m| m.area_m2).sum();
        let top_m = match area > 0.0 {
            true => members.iter().map(|m| m.top_m() * m.area_m2).sum::<f64>() / area,
            false => members.iter().map(Member::top_m).sum::<f64>() / members.len() as f64,
        };
        let base_m = members.iter().map(|m| m.base_m).fold(f64::INFINITY, f64::min);
        let own = members.iter().map(|m| m.deviation_m).fold(0.0, f64::max);
        let deviation_m = own + buildings_off(members, &ring, top_m).max(prism_off(members, &ring, top_m));
        Some(Self { ring, base_m, top_m: top_m.max(base_m + 0.1), deviation_m })
    }
}

/// How far the corners of the buildings are from the prism.
fn buildings_off(members: &[Member], ring: &[DVec2], top_m: f64) -> f64 {
    let off = |(p, z): (DVec2, f64)| match to_ring(p, ring) {
        (true, squared) => squared.sqrt().min((z - top_m).abs()),
        (false, squared) => (squared + (z - top_m).max(0.0).powi(2)).sqrt(),
    };
    members.iter().flat_map(Member::points).map(off).fold(0.0, f64::max)
}

/// How far the prism's roof is from the nearest building's.
fn prism_off(members: &[Member], ring: &[DVec2], top_m: f64) -> f64 {
    let (lo, hi) = ring.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(lo, hi), p| (lo.min(*p), hi.max(*p)));
    let step = (hi - lo) / (SAMPLES as f64 + 1.0);
    let inner = (1..=SAMPLES).flat_map(|y| (1..=SAMPLES).map(move |x| lo + step * DVec2::new(x as f64, y as f64)));
    let samples = ring.iter().copied().chain(inner.filter(|p| outside(*p, ring) == 0.0));
    let nearest = |p: DVec2| {
        let roofs = members.iter().flat_map(|m| &m.rings);
        roofs.fold(f64::INFINITY, |best, roof| roof.distance(p, top_m, best).min(best))
    };
    samples.map(nearest).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::block::Step;
    use super::super::quadtree::code;
    use super::*;
    use crate::geo::Geodetic;
    use crate::model::city::TilesetRole;

    fn member(x: f64, side: f64, top_m: f64) -> Member {
        let ring = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]].map(|p| DVec2::from_array(p) + DVec2::new(x, 0.0)).to_vec();
        let block = Block { base_m: 0.0, steps: vec![Step { rings: vec![ring], top_m }], deviation_m: 0.25 };
        Member::new(&block, &DAffine3::IDENTITY)
    }

    #[test]
    fn a_terrace_merges_without_error_and_a_street_costs_half_its_width() {
        let terrace = Merged::of(&[member(0.0, 10.0, 9.0), member(10.0, 10.0, 9.0)]).unwrap();
        assert!((terrace.deviation_m - 0.25).abs() < 1e-9 && terrace.top_m == 9.0);
        let street = Merged::of(&[member(0.0, 10.0, 9.0), member(30.0, 10.0, 9.0)]).unwrap();
        assert!((9.0..=10.3).contains(&street.deviation_m), "{}", street.deviation_m);
        let uneven = Merged::of(&[member(0.0, 10.0, 6.0), member(10.0, 10.0, 12.0)]).unwrap();
        assert!((uneven.deviation_m - 3.25).abs() < 1e-9, "{}", uneven.deviation_m);
    }

    #[test]
    fn a_plan_keeps_to_its_budget_leaves_nobody_out_and_keeps_the_tower() {
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        for n in 0..20_000u32 {
            let p = Geodetic::from_degrees(118.0 + f64::from(n % 200) * 2e-4, 34.0 + f64::from(n / 200) * 2e-4, 0.0);
            let height_m = if n == 7777 { 200.0 } else { 10.0 };
            let (w, s) = (p.lon_rad - 1e-6, p.lat_rad - 1e-6);
            let region =
                Region { west_rad: w, south_rad: s, east_rad: w + 2e-6, north_rad: s + 2e-6, min_height_m: 0.0, max_height_m: height_m };
            let mut entry = Entry::new(n, TilesetRole::Buildings, code(p), region);
            (entry.area_m2, entry.bytes, entry.coarse_vertices, entry.block.2) = (130.0, 46 * 20, 20, entry.block.1 + 1);
            items.push(Item { code: entry.code, entry: n, bytes: entry.bytes });
            entries.push(entry);
        }
        items.sort_unstable_by_key(|i| (i.code, i.entry));
        for budget in [400_000, 40_000, 8_000] {
            let groups = plan(&items, &entries, 10, budget);
            let mut held: Vec<usize> =
                groups.iter().flat_map(|g| if let Group::Merged(m) = g { m.clone() } else { vec![one(g)] }).collect();
            held.sort_unstable();
            assert_eq!(held, (0..items.len()).collect::<Vec<_>>());
            assert!(groups.len() <= LEAF_FEATURES && groups.len() * MERGED_VERTICES <= budget, "{} groups", groups.len());
            let tower = items.iter().position(|i| i.entry == 7777).unwrap();
            assert!(groups.contains(&Group::One(tower)));
        }
    }

    #[test]
    fn farms_far_apart_stand_alone_before_a_town_is_told_house_by_house() {
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        for n in 0..1_040u32 {
            // Houses every 20 m, and farms every 2 km around them.
            let (x, y) = if n < 1_000 { (f64::from(n % 40) * 2e-4, f64::from(n / 40) * 2e-4) } else { (f64::from(n - 1_000) * 0.02, 0.1) };
            let p = Geodetic::from_degrees(118.0 + x, 34.0 + y, 0.0);
            let (w, s) = (p.lon_rad - 1e-6, p.lat_rad - 1e-6);
            let region =
                Region { west_rad: w, south_rad: s, east_rad: w + 2e-6, north_rad: s + 2e-6, min_height_m: 0.0, max_height_m: 8.0 };
            let mut entry = Entry::new(n, TilesetRole::Buildings, code(p), region);
            (entry.area_m2, entry.bytes, entry.coarse_vertices, entry.block.2) = (130.0, 46 * 20, 20, entry.block.1 + 1);
            items.push(Item { code: entry.code, entry: n, bytes: entry.bytes });
            entries.push(entry);
        }
        items.sort_unstable_by_key(|i| (i.code, i.entry));
        let groups = plan(&items, &entries, 5, 120 * MERGED_VERTICES);
        let alone: Vec<u32> = groups.iter().filter_map(|g| if let Group::One(i) = g { Some(items[*i].entry) } else { None }).collect();
        assert!(groups.len() > 60 && (1_000..1_040).all(|farm| alone.contains(&farm)), "{} groups, alone {alone:?}", groups.len());
    }

    fn one(g: &Group) -> usize {
        if let Group::One(i) = g { *i } else { unreachable!() }
    }
}
