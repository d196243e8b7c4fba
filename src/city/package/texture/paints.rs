//! All paints of a package, numbered, and what each looks like.

use super::picture::{Pixels, linear, srgb};
use super::store::Pictures;
use super::worn::{PIXELS_PER_M_MAX, areas};
use crate::city::package::piece::{BARE, FaceParts, Piece};
use crate::city::report::BuildReport;
use crate::city::source::Paint;
use std::collections::HashMap;
use std::sync::Arc;

/// Paints by number.
#[derive(Default)]
pub struct Paints {
    all: Vec<Paint>,
    numbers: HashMap<Paint, u32>,
    /// The picture of each paint.
    worn: Vec<Option<u32>>,
    pictures: Pictures,
}

impl Paints {
    /// The number of a paint: the same for the same paint.
    pub fn add(&mut self, paint: Paint) -> u32 {
        if let Some(known) = self.numbers.get(&paint) {
            return *known;
        }
        let next = self.all.len() as u32;
        self.worn.push(paint.texture.as_ref().map(|t| self.pictures.number(&t.image)));
        self.all.push(paint.clone());
        self.numbers.insert(paint, next);
        next
    }

    fn get(&self, number: u32) -> Option<&Paint> {
        self.all.get(number as usize)
    }

    /// The picture of a paint, by number, and whether it repeats.
    pub fn texture(&self, number: u32) -> Option<(u32, bool)> {
        Some(((*self.worn.get(number as usize)?)?, self.get(number)?.texture.as_ref()?.repeats))
    }

    /// Width and height of a picture; `None`: it can't be had.
    pub fn size(&self, picture: u32) -> Option<[u32; 2]> {
        self.pictures.known(picture).map(|known| known.size)
    }

    /// Pixels of a picture; `None`: they can't be had.
    pub fn pixels(&self, picture: u32) -> Option<Arc<Pixels>> {
        self.pictures.pixels(picture)
    }

    /// One colour for all of a paint: its own, times the mean of its picture. sRGB; transparent where it says nothing.
    pub fn colour(&self, number: u32) -> [u8; 4] {
        let Some(paint) = self.get(number) else { return [0; 4] };
        let mean = self.texture(number).and_then(|(picture, _)| self.pictures.known(picture)?.mean);
        mixed(paint.colour, mean)
    }

    /// The colour of a face from what it shows of its picture; transparent without a picture.
    pub fn colour_of(&self, number: u32, uvs: &[[f32; 2]], indices: &[u16]) -> [u8; 4] {
        let shown = self.texture(number).and_then(|(picture, repeats)| {
            let [r, g, b, weight] = self.pixels(picture)?.sum_of(uvs, indices, repeats);
            (weight > 0.0).then(|| [r / weight, g / weight, b / weight])
        });
        shown.map_or([0; 4], |mean| mixed(self.get(number).and_then(|p| p.colour), Some(mean)))
    }

    /// What a picture's pixels are multiplied with, linear.
    pub fn factor(&self, number: u32) -> [u8; 4] {
        let Some([r, g, b, a]) = self.get(number).and_then(|p| p.colour) else { return [255; 4] };
        let [r, g, b] = [r, g, b].map(|c| (linear(c) * 255.0).round() as u8);
        [r, g, b, a]
    }

    /// Gives each face of a piece that wears a picture the mean colour of what it shows.
    pub fn colour_faces(&self, piece: &mut Piece) {
        if piece.uvs.is_empty() {
            return;
        }
        let shown = |(face, _, indices, uvs): FaceParts| uvs.map_or([0; 4], |uvs| self.colour_of(face.paint, uvs, indices));
        let colours: Vec<[u8; 4]> = piece.iter().map(shown).collect();
        piece.faces.iter_mut().zip(colours).for_each(|(face, colour)| face.colour = colour);
    }

    /// Pixels of pictures that a piece shows in a package, about.
    pub fn pixels_shown(&self, piece: &Piece) -> f64 {
        let shown = |(face, corners, indices, uvs): FaceParts| {
            let [w, h] = self.texture(face.paint).and_then(|t| self.size(t.0))?.map(f64::from);
            let point = |i: usize| corners.get(i).map_or(glam::Vec3::ZERO, |c| piece.points[*c as usize].into());
            let (area_m2, area_uv) = areas(uvs?, &point, indices);
            Some((area_m2 * PIXELS_PER_M_MAX * PIXELS_PER_M_MAX).min(area_uv * w * h))
        };
        if piece.uvs.is_empty() { 0.0 } else { piece.iter().filter_map(shown).filter(|n| n.is_finite()).sum() }
    }

    /// Tells paints apart by what they are, not by their numbers, which differ between builds. Contents of pictures count.
    pub fn hash(&self, number: u32) -> u64 {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&self.get(number).and_then(|p| p.colour).unwrap_or_default());
        if let Some((picture, repeats)) = self.texture(number) {
            hash.update(&[u8::from(repeats)]);
            hash.update(&self.pictures.known(picture).map_or(0, |known| known.hash).to_le_bytes());
        }
        hash.digest()
    }

    /// The same for all paints of a piece, in the order that it numbers them.
    pub fn hash_of(&self, piece: &Piece) -> u64 {
        if piece.faces.iter().all(|f| f.paint == BARE) {
            return 0;
        }
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        piece.palette().into_iter().filter(|p| *p != BARE).for_each(|p| hash.update(&self.hash(p).to_le_bytes()));
        hash.digest()
    }

    /// Says which pictures could not be had.
    pub fn warn(&self, report: &mut BuildReport) {
        for (name, why) in self.pictures.broken() {
            report.warn("a picture can't be used: its faces have plain colours", &format!("{name}: {why}"));
        }
    }
}

/// A colour times a mean, as sRGB; transparent when there is neither.
fn mixed(own: Option<[u8; 4]>, mean: Option<[f64; 3]>) -> [u8; 4] {
    let Some(mean) = mean else { return own.unwrap_or_default() };
    let [r, g, b, a] = own.unwrap_or([255; 4]);
    let own = [r, g, b].map(|c| f64::from(linear(c)));
    [srgb(own[0] * mean[0]), srgb(own[1] * mean[1]), srgb(own[2] * mean[2]), a.max(1)]
}

/// The mean of sRGB colours weighted by areas, in linear light; transparent without any.
pub fn linear_mean(colours: impl Iterator<Item = ([u8; 4], f64)>) -> [u8; 4] {
    let mut sum = [0.0; 4];
    for (colour, area) in colours {
        (0..3).for_each(|i| sum[i] += f64::from(linear(colour[i])) * area);
        sum[3] += area;
    }
    if sum[3] > 0.0 { [srgb(sum[0] / sum[3]), srgb(sum[1] / sum[3]), srgb(sum[2] / sum[3]), 255] } else { [0; 4] }
}
