//! Orthophotos in: GeoTIFF, PNG and JPEG with a world file, folders `zoom/x/y` of map tiles, each into an [`Orthophoto`].
//!
//! Photos stay in their own coordinate system; whoever drapes them converts. Rows run southwards, columns eastwards.

mod geotiff;
mod picture;
#[cfg(test)]
mod tests;

use super::error::CityError;
use super::raster::{Samples, Scratch, pyramid::Pyramid};
use super::report::BuildReport;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What [`read`] reads, as its errors list it.
pub const PHOTO_FORMATS: &str = "GeoTIFF with red, green and blue of 8 bits, PNG and JPEG with a world file (.pgw, .jgw, .wld) and \
     --crs or a .prj, and folders zoom/x/y.png or .jpg of map tiles";

/// Endings of map tiles.
const TILE_ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Bytes that unpacking one map tile may take.
const TILE_BYTES_MAX: u64 = 128 << 20;

/// A photo from above.
#[derive(Debug, Clone)]
pub struct Orthophoto {
    pub file: PathBuf,
    pub crs: Option<String>,
    /// Coordinates of the centre of the first pixel (north-west corner).
    pub origin: (f64, f64),
    /// Distance between pixels; `step.1` is negative (rows run southwards).
    pub step: (f64, f64),
    pub width: usize,
    pub height: usize,
    /// Row by row from the north-west, sRGB and opacity; transparent where there is no photo.
    pub pixels: Samples<[u8; 4]>,
}

impl Orthophoto {
    /// West, south, east, north of the outermost pixels' centres, in the photo's own coordinates.
    pub fn bounds(&self) -> [f64; 4] {
        let east = self.origin.0 + self.step.0 * self.width.saturating_sub(1) as f64;
        let south = self.origin.1 + self.step.1 * self.height.saturating_sub(1) as f64;
        [self.origin.0, south, east, self.origin.1]
    }
}

/// Reads a photo, told by its first bytes; a folder is one of map tiles.
///
/// # Errors
/// A [`CityError`] naming the file and the mend: not there, not one of [`PHOTO_FORMATS`], broken, rotated, not placed on Earth.
pub fn read(path: &Path, scratch: &Scratch, report: &mut BuildReport) -> Result<Orthophoto, CityError> {
    if path.is_dir() {
        return tiles(path, scratch, report);
    }
    let mut head = Vec::new();
    File::open(path).and_then(|f| f.take(8).read_to_end(&mut head)).map_err(CityError::open(path))?;
    if head.is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    if super::elevation::is_tiff(&head) {
        geotiff::read(path, scratch)
    } else if head.starts_with(b"\x89PNG") || head.starts_with(b"\xff\xd8") {
        picture::read(path, scratch)
    } else {
        let found = "neither TIFF, PNG nor JPEG".to_owned();
        Err(CityError::Unsupported { file: path.to_owned(), found, supported: PHOTO_FORMATS })
    }
}

/// Whether a folder holds map tiles.
pub(crate) fn is_tiles(dir: &Path) -> bool {
    Pyramid::find(dir, &TILE_ENDINGS).is_some()
}

/// Whether a TIFF is a picture in colours, not a band of numbers.
pub(crate) fn is_coloured_tiff(file: &Path) -> bool {
    let colour = super::raster::tiff::Image::open(file).map(|i| i.colour);
    colour.is_ok_and(|c| !matches!(c, tiff::ColorType::Gray(_) | tiff::ColorType::Multiband { .. }))
}

fn tiles(dir: &Path, scratch: &Scratch, report: &mut BuildReport) -> Result<Orthophoto, CityError> {
    let Some(pyramid) = Pyramid::find(dir, &TILE_ENDINGS) else {
        return Err(CityError::unusable(dir, "no map tiles zoom/x/y.png or .jpg lie in the folder; check the path"));
    };
    let decode = |file: &Path| {
        let (size, pixels) = picture::unpack(file, TILE_BYTES_MAX)?;
        if size.0 != size.1 {
            return Err(format!("{} x {} pixels; a tile is square", size.0, size.1));
        }
        Ok((size.0, pixels))
    };
    let laid = pyramid.lay(scratch, [0; 4], &decode)?;
    laid.broken.iter().for_each(|why| report.warn("a tile of an orthophoto can't be read and is left out", why));
    if laid.filled > 0 {
        let line = format!("{}: {} tiles of zoom {}", dir.display(), laid.filled, laid.zoom);
        report.warn("missing tiles of an orthophoto are filled from coarser ones", &line);
    }
    let lattice = laid.lattice;
    Ok(Orthophoto {
        file: dir.to_owned(),
        crs: Some(super::raster::pyramid::CRS.to_owned()),
        origin: lattice.origin,
        step: lattice.step,
        width: lattice.width,
        height: lattice.height,
        pixels: laid.samples,
    })
}

/// A disk that refuses a photo.
fn refused(scratch: &Scratch) -> impl Fn(std::io::Error) -> CityError + '_ {
    move |source| CityError::Write { file: scratch.dir().to_owned(), source }
}
