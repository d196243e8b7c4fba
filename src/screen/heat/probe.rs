//! A place somebody points at: value, error, and the sensors behind them.

use super::told::Told;
use super::{Seen, ShownHeat};
use crate::geo::Geodetic;
use crate::heat::Estimate;
use crate::model::heat::HeatConfig;
use crate::render::camera::SceneFrame;
use crate::render::tiles::CityTiles;
use crate::screen::overlay::Projector;
use crate::screen::session::{SceneInfo, Session};
use crate::screen::style;
use bevy::math::DVec2;
use bevy::prelude::*;
use bevy_egui::egui::{Painter, Stroke};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Instant;

/// Where this screen's person points; of this screen alone.
#[derive(Resource, Default)]
pub struct HeatProbe {
    pub at: Option<Geodetic>,
    /// What is known there, anew with each field.
    pub known: Option<Probed>,
    /// What the hub told of the sensors behind it.
    told: Told,
}

impl HeatProbe {
    /// Points there from the beginning, or nowhere yet.
    pub fn at(at: Option<Geodetic>) -> Self {
        Self { at, ..Self::default() }
    }
}

/// What is known of a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// `None` where no sensor informs the place.
    pub estimate: Option<Estimate>,
    /// How high over the ground it is, metres, where the layer is another at other heights.
    pub above_m: Option<f64>,
    /// The sensors behind it, the heaviest first.
    pub sensors: Vec<Neighbour>,
}

/// One of the sensors behind an estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    pub datastream: String,
    pub name: String,
    pub value: f64,
    /// Part of the estimate that is its, may lie a little below 0 (kriging).
    pub weight: f64,
    pub distance_m: f64,
    /// Its last hours as the hub and this screen know it, oldest first.
    pub series: Vec<(DateTime<Utc>, f64)>,
}

/// Sensors a card has room for.
const SENSORS_SHOWN: usize = 4;

/// Asks the field for the place that is pointed at, when either is another, and the hub for the series of the sensors behind it.
pub fn probe(
    shown: Res<ShownHeat>,
    seen: Res<Seen>,
    session: Res<Session>,
    scene: Res<SceneInfo>,
    frame: Res<SceneFrame>,
    mut city: ResMut<CityTiles>,
    mut probe: ResMut<HeatProbe>,
) {
    let now = session.scene_now();
    let known_then = session.world.view.as_ref().map(|v| v.clock.known()).unwrap_or_default();
    let anew = shown.is_changed() || probe.is_changed();
    let heat = shown.0.as_ref().and_then(|shown| scene.scene.heats.iter().find(|h| h.id == shown.id));
    let learnt = {
        // Asking is no change of the place.
        let HeatProbe { known, told, .. } = probe.bypass_change_detection();
        let hours = heat.map_or(0, HeatConfig::charted_hours);
        let sensors: Vec<&str> = known.iter().flat_map(|k| &k.sensors).map(|s| s.datastream.as_str()).collect();
        told.follow(&sensors, (now, known_then), TimeDelta::hours(hours.into()), Instant::now(), |path| session.fetch(path))
    };
    if !anew && !learnt {
        return;
    }
    let known = shown.0.as_ref().zip(probe.at).map(|(shown, at)| {
        let enu = frame.0.geodetic_to_enu(at);
        // A place that is given without a height is the ground's.
        let ground_m = city.bypass_change_detection().ground_m(&frame, at.lon_deg(), at.lat_deg());
        let above_m = ground_m.map_or(0.0, |ground| (at.height_m - ground).max(0.0));
        let estimate = shown.layer.at(DVec2::new(enu.x, enu.y), above_m);
        let above_m = (shown.layer.levels.heights_m().len() > 1).then_some(above_m);
        let shares = estimate.iter().flat_map(|e| e.shares.iter().take(SENSORS_SHOWN));
        let sensors = shares.filter_map(|share| {
            let id = shown.streams.get(share.sample as usize)?;
            let stream = session.world.datastreams.get(id)?;
            let value = *shown.values.get(share.sample as usize)?;
            let (name, series) = (stream.sensor.clone(), probe.told.of(id, now, &seen));
            Some(Neighbour { datastream: id.clone(), name, value, weight: share.weight, distance_m: share.distance_m, series })
        });
        Probed { sensors: sensors.collect(), estimate, above_m }
    });
    if probe.known != known {
        probe.known = known;
    }
}

/// A ring where the person points.
pub fn draw_mark(painter: &Painter, projector: &Projector, at: Geodetic, radius: f32) {
    let Some(spot) = projector.spot(at.lon_deg(), at.lat_deg(), at.height_m) else { return };
    let place = projector.place(&spot);
    if projector.screen.contains(place) {
        painter.circle_stroke(place, radius, Stroke::new(radius * 0.5, style::PANEL));
        painter.circle_stroke(place, radius, Stroke::new((radius * 0.25).max(1.5), style::TEXT));
    }
}
