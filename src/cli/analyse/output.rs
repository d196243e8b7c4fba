//! An answer in words, as JSON and in files; the bar while it is made.

use crate::analysis::{Gathered, Stage, ToolResult, to_csv, to_geojson};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;

/// Seconds spent.
pub struct Timing {
    pub read_s: f64,
    pub compute_s: f64,
}

/// Progress on stderr; nothing when it is no terminal or the output is for a program.
pub struct Bar(ProgressBar);

/// Parts a bar has.
const PARTS: u64 = 1_000;

impl Bar {
    pub fn new(json: bool) -> Self {
        let hidden = json || !std::io::stderr().is_terminal();
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(PARTS), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:>20} [{bar:40}] {percent}% {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    pub fn show(&self, stage: Stage, part: f64) {
        self.0.set_message(super::stage_word(stage));
        self.0.set_position((part * PARTS as f64) as u64);
    }

    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// GeoJSON or CSV by the file's name.
///
/// # Errors
/// For another name, or when it can't be written.
pub fn write(file: &Path, result: &ToolResult) -> anyhow::Result<()> {
    let text = match file.extension().and_then(|e| e.to_str()) {
        Some("csv") => to_csv(result),
        Some("geojson" | "json") => to_geojson(result).to_string(),
        _ => bail!("{}: the name has to end in .geojson or .csv", file.display()),
    };
    std::fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}

pub fn print(result: &ToolResult, gathered: &Gathered, timing: &Timing, json: bool) -> anyhow::Result<()> {
    if json {
        let mut answer = serde_json::to_value(result)?;
        answer["read"] = serde_json::json!({
            "tiles": gathered.tiles, "bytes": gathered.bytes, "triangles": gathered.kernel.triangle_count(),
            "objects": gathered.kernel.objects().len(), "failed_tiles": gathered.failed,
        });
        answer["seconds"] = serde_json::json!({"read": timing.read_s, "compute": timing.compute_s});
        println!("{answer}");
        return Ok(());
    }
    println!("{}", words(result));
    println!(
        "{} tiles, {} triangles; {:.1} s reading, {:.2} s computing",
        gathered.tiles,
        gathered.kernel.triangle_count(),
        timing.read_s,
        timing.compute_s
    );
    Ok(())
}

fn words(result: &ToolResult) -> String {
    let or_none = |v: Option<f64>, unit: &str| v.map_or("no ground".to_owned(), |v| format!("{v:.2} {unit}"));
    match result {
        ToolResult::Distance(d) => format!(
            "slant {:.2} m, horizontal {:.2} m, along the ground {}, rise {:+.2} m",
            d.slant_m,
            d.horizontal_m,
            or_none(d.along_ground_m, "m"),
            d.rise_m
        ),
        ToolResult::Height(h) => format!(
            "{:.2} m over the ground (top {:.2} m, ground {:.2} m above the ellipsoid){}{}",
            h.height_m,
            h.top_m,
            h.ground_m,
            h.object.as_ref().map_or(String::new(), |id| format!(", object {id}")),
            if h.around.is_empty() { String::new() } else { format!("; {} buildings around", h.around.len()) }
        ),
        ToolResult::Area(a) => {
            format!("{:.1} m² in plan, {} along the ground, {:.1} m around", a.plan_m2, or_none(a.surface_m2, "m²"), a.perimeter_m)
        }
        ToolResult::LineOfSight(s) => match &s.obstacle {
            None => format!("visible, {:.1} m", s.distance_m),
            Some(o) => format!(
                "hidden: {} stands in the way after {:.1} of {:.1} m",
                o.object.as_deref().or(o.class.as_deref()).unwrap_or("something"),
                o.distance_m,
                s.distance_m
            ),
        },
        ToolResult::Viewshed(v) => format!(
            "{:.1} % of the open ground within {} m is seen ({:.0} m² in {} cells); {} of {} buildings",
            100.0 * v.visible_share,
            v.radius_m,
            v.visible_m2,
            v.cells.len(),
            v.objects.iter().filter(|o| o.share > 0.0).count(),
            v.objects.len()
        ),
        ToolResult::SunHours(s) => {
            let rows = s.objects.iter().take(20).map(|o| {
                let walls = o.facade_mean_h.map_or(String::new(), |w| format!(", walls {w:.1} h"));
                format!("\n  {}: mean {:.1} h{walls}, {:.1} to {:.1} h over {} points", o.id, o.mean_h, o.min_h, o.max_h, o.points)
            });
            let rows: String = rows.collect();
            let more = s.objects.len().saturating_sub(20);
            let more = if more > 0 { format!("\n  and {more} more: --out sun.csv has all") } else { String::new() };
            format!("{}: the sun is up for {:.1} h{rows}{more}", s.date, s.day_h)
        }
        ToolResult::Section(s) => {
            let range = s.ground_range_m.map_or("no ground".to_owned(), |[a, b]| format!("ground {a:.1} to {b:.1} m"));
            let rows = s.crossed.iter().map(|c| format!("\n  {:.0} to {:.0} m: {}, {:.1} m high", c.from_m, c.to_m, c.id, c.height_m));
            format!("{:.1} m, {range}, {} buildings{}", s.length_m, s.crossed.len(), rows.collect::<String>())
        }
    }
}
