//! `yiping bench build`: how long a city takes to become a package, against merely parsing its file.

use super::super::build;
use anyhow::{Context, bail};
use clap::Parser;
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Time and memory of `yiping build` on a file, on one core and on all, against `serde_json` merely parsing it; the best of several runs each.
#[derive(clap::Args)]
pub struct Args {
    /// City model to build.
    input: PathBuf,
    /// Coordinate system, where the file names none.
    #[arg(long)]
    crs: Option<String>,
    /// Runs of each kind; the best counts, because a shared machine only ever adds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
    /// Only parse, and print the seconds: what this command runs as a process of its own.
    #[arg(long, hide = true)]
    parse_only: bool,
    /// Only build, twice, with so many threads, and print both reports: another process of its own.
    #[arg(long, hide = true, value_name = "THREADS")]
    build_only: Option<usize>,
}

/// `yiping build` as its own command line gives it.
#[derive(clap::Parser)]
struct Build {
    #[command(flatten)]
    args: build::Args,
}

/// What came out.
#[derive(Serialize)]
struct Figures {
    file: String,
    mib: f64,
    objects: u64,
    tiles: u64,
    /// `serde_json` to a `Value`, a line at a time for a sequence; `None` for files that are not JSON.
    parse_s: Option<f64>,
    /// The same a second time in the same process, whose memory is there already: what no program that starts can reach.
    parse_warm_s: Option<f64>,
    parse_peak_mib: Option<f64>,
    cores: usize,
    one_core_s: f64,
    /// A second time in the same process, beside `parse_warm_s`.
    one_core_warm_s: f64,
    all_cores_s: f64,
    one_core_peak_mib: f64,
    all_cores_peak_mib: f64,
    objects_per_s: f64,
    /// One core over parsing alone, each by a process that starts.
    times_parsing: Option<f64>,
    /// One core over parsing alone, each the second time in its process.
    times_parsing_warm: Option<f64>,
    /// One core over all cores.
    speed_up: f64,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.parse_only {
        let timed = || {
            let start = Instant::now();
            let value = parse(&args.input);
            (start.elapsed().as_secs_f64(), value)
        };
        // What giving a million values back takes is not counted.
        let (cold_s, value) = timed();
        drop(value?);
        let (warm_s, value) = timed();
        value?;
        println!("{cold_s} {warm_s} {}", super::super::memory::peak_rss_mib());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(threads) = args.build_only {
        build_twice(args, threads)?;
        return Ok(ExitCode::SUCCESS);
    }
    let figures = measure(args)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &Args) -> anyhow::Result<Figures> {
    let cores = std::thread::available_parallelism()?.get();
    // One by one and in turns, so that a slow minute of the machine hits all alike.
    let (mut parsed, mut one, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..args.runs {
        eprintln!("run {} of {}", n + 1, args.runs);
        if is_json(&args.input) {
            parsed.push(child_parse(args)?);
        }
        for (threads, runs) in [(1, &mut one), (cores, &mut all)] {
            runs.push(child_build(args, threads)?);
        }
    }
    // The first and the second time of each kind by themselves: it need not be the same run that was quickest.
    let best = |runs: &[[Value; 2]], time: usize| {
        runs.iter().map(|r| &r[time]).min_by(|a, b| seconds(a).total_cmp(&seconds(b))).cloned().unwrap_or_default()
    };
    let (one, one_warm_s, all) = (best(&one, 0), seconds(&best(&one, 1)), best(&all, 0));
    let peak = |r: &Value| r["peak_rss_mib"].as_f64().unwrap_or(0.0);
    let least = |n: usize| parsed.iter().map(|p: &[f64; 3]| p[n]).min_by(f64::total_cmp);
    let objects = all["objects_written"].as_u64().unwrap_or(0);
    Ok(Figures {
        file: args.input.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        mib: std::fs::metadata(&args.input)?.len() as f64 / 1_048_576.0,
        objects,
        tiles: all["tiles"].as_u64().unwrap_or(0),
        parse_s: least(0),
        parse_warm_s: least(1),
        parse_peak_mib: least(2),
        cores,
        one_core_s: seconds(&one),
        one_core_warm_s: one_warm_s,
        all_cores_s: seconds(&all),
        one_core_peak_mib: peak(&one),
        all_cores_peak_mib: peak(&all),
        objects_per_s: objects as f64 / seconds(&all),
        times_parsing: least(0).map(|s| seconds(&one) / s),
        times_parsing_warm: least(1).map(|s| one_warm_s / s),
        speed_up: seconds(&one) / seconds(&all),
    })
}

fn seconds(report: &Value) -> f64 {
    report["seconds"].as_f64().unwrap_or(f64::INFINITY)
}

fn is_json(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(ending.as_str(), "json" | "jsonl" | "geojson" | "cityjson")
}

/// Builds twice, and prints a report a line; the packages are gone afterwards.
fn build_twice(args: &Args, threads: usize) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("threads")?;
    let out = std::env::temp_dir().join(format!("yiping-bench-{}", std::process::id()));
    let mut line: Vec<OsString> = ["build".into(), args.input.clone().into(), "--json".into(), "--out".into(), out.clone().into()].into();
    line.extend(args.crs.iter().flat_map(|crs| ["--crs".into(), crs.into()]));
    let command = Build::try_parse_from(line)?;
    for _ in 0..2 {
        let built = build::once(&command.args);
        // The next one must not find tiles to take over.
        let removed = std::fs::remove_dir_all(&out);
        built?;
        removed?;
    }
    Ok(())
}

/// The reports of two builds by one process of its own.
fn child_build(args: &Args, threads: usize) -> anyhow::Result<[Value; 2]> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "build", "--build-only", &threads.to_string()]).arg(&args.input);
    if let Some(crs) = &args.crs {
        command.args(["--crs", crs]);
    }
    let run = command.stderr(Stdio::inherit()).output().context("starting a build")?;
    if !run.status.success() {
        bail!("the build failed; see above");
    }
    let mut reports = serde_json::Deserializer::from_slice(&run.stdout).into_iter();
    match (reports.next(), reports.next()) {
        (Some(Ok(first)), Some(Ok(second))) => Ok([first, second]),
        _ => bail!("a build did not print its two reports"),
    }
}

/// Seconds the first and the second time, and MiB, of parsing by a process of its own.
fn child_parse(args: &Args) -> anyhow::Result<[f64; 3]> {
    let run = Command::new(std::env::current_exe()?).args(["bench", "build", "--parse-only"]).arg(&args.input).output()?;
    let text = String::from_utf8_lossy(&run.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(cold_s)), Some(Ok(warm_s)), Some(Ok(mib))) => Ok([cold_s, warm_s, mib]),
        _ => bail!("{} could not be parsed as JSON: {}", args.input.display(), String::from_utf8_lossy(&run.stderr)),
    }
}

/// The document; nothing for a sequence, whose lines come and go.
fn parse(input: &Path) -> anyhow::Result<Value> {
    if input.extension().is_none_or(|e| e != "jsonl") {
        return Ok(std::hint::black_box(serde_json::from_slice(&std::fs::read(input)?)?));
    }
    for line in std::io::BufReader::new(std::fs::File::open(input)?).lines() {
        std::hint::black_box(serde_json::from_str::<Value>(&line?)?);
    }
    Ok(Value::Null)
}

fn print(f: &Figures) {
    println!("{}: {:.0} MiB, {} objects, {} tiles", f.file, f.mib, f.objects, f.tiles);
    if let (Some(s), Some(warm_s), Some(mib)) = (f.parse_s, f.parse_warm_s, f.parse_peak_mib) {
        println!("parsing alone  {s:.2} s, {warm_s:.2} s with warm memory, {mib:.0} MiB (serde_json::Value)");
    }
    let times = |t: Option<f64>| t.map_or_else(String::new, |t| format!(" ({t:.1} times parsing)"));
    let (cold, warm) = (times(f.times_parsing), times(f.times_parsing_warm));
    println!(
        "one core       {:.2} s{cold}, {:.2} s with warm memory{warm}, {:.0} MiB",
        f.one_core_s, f.one_core_warm_s, f.one_core_peak_mib
    );
    println!("{} cores        {:.2} s, {:.0} MiB, {:.2} times faster", f.cores, f.all_cores_s, f.all_cores_peak_mib, f.speed_up);
    println!("{:.0} objects/s", f.objects_per_s);
}
