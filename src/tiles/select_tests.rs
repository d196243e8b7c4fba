//! Selection on made-up trees: no files, no GPU.

use super::*;
use crate::tiles::made_up::{CHILD, TOP, above, all, ancestors, any_loads, any_view, once, quadtree, run, uncovered};
use crate::tiles::{LoadState, Refine};
use LoadState::{Absent, Failed, Ready};
use glam::DVec3;
use proptest::prelude::*;

fn wanted(selection: &Selection, class: LoadClass) -> Vec<TileId> {
    selection.load.iter().filter(|l| l.class == class).map(|l| l.tile).collect()
}

const FAR: f64 = 2000.0;
const MIDDLE: f64 = 600.0;

#[test]
fn detail_follows_distance() {
    let tree = quadtree(3, Refine::Replace);
    let loads = all(&tree, Ready);
    assert_eq!(once(&tree, &loads, &[above(0.0, 0.0, FAR)]).draw, [TOP]);
    assert_eq!(once(&tree, &loads, &[above(0.0, 0.0, MIDDLE)]).draw, (2..6).map(TileId).collect::<Vec<_>>());
    assert_eq!(once(&tree, &loads, &[above(0.0, 0.0, 150.0)]).draw.len(), 16);
}

#[test]
fn what_no_view_sees_is_neither_drawn_nor_awaited() {
    let tree = quadtree(3, Refine::Replace);
    let up = View::perspective(DVec3::new(0.0, 0.0, 10.0), DVec3::Z, DVec3::Y, 1.0, 1.0, 1000.0);
    let selection = once(&tree, &all(&tree, Ready), &[up]);
    assert!(selection.draw.is_empty() && selection.load.is_empty());
    // Close above one corner: tiles of the other corners are at most preloaded.
    let corner = once(&tree, &all(&tree, Absent), &[above(-40.0, -40.0, 15.0)]);
    let normal = wanted(&corner, LoadClass::Normal);
    assert!(!normal.is_empty() && normal.len() < 16, "{normal:?}");
    assert!(wanted(&corner, LoadClass::Preload).len() > 3);
}

#[test]
fn a_parent_stays_until_all_wanted_children_are_here() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Ready);
    loads[CHILD.index()] = Absent;
    let selection = once(&tree, &loads, &[above(0.0, 0.0, MIDDLE)]);
    assert_eq!(selection.draw, [TOP]);
    assert_eq!(wanted(&selection, LoadClass::Normal), [CHILD]);
    assert_eq!(selection.kicked.len(), 3);
}

#[test]
fn detail_once_shown_does_not_vanish_for_a_late_neighbour() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Ready);
    let mut state = SelectionState::default();
    run(&tree, &loads, &[above(0.0, 0.0, MIDDLE)], &mut state);
    loads[CHILD.index()] = Absent;
    let after = run(&tree, &loads, &[above(0.0, 0.0, MIDDLE)], &mut state);
    assert_eq!(after.draw, [TileId(3), TileId(4), TileId(5)]);
    assert_eq!(wanted(&after, LoadClass::Normal), [CHILD]);
}

#[test]
fn without_holes_detail_gives_way_but_what_is_out_of_view_is_not_waited_for() {
    let tree = quadtree(2, Refine::Replace);
    let options = SelectOptions { no_holes: true, ..SelectOptions::default() };
    let (mut loads, mut state) = (all(&tree, Ready), SelectionState::default());
    let mut next = |loads: &[LoadState], view: View| select(&tree, loads, &[view], &options, &mut state);
    assert_eq!(next(&loads, above(0.0, 0.0, MIDDLE)).draw.len(), 4);
    loads[CHILD.index()] = Absent;
    let late = next(&loads, above(0.0, 0.0, MIDDLE));
    assert_eq!((late.draw.as_slice(), late.kicked.len(), wanted(&late, LoadClass::Normal)), ([TOP].as_slice(), 3, vec![CHILD]));
    // Low over the opposite corner the late one is not in the picture.
    assert_eq!(next(&loads, above(30.0, 30.0, 20.0)).draw, [TileId(5)]);
}

#[test]
fn zooming_out_keeps_the_children_until_the_parent_is_here() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Ready);
    loads[TOP.index()] = Absent;
    let mut state = SelectionState::default();
    run(&tree, &loads, &[above(0.0, 0.0, MIDDLE)], &mut state);
    let out = run(&tree, &loads, &[above(0.0, 0.0, FAR)], &mut state);
    assert_eq!(out.draw.len(), 4);
    assert_eq!(wanted(&out, LoadClass::Urgent), [TOP]);
    loads[TOP.index()] = Ready;
    assert_eq!(run(&tree, &loads, &[above(0.0, 0.0, FAR)], &mut state).draw, [TOP]);
}

#[test]
fn added_tiles_are_drawn_with_their_parents_and_each_as_it_comes() {
    let tree = quadtree(2, Refine::Add);
    let mut loads = all(&tree, Ready);
    loads[CHILD.index()] = Absent;
    let selection = once(&tree, &loads, &[above(0.0, 0.0, MIDDLE)]);
    assert_eq!(selection.draw, [TOP, TileId(3), TileId(4), TileId(5)]);
    assert_eq!(wanted(&selection, LoadClass::Normal), [CHILD]);
}

#[test]
fn the_nearest_of_several_views_decides() {
    let tree = quadtree(2, Refine::Replace);
    let loads = all(&tree, Ready);
    let (far, near) = (above(0.0, 0.0, FAR), above(0.0, 0.0, MIDDLE));
    assert_eq!(once(&tree, &loads, &[far.clone(), near.clone()]).draw, once(&tree, &loads, &[near]).draw);
    // A view that does not see the tile has no say.
    let near_but_turned_away = View::perspective(DVec3::new(0.0, 0.0, MIDDLE), DVec3::Z, DVec3::Y, 1.0, 1.0, 1000.0);
    assert_eq!(once(&tree, &loads, &[far, near_but_turned_away]).draw, [TOP]);
}

#[test]
fn two_halves_of_a_wall_draw_the_same_tiles_as_the_whole() {
    let tree = quadtree(4, Refine::Replace);
    let loads = all(&tree, Ready);
    let (eye, top) = (DVec3::new(0.0, -80.0, 60.0), 0.5f64.tan());
    let forward = DVec3::new(0.0, 1.0, -0.6);
    let half = |left: f64, right: f64| {
        let tangents = crate::tiles::Tangents { left: left * top, right: right * top, bottom: -top, top };
        View::off_axis(eye, forward, DVec3::Z, tangents, 2000.0, 1.0)
    };
    let whole: std::collections::BTreeSet<_> = once(&tree, &loads, &[half(-2.0, 2.0)]).draw.into_iter().collect();
    let (left, right) = (once(&tree, &loads, &[half(-2.0, 0.0)]).draw, once(&tree, &loads, &[half(0.0, 2.0)]).draw);
    assert!(left.len() > 3 && right.len() > 3);
    assert_eq!(left.into_iter().chain(right).collect::<std::collections::BTreeSet<_>>(), whole);
}

#[test]
fn a_failed_child_leaves_its_parent_on_screen_and_is_not_asked_again() {
    let tree = quadtree(2, Refine::Replace);
    let mut loads = all(&tree, Ready);
    loads[CHILD.index()] = Failed;
    let selection = once(&tree, &loads, &[above(0.0, 0.0, MIDDLE)]);
    assert_eq!((selection.draw, selection.load.len(), selection.holes), (vec![TOP], 0, 0));
    // Without a parent to stand in, the rest is drawn and the hole is counted.
    loads[TOP.index()] = Failed;
    let selection = once(&tree, &loads, &[above(0.0, 0.0, FAR)]);
    assert_eq!((selection.draw.len(), selection.holes), (3, 1));
    // A parent that is not here yet is waited for: it will be all there is of the hole.
    loads[TOP.index()] = Absent;
    let selection = once(&tree, &loads, &[above(0.0, 0.0, MIDDLE)]);
    assert_eq!(wanted(&selection, LoadClass::Urgent), [TOP]);
}

#[test]
fn a_replaced_parent_is_wanted_for_later_only_where_moving_away_a_little_would_show_it() {
    let tree = quadtree(3, Refine::Replace);
    let mut loads = all(&tree, Ready);
    loads[TOP.index()] = Absent;
    let asked = |height_m: f64, no_holes: bool| {
        let options = SelectOptions { no_holes, ..SelectOptions::default() };
        wanted(&select(&tree, &loads, &[above(0.0, 0.0, height_m)], &options, &mut SelectionState::default()), LoadClass::Preload)
    };
    assert_eq!(asked(MIDDLE, false), [TOP]);
    assert_eq!(asked(100.0, false), [], "ten times finer is drawn here");
    assert_eq!(asked(100.0, true), [TOP], "it may have to fill a hole");
}

#[test]
fn with_too_many_to_wait_for_the_ancestor_comes_first() {
    let tree = quadtree(4, Refine::Replace);
    let selection = once(&tree, &all(&tree, Absent), &[above(0.0, 0.0, 60.0)]);
    assert_eq!(wanted(&selection, LoadClass::Normal), [TOP]);
}

#[test]
fn wishes_are_sorted_by_class_then_by_score() {
    let tree = quadtree(3, Refine::Replace);
    let options = SelectOptions { loading_descendants_max: 1000, ..SelectOptions::default() };
    let selection = select(&tree, &all(&tree, Absent), &[above(-30.0, -30.0, 80.0)], &options, &mut SelectionState::default());
    let keys: Vec<_> = selection.load.iter().map(|l| (l.class, -l.score)).collect();
    assert!(keys.len() > 5 && keys.is_sorted_by(|a, b| a.0 < b.0 || (a.0 == b.0 && a.1 <= b.1)), "{keys:?}");
}

proptest! {
    /// Over a walk of frames in which tiles come, fail and go.
    #[test]
    fn a_replaced_tile_is_never_drawn_with_what_replaces_it(
        frames in prop::collection::vec((any_loads(), prop::collection::vec(any_view(), 1..3)), 1..5)
    ) {
        let tree = quadtree(4, Refine::Replace);
        let mut state = SelectionState::default();
        for (loads, views) in frames {
            let selection = run(&tree, &loads, &views, &mut state);
            let drawn: std::collections::HashSet<_> = selection.draw.iter().copied().collect();
            prop_assert_eq!(drawn.len(), selection.draw.len(), "a tile is drawn twice");
            for id in &selection.draw {
                prop_assert_eq!(loads[id.index()], Ready);
                prop_assert!(ancestors(&tree, *id).all(|a| !drawn.contains(&a)));
            }
            for load in &selection.load {
                prop_assert_eq!(loads[load.tile.index()], Absent);
            }
        }
    }

    #[test]
    fn with_the_top_here_nothing_in_view_is_a_hole(mut loads in any_loads(), view in any_view()) {
        let tree = quadtree(4, Refine::Replace);
        loads[TOP.index()] = Ready;
        let draw = once(&tree, &loads, std::slice::from_ref(&view)).draw;
        prop_assert_eq!(uncovered(&tree, &loads, &view, &draw), []);
    }

    /// Whatever came, failed and went in the frames before.
    #[test]
    fn without_holes_the_top_suffices_in_every_frame(frames in prop::collection::vec((any_loads(), any_view()), 1..6), add: bool) {
        let tree = quadtree(4, if add { Refine::Add } else { Refine::Replace });
        let (options, mut state) = (SelectOptions { no_holes: true, ..SelectOptions::default() }, SelectionState::default());
        for (mut loads, view) in frames {
            loads[TOP.index()] = Ready;
            let selection = select(&tree, &loads, std::slice::from_ref(&view), &options, &mut state);
            prop_assert_eq!(uncovered(&tree, &loads, &view, &selection.draw), []);
            prop_assert!(selection.draw.iter().all(|id| loads[id.index()] == Ready));
        }
    }

    /// What it asks for, if it all comes, ends in a picture that waits for nothing.
    #[test]
    fn loading_what_is_asked_settles(mut loads in any_loads(), view in any_view()) {
        let tree = quadtree(4, Refine::Replace);
        let mut state = SelectionState::default();
        for _ in 0..20 {
            let selection = run(&tree, &loads, std::slice::from_ref(&view), &mut state);
            if selection.load.is_empty() {
                return Ok(());
            }
            selection.load.iter().for_each(|l| loads[l.tile.index()] = Ready);
        }
        prop_assert!(false, "still asking after 20 rounds");
    }
}
