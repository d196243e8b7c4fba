//! `POST /feeds/ID`: what a platform posts goes to the adapter of that feed, which answers once it is on disk.

use super::core::Core;
use super::http::missing;
use crate::feeds::Refusal;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use std::sync::Arc;

/// Largest body; 100,000 rows of a data array are some 6 MB.
pub const BODY_BYTES_MAX: usize = 32 << 20;

pub async fn post(State(core): State<Arc<Core>>, Path(feed): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let inlet = core.inlets().get(&feed).cloned();
    let Some(inlet) = inlet else {
        let all: Vec<_> = core.inlets().keys().cloned().collect();
        return missing(format!("no feed {feed} of this scene takes posts; there are {all:?}"));
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    match inlet.post(kind, body.to_vec()).await {
        Ok(taken) => Json(json!(taken)).into_response(),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Unreadable(_) => StatusCode::BAD_REQUEST,
                Refusal::Busy | Refusal::Closed => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(json!({ "error": refusal.to_string() }))).into_response()
        }
    }
}
