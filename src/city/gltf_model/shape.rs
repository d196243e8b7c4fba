//! A model as triangles in its own frame: nodes walked, transforms applied, points that several triangles share kept once.

use super::buffers::{self, Beside, Buffers};
use super::document::{Document, Node, Primitive};
use super::features::FeatureIds;
use super::paint::{self, Look};
use crate::city::source::Paint;
use crate::ogc::{Batches, FeatureTable, NO_FEATURE};
use glam::{DMat4, DQuat, DVec3};
use std::collections::HashMap;
use std::path::Path;

/// Nodes inside nodes.
const NODE_DEPTH_MAX: usize = 64;
/// Corners of one model; a district in one glb has some ten million.
const CORNERS_MAX: usize = 1 << 27;
/// Extensions a file may require and still be read right.
const KNOWN_EXTENSIONS: [&str; 24] = [
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
    "EXT_instance_features",
    "KHR_draco_mesh_compression",
    "EXT_structural_metadata",
    "EXT_meshopt_compression",
    "KHR_meshopt_compression",
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    // A picture in one of these has no fallback; the model is read without it, and that is told.
    "KHR_texture_basisu",
    "EXT_texture_webp",
];
/// Paints made of colours of vertices; beyond them faces keep their material's.
const TINTS_MAX: usize = 4096;

/// A model, y up, in its own units.
#[derive(Debug, Default)]
pub(in crate::city) struct Shape {
    pub(in crate::city) points: Vec<DVec3>,
    pub(in crate::city) triangles: Vec<Triangle>,
    pub(in crate::city) paints: Vec<Paint>,
    pub(super) copyright: Option<String>,
    /// What triangles name as their feature.
    pub(in crate::city) features: FeatureTable,
    /// What was left out.
    pub(in crate::city) notes: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::city) struct Triangle {
    pub(in crate::city) corners: [u32; 3],
    pub(in crate::city) uvs: Option<[[f32; 2]; 3]>,
    pub(in crate::city) paint: Option<u32>,
    /// Id in [`Shape::features`], or [`NO_FEATURE`].
    pub(in crate::city) feature: u32,
    /// The attribute `_SURFACE` of our own tiles: the number of a `Surface`.
    pub(in crate::city) surface: Option<u8>,
}

/// What a tile's wrapping adds to a glTF.
#[derive(Debug, Default)]
pub(in crate::city) struct Wrapping {
    /// Colours and features of single faces are wanted: the model is a piece of a city and not one thing.
    pub(in crate::city) by_feature: bool,
    pub(in crate::city) batches: Option<Batches>,
    /// In the tile's frame, z up.
    pub(in crate::city) rtc_center: DVec3,
}

/// Reads a `.glb` or `.gltf`.
///
/// # Errors
/// In words, with the mend.
pub(super) fn read(path: &Path) -> Result<Shape, String> {
    let bytes = buffers::file(path)?;
    read_bytes(&bytes, Beside::Folder(path.parent().unwrap_or(Path::new("."))), Wrapping::default())
}

/// Reads the bytes of a `.glb` or `.gltf`.
///
/// # Errors
/// In words, with the mend.
pub(in crate::city) fn read_bytes(bytes: &[u8], beside: Beside, wrapping: Wrapping) -> Result<Shape, String> {
    let (json, binary) = if bytes.starts_with(b"glTF") { buffers::chunks(bytes)? } else { (bytes, &[][..]) };
    let document: Document = serde_json::from_slice(json).map_err(|e| format!("the glTF's JSON is broken: {e}; write the model again"))?;
    if !document.asset.version.starts_with("2.") {
        return Err(format!("glTF {:?} is not read; bring it to 2.0 with `npx gltf-pipeline -i FILE -o NEW.glb`", document.asset.version));
    }
    if let Some(name) = document.extensions_required.iter().find(|e| !KNOWN_EXTENSIONS.contains(&e.as_str())) {
        return Err(format!(
            "the model needs {name}, which is not read here; write it without (`npx @gltf-transform/cli copy IN.glb OUT.glb`)"
        ));
    }
    let buffers = Buffers::load(&document, binary, beside)?;
    let mut notes = Vec::new();
    let looks = paint::looks(&document, &buffers, beside, &mut notes);
    let by_feature = wrapping.by_feature;
    let features = by_feature.then(|| FeatureIds::new(&document, &buffers, wrapping.batches)).transpose()?;
    let mut gather = Gather {
        document: &document,
        buffers: &buffers,
        looks: &looks,
        known: HashMap::new(),
        tints: HashMap::new(),
        features,
        shape: Shape::default(),
    };
    gather.shape.paints = looks.iter().map(|l| l.paint.clone()).collect();
    gather.shape.notes = notes;
    for (node, matrix) in nodes(&document)? {
        gather.node(node, &matrix)?;
    }
    let Gather { mut shape, features, .. } = gather;
    shape.features = features.map(FeatureIds::finish).unwrap_or_default();
    let rtc = document.extensions.rtc.as_ref().map_or(DVec3::ZERO, |r| DVec3::from(r.center));
    // The wrapping's centre is said with z up, points here are y up.
    let centre = rtc + DVec3::new(wrapping.rtc_center.x, wrapping.rtc_center.z, -wrapping.rtc_center.y);
    if centre != DVec3::ZERO {
        shape.points.iter_mut().for_each(|p| *p += centre);
    }
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
    /// Where faces are asked for by feature.
    features: Option<FeatureIds<'a>>,
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
        let instances = self.instances(node)?;
        let ids = match (&mut self.features, &node.extensions.features, &node.extensions.instancing) {
            (Some(features), Some(sets), Some(instancing)) => features.of(sets, &instancing.attributes, instances.len())?,
            _ => Vec::new(),
        };
        for (i, instance) in instances.iter().enumerate() {
            let id = ids.get(i).copied();
            mesh.primitives.iter().try_for_each(|p| self.primitive(p, &(*matrix * *instance), id))?;
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

    fn primitive(&mut self, primitive: &Primitive, matrix: &DMat4, instance: Option<u32>) -> Result<(), String> {
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
        let ids = match &mut self.features {
            Some(features) if instance.is_none() => features.of_primitive(primitive, count)?,
            _ => Vec::new(),
        };
        let surfaces = self.surfaces(primitive)?;
        let colours = if self.features.is_some() { self.colours(primitive)? } else { None };
        let paint = if colours.is_some() { primitive.material.map(|m| m as u32) } else { self.paint(primitive, look)? };
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
                let feature = instance.or_else(|| ids.get(numbers[0]).copied()).unwrap_or(NO_FEATURE);
                let surface = surfaces.as_ref().and_then(|s| s.get(numbers[0]).copied());
                let paint = match colours.as_ref().and_then(|c| c.get(numbers[0])) {
                    Some(colour) => self.tint(primitive, look, *colour).or(paint),
                    None => paint,
                };
                self.shape.triangles.push(Triangle { corners, uvs, paint, feature, surface });
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

    /// The attribute `_SURFACE`, where tiles of ours say what a face is.
    fn surfaces(&self, primitive: &Primitive) -> Result<Option<Vec<u8>>, String> {
        let Some(accessor) = primitive.attributes.get("_SURFACE").filter(|_| self.features.is_some()) else { return Ok(None) };
        Ok(Some(self.buffers.whole(*accessor)?.into_iter().map(|s| u8::try_from(s).unwrap_or(0)).collect()))
    }

    /// Colours of vertices, linear.
    fn colours(&self, primitive: &Primitive) -> Result<Option<Vec<[f64; 4]>>, String> {
        let Some(accessor) = primitive.attributes.get("COLOR_0") else { return Ok(None) };
        Ok(Some(match self.buffers.components(*accessor) {
            Some(3) => self.buffers.vectors::<3>(*accessor)?.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect(),
            _ => self.buffers.vectors::<4>(*accessor)?,
        }))
    }

    /// The material's paint; where vertices have colours, one tinted with their mean.
    fn paint(&mut self, primitive: &Primitive, look: Option<&Look>) -> Result<Option<u32>, String> {
        let plain = primitive.material.filter(|_| look.is_some()).map(|m| m as u32);
        let Some(colours) = self.colours(primitive)? else { return Ok(plain) };
        let sum = colours.iter().fold([0.0; 4], |sum, c| std::array::from_fn(|i| sum[i] + c[i]));
        let mean = sum.map(|s| s / colours.len().max(1) as f64);
        if mean == [1.0; 4] {
            return Ok(plain);
        }
        if colours.iter().any(|c| *c != colours[0]) {
            self.note("colours of vertices drawn as their mean");
        }
        Ok(self.tint(primitive, look, mean).or(plain))
    }

    /// A paint of a primitive's material in another colour; `None` when there are too many.
    fn tint(&mut self, primitive: &Primitive, look: Option<&Look>, colour: [f64; 4]) -> Option<u32> {
        let factor = self.factor(primitive);
        let colour = paint::srgb(std::array::from_fn(|i| colour[i] as f32 * factor[i]));
        let key = (primitive.material.filter(|_| look.is_some()), colour);
        let paints = &mut self.shape.paints;
        match self.tints.get(&key) {
            Some(tint) => Some(*tint),
            None if self.tints.len() >= TINTS_MAX => None,
            None => {
                paints.push(Paint { colour: Some(colour), texture: look.and_then(|l| l.paint.texture.clone()) });
                self.tints.insert(key, paints.len() as u32 - 1);
                Some(paints.len() as u32 - 1)
            }
        }
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
