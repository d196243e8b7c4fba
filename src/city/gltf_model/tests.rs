use super::ModelPlace;
use crate::city::read::{ReadOptions, read_parts};
use crate::city::report::BuildReport;
use crate::city::source::{CitySource, Surface, TextureImage};
use crate::geo::{Geodetic, LocalFrame, geodetic_to_ecef};
use base64::Engine;
use glam::DVec3;
use proptest::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

const PLACE: ModelPlace = ModelPlace { lon_deg: 118.275, lat_deg: 33.963, height_m: Some(20.0), heading_deg: 0.0, scale: 1.0 };

fn read(file: &Path, place: Option<ModelPlace>) -> (Result<Vec<CitySource>, String>, BuildReport) {
    let options = ReadOptions { place, ..ReadOptions::default() };
    let mut report = BuildReport::default();
    let mut parts = Vec::new();
    let read = read_parts(file, &options, &mut report, &mut |part| {
        parts.push(part);
        Ok(())
    });
    (read.map(|()| parts).map_err(|e| e.to_string()), report)
}

/// Metres east, north and up of [`PLACE`].
fn enu(p: DVec3) -> DVec3 {
    let frame = LocalFrame::new(Geodetic::from_degrees(PLACE.lon_deg, PLACE.lat_deg, 20.0));
    frame.to_enu(geodetic_to_ecef(Geodetic::from_degrees(p.x, p.y, p.z)))
}

/// A roof triangle 3 m up and a wall, red times a picture, under a node moved 10 m along x.
fn model() -> serde_json::Value {
    let numbers = |list: &[f32]| list.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = numbers(&[0.0, 3.0, 0.0, 0.0, 3.0, -2.0, -1.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
    bytes.extend(numbers(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.5, 0.5]));
    bytes.extend([0u16, 1, 2, 0, 3, 1].iter().flat_map(|i| i.to_le_bytes()));
    let mut picture = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(2, 2, image::Rgb([200, 100, 50])).write_to(&mut picture, image::ImageFormat::Png).unwrap();
    let data = |bytes: &[u8], kind: &str| format!("data:{kind};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    json!({
        "asset": {"version": "2.0", "copyright": "us"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"translation": [10, 0, 0], "children": [1]}, {"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1], "baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071}],
        "images": [{"uri": data(picture.get_ref(), "image/png")}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": 6, "type": "SCALAR"}],
        "bufferViews": [
            {"buffer": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 32},
            {"buffer": 0, "byteOffset": 80, "byteLength": 12}],
        "buffers": [{"byteLength": 92, "uri": data(&bytes, "application/octet-stream")}],
    })
}

fn written(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let file = dir.path().join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_model_stands_where_it_is_placed_with_its_colours_and_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir, "house.gltf", &model().to_string());
    let (parts, report) = read(&file, Some(PLACE));
    let [source] = &parts.unwrap()[..] else { panic!() };
    assert_eq!((source.crs.as_deref(), source.above_ground, report.objects_in), (Some("EPSG:4979"), false, 1));
    let object = &source.objects[0];
    assert_eq!((object.id.as_str(), object.class.as_str(), object.attributes["copyright"].as_str()), ("house", "Building", Some("us")));
    let surfaces: Vec<Surface> = object.faces.iter().map(|f| f.surface).collect();
    assert_eq!(surfaces, [Surface::Roof, Surface::Wall]);
    // x east, -z north, y up; a tenth of a millimetre.
    let first: Vec<DVec3> = object.faces.get(0).unwrap().corners().iter().map(|n| enu(source.vertices[*n as usize])).collect();
    for (p, q) in first.iter().zip([[10.0, 0.0, 3.0], [10.0, 2.0, 3.0], [9.0, 0.0, 3.0]]) {
        assert!(p.distance(DVec3::from(q)) < 1e-4, "{p}");
    }
    let face = object.faces.get(1).unwrap();
    assert_eq!(face.uvs().unwrap(), [[0.0, 0.0], [0.5, 0.5], [0.0, 1.0]]);
    let paint = &source.paints[face.paint.unwrap() as usize];
    let texture = paint.texture.as_ref().unwrap();
    assert_eq!((paint.colour, texture.repeats), (Some([255, 0, 0, 255]), false));
    assert!(matches!(&texture.image, TextureImage::Bytes(bytes) if bytes.starts_with(b"\x89PNG")));
}

#[test]
fn heading_turns_clockwise_and_scale_stretches() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir, "house.gltf", &model().to_string());
    let (parts, _) = read(&file, Some(ModelPlace { heading_deg: 90.0, scale: 2.0, ..PLACE }));
    let source = &parts.unwrap()[0];
    // What lay 10 m east now lies 20 m south.
    let p = enu(source.vertices[source.objects[0].faces.corners()[0] as usize]);
    assert!(p.distance(DVec3::new(0.0, -20.0, 6.0)) < 1e-4, "{p}");
}

#[test]
fn places_come_from_beside_the_model_or_from_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir, "house.gltf", &model().to_string());
    let told = read(&file, None).0.unwrap_err();
    assert!(told.contains("house.place.toml") && told.contains("lon"), "{told}");
    written(&dir, "house.place.toml", "lon = 118.2\nlat = 33.9\nclass = \"CityFurniture\"\n[attributes]\nname = \"亭\"\n");
    let source = &read(&file, None).0.unwrap()[0];
    assert_eq!((source.objects[0].class.as_str(), source.objects[0].attributes["name"].as_str()), ("CityFurniture", Some("亭")));
    assert!(source.above_ground && (source.vertices[0].z - 3.0).abs() < 1e-3);

    let list = r#"
        [[model]]
        file = "house.gltf"
        lon = 118.1
        lat = 33.9
        id = "a"
        [[model]]
        file = "house.gltf"
        lon = 118.2
        lat = 33.9
        height = 5
        [[model]]
        file = "gone.glb"
        lon = 118.2
        lat = 33.9
        [[model]]
        file = "house.gltf"
        lon = 118.2
        lat = 133.9
        [[model]]
        file = "house.gltf"
        lon = 118.3
        lat = 33.9
    "#;
    let (parts, report) = read(&written(&dir, "models.toml", list), None);
    let parts = parts.unwrap();
    let found: Vec<(&str, bool)> = parts.iter().flat_map(|p| p.objects.iter().map(|o| (o.id.as_str(), p.above_ground))).collect();
    assert_eq!(found, [("house-2", false), ("a", true), ("house-5", true)]);
    assert_eq!((report.objects_in, report.objects_rejected), (5, 2));
    assert!(report.rejections["model can't be read"].examples[0].contains("gone.glb"));
}

#[test]
fn what_is_not_read_is_told_with_the_mend() {
    let dir = tempfile::tempdir().unwrap();
    for (change, at, word) in [
        (json!(["KHR_nobody_knows"]), "/extensionsRequired", "KHR_nobody_knows"),
        (json!("1.0"), "/asset/version", "gltf-pipeline"),
        (json!(9), "/meshes/0/primitives/0/indices", "accessors[9]"),
        (json!(7), "/accessors/0/count", "beyond its buffer view"),
        (json!("x.bin"), "/buffers/0/uri", "x.bin"),
        (json!("https://example.invalid/x.bin"), "/buffers/0/uri", "not fetched"),
    ] {
        let mut model = model();
        match model.pointer_mut(at) {
            Some(place) => *place = change,
            None => model["extensionsRequired"] = change,
        }
        let file = written(&dir, "odd.gltf", &model.to_string());
        let told = read(&file, Some(PLACE)).0.unwrap_err();
        assert!(told.contains("odd.gltf") && told.contains(word), "{told}");
    }
}

#[test]
fn cesiums_samples_are_read() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/3d-tiles-samples");
    let folder = if here.exists() { here } else { PathBuf::from("/work/shared/data/3d-tiles-samples") };
    if !folder.exists() {
        eprintln!("{} is missing; the samples are not tried", folder.display());
        return;
    }
    let (parts, report) = read(&folder.join("1.1/MetadataGranularities/house-4-2.glb"), Some(PLACE));
    let source = &parts.unwrap()[0];
    let (low, high) = source.vertices.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v.z), h.max(v.z)));
    assert!(high - low > 0.5 && high - low < 50.0, "{low} to {high}");
    assert!(source.objects[0].faces.len() > 10 && report.warnings.is_empty(), "{:?}", report.warnings);
    let count = |name: &str| {
        let (parts, report) = read(&folder.join("glTF/GpuInstancesMetadata").join(name), Some(PLACE));
        (parts.unwrap()[0].objects[0].faces.len(), report.warnings.len())
    };
    // A cube ten times.
    assert_eq!(count("GpuInstancesMetadata.gltf"), (120, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_models_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10)) {
        let mut bytes = model().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("m.gltf");
        std::fs::write(&file, bytes).unwrap();
        let _ = read(&file, Some(PLACE));
    }
}
