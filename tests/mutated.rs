//! Every reader over mutated real files: no panic, no input that takes over a second, no more than 512 MiB of memory.
//!
//! A few inputs a reader in the normal run; `YIPING_MUTATIONS=100000 cargo test --no-default-features --test mutated -- --nocapture` for the long
//! one (`docs/fuzzing.md` has its figures). Each input follows from its reader and number alone. What failed is kept as
//! `tests/data/regressions/READER/NUMBER/FILE`, and every run begins with those.

#[path = "mutated/limits.rs"]
mod limits;
#[path = "mutated/mutation.rs"]
mod mutation;
#[path = "mutated/seeds.rs"]
mod seeds;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use yiping::city::raster::Scratch;
use yiping::city::report::BuildReport;
use yiping::city::{ModelPlace, ReadOptions, elevation, inspect, read_parts};
use yiping::tiles::{DecodeContext, TileError, UpAxis, decode};

#[global_allocator]
static ALLOCATOR: limits::Counting = limits::Counting;

/// Inputs a reader in the normal run: all readers together take a second or two.
const INPUTS: u64 = 60;
/// One reader at a time: time and memory are measured for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Through which door a file goes in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    /// `yiping build` on a city model.
    Objects,
    /// `--terrain`.
    Heights,
    /// `yiping inspect`.
    Inspect,
    /// What a screen loads.
    Content,
}

/// A seed: its file name, by whose ending some formats are told, and its bytes.
type Seed = (String, Vec<u8>);

struct Reader {
    name: &'static str,
    door: Door,
    seeds: Vec<Seed>,
}

#[test]
fn cityjson() {
    run(Reader { name: "cityjson", door: Door::Objects, seeds: seeds::files(&["the-hague-sample.city.json", "textured.city.json"]) });
}

#[test]
fn cityjsonseq() {
    let mut seeds = seeds::files(&["the-hague-sample.city.jsonl"]);
    seeds.push(seeds::country());
    run(Reader { name: "cityjsonseq", door: Door::Objects, seeds });
}

/// Of as many files as there are: the reader and its samples come with a branch of their own.
#[test]
fn citygml() {
    let seeds = seeds::ending(".gml");
    if seeds.is_empty() {
        return eprintln!("NOT CHECKED: no CityGML in tests/data");
    }
    run(Reader { name: "citygml", door: Door::Objects, seeds });
}

#[test]
fn geojson() {
    run(Reader { name: "geojson", door: Door::Objects, seeds: seeds::files(&["osm-footprints.geojson"]) });
}

#[test]
fn flatgeobuf() {
    run(Reader { name: "flatgeobuf", door: Door::Objects, seeds: seeds::files(&["osm-footprints.fgb"]) });
}

#[test]
fn flatcitybuf() {
    run(Reader { name: "flatcitybuf", door: Door::Objects, seeds: seeds::files(&["the-hague-sample.fcb"]) });
}

#[test]
fn gltf() {
    let mut seeds = seeds::files(&["3d-tiles/ComplexTypes.gltf", "3d-tiles/GpuInstancesMetadata.gltf"]);
    seeds.extend(seeds::package(".glb"));
    run(Reader { name: "gltf", door: Door::Objects, seeds });
}

#[test]
fn geotiff() {
    let mut seeds = seeds::ending(".tif");
    seeds.extend(seeds::tiffs());
    run(Reader { name: "geotiff", door: Door::Heights, seeds });
}

#[test]
fn hgt() {
    run(Reader { name: "hgt", door: Door::Heights, seeds: vec![seeds::hgt()] });
}

#[test]
fn ascii_grid() {
    run(Reader { name: "asc", door: Door::Heights, seeds: vec![seeds::asc()] });
}

#[test]
fn terrain_rgb() {
    run(Reader { name: "terrain-rgb", door: Door::Heights, seeds: vec![seeds::terrain_rgb()] });
}

#[test]
fn tileset() {
    run(Reader { name: "tileset", door: Door::Inspect, seeds: seeds::package("tileset.json") });
}

/// An archive taken apart, as `--retile` does it.
#[test]
fn archive() {
    run(Reader { name: "archive", door: Door::Objects, seeds: vec![seeds::archive()] });
}

#[test]
fn content() {
    let mut seeds = seeds::files(&["3d-tiles/ll.b3dm", "3d-tiles/ComplexTypes.gltf", "3d-tiles/GpuInstancesMetadata.gltf"]);
    seeds.extend(seeds::files(&["3d-tiles/SimplePropertyTexture.gltf", "3d-tiles/pointCloudDracoBatched.pnts"]));
    seeds.extend(seeds::package(".glb"));
    seeds.extend([seeds::instanced(), seeds::points()]);
    run(Reader { name: "content", door: Door::Content, seeds });
}

/// A number from the environment.
fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(reader: Reader) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(!reader.seeds.is_empty() && reader.seeds.iter().all(|s| !s.1.is_empty()), "{}: a seed is missing", reader.name);
    limits::watch();
    for (name, bytes) in &reader.seeds {
        enter(reader.door, &limits::put(reader.name, u64::MAX, name, bytes), u64::MAX);
    }
    limits::rest();
    for file in seeds::kept(reader.name) {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for number in [0, 1] {
            let at = limits::put(reader.name, number, &name, &bytes);
            let said = catch_unwind(AssertUnwindSafe(|| enter(reader.door, &at, number)));
            assert!(said.is_ok(), "{} is broken again", file.display());
        }
    }
    limits::rest();
    let inputs = set("YIPING_MUTATIONS").unwrap_or(INPUTS);
    let first = set("YIPING_MUTATIONS_FROM").unwrap_or(0);
    let begun = Instant::now();
    let failed = mutated(&reader, first, inputs);
    let peak = limits::peak_mib();
    println!("{}: {inputs} inputs, {:.1} s, at most {peak} MiB, {} found", reader.name, begun.elapsed().as_secs_f64(), failed.len());
    assert!(failed.is_empty(), "{}: kept as {failed:?}", reader.name);
}

/// Files kept of the inputs that made the reader panic: the first of each place in the code.
fn mutated(reader: &Reader, first: u64, inputs: u64) -> Vec<PathBuf> {
    let (mut places, mut failed) = (BTreeSet::new(), Vec::new());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        *limits::PANICKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = info.to_string();
    }));
    for number in first..first + inputs {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        let (name, bytes) = mutation::mutate(&reader.seeds, &mut rng);
        let at = limits::put(reader.name, number, &name, &bytes);
        if catch_unwind(AssertUnwindSafe(|| enter(reader.door, &at, number))).is_err() {
            let said = std::mem::take(&mut *limits::PANICKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
            if places.insert(said.lines().next().unwrap_or_default().to_owned()) {
                eprintln!("{} {number}: {said}", reader.name);
                failed.push(limits::keep());
            }
        }
    }
    limits::rest();
    std::panic::set_hook(before);
    failed
}

/// Puts a file through its door; errors are what most answers are.
fn enter(door: Door, file: &Path, number: u64) {
    match door {
        Door::Objects => {
            // Some inputs are read by their index, where the format has one; few, because each asks PROJ where it lies.
            let extent = (number % 8 == 1).then_some([4.2, 52.0, 118.2755, 52.2]);
            let place = Some(ModelPlace { lon_deg: 118.3, lat_deg: 33.9, height_m: None, heading_deg: 30.0, scale: 1.0 });
            let options = ReadOptions { extent, place, ..ReadOptions::default() };
            let _ = read_parts(file, &options, &mut BuildReport::default(), &mut |part| {
                std::hint::black_box(&part);
                Ok(())
            });
        }
        Door::Heights => {
            // A terrain tile that lies in no folder of tiles says which one it is behind its name.
            let mut named = std::ffi::OsString::new();
            let tile = file.extension().is_some_and(|e| e == "png");
            named.push(if tile { "mapbox:" } else { "" });
            named.push(file);
            named.push(if tile { "@10/906/404" } else { "" });
            let (scratch, mut report) = (Scratch::temporary(), BuildReport::default());
            let mut reading = elevation::Reading { scratch: &scratch, crs_given: true, report: &mut report };
            let _ = std::hint::black_box(elevation::read(Path::new(&named), &mut reading));
        }
        Door::Inspect => {
            let _ = std::hint::black_box(inspect::inspect(file, &inspect::Watch::default()));
        }
        Door::Content => {
            let bytes = std::fs::read(file).unwrap_or_default();
            let external =
                |url: &str| Err(TileError::Bad { url: url.into(), place: "buffer".into(), what: "none here".into(), mend: String::new() });
            let transform = glam::DMat4::IDENTITY;
            let _ = std::hint::black_box(decode(
                &bytes,
                &DecodeContext { url: "a", transform, up_axis: UpAxis::Y, error_m: 0.0, external: &external },
            ));
        }
    }
}
