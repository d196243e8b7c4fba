//! The engine on real folders: the 3D Tiles samples, where they are at hand.

use super::*;
use glam::DVec3;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The samples of CesiumGS, or a word that they are missing.
pub(super) fn samples() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/3d-tiles-samples");
    let found = [near, PathBuf::from("/work/shared/data/3d-tiles-samples")].into_iter().find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("3d-tiles-samples are not at hand (../shared/data): nothing is tested here");
    }
    found
}

pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
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
    panic!("not settled: {:?}", tileset.selection.load);
}

#[test]
fn every_sample_tileset_settles_and_each_failure_says_why() {
    let Some(samples) = samples() else { return };
    for path in files(&samples, "tileset.json") {
        let mut tileset = Tileset::open(path.to_str().unwrap(), options(1.0)).unwrap();
        let seen = settle(&mut tileset);
        let last = seen.frames.last().unwrap();
        eprintln!(
            "{}: {} tiles known, {} drawn, {} failed {:?}, notes {:?}",
            path.strip_prefix(&samples).unwrap().display(),
            tileset.tree().len(),
            last.draw.len(),
            last.progress.failed,
            tileset.failures().iter().map(|f| f.error.to_string()).collect::<Vec<_>>(),
            last.progress.notes,
        );
        for failure in tileset.failures() {
            let known = matches!(failure.error, TileError::Unsupported { .. }) || failure.error.url().ends_with("dragon_high.b3dm");
            assert!(known, "{}", failure.error);
        }
        let has_content = tileset.tree().iter().skip(1).any(|(_, tile)| !tile.is_empty());
        assert!(!last.draw.is_empty() || last.progress.failed > 0 || !has_content, "{}: nothing is drawn", path.display());
    }
}
