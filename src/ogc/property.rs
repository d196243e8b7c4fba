//! `EXT_structural_metadata` property tables, kept as bytes and decoded a row at a time.
//!
//! Source: 3D Metadata Specification 1.0, "Binary Table Format".

use super::column::{Column, Data, ViewBytes};
use super::described::{ClassName, Described};
use super::fault::Fault;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// `EXT_structural_metadata` as a glTF's root has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    pub schema: Option<Value>,
    /// Where the schema lies if it is not here.
    pub schema_uri: Option<String>,
    pub property_tables: Vec<PropertyTableJson>,
    pub property_attributes: Vec<PropertyTableJson>,
    pub property_textures: Vec<PropertyTableJson>,
}

/// One entry of `propertyTables`, `propertyAttributes` or `propertyTextures`; only the first have a count.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PropertyTableJson {
    /// What people call it; may be empty.
    pub name: String,
    pub class: String,
    pub count: u32,
    pub properties: Map<String, Value>,
}

/// One table: columns of raw bytes.
#[derive(Clone, Debug)]
pub struct PropertyTable {
    count: usize,
    class: Arc<ClassName>,
    columns: Arc<[Column]>,
}

impl PropertyTable {
    /// Takes the table's bytes out of the glTF. Properties whose class is not in the schema are left out.
    pub fn read(metadata: &Metadata, json: &PropertyTableJson, view: &ViewBytes<'_>) -> Result<Self, Fault> {
        Self::by_schema(metadata.schema.as_ref().unwrap_or(&Value::Null), json, view)
    }

    /// The same of a table anywhere, by the schema that its file refers to.
    pub fn by_schema(schema: &Value, json: &PropertyTableJson, view: &ViewBytes<'_>) -> Result<Self, Fault> {
        let mut columns = Column::of_class(schema, &json.class, &json.properties)?;
        for column in &mut columns {
            column.data = json.properties.get(&column.id).map(|given| Data::read(given, view)).transpose()?;
        }
        Ok(Self { count: json.count as usize, class: ClassName::of(schema, &json.class).into(), columns: columns.into() })
    }

    /// A table of `count` rows out of a property attribute: each property has the values of a vertex attribute, which `values` reads, flat and
    /// normalised where its accessor says so.
    pub fn of_attributes(
        metadata: &Metadata,
        json: &PropertyTableJson,
        count: u32,
        values: &dyn Fn(&str) -> Result<Vec<f64>, Fault>,
    ) -> Result<Self, Fault> {
        let schema = metadata.schema.as_ref().unwrap_or(&Value::Null);
        let mut columns = Column::of_class(schema, &json.class, &json.properties)?;
        for column in &mut columns {
            let Some(attribute) = json.properties.get(&column.id).and_then(|p| p["attribute"].as_str()) else { continue };
            column.fill(&values(attribute)?, count as usize)?;
        }
        Ok(Self { count: count as usize, class: ClassName::of(schema, &json.class).into(), columns: columns.into() })
    }

    /// All properties of row `i` that have a value.
    pub fn row(&self, i: usize) -> Map<String, Value> {
        if i >= self.count {
            return Map::new();
        }
        self.columns.iter().filter_map(|c| Some((c.name.clone(), c.value(i)?))).collect()
    }

    /// Row `i` with what the schema says of it.
    pub fn described(&self, i: usize) -> Described {
        let columns = self.columns.iter().filter(|_| i < self.count);
        let properties = columns.filter_map(|c| Some(c.described(c.value(i)?))).collect();
        Described { class: (*self.class).clone(), properties }
    }

    /// The value in row `i` of the property that has this semantic; `None` when the table has no such property or the row no value.
    pub fn by_semantic(&self, semantic: &str, i: usize) -> Option<Value> {
        let column = self.columns.iter().find(|c| c.semantic == semantic)?;
        column.value(i).filter(|_| i < self.count)
    }

    /// Whether both are the same table.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.columns, &other.columns)
    }

    /// What gives the values of one property by row; `None` when the table has no such property.
    pub fn column<'a>(&'a self, name: &str) -> Option<impl Fn(usize) -> Option<Value> + 'a> {
        let column = self.columns.iter().find(|c| c.name == name)?;
        Some(move |row| if row < self.count { column.value(row) } else { None })
    }

    pub fn bytes(&self) -> usize {
        self.columns.iter().filter_map(|c| c.data.as_ref()).map(Data::bytes).sum()
    }
}
