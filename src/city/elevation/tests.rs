//! What every format shares, and files made by other programs.

use super::*;
use proptest::prelude::*;
use std::fs;

/// A model of one grid.
pub(super) fn read(path: &Path) -> Result<ElevationGrid, CityError> {
    read_with_report(path).0
}

pub(super) fn read_with_report(path: &Path) -> (Result<ElevationGrid, CityError>, BuildReport) {
    let (scratch, mut report) = (Scratch::temporary(), BuildReport::default());
    let grids = super::read(path, &mut Reading { scratch: &scratch, crs_given: false, report: &mut report });
    (grids.map(|mut g| g.remove(0)), report)
}

#[test]
fn a_folder_is_read_in_the_order_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.asc", "a.asc"] {
        fs::write(dir.path().join(name), "ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n").unwrap();
    }
    fs::write(dir.path().join("a.prj"), "EPSG:28992").unwrap();
    let (scratch, mut report) = (Scratch::temporary(), BuildReport::default());
    let grids = super::read(dir.path(), &mut Reading { scratch: &scratch, crs_given: false, report: &mut report }).unwrap();
    let crs: Vec<_> = grids.iter().map(|g| g.crs.as_deref()).collect();
    assert_eq!((crs, report.samples_in), (vec![Some("EPSG:28992"), None], 4));
    let empty = tempfile::tempdir().unwrap();
    assert!(read(empty.path()).unwrap_err().to_string().contains("ASCII"));
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation").join(name)
}

/// What `make.py` writes: the plane, its steps and bounds by the kind of sample.
fn plane(name: &str, column: usize, row: usize) -> f32 {
    let z = 10.0 * column as f32 - 3.0 * row as f32 + 100.0;
    match name {
        "i8.tif" => (z / 10.0).floor().min(127.0),
        "u8-scaled.tif" => (z / 2.0).floor().min(255.0) * 2.0 - 5.0,
        _ => z,
    }
}

#[test]
fn geotiffs_of_every_packing_made_by_another_program_are_read() {
    let mut count = 0;
    for file in folder(&sample("")).unwrap() {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name.starts_with("photo") {
            continue;
        }
        count += 1;
        let (g, report) = read_with_report(&file);
        let g = g.unwrap();
        assert_eq!((g.width, g.height, g.crs.as_deref()), (24, 20, Some("EPSG:28992")), "{name}");
        assert_eq!((g.origin, g.step), ((80_015.0, 459_985.0), (30.0, -30.0)), "{name}");
        for (n, z) in g.values.iter().enumerate() {
            let (column, row) = (n % 24, n / 24);
            let expected = plane(name, column, row);
            assert!(*z == expected || z.is_nan() && (column, row) == (4, 3), "{name}: {z} for {expected} at {column}, {row}");
        }
        let whole = ["i8.tif", "u8-scaled.tif"].contains(&name);
        assert_eq!((report.samples_in, report.samples_used), (480, 480 - u64::from(!whole)), "{name}");
        let bands = report.warnings.keys().filter(|w| w.contains("bands")).count();
        assert_eq!(bands, usize::from(name.starts_with("two-bands")), "{name}");
    }
    assert_eq!(count, 10);
}

/// A GeoTIFF with these keys and nothing else of note.
fn with_keys(file: &Path, keys: &[u16], text: &str) {
    use tiff::encoder::{TiffEncoder, colortype::Gray16};
    use tiff::tags::Tag;
    let mut encoder = TiffEncoder::new(fs::File::create(file).unwrap()).unwrap();
    let mut image = encoder.new_image::<Gray16>(2, 2).unwrap();
    image.encoder().write_tag(Tag::ModelPixelScaleTag, &[1.0, 1.0, 0.0][..]).unwrap();
    image.encoder().write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, 5.0, 9.0, 0.0][..]).unwrap();
    image.encoder().write_tag(Tag::GeoKeyDirectoryTag, keys).unwrap();
    image.encoder().write_tag(Tag::GeoAsciiParamsTag, text).unwrap();
    image.write_data(&[100u16, 200, 300, 400]).unwrap();
}

#[test]
fn a_user_defined_system_is_named_with_the_mend_and_feet_become_metres() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("site.tif");
    with_keys(&file, &[1, 1, 0, 2, 3072, 0, 1, 32767, 3073, 34737, 10, 0], "Site grid|");
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains("Site grid") && error.contains("--crs EPSG:<code>"), "{error}");
    with_keys(&file, &[1, 1, 0, 2, 3072, 0, 1, 2263, 4099, 0, 1, 9003], "x|");
    let (g, report) = read_with_report(&file);
    assert!((g.unwrap().values[0] - 30.48006).abs() < 1e-4 && report.warnings.keys().any(|w| w.contains("feet")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bytes_turned_over_in_any_format_never_panic(kind in 0usize..13, edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4), cut in 0usize..3000) {
        let dir = tempfile::tempdir().unwrap();
        let packed = folder(&sample("")).unwrap();
        let (name, mut bytes) = match packed.get(kind) {
            Some(file) => ("a.tif", fs::read(file).unwrap()),
            None if kind == 11 => ("a.asc", b"ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 10\nNODATA_value -9999\n1 2 3\n4 -9999 6,5\n".to_vec()),
            None => {
                let mut png = std::io::Cursor::new(Vec::new());
                image::RgbaImage::from_pixel(16, 16, image::Rgba([1, 200, 7, 255])).write_to(&mut png, image::ImageFormat::Png).unwrap();
                ("a.png", png.into_inner())
            }
        };
        for (at, to) in edits {
            // Most of what decides stands in front.
            let n = if to % 2 == 0 { bytes.len().min(400) } else { bytes.len() };
            bytes[usize::from(at) % n] = to;
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(2500)));
        let file = dir.path().join(name);
        fs::write(&file, bytes).unwrap();
        let named = if name == "a.png" { format!("mapbox:{}@3/1/2", file.display()).into() } else { file };
        let _ = read(&named);
    }
}
