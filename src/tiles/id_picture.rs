//! `EXT_mesh_features` ids that lie in the channels of a picture.

use super::gltf_json::IdTexture;
use super::texture::{Wear, Worn};
use crate::ogc::NO_FEATURE;
use image::RgbaImage;
use std::sync::Arc;

/// A picture of feature ids, and how those become ids of the tile.
#[derive(Debug)]
pub struct IdPicture {
    picture: Arc<RgbaImage>,
    /// The first holds the lowest 8 bits.
    channels: Vec<usize>,
    worn: Worn,
    base: u32,
    count: u32,
    null: Option<u32>,
}

impl IdPicture {
    /// `wrapping` are bits of [`Wear`].
    ///
    /// # Errors
    /// In words, when a channel is named that no picture has.
    pub fn new(picture: Arc<RgbaImage>, texture: &IdTexture, wrapping: u32) -> Result<Self, String> {
        if texture.channels.is_empty() || texture.channels.len() > 4 || texture.channels.iter().any(|c| *c > 3) {
            return Err(format!("a picture has no channels {:?}", texture.channels));
        }
        let worn = Worn::new(wrapping, texture.tex_coord, texture.extensions.transform);
        Ok(Self { picture, channels: texture.channels.clone(), worn, base: 0, count: 0, null: None })
    }

    /// The same for a set of `count` features whose first is `base` in the tile.
    pub fn numbered(self, base: u32, count: u32, null: Option<u32>) -> Self {
        Self { base, count, null, ..self }
    }

    /// Which set of texture coordinates it takes.
    pub fn texcoord(&self) -> u32 {
        self.worn.texcoord
    }

    /// The tile-wide id at a texture coordinate: of the nearest pixel, since the standard forbids ids to be mixed.
    pub fn id_at(&self, uv: [f32; 2]) -> u32 {
        let [u, v] = self.worn.uv(uv);
        let (wear, picture) = (self.worn.wear, &self.picture);
        let x = pixel(u, picture.width(), wear & Wear::CLAMP_U != 0, wear & Wear::MIRROR_U != 0);
        let y = pixel(v, picture.height(), wear & Wear::CLAMP_V != 0, wear & Wear::MIRROR_V != 0);
        let Some(pixel) = picture.get_pixel_checked(x, y) else { return NO_FEATURE };
        let id = self.channels.iter().rev().fold(0u32, |id, channel| id << 8 | u32::from(pixel.0[*channel]));
        if Some(id) == self.null || id >= self.count { NO_FEATURE } else { self.base + id }
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
        let picture = Arc::new(RgbaImage::from_fn(2, 1, |x, _| image::Rgba([x as u8 + 1, 1, 0, 255])));
        let two = IdTexture { channels: vec![0, 1], ..IdTexture::default() };
        let at = |wrapping| IdPicture::new(picture.clone(), &two, wrapping).unwrap().numbered(1000, 300, Some(258));
        assert_eq!([at(0).id_at([0.1, 0.5]), at(0).id_at([0.9, 0.5])], [1257, NO_FEATURE], "258 stands for none");
        assert_eq!([at(0).id_at([1.1, 9.0]), at(Wear::CLAMP_U).id_at([-7.0, 0.0]), at(Wear::MIRROR_U).id_at([1.9, 0.0])], [1257; 3]);
        assert!(IdPicture::new(picture.clone(), &IdTexture { channels: vec![4], ..IdTexture::default() }, 0).is_err());
    }
}
