//! Pictures (PNG, JPEG, WebP, KTX2) to pixels, and pixels to mip levels.

use super::ktx2;
use image::imageops::{self, FilterType};
use image::{ImageReader, Limits, RgbaImage};
use std::io::Cursor;
use std::sync::LazyLock;

/// Pixels along a side at most, in a file.
const SIDE_MAX: u32 = 16_384;
/// Bytes of a decoded picture at most: 8,192 x 8,192 pixels.
const PIXEL_BYTES_MAX: u64 = 256 << 20;
/// Steps of linear light told apart when it becomes sRGB again: enough that no byte changes by more than one.
const LIGHT_STEPS: usize = 4096;

/// Decodes a file's bytes, whatever its name says; why not, in words.
pub fn decode(bytes: &[u8]) -> Result<RgbaImage, String> {
    if bytes.get(8..12) == Some(b"WEBP") {
        return webp(bytes);
    }
    if ktx2::is_ktx2(bytes) {
        return ktx2::decode(bytes, PIXEL_BYTES_MAX);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    if reader.format().is_none() {
        return Err("it is no PNG, JPEG, WebP or KTX2".to_owned());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(SIDE_MAX), Some(SIDE_MAX), Some(PIXEL_BYTES_MAX));
    reader.limits(limits);
    let image = reader.decode().map_err(|e| e.to_string())?.into_rgba8();
    if image.width() == 0 || image.height() == 0 { Err("it has no pixels".to_owned()) } else { Ok(image) }
}

fn webp(bytes: &[u8]) -> Result<RgbaImage, String> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let length = decoder.output_buffer_size().filter(|n| *n as u64 <= PIXEL_BYTES_MAX);
    let mut pixels = vec![0; length.ok_or_else(|| format!("{width} x {height} pixels are too many"))?];
    decoder.set_memory_limit(PIXEL_BYTES_MAX as usize);
    decoder.read_image(&mut pixels).map_err(|e| e.to_string())?;
    if !decoder.has_alpha() {
        pixels = pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    }
    RgbaImage::from_raw(width, height, pixels).ok_or_else(|| "it is cut short".to_owned())
}

/// The same picture at another size.
pub fn resized(image: RgbaImage, width: u32, height: u32) -> RgbaImage {
    if image.dimensions() == (width, height) { image } else { imageops::resize(&image, width, height, FilterType::Triangle) }
}

/// Mip levels down to one pixel.
pub fn levels(width: u32, height: u32) -> u32 {
    width.max(height).max(1).ilog2() + 1
}

/// Puts a picture and all its smaller levels behind `out`. Levels are means of four pixels in linear light, weighted by opacity: a fence in
/// front of nothing must not take on the colour of its holes.
pub fn push_levels(image: RgbaImage, out: &mut Vec<u8>) {
    let (mut width, mut height) = image.dimensions();
    let mut level = image.into_raw();
    for _ in 1..levels(width, height) {
        let smaller = half(&level, width as usize, height as usize);
        out.append(&mut level);
        level = smaller;
        (width, height) = ((width / 2).max(1), (height / 2).max(1));
    }
    out.append(&mut level);
}

fn half(level: &[u8], width: usize, height: usize) -> Vec<u8> {
    static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|i| linear(i as f32 / 255.0)));
    static SRGB: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..=LIGHT_STEPS).map(|i| (srgb(i as f32 / LIGHT_STEPS as f32) * 255.0).round() as u8).collect());
    let (linear, srgb) = (&*LINEAR, &*SRGB);
    let (w, h) = ((width / 2).max(1), (height / 2).max(1));
    let mut out = Vec::with_capacity(w * h * 4);
    for y in 0..h {
        let rows = [2 * y, (2 * y + 1).min(height - 1)];
        for x in 0..w {
            let columns = [2 * x, (2 * x + 1).min(width - 1)];
            let (mut light, mut opacity) = ([0.0f32; 3], 0.0f32);
            for at in rows.into_iter().flat_map(|r| columns.map(|c| (r * width + c) * 4)) {
                let Some(p) = level.get(at..at + 4) else { continue };
                // A trace of weight keeps the colour of what is wholly transparent.
                let weight = f32::from(p[3]) + 1e-3;
                (0..3).for_each(|i| light[i] += linear[usize::from(p[i])] * weight);
                opacity += weight;
            }
            let step = |l: f32| srgb[((l / opacity * LIGHT_STEPS as f32).round() as usize).min(LIGHT_STEPS)];
            out.extend([step(light[0]), step(light[1]), step(light[2]), (opacity * 0.25).round() as u8]);
        }
    }
    out
}

/// Source, here and below: IEC 61966-2-1.
pub fn linear(c: f32) -> f32 {
    if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn srgb(c: f32) -> f32 {
    if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
}
