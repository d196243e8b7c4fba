//! What is in an orthophoto: size, place, how much of it is picture.

use super::LonLat;
use crate::city::error::CityError;
use crate::city::ortho;
use crate::city::raster::Scratch;
use crate::city::report::BuildReport;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
pub struct PhotoSummary {
    pub file: PathBuf,
    pub crs: Option<String>,
    pub columns: usize,
    pub rows: usize,
    /// In the photo's own coordinates; the second is negative (rows run southwards).
    pub step: (f64, f64),
    /// West, south, east, north of the outermost pixels' centres, in the photo's own coordinates.
    pub bounds: [f64; 4],
    pub middle: Option<LonLat>,
    /// Of all pixels, 0 to 1: those without a picture.
    pub share_transparent: f64,
    /// What is doubtful.
    pub report: BuildReport,
}

/// Whether a path can only be a photo: JPEG, a TIFF in colours, a PNG with a world file or without heights in its colours, a folder of map tiles.
pub(super) fn is_one(path: &Path) -> bool {
    if path.is_dir() {
        return ortho::is_tiles(path) && !crate::city::elevation::is_terrain_rgb(path);
    }
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => true,
        "png" => !crate::city::elevation::is_terrain_rgb(path),
        "tif" | "tiff" => ortho::is_coloured_tiff(path),
        _ => false,
    }
}

/// Reads all of it.
pub(super) fn summarise(path: &Path) -> Result<PhotoSummary, CityError> {
    let mut report = BuildReport::default();
    let photo = ortho::read(path, &Scratch::temporary(), &mut report)?;
    let bounds = photo.bounds();
    let bare = photo.pixels.iter().filter(|p| p[3] == 0).count();
    Ok(PhotoSummary {
        file: photo.file.clone(),
        columns: photo.width,
        rows: photo.height,
        step: photo.step,
        bounds,
        middle: LonLat::of(photo.crs.as_deref(), (bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0),
        crs: photo.crs,
        share_transparent: (bare as f64 / photo.pixels.len().max(1) as f64 * 1e4).round() / 1e4,
        report,
    })
}
