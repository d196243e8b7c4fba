//! Feature tables of 3D Tiles 1.0: what a tile says of itself and of each of its instances or points, by semantic.
//!
//! Source: 3D Tiles 1.0, "Feature Table". Values lie in the JSON itself or in the binary body at a `byteOffset`.

use super::draco::UnpackedPoints;
use super::fault::Fault;
use serde_json::Value;
use std::collections::BTreeMap;

/// How numbers lie in the binary body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packed {
    U8,
    U16,
    U32,
    F32,
}

/// A feature table: every number is checked to be there before it is read.
#[derive(Debug)]
pub struct Semantics<'a> {
    format: &'static str,
    json: Value,
    binary: &'a [u8],
    /// What Draco compressed, by name.
    unpacked: BTreeMap<String, Vec<f64>>,
}

impl<'a> Semantics<'a> {
    pub(super) fn new(format: &'static str, json: Value, binary: &'a [u8]) -> Self {
        Self { format, json, binary, unpacked: BTreeMap::new() }
    }

    /// True if the table says anything under that name.
    pub fn has(&self, name: &str) -> bool {
        self.json.get(name).is_some()
    }

    /// Takes out what Draco compressed of a cloud of points; `None` where it compressed nothing.
    pub(super) fn unpack(&mut self) -> Result<Option<UnpackedPoints>, Fault> {
        let extension = &self.json["extensions"][UnpackedPoints::NAME];
        let Some(properties) = extension["properties"].as_object() else { return Ok(None) };
        let number = |key: &str| extension[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let (offset, length) = (number("byteOffset").unwrap_or(0), number("byteLength").unwrap_or(0));
        let bytes = offset.checked_add(length).and_then(|end| self.binary.get(offset..end));
        let wrong = |what: String| self.bad(UnpackedPoints::NAME, &what);
        let bytes = bytes.ok_or_else(|| wrong("it reaches beyond the table".to_owned()))?;
        let points = UnpackedPoints::read(bytes).map_err(wrong)?;
        let mut unpacked = BTreeMap::new();
        for (name, unique) in properties {
            let width = match name.as_str() {
                "POSITION" | "NORMAL" | "RGB" => 3,
                "RGBA" => 4,
                "BATCH_ID" => 1,
                _ => continue,
            };
            let unique = unique.as_u64().and_then(|n| u32::try_from(n).ok());
            let unique = unique.ok_or_else(|| wrong(format!("{name} is no number of an attribute")))?;
            unpacked.insert(name.clone(), points.numbers(unique, width).map_err(|why| wrong(format!("{name}: {why}")))?);
        }
        self.unpacked = unpacked;
        Ok(Some(points))
    }

    /// A yes or no of the whole tile; no where it says nothing.
    pub fn is(&self, name: &str) -> bool {
        self.json[name].as_bool().unwrap_or(false)
    }

    /// A length of the whole tile; more than 32 bits can say is the largest.
    pub fn count(&self, name: &str) -> Option<u32> {
        let given = &self.json[name];
        match given.as_u64() {
            Some(count) => Some(u32::try_from(count).unwrap_or(u32::MAX)),
            // The standard lets a global lie in the binary body too.
            None if given.is_object() => self.binary_at(name, 1, 1, Packed::U32).ok()?.first().map(|v| *v as u32),
            None => None,
        }
    }

    /// Numbers of the whole tile, floats in the binary body.
    pub fn numbers<const N: usize>(&self, name: &str) -> Result<Option<[f64; N]>, Fault> {
        self.packed_numbers(name, Packed::F32)
    }

    /// Numbers of the whole tile.
    pub fn packed_numbers<const N: usize>(&self, name: &str, packed: Packed) -> Result<Option<[f64; N]>, Fault> {
        let list = self.list(name, 1, N, packed)?;
        Ok(list.and_then(|l| <[f64; N]>::try_from(l).ok()))
    }

    /// `components` numbers for each of `count` instances or points, flat; `None` where the table has none.
    ///
    /// # Errors
    /// [`Fault`] where they are not all there.
    pub fn list(&self, name: &str, count: usize, components: usize, packed: Packed) -> Result<Option<Vec<f64>>, Fault> {
        if let Some(unpacked) = self.unpacked.get(name) {
            let all = Some(unpacked).filter(|n| Some(n.len()) == count.checked_mul(components));
            return all.cloned().map(Some).ok_or_else(|| self.bad(name, &format!("{count} times {components} numbers are needed")));
        }
        let Some(given) = self.json.get(name) else { return Ok(None) };
        if let Some(list) = given.as_array() {
            let numbers: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
            let numbers = numbers.filter(|n| Some(n.len()) == count.checked_mul(components));
            return numbers.map(Some).ok_or_else(|| self.bad(name, &format!("{count} times {components} numbers are needed")));
        }
        self.binary_at(name, count, components, packed).map(Some)
    }

    /// Whole numbers, one for each of `count`: shorts, unless the table says what they are.
    pub fn ids(&self, name: &str, count: usize) -> Result<Option<Vec<u32>>, Fault> {
        let packed = match self.json[name]["componentType"].as_str() {
            Some("UNSIGNED_BYTE") => Packed::U8,
            Some("UNSIGNED_INT") => Packed::U32,
            _ => Packed::U16,
        };
        Ok(self.list(name, count, 1, packed)?.map(|ids| ids.into_iter().map(|id| id as u32).collect()))
    }

    fn binary_at(&self, name: &str, count: usize, components: usize, packed: Packed) -> Result<Vec<f64>, Fault> {
        let offset = self.json[name]["byteOffset"].as_u64().and_then(|o| usize::try_from(o).ok());
        let offset = offset.ok_or_else(|| self.bad(name, "there are neither numbers nor a byteOffset"))?;
        let size = packed.bytes();
        let end = count.checked_mul(components).and_then(|n| n.checked_mul(size)?.checked_add(offset));
        let bytes = end.and_then(|end| self.binary.get(offset..end));
        let bytes = bytes.ok_or_else(|| self.bad(name, &format!("{count} times {components} numbers reach beyond the table")))?;
        Ok(bytes.chunks_exact(size).map(|raw| packed.value(raw)).collect())
    }

    fn bad(&self, name: &str, what: &str) -> Fault {
        Fault::bad(format!("{} feature table {name}", self.format), what)
    }
}

impl Packed {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// `raw` has [`Packed::bytes`] bytes.
    fn value(self, raw: &[u8]) -> f64 {
        match (self, raw) {
            (Self::U8, &[a]) => f64::from(a),
            (Self::U16, &[a, b]) => f64::from(u16::from_le_bytes([a, b])),
            (Self::U32, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
            (Self::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            _ => 0.0,
        }
    }
}
