//! Materials of a model as paints: the base colour and its picture; gloss and metal are not a city's.

use super::buffers::{Beside, Buffers, Uri};
use super::document::{Document, Material, TextureInfo, TextureTransform};
use crate::city::source::{Paint, Texture, TextureImage};
use std::sync::Arc;

/// glTF's `REPEAT` and `MIRRORED_REPEAT`; a mirrored picture is repeated as it is.
const REPEATING: [u32; 2] = [10497, 33648];

/// The look of a primitive.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    pub(super) paint: Paint,
    /// Which set of texture coordinates it takes, and how they are moved.
    pub(super) uv_set: u32,
    pub(super) uv_transform: Option<TextureTransform>,
}

impl Look {
    /// The texture coordinate on the picture. Source: `KHR_texture_transform`.
    pub(super) fn uv(&self, [u, v]: [f64; 2]) -> [f32; 2] {
        let (u, v) = (u as f32, v as f32);
        let Some(t) = self.uv_transform else { return [u, v] };
        let (sin, cos) = t.rotation.sin_cos();
        let (u, v) = (u * t.scale[0], v * t.scale[1]);
        [u * cos + v * sin + t.offset[0], v * cos - u * sin + t.offset[1]]
    }
}

/// All materials in order. What is not understood of one goes to `notes`, and the rest of it stays.
pub(super) fn looks(document: &Document, buffers: &Buffers, beside: Beside, notes: &mut Vec<String>) -> Vec<Look> {
    let mut images: Vec<Option<Option<TextureImage>>> = vec![None; document.images.len()];
    let mut looks = Vec::with_capacity(document.materials.len());
    for material in &document.materials {
        let (factor, info) = base(material);
        let mut look = Look { paint: Paint { colour: factor.map(srgb), texture: None }, ..Look::default() };
        if let Some(info) = info {
            match texture(document, buffers, beside, info, &mut images) {
                Ok(texture) => look.paint.texture = Some(texture),
                Err(why) => notes.push(format!("texture left out: {why}")),
            }
            look.uv_transform = info.extensions.transform;
            look.uv_set = info.extensions.transform.and_then(|t| t.tex_coord).unwrap_or(info.tex_coord);
        }
        looks.push(look);
    }
    looks
}

fn base(material: &Material) -> (Option<[f32; 4]>, Option<&TextureInfo>) {
    let pbr = &material.pbr_metallic_roughness;
    match &material.extensions.specular_glossiness {
        Some(old) if pbr.base_color_factor.is_none() && pbr.base_color_texture.is_none() => {
            (old.diffuse_factor, old.diffuse_texture.as_ref())
        }
        _ => (pbr.base_color_factor, pbr.base_color_texture.as_ref()),
    }
}

fn texture(
    document: &Document,
    buffers: &Buffers,
    beside: Beside,
    info: &TextureInfo,
    images: &mut [Option<Option<TextureImage>>],
) -> Result<Texture, String> {
    let index = info.index;
    let texture = document.textures.get(index).ok_or_else(|| format!("textures[{index}] is not there"))?;
    let source = texture.source.ok_or_else(|| format!("textures[{index}] is neither PNG nor JPEG (KTX2 or WebP without a fallback)"))?;
    let slot = images.get_mut(source).ok_or_else(|| format!("images[{source}] is not there"))?;
    if slot.is_none() {
        *slot = Some(Some(image(document, buffers, beside, source)?));
    }
    let image = slot.clone().flatten().ok_or_else(|| format!("images[{source}] can't be used"))?;
    let wrap = texture.sampler.and_then(|s| document.samplers.get(s)?.wrap_s).unwrap_or(REPEATING[0]);
    Ok(Texture { image, repeats: REPEATING.contains(&wrap) })
}

fn image(document: &Document, buffers: &Buffers, beside: Beside, i: usize) -> Result<TextureImage, String> {
    let image = &document.images[i];
    let bytes = match (&image.uri, image.buffer_view) {
        (Some(uri), _) => match beside.resolve(uri)? {
            Uri::File(path) if path.is_file() => return Ok(TextureImage::File(path)),
            Uri::File(path) => return Err(format!("{} is missing; put it beside the model", path.display())),
            Uri::Bytes(bytes) => bytes,
        },
        (None, Some(view)) => buffers.view(view)?.to_vec(),
        (None, None) => return Err(format!("images[{i}] has no bytes")),
    };
    if !(bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8")) {
        return Err(format!("images[{i}] is neither PNG nor JPEG; write the model with one of them"));
    }
    Ok(TextureImage::Bytes(Arc::from(bytes)))
}

/// A linear colour as sRGB bytes; opacity stays linear. Source: IEC 61966-2-1.
pub(super) fn srgb([r, g, b, a]: [f32; 4]) -> [u8; 4] {
    let curve = |c: f32| {
        let c = if c.is_finite() { c.clamp(0.0, 1.0) } else { 0.0 };
        if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
    };
    let byte = |c: f32| (c * 255.0).round() as u8;
    [byte(curve(r)), byte(curve(g)), byte(curve(b)), byte(if a.is_finite() { a.clamp(0.0, 1.0) } else { 1.0 })]
}
