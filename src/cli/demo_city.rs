//! `yiping demo-city`: a believable demo city from a seed, as the files real data comes in; or a whole country of buildings.

use crate::city::demo::country::Country;
use crate::city::demo::{City, Options, write};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// More buildings than this are a country: about what the demo city has room for.
const CITY_BUILDINGS_MAX: usize = 25_000;
/// The one file of a country.
const COUNTRY_FILE: &str = "buildings.city.jsonl";

/// Generates the demo city (Suqian) from a seed: CityJSON, GeoTIFF, GeoJSON, GPX. With more than 25,000 buildings: a country of towns and villages
/// around it, buildings only, as one CityJSONSeq.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write into; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many buildings, up to 10 million.
    #[arg(long, default_value_t = 20_000)]
    buildings: usize,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let options = Options { seed: args.seed, buildings: args.buildings };
    if args.buildings > CITY_BUILDINGS_MAX {
        return country(args, options, start);
    }
    let city = City::generate(options)?;
    let summary = write::write(&city, &args.out)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!(
            "{}: {} buildings up to {:.0} m, {} roads, {} villages, {:.1} s",
            args.out.display(),
            summary.buildings,
            summary.highest_m,
            summary.roads,
            summary.villages,
            start.elapsed().as_secs_f64()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn country(args: &Args, options: Options, start: Instant) -> anyhow::Result<ExitCode> {
    let country = Country::new(options)?;
    let path = args.out.join(COUNTRY_FILE);
    std::fs::create_dir_all(&args.out).with_context(|| format!("{}: is the folder above writable?", args.out.display()))?;
    let file = File::create(&path).with_context(|| format!("{}: is the folder writable?", path.display()))?;
    let bar = bar(args.buildings as u64, args.json);
    let written = country.write(&mut BufWriter::with_capacity(1 << 20, file), &|n| bar.inc(n));
    bar.finish_and_clear();
    let summary = written.with_context(|| format!("{}: is the disk full?", path.display()))?;
    let mib = std::fs::metadata(&path)?.len() as f64 / 1_048_576.0;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!(
            "{}: {} buildings up to {:.0} m in {} settlements over {:.0} x {:.0} km, {mib:.0} MiB, {:.1} s",
            path.display(),
            summary.buildings,
            summary.highest_m,
            summary.settlements,
            summary.size_km[0],
            summary.size_km[1],
            start.elapsed().as_secs_f64()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Progress on stderr; nothing when it is no terminal or the output is for a program.
fn bar(total: u64, json: bool) -> ProgressBar {
    let hidden = json || !std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(Some(total), if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    if let Ok(style) = ProgressStyle::with_template("{msg:>20} [{bar:40}] {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_message("buildings")
}
