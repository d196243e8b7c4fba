use super::*;
use crate::city::read::{ReadOptions, read_parts};
use crate::city::report::BuildReport;
use crate::city::source::CitySource;
use crate::geo::{Geodetic, LocalFrame, geodetic_to_ecef};
use crate::ogc::archive::ArchiveWriter;
use base64::Engine;
use glam::DVec3;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A wall and a roof over it, features 0 and 1, with a property table; buffers in a file beside it.
fn model(buffer: &str) -> (Value, Vec<u8>) {
    let floats = |list: &[f32]| list.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = floats(&[0., 0., 0., 4., 0., 0., 4., 3., 0., 0., 3., 0., 4., 3., 0., 0., 3., -4.]);
    bytes.extend(floats(&[0., 0., 0., 1., 1., 1.]));
    bytes.extend([0u16, 1, 2, 3, 4, 5].iter().flat_map(|i| i.to_le_bytes()));
    bytes.extend(b"wallroof");
    bytes.extend([0u32, 4, 8].iter().flat_map(|i| i.to_le_bytes()));
    let view = |at: usize, length: usize| json!({"buffer": 0, "byteOffset": at, "byteLength": length});
    let gltf = json!({
        "asset": {"version": "2.0"},
        "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0, "_FEATURE_ID_0": 1}, "indices": 2,
            "extensions": {"EXT_mesh_features": {"featureIds": [{"featureCount": 2, "attribute": 0, "propertyTable": 0}]}}}]}],
        "extensions": {"EXT_structural_metadata": {
            "schema": {"id": "s", "classes": {"part": {"properties": {"kind": {"type": "STRING"}}}}},
            "propertyTables": [{"class": "part", "count": 2, "properties": {"kind": {"values": 3, "stringOffsets": 4}}}]}},
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 6, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 6, "type": "SCALAR"},
            {"bufferView": 2, "componentType": 5123, "count": 6, "type": "SCALAR"}],
        "bufferViews": [view(0, 72), view(72, 24), view(96, 12), view(108, 8), view(116, 12)],
        "buffers": [{"byteLength": bytes.len(), "uri": buffer}],
    });
    (gltf, bytes)
}

const PLACE: Geodetic = Geodetic { lon_rad: 2.064, lat_rad: 0.5928, height_m: 20.0 };

/// A root with a coarse content, a finer child, an external tileset beside it, and what may go wrong: a missing file, one outside.
fn tileset(dir: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let (gltf, bytes) = model("a%20b.bin");
    write("fine/house.gltf", gltf.to_string().as_bytes());
    write("fine/a b.bin", &bytes);
    write("coarse.gltf", model("fine/a%20b.bin").0.to_string().as_bytes());
    write("unused.glb", b"nobody names it");
    std::fs::write(dir.join("../secret.glb"), b"not ours").unwrap();
    let frame = LocalFrame::new(PLACE).ecef_from_enu().to_cols_array();
    let volume = json!({"box": [2, 2, 2, 10, 0, 0, 0, 10, 0, 0, 0, 10]});
    let tile = |more: Value| {
        let mut tile = json!({"boundingVolume": volume, "geometricError": 1.0});
        tile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tile
    };
    let content = |uri: &str| json!({"content": {"uri": uri}});
    let root = tile(json!({"refine": "REPLACE", "transform": frame, "content": {"uri": "coarse.gltf"}, "children": [
        tile(content("fine/house.gltf?v=2")), tile(content("more/tileset.json")), tile(content("gone.glb")), tile(content("../secret.glb"))]}));
    write("tileset.json", json!({"asset": {"version": "1.1"}, "geometricError": 10.0, "root": root}).to_string().as_bytes());
    let b3dm = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/3d-tiles/ll.b3dm")).unwrap();
    write("more/ll.b3dm", &b3dm);
    write(
        "more/tileset.json",
        json!({"asset": {"version": "1.0"}, "geometricError": 5.0, "root": tile(content("ll.b3dm"))}).to_string().as_bytes(),
    );
}

fn packed(dir: &Path, out: &Path) {
    let mut writer = ArchiveWriter::create(out).unwrap();
    for name in ["tileset.json", "coarse.gltf", "fine/house.gltf", "fine/a b.bin", "more/tileset.json", "more/ll.b3dm"] {
        writer.add(name, std::fs::read(dir.join(name)).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

fn retiled(path: &Path) -> (Vec<CitySource>, BuildReport) {
    let (mut parts, mut report) = (Vec::new(), BuildReport::default());
    read_parts(path, &ReadOptions::default(), &mut report, &mut |part| {
        parts.push(part);
        Ok(())
    })
    .unwrap();
    (parts, report)
}

/// Names of all files below a folder.
fn names(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() { found.extend(names(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

#[test]
fn what_a_tileset_names_is_taken_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    tileset(&from);
    let mut report = BuildReport::default();
    let existing = ExistingTileset::open(TilesetPlace::open(&from).unwrap(), None).unwrap();
    let copied = existing.copy(&to, &mut report).unwrap();
    let taken: Vec<PathBuf> = names(&to).iter().map(|p| p.strip_prefix(&to).unwrap().to_owned()).collect();
    let wanted = ["coarse.gltf", "fine/a b.bin", "fine/house.gltf", "more/ll.b3dm", "more/tileset.json", "tileset.json"];
    assert_eq!(taken, wanted.map(PathBuf::from));
    assert_eq!((copied.files, copied.contents), (6, 3));
    let missing = &report.warnings["a file that an existing tileset names can't be had"];
    assert!(
        missing.count == 2 && missing.examples[0].contains("gone.glb") && missing.examples[1].contains("out of the tileset"),
        "{missing:?}"
    );
    let region = existing.region(None).unwrap();
    assert!(region.west_rad < PLACE.lon_rad && region.east_rad > PLACE.lon_rad && region.max_height_m > 20.0 && region.max_height_m < 60.0);
    // The same out of an archive, with the same digest.
    let archive = dir.path().join("a.3tz");
    packed(&from, &archive);
    assert_eq!(TilesetPlace::open(&archive).unwrap().digest(), copied.sha256);
}

#[test]
fn a_tileset_that_stands_nowhere_is_refused_with_the_mend_and_placed_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let root = json!({"boundingVolume": {"sphere": [0, 0, 5, 10]}, "geometricError": 0});
    std::fs::write(dir.path().join("tileset.json"), json!({"asset": {"version": "1.0"}, "geometricError": 1, "root": root}).to_string())
        .unwrap();
    let open = |place| ExistingTileset::open(TilesetPlace::open(dir.path()).unwrap(), place);
    let told = open(None).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("--place"), "{told}");
    let place = crate::city::ModelPlace { lon_deg: 118.3, lat_deg: 33.9, height_m: Some(30.0), heading_deg: 90.0, scale: 2.0 };
    let existing = open(Some(place)).unwrap();
    let placed = existing.transform(0.0).unwrap();
    // Turned clockwise by 90 degrees, the tileset's east looks south; twice as big.
    let frame = LocalFrame::new(Geodetic::from_degrees(118.3, 33.9, 30.0));
    assert!((frame.to_enu(crate::geo::Ecef(placed.transform_point3(DVec3::X))) - DVec3::new(0.0, -2.0, 0.0)).length() < 1e-6);
    let region = existing.region(Some(placed)).unwrap();
    assert!((region.max_height_m - 60.0).abs() < 0.1, "{region:?}");
}

#[test]
fn the_finest_contents_become_objects_with_their_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let (from, archive) = (dir.path().join("from"), dir.path().join("a.3tz"));
    tileset(&from);
    packed(&from, &archive);
    for path in [from, archive] {
        let (parts, report) = retiled(&path);
        let objects: Vec<_> = parts.iter().flat_map(|p| &p.objects).collect();
        // Wall and roof of the fine model, ten batches of the b3dm; the coarse model is replaced.
        assert_eq!((report.objects_in, report.objects_rejected, objects.len()), (12, 0, 12));
        let of = |id: &str| objects.iter().find(|o| o.id == id).unwrap();
        assert_eq!(of("fine/house#0").attributes, *json!({"kind": "wall"}).as_object().unwrap());
        assert_eq!(of("fine/house#1").faces.get(0).unwrap().surface, crate::city::source::Surface::Roof);
        assert!(objects.iter().any(|o| o.attributes.contains_key("Height")), "{:?}", objects[5].attributes);
        let frame = LocalFrame::new(PLACE);
        let enu = |v: DVec3| frame.to_enu(geodetic_to_ecef(Geodetic::from_degrees(v.x, v.y, v.z)));
        let corner = enu(parts[0].vertices[of("fine/house#0").faces.corners()[2] as usize]);
        assert!((corner - DVec3::new(4.0, 0.0, 3.0)).length() < 1e-4, "{corner}");
    }
}

#[test]
fn a_meshopt_compressed_model_is_read() {
    let vertices: Vec<[f32; 3]> = vec![[0., 0., 0.], [4., 0., 0.], [4., 3., 0.]];
    let packed = ::meshopt::encode_vertex_buffer(&vertices).unwrap();
    let uri = format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(&packed));
    let gltf = json!({
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "extensionsUsed": ["EXT_meshopt_compression"], "extensionsRequired": ["EXT_meshopt_compression"],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 1, "byteLength": 36, "extensions": {"EXT_meshopt_compression":
            {"buffer": 0, "byteLength": packed.len(), "byteStride": 12, "count": 3, "mode": "ATTRIBUTES"}}}],
        "buffers": [{"byteLength": packed.len(), "uri": uri}, {"byteLength": 36}],
    });
    let dir = tempfile::tempdir().unwrap();
    of_one(dir.path(), "m.gltf", gltf.to_string().as_bytes());
    let (parts, report) = retiled(dir.path());
    assert_eq!((report.objects_in, report.objects_rejected), (1, 0), "{report:?}");
    assert_eq!(parts[0].vertices.len(), 3);
}

/// A tileset of one content in the place of the tests.
fn of_one(dir: &Path, name: &str, content: &[u8]) {
    let volume = json!({"box": [0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 5]});
    let frame = LocalFrame::new(PLACE).ecef_from_enu().to_cols_array();
    let root = json!({"boundingVolume": volume, "geometricError": 0, "transform": frame, "content": {"uri": name}});
    std::fs::write(dir.join(name), content).unwrap();
    std::fs::write(dir.join("tileset.json"), json!({"asset": {"version": "1.1"}, "geometricError": 1, "root": root}).to_string()).unwrap();
}

#[test]
fn a_draco_compressed_model_is_read() {
    let dir = tempfile::tempdir().unwrap();
    of_one(dir.path(), "d.glb", &std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/3d-tiles/draco.glb")).unwrap());
    let (parts, report) = retiled(dir.path());
    assert_eq!((report.objects_in, report.objects_rejected), (4, 0), "{report:?}");
    assert!(parts[0].objects.iter().all(|o| o.faces.len() == 2));
    let frame = LocalFrame::new(PLACE);
    let enu = parts[0].vertices.iter().map(|v| frame.to_enu(geodetic_to_ecef(Geodetic::from_degrees(v.x, v.y, v.z))));
    let far = enu.fold(DVec3::ZERO, |far, p| far.max(p.abs()));
    assert!((far - DVec3::new(1.0, 0.0, 1.0)).length() < 1e-3, "{far}");
}

#[test]
fn a_tileset_that_names_itself_ends() {
    let dir = tempfile::tempdir().unwrap();
    let tile = json!({"boundingVolume": {"region": [0, 0, 0.1, 0.1, 0, 1]}, "geometricError": 1, "content": {"uri": "tileset.json"}});
    let mut root = tile.clone();
    root["children"] = json!([tile.clone(), tile]);
    std::fs::write(dir.path().join("tileset.json"), json!({"asset": {"version": "1.1"}, "geometricError": 1, "root": root}).to_string())
        .unwrap();
    let (parts, report) = retiled(dir.path());
    assert!(
        parts.is_empty()
            && report.warnings.values().any(|w| w.examples[0].contains("names itself") || w.examples[0].contains("name itself"))
    );
}

#[test]
fn tilesets_are_told_from_other_json() {
    let dir = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        let file = dir.path().join("x.json");
        std::fs::write(&file, text).unwrap();
        is_tileset(&file)
    };
    assert!(told(r#"{"asset":{"version":"1.1"},"extras":{"type":"x"},"geometricError":1,"root":{}}"#));
    assert!(!told(r#"{"asset":{"version":"2.0"},"scenes":[]}"#));
    assert!(!told(r#"{"type":"CityJSON","root":1}"#));
    assert!(!told("[1]") && !told("") && !told("{"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn mutated_tilesets_never_panic(which in 0usize..6, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut: bool) {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        tileset(&from);
        let name = ["tileset.json", "coarse.gltf", "fine/house.gltf", "fine/a b.bin", "more/tileset.json", "more/ll.b3dm"][which];
        let mut bytes = std::fs::read(from.join(name)).unwrap();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if cut {
            bytes.truncate(changes[0].0.index(bytes.len()));
        }
        std::fs::write(from.join(name), bytes).unwrap();
        let mut draco = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/3d-tiles/draco.glb")).unwrap();
        for (at, value) in &changes {
            // The JSON is mutated above; here the compressed bytes.
            let at = 1400 + at.index(draco.len() - 1400);
            draco[at] = *value;
        }
        if which != 5 {
            std::fs::write(from.join("more/ll.b3dm"), draco).unwrap();
        }
        let mut report = BuildReport::default();
        let _ = read_parts(&from, &ReadOptions::default(), &mut report, &mut |_| Ok(()));
        if let Ok(existing) = TilesetPlace::open(&from).and_then(|at| ExistingTileset::open(at, None)) {
            let _ = existing.copy(&dir.path().join("to"), &mut report);
        }
    }
}
