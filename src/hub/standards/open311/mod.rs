//! Open311 GeoReport v2 below `/open311/v2`, in JSON and XML: services are the category trees, requests are incidents.
//!
//! Source: wiki.open311.org/GeoReport_v2. An incident that has ended is `closed`, any other `open`. What a person says of themselves
//! (name, e-mail, telephone) is not kept: the hub has no use for it and its screens are seen by many.

mod create;
mod requests;
mod services;
mod write;

use super::{Shared, Standards, address};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;
use write::{Format, Name};

pub const ROOT: &str = "/open311/v2";
/// A request with the longest description is a tenth of it.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// Why there is no answer: the status and what to say.
#[derive(Debug, PartialEq)]
struct Refusal(StatusCode, String);

fn bad(why: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why.into())
}

pub fn routes() -> Router<Arc<Standards>> {
    Router::new()
        .route("/open311/discovery", get(discovery))
        .route("/open311/discovery.json", get(discovery))
        .route("/open311/discovery.xml", get(discovery))
        .route("/open311/v2/{*path}", get(read).post(create::create))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn discovery(headers: HeaderMap, uri: axum::http::Uri) -> Response {
    let (_, format) = Format::of(uri.path(), &headers);
    let url = address::root(&headers) + ROOT;
    let changed = "2026-11-26T00:00:00Z";
    let endpoint = json!({"specification": "http://wiki.open311.org/GeoReport_v2", "url": url, "changeset": changed, "type": "production",
        "formats": ["application/json", "text/xml"]});
    let key = "the hub's --token as api_key, where it has one; ask its keeper";
    write::answer(format, Name("discovery", ""), &json!({"changeset": changed, "key_service": key, "endpoints": [endpoint]}))
}

async fn read(State(standards): Shared, Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let (path, format) = Format::of(&path, &headers);
    let path = path.to_owned();
    if let Err(refusal) = enter(&standards, &headers, query.as_deref(), &[]) {
        return write::refused(format, &refusal);
    }
    let work = move || answer(&standards, &path, &address::pairs(query.as_deref()));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok((name, value))) => write::answer(format, name, &value),
        Ok(Err(refusal)) => write::refused(format, &refusal),
        Err(e) => write::refused(format, &Refusal(StatusCode::INTERNAL_SERVER_ERROR, e.to_string())),
    }
}

/// Whether the hub's token came along, as for everything else or as `api_key` in the query or in `form`.
fn enter(standards: &Standards, headers: &HeaderMap, query: Option<&str>, form: &[(String, String)]) -> Result<(), Refusal> {
    let asked = address::pairs(query);
    let key = asked.iter().chain(form).find(|(k, _)| k == "api_key").map(|(_, v)| v.clone());
    match standards.core.may_enter(crate::hub::http::token_of(headers, query).or(key).as_deref()) {
        true => Ok(()),
        false => Err(Refusal(StatusCode::FORBIDDEN, "api_key: this hub asks for its --token".into())),
    }
}

/// What a GET of `path` (without its format) is answered with, and the names of its elements in XML.
fn answer(standards: &Standards, path: &str, asked: &[(String, String)]) -> Result<(Name, Value), Refusal> {
    let missing = |what: &str| Refusal(StatusCode::NOT_FOUND, what.to_owned());
    match path.trim_matches('/').split_once('/') {
        None if path.trim_matches('/') == "services" => Ok((Name("services", "service"), services::list())),
        None if path.trim_matches('/') == "requests" => Ok((Name("service_requests", "request"), requests::list(standards, asked)?)),
        Some(("services", code)) => {
            let definition =
                services::definition(code).ok_or_else(|| missing(&format!("there is no service {code:?}; see services.json")))?;
            Ok((Name("service_definition", ""), definition))
        }
        Some(("requests", id)) => {
            let request = requests::one(standards, id).ok_or_else(|| missing(&format!("there is no request {id:?}")))?;
            Ok((Name("service_requests", "request"), json!([request])))
        }
        // Requests get their id at once, so a token is that id.
        Some(("tokens", token)) => {
            requests::one(standards, token).ok_or_else(|| missing(&format!("there is no token {token:?}")))?;
            Ok((Name("service_requests", "request"), json!([{"service_request_id": token, "token": token}])))
        }
        _ => Err(missing("there are services, services/{code}, requests, requests/{id} and tokens/{id}, each with .json or .xml")),
    }
}
