//! `yiping build`: models and terrain to a city package.

use super::memory::peak_rss_mib;
use crate::city::package::{self, Job, Progress, Stage};
use crate::city::report::{BuildReport, Reason};
use crate::city::source::{CitySource, ElevationGrid};
use crate::city::{elevation, read_source};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

/// Builds a city package (3D Tiles 1.1 and city.toml) from city models and elevation models.
#[derive(clap::Args)]
pub struct Args {
    /// City models: CityJSON 1.0-2.0 (.json) and CityJSONSeq (.jsonl); elevation models (.tif, .hgt, .asc) may stand here too.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Folder of the package; an older package there is replaced when the new one is finished.
    #[arg(long)]
    out: PathBuf,
    /// Coordinate system of files that name none, e.g. EPSG:7415.
    #[arg(long)]
    crs: Option<String>,
    /// Elevation model (GeoTIFF, SRTM .hgt); may be given several times, the first with data at a place wins.
    #[arg(long)]
    terrain: Vec<PathBuf>,
    /// Title of the city; else the name of the folder.
    #[arg(long)]
    name: Option<String>,
    /// Print the report as JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs the command: 0 when a package was written, rejected objects or not.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let mut report = BuildReport::default();
    if let Some(crs) = &args.crs {
        crate::geo::Crs::new(crs).context("--crs")?;
    }
    let bars = Bars::new(args.json);
    let (sources, grids) = read(args, &mut report)?;
    let name = args.name.clone().unwrap_or_else(|| args.out.file_name().map_or("city".into(), |n| n.to_string_lossy().into_owned()));
    let job = Job { name, out: args.out.clone(), crs: args.crs.clone() };
    let built = package::build(sources, grids, &job, &bars, &mut report);
    bars.clear();
    report.seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    report.peak_rss_mib = (peak_rss_mib() * 10.0).round() / 10.0;
    built?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, &args.out);
    }
    Ok(ExitCode::SUCCESS)
}

/// Files by their ending: elevation models, everything else a city model.
fn read(args: &Args, report: &mut BuildReport) -> anyhow::Result<(Vec<CitySource>, Vec<ElevationGrid>)> {
    let (mut sources, mut grids) = (Vec::new(), Vec::new());
    for path in &args.inputs {
        if is_elevation(path) {
            grids.push(elevation::read(path)?);
        } else {
            sources.push(read_source(path, report)?);
        }
    }
    for path in &args.terrain {
        grids.push(elevation::read(path)?);
    }
    Ok((sources, grids))
}

fn is_elevation(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(ending.as_str(), "tif" | "tiff" | "hgt" | "asc")
}

fn print(report: &BuildReport, out: &Path) {
    println!(
        "{}: {} of {} objects written, {} rejected",
        out.display(),
        report.objects_written,
        report.objects_in,
        report.objects_rejected
    );
    println!("{} tiles, {} triangles, {:.1} s, {:.0} MiB at most", report.tiles, report.triangles, report.seconds, report.peak_rss_mib);
    for (title, reasons) in [("rejected", &report.rejections), ("warning", &report.warnings)] {
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
            Stage::Place => "placing objects",
            Stage::Tiles(role) => role.name(),
            Stage::Map => "map of footprints",
        });
        *self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bar;
    }

    fn advance(&self, parts: u64) {
        self.current().inc(parts);
    }
}
