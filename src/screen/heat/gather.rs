//! Which readings, or which incidents, make a layer. Pure.

use super::means::Told;
use crate::geo::{Geodetic, LocalFrame};
use crate::heat::patches::Patch;
use crate::heat::{Input, LeftOut, Point, RollCall};
use crate::link::WorldState;
use crate::model::heat::{HeatConfig, HeatMethod};
use crate::screen::overlay::labels::AreaBorder;
use bevy::math::DVec2;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// What a layer is made of, and who was called for it.
#[derive(Clone, Debug)]
pub struct Gathered {
    pub input: Input,
    pub roll: RollCall,
    /// Datastreams of the points, in their order; empty for incidents.
    pub streams: Arc<Vec<String>>,
}

/// Goes through sensors or incidents as of `now`; `means`: what the hub told where the layer shows means.
pub fn gather(
    config: &HeatConfig,
    (world, means): (&WorldState, Option<&Told>),
    areas: &[AreaBorder],
    frame: &LocalFrame,
    now: DateTime<Utc>,
) -> Gathered {
    let on_ground = |lon: f64, lat: f64| {
        let enu = frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        DVec2::new(enu.x, enu.y)
    };
    let mut input = Input { frame: *frame, points: Vec::new(), left_out_m: Vec::new(), areas: Vec::new() };
    let (mut roll, mut streams) = (RollCall::default(), Vec::new());
    if let Some(filter) = &config.incidents {
        for incident in world.incidents.values().filter(|i| filter.takes(i)) {
            roll.present += 1;
            roll.newest = roll.newest.max(Some(incident.reported_at));
            let (lon, lat) = (incident.lon, incident.lat);
            input.points.push(Point { at_m: on_ground(lon, lat), height_m: 0.0, lon, lat, value: 1.0 });
        }
    } else {
        let stale_after = TimeDelta::minutes(i64::from(config.stale_after_min));
        for stream in world.datastreams.values().filter(|d| d.observed_property == config.observed_property) {
            let (lon, lat) = (stream.lon, stream.lat);
            let called = match (config.mean_h, means) {
                (None, _) => roll.call(world.observations.get(&stream.id), now, stale_after),
                (Some(_), Some(means)) => roll.call_mean(means.of(&stream.id), means.until()),
                (Some(_), None) => roll.call_mean(None, now),
            };
            match called {
                Ok(value) => {
                    streams.push(stream.id.clone());
                    input.points.push(Point { at_m: on_ground(lon, lat), height_m: stream.height_m, lon, lat, value });
                }
                Err(LeftOut::Flagged | LeftOut::Stale | LeftOut::Silent | LeftOut::Scarce) => {
                    input.left_out_m.push(on_ground(lon, lat).extend(stream.height_m))
                }
            }
        }
    }
    if config.method == HeatMethod::Areas {
        let border =
            |a: &AreaBorder| Patch { rings_m: a.rings.iter().map(|r| open_ring(r).map(|p| on_ground(p[0], p[1])).collect()).collect() };
        input.areas = areas.iter().filter(|a| a.level == config.level).map(border).collect();
    }
    Gathered { input, roll, streams: Arc::new(streams) }
}

/// GeoJSON repeats the first point at the end.
fn open_ring(ring: &[[f64; 2]]) -> impl Iterator<Item = &[f64; 2]> {
    let closed = ring.len() > 1 && ring.first() == ring.last();
    ring.iter().take(ring.len() - usize::from(closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::{Datastream, Observation, Quality};

    #[test]
    fn sensors_of_the_property_are_called_and_those_left_out_keep_their_place() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut world = WorldState::default();
        for (id, property, age_min, quality) in [
            ("a", "pm2_5", Some(5), Quality::Good),
            ("b", "pm2_5", Some(500), Quality::Good),
            ("c", "noise", Some(5), Quality::Good),
            ("d", "pm2_5", None, Quality::Good),
            ("e", "pm2_5", Some(1), Quality::Suspect),
        ] {
            let stream = Datastream {
                id: id.into(),
                feed: "f".into(),
                sensor: id.into(),
                observed_property: property.into(),
                unit: "u".into(),
                lon: 118.25,
                lat: 33.98,
                height_m: 0.0,
            };
            world.datastreams.insert(id.into(), stream);
            if let Some(age) = age_min {
                let time = now - TimeDelta::minutes(age);
                world.observations.insert(
                    id.into(),
                    Observation { datastream: id.into(), phenomenon_time: time, phenomenon_start: None, value: 7.0, quality },
                );
            }
        }
        let config: HeatConfig = toml::from_str("id = 'h'\nname = 'h'\nobserved_property = 'pm2_5'\nrange = [0, 1]").unwrap();
        let frame = LocalFrame::new(Geodetic::from_degrees(118.25, 33.98, 0.0));
        let gathered = gather(&config, (&world, None), &[], &frame, now);
        assert_eq!((gathered.input.points.len(), gathered.input.left_out_m.len()), (1, 3));
        assert_eq!((gathered.streams.as_slice(), gathered.roll.silent), (["a".to_owned()].as_slice(), 1));
    }
}
