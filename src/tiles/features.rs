//! Feature ids of primitives and instances to ids of the tile.

use super::accessor::Buffers;
use super::error::Fault;
use super::glb::Notes;
use super::gltf_json::{Document, FeatureIdSet, MeshFeatures, Primitive};
use super::id_picture::IdPicture;
use super::shapes;
use super::texture::Textures;
use crate::ogc::{Batches, PropertyTable};
use crate::ogc::{FEATURES_MAX, FeatureTable, NO_FEATURE, Table};
use std::collections::{BTreeMap, HashMap};

/// Tile-wide ids of a primitive.
pub enum Ids {
    /// One a vertex; empty where it has no features.
    Vertices(Vec<u32>),
    Picture(IdPicture),
}

/// Gives every feature of a glTF an id of its own in the tile: one range a property table, one for each set without a table.
pub struct FeatureReader<'a> {
    document: &'a Document,
    buffers: &'a Buffers<'a>,
    table: FeatureTable,
    /// First id of each property table met so far.
    bases: HashMap<usize, u32>,
    /// First id and count of the batches of a b3dm or i3dm.
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

    /// Tile-wide ids of a primitive's vertices.
    pub fn of_primitive(&mut self, primitive: &Primitive, textures: &mut Textures<'_>, notes: &mut Notes) -> Result<Ids, Fault> {
        if let (Some((base, count)), Some(accessor)) =
            (self.batches, primitive.attributes.get("_BATCHID").or(primitive.attributes.get("BATCHID")))
        {
            return Ok(Ids::Vertices(self.buffers.whole(*accessor)?.into_iter().map(|id| shifted(id, base, count, None)).collect()));
        }
        let sets = primitive.extensions.features.as_ref();
        let Some(set) = sets.and_then(chosen) else { return self.of_properties(primitive, notes) };
        self.say_of_properties(primitive, notes);
        if sets.is_some_and(|s| s.feature_ids.len() > 1) {
            notes.say("of several sets of feature ids, one is used");
        }
        if let Some(texture) = set.texture.as_ref().filter(|_| set.attribute.is_none()) {
            let (base, count) = self.range(set)?;
            return Ok(match textures.ids(texture) {
                Ok(picture) => {
                    notes.say("feature ids in a picture are taken in the middle of each triangle");
                    Ids::Picture(picture.numbered(base, count, set.null_feature_id))
                }
                Err(why) => {
                    notes.say(format!("feature ids in a picture can't be read: {why}"));
                    Ids::Vertices(Vec::new())
                }
            });
        }
        self.resolve(set, &primitive.attributes, vertices(self.document, primitive)).map(Ids::Vertices)
    }

    /// Points that have properties but no ids are features, each with the values of its vertex.
    fn of_properties(&mut self, primitive: &Primitive, notes: &mut Notes) -> Result<Ids, Fault> {
        let none = Ok(Ids::Vertices(Vec::new()));
        let metadata = self.document.extensions.metadata.as_ref();
        let given = primitive.extensions.metadata.as_ref().and_then(|m| m.property_attributes.first());
        let json = metadata.zip(given).and_then(|(m, i)| m.property_attributes.get(*i));
        let (Some(metadata), Some(json), Some(0)) = (metadata, json, primitive.mode) else {
            self.say_of_properties(primitive, notes);
            return none;
        };
        let count = u32::try_from(vertices(self.document, primitive)).map_err(|_| too_many())?;
        let column = |name: &str| match primitive.attributes.get(name) {
            Some(accessor) => self.buffers.read(*accessor, &[1, 2, 3, 4], |v| v).map(|(_, values)| values),
            None => Err(Fault::bad("EXT_structural_metadata", format!("the attribute {name} is not there"))),
        };
        let table = PropertyTable::of_attributes(metadata, json, count, &column)?;
        shapes::room_for_points(count as usize)?;
        let base = self.table.push(count, Some(Table::Property(table))).ok_or_else(too_many)?;
        Ok(Ids::Vertices((base..base + count).collect()))
    }

    fn say_of_properties(&self, primitive: &Primitive, notes: &mut Notes) {
        let Some(metadata) = &primitive.extensions.metadata else { return };
        if !metadata.property_attributes.is_empty() {
            notes.say("values at vertices (property attributes) are not shown");
        }
        if !metadata.property_textures.is_empty() {
            notes.say("values in pictures (property textures) are not shown");
        }
    }

    /// Tile-wide id of a row of the batch table.
    pub fn of_batch(&self, batch: u32) -> u32 {
        self.batches.map_or(NO_FEATURE, |(base, count)| shifted(batch, base, count, None))
    }

    /// Tile-wide ids of `count` instances.
    pub fn of_instances(&mut self, sets: &MeshFeatures, attributes: &BTreeMap<String, usize>, count: usize) -> Result<Vec<u32>, Fault> {
        let Some(set) = chosen(sets).filter(|s| s.texture.is_none()) else { return Ok(Vec::new()) };
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

pub fn too_many() -> Fault {
    Fault::unsupported(format!("more than {FEATURES_MAX} features in a tile"), "divide the tile")
}

fn vertices(document: &Document, primitive: &Primitive) -> usize {
    primitive.attributes.get("POSITION").and_then(|p| document.accessors.get(*p)).map_or(0, |a| a.count)
}

/// The set that says most: one with a property table before one without, and of those that do one at vertices before one in a picture.
fn chosen(sets: &MeshFeatures) -> Option<&FeatureIdSet> {
    sets.feature_ids.iter().min_by_key(|s| (s.property_table.is_none(), s.texture.is_some()))
}

fn shifted(id: u32, base: u32, count: u32, null: Option<u32>) -> u32 {
    if Some(id) == null || id >= count { NO_FEATURE } else { base + id }
}
