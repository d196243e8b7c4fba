//! Which readings make the heat layer that is shown.

use super::panels::HeatFacts;
use super::session::{SceneInfo, Session};
use crate::geo::Geodetic;
use crate::heat::{Idw, Sample};
use crate::model::observation::Quality;
use crate::render::camera::SceneFrame;
use crate::render::heat::HeatLayer;
use bevy::math::DVec2;
use bevy::prelude::*;
use chrono::TimeDelta;

/// The legend's figures of what is shown now: heat id and facts.
#[derive(Resource, Default)]
pub struct ShownHeat(pub Option<(String, HeatFacts)>);

/// Readings older than this are stale and left out of heat.
const STALE_AFTER: TimeDelta = TimeDelta::hours(1);
/// The field is computed anew at most this often, seconds.
const INTERVAL_S: f64 = 1.0;

/// Feeds the layer from the shared view and the latest readings.
pub fn feed(
    time: Res<Time>,
    session: Res<Session>,
    scene: Res<SceneInfo>,
    frame: Res<SceneFrame>,
    mut layer: ResMut<HeatLayer>,
    mut shown: ResMut<ShownHeat>,
    mut last: Local<Option<(f64, Option<String>)>>,
) {
    let on = |id: &str| session.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(false);
    let heat = scene.scene.heats.iter().find(|h| on(&h.id));
    let id = heat.map(|h| h.id.clone());
    let now_s = time.elapsed_secs_f64();
    if last.as_ref().is_some_and(|(at, before)| *before == id && now_s - at < INTERVAL_S) {
        return;
    }
    *last = Some((now_s, id));
    let Some(heat) = heat else {
        if layer.shown {
            layer.shown = false;
            shown.0 = None;
        }
        return;
    };
    let mut facts = HeatFacts::default();
    let mut samples = Vec::new();
    let now = session.scene_now();
    for stream in session.world.datastreams.values().filter(|d| d.observed_property == heat.observed_property) {
        let Some(o) = session.world.observations.get(&stream.id) else { continue };
        if o.quality != Quality::Good || now - o.phenomenon_time > STALE_AFTER {
            continue;
        }
        let at = frame.0.geodetic_to_enu(Geodetic::from_degrees(stream.lon, stream.lat, 0.0));
        samples.push(Sample { at_m: DVec2::new(at.x, at.y), value: o.value });
        facts.newest = facts.newest.max(Some(o.phenomenon_time));
    }
    facts.sensors = samples.len();
    let idw = Idw { power: f64::from(heat.power), reach_m: f64::from(heat.reach_m), neighbours: None };
    // Leave-one-out over every pair: bounded, since a thousand stations would take a frame.
    const MOST_FOR_ERROR: usize = 400;
    facts.rmse = (samples.len() <= MOST_FOR_ERROR).then(|| idw.leave_one_out_rmse(&samples)).flatten();
    let (low, high) = bounds(&samples, f64::from(heat.reach_m) * 2.0);
    let to = HeatLayer {
        shown: true,
        origin_m: low,
        size_m: high - low,
        range: heat.scale().ends(),
        power: heat.power,
        reach_m: heat.reach_m,
        samples,
    };
    layer.set_if_neq(to);
    shown.0 = Some((heat.id.clone(), facts));
}

/// Everything sensors inform, and as much again for the hatching to fade out.
fn bounds(samples: &[Sample], margin_m: f64) -> (DVec2, DVec2) {
    let start = (DVec2::splat(f64::INFINITY), DVec2::splat(f64::NEG_INFINITY));
    let (low, high) = samples.iter().fold(start, |(l, h), s| (l.min(s.at_m), h.max(s.at_m)));
    if samples.is_empty() { (DVec2::ZERO, DVec2::ONE) } else { (low - margin_m, high + margin_m) }
}
