//! Footprints from end to end: files in, objects out.

mod bodies;
mod files;

use super::feature::Path;
use super::outline::{Outline, mend};
use super::roof::{RoofShape, RoofWish};
use super::solid::{Heights, Solid};
use crate::city::read::{ReadOptions, read_parts};
use crate::city::report::BuildReport;
use crate::city::source::{CitySource, Surface};
use glam::DVec2;
use std::path::PathBuf;

/// Every shape drawn here.
const SHAPES: [RoofShape; 12] = [
    RoofShape::Flat,
    RoofShape::Skillion,
    RoofShape::Gabled,
    RoofShape::Saltbox,
    RoofShape::Gambrel,
    RoofShape::Round,
    RoofShape::Butterfly,
    RoofShape::Hipped,
    RoofShape::HalfHipped,
    RoofShape::Pyramidal,
    RoofShape::Dome,
    RoofShape::Onion,
];

fn wish(shape: RoofShape) -> RoofWish {
    RoofWish { shape, direction_deg: None, across: false }
}

fn outline(rings: &[&[(f64, f64)]]) -> Outline {
    let rings: Vec<Path> = rings.iter().map(|r| r.iter().map(|(x, y)| DVec2::new(*x, *y)).collect()).collect();
    mend(&rings).unwrap().outlines.remove(0)
}

/// The body with a roof of 3 m over 6 m of wall, and the note of the roof.
fn body(outline: &Outline, wish: &RoofWish) -> (Solid, Option<&'static str>) {
    let (top, note) = super::roof::top(outline, wish);
    (Solid::under(outline, top, Heights { bottom: 0.0, eaves: 6.0, roof: 3.0 }), note)
}

/// A text as a file read with options; the report in the end.
fn read_text(name: &str, text: &[u8], options: &ReadOptions) -> (Result<CitySource, String>, BuildReport) {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join(name);
    std::fs::write(&file, text).unwrap();
    let mut report = BuildReport::default();
    let mut whole = CitySource::new(&file, None);
    let read = read_parts(&file, options, &mut report, &mut |part| {
        (whole.crs, whole.above_ground) = (part.crs.clone(), part.above_ground);
        whole.append(part)
    });
    (read.map(|()| whole).map_err(|e| e.to_string()), report)
}

fn count(source: &CitySource, surface: Surface) -> usize {
    source.objects.iter().flat_map(|o| o.faces.iter()).filter(|f| f.surface == surface).count()
}
