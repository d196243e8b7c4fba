//! The demo city on disk.

use super::{City, DemoError, solids, surfaces};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// What was written, for `demo.json` and the command line.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub seed: u64,
    pub buildings: usize,
    pub roads: usize,
    pub superblocks: usize,
    pub villages: usize,
    pub surface_triangles: usize,
    pub highest_m: f64,
}

fn create(dir: &Path, name: &str, fill: impl FnOnce(BufWriter<File>) -> io::Result<()>) -> Result<(), DemoError> {
    let file = dir.join(name);
    File::create(&file).and_then(|f| fill(BufWriter::with_capacity(1 << 20, f))).map_err(|source| DemoError::Io { file, source })
}

/// Writes every file of the demo city into `dir` (made if absent).
///
/// # Errors
/// [`DemoError::Io`] with the file that could not be written.
pub fn write(city: &City, dir: &Path) -> Result<Summary, DemoError> {
    std::fs::create_dir_all(dir).map_err(|source| DemoError::Io { file: dir.to_path_buf(), source })?;
    let cells: Vec<String> = Vec::new();
    create(dir, "buildings.city.json", |out| solids::write_buildings(city, &cells, out))?;
    let mut surface_triangles = 0;
    create(dir, "surfaces.city.json", |out| {
        surface_triangles = surfaces::write_surfaces(city, out)?;
        Ok(())
    })?;
    let summary = Summary {
        seed: city.options.seed,
        buildings: city.plots.len(),
        roads: city.roads.len(),
        superblocks: city.districts.superblocks.len(),
        villages: city.villages.len(),
        surface_triangles,
        highest_m: city.plots.iter().map(|p| p.tier.highest()).fold(0.0, f64::max),
    };
    create(dir, "demo.json", |out| Ok(serde_json::to_writer_pretty(out, &summary)?))?;
    Ok(summary)
}
