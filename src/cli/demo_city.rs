//! `yiping demo-city`: a believable demo city from a seed, as the files real data comes in.

use crate::city::demo::{City, Options, write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Generates the demo city (Suqian) from a seed: CityJSON, GeoTIFF, GeoJSON, GPX.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write into; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many buildings.
    #[arg(long, default_value_t = 20_000)]
    buildings: usize,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let city = City::generate(Options { seed: args.seed, buildings: args.buildings })?;
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
