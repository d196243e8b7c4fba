//! The explicit quadtree over a city's things: which tile holds what.

use glam::DVec2;
use std::ops::Range;

/// A tile of full geometry aims at no more than this many bytes (about 1 MB) ...
pub const LEAF_BYTES: usize = 1 << 20;
/// ... and this many features.
pub const LEAF_FEATURES: usize = 4096;
/// Deeper than this (a city of 60 km down to a metre) items lie on top of each other and stay together.
const DEPTH_MAX: usize = 16;

/// One thing to be drawn: a whole feature, or one face of a feature that may be cut.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub feature: u32,
    pub face: Option<u32>,
    /// Centre; any plane that is true to shape will do.
    pub at: DVec2,
    /// Size in its tile of full geometry, estimated.
    pub bytes: u32,
}

/// One tile. Node 0 is the root; parents come before their children.
#[derive(Debug)]
pub struct Node {
    /// `r`, then the quadrant taken at each level: `r03`; also the name of its file.
    pub path: String,
    /// Its own items and those of all its children, in the sorted item list.
    pub items: Range<usize>,
    pub children: Vec<usize>,
    /// Full geometry; else a coarser picture of everything below.
    pub full: bool,
}

/// Sorts `items` by tile and answers the tiles. A tree always has a coarse root, so that every city has two levels of detail.
pub fn grow(items: &mut [Item]) -> Vec<Node> {
    let mut nodes = Vec::new();
    if items.is_empty() {
        return nodes;
    }
    let lo = items.iter().fold(DVec2::INFINITY, |m, i| m.min(i.at));
    let hi = items.iter().fold(DVec2::NEG_INFINITY, |m, i| m.max(i.at));
    let side = (hi - lo).max_element().max(f64::MIN_POSITIVE);
    let square = ((lo + hi) * 0.5, side * 0.5);
    split(items, 0, square, "r".to_owned(), &mut nodes);
    if nodes[0].full {
        nodes[0].full = false;
        nodes[0].children = vec![1];
        nodes.push(Node { path: "rf".to_owned(), items: 0..items.len(), children: Vec::new(), full: true });
    }
    nodes
}

fn split(items: &mut [Item], start: usize, (mut centre, mut half): (DVec2, f64), mut path: String, nodes: &mut Vec<Node>) -> usize {
    let index = nodes.len();
    let bytes: usize = items.iter().map(|i| i.bytes as usize).sum();
    let small = items.len() == 1 || (bytes <= LEAF_BYTES && features(items) <= LEAF_FEATURES);
    // A quadrant that holds everything makes no tile of its own: step into it.
    while let (false, true, Some(q)) = (small, path.len() <= DEPTH_MAX, only_quadrant(items, centre)) {
        (centre, half) = quadrant_square(centre, half, q);
        path.push_str(&q.to_string());
    }
    let full = small || path.len() > DEPTH_MAX;
    nodes.push(Node { path: path.clone(), items: start..start + items.len(), children: Vec::new(), full });
    if full {
        // Faces of a feature next to each other, so that it gets one row.
        items.sort_by_key(|i| (i.feature, i.face));
        return index;
    }
    items.sort_by_key(|i| (quadrant(i, centre), i.feature, i.face));
    let mut from = 0;
    for q in 0..4 {
        let to = from + items[from..].partition_point(|i| quadrant(i, centre) == q);
        if to > from {
            let child = split(&mut items[from..to], start + from, quadrant_square(centre, half, q), format!("{path}{q}"), nodes);
            nodes[index].children.push(child);
        }
        from = to;
    }
    index
}

/// 0 south-west, 1 south-east, 2 north-west, 3 north-east.
fn quadrant(i: &Item, centre: DVec2) -> usize {
    usize::from(i.at.x >= centre.x) + 2 * usize::from(i.at.y >= centre.y)
}

fn quadrant_square(centre: DVec2, half: f64, q: usize) -> (DVec2, f64) {
    let sign = DVec2::new([-1.0, 1.0][q % 2], [-1.0, 1.0][q / 2]);
    (centre + sign * half * 0.5, half * 0.5)
}

/// The quadrant that all items lie in, if one does hold them all.
fn only_quadrant(items: &[Item], centre: DVec2) -> Option<usize> {
    let first = quadrant(items.first()?, centre);
    items.iter().all(|i| quadrant(i, centre) == first).then_some(first)
}

/// Different features in items sorted by feature or by quadrant and feature; an overestimate otherwise, which only splits earlier.
fn features(items: &[Item]) -> usize {
    items.chunk_by(|a, b| a.feature == b.feature).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(n: u32, bytes: u32) -> Item {
        Item { feature: n, face: None, at: DVec2::new(f64::from(n % 100), f64::from(n / 100)), bytes }
    }

    #[test]
    fn every_item_is_in_exactly_one_full_tile_and_tiles_keep_their_bounds() {
        let mut items: Vec<Item> = (0..10_000).map(|n| item(n, 2000)).collect();
        let nodes = grow(&mut items);
        let mut held = vec![0; items.len()];
        for node in nodes.iter().filter(|n| n.full) {
            assert!(node.children.is_empty() && node.items.len() * 2000 <= LEAF_BYTES);
            node.items.clone().for_each(|i| held[items[i].feature as usize] += 1);
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
        assert!(nodes.len() == 2 && !nodes[0].full && nodes[1].full);
        let mut heap: Vec<Item> = (0..3000).map(|n| Item { feature: n, face: None, at: DVec2::ONE, bytes: 1000 }).collect();
        assert!(grow(&mut heap).len() < 40);
        assert!(grow(&mut []).is_empty());
    }
}
