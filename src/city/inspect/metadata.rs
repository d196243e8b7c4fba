//! What schemas of metadata say, and who has any of it: of a tileset (3D Tiles 1.1 "Metadata", `3DTILES_metadata` of 1.0) or a glTF
//! (`EXT_structural_metadata`).

use crate::ogc::{ClassName, Described, SubtreeFile, described_entity};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The name that 1.0 has for it.
const EXTENSION: &str = "3DTILES_metadata";

/// Metadata of one file and what it names.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct MetadataSummary {
    /// The schema's id, and what people call it.
    pub schema: Option<ClassName>,
    pub classes: Vec<ClassSummary>,
    /// Names of the values of each enumeration.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Of the tileset itself.
    pub tileset: Option<Described>,
    /// Of the groups that contents are of, by number or name.
    pub groups: BTreeMap<String, Described>,
    /// How many things have metadata, by what they are (`tiles`, `contents`, `contents in groups`, `subtrees`, `property tables`, `property attributes`,
    /// `property textures`, `rows`) and by class.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Why the schema can't be had.
    pub schema_missing: Option<String>,
}

/// A class of a schema.
#[derive(Debug, PartialEq, Serialize)]
pub struct ClassSummary {
    #[serde(flatten)]
    pub class: ClassName,
    pub properties: Vec<PropertySummary>,
}

/// A property of a class.
#[derive(Debug, PartialEq, Serialize)]
pub struct PropertySummary {
    pub id: String,
    /// Empty where the schema doesn't say.
    pub name: String,
    /// In words: `ARRAY of 2 VEC3 FLOAT32, normalized`.
    pub kind: String,
    pub description: String,
    pub semantic: String,
    pub required: bool,
}

impl MetadataSummary {
    /// Whether nothing is said at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes what the root of a tileset says; `beside` reads a schema from a file of its own.
    pub(super) fn of_tileset(json: &Value, beside: impl FnOnce(&str) -> Result<Value, String>) -> Self {
        let extension = &json["extensions"][EXTENSION];
        let (schema, schema_missing) = schema([json, extension], beside);
        let mut summary = Self { schema_missing, ..Self::default() };
        summary.take_schema(&schema);
        let said = [&json["metadata"], &extension["tileset"]].into_iter().find(|m| m.is_object());
        summary.tileset = said.map(|m| described_entity(&schema, m));
        let described = |group: &Value| described_entity(&schema, group);
        summary.groups = match [&json["groups"], &extension["groups"]].into_iter().find(|g| !g.is_null()) {
            Some(Value::Array(list)) => list.iter().enumerate().map(|(i, g)| (i.to_string(), described(g))).collect(),
            Some(Value::Object(map)) => map.iter().map(|(name, g)| (name.clone(), described(g))).collect(),
            _ => BTreeMap::new(),
        };
        summary
    }

    /// Takes what a glTF's extension says.
    pub(super) fn of_gltf(json: &Value, beside: impl FnOnce(&str) -> Result<Value, String>) -> Self {
        let extension = &json["extensions"]["EXT_structural_metadata"];
        let (schema, schema_missing) = schema([extension, &Value::Null], beside);
        let mut summary = Self { schema_missing, ..Self::default() };
        summary.take_schema(&schema);
        for (key, words) in [
            ("propertyTables", "property tables"),
            ("propertyAttributes", "property attributes"),
            ("propertyTextures", "property textures"),
        ] {
            for one in extension[key].as_array().into_iter().flatten() {
                summary.count(words, one, 1);
                summary.count("rows", one, one["count"].as_u64().unwrap_or(0));
            }
        }
        summary
    }

    /// Counts the tiles and contents of one tileset file.
    pub(super) fn count_tiles(&mut self, json: &Value) {
        let mut tiles = vec![&json["root"]];
        while let Some(tile) = tiles.pop() {
            self.count("tiles", said(tile), 1);
            let extension = &tile["extensions"]["3DTILES_multiple_contents"];
            let several = [&tile["contents"], extension, &extension["contents"], &extension["content"]];
            let contents = several.into_iter().find_map(Value::as_array).into_iter().flatten().chain([&tile["content"]]);
            for content in contents {
                self.count("contents", said(content), 1);
                let group = [&content["group"], &content["extensions"][EXTENSION]["group"]].into_iter().find(|g| !g.is_null());
                let name = group.map(|g| g.as_str().map_or_else(|| g.to_string(), str::to_owned));
                if let Some(group) = name.and_then(|name| self.groups.get(&name)) {
                    let class = group.class.id.clone();
                    *self.counts.entry("contents in groups".to_owned()).or_default().entry(class).or_default() += 1;
                }
            }
            tiles.extend(tile["children"].as_array().into_iter().flatten());
        }
    }

    /// Counts the rows that a subtree has for its tiles and contents.
    pub(super) fn count_subtree(&mut self, bytes: &[u8]) {
        let Ok(SubtreeFile { json, .. }) = SubtreeFile::split(bytes) else { return };
        let table = |i: &Value| i.as_u64().and_then(|i| json["propertyTables"].get(usize::try_from(i).ok()?));
        self.count("subtrees", &json["subtreeMetadata"], 1);
        let contents = json["contentMetadata"].as_array().into_iter().flatten();
        for (words, table) in [("tiles", table(&json["tileMetadata"]))].into_iter().chain(contents.map(|c| ("contents", table(c)))) {
            if let Some(table) = table {
                self.count(words, table, table["count"].as_u64().unwrap_or(0));
            }
        }
    }

    fn count(&mut self, words: &str, of: &Value, n: u64) {
        if let Some(class) = of["class"].as_str().filter(|_| n > 0) {
            *self.counts.entry(words.to_owned()).or_default().entry(class.to_owned()).or_default() += n;
        }
    }

    fn take_schema(&mut self, schema: &Value) {
        let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
        if schema.is_object() {
            let id = text(schema, "id");
            let name = schema["name"].as_str().map_or_else(|| id.clone(), str::to_owned);
            self.schema = Some(ClassName { id, name, description: text(schema, "description") });
        }
        let classes = || schema["classes"].as_object().into_iter().flatten();
        self.classes = classes()
            .map(|(id, class)| ClassSummary {
                class: ClassName::of(schema, id),
                properties: class["properties"].as_object().into_iter().flatten().map(|(id, p)| PropertySummary::of(id, p)).collect(),
            })
            .collect();
        let values = |e: &Value| e["values"].as_array().into_iter().flatten().map(|v| text(v, "name")).collect();
        self.enums = schema["enums"].as_object().into_iter().flatten().map(|(id, e)| (id.clone(), values(e))).collect();
    }
}

impl PropertySummary {
    fn of(id: &str, property: &Value) -> Self {
        let text = |key: &str| property[key].as_str().unwrap_or_default();
        let array = match (property["array"].as_bool().unwrap_or(false), property["count"].as_u64()) {
            (true, Some(n)) => format!("ARRAY of {n}"),
            (true, None) => "ARRAY of".to_owned(),
            (false, _) => String::new(),
        };
        let words = [array.as_str(), text("type"), text("componentType"), text("enumType")];
        let kind = words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        let normalized = if property["normalized"].as_bool().unwrap_or(false) { ", normalized" } else { "" };
        Self {
            id: id.to_owned(),
            name: text("name").to_owned(),
            kind: kind + normalized,
            description: text("description").to_owned(),
            semantic: text("semantic").to_owned(),
            required: property["required"].as_bool().unwrap_or(false),
        }
    }
}

/// The schema in one of these places, and why there is none that is named.
fn schema(places: [&Value; 2], beside: impl FnOnce(&str) -> Result<Value, String>) -> (Value, Option<String>) {
    let find = |key: &str| places.iter().map(|p| &p[key]).find(|v| !v.is_null());
    match (find("schema"), find("schemaUri").and_then(Value::as_str)) {
        (Some(schema), _) => (schema.clone(), None),
        (None, Some(uri)) => match beside(uri) {
            Ok(schema) => (schema, None),
            Err(why) => (Value::Null, Some(format!("{uri}: {why}"))),
        },
        (None, None) => (Value::Null, None),
    }
}

/// Metadata of a tile or content, by either name.
fn said(of: &Value) -> &Value {
    let extension = &of["extensions"][EXTENSION];
    if of["metadata"].is_null() { extension } else { &of["metadata"] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn none(_: &str) -> Result<Value, String> {
        Err("it is not there".to_owned())
    }

    #[test]
    fn classes_groups_and_who_has_them_are_counted_in_both_versions() {
        let classes = json!({ "town": { "name": "Town", "properties": {
            "people": { "type": "SCALAR", "componentType": "UINT32", "semantic": "N", "required": true },
            "hues": { "type": "VEC3", "componentType": "UINT8", "array": true, "count": 2, "normalized": true },
            "kind": { "type": "ENUM", "enumType": "kind" } } } });
        let schema = json!({ "id": "s", "classes": classes, "enums": { "kind": { "values": [{ "name": "old", "value": 1 }] } } });
        let one = json!({ "class": "town", "properties": { "people": 7 } });
        let new = json!({ "schema": schema, "metadata": one, "groups": [one], "root": { "metadata": one,
            "children": [{ "contents": [{ "group": 0 }, { "metadata": one }] }, { "content": { "group": 5 } }] } });
        let mut summary = MetadataSummary::of_tileset(&new, none);
        summary.count_tiles(&new);
        let kinds: Vec<&str> = summary.classes[0].properties.iter().map(|p| p.kind.as_str()).collect();
        assert_eq!(kinds, ["SCALAR UINT32", "ARRAY of 2 VEC3 UINT8, normalized", "ENUM kind"]);
        assert_eq!((&summary.enums["kind"][0], summary.groups["0"].values()["people"].clone()), (&"old".to_owned(), json!(7)));
        assert_eq!(summary.tileset.as_ref().unwrap().class.name, "Town");
        let counts = serde_json::to_value(&summary.counts).unwrap();
        assert_eq!(counts, json!({ "tiles": { "town": 1 }, "contents": { "town": 1 }, "contents in groups": { "town": 1 } }));
        let subtree = json!({ "propertyTables": [{ "class": "town", "count": 5 }, { "class": "town", "count": 2 }], "tileMetadata": 0, "contentMetadata": [1, 9] });
        summary.count_subtree(subtree.to_string().as_bytes());
        assert_eq!((summary.counts["tiles"]["town"], summary.counts["contents"]["town"]), (6, 3));
        let old = json!({ "extensions": { "3DTILES_metadata": { "schemaUri": "s.json", "groups": { "a": one }, "tileset": one } },
            "root": { "content": { "extensions": { "3DTILES_metadata": { "group": "a", "class": "town" } } } } });
        let mut summary = MetadataSummary::of_tileset(&old, |uri| if uri == "s.json" { Ok(schema.clone()) } else { none(uri) });
        summary.count_tiles(&old);
        assert_eq!((summary.classes.len(), summary.counts["contents"]["town"], summary.counts["contents in groups"]["town"]), (1, 1, 1));
        assert_eq!(MetadataSummary::of_tileset(&old, none).schema_missing.unwrap(), "s.json: it is not there");
        assert!(MetadataSummary::of_tileset(&json!({ "root": {} }), none).is_empty());
    }

    #[test]
    fn tables_textures_and_attributes_of_a_model_are_counted() {
        let metadata = json!({ "schema": { "id": "s", "classes": { "wall": { "properties": {} } } },
            "propertyTables": [{ "class": "wall", "count": 4 }], "propertyTextures": [{ "class": "wall" }, { "class": "wall" }] });
        let summary = MetadataSummary::of_gltf(&json!({ "extensions": { "EXT_structural_metadata": metadata } }), none);
        let counts = serde_json::to_value(&summary.counts).unwrap();
        assert_eq!(counts, json!({ "property tables": { "wall": 1 }, "property textures": { "wall": 2 }, "rows": { "wall": 4 } }));
    }
}
