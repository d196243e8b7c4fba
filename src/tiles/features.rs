//! Feature ids of primitives and instances to ids of the tile.

use super::accessor::Buffers;
use super::error::Fault;
use super::face_metadata::unreadable_attribute;
use super::glb::Notes;
use super::gltf_json::{Document, FeatureIdSet, MeshFeatures, Primitive};
use super::shapes;
use super::texels::IdPicture;
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
    pub(super) document: &'a Document,
    pub(super) buffers: &'a Buffers<'a>,
    table: FeatureTable,
    /// Property tables met so far.
    tables: HashMap<usize, PropertyTable>,
    /// First id of each of those that features are drawn by.
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
        Ok(Self { document, buffers, table, tables: HashMap::new(), bases: HashMap::new(), batches })
    }

    pub fn finish(self) -> FeatureTable {
        self.table
    }

    /// Tile-wide ids of a primitive's vertices.
    pub fn of_primitive(&mut self, primitive: &Primitive, textures: &mut Textures<'_>, notes: &mut Notes) -> Result<Ids, Fault> {
        if let Some((base, count, accessor)) = self.batch_ids(primitive) {
            return Ok(Ids::Vertices(self.buffers.whole(accessor)?.into_iter().map(|id| shifted(id, base, count, None)).collect()));
        }
        let sets = primitive.extensions.features.as_ref();
        let Some((_, set)) = sets.and_then(chosen) else { return self.of_properties(primitive, notes) };
        if sets.is_some_and(|s| s.feature_ids.len() > 1) {
            notes.say("of several sets of feature ids, one is drawn by; a click shows all");
        }
        if let Some(texture) = set.texture.as_ref().filter(|_| set.attribute.is_none()) {
            let (base, count) = self.range(set)?;
            return Ok(match textures.channels(texture) {
                Ok(channels) => {
                    notes.say("feature ids in a picture: triangles are drawn by their middles, a click is exact");
                    Ids::Picture(IdPicture { channels, base, count, null: set.null_feature_id })
                }
                Err(why) => {
                    notes.say(format!("feature ids in a picture can't be read: {why}"));
                    Ids::Vertices(Vec::new())
                }
            });
        }
        self.resolve(set, &primitive.attributes, vertices(self.document, primitive)).map(Ids::Vertices)
    }

    /// First id and count of a b3dm's batches, and the accessor of a primitive's ids among them.
    pub(super) fn batch_ids(&self, primitive: &Primitive) -> Option<(u32, u32, usize)> {
        let accessor = primitive.attributes.get("_BATCHID").or(primitive.attributes.get("BATCHID"))?;
        self.batches.map(|(base, count)| (base, count, *accessor))
    }

    /// Whether a primitive is points that have properties but no ids: they are features, each with the values of its vertex.
    pub(super) fn are_points_features(&self, primitive: &Primitive) -> bool {
        let has_sets = primitive.extensions.features.as_ref().is_some_and(|s| !s.feature_ids.is_empty());
        primitive.mode == Some(0) && !has_sets && self.batch_ids(primitive).is_none()
    }

    fn of_properties(&mut self, primitive: &Primitive, notes: &mut Notes) -> Result<Ids, Fault> {
        let none = Ids::Vertices(Vec::new());
        let first = primitive.extensions.metadata.as_ref().and_then(|m| m.property_attributes.first());
        let Some(number) = first.filter(|_| self.are_points_features(primitive)) else { return Ok(none) };
        let table = match self.attribute_table(primitive, *number) {
            Ok(table) => table,
            Err(why) => {
                notes.say(unreadable_attribute(&why));
                return Ok(none);
            }
        };
        let count = vertices(self.document, primitive);
        shapes::room_for_points(count)?;
        let count = count as u32;
        let base = self.table.push(count, Some(Table::Property(table))).ok_or_else(too_many)?;
        Ok(Ids::Vertices((base..base + count).collect()))
    }

    /// Tile-wide id of a row of the batch table.
    pub fn of_batch(&self, batch: u32) -> u32 {
        self.batches.map_or(NO_FEATURE, |(base, count)| shifted(batch, base, count, None))
    }

    /// Tile-wide ids of `count` instances.
    pub fn of_instances(&mut self, sets: &MeshFeatures, attributes: &BTreeMap<String, usize>, count: usize) -> Result<Vec<u32>, Fault> {
        let Some((_, set)) = chosen(sets).filter(|(_, s)| s.texture.is_none()) else { return Ok(Vec::new()) };
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
        Ok(self.attribute_ids(attribute, attributes)?.into_iter().map(|id| shifted(id, base, features, null)).collect())
    }

    /// Ids of an attribute as the file has them.
    pub(super) fn attribute_ids(&self, attribute: u32, attributes: &BTreeMap<String, usize>) -> Result<Vec<u32>, Fault> {
        let name = format!("_FEATURE_ID_{attribute}");
        let accessor =
            attributes.get(&name).ok_or_else(|| Fault::bad("EXT_mesh_features", format!("the attribute {name} is not there")))?;
        self.buffers.whole(*accessor)
    }

    /// First tile-wide id and number of features of a set.
    fn range(&mut self, set: &FeatureIdSet) -> Result<(u32, u32), Fault> {
        let Some(index) = set.property_table else {
            return Ok((self.table.push(set.feature_count, None).ok_or_else(too_many)?, set.feature_count));
        };
        let (table, count) = self.property_table(index)?;
        if let Some(base) = self.bases.get(&index) {
            return Ok((*base, count));
        }
        let base = self.table.push(count, Some(Table::Property(table))).ok_or_else(too_many)?;
        self.bases.insert(index, base);
        Ok((base, count))
    }

    /// A property table and the number of its rows.
    pub(super) fn property_table(&mut self, index: usize) -> Result<(PropertyTable, u32), Fault> {
        let metadata = self.document.extensions.metadata.as_ref();
        let json = metadata.and_then(|m| m.property_tables.get(index));
        let (Some(metadata), Some(json)) = (metadata, json) else {
            return Err(Fault::bad("EXT_mesh_features", format!("property table {index} is not there")));
        };
        if let Some(known) = self.tables.get(&index) {
            return Ok((known.clone(), json.count));
        }
        let table = PropertyTable::read(metadata, json, &|i| self.buffers.view(i))?;
        self.tables.insert(index, table.clone());
        Ok((table, json.count))
    }
}

pub fn too_many() -> Fault {
    Fault::unsupported(format!("more than {FEATURES_MAX} features in a tile"), "divide the tile")
}

/// Vertices of a primitive.
pub(super) fn vertices(document: &Document, primitive: &Primitive) -> usize {
    primitive.attributes.get("POSITION").and_then(|p| document.accessors.get(*p)).map_or(0, |a| a.count)
}

/// The set that says most, and its number: one with a property table before one without, and of those that do one at vertices before one in a picture.
pub(super) fn chosen(sets: &MeshFeatures) -> Option<(usize, &FeatureIdSet)> {
    sets.feature_ids.iter().enumerate().min_by_key(|(_, s)| (s.property_table.is_none(), s.texture.is_some()))
}

fn shifted(id: u32, base: u32, count: u32, null: Option<u32>) -> u32 {
    if Some(id) == null || id >= count { NO_FEATURE } else { base + id }
}
