//! Boundaries of one geometry: nested vertex numbers into rings that hold, fault by fault told.

use crate::city::report::BuildReport;
use glam::DVec3;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;

/// How deep the boundaries of a geometry type are nested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Nesting {
    /// MultiSurface, CompositeSurface: faces.
    Surfaces,
    /// Solid: shells of faces.
    Solid,
    /// MultiSolid, CompositeSolid: solids of shells of faces.
    Solids,
}

impl Nesting {
    /// `None` for types without surfaces (points, lines) and for those nobody knows.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "MultiSurface" | "CompositeSurface" => Some(Self::Surfaces),
            "Solid" => Some(Self::Solid),
            "MultiSolid" | "CompositeSolid" => Some(Self::Solids),
            _ => None,
        }
    }
}

type Rings = Vec<Vec<u32>>;

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
pub(super) fn semantic_numbers(nesting: Nesting, raw: &str) -> serde_json::Result<Vec<Vec<Option<u32>>>> {
    type Shell = Option<Vec<Option<u32>>>;
    let first = |shells: Vec<Shell>| shells.into_iter().next().flatten().unwrap_or_default();
    Ok(match nesting {
        Nesting::Surfaces => vec![serde_json::from_str::<Shell>(raw)?.unwrap_or_default()],
        Nesting::Solid => vec![first(serde_json::from_str::<Vec<Shell>>(raw)?)],
        Nesting::Solids => {
            let solids: Vec<Option<Vec<Shell>>> = serde_json::from_str(raw)?;
            solids.into_iter().map(|shells| shells.map(first).unwrap_or_default()).collect()
        }
    })
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

/// Keeps the rings that hold. `None` when the outer ring does not; a hole that does not is left out alone.
///
/// `name` is file and object, for the report.
pub(super) fn sound(rings: Rings, vertices: &[DVec3], name: &str, at: RingPath, report: &mut BuildReport) -> Option<Rings> {
    let mut kept = Vec::with_capacity(rings.len());
    for (ring, mut numbers) in rings.into_iter().enumerate() {
        let Err(fault) = tidy(&mut numbers, vertices) else {
            kept.push(numbers);
            continue;
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

/// Removes points that repeat the one before them (the closing one too), by number or by place.
fn tidy(ring: &mut Vec<u32>, vertices: &[DVec3]) -> Result<(), Fault> {
    for &number in ring.iter() {
        match vertices.get(number as usize) {
            None => return Err(Fault::OutOfRange { number, count: vertices.len() }),
            Some(v) if !v.is_finite() => return Err(Fault::NoCoordinate { number }),
            Some(_) => {}
        }
    }
    let same = |a: u32, b: u32| a == b || vertices[a as usize] == vertices[b as usize];
    ring.dedup_by(|a, b| same(*a, *b));
    while let [first, .., last] = ring[..]
        && same(first, last)
    {
        ring.pop();
    }
    if ring.len() < 3 { Err(Fault::Short { len: ring.len() }) } else { Ok(()) }
}
