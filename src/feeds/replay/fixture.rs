//! A tiny city for tests.

use super::city::{City, Planned};
use crate::model::incident::{Domain, Severity};
use crate::model::observation::Datastream;
use crate::model::unit::{Unit, UnitState};
use chrono::DateTime;

/// 12 sensors of three kinds, 6 units, 3 incidents at 6, 7 and 9 o'clock.
pub fn city() -> City {
    let at = |i: usize| (118.25 + 0.01 * (i % 4) as f64, 33.95 + 0.01 * (i / 4) as f64);
    let sensors = (0..12).map(|i| {
        let (lon, lat) = at(i);
        let (observed_property, unit) = [("pm2_5", "µg/m³"), ("noise", "dB"), ("water_level", "m")][i % 3];
        let (id, sensor, feed) = (format!("s{i}"), format!("Sensor {i}"), String::new());
        Datastream { id, feed, sensor, observed_property: observed_property.into(), unit: unit.into(), lon, lat, height_m: 3.0 }
    });
    let units = (0..6).map(|i| {
        let (lon, lat) = at(2 * i);
        let (domain, kind) = [(Domain::Traffic, "patrol_car"), (Domain::PublicOrder, "officer")][i % 2];
        let (id, call_sign, state) = (format!("u{i}"), format!("Unit {i}"), UnitState::Available);
        let (heading_deg, seen_at, stale_at, details) = (0.0, DateTime::UNIX_EPOCH, None, None);
        Unit { id, call_sign, domain, kind: kind.into(), state, lon, lat, heading_deg, seen_at, stale_at, details }
    });
    let incidents = [6.0, 7.0, 9.0].into_iter().enumerate().map(|(i, hour)| {
        let (lon, lat) = at(3 * i);
        Planned {
            id: format!("i{i}"),
            domain: Domain::Traffic,
            category: "traffic/collision".into(),
            severity: Severity::Minor,
            title: format!("事件 {i}"),
            title_en: format!("Incident {i}"),
            description: String::new(),
            lon,
            lat,
            offset_s: hour * 3600.0,
            area: None,
        }
    });
    City { sensors: sensors.collect(), units: units.collect(), incidents: incidents.collect(), left_out: Vec::new() }
}
