//! The one that writes the journal: batches that wait at the same time share a sync, and are seen once they are on disk.

use super::Shared;
use super::hot::Chunk;
use super::journal::{Entry, Segment, encode};
use crate::history::answer::to_us;
use crate::history::{Batch, Catalogue, HistoryError, Reading, Sample, Series};
use crate::model::observation::Datastream;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Batches that share a sync; bounds how long the first of them waits.
const GROUP_MAX: usize = 1024;
/// Rows after which a segment is sealed: 40 MiB in memory; at 50,000 readings a second, 20 s.
pub(super) const SEAL_ROWS: u64 = 1 << 20;
/// Readings wait no longer than this before they become a partition, and the journal no longer before it is short again.
pub(super) const SEAL_AFTER: Duration = Duration::from_secs(300);
/// Chunks that may wait to be sealed; beyond it (a full disk) nothing more is taken.
pub(super) const SEALING_MAX: usize = 8;

pub(super) enum Job {
    Append {
        batch: Batch,
        done: oneshot::Sender<Result<(), HistoryError>>,
    },
    /// Begin a new segment when this one holds anything.
    Rotate {
        done: oneshot::Sender<Result<(), HistoryError>>,
    },
}

pub(super) struct Writer {
    pub shared: Arc<Shared>,
    pub segment: Segment,
    /// As it will be once what is being written is on disk.
    pub catalogue: Catalogue,
}

type Waiting = (Entry, oneshot::Sender<Result<(), HistoryError>>);

impl Writer {
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while jobs.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            let mut waiting = Vec::new();
            let mut rotations = Vec::new();
            for job in group.drain(..) {
                match job {
                    Job::Append { batch, done } => match self.prepare(batch) {
                        Ok(entry) => waiting.push((entry, done)),
                        Err(e) => drop(done.send(Err(e))),
                    },
                    Job::Rotate { done } => rotations.push(done),
                }
            }
            self.write(waiting);
            let due = {
                let open = &self.shared.hot().open;
                open.rows >= SEAL_ROWS || (open.rows > 0 && open.since.elapsed() >= SEAL_AFTER)
            };
            if due || !rotations.is_empty() {
                let rotated = self.rotate();
                if let Err(e) = &rotated {
                    self.shared.note(e);
                }
                rotations.into_iter().for_each(|done| drop(done.send(rotated.clone())));
            }
        }
    }

    /// Gives numbers to ids; all or nothing.
    fn prepare(&mut self, batch: Batch) -> Result<Entry, HistoryError> {
        crate::history::check(&batch)?;
        let hot = self.shared.hot();
        if hot.sealing.len() >= SEALING_MAX {
            return Err(HistoryError::Behind {
                rows: hot.rows(),
                why: self.shared.last_error().unwrap_or_else(|| "the disk is slow".into()),
            });
        }
        drop(hot);
        // Before anything gets a number. A batch that describes nothing changes nothing either, and finds out below.
        if !batch.datastreams.is_empty() {
            self.known(&batch)?;
        }
        let mut entry = Entry { events: batch.events, ..Entry::default() };
        for datastream in batch.datastreams {
            if let Some(series) = self.describe(&datastream)? {
                entry.datastreams.push((series, datastream));
            }
        }
        entry.samples.reserve(batch.readings.len());
        for Reading { observation: o, received_at } in batch.readings {
            let series = self.catalogue.series(&o.datastream).ok_or(HistoryError::Unknown { id: o.datastream })?;
            let (time_us, received_us) = (to_us(o.phenomenon_time), to_us(received_at));
            entry.samples.push(Sample { series, time_us, start: o.phenomenon_start, received_us, value: o.value, quality: o.quality });
        }
        Ok(entry)
    }

    /// Every reading's datastream is described, before or in the batch itself.
    fn known(&self, batch: &Batch) -> Result<(), HistoryError> {
        let here: HashSet<&str> = batch.datastreams.iter().map(|d| d.id.as_str()).collect();
        let known = |id: &str| self.catalogue.series(id).is_some() || here.contains(id);
        match batch.readings.iter().find(|r| !known(&r.observation.datastream)) {
            Some(reading) => Err(HistoryError::Unknown { id: reading.observation.datastream.clone() }),
            None => Ok(()),
        }
    }

    /// The number of a description that says something new.
    fn describe(&mut self, datastream: &Datastream) -> Result<Option<Series>, HistoryError> {
        let known = self.catalogue.series(&datastream.id);
        if known.is_some_and(|series| self.catalogue.get(series) == Some(datastream)) {
            return Ok(None);
        }
        self.catalogue.describe(datastream.clone()).map(Some)
    }

    fn write(&mut self, waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let mut frames = Vec::new();
        waiting.iter().for_each(|(entry, _)| encode(entry, &mut frames));
        match self.segment.append(&frames) {
            Ok(()) => self.publish(waiting, frames.len() as u64),
            Err(e) => {
                // Numbers given in this group are not on disk, so they were never given.
                self.catalogue = Catalogue::clone(&self.shared.hot().catalogue);
                self.shared.note(&e);
                waiting.into_iter().for_each(|(_, done)| drop(done.send(Err(e.clone()))));
            }
        }
    }

    /// What is on disk is seen, then acknowledged.
    fn publish(&self, waiting: Vec<Waiting>, bytes: u64) {
        let mut hot = self.shared.hot_mut();
        let mut latest = self.shared.latest_mut();
        let mut acknowledge = Vec::with_capacity(waiting.len());
        for (entry, done) in waiting {
            for (series, datastream) in entry.datastreams {
                Arc::make_mut(&mut hot.catalogue).put(series, datastream);
                self.shared.described();
            }
            entry.samples.iter().for_each(|s| latest.note(s));
            if hot.open.rows == 0 {
                hot.open.since = Instant::now();
            }
            hot.open.push(entry.samples, entry.events);
            acknowledge.push(done);
        }
        hot.open.bytes += bytes;
        drop((hot, latest));
        acknowledge.into_iter().for_each(|done| drop(done.send(Ok(()))));
    }

    /// A new segment; the rows of the old one go to the keeper.
    fn rotate(&mut self) -> Result<(), HistoryError> {
        if self.shared.hot().open.rows == 0 && !self.shared.is_described() {
            return Ok(());
        }
        let number = self.shared.hot().open.segment + 1;
        self.segment = Segment::create(&self.shared.journal(), number)?;
        let mut hot = self.shared.hot_mut();
        let full = std::mem::replace(&mut hot.open, Chunk::new(number));
        hot.sealing.push(Arc::new(full));
        drop(hot);
        self.shared.wake();
        Ok(())
    }
}
