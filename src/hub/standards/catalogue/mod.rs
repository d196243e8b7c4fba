//! Everything the hub holds, grouped as the resources of a city information model 时空信息: geospatial, thematic, sensing, online.
//!
//! `/catalogue` is JSON for programs and a page for people (by `Accept`; `/catalogue.json` and `/catalogue.html` say which). Each
//! resource tells its schema, extent, freshness and licence, and where it is served.

mod files;
mod geospatial;
mod licences;
mod online;
mod page;
mod resources;
mod sensing;
mod thematic;
mod tilesets;

use super::{Shared, Standards, address};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use chrono::Utc;
use resources::Catalogue;
use std::sync::Arc;

/// The page is text and a little style: no script, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

pub fn routes() -> Router<Arc<Standards>> {
    Router::new().route("/catalogue", get(by_accept)).route("/catalogue.json", get(json)).route("/catalogue.html", get(html))
}

async fn by_accept(state: Shared, query: RawQuery, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let html = accept.contains("text/html");
    let mut response = if html { self::html(state, query, headers).await } else { json(state, query, headers).await };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

async fn json(State(standards): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    made(standards, query, headers, |catalogue| Json(catalogue.json()).into_response()).await
}

async fn html(State(standards): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    made(standards, query, headers, move |catalogue| (head, page::html(&catalogue)).into_response()).await
}

async fn made(
    standards: Arc<Standards>,
    query: Option<String>,
    headers: HeaderMap,
    write: impl FnOnce(Catalogue) -> Response + Send + 'static,
) -> Response {
    let token = address::pairs(query.as_deref()).into_iter().find(|(k, _)| k == "token");
    let root = address::root(&headers);
    let work = move || write(Catalogue::of(&standards, &root, token, Utc::now()));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
