//! The demo city on disk.

use super::areas::Areas;
use super::marathon::Course;
use super::{City, DemoError, incidents, points, solids, surfaces};
use crate::city::elevation::write_geotiff;
use serde::Serialize;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// What was written, for `demo.json` and the command line.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub seed: u64,
    pub buildings: usize,
    pub highest_m: f64,
    pub roads: usize,
    pub superblocks: usize,
    pub villages: usize,
    pub surface_triangles: usize,
    pub areas: usize,
    pub grid_cells: usize,
    pub sensors: usize,
    pub units: usize,
    pub places: usize,
    pub named_roads: usize,
    pub incidents: usize,
    pub marathon_m: f64,
}

fn create(dir: &Path, name: &str, fill: impl FnOnce(BufWriter<File>) -> io::Result<()>) -> Result<(), DemoError> {
    let file = dir.join(name);
    File::create(&file).and_then(|f| fill(BufWriter::with_capacity(1 << 20, f))).map_err(|source| DemoError::Io { file, source })
}

/// Writes a GeoJSON collection or an array one feature a line, so that it can be read and compared; the number of its members.
fn list(dir: &Path, name: &str, value: &Value) -> Result<usize, DemoError> {
    let (head, members, tail) = match value {
        Value::Array(a) => ("[", a.as_slice(), "]"),
        other => ("{\"type\":\"FeatureCollection\",\"features\":[", other["features"].as_array().map_or(&[][..], Vec::as_slice), "]}"),
    };
    create(dir, name, |mut out| {
        use io::Write;
        out.write_all(head.as_bytes())?;
        for (i, m) in members.iter().enumerate() {
            out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut out, m)?;
        }
        writeln!(out, "\n{tail}")?;
        out.flush()
    })?;
    Ok(members.len())
}

/// Writes every file of the demo city into `dir` (made if absent).
///
/// # Errors
/// [`DemoError::Io`] with the file that could not be written; [`DemoError::Course`] when a seed's roads allow no marathon.
pub fn write(city: &City, dir: &Path) -> Result<Summary, DemoError> {
    std::fs::create_dir_all(dir).map_err(|source| DemoError::Io { file: dir.to_path_buf(), source })?;
    let areas = Areas::new(city);
    create(dir, "buildings.city.json", |out| solids::write_buildings(city, &areas, out))?;
    let mut surface_triangles = 0;
    create(dir, "surfaces.city.json", |out| {
        surface_triangles = surfaces::write_surfaces(city, out)?;
        Ok(())
    })?;
    let terrain = dir.join("terrain.tif");
    write_geotiff(&terrain, &city.land.grid).map_err(|e| DemoError::Write { file: terrain, why: e.to_string() })?;
    let course = Course::new(city)?;
    let gpx = dir.join("marathon.gpx");
    let file = File::create(&gpx).map_err(|source| DemoError::Io { file: gpx, source })?;
    course.write(city, BufWriter::new(file))?;
    let summary = Summary {
        seed: city.options.seed,
        buildings: city.plots.len(),
        highest_m: city.plots.iter().map(|p| p.tier.highest()).fold(0.0, f64::max),
        roads: city.roads.len(),
        superblocks: city.districts.superblocks.len(),
        villages: city.villages.len(),
        surface_triangles,
        areas: list(dir, "areas.geojson", &areas.geojson(&city.plane)?)?,
        grid_cells: areas.cells.len(),
        sensors: list(dir, "sensors.geojson", &points::sensors(city, &areas)?)?,
        units: list(dir, "units.geojson", &points::units(city)?)?,
        places: list(dir, "places.geojson", &points::places(city)?)?,
        named_roads: list(dir, "roads.geojson", &points::roads(city)?)?,
        incidents: list(dir, "incidents.json", &incidents::script(city, &areas)?)?,
        marathon_m: (course.length_m() * 10.0).round() / 10.0,
    };
    create(dir, "demo.json", |out| Ok(serde_json::to_writer_pretty(out, &summary)?))?;
    Ok(summary)
}
