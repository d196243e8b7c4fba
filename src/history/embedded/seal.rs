//! A full segment becomes partitions; only when all of them are on disk does its journal go.

use super::columns::{properties, sample_batch, sample_schema};
use super::folder::{Draft, Kind, Name, day_name, property_name};
use super::hot::Chunk;
use super::index::{Part, remove};
use super::{Shared, event_sheet, hour_of, journal};
use crate::history::{Catalogue, HistoryError, Sample};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows given to a file at once.
const WRITE_ROWS: usize = 1 << 16;

/// Where a partition file goes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub kind: Kind,
    /// Hours since the Unix epoch; days for events.
    pub hour: i64,
    pub property: Option<Arc<str>>,
    /// Segments it covers.
    pub from: u64,
    pub to: u64,
}

impl Place {
    pub(super) fn day(&self) -> i64 {
        if self.property.is_some() { self.hour.div_euclid(24) } else { self.hour }
    }

    pub(super) fn folder(&self, root: &std::path::Path) -> PathBuf {
        let day = root.join(self.kind.folder()).join(day_name(self.day()));
        self.property.as_ref().map_or(day.clone(), |p| day.join(property_name(p)))
    }

    /// On disk under its name.
    pub(super) fn publish(&self, draft: Draft) -> Result<Arc<Part>, HistoryError> {
        let hour = if self.property.is_some() { self.hour.rem_euclid(24) as u8 } else { 0 };
        let mut name = Name { hour, from: self.from, to: self.to, hash: 0 };
        let (path, hash, bytes) = draft.publish(|hash| Name { hash, ..name }.file_name())?;
        name.hash = hash;
        Ok(Arc::new(Part::new(path, name, bytes, true)))
    }
}

/// Writes samples that are sorted by series, time and arrival.
pub(super) fn write_samples(draft: &mut Draft, samples: &[Sample]) -> Result<(), HistoryError> {
    samples.chunks(WRITE_ROWS).try_for_each(|rows| draft.write(&sample_batch(rows)))
}

impl Shared {
    /// Seals every full segment, oldest first.
    pub(super) fn seal_all(&self) -> Result<(), HistoryError> {
        loop {
            let Some(chunk) = self.hot().sealing.first().cloned() else { return self.write_table(self.hot().sealed()) };
            self.seal(&chunk)?;
        }
    }

    fn seal(&self, chunk: &Chunk) -> Result<(), HistoryError> {
        let catalogue = self.hot().catalogue.clone();
        let mut written = Vec::new();
        let done = self.write_chunk(chunk, &catalogue, &mut written).and_then(|()| self.write_table(chunk.segment));
        if let Err(e) = done {
            written.iter().for_each(|(_, part)| remove(&part.path));
            return Err(e);
        }
        let mut index = self.index();
        for (place, part) in written {
            index.put(place.kind, place.day(), place.property.as_ref(), part);
        }
        drop(index);
        // Seen in the index before it goes from memory: a question sees rows twice at worst, and counts them once.
        self.hot_mut().sealing.remove(0);
        remove(&journal::segment_path(&self.journal(), chunk.segment));
        super::folder::sync_folder(&self.journal())
    }

    fn write_chunk(&self, chunk: &Chunk, catalogue: &Catalogue, written: &mut Vec<(Place, Arc<Part>)>) -> Result<(), HistoryError> {
        let property = |s: &Sample| catalogue.property_of(s.series).unwrap_or_default();
        let mut samples: Vec<Sample> = chunk.samples().copied().collect();
        samples.sort_by_key(|s| (property(s), hour_of(s.time_us), s.series, s.time_us, s.received_us));
        for rows in samples.chunk_by(|a, b| property(a) == property(b) && hour_of(a.time_us) == hour_of(b.time_us)) {
            let Some(name) = catalogue.properties().get(property(&rows[0])) else { continue };
            let (from, to) = (chunk.segment, chunk.segment);
            let place = Place { kind: Kind::Observations, hour: hour_of(rows[0].time_us), property: Some(name.clone()), from, to };
            let schema = sample_schema();
            let mut draft = Draft::new(&place.folder(&self.folder), schema.clone(), properties(&schema))?;
            write_samples(&mut draft, rows)?;
            let part = place.publish(draft)?;
            written.push((place, part));
        }
        event_sheet::write_chunk(&self.folder, chunk, written)
    }
}
