//! The phone's 2D map: footprints and ground as GeoJSON, written line by line as objects are read.

use super::PackageError;
use super::outline::{Polygons, signed_area};
use super::shape::Shape;
use crate::city::source::{CityObject, Face, Surface};
use crate::geo::LocalFrame;
use crate::model::city::TilesetRole;
use glam::DVec2;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A phone can't hold more: beyond this a map would be slower to load than to walk there. What is left out is counted.
const FOOTPRINTS_MAX: u64 = 200_000;
const KINDS: [(Surface, &str); 4] =
    [(Surface::Water, "water"), (Surface::Green, "green"), (Surface::Road, "road"), (Surface::Land, "land")];

/// Features of some objects, a line each.
#[derive(Default)]
pub struct Lines {
    footprints: Vec<String>,
    ground: Vec<String>,
}

impl Lines {
    /// The footprint of a building; water, green, roads and land of everything else, one line a kind. Terrain has no outline worth drawing.
    pub fn add(&mut self, object: &CityObject, role: TilesetRole, shape: &Shape, outline: &Polygons) {
        if role == TilesetRole::Buildings {
            let height_m = (shape.height_m() * 10.0).round() / 10.0;
            self.footprints.extend(polygons(outline, &shape.frame, &json!({ "id": object.id, "height_m": height_m })));
            return;
        }
        for (surface, kind) in KINDS {
            let faces = shape.faces.iter().filter(|f| f.surface == surface);
            let of_kind: Polygons = faces.map(|f| rings(shape, &f)).filter(|p| !p.is_empty()).collect();
            self.ground.extend(polygons(&of_kind, &shape.frame, &json!({ "kind": kind })));
        }
    }
}

/// A face seen from above: outer ring counter-clockwise, holes clockwise; nothing when it stands on edge.
fn rings(shape: &Shape, face: &Face) -> Vec<Vec<DVec2>> {
    let mut rings: Vec<Vec<DVec2>> = face.rings().map(|r| r.iter().map(|i| shape.points[*i as usize].truncate()).collect()).collect();
    for (i, ring) in rings.iter_mut().enumerate() {
        if (signed_area(ring) < 0.0) == (i == 0) {
            ring.reverse();
        }
    }
    if rings.first().is_none_or(|r| signed_area(r).abs() < 0.01) { Vec::new() } else { rings }
}

/// One GeoJSON feature as a line of text; `None` without polygons.
fn polygons(polygons: &Polygons, frame: &LocalFrame, properties: &Value) -> Option<String> {
    let ring = |ring: &Vec<DVec2>| {
        let mut line: Vec<[i64; 2]> = ring.iter().map(|p| millionths(*p, frame)).collect();
        line.dedup();
        line.extend(line.first().copied());
        line
    };
    let coordinates: Vec<Vec<Vec<[i64; 2]>>> =
        polygons.iter().map(|p| p.iter().map(ring).filter(|r| r.len() >= 4).collect::<Vec<_>>()).filter(|p| !p.is_empty()).collect();
    let polygon = |out: &mut String, p: &Vec<Vec<[i64; 2]>>| list(out, p, |out, r| list(out, r, |out, c| degrees(out, *c)));
    let kind = if coordinates.len() > 1 { "MultiPolygon" } else { "Polygon" };
    let mut text = format!(r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"{kind}","coordinates":"#);
    match &coordinates[..] {
        [] => return None,
        [one] => polygon(&mut text, one),
        many => list(&mut text, many, polygon),
    }
    text.push_str("}}");
    Some(text)
}

fn list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Longitude and latitude in millionths of a degree, 11 cm: finer than a phone's map can show.
fn millionths(p: DVec2, frame: &LocalFrame) -> [i64; 2] {
    let g = frame.enu_to_geodetic_near(p.extend(0.0));
    [g.lon_deg(), g.lat_deg()].map(|d| (d * 1e6).round() as i64)
}

/// `[lon,lat]`; whole numbers are many times faster to write than binary fractions.
fn degrees(out: &mut String, at: [i64; 2]) {
    for (n, v) in at.into_iter().enumerate() {
        let (sign, v) = (if v < 0 { "-" } else { "" }, v.unsigned_abs());
        // A String takes everything that is written to it.
        let _ = write!(out, "{}{sign}{}.{:06}", if n == 0 { "[" } else { "," }, v / 1_000_000, v % 1_000_000);
    }
    out.push(']');
}

/// The map's files while they grow.
pub struct Map {
    footprints: Collection,
    ground: Collection,
}

impl Map {
    /// Opens `footprints.geojson` and `ground.geojson` in `dir`.
    ///
    /// # Errors
    /// [`PackageError::Io`], here and below.
    pub fn new(dir: &Path) -> Result<Self, PackageError> {
        std::fs::create_dir_all(dir).map_err(PackageError::io(dir))?;
        Ok(Self { footprints: Collection::new(dir.join("footprints.geojson"))?, ground: Collection::new(dir.join("ground.geojson"))? })
    }

    pub fn append(&mut self, lines: &Lines) -> Result<(), PackageError> {
        lines.footprints.iter().try_for_each(|l| self.footprints.add(l))?;
        lines.ground.iter().try_for_each(|l| self.ground.add(l))
    }

    /// Closes the files; answers how many features were too many.
    pub fn finish(self) -> Result<u64, PackageError> {
        Ok(self.footprints.finish()? + self.ground.finish()?)
    }
}

/// A collection with one feature a line: big, but a tool by lines can read it.
struct Collection {
    path: PathBuf,
    file: BufWriter<File>,
    count: u64,
}

impl Collection {
    fn new(path: PathBuf) -> Result<Self, PackageError> {
        let mut file = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(PackageError::io(&path))?);
        file.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[").map_err(PackageError::io(&path))?;
        Ok(Self { path, file, count: 0 })
    }

    fn add(&mut self, line: &str) -> Result<(), PackageError> {
        self.count += 1;
        if self.count > FOOTPRINTS_MAX {
            return Ok(());
        }
        let separator = if self.count == 1 { "\n" } else { ",\n" };
        [separator, line].into_iter().try_for_each(|t| self.file.write_all(t.as_bytes())).map_err(PackageError::io(&self.path))
    }

    fn finish(mut self) -> Result<u64, PackageError> {
        self.file.write_all(b"\n]}\n").and_then(|()| self.file.flush()).map_err(PackageError::io(&self.path))?;
        Ok(self.count.saturating_sub(FOOTPRINTS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_written_as_numbers() {
        let mut text = String::new();
        degrees(&mut text, [118_275_001, -33_000_020]);
        degrees(&mut text, [-5, 0]);
        assert_eq!(text, "[118.275001,-33.000020][-0.000005,0.000000]");
    }
}
