//! Geometries of FlatGeobuf: all coordinates in one list, ends of rings in another, parts of parts in tables of their own.

use crate::city::flat::table::{Broken, Table};
use crate::city::footprints::feature::{Path, Shape};
use glam::DVec2;

/// Parts in parts.
const DEPTH_MAX: usize = 8;

/// The shape of a geometry whose type stands in the header, or is its own where the header says "unknown" (0).
///
/// `feature_bytes` bounds how much may come of it: offsets that lead to the same part again and again would make a bomb of it.
pub(super) fn shape(geometry: &Table, kind: u8, feature_bytes: usize) -> Result<Shape, Broken> {
    let mut shape = Shape::default();
    // An honest part has at least 12 bytes of its own, an honest point 16.
    add(geometry, kind, &mut shape, 0, &mut (feature_bytes / 8 + 1))?;
    Ok(shape)
}

fn add(geometry: &Table, kind: u8, shape: &mut Shape, depth: usize, budget: &mut usize) -> Result<(), Broken> {
    if depth > DEPTH_MAX {
        return Err(Broken);
    }
    *budget = budget.checked_sub(1).ok_or(Broken)?;
    let kind = if kind == 0 { geometry.u8(16, 0)? } else { kind };
    match kind {
        1 | 4 => shape.points += 1,
        2 => shape.lines.push(points(geometry, budget)?),
        3 | 17 => shape.polygons.extend(Some(rings(geometry, budget)?).filter(|p| !p.is_empty())),
        5 => shape.lines.extend(rings(geometry, budget)?),
        // Parts of a MultiPolygon are polygons even where they don't say so.
        6 | 15 | 16 => {
            geometry.tables(18)?.iter().try_for_each(|part| add(part, if kind == 16 { 17 } else { 3 }, shape, depth + 1, budget))?
        }
        7 | 12 => geometry.tables(18)?.iter().try_for_each(|part| add(part, 0, shape, depth + 1, budget))?,
        // Curves, and what is not known: no footprint.
        _ => {}
    }
    Ok(())
}

fn points(geometry: &Table, budget: &mut usize) -> Result<Path, Broken> {
    let xy = geometry.f64s(6)?;
    *budget = budget.checked_sub(xy.len() / 2).ok_or(Broken)?;
    Ok(xy.as_chunks::<2>().0.iter().map(|p| DVec2::from_array(*p)).collect())
}

/// Rings end where `ends` says; one ring where it says nothing.
fn rings(geometry: &Table, budget: &mut usize) -> Result<Vec<Path>, Broken> {
    let points = points(geometry, budget)?;
    let ends = geometry.u32s(4)?;
    if ends.is_empty() {
        return Ok(if points.is_empty() { Vec::new() } else { vec![points] });
    }
    let mut start = 0;
    let mut rings = Vec::with_capacity(ends.len());
    for end in ends {
        rings.push(points.get(start..end as usize).ok_or(Broken)?.to_vec());
        start = end as usize;
    }
    Ok(rings)
}
