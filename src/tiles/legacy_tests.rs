//! `i3dm` and `pnts` made up byte by byte.

use crate::tiles::{DecodeContext, Decoded, NO_FEATURE, TileContent, TileError, TileMesh, UpAxis, decode};
use base64::Engine;
use glam::{DMat4, DVec3};
use serde_json::{Value, json};

/// A tile of 3D Tiles 1.0 of its four tables and its body.
pub fn wrapped(format: &str, head: &[u8], features: (&Value, &[u8]), batches: &Value, body: &[u8]) -> Vec<u8> {
    let text = |json: &Value| if json.is_null() { Vec::new() } else { json.to_string().into_bytes() };
    let (feature_json, batch_json) = (text(features.0), text(batches));
    let lens = [feature_json.len(), features.1.len(), batch_json.len(), 0];
    let all = 28 + head.len() + lens.iter().sum::<usize>() + body.len();
    let mut bytes = format.as_bytes().to_vec();
    [1, all].iter().chain(&lens).for_each(|n| bytes.extend((*n as u32).to_le_bytes()));
    [head, &feature_json, features.1, &batch_json, body].iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A model with one triangle: 2 m along x, 4 m up.
fn model() -> Vec<u8> {
    let positions: [f32; 9] = [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0];
    let bytes: Vec<u8> = positions.iter().flat_map(|p| p.to_le_bytes()).collect();
    let uri = format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(&bytes));
    let json = json!({
        "asset": { "version": "2.0" }, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
        "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }], "buffers": [{ "byteLength": 36, "uri": uri }],
    });
    json.to_string().into_bytes()
}

fn glb() -> Vec<u8> {
    let json = model();
    let mut bytes = b"glTF\x02\0\0\0".to_vec();
    bytes.extend(((20 + json.len()) as u32).to_le_bytes());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend(b"JSON");
    bytes.extend(json);
    bytes
}

fn try_decode_at(bytes: &[u8], transform: DMat4) -> Result<TileContent, TileError> {
    let beside = |url: &str| match url {
        "file:///t/models/tree.gltf" => Ok(model()),
        _ => Err(TileError::Fetch { url: url.to_owned(), why: "there is no such file".into(), retry: false }),
    };
    let context = DecodeContext { url: "file:///t/a.i3dm", transform, up_axis: UpAxis::Y, error_m: 0.0, external: &beside };
    match decode(bytes, &context)? {
        Decoded::Meshes(content) => Ok(content),
        Decoded::Tileset => panic!("taken for a tileset"),
    }
}

fn try_decode(bytes: &[u8]) -> Result<TileContent, TileError> {
    try_decode_at(bytes, DMat4::IDENTITY)
}

fn corners(mesh: &TileMesh) -> Vec<DVec3> {
    mesh.indices.iter().map(|i| mesh.to_world.transform_point3(DVec3::from(mesh.positions[*i as usize].map(f64::from)))).collect()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn near(a: DVec3, b: [f64; 3]) -> bool {
    (a - DVec3::from(b)).length() < 1e-3
}

/// Two instances: one as it is, one turned so that its y points along -x and its x along y, twice as large and three times as high.
fn two(model: &[u8], format: u32) -> Vec<u8> {
    let json = json!({ "INSTANCES_LENGTH": 2, "RTC_CENTER": [1000.0, 0.0, 0.0], "POSITION": { "byteOffset": 0 }, "NORMAL_UP": { "byteOffset": 24 },
        "NORMAL_RIGHT": { "byteOffset": 48 }, "SCALE": { "byteOffset": 72 }, "SCALE_NON_UNIFORM": { "byteOffset": 80 },
        "BATCH_ID": { "byteOffset": 104, "componentType": "UNSIGNED_BYTE" } });
    let mut binary = floats(&[0.0, 0.0, 5.0, 10.0, 20.0, 30.0, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 2.0]);
    binary.extend(floats(&[1.0, 1.0, 1.0, 1.0, 1.0, 3.0]));
    binary.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    wrapped("i3dm", &format.to_le_bytes(), (&json, &binary), &json!({ "kind": ["oak", "lime"] }), model)
}

#[test]
fn instances_stand_turned_scaled_and_named_as_their_tables_say() {
    for tile in [two(&glb(), 1), two(b"models/tree.gltf\0\0  ", 0)] {
        let content = try_decode(&tile).unwrap();
        let mesh = &content.meshes[0];
        let at = corners(mesh);
        // The model is y-up: its 4 m stand up in the tile.
        assert!(near(at[0], [1000.0, 0.0, 5.0]) && near(at[1], [1002.0, 0.0, 5.0]) && near(at[2], [1000.0, 0.0, 9.0]), "{at:?}");
        // x is twice as long and points along y; the height, three times twice as long, along the third axis, right cross up = z.
        assert!(near(at[3], [1010.0, 20.0, 30.0]) && near(at[4], [1010.0, 24.0, 30.0]) && near(at[5], [1010.0, 20.0, 54.0]), "{at:?}");
        assert_eq!(mesh.feature_ids, [1, 1, 1, 0, 0, 0]);
        assert_eq!((content.features.count(), content.features.attributes(1)["kind"].clone()), (2, json!("lime")));
    }
    let lost = try_decode(&two(b"models/no.gltf", 0)).unwrap_err().to_string();
    assert!(lost.contains("models/no.gltf"), "{lost}");
}

#[test]
fn packed_positions_and_normals_are_those_of_floats() {
    let json = json!({ "INSTANCES_LENGTH": 1, "QUANTIZED_VOLUME_OFFSET": [0, 0, 0], "QUANTIZED_VOLUME_SCALE": [65535, 655350, 1],
        "POSITION_QUANTIZED": { "byteOffset": 0 }, "NORMAL_UP_OCT32P": { "byteOffset": 6 }, "NORMAL_RIGHT_OCT32P": { "byteOffset": 10 } });
    // Up along -x, right along y.
    let shorts: [u16; 7] = [10, 2, 65535, 0, 32768, 32768, 65535];
    let binary: Vec<u8> = shorts.iter().flat_map(|v| v.to_le_bytes()).collect();
    let content = try_decode(&wrapped("i3dm", &1u32.to_le_bytes(), (&json, &binary), &Value::Null, &glb())).unwrap();
    let at = corners(&content.meshes[0]);
    assert!(
        near(at[0], [10.0, 20.0, 1.0])
            && (at[1] - at[0] - DVec3::Y * 2.0).length() < 1e-3
            && (at[2] - at[0] - DVec3::Z * 4.0).length() < 1e-3,
        "{at:?}"
    );
    assert_eq!(content.meshes[0].feature_ids, [0; 3]);
}

#[test]
fn east_north_up_is_that_of_the_place_in_the_world() {
    let json = json!({ "INSTANCES_LENGTH": 1, "EAST_NORTH_UP": true, "POSITION": [0.0, 0.0, 0.0] });
    let tile = wrapped("i3dm", &1u32.to_le_bytes(), (&json, &[]), &Value::Null, &glb());
    // On the equator at 90 degrees east: up is y, east is -x. The tile's own frame is turned, which must not matter.
    let place = DMat4::from_translation(DVec3::Y * 6_378_137.0) * DMat4::from_rotation_x(0.7);
    let content = try_decode_at(&tile, place).unwrap();
    let at = corners(&content.meshes[0]);
    assert!((at[1] - at[0] + DVec3::X * 2.0).length() < 1e-3 && (at[2] - at[0] - DVec3::Y * 4.0).length() < 1e-3, "{at:?}");
}

/// Twelve points in a row, with one colour.
fn row(change: impl FnOnce(&mut Value), batches: &Value) -> Vec<u8> {
    let mut json = json!({ "POINTS_LENGTH": 12, "POSITION": { "byteOffset": 0 }, "RGB565": { "byteOffset": 144 } });
    change(&mut json);
    let mut binary: Vec<u8> = (0..12).flat_map(|i| floats(&[i as f32, 0.0, 0.0])).collect();
    binary.extend((0..12).flat_map(|_| 0xF800u16.to_le_bytes()));
    binary.extend((0..12).flat_map(|i| [i % 2, 0]));
    wrapped("pnts", &[], (&json, &binary), batches, &[])
}

#[test]
fn points_of_a_cloud_have_its_colours_and_are_features() {
    let content = try_decode(&row(|j| j["RTC_CENTER"] = json!([0, 0, 7]), &json!({ "height": (0..12).collect::<Vec<_>>() }))).unwrap();
    let mesh = &content.meshes[0];
    assert_eq!((mesh.indices.len() / 3, mesh.positions.len()), (48, 48));
    assert!(mesh.colours.iter().all(|c| *c == [255, 0, 0, 255]));
    assert!(near(corners(mesh)[36 * 3], [9.0, 0.0, 7.0]) || (corners(mesh)[9 * 12] - DVec3::new(9.0, 0.0, 7.0)).length() < 0.2);
    assert_eq!((content.features.count(), mesh.feature_ids[4 * 9], content.features.attributes(9)["height"].clone()), (12, 9, json!(9)));
    assert_eq!(content.notes, ["points are drawn as small tetrahedra"]);
    let batched = |j: &mut Value| {
        j["BATCH_ID"] = json!({ "byteOffset": 168 });
        j["BATCH_LENGTH"] = json!(2);
        j["CONSTANT_RGBA"] = json!([255, 255, 255, 128]);
        j.as_object_mut().unwrap().remove("RGB565");
    };
    let content = try_decode(&row(batched, &json!({ "name": ["a", "b"] }))).unwrap();
    let mesh = &content.meshes[0];
    assert_eq!(
        (mesh.feature_ids[4 * 3], content.features.attributes(1)["name"].clone(), mesh.colours[0]),
        (1, json!("b"), [255, 255, 255, 128])
    );
    let plain = try_decode(&row(|_| (), &Value::Null)).unwrap();
    assert!(plain.features.count() == 0 && plain.meshes[0].feature_ids.iter().all(|id| *id == NO_FEATURE));
}

#[test]
fn what_a_cloud_or_instances_lack_is_said() {
    let refused = |bytes: &[u8]| try_decode(bytes).unwrap_err().to_string();
    let draco = |length: u64| {
        let properties = json!({ "properties": { "POSITION": 0 }, "byteOffset": 0, "byteLength": length });
        move |j: &mut Value| j["extensions"] = json!({ "3DTILES_draco_point_compression": properties })
    };
    assert!(refused(&row(draco(12), &Value::Null)).contains("damaged"));
    assert!(refused(&row(draco(1 << 40), &Value::Null)).contains("beyond the table"));
    assert!(refused(&row(|j| j["POINTS_LENGTH"] = json!(17), &Value::Null)).contains("beyond the table"));
    assert!(refused(&row(|j| j["POINTS_LENGTH"] = json!(u32::MAX), &Value::Null)).contains("more than"));
    assert!(refused(&row(|j| j["BATCH_ID"] = json!({ "byteOffset": 0 }), &Value::Null)).contains("BATCH_LENGTH"));
    let none = wrapped("i3dm", &1u32.to_le_bytes(), (&json!({ "INSTANCES_LENGTH": 1 }), &[]), &Value::Null, &glb());
    assert!(refused(&none).contains("POSITION"));
    for tile in [two(&glb(), 1), row(|_| (), &Value::Null)] {
        for cut in 0..tile.len() {
            let _ = try_decode(&tile[..cut]);
        }
    }
}

#[test]
fn a_cloud_that_draco_compressed_is_the_plain_one() {
    let rtc = DVec3::new(1_215_012.882_887_673_8, -4_736_313.051_199_594, 4_081_605.221_260_42);
    let middle = |mesh: &TileMesh, point: usize| {
        let four = mesh.positions[point * 4..point * 4 + 4].iter().map(|p| mesh.to_world.transform_point3(DVec3::from(p.map(f64::from))));
        four.sum::<DVec3>() / 4.0 - rtc
    };
    let batched = include_bytes!("../../tests/data/3d-tiles/pointCloudDracoBatched.pnts");
    let content = try_decode(batched).unwrap();
    let mesh = &content.meshes[0];
    assert_eq!((mesh.positions.len(), content.features.count()), (4000, 8));
    // Of the same cloud as it was before it was compressed (`pointCloudBatched.pnts` of the same folder): place, normal, section.
    for (point, place, normal, section) in [
        (0, [-4.927_044, 0.833_754, 0.170_555], [-0.985_409, 0.166_751, 0.034_111], 5),
        (1, [-2.978_852, 2.689_389, 2.982_218], [-0.595_770, 0.537_878, 0.596_444], 5),
        (500, [-3.397_789, -3.567_766, -0.852_103], [-0.679_558, -0.713_553, -0.170_421], 6),
        (999, [-1.319_308, 0.941_818, 4.729_948], [-0.263_862, 0.188_364, 0.945_989], 4),
    ] {
        assert!((middle(mesh, point) - DVec3::from(place)).length() < 5e-3, "{point}: {}", middle(mesh, point));
        let n = mesh.to_world.transform_vector3(DVec3::from(mesh.normals[point * 4].map(f64::from)));
        assert!((n - DVec3::from(normal)).length() < 0.02, "{point}: {n}");
        assert_eq!(mesh.feature_ids[point * 4], section);
    }
    assert_eq!(content.features.attributes(6)["name"], json!("section6"));
    assert!(mesh.colours.iter().any(|c| *c != mesh.colours[0]));
    let own = try_decode(include_bytes!("../../tests/data/3d-tiles/pointCloudDraco.pnts")).unwrap();
    assert_eq!(own.features.count(), 1000);
    for point in [0, 1, 999] {
        let row = own.features.attributes(point);
        assert!((middle(&own.meshes[0], point as usize) - middle(mesh, point as usize)).length() < 1e-3);
        assert_eq!((&row["id"], row["secondaryColor"].as_array().map(Vec::len)), (&json!(point), Some(3)));
        assert!(row["temperature"].as_f64().is_some_and(|t| (0.0..1.0).contains(&t)), "{row:?}");
    }
    for cut in (0..batched.len()).step_by(7) {
        assert!(try_decode(&batched[..cut]).is_err());
    }
}
