//! GeoJSON (RFC 7946, and the `crs` member of its forerunner) into features.

use super::extrude::Refusal;
use super::feature::{Path, Shape, VectorFeature};
use glam::DVec2;
use serde::Deserialize as Derive;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Collections in collections.
const DEPTH_MAX: usize = 8;

#[derive(Derive)]
struct Raw<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    id: Option<Value>,
    properties: Option<Value>,
    #[serde(borrow)]
    geometry: Option<&'a RawValue>,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometries: Option<Vec<&'a RawValue>>,
}

/// A place; heights and measures after it are passed over.
struct Position(DVec2);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl<'de> Visitor<'de> for Numbers {
            type Value = Position;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a position of two numbers or more")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Position, A::Error> {
                let mut number = |i| list.next_element::<f64>()?.ok_or_else(|| serde::de::Error::invalid_length(i, &Self));
                let place = DVec2::new(number(0)?, number(1)?);
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Position(place))
            }
        }
        deserializer.deserialize_seq(Numbers)
    }
}

/// One feature's text; a bare geometry is a feature without attributes.
///
/// # Errors
/// A reason that groups, and what serde says with line and column within the feature.
pub(super) fn feature(text: &[u8]) -> Result<VectorFeature, Refusal> {
    let wrong = |e: serde_json::Error| ("not a GeoJSON feature".to_owned(), e.to_string());
    let raw: Raw = serde_json::from_slice(text).map_err(wrong)?;
    let mut shape = Shape::default();
    match raw.kind.as_deref() {
        Some("Feature") => {
            if let Some(geometry) = raw.geometry {
                add(geometry, &mut shape, 0)?;
            }
        }
        _ => add_raw(&raw, &mut shape, 0)?,
    }
    let id = match raw.id {
        Some(Value::String(id)) => Some(id),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let attributes = match raw.properties {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    Ok(VectorFeature { id, attributes, shape })
}

fn add(geometry: &RawValue, shape: &mut Shape, depth: usize) -> Result<(), Refusal> {
    if geometry.get() == "null" {
        return Ok(());
    }
    let raw = serde_json::from_str(geometry.get()).map_err(|e| ("geometry not understood".to_owned(), e.to_string()))?;
    add_raw(&raw, shape, depth)
}

fn add_raw(raw: &Raw, shape: &mut Shape, depth: usize) -> Result<(), Refusal> {
    let kind = raw.kind.as_deref().unwrap_or_default();
    if kind == "GeometryCollection" {
        if depth >= DEPTH_MAX {
            return Err(("geometry not understood".to_owned(), format!("collections nested deeper than {DEPTH_MAX}")));
        }
        return raw.geometries.iter().flatten().try_for_each(|g| add(g, shape, depth + 1));
    }
    let coordinates = raw.coordinates.map_or("[]", |c| c.get());
    match kind {
        "Polygon" => shape.polygons.extend(Some(paths(read(coordinates)?)).filter(|p| !p.is_empty())),
        "MultiPolygon" => {
            shape.polygons.extend(read::<Vec<Vec<Vec<Position>>>>(coordinates)?.into_iter().map(paths).filter(|p| !p.is_empty()))
        }
        "LineString" => shape.lines.push(path(read(coordinates)?)),
        "MultiLineString" => shape.lines.extend(paths(read(coordinates)?)),
        "Point" => shape.points += 1,
        "MultiPoint" => shape.points += 1,
        other => return Err(("geometry not understood".to_owned(), format!("type {other:?}"))),
    }
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|e| ("coordinates not understood".to_owned(), e.to_string()))
}

fn path(positions: Vec<Position>) -> Path {
    positions.into_iter().map(|p| p.0).collect()
}

fn paths(lists: Vec<Vec<Position>>) -> Vec<Path> {
    lists.into_iter().map(path).collect()
}

/// What a collection's own members say of its coordinate system: `EPSG:n` or the name as written; `None` when they are silent.
pub(super) fn reference_system(head: &[u8]) -> Option<String> {
    #[derive(Derive)]
    struct Head {
        crs: Option<Value>,
    }
    named(&serde_json::from_slice::<Head>(head).ok()?.crs?)
}

/// The same from the last bytes of a file, where some writers put it.
pub(super) fn reference_system_at_end(tail: &[u8]) -> Option<String> {
    let at = tail.windows(5).rposition(|w| w == b"\"crs\"")?;
    let rest = tail[at + 5..].trim_ascii_start().strip_prefix(b":")?;
    named(&serde_json::Deserializer::from_slice(rest).into_iter::<Value>().next()?.ok()?)
}

/// GeoJSON 2008, section 3: a named system, or the older `EPSG` with its code. Longitude comes first whatever the system's own order.
fn named(crs: &Value) -> Option<String> {
    let properties = crs.get("properties")?;
    let name = match (properties.get("name"), properties.get("code")) {
        (Some(Value::String(name)), _) => name.trim().to_owned(),
        (_, Some(code)) => format!("EPSG:{}", code.as_u64().or_else(|| code.as_str()?.parse().ok())?),
        _ => return None,
    };
    Some(if name.ends_with("CRS84") || name.ends_with(":4326") { super::CRS84.to_owned() } else { name })
}
