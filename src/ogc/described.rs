//! Properties of one thing beside what their schema says of them, for people to read.
//!
//! Source: 3D Metadata Specification 1.0, "Schemas".

use serde::Serialize;
use serde_json::{Map, Value};

/// A class as its schema calls it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassName {
    pub id: String,
    /// What people call it; the id where the schema doesn't say.
    pub name: String,
    /// Empty where the schema doesn't say.
    pub description: String,
}

/// A property with its value, as a schema describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DescribedProperty {
    /// What people call it; its id where the schema doesn't say.
    pub name: String,
    /// Empty where the schema doesn't say.
    pub description: String,
    /// The name of its meaning in a catalogue of semantics (`ID`, `TILE_BOUNDING_BOX`, ...); empty where the schema doesn't say.
    pub semantic: String,
    /// Least and largest value that the schema expects.
    pub range: Option<[Value; 2]>,
    pub value: Value,
}

/// What is said of one thing: its class and its properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Described {
    pub class: ClassName,
    pub properties: Vec<DescribedProperty>,
}

impl ClassName {
    /// Of a class of a schema; of one that is not there, its id alone.
    pub fn of(schema: &Value, class: &str) -> Self {
        let said = &schema["classes"][class];
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        let name = said["name"].as_str().filter(|n| !n.is_empty()).unwrap_or(class).to_owned();
        Self { id: class.to_owned(), name, description: text("description") }
    }
}

impl DescribedProperty {
    /// One of which no schema says anything.
    pub fn plain(name: &str, value: Value) -> Self {
        Self { name: name.to_owned(), value, ..Self::default() }
    }
}

impl Described {
    /// Values by name.
    pub fn values(&self) -> Map<String, Value> {
        self.properties.iter().map(|p| (p.name.clone(), p.value.clone())).collect()
    }
}
