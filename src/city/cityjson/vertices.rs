//! Vertex tables and where they lie: integers scaled and moved, in f64 throughout.

use super::scan::Scan;
use crate::city::report::BuildReport;
use crate::geo::Crs;
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::Path;

/// Heights beyond this, metres, are mistakes: no city is higher than 9 km or deeper than 11 km.
pub(in crate::city) const HEIGHT_ABS_MAX_M: f64 = 50_000.0;
/// Projected coordinates stay within 20,000 km of their origin, with false eastings of zones below 100,000 km.
pub(in crate::city) const PLANE_ABS_MAX_M: f64 = 1e8;

/// Length of a degree of latitude, metres (mean meridian of WGS 84); exact enough to tell walls from roofs.
const DEGREE_M: f64 = 111_132.0;

/// From stored numbers to coordinates.
#[derive(Deserialize, Clone, Copy, Debug)]
pub(super) struct Transform {
    scale: [f64; 3],
    translate: [f64; 3],
}

impl Transform {
    /// CityJSON 1.0 may leave the transform out: the vertices then are coordinates.
    const NONE: Self = Self { scale: [1.0; 3], translate: [0.0; 3] };

    pub(super) fn read(text: Option<&str>) -> serde_json::Result<Self> {
        text.map_or(Ok(Self::NONE), serde_json::from_str)
    }

    fn apply(&self, stored: DVec3) -> DVec3 {
        stored * DVec3::from(self.scale) + DVec3::from(self.translate)
    }
}

/// The numbers of a vertex table as they are stored; `NaN` for a vertex that is no three numbers.
///
/// # Errors
/// When the text is no list at all.
pub(super) fn stored(text: &str) -> serde_json::Result<Vec<DVec3>> {
    if let Some(all) = scan(text) {
        return Ok(all);
    }
    // One bad vertex (null, 1e999, two numbers) fails the whole list; take them one by one.
    let each: Vec<&RawValue> = serde_json::from_str(text)?;
    Ok(each.iter().map(|v| serde_json::from_str(v.get()).map_or(DVec3::NAN, DVec3::from_array)).collect())
}

/// Less text than this is not worth a thread.
const PIECE_BYTES: usize = 1 << 19;

/// The table on all cores, when it is nothing but triples of numbers.
fn scan(text: &str) -> Option<Vec<DVec3>> {
    let mut rest = text.trim_ascii().strip_prefix('[')?.strip_suffix(']')?;
    if rest.trim_ascii().is_empty() {
        return Some(Vec::new());
    }
    let threads = rayon::current_num_threads();
    if threads == 1 || rest.len() < 2 * PIECE_BYTES {
        return triples(rest);
    }
    let size = PIECE_BYTES.max(rest.len() / (4 * threads));
    let mut pieces = Vec::new();
    while let Some((piece, after)) = cut(rest, size) {
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    let done: Vec<Vec<DVec3>> = pieces.into_par_iter().map(triples).collect::<Option<_>>()?;
    Some(done.concat())
}

/// Cuts at the first comma between vertices after `size` bytes.
fn cut(text: &str, size: usize) -> Option<(&str, &str)> {
    let close = size + text.as_bytes().get(size..)?.iter().position(|b| *b == b']')?;
    let comma = close + 1 + text.as_bytes().get(close + 1..)?.iter().position(|b| *b == b',')?;
    Some((text.get(..comma)?, text.get(comma + 1..)?))
}

/// `[x, y, z], [x, y, z], ...`
fn triples(text: &str) -> Option<Vec<DVec3>> {
    let mut scan = Scan::new(text);
    // A vertex in millimetres takes about this much.
    let mut all = Vec::with_capacity(text.len() / 16);
    loop {
        scan.need(b'[')?;
        let x = scan.float()?;
        scan.need(b',')?;
        let y = scan.float()?;
        scan.need(b',')?;
        let z = scan.float()?;
        scan.need(b']')?;
        all.push(DVec3::new(x, y, z));
        if !scan.eat(b',') {
            return scan.end().map(|()| all);
        }
    }
}

/// From stored numbers to coordinates, in place. A vertex that is no usable coordinate becomes `NaN` and is told to `report`: it spoils its own
/// faces only.
pub(super) fn decode(file: &Path, vertices: &mut [DVec3], transform: &Transform, report: &mut BuildReport) {
    let usable = |p: DVec3| p.is_finite() && p.z.abs() <= HEIGHT_ABS_MAX_M && p.x.abs().max(p.y.abs()) <= PLANE_ABS_MAX_M;
    for (i, vertex) in vertices.iter_mut().enumerate() {
        *vertex = transform.apply(*vertex);
        if !usable(*vertex) {
            let DVec3 { x, y, z } = *vertex;
            report.warn(
                "vertex is no usable coordinate",
                &format!("{}: vertices[{i}] is ({x}, {y}, {z}) after the transform; export the file again", file.display()),
            );
            *vertex = DVec3::NAN;
        }
    }
}

/// What `metadata` says of the coordinate system: `referenceSystem` (URL or URN), or `crs.epsg` of old files.
pub(super) fn reference_system(metadata: Option<&str>) -> Option<String> {
    let metadata: Value = serde_json::from_str(metadata?).ok()?;
    match metadata.get("referenceSystem") {
        Some(Value::String(name)) if !name.trim().is_empty() => return Some(name.trim().to_owned()),
        Some(Value::Number(code)) => return Some(format!("EPSG:{code}")),
        _ => {}
    }
    match metadata.get("crs")?.get("epsg")? {
        Value::Number(code) => Some(format!("EPSG:{code}")),
        Value::String(code) if !code.is_empty() => Some(format!("EPSG:{}", code.trim_start_matches("EPSG:"))),
        _ => None,
    }
}

/// Whether a system counts in degrees: the geographic codes of EPSG that cities are published in.
pub(super) fn is_geographic(crs: &str) -> bool {
    let code = crs.rsplit([':', '/']).next().and_then(|c| c.parse::<u32>().ok());
    // Most files are told by their code; among these codes are projected systems too (CGCS2000's zones, 4491 to 4554), which PROJ tells apart.
    let maybe = code.is_some_and(|c| matches!(c, 4001..=4977 | 4979..=4999 | 6667 | 6668 | 6697));
    let maybe = maybe || crs.ends_with("CRS84") || crs.ends_with("CRS84h");
    maybe && Crs::new(crs).is_ok_and(|crs| crs.counts_degrees())
}

/// Puts longitude first where a geographic file evidently has latitude first (its second coordinate is no latitude). Tells whether it did.
pub(super) fn longitude_first(vertices: &mut [DVec3]) -> bool {
    let good = || vertices.iter().filter(|v| v.is_finite());
    let swapped = good().any(|v| v.y.abs() > 90.0) && good().all(|v| v.x.abs() <= 90.0 && v.y.abs() <= 180.0);
    if swapped {
        vertices.iter_mut().for_each(|v| *v = DVec3::new(v.y, v.x, v.z));
    }
    swapped
}

/// Metres along x and y of one unit of the coordinates, near these vertices.
pub(in crate::city) fn metres_per_unit(geographic: bool, vertices: &[DVec3]) -> DVec2 {
    if !geographic {
        return DVec2::ONE;
    }
    let latitude = vertices.iter().find(|v| v.is_finite()).map_or(0.0, |v| v.y.clamp(-89.0, 89.0));
    DVec2::new(DEGREE_M * latitude.to_radians().cos(), DEGREE_M)
}
