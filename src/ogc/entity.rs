//! Metadata of whole things (a tileset, a tile, a content, a group): one JSON object each, by a class of a schema.
//!
//! Source: 3D Metadata Specification 1.0, "JSON Format"; 3D Tiles 1.1, "Metadata".

use super::column::Column;
use super::described::{ClassName, Described, DescribedProperty};
use serde_json::{Map, Value};

/// The properties of `entity` (`{ class, properties }`) under the names that people read, normalised and scaled; values that the schema
/// gives where the entity has none are among them. Without its class in `schema`, properties are as written.
pub fn entity_properties(schema: &Value, entity: &Value) -> Map<String, Value> {
    described_entity(schema, entity).values()
}

/// As [`entity_properties`], with what the schema says of the class and of each property.
pub fn described_entity(schema: &Value, entity: &Value) -> Described {
    let none = Map::new();
    let given = entity["properties"].as_object().unwrap_or(&none);
    let class = entity["class"].as_str().unwrap_or_default();
    let properties = match Column::of_class(schema, class, &Map::new()) {
        Ok(columns) if !columns.is_empty() => columns.into_iter().filter_map(|c| Some(c.described(value(&c, given)?))).collect(),
        _ => given.iter().map(|(name, value)| DescribedProperty::plain(name, value.clone())).collect(),
    };
    Described { class: ClassName::of(schema, class), properties }
}

fn value(column: &Column, given: &Map<String, Value>) -> Option<Value> {
    match given.get(&column.id) {
        Some(raw) if !column.is_no_data(raw) => Some(column.finish(raw.clone())),
        _ => column.default.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_scaled_and_missing_ones_taken_from_the_schema() {
        let schema = json!({ "classes": { "tile": { "properties": {
            "share": { "name": "Share", "type": "SCALAR", "componentType": "UINT8", "normalized": true },
            "level": { "type": "VEC2", "componentType": "INT16", "scale": [10, 1], "offset": [0, 1], "noData": [0, 0], "default": [1, 1] },
            "place": { "type": "STRING", "default": "nowhere" } } } } });
        let of = |properties: Value| Value::Object(entity_properties(&schema, &json!({ "class": "tile", "properties": properties })));
        assert_eq!(of(json!({ "share": 51, "level": [2, 3] })), json!({ "Share": 0.2, "level": [20.0, 4.0], "place": "nowhere" }));
        assert_eq!(of(json!({ "level": [0, 0], "place": "here" })), json!({ "level": [1, 1], "place": "here" }));
        let described = described_entity(&schema, &json!({ "class": "tile" }));
        assert_eq!(
            (described.class.name.as_str(), described.properties[0].name.as_str()),
            ("tile", "level"),
            "a class without a name has its id"
        );
        let unknown = entity_properties(&Value::Null, &json!({ "class": "x", "properties": { "a": 1 } }));
        assert_eq!(Value::Object(unknown), json!({ "a": 1 }));
    }
}
