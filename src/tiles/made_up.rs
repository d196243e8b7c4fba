//! Made-up trees, loads and views for tests of the selection: no files, no GPU.

use super::{BoundingVolume, LoadState, Refine, SelectOptions, Selection, SelectionState, Tile, TileId, TileTree, View, select};
use LoadState::{Absent, Empty, Failed, Ready};
use glam::{DMat3, DMat4, DVec3};
use proptest::prelude::*;

/// The quadtree's own root, and its first child.
pub const TOP: TileId = TileId(1);
pub const CHILD: TileId = TileId(2);

/// A flat block, half sides in metres.
pub fn block(centre: DVec3, half_m: DVec3) -> BoundingVolume {
    BoundingVolume::from_half_axes(centre, DMat3::from_diagonal(half_m), &DMat4::IDENTITY)
}

/// A quadtree on the ground: side 100 m at the top, error 16 m halving; level by level, south-west first.
pub fn quadtree(levels: u16, refine: Refine) -> TileTree {
    let mut tree = TileTree::new("file:///tileset.json");
    let mut level = vec![(DVec3::ZERO, TileTree::ROOT)];
    for depth in 0..levels {
        let half = 50.0 / f64::from(1u32 << depth);
        let error_m = if depth + 1 == levels { 0.0 } else { 16.0 / f64::from(1u32 << depth) };
        let mut below = Vec::new();
        for (centre, parent) in level {
            let id = tree.add(parent, Tile::new(block(centre, DVec3::new(half, half, 1.0)), error_m, refine)).unwrap();
            below.extend(
                [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)].map(|(x, y)| (centre + DVec3::new(x, y, 0.0) * half * 0.5, id)),
            );
        }
        level = below;
    }
    tree
}

/// Straight down from `height_m` over (x, y).
pub fn above(x: f64, y: f64, height_m: f64) -> View {
    View::perspective(DVec3::new(x, y, height_m), -DVec3::Z, DVec3::Y, 1.0, 1.0, 1000.0)
}

/// The stand-in root is empty, everything else as given.
pub fn all(tree: &TileTree, state: LoadState) -> Vec<LoadState> {
    let mut loads = vec![state; tree.len()];
    loads[0] = Empty;
    loads
}

pub fn run(tree: &TileTree, loads: &[LoadState], views: &[View], state: &mut SelectionState) -> Selection {
    select(tree, loads, views, &SelectOptions::default(), state)
}

pub fn once(tree: &TileTree, loads: &[LoadState], views: &[View]) -> Selection {
    run(tree, loads, views, &mut SelectionState::default())
}

pub fn ancestors(tree: &TileTree, id: TileId) -> impl Iterator<Item = TileId> {
    std::iter::successors(tree.tile(id).parent, |id| tree.tile(*id).parent)
}

/// Leaves in the picture that neither are drawn nor have an ancestor drawn in their place, though they have something to draw.
pub fn uncovered(tree: &TileTree, loads: &[LoadState], view: &View, draw: &[TileId]) -> Vec<TileId> {
    let drawn: std::collections::HashSet<_> = draw.iter().copied().collect();
    let leaves = tree.iter().filter(|(_, t)| t.children.is_empty() && t.volume.meets_frustum(view.planes())).map(|(id, _)| id);
    let covered = |id: TileId| drawn.contains(&id) || ancestors(tree, id).any(|a| drawn.contains(&a)) || loads[id.index()] == Empty;
    leaves.filter(|id| !covered(*id)).collect()
}

/// Tiles of a quadtree of four levels and its stand-in root.
pub const TILES: usize = 86;

/// Loads of `quadtree(4, _)`.
pub fn any_loads() -> impl Strategy<Value = Vec<LoadState>> {
    let state = prop_oneof![3 => Just(Absent), 6 => Just(Ready), 1 => Just(Failed), 1 => Just(Empty)];
    prop::collection::vec(state, TILES).prop_map(|mut loads| {
        loads[0] = Empty;
        loads
    })
}

pub fn any_view() -> impl Strategy<Value = View> {
    (-60.0..60.0f64, -60.0..60.0f64, 5.0..3000.0f64, -1.0..1.0f64, -1.0..1.0f64).prop_map(|(x, y, height_m, dx, dy)| {
        View::perspective(DVec3::new(x, y, height_m), DVec3::new(dx, dy, -1.0), DVec3::new(0.1, 1.0, 0.3), 1.0, 1.6, 1000.0)
    })
}
