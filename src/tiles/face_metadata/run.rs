//! Which vertices of a tile's mesh which metadata is of.

use super::{FaceMetadata, FacePlace, IdSet};
use crate::ogc::{FeatureTable, NO_FEATURE, PropertyTable};
use crate::tiles::place_metadata::{MetadataGroup, MetadataSource};
use crate::tiles::texels::Texels;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// A place on a face of a kept tile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceSpot {
    /// Which of the tile's meshes, and which of its faces.
    pub mesh: usize,
    pub face: usize,
    /// Of the face's corners, in their order; they add up to 1.
    pub weights: [f64; 3],
}

/// Vertices that one placed primitive became.
#[derive(Clone, Debug, Default)]
pub struct MetadataRun {
    pub vertices: Range<u32>,
    pub faces: Option<Arc<FaceMetadata>>,
    /// The primitive's vertex of each; empty where they are as the file has them.
    pub origins: Arc<[u32]>,
    /// Sets of ids of the node's instances, and which one this is.
    pub instance: Option<(Arc<[IdSet]>, u32)>,
    /// Whether the instance has the feature that is drawn, in place of the primitive.
    pub is_of_instance: bool,
    /// Added to tile-wide ids when contents were joined.
    pub id_shift: u32,
}

impl MetadataRun {
    /// The run that a vertex is of, among runs in the order of their vertices.
    pub fn of(runs: &[Self], vertex: u32) -> Option<&Self> {
        let after = runs.partition_point(|r| r.vertices.start <= vertex);
        runs.get(after.checked_sub(1)?).filter(|r| r.vertices.contains(&vertex))
    }

    /// The same run behind `vertices` others.
    pub fn moved(self, vertices: u32) -> Self {
        Self { vertices: self.vertices.start + vertices..self.vertices.end + vertices, ..self }
    }

    fn place(&self, corners: [u32; 3], weights: [f64; 3]) -> Option<FacePlace<'_>> {
        let origin = |vertex: u32| {
            let own = vertex.checked_sub(self.vertices.start)?;
            if self.origins.is_empty() { Some(own) } else { self.origins.get(own as usize).copied() }
        };
        let [a, b, c] = corners.map(origin);
        Some(self.faces.as_ref()?.place([a?, b?, c?], weights))
    }

    /// The tile-wide id at a place, where the set that is drawn lies in a picture; [`NO_FEATURE`] where the pixel has none.
    pub fn pictured_feature(&self, corners: [u32; 3], weights: [f64; 3]) -> Option<u32> {
        let place = self.place(corners, weights).filter(|_| !self.is_of_instance)?;
        place.pictured_feature().map(|id| if id == NO_FEATURE { id } else { id + self.id_shift })
    }

    /// All that is said of a place.
    pub fn groups(&self, corners: [u32; 3], weights: [f64; 3]) -> Vec<MetadataGroup> {
        let place = self.place(corners, weights);
        let mut groups: Vec<MetadataGroup> = place.iter().flat_map(FacePlace::groups).collect();
        if self.is_of_instance {
            for group in &mut groups {
                if let MetadataSource::FeatureIds(set) = &mut group.source {
                    set.is_drawn = false;
                }
            }
        }
        if let Some((sets, number)) = &self.instance {
            groups.extend(sets.iter().map(|set| {
                let (source, said) = set.said(set.at(*number, |_| None));
                MetadataGroup::of(MetadataSource::InstanceIds(source), said)
            }));
        }
        groups
    }
}

/// Memory that runs hold, bytes, beside the tables that `features` has: what several share is counted once.
pub fn bytes<'a>(runs: impl Iterator<Item = &'a MetadataRun>, features: &FeatureTable) -> usize {
    let mut count = Count { features, seen: HashSet::new(), tables: Vec::new(), bytes: 0 };
    for run in runs {
        count.bytes += size_of::<MetadataRun>();
        if count.seen.insert(run.origins.as_ptr().cast()) {
            count.bytes += size_of_val(&run.origins[..]);
        }
        run.faces.iter().for_each(|faces| count.faces(faces));
        run.instance.iter().for_each(|(sets, _)| count.instances(sets));
    }
    count.bytes
}

struct Count<'a> {
    features: &'a FeatureTable,
    /// Where what was counted lies.
    seen: HashSet<*const u8>,
    tables: Vec<PropertyTable>,
    bytes: usize,
}

impl Count<'_> {
    fn faces(&mut self, faces: &Arc<FaceMetadata>) {
        if !self.seen.insert(Arc::as_ptr(faces).cast()) {
            return;
        }
        self.bytes += size_of::<FaceMetadata>() + faces.texcoords.values().map(|list| size_of_val(&list[..])).sum::<usize>();
        faces.sets.iter().for_each(|set| self.set(set));
        faces.attributes.iter().for_each(|(_, table)| self.table(table));
        let pictures = faces.textures.iter().flat_map(|t| &t.properties).filter_map(|(_, channels)| channels.as_ref());
        pictures.for_each(|channels| self.picture(channels.texels()));
    }

    fn instances(&mut self, sets: &Arc<[IdSet]>) {
        if self.seen.insert(sets.as_ptr().cast()) {
            sets.iter().for_each(|set| self.set(set));
        }
    }

    fn set(&mut self, set: &IdSet) {
        self.bytes += set.bytes();
        set.table.iter().for_each(|table| self.table(table));
        if let super::SetIds::Picture(channels) = &set.ids {
            self.picture(channels.texels());
        }
    }

    fn table(&mut self, table: &PropertyTable) {
        if !self.features.holds(table) && !self.tables.iter().any(|known| known.is(table)) {
            self.bytes += table.bytes();
            self.tables.push(table.clone());
        }
    }

    fn picture(&mut self, texels: &Arc<Texels>) {
        if self.seen.insert(Arc::as_ptr(texels).cast()) {
            self.bytes += texels.bytes();
        }
    }
}
