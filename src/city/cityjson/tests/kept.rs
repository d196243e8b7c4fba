//! What must not be lost: attributes wherever they stand, and the level of detail that was asked for.

use super::*;
use crate::city::{ReadOptions, read_parts};

fn attributes(change: impl FnOnce(&mut Value)) -> (Value, BuildReport) {
    let (source, report) = read_value(&cube(change));
    (Value::Object(source.objects[0].attributes.clone()), report)
}

#[test]
fn attributes_of_semantic_surfaces_are_listed_with_their_number_of_faces() {
    let semantics = json!({"surfaces": [
            {"type": "GroundSurface"},
            {"type": "RoofSurface", "slope": 33.4, "children": [2], "+panel": {"kW": 7}},
            {"type": "Window", "parent": 1, "glass": "double"},
            {"type": "WallSurface", "parent": 1}],
        "values": [[0, 1, 2, 2, null, 3]]});
    let (kept, report) = attributes(|f| f["CityObjects"]["cube"]["geometry"][0]["semantics"] = semantics.clone());
    let expected = json!([
        {"type": "RoofSurface", "slope": 33.4, "+panel": {"kW": 7}, "faces": 1},
        {"type": "Window", "glass": "double", "faces": 2}]);
    assert_eq!((&kept["surfaces"], report.warnings.len()), (&expected, 0));
    let (kept, _) = attributes(|f| {
        f["CityObjects"]["cube"]["geometry"][0]["semantics"] = semantics;
        f["CityObjects"]["cube"]["attributes"]["surfaces"] = json!("mine");
    });
    assert_eq!((&kept["surfaces"], &kept["semanticSurfaces"]), (&json!("mine"), &expected));
}

#[test]
fn a_surface_with_an_attribute_that_is_no_json_is_told() {
    let text = cube(|f| {
        f["CityObjects"]["cube"]["geometry"][0]["semantics"] =
            json!({"surfaces": [{"type": "RoofSurface", "slope": 777}], "values": [[0, 0, 0, 0, 0, 0]]});
    })
    .to_string();
    let (source, report) = read_text("city.json", text.replace("777", "1e999"));
    assert!(source.unwrap().objects[0].faces.iter().all(|f| f.surface == Surface::Roof));
    assert_eq!(warned(&report, "attributes of a semantic surface left out"), 1, "{report:?}");
}

#[test]
fn members_of_extensions_become_attributes_of_their_object() {
    let (kept, report) = attributes(|f| {
        let object = &mut f["CityObjects"]["cube"];
        object["+noise"] = json!({"dB": 61.5});
        object["address"] = json!([{"city": "宿迁"}]);
        object["children"] = json!(["flat"]);
        object["children_roles"] = json!(["next door"]);
        object["geographicalExtent"] = json!([0, 0, 0, 1, 1, 1]);
        object["name"] = json!("beside");
        object["geometry"][0]["+scanned"] = json!("2024");
    });
    assert_eq!((&kept["+noise"], &kept["+scanned"], &kept["address"][0]["city"]), (&json!({"dB": 61.5}), &json!("2024"), &json!("宿迁")));
    assert_eq!((&kept["children_roles"], &kept["name"]), (&json!(["next door"]), &json!("立方")), "attributes win");
    assert_eq!((kept.as_object().unwrap().len(), report.warnings.len()), (10, 0), "{kept}");
}

#[test]
fn the_careful_way_keeps_them_too() {
    let text = cube(|f| f["CityObjects"]["cube"]["+noise"] = json!(61)).to_string();
    // An escape in the name of a member is a name all the same.
    let (source, _) = read_text("city.json", text.replace("\"+noise\"", "\"+no\\u0069se\"").replace("\"vertices\"", "\"vert\\u0069ces\""));
    let source = source.unwrap();
    assert_eq!((&source.objects[0].attributes["+noise"], source.objects[0].faces.len()), (&json!(61), 6));
}

#[test]
fn the_level_of_detail_is_the_highest_that_is_not_above_the_one_asked_for() {
    let file = cube(|f| {
        let shell = f["CityObjects"]["cube"]["geometry"][0]["boundaries"].clone();
        let levels = ["1.2", "1.3", "2.2", "0"];
        let all: Vec<Value> = levels.iter().map(|lod| json!({"type": "Solid", "lod": lod, "boundaries": shell})).collect();
        f["CityObjects"]["cube"]["geometry"] = all.into();
    });
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.city.json");
    std::fs::write(&path, file.to_string()).unwrap();
    for (lod, expected, above) in [
        (None, "2.2", 0),
        (Some("2"), "2.2", 0),
        (Some("1"), "1.3", 0),
        (Some("1.2"), "1.2", 0),
        (Some("0"), "0", 1),
        (Some("0.5"), "0", 1),
    ] {
        let options = ReadOptions { lod: lod.map(str::to_owned), ..ReadOptions::default() };
        let (mut found, mut report) = (String::new(), BuildReport::default());
        read_parts(&path, &options, &mut report, &mut |part| {
            found.clone_from(&part.objects[0].lod);
            assert_eq!(part.objects[1].lod, "1", "what there is no other of stays");
            Ok(())
        })
        .unwrap();
        assert_eq!((found.as_str(), warned(&report, "only above the level of detail asked for")), (expected, above), "{lod:?}");
    }
}
