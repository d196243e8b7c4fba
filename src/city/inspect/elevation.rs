//! What is in an elevation model: size, place, heights, what is missing.

use super::{LonLat, degrees};
use crate::city::elevation::{self, Reading};
use crate::city::error::CityError;
use crate::city::raster::Scratch;
use crate::city::report::BuildReport;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
pub struct ElevationSummary {
    pub file: PathBuf,
    pub crs: Option<String>,
    pub columns: usize,
    pub rows: usize,
    /// How many grids the file or folder holds; the figures are those of the first, heights and samples those of all.
    pub grids: usize,
    /// In the grid's own coordinates; the second is negative (rows run southwards).
    pub step: (f64, f64),
    /// West, south, east, north of the outermost samples, in the grid's own coordinates.
    pub bounds: [f64; 4],
    pub extent_deg: Option<[f64; 4]>,
    pub middle: Option<LonLat>,
    pub lowest_m: Option<f32>,
    pub highest_m: Option<f32>,
    pub samples: u64,
    pub samples_without_data: u64,
    /// Of all samples, 0 to 1.
    pub share_without_data: f64,
    /// What was left out and what is doubtful.
    pub report: BuildReport,
}

/// Whether a path names elevation by its ending, by `terrarium:`, `mapbox:` or `@z/x/y`, or is a folder of such files.
pub(super) fn holds_any(path: &Path) -> bool {
    let real = elevation::path_of(path);
    if real.is_dir() {
        return real != path || elevation::is_terrain_rgb(path) || elevation::in_folder(path);
    }
    let ending = real.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["tif", "tiff", "hgt", "asc"].contains(&ending.as_str()) || ending == "png" && (real != path || elevation::is_terrain_rgb(path))
}

/// Reads all of it.
pub(super) fn summarise(path: &Path) -> Result<ElevationSummary, CityError> {
    let (scratch, mut report) = (Scratch::temporary(), BuildReport::default());
    let grids = elevation::read(path, &mut Reading { scratch: &scratch, crs_given: true, report: &mut report })?;
    let real = || grids.iter().flat_map(|g| g.values.iter().copied()).filter(|v| v.is_finite());
    let Some(first) = grids.first() else { return Err(CityError::Empty { file: path.to_owned() }) };
    let (bounds, samples) = (first.bounds(), grids.iter().map(|g| g.values.len() as u64).sum::<u64>());
    let missing = samples - real().count() as u64;
    Ok(ElevationSummary {
        file: elevation::path_of(path),
        crs: first.crs.clone(),
        columns: first.width,
        rows: first.height,
        grids: grids.len(),
        step: first.step,
        bounds,
        extent_deg: degrees(first.crs.as_deref(), bounds),
        middle: LonLat::of(first.crs.as_deref(), (bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0),
        lowest_m: real().reduce(f32::min),
        highest_m: real().reduce(f32::max),
        samples,
        samples_without_data: missing,
        share_without_data: (missing as f64 / samples.max(1) as f64 * 1e4).round() / 1e4,
        report,
    })
}
