//! Where units were: each position as readings of its own few series, so that the history needs no second kind of table.

use crate::history::{Reading, Sample};
use crate::model::incident::Domain;
use crate::model::observation::{Datastream, Observation, Quality};
use crate::model::unit::{KEPT, Unit, UnitState};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Observed properties of a unit's series; nothing that a feed may call its own (a feed's are lower snake case of letters and digits).
/// The last, until when the place holds (seconds since 1970), only where its source says so.
pub const PROPERTIES: [&str; 5] = ["unit.lon", "unit.lat", "unit.heading", "unit.state", STALE_AT];
const STATE: &str = "unit.state";
const STALE_AT: &str = "unit.stale_at";

const STATES: [UnitState; 4] = [UnitState::Available, UnitState::EnRoute, UnitState::OnScene, UnitState::OffDuty];

/// Whether a series of the history is a unit's and not a sensor's.
pub fn is_track(datastream: &Datastream) -> bool {
    PROPERTIES.contains(&datastream.observed_property.as_str())
}

/// What doesn't move of a unit: kept in place of a unit symbol with the series of its states, so that a hub that has not heard of it
/// can still tell what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Description {
    call_sign: String,
    domain: Domain,
    kind: String,
}

impl Description {
    fn of(unit: &Unit) -> Self {
        Self { call_sign: unit.call_sign.clone(), domain: unit.domain, kind: unit.kind.clone() }
    }
}

/// How often it is looked for units of which nothing comes any more.
const SWEEP_EVERY: TimeDelta = TimeDelta::hours(1);

/// Makes readings of positions; remembers what it has said of which unit, for a day.
#[derive(Debug, Default)]
pub struct Tracks {
    told: HashMap<String, Told>,
    swept_at: Option<DateTime<Utc>>,
}

/// What was said of a unit.
#[derive(Debug)]
struct Told {
    description: Description,
    seen_at: DateTime<Utc>,
    /// When something of it came last.
    heard_at: DateTime<Utc>,
}

impl Tracks {
    /// Whether a position is newer than the last of its unit.
    pub fn is_news(&mut self, unit: &Unit, received_at: DateTime<Utc>) -> bool {
        let Some(told) = self.told.get_mut(&unit.id) else { return true };
        told.heard_at = received_at;
        unit.seen_at > told.seen_at
    }

    /// Forgets units of which nothing has come for a day: heard of again, they are described again, which changes nothing.
    fn sweep(&mut self, now: DateTime<Utc>) {
        if self.swept_at.is_none_or(|at| (now - at).abs() >= SWEEP_EVERY) {
            self.told.retain(|_, told| now - told.heard_at < KEPT);
            self.swept_at = Some(now);
        }
    }

    /// Appends the readings of one position, and the series of a unit that is new or called anew.
    pub fn take(&mut self, unit: &Unit, received_at: DateTime<Utc>, datastreams: &mut Vec<Datastream>, readings: &mut Vec<Reading>) {
        let description = Description::of(unit);
        self.sweep(received_at);
        let known = self.told.get(&unit.id).map(|told| &told.description);
        if known != Some(&description) {
            let words = serde_json::to_string(&description).unwrap_or_default();
            let is_new = known.is_none();
            datastreams.extend(PROPERTIES.iter().filter(|property| is_new || **property == STATE).map(|property| Datastream {
                id: series(property, &unit.id),
                feed: "units".into(),
                sensor: unit.id.clone(),
                observed_property: (*property).to_owned(),
                unit: match *property {
                    STATE => words.clone(),
                    STALE_AT => "s".into(),
                    _ => "°".into(),
                },
                lon: unit.lon,
                lat: unit.lat,
                height_m: 0.0,
            }));
        }
        let told = Told { description, seen_at: unit.seen_at, heard_at: received_at };
        match self.told.get_mut(&unit.id) {
            Some(known) => *known = told,
            None => drop(self.told.insert(unit.id.clone(), told)),
        }
        let state = STATES.iter().position(|s| *s == unit.state).unwrap_or_default();
        let stale_at = unit.stale_at.map(|t| t.timestamp_micros() as f64 / 1e6);
        let values = [Some(unit.lon), Some(unit.lat), Some(unit.heading_deg), Some(state as f64), stale_at];
        let known = PROPERTIES.iter().zip(values).filter_map(|(property, value)| Some((property, value?)));
        readings.extend(known.map(|(property, value)| Reading {
            observation: Observation {
                datastream: series(property, &unit.id),
                phenomenon_time: unit.seen_at,
                phenomenon_start: None,
                value,
                quality: Quality::Good,
            },
            received_at,
        }));
    }
}

fn series(property: &str, unit: &str) -> String {
    format!("{property}/{unit}")
}

/// Positions put together again.
#[derive(Debug, Default)]
pub struct Positions {
    units: BTreeMap<String, Position>,
}

/// The newest of each of a unit's series.
#[derive(Debug, Default)]
struct Position {
    /// Value and time (microseconds since 1970), by [`PROPERTIES`].
    values: [Option<(f64, i64)>; PROPERTIES.len()],
    /// `None`: it was kept before descriptions were.
    description: Option<Description>,
}

impl Positions {
    /// Takes a unit's reading; `false` when it is a sensor's.
    pub fn take(&mut self, datastream: &Datastream, sample: &Sample) -> bool {
        let Some(which) = PROPERTIES.iter().position(|p| *p == datastream.observed_property) else { return false };
        let position = self.units.entry(datastream.sensor.clone()).or_default();
        position.values[which] = Some((sample.value, sample.time_us));
        if datastream.observed_property == STATE {
            position.description = serde_json::from_str(&datastream.unit).ok();
        }
        true
    }

    /// The units as they were; what doesn't move (call sign, kind) is as it was kept with them, else as it is `known` now.
    pub fn units(&self, known: &BTreeMap<String, Unit>) -> Vec<Unit> {
        self.units.iter().filter_map(|(id, position)| position.unit(id, known.get(id))).collect()
    }
}

impl Position {
    fn unit(&self, id: &str, known: Option<&Unit>) -> Option<Unit> {
        let [Some((lon, lon_us)), Some((lat, lat_us)), heading, state, stale_at] = self.values else { return None };
        let time_us = [heading, state].into_iter().flatten().fold(lon_us.max(lat_us), |time, (_, t)| time.max(t));
        // What is said of an older place doesn't hold for this one.
        let stale_at = stale_at.filter(|(_, t)| *t == time_us).and_then(|(s, _)| DateTime::from_timestamp_micros((s * 1e6).round() as i64));
        let Description { call_sign, domain, kind } =
            self.description.clone().or_else(|| known.map(Description::of)).unwrap_or_else(|| {
                // Kept before descriptions were, and not heard of since: its place is known, its domain is a guess.
                Description { call_sign: id.to_owned(), domain: Domain::PublicOrder, kind: String::new() }
            });
        Some(Unit {
            id: id.to_owned(),
            call_sign,
            domain,
            kind,
            state: state.and_then(|(s, _)| STATES.get(s as usize)).copied().unwrap_or(UnitState::Available),
            lon,
            lat,
            heading_deg: heading.map_or(0.0, |(h, _)| h),
            seen_at: DateTime::from_timestamp_micros(time_us)?,
            stale_at,
            // What its source says of it now is not what it said then.
            details: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(s)
    }

    fn unit(s: i64, stale_at: Option<i64>) -> Unit {
        let json = serde_json::json!({"id": "u", "call_sign": "苏N1234警", "domain": "traffic", "kind": "patrol_car", "state": "en_route",
            "lon": 118.25, "lat": 33.5, "heading_deg": 90.0, "seen_at": at(s), "stale_at": stale_at.map(at)});
        serde_json::from_value(json).unwrap()
    }

    /// What the history tells of positions: the last description, and the newest of each series.
    fn positions(units: &[Unit], described: bool) -> Positions {
        let (mut tracks, mut datastreams, mut readings) = (Tracks::default(), Vec::new(), Vec::new());
        units.iter().for_each(|unit| tracks.take(unit, unit.seen_at, &mut datastreams, &mut readings));
        let mut positions = Positions::default();
        for Reading { observation: o, received_at } in readings {
            let mut of = datastreams.iter().rfind(|d| d.id == o.datastream).unwrap().clone();
            if !described {
                of.unit = String::new();
            }
            let (time_us, received_us) = (o.phenomenon_time.timestamp_micros(), received_at.timestamp_micros());
            let series = crate::history::Series(0);
            assert!(positions.take(&of, &Sample { series, time_us, start: None, received_us, value: o.value, quality: o.quality }));
        }
        positions
    }

    #[test]
    fn a_unit_of_the_past_is_told_also_by_a_hub_that_has_not_heard_of_it() {
        let then = unit(60, Some(960));
        let told = positions(std::slice::from_ref(&then), true).units(&BTreeMap::new());
        assert_eq!(told, std::slice::from_ref(&then));
        assert!(!told[0].is_stale(at(959)) && told[0].is_stale(at(960)), "it holds as long as its source said");
        // As the positions of earlier hubs were kept.
        let bare = positions(std::slice::from_ref(&then), false);
        let told = bare.units(&BTreeMap::new());
        assert_eq!((told[0].call_sign.as_str(), told[0].lon, told[0].state), ("u", 118.25, UnitState::EnRoute));
        let now = Unit { lon: 0.0, state: UnitState::OffDuty, details: Some("now".into()), ..unit(5_000, None) };
        assert_eq!(bare.units(&[("u".to_owned(), now)].into()), [then]);
    }

    #[test]
    fn how_long_an_older_place_held_is_not_said_of_a_newer_one() {
        let told = positions(&[unit(60, Some(10_000)), unit(70, None)], true).units(&BTreeMap::new());
        assert_eq!((told[0].seen_at, told[0].stale_at), (at(70), None));
    }

    #[test]
    fn a_unit_that_is_called_anew_is_described_anew() {
        let renamed = Unit { call_sign: "A7".into(), ..unit(70, None) };
        let told = positions(&[unit(60, None), renamed.clone(), renamed], true).units(&BTreeMap::new());
        assert_eq!(told[0].call_sign, "A7");
    }

    #[test]
    fn units_with_new_names_each_day_are_not_remembered_for_ever_and_those_that_come_again_are_described_again() {
        let (mut tracks, mut datastreams, mut readings) = (Tracks::default(), Vec::new(), Vec::new());
        let mut take = |day: i64, id: &str| {
            datastreams.clear();
            let unit = Unit { id: id.into(), ..unit(day * 86_400, None) };
            tracks.take(&unit, unit.seen_at, &mut datastreams, &mut readings);
            (tracks.told.len(), datastreams.len())
        };
        for day in 0..10 {
            for n in 0..20 {
                assert!(take(day, &format!("{day}/{n}")).0 <= 20);
            }
        }
        assert_eq!(take(10, "0/0").1, PROPERTIES.len());
        assert_eq!(take(10, "0/0").1, 0);
    }
}
