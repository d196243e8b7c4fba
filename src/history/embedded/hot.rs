//! What is not yet in a partition, in memory: one chunk for each segment of the journal.

use super::super::{Catalogue, IncidentEvent, Sample, Series};
use std::sync::Arc;
use std::time::Instant;

/// Readings of one block; a question copies the open block at most.
const BLOCK_ROWS: usize = 1 << 13;

/// The rows of one segment; those of one series in the order they came.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub segment: u64,
    /// Each sorted by series: one datastream's chart looks at a few rows of each, not at all of a million.
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
            self.close(samples);
            return;
        }
        self.open.extend(samples);
        if self.open.len() >= BLOCK_ROWS {
            let full = std::mem::take(&mut self.open);
            self.close(full);
        }
    }

    fn close(&mut self, mut rows: Vec<Sample>) {
        // Stable, so that of two readings received at one time the one that came last stays the last.
        rows.sort_by_key(|s| s.series);
        self.blocks.push(rows.into());
    }

    fn of_series(&self, series: Series) -> impl Iterator<Item = &Sample> {
        let of_block = move |block: &Arc<[Sample]>| {
            let start = block.partition_point(|s| s.series < series);
            start..start + block[start..].partition_point(|s| s.series == series)
        };
        let closed = self.blocks.iter().flat_map(move |b| &b[of_block(b)]);
        closed.chain(self.open.iter().filter(move |s| s.series == series))
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

    /// Rows of one series, in the order they came.
    pub(super) fn of_series(&self, series: Series) -> impl Iterator<Item = &Sample> {
        self.chunks().flat_map(move |chunk| chunk.of_series(series))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Quality;

    #[test]
    fn one_series_is_found_among_all_in_the_order_it_came() {
        let sample =
            |n: u32| Sample { series: Series(n % 7), time_us: 0, start: None, received_us: 0, value: f64::from(n), quality: Quality::Good };
        let mut chunk = Chunk::new(1);
        let rows = 3 * BLOCK_ROWS as u32 + 100;
        // Batches of all sizes: below a block, above one, and what is left open.
        for batch in (0..rows).collect::<Vec<_>>().chunks(5_000) {
            chunk.push(batch.iter().map(|n| sample(*n)).collect(), Vec::new());
        }
        chunk.push((rows..2 * rows).map(sample).collect(), Vec::new());
        for series in 0..7 {
            let found: Vec<u32> = chunk.of_series(Series(series)).map(|s| s.value as u32).collect();
            assert_eq!(found, (0..2 * rows).filter(|n| n % 7 == series).collect::<Vec<_>>());
        }
        assert_eq!((chunk.of_series(Series(7)).count(), chunk.samples().count()), (0, 2 * rows as usize));
    }
}
