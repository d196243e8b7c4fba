//! Several groups of views over one tree.

use super::*;
use crate::tiles::made_up::{CHILD, TOP, above, all, any_loads, any_view, quadtree, run};
use crate::tiles::{LoadState, Refine};
use LoadState::{Absent, Ready};
use proptest::prelude::*;

const FAR: f64 = 2000.0;
const MIDDLE: f64 = 600.0;

fn group(purpose: Purpose, weight: f64, view: View) -> ViewGroup {
    ViewGroup { views: vec![view], ..ViewGroup::new(purpose, weight) }
}

fn chosen(tree: &TileTree, loads: &[LoadState], groups: &mut [ViewGroup]) -> Vec<Load> {
    choose(tree, loads, &SelectOptions::default(), groups)
}

#[test]
fn the_map_in_the_corner_draws_coarse_while_the_wall_draws_fine() {
    let tree = quadtree(2, Refine::Replace);
    let mut groups = [group(Purpose::Draw, 1.0, above(0.0, 0.0, MIDDLE)), group(Purpose::Draw, 0.1, above(0.0, 0.0, FAR))];
    chosen(&tree, &all(&tree, Ready), &mut groups);
    assert_eq!((groups[0].drawn().len(), groups[1].drawn()), (4, [TOP].as_slice()));
    assert_eq!(drawn_by_any(&groups), (1..6).map(TileId).collect::<Vec<_>>());
}

#[test]
fn a_heavier_group_is_served_first() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Absent);
    loads[TOP.index()] = LoadState::Empty;
    // Low over the first and over the last child.
    let corners = [above(-30.0, -30.0, 20.0), above(30.0, 30.0, 20.0)];
    for weights in [[1.0, 0.5], [0.5, 1.0]] {
        let [mut a, mut b] = [0, 1].map(|i| group(Purpose::Draw, weights[i], corners[i].clone()));
        let wanted = chosen(&tree, &loads, std::slice::from_mut(&mut a));
        assert_eq!(wanted[0].tile, CHILD);
        b.weight = weights[1];
        let wanted = chosen(&tree, &loads, &mut [a, b]);
        assert_eq!(wanted[0].tile, if weights[0] > weights[1] { CHILD } else { TileId(5) });
        assert_eq!(wanted[0].class, LoadClass::Normal);
    }
}

#[test]
fn a_camera_path_is_preloaded_and_nothing_of_it_is_drawn() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Absent);
    loads[TOP.index()] = Ready;
    let mut groups = [group(Purpose::Draw, 1.0, above(0.0, 0.0, FAR)), group(Purpose::Preload, 1.0, above(-30.0, -30.0, 20.0))];
    let wanted = chosen(&tree, &loads, &mut groups);
    assert_eq!((groups[0].drawn(), groups[1].drawn()), ([TOP].as_slice(), [].as_slice()));
    assert!(wanted.iter().any(|l| l.tile == CHILD) && wanted.iter().all(|l| l.class == LoadClass::Preload), "{wanted:?}");
    // What is here for later is kept, and a failure there is no hole in any picture.
    loads[CHILD.index()] = Ready;
    chosen(&tree, &loads, &mut groups);
    assert_eq!(groups[1].selection.kicked, [CHILD]);
    (loads[TOP.index()], loads[CHILD.index()]) = (LoadState::Failed, LoadState::Failed);
    chosen(&tree, &loads, &mut groups[1..]);
    assert_eq!(groups[1].holes(), 0);
}

/// Loads of one group by itself in the order of their need, those for later left out.
fn needed_alone(tree: &TileTree, loads: &[LoadState], view: &View) -> Vec<TileId> {
    let wanted = chosen(tree, loads, &mut [group(Purpose::Draw, 1.0, view.clone())]);
    wanted.iter().filter(|l| l.class != LoadClass::Preload).map(|l| l.tile).collect()
}

#[test]
fn a_mini_map_is_drawn_and_asks_after_the_picture_and_before_what_is_for_later() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Absent);
    loads[TOP.index()] = Ready;
    // The picture looks low at the first child, the map at all of it; a path leads to the last one.
    let mut groups = [
        group(Purpose::Draw, 0.001, above(-30.0, -30.0, 20.0)),
        group(Purpose::Inset, 1000.0, above(0.0, 0.0, MIDDLE)),
        group(Purpose::Preload, 1e9, above(30.0, 30.0, 20.0)),
    ];
    let wanted = chosen(&tree, &loads, &mut groups);
    let classes: Vec<(TileId, LoadClass)> = wanted.iter().map(|l| (l.tile, l.class)).collect();
    assert_eq!(classes[0], (CHILD, LoadClass::Normal));
    assert_eq!(classes[1..], [TileId(3), TileId(4), TileId(5)].map(|tile| (tile, LoadClass::Aside)));
    assert_eq!(groups[1].drawn(), [TOP]);
}

proptest! {
    /// Whatever a mini-map or a preview looks at, and however heavy it is: the picture's loads are the first ones and stand in the order that they have
    /// without it.
    #[test]
    fn an_inset_never_delays_a_load_of_the_picture(loads in any_loads(), picture in any_view(), map in any_view(), weight in 0.01..100.0f64) {
        let tree = quadtree(4, Refine::Replace);
        let alone = needed_alone(&tree, &loads, &picture);
        let wanted = chosen(&tree, &loads, &mut [group(Purpose::Inset, weight, map), group(Purpose::Draw, 1.0, picture)]);
        let first: Vec<TileId> = wanted.iter().take(alone.len()).map(|l| l.tile).collect();
        prop_assert_eq!(first, alone);
    }

    /// Over a walk of frames, each group draws what it would draw by itself, whatever the others look at.
    #[test]
    fn groups_do_not_see_each_other(
        frames in prop::collection::vec((any_loads(), any_view(), any_view(), any_view()), 1..5), weight in 0.1..10.0f64
    ) {
        let tree = quadtree(4, Refine::Replace);
        let mut groups = [ViewGroup::new(Purpose::Draw, 1.0), ViewGroup::new(Purpose::Preload, 1.0), ViewGroup::new(Purpose::Draw, weight)];
        let mut alone = [SelectionState::default(), SelectionState::default()];
        for (loads, a, b, c) in frames {
            for (group, view) in groups.iter_mut().zip([&a, &b, &c]) {
                group.views = vec![view.clone()];
            }
            let wanted = chosen(&tree, &loads, &mut groups);
            let [first, last] = [(0, &a), (1, &c)].map(|(i, view)| run(&tree, &loads, std::slice::from_ref(view), &mut alone[i]));
            prop_assert_eq!(groups[0].drawn(), first.draw);
            prop_assert_eq!(groups[2].drawn(), last.draw);
            // Every wish of any group is there, once, and never later than its group wants it.
            for load in first.load.iter().chain(&last.load) {
                prop_assert_eq!(wanted.iter().filter(|w| w.tile == load.tile && w.class <= load.class).count(), 1);
            }
            prop_assert!(wanted.is_sorted_by(|a, b| a.by_need(b).is_lt()));
        }
    }
}
