//! Tables of FlatCityBuf as the text of CityJSON: the header, features, objects, appearance.

use super::Header;
use super::geometry;
use crate::city::flat::columns::Columns;
use crate::city::flat::table::{Broken, Field, Table};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// `CityObjectType`, in its order; the one after the last is an extension's.
const OBJECT_TYPES: [&str; 33] = [
    "Bridge",
    "BridgePart",
    "BridgeInstallation",
    "BridgeConstructiveElement",
    "BridgeRoom",
    "BridgeFurniture",
    "Building",
    "BuildingPart",
    "BuildingInstallation",
    "BuildingConstructiveElement",
    "BuildingFurniture",
    "BuildingStorey",
    "BuildingRoom",
    "BuildingUnit",
    "CityFurniture",
    "CityObjectGroup",
    "GenericCityObject",
    "LandUse",
    "OtherConstruction",
    "PlantCover",
    "SolitaryVegetationObject",
    "TINRelief",
    "Road",
    "Railway",
    "Waterway",
    "TransportSquare",
    "Tunnel",
    "TunnelPart",
    "TunnelInstallation",
    "TunnelConstructiveElement",
    "TunnelHollowSpace",
    "TunnelFurniture",
    "WaterBody",
];

/// `TextureFormat` and `WrapMode`.
const IMAGE_TYPES: [&str; 2] = ["PNG", "JPG"];
const WRAP_MODES: [&str; 5] = ["none", "wrap", "mirror", "clamp", "border"];

/// What a `ReferenceSystem` names, as CityJSON writes it.
pub(super) fn crs(table: &Table) -> Field<String> {
    let authority = table.text(4)?.filter(|a| !a.is_empty()).unwrap_or("EPSG");
    let code = match (table.i32(8, 0)?, table.text(10)?) {
        (0, None | Some("")) => return Ok(None),
        (0, Some(code)) => code.to_owned(),
        (code, _) => code.to_string(),
    };
    Ok(Some(format!("https://www.opengis.net/def/crs/{authority}/{}/{code}", table.i32(6, 0)?)))
}

/// The first line: everything a feature needs that is not its own.
pub(super) fn header(table: &Table, transform: Option<[f64; 6]>, header: &Header) -> Result<String, Broken> {
    let mut line = json!({
        "type": "CityJSON",
        "version": table.text(58)?.filter(|v| !v.is_empty()).unwrap_or("2.0"),
        "CityObjects": {},
        "vertices": [],
    });
    if let Some([a, b, c, x, y, z]) = transform {
        line["transform"] = json!({"scale": [a, b, c], "translate": [x, y, z]});
    }
    if let Some(crs) = &header.crs {
        line["metadata"] = json!({"referenceSystem": crs});
    }
    if let Some(table) = table.table(6)? {
        line["appearance"] = appearance(&table)?;
    }
    let mut line = line.to_string();
    let templates = table.tables(28)?;
    if !templates.is_empty() {
        line.pop();
        line.push_str(",\"geometry-templates\":{\"templates\":[");
        for (i, template) in templates.iter().enumerate() {
            line.push_str(if i > 0 { "," } else { "" });
            geometry::write(&mut line, template, header)?;
        }
        line.push_str("],\"vertices-templates\":[");
        let vertices = table.list(30, 24)?.unwrap_or_default().as_chunks::<8>().0;
        for (i, v) in vertices.as_chunks::<3>().0.iter().enumerate() {
            let place: Value = v.iter().map(|n| f64::from_le_bytes(*n)).collect();
            push(&mut line, format_args!("{}{place}", if i > 0 { "," } else { "" }));
        }
        line.push_str("]}}");
    }
    Ok(line)
}

/// A `CityFeature` as a CityJSONFeature.
pub(super) fn feature(table: &Table, header: &Header) -> Result<String, Broken> {
    let id = Value::from(table.text(4)?.unwrap_or_default());
    let mut line = format!("{{\"type\":\"CityJSONFeature\",\"id\":{id}");
    if let Some(table) = table.table(10)? {
        push(&mut line, format_args!(",\"appearance\":{}", appearance(&table)?));
    }
    line.push_str(",\"CityObjects\":{");
    for (i, table) in table.tables(6)?.iter().enumerate() {
        line.push_str(if i > 0 { "," } else { "" });
        object(&mut line, table, header)?;
    }
    line.push_str("},\"vertices\":[");
    for (i, v) in table.list(8, 12)?.unwrap_or_default().as_chunks::<4>().0.as_chunks::<3>().0.iter().enumerate() {
        let [x, y, z] = v.map(i32::from_le_bytes);
        push(&mut line, format_args!("{}[{x},{y},{z}]", if i > 0 { "," } else { "" }));
    }
    line.push_str("]}");
    Ok(line)
}

/// Writing to a `String` can't fail.
pub(super) fn push(line: &mut String, what: std::fmt::Arguments) {
    let _ = line.write_fmt(what);
}

fn object(line: &mut String, table: &Table, header: &Header) -> Result<(), Broken> {
    let kind = match OBJECT_TYPES.get(usize::from(table.u8(4, 0)?)) {
        Some(kind) => kind,
        None => table.text(6)?.unwrap_or("+UnknownCityObject"),
    };
    push(line, format_args!("{}:{{\"type\":{}", Value::from(table.text(8)?.unwrap_or_default()), Value::from(kind)));
    if let Some(values) = table.list(16, 1)? {
        let own = table.tables(18)?;
        let own = if own.is_empty() { None } else { Some(Columns::read(&own, super::COLUMN)?) };
        let attributes = own.as_ref().unwrap_or(&header.columns).values(values, false)?;
        push(line, format_args!(",\"attributes\":{}", Value::Object(attributes)));
    }
    for (name, slot) in [("children", 20), ("parents", 24)] {
        let ids = table.texts(slot)?;
        if !ids.is_empty() {
            push(line, format_args!(",\"{name}\":{}", Value::from(ids)));
        }
    }
    line.push_str(",\"geometry\":[");
    let mut first = true;
    for table in table.tables(12)? {
        line.push_str(if std::mem::take(&mut first) { "" } else { "," });
        geometry::write(line, &table, header)?;
    }
    for table in table.tables(14)? {
        line.push_str(if std::mem::take(&mut first) { "" } else { "," });
        geometry::write_instance(line, &table)?;
    }
    line.push_str("]}");
    Ok(())
}

/// An `Appearance`: materials, textures, and where on the pictures vertices lie.
fn appearance(table: &Table) -> Result<Value, Broken> {
    let materials: Vec<Value> = table.tables(4)?.iter().map(material).collect::<Result<_, _>>()?;
    let textures: Vec<Value> = table.tables(6)?.iter().map(texture).collect::<Result<_, _>>()?;
    let mut appearance = Map::new();
    if !materials.is_empty() {
        appearance.insert("materials".to_owned(), materials.into());
    }
    if !textures.is_empty() {
        appearance.insert("textures".to_owned(), textures.into());
        let places = table.list(8, 16)?.unwrap_or_default().as_chunks::<8>().0.as_chunks::<2>().0;
        let places: Vec<Value> = places.iter().map(|uv| json!(uv.map(f64::from_le_bytes))).collect();
        appearance.insert("vertices-texture".to_owned(), places.into());
    }
    for (name, slot) in [("default-theme-texture", 10), ("default-theme-material", 12)] {
        if let Some(theme) = table.text(slot)? {
            appearance.insert(name.to_owned(), theme.into());
        }
    }
    Ok(Value::Object(appearance))
}

fn material(table: &Table) -> Result<Value, Broken> {
    let mut material = Map::from_iter([("name".to_owned(), Value::from(table.text(4)?.unwrap_or_default()))]);
    for (name, slot) in [("diffuseColor", 8), ("emissiveColor", 10), ("specularColor", 12)] {
        let colour = table.f64s(slot)?;
        if !colour.is_empty() {
            material.insert(name.to_owned(), colour.into());
        }
    }
    for (name, slot) in [("ambientIntensity", 6), ("shininess", 14), ("transparency", 16)] {
        if let Some(value) = table.f64(slot)? {
            material.insert(name.to_owned(), value.into());
        }
    }
    if let Some([smooth]) = table.inline::<1>(18)? {
        material.insert("isSmooth".to_owned(), (smooth != 0).into());
    }
    Ok(Value::Object(material))
}

fn texture(table: &Table) -> Result<Value, Broken> {
    let mut texture = Map::new();
    let kind = IMAGE_TYPES.get(usize::from(table.u8(4, 0)?)).ok_or(Broken)?;
    texture.insert("type".to_owned(), (*kind).into());
    texture.insert("image".to_owned(), table.text(6)?.unwrap_or_default().into());
    if let Some([mode]) = table.inline::<1>(8)?
        && let Some(mode) = WRAP_MODES.get(usize::from(mode))
    {
        texture.insert("wrapMode".to_owned(), (*mode).into());
    }
    Ok(Value::Object(texture))
}
