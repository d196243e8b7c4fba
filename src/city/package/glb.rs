//! One tile's mesh and property table as a binary glTF 2.0 file with EXT_mesh_features and EXT_structural_metadata.

use super::mesh::Mesh;
use super::schema::{BASE, CLASS, Kind, NO_TEXT, Schema, is_value, text};
use glam::DVec3;
use serde_json::{Map, Value, json};

const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const UNSIGNED_BYTE: u32 = 5121;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const FLOAT: u32 = 5126;
/// Metadata views start on 8 bytes, as EXT_structural_metadata wants; geometry may as well.
const ALIGN: usize = 8;

/// One row of a property table.
pub struct Row<'a> {
    pub id: &'a str,
    pub class: &'a str,
    pub parent: Option<&'a str>,
    pub lod: &'a str,
    pub attributes: Option<&'a Map<String, Value>>,
}

impl Row<'_> {
    /// The value of a column as text; `None` when it is missing. Columns before [`BASE`]`.len()` are the base columns.
    fn base(&self, column: usize) -> Option<&str> {
        match column {
            0 => Some(self.id),
            1 => Some(self.class),
            2 => self.parent.filter(|p| !p.is_empty()),
            _ => Some(self.lod).filter(|l| !l.is_empty()),
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.attributes?.get(key).filter(|v| is_value(v))
    }
}

/// Writes the file. `offset` moves the mesh in the tile's east-north-up frame, metres (a node translation).
pub fn write(mesh: &Mesh, offset: DVec3, schema: &Schema, rows: &[Row]) -> Vec<u8> {
    let mut bin = Bin::default();
    let count = mesh.positions.len();
    let mut accessors = Vec::new();
    let mut accessor = |view: usize, kind: &str, component: u32, count: usize, more: Value| {
        let mut a = json!({ "bufferView": view, "componentType": component, "count": count, "type": kind });
        if let (Value::Object(a), Value::Object(more)) = (&mut a, more) {
            a.extend(more);
        }
        accessors.push(a);
        accessors.len() - 1
    };
    // Tile frame is east-north-up, glTF is y-up: (e, n, u) is written as (e, u, -n).
    let y_up = |v: &[f32; 3]| [v[0], v[2], -v[1]];
    let positions: Vec<[f32; 3]> = mesh.positions.iter().map(y_up).collect();
    let normals: Vec<[f32; 3]> = mesh.normals.iter().map(y_up).collect();
    let (min, max) = bounds(&positions);
    let none = || json!({});
    let vertex = Some(ARRAY_BUFFER);
    let mut attributes = Map::new();
    let mut attribute = |name: &str, index: usize| attributes.insert(name.to_owned(), json!(index));
    attribute("POSITION", {
        let v = bin.view(bytemuck::cast_slice(&positions), Some(12), vertex);
        accessor(v, "VEC3", FLOAT, count, json!({ "min": min, "max": max }))
    });
    attribute("NORMAL", {
        let v = bin.view(bytemuck::cast_slice(&normals), Some(12), vertex);
        accessor(v, "VEC3", FLOAT, count, none())
    });
    attribute("TEXCOORD_0", {
        let v = bin.view(bytemuck::cast_slice(&mesh.uvs), Some(8), vertex);
        accessor(v, "VEC2", FLOAT, count, none())
    });
    attribute("COLOR_0", {
        let v = bin.view(bytemuck::cast_slice(&mesh.colours), Some(4), vertex);
        accessor(v, "VEC4", UNSIGNED_BYTE, count, json!({ "normalized": true }))
    });
    attribute("_FEATURE_ID_0", {
        let padded: Vec<[u16; 2]> = mesh.features.iter().map(|f| [*f, 0]).collect();
        let v = bin.view(bytemuck::cast_slice(&padded), Some(4), vertex);
        accessor(v, "SCALAR", UNSIGNED_SHORT, count, none())
    });
    attribute("_SURFACE", {
        let padded: Vec<[u8; 4]> = mesh.surfaces.iter().map(|s| [*s, 0, 0, 0]).collect();
        let v = bin.view(bytemuck::cast_slice(&padded), Some(4), vertex);
        accessor(v, "SCALAR", UNSIGNED_BYTE, count, none())
    });
    // 65,535 itself restarts primitives, so the short form holds one vertex less.
    let indices = if count < usize::from(u16::MAX) {
        let short: Vec<u16> = mesh.indices.iter().map(|i| *i as u16).collect();
        let v = bin.view(bytemuck::cast_slice(&short), None, Some(ELEMENT_ARRAY_BUFFER));
        accessor(v, "SCALAR", UNSIGNED_SHORT, mesh.indices.len(), none())
    } else {
        let v = bin.view(bytemuck::cast_slice(&mesh.indices), None, Some(ELEMENT_ARRAY_BUFFER));
        accessor(v, "SCALAR", UNSIGNED_INT, mesh.indices.len(), none())
    };
    let picture = mesh.picture.as_ref().map(|p| (bin.view(&p.bytes, None, None), p.mime));
    let (table, present) = table(&mut bin, schema, rows);
    // The declared length includes the padding that aligns the whole file: readers warn of bytes that nobody declared.
    bin.bytes.resize(bin.bytes.len().next_multiple_of(ALIGN), 0);
    let mut node = json!({ "mesh": 0 });
    if offset != DVec3::ZERO {
        node["translation"] = json!([offset.x, offset.z, -offset.y]);
    }
    let mut document = json!({
        "asset": { "version": "2.0", "generator": concat!("yiping ", env!("CARGO_PKG_VERSION")) },
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "extensions": { "EXT_structural_metadata": { "schema": schema.json(&present), "propertyTables": [table] } },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [node],
        "materials": [{ "pbrMetallicRoughness": { "metallicFactor": 0.0, "roughnessFactor": 1.0 }, "doubleSided": true }],
        "meshes": [{ "primitives": [{
            "attributes": attributes,
            "indices": indices,
            "material": 0,
            "mode": 4,
            "extensions": { "EXT_mesh_features": { "featureIds": [{ "featureCount": rows.len(), "attribute": 0, "propertyTable": 0 }] } },
        }] }],
        "accessors": accessors,
        "bufferViews": bin.views,
        "buffers": [{ "byteLength": bin.bytes.len() }],
    });
    if let Some((view, mime)) = picture {
        document["images"] = json!([{ "bufferView": view, "mimeType": mime }]);
        // Linear, with mipmaps; the edge goes on: neighbouring tiles have the rest.
        document["samplers"] = json!([{ "magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071 }]);
        document["textures"] = json!([{ "sampler": 0, "source": 0 }]);
        document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = json!({ "index": 0 });
    }
    pack(&document, &bin.bytes)
}

fn bounds(positions: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    positions.iter().fold(([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]), |(lo, hi), p| {
        (std::array::from_fn(|i| lo[i].min(p[i])), std::array::from_fn(|i| hi[i].max(p[i])))
    })
}

/// The property table, and which columns are in it: those that any row has a value of. The tile's schema lists no others: readers
/// (the standard's validator among them) stumble over properties that a table leaves out.
fn table(bin: &mut Bin, schema: &Schema, rows: &[Row]) -> (Value, Vec<usize>) {
    let (mut properties, mut columns) = (Map::new(), Vec::new());
    for (i, column) in schema.columns.iter().enumerate() {
        let present = i < BASE.len() && (column.required || rows.iter().any(|r| r.base(i).is_some()))
            || i >= BASE.len() && rows.iter().any(|r| r.value(&column.key).is_some());
        if !present {
            continue;
        }
        let property = match column.kind {
            Kind::Text => {
                let cell = |r: &Row| match i < BASE.len() {
                    true => r.base(i).map(str::to_owned),
                    false => r.value(&column.key).map(text),
                };
                strings(bin, rows.iter().map(|r| cell(r).unwrap_or_else(|| NO_TEXT.to_owned())))
            }
            Kind::Boolean => {
                let mut bits = vec![0u8; rows.len().div_ceil(8)];
                for (n, _) in rows.iter().enumerate().filter(|(_, r)| r.value(&column.key).and_then(Value::as_bool) == Some(true)) {
                    bits[n / 8] |= 1 << (n % 8);
                }
                json!({ "values": bin.view(&bits, None, None) })
            }
            Kind::Int32 => {
                let cell = |r: &Row| r.value(&column.key).and_then(Value::as_i64).unwrap_or(column.no_number as i64) as i32;
                let values: Vec<i32> = rows.iter().map(cell).collect();
                json!({ "values": bin.view(bytemuck::cast_slice(&values), None, None) })
            }
            Kind::Float64 => {
                let cell = |r: &Row| r.value(&column.key).and_then(Value::as_f64).unwrap_or(column.no_number);
                let values: Vec<f64> = rows.iter().map(cell).collect();
                json!({ "values": bin.view(bytemuck::cast_slice(&values), None, None) })
            }
        };
        properties.insert(column.id.clone(), property);
        columns.push(i);
    }
    (json!({ "name": "City objects", "class": CLASS, "count": rows.len(), "properties": properties }), columns)
}

fn strings(bin: &mut Bin, cells: impl Iterator<Item = String>) -> Value {
    let (mut bytes, mut offsets) = (Vec::new(), vec![0u32]);
    for cell in cells {
        bytes.extend_from_slice(cell.as_bytes());
        offsets.push(bytes.len() as u32);
    }
    let values = bin.view(&bytes, None, None);
    json!({ "values": values, "stringOffsets": bin.view(bytemuck::cast_slice(&offsets), None, None) })
}

/// The binary chunk as it grows.
#[derive(Default)]
struct Bin {
    bytes: Vec<u8>,
    views: Vec<Value>,
}

impl Bin {
    fn view(&mut self, data: &[u8], stride: Option<usize>, target: Option<u32>) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.bytes.len(), "byteLength": data.len() });
        if let Some(stride) = stride {
            view["byteStride"] = json!(stride);
        }
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        self.bytes.extend_from_slice(data);
        self.views.push(view);
        self.views.len() - 1
    }
}

/// Header, JSON chunk padded with spaces, binary chunk; the whole file a multiple of 8 bytes, as 3D Tiles asks.
fn pack(document: &Value, bin: &[u8]) -> Vec<u8> {
    let mut text = document.to_string().into_bytes();
    // 12 bytes of header and 8 of chunk header come first.
    text.resize((text.len() + 20).next_multiple_of(ALIGN) - 20, b' ');
    let total = 12 + 8 + text.len() + 8 + bin.len();
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(b"glTF");
    for n in [2, total as u32, text.len() as u32] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(b"JSON");
    out.extend_from_slice(&text);
    out.extend_from_slice(&(bin.len() as u32).to_le_bytes());
    out.extend_from_slice(b"BIN\0");
    out.extend_from_slice(bin);
    out
}
