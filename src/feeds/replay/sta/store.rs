//! What the platform knows: the catalogue, and a bounded history of observations.

use crate::model::observation::{Datastream, Observation, Quality};
use crate::ogc::sensorthings::{Catalogue, Entity, Id, Rank, Reading, Refusal, Source, Stream, Wanted};
use std::collections::VecDeque;

/// Observations kept in all, about 40 bytes each: four hours of a thousand sensors.
pub const HISTORY_MAX: usize = 500_000;
/// Observations kept of one datastream.
pub const HISTORY_A_STREAM_MAX: usize = 2_000;

/// Catalogue and history.
#[derive(Debug, Default)]
pub struct Store {
    catalogue: Catalogue,
    /// Of each datastream.
    recent: Vec<VecDeque<Reading>>,
    all: VecDeque<Reading>,
    next_id: u64,
    /// Times in `all` never went back, so that a time can be looked up.
    out_of_order: bool,
}

impl Store {
    /// Adds a datastream, or changes the one of the same id.
    pub fn learn(&mut self, d: Datastream) {
        let Datastream { id: key, feed, sensor: thing, observed_property, unit, lon, lat, height_m } = d;
        self.catalogue.learn(Stream { key, feed, thing, observed_property, unit, lon, lat, height_m });
        self.recent.resize_with(self.catalogue.len(), VecDeque::new);
    }

    /// Keeps an observation; `None` when its datastream is unknown.
    pub fn keep(&mut self, o: &Observation) -> Option<Entity> {
        let stream = self.catalogue.stream_of(&o.datastream)?;
        self.next_id += 1;
        let time_ms = o.phenomenon_time.timestamp_millis();
        let (number, suspect) = (self.next_id, o.quality == Quality::Suspect);
        let kept = Reading { number, stream, time_ms, lasted_ms: o.lasted_ms(), value: o.value, suspect };
        self.out_of_order |= self.all.back().is_some_and(|last| last.time_ms > time_ms);
        if self.all.len() == HISTORY_MAX {
            self.all.pop_front();
        }
        self.all.push_back(kept);
        let recent = &mut self.recent[stream as usize];
        if recent.len() == HISTORY_A_STREAM_MAX {
            recent.pop_front();
        }
        recent.push_back(kept);
        Some(Entity::Observation(kept))
    }

    pub fn datastreams(&self) -> usize {
        self.catalogue.len()
    }
}

impl Source for Store {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn observations(&self, wanted: &Wanted) -> Result<Vec<Reading>, Refusal> {
        let covered = |o: &&Reading| wanted.covers(o.time_ms);
        Ok(match &wanted.streams {
            Some(streams) => streams.iter().flat_map(|s| &self.recent[*s as usize]).filter(covered).copied().collect(),
            None => {
                let from = wanted.from_ms.filter(|_| !self.out_of_order).map_or(0, |ms| self.all.partition_point(|o| o.time_ms < ms));
                self.all.range(from..).filter(covered).copied().collect()
            }
        })
    }

    fn observation(&self, id: &Id) -> Option<Reading> {
        let Id::Number(number) = id else { return None };
        self.all.binary_search_by_key(number, |o| o.number).ok().and_then(|i| self.all.get(i)).copied()
    }

    fn observation_id(&self, reading: &Reading) -> Id {
        Id::Number(reading.number)
    }

    fn rank(&self, reading: &Reading) -> Rank {
        (0, reading.number)
    }

    fn rank_of(&self, id: &Id) -> Option<Rank> {
        if let Id::Number(number) = id { Some((0, *number)) } else { None }
    }

    fn span(&self, stream: u32) -> Option<(i64, i64)> {
        let recent = self.recent.get(stream as usize)?;
        Some((recent.front()?.time_ms, recent.back()?.time_ms))
    }
}
