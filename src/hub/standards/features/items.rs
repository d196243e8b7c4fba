//! Features of the collections, out of the hub's world and the city's data.

use super::Collection;
use super::query::{ItemQuery, halves};
use crate::hub::standards::Standards;
use crate::hub::standards::areas::{Area, placed};
use crate::hub::standards::pieces::each;
use crate::model::geojson::{alert_feature, incident_feature, sensor_feature, unit_feature};
use crate::model::incident::Incident;
use chrono::{DateTime, Utc};
use geo::{Intersects, Rect, coord};
use serde_json::Value;

/// A page, and how many meet the query in all.
#[derive(Default)]
pub struct Page {
    pub features: Vec<Value>,
    pub matched: usize,
}

impl Page {
    fn take(&mut self, query: &ItemQuery, feature: impl FnOnce() -> Value) {
        // Only to compare properties must the feature be made.
        if !query.properties.is_empty() {
            let feature = feature();
            if query.meets_properties(&feature) {
                self.keep(query, || feature);
            }
        } else {
            self.keep(query, feature);
        }
    }

    fn keep(&mut self, query: &ItemQuery, feature: impl FnOnce() -> Value) {
        if self.matched >= query.offset && self.features.len() < query.limit {
            self.features.push(feature());
        }
        self.matched += 1;
    }
}

pub fn page(collection: &Collection, standards: &Standards, query: &ItemQuery) -> Page {
    let mut page = Page::default();
    let mut take = |feature: &dyn Fn() -> Value| page.take(query, feature);
    let core = &standards.core;
    match collection.id {
        "incidents" => each(
            core,
            |w| &w.incidents,
            |_, i| {
                let (from, until) = span(&i);
                if query.meets_place(i.lon, i.lat) && query.meets_time(Some(from), until) {
                    take(&|| incident_feature(&i));
                }
                true
            },
        ),
        "units" => each(
            core,
            |w| &w.units,
            |_, u| {
                if query.meets_place(u.lon, u.lat) && query.meets_time(Some(u.seen_at), Some(u.seen_at)) {
                    take(&|| unit_feature(&u));
                }
                true
            },
        ),
        "sensors" => each(
            core,
            |w| &w.datastreams,
            |key, d| {
                if query.meets_place(d.lon, d.lat) {
                    let latest = core.world().observations.get(key).cloned();
                    let time = latest.as_ref().map(|o| o.phenomenon_time);
                    if query.meets_time(time, time) {
                        take(&|| sensor_feature(&d, latest.as_ref()));
                    }
                }
                true
            },
        ),
        "alerts" => each(
            core,
            |w| &w.alerts,
            |_, alert| {
                let feature = alert_feature(&alert);
                if query.meets_time(Some(alert.effective), alert.expires)
                    && placed(&feature).map_or(query.bbox.is_none(), |a| lies_in(&a, query))
                {
                    take(&|| feature.clone());
                }
                true
            },
        ),
        _ => {
            let read = standards.areas.read();
            read.areas.iter().filter(|a| lies_in(a, query)).for_each(|a| take(&|| a.feature.clone()));
        }
    }
    page
}

pub fn one(collection: &Collection, standards: &Standards, id: &str) -> Option<Value> {
    let core = &standards.core;
    match collection.id {
        "incidents" => core.world().incidents.get(id).map(incident_feature),
        "units" => core.world().units.get(id).map(unit_feature),
        "alerts" => core.world().alerts.get(id).map(alert_feature),
        "sensors" => {
            let world = core.world();
            world.datastreams.get(id).map(|d| sensor_feature(d, world.observations.get(id)))
        }
        _ => standards.areas.read().areas.iter().find(|a| a.id == id).map(|a| a.feature.clone()),
    }
}

/// From the report to its end; open ones go on.
fn span(incident: &Incident) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    (incident.reported_at, incident.state.is_ended().then_some(incident.updated_at))
}

fn lies_in(area: &Area, query: &ItemQuery) -> bool {
    let Some(bbox) = query.bbox else { return true };
    let [w, s, e, n] = area.bounds;
    let touches = |b: &[f64; 4]| w <= b[2] && e >= b[0] && s <= b[3] && n >= b[1];
    let inside = |b: &[f64; 4]| area.shape.intersects(&Rect::new(coord! { x: b[0], y: b[1] }, coord! { x: b[2], y: b[3] }));
    halves(bbox).iter().any(|half| touches(half) && inside(half))
}

/// What a collection covers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    pub count: usize,
    /// West, south, east, north, degrees.
    pub bounds: Option<[f64; 4]>,
    pub begin: Option<DateTime<Utc>>,
    /// `None`: still going on, or no times at all.
    pub end: Option<DateTime<Utc>>,
    /// Time of the newest change or reading.
    pub newest: Option<DateTime<Utc>>,
}

impl Extent {
    pub fn add_box(&mut self, bounds: [f64; 4]) {
        self.count += 1;
        self.widen(bounds);
    }

    fn widen(&mut self, [w, s, e, n]: [f64; 4]) {
        let [a, b, c, d] = self.bounds.unwrap_or([w, s, e, n]);
        self.bounds = Some([a.min(w), b.min(s), c.max(e), d.max(n)]);
    }

    pub fn add_point(&mut self, lon: f64, lat: f64) {
        self.add_box([lon, lat, lon, lat]);
    }

    pub fn add_time(&mut self, at: DateTime<Utc>) {
        self.cover(at);
        self.newest = self.newest.max(Some(at));
    }

    fn cover(&mut self, at: DateTime<Utc>) {
        self.begin = Some(self.begin.map_or(at, |b| b.min(at)));
        self.end = self.end.max(Some(at));
    }
}

pub fn extent(collection: &Collection, standards: &Standards) -> Extent {
    let mut extent = Extent::default();
    let core = &standards.core;
    match collection.id {
        "incidents" => {
            let mut open = false;
            each(
                core,
                |w| &w.incidents,
                |_, i| {
                    extent.add_point(i.lon, i.lat);
                    extent.add_time(i.reported_at);
                    extent.add_time(i.updated_at);
                    open |= !i.state.is_ended();
                    true
                },
            );
            extent.end = extent.end.filter(|_| !open);
        }
        "units" => each(
            core,
            |w| &w.units,
            |_, u| {
                extent.add_point(u.lon, u.lat);
                extent.add_time(u.seen_at);
                true
            },
        ),
        "sensors" => {
            each(
                core,
                |w| &w.datastreams,
                |_, d| {
                    extent.add_point(d.lon, d.lat);
                    true
                },
            );
            each(
                core,
                |w| &w.observations,
                |_, o| {
                    extent.add_time(o.phenomenon_time);
                    true
                },
            );
        }
        "alerts" => each(
            core,
            |w| &w.alerts,
            |_, alert| {
                extent.count += 1;
                if let Some(placed) = placed(&alert_feature(&alert)) {
                    extent.widen(placed.bounds);
                }
                [Some(alert.effective), alert.expires].into_iter().flatten().for_each(|t| extent.cover(t));
                extent.newest = extent.newest.max(Some(alert.sent));
                true
            },
        ),
        _ => {
            let read = standards.areas.read();
            read.areas.iter().for_each(|a| extent.add_box(a.bounds));
            extent.newest = read.modified;
        }
    }
    extent
}
