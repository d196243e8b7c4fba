//! A picture's pixels, from PNG, JPEG or WebP.

use image::{ImageReader, Limits, Rgba, RgbaImage};
use std::io::Cursor;
use std::sync::LazyLock;

/// Pixels along a side at most; as large as graphics devices take, and larger than any facade needs.
const SIDE_MAX: u32 = 16_384;
/// Bytes of all of a picture's pixels at most: 8,192 x 8,192 with opacity.
pub const PIXEL_BYTES_MAX: u64 = 256 << 20;
/// Points looked at along a side of a triangle to find its mean colour.
const SAMPLES: usize = 6;

/// A decoded picture.
pub struct Pixels {
    pub image: RgbaImage,
}

impl Pixels {
    /// Decodes a file's bytes, whatever its name says.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self { image: if bytes.get(8..12) == Some(b"WEBP") { webp(bytes)? } else { common(bytes)? } })
    }

    /// In memory.
    pub fn bytes(&self) -> usize {
        self.image.as_raw().len()
    }

    /// The pixel at a place counted in pixels from the upper left corner; beyond the edges the picture goes on as `repeats` says.
    pub fn at(&self, x: i64, y: i64, repeats: bool) -> Rgba<u8> {
        let inside = |v: i64, length: u32| {
            let length = i64::from(length.max(1));
            (if repeats { v.rem_euclid(length) } else { v.clamp(0, length - 1) }) as u32
        };
        self.image.get_pixel_checked(inside(x, self.image.width()), inside(y, self.image.height())).copied().unwrap_or(Rgba([255; 4]))
    }

    /// Linear red, green, blue and weight (opacity) of the whole picture, summed over pixels.
    pub fn sum(&self) -> [f64; 4] {
        let mut sum = [0.0; 4];
        self.image.pixels().for_each(|p| add(&mut sum, *p, 1.0));
        sum
    }

    /// The same over triangles given by their texture coordinates, weighted by their areas there.
    pub fn sum_of(&self, uvs: &[[f32; 2]], indices: &[u16], repeats: bool) -> [f64; 4] {
        let (w, h) = (f64::from(self.image.width()), f64::from(self.image.height()));
        let mut sum = [0.0; 4];
        for t in indices.chunks_exact(3) {
            let corner = |i: u16| uvs.get(usize::from(i)).map(|uv| uv.map(f64::from));
            let (Some(a), Some(b), Some(c)) = (corner(t[0]), corner(t[1]), corner(t[2])) else { continue };
            let area = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
            if !area.is_finite() {
                continue;
            }
            // A triangle without area on the picture shows one pixel of it.
            let weight = area.max(1e-12) / (SAMPLES * (SAMPLES + 1) / 2) as f64;
            for (i, j) in (0..SAMPLES).flat_map(|i| (0..SAMPLES - i).map(move |j| (i, j))) {
                let (s, t) = ((i as f64 + 1.0 / 3.0) / SAMPLES as f64, (j as f64 + 1.0 / 3.0) / SAMPLES as f64);
                let place = |k: usize| a[k] + (b[k] - a[k]) * s + (c[k] - a[k]) * t;
                add(&mut sum, self.at((place(0) * w).floor() as i64, (place(1) * h).floor() as i64, repeats), weight);
            }
        }
        sum
    }
}

fn common(bytes: &[u8]) -> Result<RgbaImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    if reader.format().is_none() {
        return Err("it is no PNG, JPEG or WebP; convert it to one of them".to_owned());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(SIDE_MAX), Some(SIDE_MAX), Some(PIXEL_BYTES_MAX));
    reader.limits(limits);
    reader.decode().map(|i| i.into_rgba8()).map_err(|e| e.to_string())
}

fn webp(bytes: &[u8]) -> Result<RgbaImage, String> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let length = decoder.output_buffer_size().filter(|n| *n as u64 <= PIXEL_BYTES_MAX);
    let mut pixels = vec![0; length.ok_or_else(|| format!("{width} x {height} pixels are too many; scale it down"))?];
    decoder.set_memory_limit(PIXEL_BYTES_MAX as usize);
    decoder.read_image(&mut pixels).map_err(|e| e.to_string())?;
    if !decoder.has_alpha() {
        pixels = pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    }
    RgbaImage::from_raw(width, height, pixels).ok_or_else(|| "it is cut short".to_owned())
}

fn add(sum: &mut [f64; 4], p: Rgba<u8>, weight: f64) {
    let weight = weight * f64::from(p.0[3]) / 255.0;
    (0..3).for_each(|i| sum[i] += weight * f64::from(linear(p.0[i])));
    sum[3] += weight;
}

/// An sRGB byte as linear light. Source: IEC 61966-2-1.
pub fn linear(byte: u8) -> f32 {
    static CURVE: LazyLock<[f32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|i| {
            let c = i as f32 / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    });
    CURVE[usize::from(byte)]
}

/// The reverse of [`linear`].
pub fn srgb(linear: f64) -> u8 {
    let c = linear.clamp(0.0, 1.0);
    let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0).round() as u8
}
