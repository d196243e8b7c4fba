//! `yiping inspect`: what is in a file, before anything is built from it.

use crate::city::inspect::{AttributeSummary, ElevationSummary, ObjectsSummary, Summary, TilesetSummary, inspect};
use crate::city::report::Reason;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const NO_CRS: &str = "none given; build with --crs EPSG:<code> (for a Dutch file often 7415, for PLATEAU 6697)";

/// Says what is in CityJSON, CityJSONSeq, CityGML, GeoTIFF, SRTM and 3D Tiles files and in city packages.
#[derive(clap::Args)]
pub struct Args {
    /// Files, or folders with a tileset or a city package.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a JSON list, one entry a file.
    #[arg(long)]
    json: bool,
}

/// Exit code 1 when any file can't be read; the others are still told.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut failed, mut entries) = (false, Vec::new());
    for file in &args.files {
        let found = inspect(file);
        if let Err(e) = &found {
            failed = true;
            eprintln!("yiping: {e}");
        }
        match found {
            found if args.json => entries.push(match found {
                Ok(summary) => serde_json::to_value(&summary)?,
                Err(e) => serde_json::json!({"kind": "error", "file": file, "error": e.to_string()}),
            }),
            Ok(summary) => quiet_when_closed(print(&mut out, &summary))?,
            Err(_) => {}
        }
    }
    if args.json {
        quiet_when_closed(writeln!(out, "{:#}", serde_json::Value::Array(entries)))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A reader that has seen enough (`| head`) is no failure.
fn quiet_when_closed(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|e| if e.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e) })
}

fn print(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    match summary {
        Summary::Objects(s) => objects(out, s),
        Summary::Elevation(s) => elevation(out, s),
        Summary::Tileset(s) => tileset(out, s),
    }
}

fn objects(out: &mut impl Write, s: &ObjectsSummary) -> io::Result<()> {
    writeln!(out, "{}", s.file.display())?;
    line(out, "coordinate system", s.crs.as_deref().unwrap_or(NO_CRS))?;
    if let Some(e) = s.extent {
        line(out, "extent", format!("{:?} to {:?}", e.min.map(shown), e.max.map(shown)))?;
    }
    if let Some(m) = s.middle {
        line(out, "middle", format!("{:.6}, {:.6} (longitude, latitude)", m.lon, m.lat))?;
    }
    line(out, "vertices", s.vertices)?;
    line(out, "faces", format!("{} ({})", s.faces, counts(&s.surfaces)))?;
    writeln!(out, "  objects")?;
    for (class, lods) in &s.classes {
        let lods = lods.iter().map(|(lod, n)| if lod == "-" { format!("{n} without geometry") } else { format!("{n} at LoD {lod}") });
        writeln!(out, "    {class:<28} {}", lods.collect::<Vec<_>>().join(", "))?;
    }
    if !s.attributes.is_empty() {
        writeln!(out, "  attributes")?;
    }
    for (name, attribute) in &s.attributes {
        writeln!(out, "    {name:<28} {}", describe(attribute))?;
    }
    line(out, "left out", format!("{} of {} objects with geometry", s.report.objects_rejected, s.report.objects_in))?;
    reasons(out, &s.report.rejections)?;
    if !s.report.warnings.is_empty() {
        writeln!(out, "  warnings")?;
    }
    reasons(out, &s.report.warnings)
}

fn describe(a: &AttributeSummary) -> String {
    let kinds = if let [(kind, _)] = a.kinds.iter().collect::<Vec<_>>()[..] { (*kind).to_owned() } else { counts(&a.kinds) };
    let range = a.min.zip(a.max).map(|(min, max)| format!(", {min} to {max}")).unwrap_or_default();
    let more = if a.examples.len() == AttributeSummary::EXAMPLES_MAX { ", ..." } else { "" };
    let examples = if a.examples.is_empty() { String::new() } else { format!(", {:?}{more}", a.examples) };
    format!("{} x {kinds}{range}{examples}", a.count)
}

fn elevation(out: &mut impl Write, s: &ElevationSummary) -> io::Result<()> {
    writeln!(out, "{}", s.file.display())?;
    line(out, "coordinate system", s.crs.as_deref().unwrap_or(NO_CRS))?;
    line(out, "samples", format!("{} x {}, {} without data", s.columns, s.rows, s.samples_without_data))?;
    line(out, "step", format!("{} x {}", s.step.0, s.step.1))?;
    line(out, "west, south, east, north", format!("{:?}", s.bounds.map(shown)))?;
    if let Some(m) = s.middle {
        line(out, "middle", format!("{:.6}, {:.6} (longitude, latitude)", m.lon, m.lat))?;
    }
    match s.lowest_m.zip(s.highest_m) {
        Some((low, high)) => line(out, "heights", format!("{low} m to {high} m")),
        None => line(out, "heights", "none"),
    }
}

fn tileset(out: &mut impl Write, s: &TilesetSummary) -> io::Result<()> {
    writeln!(out, "{} (3D Tiles {})", s.file.display(), s.version)?;
    for (key, value) in s.package.iter().flatten().filter(|(_, v)| !v.is_table() && !v.is_array()) {
        line(out, key, value)?;
    }
    let implicit = if s.implicit_tilings > 0 { format!(", {} implicit tilings", s.implicit_tilings) } else { String::new() };
    line(out, "tiles", format!("{}{implicit}, {} levels", s.tiles, s.depth))?;
    line(out, "contents", counts(&s.contents))?;
    match s.extent {
        Some([w, so, e, n, low, high]) => {
            line(out, "extent", format!("{w:.6}, {so:.6} to {e:.6}, {n:.6} (longitude, latitude), {low:.1} m to {high:.1} m"))?;
        }
        None => line(out, "extent", "in a frame of its own, not placed on Earth")?,
    }
    line(out, "geometric error", format!("{} m", s.geometric_error_m))?;
    if let Some((low, high)) = s.tile_error_m {
        line(out, "errors of tiles", format!("{low} m to {high} m"))?;
    }
    if s.missing_count > 0 {
        line(
            out,
            "not on this disk",
            format!("{} ({}{})", s.missing_count, s.missing.join(", "), if s.missing_count > 5 { ", ..." } else { "" }),
        )?;
    }
    Ok(())
}

/// A coordinate without the rounding noise of f64: seven digits are a centimetre in degrees.
fn shown(coordinate: f64) -> f64 {
    (coordinate * 1e7).round() / 1e7
}

fn line(out: &mut impl Write, label: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "  {label:<28}   {value}")
}

/// `3 a, 2 b`.
fn counts<K: Display>(map: &BTreeMap<K, u64>) -> String {
    if map.is_empty() { "none".to_owned() } else { map.iter().map(|(k, n)| format!("{n} {k}")).collect::<Vec<_>>().join(", ") }
}

fn reasons(out: &mut impl Write, reasons: &BTreeMap<String, Reason>) -> io::Result<()> {
    for (why, reason) in reasons {
        writeln!(out, "    {} x {why}", reason.count)?;
        for example in &reason.examples {
            writeln!(out, "      {example}")?;
        }
    }
    Ok(())
}
