//! Regions of many pictures packed into one, with a white spot for faces that wear nothing.

use super::paints::Paints;
use super::picture::Pixels;
use super::region::{Region, Span};
use guillotiere::{SimpleAtlasAllocator, size2};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageFormat, Rgba, RgbaImage};
use std::io::Cursor;

/// Pixels along a side at most: what every graphics device takes.
pub const SIDE_MAX: u32 = 2048;
/// Pixels around a region that go on with its edge, so that neighbours do not bleed into it.
pub const GUTTER: u32 = 2;
/// Side of the white spot: still white four levels down.
const WHITE: u32 = 16;
/// Bytes of a tile's picture at most; with its geometry a tile stays about 1 MB.
const BYTES_MAX: usize = 640 << 10;
/// Good enough for photographs of walls; a fifth of the bytes of PNG.
const JPEG_QUALITY: u8 = 80;
/// Tries to keep within the bounds; each makes the picture smaller.
const TRIES_MAX: usize = 24;
/// Opacity under which a pixel counts as a hole.
const OPAQUE_MIN: u8 = 250;

/// A finished atlas.
pub struct Atlas {
    pub bytes: Vec<u8>,
    pub mime: &'static str,
    /// Some of its pixels are transparent.
    pub cut_out: bool,
    /// Middle of the white spot.
    pub white: [f32; 2],
    size: [u32; 2],
    /// Where each region's pixels are, without the gutter.
    spots: Vec<Spot>,
}

/// A rectangle of the atlas, pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Atlas {
    /// Texture coordinates of a place in a region, given as parts of its width and height.
    pub fn at(&self, region: usize, part: [f64; 2]) -> [f32; 2] {
        let Some(s) = self.spots.get(region) else { return self.white };
        [
            ((f64::from(s.x) + part[0] * f64::from(s.width)) / f64::from(self.size[0])) as f32,
            ((f64::from(s.y) + part[1] * f64::from(s.height)) / f64::from(self.size[1])) as f32,
        ]
    }
}

/// Packs regions; smaller than their scale where there are too many. `None` without regions, or when they can't be brought into one picture.
pub fn make(regions: &[Region], paints: &Paints) -> Option<Atlas> {
    if regions.is_empty() {
        return None;
    }
    let (mut shrunk, mut last) = (1.0, None);
    for _ in 0..TRIES_MAX {
        let sizes: Vec<[u32; 2]> = regions.iter().map(|r| [pixels(r.x, r.scale * shrunk), pixels(r.y, r.scale * shrunk)]).collect();
        let Some((size, spots)) = pack(&sizes) else {
            shrunk *= 0.85;
            continue;
        };
        let image = draw(size, &spots, regions, paints);
        let cut_out = image.pixels().any(|p| p.0[3] < OPAQUE_MIN);
        let (bytes, mime) = encode(image, cut_out)?;
        let over = bytes.len() as f64 / BYTES_MAX as f64;
        let middle = |i: usize| WHITE as f32 * 0.5 / size[i] as f32;
        last = Some(Atlas { bytes, mime, cut_out, white: [middle(0), middle(1)], size, spots });
        if over <= 1.0 {
            break;
        }
        shrunk *= (0.97 / over.sqrt()).clamp(0.3, 0.95);
    }
    last
}

/// Pixels of the atlas along a side of a region; every repeat has the same.
fn pixels(span: Span, scale: f64) -> u32 {
    let most = i64::from(SIDE_MAX - 2 * GUTTER) / span.repeats.max(1);
    let one = (span.length as f64 * scale).round().clamp(1.0, most.max(1) as f64);
    (one as i64 * span.repeats) as u32
}

/// The atlas' size, and a place for each rectangle; the white spot has the upper left corner. `None`: they don't fit into [`SIDE_MAX`].
pub fn pack(sizes: &[[u32; 2]]) -> Option<([u32; 2], Vec<Spot>)> {
    let outer: Vec<[u32; 2]> = sizes.iter().map(|s| s.map(|v| v + 2 * GUTTER)).collect();
    let area: f64 = outer.iter().map(|s| f64::from(s[0]) * f64::from(s[1])).sum::<f64>() + f64::from(WHITE * WHITE);
    let longest = |i: usize| outer.iter().map(|s| s[i]).max().unwrap_or(0).max(WHITE);
    if area > f64::from(SIDE_MAX * SIDE_MAX) || longest(0).max(longest(1)) > SIDE_MAX {
        return None;
    }
    let mut order: Vec<usize> = (0..outer.len()).collect();
    order.sort_by_key(|n| (std::cmp::Reverse(outer[*n][0].max(outer[*n][1])), std::cmp::Reverse(outer[*n][0].min(outer[*n][1])), *n));
    let width = (area.sqrt().ceil() as u32).max(longest(0));
    let mut size = [width, ((area / f64::from(width)).ceil() as u32).max(longest(1))];
    loop {
        size = size.map(|v| v.next_multiple_of(16).min(SIDE_MAX));
        if let Some(spots) = place(size, &outer, &order) {
            let used = |end: fn(&Spot) -> u32| spots.iter().map(|s| end(s) + GUTTER).max().unwrap_or(0).max(WHITE).next_multiple_of(16);
            return Some(([used(|s| s.x + s.width), used(|s| s.y + s.height)], spots));
        }
        if size == [SIDE_MAX; 2] {
            return None;
        }
        size = size.map(|v| v + v / 16 + 4);
    }
}

fn place(size: [u32; 2], outer: &[[u32; 2]], order: &[usize]) -> Option<Vec<Spot>> {
    let mut allocator = SimpleAtlasAllocator::new(size2(size[0] as i32, size[1] as i32));
    allocator.allocate(size2(WHITE as i32, WHITE as i32))?;
    let mut spots = vec![Spot { x: 0, y: 0, width: 0, height: 0 }; outer.len()];
    for n in order {
        let [width, height] = outer[*n];
        let min = allocator.allocate(size2(width as i32, height as i32))?.min;
        let (x, y) = (min.x as u32 + GUTTER, min.y as u32 + GUTTER);
        spots[*n] = Spot { x, y, width: width - 2 * GUTTER, height: height - 2 * GUTTER };
    }
    Some(spots)
}

fn draw(size: [u32; 2], spots: &[Spot], regions: &[Region], paints: &Paints) -> RgbaImage {
    let mut atlas = RgbaImage::from_pixel(size[0], size[1], Rgba([255; 4]));
    let mut filled = vec![false; size[0] as usize * size[1] as usize];
    let mut open: Option<(u32, Option<std::sync::Arc<Pixels>>)> = None;
    for (region, spot) in regions.iter().zip(spots) {
        if open.as_ref().is_none_or(|o| o.0 != region.picture) {
            open = Some((region.picture, paints.pixels(region.picture)));
        }
        let Some(pixels) = open.as_ref().and_then(|o| o.1.as_ref()) else { continue };
        let part = cut(pixels, region, spot);
        if part.width() == 0 || part.height() == 0 {
            continue;
        }
        let [w, h] = [spot.width, spot.height].map(|v| v + 2 * GUTTER);
        for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
            // The gutter is the edge again.
            let inside = |v: u32, length: u32| v.saturating_sub(GUTTER).min(length - 1) % length;
            let from = (inside(x, spot.width) % part.width(), inside(y, spot.height) % part.height());
            let (to_x, to_y) = (spot.x - GUTTER + x, spot.y - GUTTER + y);
            if let (Some(p), Some(to)) = (part.get_pixel_checked(from.0, from.1), atlas.get_pixel_mut_checked(to_x, to_y)) {
                *to = *p;
                filled[to_y as usize * size[0] as usize + to_x as usize] = true;
            }
        }
    }
    fill(&mut atlas, &filled);
    atlas
}

/// Gives what no region covers the mean of all regions: seen from so far that pixels mix across gutters, edges then keep about their colour.
fn fill(atlas: &mut RgbaImage, filled: &[bool]) {
    let mut sum = [0u64; 4];
    for (p, _) in atlas.pixels().zip(filled).filter(|(_, filled)| **filled) {
        (0..3).for_each(|i| sum[i] += u64::from(p.0[i]));
        sum[3] += 1;
    }
    let mean = [0, 1, 2].map(|i| (sum[i] / sum[3].max(1)) as u8);
    for ((x, y, p), _) in atlas.enumerate_pixels_mut().zip(filled).filter(|(_, filled)| !**filled) {
        if x >= WHITE || y >= WHITE {
            *p = Rgba([mean[0], mean[1], mean[2], 255]);
        }
    }
}

/// One repeat of a region at the size it has in the atlas.
fn cut(pixels: &Pixels, region: &Region, spot: &Spot) -> RgbaImage {
    let (w, h) = (spot.width / region.x.repeats.max(1) as u32, spot.height / region.y.repeats.max(1) as u32);
    let (from, length) = ([region.x.start, region.y.start], [region.x.length, region.y.length].map(|v| v as u32));
    let inside = from.iter().all(|v| *v >= 0)
        && from[0] + i64::from(length[0]) <= i64::from(pixels.image.width())
        && from[1] + i64::from(length[1]) <= i64::from(pixels.image.height());
    if inside {
        let part = imageops::crop_imm(&pixels.image, from[0] as u32, from[1] as u32, length[0], length[1]);
        return if length == [w, h] { part.to_image() } else { imageops::resize(&*part, w, h, FilterType::Triangle) };
    }
    let at = |x: u32, y: u32| pixels.at(from[0] + i64::from(x), from[1] + i64::from(y), region.repeats);
    let part = RgbaImage::from_fn(length[0], length[1], at);
    if length == [w, h] { part } else { imageops::resize(&part, w, h, FilterType::Triangle) }
}

/// JPEG, or PNG where holes matter.
fn encode(image: RgbaImage, cut_out: bool) -> Option<(Vec<u8>, &'static str)> {
    let mut bytes = Vec::new();
    if cut_out {
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).ok()?;
        return Some((bytes, "image/png"));
    }
    let (width, height) = image.dimensions();
    let rgb: Vec<u8> = image.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]]).collect();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode(&rgb, width, height, ExtendedColorType::Rgb8).ok()?;
    Some((bytes, "image/jpeg"))
}
