//! What a glTF's primitives and instances say beyond the features that are drawn, read. What can't be read is a note, and the rest stays.

use super::{FaceMetadata, IdSet, PropertyTexture, SetIds};
use crate::ogc::{Fault, Metadata, PropertyTable, TexelProperty};
use crate::tiles::features::{FeatureReader, Ids, chosen, vertices};
use crate::tiles::glb::Notes;
use crate::tiles::gltf_json::{ChannelTexture, FeatureIdSet, MeshFeatures, Primitive};
use crate::tiles::texels::Channels;
use crate::tiles::texture::Textures;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

impl FeatureReader<'_> {
    /// What a primitive says of places on its faces; `None` where `ids`, by which it is drawn, are all there is.
    pub fn face_metadata(
        &mut self,
        primitive: &Primitive,
        ids: &Ids,
        textures: &mut Textures<'_>,
        notes: &mut Notes,
    ) -> Option<Arc<FaceMetadata>> {
        let mut reader = FaceReader { features: self, primitive, textures, notes, read: FaceMetadata::default() };
        reader.sets(ids);
        reader.textures();
        reader.attributes();
        Some(reader.read).filter(|read| !read.is_empty()).map(Arc::new)
    }

    /// All sets of ids of a node's `count` instances, where they have several.
    pub fn instance_sets(
        &mut self,
        sets: &MeshFeatures,
        attributes: &BTreeMap<String, usize>,
        count: usize,
        notes: &mut Notes,
    ) -> Option<Arc<[IdSet]>> {
        let drawn = chosen(sets).filter(|_| sets.feature_ids.len() > 1).map(|(number, _)| number)?;
        let mut all = Vec::new();
        for (number, set) in sets.feature_ids.iter().enumerate() {
            let ids = match &set.texture {
                Some(_) if set.attribute.is_none() => Err(Fault::bad("EXT_instance_features", "instances have no place on a picture")),
                _ => self.listed(set, attributes, count),
            };
            match ids.and_then(|ids| self.id_set(number, set, ids)) {
                Ok(read) => all.push(IdSet { is_drawn: number == drawn, ..read }),
                Err(why) => notes.say(unreadable_set(&why)),
            }
        }
        Some(all.into())
    }

    fn listed(&self, set: &FeatureIdSet, attributes: &BTreeMap<String, usize>, count: usize) -> Result<SetIds, Fault> {
        let Some(attribute) = set.attribute else { return Ok(SetIds::Implicit) };
        let list = self.attribute_ids(attribute, attributes)?;
        match list.len() == count {
            true => Ok(SetIds::Listed(list.into())),
            false => Err(Fault::bad(format!("_FEATURE_ID_{attribute}"), format!("{} ids for {count} elements", list.len()))),
        }
    }

    fn id_set(&mut self, number: usize, set: &FeatureIdSet, ids: SetIds) -> Result<IdSet, Fault> {
        let (table, count) = match set.property_table {
            Some(index) => self.property_table(index).map(|(table, count)| (Some(table), count))?,
            None => (None, set.feature_count),
        };
        let label = set.label.clone().unwrap_or_default();
        Ok(IdSet { number, label, ids, count, null: set.null_feature_id, table, is_drawn: false, base: None })
    }
}

fn unreadable_set(why: &impl std::fmt::Display) -> String {
    format!("a set of feature ids can't be read: {why}")
}

struct FaceReader<'r, 'f, 't> {
    features: &'r mut FeatureReader<'f>,
    primitive: &'r Primitive,
    textures: &'r mut Textures<'t>,
    notes: &'r mut Notes,
    read: FaceMetadata,
}

impl FaceReader<'_, '_, '_> {
    /// All sets, where there are several or the one there is lies in a picture.
    fn sets(&mut self, ids: &Ids) {
        let primitive = self.primitive;
        let Some(sets) = &primitive.extensions.features else { return };
        let is_batched = self.features.batch_ids(self.primitive).is_some();
        let drawn = chosen(sets).map(|(number, _)| number).filter(|_| !is_batched);
        if sets.feature_ids.len() < 2 && !is_batched && !matches!(ids, Ids::Picture(_)) {
            return;
        }
        for (number, set) in sets.feature_ids.iter().enumerate() {
            let is_drawn = drawn == Some(number);
            let base = match ids {
                Ids::Picture(picture) if is_drawn => Some(picture.base),
                _ => None,
            };
            match self.set(number, set) {
                Ok(read) => self.read.sets.push(IdSet { is_drawn, base, ..read }),
                // Of the set that is drawn it is said already.
                Err(_) if is_drawn => {}
                Err(why) => self.notes.say(unreadable_set(&why)),
            }
        }
    }

    fn set(&mut self, number: usize, set: &FeatureIdSet) -> Result<IdSet, Fault> {
        let ids = match set.texture.as_ref().filter(|_| set.attribute.is_none()) {
            Some(texture) => SetIds::Picture(self.channels(texture).map_err(|why| Fault::bad("EXT_mesh_features", why))?),
            None => self.features.listed(set, &self.primitive.attributes, vertices(self.features.document, self.primitive))?,
        };
        self.features.id_set(number, set, ids)
    }

    /// Channels of a picture whose texture coordinates are there.
    fn channels(&mut self, texture: &ChannelTexture) -> Result<Channels, String> {
        let channels = self.textures.channels(texture)?;
        let set = channels.texcoord();
        if !self.read.texcoords.contains_key(&set) {
            let name = format!("TEXCOORD_{set}");
            let accessor = self.primitive.attributes.get(&name).ok_or_else(|| format!("the attribute {name} is not there"))?;
            let list = self.features.buffers.vectors::<2>(*accessor).map_err(|f| f.to_string())?;
            let count = vertices(self.features.document, self.primitive);
            if list.len() != count {
                return Err(format!("{name} has {} values for {count} vertices", list.len()));
            }
            self.read.texcoords.insert(set, list.into());
        }
        Ok(channels)
    }

    fn textures(&mut self) {
        let primitive = self.primitive;
        let numbers = primitive.extensions.metadata.as_ref().map_or(&[][..], |m| &m.property_textures);
        for number in numbers {
            match self.texture(*number) {
                Ok(texture) => self.read.textures.push(texture),
                Err(why) => self.notes.say(format!("a property texture can't be read: {why}")),
            }
        }
    }

    fn texture(&mut self, number: usize) -> Result<PropertyTexture, Fault> {
        let document = self.features.document;
        let metadata: Option<&Metadata> = document.extensions.metadata.as_ref();
        let found = metadata.and_then(|m| Some((m.schema.as_ref()?, m.property_textures.get(number)?)));
        let place = format!("propertyTextures[{number}]");
        let (schema, json) = found.ok_or_else(|| Fault::bad(&*place, "it is not there, or has no schema"))?;
        let (class, properties) = TexelProperty::of_class(schema, json)?;
        let mut kept = Vec::new();
        for property in properties {
            let Some(given) = json.properties.get(property.id()) else {
                kept.push((property, None));
                continue;
            };
            let texture = ChannelTexture::deserialize(given).map_err(|e| e.to_string());
            let channels = texture.and_then(|t| property.takes(t.channels.len()).and_then(|()| self.channels(&t)));
            match channels {
                Ok(channels) => kept.push((property, Some(channels))),
                // One property that can't be read does not take the others with it.
                Err(why) => self.notes.say(format!("a property texture can't be read whole: {place}.{}: {why}", property.id())),
            }
        }
        Ok(PropertyTexture { number, class, properties: kept })
    }

    /// Property attributes, but for the first of points without ids: each of those is a feature with its values.
    fn attributes(&mut self) {
        let primitive = self.primitive;
        let numbers = primitive.extensions.metadata.as_ref().map_or(&[][..], |m| &m.property_attributes);
        let known = usize::from(self.features.are_points_features(self.primitive));
        for number in numbers.iter().skip(known) {
            match self.features.attribute_table(self.primitive, *number) {
                Ok(table) => self.read.attributes.push((*number, table)),
                Err(why) => self.notes.say(unreadable_attribute(&why)),
            }
        }
    }
}

/// What is said of a property attribute that can't be read.
pub fn unreadable_attribute(why: &Fault) -> String {
    format!("values at vertices (a property attribute) can't be read: {why}")
}

impl FeatureReader<'_> {
    /// The values of a property attribute, a row a vertex of the primitive.
    pub fn attribute_table(&self, primitive: &Primitive, number: usize) -> Result<PropertyTable, Fault> {
        let metadata = self.document.extensions.metadata.as_ref();
        let found = metadata.and_then(|m| Some((m, m.property_attributes.get(number)?)));
        let (metadata, json) = found.ok_or_else(|| Fault::bad(format!("propertyAttributes[{number}]"), "it is not there"))?;
        let count = u32::try_from(vertices(self.document, primitive)).map_err(|_| crate::tiles::features::too_many())?;
        let column = |name: &str| match primitive.attributes.get(name) {
            Some(accessor) => self.buffers.read(*accessor, &[1, 2, 3, 4], |v| v).map(|(_, values)| values),
            None => Err(Fault::bad("EXT_structural_metadata", format!("the attribute {name} is not there"))),
        };
        PropertyTable::of_attributes(metadata, json, count, &column)
    }
}
