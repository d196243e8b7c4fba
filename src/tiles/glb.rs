//! glTF 2.0 and glb to one merged mesh and its features.

use super::accessor::Buffers;
use super::content::{DecodeContext, TileContent};
use super::error::{Fault, TileError};
use super::features::FeatureReader;
use super::fetch::resolve;
use super::gltf_json::{Document, Node};
use super::instances::{self, Instances};
use super::left_out::left_out;
use super::mesh::{Piece, Placed, merge};
use super::texture::Textures;
use super::tree::UpAxis;
use super::{outline, shapes};
use crate::ogc::{Batches, FeatureTable, Metadata};
use glam::{DMat3, DMat4, DQuat, DVec3, DVec4};

/// Extensions a file may require and still be drawn right; a texture that can't be read leaves its colour factor.
const KNOWN_EXTENSIONS: [&str; 17] = [
    "EXT_mesh_features",
    "EXT_instance_features",
    "EXT_structural_metadata",
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
    "KHR_meshopt_compression",
    "KHR_mesh_quantization",
    "KHR_materials_unlit",
    "KHR_texture_transform",
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    "KHR_texture_basisu",
    "EXT_texture_webp",
    "KHR_materials_specular",
    "KHR_materials_ior",
    "KHR_techniques_webgl",
];
/// Nodes inside nodes.
const NODE_DEPTH_MAX: usize = 64;
/// Nodes and instances of a tile with a mesh.
pub const PLACED_MAX: usize = 1 << 20;

/// What a b3dm or i3dm adds to the glTF inside it.
#[derive(Default)]
pub struct Wrapping {
    pub batches: Option<Batches>,
    /// Where the whole glTF stands; once and as it is where this is `None`.
    pub instances: Option<Vec<Instance>>,
}

/// One place of a whole glTF.
#[derive(Clone, Copy)]
pub struct Instance {
    /// Tile (z-up) from the glTF's z-up axes.
    pub place: DMat4,
    /// Its row of the batch table.
    pub batch: Option<u32>,
}

/// A `.glb`, version 2.
pub fn decode_glb(bytes: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    decode_wrapped(bytes, context, Wrapping::default())
}

/// A `.gltf` with its binary chunk, if it has one.
pub fn decode_gltf_json(json: &[u8], binary: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    decode_parts(json, binary, context, Wrapping::default())
}

pub fn decode_wrapped(bytes: &[u8], context: &DecodeContext<'_>, wrapping: Wrapping) -> Result<TileContent, TileError> {
    let (json, binary) = chunks(bytes).map_err(|f| f.at(context.url))?;
    decode_parts(json, binary, context, wrapping)
}

/// JSON and binary chunk. Source: glTF 2.0, section 4.4 "Binary glTF layout".
fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
    let short = || Fault::bad("glb header", "it is cut short");
    if bytes.get(..4) != Some(b"glTF") {
        return Err(Fault::bad("glb header", "it should start with \"glTF\""));
    }
    match word(4).ok_or_else(short)? {
        2 => {}
        1 => return Err(Fault::unsupported("glTF 1.0", "convert the tileset with `3d-tiles-tools upgrade`")),
        other => return Err(Fault::bad("glb header", format!("version {other} is unknown"))),
    }
    let mut parts: [&[u8]; 2] = [&[], &[]];
    let mut at = 12;
    for (part, tag) in parts.iter_mut().zip([*b"JSON", *b"BIN\0"]) {
        if at >= bytes.len() && tag == *b"BIN\0" {
            break;
        }
        let len = word(at).ok_or_else(short)? as usize;
        if bytes.get(at + 4..at + 8) != Some(&tag) {
            return Err(Fault::bad("glb chunk", format!("a chunk {:?} is expected", String::from_utf8_lossy(&tag))));
        }
        *part =
            (at + 8).checked_add(len).and_then(|end| bytes.get(at + 8..end)).ok_or_else(|| Fault::bad("glb chunk", "it is cut short"))?;
        at += 8 + len.next_multiple_of(4);
    }
    Ok((parts[0], parts[1]))
}

/// A `.glb` or `.gltf`, whichever it is.
pub fn decode_any(bytes: &[u8], context: &DecodeContext<'_>, wrapping: Wrapping) -> Result<TileContent, TileError> {
    if bytes.starts_with(b"glTF") { decode_wrapped(bytes, context, wrapping) } else { decode_parts(bytes, &[], context, wrapping) }
}

fn decode_parts(json: &[u8], binary: &[u8], context: &DecodeContext<'_>, wrapping: Wrapping) -> Result<TileContent, TileError> {
    let fault = |f: Fault| f.at(context.url);
    let mut document: Document = serde_json::from_slice(json).map_err(|e| fault(Fault::bad("glTF JSON", e.to_string())))?;
    supported(&document).map_err(fault)?;
    let mut notes = Notes::default();
    if let Some(metadata) = &mut document.extensions.metadata {
        fetch_schema(metadata, context, &mut notes);
    }
    left_out(&document).for_each(|words| notes.say(words));
    let buffers = Buffers::load(&document, binary, context)?;
    Assembly { document: &document, buffers: &buffers, context, notes }.content(wrapping).map_err(fault)
}

/// The schema that lies in a file of its own. Without it the tile is drawn all the same.
fn fetch_schema(metadata: &mut Metadata, context: &DecodeContext<'_>, notes: &mut Notes) {
    let (None, Some(uri)) = (&metadata.schema, &metadata.schema_uri) else { return };
    let read = || {
        let url = resolve(context.url, uri).map_err(|f| f.what)?;
        let bytes = (context.external)(&url).map_err(|e| e.to_string())?;
        serde_json::from_slice(&bytes).map_err(|e| e.to_string())
    };
    match read() {
        Ok(schema) => metadata.schema = Some(schema),
        Err(why) => notes.say(format!("attributes have no names or types, because their schema can't be read: {why}")),
    }
}

/// What was left out, each thing once.
#[derive(Default)]
pub struct Notes(pub Vec<String>);

impl Notes {
    pub fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }
}

fn supported(document: &Document) -> Result<(), Fault> {
    if !document.asset.version.starts_with("2.") {
        return Err(Fault::unsupported(format!("glTF {:?}", document.asset.version), "version 2.0 is read"));
    }
    for name in &document.extensions_required {
        match name.as_str() {
            known if KNOWN_EXTENSIONS.contains(&known) => {}
            other => return Err(Fault::unsupported(format!("the required glTF extension {other}"), "write the tile without it")),
        }
    }
    Ok(())
}

struct Assembly<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    context: &'a DecodeContext<'a>,
    notes: Notes,
}

impl<'a> Assembly<'a> {
    fn content(mut self, wrapping: Wrapping) -> Result<TileContent, Fault> {
        let rtc = self.document.extensions.rtc.as_ref().map_or(DVec3::ZERO, |r| DVec3::from(r.center));
        let z_up = DMat4::from_translation(rtc) * z_up_from(self.context.up_axis);
        let wholes = wrapping.instances.unwrap_or_else(|| vec![Instance { place: DMat4::IDENTITY, batch: None }]);
        let mut features = FeatureReader::new(self.document, self.buffers, wrapping.batches)?;
        let mut textures = Textures::new(self.document, self.buffers, self.context);
        let (pieces, pieces_of_mesh) = self.pieces(&mut features, &mut textures)?;
        let texture = textures.finish(&mut self.notes.0);
        let mut placed = Vec::new();
        for (node, matrix) in self.nodes()? {
            let mesh = node
                .mesh
                .and_then(|m| pieces_of_mesh.get(m))
                .ok_or_else(|| Fault::bad("nodes", "a node names a mesh that is not there"))?;
            let Instances { places, sets } = instances::of(node, self.buffers, &mut features, &mut self.notes)?;
            for whole in &wholes {
                let to_world = self.context.transform * whole.place * z_up * matrix;
                let of_whole = whole.batch.map(|batch| features.of_batch(batch));
                for (number, (instance, feature_id)) in places.iter().enumerate() {
                    let (to_world, feature_id) = (to_world * *instance, of_whole.or(*feature_id));
                    let instance = sets.clone().map(|sets| (sets, number as u32));
                    placed.extend(mesh.clone().map(|piece| Placed { piece, to_world, feature_id, instance: instance.clone() }));
                    if placed.len() > PLACED_MAX {
                        return Err(Fault::unsupported(format!("more than {PLACED_MAX} instances in a tile"), "divide the tile"));
                    }
                }
            }
        }
        let mut mesh = merge(&pieces, &placed, &self.context.transform, texture)?;
        let two_sided = self.document.materials.iter().any(|m| m.double_sided);
        mesh.iter_mut().for_each(|m| m.two_sided = two_sided);
        let features: FeatureTable = features.finish();
        Ok(TileContent { meshes: mesh.into_iter().collect(), features: features.into(), notes: self.notes.0, ..TileContent::default() })
    }

    /// Every primitive once, and which of them each mesh has.
    fn pieces(
        &mut self,
        features: &mut FeatureReader<'_>,
        textures: &mut Textures<'_>,
    ) -> Result<(Vec<Piece>, Vec<std::ops::Range<usize>>), Fault> {
        let (mut pieces, mut ranges) = (Vec::new(), Vec::new());
        for mesh in &self.document.meshes {
            let start = pieces.len();
            for primitive in &mesh.primitives {
                let ids = features.of_primitive(primitive, textures, &mut self.notes)?;
                let metadata = features.face_metadata(primitive, &ids, textures, &mut self.notes);
                let worn = primitive.material.and_then(|m| textures.of_material(m));
                let piece = Piece::read(self.buffers, self.document, primitive, (ids, metadata), worn.as_ref())?;
                if let Some(edges) = outline::outline(self.buffers, primitive, &piece)? {
                    self.notes.say(outline::OUTLINES_NOTE);
                    pieces.push(edges);
                }
                pieces.push(match primitive.mode.unwrap_or(4) {
                    0 => {
                        self.notes.say(shapes::POINTS_NOTE);
                        shapes::points(piece)?
                    }
                    mode @ 1..=3 => {
                        self.notes.say(shapes::LINES_NOTE);
                        shapes::lines(piece, mode)?
                    }
                    _ => piece,
                });
            }
            ranges.push(start..pieces.len());
        }
        Ok((pieces, ranges))
    }

    /// Nodes of the scene that have a mesh, with their matrices. Each node is taken once, so a loop ends.
    fn nodes(&self) -> Result<Vec<(&'a Node, DMat4)>, Fault> {
        let document = self.document;
        let scene = document.scenes.get(document.scene.unwrap_or(0));
        let roots: Vec<usize> = scene.map_or_else(|| (0..document.nodes.len()).collect(), |s| s.nodes.clone());
        let mut taken = vec![false; document.nodes.len()];
        let mut stack: Vec<(usize, DMat4, usize)> = roots.into_iter().rev().map(|i| (i, DMat4::IDENTITY, 0)).collect();
        let mut found = Vec::new();
        while let Some((i, above, depth)) = stack.pop() {
            let node = document.nodes.get(i).ok_or_else(|| Fault::bad(format!("nodes[{i}]"), "there is no such node"))?;
            if depth > NODE_DEPTH_MAX {
                return Err(Fault::bad(format!("nodes[{i}]"), format!("nodes nest more than {NODE_DEPTH_MAX} deep")));
            }
            if std::mem::replace(&mut taken[i], true) {
                continue;
            }
            let matrix = above * matrix_of(node);
            if node.mesh.is_some() {
                found.push((node, matrix));
            }
            stack.extend(node.children.iter().rev().map(|child| (*child, matrix, depth + 1)));
        }
        Ok(found)
    }
}

fn matrix_of(node: &Node) -> DMat4 {
    if let Some(matrix) = &node.matrix {
        return DMat4::from_cols_array(matrix);
    }
    let scale = node.scale.map_or(DVec3::ONE, DVec3::from);
    let rotation = node.rotation.map_or(DQuat::IDENTITY, |q| DQuat::from_vec4(normalised(DVec4::from(q))));
    DMat4::from_scale_rotation_translation(scale, rotation, node.translation.map_or(DVec3::ZERO, DVec3::from))
}

/// A unit quaternion even where a file has a rounded or zero one.
pub fn normalised(q: DVec4) -> DVec4 {
    q.try_normalize().unwrap_or(DVec4::W)
}

fn z_up_from(axis: UpAxis) -> DMat4 {
    DMat4::from_mat3(match axis {
        // (x, y, z) -> (x, -z, y)
        UpAxis::Y => DMat3::from_cols(DVec3::X, DVec3::Z, -DVec3::Y),
        // (x, y, z) -> (-z, y, x)
        UpAxis::X => DMat3::from_cols(DVec3::Z, DVec3::Y, -DVec3::X),
        UpAxis::Z => DMat3::IDENTITY,
    })
}

#[cfg(test)]
#[path = "glb_tests.rs"]
mod tests;
