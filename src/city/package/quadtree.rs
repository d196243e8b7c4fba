//! The explicit quadtree over a city's things: which tile holds what.
//!
//! Tiles are cells of one fixed grid over the whole Earth (Web Mercator, as slippy maps have it): a city that grows at one end keeps its
//! tiles at the other, and machines that build parts of a country agree on them without asking each other.

use crate::geo::Geodetic;
use std::f64::consts::PI;
use std::ops::Range;

/// A tile of full geometry aims at no more than this many bytes before compression, which makes a quarter of it ...
pub const LEAF_BYTES: u64 = 2 << 20;
/// ... and this many features.
pub const LEAF_FEATURES: usize = 4096;
/// Levels of the grid; a cell of the last is 4 cm wide at the equator. Things in the same one stay together.
pub const DEPTH_MAX: u32 = 30;

/// One thing to be drawn: a building, or a piece of something that may be cut.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Cell of its centre on level [`DEPTH_MAX`].
    pub code: u64,
    /// Number of its entry in the spool.
    pub entry: u32,
    /// Size in its tile of full geometry, estimated.
    pub bytes: u32,
}

/// The cell of the last level that a point lies in: two bits a level, the highest level first; bit 0 east, bit 1 north.
pub fn code(p: Geodetic) -> u64 {
    let cells = f64::from(1u32 << DEPTH_MAX);
    let x = (p.lon_rad + PI) / (2.0 * PI);
    // EPSG:3857, in turns; beyond 85.05 degrees everything falls in the last row.
    let y = (p.lat_rad.tan().asinh() + PI) / (2.0 * PI);
    let cell = |v: f64| (v * cells).clamp(0.0, cells - 1.0) as u64;
    spread(cell(x)) | spread(cell(y)) << 1
}

/// A zero after every bit of the lower 32.
fn spread(v: u64) -> u64 {
    let mut v = v & 0xFFFF_FFFF;
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        v = (v | v << shift) & mask;
    }
    v
}

/// The quadrants from the top that lead to a cell on `level`: `r` for the whole Earth, then one digit a level.
pub fn path(code: u64, level: u32) -> String {
    let mut path = String::with_capacity(level as usize + 1);
    path.push('r');
    (0..level).for_each(|l| path.push(char::from(b'0' + digit(code, l))));
    path
}

/// The quadrant taken from `level` to the next: 0 south-west, 1 south-east, 2 north-west, 3 north-east.
fn digit(code: u64, level: u32) -> u8 {
    (code >> (2 * (DEPTH_MAX - 1 - level)) & 3) as u8
}

/// What all codes of a cell on `level` share.
pub fn prefix(code: u64, level: u32) -> u64 {
    code >> (2 * (DEPTH_MAX - level))
}

/// One tile. Node 0 is the root; parents come before their children.
#[derive(Debug)]
pub struct Node {
    /// Where it is in the grid; also the name of its file.
    pub path: String,
    pub level: u32,
    /// Its own items and those of all its children, in the sorted item list.
    pub items: Range<usize>,
    pub children: Vec<usize>,
    /// Full geometry; else a coarser picture of everything below.
    pub full: bool,
}

/// Sorts `items` by cell and answers the tiles. A tree always has a coarse root, so that every city has two levels of detail.
pub fn grow(items: &mut [Item]) -> Vec<Node> {
    let mut nodes = Vec::new();
    if items.is_empty() {
        return nodes;
    }
    items.sort_unstable_by_key(|i| (i.code, i.entry));
    split(items, 0..items.len(), 0, &mut nodes);
    if nodes[0].full {
        nodes[0].full = false;
        nodes[0].children = vec![1];
        let root = &nodes[0];
        nodes.push(Node { path: format!("{}f", root.path), level: root.level, items: 0..items.len(), children: Vec::new(), full: true });
    }
    nodes
}

fn split(items: &[Item], range: Range<usize>, level: u32, nodes: &mut Vec<Node>) -> usize {
    let own = &items[range.clone()];
    let (first, last) = (own[0].code, own[own.len() - 1].code);
    // A quadrant that holds everything makes no tile of its own: step into it, to the last cell that holds all.
    let level = (level..DEPTH_MAX).find(|l| prefix(first, l + 1) != prefix(last, l + 1)).unwrap_or(DEPTH_MAX);
    let bytes: u64 = own.iter().map(|i| u64::from(i.bytes)).sum();
    let full = own.len() == 1 || level == DEPTH_MAX || (bytes <= LEAF_BYTES && own.len() <= LEAF_FEATURES);
    let index = nodes.len();
    nodes.push(Node { path: path(first, level), level, items: range.clone(), children: Vec::new(), full });
    if full {
        return index;
    }
    let mut from = range.start;
    while from < range.end {
        let cell = prefix(items[from].code, level + 1);
        let to = from + items[from..range.end].partition_point(|i| prefix(i.code, level + 1) == cell);
        let child = split(items, from..to, level + 1, nodes);
        nodes[index].children.push(child);
        from = to;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(n: u32, bytes: u32) -> Item {
        let code = code(Geodetic::from_degrees(118.0 + f64::from(n % 100) * 1e-3, 34.0 + f64::from(n / 100) * 1e-3, 0.0));
        Item { entry: n, code, bytes }
    }

    #[test]
    fn every_item_is_in_exactly_one_full_tile_and_tiles_keep_their_bounds() {
        let mut items: Vec<Item> = (0..10_000).map(|n| item(n, 4000)).collect();
        let nodes = grow(&mut items);
        let mut held = vec![0; items.len()];
        for node in nodes.iter().filter(|n| n.full) {
            assert!(node.children.is_empty() && node.items.len() as u64 * 4000 <= LEAF_BYTES);
            node.items.clone().for_each(|i| held[items[i].entry as usize] += 1);
            assert!(node.items.clone().all(|i| path(items[i].code, node.level) == node.path));
        }
        assert!(held.iter().all(|n| *n == 1));
        for node in nodes.iter().filter(|n| !n.full) {
            let sum: usize = node.children.iter().map(|c| nodes[*c].items.len()).sum();
            assert_eq!(sum, node.items.len());
        }
    }

    #[test]
    fn a_hamlet_has_two_levels_and_a_heap_on_one_spot_ends() {
        let mut one = [item(1, 10)];
        let nodes = grow(&mut one);
        assert!(nodes.len() == 2 && !nodes[0].full && nodes[1].full && nodes[0].path != nodes[1].path);
        let mut heap: Vec<Item> = (0..3000).map(|n| Item { entry: n, ..item(7, 1000) }).collect();
        assert!(grow(&mut heap).len() < 40);
        assert!(grow(&mut []).is_empty());
    }

    #[test]
    fn a_city_that_grows_in_the_east_keeps_its_tiles_in_the_west() {
        let mut town: Vec<Item> = (0..10_000).map(|n| item(n, 4000)).collect();
        let mut grown: Vec<Item> =
            town.iter().copied().chain((0..500).map(|n| Item { entry: 10_000 + n, ..item(n % 100, 4000) })).collect();
        let full = |nodes: Vec<Node>| nodes.into_iter().filter(|n| n.full).map(|n| (n.path, n.items.len())).collect::<Vec<_>>();
        let (before, after) = (full(grow(&mut town)), full(grow(&mut grown)));
        let kept = before.iter().filter(|t| after.contains(t)).count();
        assert!(kept * 10 > before.len() * 8, "{kept} of {}", before.len());
    }

    proptest! {
        #[test]
        fn a_cell_is_inside_of_the_cell_above_it(lon in -180.0f64..180.0, lat in -85.0f64..85.0, level in 1u32..DEPTH_MAX) {
            let c = code(Geodetic::from_degrees(lon, lat, 0.0));
            prop_assert!(path(c, level).starts_with(&path(c, level - 1)));
            prop_assert_eq!(digit(c, 0), u8::from(lon >= 0.0) + 2 * u8::from(lat >= 0.0));
        }
    }
}
