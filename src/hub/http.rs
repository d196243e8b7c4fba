//! What the hub serves over HTTP: the web app, the city package, and its state as JSON.

use super::core::Core;
use super::upgrade::{NoWebSocket, Upgrade};
use super::{archive, events, hexagons, inlets, keys, means, past, series, socket, standards};
use crate::ogc::archive::is_archive;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{Any, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// What may be asked for under `/api/city/`.
const CITY_FILES: [&str; 6] = ["areas.geojson", "places.geojson", "roads.geojson", "units.geojson", "sensors.geojson", "marathon.gpx"];

type Hub = State<Arc<Core>>;

pub fn router(core: Arc<Core>) -> Router {
    let private = Router::new()
        .route("/api/incidents", get(incidents))
        .route("/api/incidents/{*id}", get(incident))
        .route("/api/feeds", get(feeds))
        .route("/api/screens", get(screens))
        .route("/api/at", get(past::at))
        .route("/api/series", get(series::series))
        .route("/api/hexagons", get(hexagons::hexagons))
        .route("/api/means", get(means::means))
        .route("/api/events", get(events::events))
        .route("/feeds/{id}", post(inlets::post).layer(DefaultBodyLimit::max(inlets::BODY_BYTES_MAX)))
        .layer(middleware::from_fn_with_state(core.clone(), with_token));
    // Open to pages of other servers (a map viewer, CesiumJS): nothing here is secret. State is not.
    let cors = CorsLayer::new().allow_origin(Any).allow_methods([Method::GET, Method::HEAD]).allow_headers(Any).expose_headers(Any);
    let open = Router::new()
        .route("/api/health", get(health))
        .route("/api/scene", get(scene))
        .route("/api/scenes", get(scenes))
        .nest_service("/package", files(core.scene.package_dir(), "city package", "build it with `yiping build`, or run scripts/demo"))
        .nest_service(
            "/api/city",
            only(&CITY_FILES, files(core.scene.city_data_dir(), "city data folder", "set `city_data` in the scene")),
        );
    let open = core.scene.scene.tilesets.iter().filter(|t| !t.is_remote()).fold(open, |open, tileset| {
        let folder = PathBuf::from(core.scene.tileset_address(tileset));
        open.nest_service(
            &format!("/tilesets/{}", tileset.id),
            files(Some(folder), "tileset", "name its folder with `source` in the scene"),
        )
    });
    let open = open.layer(cors);
    let web = files(core.web.clone(), "web app", "build it with `npm ci && npm run build` in web/, or name its folder with --web");
    Router::new()
        .route("/ws", get(ws))
        .merge(private)
        .merge(open)
        .merge(standards::router(core.clone()))
        .fallback_service(web)
        .layer(SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(compression())
        .with_state(core)
}

/// Text only: tiles are compressed already (meshopt), and a wall asks for hundreds of them at once. No events, which would wait for more.
fn compression() -> CompressionLayer<impl Predicate> {
    let tiles = NotForContentType::new("model/gltf-binary").and(NotForContentType::new("application/octet-stream"));
    CompressionLayer::new().compress_when(SizeAbove::new(1024).and(tiles).and(NotForContentType::IMAGES).and(NotForContentType::SSE))
}

/// Files of a folder with type, `Range`, `ETag`; a clear answer when folder or file is missing. `ServeDir` keeps paths inside.
fn files(dir: Option<PathBuf>, what: &'static str, mend: &'static str) -> Router {
    let Some(dir) = dir else {
        return Router::new().fallback(move || async move { missing(format!("this hub has no {what}; {mend}")) });
    };
    if is_archive(&dir) {
        return archive::files(dir, what, mend).layer(middleware::from_fn(|request: Request, next: Next| async move {
            let known: HeaderMap = request.headers().clone();
            with_etag(&known, next.run(request).await)
        }));
    }
    let shown = dir.display().to_string();
    let serve = ServeDir::new(&dir).call_fallback_on_method_not_allowed(false);
    Router::new().fallback_service(serve).layer(middleware::from_fn(move |request: Request, next: Next| {
        let (dir, shown) = (dir.clone(), shown.clone());
        async move {
            let path = request.uri().path().to_owned();
            let known: HeaderMap = request.headers().clone();
            let response = next.run(request).await;
            match response.status() {
                StatusCode::NOT_FOUND if !dir.is_dir() => missing(format!("the {what} {shown} is not there; {mend}")),
                StatusCode::NOT_FOUND => missing(format!("{path} is not in the {what}")),
                _ => with_etag(&known, response),
            }
        }
    }))
}

pub(super) fn missing(why: String) -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], why + "\n").into_response()
}

/// A tag of time and length; asked for again with the same tag, nothing is sent.
fn with_etag(asked: &HeaderMap, mut response: Response) -> Response {
    let of = |name: HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    // Of a part, the whole's length stands at the end of `content-range`.
    let length = of(header::CONTENT_RANGE).and_then(|r| r.rsplit('/').next().map(str::to_owned)).or_else(|| of(header::CONTENT_LENGTH));
    let (Some(modified), Some(length)) = (of(header::LAST_MODIFIED), length) else { return response };
    let Ok(seconds) = chrono::DateTime::parse_from_rfc2822(&modified).map(|t| t.timestamp()) else { return response };
    let etag = format!("W/\"{seconds:x}-{length}\"");
    let same = asked.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|v| v.split(',').any(|t| t.trim() == etag));
    if same && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    // A package may be built anew at any time: keep it, but ask.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Lets only these names through.
fn only(names: &'static [&'static str], files: Router) -> Router {
    files.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let name = request.uri().path().trim_start_matches('/').to_owned();
        if names.contains(&name.as_str()) { next.run(request).await } else { missing(format!("no city file {name}; there are {names:?}")) }
    }))
}

/// `Authorization: Bearer TOKEN` or `?token=TOKEN`, where the hub asks for a token.
pub(super) async fn with_token(State(core): Hub, request: Request, next: Next) -> Response {
    if core.may_enter(token_of(request.headers(), request.uri().query()).as_deref()) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, "this hub asks for its --token: Authorization: Bearer TOKEN\n").into_response()
    }
}

/// The token that came with a request.
pub(super) fn token_of(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let asked =
        || url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(k, _)| k == "token").map(|(_, v)| v.into_owned());
    bearer.map(str::to_owned).or_else(asked)
}

async fn ws(State(core): Hub, headers: HeaderMap, upgrade: Result<Upgrade, NoWebSocket>) -> Response {
    if core.token.is_none() && !same_house(&headers) {
        return (StatusCode::FORBIDDEN, "a page of another server may not open this hub without a token; start the hub with --token\n")
            .into_response();
    }
    match upgrade {
        Ok(upgrade) => upgrade.accept(move |socket| socket::serve(core, socket)),
        Err(wrong) => wrong.into_response(),
    }
}

/// Browsers let any page open a WebSocket to this machine: without a token, only pages of this hub or of this machine may.
pub(super) fn same_house(headers: &HeaderMap) -> bool {
    let of = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let Some(origin) = of(header::ORIGIN) else { return true };
    let host_of = |url: &str| url::Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned));
    let Some(origin) = host_of(origin) else { return false };
    let here = of(header::HOST).and_then(|h| host_of(&format!("http://{h}")));
    here.as_ref() == Some(&origin) || ["localhost", "127.0.0.1", "[::1]"].contains(&origin.as_str())
}

async fn health(State(core): Hub) -> Response {
    let screens = core.screens().len();
    let counts = {
        let world = core.world();
        let open = world.incidents.values().filter(|i| !i.state.is_ended()).count();
        json!({
            "incidents": world.incidents.len(), "open_incidents": open, "units": world.units.len(),
            "datastreams": world.datastreams.len(), "observations": world.observations.len(), "screens": screens,
        })
    };
    let store = match core.store.health().await {
        Ok(store) => store,
        Err(e) => return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ok": false, "error": e.to_string() }))).into_response(),
    };
    let history = match &core.history {
        None => Value::Null,
        Some(history) => history.health().await.map_or_else(|e| json!({ "error": e.to_string() }), |h| json!(h)),
    };
    Json(json!({
        "ok": true,
        "history": history,
        "version": env!("CARGO_PKG_VERSION"),
        "scene": core.scene.id,
        "hub": core.name,
        "revision": store.revision,
        "log_from": store.log_from,
        "uptime_s": core.started.elapsed().as_secs_f64(),
        "counts": counts,
    }))
    .into_response()
}

async fn scene(State(core): Hub) -> Json<Value> {
    reading(core, |core| core.scene.describe()).await
}

async fn scenes(State(core): Hub) -> Json<Value> {
    reading(core, |core| json!(core.scene.siblings())).await
}

/// Reads files off the runtime's threads.
async fn reading(core: Arc<Core>, read: impl FnOnce(&Core) -> Value + Send + 'static) -> Json<Value> {
    Json(tokio::task::spawn_blocking(move || read(&core)).await.unwrap_or(Value::Null))
}

async fn incidents(State(core): Hub) -> Json<Value> {
    let world = core.world();
    Json(json!({ "revision": world.revision, "incidents": world.incidents.values().collect::<Vec<_>>() }))
}

/// One incident with all its events.
async fn incident(State(core): Hub, Path(id): Path<String>) -> Response {
    let Some(incident) = core.world().incidents.get(&id).cloned() else { return missing(format!("there is no incident {id}")) };
    let mut events = Vec::new();
    for version in 1..=incident.version {
        match core.store.get(&keys::event(&id, version)).await {
            Ok(Some(entry)) => events.push(serde_json::from_slice(&entry.value).unwrap_or(Value::Null)),
            Ok(None) => {}
            Err(e) => return (StatusCode::SERVICE_UNAVAILABLE, e.to_string()).into_response(),
        }
    }
    Json(json!({ "incident": incident, "events": events })).into_response()
}

async fn feeds(State(core): Hub) -> Json<Value> {
    Json(json!(core.world().feeds.values().collect::<Vec<_>>()))
}

async fn screens(State(core): Hub) -> Json<Value> {
    Json(json!(core.screen_infos()))
}
