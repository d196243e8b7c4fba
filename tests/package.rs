//! `city::package` from the outside: packages on disk, read back and put before the standard's own validator.

#[path = "package/again.rs"]
mod again;
#[path = "package/glb.rs"]
mod glb;
#[path = "package/khronos.rs"]
mod khronos;
#[path = "package/terrain.rs"]
mod terrain;
#[path = "package/textures.rs"]
mod textures;
#[path = "package/truth.rs"]
mod truth;

use glam::DVec3;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use yiping::city::CityError;
use yiping::city::package::{self, Job, PackageError};
use yiping::city::report::BuildReport;
use yiping::city::source::{CityObject, CitySource, ElevationGrid, Faces, Surface};
use yiping::geo::Heights;
use yiping::model::city::{CityManifest, TilesetRole};

/// A box with gabled or flat roof, underside included; corners in Dutch metres.
fn house(source: &mut CitySource, id: &str, at: (f64, f64), size: (f64, f64, f64), attributes: Value) {
    let first = source.vertices.len() as u32;
    for z in [0.0, size.2] {
        for (x, y) in [(0.0, 0.0), (size.0, 0.0), (size.0, size.1), (0.0, size.1)] {
            source.vertices.push(DVec3::new(at.0 + x, at.1 + y, 3.0 + z));
        }
    }
    let mut faces = Faces::default();
    let mut face = |surface, ring: [u32; 4]| faces.push(surface, [ring.map(|i| first + i)]);
    (0..4).for_each(|i| face(Surface::Wall, [i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4]));
    face(Surface::Roof, [4, 5, 6, 7]);
    face(Surface::Ground, [3, 2, 1, 0]);
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    source.objects.push(CityObject { id: id.into(), class: "Building".into(), parent: None, lod: "1".into(), attributes, faces });
}

fn ground(source: &mut CitySource, id: &str, class: &str, surface: Surface, ring: &[(f64, f64)]) {
    let first = source.vertices.len() as u32;
    source.vertices.extend(ring.iter().map(|(x, y)| DVec3::new(*x, *y, 3.0)));
    let mut faces = Faces::default();
    faces.push(surface, [(first..first + ring.len() as u32).collect::<Vec<_>>()]);
    source.objects.push(CityObject { id: id.into(), class: class.into(), parent: None, lod: "1".into(), attributes: Map::new(), faces });
}

fn empty() -> CitySource {
    CitySource::new("town.city.json", Some("EPSG:7415".into()))
}

/// A made town of `n` x `n` houses, a road, a pond.
fn town(n: usize) -> CitySource {
    let mut source = empty();
    for i in 0..n * n {
        let at = (80_000.0 + (i % n) as f64 * 30.0, 455_000.0 + (i / n) as f64 * 25.0);
        let attributes =
            json!({ "year": 1900 + i, "use": if i % 3 == 0 { json!("home") } else { json!(null) }, "height (m)": i as f64 * 0.5 });
        house(&mut source, &format!("h{i}"), at, (10.0 + (i % 5) as f64, 8.0, 6.0 + (i % 7) as f64), attributes);
    }
    let w = n as f64 * 30.0;
    ground(
        &mut source,
        "road",
        "Road",
        Surface::Road,
        &[(80_000.0, 454_990.0), (80_000.0, 454_980.0), (80_000.0 + w, 454_980.0), (80_000.0 + w, 454_990.0)],
    );
    ground(&mut source, "pond", "WaterBody", Surface::Water, &[(79_900.0, 455_000.0), (79_950.0, 455_000.0), (79_950.0, 455_060.0)]);
    source
}

fn hills(crs: &str, origin: (f64, f64), step: f64) -> ElevationGrid {
    let (width, height) = (300, 200);
    let value = |i: usize| {
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        (20.0 * (x / 40.0).sin() * (y / 30.0).cos()) as f32
    };
    let values = (0..width * height).map(value).collect();
    ElevationGrid { file: "hills.tif".into(), crs: Some(crs.into()), origin, step: (step, -step), width, height, values }
}

fn job(out: &Path) -> Job {
    // As they are made here, so that they can be told from what comes back.
    Job { name: "Town".into(), out: out.to_owned(), heights: Some(Heights::Ellipsoidal), ..Job::default() }
}

/// A report as a reader leaves it.
fn read_report(sources: &[CitySource]) -> BuildReport {
    let objects_in = sources.iter().flat_map(|s| &s.objects).filter(|o| !o.faces.is_empty()).count() as u64;
    BuildReport { objects_in, ..BuildReport::default() }
}

fn build(sources: Vec<CitySource>, grids: Vec<ElevationGrid>, out: &Path) -> (CityManifest, BuildReport) {
    let mut report = read_report(&sources);
    let manifest = package::build(sources, grids, &job(out), &(), &mut report).expect("the package is built");
    (manifest, report)
}

/// The standard's validator: 0 errors and 0 warnings; says so when there is none on this machine. Then Khronos' on each glb.
fn validate(package: &Path) {
    khronos::validate(package);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/validate-tiles");
    let tool = [tool, "/work/shared/tools/validate-tiles".into()].into_iter().find(|t| t.is_file());
    let Some(tool) = tool else {
        eprintln!("NOT CHECKED: no 3d-tiles-validator (../shared/tools/validate-tiles) on this machine");
        return;
    };
    let run = Command::new(&tool).arg(package.join("tileset.json")).output();
    let Ok(run) = run else {
        eprintln!("NOT CHECKED: {} does not run (is node installed?)", tool.display());
        return;
    };
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("0 errors, 0 warnings"), "{said}");
}

/// Files of a folder by relative path, with their bytes.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Property rows of all full (leaf) tiles of an explicit tileset, by id.
fn leaf_rows(package: &Path, role: TilesetRole) -> std::collections::BTreeMap<String, Map<String, Value>> {
    let dir = package.join(role.name());
    let document: Value = serde_json::from_slice(&std::fs::read(dir.join("tileset.json")).unwrap()).unwrap();
    let mut rows = std::collections::BTreeMap::new();
    let mut open = vec![document["root"].clone()];
    while let Some(tile) = open.pop() {
        match tile["children"].as_array() {
            Some(children) => open.extend(children.iter().cloned()),
            None => {
                let bytes = std::fs::read(dir.join(tile["content"]["uri"].as_str().unwrap())).unwrap();
                rows.extend(glb::rows(&bytes).into_iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row)));
            }
        }
    }
    rows
}

#[test]
fn a_town_with_hills_is_valid_and_complete() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("town");
    let (manifest, report) = build(vec![town(40)], vec![hills("EPSG:4326", (4.26, 52.09), 0.0001)], &out);
    assert_eq!((report.objects_in, report.objects_written, report.objects_rejected), (1602, 1602, 0));
    let roles: Vec<TilesetRole> = manifest.tilesets.iter().map(|t| t.role).collect();
    assert_eq!(roles, [TilesetRole::Buildings, TilesetRole::Surfaces, TilesetRole::Terrain]);
    let read: CityManifest = toml::from_str(&std::fs::read_to_string(out.join("city.toml")).unwrap()).unwrap();
    assert_eq!(read, manifest);
    let rows = leaf_rows(&out, TilesetRole::Buildings);
    assert_eq!(rows.len(), 1600);
    assert_eq!(rows["h7"]["year"], json!(1907));
    assert_eq!(rows["h7"]["height (m)"], json!(3.5));
    assert_eq!(rows["h6"]["use"], json!("home"));
    assert!(!rows["h7"].contains_key("use"), "no value stays no value: {:?}", rows["h7"]);
    validate(&out);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|n| dir.path().join(n));
    for out in [&a, &b] {
        build(vec![town(12)], vec![hills("EPSG:28992", (79_000.0, 457_000.0), 12.0)], out);
    }
    let (a, b) = (files(&a), files(&b));
    assert!(a.len() > 10);
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a.0, b.0);
        assert!(a.1 == b.1, "{} differs", a.0.display());
    }
    assert_eq!(a.len(), b.len());
}

#[test]
fn bad_objects_are_counted_and_the_rest_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("town");
    let mut source = town(3);
    source.vertices[0].x = f64::NAN;
    source.vertices[8].z = 1e9;
    source.objects[2].faces.corners_mut()[1] = 9_999_999;
    for v in &mut source.vertices[24..32] {
        *v = DVec3::new(80_000.0, 455_000.0, 3.0);
    }
    let (_, report) = build(vec![source], Vec::new(), &out);
    assert_eq!((report.objects_in, report.objects_written, report.objects_rejected), (11, 7, 4));
    assert_eq!(report.rejections.len(), 4, "{:?}", report.rejections);
    let text = std::fs::read_to_string(out.join("report.json")).unwrap();
    assert!(text.contains("\"h0\\\"") && text.contains("not a finite number"), "{text}");
    validate(&out);
}

#[test]
fn sources_without_or_with_a_wrong_coordinate_system_are_refused_and_the_old_package_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("town");
    build(vec![town(2)], Vec::new(), &out);
    let before = files(&out);
    let silent = || CitySource { crs: None, ..town(2) };
    let mut report = BuildReport::default();
    let refused = package::build(vec![silent()], Vec::new(), &job(&out), &(), &mut report).unwrap_err();
    assert!(matches!(&refused, PackageError::Source(CityError::NoCrs { .. })));
    assert!(refused.to_string().contains("--crs EPSG:<code>"), "{refused}");
    let wrong = Job { crs: Some("EPSG:999999".into()), ..job(&out) };
    let refused = package::build(vec![silent()], Vec::new(), &wrong, &(), &mut report).unwrap_err();
    assert!(refused.to_string().contains("EPSG:999999"), "{refused}");
    // Dutch metres taken for degrees: everything is outside, nothing can be built, and the message says of what.
    let degrees = Job { crs: Some("EPSG:4326".into()), ..job(&out) };
    let refused = package::build(vec![silent()], Vec::new(), &degrees, &(), &mut BuildReport::default()).unwrap_err();
    assert!(refused.to_string().contains("6 left out") && refused.to_string().contains("coordinate system"), "{refused}");
    assert!(files(&out) == before, "a failed build leaves the old package");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "and no draft");
}

#[test]
fn coarse_tiles_hold_blocks_with_the_same_ids() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("town");
    build(vec![town(10)], Vec::new(), &out);
    let dir = out.join("buildings");
    let document: Value = serde_json::from_slice(&std::fs::read(dir.join("tileset.json")).unwrap()).unwrap();
    let root = &document["root"];
    let coarse = std::fs::read(dir.join(root["content"]["uri"].as_str().unwrap())).unwrap();
    let ids: std::collections::BTreeSet<String> = glb::rows(&coarse).iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 100);
    // Boxes are their own blocks: nothing is changed by more than the map projection's shear.
    assert!(root["geometricError"].as_f64().unwrap() < 0.2, "{}", root["geometricError"]);
    assert_eq!(root["children"][0]["geometricError"], json!(0.0));
}

#[test]
fn every_vertex_lies_where_the_source_says() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("town");
    let source = town(1);
    let crs = yiping::geo::Crs::new("EPSG:7415").unwrap();
    let ecef = |v: &DVec3| yiping::geo::geodetic_to_ecef(crs.to_geodetic(v.x, v.y, v.z).unwrap()).0;
    let wanted: Vec<DVec3> = source.vertices[..8].iter().map(ecef).collect();
    build(vec![source], Vec::new(), &out);
    let dir = out.join("buildings");
    let document: Value = serde_json::from_slice(&std::fs::read(dir.join("tileset.json")).unwrap()).unwrap();
    let (root, leaf) = (&document["root"], &document["root"]["children"][0]);
    let matrix = |t: &Value| {
        let m: Vec<f64> = t["transform"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        glam::DMat4::from_cols_slice(&m)
    };
    let transform = matrix(root) * matrix(leaf);
    let bytes = std::fs::read(dir.join(leaf["content"]["uri"].as_str().unwrap())).unwrap();
    let drawn: Vec<DVec3> = glb::positions(&bytes)
        .into_iter()
        .map(|[x, y, z]| transform.transform_point3(DVec3::new(f64::from(x), -f64::from(z), f64::from(y))))
        .collect();
    assert_eq!(drawn.len(), 20);
    for p in &wanted {
        let nearest = drawn.iter().map(|d| d.distance(*p)).fold(f64::INFINITY, f64::min);
        assert!(nearest < 0.01, "{p} is {nearest} m from the nearest vertex");
    }
}

/// A file of the shared real data, or `None` said aloud.
fn real(path: &str) -> Option<PathBuf> {
    let roots = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), "/work/shared/data".into()];
    let found = roots.iter().map(|r| r.join(path)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("NOT CHECKED: {path} is not on this machine (../shared/data)");
    }
    found
}

/// The attributes of every object with geometry as the file has them, read without our reader; nulls and empty texts are no values.
fn attributes_of(file: &Path, classes: &[&str]) -> Vec<(String, Map<String, Value>)> {
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let objects = document["CityObjects"].as_object().unwrap().iter();
    let drawn =
        objects.filter(|(_, o)| classes.contains(&o["type"].as_str().unwrap()) && o["geometry"].as_array().is_some_and(|g| !g.is_empty()));
    drawn
        .map(|(id, o)| {
            let all = o["attributes"].as_object().cloned().unwrap_or_default();
            (id.clone(), all.into_iter().filter(|(_, v)| !v.is_null() && *v != json!("")).collect())
        })
        .collect()
}

/// Builds with the program itself; the report it prints as JSON, or what it says on stderr.
fn yiping_build(arguments: &[&str], out: &Path) -> Result<Value, String> {
    let run = Command::new(env!("CARGO_BIN_EXE_yiping")).arg("build").args(arguments).arg("--out").arg(out).arg("--json").output().unwrap();
    if run.status.success() {
        Ok(serde_json::from_slice(&run.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&run.stderr).into_owned())
    }
}

#[test]
fn the_hague_is_built_whole_with_its_attributes() {
    let Some(file) = real("the-hague/DenHaag_01.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("the-hague");
    let input = file.to_str().unwrap();
    let refused = yiping_build(&[input], &out).unwrap_err();
    assert!(refused.contains("no coordinate system given; add --crs EPSG:<code>") && !out.exists(), "{refused}");
    let report = yiping_build(&[input, "--crs", "EPSG:7415"], &out).unwrap();
    assert_eq!([&report["objects_in"], &report["objects_written"], &report["objects_rejected"]], [1991, 1991, 0], "{report}");
    assert!(
        report["peak_rss_mib"].as_f64() > Some(1.0)
            && report["seconds"].as_f64() > Some(0.0)
            && report["triangles"].as_u64() > Some(50_000)
    );
    let rows = leaf_rows(&out, TilesetRole::Buildings);
    assert_eq!(rows.len(), 1990);
    for (id, attributes) in attributes_of(&file, &["Building", "BuildingPart"]) {
        let row = &rows[&id];
        for (key, value) in attributes {
            let same = row[&key] == value || row[&key].as_f64().is_some_and(|v| Some(v) == value.as_f64());
            assert!(same, "{id} {key}: {} is not {value}", row[&key]);
        }
    }
    let ground = leaf_rows(&out, TilesetRole::Surfaces);
    assert!(ground.values().all(|r| r["class"] == json!("TINRelief")) && ground.len() == 1);
    validate(&out);
}

#[test]
fn delft_is_built_with_its_roads_and_waters() {
    let Some(file) = real("delft/delft.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("delft");
    let report = yiping_build(&[file.to_str().unwrap()], &out).unwrap();
    assert_eq!([&report["objects_in"], &report["objects_written"], &report["objects_rejected"]], [570, 570, 0], "{report}");
    let rows = leaf_rows(&out, TilesetRole::Surfaces);
    let roads = attributes_of(&file, &["Road", "WaterBody", "PlantCover"]);
    assert_eq!(roads.len(), 272);
    for (id, attributes) in roads {
        assert!(attributes.iter().all(|(k, v)| rows[&id][k] == *v), "{id}: {attributes:?} is not in {:?}", rows[&id]);
    }
    let footprints = std::fs::read_to_string(out.join("map/footprints.geojson")).unwrap();
    assert_eq!(footprints.matches("\"height_m\"").count(), 160);
    let ground: Value = serde_json::from_slice(&std::fs::read(out.join("map/ground.geojson")).unwrap()).unwrap();
    let kinds: std::collections::BTreeSet<&str> =
        ground["features"].as_array().unwrap().iter().map(|f| f["properties"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["green", "land", "road", "water"]);
    validate(&out);
}

#[test]
fn broken_files_and_codes_are_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("city");
    let file = dir.path().join("broken.city.json");
    for text in ["", "{\"type\": \"CityJSON\", \"version\": \"2.0\", \"CityObj"] {
        std::fs::write(&file, text).unwrap();
        let said = yiping_build(&[file.to_str().unwrap(), "--crs", "7415"], &out).unwrap_err();
        assert!(said.contains("broken.city.json") && said.lines().count() == 1, "{said}");
    }
    let said = yiping_build(&[file.to_str().unwrap(), "--crs", "EPSG:999999"], &out).unwrap_err();
    assert!(said.contains("EPSG:999999") && said.contains("--crs EPSG:<code>"), "{said}");
    assert!(!out.exists());
}
