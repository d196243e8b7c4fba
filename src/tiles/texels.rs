//! Pictures that hold values and not colours: channels kept for as long as the tile is, and read a pixel at a time.
//!
//! They never reach the graphics device. Source: `EXT_mesh_features`, "Feature ID by Texture Coordinates"; `EXT_structural_metadata`,
//! "Property Textures".

use super::gltf_json::ChannelTexture;
use super::texture::{Wear, Worn};
use crate::ogc::NO_FEATURE;
use image::RgbaImage;
use std::sync::Arc;

/// Channels of a picture, 8 bits each.
#[derive(Debug)]
pub struct Texels {
    width: u32,
    height: u32,
    /// Where each of red, green, blue, opacity lies within a pixel; `None` for what nobody asks for.
    places: [Option<usize>; 4],
    stride: usize,
    bytes: Box<[u8]>,
}

impl Texels {
    /// Of a picture, the channels that `wanted` has a bit for.
    pub fn of(picture: &RgbaImage, wanted: u8) -> Self {
        let kept: Vec<usize> = (0..4).filter(|c| wanted >> c & 1 == 1).collect();
        let places = [0, 1, 2, 3].map(|channel| kept.iter().position(|k| *k == channel));
        let bytes = picture.pixels().flat_map(|p| kept.iter().map(move |c| p.0[*c])).collect();
        Self { width: picture.width(), height: picture.height(), places, stride: kept.len(), bytes }
    }

    /// Memory held.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn get(&self, x: u32, y: u32, channel: usize) -> Option<u8> {
        let pixel = y as usize * self.width as usize + x as usize;
        self.bytes.get(pixel * self.stride + (*self.places.get(channel)?)?).copied()
    }
}

/// Channels that together hold one number or value, and the way to them from a face's texture coordinates.
#[derive(Clone, Debug)]
pub struct Channels {
    texels: Arc<Texels>,
    /// The first holds the lowest 8 bits.
    channels: Box<[usize]>,
    worn: Worn,
}

impl Channels {
    /// `wrapping` are bits of [`Wear`].
    ///
    /// # Errors
    /// In words, when a channel is named that no picture has.
    pub fn new(texels: Arc<Texels>, texture: &ChannelTexture, wrapping: u32) -> Result<Self, String> {
        texture.wanted()?;
        let worn = Worn::new(wrapping, texture.tex_coord, texture.extensions.transform);
        Ok(Self { texels, channels: texture.channels.clone().into(), worn })
    }

    /// Which set of texture coordinates they take.
    pub fn texcoord(&self) -> u32 {
        self.worn.texcoord
    }

    /// The picture, which others may share.
    pub fn texels(&self) -> &Arc<Texels> {
        &self.texels
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.channels.len()
    }

    /// The number at a texture coordinate: of the nearest pixel, since numbers of several channels and ids must not be mixed.
    pub fn at(&self, uv: [f32; 2]) -> Option<u32> {
        let [u, v] = self.worn.uv(uv);
        let (wear, texels) = (self.worn.wear, &self.texels);
        let x = pixel(u, texels.width, wear & Wear::CLAMP_U != 0, wear & Wear::MIRROR_U != 0);
        let y = pixel(v, texels.height, wear & Wear::CLAMP_V != 0, wear & Wear::MIRROR_V != 0);
        self.channels.iter().rev().try_fold(0u32, |number, channel| Some(number << 8 | u32::from(texels.get(x, y, *channel)?)))
    }
}

/// A set of feature ids in a picture, and how those become ids of the tile.
#[derive(Debug)]
pub struct IdPicture {
    pub channels: Channels,
    /// Of the set's first feature in the tile.
    pub base: u32,
    pub count: u32,
    pub null: Option<u32>,
}

impl IdPicture {
    /// The tile-wide id at a texture coordinate.
    pub fn id_at(&self, uv: [f32; 2]) -> u32 {
        match self.channels.at(uv) {
            Some(id) if Some(id) != self.null && id < self.count => self.base + id,
            _ => NO_FEATURE,
        }
    }
}

/// The pixel of a side of `size` at `at`, which is 0 at its beginning and 1 at its end.
fn pixel(at: f32, size: u32, clamp: bool, mirror: bool) -> u32 {
    let inside = match (clamp, mirror) {
        (true, _) => at.clamp(0.0, 1.0),
        (_, true) => 1.0 - (at.rem_euclid(2.0) - 1.0).abs(),
        _ => at.rem_euclid(1.0),
    };
    ((inside * size as f32) as u32).min(size.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_make_one_number_and_edges_repeat_as_they_should() {
        let picture = RgbaImage::from_fn(2, 1, |x, _| image::Rgba([x as u8 + 1, 1, 0, 255]));
        let texels = Arc::new(Texels::of(&picture, 0b11));
        assert_eq!(texels.bytes(), 4, "of what nobody asks for nothing is kept");
        let two = ChannelTexture { channels: vec![0, 1], ..ChannelTexture::default() };
        let at = |wrapping| {
            let channels = Channels::new(texels.clone(), &two, wrapping).unwrap();
            IdPicture { channels, base: 1000, count: 300, null: Some(258) }
        };
        assert_eq!([at(0).id_at([0.1, 0.5]), at(0).id_at([0.9, 0.5])], [1257, NO_FEATURE], "258 stands for none");
        assert_eq!([at(0).id_at([1.1, 9.0]), at(Wear::CLAMP_U).id_at([-7.0, 0.0]), at(Wear::MIRROR_U).id_at([1.9, 0.0])], [1257; 3]);
        let other = ChannelTexture { channels: vec![2], ..ChannelTexture::default() };
        assert_eq!(Channels::new(texels.clone(), &other, 0).unwrap().at([0.5; 2]), None, "a channel that was not kept");
        assert!(Channels::new(texels, &ChannelTexture { channels: vec![4], ..ChannelTexture::default() }, 0).is_err());
    }
}
