//! What files say about a tileset, its tiles, their contents and groups of those: metadata by a schema, and `extras`.
//!
//! Kept as written and read when asked for, so that a schema with many defaults costs nothing a tile.
//! Source: 3D Tiles 1.1, "Metadata"; the extension `3DTILES_metadata` of 1.0.

use super::place_metadata::{MetadataGroup, MetadataSource};
use super::stated::{Of, Stated};
use crate::ogc::{Described, DescribedProperty, PropertyTable, described_entity};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name that 1.0 has for it.
const EXTENSION: &str = "3DTILES_metadata";

/// One thing that has metadata.
#[derive(Clone, Debug)]
pub(crate) enum Entity {
    Json {
        schema: Arc<Value>,
        /// `{ class, properties }`, or null.
        metadata: Value,
        extras: Value,
    },
    /// A row of a subtree's table.
    Row(PropertyTable, usize),
}

/// What is said of one tile; most tilesets say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Of the tileset whose root this tile is.
    pub tileset: Option<Entity>,
    pub tile: Option<Entity>,
    /// Of each content, by its number; contents of which nothing is said are missing.
    pub contents: BTreeMap<usize, Entity>,
    /// The groups that contents are of, likewise.
    pub groups: BTreeMap<usize, Arc<Entity>>,
}

/// What the tiles of one `tileset.json` refer to.
pub(crate) struct Reference {
    pub schema: Arc<Value>,
    groups: BTreeMap<String, Arc<Entity>>,
    tileset: Option<Entity>,
}

impl Reference {
    /// `fetch` reads the schema if it lies in a file of its own; without it, properties are as written.
    pub fn read(json: &Value, fetch: impl FnOnce(&str) -> Option<Value>) -> Self {
        let extension = &json["extensions"][EXTENSION];
        let either = |key: &str| [&json[key], &extension[key]].into_iter().find(|v| !v.is_null()).unwrap_or(&Value::Null);
        let schema = match either("schemaUri").as_str() {
            Some(uri) => fetch(uri).unwrap_or_default(),
            None => either("schema").clone(),
        };
        let schema = Arc::new(schema);
        // A list in 1.1, an object by name in the extension.
        let groups: Vec<(String, &Value)> = match either("groups") {
            Value::Array(list) => list.iter().enumerate().map(|(i, g)| (i.to_string(), g)).collect(),
            Value::Object(map) => map.iter().map(|(name, g)| (name.clone(), g)).collect(),
            _ => Vec::new(),
        };
        let group = |metadata: &Value| Arc::new(Entity::Json { schema: schema.clone(), metadata: metadata.clone(), extras: Value::Null });
        let groups = groups.into_iter().map(|(name, g)| (name, group(g))).collect();
        let metadata = [&json["metadata"], &extension["tileset"]].into_iter().find(|v| !v.is_null()).unwrap_or(&Value::Null);
        let tileset = Entity::json(&schema, metadata, &json["extras"]);
        Self { schema, groups, tileset }
    }

    /// What a tile's JSON says of it and its contents; `is_root` for the tile that stands for the whole tileset.
    pub fn of_tile<'a>(&self, json: &Value, contents: impl Iterator<Item = &'a Value>, is_root: bool) -> Option<Said> {
        let mut said = Said { tileset: self.tileset.clone().filter(|_| is_root), tile: self.entity(json), ..Said::default() };
        for (i, content) in contents.enumerate() {
            said.contents.extend(self.entity(content).map(|e| (i, e)));
            let group = [&content["group"], &content["extensions"][EXTENSION]["group"]].into_iter().find(|g| !g.is_null());
            let name = group.map(|g| g.as_str().map_or_else(|| g.to_string(), str::to_owned));
            said.groups.extend(name.and_then(|n| self.groups.get(&n)).map(|g| (i, g.clone())));
        }
        (!said.is_empty()).then_some(said)
    }

    fn entity(&self, json: &Value) -> Option<Entity> {
        let metadata = [&json["metadata"], &json["extensions"][EXTENSION]].into_iter().find(|v| v["class"].is_string());
        Entity::json(&self.schema, metadata.unwrap_or(&Value::Null), &json["extras"])
    }
}

impl Entity {
    fn json(schema: &Arc<Value>, metadata: &Value, extras: &Value) -> Option<Self> {
        let nothing = metadata.is_null() && extras.is_null();
        (!nothing).then(|| Self::Json { schema: schema.clone(), metadata: metadata.clone(), extras: extras.clone() })
    }

    /// What a row of a subtree's table states of volumes and errors; JSON beside a tile has places of its own for them.
    pub(super) fn stated(&self, of: Of) -> Stated {
        match self {
            Self::Row(table, row) => Stated::read(of, |semantic| table.by_semantic(semantic, *row)),
            Self::Json { .. } => Stated::default(),
        }
    }

    /// What is said of it, `extras` last.
    fn described(&self) -> Described {
        match self {
            Self::Row(table, row) => table.described(*row),
            Self::Json { schema, metadata, extras } => {
                let mut described = described_entity(schema, metadata);
                if !extras.is_null() {
                    described.properties.push(DescribedProperty::plain("extras", extras.clone()));
                }
                described
            }
        }
    }
}

impl Said {
    fn is_empty(&self) -> bool {
        self.tileset.is_none() && self.tile.is_none() && self.contents.is_empty() && self.groups.is_empty()
    }

    /// Under `tile`, `content` and `group`; of several contents, the second has `content 2` and `group 2`.
    pub fn put(&self, into: &mut Map<String, Value>) {
        let mut add = |name: &str, i: usize, entity: &Entity| {
            let name = if i == 0 { name.to_owned() } else { format!("{name} {}", i + 1) };
            into.insert(name, Value::Object(entity.described().values()));
        };
        self.tile.iter().for_each(|e| add("tile", 0, e));
        self.contents.iter().for_each(|(i, e)| add("content", *i, e));
        self.groups.iter().for_each(|(i, e)| add("group", *i, e));
    }

    /// Of the tile, one of its contents and that content's group.
    pub fn groups(&self, content: usize) -> impl Iterator<Item = MetadataGroup> + '_ {
        let of = |source: MetadataSource, entity: &Entity| MetadataGroup::of(source, entity.described());
        let contents = self.contents.get(&content).map(|e| of(MetadataSource::Content { number: content }, e));
        let groups = self.groups.get(&content).map(|e| of(MetadataSource::Group { number: content }, e));
        let tile = self.tile.as_ref().map(|e| of(MetadataSource::Tile, e));
        contents.into_iter().chain(groups).chain(tile)
    }

    /// Of the tileset.
    pub fn tileset_group(&self) -> Option<MetadataGroup> {
        self.tileset.as_ref().map(|e| MetadataGroup::of(MetadataSource::Tileset, e.described()))
    }

    /// Under `tileset`.
    pub fn put_tileset(&self, into: &mut Map<String, Value>) -> bool {
        let Some(tileset) = &self.tileset else { return false };
        into.insert("tileset".to_owned(), Value::Object(tileset.described().values()));
        true
    }
}
