//! The heat layer that is shown: which readings make it, computed beside the thread that draws, with what legends and cards say of it.

mod gather;
mod means;
mod probe;
mod seen;
mod told;
mod worker;

pub use probe::{HeatProbe, Neighbour, Probed, draw_mark, probe};
pub use seen::Seen;

use super::overlay::labels::AreaBorder;
use super::session::{SceneInfo, Session};
use crate::heat::{Input, Layer, RollCall};
use crate::model::heat::{HeatConfig, HeatMethod};
use crate::render::camera::SceneFrame;
use crate::render::heat::{Field, HeatLayer};
use bevy::prelude::*;
use gather::Gathered;
use means::HeatMeans;
use std::sync::Arc;
use std::time::Instant;
use worker::Worker;

/// Borders of the scene's areas.
#[derive(Resource, Default)]
pub struct HeatAreas(pub Vec<AreaBorder>);

/// What is shown now; `None` without a heat layer.
#[derive(Resource, Default)]
pub struct ShownHeat(pub Option<Shown>);

/// A layer on the city, and what it is made of.
pub struct Shown {
    /// Of the heat in the scene.
    pub id: String,
    pub layer: Arc<Layer>,
    pub facts: HeatFacts,
    /// Datastreams of the layer's samples, in their order.
    pub streams: Arc<Vec<String>>,
    /// What each of them is shown with, in the layer's unit.
    pub values: Arc<Vec<f64>>,
}

/// The legend's figures of the heat layer that is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatFacts {
    /// Of its sensors; of incidents only how many and the newest.
    pub roll: RollCall,
    pub of_incidents: bool,
    /// How it was made, and why not as the scene asks.
    pub method: HeatMethod,
    pub note: Option<String>,
    /// Leave-one-out error, in the layer's unit.
    pub error: Option<f64>,
    /// Range of the variogram or width of the kernel, metres.
    pub range_m: Option<f64>,
    /// Why the hub told no means, or not all, where the layer shows means.
    pub trouble: Option<String>,
}

/// What is being computed, and of what the last field was.
#[derive(Resource)]
pub struct HeatWork {
    worker: Worker,
    means: HeatMeans,
    /// Of which heat, of what it was made.
    asked: Option<(String, Gathered)>,
    /// Whether a field of the layer that was asked for has come.
    has_field: bool,
    /// The hub has not told the means yet that the layer shows.
    awaits_means: bool,
    /// Seconds of the program when readings were last looked through.
    looked_s: f64,
}

impl Default for HeatWork {
    fn default() -> Self {
        Self {
            worker: Worker::default(),
            means: HeatMeans::default(),
            asked: None,
            has_field: false,
            awaits_means: false,
            looked_s: f64::NEG_INFINITY,
        }
    }
}

impl HeatWork {
    /// Whether the layer has a field. Where readings come every second there is always a newer one to come.
    pub fn is_quiet(&self) -> bool {
        self.has_field || !self.worker.is_busy() && !self.awaits_means
    }
}

/// Readings are looked through at most this often, seconds.
const INTERVAL_S: f64 = 1.0;

/// Feeds the layer from the shared view and the latest readings.
#[expect(clippy::too_many_arguments, reason = "a system's arguments are its inputs and outputs")]
pub fn feed(
    time: Res<Time>,
    session: Res<Session>,
    scene: Res<SceneInfo>,
    frame: Res<SceneFrame>,
    areas: Res<HeatAreas>,
    mut work: ResMut<HeatWork>,
    mut layer: ResMut<HeatLayer>,
    mut shown: ResMut<ShownHeat>,
    mut seen: ResMut<Seen>,
) {
    let on = |id: &str| session.world.view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(false);
    let Some(config) = scene.scene.heats.iter().find(|h| on(&h.id)) else {
        if layer.shown {
            layer.shown = false;
        }
        if shown.0.is_some() || work.asked.is_some() {
            (shown.0, work.asked) = (None, None);
        }
        return;
    };
    if let Some(done) = work.worker.poll() {
        take(config, done, &work, &mut layer, &mut shown);
        work.has_field = true;
    }
    let now_s = time.elapsed_secs_f64();
    let another = work.asked.as_ref().is_none_or(|(id, _)| *id != config.id);
    if work.worker.is_busy() || !another && now_s - work.looked_s < INTERVAL_S {
        return;
    }
    work.looked_s = now_s;
    work.has_field &= !another;
    seen.take_in(&session.world, &config.observed_property);
    let now = session.scene_now();
    let known = session.world.view.as_ref().map(|v| v.clock.known()).unwrap_or_default();
    work.means.follow(config, (now, known), Instant::now(), |path| session.fetch(path));
    work.awaits_means = config.mean_h.is_some() && !work.means.is_answered();
    if work.awaits_means {
        // The layer before it is not this one.
        if another && layer.shown {
            layer.shown = false;
            shown.0 = None;
        }
        return;
    }
    let gathered = gather::gather(config, (&session.world, work.means.told()), &areas.0, &frame.0, now);
    let trouble = config.mean_h.and_then(|_| work.means.trouble().map(str::to_owned));
    if another || work.asked.as_ref().is_none_or(|(_, before)| before.input != gathered.input) {
        work.worker.ask(config.clone(), gathered.input.clone());
        work.asked = Some((config.id.clone(), gathered));
    } else if let Some(shown) = shown.0.as_mut().filter(|s| s.facts.roll != gathered.roll || s.facts.trouble != trouble) {
        // The same readings, heard again.
        (shown.facts.roll, shown.facts.trouble) = (gathered.roll, trouble);
    }
}

fn take(config: &HeatConfig, done: Layer, work: &HeatWork, layer: &mut ResMut<HeatLayer>, shown: &mut ResMut<ShownHeat>) {
    // Of a layer that was switched off meanwhile.
    let Some((_, gathered)) = work.asked.as_ref().filter(|(id, _)| *id == config.id) else { return };
    let done = Arc::new(done);
    layer.set_if_neq(HeatLayer {
        shown: true,
        origin_m: done.grid.origin_m,
        size_m: done.grid.size_m,
        scale: config.scale(),
        ramp: config.ramp,
        field: field_of(config, &done, &gathered.input),
        levels: done.levels.clone(),
    });
    let facts = HeatFacts {
        roll: gathered.roll,
        of_incidents: config.incidents.is_some(),
        method: done.method,
        note: done.note.clone(),
        error: done.error,
        range_m: done.range_m,
        trouble: config.mean_h.and_then(|_| work.means.trouble().map(str::to_owned)),
    };
    let (streams, values) = (gathered.streams.clone(), gathered.input.points.iter().map(|p| p.value).collect());
    shown.0 = Some(Shown { id: config.id.clone(), layer: done, facts, streams, values: Arc::new(values) });
}

fn field_of(config: &HeatConfig, layer: &Layer, input: &Input) -> Field {
    match &layer.texels {
        Some(texels) => Field::Texels(texels.clone()),
        None => Field::Samples {
            samples: layer.samples().to_vec(),
            left_out_m: layer.left_out(input),
            power: config.power,
            reach_m: config.reach_m,
        },
    }
}
