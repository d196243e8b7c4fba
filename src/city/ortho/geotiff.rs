//! GeoTIFF photos: grey or red, green and blue of 8 bits, with or without opacity, packed in any way the `tiff` crate unpacks (JPEG among them).

use super::{Orthophoto, refused};
use crate::city::error::CityError;
use crate::city::raster::tiff::Image;
use crate::city::raster::{Scratch, prj_beside};
use std::path::Path;
use tiff::ColorType;
use tiff::decoder::DecodingResult;

/// How an image's bands become a colour.
#[derive(Clone, Copy)]
enum Bands {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Luma and two colour differences, as JPEG has them (ITU-R BT.601, full range).
    YCbCr,
}

pub(super) fn read(path: &Path, scratch: &Scratch) -> Result<Orthophoto, CityError> {
    let mut image = Image::open(path)?;
    let bands = bands(&image)?;
    let geo = image.geo()?;
    let lattice = geo.placement.lattice(path, image.width, image.height)?;
    let no_data = geo.no_data.filter(|v| (0.0..=255.0).contains(v) && v.fract() == 0.0).map(|v| v as u8);
    let mut canvas = scratch.canvas::<[u8; 4]>(image.width, image.height).map_err(refused(scratch))?;
    let planes = image.bands / image.bands_in_chunk;
    let mut line = Vec::new();
    for chunk in 0..image.chunks() {
        let window = image.window(chunk);
        let mut read = Vec::new();
        for plane in 0..planes.min(4) {
            match image.read(chunk, plane)? {
                // What is not there stays transparent.
                None => break,
                Some(DecodingResult::U8(values)) => read.push(values),
                Some(_) => return Err(not_eight_bits(path)),
            }
        }
        if read.len() < planes.min(4) {
            continue;
        }
        for row in 0..window.height {
            line.clear();
            line.extend((0..window.width).map(|column| {
                let place = row * window.width + column;
                let band = |b: usize| match planes {
                    1 => read[0].get(place * image.bands_in_chunk + b),
                    _ => read.get(b).and_then(|plane| plane.get(place)),
                };
                bands.colour(|b| band(b).copied().unwrap_or(0), no_data)
            }));
            lattice.put(&mut canvas, window.column, window.row + row, &mut line).map_err(refused(scratch))?;
        }
    }
    let pixels = canvas.finish().map_err(refused(scratch))?;
    let crs = geo.crs.or_else(|| prj_beside(path));
    let (origin, step, width, height) = (lattice.origin, lattice.step, lattice.width, lattice.height);
    Ok(Orthophoto { file: path.to_owned(), crs, origin, step, width, height, pixels })
}

fn bands(image: &Image) -> Result<Bands, CityError> {
    Ok(match image.colour {
        ColorType::Gray(8) => Bands::Grey,
        ColorType::GrayA(8) => Bands::GreyAlpha,
        ColorType::RGB(8) => Bands::Rgb,
        ColorType::RGBA(8) => Bands::Rgba,
        ColorType::YCbCr(8) => Bands::YCbCr,
        // Written as bands without a meaning: red, green, blue, and infrared rather than opacity.
        ColorType::Multiband { bit_depth: 8, num_samples: 2 } => Bands::GreyAlpha,
        ColorType::Multiband { bit_depth: 8, num_samples: 3.. } => Bands::Rgb,
        _ => return Err(not_eight_bits(&image.file)),
    })
}

fn not_eight_bits(path: &Path) -> CityError {
    let why =
        "a photo has bands of 8 bits; make one of it with `gdal_translate -ot Byte -scale -b 1 -b 2 -b 3`, of palettes with `-expand rgb`";
    CityError::unusable(path, why)
}

impl Bands {
    fn colour(self, band: impl Fn(usize) -> u8, no_data: Option<u8>) -> [u8; 4] {
        let [r, g, b, a] = match self {
            Self::Grey => [band(0), band(0), band(0), 255],
            Self::GreyAlpha => [band(0), band(0), band(0), band(1)],
            Self::Rgb => [band(0), band(1), band(2), 255],
            Self::Rgba => [band(0), band(1), band(2), band(3)],
            Self::YCbCr => ycbcr([band(0), band(1), band(2)]),
        };
        if no_data.is_some_and(|n| [r, g, b] == [n; 3]) { [0; 4] } else { [r, g, b, a] }
    }
}

fn ycbcr(bands: [u8; 3]) -> [u8; 4] {
    let [y, cb, cr] = bands.map(f32::from);
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let [r, g, b] = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| v.round().clamp(0.0, 255.0) as u8);
    [r, g, b, 255]
}
