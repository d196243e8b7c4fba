//! What is in a file, before anything is built from it: counts, extent, coordinate system, attributes, and what would be left out.

mod elevation;
mod metadata;
mod model;
mod objects;
mod package;
mod photo;
mod tileset;

pub use elevation::ElevationSummary;
pub use metadata::{ClassSummary, MetadataSummary, PropertySummary};
pub use model::ModelSummary;
pub use objects::{AttributeSummary, ObjectsSummary};
pub use package::{ArchiveSummary, PackageSummary, SourceState};
pub use photo::PhotoSummary;
pub use tileset::TilesetSummary;

use super::error::{CityError, ELEVATION_FORMATS, SOURCE_FORMATS};
use super::read::{ReadOptions, read_parts};
use super::report::BuildReport;
use super::tileset::{TilesetPlace, is_tileset};
use crate::geo::Crs;
use serde::Serialize;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// What is in one file or folder.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Summary {
    Objects(ObjectsSummary),
    Elevation(ElevationSummary),
    Photo(PhotoSummary),
    Tileset(TilesetSummary),
    /// A glTF model, wherever it stands.
    Model(ModelSummary),
}

/// How far a look into a file is: contents or files of `total`, and 0 of 0 where nobody knows.
#[derive(Debug, Default)]
pub struct Watch {
    pub done: AtomicU64,
    pub total: AtomicU64,
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

/// West, south, east, north in degrees of a rectangle in a system: of its corners and points on its edges.
fn degrees(crs: Option<&str>, [x0, y0, x1, y1]: [f64; 4]) -> Option<[f64; 4]> {
    const STEPS: i32 = 4;
    let crs = Crs::new(crs?).ok()?;
    let mut found: Option<[f64; 4]> = None;
    for i in 0..=STEPS {
        for j in 0..=STEPS {
            let at = |a: f64, b: f64, n: i32| a + (b - a) * f64::from(n) / f64::from(STEPS);
            let Ok(place) = crs.to_geodetic(at(x0, x1, i), at(y0, y1, j), 0.0) else { continue };
            let (lon, lat) = (place.lon_deg(), place.lat_deg());
            let [w, s, e, n] = found.unwrap_or([lon, lat, lon, lat]);
            found = Some([w.min(lon), s.min(lat), e.max(lon), n.max(lat)]);
        }
    }
    found.filter(|f| f.iter().all(|v| v.is_finite()))
}

/// Looks into a file of city objects or heights, an orthophoto, a glTF model, a tileset (folder, `tileset.json` or `.3tz`) or a city package.
///
/// # Errors
/// The [`CityError`] of the reader, or one that lists what can be looked into.
pub fn inspect(path: &Path, watch: &Watch) -> Result<Summary, CityError> {
    if is_tileset(path) || crate::ogc::archive::is_archive(path) {
        return inspect_tileset(&TilesetPlace::open(path)?, watch).map(Summary::Tileset);
    }
    if photo::is_one(path) {
        return photo::summarise(path).map(Summary::Photo);
    }
    if elevation::holds_any(path) {
        return elevation::summarise(path).map(Summary::Elevation);
    }
    if path.is_dir() {
        return inspect_tileset(&TilesetPlace::open(path)?, watch).map(Summary::Tileset);
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut head = [0; 4];
    let glb = std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head == *b"glTF";
    if glb || extension == "gltf" {
        return model::summarise(path).map(Summary::Model);
    }
    let (mut report, mut gather) = (BuildReport::default(), objects::Gather::new(path));
    let read = read_parts(path, &ReadOptions::default(), &mut report, &mut |part| {
        gather.add(&part);
        Ok(())
    });
    match read {
        Ok(()) => Ok(Summary::Objects(gather.finish(report))),
        Err(CityError::Unsupported { file, found, .. }) => {
            let why = format!("{found}; looked into are {SOURCE_FORMATS}, {ELEVATION_FORMATS}, and city packages");
            Err(CityError::Unusable { file, why })
        }
        Err(other) => Err(other),
    }
}

/// Looks into a tileset wherever its files are.
///
/// # Errors
/// When its root is no tileset of 3D Tiles 1.0 or 1.1.
pub fn inspect_tileset(at: &TilesetPlace, watch: &Watch) -> Result<TilesetSummary, CityError> {
    tileset::summarise(at, watch)
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
        let Summary::Objects(s) = inspect(&sample(), &Watch::default()).unwrap() else { panic!("not read as city objects") };
        assert_eq!((s.classes["BuildingPart"]["2"], s.classes["Building"]["-"], s.surfaces["roof"]), (84, 32, 132));
        let ridge = &s.attributes["AbsoluteRidgeHeight"];
        assert!(ridge.kinds["number"] == ridge.count && ridge.min.unwrap() > 0.0 && ridge.max.unwrap() < 40.0, "{ridge:?}");
        assert!(s.attributes["roofType"].examples.contains(&"1000".to_owned()));
        assert_eq!((s.crs, s.middle, s.report.objects_in), (None, None, 87));
        assert!(ridge.share > 0.1 && ridge.share <= 1.0 && ridge.distinct > 10, "{ridge:?}");
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
        let Summary::Elevation(s) = inspect(&file, &Watch::default()).unwrap() else { panic!("not read as heights") };
        assert_eq!((s.lowest_m, s.highest_m, s.samples_without_data), (Some(-4.0), Some(3.0), 1));
        assert_eq!(s.bounds, [118.0, 33.0, 119.0, 34.0]);
        let middle = s.middle.unwrap();
        assert!((middle.lon - 118.5).abs() < 1e-6 && (middle.lat - 33.5).abs() < 1e-6);
    }

    #[test]
    fn photos_and_coloured_heights_are_told_apart() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation");
        let Summary::Photo(s) = inspect(&data.join("photo-jpeg-ycbcr.tif"), &Watch::default()).unwrap() else {
            panic!("not read as a photo")
        };
        assert_eq!((s.columns, s.rows, s.step, s.share_transparent), (64, 48, (30.0, -30.0), 0.0));
        assert!((s.middle.unwrap().lat - 52.12).abs() < 0.1);
        let Summary::Elevation(s) = inspect(&data.join("i16-lzw-predictor2.tif"), &Watch::default()).unwrap() else {
            panic!("not read as heights")
        };
        assert_eq!((s.samples, s.samples_without_data, s.report.samples_used, s.share_without_data), (480, 1, 479, 0.0021));
        let dir = tempfile::tempdir().unwrap();
        let tile = dir.path().join("3/1/2.png");
        std::fs::create_dir_all(tile.parent().unwrap()).unwrap();
        for (colour, heights) in [([1, 140, 9], true), ([80, 140, 9], false)] {
            image::RgbImage::from_pixel(8, 8, image::Rgb(colour)).save(&tile).unwrap();
            assert_eq!(matches!(inspect(dir.path(), &Watch::default()).unwrap(), Summary::Elevation(_)), heights);
            assert_eq!(matches!(inspect(dir.path(), &Watch::default()).unwrap(), Summary::Photo(_)), !heights);
        }
    }

    #[test]
    fn what_is_none_of_them_is_told_with_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roads.json");
        std::fs::write(&file, r#"{"type": "Topology"}"#).unwrap();
        let told = inspect(&file, &Watch::default()).unwrap_err().to_string();
        assert!(told.contains("roads.json") && told.contains("Topology") && told.contains("city packages"), "{told}");
    }
}
