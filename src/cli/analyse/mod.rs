//! `yiping analyse`: distances, heights, areas, sight, sun and sections from a package, without a screen and without a GPU.

mod output;
mod point;

#[cfg(feature = "screen")]
pub use point::clip;

use super::header::HeaderArgs;
use crate::analysis::{self, Asked, Gathered, Report, SectionInput, Spot, Stage, SunInput, ToolInput, ToolResult, ViewshedInput};
use crate::tiles::MemoryBudget;
use anyhow::Context;
use chrono::NaiveDate;
use clap::Subcommand;
use output::Timing;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Measure a city: distance, height, area, line of sight, viewshed, sun hours, section.
///
/// Places are LON,LAT in degrees (on the ground, or a person's eyes over it), LON,LAT,H with metres above the ellipsoid, or LON,LAT,+H with
/// metres above the ground. Lists of places in the western hemisphere stand last, after --.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    tool: Tool,
    /// City package or tileset: a folder, a tileset.json, a .3tz, or an http(s) address.
    #[arg(long, global = true, default_value = "")]
    package: String,
    #[command(flatten)]
    header: HeaderArgs,
    /// Write the answer here: .geojson (or .json) or .csv by the name.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Leave out what this GeoJSON polygon or clip file (JSON with polygon, above_m, plane) cuts away; it casts no shadow either.
    #[arg(long, global = true)]
    clip: Option<PathBuf>,
    /// Memory for decoded tiles, MB.
    #[arg(long, global = true, default_value_t = analysis::MEMORY_BYTES >> 20)]
    memory: usize,
}

#[derive(Subcommand)]
enum Tool {
    /// Through the air, along the ellipsoid and along the ground, over two points or more.
    Distance {
        #[arg(required = true, num_args = 2.., value_parser = point::parse)]
        points: Vec<Spot>,
    },
    /// Of what stands at a point, over the ground.
    Height {
        #[arg(value_parser = point::parse, allow_hyphen_values = true)]
        at: Spot,
        /// All buildings within too, metres.
        #[arg(long, default_value_t = 0.0)]
        radius: f64,
    },
    /// Of a polygon: in plan and along the ground.
    Area {
        #[arg(required = true, num_args = 3.., value_parser = point::parse)]
        points: Vec<Spot>,
    },
    /// Whether one point sees another, and what stands between.
    LineOfSight {
        #[arg(value_parser = point::parse, allow_hyphen_values = true)]
        from: Spot,
        #[arg(value_parser = point::parse, allow_hyphen_values = true)]
        to: Spot,
    },
    /// Ground and buildings seen from a point.
    Viewshed {
        #[arg(value_parser = point::parse, allow_hyphen_values = true)]
        from: Spot,
        /// Metres.
        #[arg(long, default_value_t = 500.0)]
        radius: f64,
        /// Metres between cells of the ground.
        #[arg(long, default_value_t = 5.0)]
        step: f64,
        /// Direction of view, degrees clockwise from north [default: all around]
        #[arg(long)]
        heading: Option<f64>,
        /// Width of view around --heading, degrees.
        #[arg(long, default_value_t = 120.0)]
        field: f64,
        /// Metres above the ground of what should be seen.
        #[arg(long, default_value_t = 0.2)]
        target: f64,
    },
    /// Hours of sun on walls and roofs in a day.
    SunHours {
        /// On the building, or the middle of --radius.
        #[arg(value_parser = point::parse, allow_hyphen_values = true)]
        at: Spot,
        /// All buildings within, metres; 0 takes the one at the point.
        #[arg(long, default_value_t = 0.0)]
        radius: f64,
        /// Attribute id of one building.
        #[arg(long)]
        object: Option<String>,
        /// YYYY-MM-DD.
        #[arg(long)]
        date: NaiveDate,
        /// Hours the clock is ahead of UTC [default: by the longitude]
        #[arg(long, allow_hyphen_values = true)]
        utc_offset: Option<f64>,
        /// Minutes between instants.
        #[arg(long, default_value_t = 10.0)]
        step: f64,
        /// Metres between points on walls and roofs.
        #[arg(long, default_value_t = 2.0)]
        grid: f64,
        /// How far around what casts shadows is read, metres.
        #[arg(long, default_value_t = 500.0)]
        shade: f64,
    },
    /// Profile of ground and buildings along a line.
    Section {
        #[arg(required = true, num_args = 2.., value_parser = point::parse)]
        points: Vec<Spot>,
        /// Metres between samples.
        #[arg(long, default_value_t = 1.0)]
        step: f64,
    },
    /// The question in a JSON file, as `yiping snapshot --tool` takes it.
    File { file: PathBuf },
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.package.is_empty() {
        anyhow::bail!("which city? give --package, such as --package ~/.local/share/yiping/suqian/package");
    }
    let mut asked = asked(&args.tool)?;
    if let Some(file) = &args.clip {
        asked.clip = Some(point::clip(file)?);
    }
    let begun = Instant::now();
    let bar = output::Bar::new(args.json);
    let (gathered, result, timing) = answer(args, &asked, &|stage, part| bar.show(stage, part), begun)?;
    bar.clear();
    if gathered.failed > 0 {
        eprintln!("yiping: {} tiles could not be read; what stands on them is missing from the answer", gathered.failed);
    }
    if let Some(file) = &args.out {
        output::write(file, &result)?;
    }
    output::print(&result, &gathered, &timing, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn answer(args: &Args, asked: &Asked, report: &Report<'_>, begun: Instant) -> anyhow::Result<(Gathered, ToolResult, Timing)> {
    let extent = asked.input.extent().context("the question names no place")?;
    let memory = MemoryBudget::new(args.memory << 20);
    let mut gathered = analysis::gather(&args.package, args.header.headers()?, &extent, &memory, report)?;
    gathered.kernel.set_clip(&asked.clip.clone().unwrap_or_default());
    let read_s = begun.elapsed().as_secs_f64();
    let result = analysis::run(&gathered.kernel, &asked.input, report)?;
    Ok((gathered, result, Timing { read_s, compute_s: begun.elapsed().as_secs_f64() - read_s }))
}

fn asked(tool: &Tool) -> anyhow::Result<Asked> {
    let input = match tool {
        Tool::Distance { points } => ToolInput::Distance { points: points.clone() },
        Tool::Height { at, radius } => ToolInput::Height { at: *at, radius_m: *radius },
        Tool::Area { points } => ToolInput::Area { points: points.clone() },
        Tool::LineOfSight { from, to } => ToolInput::LineOfSight { from: *from, to: *to },
        Tool::Viewshed { from, radius, step, heading, field, target } => ToolInput::Viewshed(ViewshedInput {
            step_m: *step,
            heading_deg: *heading,
            field_deg: *field,
            target_m: *target,
            ..ViewshedInput::new(*from, *radius)
        }),
        Tool::SunHours { at, radius, object, date, utc_offset, step, grid, shade } => ToolInput::SunHours(SunInput {
            radius_m: *radius,
            object: object.clone(),
            utc_offset_h: *utc_offset,
            step_min: *step,
            grid_m: *grid,
            shade_m: *shade,
            ..SunInput::new(*at, *date)
        }),
        Tool::Section { points, step } => ToolInput::Section(SectionInput { points: points.clone(), step_m: *step }),
        Tool::File { file } => return read(file),
    };
    Ok(Asked { input, clip: None })
}

/// A question as a file holds it.
///
/// # Errors
/// When the file can't be read or is no question.
pub fn read(file: &Path) -> anyhow::Result<Asked> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!("{} is no question; it looks like {{\"tool\": \"height\", \"at\": {{\"lon\": 118.25, \"lat\": 33.98}}}}", file.display())
    })
}

/// What a stage is called on a bar.
fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "reading tiles",
        Stage::Build => "sorting triangles",
        Stage::Compute => "asking rays",
    }
}
