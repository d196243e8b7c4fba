//! What this screen has seen of each sensor: the series behind a place.

use crate::link::WorldState;
use bevy::prelude::Resource;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, VecDeque};

/// Readings kept of a sensor: four hours of one a minute.
const READINGS_MAX: usize = 240;
/// Sensors whose readings are kept, 20 MB at most; others show no series.
const STREAMS_MAX: usize = 5_000;

/// Readings by datastream, oldest first.
#[derive(Resource, Default)]
pub struct Seen(HashMap<String, VecDeque<(DateTime<Utc>, f64)>>);

impl Seen {
    /// Takes in the latest readings of a property's sensors.
    pub fn take_in(&mut self, world: &WorldState, observed_property: &str) {
        for stream in world.datastreams.values().filter(|d| d.observed_property == observed_property) {
            let Some(o) = world.observations.get(&stream.id).filter(|o| o.value.is_finite()) else { continue };
            if !self.0.contains_key(&stream.id) {
                if self.0.len() >= STREAMS_MAX {
                    continue;
                }
                self.0.insert(stream.id.clone(), VecDeque::new());
            }
            let Some(series) = self.0.get_mut(&stream.id) else { continue };
            match series.back() {
                Some((last, _)) if *last > o.phenomenon_time => series.clear(),
                Some((last, _)) if *last == o.phenomenon_time => continue,
                _ => {}
            }
            if series.len() >= READINGS_MAX {
                series.pop_front();
            }
            series.push_back((o.phenomenon_time, o.value));
        }
    }

    /// The series of a datastream, oldest first.
    pub fn of(&self, datastream: &str) -> impl Iterator<Item = (DateTime<Utc>, f64)> + '_ {
        self.0.get(datastream).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::{Datastream, Observation};
    use chrono::TimeDelta;

    #[test]
    fn a_series_grows_with_new_readings_keeps_its_bound_and_starts_anew_when_time_goes_back() {
        let mut world = WorldState::default();
        let stream = Datastream {
            id: "d".into(),
            feed: "f".into(),
            sensor: "s".into(),
            observed_property: "p".into(),
            unit: "u".into(),
            lon: 0.0,
            lat: 0.0,
            height_m: 0.0,
        };
        world.datastreams.insert("d".into(), stream);
        let mut seen = Seen::default();
        let mut read = |minute: i64| {
            let time = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
            let o = Observation::new("d", time, minute as f64);
            world.observations.insert("d".into(), o);
            seen.take_in(&world, "p");
            seen.take_in(&world, "other");
            (seen.of("d").count(), seen.of("d").next().map(|(_, v)| v))
        };
        assert_eq!((read(1), read(1), read(2)), ((1, Some(1.0)), (1, Some(1.0)), (2, Some(1.0))));
        for minute in 3..=300 {
            read(minute);
        }
        assert_eq!(read(301), (READINGS_MAX, Some(62.0)));
        assert_eq!(read(10), (1, Some(10.0)), "a replay that went back");
    }
}
