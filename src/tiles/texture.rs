//! Base colour textures of a glTF: all pictures of a tile as layers of one, so that the tile stays one draw call.

use super::accessor::{Buffers, data_uri};
use super::content::DecodeContext;
use super::fetch::resolve;
use super::gltf_json::{ChannelTexture, Document, Material, Sampler, TextureInfo, TextureTransform};
use super::picture;
use super::texels::{Channels, Texels};
use image::RgbaImage;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pictures of one tile at most: what every graphics device takes as layers.
const LAYERS_MAX: usize = 256;
/// Pixels along a side at most.
const SIDE_MAX: u32 = 8192;
/// Pixels of all layers of a tile at most, 64 MB; larger pictures are halved until they fit.
const PIXELS_MAX: usize = 16 << 20;
/// Pixels of a tile's pictures as they are in files at most, 512 MB; the rest is left out.
const READ_PIXELS_MAX: usize = 128 << 20;
/// Bytes of pictures that hold values, kept of a tile at most: 64 MB.
const VALUE_BYTES_MAX: usize = 64 << 20;
/// Layers share one size; where that would take this many times the pixels that the pictures have, the largest lose some.
const GROWTH_MAX: usize = 4;
/// Opacity under which a pixel of a blended material is a hole: nothing is blended here.
const BLEND_CUTOFF: f32 = 0.5;

/// What a vertex wears, as [`super::TileMesh::wears`] has it and `shaders/city.wgsl` reads it; 0 for nothing.
pub struct Wear;

impl Wear {
    /// Set where a picture is worn; the layer is in the lower 16 bits.
    pub const TEXTURED: u32 = 1 << 16;
    /// The picture's edge goes on beyond 0..1; else it repeats.
    pub const CLAMP_U: u32 = 1 << 17;
    pub const CLAMP_V: u32 = 1 << 18;
    /// Every other repeat is mirrored.
    pub const MIRROR_U: u32 = 1 << 19;
    pub const MIRROR_V: u32 = 1 << 20;
    /// The upper 8 bits: opacity under which there is a hole, of 255.
    pub const CUTOFF_SHIFT: u32 = 24;
}

/// Pictures of one size with all their mip levels, sRGB with opacity, layer after layer.
#[derive(Debug)]
pub struct TileTexture {
    pub width: u32,
    pub height: u32,
    pub layers: u32,
    pub levels: u32,
    pixels: Mutex<Vec<u8>>,
}

impl TileTexture {
    /// Pictures as layers of one size; `None` without any.
    pub(super) fn of(pictures: Vec<RgbaImage>) -> Option<Self> {
        let sizes: Vec<[u32; 2]> = pictures.iter().map(|l| [l.width(), l.height()]).collect();
        let [width, height] = common_size(&sizes)?;
        let (layers, mut pixels) = (pictures.len() as u32, Vec::new());
        for picture in pictures {
            picture::push_levels(picture::resized(picture, width, height), &mut pixels);
        }
        Some(Self { width, height, layers, levels: picture::levels(width, height), pixels: Mutex::new(pixels) })
    }

    /// The layers of both, this one's first; `None` where they would be too many, or where pixels are gone. It takes the pixels of both.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        if (self.layers + other.layers) as usize > LAYERS_MAX || ![self, other].into_iter().all(Self::is_whole) {
            return None;
        }
        let of = |texture: &Self| vec![[texture.width, texture.height]; texture.layers as usize];
        let [width, height] = common_size(&[of(self), of(other)].concat())?;
        let [mut pixels, mut others] = [self.as_wide_as(width, height)?, other.as_wide_as(width, height)?];
        pixels.append(&mut others);
        let layers = self.layers + other.layers;
        Some(Self { width, height, layers, levels: picture::levels(width, height), pixels: Mutex::new(pixels) })
    }

    /// Whether nobody took its pixels.
    fn is_whole(&self) -> bool {
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner).len() == self.bytes()
    }

    /// Its pixels at another size.
    fn as_wide_as(&self, width: u32, height: u32) -> Option<Vec<u8>> {
        let pixels = self.take();
        if (self.width, self.height) == (width, height) {
            return Some(pixels);
        }
        let (layer, whole) = (pixels.len() / self.layers as usize, self.width as usize * self.height as usize * 4);
        let mut out = Vec::new();
        for levels in pixels.chunks_exact(layer) {
            let picture = RgbaImage::from_raw(self.width, self.height, levels.get(..whole)?.to_vec())?;
            picture::push_levels(picture::resized(picture, width, height), &mut out);
        }
        Some(out)
    }

    /// Memory it takes on a graphics device.
    pub fn bytes(&self) -> usize {
        let level = |l: u32| (self.width >> l).max(1) as usize * (self.height >> l).max(1) as usize * 4;
        (0..self.levels).map(level).sum::<usize>() * self.layers as usize
    }

    /// Its pixels, each layer with all its levels, for whoever draws it; they are not kept, so the second time there are none.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.pixels.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How a primitive wears a picture.
#[derive(Clone, Copy, Debug)]
pub struct Worn {
    /// See [`Wear`].
    pub wear: u32,
    /// Which set of texture coordinates it takes.
    pub texcoord: u32,
    transform: Option<TextureTransform>,
}

impl Worn {
    pub fn new(wear: u32, texcoord: u32, transform: Option<TextureTransform>) -> Self {
        Self { wear, texcoord: transform.and_then(|t| t.tex_coord).unwrap_or(texcoord), transform }
    }

    /// The texture coordinate on the picture. Source: KHR_texture_transform.
    pub fn uv(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let Some(t) = self.transform else { return [u, v] };
        let (sin, cos) = t.rotation.sin_cos();
        let (u, v) = (u * t.scale[0], v * t.scale[1]);
        [u * cos + v * sin + t.offset[0], v * cos - u * sin + t.offset[1]]
    }
}

/// Textures of a glTF, read as its primitives need them.
pub struct Textures<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    context: &'a DecodeContext<'a>,
    layers: Vec<RgbaImage>,
    /// In `layers`.
    pixels: usize,
    /// Layer of each image that was asked for.
    known: BTreeMap<usize, Option<u32>>,
    /// Images that hold values, and why those can't be read that can't.
    values: BTreeMap<usize, Result<Arc<Texels>, String>>,
    /// Of all of `values`.
    value_bytes: usize,
    /// Channels of each image that anything asks for; filled when the first is asked for.
    wanted: Option<BTreeMap<usize, u8>>,
    notes: Vec<String>,
}

impl<'a> Textures<'a> {
    pub fn new(document: &'a Document, buffers: &'a Buffers<'a>, context: &'a DecodeContext<'a>) -> Self {
        Self {
            document,
            buffers,
            context,
            layers: Vec::new(),
            pixels: 0,
            known: BTreeMap::new(),
            values: BTreeMap::new(),
            value_bytes: 0,
            wanted: None,
            notes: Vec::new(),
        }
    }

    /// What faces of a material wear; what can't be read is noted, and they keep their colour.
    pub fn of_material(&mut self, material: usize) -> Option<Worn> {
        let material = self.document.materials.get(material)?;
        let info = material.picture()?;
        let layer = self.layer(info)?;
        let sampler = self.document.textures.get(info.index).and_then(|t| self.document.samplers.get(t.sampler?));
        let wear = layer | Wear::TEXTURED | wrapping(sampler) | cutoff(material) << Wear::CUTOFF_SHIFT;
        Some(Worn::new(wear, info.tex_coord, info.extensions.transform))
    }

    /// Channels of a picture that is not worn but holds values; why not, in words.
    pub fn channels(&mut self, info: &ChannelTexture) -> Result<Channels, String> {
        let texture = self.document.textures.get(info.index).ok_or_else(|| format!("textures[{}] is not there", info.index))?;
        let number = texture.image().ok_or_else(|| format!("textures[{}] names no image", info.index))?;
        let texels = match self.values.get(&number) {
            Some(known) => known.clone(),
            None => {
                let read = self.texels(number, texture.source);
                self.values.insert(number, read.clone());
                read
            }
        };
        let sampler = texture.sampler.and_then(|s| self.document.samplers.get(s));
        Channels::new(texels?, info, wrapping(sampler))
    }

    fn texels(&mut self, number: usize, beside: Option<usize>) -> Result<Arc<Texels>, String> {
        let document = self.document;
        let wanted = self.wanted.get_or_insert_with(|| wanted_channels(document)).get(&number).copied().unwrap_or_default();
        let beside = beside.filter(|s| *s != number);
        let picture = self.image(number).or_else(|why| beside.and_then(|s| self.image(s).ok()).ok_or(why));
        let picture = picture.map_err(|why| format!("images[{number}]: {why}"))?;
        self.pixels += picture.len() / 4;
        if self.pixels > READ_PIXELS_MAX {
            return Err(format!("more than {READ_PIXELS_MAX} pixels of pictures in a tile"));
        }
        let texels = Texels::of(&picture, wanted);
        self.value_bytes += texels.bytes();
        if self.value_bytes > VALUE_BYTES_MAX {
            return Err(format!("more than {} MiB of pictures with values in a tile", VALUE_BYTES_MAX >> 20));
        }
        Ok(Arc::new(texels))
    }

    fn layer(&mut self, info: &TextureInfo) -> Option<u32> {
        let Some(texture) = self.document.textures.get(info.index) else {
            self.note(format!("textures[{}] is not there; its faces have plain colours", info.index));
            return None;
        };
        let Some(image) = texture.image() else {
            self.note("a texture names no image; its faces have plain colours".to_owned());
            return None;
        };
        if let Some(known) = self.known.get(&image) {
            return *known;
        }
        // What is written beside for readers of less stands in for what can't be read.
        let beside = texture.source.filter(|s| *s != image);
        let read = self.image(image).or_else(|why| beside.and_then(|s| self.image(s).ok()).ok_or(why));
        let layer = match read {
            Ok(_) if self.layers.len() >= LAYERS_MAX => {
                self.note(format!("more than {LAYERS_MAX} pictures in a tile; faces of the rest have plain colours"));
                None
            }
            Ok(pixels) if self.pixels + pixels.len() / 4 > READ_PIXELS_MAX => {
                self.note(format!("more than {READ_PIXELS_MAX} pixels of pictures in a tile; faces of the rest have plain colours"));
                None
            }
            Ok(pixels) => {
                self.pixels += pixels.len() / 4;
                self.layers.push(pixels);
                Some(self.layers.len() as u32 - 1)
            }
            Err(why) => {
                self.note(format!("images[{image}]: {why}; its faces have plain colours"));
                None
            }
        };
        self.known.insert(image, layer);
        layer
    }

    fn image(&self, number: usize) -> Result<RgbaImage, String> {
        let image = self.document.images.get(number).ok_or("it is not there")?;
        let fetched;
        let bytes: &[u8] = match (&image.uri, image.buffer_view) {
            (Some(uri), _) => {
                let external = || (self.context.external)(&resolve(self.context.url, uri).map_err(|f| f.at(self.context.url))?);
                let inside = || data_uri(uri).map_err(|f| f.at(self.context.url));
                fetched = if uri.starts_with("data:") { inside() } else { external() }.map_err(|e| e.to_string())?;
                &fetched
            }
            (None, Some(view)) => self.buffers.view(view).map_err(|f| f.what)?,
            (None, None) => return Err("it has no bytes".to_owned()),
        };
        picture::decode(bytes)
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// All pictures as one texture; `None` when none was worn.
    pub fn finish(self, notes: &mut Vec<String>) -> Option<Arc<TileTexture>> {
        notes.extend(self.notes);
        TileTexture::of(self.layers).map(Arc::new)
    }
}

/// Which channels of images hold feature ids or properties.
fn wanted_channels(document: &Document) -> BTreeMap<usize, u8> {
    let sets = document.meshes.iter().flat_map(|m| &m.primitives).filter_map(|p| p.extensions.features.as_ref());
    let ids = sets.flat_map(|s| &s.feature_ids).filter_map(|s| s.texture.as_ref()).map(|t| (t.index, t.wanted()));
    let tables = document.extensions.metadata.iter().flat_map(|m| &m.property_textures);
    let properties = tables.flat_map(|t| t.properties.values()).filter_map(|p| ChannelTexture::deserialize(p).ok());
    let mut wanted = BTreeMap::new();
    for (texture, channels) in ids.chain(properties.map(|t| (t.index, t.wanted()))) {
        if let (Some(image), Ok(channels)) = (document.textures.get(texture).and_then(|t| t.image()), channels) {
            *wanted.entry(image).or_default() |= channels;
        }
    }
    wanted
}

/// The size that all layers get: the largest, unless that would be far more than the pictures have.
fn common_size(sizes: &[[u32; 2]]) -> Option<[u32; 2]> {
    let own: usize = sizes.iter().map(|s| s[0] as usize * s[1] as usize).sum();
    let mut size = [sizes.iter().map(|s| s[0]).max()?.min(SIDE_MAX), sizes.iter().map(|s| s[1]).max()?.min(SIDE_MAX)];
    let bound = own.saturating_mul(GROWTH_MAX).min(PIXELS_MAX);
    while size[0] as usize * size[1] as usize * sizes.len() > bound && size != [1; 2] {
        size = size.map(|v| (v / 2).max(1));
    }
    Some(size)
}

fn wrapping(sampler: Option<&Sampler>) -> u32 {
    let bits = |mode: Option<u32>, clamp: u32, mirror: u32| match mode {
        Some(33071) => clamp,
        Some(33648) => mirror,
        _ => 0,
    };
    sampler.map_or(0, |s| bits(s.wrap_s, Wear::CLAMP_U, Wear::MIRROR_U) | bits(s.wrap_t, Wear::CLAMP_V, Wear::MIRROR_V))
}

/// Opacity under which there is a hole, of 255; 0 for none.
fn cutoff(material: &Material) -> u32 {
    let part = match material.alpha_mode.as_deref() {
        Some("MASK") => material.alpha_cutoff.unwrap_or(0.5),
        Some("BLEND") => BLEND_CUTOFF,
        _ => return 0,
    };
    (part.clamp(0.0, 1.0) * 255.0).round() as u32
}

#[cfg(test)]
#[path = "texture_tests.rs"]
mod tests;
