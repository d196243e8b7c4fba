//! What is in a file, before anything is built from it: counts, extent, coordinate system, attributes, and what would be left out.

mod elevation;
mod objects;
mod photo;
mod tileset;

pub use elevation::ElevationSummary;
pub use objects::{AttributeSummary, ObjectsSummary};
pub use photo::PhotoSummary;
pub use tileset::TilesetSummary;

use super::error::{CityError, ELEVATION_FORMATS, SOURCE_FORMATS};
use super::report::BuildReport;
use crate::geo::Crs;
use serde::Serialize;
use std::path::Path;

/// What is in one file or folder.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Summary {
    Objects(ObjectsSummary),
    Elevation(ElevationSummary),
    Photo(PhotoSummary),
    Tileset(TilesetSummary),
}

/// A place in WGS 84, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LonLat {
    pub lon: f64,
    pub lat: f64,
}

impl LonLat {
    /// Where a point of a system lies; `None` when the system is unknown or the point outside of it.
    fn of(crs: Option<&str>, x: f64, y: f64) -> Option<Self> {
        let place = Crs::new(crs?).ok()?.to_geodetic(x, y, 0.0).ok()?;
        Some(Self { lon: place.lon_deg(), lat: place.lat_deg() })
    }
}

/// Looks into a file of city objects or heights, an orthophoto, a `tileset.json`, or the folder of a tileset or city package.
///
/// # Errors
/// The [`CityError`] of the reader, or one that lists what can be looked into.
pub fn inspect(path: &Path) -> Result<Summary, CityError> {
    let raster = !path.join("tileset.json").is_file();
    if raster && photo::is_one(path) {
        return photo::summarise(path).map(Summary::Photo);
    }
    if raster && elevation::holds_any(path) {
        return elevation::summarise(path).map(Summary::Elevation);
    }
    if path.is_dir() {
        return tileset::summarise(&path.join("tileset.json"), Some(path)).map(Summary::Tileset);
    }
    let mut report = BuildReport::default();
    match super::read_source(path, &mut report) {
        Ok(source) => Ok(Summary::Objects(objects::summarise(&source, report))),
        Err(CityError::Unsupported { .. }) if tileset::is_tileset(path) => tileset::summarise(path, path.parent()).map(Summary::Tileset),
        Err(CityError::Unsupported { file, found, .. }) => {
            let why = format!("{found}; looked into are {SOURCE_FORMATS}, {ELEVATION_FORMATS}, 3D Tiles (tileset.json) and city packages");
            Err(CityError::Unusable { file, why })
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::source::ElevationGrid;
    use std::path::PathBuf;

    fn sample() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/the-hague-sample.city.json")
    }

    #[test]
    fn the_sample_is_counted_by_class_lod_surface_and_attribute() {
        let Summary::Objects(s) = inspect(&sample()).unwrap() else { panic!("not read as city objects") };
        assert_eq!((s.classes["BuildingPart"]["2"], s.classes["Building"]["-"], s.surfaces["roof"]), (84, 32, 132));
        let ridge = &s.attributes["AbsoluteRidgeHeight"];
        assert!(ridge.kinds["number"] == ridge.count && ridge.min.unwrap() > 0.0 && ridge.max.unwrap() < 40.0, "{ridge:?}");
        assert!(s.attributes["roofType"].examples.contains(&"1000".to_owned()));
        assert_eq!((s.crs, s.middle, s.report.objects_in), (None, None, 87));
        let extent = s.extent.unwrap();
        assert!(extent.min[0] > 78_600.0 && extent.max[0] < 78_800.0);
    }

    #[test]
    fn heights_and_their_place_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dem.tif");
        let values = vec![1.0, f32::NAN, 3.0, -4.0].into();
        let crs = Some("EPSG:4326".to_owned());
        let grid = ElevationGrid { file: file.clone(), crs, origin: (118.0, 34.0), step: (1.0, -1.0), width: 2, height: 2, values };
        crate::city::elevation::write_geotiff(&file, &grid).unwrap();
        let Summary::Elevation(s) = inspect(&file).unwrap() else { panic!("not read as heights") };
        assert_eq!((s.lowest_m, s.highest_m, s.samples_without_data), (Some(-4.0), Some(3.0), 1));
        assert_eq!(s.bounds, [118.0, 33.0, 119.0, 34.0]);
        let middle = s.middle.unwrap();
        assert!((middle.lon - 118.5).abs() < 1e-6 && (middle.lat - 33.5).abs() < 1e-6);
    }

    #[test]
    fn photos_and_coloured_heights_are_told_apart() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation");
        let Summary::Photo(s) = inspect(&data.join("photo-jpeg-ycbcr.tif")).unwrap() else { panic!("not read as a photo") };
        assert_eq!((s.columns, s.rows, s.step, s.share_transparent), (64, 48, (30.0, -30.0), 0.0));
        assert!((s.middle.unwrap().lat - 52.12).abs() < 0.1);
        let Summary::Elevation(s) = inspect(&data.join("i16-lzw-predictor2.tif")).unwrap() else { panic!("not read as heights") };
        assert_eq!((s.samples, s.samples_without_data, s.report.samples_used, s.share_without_data), (480, 1, 479, 0.0021));
        let dir = tempfile::tempdir().unwrap();
        let tile = dir.path().join("3/1/2.png");
        std::fs::create_dir_all(tile.parent().unwrap()).unwrap();
        for (colour, heights) in [([1, 140, 9], true), ([80, 140, 9], false)] {
            image::RgbImage::from_pixel(8, 8, image::Rgb(colour)).save(&tile).unwrap();
            assert_eq!(matches!(inspect(dir.path()).unwrap(), Summary::Elevation(_)), heights);
            assert_eq!(matches!(inspect(dir.path()).unwrap(), Summary::Photo(_)), !heights);
        }
    }

    #[test]
    fn what_is_none_of_them_is_told_with_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roads.json");
        std::fs::write(&file, r#"{"type": "Topology"}"#).unwrap();
        let told = inspect(&file).unwrap_err().to_string();
        assert!(told.contains("roads.json") && told.contains("Topology") && told.contains("city packages"), "{told}");
    }
}
