//! What a content says of places on its faces beyond the drawn feature: other sets of feature ids, property textures, property attributes.
//!
//! Kept as read, never on the graphics device, and answered where a ray meets a face: its corners lead to the primitive's vertices as the file
//! has them, those to texture coordinates, and these to a pixel.

mod id_set;
mod read;
mod run;

pub use id_set::{IdSet, SetIds};
pub use read::unreadable_attribute;
pub use run::{FaceSpot, MetadataRun, bytes};

use super::place_metadata::{MetadataGroup, MetadataSource};
use super::texels::Channels;
use crate::ogc::{ClassName, Described, PropertyTable, TexelProperty};
use std::collections::BTreeMap;

/// Of one primitive. Vertices are numbered as the file has them.
#[derive(Debug, Default)]
pub struct FaceMetadata {
    sets: Vec<IdSet>,
    textures: Vec<PropertyTexture>,
    /// By their numbers in the file; a row a vertex.
    attributes: Vec<(usize, PropertyTable)>,
    /// Texture coordinates that the above ask for, by set.
    texcoords: BTreeMap<u32, Box<[[f32; 2]]>>,
}

/// A property texture as one primitive wears it.
#[derive(Debug)]
struct PropertyTexture {
    number: usize,
    class: ClassName,
    /// `None` where the file gives the property no picture.
    properties: Vec<(TexelProperty, Option<Channels>)>,
}

/// A place on a face.
pub struct FacePlace<'a> {
    metadata: &'a FaceMetadata,
    /// Vertices of the primitive.
    corners: [u32; 3],
    /// Of the corners; they add up to 1.
    weights: [f64; 3],
}

impl FaceMetadata {
    fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.textures.is_empty() && self.attributes.is_empty()
    }

    fn place(&self, corners: [u32; 3], weights: [f64; 3]) -> FacePlace<'_> {
        FacePlace { metadata: self, corners, weights }
    }
}

impl FacePlace<'_> {
    /// Where the place is on a picture: between the corners' coordinates.
    fn uv(&self, texcoord: u32) -> Option<[f32; 2]> {
        let list = self.metadata.texcoords.get(&texcoord)?;
        let mut uv = [0.0; 2];
        for (corner, weight) in self.corners.iter().zip(self.weights) {
            let at = list.get(*corner as usize)?;
            (0..2).for_each(|axis| uv[axis] += f64::from(at[axis]) * weight);
        }
        Some(uv.map(|v| v as f32))
    }

    fn nearest_corner(&self) -> u32 {
        let heaviest = self.corners.iter().zip(self.weights).max_by(|a, b| a.1.total_cmp(&b.1));
        heaviest.map_or(self.corners[0], |(corner, _)| *corner)
    }

    /// The exact tile-wide id of the set that is drawn, where that set lies in a picture.
    fn pictured_feature(&self) -> Option<u32> {
        let drawn = self.metadata.sets.iter().find(|s| s.is_drawn && s.is_pictured())?;
        drawn.tile_wide(drawn.at(self.corners[0], |set| self.uv(set)))
    }

    /// All that is said here, a group a source.
    fn groups(&self) -> impl Iterator<Item = MetadataGroup> + '_ {
        let FaceMetadata { sets, textures, attributes, .. } = self.metadata;
        // Ids at vertices are not mixed: a face has those of its first corner, as where it is drawn.
        let sets = sets.iter().map(|set| {
            let (source, said) = set.said(set.at(self.corners[0], |texcoord| self.uv(texcoord)));
            MetadataGroup::of(MetadataSource::FeatureIds(source), said)
        });
        let textures = textures.iter().map(|t| MetadataGroup::of(MetadataSource::PropertyTexture { number: t.number }, self.texture(t)));
        let attributes = attributes.iter().map(|(number, table)| {
            let said = table.described(self.nearest_corner() as usize);
            MetadataGroup::of(MetadataSource::PropertyAttribute { number: *number }, said)
        });
        sets.chain(textures).chain(attributes)
    }

    fn texture(&self, texture: &PropertyTexture) -> Described {
        let value = |(property, channels): &(TexelProperty, Option<Channels>)| match channels {
            Some(channels) => {
                let bytes = channels.at(self.uv(channels.texcoord())?)?.to_le_bytes();
                property.value(&bytes[..channels.count()])
            }
            None => property.default_value(),
        };
        Described { class: texture.class.clone(), properties: texture.properties.iter().filter_map(value).collect() }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
