//! What files say of a picked place, group by group, as a person reads it.

use crate::ogc::Described;
use serde::Serialize;

/// Who says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum MetadataSource {
    /// A set of feature ids of the face's primitive.
    FeatureIds(FeatureIdSource),
    /// A set of feature ids of the instance that the face is of.
    InstanceIds(FeatureIdSource),
    /// The pixel of a property texture.
    PropertyTexture {
        number: usize,
    },
    /// A property attribute, at the corner that is nearest.
    PropertyAttribute {
        number: usize,
    },
    Tileset,
    Tile,
    /// Of a tile with several contents, which one.
    Content {
        number: usize,
    },
    /// The group that a content is of.
    Group {
        number: usize,
    },
}

/// One of several sets of feature ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FeatureIdSource {
    /// Its place in the file's list.
    pub number: usize,
    /// What the file calls it; may be empty.
    pub label: String,
    /// The id there as the file has it; `None` where it has none.
    pub feature: Option<u32>,
    /// Whether it is the set by which features are drawn and told apart in this program.
    pub is_drawn: bool,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetadataGroup {
    #[serde(flatten)]
    pub source: MetadataSource,
    #[serde(flatten)]
    pub said: Described,
}

impl MetadataGroup {
    /// Whether it repeats what the drawn feature's attributes say.
    pub fn is_drawn_feature(&self) -> bool {
        matches!(&self.source, MetadataSource::FeatureIds(set) | MetadataSource::InstanceIds(set) if set.is_drawn)
    }

    /// Whether there is anything to show: a property, or the id of a feature.
    pub(super) fn says_something(&self) -> bool {
        let has_id = matches!(&self.source, MetadataSource::FeatureIds(set) | MetadataSource::InstanceIds(set) if set.feature.is_some());
        has_id || !self.said.properties.is_empty()
    }

    pub(super) fn of(source: MetadataSource, said: Described) -> Self {
        Self { source, said }
    }
}
