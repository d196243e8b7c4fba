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

/// A tile of 3D Tiles 1.0 of its feature table, its batch table and its body.
fn wrapped(format: &str, head: &[u8], features: (&str, &[u8]), batches: &str, body: &[u8]) -> Vec<u8> {
    let lens = [features.0.len(), features.1.len(), batches.len(), 0];
    let all = 28 + head.len() + lens.iter().sum::<usize>() + body.len();
    let mut bytes = format.as_bytes().to_vec();
    [1, all].iter().chain(&lens).for_each(|n| bytes.extend((*n as u32).to_le_bytes()));
    [head, features.0.as_bytes(), features.1, batches.as_bytes(), body].iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// The smallest glb of the sample in The Hague in eight places.
pub fn instanced() -> Seed {
    let glb = package(".glb").swap_remove(0).1;
    let features = r#"{"INSTANCES_LENGTH":8,"RTC_CENTER":[6378137,0,0],"POSITION":{"byteOffset":0},"NORMAL_UP_OCT32P":{"byteOffset":96},
        "NORMAL_RIGHT_OCT32P":{"byteOffset":128},"SCALE_NON_UNIFORM":{"byteOffset":160},"BATCH_ID":{"byteOffset":256,"componentType":"UNSIGNED_BYTE"}}"#;
    let mut binary: Vec<u8> = (0..24).flat_map(|i| (i as f32 * 3.0).to_le_bytes()).collect();
    binary.extend((0..32u16).flat_map(|i| (i * 2000).to_le_bytes()));
    binary.extend((0..24).flat_map(|i| (1.0 + i as f32 * 0.1).to_le_bytes()));
    binary.extend([0, 1, 2, 3, 4, 5, 6, 7]);
    let batches =
        r#"{"kind":["oak","lime","oak","elm","oak","lime","ash","fir"],"height":{"byteOffset":0,"componentType":"FLOAT","type":"SCALAR"}}"#;
    ("trees.i3dm".into(), wrapped("i3dm", &1u32.to_le_bytes(), (features, &binary), batches, &glb))
}

/// A cloud of 64 points, quantised, of four batches.
pub fn points() -> Seed {
    let features = r#"{"POINTS_LENGTH":64,"QUANTIZED_VOLUME_OFFSET":[6378137,0,0],"QUANTIZED_VOLUME_SCALE":[10,10,10],"POSITION_QUANTIZED":{"byteOffset":0},
        "RGB565":{"byteOffset":384},"NORMAL_OCT16P":{"byteOffset":512},"BATCH_ID":{"byteOffset":640},"BATCH_LENGTH":4}"#;
    let mut binary: Vec<u8> = (0..192u16).flat_map(|i| (i * 331).to_le_bytes()).collect();
    binary.extend((0..64u16).flat_map(|i| (i * 1021).to_le_bytes()));
    binary.extend((0..128).map(|i| (i * 2) as u8));
    binary.extend((0..64u16).flat_map(|i| (i % 4).to_le_bytes()));
    ("cloud.pnts".into(), wrapped("pnts", &[], (features, &binary), r#"{"name":["a","b","c","d"]}"#, &[]))
}
