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

/// Positions of the only primitive, as glTF has them (y up).
pub fn positions(bytes: &[u8]) -> Vec<[f32; 3]> {
    let (document, bin) = chunks(bytes);
    let accessor = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"].as_u64().unwrap() as usize;
    let data = view(&document, bin, &document["accessors"][accessor]["bufferView"]);
    let float = |b: &[u8]| f32::from_le_bytes(b.try_into().unwrap());
    data.chunks_exact(12).map(|c| [float(&c[..4]), float(&c[4..8]), float(&c[8..])]).collect()
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
