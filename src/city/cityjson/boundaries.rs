//! Boundaries of one geometry, the careful way: nested vertex numbers into rings that hold, fault by fault told.
//!
//! Only geometries that [`super::rings`] turns down come here.

use super::nested::{ByFace, Nesting};
use super::object::Name;
use crate::city::report::BuildReport;
use glam::DVec3;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;

/// Vertex numbers of each ring as the file has them.
pub(super) type Rings = Vec<Vec<u32>>;

/// The outer shells of a geometry, or its one heap of surfaces.
pub(super) struct Shells {
    /// Faces of each outer shell; an `Err` face holds why it can't be read.
    pub faces: Vec<Vec<Result<Rings, String>>>,
    /// Hollows inside of solids: never seen, left out.
    pub inner: usize,
}

/// Reads the boundaries.
///
/// # Errors
/// When they are not nested as their type asks for; a single unreadable face is an `Err` in its place.
pub(super) fn shells(nesting: Nesting, raw: &str) -> serde_json::Result<Shells> {
    if let Ok((faces, inner)) = outer::<Rings>(nesting, raw) {
        return Ok(Shells { faces: faces.into_iter().map(|shell| shell.into_iter().map(Ok).collect()).collect(), inner });
    }
    // A number that is none (-1, 1.5, 1e999, null) fails the whole geometry; take it face by face.
    let (faces, inner) = outer::<&RawValue>(nesting, raw)?;
    let face = |raw: &RawValue| serde_json::from_str::<Rings>(raw.get()).map_err(|e| e.to_string());
    Ok(Shells { faces: faces.into_iter().map(|shell| shell.into_iter().map(face).collect()).collect(), inner })
}

/// The first shell of every solid, and how many others there were.
fn outer<'a, F: Deserialize<'a>>(nesting: Nesting, raw: &'a str) -> serde_json::Result<(Vec<Vec<F>>, usize)> {
    let solids: Vec<Vec<Vec<F>>> = match nesting {
        Nesting::Surfaces => vec![vec![serde_json::from_str(raw)?]],
        Nesting::Solid => vec![serde_json::from_str(raw)?],
        Nesting::Solids => serde_json::from_str(raw)?,
    };
    let inner = solids.iter().map(|shells| shells.len().saturating_sub(1)).sum();
    Ok((solids.into_iter().map(|shells| shells.into_iter().next().unwrap_or_default()).collect(), inner))
}

/// Numbers of semantic surfaces, shaped like [`Shells::faces`]; `null` is allowed on every level.
///
/// # Errors
/// When they are not nested as the type asks for.
pub(super) fn semantic_numbers(nesting: Nesting, raw: &str) -> serde_json::Result<ByFace<Option<u32>>> {
    if let Some(numbers) = ByFace::numbers(nesting, raw) {
        return Ok(numbers);
    }
    type Shell = Option<Vec<Option<u32>>>;
    // The first thing that can't be read is the message.
    match nesting {
        Nesting::Surfaces => serde_json::from_str::<Shell>(raw).map(drop),
        Nesting::Solid => serde_json::from_str::<Option<Vec<Shell>>>(raw).map(drop),
        Nesting::Solids => serde_json::from_str::<Option<Vec<Option<Vec<Shell>>>>>(raw).map(drop),
    }?;
    Err(serde::de::Error::custom("values are no lists of numbers"))
}

/// Where a ring stands, written as the path in the file.
#[derive(Clone, Copy)]
pub(super) struct RingPath {
    pub geometry: usize,
    pub nesting: Nesting,
    pub solid: usize,
    pub face: usize,
    pub ring: usize,
}

impl fmt::Display for RingPath {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { geometry, nesting, solid, face, ring } = self;
        match nesting {
            Nesting::Surfaces => write!(f, "geometry[{geometry}].boundaries[{face}][{ring}]"),
            Nesting::Solid => write!(f, "geometry[{geometry}].boundaries[0][{face}][{ring}]"),
            Nesting::Solids => write!(f, "geometry[{geometry}].boundaries[{solid}][0][{face}][{ring}]"),
        }
    }
}

/// What is wrong with a ring.
enum Fault {
    OutOfRange { number: u32, count: usize },
    NoCoordinate { number: u32 },
    Short { len: usize },
}

impl Fault {
    /// Groups in the report.
    fn reason(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "vertex number out of range",
            Self::NoCoordinate { .. } => "vertex is no usable coordinate",
            Self::Short { .. } => "ring of fewer than 3 points",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OutOfRange { number, count } => write!(f, "names vertex {number}, the file has {count}"),
            Self::NoCoordinate { number } => write!(f, "names vertex {number}, which is no usable coordinate"),
            Self::Short { len } => write!(f, "has {len} different points in a row, a ring needs 3"),
        }
    }
}

/// Keeps the rings that hold, each as places in the ring as it was. `None` when the outer ring does not; a hole that does not is left out alone.
pub(super) fn sound(
    rings: &Rings,
    vertices: &[DVec3],
    name: &Name,
    at: RingPath,
    report: &mut BuildReport,
) -> Option<Vec<(usize, Vec<usize>)>> {
    let mut kept = Vec::with_capacity(rings.len());
    for (ring, numbers) in rings.iter().enumerate() {
        let fault = match tidy(numbers, vertices) {
            Ok(places) => {
                kept.push((ring, places));
                continue;
            }
            Err(fault) => fault,
        };
        let what = if ring == 0 { "face" } else { "hole" };
        let path = RingPath { ring, ..at };
        report.warn(&format!("{what} left out: {}", fault.reason()), &format!("{name}: ring {path} {fault}; the {what} is left out"));
        if ring == 0 {
            return None;
        }
    }
    if kept.is_empty() {
        report.warn("face left out: no ring", &format!("{name}: face of ring {at} has no ring; the face is left out"));
        return None;
    }
    Some(kept)
}

/// Leaves out points that stand where the one before them does, and the closing one. Answers places in the ring.
fn tidy(ring: &[u32], vertices: &[DVec3]) -> Result<Vec<usize>, Fault> {
    for &number in ring {
        match vertices.get(number as usize) {
            None => return Err(Fault::OutOfRange { number, count: vertices.len() }),
            Some(v) if !v.is_finite() => return Err(Fault::NoCoordinate { number }),
            Some(_) => {}
        }
    }
    let same = |a: usize, b: usize| vertices[ring[a] as usize] == vertices[ring[b] as usize];
    let mut places: Vec<usize> = (0..ring.len()).collect();
    places.dedup_by(|a, b| same(*a, *b));
    while let [first, .., last] = places[..]
        && same(first, last)
    {
        places.pop();
    }
    if places.len() < 3 { Err(Fault::Short { len: places.len() }) } else { Ok(places) }
}
