//! GeoTIFF in: the first band of numbers, placed by pixel scale and tie point, by a transformation matrix or by a world file.

use super::heights::Heights;
use super::{ElevationGrid, Reading, refused};
use crate::city::error::CityError;
use crate::city::raster::prj_beside;
use crate::city::raster::tiff::Image;
use tiff::ColorType;
use tiff::decoder::DecodingResult;

pub(super) fn read(mut image: Image, reading: &mut Reading) -> Result<ElevationGrid, CityError> {
    check_colour(&image)?;
    let geo = image.geo()?;
    let file = image.file.clone();
    let lattice = geo.placement.lattice(&file, image.width, image.height)?;
    let crs = geo.crs.or_else(|| prj_beside(&file));
    if let (None, Some(called)) = (&crs, &geo.user_defined) {
        let why = format!("its coordinate system ({called}) is user-defined, without a code");
        if !reading.crs_given {
            let mend = "say which it is with --crs EPSG:<code>, or rewrite the file with `gdalwarp -t_srs EPSG:<code>`";
            return Err(CityError::unusable(&file, format!("{why}; {mend}")));
        }
        reading.report.warn("a file's coordinate system has no code: the one given is used", &format!("{}: {called}", file.display()));
    }
    if image.bands > 1 {
        reading
            .report
            .warn("an elevation model has several bands: the first is taken", &format!("{}: {} bands", file.display(), image.bands));
    }
    if geo.unit_m != 1.0 {
        reading.report.warn("heights are in feet: turned into metres", &file.display().to_string());
    }
    let mut heights = Heights::new(geo.no_data);
    (heights.scale, heights.offset) = (geo.scale * geo.unit_m, geo.offset * geo.unit_m);
    let refused = refused(reading.scratch);
    let mut canvas = reading.scratch.canvas::<f32>(image.width, image.height).map_err(&refused)?;
    let mut line = Vec::new();
    for chunk in 0..image.chunks() {
        let window = image.window(chunk);
        let samples = image.read(chunk, 0)?;
        let number = samples.as_ref().map(numbers);
        if number.is_none() {
            heights.skip((window.width * window.height) as u64);
        }
        for row in 0..window.height {
            line.clear();
            line.extend((0..window.width).map(|column| match &number {
                None => f32::NAN,
                Some(number) => {
                    let raw = number((row * window.width + column) * image.bands_in_chunk);
                    heights.metres(raw, window.column + column, window.row + row)
                }
            }));
            lattice.put(&mut canvas, window.column, window.row + row, &mut line).map_err(&refused)?;
        }
    }
    heights.tell(&file, reading.report);
    let values = canvas.finish().map_err(&refused)?;
    Ok(ElevationGrid { file, crs, origin: lattice.origin, step: lattice.step, width: lattice.width, height: lattice.height, values })
}

fn check_colour(image: &Image) -> Result<(), CityError> {
    if matches!(image.colour, ColorType::Gray(_) | ColorType::Multiband { .. }) {
        return Ok(());
    }
    let why = format!(
        "{:?} is a picture, not a band of heights; drape it with --ortho, or take the band of heights with `gdal_translate -b 1`",
        image.colour
    );
    Err(CityError::unusable(&image.file, why))
}

/// Asks an unpacked chunk for its samples.
fn numbers(image: &DecodingResult) -> Box<dyn Fn(usize) -> f64 + '_> {
    match image {
        DecodingResult::U8(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::U16(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::U32(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::U64(v) => Box::new(|i| v[i] as f64),
        DecodingResult::I8(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::I16(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::I32(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::I64(v) => Box::new(|i| v[i] as f64),
        DecodingResult::F16(v) => Box::new(|i| v[i].to_f64()),
        DecodingResult::F32(v) => Box::new(|i| f64::from(v[i])),
        DecodingResult::F64(v) => Box::new(|i| v[i]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::super::{ElevationGrid, write_geotiff};
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
        assert_eq!((g.values.to_vec(), g.origin, g.step), (vec![3.0, 4.0, 1.0, 2.0], (500.0, 901.0), (1.0, -1.0)));
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
        #![proptest_config(ProptestConfig::with_cases(100))]

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
