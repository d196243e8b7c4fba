use super::super::content::{Decoded, TileContent, UpAxis, decode};
use super::super::error::TileError;
use super::*;
use base64::Engine;
use glam::DMat4;
use image::{ImageFormat, Rgba};
use serde_json::{Value, json};
use std::io::Cursor;

fn uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = RgbaImage::from_fn(width, height, |x, y| Rgba(pixel(x, y)));
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// Two triangles in two primitives with two materials and pictures of two sizes.
fn two(change: impl FnOnce(&mut Value)) -> TileContent {
    let floats: [f32; 15] = [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let bytes: Vec<u8> = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    let material = |n: usize| json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": n } } });
    let primitive = |n: usize| json!({ "attributes": { "POSITION": 0, "TEXCOORD_0": 1 }, "material": n });
    let mut document = json!({
        "asset": { "version": "2.0" }, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [primitive(0), primitive(1)] }],
        "materials": [material(0), material(1)],
        "textures": [{ "source": 0, "sampler": 0 }, { "source": 1 }],
        "samplers": [{ "wrapS": 33071, "wrapT": 33648 }],
        "images": [
            { "uri": uri("image/png", &png(8, 4, |_, _| [255, 0, 0, 255])) },
            { "uri": uri("image/png", &png(4, 8, |x, _| if x < 2 { [0, 0, 0, 255] } else { [255, 255, 255, 255] })) },
        ],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" },
            { "bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2" },
        ],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }, { "buffer": 0, "byteOffset": 36, "byteLength": 24 }],
        "buffers": [{ "byteLength": 60, "uri": uri("application/octet-stream", &bytes) }],
    });
    change(&mut document);
    let nothing = |url: &str| Err(TileError::Fetch { url: url.to_owned(), why: "there is no file beside".into(), retry: false });
    let context =
        DecodeContext { url: "file:///t/a.gltf", transform: DMat4::IDENTITY, up_axis: UpAxis::Y, error_m: 0.0, external: &nothing };
    match decode(document.to_string().as_bytes(), &context).unwrap() {
        Decoded::Meshes(content) => content,
        Decoded::Tileset => panic!("taken for a tileset"),
    }
}

#[test]
fn pictures_of_a_tile_are_layers_of_one_texture_with_all_levels() {
    let content = two(|_| {});
    let mesh = &content.meshes[0];
    assert_eq!((content.meshes.len(), mesh.positions.len(), content.notes.len()), (1, 6, 0));
    assert_eq!(mesh.wears[0], Wear::TEXTURED | Wear::CLAMP_U | Wear::MIRROR_V);
    assert_eq!(mesh.wears[3], 1 | Wear::TEXTURED);
    assert_eq!(mesh.texture_uvs[..3], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    let texture = mesh.texture.as_ref().unwrap();
    assert_eq!([texture.width, texture.height, texture.layers, texture.levels], [8, 8, 2, 4]);
    assert!(content.bytes > texture.bytes(), "they count against the engine's budget");
    let pixels = texture.take();
    assert_eq!((pixels.len(), texture.bytes()), (2 * 4 * (64 + 16 + 4 + 1), pixels.len()));
    assert_eq!(pixels[..4], [255, 0, 0, 255]);
    let last = &pixels[pixels.len() - 4..];
    assert!((165..195).contains(&last[0]), "half the light of white, not half the number: {last:?}");
    assert!(texture.take().is_empty(), "they are handed out once");
}

#[test]
fn texture_transforms_move_coordinates_and_choose_their_set() {
    let transform = json!({ "offset": [0.5, 0.25], "scale": [2.0, 3.0], "rotation": std::f32::consts::FRAC_PI_2 });
    let info = json!({ "index": 0, "texCoord": 7, "extensions": { "KHR_texture_transform": transform } });
    let content = two(|j| {
        j["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = info;
        j["meshes"][0]["primitives"][0]["attributes"] = json!({ "POSITION": 0, "TEXCOORD_7": 1 });
    });
    let uv = content.meshes[0].texture_uvs[..3].as_flattened();
    // (1, 0) scaled to (2, 0), turned by a quarter to (0, -2), moved.
    for (is, should) in uv.iter().zip([0.5, 0.25, 0.5, -1.75, 3.5, 0.25]) {
        assert!((is - should).abs() < 1e-5, "{uv:?}");
    }
}

#[test]
fn a_picture_that_can_not_be_read_is_noted_and_leaves_the_colour() {
    let content = two(|j| {
        j["images"][0] = json!({ "uri": "beside.jpg" });
        j["images"][1] = json!({ "uri": uri("image/ktx2", b"\xABKTX 20\xBB\r\n\x1A\n") });
        j["textures"][1] = json!({ "extensions": { "KHR_texture_basisu": { "source": 1 } } });
    });
    assert!(content.meshes[0].texture.is_none() && content.meshes[0].wears.is_empty());
    assert!(content.notes[0].contains("no file beside") && content.notes[1].contains("KTX2"), "{:?}", content.notes);
}

#[test]
fn ktx2_is_worn_and_what_is_written_beside_stands_in_for_what_is_damaged() {
    let file = include_bytes!("../../tests/data/ktx2/etc1s.ktx2");
    let with = |bytes: &[u8]| {
        two(|j| {
            j["images"].as_array_mut().unwrap().push(json!({ "uri": uri("image/ktx2", bytes) }));
            j["textures"][0]["extensions"] = json!({ "KHR_texture_basisu": { "source": 2 } });
        })
    };
    let (whole, cut) = (with(file), with(&file[..100]));
    let texture = whole.meshes[0].texture.as_ref().unwrap();
    assert_eq!([texture.width, texture.height, texture.layers], [24, 12, 2]);
    let texture = cut.meshes[0].texture.as_ref().unwrap();
    assert_eq!(([texture.width, texture.height, texture.layers], cut.notes.len()), ([8, 8, 2], 0));
}

#[test]
fn webp_is_worn_with_and_without_loss() {
    let files = [
        include_bytes!("../../tests/data/textures/gradient-lossy.webp").as_slice(),
        include_bytes!("../../tests/data/textures/green-half.webp"),
    ];
    let content = two(|j| {
        for (n, file) in files.into_iter().enumerate() {
            j["images"].as_array_mut().unwrap().push(json!({ "uri": uri("image/webp", file) }));
            j["textures"][n]["extensions"] = json!({ "EXT_texture_webp": { "source": 2 + n } });
        }
    });
    let texture = content.meshes[0].texture.as_ref().unwrap();
    assert_eq!(([texture.width, texture.height, texture.layers], content.notes.len()), ([24, 12, 2], 0));
    let (pixels, layer) = (texture.take(), 4 * (24 * 12 + 12 * 6 + 6 * 3 + 3 + 1));
    let near = |at: usize, should: [u8; 4]| pixels[at..at + 4].iter().zip(should).all(|(is, should)| is.abs_diff(should) <= 3);
    // As ImageMagick reads them.
    assert!(near(0, [248, 0, 11, 255]) && near(4 * (24 * 12 - 1), [10, 0, 239, 255]), "from red above to blue below");
    assert_eq!((pixels.len(), &pixels[layer..layer + 4]), (2 * layer, [10, 200, 30, 127].as_slice()));
}

#[test]
fn marked_faces_alone_wear_the_picture_and_marks_do_not_reach_the_surface() {
    let content = two(|j| {
        j["buffers"][0]["byteLength"] = json!(64);
        j["buffers"][0]["uri"] = {
            let floats: [f32; 15] = [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
            let bytes = floats.iter().flat_map(|f| f.to_le_bytes()).chain([0x81, 2, 2, 0]).collect::<Vec<u8>>();
            json!(uri("application/octet-stream", &bytes))
        };
        j["bufferViews"].as_array_mut().unwrap().push(json!({ "buffer": 0, "byteOffset": 60, "byteLength": 3 }));
        j["accessors"].as_array_mut().unwrap().push(json!({ "bufferView": 2, "componentType": 5121, "count": 3, "type": "SCALAR" }));
        j["meshes"][0]["primitives"][0]["attributes"]["_SURFACE"] = json!(2);
    });
    let mesh = &content.meshes[0];
    assert_eq!(mesh.surfaces[..3], [1, 2, 2]);
    assert!(mesh.wears[0] & Wear::TEXTURED != 0 && mesh.wears[1..3] == [0, 0]);
}

#[test]
fn many_small_pictures_do_not_become_as_large_as_the_one_large_picture() {
    let mut sizes = vec![[64, 64]; 50];
    sizes.push([2048, 2048]);
    assert_eq!(common_size(&sizes), Some([512, 512]));
    assert_eq!((common_size(&[[300, 40]]), common_size(&[[20_000, 2]]), common_size(&[])), (Some([300, 40]), Some([8192, 2]), None));
}
