//! A glb read back by hand, so that the writer isn't checked with itself.

use serde_json::{Map, Value, json};

fn chunks(bytes: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&bytes[..4], word(4), word(8)), (&b"glTF"[..], 2, bytes.len()));
    let text = &bytes[20..20 + word(12)];
    (serde_json::from_slice(text).unwrap(), &bytes[28 + text.len()..])
}

fn view<'a>(document: &Value, bin: &'a [u8], index: &Value) -> &'a [u8] {
    let v = &document["bufferViews"][index.as_u64().unwrap() as usize];
    let (offset, length) = (v["byteOffset"].as_u64().unwrap() as usize, v["byteLength"].as_u64().unwrap() as usize);
    &bin[offset..offset + length]
}

/// Positions of the only primitive, as its node places them in glTF's axes (y up).
pub fn positions(bytes: &[u8]) -> Vec<[f32; 3]> {
    let (document, bin) = chunks(bytes);
    let accessor = &document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["POSITION"].as_u64().unwrap() as usize];
    let packed = &document["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize]["extensions"]["EXT_meshopt_compression"];
    let number = |key: &str| packed[key].as_u64().unwrap() as usize;
    let data = &bin[number("byteOffset")..][..number("byteLength")];
    let count = number("count");
    let raw: Vec<[f32; 3]> = match accessor["componentType"].as_u64() {
        Some(5123) => meshopt::decode_vertex_buffer::<[u16; 4]>(data, count)
            .unwrap()
            .into_iter()
            .map(|[x, y, z, _]| [x, y, z].map(f32::from))
            .collect(),
        _ => meshopt::decode_vertex_buffer::<[f32; 3]>(data, count).unwrap(),
    };
    let node = &document["nodes"][0];
    let of = |key: &str, i: usize, none: f32| node[key][i].as_f64().map_or(none, |v| v as f32);
    raw.into_iter().map(|p| std::array::from_fn(|i| p[i] * of("scale", i, 1.0) + of("translation", i, 0.0))).collect()
}

/// Triangles of the only primitive as indices into [`positions`].
pub fn triangles(bytes: &[u8]) -> Vec<[u32; 3]> {
    let (document, bin) = chunks(bytes);
    let accessor = &document["accessors"][document["meshes"][0]["primitives"][0]["indices"].as_u64().unwrap() as usize];
    let packed = &document["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize]["extensions"]["EXT_meshopt_compression"];
    let number = |key: &str| packed[key].as_u64().unwrap() as usize;
    let data = &bin[number("byteOffset")..][..number("byteLength")];
    meshopt::decode_index_buffer::<u32>(data, number("count")).unwrap().as_chunks::<3>().0.to_vec()
}

/// Rows of the only property table, by the properties' names in the source; values that say "no value" left out.
pub fn rows(bytes: &[u8]) -> Vec<Map<String, Value>> {
    let (document, bin) = chunks(bytes);
    let metadata = &document["extensions"]["EXT_structural_metadata"];
    let table = &metadata["propertyTables"][0];
    let class = &metadata["schema"]["classes"][table["class"].as_str().unwrap()];
    let mut rows = vec![Map::new(); table["count"].as_u64().unwrap() as usize];
    for (id, property) in table["properties"].as_object().unwrap() {
        let definition = &class["properties"][id];
        let data = view(&document, bin, &property["values"]);
        for (n, row) in rows.iter_mut().enumerate() {
            let value = match (definition["type"].as_str().unwrap(), definition["componentType"].as_str()) {
                ("SCALAR", Some("INT32")) => json!(i32::from_le_bytes(data[n * 4..n * 4 + 4].try_into().unwrap())),
                ("SCALAR", Some("FLOAT64")) => json!(f64::from_le_bytes(data[n * 8..n * 8 + 8].try_into().unwrap())),
                ("BOOLEAN", None) => json!(data[n / 8] >> (n % 8) & 1 == 1),
                ("STRING", None) => {
                    let offsets = view(&document, bin, &property["stringOffsets"]);
                    let offset = |n: usize| u32::from_le_bytes(offsets[n * 4..n * 4 + 4].try_into().unwrap()) as usize;
                    json!(std::str::from_utf8(&data[offset(n)..offset(n + 1)]).unwrap())
                }
                other => panic!("{id}: unexpected type {other:?}"),
            };
            if value != definition["noData"] {
                row.insert(definition["name"].as_str().unwrap().to_owned(), value);
            }
        }
    }
    rows
}
