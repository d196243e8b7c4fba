//! Where a raster lies: by GeoTIFF tags, by a world file, by the `.prj` beside it.

use super::Canvas;
use crate::city::CityError;
use crate::geo::Crs;
use bytemuck::Pod;
use std::io;
use std::path::{Path, PathBuf};

/// More than any `.prj` or world file has.
const TEXT_BYTES_MAX: u64 = 1 << 16;

/// Where the centre of the first stored sample lies, and the steps to its neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub origin: (f64, f64),
    pub step: (f64, f64),
}

/// A raster's samples on Earth: rows run southwards, columns eastwards; `origin` is the centre of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lattice {
    pub origin: (f64, f64),
    pub step: (f64, f64),
    pub width: usize,
    pub height: usize,
    /// The file's columns run westwards, its rows northwards.
    turned: (bool, bool),
}

impl Placement {
    /// Turns it north-up.
    ///
    /// # Errors
    /// A step of zero, or something that is no number.
    pub fn lattice(self, file: &Path, width: usize, height: usize) -> Result<Lattice, CityError> {
        let fine = |v: f64| v.is_finite() && v != 0.0;
        if !(fine(self.step.0) && fine(self.step.1) && self.origin.0.is_finite() && self.origin.1.is_finite()) {
            let why = "its scale or tie point is zero or no number; place it again with `gdal_translate -a_ullr`";
            return Err(CityError::unusable(file, why));
        }
        let (mut origin, mut step) = (self.origin, self.step);
        let turned = (step.0 < 0.0, step.1 > 0.0);
        if turned.0 {
            origin.0 += step.0 * width.saturating_sub(1) as f64;
            step.0 = -step.0;
        }
        if turned.1 {
            origin.1 += step.1 * height.saturating_sub(1) as f64;
            step.1 = -step.1;
        }
        Ok(Lattice { origin, step, width, height, turned })
    }
}

impl Lattice {
    /// One that is north-up already.
    pub fn new(origin: (f64, f64), step: (f64, f64), width: usize, height: usize) -> Self {
        Self { origin, step, width, height, turned: (false, false) }
    }

    /// Puts samples that lie in the file from (`column`, `row`) on where they belong.
    pub fn put<T: Pod>(&self, canvas: &mut Canvas<T>, column: usize, row: usize, values: &mut [T]) -> io::Result<()> {
        let row = if self.turned.1 { self.height.saturating_sub(row + 1) } else { row };
        if !self.turned.0 {
            return canvas.put(column, row, values);
        }
        values.reverse();
        canvas.put(self.width.saturating_sub(column + values.len()), row, values)
    }
}

/// The coordinate system in the `.prj` beside a file; `None` when there is none, or none that PROJ understands.
pub(crate) fn prj_beside(file: &Path) -> Option<String> {
    let text = ["prj", "PRJ"].iter().find_map(|ending| short_text(&file.with_extension(ending)))?;
    // Many end with the code of the whole system: a name is shorter than its definition, and the same for all files of it.
    let code = text.rsplit_once("AUTHORITY[\"EPSG\",\"").and_then(|(_, after)| after.split_once("\"]"));
    let whole = code.filter(|(_, rest)| rest.chars().all(|c| c == ']' || c.is_whitespace()));
    let name = whole.map_or_else(|| text.trim().to_owned(), |(code, _)| format!("EPSG:{code}"));
    Crs::new(&name).ok().map(|_| name)
}

/// What the world file beside a picture says: `.pgw`, `.jgw`, `.tfw` (first and last letter of the ending), `.pngw`, `.wld`; `None` without one.
///
/// # Errors
/// It is rotated, or is not six numbers.
pub(crate) fn world_file_beside(picture: &Path) -> Result<Option<Placement>, CityError> {
    let Some((file, text)) = world_files(picture).into_iter().find_map(|f| Some((f.clone(), short_text(&f)?))) else { return Ok(None) };
    let numbers: Vec<f64> = text.split_whitespace().map_while(|t| t.replace(',', ".").parse().ok()).collect();
    let [a, d, b, e, c, f] = numbers[..] else {
        return Err(CityError::unusable(&file, "a world file is six numbers, a line each; export the picture again with its world file"));
    };
    if b != 0.0 || d != 0.0 {
        return Err(CityError::unusable(&file, "the picture is rotated; turn it north-up with `gdalwarp`"));
    }
    Ok(Some(Placement { origin: (c, f), step: (a, e) }))
}

fn world_files(picture: &Path) -> Vec<PathBuf> {
    let ending = picture.extension().unwrap_or_default().to_string_lossy().into_owned();
    let short: Option<String> = ending.chars().next().zip(ending.chars().last()).map(|(a, z)| format!("{a}{z}w"));
    let names = [short.unwrap_or_default(), format!("{ending}w"), "wld".to_owned()];
    names.iter().filter(|n| n.len() > 1).flat_map(|n| [picture.with_extension(n), picture.with_extension(n.to_uppercase())]).collect()
}

fn short_text(file: &Path) -> Option<String> {
    let length = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?.len();
    if length > TEXT_BYTES_MAX { None } else { std::fs::read(file).ok().map(|b| String::from_utf8_lossy(&b).into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn world_files_are_found_by_every_name_and_read() {
        let dir = tempfile::tempdir().unwrap();
        for (picture, world) in [("a.png", "a.pgw"), ("b.jpg", "b.jgw"), ("c.jpeg", "c.jpegw"), ("d.tif", "d.TFW"), ("e.png", "e.wld")] {
            std::fs::write(dir.path().join(world), "0,5\n0\n0\n-0.5\n1000.25\n2000.75\n").unwrap();
            let p = world_file_beside(&dir.path().join(picture)).unwrap().unwrap();
            assert_eq!((p.origin, p.step), ((1000.25, 2000.75), (0.5, -0.5)), "{picture}");
        }
        assert!(world_file_beside(&dir.path().join("f.png")).unwrap().is_none());
        std::fs::write(dir.path().join("g.pgw"), "1\n0.2\n0.2\n-1\n0\n0\n").unwrap();
        assert!(world_file_beside(&dir.path().join("g.png")).unwrap_err().to_string().contains("gdalwarp"));
    }

    #[test]
    fn a_prj_is_a_code_where_it_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.asc");
        let wkt = r#"PROJCS["Amersfoort / RD New",GEOGCS["Amersfoort",DATUM["Amersfoort",SPHEROID["Bessel 1841",6377397.155,299.1528128,
            AUTHORITY["EPSG","7004"]],AUTHORITY["EPSG","6289"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],AUTHORITY["EPSG","28992"]]"#;
        std::fs::write(dir.path().join("a.prj"), wkt).unwrap();
        assert_eq!(prj_beside(&file).as_deref(), Some("EPSG:28992"));
        std::fs::write(dir.path().join("a.prj"), "Projection UTM\nZone 32").unwrap();
        assert_eq!(prj_beside(&file), None);
    }
}
