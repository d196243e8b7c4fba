//! The real files that mutations start from: those of `tests/data`, and what this program itself writes.

use super::Seed;
use std::fs;
use std::path::{Path, PathBuf};
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, TiffEncoder, colortype};
use yiping::city::demo::Options;
use yiping::city::demo::country::Country;
use yiping::city::elevation::write_geotiff;
use yiping::city::package::{Job, Packing, build};
use yiping::city::read_source;
use yiping::city::report::BuildReport;
use yiping::city::source::ElevationGrid;

pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Files of `tests/data`.
pub fn files(paths: &[&str]) -> Vec<Seed> {
    paths.iter().map(|p| data().join(p)).map(|p| (named(&p), fs::read(&p).unwrap_or_else(|e| panic!("{}: {e}", p.display())))).collect()
}

/// Files anywhere in `tests/data` but among the regressions, by the end of their names.
pub fn ending(ending: &str) -> Vec<Seed> {
    let (mut found, mut open) = (Vec::new(), vec![data()]);
    while let Some(at) = open.pop() {
        for path in fs::read_dir(&at).into_iter().flatten().filter_map(Result::ok).map(|e| e.path()) {
            if path.is_dir() && named(&path) != "regressions" {
                open.push(path);
            } else if named(&path).ends_with(ending) {
                found.push((named(&path), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Inputs that once failed.
pub fn kept(reader: &str) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|e| e.path()).collect();
        found.sort();
        found
    };
    list(&data().join("regressions").join(reader)).iter().flat_map(|folder| list(folder)).collect()
}

/// CityJSONSeq of houses with every kind of roof.
pub fn country() -> Seed {
    let mut text = Vec::new();
    Country::new(Options { seed: 1, buildings: 12 }).map(|c| c.write(&mut text, &|_| ()).unwrap()).unwrap();
    ("country.city.jsonl".into(), text)
}

fn hills() -> ElevationGrid {
    let (width, height) = (33, 21);
    let values = (0..width * height).map(|i| 20.0 + ((i % width) as f32 * 0.3).sin() * (i / width) as f32).collect();
    let (origin, step) = ((118.27, 33.96), (0.001, -0.001));
    ElevationGrid { file: "hills.tif".into(), crs: Some("EPSG:4326".into()), origin, step, width, height, values }
}

/// GeoTIFF as this program writes it, and as others do: packed, of integers, with a fill value.
pub fn tiffs() -> Vec<Seed> {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("hills.tif");
    write_geotiff(&plain, &hills()).unwrap();
    let mut packed = Vec::new();
    let samples: Vec<i16> = hills().values.iter().map(|v| *v as i16).collect();
    let mut encoder =
        TiffEncoder::new(std::io::Cursor::new(&mut packed)).unwrap().with_compression(Compression::Deflate(DeflateLevel::Fast));
    let mut image = encoder.new_image::<colortype::GrayI16>(33, 21).unwrap();
    let mut tag = |id: u16, value: &[f64]| image.encoder().write_tag(tiff::tags::Tag::from_u16_exhaustive(id), value).unwrap();
    tag(33550, &[25.0, 25.0, 0.0]);
    tag(33922, &[0.0, 0.0, 0.0, 80_000.0, 455_000.0, 0.0]);
    image.encoder().write_tag(tiff::tags::Tag::GdalNodata, "-32768").unwrap();
    image.write_data(&samples).unwrap();
    vec![("hills.tif".into(), fs::read(&plain).unwrap()), ("packed.tif".into(), packed)]
}

/// ESRI ASCII grid.
pub fn asc() -> Seed {
    let land = hills();
    let mut text =
        format!("ncols {}\nnrows {}\nxllcorner 80000\nyllcorner 455000\ncellsize 25\nNODATA_value -9999\n", land.width, land.height);
    for row in land.values.chunks(land.width) {
        text += &(row.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(" ") + "\n");
    }
    ("hills.asc".into(), text.into_bytes())
}

/// A terrain-RGB tile.
pub fn terrain_rgb() -> Seed {
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([1, 0x86 + (x / 8) as u8, (x * y) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    ("hills.png".into(), bytes.into_inner())
}

/// SRTM of three seconds of arc.
pub fn hgt() -> Seed {
    let samples = (0..1201 * 1201_u32).flat_map(|i| ((i % 1201 / 8) as i16).to_be_bytes());
    ("N33E118.hgt".into(), samples.collect())
}

/// The sample in The Hague as one `.3tz`.
pub fn archive() -> Seed {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sample.3tz");
    let packing = Packing::of(&out).unwrap().unwrap();
    let mut report = BuildReport::default();
    let source = read_source(&data().join("the-hague-sample.city.json"), &mut report).unwrap();
    let job = Job { name: "sample".into(), out: packing.folder().to_owned(), crs: Some("EPSG:7415".into()), ..Job::default() };
    build(vec![source], Vec::new(), &job, &(), &mut report).unwrap();
    packing.pack().unwrap();
    ("sample.3tz".into(), fs::read(&out).unwrap())
}

/// Files of a package of the sample in The Hague with hills, by the end of their names; at most six, the smallest.
pub fn package(ending: &str) -> Vec<Seed> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("package");
    let mut report = BuildReport::default();
    let source = read_source(&data().join("the-hague-sample.city.json"), &mut report).unwrap();
    let land = ElevationGrid { origin: (4.29, 52.11), ..hills() };
    let job = Job { name: "sample".into(), out: out.clone(), crs: Some("EPSG:7415".into()), ..Job::default() };
    build(vec![source], vec![land], &job, &(), &mut report).unwrap();
    let (mut found, mut open) = (Vec::new(), vec![out]);
    while let Some(at) = open.pop() {
        for path in fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if named(&path).ends_with(ending) {
                found.push((named(&path), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort_by_key(|(name, bytes)| (bytes.len(), name.clone()));
    found.truncate(6);
    found
}
