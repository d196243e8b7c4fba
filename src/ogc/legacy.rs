//! Wrappings of 3D Tiles 1.0: b3dm with its batch table, and cmpt.

use super::fault::Fault;
use glam::DVec3;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Tiles in one composite.
const PARTS_MAX: usize = 4096;

/// The features of a b3dm.
#[derive(Debug)]
pub struct Batches {
    pub count: u32,
    pub table: BatchTable,
}

/// Attributes of a b3dm: JSON, with some columns in a binary body.
#[derive(Clone, Debug)]
pub struct BatchTable {
    json: Arc<Map<String, Value>>,
    binary: Arc<[u8]>,
    bytes: usize,
}

impl BatchTable {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All attributes of feature `i`.
    pub fn row(&self, i: usize) -> Map<String, Value> {
        let columns = self.json.iter().filter(|(name, _)| !matches!(name.as_str(), "HIERARCHY" | "extensions" | "extras"));
        columns.filter_map(|(name, column)| Some((name.clone(), self.cell(column, i)?))).collect()
    }

    fn cell(&self, column: &Value, i: usize) -> Option<Value> {
        if let Some(list) = column.as_array() {
            return list.get(i).cloned();
        }
        let offset = usize::try_from(column["byteOffset"].as_u64()?).ok()?;
        let components = match column["type"].as_str()? {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            "VEC4" => 4,
            _ => return None,
        };
        type Read = fn(&[u8]) -> Option<Value>;
        let (size, read): (usize, Read) = match column["componentType"].as_str()? {
            "BYTE" => (1, |b| Some(json!(*b.first()? as i8))),
            "UNSIGNED_BYTE" => (1, |b| Some(json!(*b.first()?))),
            "SHORT" => (2, |b| Some(json!(i16::from_le_bytes(b.try_into().ok()?)))),
            "UNSIGNED_SHORT" => (2, |b| Some(json!(u16::from_le_bytes(b.try_into().ok()?)))),
            "INT" => (4, |b| Some(json!(i32::from_le_bytes(b.try_into().ok()?)))),
            "UNSIGNED_INT" => (4, |b| Some(json!(u32::from_le_bytes(b.try_into().ok()?)))),
            "FLOAT" => (4, |b| Some(json!(f32::from_le_bytes(b.try_into().ok()?)))),
            "DOUBLE" => (8, |b| Some(json!(f64::from_le_bytes(b.try_into().ok()?)))),
            _ => return None,
        };
        let start = i.checked_mul(size * components)?.checked_add(offset)?;
        let cells = self.binary.get(start..start.checked_add(size * components)?)?.chunks_exact(size);
        let mut values = cells.map(read).collect::<Option<Vec<_>>>()?;
        Some(if components == 1 { values.pop()? } else { Value::Array(values) })
    }
}

/// A `b3dm` taken apart.
#[derive(Debug)]
pub struct Batched<'a> {
    /// Where the glb's origin is, in the tile's frame.
    pub rtc_center: DVec3,
    /// `None` where the tile has no features.
    pub batches: Option<Batches>,
    pub glb: &'a [u8],
}

/// Takes a `b3dm` apart. Source: 3D Tiles 1.0, "Batched 3D Model".
///
/// # Errors
/// [`Fault`] for a header or table that is cut short or no JSON.
pub fn unwrap_b3dm(bytes: &[u8]) -> Result<Batched<'_>, Fault> {
    let short = |part: &str| Fault::bad(format!("b3dm {part}"), "it is cut short");
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(|w| u32::from_le_bytes(w) as usize);
    if word(4) != Some(1) {
        return Err(Fault::bad("b3dm header", "only version 1 is known"));
    }
    let mut at = 28usize;
    let mut parts: [&[u8]; 4] = [&[]; 4];
    for (i, (part, name)) in parts.iter_mut().zip(["feature table JSON", "feature table", "batch table JSON", "batch table"]).enumerate() {
        let len = word(12 + 4 * i).ok_or_else(|| short("header"))?;
        *part = at.checked_add(len).and_then(|end| bytes.get(at..end)).ok_or_else(|| short(name))?;
        at += len;
    }
    let [feature_json, _, batch_json, batch_binary] = parts;
    let features: Value = if feature_json.is_empty() { Value::Null } else { table_json(feature_json, "b3dm feature table JSON")? };
    let rtc = features["RTC_CENTER"].as_array().map(|c| c.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    let rtc_center = match rtc.as_deref() {
        Some([x, y, z]) => DVec3::new(*x, *y, *z),
        Some(_) => return Err(Fault::bad("b3dm feature table RTC_CENTER", "3 numbers are needed")),
        None => DVec3::ZERO,
    };
    let count = u32::try_from(features["BATCH_LENGTH"].as_u64().unwrap_or(0)).unwrap_or(u32::MAX);
    let batches = if count == 0 { None } else { Some(Batches { count, table: batch_table(batch_json, batch_binary)? }) };
    Ok(Batched { rtc_center, batches, glb: &bytes[at..] })
}

fn batch_table(json: &[u8], binary: &[u8]) -> Result<BatchTable, Fault> {
    let columns = if json.is_empty() { Value::Null } else { table_json(json, "b3dm batch table JSON")? };
    let columns = match columns {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    // JSON values take about four times their text in memory.
    Ok(BatchTable { json: Arc::new(columns), binary: binary.into(), bytes: json.len() * 4 + binary.len() })
}

fn table_json(bytes: &[u8], place: &str) -> Result<Value, Fault> {
    // Padded with spaces by the standard, with zeros by some writers.
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    serde_json::from_slice(&bytes[..end]).map_err(|e| Fault::bad(place, e.to_string()))
}

/// The tiles inside a `cmpt`. Source: 3D Tiles 1.0, "Composite".
pub fn composite_parts(bytes: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let word = |at: usize| bytes.get(at..at.checked_add(4)?).and_then(|w| w.try_into().ok()).map(|w| u32::from_le_bytes(w) as usize);
    let short = || Fault::bad("cmpt", "it is cut short");
    let count = word(12).ok_or_else(short)?;
    if count > PARTS_MAX {
        return Err(Fault::bad("cmpt header", format!("{count} tiles are more than {PARTS_MAX}")));
    }
    let mut at = 16;
    let mut parts = Vec::new();
    for _ in 0..count {
        let len = word(at + 8).filter(|len| *len >= 12).ok_or_else(short)?;
        parts.push(bytes.get(at..at + len).ok_or_else(short)?);
        at += len;
    }
    Ok(parts)
}
