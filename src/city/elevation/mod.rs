//! Elevation models in and out: GeoTIFF and SRTM `.hgt` into an [`ElevationGrid`], a grid to GeoTIFF.
//!
//! Grids stay in their own coordinate system; whoever meshes them converts. Rows run southwards, columns eastwards.

mod geotiff;
mod grid;
mod srtm;
mod write;

pub use super::source::ElevationGrid;
pub use write::write_geotiff;

use super::error::{CityError, ELEVATION_FORMATS};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Samples a grid may hold: 16,384 x 16,384, a gibibyte as f32; a bigger model comes in tiles.
const SAMPLES_MAX: u64 = 1 << 28;

/// Heights beyond this, metres, are fill values nobody declared: no ground on Earth is higher than 9 km or deeper than 11 km.
const HEIGHT_ABS_MAX_M: f64 = 50_000.0;

/// Reads an elevation file: TIFF by its first bytes, SRTM by its extension.
///
/// # Errors
/// A [`CityError`] naming the file and the mend: not there, not one of [`ELEVATION_FORMATS`], broken, rotated, not placed on Earth.
pub fn read(path: &Path) -> Result<ElevationGrid, CityError> {
    let mut file = File::open(path).map_err(CityError::open(path))?;
    let mut head = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut head).map_err(CityError::open(path))?;
    if head.is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    let is_hgt = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("hgt"));
    if is_tiff(&head) {
        geotiff::read(path)
    } else if is_hgt {
        srtm::read(path)
    } else {
        let found = "neither the first bytes of a TIFF nor the name of an SRTM tile".to_owned();
        Err(CityError::Unsupported { file: path.to_owned(), found, supported: ELEVATION_FORMATS })
    }
}

/// Whether a file that starts so is TIFF or BigTIFF, either byte order.
pub(crate) fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| head.starts_with(*magic))
}

/// A sample as stored to metres: fill values become `NaN`.
fn height(value: f64, no_data: Option<f64>) -> f32 {
    // A float32 file's fill value is written in its tag with the digits of a double.
    let is_fill = no_data.is_some_and(|fill| value == fill || value as f32 == fill as f32);
    if is_fill || !value.is_finite() || value.abs() > HEIGHT_ABS_MAX_M { f32::NAN } else { value as f32 }
}
