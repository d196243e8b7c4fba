//! The platform's HTTP side: SensorThings below `/v1.1`, GeoJSON snapshots and event streams, CAP messages.

use super::control::{self, Asked, Change, Playing};
use super::lines::Line;
use super::sta::Store;
use super::warnings::Warnings;
use crate::ogc::sensorthings::{Answer, Answerer, Refusal};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;
use serde_json::json;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::CorsLayer;

/// Questions to the player that may wait.
const ASKED_MAX: usize = 16;

/// What HTTP reads and the player writes.
pub struct Shared {
    store: RwLock<Store>,
    pub incidents: Arc<Line>,
    pub units: Arc<Line>,
    pub alerts: Arc<Line>,
    pub warnings: Warnings,
    player: Sender<Asked>,
}

impl Shared {
    /// With where the player hears what is asked of it.
    pub fn new(run: &str) -> (Self, Receiver<Asked>) {
        let (player, asked) = channel(ASKED_MAX);
        let line = || Line::new(run);
        let warnings = Warnings::new(run);
        (Self { store: RwLock::default(), incidents: line(), units: line(), alerts: line(), warnings, player }, asked)
    }

    /// The store is consistent after every call, so a panic elsewhere doesn't spoil it.
    pub fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn store_mut(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    let compressed = DefaultPredicate::new().and(NotForContentType::SSE);
    Router::new()
        .route("/v1.1", get(service_root))
        .route("/v1.1/", get(service_root))
        .route("/v1.1/{*path}", get(sensorthings))
        .route("/incidents", get(|State(s): State<Arc<Shared>>| async move { geojson(s.incidents.snapshot()) }))
        .route("/units", get(|State(s): State<Arc<Shared>>| async move { geojson(s.units.snapshot()) }))
        .route("/alerts", get(|State(s): State<Arc<Shared>>| async move { geojson(s.alerts.snapshot()) }))
        .route("/alerts/stream", get(|State(s): State<Arc<Shared>>, headers| events(s.alerts.clone(), headers)))
        .route("/cap", get(|State(s): State<Arc<Shared>>| async move { xml("application/atom+xml", s.warnings.index()) }))
        .route("/cap/{message}", get(cap_message))
        .route(
            "/control",
            get(|State(s): State<Arc<Shared>>| async move { answer(control::ask(&s.player, Change::default()).await) }).post(change),
        )
        .route("/incidents/stream", get(|State(s): State<Arc<Shared>>, headers| events(s.incidents.clone(), headers)))
        .route("/units/stream", get(|State(s): State<Arc<Shared>>, headers| events(s.units.clone(), headers)))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "nothing here; see /v1.1, /incidents, /units, /alerts, /cap, /control") })
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(CorsLayer::permissive())
        .with_state(shared)
}

async fn events(line: Arc<Line>, headers: HeaderMap) -> Response {
    line.events(headers.get("last-event-id").and_then(|v| v.to_str().ok())).into_response()
}

async fn cap_message(State(shared): State<Arc<Shared>>, Path(message): Path<String>) -> Response {
    match shared.warnings.message(&message) {
        Some(cap) => xml("application/cap+xml", cap.to_string()),
        None => error(StatusCode::NOT_FOUND, "no such message, or one of before a jump in time; see /cap"),
    }
}

fn xml(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn change(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Change>(&body) {
        Ok(change) => answer(control::ask(&shared.player, change).await),
        Err(e) => error(
            StatusCode::BAD_REQUEST,
            &format!("{e}; write {{\"speed\": 10, \"paused\": false, \"seek\": \"2026-05-01T00:00:00Z\"}}, or some of it"),
        ),
    }
}

fn answer(asked: Result<Playing, (StatusCode, String)>) -> Response {
    match asked {
        Ok(playing) => axum::Json(playing).into_response(),
        Err((status, why)) => error(status, &why),
    }
}

async fn service_root(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let answerer = Answerer { source: &*shared.store(), root: &root(&headers), now_ms: 0 };
    axum::Json(answerer.service_root(&["receive-updates-via-mqtt/receive-updates"])).into_response()
}

async fn sensorthings(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    // An answer can take tens of milliseconds of pure work: not on the threads that serve the streams.
    let work = move || {
        let root = root(&headers);
        Answerer { source: &*shared.store(), root: &root, now_ms: Utc::now().timestamp_millis() }
            .answer(&path, query.as_deref().unwrap_or_default())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Answer::Json(json))) => axum::Json(json).into_response(),
        Ok(Ok(Answer::Text(text))) => text.into_response(),
        Ok(Err(refusal @ Refusal::NotFound(_))) => error(StatusCode::NOT_FOUND, &refusal.to_string()),
        Ok(Err(refusal @ Refusal::Bad(_))) => error(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Ok(Err(refusal @ Refusal::Failed(_))) => error(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
        Err(failure) => error(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}

/// As the client addressed us, so that links work through a proxy or another name.
fn root(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}/v1.1")
}

fn geojson(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/geo+json")], text).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"code": status.as_u16(), "type": "error", "message": message}))).into_response()
}
