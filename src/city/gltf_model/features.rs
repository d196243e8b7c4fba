//! Feature ids of primitives and instances, as ids over the whole glTF.

use super::buffers::Buffers;
use super::document::{Document, FeatureIdSet, MeshFeatures, Primitive};
use crate::ogc::{Batches, FeatureTable, NO_FEATURE, PropertyTable, Table};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Gives every feature of a glTF an id of its own: one range a property table, one for each set without a table.
pub(super) struct FeatureIds<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    table: FeatureTable,
    /// First id of each property table met so far.
    bases: HashMap<usize, u32>,
    /// First id and count of the batches of a b3dm.
    batches: Option<(u32, u32)>,
}

impl<'a> FeatureIds<'a> {
    pub(super) fn new(document: &'a Document, buffers: &'a Buffers<'a>, batches: Option<Batches>) -> Result<Self, String> {
        let mut table = FeatureTable::default();
        let batches = match batches {
            Some(Batches { count, table: rows }) => {
                Some((table.push(count, Some(Table::Batch(rows))).ok_or("it has too many features")?, count))
            }
            None => None,
        };
        Ok(Self { document, buffers, table, bases: HashMap::new(), batches })
    }

    pub(super) fn finish(self) -> FeatureTable {
        self.table
    }

    /// Ids of a primitive's vertices; empty where it has no features.
    pub(super) fn of_primitive(&mut self, primitive: &Primitive, count: usize) -> Result<Vec<u32>, String> {
        let batch_ids = primitive.attributes.get("_BATCHID").or(primitive.attributes.get("BATCHID"));
        if let (Some((base, count)), Some(accessor)) = (self.batches, batch_ids) {
            return Ok(self.buffers.whole(*accessor)?.into_iter().map(|id| shifted(id, base, count, None)).collect());
        }
        let sets = primitive.extensions.get("EXT_mesh_features").map(|v: &Value| serde_json::from_value::<MeshFeatures>(v.clone()));
        match sets.transpose().map_err(|e| format!("EXT_mesh_features: {e}"))? {
            Some(sets) => self.of(&sets, &primitive.attributes, count),
            None => Ok(Vec::new()),
        }
    }

    /// Ids of `count` vertices or instances by the set that says most: one with a property table before one without; textures are not read.
    pub(super) fn of(&mut self, sets: &MeshFeatures, attributes: &BTreeMap<String, usize>, count: usize) -> Result<Vec<u32>, String> {
        let readable = || sets.feature_ids.iter().filter(|s| s.texture.is_none());
        let Some(set) = readable().find(|s| s.property_table.is_some()).or_else(|| readable().next()) else { return Ok(Vec::new()) };
        let (base, features) = self.range(set)?;
        let own = |id: u32| shifted(id, base, features, set.null_feature_id);
        let Some(attribute) = set.attribute else {
            // Implicit: the id is the place in the list, whose length was checked where it was read.
            return Ok((0..count as u32).map(own).collect());
        };
        let name = format!("_FEATURE_ID_{attribute}");
        let accessor = attributes.get(&name).ok_or_else(|| format!("the attribute {name} is not there"))?;
        Ok(self.buffers.whole(*accessor)?.into_iter().map(own).collect())
    }

    /// First id and number of features of a set.
    fn range(&mut self, set: &FeatureIdSet) -> Result<(u32, u32), String> {
        let too_many = "it has too many features";
        let Some(index) = set.property_table else {
            return Ok((self.table.push(set.feature_count, None).ok_or(too_many)?, set.feature_count));
        };
        let metadata = self.document.extensions.metadata.as_ref();
        let json = metadata.and_then(|m| m.property_tables.get(index));
        let (Some(metadata), Some(json)) = (metadata, json) else { return Err(format!("property table {index} is not there")) };
        if let Some(base) = self.bases.get(&index) {
            return Ok((*base, json.count));
        }
        let buffers = self.buffers;
        let table = PropertyTable::read(metadata, json, &|i| buffers.table_view(i)).map_err(|f| f.to_string())?;
        let base = self.table.push(json.count, Some(Table::Property(table))).ok_or(too_many)?;
        self.bases.insert(index, base);
        Ok((base, json.count))
    }
}

fn shifted(id: u32, base: u32, count: u32, null: Option<u32>) -> u32 {
    if Some(id) == null || id >= count { NO_FEATURE } else { base + id }
}
