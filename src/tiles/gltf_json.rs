//! The part of glTF 2.0's JSON that drawing a tile needs, extensions typed.
//!
//! The crate `gltf` is not used to read: its iterators panic on indices out of range unless it has validated the file, and its
//! validation refuses every required extension it does not know, so neither way suits bytes from anywhere.

use crate::ogc::{Draco, Meshopt, Metadata};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Document {
    pub asset: Asset,
    pub scene: Option<usize>,
    pub scenes: Vec<Scene>,
    pub nodes: Vec<Node>,
    pub meshes: Vec<Mesh>,
    pub accessors: Vec<Accessor>,
    pub buffer_views: Vec<BufferView>,
    pub buffers: Vec<Buffer>,
    pub materials: Vec<Material>,
    pub textures: Vec<Texture>,
    pub images: Vec<Image>,
    pub samplers: Vec<Sampler>,
    /// Only whether there are any.
    pub animations: Vec<serde::de::IgnoredAny>,
    pub skins: Vec<serde::de::IgnoredAny>,
    pub extensions_required: Vec<String>,
    pub extensions: RootExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asset {
    pub version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RootExtensions {
    #[serde(rename = "EXT_structural_metadata")]
    pub metadata: Option<Metadata>,
    #[serde(rename = "CESIUM_RTC")]
    pub rtc: Option<Rtc>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rtc {
    pub center: [f64; 3],
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scene {
    pub nodes: Vec<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub matrix: Option<[f64; 16]>,
    pub translation: Option<[f64; 3]>,
    pub rotation: Option<[f64; 4]>,
    pub scale: Option<[f64; 3]>,
    pub mesh: Option<usize>,
    pub children: Vec<usize>,
    pub extensions: NodeExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeExtensions {
    #[serde(rename = "EXT_mesh_gpu_instancing")]
    pub instancing: Option<Instancing>,
    #[serde(rename = "EXT_instance_features")]
    pub features: Option<MeshFeatures>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Instancing {
    pub attributes: BTreeMap<String, usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Mesh {
    pub primitives: Vec<Primitive>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Primitive {
    pub attributes: BTreeMap<String, usize>,
    pub indices: Option<usize>,
    pub material: Option<usize>,
    pub mode: Option<u32>,
    pub extensions: PrimitiveExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PrimitiveExtensions {
    #[serde(rename = "EXT_mesh_features")]
    pub features: Option<MeshFeatures>,
    #[serde(rename = "KHR_draco_mesh_compression")]
    pub draco: Option<Draco>,
    #[serde(rename = "EXT_structural_metadata")]
    pub metadata: Option<PrimitiveMetadata>,
    #[serde(rename = "CESIUM_primitive_outline")]
    pub outline: Option<Outline>,
}

/// Edges to be drawn along the faces of a primitive.
#[derive(Debug, Deserialize)]
pub struct Outline {
    /// Accessor of pairs of vertices.
    pub indices: usize,
}

/// Which property attributes and textures of the root a primitive has.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrimitiveMetadata {
    pub property_attributes: Vec<usize>,
    pub property_textures: Vec<usize>,
}

/// `EXT_mesh_features` and `EXT_instance_features` have the same shape.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MeshFeatures {
    pub feature_ids: Vec<FeatureIdSet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FeatureIdSet {
    pub feature_count: u32,
    pub null_feature_id: Option<u32>,
    pub attribute: Option<u32>,
    /// What people call the set.
    pub label: Option<String>,
    pub texture: Option<ChannelTexture>,
    pub property_table: Option<usize>,
}

/// A picture whose channels hold feature ids, or the values of a property of a property texture.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelTexture {
    pub index: usize,
    pub tex_coord: u32,
    /// Of red, green, blue, opacity; the first holds the lowest 8 bits.
    pub channels: Vec<usize>,
    pub extensions: TextureInfoExtensions,
}

impl Default for ChannelTexture {
    fn default() -> Self {
        Self { index: 0, tex_coord: 0, channels: vec![0], extensions: TextureInfoExtensions::default() }
    }
}

impl ChannelTexture {
    /// A bit for each channel, red being the lowest.
    ///
    /// # Errors
    /// In words, when a channel is named that no picture has.
    pub fn wanted(&self) -> Result<u8, String> {
        match !self.channels.is_empty() && self.channels.len() <= 4 && self.channels.iter().all(|c| *c < 4) {
            true => Ok(self.channels.iter().fold(0, |bits, channel| bits | 1 << channel)),
            false => Err(format!("a picture has no channels {:?}", self.channels)),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Accessor {
    pub buffer_view: Option<usize>,
    pub byte_offset: usize,
    pub component_type: u32,
    pub count: usize,
    #[serde(rename = "type")]
    pub shape: String,
    pub normalized: bool,
    pub sparse: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BufferView {
    pub buffer: usize,
    pub byte_offset: usize,
    pub byte_length: usize,
    pub byte_stride: Option<usize>,
    pub extensions: BufferViewExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BufferViewExtensions {
    #[serde(rename = "EXT_meshopt_compression", alias = "KHR_meshopt_compression")]
    pub meshopt: Option<Meshopt>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Buffer {
    pub uri: Option<String>,
    pub byte_length: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Material {
    #[serde(rename = "doubleSided")]
    pub double_sided: bool,
    pub pbr_metallic_roughness: Pbr,
    pub alpha_mode: Option<String>,
    pub alpha_cutoff: Option<f32>,
    pub emissive_factor: [f32; 3],
    pub extensions: MaterialExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MaterialExtensions {
    #[serde(rename = "KHR_materials_unlit")]
    pub unlit: Option<serde::de::IgnoredAny>,
    #[serde(rename = "KHR_techniques_webgl")]
    pub technique: Option<Technique>,
}

/// How converters of the time of 3D Tiles 1.0 wrote a material.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Technique {
    pub values: TechniqueValues,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TechniqueValues {
    pub u_diffuse: Option<Diffuse>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Diffuse {
    Colour([f32; 4]),
    Texture(TextureInfo),
}

impl Material {
    /// Its picture, by whichever name.
    pub fn picture(&self) -> Option<&TextureInfo> {
        let old = match self.diffuse() {
            Some(Diffuse::Texture(info)) => Some(info),
            _ => None,
        };
        self.pbr_metallic_roughness.base_color_texture.as_ref().or(old)
    }

    /// Its colour, linear, by whichever name.
    pub fn colour(&self) -> [f32; 4] {
        match (self.pbr_metallic_roughness.base_color_factor, self.diffuse()) {
            (None, Some(Diffuse::Colour(colour))) => *colour,
            (factor, _) => factor.unwrap_or([1.0; 4]),
        }
    }

    /// Whether it has neither picture nor colour, by any name.
    pub fn has_no_colour(&self) -> bool {
        self.picture().is_none() && self.diffuse().is_none() && self.pbr_metallic_roughness.base_color_factor.is_none()
    }

    fn diffuse(&self) -> Option<&Diffuse> {
        self.extensions.technique.as_ref()?.values.u_diffuse.as_ref()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pbr {
    pub base_color_factor: Option<[f32; 4]>,
    pub base_color_texture: Option<TextureInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TextureInfo {
    pub index: usize,
    pub tex_coord: u32,
    pub extensions: TextureInfoExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextureInfoExtensions {
    #[serde(rename = "KHR_texture_transform")]
    pub transform: Option<TextureTransform>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TextureTransform {
    pub offset: [f32; 2],
    pub rotation: f32,
    pub scale: [f32; 2],
    pub tex_coord: Option<u32>,
}

impl Default for TextureTransform {
    fn default() -> Self {
        Self { offset: [0.0; 2], rotation: 0.0, scale: [1.0; 2], tex_coord: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Texture {
    pub source: Option<usize>,
    pub sampler: Option<usize>,
    pub extensions: TextureExtensions,
}

impl Texture {
    /// Its image: of a newer format where it has one, else the one beside for readers of less.
    pub fn image(&self) -> Option<usize> {
        [&self.extensions.webp, &self.extensions.basisu].into_iter().flatten().find_map(|e| e.source).or(self.source)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextureExtensions {
    #[serde(rename = "EXT_texture_webp")]
    pub webp: Option<TextureSource>,
    #[serde(rename = "KHR_texture_basisu")]
    pub basisu: Option<TextureSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextureSource {
    pub source: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Image {
    pub uri: Option<String>,
    pub buffer_view: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sampler {
    pub wrap_s: Option<u32>,
    pub wrap_t: Option<u32>,
}
