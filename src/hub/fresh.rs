//! What has changed since screens were last told: ids only, so that a thousand changes of one thing are told as one. Pure.

use super::news::News;
use super::to_screens::Came;
use super::world::World;
use crate::model::alert::Alert;
use crate::model::feed::FeedStatus;
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use indexmap::{IndexMap, IndexSet};
use std::sync::Arc;

/// Things told at one beat; the rest at the next. Bounds how long the world is held while they are copied: some 5 ms.
const AT_ONCE_MAX: usize = 10_000;

/// Ids of what screens do not know yet, in the order in which it changed.
#[derive(Debug, Default)]
pub struct Fresh {
    /// Each with when the first of it came that was not told.
    units: IndexMap<String, Came>,
    observations: IndexMap<String, Came>,
    alerts: IndexMap<String, Came>,
    datastreams: IndexSet<String>,
    feeds: IndexSet<String>,
}

/// Adds an id, without a copy of one that is there.
fn add(ids: &mut IndexSet<String>, id: &str) {
    if !ids.contains(id) {
        ids.insert(id.to_owned());
    }
}

/// The same of what a source has said just now.
fn said(ids: &mut IndexMap<String, Came>, id: &str, came: &Came) {
    if !ids.contains_key(id) {
        ids.insert(id.to_owned(), came.clone());
    }
}

fn take_said(ids: &mut IndexMap<String, Came>, room: &mut usize) -> Vec<(String, Came)> {
    let n = ids.len().min(*room);
    *room -= n;
    ids.drain(..n).collect()
}

fn take(ids: &mut IndexSet<String>, room: &mut usize) -> Vec<String> {
    let n = ids.len().min(*room);
    *room -= n;
    ids.drain(..n).collect()
}

impl Fresh {
    pub fn unit(&mut self, id: &str, came: &Came) {
        said(&mut self.units, id, came);
    }

    pub fn observation(&mut self, datastream: &str, came: &Came) {
        said(&mut self.observations, datastream, came);
    }

    pub fn datastream(&mut self, id: &str) {
        add(&mut self.datastreams, id);
    }

    pub fn alert(&mut self, id: &str, came: &Came) {
        said(&mut self.alerts, id, came);
    }

    pub fn feed(&mut self, id: &str) {
        add(&mut self.feeds, id);
    }

    /// Whether something other than positions waits.
    pub fn has_rest(&self) -> bool {
        !(self.observations.is_empty() && self.datastreams.is_empty() && self.alerts.is_empty() && self.feeds.is_empty())
    }
}

/// What is to be told, copied out of the world so that it can be written down without holding it.
///
/// With when it came; `None` where a screen is told what others know already.
#[derive(Debug)]
pub enum Copied {
    Unit(Unit, Option<Came>),
    /// With longitude and latitude of its datastream.
    Observation(Observation, [f64; 2], Option<Came>),
    Datastream(Datastream),
    Alert(Alert, Option<Came>),
    Feed(FeedStatus),
}

impl Copied {
    pub fn news(self) -> Arc<News> {
        match self {
            Self::Unit(unit, came) => News::unit(unit, came),
            Self::Observation(observation, at, came) => News::observation(observation, at, came),
            Self::Datastream(datastream) => News::datastream(datastream),
            Self::Alert(alert, came) => News::alert(alert, came),
            Self::Feed(feed) => News::feed(feed),
        }
    }
}

impl World {
    /// Takes out what is to be told now: positions, and the rest when it is its turn. What there is no room for stays for the next beat.
    pub fn take_fresh(&mut self, rest: bool) -> Vec<Copied> {
        let fresh = &mut self.fresh;
        let mut room = AT_ONCE_MAX;
        let units = take_said(&mut fresh.units, &mut room).into_iter();
        let mut copied: Vec<Copied> = units.filter_map(|(id, came)| Some(Copied::Unit(self.units.get(&id)?.clone(), Some(came)))).collect();
        if !rest {
            return copied;
        }
        copied.extend(take(&mut fresh.feeds, &mut room).iter().filter_map(|id| self.feeds.get(id).cloned().map(Copied::Feed)));
        let alerts = take_said(&mut fresh.alerts, &mut room).into_iter();
        copied.extend(alerts.filter_map(|(id, came)| Some(Copied::Alert(self.alerts.get(&id)?.clone(), Some(came)))));
        // Before their readings: a screen has no place for a reading whose datastream it does not know.
        let datastreams = take(&mut fresh.datastreams, &mut room);
        copied.extend(datastreams.iter().filter_map(|id| self.datastreams.get(id).cloned().map(Copied::Datastream)));
        copied.extend(take_said(&mut fresh.observations, &mut room).into_iter().filter_map(|(id, came)| {
            let at = self.datastreams.get(&id).map(|d| [d.lon, d.lat])?;
            Some(Copied::Observation(self.observations.get(&id)?.clone(), at, Some(came)))
        }));
        copied
    }

    /// What a screen is to be told whose viewport is new: everything live that it sees; and what has no place, when it has heard of none.
    pub fn live(&self, sees: impl Fn(f64, f64) -> bool, also_placeless: bool) -> Vec<Arc<News>> {
        let units = self.units.values().filter(|u| sees(u.lon, u.lat)).map(|u| Copied::Unit(u.clone(), None));
        let place = |o: &Observation| self.datastreams.get(&o.datastream).map(|d| [d.lon, d.lat]).filter(|at| sees(at[0], at[1]));
        let readings = self.observations.values().filter_map(|o| Some(Copied::Observation(o.clone(), place(o)?, None)));
        let mut copied = Vec::new();
        if also_placeless {
            copied.extend(self.datastreams.values().cloned().map(Copied::Datastream));
            copied.extend(self.alerts.values().map(|a| Copied::Alert(a.clone(), None)));
            copied.extend(self.feeds.values().cloned().map(Copied::Feed));
        }
        copied.extend(units.chain(readings));
        copied.into_iter().map(Copied::news).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Quality;
    use crate::model::view::{CameraPose, ViewState};
    use chrono::DateTime;
    use std::time::Instant;

    fn world() -> World {
        let camera = CameraPose { lon: 118.0, lat: 33.0, height_m: 0.0, heading_deg: 0.0, pitch_deg: 45.0, distance_m: 4000.0 };
        let (clock, tour, styling) = Default::default();
        let (layers, selection, theme, clip, leader) = Default::default();
        let scene = "x".to_owned();
        let mut world = World::new(ViewState { scene, camera, layers, selection, clock, tour, theme, styling, clip, leader });
        let (feed, sensor) = ("f".to_owned(), "s".to_owned());
        let (observed_property, unit) = ("x".to_owned(), String::new());
        world.learn(Datastream { id: "f/1".into(), feed, sensor, observed_property, unit, lon: 118.0, lat: 33.0, height_m: 0.0 });
        world
    }

    fn read(world: &mut World, value: f64) {
        let (datastream, phenomenon_time) = ("f/1".to_owned(), DateTime::UNIX_EPOCH);
        world
            .observations
            .insert("f/1".into(), Observation { datastream, phenomenon_time, phenomenon_start: None, value, quality: Quality::Good });
        world.fresh.observation("f/1", &Came { source: "f".into(), at: Instant::now() });
    }

    #[test]
    fn a_thousand_changes_of_one_thing_are_told_as_the_newest_and_once() {
        let mut world = world();
        (0..1000).for_each(|i| read(&mut world, f64::from(i)));
        assert!(world.take_fresh(false).is_empty(), "readings are not in a hurry");
        let told = world.take_fresh(true);
        let [Copied::Observation(o, at, Some(came))] = &told[..] else { panic!("{told:?}") };
        assert_eq!((o.value, *at, &*came.source), (999.0, [118.0, 33.0], "f"));
        assert!(world.take_fresh(true).is_empty() && !world.fresh.has_rest());
    }

    #[test]
    fn what_is_too_much_for_one_beat_is_told_at_the_next_and_datastreams_come_first() {
        let mut world = world();
        read(&mut world, 1.0);
        for i in 0..AT_ONCE_MAX + 1 {
            let one = world.datastreams["f/1"].clone();
            world.learn(Datastream { id: format!("f/{i}"), ..one });
            world.fresh.datastream(&format!("f/{i}"));
        }
        let first = world.take_fresh(true);
        assert!(first.len() == AT_ONCE_MAX && first.iter().all(|c| matches!(c, Copied::Datastream(_))));
        let second = world.take_fresh(true);
        assert!(matches!(second[..], [Copied::Datastream(_), Copied::Observation(..)]), "{second:?}");
    }
}
