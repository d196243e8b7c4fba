//! What the hub holds, to others in the open standards: SensorThings (`/sta/v1.1`), OGC API Features (`/ogc/features`), GeoJSON as
//! server-sent events (`/stream`), Open311 (`/open311/v2`), EIDO (`/eido/incidents`), and a catalogue of all of it (`/catalogue`).
//!
//! Everything is read from the hub's `World` in small pieces, so that no answer holds up the feeds; the one thing that can be written,
//! an Open311 request, becomes an incident by the same road as a screen's report. Each standard is a folder or a file of its own and a
//! few routes here; taking it away takes away nothing else.

mod address;
mod areas;
mod catalogue;
mod door;
mod eido;
mod features;
mod open311;
mod past;
mod pieces;
mod sensorthings;
mod stream;

use super::core::Core;
use axum::Router;
use axum::middleware;
use axum::routing::get;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// What the standards share beside the hub's core.
pub struct Standards {
    core: Arc<Core>,
    sensors: sensorthings::Sensors,
    areas: areas::Areas,
    unit_news: stream::UnitNews,
    streams_open: Arc<tokio::sync::Semaphore>,
    started_at: DateTime<Utc>,
}

type Shared = axum::extract::State<Arc<Standards>>;

/// All routes, behind the hub's token where it has one.
pub fn router<S: Clone + Send + Sync + 'static>(core: Arc<Core>) -> Router<S> {
    let standards = Arc::new(Standards {
        areas: areas::Areas::new(core.scene.city_data_dir()),
        sensors: sensorthings::Sensors::default(),
        unit_news: stream::UnitNews::default(),
        streams_open: Arc::new(tokio::sync::Semaphore::new(stream::STREAMS_MAX)),
        started_at: Utc::now(),
        core: core.clone(),
    });
    Router::new()
        .route("/sta/v1.1", get(sensorthings::service_root))
        .route("/sta/v1.1/", get(sensorthings::service_root))
        .route("/sta/v1.1/{*path}", get(sensorthings::answer))
        .route("/stream/incidents", get(stream::incidents))
        .route("/stream/units", get(stream::units))
        .merge(features::routes())
        .merge(eido::routes())
        .merge(catalogue::routes())
        .layer(middleware::from_fn_with_state(core.clone(), super::http::with_token))
        // Where the token may also come as `api_key`, in a form too.
        .merge(open311::routes())
        .layer(door::cors(core))
        .with_state(standards)
}
