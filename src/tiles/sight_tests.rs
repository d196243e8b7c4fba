//! What is in sight: horizon, haze, volumes of contents and of children.

use crate::geo::{Geodetic, LocalFrame};
use crate::tiles::made_up::{CHILD, TOP, above, all, ancestors, any_view, block, once, quadtree};
use crate::tiles::{
    BoundingVolume, LoadClass, LoadState, Refine, SelectOptions, Selection, SelectionState, Tile, TileId, TileTree, View, select,
};
use LoadState::{Absent, Ready};
use glam::{DMat3, DVec3};
use proptest::prelude::*;

const FAR: f64 = 2000.0;
const MIDDLE: f64 = 600.0;

/// A country on Earth: a root around two cities, one at the frame's origin and one `far_m` to the east of it.
fn two_cities(far_m: f64) -> (TileTree, LocalFrame) {
    let frame = LocalFrame::new(Geodetic::from_degrees(118.25, 33.98, 20.0));
    let place = |lon: f64, half: f64| {
        let city = LocalFrame::new(Geodetic::from_degrees(118.25 + lon, 33.98, 20.0));
        BoundingVolume::from_half_axes(DVec3::ZERO, DMat3::from_diagonal(DVec3::new(half, half, 50.0)), &city.ecef_from_enu())
    };
    let mut tree = TileTree::new("file:///tileset.json");
    let whole = BoundingVolume::from_sphere(DVec3::ZERO, far_m * 1.5, &frame.ecef_from_enu());
    let top = tree.add(TileTree::ROOT, Tile::new(whole, 1e9, Refine::Add)).unwrap();
    for lon in [0.0, (far_m / 92_300.0)] {
        tree.add(top, Tile::new(place(lon, 2000.0), 0.0, Refine::Replace)).unwrap();
    }
    (tree, frame)
}

/// From 100 m over the ground 3 km west of the near city, looking east to the horizon.
fn eastward(frame: &LocalFrame) -> View {
    let to_world = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
    View::perspective(frame.to_ecef(DVec3::new(-3000.0, 0.0, 100.0)).0, to_world(DVec3::X), to_world(DVec3::Z), 1.0, 1.6, 1000.0)
}

fn chosen(tree: &TileTree, view: View, options: &SelectOptions) -> Selection {
    select(tree, &all(tree, Ready), &[view], options, &mut SelectionState::default())
}

#[test]
fn a_city_below_the_horizon_is_neither_drawn_nor_loaded() {
    let options = SelectOptions::default();
    let draw = |far_m: f64, options: &SelectOptions| {
        let (tree, frame) = two_cities(far_m);
        chosen(&tree, eastward(&frame), options).draw
    };
    assert_eq!(draw(60e3, &options), [TOP, TileId(2), TileId(3)]);
    assert_eq!(draw(400e3, &options), [TOP, TileId(2)]);
    assert_eq!(draw(400e3, &SelectOptions { horizon: false, ..options }), [TOP, TileId(2), TileId(3)]);
    let (tree, frame) = two_cities(400e3);
    let absent = once(&tree, &all(&tree, Absent), &[eastward(&frame)]);
    assert!(absent.load.iter().all(|l| l.tile != TileId(3)), "turning the camera would not show it: {:?}", absent.load);
    // One view from high enough suffices.
    let to_world = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
    let high = View::perspective(
        frame.to_ecef(DVec3::new(0.0, 0.0, 60e3)).0,
        to_world(DVec3::new(1.0, 0.0, -0.2)),
        to_world(DVec3::Z),
        1.0,
        1.6,
        1000.0,
    );
    let both = select(&tree, &all(&tree, Ready), &[eastward(&frame), high], &options, &mut SelectionState::default());
    assert_eq!(both.draw, [TOP, TileId(2), TileId(3)]);
}

#[test]
fn haze_lowers_detail_and_then_hides() {
    let tree = quadtree(2, Refine::Replace);
    let view = |density: f64| above(0.0, 0.0, MIDDLE).with_haze(density);
    let options = SelectOptions::default();
    let clear = chosen(&tree, view(0.0), &options);
    assert_eq!(clear.draw.len(), 4);
    // 600 m away a tenth of the light is gone: 16 + 0.1 * 24 px are allowed, and the top has some 24 px.
    assert_eq!(chosen(&tree, view(0.1054f64.sqrt() / MIDDLE), &options).draw.len(), 4);
    assert_eq!(chosen(&tree, view(1.0 / MIDDLE), &options).draw, [TOP]);
    assert_eq!(chosen(&tree, view(1.0 / MIDDLE), &SelectOptions { haze_sse_px: 0.0, ..options }).draw.len(), 4);
    let lost = chosen(&tree, view(3.0 / MIDDLE), &options);
    assert!(lost.draw.is_empty() && lost.load.is_empty());
}

#[test]
fn a_tile_whose_content_is_out_of_view_is_neither_drawn_nor_loaded_nor_waited_for() {
    let mut tree = TileTree::new("file:///tileset.json");
    let content = |x: f64| Box::from([block(DVec3::new(x, 0.0, 0.0), DVec3::splat(5.0))]);
    let top = tree.add(TileTree::ROOT, Tile::new(block(DVec3::ZERO, DVec3::new(100.0, 100.0, 5.0)), 1e9, Refine::Replace)).unwrap();
    for x in [-80.0, 80.0] {
        let tile = Tile::new(block(DVec3::ZERO, DVec3::new(100.0, 100.0, 5.0)), 0.0, Refine::Replace);
        tree.add(top, Tile { content_volumes: content(x), ..tile }).unwrap();
    }
    let low_over_the_left = above(-80.0, 0.0, 60.0);
    let mut loads = all(&tree, Ready);
    assert_eq!(once(&tree, &loads, std::slice::from_ref(&low_over_the_left)).draw, [CHILD]);
    loads[3] = Absent;
    let without = once(&tree, &loads, std::slice::from_ref(&low_over_the_left));
    assert_eq!((without.draw, without.load), (vec![CHILD], vec![]));
    // A parent whose own content is out of view can't stand in for a child that is late.
    let mut loads = all(&tree, Ready);
    loads[CHILD.index()] = Absent;
    assert_eq!(once(&tree, &loads, std::slice::from_ref(&low_over_the_left)).draw, [top]);
    let mut tiles = TileTree::new("file:///tileset.json");
    tree.iter().skip(1).for_each(|(id, t)| {
        let aside = if id == top { content(80.0) } else { t.content_volumes.clone() };
        tiles.add(t.parent.unwrap(), Tile { content_volumes: aside, ..t.clone() }).unwrap();
    });
    assert_eq!(once(&tiles, &loads, std::slice::from_ref(&low_over_the_left)).draw, []);
}

#[test]
fn a_tile_none_of_whose_children_is_in_view_is_neither_drawn_nor_loaded() {
    let mut tree = TileTree::new("file:///tileset.json");
    let wide = block(DVec3::ZERO, DVec3::new(100.0, 100.0, 5.0));
    let top = tree.add(TileTree::ROOT, Tile::new(wide, 1.0, Refine::Replace)).unwrap();
    tree.add(top, Tile::new(block(DVec3::new(80.0, 0.0, 0.0), DVec3::splat(5.0)), 0.0, Refine::Replace)).unwrap();
    let (left, right) = (above(-80.0, 0.0, 60.0), above(80.0, 0.0, 60.0));
    for error_px in [1.0, 1e9] {
        let options = SelectOptions { max_sse_px: error_px, ..SelectOptions::default() };
        assert!(chosen(&tree, left.clone(), &options).draw.is_empty());
        assert_eq!(chosen(&tree, right.clone(), &options).draw.len(), 1);
        let absent = select(&tree, &all(&tree, Absent), std::slice::from_ref(&left), &options, &mut SelectionState::default());
        assert!(absent.load.is_empty(), "{:?}", absent.load);
    }
}

#[test]
fn children_that_are_not_to_be_looked_at_from_here_leave_their_parent_on_screen() {
    let mut tree = TileTree::new("file:///tileset.json");
    let ground = block(DVec3::ZERO, DVec3::new(50.0, 50.0, 1.0));
    let top = tree.add(TileTree::ROOT, Tile::new(ground, 1e9, Refine::Replace)).unwrap();
    let near_only = Some(Box::new(block(DVec3::ZERO, DVec3::splat(100.0))));
    tree.add(top, Tile { viewer_request_volume: near_only, ..Tile::new(ground, 0.0, Refine::Replace) }).unwrap();
    let loads = all(&tree, Ready);
    assert_eq!(once(&tree, &loads, &[above(0.0, 0.0, FAR)]).draw, [top]);
    assert_eq!(once(&tree, &loads, &[above(0.0, 0.0, 90.0)]).draw, [CHILD]);
    let absent = once(&tree, &all(&tree, Absent), &[above(0.0, 0.0, FAR)]);
    assert_eq!(absent.load.iter().map(|l| (l.tile, l.class)).collect::<Vec<_>>(), [(top, LoadClass::Normal)]);
}

proptest! {
    /// Haze only takes away: each tile drawn in it is drawn in clear air too, or stands for finer ones that are. But for one at the picture's
    /// edge that only seems to be in it (boxes are asked plane by plane): where haze draws it, clear air finds none of its finest in view.
    #[test]
    fn haze_adds_nothing(view in any_view(), density in 0.0..0.01f64) {
        let tree = quadtree(4, Refine::Replace);
        let loads = all(&tree, Ready);
        let clear = once(&tree, &loads, std::slice::from_ref(&view)).draw;
        let within = |tile: TileId, id: TileId| tile == id || ancestors(&tree, tile).any(|a| a == id);
        let finest = tree.iter().filter(|(_, t)| t.children.is_empty());
        let seen: Vec<TileId> = finest.filter(|(_, t)| t.volume.meets_frustum(view.planes())).map(|(id, _)| id).collect();
        for id in once(&tree, &loads, &[view.with_haze(density)]).draw {
            prop_assert!(clear.iter().any(|c| within(*c, id)) || !seen.iter().any(|s| within(*s, id)), "{id:?}");
        }
    }
}
