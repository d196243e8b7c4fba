//! The engine in small rooms: it keeps to its budget, settles, leaves no hole, and detail comes back.

use super::*;
use crate::tiles::made_up::{above, any_view, uncovered};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const B3DM: &[u8] = include_bytes!("../../../tests/data/3d-tiles/ll.b3dm");
/// Updates within which a picture settles, whatever the room: the allowed error takes some 230 to its end.
const UPDATES_MAX: usize = 4000;

/// The tile at a place of a quadtree like `made_up::quadtree`, its children in it: some tiles have a content twice.
fn tile(centre: [f64; 2], depth: i32, levels: i32) -> serde_json::Value {
    let half = 50.0 / f64::from(1 << depth);
    let error_m = if depth + 1 == levels { 0.0 } else { 16.0 / f64::from(1 << depth) };
    let content = serde_json::json!({ "uri": "a.b3dm" });
    let heavy = (centre[0] + 2.0 * centre[1]).rem_euclid(3.0 * half) < half;
    let below = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)].map(|(x, y)| [centre[0] + x * half / 2.0, centre[1] + y * half / 2.0]);
    let children: Vec<_> = if depth + 1 < levels { below.map(|c| tile(c, depth + 1, levels)).into() } else { Vec::new() };
    serde_json::json!({
        "boundingVolume": { "box": [centre[0], centre[1], 0, half, 0, 0, 0, half, 0, 0, 0, 1] }, "geometricError": error_m,
        "refine": "REPLACE", "contents": if heavy && depth > 0 { vec![&content, &content] } else { vec![&content] }, "children": children
    })
}

/// A folder with the quadtree of four levels, and the bytes of one content.
fn quadtree() -> &'static (tempfile::TempDir, usize) {
    static FOLDER: OnceLock<(tempfile::TempDir, usize)> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.b3dm"), B3DM).unwrap();
        let json = serde_json::json!({ "asset": { "version": "1.1" }, "geometricError": 100, "root": tile([0.0, 0.0], 0, 4) });
        std::fs::write(folder.path().join("tileset.json"), json.to_string()).unwrap();
        let mut tileset = Tileset::open(folder.path().to_str().unwrap(), TilesetOptions::default()).unwrap();
        settled(&mut tileset, &above(0.0, 0.0, 2000.0), &mut |_, _| ());
        let one = tileset.content(TileId(1)).unwrap().bytes;
        (folder, one)
    })
}

fn open(memory: MemoryBudget) -> Tileset {
    let options = TilesetOptions { memory: Some(memory), ..TilesetOptions::default() };
    Tileset::open(quadtree().0.path().to_str().unwrap(), options).unwrap()
}

/// Room for so many contents.
fn room(contents: f64) -> MemoryBudget {
    MemoryBudget::new((quadtree().1 as f64 * contents) as usize)
}

/// Updates until the picture of `view` is settled and its tileset read; `look` sees each frame.
fn settled(tileset: &mut Tileset, view: &View, look: &mut dyn FnMut(&Tileset, &Frame)) -> Frame {
    let started = Instant::now();
    for _ in 0..UPDATES_MAX {
        let frame = tileset.update(std::slice::from_ref(view));
        look(tileset, &frame);
        if tileset.is_settled() && tileset.tree().len() > 1 {
            assert_eq!(frame.progress.pending, 0);
            return frame;
        }
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_micros(500));
    }
    let progress = tileset.update(std::slice::from_ref(view)).progress;
    panic!("not settled: {progress:?}, {:?}, {:?}", tileset.share.standing(), tileset.detail);
}

/// What every frame keeps to.
struct Law {
    here: HashSet<TileId>,
}

impl Law {
    fn new() -> Self {
        Self { here: HashSet::new() }
    }

    fn look(&mut self, frame: &Frame) {
        frame.evicted.iter().for_each(|id| assert!(self.here.remove(id), "{id:?} is evicted and was not here"));
        self.here.extend(frame.loaded.iter().map(|(id, _)| *id));
        assert!(frame.draw.iter().all(|id| self.here.contains(id)), "{:?} of {:?}", frame.draw, self.here);
        let Progress { held_bytes, budget_bytes, resident_bytes, .. } = frame.progress;
        assert!(held_bytes <= budget_bytes && resident_bytes <= budget_bytes, "{:?}", frame.progress);
    }
}

fn holes(tileset: &Tileset, view: &View, draw: &[TileId]) -> Vec<TileId> {
    uncovered(&tileset.tree, &tileset.loads, view, draw)
}

#[test]
fn detail_that_was_given_up_comes_back_when_the_picture_needs_less() {
    let mut tileset = open(room(12.0));
    let all = settled(&mut tileset, &above(0.0, 0.0, 100.0), &mut |_, _| ());
    assert!(all.progress.sse_px > 16.0, "{:?}", all.progress);
    // Low over one corner: few tiles, and most of the memory is full of what was seen before.
    let corner = above(-45.0, -45.0, 8.0);
    let frame = settled(&mut tileset, &corner, &mut |_, _| ());
    assert_eq!((frame.progress.sse_px, holes(&tileset, &corner, &frame.draw).len()), (16.0, 0));
    assert!(frame.draw.iter().all(|id| tileset.tree().tile(*id).depth == 4), "{:?}", frame.draw);
}

#[test]
fn detail_comes_back_when_another_tileset_of_the_budget_is_closed() {
    let budget = room(32.0);
    let (mut first, mut second) = (open(budget.clone()), open(budget.clone()));
    let view = above(0.0, 0.0, 300.0);
    // Sixteen tiles and some of them double: one has room, two have not.
    let mut shown = settled(&mut first, &view, &mut |_, _| ()).draw;
    assert_eq!(shown.len(), 16);
    let mut law = [Law::new(), Law::new()];
    law[0].here.extend(first.resident.keys());
    let started = Instant::now();
    while !(first.is_settled() && second.is_settled() && second.tree().len() > 1) {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?} {:?} {:?}", budget.ledger.standing(), first.detail, second.detail);
        let frame = first.update(std::slice::from_ref(&view));
        law[0].look(&frame);
        assert_eq!(holes(&first, &view, &frame.draw), [], "it was all there, and {} tiles are", frame.draw.len());
        law[1].look(&second.update(std::slice::from_ref(&view)));
        std::thread::sleep(Duration::from_micros(500));
        shown = frame.draw;
    }
    assert!(shown.len() < 16 || second.drawn.len() < 16);
    drop(second);
    // A step that did not fit before is tried again some seconds later at the latest: until then the picture is settled as it is.
    let dropped = Instant::now();
    loop {
        let after = settled(&mut first, &view, &mut |_, _| ());
        if (after.draw.len(), after.progress.sse_px) == (16, 16.0) {
            break;
        }
        assert!(dropped.elapsed() < Duration::from_secs(60), "{:?} {:?}", after.progress, first.detail);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_picture_that_does_not_fit_settles_and_then_stays_as_it_is() {
    for contents in [1.1, 1.5, 2.2, 3.0, 4.5, 6.0, 9.0, 14.0] {
        let (mut tileset, view, mut law) = (open(room(contents)), above(3.0, 2.0, 60.0), Law::new());
        settled(&mut tileset, &view, &mut |_, frame| law.look(frame));
        // Detail that is tried once more and does not fit is not tried for ever.
        let mut said = Vec::new();
        for _ in 0..2400 {
            let frame = tileset.update(std::slice::from_ref(&view));
            law.look(&frame);
            said.push((frame.progress.sse_px, frame.draw));
            std::thread::sleep(Duration::from_micros(200));
        }
        let last = said.last().unwrap();
        assert_eq!(holes(&tileset, &view, &last.1), [], "room for {contents}");
        let mut px: Vec<f64> = said.iter().map(|s| s.0).collect();
        px.dedup();
        assert!(said[1800..].iter().all(|s| s == last), "room for {contents}: {px:?}");
    }
}

#[test]
fn the_coarse_tile_gets_room_where_finer_ones_have_taken_it_all() {
    for contents in [4.5, 5.5, 7.0] {
        let (mut tileset, mut law) = (open(room(contents)), Law::new());
        // Detail without its ancestors: they are not loaded on the way down.
        settled(&mut tileset, &above(-40.0, -40.0, 10.0), &mut |_, frame| law.look(frame));
        for view in [above(0.0, 0.0, 60.0), above(0.0, 0.0, 1500.0), above(30.0, 30.0, 30.0), above(0.0, 0.0, 0.5)] {
            let frame = settled(&mut tileset, &view, &mut |_, frame| law.look(frame));
            assert_eq!(holes(&tileset, &view, &frame.draw), [], "room for {contents}: {:?}", frame.draw);
        }
    }
}

#[test]
fn where_not_even_the_coarsest_has_room_the_picture_does_not_wait_for_ever() {
    // An empty root: the four below it are the coarsest there are.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.b3dm"), B3DM).unwrap();
    let mut root = tile([0.0, 0.0], 0, 2);
    root.as_object_mut().unwrap().remove("contents");
    let json = serde_json::json!({ "asset": { "version": "1.1" }, "geometricError": 100, "root": root });
    std::fs::write(folder.path().join("tileset.json"), json.to_string()).unwrap();
    let options = TilesetOptions { memory: Some(room(2.5)), ..TilesetOptions::default() };
    let mut tileset = Tileset::open(folder.path().to_str().unwrap(), options).unwrap();
    let frame = settled(&mut tileset, &above(0.0, 0.0, 300.0), &mut |_, _| ());
    assert!(!frame.draw.is_empty() && frame.progress.holes > 0, "{:?}", frame.progress);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the room and the way of the camera: never above the budget, always settled, and then no hole.
    #[test]
    fn any_room_suffices_that_the_root_fits(contents in 1.05..30.0f64, cameras in prop::collection::vec(any_view(), 1..5)) {
        let (mut tileset, mut law) = (open(room(contents)), Law::new());
        for view in cameras {
            let frame = settled(&mut tileset, &view, &mut |_, frame| law.look(frame));
            prop_assert_eq!(holes(&tileset, &view, &frame.draw), []);
            prop_assert_eq!(frame.progress.holes, 0);
        }
    }
}
