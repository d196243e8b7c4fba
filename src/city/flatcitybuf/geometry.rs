//! Geometries of FlatCityBuf as the text of CityJSON: counts and numbers in flat lists become nested ones, as deep as the type asks for.

use super::Header;
use super::text::push;
use crate::city::flat::table::{Broken, Table};
use serde_json::Value;
use std::slice::Iter;

/// "Nothing here", for counts and numbers.
const NULL: u32 = u32::MAX;

/// `GeometryType`, in its order, and how many lists of counts stand above its rings: points 0, lines 1, surfaces 2, shells 3, solids 4.
const TYPES: [(&str, usize); 7] = [
    ("MultiPoint", 0),
    ("MultiLineString", 1),
    ("MultiSurface", 2),
    ("CompositeSurface", 2),
    ("Solid", 3),
    ("MultiSolid", 4),
    ("CompositeSolid", 4),
];

/// `SemanticSurfaceType`, in its order; the one after the last is an extension's.
const SURFACE_TYPES: [&str; 18] = [
    "RoofSurface",
    "GroundSurface",
    "WallSurface",
    "ClosureSurface",
    "OuterCeilingSurface",
    "OuterFloorSurface",
    "Window",
    "Door",
    "InteriorWallSurface",
    "CeilingSurface",
    "FloorSurface",
    "WaterSurface",
    "WaterGroundSurface",
    "WaterClosureSurface",
    "TrafficArea",
    "AuxiliaryTrafficArea",
    "TransportationMarking",
    "TransportationHole",
];

/// Counts of solids, shells, surfaces and strings (rings), in this order.
struct Counts([Vec<u32>; 4]);

impl Counts {
    fn read(table: &Table, slots: [u16; 4]) -> Result<Self, Broken> {
        let [a, b, c, d] = slots;
        Ok(Self([table.u32s(a)?, table.u32s(b)?, table.u32s(c)?, table.u32s(d)?]))
    }

    /// The last `depth` lists without the last `less` of them.
    fn nest(&self, line: &mut String, depth: usize, less: usize, leaves: &[u32]) -> Result<(), Broken> {
        let mut lists: Vec<Iter<u32>> = self.0[4 - depth..4 - less].iter().map(|l| l.iter()).collect();
        let count = lists.first().map_or(leaves.len(), Iter::len);
        group(line, &mut lists, count, &mut leaves.iter())
    }
}

/// A list of `count` members: leaves where no list of counts is left, else lists as long as the next counts say.
fn group(line: &mut String, lists: &mut [Iter<u32>], count: usize, leaves: &mut Iter<u32>) -> Result<(), Broken> {
    line.push('[');
    for i in 0..count {
        line.push_str(if i > 0 { "," } else { "" });
        let number = match lists.split_first_mut() {
            None => *leaves.next().ok_or(Broken)?,
            Some((first, rest)) => {
                let count = *first.next().ok_or(Broken)?;
                if count != NULL {
                    group(line, rest, count as usize, leaves)?;
                    continue;
                }
                NULL
            }
        };
        if number == NULL { line.push_str("null") } else { push(line, format_args!("{number}")) }
    }
    line.push(']');
    Ok(())
}

/// A `Geometry`.
pub(super) fn write(line: &mut String, table: &Table, header: &Header) -> Result<(), Broken> {
    let (kind, depth) = TYPES.get(usize::from(table.u8(4, 0)?)).ok_or(Broken)?;
    push(line, format_args!("{{\"type\":\"{kind}\""));
    if let Some(lod) = table.text(6)? {
        push(line, format_args!(",\"lod\":{}", Value::from(lod)));
    }
    let counts = Counts::read(table, [8, 10, 12, 14])?;
    line.push_str(",\"boundaries\":");
    counts.nest(line, *depth, 0, &table.u32s(16)?)?;
    if *depth >= 2 {
        semantics(line, table, header, &counts, *depth)?;
        materials(line, table, *depth)?;
        textures(line, table, *depth)?;
    }
    line.push('}');
    Ok(())
}

fn semantics(line: &mut String, table: &Table, header: &Header, counts: &Counts, depth: usize) -> Result<(), Broken> {
    let Some(surfaces) = table.tables_if(20)? else { return Ok(()) };
    line.push_str(",\"semantics\":{\"surfaces\":[");
    for (i, surface) in surfaces.iter().enumerate() {
        let kind = match SURFACE_TYPES.get(usize::from(surface.u8(4, 0)?)) {
            Some(kind) => kind,
            None => surface.text(12)?.unwrap_or("+GenericSurface"),
        };
        let mut members = match surface.list(6, 1)? {
            Some(values) => header.semantic_columns.values(values, false)?,
            None => Default::default(),
        };
        members.insert("type".to_owned(), kind.into());
        if let Some(parent) = surface.u32(10)? {
            members.insert("parent".to_owned(), parent.into());
        }
        if let Some(children) = surface.u32s_if(8)? {
            members.insert("children".to_owned(), children.into());
        }
        push(line, format_args!("{}{}", if i > 0 { "," } else { "" }, Value::Object(members)));
    }
    line.push_str("],\"values\":");
    match table.u32s_if(18)? {
        // One number a surface: two levels less than the rings' points.
        Some(values) => counts.nest(line, depth, 2, &values)?,
        None => line.push_str("null"),
    }
    line.push('}');
    Ok(())
}

fn materials(line: &mut String, table: &Table, depth: usize) -> Result<(), Broken> {
    let Some(themes) = table.tables_if(22)? else { return Ok(()) };
    line.push_str(",\"material\":{");
    for (i, theme) in themes.iter().enumerate() {
        push(line, format_args!("{}{}:{{", if i > 0 { "," } else { "" }, Value::from(theme.text(4)?.unwrap_or("theme"))));
        match (theme.u32(12)?, theme.u32s_if(10)?) {
            (Some(value), _) => push(line, format_args!("\"value\":{value}")),
            (None, None) => line.push_str("\"values\":null"),
            (None, Some(values)) => {
                line.push_str("\"values\":");
                Counts([theme.u32s(6)?, theme.u32s(8)?, Vec::new(), Vec::new()]).nest(line, depth, 2, &values)?;
            }
        }
        line.push('}');
    }
    line.push('}');
    Ok(())
}

fn textures(line: &mut String, table: &Table, depth: usize) -> Result<(), Broken> {
    let Some(themes) = table.tables_if(24)? else { return Ok(()) };
    line.push_str(",\"texture\":{");
    for (i, theme) in themes.iter().enumerate() {
        push(line, format_args!("{}{}:{{", if i > 0 { "," } else { "" }, Value::from(theme.text(4)?.unwrap_or("theme"))));
        if let Some(values) = theme.u32s_if(14)? {
            line.push_str("\"values\":");
            Counts::read(theme, [6, 8, 10, 12])?.nest(line, depth, 0, &values)?;
        }
        line.push('}');
    }
    line.push('}');
    Ok(())
}

/// A `GeometryInstance`.
pub(super) fn write_instance(line: &mut String, table: &Table) -> Result<(), Broken> {
    let matrix = table.inline::<128>(4)?.ok_or(Broken)?;
    let matrix: Value = matrix.as_chunks::<8>().0.iter().map(|n| f64::from_le_bytes(*n)).collect();
    let template = table.u32(6)?.unwrap_or(0);
    let at = Value::from(table.u32s(8)?);
    let kind = "GeometryInstance";
    push(line, format_args!("{{\"type\":\"{kind}\",\"template\":{template},\"boundaries\":{at},\"transformationMatrix\":{matrix}}}"));
    Ok(())
}
