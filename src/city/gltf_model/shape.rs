//! A model as triangles in its own frame: nodes walked, transforms applied, points that several triangles share kept once.

use super::buffers::{self, Buffers};
use super::document::{Document, Node, Primitive};
use super::paint::{self, Look};
use crate::city::source::Paint;
use glam::{DMat4, DQuat, DVec3};
use std::collections::HashMap;
use std::path::Path;

/// Nodes inside nodes.
const NODE_DEPTH_MAX: usize = 64;
/// Corners of one model; a district in one glb has some ten million.
const CORNERS_MAX: usize = 1 << 27;
/// Extensions a file may require and still be read right.
const KNOWN_EXTENSIONS: [&str; 15] = [
    "EXT_mesh_gpu_instancing",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit",
    "KHR_materials_specular",
    "KHR_materials_ior",
    "KHR_materials_clearcoat",
    "KHR_materials_emissive_strength",
    "KHR_materials_sheen",
    "KHR_materials_transmission",
    "KHR_materials_volume",
    "KHR_materials_variants",
    "KHR_lights_punctual",
    "EXT_mesh_features",
];

/// A model, y up, in its own units.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) points: Vec<DVec3>,
    pub(super) triangles: Vec<Triangle>,
    pub(super) paints: Vec<Paint>,
    pub(super) copyright: Option<String>,
    /// What was left out.
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Triangle {
    pub(super) corners: [u32; 3],
    pub(super) uvs: Option<[[f32; 2]; 3]>,
    pub(super) paint: Option<u32>,
}

/// Reads a `.glb` or `.gltf`.
///
/// # Errors
/// In words, with the mend.
pub(super) fn read(path: &Path) -> Result<Shape, String> {
    let bytes = buffers::file(path)?;
    let (json, binary) = if bytes.starts_with(b"glTF") { buffers::chunks(&bytes)? } else { (&bytes[..], &[][..]) };
    let document: Document = serde_json::from_slice(json).map_err(|e| format!("the glTF's JSON is broken: {e}; write the model again"))?;
    if !document.asset.version.starts_with("2.") {
        return Err(format!("glTF {:?} is not read; bring it to 2.0 with `npx gltf-pipeline -i FILE -o NEW.glb`", document.asset.version));
    }
    if let Some(name) = document.extensions_required.iter().find(|e| !KNOWN_EXTENSIONS.contains(&e.as_str())) {
        return Err(format!(
            "the model needs {name}, which is not read here; write it without (`npx @gltf-transform/cli copy IN.glb OUT.glb`)"
        ));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let buffers = Buffers::load(&document, binary, folder)?;
    let mut notes = Vec::new();
    let looks = paint::looks(&document, &buffers, folder, &mut notes);
    let mut gather = Gather {
        document: &document,
        buffers: &buffers,
        looks: &looks,
        known: HashMap::new(),
        tints: HashMap::new(),
        shape: Shape::default(),
    };
    gather.shape.paints = looks.iter().map(|l| l.paint.clone()).collect();
    gather.shape.notes = notes;
    for (node, matrix) in nodes(&document)? {
        gather.node(node, &matrix)?;
    }
    let mut shape = gather.shape;
    shape.notes.dedup();
    shape.copyright.clone_from(&document.asset.copyright);
    Ok(shape)
}

/// Nodes of the scene that have a mesh, with their matrices. Each node is taken once, so a loop ends.
fn nodes(document: &Document) -> Result<Vec<(&Node, DMat4)>, String> {
    let scene = document.scenes.get(document.scene.unwrap_or(0));
    let children: std::collections::HashSet<usize> = document.nodes.iter().flat_map(|n| &n.children).copied().collect();
    let roots: Vec<usize> = match scene {
        Some(scene) => scene.nodes.clone(),
        None => (0..document.nodes.len()).filter(|i| !children.contains(i)).collect(),
    };
    let mut taken = vec![false; document.nodes.len()];
    let mut stack: Vec<(usize, DMat4, usize)> = roots.into_iter().rev().map(|i| (i, DMat4::IDENTITY, 0)).collect();
    let mut found = Vec::new();
    while let Some((i, above, depth)) = stack.pop() {
        let node = document.nodes.get(i).ok_or_else(|| format!("nodes[{i}] is not there"))?;
        if depth > NODE_DEPTH_MAX {
            return Err(format!("nodes nest more than {NODE_DEPTH_MAX} deep at nodes[{i}]"));
        }
        if std::mem::replace(&mut taken[i], true) {
            continue;
        }
        let matrix = above * matrix_of(node);
        if node.mesh.is_some() {
            found.push((node, matrix));
        }
        stack.extend(node.children.iter().rev().map(|c| (*c, matrix, depth + 1)));
    }
    Ok(found)
}

fn matrix_of(node: &Node) -> DMat4 {
    if let Some(matrix) = node.matrix {
        return DMat4::from_cols_array(&matrix);
    }
    let rotation = node.rotation.map_or(DQuat::IDENTITY, DQuat::from_array);
    let rotation = if rotation.length_squared() > 0.0 { rotation.normalize() } else { DQuat::IDENTITY };
    let vector = |v: Option<[f64; 3]>, default| v.map_or(default, DVec3::from);
    DMat4::from_scale_rotation_translation(vector(node.scale, DVec3::ONE), rotation, vector(node.translation, DVec3::ZERO))
}

struct Gather<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    looks: &'a [Look],
    /// Points by their coordinates' bits: glTF repeats a point for every normal it has.
    known: HashMap<[u64; 3], u32>,
    /// Paints made of a material and a colour of vertices.
    tints: HashMap<(Option<usize>, [u8; 4]), u32>,
    shape: Shape,
}

impl Gather<'_> {
    fn note(&mut self, text: &str) {
        if !self.shape.notes.iter().any(|n| n == text) {
            self.shape.notes.push(text.to_owned());
        }
    }

    fn node(&mut self, node: &Node, matrix: &DMat4) -> Result<(), String> {
        let document = self.document;
        let Some(mesh) = node.mesh.map(|m| document.meshes.get(m).ok_or_else(|| format!("meshes[{m}] is not there"))).transpose()? else {
            return Ok(());
        };
        if node.skin.is_some() {
            self.note("bones left out: the model stands as it was modelled");
        }
        for instance in self.instances(node)? {
            mesh.primitives.iter().try_for_each(|p| self.primitive(p, &(*matrix * instance)))?;
        }
        Ok(())
    }

    /// Where a node's mesh stands: once, or as often as `EXT_mesh_gpu_instancing` says.
    fn instances(&self, node: &Node) -> Result<Vec<DMat4>, String> {
        let Some(instancing) = &node.extensions.instancing else { return Ok(vec![DMat4::IDENTITY]) };
        let at = |name: &str| instancing.attributes.get(name).copied();
        let moves = at("TRANSLATION").map(|i| self.buffers.vectors::<3>(i)).transpose()?.unwrap_or_default();
        let turns = at("ROTATION").map(|i| self.buffers.vectors::<4>(i)).transpose()?.unwrap_or_default();
        let scales = at("SCALE").map(|i| self.buffers.vectors::<3>(i)).transpose()?.unwrap_or_default();
        let count = moves.len().max(turns.len()).max(scales.len());
        let placed = |i: usize| {
            let (translation, rotation, scale) = (moves.get(i).copied(), turns.get(i).copied(), scales.get(i).copied());
            matrix_of(&Node { translation, rotation, scale, ..Node::default() })
        };
        Ok((0..count).map(placed).collect())
    }

    fn primitive(&mut self, primitive: &Primitive, matrix: &DMat4) -> Result<(), String> {
        if primitive.extensions.contains_key("KHR_draco_mesh_compression") {
            return Err(
                "it is compressed with Draco, which is not read here; write it without (`npx @gltf-transform/cli copy IN.glb OUT.glb`)"
                    .to_owned(),
            );
        }
        let mode = primitive.mode.unwrap_or(4);
        if mode < 4 {
            self.note("points and lines left out");
            return Ok(());
        }
        let Some(positions) = primitive.attributes.get("POSITION") else { return Ok(()) };
        let positions = self.buffers.vectors::<3>(*positions)?;
        let indices = match primitive.indices {
            Some(i) => self.buffers.whole(i)?,
            None => (0..positions.len() as u32).collect(),
        };
        let corners = triangles(mode, &indices);
        if self.shape.triangles.len() * 3 + corners.len() * 3 > CORNERS_MAX {
            return Err(format!("the model has more than {CORNERS_MAX} corners; divide it"));
        }
        let count = positions.len();
        if indices.iter().any(|i| *i as usize >= count) {
            return Err(format!("an index is beyond the {count} points"));
        }
        let look = primitive.material.and_then(|m| self.looks.get(m));
        let paint = self.paint(primitive, look)?;
        let uvs = match look.filter(|l| l.paint.texture.is_some()) {
            Some(look) => self.uvs(primitive, look, count)?,
            None => None,
        };
        let points: Vec<u32> = positions.iter().map(|p| self.point(matrix.transform_point3(DVec3::from(*p)))).collect();
        let mirrored = matrix.determinant() < 0.0;
        for [a, b, c] in corners {
            let [b, c] = if mirrored { [c, b] } else { [b, c] };
            let numbers = [a, b, c].map(|i| i as usize);
            let corners = numbers.map(|i| points[i]);
            let [p, q, r] = corners.map(|n| self.shape.points[n as usize]);
            // Without area there is nothing to see, and no side it looks to.
            if p.is_finite() && q.is_finite() && r.is_finite() && (q - p).cross(r - p).length_squared() > 0.0 {
                let uvs = uvs.as_ref().map(|uvs| numbers.map(|i| uvs[i]));
                self.shape.triangles.push(Triangle { corners, uvs, paint });
            }
        }
        Ok(())
    }

    fn point(&mut self, p: DVec3) -> u32 {
        let points = &mut self.shape.points;
        // Zero has two signs and is one place.
        *self.known.entry((p + DVec3::ZERO).to_array().map(f64::to_bits)).or_insert_with(|| {
            points.push(p);
            points.len() as u32 - 1
        })
    }

    fn uvs(&self, primitive: &Primitive, look: &Look, count: usize) -> Result<Option<Vec<[f32; 2]>>, String> {
        let Some(accessor) = primitive.attributes.get(&format!("TEXCOORD_{}", look.uv_set)) else { return Ok(None) };
        let uvs: Vec<[f32; 2]> = self.buffers.vectors::<2>(*accessor)?.into_iter().map(|uv| look.uv(uv)).collect();
        Ok((uvs.len() == count).then_some(uvs))
    }

    /// The material's paint; where vertices have colours, one tinted with their mean.
    fn paint(&mut self, primitive: &Primitive, look: Option<&Look>) -> Result<Option<u32>, String> {
        let material = primitive.material.filter(|_| look.is_some());
        let plain = material.map(|m| m as u32);
        let Some(accessor) = primitive.attributes.get("COLOR_0") else { return Ok(plain) };
        let colours: Vec<[f64; 4]> = match self.buffers.components(*accessor) {
            Some(3) => self.buffers.vectors::<3>(*accessor)?.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect(),
            _ => self.buffers.vectors::<4>(*accessor)?,
        };
        let sum = colours.iter().fold([0.0; 4], |sum, c| std::array::from_fn(|i| sum[i] + c[i]));
        let mean = sum.map(|s| (s / colours.len().max(1) as f64) as f32);
        if mean == [1.0; 4] {
            return Ok(plain);
        }
        if colours.iter().any(|c| *c != colours[0]) {
            self.note("colours of vertices drawn as their mean");
        }
        let factor = self.factor(primitive);
        let colour = paint::srgb(std::array::from_fn(|i| mean[i] * factor[i]));
        let paints = &mut self.shape.paints;
        let tint = self.tints.entry((material, colour)).or_insert_with(|| {
            paints.push(Paint { colour: Some(colour), texture: look.and_then(|l| l.paint.texture.clone()) });
            paints.len() as u32 - 1
        });
        Ok(Some(*tint))
    }

    fn factor(&self, primitive: &Primitive) -> [f32; 4] {
        let material = primitive.material.and_then(|m| self.document.materials.get(m));
        material.and_then(|m| m.pbr_metallic_roughness.base_color_factor).unwrap_or([1.0; 4])
    }
}

/// Triangles of a list (4), a strip (5) or a fan (6).
fn triangles(mode: u32, indices: &[u32]) -> Vec<[u32; 3]> {
    match mode {
        4 => indices.as_chunks::<3>().0.to_vec(),
        5 => indices.windows(3).enumerate().map(|(i, w)| if i % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] }).collect(),
        6 => indices.get(1..).unwrap_or_default().windows(2).map(|w| [indices[0], w[0], w[1]]).collect(),
        _ => Vec::new(),
    }
}
