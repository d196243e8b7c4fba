//! GeoTIFF in: one band of numbers, north-up, placed by pixel scale and tie point or by a transformation matrix.
//!
//! Tags and keys after OGC GeoTIFF 1.1 (19-008r4). Of a COG the first, full-size image is read.

use super::{ElevationGrid, SAMPLES_MAX, height};
use crate::city::error::CityError;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

pub(super) const MODEL_TYPE: u16 = 1024;
pub(super) const RASTER_TYPE: u16 = 1025;
pub(super) const GEOGRAPHIC_TYPE: u16 = 2048;
pub(super) const PROJECTED_TYPE: u16 = 3072;
pub(super) const PIXEL_IS_POINT: u16 = 2;
/// What the key directory says when the system is described in words only.
const USER_DEFINED: u16 = 32767;

type Tiff = Decoder<BufReader<File>>;

pub(super) fn read(path: &Path) -> Result<ElevationGrid, CityError> {
    let broken = |e: tiff::TiffError| {
        CityError::unusable(path, format!("{e}; check the file with `gdalinfo`, or rewrite it with `gdal_translate -co COMPRESS=DEFLATE`"))
    };
    let file = File::open(path).map_err(CityError::open(path))?;
    let bytes_max = usize::try_from(SAMPLES_MAX * 8).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = bytes_max;
    let mut tiff = Decoder::new(BufReader::new(file)).map_err(broken)?.with_limits(limits);
    let (columns, rows) = tiff.dimensions().map_err(broken)?;
    check_shape(path, (columns, rows), tiff.colortype().map_err(broken)?)?;
    let keys = GeoKeys::read(&mut tiff);
    let place = Placement::read(path, &mut tiff, keys.pixel_is_point)?;
    let no_data = tiff.get_tag_ascii_string(Tag::GdalNodata).ok().and_then(|t| t.trim_matches(['\0', ' ']).parse::<f64>().ok());
    let values = heights(tiff.read_image().map_err(broken)?, no_data);
    let (width, height) = (columns as usize, rows as usize);
    if values.len() != width * height {
        return Err(CityError::unusable(path, format!("{} samples where {width} x {height} belong; download it again", values.len())));
    }
    Ok(place.north_up(ElevationGrid { file: path.to_owned(), crs: keys.crs, origin: (0.0, 0.0), step: (1.0, -1.0), width, height, values }))
}

fn check_shape(path: &Path, (columns, rows): (u32, u32), colour: ColorType) -> Result<(), CityError> {
    let count = u64::from(columns) * u64::from(rows);
    if count > SAMPLES_MAX {
        let mend = "cut it into tiles with `gdal_retile.py` and give them all";
        return Err(CityError::TooBig { file: path.to_owned(), what: format!("{count} samples"), limit: SAMPLES_MAX, mend });
    }
    if count == 0 {
        return Err(CityError::unusable(path, "the image has no samples; export it again"));
    }
    if !matches!(colour, ColorType::Gray(_)) {
        let why = format!("{colour:?} is a picture, not one band of heights; take the band of heights with `gdal_translate -b 1`");
        return Err(CityError::unusable(path, why));
    }
    Ok(())
}

fn heights(image: DecodingResult, no_data: Option<f64>) -> Vec<f32> {
    fn all<T: Copy>(values: Vec<T>, no_data: Option<f64>, to_f64: impl Fn(T) -> f64) -> Vec<f32> {
        values.into_iter().map(|v| height(to_f64(v), no_data)).collect()
    }
    match image {
        DecodingResult::U8(v) => all(v, no_data, f64::from),
        DecodingResult::U16(v) => all(v, no_data, f64::from),
        DecodingResult::U32(v) => all(v, no_data, f64::from),
        DecodingResult::U64(v) => all(v, no_data, |x| x as f64),
        DecodingResult::I8(v) => all(v, no_data, f64::from),
        DecodingResult::I16(v) => all(v, no_data, f64::from),
        DecodingResult::I32(v) => all(v, no_data, f64::from),
        DecodingResult::I64(v) => all(v, no_data, |x| x as f64),
        DecodingResult::F16(v) => all(v, no_data, |x| x.to_f64()),
        DecodingResult::F32(v) => all(v, no_data, f64::from),
        DecodingResult::F64(v) => all(v, no_data, |x| x),
    }
}

/// What we use of the key directory.
struct GeoKeys {
    crs: Option<String>,
    pixel_is_point: bool,
}

impl GeoKeys {
    /// A file without keys, or with broken ones, has no coordinate system; the user then gives it.
    fn read(tiff: &mut Tiff) -> Self {
        let directory = tiff.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
        // Only keys whose value stands in the directory itself (location 0) are codes.
        let key = |id| directory.chunks_exact(4).skip(1).find(|k| k[0] == id && k[1] == 0).map(|k| k[3]);
        let code = |id| key(id).filter(|c| *c != 0 && *c != USER_DEFINED);
        let system = code(PROJECTED_TYPE).or_else(|| if key(PROJECTED_TYPE).is_none() { code(GEOGRAPHIC_TYPE) } else { None });
        Self { crs: system.map(|c| format!("EPSG:{c}")), pixel_is_point: key(RASTER_TYPE) == Some(PIXEL_IS_POINT) }
    }
}

/// Where the centre of the first stored sample lies, and the steps to its neighbours.
struct Placement {
    origin: (f64, f64),
    step: (f64, f64),
}

impl Placement {
    fn read(path: &Path, tiff: &mut Tiff, pixel_is_point: bool) -> Result<Self, CityError> {
        // Raster position of the centre of the first sample (19-008r4, section 7.1.1).
        let centre = if pixel_is_point { 0.0 } else { 0.5 };
        let tag = |tiff: &mut Tiff, tag| tiff.get_tag_f64_vec(tag).unwrap_or_default();
        let (scale, tie) = (tag(tiff, Tag::ModelPixelScaleTag), tag(tiff, Tag::ModelTiepointTag));
        let matrix = tag(tiff, Tag::ModelTransformationTag);
        let place = if let ([sx, sy, ..], [column, row, _, x, y, ..]) = (&scale[..], &tie[..]) {
            Self { origin: (x + (centre - column) * sx, y - (centre - row) * sy), step: (*sx, -sy) }
        } else if let [a, b, _, x, d, e, _, y, ..] = matrix[..] {
            if b != 0.0 || d != 0.0 {
                return Err(CityError::unusable(path, "the grid is rotated; turn it north-up with `gdalwarp`"));
            }
            Self { origin: (x + centre * a, y + centre * e), step: (a, e) }
        } else {
            let why = "nothing says where it lies (no ModelPixelScale with ModelTiepoint, no ModelTransformation); \
                       place it with `gdal_translate -a_srs EPSG:<code> -a_ullr WEST NORTH EAST SOUTH`";
            return Err(CityError::unusable(path, why));
        };
        let fine = |v: f64| v.is_finite() && v != 0.0;
        if !(fine(place.step.0) && fine(place.step.1) && place.origin.0.is_finite() && place.origin.1.is_finite()) {
            return Err(CityError::unusable(
                path,
                "its scale or tie point is zero or no number; place it again with `gdal_translate -a_ullr`",
            ));
        }
        Ok(place)
    }

    /// Puts a grid in its place, turning rows that run north and columns that run west.
    fn north_up(self, mut grid: ElevationGrid) -> ElevationGrid {
        (grid.origin, grid.step) = (self.origin, self.step);
        if grid.step.1 > 0.0 {
            let rows = grid.values.chunks_exact(grid.width).rev().flatten().copied().collect();
            grid.values = rows;
            grid.origin.1 += grid.step.1 * (grid.height - 1) as f64;
            grid.step.1 = -grid.step.1;
        }
        if grid.step.0 < 0.0 {
            grid.values.chunks_exact_mut(grid.width).for_each(<[f32]>::reverse);
            grid.origin.0 += grid.step.0 * (grid.width - 1) as f64;
            grid.step.0 = -grid.step.0;
        }
        grid
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ElevationGrid, read, write_geotiff};
    use proptest::prelude::*;
    use std::fs::File;
    use std::path::Path;
    use tiff::encoder::{TiffEncoder, TiffValue, colortype};
    use tiff::tags::Tag;

    fn demo(crs: Option<&str>, width: usize, height: usize) -> ElevationGrid {
        let values = (0..width * height).map(|i| if i == 3 { f32::NAN } else { (i as f32 * 0.37).sin() * 40.0 }).collect();
        let crs = crs.map(str::to_owned);
        ElevationGrid { file: "demo".into(), crs, origin: (118.2, 34.1), step: (1.0 / 3600.0, -1.0 / 3600.0), width, height, values }
    }

    #[test]
    fn what_is_written_is_read_back_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        for (crs, width, height) in [(Some("EPSG:4326"), 301, 207), (Some("EPSG:28992"), 5, 1), (None, 1, 9)] {
            let (file, grid) = (dir.path().join("dem.tif"), demo(crs, width, height));
            write_geotiff(&file, &grid).unwrap();
            let back = read(&file).unwrap();
            assert_eq!((back.crs.as_deref(), back.width, back.height), (crs, width, height));
            assert_eq!((back.origin, back.step), (grid.origin, grid.step));
            let bits = |g: &ElevationGrid| g.values.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&grid));
        }
    }

    fn write_with<C: colortype::ColorType>(path: &Path, data: &[C::Inner], scale: [f64; 3], keys: &[u16], no_data: &str)
    where
        [C::Inner]: TiffValue,
    {
        let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        let mut image = encoder.new_image::<C>(2, (data.len() / 2 / C::BITS_PER_SAMPLE.len()) as u32).unwrap();
        image.encoder().write_tag(Tag::ModelPixelScaleTag, &scale[..]).unwrap();
        image.encoder().write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, 500.0, 900.0, 0.0][..]).unwrap();
        image.encoder().write_tag(Tag::GeoKeyDirectoryTag, keys).unwrap();
        image.encoder().write_tag(Tag::GdalNodata, no_data).unwrap();
        image.write_data(data).unwrap();
    }

    #[test]
    fn integers_fill_values_and_pixels_as_areas_are_understood() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("area.tif");
        write_with::<colortype::GrayI16>(&file, &[7, -9999, 3, -4], [10.0, 20.0, 0.0], &[1, 1, 0, 1, 3072, 0, 1, 28992], "-9999");
        let g = read(&file).unwrap();
        assert_eq!((g.origin, g.step, g.crs.as_deref()), ((505.0, 890.0), (10.0, -20.0), Some("EPSG:28992")));
        assert_eq!((g.values[0], g.values[3]), (7.0, -4.0));
        assert!(g.values[1].is_nan());
        write_with::<colortype::Gray64Float>(&file, &[1.5, -3.4e38, f64::NAN, 2.5], [1.0, 1.0, 0.0], &[1, 1, 0, 1, 2048, 0, 1, 4326], "x");
        let g = read(&file).unwrap();
        assert!(g.values[1].is_nan() && g.values[2].is_nan(), "undeclared fill and NaN");
        assert_eq!((g.values[0], g.crs.as_deref()), (1.5, Some("EPSG:4326")));
    }

    #[test]
    fn a_grid_stored_from_the_south_is_turned() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("south.tif");
        write_with::<colortype::Gray16>(&file, &[1, 2, 3, 4], [1.0, -1.0, 0.0], &[1, 1, 0, 1, 1025, 0, 1, 2], "");
        let g = read(&file).unwrap();
        assert_eq!((g.values.clone(), g.origin, g.step), (vec![3.0, 4.0, 1.0, 2.0], (500.0, 901.0), (1.0, -1.0)));
        assert_eq!(g.crs, None);
    }

    #[test]
    fn pictures_unplaced_and_broken_files_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bad.tif");
        write_with::<colortype::RGB8>(&file, &[0; 12][..], [1.0, 1.0, 0.0], &[1, 1, 0, 0], "");
        assert!(read(&file).unwrap_err().to_string().contains("gdal_translate -b 1"));
        write_with::<colortype::Gray8>(&file, &[0; 4], [0.0, 1.0, 0.0], &[1, 1, 0, 0], "");
        assert!(read(&file).unwrap_err().to_string().contains("-a_ullr"));
        std::fs::write(&file, b"").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("empty"));
        std::fs::write(&file, b"GIF89a").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("GeoTIFF"));
        assert!(read(&dir.path().join("none.tif")).unwrap_err().to_string().contains("check the path"));
    }

    proptest! {
        #[test]
        fn bytes_turned_over_never_panic(at in 0usize..2000, to in any::<u8>(), cut in 0usize..3000) {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("dem.tif");
            write_geotiff(&file, &demo(Some("EPSG:4326"), 20, 20)).unwrap();
            let mut bytes = std::fs::read(&file).unwrap();
            let n = bytes.len();
            bytes[at % n] = to;
            bytes.truncate(n.saturating_sub(cut.saturating_sub(1000)));
            std::fs::write(&file, bytes).unwrap();
            let _ = read(&file);
        }
    }
}
