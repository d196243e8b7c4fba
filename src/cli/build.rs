//! `yiping build`: models and terrain to a city package.

use super::datum::Told;
use super::memory::peak_rss_mib;
use super::remote;
use crate::city::elevation::{self, Reading};
use crate::city::ortho;
use crate::city::package::{self, Builder, Flatten, Job, Progress, Stage};
use crate::city::raster::Scratch;
use crate::city::report::{BuildReport, Reason};
use crate::city::tileset::{ExistingTileset, TilesetPlace, is_tileset};
use crate::city::{CityError, ModelPlace, ReadOptions, read_parts};
use crate::model::city::CityManifest;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// Builds a city package (3D Tiles 1.1 and city.toml) from city models and elevation models.
#[derive(clap::Args)]
pub struct Args {
    /// City models: CityJSON 1.0-2.0 (.json), CityJSONSeq (.jsonl), CityGML 1.0-2.0 (.gml), FlatCityBuf, footprints (GeoJSON, FlatGeobuf) and glTF
    /// models; elevation models (.tif, .hgt, .asc) may stand here too, and 3D Tiles 1.0 and 1.1 (a folder, a tileset.json, a .3tz, an http(s)
    /// address), which are passed through as they are. With --merge: the folders that builds with --shard made.
    #[arg(required_unless_present = "terrain")]
    inputs: Vec<PathBuf>,
    /// Folder of the package, or one file of it (.3tz); an older package there is replaced when the new one is finished.
    #[arg(long)]
    out: PathBuf,
    /// Coordinate system of files that name none, e.g. EPSG:7415, gcj02 or bd09; FILE=SYSTEM for a single file (its name without folder).
    #[arg(long)]
    crs: Vec<String>,
    /// What heights count from: ellipsoidal, egm96, a geoid's height in metres (e.g. 43.2), or a geoid grid (GeoTIFF, ESRI ASCII, as PROJ has
    /// them); FILE=HEIGHTS for a single file. Without it geographic 3D systems are ellipsoidal, and all others count from the sea of EGM96.
    #[arg(long, allow_hyphen_values = true)]
    heights: Vec<String>,
    /// Elevation model: GeoTIFF or COG, SRTM .hgt, ESRI ASCII .asc (with its .prj), a folder of these, or terrain-RGB tiles: a folder
    /// zoom/x/y.png or one tile FILE.png@zoom/x/y, with terrarium: or mapbox: in front when the colours don't tell. May be given several times, the
    /// first with data at a place wins.
    #[arg(long)]
    terrain: Vec<PathBuf>,
    /// Orthophoto laid over the terrain: GeoTIFF, PNG or JPEG with a world file, or a folder zoom/x/y.png or .jpg; may be given several times, the
    /// first with a picture at a place wins.
    #[arg(long)]
    ortho: Vec<PathBuf>,
    /// Make the terrain level under water (at its level), under buildings (at their foot), or both: --flatten water,buildings.
    #[arg(long, value_enum, value_delimiter = ',')]
    flatten: Vec<Under>,
    /// TOML that says which attributes of footprints hold heights, storeys and roofs; else those of OpenStreetMap, Overture and others are tried.
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Only what touches this: west,south,east,north in degrees.
    #[arg(long, value_delimiter = ',', num_args = 4, allow_negative_numbers = true)]
    extent: Option<Vec<f64>>,
    /// Level of detail wanted, e.g. 1 or 2.2; else the best that each object has.
    #[arg(long)]
    lod: Option<String>,
    /// Where glTF models and tilesets stand that are not on Earth by themselves: longitude,latitude,height,heading (degrees, metres above the
    /// ellipsoid, degrees clockwise); without height and heading on the ground, looking north.
    #[arg(long, value_parser = place, allow_hyphen_values = true, value_name = "LON,LAT[,HEIGHT[,HEADING]]")]
    place: Option<ModelPlace>,
    /// Take 3D Tiles apart and build them anew, as any other source: one object a feature, with its attributes.
    #[arg(long)]
    retile: bool,
    /// Make share I of N of the tiles only, e.g. 2/3; the same sources and settings on every machine, then --merge.
    #[arg(long, value_parser = share)]
    shard: Option<(u32, u32)>,
    /// Join what builds with --shard made.
    #[arg(long, conflicts_with = "shard")]
    merge: bool,
    /// Go on watching the inputs, and build again when one changes: only tiles that it touches are made anew.
    #[arg(long, conflicts_with_all = ["shard", "merge"])]
    watch: bool,
    /// Cores to use; else all.
    #[arg(long)]
    threads: Option<usize>,
    /// Title of the city; else the name of the folder.
    #[arg(long)]
    name: Option<String>,
    /// Print the report as JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--flatten` takes.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Under {
    Water,
    Buildings,
}

/// How often the inputs are looked at with `--watch`.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// Runs the command: 0 when a package was written, rejected objects or not.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("--threads")?;
    }
    once(args)?;
    if args.watch {
        watch(args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds, and says what came of it.
///
/// # Errors
/// What stopped the build.
pub(super) fn once(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let packing = package::Packing::of(&args.out)?;
    let out = packing.as_ref().map_or(args.out.as_path(), |p| p.folder());
    let (manifest, mut report) = if args.merge { package::merge(&args.inputs, out)? } else { build(args, out)? };
    packing.map_or(Ok(()), |p| p.pack())?;
    report.seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    report.peak_rss_mib = (peak_rss_mib() * 10.0).round() / 10.0;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, &args.out);
        if manifest.counts.imported > 0 {
            println!("{} contents of existing tilesets passed through", manifest.counts.imported);
        }
    }
    Ok(())
}

fn build(args: &Args, out: &Path) -> anyhow::Result<(CityManifest, BuildReport)> {
    let called = if out == args.out { args.out.file_name() } else { args.out.file_stem() };
    let name = args.name.clone().unwrap_or_else(|| called.map_or("city".into(), |n| n.to_string_lossy().into_owned()));
    let extent = args.extent.as_ref().and_then(|e| <[f64; 4]>::try_from(e.as_slice()).ok());
    let flatten = Flatten { water: args.flatten.contains(&Under::Water), buildings: args.flatten.contains(&Under::Buildings) };
    let Told { crs, heights, of_files } = Told::of(&args.crs, &args.heights)?;
    let job = Job { name, out: out.to_owned(), crs, heights, of_files, share: args.shard, extent, flatten };
    let options = ReadOptions { lod: args.lod.clone(), mapping: args.mapping.clone(), extent, place: args.place };
    let bars = Bars::new(args.json);
    let size = |p: &PathBuf| std::fs::metadata(p).map_or(0, |m| m.len());
    bars.start(Stage::Read, args.inputs.iter().chain(&args.terrain).map(size).sum());
    let (ground, models): (Vec<&PathBuf>, Vec<&PathBuf>) = args.inputs.iter().partition(|p| is_elevation(p));
    let (mut grids, mut report) = (Vec::new(), BuildReport::default());
    // Beside the package: where that has room, the grids have some, too.
    let scratch = Scratch::new(out.parent().unwrap_or(out));
    for path in ground.into_iter().chain(&args.terrain) {
        let mut reading = Reading { scratch: &scratch, crs_given: !args.crs.is_empty(), report: &mut report };
        grids.extend(elevation::read(path, &mut reading)?);
        bars.advance(size(path));
    }
    let mut builder = Builder::new(&job, grids)?;
    let photos = args.ortho.iter().map(|path| ortho::read(path, &scratch, &mut report)).collect::<Result<_, _>>()?;
    builder.drape(photos)?;
    let mut taken = Vec::new();
    for path in models {
        if remote::is_address(path) {
            let at = remote::open(path, out, args.json)?;
            taken.push(if args.retile { Taken::Fetched(ExistingTileset::open(at, args.place)?) } else { Taken::Whole(at) });
        } else if !args.retile && is_tileset(path) {
            taken.push(Taken::Whole(TilesetPlace::open(path)?));
        } else {
            read_into(&mut builder, path, &options, &mut report)?;
        }
        bars.advance(size(path));
    }
    let mut fetched = Vec::new();
    for tileset in taken {
        match tileset {
            Taken::Whole(at) => builder.import(&ExistingTileset::open(at, args.place)?)?,
            Taken::Fetched(tileset) => {
                // Kept until the build is finished, which takes the checksum.
                let folder = Fetched::new(out, fetched.len());
                let named = folder.0.join(tileset.name());
                fetched.push(folder);
                tileset.copy(&named, &mut report)?;
                let root = if tileset.root() == "tileset.json" { named } else { named.join(tileset.root()) };
                read_into(&mut builder, &root, &options, &mut report)?;
            }
        }
    }
    let built = builder.finish(&bars, report);
    bars.clear();
    Ok(built?)
}

/// A tileset among the inputs.
enum Taken {
    /// To be passed through.
    Whole(TilesetPlace),
    /// On the network, to be re-tiled.
    Fetched(ExistingTileset),
}

/// The folder of a tileset that was fetched to be taken apart; removed when dropped.
struct Fetched(PathBuf);

impl Fetched {
    fn new(out: &Path, number: usize) -> Self {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        Self(out.with_file_name(format!(".{name}.tileset-{}-{number}", std::process::id())))
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // Beside the package and not of it: left over, it harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Hands a source on to the builder as it is read.
fn read_into(builder: &mut Builder, path: &Path, options: &ReadOptions, report: &mut BuildReport) -> anyhow::Result<()> {
    let mut refused = None;
    let read = read_parts(path, options, report, &mut |part| {
        builder.add(part).map_err(|e| {
            refused = Some(e);
            CityError::Stopped { file: path.to_owned() }
        })
    });
    // What stopped the reading says more than that it was stopped.
    refused.map_or(Ok(()), Err)?;
    Ok(read?)
}

/// Builds again whenever an input changes, until interrupted. A build that fails is told, and the package stays as it was.
fn watch(args: &Args) -> anyhow::Result<()> {
    let stamps = || -> Vec<Option<SystemTime>> {
        args.inputs
            .iter()
            .filter(|p| !remote::is_address(p))
            .cloned()
            .chain(args.terrain.iter().map(|t| elevation::path_of(t)))
            .chain(args.ortho.iter().cloned())
            .map(|p| std::fs::metadata(p).and_then(|m| m.modified()).ok())
            .collect()
    };
    let mut last = stamps();
    eprintln!("watching {} files; Ctrl-C ends", last.len());
    loop {
        std::thread::sleep(WATCH_EVERY);
        let now = stamps();
        // A file that is just being replaced is not there: wait until it is.
        if now == last || now.iter().any(Option::is_none) {
            continue;
        }
        last = now;
        if let Err(e) = once(args) {
            eprintln!("{e:#}; the package stays as it was");
        }
    }
}

/// `2/3` -> the second of three, counted from 0.
fn share(text: &str) -> Result<(u32, u32), String> {
    let parse = || {
        let (part, of) = text.split_once('/')?;
        Some((part.trim().parse::<u32>().ok()?, of.trim().parse::<u32>().ok()?))
    };
    match parse() {
        Some((part, of)) if part >= 1 && part <= of => Ok((part - 1, of)),
        _ => Err("write I/N with 1 <= I <= N, e.g. 2/3".to_owned()),
    }
}

/// `lon,lat[,height[,heading]]`.
fn place(text: &str) -> Result<ModelPlace, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    let (lon_deg, lat_deg, height_m, heading_deg) = match numbers.as_deref() {
        Some([lon, lat]) => (*lon, *lat, None, 0.0),
        Some([lon, lat, height]) => (*lon, *lat, Some(*height), 0.0),
        Some([lon, lat, height, heading]) => (*lon, *lat, Some(*height), *heading),
        _ => return Err("write LON,LAT, LON,LAT,HEIGHT or LON,LAT,HEIGHT,HEADING, e.g. 118.2755,33.9632,23.5,30".to_owned()),
    };
    Ok(ModelPlace { lon_deg, lat_deg, height_m, heading_deg, scale: 1.0 })
}

fn is_elevation(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(ending.as_str(), "tif" | "tiff" | "hgt" | "asc" | "png") || elevation::path_of(path) != path
}

fn print(report: &BuildReport, out: &Path) {
    println!(
        "{}: {} of {} objects written, {} rejected",
        out.display(),
        report.objects_written,
        report.objects_in,
        report.objects_rejected
    );
    let per_s = report.objects_written as f64 / report.seconds.max(1e-3);
    println!(
        "{} tiles ({} as before), {} triangles, {per_s:.0} objects/s, {:.1} s, {:.0} MiB at most",
        report.tiles, report.tiles_kept, report.triangles, report.seconds, report.peak_rss_mib
    );
    if report.samples_in > 0 {
        println!("{} of {} elevation samples used", report.samples_used, report.samples_in);
    }
    let all = [("rejected", &report.rejections), ("samples left out", &report.samples_left_out), ("warning", &report.warnings)];
    for (title, reasons) in all {
        print_reasons(title, reasons);
    }
}

fn print_reasons(title: &str, reasons: &BTreeMap<String, Reason>) {
    for (reason, r) in reasons {
        println!("{title}: {} x {reason}", r.count);
        r.examples.iter().for_each(|e| println!("    {e}"));
    }
}

/// Progress on stderr; nothing when it is no terminal or the output is for a program.
struct Bars {
    hidden: bool,
    current: Mutex<ProgressBar>,
}

impl Bars {
    fn new(json: bool) -> Self {
        Self { hidden: json || !std::io::stderr().is_terminal(), current: Mutex::new(ProgressBar::hidden()) }
    }

    fn current(&self) -> ProgressBar {
        // A panic elsewhere can't leave a progress bar in a wrong state.
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn clear(&self) {
        self.current().finish_and_clear();
    }
}

impl Progress for Bars {
    fn start(&self, stage: Stage, total: u64) {
        self.clear();
        let target = if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:>20} [{bar:40}] {pos}/{len} {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(match stage {
            Stage::Read => "reading",
            Stage::Tiles(role) => role.name(),
        });
        *self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bar;
    }

    fn advance(&self, parts: u64) {
        self.current().inc(parts);
    }
}
