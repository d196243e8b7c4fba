//! Values at real places of a sample, of made-up files, and what is said of broken ones.

use super::FaceSpot;
use crate::tiles::kept::KeptTile;
use crate::tiles::pick::{self, Hit};
use crate::tiles::{
    BoundingVolume, DecodeContext, Decoded, FeatureIdSource, MetadataGroup, MetadataSource, NO_FEATURE, TileContent, TileError, TileId,
    Tileset, TilesetOptions, UpAxis, View, decode,
};
use base64::Engine;
use glam::{DMat4, DVec3};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A wall of 1 m x 1 m, its picture 16 x 16 pixels; inside and outside temperature and insulation in red, green and blue.
const WALL: &str = include_str!("../../../tests/data/3d-tiles/SimplePropertyTexture.gltf");
const INSTANCES: &str = include_str!("../../../tests/data/3d-tiles/GpuInstancesMetadata.gltf");

fn try_read(bytes: &[u8]) -> Result<TileContent, TileError> {
    let nothing = |url: &str| Err(TileError::Fetch { url: url.to_owned(), why: "there is no file beside".into(), retry: false });
    let context =
        DecodeContext { url: "file:///t/a.gltf", transform: DMat4::IDENTITY, up_axis: UpAxis::Y, error_m: 0.0, external: &nothing };
    match decode(bytes, &context)? {
        Decoded::Meshes(content) => Ok(content),
        Decoded::Tileset => panic!("taken for a tileset"),
    }
}

fn read(gltf: &str, change: impl FnOnce(&mut Value)) -> TileContent {
    let mut json: Value = serde_json::from_str(gltf).unwrap();
    change(&mut json);
    try_read(json.to_string().as_bytes()).unwrap()
}

/// What a ray along `direction` from `origin` meets first, and what is said there.
fn pick(content: &TileContent, origin: DVec3, direction: DVec3) -> (Hit, Vec<MetadataGroup>) {
    let kept = KeptTile::of(content);
    let hit = pick::nearest(std::iter::once((TileId(0), &BoundingVolume::Everywhere, &kept)), origin, direction, &|_, _| true).unwrap();
    (hit, kept.said_at(&hit.spot, hit.feature_id))
}

/// At the middle of a pixel of the wall's picture, from the front.
fn at_pixel(content: &TileContent, x: u32, y: u32) -> (Hit, Vec<MetadataGroup>) {
    let at = |pixel: u32| (f64::from(pixel) + 0.5) / 16.0;
    pick(content, DVec3::new(at(x), -10.0, 1.0 - at(y)), DVec3::Y)
}

fn values(groups: &[MetadataGroup], source: &MetadataSource) -> Map<String, Value> {
    groups.iter().find(|g| g.source == *source).map(|g| g.said.values()).unwrap_or_default()
}

const TEXTURE: MetadataSource = MetadataSource::PropertyTexture { number: 0 };

fn primitive(json: &mut Value) -> &mut Value {
    &mut json["meshes"][0]["primitives"][0]
}

/// Adds a vertex attribute of floats.
fn add_attribute(json: &mut Value, name: &str, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let uri = format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(&bytes));
    let push = |json: &mut Value, list: &str, item: Value| {
        let list = json[list].as_array_mut().unwrap();
        list.push(item);
        list.len() - 1
    };
    let buffer = push(json, "buffers", json!({ "byteLength": bytes.len(), "uri": uri }));
    let view = push(json, "bufferViews", json!({ "buffer": buffer, "byteLength": bytes.len() }));
    let accessor = push(json, "accessors", json!({ "bufferView": view, "componentType": 5126, "count": values.len(), "type": "SCALAR" }));
    primitive(json)["attributes"][name] = json!(accessor);
}

#[test]
fn a_property_texture_answers_with_the_pixel_that_is_picked() {
    let wall = read(WALL, |_| ());
    assert!(wall.notes.is_empty(), "{:?}", wall.notes);
    for (x, y, [inside, outside, insulation]) in [(2, 5, [15, 19, 10]), (9, 10, [23, 17, 20]), (15, 0, [15, 10, 40])] {
        let (hit, groups) = at_pixel(&wall, x, y);
        let said =
            json!({ "Inside Temperature": inside, "Outside Temperature": outside, "Insulation Thickness": f64::from(insulation) / 255.0 });
        assert_eq!((hit.feature_id, groups.len(), &groups[0].source), (NO_FEATURE, 1, &TEXTURE));
        assert_eq!((Value::Object(groups[0].said.values()), groups[0].said.class.name.as_str()), (said, "Building properties"), "{x} {y}");
    }
}

#[test]
fn what_is_kept_of_pictures_with_values_counts_in_the_tiles_bytes() {
    let bare = |json: &mut Value| primitive(json)["extensions"] = json!({});
    let (wall, bare) = (read(WALL, |_| ()), read(WALL, bare));
    let channels = 16 * 16 * 3;
    let both = [wall.bytes - bare.bytes, KeptTile::of(&wall).kept_bytes - KeptTile::of(&bare).kept_bytes];
    assert!(both.iter().all(|more| (channels..channels + 1024).contains(more)), "{both:?}");
}

#[test]
fn schema_and_file_say_how_bytes_become_values_and_a_transform_where_they_lie() {
    let wall = read(WALL, |json| {
        let metadata = &mut json["extensions"]["EXT_structural_metadata"];
        let given = &mut metadata["propertyTextures"][0]["properties"];
        given["insideTemperature"]["offset"] = json!(-10);
        // Turns the picture over: the first row is where the last one was.
        given["outsideTemperature"]["extensions"] = json!({ "KHR_texture_transform": { "scale": [1, -1], "offset": [0, 1] } });
        given["both"] = json!({ "index": 1, "channels": [1, 0] });
        let class = &mut metadata["schema"]["classes"]["buildingComponents"]["properties"];
        class["insulation"]["noData"] = json!(10);
        class["both"] = json!({ "type": "SCALAR", "componentType": "UINT16", "scale": 2, "description": "Made up", "semantic": "S", "min": 0, "max": 9 });
        class["unwritten"] = json!({ "type": "STRING", "default": "none" });
    });
    let (_, groups) = at_pixel(&wall, 2, 5);
    // Outside is of pixel (2, 10), insulation is where the file has none, both are 15 * 256 + 19.
    let said = json!({ "Inside Temperature": 5.0, "Outside Temperature": 11, "both": 7718.0, "unwritten": "none" });
    assert_eq!(Value::Object(groups[0].said.values()), said);
    let both = &groups[0].said.properties[2];
    assert_eq!((both.description.as_str(), both.semantic.as_str(), &both.range), ("Made up", "S", &Some([json!(0), json!(9)])));
}

#[test]
fn what_is_broken_is_a_note_and_takes_nothing_else_with_it() {
    fn broken(change: impl FnOnce(&mut Value)) -> (String, usize) {
        let wall = read(WALL, change);
        assert_eq!(wall.meshes[0].indices.len(), 6);
        let (_, groups) = at_pixel(&wall, 2, 5);
        (wall.notes.join("; "), values(&groups, &TEXTURE).len())
    }
    /// Of the property `insulation`.
    fn given(json: &mut Value, key: &str, value: Value) {
        json["extensions"]["EXT_structural_metadata"]["propertyTextures"][0]["properties"]["insulation"][key] = value;
    }
    fn check((notes, left): (String, usize), said: &str, kept: usize) {
        assert!(notes.contains(said) && left == kept, "{notes}: {left} values");
    }
    check(broken(|j| primitive(j)["extensions"]["EXT_structural_metadata"]["propertyTextures"] = json!([7])), "propertyTextures[7]", 0);
    check(broken(|j| j["extensions"]["EXT_structural_metadata"]["propertyTextures"][0]["class"] = json!("x")), "the class \"x\"", 0);
    check(broken(|j| given(j, "index", json!(9))), "insulation: textures[9] is not there", 2);
    check(broken(|j| given(j, "channels", json!([0, 1]))), "insulation: its values take 1 bytes, and 2 channels", 2);
    check(broken(|j| given(j, "channels", json!([5]))), "insulation: a picture has no channels [5]", 2);
    check(broken(|j| given(j, "texCoord", json!(3))), "insulation: the attribute TEXCOORD_3 is not there", 2);
    check(broken(|j| given(j, "channels", json!("red"))), "insulation: ", 2);
    check(broken(|j| j["images"][1]["uri"] = json!("data:image/png;base64,AAAA")), "images[1]", 0);
    check(broken(|j| primitive(j)["extensions"]["EXT_structural_metadata"]["propertyAttributes"] = json!([0])), "propertyAttributes[0]", 3);
    let sets = json!({ "featureIds": [{ "featureCount": 4 }, { "featureCount": 4, "attribute": 8 }] });
    let mut wall: Value = serde_json::from_str(WALL).unwrap();
    primitive(&mut wall)["extensions"]["EXT_mesh_features"] = sets;
    assert!(read(&wall.to_string(), |_| ()).notes.iter().any(|n| n.contains("_FEATURE_ID_8 is not there")));
}

#[test]
fn property_attributes_of_faces_answer_with_the_nearest_corner() {
    let wall = read(WALL, |json| {
        let kinds = json!({ "values": [{ "name": "brick", "value": 0 }, { "name": "glass", "value": 3 }] });
        let class = json!({ "properties": { "heat": { "type": "SCALAR", "componentType": "FLOAT32" }, "kind": { "type": "ENUM", "enumType": "kind" } } });
        let metadata = &mut json["extensions"]["EXT_structural_metadata"];
        metadata["schema"]["classes"]["corner"] = class;
        metadata["schema"]["enums"] = json!({ "kind": kinds });
        let properties = json!({ "heat": { "attribute": "_HEAT" }, "kind": { "attribute": "_KIND" } });
        metadata["propertyAttributes"] = json!([{ "class": "corner", "properties": properties }]);
        primitive(json)["extensions"]["EXT_structural_metadata"] = json!({ "propertyAttributes": [0] });
        add_attribute(json, "_HEAT", &[0.5, 1.5, 2.5, 3.5]);
        add_attribute(json, "_KIND", &[0.0, 3.0, 0.0, 3.0]);
        // Without normals every face gets corners of its own; mirrored, two of them change places.
        primitive(json)["attributes"].as_object_mut().unwrap().remove("NORMAL");
        json["nodes"] = json!([{ "mesh": 0, "scale": [-1, 1, 1], "translation": [1, 0, 0] }]);
    });
    assert!(wall.notes.is_empty(), "{:?}", wall.notes);
    // Vertices 0 to 3 lie below left, below right, above left, above right in the file, mirrored here.
    for (x, y, heat, kind) in [(15, 15, 0.5, "brick"), (0, 15, 1.5, "glass"), (15, 0, 2.5, "brick"), (0, 0, 3.5, "glass")] {
        let (_, groups) = at_pixel(&wall, x, y);
        let said = values(&groups, &MetadataSource::PropertyAttribute { number: 0 });
        assert_eq!(Value::Object(said), json!({ "heat": heat, "kind": kind }), "{x} {y}");
    }
}

/// The wall with ids in its picture's red, and ids at its corners.
fn with_sets(json: &mut Value) {
    add_attribute(json, "_FEATURE_ID_0", &[2.0; 4]);
    let sets = json!([
        { "featureCount": 22, "texture": { "index": 1, "texCoord": 0, "channels": [0] }, "propertyTable": 0, "nullFeatureId": 15 },
        { "featureCount": 4, "label": "floors", "attribute": 0 },
        { "featureCount": 4 }
    ]);
    primitive(json)["extensions"]["EXT_mesh_features"] = json!({ "featureIds": sets });
    let numbers: Vec<u8> = (0..22).map(|i| 100 + i).collect();
    json["buffers"].as_array_mut().unwrap().push(
        json!({ "byteLength": 22, "uri": format!("data:application/octet-stream;base64,{}", base64::engine::general_purpose::STANDARD.encode(&numbers)) }),
    );
    let buffer = json["buffers"].as_array().unwrap().len() - 1;
    json["bufferViews"].as_array_mut().unwrap().push(json!({ "buffer": buffer, "byteLength": 22 }));
    let view = json["bufferViews"].as_array().unwrap().len() - 1;
    let metadata = &mut json["extensions"]["EXT_structural_metadata"];
    metadata["schema"]["classes"]["room"] =
        json!({ "name": "Room", "properties": { "id": { "type": "SCALAR", "componentType": "UINT8" } } });
    metadata["propertyTables"] = json!([{ "class": "room", "count": 22, "properties": { "id": { "values": view } } }]);
}

#[test]
fn every_set_of_ids_is_told_and_the_drawn_one_to_the_pixel() {
    let mut both = read(WALL, with_sets);
    let apart = read(WALL, |json| {
        with_sets(json);
        json["nodes"][0]["translation"] = json!([5.0, 0.0, 0.0]);
    });
    both.merge(apart).unwrap();
    for (shift_m, first) in [(0.0, 0), (5.0, 22)] {
        let at = |x: f64, y: f64| pick(&both, DVec3::new(shift_m + (x + 0.5) / 16.0, -10.0, 1.0 - (y + 0.5) / 16.0), DVec3::Y);
        let (hit, groups) = at(0.0, 3.0);
        assert_eq!((hit.feature_id, &both.features.attributes(hit.feature_id)["id"]), (first + 20, &json!(120)));
        let set = |number: usize, label: &str, feature: u32| {
            MetadataSource::FeatureIds(FeatureIdSource { number, label: label.into(), feature: Some(feature), is_drawn: number == 0 })
        };
        let sources: Vec<&MetadataSource> = groups.iter().map(|g| &g.source).collect();
        // The last set counts vertices: the lower left triangle begins with the first one.
        assert_eq!(sources[..2], [&set(0, "", 20), &set(1, "floors", 2)]);
        assert!(matches!(sources[2], MetadataSource::FeatureIds(s) if s.number == 2 && s.feature.is_some_and(|v| v < 2)));
        assert_eq!((groups[0].said.class.name.as_str(), groups[0].said.values()["id"].clone()), ("Room", json!(120)));
        assert_eq!(groups[3].source, TEXTURE);
        // 15 stands for none, 23 is beyond the table.
        assert_eq!([at(2.0, 5.0).0.feature_id, at(9.0, 10.0).0.feature_id], [NO_FEATURE; 2]);
    }
}

#[test]
fn instances_tell_all_sets_of_their_ids() {
    let boxes = read(INSTANCES, |json| {
        let sets = &mut json["nodes"][0]["extensions"]["EXT_instance_features"]["featureIds"];
        sets.as_array_mut().unwrap().push(json!({ "featureCount": 10, "label": "order" }));
    });
    let middle = |id: u32| {
        let mesh = &boxes.meshes[0];
        let own: Vec<DVec3> = (0..mesh.positions.len())
            .filter(|i| mesh.feature_ids[*i] == id)
            .map(|i| mesh.to_world.transform_point3(DVec3::from(mesh.positions[i].map(f64::from))))
            .collect();
        own.iter().sum::<DVec3>() / own.len() as f64
    };
    let aside = DVec3::new(0.3, -100.0, 0.2);
    let (hit, groups) = pick(&boxes, middle(4) + aside, -aside);
    let set = |number: usize, label: &str| {
        // By its attribute the sixth instance is number 4.
        let feature = Some([4, 5][number]);
        let set = FeatureIdSource { number, label: label.into(), feature, is_drawn: number == 0 };
        MetadataSource::InstanceIds(set)
    };
    assert_eq!((hit.feature_id, groups.len()), (4, 2), "{groups:?}");
    assert_eq!((&groups[0].source, &groups[1].source), (&set(0, ""), &set(1, "order")));
    assert_eq!(groups[0].said.values(), boxes.features.attributes(4));
}

#[test]
fn a_place_tells_of_its_own_content_its_group_its_tile_and_its_tileset() {
    let folder = tempfile::tempdir().unwrap();
    let apart = WALL.replacen(r#""nodes" : [ {"#, r#""nodes" : [ { "translation" : [ 5, 0, 0 ],"#, 1);
    assert_ne!(apart, WALL);
    std::fs::write(folder.path().join("a.gltf"), WALL).unwrap();
    std::fs::write(folder.path().join("b.gltf"), apart).unwrap();
    let property = |name: &str| json!({ "type": "STRING", "description": format!("The {name}") });
    let classes = json!({ "any": { "name": "Anything", "properties": { "name": property("name") } } });
    let said = |name: &str| json!({ "class": "any", "properties": { "name": name } });
    let tileset = json!({
        "asset": { "version": "1.1" }, "schema": { "id": "s", "classes": classes }, "metadata": said("all"), "groups": [said("walls")],
        "geometricError": 9, "root": { "geometricError": 0, "boundingVolume": { "sphere": [2, 0, 0, 9] }, "metadata": said("here"),
            "contents": [{ "uri": "a.gltf" }, { "uri": "b.gltf", "group": 0, "metadata": said("second") }] },
    });
    std::fs::write(folder.path().join("tileset.json"), tileset.to_string()).unwrap();
    let mut tileset = Tileset::open(folder.path().to_str().unwrap(), TilesetOptions::default()).unwrap();
    let view = View::perspective(DVec3::new(2.0, -20.0, 0.5), DVec3::Y, DVec3::Z, 1.0, 1.0, 1000.0);
    let started = std::time::Instant::now();
    while !tileset.is_settled() || tileset.tree().len() < 2 {
        tileset.update(std::slice::from_ref(&view));
        assert!(started.elapsed().as_secs() < 60, "not settled: {:?}", tileset.failures());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let names = |x: f64| {
        let hit = tileset.pick(DVec3::new(x, -10.0, 0.5), DVec3::Y).unwrap();
        let groups = tileset.place_metadata(&hit);
        assert!(groups.iter().skip(1).all(|g| g.said.class.name == "Anything" && g.said.properties[0].description == "The name"));
        groups.into_iter().map(|g| (g.source, g.said.properties[0].value.clone())).skip(1).collect::<Vec<_>>()
    };
    let around = [(MetadataSource::Tile, json!("here")), (MetadataSource::Tileset, json!("all"))];
    assert_eq!(names(0.5), around);
    let own = [(MetadataSource::Content { number: 1 }, json!("second")), (MetadataSource::Group { number: 1 }, json!("walls"))];
    assert_eq!(names(5.5), [own, around].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is wrong in a file, every place on every face is answered or says nothing.
    #[test]
    fn damaged_files_are_answered_without_a_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), weights in any::<[f64; 3]>()) {
        let mut wall: Value = serde_json::from_str(WALL).unwrap();
        with_sets(&mut wall);
        let mut bytes = wall.to_string().into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(content) = try_read(&bytes) {
            let kept = KeptTile::of(&content);
            for (mesh, face) in (0..kept.meshes.len()).flat_map(|m| (0..4).map(move |f| (m, f))) {
                let spot = FaceSpot { mesh, face, weights };
                let id = kept.pictured_feature(&spot).unwrap_or(NO_FEATURE);
                prop_assert!(id == NO_FEATURE || id < content.features.count());
                drop((kept.said_at(&spot, id), kept.content_at(&spot)));
            }
        }
    }
}
