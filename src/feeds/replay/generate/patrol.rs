//! Units that move: patrol loops near home, to an incident and back.

use super::own;
use crate::geo::{Geodetic, LocalFrame};
use crate::model::incident::{Domain, Report};
use crate::model::unit::{Unit, UnitState};
use chrono::{DateTime, Utc};
use glam::{DVec2, DVec3, dvec2};

/// Simulated time between two positions of a moving unit, seconds.
pub const STEP_S: i64 = 2;
/// Steps after which a unit that stands says so again.
const STANDING_EVERY: u64 = 15;
/// Nobody is sent farther than this, metres.
const CALL_M_MAX: f64 = 12_000.0;

/// All units of the city.
pub struct Patrol {
    frame: LocalFrame,
    units: Vec<Moving>,
    steps: u64,
}

struct Moving {
    unit: Unit,
    at: DVec2,
    /// Corners of the way; a loop is walked round and round.
    way: Vec<DVec2>,
    next: usize,
    duty: Duty,
    /// 0..1, its own.
    own: f64,
}

enum Duty {
    Off,
    Loop,
    /// On the way; how many steps it will stay.
    Called {
        stay: u64,
    },
    OnScene {
        left: u64,
    },
    Return,
}

impl Patrol {
    pub fn new(seed: u64, frame: LocalFrame, units: Vec<Unit>) -> Self {
        let place = |u: &Unit| frame.geodetic_to_enu(Geodetic::from_degrees(u.lon, u.lat, 0.0)).truncate();
        let units = units.into_iter().map(|unit| Moving::new(place(&unit), own(seed, &unit.id), unit)).collect();
        Self { frame, units, steps: 0 }
    }

    /// Sends the nearest free unit of the incident's domain there.
    pub fn call(&mut self, report: &Report) {
        let to = self.frame.geodetic_to_enu(Geodetic::from_degrees(report.lon, report.lat, 0.0)).truncate();
        let free = self.units.iter_mut().filter(|m| m.is_free(report.domain) && m.at.distance(to) < CALL_M_MAX);
        if let Some(nearest) = free.min_by(|a, b| a.at.distance(to).total_cmp(&b.at.distance(to))) {
            nearest.go(to);
        }
    }

    /// One step on; returns the units that have something to say.
    pub fn step(&mut self, now: DateTime<Utc>) -> Vec<Unit> {
        self.steps += 1;
        let mut said = Vec::new();
        for (i, m) in self.units.iter_mut().enumerate() {
            let moved = m.step();
            if moved || (self.steps + i as u64).is_multiple_of(STANDING_EVERY) {
                said.push(m.said(&self.frame, now));
            }
        }
        said
    }

    /// Every unit, moving or not.
    pub fn all(&mut self, now: DateTime<Utc>) -> Vec<Unit> {
        let frame = self.frame;
        self.units.iter_mut().map(|m| m.said(&frame, now)).collect()
    }
}

impl Moving {
    fn new(home: DVec2, own: f64, unit: Unit) -> Self {
        let duty = if unit.state == UnitState::OffDuty { Duty::Off } else { Duty::Loop };
        // A block or a few, turned a little as street grids are.
        let (w, h) = (250.0 + 700.0 * own, 250.0 + 700.0 * (own * 7.0).fract());
        let turn = DVec2::from_angle((own - 0.5) * 0.4);
        let way = [dvec2(0.0, 0.0), dvec2(w, 0.0), dvec2(w, h), dvec2(0.0, h)].map(|c| home + turn.rotate(c)).to_vec();
        Self { unit, at: home, way, next: 1, duty, own }
    }

    fn is_free(&self, domain: Domain) -> bool {
        self.unit.domain == domain && matches!(self.duty, Duty::Loop | Duty::Return)
    }

    /// Metres a second: on foot or by wheel, faster when called.
    fn speed_m_s(&self) -> f64 {
        let on_foot = ["officer", "foot", "worker", "cleaner", "inspector", "volunteer"].iter().any(|k| self.unit.kind.contains(k));
        match (on_foot, &self.duty) {
            (_, Duty::Off | Duty::OnScene { .. }) => 0.0,
            (true, Duty::Called { .. }) => 2.4,
            (true, _) => 1.3,
            (false, Duty::Called { .. }) => 15.0,
            (false, _) => 6.0 + 3.0 * self.own,
        }
    }

    /// Along streets: first east or west, then north or south.
    fn go(&mut self, to: DVec2) {
        self.way.truncate(4);
        self.way.extend([dvec2(to.x, self.at.y), to]);
        self.next = 4;
        self.duty = Duty::Called { stay: 150 + (self.own * 300.0) as u64 };
    }

    fn step(&mut self) -> bool {
        if let Duty::OnScene { left } = &mut self.duty {
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            let home = self.way[0];
            self.way.truncate(4);
            self.way.extend([dvec2(home.x, self.at.y), home]);
            self.next = 4;
            self.duty = Duty::Return;
        }
        let mut left_m = self.speed_m_s() * STEP_S as f64;
        // At most as many corners as there are, whatever the speed.
        for _ in 0..self.way.len() {
            if left_m <= 0.0 {
                break;
            }
            let to = self.way[self.next];
            let way_m = self.at.distance(to);
            if way_m > left_m {
                self.head(to);
                self.at = self.at.move_towards(to, left_m);
                return true;
            }
            self.at = to;
            left_m -= way_m;
            if !self.turn_corner() {
                return true;
            }
        }
        left_m > 0.0 || self.speed_m_s() > 0.0
    }

    /// What comes after this corner; `false` when the unit has arrived where it stays.
    fn turn_corner(&mut self) -> bool {
        self.next += 1;
        match self.duty {
            Duty::Called { stay } if self.next == self.way.len() => {
                self.duty = Duty::OnScene { left: stay };
                false
            }
            Duty::Return if self.next == self.way.len() => {
                self.way.truncate(4);
                self.next = 1;
                self.duty = Duty::Loop;
                true
            }
            Duty::Called { .. } | Duty::Return => true,
            _ => {
                self.next %= 4;
                true
            }
        }
    }

    fn head(&mut self, to: DVec2) {
        let d = to - self.at;
        self.unit.heading_deg = (d.x.atan2(d.y).to_degrees().rem_euclid(360.0) * 10.0).round() / 10.0;
    }

    fn said(&mut self, frame: &LocalFrame, now: DateTime<Utc>) -> Unit {
        let place = frame.enu_to_geodetic(DVec3::new(self.at.x, self.at.y, 0.0));
        // A decimetre; more digits would claim what no receiver measures.
        let round = |deg: f64| (deg * 1e6).round() / 1e6;
        self.unit.lon = round(place.lon_deg());
        self.unit.lat = round(place.lat_deg());
        self.unit.seen_at = now;
        self.unit.state = match self.duty {
            Duty::Off => UnitState::OffDuty,
            Duty::Loop | Duty::Return => UnitState::Available,
            Duty::Called { .. } => UnitState::EnRoute,
            Duty::OnScene { .. } => UnitState::OnScene,
        };
        self.unit.clone()
    }
}
