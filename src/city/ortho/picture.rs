//! PNG and JPEG, placed by the world file beside them.

use super::{Orthophoto, refused};
use crate::city::error::CityError;
use crate::city::raster::{Scratch, prj_beside, world_file_beside};
use image::{ImageReader, Limits};
use std::path::Path;

/// Pixels along a side.
const SIDE_MAX: u32 = 1 << 16;
/// Memory that unpacking one picture may take: 64 megapixels, which then take a third more with opacity beside them.
const BYTES_MAX: u64 = 192 << 20;

pub(super) fn read(path: &Path, scratch: &Scratch) -> Result<Orthophoto, CityError> {
    let Some(placement) = world_file_beside(path)? else {
        let why = "nothing says where the picture lies; put its world file (.pgw, .jgw or .wld) beside it, or make a GeoTIFF of it with \
                   `gdal_translate -a_srs EPSG:<code> -a_ullr WEST NORTH EAST SOUTH`";
        return Err(CityError::unusable(path, why));
    };
    let mend = "export it again, or as a GeoTIFF in tiles (`gdal_translate -co TILED=YES`) when it is big";
    let ((width, height), mut pixels) = unpack(path, BYTES_MAX).map_err(|e| CityError::unusable(path, format!("{e}; {mend}")))?;
    let lattice = placement.lattice(path, width, height)?;
    let mut canvas = scratch.canvas(width, height).map_err(refused(scratch))?;
    for (row, line) in pixels.chunks_exact_mut(width.max(1)).enumerate() {
        lattice.put(&mut canvas, 0, row, line).map_err(refused(scratch))?;
    }
    let (origin, step, pixels) = (lattice.origin, lattice.step, canvas.finish().map_err(refused(scratch))?);
    Ok(Orthophoto { file: path.to_owned(), crs: prj_beside(path), origin, step, width, height, pixels })
}

/// Width and height, and pixels row by row.
type Picture = ((usize, usize), Vec<[u8; 4]>);

/// Unpacks a file within a bound of memory.
pub(super) fn unpack(file: &Path, bytes_max: u64) -> Result<Picture, String> {
    let open = || -> image::ImageResult<image::RgbaImage> {
        let mut reader = ImageReader::open(file)?.with_guessed_format()?;
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
        limits.max_alloc = Some(bytes_max);
        reader.limits(limits);
        Ok(reader.decode()?.into_rgba8())
    };
    let picture = open().map_err(|e| e.to_string())?;
    let size = (picture.width() as usize, picture.height() as usize);
    Ok((size, bytemuck::allocation::cast_vec(picture.into_raw())))
}
