//! Existing 3D Tiles and `.3tz` archives from the outside: passed through, packed, taken apart, read back by the engine and by the hub, and
//! put before the standard's own validator.

use glam::DVec3;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use yiping::city::inspect::{Summary, Watch, inspect};
use yiping::city::package::{Builder, Job, Packing};
use yiping::city::report::BuildReport;
use yiping::city::tileset::{ExistingTileset, TilesetPlace};
use yiping::city::{ModelPlace, read_source};
use yiping::model::city::{CityManifest, TilesetRole};
use yiping::ogc::archive::Archive;
use yiping::tiles::{SelectOptions, Tileset, TilesetOptions, View};

const PLACE: ModelPlace = ModelPlace { lon_deg: 118.2755, lat_deg: 33.9632, height_m: Some(20.0), heading_deg: 30.0, scale: 1.0 };

fn shared(path: &str) -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let found = [near, PathBuf::from("/work/shared")].map(|p| p.join(path)).into_iter().find(|p| p.exists());
    if found.is_none() {
        eprintln!("NOT CHECKED: ../shared/{path} is not at hand");
    }
    found
}

/// Errors and warnings of the standard's validator; `None` where there is none on this machine.
fn validate(path: &Path) -> Option<(bool, String)> {
    let tool = shared("tools/validate-tiles")?;
    let Ok(run) = Command::new(&tool).arg(path).output() else {
        eprintln!("NOT CHECKED: {} does not run (is node installed?)", tool.display());
        return None;
    };
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    Some((run.status.success(), said))
}

fn valid(path: &Path) {
    if let Some((good, said)) = validate(path) {
        assert!(good, "{said}");
    }
}

fn pass_through(tileset: &Path, out: &Path) -> (CityManifest, BuildReport) {
    let existing = ExistingTileset::open(TilesetPlace::open(tileset).unwrap(), Some(PLACE)).unwrap();
    let mut builder = Builder::new(&Job { name: "passed".into(), out: out.to_owned(), ..Job::default() }, Vec::new()).unwrap();
    builder.import(&existing).unwrap();
    builder.finish(&(), BuildReport::default()).unwrap()
}

/// The bundled sample as a package.
fn package(out: &Path) {
    let mut report = BuildReport::default();
    let source = read_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/the-hague-sample.city.json"), &mut report).unwrap();
    let job = Job { name: "sample".into(), out: out.to_owned(), crs: Some("EPSG:7415".into()), ..Job::default() };
    let mut builder = Builder::new(&job, Vec::new()).unwrap();
    builder.add(source).unwrap();
    builder.finish(&(), report).unwrap();
}

/// The same, packed.
fn archive(out: &Path) {
    let packing = Packing::of(out).unwrap().unwrap();
    package(packing.folder());
    packing.pack().unwrap();
}

/// Names and bytes of all files of a folder, but what only the next build of a folder needs.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/"), std::fs::read(&path).unwrap())),
            }
        }
    }
    found.retain(|(name, _)| name != "build.json");
    found.sort();
    found
}

#[test]
fn samples_of_the_standard_pass_through_as_valid_as_they_are() {
    let Some(samples) = shared("data/3d-tiles-samples") else { return };
    let dir = tempfile::tempdir().unwrap();
    // Old and new, by list and by rule, with metadata, with several contents, with a file beside a model.
    let chosen = [
        "1.0/TilesetWithRequestVolume",
        "1.0/TilesetWithTreeBillboards",
        "1.1/MetadataGranularities",
        "1.1/MultipleContents",
        "1.1/SparseImplicitOctree",
        "1.1/SparseImplicitQuadtree",
        "glTF/EXT_structural_metadata/ComplexTypes",
        "glTF/GpuInstancesMetadata",
    ];
    for (i, sample) in chosen.iter().enumerate() {
        let out = dir.path().join(i.to_string());
        let (manifest, report) = pass_through(&samples.join(sample), &out);
        assert_eq!(manifest.tilesets.len(), 1);
        assert_eq!(manifest.tilesets[0].role, TilesetRole::Imported);
        assert!(manifest.counts.imported > 0 && manifest.sources[0].sha256.len() == 64, "{sample}");
        assert!(report.warnings.is_empty(), "{sample}: {:?}", report.warnings);
        if let (Some((before, _)), Some((after, said))) =
            (validate(&samples.join(sample).join("tileset.json")), validate(&out.join("tileset.json")))
        {
            assert!(after || !before, "{sample}: {said}");
        }
    }
}

#[test]
fn a_package_goes_into_another_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, third] = ["first", "second.3tz", "third"].map(|n| dir.path().join(n));
    package(&first);
    archive(&second);
    let (manifest, report) = pass_through(&first, &third);
    assert_eq!(manifest.tilesets[0].path, "imported/first/tileset.json");
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    let inner = files(&third.join("imported/first"));
    let named: Vec<_> = files(&first).into_iter().filter(|(n, _)| n.ends_with(".glb") || n.ends_with("tileset.json")).collect();
    assert_eq!(inner, named, "its tiles and nothing else");
    valid(&third.join("tileset.json"));
    // The same tiles out of the archive have the same checksum.
    let fourth = dir.path().join("fourth");
    assert_eq!(pass_through(&second, &fourth).0.sources[0].sha256, manifest.sources[0].sha256);
}

#[test]
fn an_archive_holds_the_package_byte_for_byte_and_is_always_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let [folder, a, b] = ["folder", "a.3tz", "b.3tz"].map(|n| dir.path().join(n));
    package(&folder);
    archive(&a);
    archive(&b);
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    let opened = Archive::open(&a).unwrap();
    assert!(opened.indexed);
    let names: Vec<String> = opened.entries().unwrap().into_iter().map(|e| e.name).collect();
    let wanted = files(&folder);
    assert_eq!(names, wanted.iter().map(|f| f.0.clone()).collect::<Vec<_>>());
    for (name, bytes) in wanted {
        assert!(opened.read(&name).unwrap() == bytes, "{name}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside them");
    valid(&a);
    std::fs::write(dir.path().join("thesis.3tz"), "years").unwrap();
    assert!(Packing::of(&dir.path().join("thesis.3tz")).is_err());
}

#[test]
fn the_engine_draws_the_same_features_out_of_an_archive() {
    let dir = tempfile::tempdir().unwrap();
    let [folder, packed] = ["folder", "city.3tz"].map(|n| dir.path().join(n));
    package(&folder);
    archive(&packed);
    let drawn = |address: &Path| {
        let select = SelectOptions { max_sse_px: 0.0, ..SelectOptions::default() };
        let mut tileset = Tileset::open(address.to_str().unwrap(), TilesetOptions { select, ..TilesetOptions::default() }).unwrap();
        let started = Instant::now();
        loop {
            let (eye, look) = tileset
                .bounding_sphere()
                .map_or((DVec3::ZERO, DVec3::X), |s| (s.centre + s.centre.normalize() * s.radius_m * 3.0, -s.centre.normalize()));
            let frame = tileset.update(&[View::perspective(eye, look, DVec3::Z, 1.0, 1.0, 1000.0)]);
            if tileset.is_settled() && !frame.draw.is_empty() {
                assert!(tileset.failures().is_empty(), "{:?}", tileset.failures());
                break frame.draw.iter().filter_map(|id| Some(tileset.content(*id)?.features.count())).sum::<u32>();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "not settled: {:?}", frame.progress);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let features = drawn(&folder);
    assert!(features >= 87);
    assert_eq!(drawn(&packed), features);
    assert_eq!(drawn(&packed.join("tileset.json")), features, "as a scene names it");
}

#[test]
fn a_package_taken_apart_and_built_again_keeps_its_objects() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|n| dir.path().join(n));
    package(&first);
    let mut report = BuildReport::default();
    let source = read_source(&first, &mut report).unwrap();
    let ids = |s: &yiping::city::source::CitySource| {
        let mut ids: Vec<_> = s.objects.iter().map(|o| (o.id.clone(), o.class.clone(), o.attributes.len())).collect();
        ids.sort();
        ids
    };
    let before = ids(&source);
    assert_eq!((report.objects_in, before.len()), (87, 87));
    let job = Job { name: "again".into(), out: second.clone(), ..Job::default() };
    let mut builder = Builder::new(&job, Vec::new()).unwrap();
    builder.add(source).unwrap();
    let (_, report) = builder.finish(&(), report).unwrap();
    assert_eq!(report.objects_written, 87);
    assert_eq!(ids(&read_source(&second, &mut BuildReport::default()).unwrap()), before);
    valid(&second.join("tileset.json"));
}

#[test]
fn inspect_tells_of_packages_in_folders_and_archives() {
    let dir = tempfile::tempdir().unwrap();
    let [folder, packed] = ["folder", "city.3tz"].map(|n| dir.path().join(n));
    package(&folder);
    archive(&packed);
    for path in [&folder, &packed] {
        let Summary::Tileset(s) = inspect(path, &Watch::default()).unwrap() else { panic!("not seen as a tileset") };
        assert!(s.warnings.is_empty() && s.missing_count == 0, "{s:?}");
        assert_eq!(s.classes["BuildingPart"]["2"], 84, "{:?}", s.classes);
        assert!(s.attributes["AbsoluteRidgeHeight"].max.unwrap() < 40.0);
        assert_eq!(s.archive.is_some(), path == &packed);
        assert_eq!(s.package.unwrap().manifest["counts"]["buildings"].as_integer(), Some(86));
    }
    // Damaged bytes are found by their checksum.
    let mut bytes = std::fs::read(&packed).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&packed, bytes).unwrap();
    let told = inspect(&packed, &Watch::default());
    assert!(told.is_err() || matches!(told, Ok(Summary::Tileset(s)) if s.archive.as_ref().unwrap().damaged_count == 1));
}
