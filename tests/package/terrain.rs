//! Terrain under a town: made level, draped, cut off, in shares.

use super::{files, hills, job, read_report, town, validate};
use std::path::Path;
use yiping::city::ortho::Orthophoto;
use yiping::city::package::{self, Builder, Flatten, Job};
use yiping::city::source::ElevationGrid;
use yiping::model::city::CityManifest;

/// A photo over the whole town, 50 cm a pixel, of stripes.
fn photo() -> Orthophoto {
    let side = 600;
    let pixels = (0..side * side).map(|n| if n / 20 % 2 == 0 { [90, 120, 60, 255] } else { [150, 140, 130, 255] }).collect();
    let (origin, step) = ((79_900.0, 455_250.0), (0.5, -0.5));
    Orthophoto { file: "photo.tif".into(), crs: Some("EPSG:28992".into()), origin, step, width: side, height: side, pixels }
}

fn ground() -> Vec<ElevationGrid> {
    vec![hills("EPSG:28992", (79_000.0, 456_000.0), 8.0)]
}

fn build(job: &Job, photos: Vec<Orthophoto>) -> (CityManifest, yiping::city::report::BuildReport) {
    let mut builder = Builder::new(job, ground()).unwrap();
    builder.drape(photos).unwrap();
    let source = town(6);
    let report = read_report(std::slice::from_ref(&source));
    builder.add(source).unwrap();
    builder.finish(&(), report).unwrap()
}

fn levels(package: &Path) -> usize {
    (0..12).take_while(|n| package.join(format!("terrain/{n}")).is_dir()).count()
}

#[test]
fn level_ground_and_photos_make_a_valid_package_with_finer_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, level, draped] = ["plain", "level", "draped"].map(|n| dir.path().join(n));
    let both = Flatten { water: true, buildings: true };
    build(&job(&plain), Vec::new());
    build(&Job { flatten: both, ..job(&level) }, Vec::new());
    let (manifest, report) = build(&Job { flatten: both, ..job(&draped) }, vec![photo()]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert!(levels(&level) > levels(&plain), "cells of 3 m where samples are 8 m apart");
    assert!(levels(&draped) >= levels(&level));
    assert_eq!(manifest.sources.iter().map(|s| s.file.as_str()).collect::<Vec<_>>(), ["town.city.json", "hills.tif", "photo.tif"]);
    validate(&level);
    validate(&draped);
}

#[test]
fn shares_and_extents_hold_for_terrain_too() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, a, b, merged] = ["whole", "a", "b", "merged"].map(|n| dir.path().join(n));
    let settings =
        |out: &Path| Job { flatten: Flatten { water: true, buildings: true }, extent: Some([4.288, 52.075, 4.3, 52.082]), ..job(out) };
    let (manifest, _) = build(&settings(&whole), vec![photo()]);
    let e = manifest.extent;
    assert!(e.west_deg > 4.287 && e.north_deg < 52.083, "the model reaches from 4.278 and to 52.086: {e:?}");
    for (n, out) in [&a, &b].into_iter().enumerate() {
        build(&Job { share: Some((n as u32, 2)), ..settings(out) }, vec![photo()]);
    }
    package::merge(&[b, a], &merged).unwrap();
    assert!(files(&whole) == files(&merged));
}
