//! One set of feature ids of a primitive or of a node's instances.

use crate::ogc::{ClassName, Described, PropertyTable};
use crate::tiles::place_metadata::FeatureIdSource;
use crate::tiles::texels::Channels;

/// A set of feature ids as the file has them.
#[derive(Debug)]
pub struct IdSet {
    pub number: usize,
    pub label: String,
    pub ids: SetIds,
    /// Ids from here on are none.
    pub count: u32,
    pub null: Option<u32>,
    pub table: Option<PropertyTable>,
    /// Whether features are drawn by it, and the tile-wide id of its first one where that is asked for.
    pub is_drawn: bool,
    pub base: Option<u32>,
}

/// Where ids lie.
#[derive(Debug)]
pub enum SetIds {
    /// One a vertex or instance.
    Listed(Box<[u32]>),
    /// The number of the vertex or instance.
    Implicit,
    Picture(Channels),
}

impl IdSet {
    pub fn is_pictured(&self) -> bool {
        matches!(self.ids, SetIds::Picture(_))
    }

    /// The id of a vertex or instance, or of a place whose coordinates on a picture `uv` gives by their set; `None` for no feature.
    pub fn at(&self, element: u32, uv: impl Fn(u32) -> Option<[f32; 2]>) -> Option<u32> {
        let id = match &self.ids {
            SetIds::Listed(list) => *list.get(element as usize)?,
            SetIds::Implicit => element,
            SetIds::Picture(channels) => channels.at(uv(channels.texcoord())?)?,
        };
        Some(id).filter(|id| *id < self.count && Some(*id) != self.null)
    }

    /// An id of this set in the tile; [`crate::ogc::NO_FEATURE`] for none. `None` where the set is not numbered in the tile.
    pub fn tile_wide(&self, id: Option<u32>) -> Option<u32> {
        let base = self.base?;
        Some(id.map_or(crate::ogc::NO_FEATURE, |id| base + id))
    }

    /// What is said of an id.
    pub fn said(&self, id: Option<u32>) -> (FeatureIdSource, Described) {
        let source = FeatureIdSource { number: self.number, label: self.label.clone(), feature: id, is_drawn: self.is_drawn };
        let said = self.table.as_ref().zip(id).map(|(table, id)| table.described(id as usize));
        (source, said.unwrap_or_else(|| Described { class: ClassName::default(), properties: Vec::new() }))
    }

    pub(super) fn bytes(&self) -> usize {
        if let SetIds::Listed(list) = &self.ids { size_of_val(&list[..]) } else { 0 }
    }
}
