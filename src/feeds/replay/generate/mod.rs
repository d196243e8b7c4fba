//! A generated journal: readings, incidents and positions of a [`City`], the same again from the same seed and time.

mod curves;
mod patrol;

use super::city::City;
use crate::feeds::journal::{Entry, What};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, TimeDelta, Utc};
use curves::{Field, Place};
use patrol::{Patrol, STEP_S};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Incidents of the last hours are there when the platform starts.
const INCIDENTS_BEFORE: TimeDelta = TimeDelta::hours(9);
/// Readings of the last hour are there when it starts.
const READINGS_BEFORE: TimeDelta = TimeDelta::hours(1);
/// Units have been on the move for so long when it starts.
const PATROL_BEFORE: TimeDelta = TimeDelta::minutes(20);

/// Makes entries as time goes on.
pub struct Generator {
    city: City,
    field: Field,
    places: Vec<Place>,
    periods_s: Vec<i64>,
    /// Next reading of each sensor: Unix milliseconds, sensor.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    patrol: Patrol,
    zone: TimeDelta,
    now: DateTime<Utc>,
    next_step: DateTime<Utc>,
}

impl Generator {
    /// A generator that goes on from `start`, and what is there already then (all with `t` = `start`).
    pub fn new(city: City, seed: u64, start: DateTime<Utc>) -> (Self, Vec<Entry>) {
        let frame = LocalFrame::new(middle(&city));
        // Clocks follow the sun: 15 degrees an hour.
        let zone_h = (middle(&city).lon_deg() / 15.0).round();
        let places = city.sensors.iter().map(|s| place(seed, &frame, s)).collect();
        let periods_s: Vec<i64> = city.sensors.iter().map(|s| 10 + (own(seed ^ 1, &s.id) * 51.0) as i64).collect();
        let patrol = Patrol::new(seed, frame, city.units.clone());
        let zone = TimeDelta::hours(zone_h as i64);
        let now = start - READINGS_BEFORE.max(INCIDENTS_BEFORE).max(PATROL_BEFORE);
        let field = Field::new(seed, zone_h);
        let mut g = Self { city, field, places, periods_s, due: BinaryHeap::new(), patrol, zone, now, next_step: start - PATROL_BEFORE };
        let from_ms = (start - READINGS_BEFORE).timestamp_millis();
        for (i, sensor) in g.city.sensors.iter().enumerate() {
            let period_ms = g.periods_s[i] * 1000;
            let phase_ms = (own(seed ^ 2, &sensor.id) * period_ms as f64) as i64;
            let first = from_ms - (from_ms - phase_ms).rem_euclid(period_ms) + period_ms;
            g.due.push(Reverse((first, i)));
        }
        let mut there: Vec<Entry> = g.city.sensors.iter().map(|s| Entry { t: start, what: What::Datastream(s.clone()) }).collect();
        // Old positions are nobody's news; one of each unit is.
        let before = g.until(start).into_iter().filter(|e| !matches!(e.what, What::Unit(_)));
        there.extend(before.map(|e| Entry { t: start, ..e }));
        there.extend(g.patrol.all(start).into_iter().map(|u| Entry { t: start, what: What::Unit(u) }));
        (g, there)
    }

    /// Everything after the last call and up to `to`, by time.
    pub fn until(&mut self, to: DateTime<Utc>) -> Vec<Entry> {
        let incidents = self.incidents(self.now, to);
        let mut out = self.readings(to);
        // At the start, units answer only calls since they are on the move.
        let on_the_move = self.next_step - TimeDelta::seconds(STEP_S);
        let mut called = incidents.iter().filter(|r| r.reported_at.is_some_and(|t| t > on_the_move)).peekable();
        while self.next_step <= to {
            let now = self.next_step;
            while let Some(report) = called.next_if(|r| r.reported_at.is_some_and(|t| t <= now)) {
                self.patrol.call(report);
            }
            out.extend(self.patrol.step(now).into_iter().map(|u| Entry { t: now, what: What::Unit(u) }));
            self.next_step += TimeDelta::seconds(STEP_S);
        }
        called.for_each(|report| self.patrol.call(report));
        out.extend(incidents.into_iter().filter_map(|r| Some(Entry { t: r.reported_at?, what: What::Incident(r) })));
        out.sort_by_key(|e| e.t);
        self.now = self.now.max(to);
        out
    }

    fn readings(&mut self, to: DateTime<Utc>) -> Vec<Entry> {
        let mut out = Vec::new();
        while let Some(&Reverse((ms, i))) = self.due.peek().filter(|d| d.0.0 <= to.timestamp_millis()) {
            self.due.pop();
            self.due.push(Reverse((ms + self.periods_s[i] * 1000, i)));
            let Some(t) = DateTime::from_timestamp_millis(ms) else { continue };
            let Datastream { id, observed_property, .. } = &self.city.sensors[i];
            let value = self.field.value(observed_property, &self.places[i], ms as f64 / 1000.0);
            out.push(Entry { t, what: What::Observation(Observation::new(id.clone(), t, value)) });
        }
        out
    }

    /// Incidents after `from` and up to `to`, by time; the plan repeats every local day.
    fn incidents(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Report> {
        let mut out = Vec::new();
        let mut day = (from + self.zone).date_naive();
        while day <= (to + self.zone).date_naive() {
            let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc() - self.zone;
            let name = day.format("%Y%m%d").to_string();
            for planned in &self.city.incidents {
                let t = midnight + TimeDelta::milliseconds((planned.offset_s.rem_euclid(86_400.0) * 1000.0) as i64);
                if t > from && t <= to {
                    out.push(planned.report(&name, t));
                }
            }
            let Some(next) = day.succ_opt() else { break };
            day = next;
        }
        out.sort_by_key(|r| r.reported_at);
        out
    }
}

/// The middle of everything in the city.
fn middle(city: &City) -> Geodetic {
    let sensors = city.sensors.iter().map(|s| (s.lon, s.lat));
    let all: Vec<_> =
        sensors.chain(city.units.iter().map(|u| (u.lon, u.lat))).chain(city.incidents.iter().map(|i| (i.lon, i.lat))).collect();
    let n = all.len().max(1) as f64;
    let (lon, lat) = all.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / n, sum.1 + p.1 / n));
    Geodetic::from_degrees(lon, lat, 0.0)
}

fn place(seed: u64, frame: &LocalFrame, s: &Datastream) -> Place {
    let enu = frame.geodetic_to_enu(Geodetic::from_degrees(s.lon, s.lat, 0.0));
    Place { east_m: enu.x, north_m: enu.y, height_m: s.height_m, busy: own(seed ^ 3, &s.id), own: own(seed ^ 4, &s.id) }
}

/// A number in 0..1 of its own for each seed and name. FNV-1a and the finish of splitmix64: the same on every machine and version.
fn own(seed: u64, name: &str) -> f64 {
    let mut h = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::replay::fixture;

    fn start() -> DateTime<Utc> {
        "2026-05-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_same_seed_and_start_give_the_same_journal_however_it_is_cut() {
        let run = |cuts: i64| {
            let (mut g, mut all) = Generator::new(fixture::city(), 7, start());
            for i in 1..=cuts {
                all.extend(g.until(start() + TimeDelta::seconds(600 * i / cuts)));
            }
            all
        };
        let one = run(1);
        assert!(one.len() > 1000);
        assert_eq!(one, run(200));
    }

    #[test]
    fn incidents_return_each_day_under_new_ids_and_past_ones_are_there() {
        let (mut g, there) = Generator::new(fixture::city(), 7, start());
        let ids = |entries: Vec<Entry>| -> Vec<String> {
            entries.into_iter().filter_map(|e| if let What::Incident(r) = e.what { Some(r.id) } else { None }).collect()
        };
        // The fixture's incidents are planned for 6, 7 and 9 o'clock; it starts at 8 local time.
        assert_eq!(ids(there), ["i0-20260501", "i1-20260501"]);
        assert_eq!(ids(g.until(start() + TimeDelta::hours(24))), ["i2-20260501", "i0-20260502", "i1-20260502"]);
    }

    #[test]
    fn units_move_without_jumps_and_one_answers_a_call() {
        let (mut g, _) = Generator::new(fixture::city(), 7, start());
        let mut last = std::collections::HashMap::<String, (f64, f64)>::new();
        let mut states = std::collections::HashSet::new();
        for e in g.until(start() + TimeDelta::hours(2)) {
            let What::Unit(u) = e.what else { continue };
            states.insert(format!("{:?}", u.state));
            if let Some((lon, lat)) = last.insert(u.id.clone(), (u.lon, u.lat)) {
                let m = ((u.lon - lon) * 92_000.0).hypot((u.lat - lat) * 111_000.0);
                assert!(m < 40.0, "{} jumped {m} m", u.id);
            }
        }
        assert!(states.contains("EnRoute") && states.contains("OnScene") && states.contains("Available"), "{states:?}");
    }
}
