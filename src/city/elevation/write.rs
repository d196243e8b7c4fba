//! A grid to GeoTIFF: one band of float32, deflated, placed by pixel scale and tie point.

use super::ElevationGrid;
use crate::city::error::CityError;
use crate::city::raster::tiff as keys;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype::Gray32Float};
use tiff::tags::Tag;
use tiff::{TiffError, TiffResult};

/// Writes `grid` as a north-up GeoTIFF (pixel is point, `NaN` marked as no data), replacing the file.
///
/// The coordinate system is the EPSG code in `grid.crs`; a grid without one is written without one. Codes of the geographic 2D and 3D ranges
/// (4000-4999, and the 6xxx datums of China and Japan known here) are written as geographic, all others as projected.
///
/// # Errors
/// [`CityError::Write`] when the disk refuses, [`CityError::Unusable`] when the grid contradicts itself.
pub fn write_geotiff(path: &Path, grid: &ElevationGrid) -> Result<(), CityError> {
    let count = grid.width.checked_mul(grid.height).filter(|n| *n > 0);
    if count != Some(grid.values.len()) {
        let why = format!("{} x {} samples asked for, {} given; nothing is written", grid.width, grid.height, grid.values.len());
        return Err(CityError::unusable(path, why));
    }
    let file = File::create(path).map_err(|source| CityError::Write { file: path.to_owned(), source })?;
    encode(BufWriter::new(file), grid).map_err(|e| match e {
        TiffError::IoError(source) => CityError::Write { file: path.to_owned(), source },
        other => CityError::unusable(path, format!("can't be written as TIFF: {other}")),
    })
}

fn encode(out: BufWriter<File>, grid: &ElevationGrid) -> TiffResult<()> {
    let (width, height) = (u32::try_from(grid.width)?, u32::try_from(grid.height)?);
    let mut encoder = TiffEncoder::new(out)?.with_compression(Compression::Deflate(DeflateLevel::Balanced));
    let mut image = encoder.new_image::<Gray32Float>(width, height)?;
    let tags = image.encoder();
    tags.write_tag(Tag::ModelPixelScaleTag, &[grid.step.0, -grid.step.1, 0.0][..])?;
    tags.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, grid.origin.0, grid.origin.1, 0.0][..])?;
    tags.write_tag(Tag::GeoKeyDirectoryTag, &geo_keys(grid.crs.as_deref())[..])?;
    tags.write_tag(Tag::GdalNodata, "nan")?;
    image.write_data(&grid.values)
}

/// The key directory of the GeoTIFF standard (OGC 19-008r4, section 7.1.2): a header, then key, location, count, value.
fn geo_keys(crs: Option<&str>) -> Vec<u16> {
    let code = crs.and_then(|c| c.rsplit([':', '/']).next()).and_then(|c| c.parse::<u16>().ok());
    let mut keys: Vec<[u16; 4]> = Vec::new();
    if let Some(code) = code {
        let geographic = matches!(code, 4000..=4999 | 6667 | 6668 | 6697);
        keys.push([keys::MODEL_TYPE, 0, 1, if geographic { 2 } else { 1 }]);
        keys.push([keys::RASTER_TYPE, 0, 1, keys::PIXEL_IS_POINT]);
        keys.push([if geographic { keys::GEOGRAPHIC_TYPE } else { keys::PROJECTED_TYPE }, 0, 1, code]);
    } else {
        keys.push([keys::RASTER_TYPE, 0, 1, keys::PIXEL_IS_POINT]);
    }
    [[1, 1, 0, keys.len() as u16]].into_iter().chain(keys).flatten().collect()
}
