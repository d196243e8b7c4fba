//! Feature ids of primitives and instances to ids of the tile.

use super::accessor::Buffers;
use super::error::Fault;
use super::gltf_json::{Document, FeatureIdSet, MeshFeatures, Primitive};
use crate::ogc::{Batches, PropertyTable};
use crate::ogc::{FeatureTable, NO_FEATURE, Table};
use std::collections::{BTreeMap, HashMap};

/// Gives every feature of a glTF an id of its own in the tile: one range a property table, one for each set without a table.
pub struct FeatureReader<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    table: FeatureTable,
    /// First id of each property table met so far.
    bases: HashMap<usize, u32>,
    /// First id and count of the batches of a b3dm.
    batches: Option<(u32, u32)>,
}

impl<'a> FeatureReader<'a> {
    pub fn new(document: &'a Document, buffers: &'a Buffers<'a>, batches: Option<Batches>) -> Result<Self, Fault> {
        let mut table = FeatureTable::default();
        let batches = match batches {
            Some(Batches { count, table: batch_table }) => {
                Some((table.push(count, Some(Table::Batch(batch_table))).ok_or_else(too_many)?, count))
            }
            None => None,
        };
        Ok(Self { document, buffers, table, bases: HashMap::new(), batches })
    }

    pub fn finish(self) -> FeatureTable {
        self.table
    }

    /// Tile-wide ids of a primitive's vertices; empty where it has no features.
    pub fn of_primitive(&mut self, primitive: &Primitive, notes: &mut Vec<String>) -> Result<Vec<u32>, Fault> {
        if let (Some((base, count)), Some(accessor)) =
            (self.batches, primitive.attributes.get("_BATCHID").or(primitive.attributes.get("BATCHID")))
        {
            return Ok(self.buffers.whole(*accessor)?.into_iter().map(|id| shifted(id, base, count, None)).collect());
        }
        let Some(sets) = &primitive.extensions.features else { return Ok(Vec::new()) };
        let Some(set) = chosen(sets) else {
            if sets.feature_ids.iter().any(|s| s.texture.is_some()) {
                note(notes, "feature ids in textures are not read");
            }
            return Ok(Vec::new());
        };
        if sets.feature_ids.len() > 1 {
            note(notes, "of several sets of feature ids, one is used");
        }
        let position = primitive.attributes.get("POSITION").and_then(|p| self.document.accessors.get(*p));
        self.resolve(set, &primitive.attributes, position.map_or(0, |a| a.count))
    }

    /// Tile-wide ids of `count` instances.
    pub fn of_instances(&mut self, sets: &MeshFeatures, attributes: &BTreeMap<String, usize>, count: usize) -> Result<Vec<u32>, Fault> {
        let Some(set) = chosen(sets) else { return Ok(Vec::new()) };
        self.resolve(set, attributes, count)
    }

    fn resolve(&mut self, set: &FeatureIdSet, attributes: &BTreeMap<String, usize>, count: usize) -> Result<Vec<u32>, Fault> {
        let (base, features) = self.range(set)?;
        let null = set.null_feature_id;
        let Some(attribute) = set.attribute else {
            // Implicit: the id is the place in the list. The list's length was checked where it was read.
            let count = u32::try_from(count).map_err(|_| too_many())?.min(1 << 25);
            return Ok((0..count).map(|id| shifted(id, base, features, null)).collect());
        };
        let name = format!("_FEATURE_ID_{attribute}");
        let accessor =
            attributes.get(&name).ok_or_else(|| Fault::bad("EXT_mesh_features", format!("the attribute {name} is not there")))?;
        Ok(self.buffers.whole(*accessor)?.into_iter().map(|id| shifted(id, base, features, null)).collect())
    }

    /// First tile-wide id and number of features of a set.
    fn range(&mut self, set: &FeatureIdSet) -> Result<(u32, u32), Fault> {
        let Some(index) = set.property_table else {
            return Ok((self.table.push(set.feature_count, None).ok_or_else(too_many)?, set.feature_count));
        };
        let metadata = self.document.extensions.metadata.as_ref();
        let json = metadata.and_then(|m| m.property_tables.get(index));
        let (Some(metadata), Some(json)) = (metadata, json) else {
            return Err(Fault::bad("EXT_mesh_features", format!("property table {index} is not there")));
        };
        if let Some(base) = self.bases.get(&index) {
            return Ok((*base, json.count));
        }
        let table = PropertyTable::read(metadata, json, &|i| self.buffers.view(i))?;
        let base = self.table.push(json.count, Some(Table::Property(table))).ok_or_else(too_many)?;
        self.bases.insert(index, base);
        Ok((base, json.count))
    }
}

fn too_many() -> Fault {
    Fault::unsupported("more than 4 billion features in a tile", "divide the tile")
}

fn note(notes: &mut Vec<String>, text: &str) {
    if !notes.iter().any(|n| n == text) {
        notes.push(text.to_owned());
    }
}

/// The set that says most: one with a property table before one without; textures are not read.
fn chosen(sets: &MeshFeatures) -> Option<&FeatureIdSet> {
    let readable = || sets.feature_ids.iter().filter(|s| s.texture.is_none());
    readable().find(|s| s.property_table.is_some()).or_else(|| readable().next())
}

fn shifted(id: u32, base: u32, count: u32, null: Option<u32>) -> u32 {
    if Some(id) == null || id >= count { NO_FEATURE } else { base + id }
}
