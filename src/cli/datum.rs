//! `--crs` and `--heights`: for all files, or for one by its name.

use crate::city::elevation::{self, Reading};
use crate::city::package::{self, OfFile};
use crate::city::raster::Scratch;
use crate::city::report::BuildReport;
use crate::geo::{Geoid, Heights, UndulationGrid};
use anyhow::{Context, bail};
use std::path::Path;
use std::sync::Arc;

/// What the command line says of coordinates.
#[derive(Default)]
pub struct Told {
    pub crs: Option<String>,
    pub heights: Option<Heights>,
    pub of_files: Vec<OfFile>,
}

impl Told {
    /// Takes `SYSTEM` and `FILE=SYSTEM`, `HEIGHTS` and `FILE=HEIGHTS`; the last one of a kind counts.
    ///
    /// # Errors
    /// A system that PROJ does not know, a geoid that can't be read.
    pub fn of(crs: &[String], heights: &[String]) -> anyhow::Result<Self> {
        let mut told = Self::default();
        for text in crs {
            let (file, name) = split(text);
            package::check_crs(name).with_context(|| format!("--crs {text}"))?;
            match file {
                Some(file) => told.file(file).crs = Some(name.to_owned()),
                None => told.crs = Some(name.to_owned()),
            }
        }
        for text in heights {
            let (file, name) = split(text);
            let heights = parse(name).with_context(|| format!("--heights {text}"))?;
            match file {
                Some(file) => told.file(file).heights = Some(heights),
                None => told.heights = Some(heights),
            }
        }
        Ok(told)
    }

    fn file(&mut self, name: &str) -> &mut OfFile {
        let known = self.of_files.iter().position(|o| o.name == name);
        let n = known.unwrap_or_else(|| {
            self.of_files.push(OfFile { name: name.to_owned(), ..OfFile::default() });
            self.of_files.len() - 1
        });
        &mut self.of_files[n]
    }
}

/// `FILE=VALUE`; a PROJ string has `=` too, but begins with `+`.
fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((file, value)) if !text.trim_start().starts_with('+') => (Some(file.trim()), value.trim()),
        _ => (None, text.trim()),
    }
}

fn parse(text: &str) -> anyhow::Result<Heights> {
    match text.to_ascii_lowercase().as_str() {
        "ellipsoidal" | "ellipsoid" => return Ok(Heights::Ellipsoidal),
        "egm96" | "orthometric" => return Ok(Heights::Orthometric(Geoid::Egm96)),
        _ => {}
    }
    if let Ok(metres) = text.trim_end_matches('m').trim().parse::<f64>() {
        if !(-110.0..=90.0).contains(&metres) {
            bail!("no geoid is {metres} m from the ellipsoid; it lies between -110 and 90 m");
        }
        return Ok(Heights::Orthometric(Geoid::Constant(metres)));
    }
    if !Path::new(text).is_file() {
        bail!("write ellipsoidal, egm96, a geoid's height in metres, or the file of a geoid grid (GeoTIFF or ESRI ASCII)");
    }
    Ok(Heights::Orthometric(Geoid::Grid(Arc::new(grid(Path::new(text))?))))
}

fn grid(path: &Path) -> anyhow::Result<UndulationGrid> {
    let (scratch, mut report) = (Scratch::temporary(), BuildReport::default());
    let grids = elevation::read(path, &mut Reading { scratch: &scratch, crs_given: true, report: &mut report })?;
    let [grid] = grids.as_slice() else { bail!("{}: a geoid is one grid, not {}", path.display(), grids.len()) };
    let degrees = [grid.origin.0, grid.origin.1, grid.step.0, grid.step.1].iter().all(|v| v.abs() <= 360.0);
    if grid.width < 2 || grid.height < 2 || !degrees {
        bail!("{}: a geoid grid has longitude and latitude in degrees and at least 2 x 2 nodes", path.display());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(UndulationGrid { name, origin_deg: grid.origin, step_deg: grid.step, width: grid.width, values: grid.values.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_one_file_stays_with_it() {
        let text = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let told = Told::of(&text(&["EPSG:7415", "roads.geojson=gcj02"]), &text(&["egm96", "lidar.tif=ellipsoidal", "roads.geojson=-3.5"]))
            .unwrap();
        assert_eq!((told.crs.as_deref(), told.heights), (Some("EPSG:7415"), Some(Heights::Orthometric(Geoid::Egm96))));
        let of = |name: &str| told.of_files.iter().find(|o| o.name == name).unwrap();
        assert_eq!(of("roads.geojson").crs.as_deref(), Some("gcj02"));
        assert_eq!(of("roads.geojson").heights, Some(Heights::Orthometric(Geoid::Constant(-3.5))));
        assert_eq!((of("lidar.tif").crs.as_deref(), &of("lidar.tif").heights), (None, &Some(Heights::Ellipsoidal)));
        assert_eq!(split("+proj=utm +zone=50").1, "+proj=utm +zone=50");
    }

    #[test]
    fn what_is_no_height_system_is_refused_with_the_choices() {
        let said = |t: &str| format!("{:#}", parse(t).unwrap_err());
        assert!(said("sealevel").contains("egm96") && said("4300").contains("between"));
    }
}
