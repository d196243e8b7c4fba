//! Batch tables of 3D Tiles 1.0: attributes of features, JSON with some columns in a binary body.

use super::draco::UnpackedPoints;
use super::fault::Fault;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Attributes of the features of a tile, decoded a row at a time.
#[derive(Clone, Debug)]
pub struct BatchTable {
    json: Arc<Map<String, Value>>,
    binary: Arc<[u8]>,
    bytes: usize,
}

impl BatchTable {
    /// From the two parts that a tile has of it; both may be empty.
    ///
    /// # Errors
    /// [`Fault`] for what is no JSON.
    pub fn read(json: &[u8], binary: &[u8]) -> Result<Self, Fault> {
        let columns = match table_json(json, "batch table JSON")? {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        // JSON values take about four times their text in memory.
        Ok(Self { json: Arc::new(columns), binary: binary.into(), bytes: json.len() * 4 + binary.len() })
    }

    /// Puts what Draco compressed of the table's columns where the table itself would have it.
    pub(super) fn unpack(&mut self, points: &UnpackedPoints) -> Result<(), Fault> {
        let Some(compressed) = self.json.get("extensions").and_then(|e| e[UnpackedPoints::NAME]["properties"].as_object()) else {
            return Ok(());
        };
        let (mut columns, mut binary) = ((*self.json).clone(), self.binary.to_vec());
        for (name, unique) in compressed {
            let wrong = |what: &str| Fault::bad(format!("batch table {name}"), what);
            let column = columns.get_mut(name).filter(|c| c.is_object()).ok_or_else(|| wrong("the column is not there"))?;
            let width = width(column).ok_or_else(|| wrong("it has no type of the standard"))?;
            let unique = unique.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| wrong("it is no number of an attribute"))?;
            let numbers = points.numbers(unique, width).map_err(|why| wrong(&why))?;
            let write = writer(&column["componentType"]).ok_or_else(|| wrong("it has no type of the standard"))?;
            column["byteOffset"] = json!(binary.len());
            numbers.into_iter().for_each(|v| write(v, &mut binary));
        }
        self.bytes += binary.len() - self.binary.len();
        (self.json, self.binary) = (columns.into(), binary.into());
        Ok(())
    }

    /// True if there is no attribute.
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All attributes of feature `i`.
    pub fn row(&self, i: usize) -> Map<String, Value> {
        let columns = self.json.iter().filter(|(name, _)| !matches!(name.as_str(), "HIERARCHY" | "extensions" | "extras"));
        columns.filter_map(|(name, column)| Some((name.clone(), self.cell(column, i)?))).collect()
    }

    /// What gives the values of one attribute by feature; `None` when the table has no such attribute.
    pub fn column<'a>(&'a self, name: &str) -> Option<impl Fn(usize) -> Option<Value> + 'a> {
        let column = self.json.get(name)?;
        Some(move |row| self.cell(column, row))
    }

    fn cell(&self, column: &Value, i: usize) -> Option<Value> {
        if let Some(list) = column.as_array() {
            return list.get(i).cloned();
        }
        let offset = usize::try_from(column["byteOffset"].as_u64()?).ok()?;
        let components = width(column)?;
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

/// Numbers a row of a binary column.
fn width(column: &Value) -> Option<usize> {
    Some(match column["type"].as_str()? {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        _ => return None,
    })
}

/// What writes a number as a binary column of that type has it.
fn writer(component: &Value) -> Option<fn(f64, &mut Vec<u8>)> {
    Some(match component.as_str()? {
        "BYTE" => |v, out| out.extend((v as i8).to_le_bytes()),
        "UNSIGNED_BYTE" => |v, out| out.push(v as u8),
        "SHORT" => |v, out| out.extend((v as i16).to_le_bytes()),
        "UNSIGNED_SHORT" => |v, out| out.extend((v as u16).to_le_bytes()),
        "INT" => |v, out| out.extend((v as i32).to_le_bytes()),
        "UNSIGNED_INT" => |v, out| out.extend((v as u32).to_le_bytes()),
        "FLOAT" => |v, out| out.extend((v as f32).to_le_bytes()),
        "DOUBLE" => |v, out| out.extend(v.to_le_bytes()),
        _ => return None,
    })
}

/// JSON of a table; `null` where the part is empty.
pub(super) fn table_json(bytes: &[u8], place: &str) -> Result<Value, Fault> {
    // Padded with spaces by the standard, with zeros by some writers.
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    match end {
        0 => Ok(Value::Null),
        _ => serde_json::from_slice(&bytes[..end]).map_err(|e| Fault::bad(place, e.to_string())),
    }
}
