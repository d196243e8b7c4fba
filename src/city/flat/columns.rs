//! Attributes as both formats store them: a column's number, then its value, one after the other.

use super::table::{Broken, Table};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// A column's name and type, by the number that stands before its values.
#[derive(Debug, Default)]
pub(in crate::city) struct Columns(HashMap<u16, (String, u8)>);

/// Where a `Column` table keeps its fields: the two formats differ.
#[derive(Debug, Clone, Copy)]
pub(in crate::city) struct Slots {
    /// Its number; `None` where columns are counted in the order they come.
    pub(in crate::city) index: Option<u16>,
    pub(in crate::city) name: u16,
    pub(in crate::city) kind: u16,
}

impl Columns {
    pub(in crate::city) fn read(tables: &[Table], slots: Slots) -> Result<Self, Broken> {
        let mut columns = HashMap::with_capacity(tables.len());
        for (i, table) in tables.iter().enumerate() {
            let number = match slots.index {
                Some(slot) => table.u16(slot, 0)?,
                None => u16::try_from(i).map_err(|_| Broken)?,
            };
            columns.insert(number, (table.text(slots.name)?.unwrap_or_default().to_owned(), table.u8(slots.kind, 0)?));
        }
        Ok(Self(columns))
    }

    pub(in crate::city) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values of a feature. `signed` says whether a `Byte` is (FlatGeobuf's is, FlatCityBuf's is not).
    ///
    /// # Errors
    /// When a value has no column or is cut short: what follows it then can't be found either.
    pub(in crate::city) fn values(&self, bytes: &[u8], signed: bool) -> Result<Map<String, Value>, Broken> {
        let mut rest = bytes;
        let mut values = Map::new();
        // GDAL leaves a single byte behind a last binary value.
        while rest.len() > 1 {
            let number = u16::from_le_bytes(take(&mut rest)?);
            let (name, kind) = self.0.get(&number).ok_or(Broken)?;
            let value = value(&mut rest, *kind, signed)?;
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Broken)?;
    *rest = tail;
    Ok(*head)
}

/// One value; `ColumnType` of both schemas.
fn value(rest: &mut &[u8], kind: u8, signed: bool) -> Result<Value, Broken> {
    Ok(match kind {
        0 if signed => Value::from(i8::from_le_bytes(take(rest)?)),
        0 | 1 => Value::from(u8::from_le_bytes(take(rest)?)),
        2 => Value::from(take::<1>(rest)? != [0]),
        3 => Value::from(i16::from_le_bytes(take(rest)?)),
        4 => Value::from(u16::from_le_bytes(take(rest)?)),
        5 => Value::from(i32::from_le_bytes(take(rest)?)),
        6 => Value::from(u32::from_le_bytes(take(rest)?)),
        7 => Value::from(i64::from_le_bytes(take(rest)?)),
        8 => Value::from(u64::from_le_bytes(take(rest)?)),
        9 => float(shortest(f32::from_le_bytes(take(rest)?))),
        10 => float(f64::from_le_bytes(take(rest)?)),
        11 | 13 => Value::from(String::from_utf8_lossy(sized(rest)?).into_owned()),
        12 => {
            let text = String::from_utf8_lossy(sized(rest)?).into_owned();
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        14 => Value::from(sized(rest)?.to_vec()),
        _ => return Err(Broken),
    })
}

fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Broken> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (head, tail) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = tail;
    Ok(head)
}

/// 0.1 stored in 32 bits is 0.1 again, not 0.10000000149.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
