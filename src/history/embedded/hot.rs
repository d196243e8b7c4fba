//! What is not yet in a partition, in memory: one chunk for each segment of the journal.

use super::super::{Catalogue, IncidentEvent, Sample};
use std::sync::Arc;
use std::time::Instant;

/// Readings of one block; a question copies the open block at most.
const BLOCK_ROWS: usize = 1 << 13;

/// The rows of one segment, in the order they came.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub segment: u64,
    blocks: Vec<Arc<[Sample]>>,
    open: Vec<Sample>,
    pub events: Vec<Arc<IncidentEvent>>,
    pub rows: u64,
    /// Bytes in the journal.
    pub bytes: u64,
    pub since: Instant,
}

impl Chunk {
    pub(super) fn new(segment: u64) -> Self {
        Self { segment, blocks: Vec::new(), open: Vec::new(), events: Vec::new(), rows: 0, bytes: 0, since: Instant::now() }
    }

    pub(super) fn push(&mut self, samples: Vec<Sample>, events: Vec<IncidentEvent>) {
        self.rows += (samples.len() + events.len()) as u64;
        self.events.extend(events.into_iter().map(Arc::new));
        if self.open.is_empty() && samples.len() >= BLOCK_ROWS {
            self.blocks.push(samples.into());
            return;
        }
        self.open.extend(samples);
        if self.open.len() >= BLOCK_ROWS {
            self.blocks.push(std::mem::take(&mut self.open).into());
        }
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.blocks.iter().flat_map(|b| b.iter()).chain(&self.open)
    }
}

/// All that is in memory.
#[derive(Clone, Debug)]
pub(super) struct Hot {
    pub catalogue: Arc<Catalogue>,
    /// Waiting to become partitions, oldest first.
    pub sealing: Vec<Arc<Chunk>>,
    pub open: Chunk,
}

impl Hot {
    pub(super) fn new(catalogue: Catalogue, segment: u64) -> Self {
        Self { catalogue: Arc::new(catalogue), sealing: Vec::new(), open: Chunk::new(segment) }
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.sealing.iter().map(Arc::as_ref).chain([&self.open])
    }

    pub(super) fn rows(&self) -> u64 {
        self.chunks().map(|c| c.rows).sum()
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.chunks().flat_map(Chunk::samples)
    }

    /// Segments up to here are in partitions.
    pub(super) fn sealed(&self) -> u64 {
        self.sealing.first().map_or(self.open.segment, |c| c.segment).saturating_sub(1)
    }
}

/// The newest reading of each series, by number.
#[derive(Debug, Default)]
pub(super) struct Latest(pub Vec<Option<Sample>>);

impl Latest {
    /// Takes `sample` for the newest of its series when it is.
    pub(super) fn note(&mut self, sample: &Sample) {
        let at = sample.series.0 as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        if let Some(slot) = self.0.get_mut(at)
            && slot.is_none_or(|known| sample.supersedes(&known))
        {
            *slot = Some(*sample);
        }
    }
}
