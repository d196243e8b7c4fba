//! glTF decoding on real, made-up and damaged bytes.

use crate::tiles::{DecodeContext, Decoded, NO_FEATURE, TileContent, TileError, TileMesh, UNLIT, UpAxis, decode};
use base64::Engine;
use glam::{DMat4, DVec3};
use proptest::prelude::*;
use serde_json::{Value, json};

const B3DM: &[u8] = include_bytes!("../../tests/data/3d-tiles/ll.b3dm");
const DRACO: &[u8] = include_bytes!("../../tests/data/3d-tiles/draco.glb");
const COMPLEX: &[u8] = include_bytes!("../../tests/data/3d-tiles/ComplexTypes.gltf");
const INSTANCES: &[u8] = include_bytes!("../../tests/data/3d-tiles/GpuInstancesMetadata.gltf");

fn nothing_beside(url: &str) -> Result<Vec<u8>, TileError> {
    Err(TileError::Fetch { url: url.to_owned(), why: "there is no file beside".into(), retry: false })
}

fn try_decode(bytes: &[u8]) -> Result<TileContent, TileError> {
    let context =
        DecodeContext { url: "file:///t/a.glb", transform: DMat4::IDENTITY, up_axis: UpAxis::Y, error_m: 0.0, external: &nothing_beside };
    match decode(bytes, &context)? {
        Decoded::Meshes(content) => Ok(content),
        Decoded::Tileset => panic!("taken for a tileset"),
    }
}

fn world(mesh: &TileMesh, i: usize) -> DVec3 {
    mesh.to_world.transform_point3(DVec3::from(mesh.positions[i].map(f64::from)))
}

/// Every per-vertex list is as long as the positions, every index in range, every normal of unit length.
fn consistent(content: &TileContent) -> bool {
    content.meshes.iter().all(|m| {
        let n = m.positions.len();
        let lists = [m.normals.len(), m.feature_ids.len(), m.surfaces.len(), m.colours.len()].iter().all(|len| *len == n);
        let ids = m.feature_ids.iter().all(|id| *id == NO_FEATURE || *id < content.features.count());
        let normals = m.normals.iter().all(|v| (v.iter().map(|c| c * c).sum::<f32>() - 1.0).abs() < 1e-3);
        lists && ids && normals && (m.texcoords.is_empty() || m.texcoords.len() == n) && m.indices.iter().all(|i| (*i as usize) < n)
    })
}

#[test]
fn a_b3dm_lies_where_its_rtc_center_says_and_keeps_its_batch_table() {
    let content = try_decode(B3DM).unwrap();
    assert!(consistent(&content));
    let mesh = &content.meshes[0];
    let rtc = DVec3::new(1_214_914.552_504_114_6, -4_736_388.031_625_768, 4_081_548.040_758_888_2);
    assert!((world(mesh, 0) - rtc).length() < 300.0);
    assert!(mesh.positions.iter().flatten().all(|c| c.abs() < 300.0), "local coordinates are small");
    assert_eq!(content.features.count(), 10);
    assert_eq!((0..10).filter(|id| mesh.feature_ids.contains(id)).count(), 10);
    let row = content.features.attributes(3);
    assert_eq!(row["id"], json!(3));
    assert!((row["Longitude"].as_f64().unwrap() + 1.3197).abs() < 1e-3 && row["Height"].is_number(), "{row:?}");
    assert!(content.features.attributes(10).is_empty() && content.features.attributes(NO_FEATURE).is_empty());
}

#[test]
fn arrays_of_every_kind_come_out_of_a_property_table() {
    let content = try_decode(COMPLEX).unwrap();
    assert!(consistent(&content));
    assert_eq!(content.features.count(), 4);
    let rows: Vec<Value> = (0..4).map(|i| Value::Object(content.features.attributes(i))).collect();
    let column = |name: &str| rows.iter().map(|r| r[name].clone()).collect::<Vec<_>>();
    // "Theee" is the sample's own spelling.
    let strings = column("Example variable-length ARRAY STRING property");
    assert_eq!(strings, [json!(["One"]), json!(["One", "Two"]), json!(["One", "Two", "Three"]), json!(["One", "Two", "Theee", "Four"])]);
    let enums = column("Example fixed-length ARRAY ENUM property");
    assert_eq!(enums[0], json!(["ExampleEnumValueA", "ExampleEnumValueB"]));
    let bits = column("Example fixed-length ARRAY BOOLEAN property");
    assert_eq!(bits[0].as_array().unwrap().len(), 10);
    assert!(bits[0][0].is_boolean());
    let fractions = column("Example variable-length ARRAY normalized INT8 property");
    assert_eq!((&fractions[0], &fractions[2]), (&json!([0.0, 1.0]), &json!([0.0, 85.0 / 255.0, 170.0 / 255.0, 1.0])));
}

#[test]
fn instances_become_one_mesh_with_a_feature_each() {
    let content = try_decode(INSTANCES).unwrap();
    assert!(consistent(&content));
    assert_eq!(content.meshes.len(), 1);
    assert_eq!(content.meshes[0].positions.len(), 10 * 24);
    let ids = &content.meshes[0].feature_ids;
    assert!((0..10).all(|id| ids.iter().filter(|i| **i == id).count() == 24), "{ids:?}");
    assert!(content.features.attributes(9).values().all(Value::is_string));
}

/// A right angle in the ground plane of glTF, no normals, as JSON with its bytes inside.
fn triangle(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let positions: [f32; 9] = [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, -4.0];
    let bytes: Vec<u8> = positions.iter().flat_map(|p| p.to_le_bytes()).collect();
    let uri = format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(&bytes));
    let mut json = json!({
        "asset": { "version": "2.0" }, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0, "translation": [100.0, 7.0, 0.0] }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 }, "material": 0 }] }],
        "materials": [{ "pbrMetallicRoughness": { "baseColorFactor": [1.0, 0.5, 0.0, 1.0] } }],
        "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }], "buffers": [{ "byteLength": 36, "uri": uri }],
    });
    change(&mut json);
    json.to_string().into_bytes()
}

#[test]
fn y_up_becomes_z_up_and_missing_normals_are_flat() {
    let content = try_decode(&triangle(|_| ())).unwrap();
    let mesh = &content.meshes[0];
    assert_eq!(
        [world(mesh, 0), world(mesh, 1), world(mesh, 2)].map(|p| p.round()),
        [DVec3::new(100.0, 0.0, 7.0), DVec3::new(102.0, 0.0, 7.0), DVec3::new(100.0, 4.0, 7.0)]
    );
    assert_eq!(mesh.normals, [[0.0, 0.0, 1.0]; 3]);
    assert_eq!(mesh.colours[0], [255, 128, 0, 255]);
    assert_eq!((mesh.feature_ids[0], mesh.surfaces[0]), (NO_FEATURE, 0));
}

#[test]
fn mirrored_nodes_keep_their_outside_outside() {
    let content = try_decode(&triangle(|j| j["nodes"][0]["scale"] = json!([-1.0, 1.0, 1.0]))).unwrap();
    let mesh = &content.meshes[0];
    let [a, b, c] = [0, 1, 2].map(|i| world(mesh, mesh.indices[i] as usize));
    assert!((b - a).cross(c - a).z > 0.0 && mesh.normals[0][2] > 0.99);
}

#[test]
fn what_is_lacking_is_named_with_the_mend() {
    let required = |name: &str| {
        let name = name.to_owned();
        try_decode(&triangle(move |j| j["extensionsRequired"] = json!([name]))).unwrap_err().to_string()
    };
    assert!(required("VENDOR_unheard_of").contains("VENDOR_unheard_of"));
    let mut old = b"glTF\x01\0\0\0".to_vec();
    old.extend([0; 16]);
    assert!(try_decode(&old).unwrap_err().to_string().contains("3d-tiles-tools upgrade"));
    let beyond = try_decode(&triangle(|j| j["accessors"][0]["count"] = json!(4))).unwrap_err().to_string();
    assert!(beyond.contains("accessors[0]"), "{beyond}");
    let huge = triangle(|j| j["accessors"][0] = json!({ "componentType": 5126, "count": 1u64 << 60, "type": "VEC3" }));
    assert!(try_decode(&huge).is_err());
}

#[test]
fn draco_is_unpacked_with_all_its_attributes() {
    let content = try_decode(DRACO).unwrap();
    assert!(consistent(&content) && content.notes.is_empty());
    let mesh = &content.meshes[0];
    assert_eq!((mesh.positions.len(), mesh.indices.len() / 3, content.features.count()), (16, 8, 4));
    // Four squares side by side, each a feature of its own.
    assert!((0..4).all(|id| mesh.feature_ids.iter().filter(|f| **f == id).count() == 4), "{:?}", mesh.feature_ids);
    let (min, max) = mesh.bounds();
    assert!(((max - min) - DVec3::new(1.0, 0.0, 1.0)).abs().max_element() < 5e-3, "{min} {max}");
    let corners = mesh.indices.as_chunks::<3>().0;
    assert!(corners.iter().all(|t| t.iter().all(|i| mesh.feature_ids[*i as usize] == mesh.feature_ids[t[0] as usize])));
}

#[test]
fn damaged_draco_is_refused_in_words() {
    for at in (0..198).step_by(7) {
        let mut bytes = DRACO.to_vec();
        let n = bytes.len();
        bytes[n - 200 + at] ^= 0x5a;
        if let Err(e) = try_decode(&bytes) {
            assert!(e.to_string().contains("KHR_draco") || matches!(e, TileError::Bad { .. }), "{e}");
        }
    }
}

#[test]
fn points_and_lines_are_drawn_as_solids_and_said() {
    for (mode, triangles, note) in [
        (0, 12, "points are drawn as small tetrahedra"),
        (1, 8, "lines are drawn as thin prisms"),
        (2, 24, "lines are drawn as thin prisms"),
        (3, 16, "lines are drawn as thin prisms"),
    ] {
        let content = try_decode(&triangle(|j| j["meshes"][0]["primitives"][0]["mode"] = json!(mode))).unwrap();
        assert!(consistent(&content));
        assert_eq!((content.meshes[0].indices.len() / 3, content.notes), (triangles, vec![note.to_owned()]), "mode {mode}");
    }
    assert!(try_decode(&triangle(|j| j["meshes"][0]["primitives"][0]["mode"] = json!(7))).is_err());
}

#[test]
fn the_id_in_the_middle_of_a_triangle_is_its_own() {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(4, 4, |x, y| image::Rgb([(x + 4 * y) as u8, 0, 0])).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let data = |bytes: &[u8]| format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    let uvs: Vec<u8> = [0.0f32, 0.0, 1.0, 0.0, 1.0, 1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let content = try_decode(&triangle(|j| {
        j["images"] = json!([{ "uri": data(png.get_ref()) }]);
        j["textures"] = json!([{ "source": 0 }]);
        let mut more = |list: &str, item: Value| j[list].as_array_mut().unwrap().push(item);
        more("buffers", json!({ "byteLength": 24, "uri": data(&uvs) }));
        more("bufferViews", json!({ "buffer": 1, "byteLength": 24 }));
        more("accessors", json!({ "bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2" }));
        let primitive = &mut j["meshes"][0]["primitives"][0];
        primitive["attributes"]["TEXCOORD_0"] = json!(1);
        primitive["extensions"] = json!({ "EXT_mesh_features": { "featureIds": [{ "featureCount": 16, "texture": { "index": 0, "texCoord": 0, "channels": [0] } }] } });
    }))
    .unwrap();
    assert!(consistent(&content));
    // u = 2/3, v = 1/3: column 2, row 1.
    assert_eq!((content.meshes[0].feature_ids.clone(), content.features.count()), (vec![6; 3], 16));
    assert!(content.notes.len() == 1 && content.notes[0].contains("drawn by their middles"), "{:?}", content.notes);
}

#[test]
fn a_surface_that_asks_for_no_light_is_told_from_others() {
    let content = try_decode(&triangle(|j| j["materials"][0]["extensions"] = json!({ "KHR_materials_unlit": {} }))).unwrap();
    assert!(content.notes.is_empty() && content.meshes[0].surfaces == [UNLIT; 3]);
    assert_eq!(try_decode(&triangle(|_| ())).unwrap().meshes[0].surfaces, [0; 3]);
}

/// A quantised, meshopt-compressed square with ids, as the field's packers write it.
fn packed_square() -> Vec<u8> {
    let corners: [[u16; 4]; 4] = [[0, 0, 0, 0], [65535, 0, 0, 0], [65535, 0, 65535, 0], [0, 0, 65535, 0]];
    let vertices = meshopt::encode_vertex_buffer(&corners).unwrap();
    let indices = meshopt::encode_index_buffer(&[0, 2, 1, 0, 3, 2], 4).unwrap();
    let ids: Vec<u8> = [0f32, 0.0, 1.0, 1.0].iter().flat_map(|f| f.to_le_bytes()).collect();
    let mut bin = vertices.clone();
    let mut part = |bytes: &[u8]| {
        bin.resize(bin.len().next_multiple_of(4), 0);
        bin.extend_from_slice(bytes);
        bin.len() - bytes.len()
    };
    let (at_indices, at_ids) = (part(&indices), part(&ids));
    let packed = |offset: usize, len: usize, stride: usize, count: usize, mode: &str| json!({ "EXT_meshopt_compression": { "buffer": 0, "byteOffset": offset, "byteLength": len, "byteStride": stride, "count": count, "mode": mode } });
    let json = json!({
        "asset": { "version": "2.0" }, "extensionsRequired": ["KHR_mesh_quantization", "EXT_meshopt_compression"],
        "scene": 0, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0, "scale": [10.0, 10.0, 10.0] }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "_FEATURE_ID_0": 2 }, "indices": 1,
            "extensions": { "EXT_mesh_features": { "featureIds": [{ "featureCount": 2, "attribute": 0, "nullFeatureId": 1 }] } } }] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5123, "normalized": true, "count": 4, "type": "VEC3" },
            { "bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR" },
            { "bufferView": 2, "componentType": 5126, "count": 4, "type": "SCALAR" }],
        "bufferViews": [
            { "buffer": 1, "byteLength": 32, "byteStride": 8, "extensions": packed(0, vertices.len(), 8, 4, "ATTRIBUTES") },
            { "buffer": 1, "byteOffset": 32, "byteLength": 12, "extensions": packed(at_indices, indices.len(), 2, 6, "TRIANGLES") },
            { "buffer": 0, "byteOffset": at_ids, "byteLength": 16 }],
        "buffers": [{ "byteLength": bin.len() }, { "byteLength": 44, "extensions": { "EXT_meshopt_compression": { "fallback": true } } }],
    });
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    bin.resize(bin.len().next_multiple_of(4), 0);
    let mut glb = b"glTF\x02\0\0\0".to_vec();
    glb.extend(((28 + text.len() + bin.len()) as u32).to_le_bytes());
    for (bytes, tag) in [(text, b"JSON"), (bin, b"BIN\0")] {
        glb.extend((bytes.len() as u32).to_le_bytes());
        glb.extend(tag);
        glb.extend(bytes);
    }
    glb
}

#[test]
fn quantised_and_meshopt_compressed_vertices_unfold() {
    let content = try_decode(&packed_square()).unwrap();
    assert!(consistent(&content));
    let mesh = &content.meshes[0];
    let (min, max) = mesh.bounds();
    assert!((max - min - DVec3::new(10.0, 10.0, 0.0)).length() < 1e-4);
    assert!(mesh.feature_ids.contains(&0) && mesh.feature_ids.contains(&NO_FEATURE), "{:?}", mesh.feature_ids);
}

#[test]
fn a_composite_numbers_the_features_of_its_parts_in_a_row() {
    let composite = |parts: &[&[u8]]| {
        let mut bytes = b"cmpt\x01\0\0\0".to_vec();
        bytes.extend((16 + parts.iter().map(|p| p.len()).sum::<usize>() as u32).to_le_bytes());
        bytes.extend((parts.len() as u32).to_le_bytes());
        parts.iter().for_each(|p| bytes.extend_from_slice(p));
        bytes
    };
    let content = try_decode(&composite(&[B3DM, B3DM])).unwrap();
    assert!(consistent(&content));
    assert_eq!((content.meshes.len(), content.features.count()), (1, 20), "one call draws it");
    let (alone, both) = (try_decode(B3DM).unwrap(), &content.meshes[0]);
    let (first, second) = both.feature_ids.split_at(alone.meshes[0].positions.len());
    assert!(first == alone.meshes[0].feature_ids && second.iter().zip(first).all(|(b, a)| *b == a + 10));
    for id in [3, 13] {
        assert_eq!(content.features.attributes(id), alone.features.attributes(3));
    }
    let nested = (0..40).fold(composite(&[B3DM]), |inner, _| composite(&[&inner]));
    assert!(try_decode(&nested).unwrap_err().to_string().contains("nest"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Damaged bytes give an error or a sound mesh, never a panic.
    #[test]
    fn damaged_tiles_do_no_harm(which in 0usize..4, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut bytes = vec![B3DM.to_vec(), COMPLEX.to_vec(), INSTANCES.to_vec(), packed_square()].swap_remove(which);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(content) = try_decode(&bytes) {
            prop_assert!(consistent(&content));
            (0..content.features.count().min(50)).for_each(|id| drop(content.features.attributes(id)));
        }
    }
}
