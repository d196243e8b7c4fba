//! From source file to drawn features and back: what `yiping build` writes, the tile engine reads without loss.

use glam::DVec3;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use yiping::city::package::{Job, build};
use yiping::city::{read_source, report::BuildReport};
use yiping::tiles::{SelectOptions, Tileset, TilesetOptions, View};

fn the_hague() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let file =
        [near, PathBuf::from("/work/shared/data")].map(|p| p.join("the-hague/DenHaag_01.city.json")).into_iter().find(|p| p.is_file());
    if file.is_none() {
        eprintln!("The Hague is not at hand (../shared/data): nothing is tested here");
    }
    file
}

#[test]
fn tiles_of_the_hague_bring_every_object_back() {
    let Some(file) = the_hague() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("hague");
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report).unwrap();
    let job = Job { name: "The Hague".into(), out: out.clone(), crs: Some("EPSG:7415".into()), ..Job::default() };
    build(vec![source], vec![], &job, &(), &mut report).unwrap();

    // At an error of 0 pixels every leaf is drawn.
    let select = SelectOptions { max_sse_px: 0.0, ..SelectOptions::default() };
    let mut tileset = Tileset::open(out.to_str().unwrap(), TilesetOptions { select, ..TilesetOptions::default() }).unwrap();
    let started = Instant::now();
    let drawn = loop {
        let view = match tileset.bounding_sphere() {
            Some(s) => {
                View::perspective(s.centre + s.centre.normalize() * s.radius_m * 3.0, -s.centre.normalize(), DVec3::Z, 1.0, 1.0, 1000.0)
            }
            None => View::perspective(DVec3::ZERO, DVec3::X, DVec3::Z, 1.0, 1.0, 1000.0),
        };
        let known = tileset.bounding_sphere().is_some();
        let frame = tileset.update(&[view]);
        if known && tileset.is_settled() {
            break frame.draw;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "not settled: {:?} {:?}", frame.progress, tileset.failures());
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(tileset.failures().is_empty(), "{:?}", tileset.failures());
    let mut ids = BTreeSet::new();
    for tile in drawn {
        let content = tileset.content(tile).unwrap();
        for feature in content
            .meshes
            .iter()
            .flat_map(|m| (0..m.triangles()).filter_map(|f| Some(m.about(m.triangle(f)?.0).0)))
            .collect::<BTreeSet<_>>()
        {
            ids.insert(tileset.attributes(tile, feature)["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ids.len() as u64, report.objects_written, "{} objects were written", report.objects_written);
}
