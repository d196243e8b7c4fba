//! One tile's mesh and property table as a binary glTF 2.0 file with EXT_mesh_features and EXT_structural_metadata,
//! compressed ([`compress`]).

use super::compress::{self, Positions};
use super::mesh::{Mesh, Picture};
use super::schema::{BASE, CLASS, Kind, NO_TEXT, Schema, is_value, text};
use bytemuck::Pod;
use glam::DVec3;
use serde_json::{Map, Value, json};

const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const BYTE: u32 = 5120;
const UNSIGNED_BYTE: u32 = 5121;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const FLOAT: u32 = 5126;
const MESHOPT: &str = "EXT_meshopt_compression";
const QUANTIZATION: &str = "KHR_mesh_quantization";
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

/// Writes the file. `offset` moves the mesh in the tile's east-north-up frame, metres (a node translation); `error_m` is by how much the
/// mesh differs from what it stands for, which says how finely it must be written.
pub fn write(mesh: &Mesh, (offset, error_m): (DVec3, f64), schema: &Schema, rows: &[Row]) -> Vec<u8> {
    let mut bin = Bin::default();
    let positions = Positions::of(mesh, error_m);
    let (attributes, mut accessors) = attributes(&mut bin, mesh, &positions);
    let image = mesh.picture.as_ref().map(|picture| (bin.view(&picture.bytes), picture));
    let view = bin.triangles(&mesh.indices, mesh.positions.len());
    // 65,535 itself restarts primitives, so the short form holds one vertex less.
    let short = mesh.positions.len() < usize::from(u16::MAX);
    let component = if short { UNSIGNED_SHORT } else { UNSIGNED_INT };
    accessors.push(json!({ "bufferView": view, "componentType": component, "count": mesh.indices.len(), "type": "SCALAR" }));
    let (table, present) = table(&mut bin, schema, rows);
    // The declared length includes the padding that aligns the whole file: readers warn of bytes that nobody declared.
    bin.bytes.resize(bin.bytes.len().next_multiple_of(ALIGN), 0);
    let mut node = json!({ "mesh": 0 });
    positions.node(offset, &mut node);
    let mut document = json!({
        "asset": { "version": "2.0", "generator": concat!("yiping ", env!("CARGO_PKG_VERSION")) },
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata", MESHOPT, QUANTIZATION],
        "extensionsRequired": [MESHOPT, QUANTIZATION],
        "extensions": { "EXT_structural_metadata": { "schema": schema.json(&present), "propertyTables": [table] } },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [node],
        "materials": [{ "pbrMetallicRoughness": { "metallicFactor": 0.0, "roughnessFactor": 1.0 }, "doubleSided": mesh.two_sided }],
        "meshes": [{ "primitives": [{
            "attributes": attributes,
            "indices": accessors.len() - 1,
            "material": 0,
            "mode": 4,
            "extensions": { "EXT_mesh_features": { "featureIds": [{ "featureCount": rows.len(), "attribute": 0, "propertyTable": 0 }] } },
        }] }],
        "accessors": accessors,
        "bufferViews": bin.views,
        "buffers": [
            { "byteLength": bin.bytes.len() },
            // What the compressed views unfold to; nobody stores it.
            { "byteLength": bin.unfolded, "extensions": { MESHOPT: { "fallback": true } } },
        ],
    });
    if let Some((view, picture)) = image {
        wear(&mut document, view, picture);
    }
    file(&document, &bin.bytes)
}

/// Puts a picture on the only material. Its first set of texture coordinates is metres on facades, so the picture takes the second.
fn wear(document: &mut Value, view: usize, picture: &Picture) {
    document["images"] = json!([{ "bufferView": view, "mimeType": picture.mime }]);
    // Clamped, linear between pixels and between levels.
    document["samplers"] = json!([{ "wrapS": 33071, "wrapT": 33071, "magFilter": 9729, "minFilter": 9987 }]);
    document["textures"] = json!([{ "source": 0, "sampler": 0 }]);
    let material = &mut document["materials"][0];
    material["pbrMetallicRoughness"]["baseColorTexture"] = json!({ "index": 0, "texCoord": 1 });
    if picture.cut_out {
        material["alphaMode"] = json!("MASK");
    }
}

/// Vertex attributes of the only primitive, and their accessors.
fn attributes(bin: &mut Bin, mesh: &Mesh, positions: &Positions) -> (Map<String, Value>, Vec<Value>) {
    let (mut attributes, mut accessors) = (Map::new(), Vec::new());
    let mut add = |name: &str, view: usize, (kind, component): (&str, u32), more: Value| {
        let mut accessor = json!({ "bufferView": view, "componentType": component, "count": mesh.positions.len(), "type": kind });
        if let (Value::Object(a), Value::Object(more)) = (&mut accessor, more) {
            a.extend(more);
        }
        attributes.insert(name.to_owned(), json!(accessors.len()));
        accessors.push(accessor);
    };
    let (min, max) = positions.bounds();
    let (view, component) = match positions {
        Positions::Steps { steps, .. } => (bin.vertices(steps), UNSIGNED_SHORT),
        Positions::Floats(floats) => (bin.vertices(floats), FLOAT),
    };
    add("POSITION", view, ("VEC3", component), json!({ "min": min, "max": max }));
    add("NORMAL", bin.vertices(&compress::normals(mesh)), ("VEC3", BYTE), json!({ "normalized": true }));
    add("TEXCOORD_0", bin.vertices(&compress::facades(mesh)), ("VEC2", FLOAT), json!({}));
    add("COLOR_0", bin.vertices(&mesh.colours), ("VEC4", UNSIGNED_BYTE), json!({ "normalized": true }));
    let padded: Vec<[u16; 2]> = mesh.features.iter().map(|f| [*f, 0]).collect();
    add("_FEATURE_ID_0", bin.vertices(&padded), ("SCALAR", UNSIGNED_SHORT), json!({}));
    let padded: Vec<[u8; 4]> = mesh.surfaces.iter().map(|s| [*s, 0, 0, 0]).collect();
    add("_SURFACE", bin.vertices(&padded), ("SCALAR", UNSIGNED_BYTE), json!({}));
    if let Some(picture) = &mesh.picture {
        let short = |c: f32| (c.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16;
        let on_picture: Vec<[u16; 2]> = picture.texcoords.iter().map(|uv| uv.map(short)).collect();
        add("TEXCOORD_1", bin.vertices(&on_picture), ("VEC2", UNSIGNED_SHORT), json!({ "normalized": true }));
    }
    (attributes, accessors)
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
                json!({ "values": bin.view(&bits) })
            }
            Kind::Int32 => {
                let cell = |r: &Row| r.value(&column.key).and_then(Value::as_i64).unwrap_or(column.no_number as i64) as i32;
                let values: Vec<i32> = rows.iter().map(cell).collect();
                json!({ "values": bin.view(bytemuck::cast_slice(&values)) })
            }
            Kind::Float64 => {
                let cell = |r: &Row| r.value(&column.key).and_then(Value::as_f64).unwrap_or(column.no_number);
                let values: Vec<f64> = rows.iter().map(cell).collect();
                json!({ "values": bin.view(bytemuck::cast_slice(&values)) })
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
    let values = bin.view(&bytes);
    json!({ "values": values, "stringOffsets": bin.view(bytemuck::cast_slice(&offsets)) })
}

/// The binary chunk as it grows.
#[derive(Default)]
struct Bin {
    bytes: Vec<u8>,
    views: Vec<Value>,
    /// Bytes that the compressed views unfold to.
    unfolded: usize,
}

impl Bin {
    /// A view of bytes as they are: metadata.
    fn view(&mut self, data: &[u8]) -> usize {
        let offset = self.append(data);
        self.views.push(json!({ "buffer": 0, "byteOffset": offset, "byteLength": data.len() }));
        self.views.len() - 1
    }

    /// A compressed view of one vertex attribute.
    fn vertices<T: Pod>(&mut self, data: &[T]) -> usize {
        let stride = size_of::<T>();
        match compress::vertices(data) {
            Some(packed) => self.packed(&packed, ("ATTRIBUTES", ARRAY_BUFFER), stride, data.len()),
            None => {
                let view = self.view(bytemuck::cast_slice(data));
                self.views[view]["byteStride"] = json!(stride);
                self.views[view]["target"] = json!(ARRAY_BUFFER);
                view
            }
        }
    }

    /// A compressed view of a triangle list, to be unfolded to 16 bits where they are enough.
    fn triangles(&mut self, indices: &[u32], vertices: usize) -> usize {
        let short = vertices < usize::from(u16::MAX);
        if let Some(packed) = compress::triangles(indices, vertices) {
            return self.packed(&packed, ("TRIANGLES", ELEMENT_ARRAY_BUFFER), if short { 2 } else { 4 }, indices.len());
        }
        let view = if short {
            let short: Vec<u16> = indices.iter().map(|i| *i as u16).collect();
            self.view(bytemuck::cast_slice(&short))
        } else {
            self.view(bytemuck::cast_slice(indices))
        };
        self.views[view]["target"] = json!(ELEMENT_ARRAY_BUFFER);
        view
    }

    fn packed(&mut self, data: &[u8], (mode, target): (&str, u32), stride: usize, count: usize) -> usize {
        let offset = self.append(data);
        self.unfolded = self.unfolded.next_multiple_of(ALIGN);
        let mut view = json!({
            "buffer": 1, "byteOffset": self.unfolded, "byteLength": stride * count, "target": target,
            "extensions": { MESHOPT: {
                "buffer": 0, "byteOffset": offset, "byteLength": data.len(), "byteStride": stride, "mode": mode, "count": count,
            } },
        });
        if target == ARRAY_BUFFER {
            view["byteStride"] = json!(stride);
        }
        self.unfolded += stride * count;
        self.views.push(view);
        self.views.len() - 1
    }

    fn append(&mut self, data: &[u8]) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(data);
        offset
    }
}

/// Header, JSON chunk padded with spaces, binary chunk; the whole file a multiple of 8 bytes, as 3D Tiles asks.
fn file(document: &Value, bin: &[u8]) -> Vec<u8> {
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
