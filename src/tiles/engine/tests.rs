//! The engine on real folders: the 3D Tiles samples, where they are at hand.

use super::*;
use glam::DVec3;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The samples of CesiumGS, or a word that they are missing.
fn samples() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/3d-tiles-samples");
    let found = [near, PathBuf::from("/work/shared/data/3d-tiles-samples")].into_iter().find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("3d-tiles-samples are not at hand (../shared/data): nothing is tested here");
    }
    found
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn options(max_sse_px: f64) -> TilesetOptions {
    TilesetOptions { select: SelectOptions { max_sse_px, ..SelectOptions::default() }, ..TilesetOptions::default() }
}

/// A camera that sees the whole sphere.
fn overview(sphere: Sphere) -> View {
    let forward = DVec3::new(-0.3, 0.5, -0.8).normalize();
    View::perspective(sphere.centre - forward * sphere.radius_m * 2.5, forward, DVec3::X, 1.0, 1.5, 1000.0)
}

/// Everything a frame said, over all frames until settled.
#[derive(Default)]
struct Seen {
    frames: Vec<Frame>,
}

/// Updates until the picture is settled; the limit only ends a broken run.
fn settle(tileset: &mut Tileset) -> Seen {
    let started = Instant::now();
    let mut seen = Seen::default();
    while started.elapsed() < Duration::from_secs(20) {
        let everywhere = View::perspective(DVec3::ZERO, DVec3::X, DVec3::Z, 1.0, 1.0, 1000.0);
        let root = TileTree::ROOT;
        let view = tileset.bounding_sphere().filter(|_| !tileset.tree().tile(root).children.is_empty()).map_or(everywhere, overview);
        let known = tileset.bounding_sphere().is_some();
        let frame = tileset.update(&[view]);
        seen.frames.push(frame);
        if tileset.is_settled() && (known || !tileset.failures().is_empty()) {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("not settled: {:?}", seen.frames.last().map(|f| &f.progress));
}

#[test]
fn every_sample_tileset_settles_and_each_failure_says_why() {
    let Some(samples) = samples() else { return };
    for path in files(&samples, "tileset.json") {
        let mut tileset = Tileset::open(path.to_str().unwrap(), options(1.0)).unwrap();
        let seen = settle(&mut tileset);
        let last = seen.frames.last().unwrap();
        for failure in tileset.failures() {
            let known = matches!(failure.error, TileError::Unsupported { .. }) || failure.error.url().ends_with("dragon_high.b3dm");
            assert!(known, "{}", failure.error);
        }
        let has_content = tileset.tree().iter().skip(1).any(|(_, tile)| !tile.is_empty());
        assert!(!last.draw.is_empty() || last.progress.failed > 0 || !has_content, "{}: nothing is drawn", path.display());
    }
}

const B3DM: &[u8] = include_bytes!("../../../tests/data/3d-tiles/ll.b3dm");

/// A folder with a coarse tile and two fine ones of the same content; `fine` names the files of the fine ones.
fn folder(fine: [&str; 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.b3dm"), B3DM).unwrap();
    std::fs::write(folder.path().join("broken.b3dm"), &B3DM[..2000]).unwrap();
    // The content's own RTC_CENTER puts it near this sphere.
    let volume = serde_json::json!({ "sphere": [1214914.55, -4736388.03, 4081548.04, 300.0] });
    let tile = |uri: &str| serde_json::json!({ "boundingVolume": volume, "geometricError": 0, "content": { "uri": uri } });
    let mut root = tile("a.b3dm");
    root["geometricError"] = 1e4.into();
    root["refine"] = "REPLACE".into();
    root["children"] = vec![tile(fine[0]), tile(fine[1])].into();
    let json = serde_json::json!({ "asset": { "version": "1.1" }, "geometricError": 1e5, "root": root });
    std::fs::write(folder.path().join("tileset.json"), json.to_string()).unwrap();
    folder
}

fn open(folder: &tempfile::TempDir, options: TilesetOptions) -> Tileset {
    Tileset::open(folder.path().to_str().unwrap(), options).unwrap()
}

#[test]
fn a_missing_and_a_broken_tile_are_told_once_and_their_parent_stays() {
    let folder = folder(["no_such.b3dm", "broken.b3dm"]);
    let mut tileset = open(&folder, options(16.0));
    let seen = settle(&mut tileset);
    let last = seen.frames.last().unwrap();
    assert_eq!((last.draw.as_slice(), last.progress.failed), ([TileId(1)].as_slice(), 2));
    let mut told: Vec<_> = tileset.failures().iter().map(|f| f.error.to_string()).collect();
    told.sort();
    assert!(told[0].contains("broken.b3dm") && told[0].contains("cut short"), "{told:?}");
    assert!(told[1].contains("no_such.b3dm"), "{told:?}");
    // Mended on disk, they come when asked again.
    std::fs::write(folder.path().join("no_such.b3dm"), B3DM).unwrap();
    std::fs::write(folder.path().join("broken.b3dm"), B3DM).unwrap();
    tileset.retry_failed();
    assert_eq!(settle(&mut tileset).frames.last().unwrap().draw, [TileId(2), TileId(3)]);
    assert!(tileset.failures().is_empty());
}

#[test]
fn every_drawn_tile_was_loaded_before_and_is_not_evicted() {
    let folder = folder(["a.b3dm", "a.b3dm"]);
    // Room for one tile and a half, where the picture wants two: detail is lowered, and never is more held.
    let mut whole = open(&folder, options(16.0));
    settle(&mut whole);
    let max = whole.content(TileId(2)).map_or(0, |c| c.bytes) * 3 / 2;
    let mut tileset = open(&folder, TilesetOptions { memory_bytes_max: Some(max), ..options(16.0) });
    let mut here = std::collections::HashSet::new();
    let mut raised = false;
    let sphere = Sphere { centre: DVec3::new(1214914.55, -4736388.03, 4081548.04), radius_m: 300.0 };
    let begun = Instant::now();
    let mut rounds = 0;
    // On a busy machine loading takes its time.
    while rounds < 400 || (here.is_empty() || !raised) && begun.elapsed() < Duration::from_secs(20) {
        rounds += 1;
        let frame = tileset.update(&[overview(sphere)]);
        here.extend(frame.loaded.iter().map(|(id, _)| *id));
        frame.evicted.iter().for_each(|id| assert!(here.remove(id), "{id:?} is evicted but was not here"));
        assert!(frame.progress.resident_bytes <= max, "{:?}", frame.progress);
        raised |= frame.progress.sse_px > 16.0;
        assert!(frame.draw.iter().all(|id| here.contains(id)), "{:?} of {here:?}", frame.draw);
        assert_eq!(frame.progress.resident_tiles, here.len());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(raised && !here.is_empty());
    let mut none = open(&folder, TilesetOptions { memory_bytes_max: Some(10_000), ..options(16.0) });
    settle(&mut none);
    assert!(none.failures()[0].error.to_string().contains("more memory"), "{:?}", none.failures());
}

#[test]
fn a_preloaded_path_is_on_screen_at_once_when_the_camera_comes() {
    let folder = folder(["a.b3dm", "a.b3dm"]);
    let mut tileset = open(&folder, options(16.0));
    let view = overview(Sphere { centre: DVec3::new(1214914.55, -4736388.03, 4081548.04), radius_m: 300.0 });
    let mut groups = [ViewGroup::new(Purpose::Preload, 1.0), ViewGroup::default()];
    groups[0].views.push(view.clone());
    let started = Instant::now();
    while tileset.content(TileId(2)).is_none() || tileset.content(TileId(3)).is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", tileset.failures());
        let frame = tileset.update_groups(&mut groups);
        assert!(frame.draw.is_empty() && frame.progress.pending == 0 && !tileset.is_settled());
        std::thread::sleep(Duration::from_millis(2));
    }
    groups[1].views.push(view);
    let frame = tileset.update_groups(&mut groups);
    assert_eq!((frame.draw.as_slice(), groups[1].drawn()), ([TileId(2), TileId(3)].as_slice(), [TileId(2), TileId(3)].as_slice()));
    assert!(tileset.is_settled() && groups[0].drawn().is_empty());
}

#[test]
fn a_ray_from_above_hits_a_building_and_its_attributes_are_at_hand() {
    let folder = folder(["a.b3dm", "a.b3dm"]);
    let mut tileset = open(&folder, options(16.0));
    settle(&mut tileset);
    let content = tileset.content(TileId(2)).unwrap().clone();
    let mesh = &content.meshes[0];
    // Straight down on the middle of each triangle until one is hit from above.
    let (_, corners) = mesh.triangle(0).unwrap();
    let target = corners.iter().map(|c| mesh.to_world.transform_point3(*c)).sum::<DVec3>() / 3.0;
    let up = target.normalize();
    let hit = tileset.pick(target + up * 5000.0, -up).unwrap();
    assert!(hit.distance_m <= 5000.0 + 1e-3 && hit.feature_id < 10);
    assert_eq!(tileset.attributes(hit.tile, hit.feature_id)["id"], serde_json::json!(hit.feature_id));
    assert!(tileset.pick_where(target + up * 5000.0, -up, |_, _| false).is_none());
}

#[test]
fn two_tilesets_keep_to_one_budget_and_what_is_longest_unused_goes_first_whoever_has_it() {
    let [near, far] = [folder(["a.b3dm", "a.b3dm"]), folder(["a.b3dm", "a.b3dm"])];
    let mut alone = open(&near, options(16.0));
    settle(&mut alone);
    let one = alone.content(TileId(2)).map_or(0, |c| c.bytes);
    // Room for the two tiles of one picture and a little more.
    let budget = MemoryBudget::new(one * 5 / 2);
    let shared = || TilesetOptions { memory: Some(budget.clone()), ..options(16.0) };
    let (mut first, mut second) = (open(&near, shared()), open(&far, shared()));
    let view = overview(Sphere { centre: DVec3::new(1214914.55, -4736388.03, 4081548.04), radius_m: 300.0 });
    let mut turn = |one_looks: bool, until: &dyn Fn(&Tileset, &Tileset) -> bool| {
        let started = Instant::now();
        while !until(&first, &second) {
            assert!(started.elapsed() < Duration::from_secs(20), "{:?} {:?}", first.resident.keys(), second.resident.keys());
            let (of_first, of_second) = if one_looks { (vec![view.clone()], vec![]) } else { (vec![], vec![view.clone()]) };
            first.update(&of_first);
            second.update(&of_second);
            assert!(budget.held_bytes() <= budget.bytes_max(), "{} of {}", budget.held_bytes(), budget.bytes_max());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let full = |t: &Tileset| t.is_settled() && t.content(TileId(2)).is_some() && t.content(TileId(3)).is_some();
    turn(true, &|first, _| full(first));
    turn(false, &|first, second| full(second) && first.resident_bytes < 2 * one);
    turn(true, &|first, second| full(first) && second.resident_bytes < 2 * one);
    drop(first);
    assert!(budget.held_bytes() < 2 * one, "what is closed gives its room back");
}
