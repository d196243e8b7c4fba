//! Elevation models in and out: GeoTIFF, SRTM `.hgt`, ESRI ASCII grids and terrain-RGB tiles into [`ElevationGrid`]s, a grid to GeoTIFF.
//!
//! Grids stay in their own coordinate system; whoever meshes them converts. Rows run southwards, columns eastwards.

mod ascii;
mod geotiff;
mod grid;
mod heights;
mod rgb;
mod srtm;
#[cfg(test)]
mod tests;
mod write;

pub use super::source::ElevationGrid;
pub(crate) use grid::{OWN_REACH, REACH};
pub use write::write_geotiff;

use super::error::{CityError, ELEVATION_FORMATS};
use super::raster::{Scratch, tiff::Image};
use super::report::BuildReport;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the tool needs beside the name of a file.
pub struct Reading<'a> {
    /// Where big grids are kept.
    pub scratch: &'a Scratch,
    /// The user names a coordinate system for files that have none: such a file then is no error.
    pub crs_given: bool,
    pub report: &'a mut BuildReport,
}

/// Files of a folder that are elevation models, by ending.
const ENDINGS: [&str; 5] = ["tif", "tiff", "hgt", "asc", "png"];
/// Files of one folder.
const FILES_MAX: usize = 100_000;

/// The file or folder that a `--terrain` names: without `terrarium:` or `mapbox:` in front and `@z/x/y` behind.
pub fn path_of(named: &Path) -> PathBuf {
    rgb::Named::parse(named).path
}

/// Reads an elevation model: TIFF by its first bytes, SRTM and ASCII grids by extension, terrain-RGB tiles and pyramids, a folder of such files in
/// the order of their names.
///
/// A PNG or a folder `z/x/y.png` may have `terrarium:` or `mapbox:` in front (else its colours tell), a PNG that does not lie in such a folder has
/// `@z/x/y` behind.
///
/// # Errors
/// A [`CityError`] naming the file and the mend: not there, not one of [`ELEVATION_FORMATS`], broken, rotated, not placed on Earth.
pub fn read(named: &Path, reading: &mut Reading) -> Result<Vec<ElevationGrid>, CityError> {
    if named.is_dir() && !rgb::is_pyramid(named) {
        return folder(named)?.iter().map(|file| one(file, reading)).collect();
    }
    one(named, reading).map(|grid| vec![grid])
}

fn one(named: &Path, reading: &mut Reading) -> Result<ElevationGrid, CityError> {
    let tiles = rgb::Named::parse(named);
    let path = &tiles.path;
    if path.is_dir() {
        return rgb::read(&tiles, reading);
    }
    let mut file = File::open(path).map_err(CityError::open(path))?;
    let mut head = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut head).map_err(CityError::open(path))?;
    if head.is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    let called = |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    if is_tiff(&head) {
        geotiff::read(Image::open(path)?, reading)
    } else if called("hgt") {
        srtm::read(path, reading)
    } else if called("asc") || head.get(..5).is_some_and(|h| h.eq_ignore_ascii_case(b"ncols")) {
        ascii::read(path, reading)
    } else if head.starts_with(b"\x89PNG") {
        rgb::read(&tiles, reading)
    } else {
        let found = "neither the first bytes of a TIFF or PNG nor the name of an SRTM tile or ASCII grid".to_owned();
        Err(CityError::Unsupported { file: path.to_owned(), found, supported: ELEVATION_FORMATS })
    }
}

/// Elevation models in a folder, sorted by name.
fn folder(dir: &Path) -> Result<Vec<PathBuf>, CityError> {
    let entries = std::fs::read_dir(dir).map_err(CityError::open(dir))?;
    let known = |p: &PathBuf| p.extension().is_some_and(|e| ENDINGS.iter().any(|k| e.eq_ignore_ascii_case(k)));
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(known).take(FILES_MAX).collect();
    files.sort();
    if files.is_empty() {
        return Err(CityError::unusable(dir, format!("no elevation model lies in the folder; read are {ELEVATION_FORMATS}")));
    }
    Ok(files)
}

/// Whether a file that starts so is TIFF or BigTIFF, either byte order.
pub(crate) fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| head.starts_with(*magic))
}

/// Whether a folder holds an elevation model (an orthophoto may have the same endings).
pub(crate) fn in_folder(dir: &Path) -> bool {
    folder(dir).is_ok()
}

/// What a folder or PNG is told to be by its colours: heights.
pub(crate) fn is_terrain_rgb(path: &Path) -> bool {
    rgb::is_heights(path)
}

/// A disk that refuses a grid.
fn refused(scratch: &Scratch) -> impl Fn(std::io::Error) -> CityError + '_ {
    move |source| CityError::Write { file: scratch.dir().to_owned(), source }
}
