//! Colours and pictures, after the examples of CityJSON 2.0, section 6.

use super::*;
use crate::city::source::{Paint, TextureImage};

const TEXTURED: &str = include_str!("../../../../tests/data/textured.city.json");

/// Paint of each face of an object, looked up.
fn paints<'a>(source: &'a CitySource, id: &str) -> Vec<Option<&'a Paint>> {
    let object = source.objects.iter().find(|o| o.id == id).unwrap();
    object.faces.iter().map(|f| f.paint.map(|p| &source.paints[p as usize])).collect()
}

fn colour(source: &CitySource, id: &str) -> Vec<Option<[u8; 4]>> {
    paints(source, id).iter().map(|p| p.and_then(|p| p.colour)).collect()
}

fn painted(change: impl FnOnce(&mut Value)) -> Value {
    cube(|f| {
        f["appearance"] = json!({
            "default-theme-material": "day",
            "materials": [
                {"name": "brick", "diffuseColor": [1.0, 0.5, 0.0], "transparency": 0.25},
                {"name": "glass", "transparency": 1.0},
                {"name": "nothing", "isSmooth": true}],
            "textures": [{"type": "PNG", "image": "pictures\\wall.png", "wrapMode": "wrap"}, {"type": "JPG", "image": "https://x.invalid/a.jpg"}],
            "vertices-texture": [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]});
        change(f);
    })
}

#[test]
fn materials_colour_the_faces_they_are_given_to() {
    let (source, report) = read_value(&painted(|f| {
        f["CityObjects"]["cube"]["geometry"][0]["material"] = json!({"night": {"value": 1}, "day": {"values": [[0, 1, null, 2, 9, 0]]}});
        f["CityObjects"]["flat"]["geometry"][0]["material"] = json!({"night": {"value": 0}});
    }));
    let (brick, glass) = (Some([255, 128, 0, 191]), Some([204, 204, 204, 0]));
    assert_eq!(colour(&source, "cube"), [brick, glass, None, None, None, brick]);
    assert_eq!((colour(&source, "flat"), source.paints.len()), (vec![brick], 2), "the first theme where the default is missing");
    assert_eq!(warned(&report, "texture not understood"), 1, "the one on the network");
}

#[test]
fn pictures_lie_on_the_faces_with_v_counted_down() {
    let texture = json!({"any": {"values": [[[[0, 0, 1, 2, 3]], [[null]], [[1, 0, 1, 2, 3]], null, [[0, 0, 1]], [[0, 0, 1, 2, 77]]]]}});
    let (source, report) = read_value(&painted(|f| {
        f["CityObjects"]["cube"]["geometry"][0]["texture"] = texture;
        f["CityObjects"]["cube"]["geometry"][0]["material"] = json!({"day": {"value": 0}});
    }));
    let faces = &source.objects[0].faces;
    let pictured: Vec<bool> = paints(&source, "cube").iter().map(|p| p.unwrap().texture.is_some()).collect();
    assert_eq!(pictured, [true, false, false, false, false, false], "a picture that can't be had leaves the colour");
    let paint = paints(&source, "cube")[0].unwrap();
    let Some(crate::city::source::Texture { image: TextureImage::File(file), repeats: true }) = &paint.texture else { panic!("{paint:?}") };
    assert!(file.ends_with("pictures/wall.png") && file.is_absolute() && paint.colour.is_none());
    assert_eq!(faces.get(0).unwrap().uvs().unwrap(), [[0.0, 1.0], [2.0, 1.0], [2.0, 0.0], [0.0, 0.0]]);
    assert_eq!(warned(&report, "texture left out of a face"), 2, "{report:?}");
    assert!(
        report.warnings["texture left out of a face"].examples[0]
            .contains("object \"cube\": texture of ring geometry[0].boundaries[0][4][0]")
    );
}

#[test]
fn points_left_out_of_a_ring_take_their_texture_coordinates_with_them() {
    let (source, report) = read_value(&painted(|f| {
        f["CityObjects"]["flat"]["geometry"][0]["boundaries"] = json!([[[0, 1, 1, 2, 3, 0]]]);
        f["CityObjects"]["flat"]["geometry"][0]["texture"] = json!({"any": {"values": [[[0, 0, 1, 1, 2, 3, 0]]]}});
    }));
    let face = source.objects[1].faces.get(0).unwrap();
    assert_eq!((face.corners().len(), warned(&report, "texture left out of a face")), (4, 0));
    assert_eq!(face.uvs().unwrap(), [[0.0, 1.0], [2.0, 1.0], [2.0, 0.0], [0.0, 0.0]]);
}

#[test]
fn broken_appearance_costs_colours_and_nothing_else() {
    for appearance in [json!(7), json!({"materials": 7}), json!({"materials": [7], "textures": [{}], "vertices-texture": [[0]]})] {
        let (source, report) = read_value(&painted(|f| {
            f["appearance"] = appearance;
            f["CityObjects"]["cube"]["geometry"][0]["material"] = json!({"day": {"values": [0, [1]]}});
            f["CityObjects"]["cube"]["geometry"][0]["texture"] = json!({"day": {"values": "none"}});
        }));
        assert_eq!((source.objects[0].faces.len(), source.paints.len(), report.objects_rejected), (6, 0, 0));
        assert!(report.warnings.len() >= 2 && warned(&report, "appearance left out") == 2, "{report:?}");
    }
}

#[test]
fn features_and_templates_have_appearances_of_their_own() {
    let whole = painted(|_| ());
    let material = |n: u32| json!({"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]], "material": {"day": {"value": n}}});
    let header = json!({"type": "CityJSON", "version": "2.0", "transform": whole["transform"], "CityObjects": {}, "vertices": [],
        "appearance": {"materials": [{"diffuseColor": [0, 0, 1]}]},
        "geometry-templates": {"templates": [material(0)], "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 1, 0]]}});
    let instance =
        json!({"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1]});
    let feature = |id: &str, colour: Value| {
        json!({"type": "CityJSONFeature", "id": id, "vertices": whole["vertices"],
            "appearance": {"materials": [{"diffuseColor": colour}]},
            "CityObjects": {id: {"type": "Building", "geometry": [material(0), instance.clone()]}}})
    };
    let text =
        format!("{header}\n{}\n{}\n{}\n", feature("a", json!([1, 0, 0])), feature("b", json!([0, 1, 0])), feature("c", json!([1, 0, 0])));
    let source = read_text("city.jsonl", text).0.unwrap();
    let (red, green, blue) = (Some([255, 0, 0, 255]), Some([0, 255, 0, 255]), Some([0, 0, 255, 255]));
    assert_eq!((colour(&source, "a"), colour(&source, "b"), colour(&source, "c")), (vec![red, blue], vec![green, blue], vec![red, blue]));
    assert_eq!(source.paints.len(), 3, "each once");
}

#[test]
fn the_textured_sample_finds_its_picture() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/textured.city.json");
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report).unwrap();
    assert_eq!((TEXTURED.len() > 100, report.warnings.len(), source.objects.len()), (true, 0, 1));
    let pictured: Vec<_> = paints(&source, "house").into_iter().flatten().filter_map(|p| p.texture.as_ref()).collect();
    assert_eq!(pictured.len(), 4, "its walls");
    let TextureImage::File(picture) = &pictured[0].image else { panic!() };
    let picture = image::open(picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (8, 8));
}
