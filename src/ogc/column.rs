//! One property of a class: what its schema says of it, and its values where they lie as bytes.
//!
//! Source: 3D Metadata Specification 1.0, "Binary Table Format" and "Property Values Transforms".

use super::described::DescribedProperty;
use super::fault::Fault;
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// Elements of one array value that are shown.
const ARRAY_MAX: u64 = 1 << 16;

/// Bytes of a glTF's buffer view.
pub type ViewBytes<'a> = dyn Fn(usize) -> Result<&'a [u8], Fault> + 'a;

/// A property of a class, with its values where they lie in a table.
#[derive(Debug)]
pub(super) struct Column {
    /// What tables call it.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    description: String,
    pub(super) semantic: String,
    range: Option<[Value; 2]>,
    kind: Kind,
    array: bool,
    /// Elements of a fixed-length array.
    fixed: Option<u64>,
    normalized: bool,
    offset: Option<Value>,
    scale: Option<Value>,
    pub(super) no_data: Option<Value>,
    pub(super) default: Option<Value>,
    /// `None` where the table leaves the property out: the default holds then.
    pub(super) data: Option<Data>,
}

#[derive(Debug)]
pub(super) struct Data {
    values: Box<[u8]>,
    array_offsets: Option<Offsets>,
    string_offsets: Option<Offsets>,
}

#[derive(Debug)]
struct Offsets {
    bytes: Box<[u8]>,
    width: usize,
}

#[derive(Debug)]
enum Kind {
    /// `components` numbers an element: 1 for a scalar, 4 for a VEC4 or MAT2, ...
    Numbers {
        components: usize,
        number: NumberType,
    },
    Text,
    Boolean,
    Enum {
        number: NumberType,
        names: HashMap<i64, String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum NumberType {
    Signed(usize),
    Unsigned(usize),
    Float(usize),
}

impl Data {
    pub(super) fn read(json: &Value, view_bytes: &ViewBytes<'_>) -> Result<Self, Fault> {
        let view = |key: &str| match json[key].as_u64().and_then(|i| usize::try_from(i).ok()) {
            Some(i) => view_bytes(i).map(|bytes| Some(Box::<[u8]>::from(bytes))),
            None => Ok(None),
        };
        let offsets = |key: &str, width: &str| {
            let width = match json[width].as_str().unwrap_or("UINT32") {
                "UINT8" => 1,
                "UINT16" => 2,
                "UINT64" => 8,
                _ => 4,
            };
            Ok(view(key)?.map(|bytes| Offsets { bytes, width }))
        };
        Ok(Self {
            values: view("values")?.ok_or_else(|| Fault::bad("EXT_structural_metadata", "a property has no values"))?,
            array_offsets: offsets("arrayOffsets", "arrayOffsetType")?,
            string_offsets: offsets("stringOffsets", "stringOffsetType")?,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        let offsets = |o: &Option<Offsets>| o.as_ref().map_or(0, |o| o.bytes.len());
        self.values.len() + offsets(&self.array_offsets) + offsets(&self.string_offsets)
    }
}

impl Offsets {
    /// Where entry `i` begins and ends.
    fn range(&self, i: u64) -> Option<(u64, u64)> {
        let at = |i: u64| {
            let start = usize::try_from(i).ok()?.checked_mul(self.width)?;
            let raw = self.bytes.get(start..start.checked_add(self.width)?)?;
            Some(raw.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)))
        };
        let (start, end) = (at(i)?, at(i.checked_add(1)?)?);
        (start <= end).then_some((start, end))
    }
}

impl Column {
    /// The properties of a class, not yet with values; `given` may say other offsets and scales.
    pub(super) fn of_class(schema: &Value, class: &str, given: &Map<String, Value>) -> Result<Vec<Self>, Fault> {
        let properties = || schema["classes"][class]["properties"].as_object().into_iter().flatten();
        let mut shown: HashMap<&str, usize> = HashMap::new();
        properties().filter_map(|(_, p)| p["name"].as_str()).for_each(|n| *shown.entry(n).or_default() += 1);
        let column = |(id, property): (&String, &Value)| {
            let wrong = || Fault::bad(format!("metadata {class}.{id}"), format!("type {} is not of the standard", property["type"]));
            let text = |key: &str| property[key].as_str().unwrap_or_default().to_owned();
            let either = |key: &str| given.get(id).and_then(|g| g.get(key)).or_else(|| property.get(key)).cloned();
            Ok(Self {
                // Ids are ASCII by the standard; `name` is what the source called it, in its own language.
                name: property["name"].as_str().filter(|n| shown.get(n) == Some(&1)).unwrap_or(id).to_owned(),
                id: id.clone(),
                description: text("description"),
                semantic: text("semantic"),
                range: either("min").zip(either("max")).map(|(min, max)| [min, max]),
                kind: Kind::of(property, schema).ok_or_else(wrong)?,
                array: property["array"].as_bool().unwrap_or(false),
                fixed: property["count"].as_u64(),
                normalized: property["normalized"].as_bool().unwrap_or(false),
                offset: either("offset"),
                scale: either("scale"),
                no_data: property.get("noData").cloned(),
                default: property.get("default").cloned(),
                data: None,
            })
        };
        properties().map(column).collect()
    }

    /// Takes numbers of a vertex attribute, `count` rows.
    pub(super) fn fill(&mut self, values: &[f64], count: usize) -> Result<(), Fault> {
        let (components, number) = match &mut self.kind {
            Kind::Numbers { components, number } => (*components, number),
            Kind::Enum { number, .. } => (1, number),
            _ => return Ok(()),
        };
        if self.array || count.checked_mul(components) != Some(values.len()) {
            return Err(Fault::bad(format!("metadata {}", self.id), format!("{} values for {count} vertices", values.len())));
        }
        // The accessor has normalised them already; whole numbers stay whole.
        let whole = !self.normalized && !matches!(number, NumberType::Float(_));
        self.normalized = false;
        *number = NumberType::narrowest(values, whole);
        let bytes = values.iter().flat_map(|v| number.bytes(*v)).collect();
        self.data = Some(Data { values: bytes, array_offsets: None, string_offsets: None });
        Ok(())
    }

    /// The value of row `row`; the default where there is none; `None` where neither is.
    pub(super) fn value(&self, row: usize) -> Option<Value> {
        self.value_in(self.data.as_ref(), row as u64)
    }

    /// The value in the bytes of a single one; the upper bytes of an enumeration may be missing.
    pub(super) fn value_of(&self, bytes: &[u8]) -> Option<Value> {
        let mut values = bytes.to_vec();
        values.resize(self.width().unwrap_or_default().max(bytes.len()), 0);
        self.value_in(Some(&Data { values: values.into(), array_offsets: None, string_offsets: None }), 0)
    }

    fn value_in(&self, data: Option<&Data>, row: u64) -> Option<Value> {
        let raw = data.and_then(|data| if self.array { self.list(data, row) } else { self.element(data, row) });
        match raw {
            Some(raw) if !self.is_no_data(&raw) => Some(self.finish(raw)),
            _ => self.default.clone(),
        }
    }

    /// Whether a value as written stands for none.
    pub(super) fn is_no_data(&self, raw: &Value) -> bool {
        self.no_data.as_ref().is_some_and(|none| same(none, raw))
    }

    /// Bytes of one value; `None` where values differ in length.
    pub(super) fn width(&self) -> Option<usize> {
        let elements = if self.array { usize::try_from(self.fixed?).ok()? } else { 1 };
        match &self.kind {
            Kind::Text => None,
            Kind::Boolean => Some(elements.div_ceil(8)),
            Kind::Enum { number, .. } => elements.checked_mul(number.width()),
            Kind::Numbers { components, number } => elements.checked_mul(*components)?.checked_mul(number.width()),
        }
    }

    pub(super) fn is_enum(&self) -> bool {
        matches!(self.kind, Kind::Enum { .. })
    }

    /// A value of it with what the schema says.
    pub(super) fn described(&self, value: Value) -> DescribedProperty {
        let Self { name, description, semantic, range, .. } = self;
        DescribedProperty { name: name.clone(), description: description.clone(), semantic: semantic.clone(), range: range.clone(), value }
    }

    fn list(&self, data: &Data, row: u64) -> Option<Value> {
        let (start, end) = match (&data.array_offsets, self.fixed) {
            (Some(offsets), None) => offsets.range(row)?,
            (_, Some(count)) => (row.checked_mul(count)?, row.checked_add(1)?.checked_mul(count)?),
            (None, None) => return None,
        };
        (start..end.min(start.saturating_add(ARRAY_MAX))).map(|i| self.element(data, i)).collect::<Option<Vec<_>>>().map(Value::Array)
    }

    /// Element `i` of the column's values, not yet normalised or scaled.
    fn element(&self, data: &Data, i: u64) -> Option<Value> {
        let index = usize::try_from(i).ok()?;
        match &self.kind {
            Kind::Text => {
                let (start, end) = data.string_offsets.as_ref()?.range(i)?;
                let bytes = data.values.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
                Some(Value::String(String::from_utf8_lossy(bytes).into_owned()))
            }
            Kind::Boolean => Some(Value::Bool(data.values.get(index / 8)? >> (index % 8) & 1 == 1)),
            Kind::Enum { number, names } => {
                let value = number.read(&data.values, index)?;
                Some(value.as_i64().and_then(|v| names.get(&v)).map_or(value, |name| Value::String(name.clone())))
            }
            Kind::Numbers { components: 1, number } => number.read(&data.values, index),
            Kind::Numbers { components, number } => {
                let first = index.checked_mul(*components)?;
                (first..first.checked_add(*components)?).map(|i| number.read(&data.values, i)).collect::<Option<Vec<_>>>().map(Value::Array)
            }
        }
    }

    /// Normalisation, scale and offset, in that order.
    pub(super) fn finish(&self, raw: Value) -> Value {
        let Kind::Numbers { number, .. } = &self.kind else { return raw };
        if !self.normalized && self.scale.is_none() && self.offset.is_none() {
            return raw;
        }
        self.scaled(raw, *number, self.scale.as_ref(), self.offset.as_ref())
    }

    fn scaled(&self, raw: Value, number: NumberType, scale: Option<&Value>, offset: Option<&Value>) -> Value {
        if let Value::Array(list) = raw {
            // Scale and offset have the shape of the value; a single number serves all.
            let part = |of: Option<&Value>, i: usize| of.map(|v| if v.is_array() { v[i].clone() } else { v.clone() });
            let parts = list.into_iter().enumerate().map(|(i, v)| {
                let (scale, offset) = (part(scale, i), part(offset, i));
                self.scaled(v, number, scale.as_ref(), offset.as_ref())
            });
            return Value::Array(parts.collect());
        }
        let Some(v) = raw.as_f64() else { return raw };
        let v = if self.normalized { number.normalised(v) } else { v };
        let number = |of: Option<&Value>, neutral: f64| of.and_then(Value::as_f64).unwrap_or(neutral);
        Number::from_f64(v * number(scale, 1.0) + number(offset, 0.0)).map_or(raw, Value::Number)
    }
}

/// Whether two values are the same, however their numbers are written: a schema says 0 of what a column of floats has as 0.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(x), Value::Number(y)) => x == y || (x.is_f64() || y.is_f64()) && x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

impl Kind {
    fn of(property: &Value, schema: &Value) -> Option<Self> {
        let number = || NumberType::of(property["componentType"].as_str()?);
        let numbers = |components| Some(Self::Numbers { components, number: number()? });
        match property["type"].as_str()? {
            "STRING" => Some(Self::Text),
            "BOOLEAN" => Some(Self::Boolean),
            "SCALAR" => numbers(1),
            "VEC2" => numbers(2),
            "VEC3" => numbers(3),
            "VEC4" | "MAT2" => numbers(4),
            "MAT3" => numbers(9),
            "MAT4" => numbers(16),
            "ENUM" => {
                let definition = &schema["enums"][property["enumType"].as_str()?];
                let number = NumberType::of(definition["valueType"].as_str().unwrap_or("UINT16"))?;
                let values = definition["values"].as_array()?.iter();
                let names = values.filter_map(|v| Some((v["value"].as_i64()?, v["name"].as_str()?.to_owned()))).collect();
                Some(Self::Enum { number, names })
            }
            _ => None,
        }
    }
}

impl NumberType {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "INT8" => Self::Signed(1),
            "INT16" => Self::Signed(2),
            "INT32" => Self::Signed(4),
            "INT64" => Self::Signed(8),
            "UINT8" => Self::Unsigned(1),
            "UINT16" => Self::Unsigned(2),
            "UINT32" => Self::Unsigned(4),
            "UINT64" => Self::Unsigned(8),
            "FLOAT32" => Self::Float(4),
            "FLOAT64" => Self::Float(8),
            _ => return None,
        })
    }

    /// The shortest type that holds all of these; `whole` where they are whole numbers.
    fn narrowest(values: &[f64], whole: bool) -> Self {
        if !whole {
            let short = values.iter().all(|v| f64::from(*v as f32) == *v || v.is_nan());
            return if short { Self::Float(4) } else { Self::Float(8) };
        }
        let reach = values.iter().fold(0.0, |reach: f64, v| reach.max(if *v < 0.0 { -v - 1.0 } else { *v }));
        Self::Signed([1, 2, 4].into_iter().find(|width| reach < 2f64.powi(8 * width - 1)).unwrap_or(8) as usize)
    }

    fn width(self) -> usize {
        let (Self::Signed(width) | Self::Unsigned(width) | Self::Float(width)) = self;
        width
    }

    /// The bytes of a number as [`NumberType::read`] takes them.
    fn bytes(self, v: f64) -> impl Iterator<Item = u8> {
        let bytes = match self {
            Self::Signed(_) | Self::Unsigned(_) => (v as i64).to_le_bytes(),
            Self::Float(4) => u64::from((v as f32).to_bits()).to_le_bytes(),
            Self::Float(_) => v.to_le_bytes(),
        };
        bytes.into_iter().take(self.width())
    }

    fn read(self, bytes: &[u8], i: usize) -> Option<Value> {
        let width = self.width();
        let start = i.checked_mul(width)?;
        let raw = bytes.get(start..start.checked_add(width)?)?;
        let bits = raw.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let unused = 64 - 8 * width as u32;
        match self {
            Self::Unsigned(_) => Some(bits.into()),
            Self::Signed(_) => Some(((bits << unused) as i64 >> unused).into()),
            // NaN and infinity have no JSON; they are shown as no value.
            Self::Float(4) => Some(Number::from_f64(f64::from(f32::from_bits(bits as u32))).map_or(Value::Null, Value::Number)),
            Self::Float(_) => Some(Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number)),
        }
    }

    fn normalised(self, v: f64) -> f64 {
        match self {
            Self::Unsigned(width) => v / (2f64.powi(8 * width as i32) - 1.0),
            Self::Signed(width) => (v / (2f64.powi(8 * width as i32 - 1) - 1.0)).max(-1.0),
            Self::Float(_) => v,
        }
    }
}
