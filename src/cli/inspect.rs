//! `yiping inspect`: what is in a file, before anything is built from it.

mod metadata;

use super::remote;
use crate::city::inspect::{
    ArchiveSummary, AttributeSummary, ElevationSummary, ModelSummary, ObjectsSummary, PackageSummary, PhotoSummary, SourceState, Summary,
    TilesetSummary, Watch, inspect, inspect_tileset,
};
use crate::city::report::Reason;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

const NO_CRS: &str = "none given; build with --crs EPSG:<code> (for a Dutch file often 7415, for PLATEAU 6697)";

/// Says what is in any file that is read or written here: city models, footprints, elevation models, orthophotos, glTF models, 3D Tiles and city
/// packages (folders, .3tz, http(s) addresses).
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders with a tileset or a city package, or addresses of tilesets.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a JSON list, one entry a file.
    #[arg(long)]
    json: bool,
}

/// What takes longer than this shows that it goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Exit code 1 when any file can't be read; the others are still told.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut failed, mut entries) = (false, Vec::new());
    for file in &args.files {
        let found = look(file);
        if let Err(e) = &found {
            failed = true;
            eprintln!("yiping: {e:#}");
        }
        failed |= matches!(&found, Ok(Summary::Tileset(t)) if t.archive.as_ref().is_some_and(|a| a.damaged_count > 0));
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

/// Looks into one file, with a bar where that takes its time.
fn look(file: &Path) -> anyhow::Result<Summary> {
    let (watch, (done, wait)) = (Watch::default(), mpsc::channel::<()>());
    std::thread::scope(|scope| {
        let shown = file.display().to_string();
        let watch = &watch;
        scope.spawn(move || show_when_slow(&shown, watch, &wait));
        let found = if remote::is_address(file) {
            // Beside nothing in particular: what is fetched to be looked at is gone afterwards.
            let at = remote::open(file, &std::env::temp_dir().join("yiping-inspect"), true);
            at.and_then(|at| Ok(Summary::Tileset(inspect_tileset(&at, watch)?)))
        } else {
            inspect(file, watch).map_err(Into::into)
        };
        drop(done);
        found
    })
}

fn show_when_slow(shown: &str, watch: &Watch, wait: &mpsc::Receiver<()>) {
    let over = |time: Duration| wait.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Disconnected);
    if !io::stderr().is_terminal() || over(PATIENCE) {
        return;
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {spinner} [{bar:40}] {pos}/{len} {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(shown.to_owned());
    while !over(Duration::from_millis(200)) {
        bar.set_length(watch.total.load(Ordering::Relaxed));
        bar.set_position(watch.done.load(Ordering::Relaxed));
        bar.tick();
    }
    bar.finish_and_clear();
}

/// A reader that has seen enough (`| head`) is no failure.
fn quiet_when_closed(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|e| if e.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e) })
}

fn print(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    match summary {
        Summary::Objects(s) => objects(out, s),
        Summary::Elevation(s) => elevation(out, s),
        Summary::Photo(s) => photo(out, s),
        Summary::Tileset(s) => tileset(out, s),
        Summary::Model(s) => model(out, s),
    }
}

fn objects(out: &mut impl Write, s: &ObjectsSummary) -> io::Result<()> {
    writeln!(out, "{}", s.file.display())?;
    line(out, "coordinate system", s.crs.as_deref().unwrap_or(NO_CRS))?;
    if let Some(e) = s.extent {
        line(out, "extent", format!("{:?} to {:?}", e.min.map(shown), e.max.map(shown)))?;
    }
    degrees(out, s.extent_deg)?;
    if let Some(m) = s.middle {
        line(out, "middle", format!("{:.6}, {:.6} (longitude, latitude)", m.lon, m.lat))?;
    }
    if s.above_ground {
        line(out, "heights", "above the ground; build with --terrain")?;
    }
    line(out, "vertices", s.vertices)?;
    let textured = if s.textured_faces > 0 { format!(", {} with textures", s.textured_faces) } else { String::new() };
    line(out, "faces", format!("{} ({}){textured}", s.faces, counts(&s.surfaces)))?;
    classes(out, "objects", &s.classes, "without geometry")?;
    attributes(out, &s.attributes)?;
    line(out, "left out", format!("{} of {} objects with geometry", s.report.objects_rejected, s.report.objects_in))?;
    reasons(out, &s.report.rejections)?;
    if !s.report.warnings.is_empty() {
        writeln!(out, "  warnings")?;
    }
    reasons(out, &s.report.warnings)
}

/// Objects by class, then by level of detail; `-` is a level that `none` says.
fn classes(out: &mut impl Write, title: &str, classes: &BTreeMap<String, BTreeMap<String, u64>>, none: &str) -> io::Result<()> {
    if !classes.is_empty() {
        writeln!(out, "  {title}")?;
    }
    for (class, lods) in classes {
        let lods = lods.iter().map(|(lod, n)| match lod.as_str() {
            "-" => format!("{n} {none}"),
            "" => n.to_string(),
            lod => format!("{n} at LoD {lod}"),
        });
        writeln!(out, "    {class:<28} {}", lods.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn attributes(out: &mut impl Write, attributes: &BTreeMap<String, AttributeSummary>) -> io::Result<()> {
    if !attributes.is_empty() {
        writeln!(out, "  attributes")?;
    }
    attributes.iter().try_for_each(|(name, attribute)| writeln!(out, "    {name:<28} {}", describe(attribute)))
}

/// `412 (98 %) number, 0.5 to 31.2, 380 different`.
fn describe(a: &AttributeSummary) -> String {
    let kinds = if let [(kind, _)] = a.kinds.iter().collect::<Vec<_>>()[..] { (*kind).to_owned() } else { counts(&a.kinds) };
    let range = a.min.zip(a.max).map(|(min, max)| format!(", {} to {}", shown(min), shown(max))).unwrap_or_default();
    let more = if a.distinct > a.examples.len() { ", ..." } else { "" };
    let examples = if a.examples.is_empty() { String::new() } else { format!(": {}{more}", a.examples.join(", ")) };
    let over = if a.distinct >= AttributeSummary::DISTINCT_MAX { "or more " } else { "" };
    format!("{} ({:.0} %) {kinds}{range}, {} {over}different{examples}", a.count, a.share * 100.0, a.distinct)
}

fn degrees(out: &mut impl Write, extent: Option<[f64; 4]>) -> io::Result<()> {
    let Some([west, south, east, north]) = extent else { return Ok(()) };
    line(out, "extent in degrees", format!("{west:.6}, {south:.6} to {east:.6}, {north:.6} (longitude, latitude)"))
}

fn model(out: &mut impl Write, s: &ModelSummary) -> io::Result<()> {
    writeln!(out, "{} (glTF {})", s.file.display(), s.version)?;
    for (label, text) in [("written by", &s.generator), ("copyright", &s.copyright)] {
        text.iter().try_for_each(|text| line(out, label, text))?;
    }
    line(out, "triangles", format!("{}, {} points", s.triangles, s.points))?;
    if let Some((min, max)) = s.extent {
        line(out, "size", format!("{:.2} x {:.2} x {:.2} m (x, y up, z)", max[0] - min[0], max[1] - min[1], max[2] - min[2]))?;
        line(out, "extent", format!("{:?} to {:?}", min.map(shown), max.map(shown)))?;
    }
    line(out, "holds", counts(&s.counts.iter().filter(|(_, n)| **n > 0).map(|(k, n)| (k, *n)).collect()))?;
    if !s.extensions_used.is_empty() {
        line(out, "extensions", s.extensions_used.join(", "))?;
    }
    if s.features > 0 {
        line(out, "features", s.features)?;
    }
    attributes(out, &s.attributes)?;
    metadata::print(out, &s.metadata)?;
    match &s.place_file {
        Some(file) => line(out, "stands", format!("where {} says", file.display()))?,
        None => line(out, "stands", "nowhere yet; build with --place LON,LAT,HEIGHT,HEADING")?,
    }
    warnings(out, &s.warnings)
}

fn warnings(out: &mut impl Write, warnings: &[String]) -> io::Result<()> {
    if !warnings.is_empty() {
        writeln!(out, "  warnings")?;
    }
    warnings.iter().try_for_each(|warning| writeln!(out, "    {warning}"))
}

fn elevation(out: &mut impl Write, s: &ElevationSummary) -> io::Result<()> {
    writeln!(out, "{}", s.file.display())?;
    line(out, "coordinate system", s.crs.as_deref().unwrap_or(NO_CRS))?;
    let more = if s.grids > 1 { format!(", first of {} grids", s.grids) } else { String::new() };
    let share = s.share_without_data * 100.0;
    line(out, "samples", format!("{} x {}{more}, {} without data ({share:.1} %)", s.columns, s.rows, s.samples_without_data))?;
    line(out, "step", format!("{} x {}", s.step.0, s.step.1))?;
    line(out, "west, south, east, north", format!("{:?}", s.bounds.map(shown)))?;
    degrees(out, s.extent_deg)?;
    if let Some(m) = s.middle {
        line(out, "middle", format!("{:.6}, {:.6} (longitude, latitude)", m.lon, m.lat))?;
    }
    match s.lowest_m.zip(s.highest_m) {
        Some((low, high)) => line(out, "heights", format!("{low} m to {high} m"))?,
        None => line(out, "heights", "none")?,
    }
    if !s.report.samples_left_out.is_empty() {
        writeln!(out, "  left out")?;
    }
    reasons(out, &s.report.samples_left_out)?;
    if !s.report.warnings.is_empty() {
        writeln!(out, "  warnings")?;
    }
    reasons(out, &s.report.warnings)
}

fn photo(out: &mut impl Write, s: &PhotoSummary) -> io::Result<()> {
    writeln!(out, "{} (orthophoto)", s.file.display())?;
    line(out, "coordinate system", s.crs.as_deref().unwrap_or(NO_CRS))?;
    line(out, "pixels", format!("{} x {}, {:.1} % without a picture", s.columns, s.rows, s.share_transparent * 100.0))?;
    line(out, "step", format!("{} x {}", s.step.0, s.step.1))?;
    line(out, "west, south, east, north", format!("{:?}", s.bounds.map(shown)))?;
    if let Some(m) = s.middle {
        line(out, "middle", format!("{:.6}, {:.6} (longitude, latitude)", m.lon, m.lat))?;
    }
    if !s.report.warnings.is_empty() {
        writeln!(out, "  warnings")?;
    }
    reasons(out, &s.report.warnings)
}

fn tileset(out: &mut impl Write, s: &TilesetSummary) -> io::Result<()> {
    writeln!(out, "{} (3D Tiles {})", s.file.display(), s.version)?;
    s.package.iter().try_for_each(|p| package(out, p))?;
    s.archive.iter().try_for_each(|a| archive(out, a))?;
    let files = s.tilesets.iter().map(|(version, n)| format!("{n} of {version}")).collect::<Vec<_>>().join(", ");
    line(out, "tileset files", files)?;
    let implicit = if s.implicit_tilings > 0 { format!(", {} implicit tilings", s.implicit_tilings) } else { String::new() };
    line(out, "tiles", format!("{}{implicit}, {} levels", s.tiles, s.depth))?;
    line(out, "contents", counts(&s.contents))?;
    if s.remote > 0 {
        line(out, "on the network", s.remote)?;
    }
    match s.extent {
        Some([w, so, e, n, low, high]) => {
            line(out, "extent", format!("{w:.6}, {so:.6} to {e:.6}, {n:.6} (longitude, latitude), {low:.1} m to {high:.1} m"))?;
        }
        None => line(out, "extent", "in a frame of its own, not placed on Earth; build with --place LON,LAT,HEIGHT,HEADING")?,
    }
    line(out, "geometric error", format!("{} m", shown(s.geometric_error_m)))?;
    if let Some((low, high)) = s.tile_error_m {
        line(out, "errors of tiles", format!("{} m to {} m", shown(low), shown(high)))?;
    }
    if !s.extensions.is_empty() {
        line(out, "extensions", s.extensions.join(", "))?;
    }
    line(out, "opened", format!("{} of {} contents at the finest level: {} triangles", s.opened, s.finest, s.triangles))?;
    classes(out, "features", &s.classes, "that don't say their level")?;
    attributes(out, &s.attributes)?;
    metadata::print(out, &s.metadata)?;
    if s.missing_count > 0 {
        line(out, "missing", s.missing_count)?;
        s.missing.iter().try_for_each(|missing| writeln!(out, "    {missing}"))?;
    }
    warnings(out, &s.warnings)
}

fn package(out: &mut impl Write, package: &PackageSummary) -> io::Result<()> {
    for (key, value) in package.manifest.iter().filter(|(_, v)| !v.is_table() && !v.is_array()) {
        line(out, key, value)?;
    }
    for key in ["crs", "counts"] {
        match package.manifest.get(key) {
            Some(toml::Value::Table(table)) => {
                line(out, key, table.iter().map(|(k, v)| format!("{v} {k}")).collect::<Vec<_>>().join(", "))?;
            }
            Some(toml::Value::Array(list)) => line(out, key, list.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(", "))?,
            _ => {}
        }
    }
    writeln!(out, "  sources")?;
    for (file, state) in &package.sources {
        let state = match state {
            SourceState::Same => "beside the package, same checksum",
            SourceState::Changed => "beside the package, CHANGED since the build",
            SourceState::NotHere => "not beside the package",
        };
        writeln!(out, "    {file:<28} {state}")?;
    }
    Ok(())
}

fn archive(out: &mut impl Write, a: &ArchiveSummary) -> io::Result<()> {
    let index = if a.indexed { "with an index" } else { "without a usable index: opened by the zip's directory" };
    let mb = |bytes: u64| bytes as f64 / 1e6;
    line(out, "archive", format!("{} files, {:.1} MB packed of {:.1} MB, {index}", a.files, mb(a.packed_bytes), mb(a.bytes)))?;
    match a.damaged_count {
        0 => line(out, "checksums", "all files are as they were packed"),
        n => {
            line(out, "checksums", format!("{n} files are DAMAGED"))?;
            a.damaged.iter().try_for_each(|damaged| writeln!(out, "    {damaged}"))
        }
    }
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
