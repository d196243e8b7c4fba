//! Buildings too many for one tile: which are merged into one prism, what it looks like, and by how much it is off.

use super::block::{Block, corners, outside};
use super::outline::{convex_hull, to_ring};
use super::place::{NOWHERE, join};
use super::quadtree::{DEPTH_MAX, Item, LEAF_FEATURES, prefix};
use super::spool::Entry;
use crate::geo::Region;
use glam::{DAffine3, DVec2, DVec3};

/// Vertices of a merged prism.
pub const MERGED_VERTICES: usize = 20;
/// Cells of a tile that buildings are merged by: 2 to this power along a side at most.
const FINEST: u32 = 9;
/// Buildings merge where they cover this part of the box around them; else the cell is divided, so that farms do not become one field-wide hall.
const FILL_MIN: f64 = 0.25;
/// A cell is divided so many times more.
const DIVIDE_MAX: u32 = 3;
/// A box of this diagonal (metres) is merged however empty it is: a house and its shed.
const SMALL_M: f64 = 30.0;
/// A building this much higher than its neighbours' mean (metres, and times) stays itself: towers are what a city is known by.
const LANDMARK: (f64, f64) = (15.0, 1.6);
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

/// Groups of a tile's items that keep to `budget` vertices where that can be done at all.
pub fn plan(items: &[Item], entries: &[Entry], level: u32, budget: usize) -> Vec<Group> {
    let cost = |groups: &[Group]| -> usize {
        let one = |g: &Group| match g {
            Group::One(i) => vertices(&entries[items[*i].entry as usize]),
            Group::Merged(_) => MERGED_VERTICES,
        };
        groups.iter().map(one).sum()
    };
    let single: Vec<Group> = (0..items.len()).map(Group::One).collect();
    if single.len() <= LEAF_FEATURES && cost(&single) <= budget {
        return single;
    }
    let planner = Planner { items, entries };
    let mut coarsest = Vec::new();
    for depth in (1..=FINEST).rev() {
        coarsest = planner.by_cells((level + depth).min(DEPTH_MAX));
        if coarsest.len() <= LEAF_FEATURES && cost(&coarsest) <= budget {
            break;
        }
    }
    coarsest
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

    fn by_cells(&self, level: u32) -> Vec<Group> {
        let (mut groups, mut from) = (Vec::new(), 0);
        while from < self.items.len() {
            let cell = prefix(self.items[from].code, level);
            let to = from + self.items[from..].partition_point(|i| prefix(i.code, level) == cell);
            self.divide((from..to).collect(), (level, DIVIDE_MAX), &mut groups);
            from = to;
        }
        groups
    }

    fn divide(&self, mut members: Vec<usize>, (level, more): (u32, u32), groups: &mut Vec<Group>) {
        if members.len() > 1 {
            let mean_m = members.iter().map(|i| height_m(self.entry(*i))).sum::<f64>() / members.len() as f64;
            let stands_out = |i: &usize| {
                let h = height_m(self.entry(*i));
                h > mean_m + LANDMARK.0 && h > mean_m * LANDMARK.1
            };
            groups.extend(members.iter().filter(|i| stands_out(i)).map(|i| Group::One(*i)));
            members.retain(|i| !stands_out(i));
        }
        match members[..] {
            [] => {}
            [one] => groups.push(Group::One(one)),
            _ if more == 0 || level >= DEPTH_MAX || self.is_dense(&members) => groups.push(Group::Merged(members)),
            _ => {
                let cell = |i: &usize| prefix(self.items[*i].code, level + 1);
                members.chunk_by(|a, b| cell(a) == cell(b)).for_each(|part| self.divide(part.to_vec(), (level + 1, more - 1), groups));
            }
        }
    }

    fn is_dense(&self, members: &[usize]) -> bool {
        let mut region = NOWHERE;
        members.iter().for_each(|i| join(&mut region, &self.entry(*i).region));
        let (x, y) = sides_m(&region);
        let covered: f64 = members.iter().map(|i| f64::from(self.entry(*i).area_m2)).sum();
        covered >= FILL_MIN * x * y || x.hypot(y) <= SMALL_M
    }
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
            (entry.area_m2, entry.bytes, entry.coarse_vertices) = (130.0, 46 * 20, 20);
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

    fn one(g: &Group) -> usize {
        if let Group::One(i) = g { *i } else { unreachable!() }
    }
}
