//! Real files, bad files, mutated files.

mod appearance;
mod kept;
mod parts;
mod sequence;

use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use crate::city::{CityError, read_source};
use glam::DVec3;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SAMPLE: &str = include_str!("../../../tests/data/the-hague-sample.city.json");

fn read_text(name: &str, text: impl AsRef<[u8]>) -> (Result<CitySource, CityError>, BuildReport) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(name);
    std::fs::write(&file, text).unwrap();
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report);
    (source, report)
}

fn read_value(value: &Value) -> (CitySource, BuildReport) {
    let (source, report) = read_text("city.json", value.to_string());
    (source.unwrap(), report)
}

fn count(objects: &[CityObject], f: impl Fn(&CityObject) -> bool) -> usize {
    objects.iter().filter(|o| f(o)).count()
}

fn surfaces(source: &CitySource) -> HashMap<Surface, usize> {
    let mut counts = HashMap::new();
    source.objects.iter().flat_map(|o| o.faces.iter()).for_each(|f| *counts.entry(f.surface).or_default() += 1);
    counts
}

fn warned(report: &BuildReport, reason: &str) -> u64 {
    report.warnings.get(reason).map_or(0, |r| r.count)
}

/// A unit cube on the ground, object by object as `change` makes it, in a file of version 2.0.
fn cube(change: impl FnOnce(&mut Value)) -> Value {
    let mut file = json!({
        "type": "CityJSON", "version": "2.0", "transform": {"scale": [0.5, 0.5, 0.5], "translate": [100.0, 200.0, 3.0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
        "CityObjects": {
            "cube": {"type": "Building", "attributes": {"name": "立方", "storeys": 2, "height": 1.5, "listed": true, "owner": null, "more": {"a": [1]}},
                "geometry": [{"type": "Solid", "lod": "1", "boundaries": [[[[0,3,2,1]], [[4,5,6,7]], [[0,1,5,4]], [[1,2,6,5]], [[2,3,7,6]], [[3,0,4,7]]]]}]},
            "flat": {"type": "Road", "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0,1,2,3]]]}]}
        },
        "vertices": [[0,0,0],[2,0,0],[2,2,0],[0,2,0],[0,0,2],[2,0,2],[2,2,2],[0,2,2]]
    });
    change(&mut file);
    file
}

#[test]
fn the_sample_of_the_hague_comes_whole() {
    let (source, report) = read_text("the-hague.city.json", SAMPLE);
    let source = source.unwrap();
    assert_eq!((source.crs.as_deref(), source.vertices.len()), (None, 902));
    assert_eq!(count(&source.objects, |o| o.class == "Building"), 34);
    assert_eq!(count(&source.objects, |o| o.class == "BuildingPart" && o.parent.is_some() && o.lod == "2"), 84);
    assert_eq!(count(&source.objects, |o| o.faces.is_empty()), 32, "objects that only group");
    let expected = HashMap::from([(Surface::Wall, 464), (Surface::Roof, 132), (Surface::Ground, 86), (Surface::Terrain, 160)]);
    assert_eq!(surfaces(&source), expected);
    assert_eq!((report.objects_in, report.objects_rejected, report.warnings.len()), (87, 0, 0));
    assert!(source.vertices.iter().all(|v| (78_600.0..78_800.0).contains(&v.x) && (457_900.0..458_200.0).contains(&v.y)));
    let ids: std::collections::HashSet<_> = source.objects.iter().map(|o| &o.id).collect();
    assert!(source.objects.iter().filter_map(|o| o.parent.as_ref()).all(|p| ids.contains(p)));
    let part = source.objects.iter().find(|o| o.class == "BuildingPart").unwrap();
    assert!(part.attributes["AbsoluteRidgeHeight"].is_f64() && part.attributes["roofType"].is_string());
}

/// The folder of read-only data beside the repository, wherever the checkout stands.
fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    let found = [beside.clone(), Path::new("/work/shared/data").join(file)].into_iter().find(|p| p.exists());
    if found.is_none() {
        eprintln!("left out: {} is not on this machine", beside.display());
    }
    found
}

#[test]
fn the_whole_tile_of_the_hague_holds_its_counts() {
    let Some(file) = shared("the-hague/DenHaag_01.city.json") else { return };
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report).unwrap();
    let with_faces = |class: &str| count(&source.objects, |o| o.class == class && !o.faces.is_empty());
    assert_eq!((with_faces("Building"), with_faces("BuildingPart"), with_faces("TINRelief")), (337, 1653, 1));
    assert_eq!((source.vertices.len(), source.crs.as_deref()), (22_997, None));
    assert_eq!((report.objects_in, report.objects_rejected), (1991, 0));
    let (low, high) = source.vertices.iter().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    assert!(
        (low - DVec3::new(78_248.66, 457_604.591, 2.463)).length() < 1e-6
            && (high - DVec3::new(79_036.024, 458_276.439, 37.481)).length() < 1e-6
    );
}

#[test]
fn delft_holds_its_counts_and_finds_its_surfaces_without_semantics() {
    let Some(file) = shared("delft/delft.city.json") else { return };
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report).unwrap();
    let mut classes = BTreeMap::new();
    source.objects.iter().for_each(|o| *classes.entry(o.class.as_str()).or_insert(0) += 1);
    let expected = [
        ("Bridge", 3),
        ("Building", 160),
        ("GenericCityObject", 54),
        ("LandUse", 81),
        ("PlantCover", 126),
        ("Road", 143),
        ("WaterBody", 3),
    ];
    assert_eq!(classes, BTreeMap::from(expected));
    assert_eq!((report.objects_in, report.objects_rejected, source.vertices.len()), (570, 0, 18_262));
    assert!(source.crs.unwrap().ends_with("/7415"));
    for object in &source.objects {
        let seen: Vec<Surface> = object.faces.iter().map(|f| f.surface).collect();
        let fits = match object.class.as_str() {
            "Building" => [Surface::Wall, Surface::Roof].iter().all(|s| seen.contains(s)),
            "Road" => seen.iter().all(|s| *s == Surface::Road),
            "LandUse" => seen.iter().all(|s| *s == Surface::Land),
            "PlantCover" => seen.iter().all(|s| *s == Surface::Green),
            "WaterBody" => seen.iter().all(|s| *s == Surface::Water),
            "Bridge" => seen.iter().all(|s| *s == Surface::Bridge),
            _ => seen.iter().all(|s| *s == Surface::Other),
        };
        assert!(fits, "{} {}: {seen:?}", object.class, object.id);
    }
}

#[test]
fn a_cube_is_decoded_and_told_by_slope_with_every_attribute() {
    let (source, report) = read_value(&cube(|_| ()));
    assert_eq!(source.vertices[6], DVec3::new(101.0, 201.0, 4.0));
    let faces: Vec<Surface> = source.objects[0].faces.iter().map(|f| f.surface).collect();
    assert_eq!(faces[..2], [Surface::Ground, Surface::Roof]);
    assert!(faces[2..].iter().all(|s| *s == Surface::Wall));
    let attributes = Value::Object(source.objects[0].attributes.clone());
    assert_eq!(attributes, json!({"name": "立方", "storeys": 2, "height": 1.5, "listed": true, "owner": null, "more": {"a": [1]}}));
    assert!(attributes["storeys"].is_i64() && attributes["height"].is_f64());
    assert_eq!((source.objects[1].faces.get(0).unwrap().surface, report.objects_in, report.warnings.len()), (Surface::Road, 2, 0));
}

#[test]
fn old_files_without_transform_with_number_lods_and_urns_are_read() {
    for (metadata, crs) in [
        (json!({"referenceSystem": "urn:ogc:def:crs:EPSG::7415"}), Some("urn:ogc:def:crs:EPSG::7415")),
        (json!({"crs": {"epsg": 28992}}), Some("EPSG:28992")),
        (json!({"referenceSystem": ""}), None),
    ] {
        let (source, _) = read_value(&cube(|f| {
            f["version"] = json!("1.0");
            f["metadata"] = metadata.clone();
            f.as_object_mut().unwrap().remove("transform");
            f["CityObjects"]["cube"]["geometry"][0]["lod"] = json!(2.2);
        }));
        assert_eq!((source.crs.as_deref(), source.objects[0].lod.as_str(), source.vertices[6]), (crs, "2.2", DVec3::splat(2.0)));
    }
}

#[test]
fn the_highest_level_of_detail_wins_with_its_semantics() {
    let (source, report) = read_value(&cube(|f| {
        let geometry = f["CityObjects"]["cube"]["geometry"].as_array_mut().unwrap();
        geometry.insert(
            0,
            json!({"type": "MultiSurface", "lod": "2.2", "boundaries": [[[4,5,6,7]], [[0,1,5,4]], [[1,2,6,5]]],
            "semantics": {"surfaces": [{"type": "GroundSurface"}, {"type": "+Panel"}], "values": [0, 1, null]}}),
        );
        geometry.push(json!({"type": "MultiPoint", "lod": "3", "boundaries": [0, 1]}));
    }));
    let faces: Vec<Surface> = source.objects[0].faces.iter().map(|f| f.surface).collect();
    assert_eq!((source.objects[0].lod.as_str(), faces), ("2.2", vec![Surface::Ground, Surface::Wall, Surface::Wall]));
    assert_eq!((warned(&report, "geometry of type MultiPoint left out"), report.objects_rejected), (1, 0));
}

#[test]
fn solids_of_solids_hollows_and_holes_are_read() {
    let (source, report) = read_value(&cube(|f| {
        let shell = f["CityObjects"]["cube"]["geometry"][0]["boundaries"][0].clone();
        f["CityObjects"]["cube"]["geometry"][0] = json!({"type": "CompositeSolid", "lod": "2", "boundaries": [[shell, shell], [shell]],
            "semantics": {"surfaces": [{"type": "RoofSurface"}], "values": [[[0, 0, 0, 0, 0, 0]], null]}});
        f["CityObjects"]["flat"]["geometry"][0]["boundaries"] = json!([[[0, 1, 1, 2, 3, 0], [4, 5, 6], [4, 5]]]);
    }));
    let roofs = source.objects[0].faces.iter().filter(|f| f.surface == Surface::Roof).count();
    assert_eq!((source.objects[0].faces.len(), roofs, warned(&report, "inner shell of a solid left out")), (12, 7, 1));
    let at = |n: &u32| source.vertices[*n as usize] * 2.0 - DVec3::new(200.0, 400.0, 6.0);
    let rings: Vec<Vec<DVec3>> = source.objects[1].faces.get(0).unwrap().rings().map(|r| r.iter().map(at).collect()).collect();
    let ring = |numbers: &[[f64; 2]], z: f64| numbers.iter().map(|[x, y]| DVec3::new(*x, *y, z)).collect::<Vec<_>>();
    let expected = vec![ring(&[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]], 0.0), ring(&[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]], 2.0)];
    assert_eq!(rings, expected);
    let hole = &report.warnings["hole left out: ring of fewer than 3 points"];
    assert!(hole.examples[0].contains("\"flat\": ring geometry[0].boundaries[0][2] has 2"), "{hole:?}");
}

#[test]
fn templates_are_placed_where_they_are_named() {
    let tree = |lod: &str| json!({"type": "MultiSurface", "lod": lod, "boundaries": [[[0, 1, 2]]]});
    let (source, report) = read_value(&cube(|f| {
        f["geometry-templates"] = json!({"templates": [tree("1"), tree("2")], "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 0, 5]]});
        let moved = json!([1, 0, 0, 10, 0, 1, 0, 20, 0, 0, 1, 30, 0, 0, 0, 1]);
        for (id, reference) in [("tree 1", 0), ("tree 2", 6)] {
            f["CityObjects"][id] = json!({"type": "SolitaryVegetationObject", "geometry": [
                {"type": "GeometryInstance", "template": 1, "boundaries": [reference], "transformationMatrix": moved}]});
        }
        f["CityObjects"]["lost"] =
            json!({"type": "CityFurniture", "geometry": [{"type": "GeometryInstance", "template": 7, "boundaries": [0]}]});
    }));
    let top = |id: &str| {
        let object = source.objects.iter().find(|o| o.id == id).unwrap();
        assert_eq!((object.lod.as_str(), object.faces.get(0).unwrap().surface), ("2", Surface::Green));
        source.vertices[object.faces.corners()[2] as usize]
    };
    assert_eq!((top("tree 1"), top("tree 2")), (DVec3::new(110.0, 220.0, 38.0), DVec3::new(111.0, 221.0, 39.0)));
    assert_eq!((report.objects_in, report.objects_rejected, warned(&report, "geometry template missing")), (5, 1, 1));
}

#[test]
fn parts_find_the_parent_that_names_them() {
    let (source, _) = read_value(&cube(|f| {
        f["CityObjects"]["cube"]["children"] = json!(["part"]);
        f["CityObjects"]["part"] = json!({"type": "BuildingPart"});
    }));
    let ids: Vec<&str> = source.objects.iter().map(|o| o.id.as_str()).collect();
    assert_eq!((ids, source.objects[1].parent.as_deref()), (vec!["cube", "part", "flat"], Some("cube")));
}

#[test]
fn latitude_first_is_turned_in_geographic_files_and_roofs_stay_roofs() {
    let (source, report) = read_value(&cube(|f| {
        f["metadata"]["referenceSystem"] = json!("https://www.opengis.net/def/crs/EPSG/0/6697");
        f["transform"] = json!({"scale": [0.0001, 0.0001, 5.0], "translate": [35.2, 139.6, 0.0]});
        // Mirrored by the turn, so the outside has to be told the other way round.
        f["CityObjects"]["cube"]["geometry"][0]["boundaries"] = json!([[[[7, 6, 5, 4]], [[4, 5, 1, 0]]]]);
    }));
    let first = DVec3::new(139.6, 35.2, 0.0);
    assert!(source.vertices.iter().any(|v| (v - first).length() < 1e-9) && warned(&report, "latitude stood first") == 1);
    assert_eq!(source.objects[0].faces.iter().map(|f| f.surface).collect::<Vec<_>>(), [Surface::Roof, Surface::Wall]);
}

#[test]
fn bad_rings_cost_their_face_and_are_told_with_file_object_and_ring() {
    for (face, reason, example) in [
        ("[[0,1,99]]", "face left out: vertex number out of range", "ring geometry[0].boundaries[0][1][0] names vertex 99, the file has 8"),
        ("[[0,1,0,0]]", "face left out: ring of fewer than 3 points", "has 2 different points in a row, a ring needs 3"),
        ("[[0,1,-3]]", "face left out: no list of vertex numbers", "geometry[0].boundaries[0][1][0]"),
        ("[[0,1,1e999]]", "face left out: no list of vertex numbers", "geometry[0].boundaries[0][1][0]"),
        ("[[0,null,2]]", "face left out: no list of vertex numbers", "geometry[0].boundaries[0][1][0]"),
        ("[]", "face left out: no ring", "geometry[0].boundaries[0][1][0]"),
        ("7", "face left out: no list of vertex numbers", "geometry[0].boundaries[0][1][0]"),
    ] {
        let text = cube(|_| ()).to_string().replace("[[4,5,6,7]]", face);
        let (source, report) = read_text("bad.city.json", text);
        let source = source.unwrap();
        assert_eq!((source.objects[0].faces.len(), source.objects[1].faces.len(), report.objects_rejected), (5, 1, 0), "{face}");
        let told = &report.warnings[reason].examples[0];
        assert!(told.contains("bad.city.json: object \"cube\"") && told.contains(example), "{told}");
    }
}

#[test]
fn bad_vertices_cost_the_faces_that_use_them() {
    for vertex in ["[2,2,1e999]", "null", "[2,2]", "[2,2,1000000]", "[1e300,2,2]", "[\"2\",2,2]"] {
        let text = cube(|_| ()).to_string().replace("[2,2,2]", vertex);
        let (source, report) = read_text("city.json", text);
        let source = source.unwrap();
        assert_eq!((source.objects[0].faces.len(), source.objects[1].faces.len(), report.objects_rejected), (3, 1, 0), "{vertex}");
        assert_eq!(
            (warned(&report, "vertex is no usable coordinate"), warned(&report, "face left out: vertex is no usable coordinate")),
            (1, 3)
        );
    }
}

#[test]
fn bad_objects_are_left_out_and_counted_and_the_rest_stays() {
    for (object, reason) in [
        (json!(7), "object is not in the shape of CityJSON"),
        (json!({"geometry": []}), "object is not in the shape of CityJSON"),
        (json!({"type": "Building", "geometry": [{"lod": 1}]}), "object is not in the shape of CityJSON"),
        (json!({"type": "Building", "geometry": [{"type": "Blob", "lod": "1", "boundaries": []}]}), "no usable geometry"),
        (json!({"type": "Building", "geometry": [{"type": "Solid", "lod": "1", "boundaries": [[[0, 1, 2]]]}]}), "no usable geometry"),
        (json!({"type": "Building", "geometry": [{"type": "Solid", "lod": "1"}]}), "no usable geometry"),
        (
            json!({"type": "Building", "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 99]]]}]}),
            "no usable geometry",
        ),
    ] {
        let (source, report) = read_value(&cube(|f| f["CityObjects"]["bad"] = object.clone()));
        assert_eq!((source.objects.len(), report.objects_in, report.objects_rejected), (2, 3, 1), "{object}");
        assert!(report.rejections[reason].examples[0].contains("object \"bad\""), "{report:?}");
    }
}

#[test]
fn bad_attributes_and_semantics_cost_only_themselves() {
    let text = cube(|f| f["CityObjects"]["cube"]["geometry"][0]["semantics"] = json!({"surfaces": 5})).to_string();
    let (source, report) = read_text("city.json", text.replace("\"height\":1.5", "\"height\":1e999"));
    let source = source.unwrap();
    assert_eq!((source.objects[0].attributes.len(), source.objects[0].faces.get(1).unwrap().surface), (5, Surface::Roof));
    assert_eq!((warned(&report, "attribute left out"), warned(&report, "semantics not understood")), (1, 1));
    let (source, report) = read_value(&cube(|f| f["CityObjects"]["cube"]["attributes"] = json!([1])));
    assert_eq!((source.objects.len(), warned(&report, "attributes left out")), (2, 1));
}

#[test]
fn a_file_that_is_broken_as_a_whole_says_where_and_what_to_do() {
    for cut in [1, 30, 400, 20_000, SAMPLE.len() / 2, SAMPLE.len() - 3] {
        let text = read_text("cut.city.json", &SAMPLE[..cut]).0.unwrap_err().to_string();
        assert!(text.contains("cut.city.json: line 1, column ") && text.contains("copy or download it again"), "{cut}: {text}");
    }
    let deep = "[".repeat(100_000);
    for (name, text, expected) in [
        ("a.city.json", "", "the file is empty"),
        ("a.city.json", " \n", "the file is empty"),
        ("a.json", "hello", "line 1, column 1: not JSON"),
        ("a.json", "{\n\"type\": \"CityJSON\",\n oops}", "line 3, column 2: not JSON"),
        ("a.json", "[1, 2]", "not in the shape of CityJSON"),
        ("a.json", deep.as_str(), "not in the shape of CityJSON"),
        ("a.json", "{\"type\": \"Topology\"}", "JSON of type \"Topology\", which is not read here; read are CityJSON 1.0"),
        ("a.json", "{\"asset\": {}}", "JSON without \"type\": \"CityJSON\""),
        ("a.json", "{\"type\": \"CityJSON\", \"version\": \"0.8\"}", "cjio FILE upgrade"),
        ("a.gml", "<?xml version=\"1.0\"?><CityModel/>", "no namespace of CityGML"),
        ("a.glb", "glTF....", "a glTF model"),
        ("a.tif", "II*\0....", "GeoTIFF"),
        ("a.xyz", "1 2 3", "CityJSONSeq"),
    ] {
        let told = read_text(name, text).0.unwrap_err().to_string();
        assert!(told.contains(name) && told.contains(expected), "{name}: {told}");
    }
    let told = read_text("a.json", b"{\n\"a\": \"\xd0\xc7\"}").0.unwrap_err().to_string();
    assert!(told.contains("line 2, column 7: a byte that is not UTF-8"), "{told}");
    let missing = read_source(Path::new("/nowhere/a.city.json"), &mut BuildReport::default()).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/a.city.json") && missing.contains("check the path"), "{missing}");
}

#[test]
fn two_objects_of_one_id_are_both_kept_and_told() {
    let (source, report) = read_text("city.json", cube(|_| ()).to_string().replace("\"flat\"", "\"cube\""));
    assert_eq!((source.unwrap().objects.len(), warned(&report, "id used twice")), (2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever bytes are turned over, the reader says an error or gives faces that hold.
    #[test]
    fn mutated_samples_never_panic(changes in proptest::collection::vec((0..SAMPLE.len(), any::<u8>()), 1..12), digits: bool) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for (at, to) in changes {
            // Digits for digits keep the file JSON, so that the change gets past the parser.
            bytes[at] = if digits && bytes[at].is_ascii_digit() { b'0' + to % 10 } else if digits { bytes[at] } else { to };
        }
        let (source, report) = read_text("mutated.city.json", bytes);
        if let Ok(source) = source {
            let with_faces = count(&source.objects, |o| !o.faces.is_empty()) as u64;
            prop_assert_eq!(report.objects_in, with_faces + report.objects_rejected);
            for ring in source.objects.iter().flat_map(|o| o.faces.iter()).flat_map(|f| f.rings()) {
                prop_assert!(ring.len() >= 3 && ring.iter().all(|i| source.vertices[*i as usize].is_finite()));
            }
        }
    }
}
