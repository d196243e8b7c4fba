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

/// When a source that was refused may try again, seconds.
const RETRY_AFTER_S: &str = "5";

pub async fn post(State(core): State<Arc<Core>>, Path(feed): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let inlet = core.inlets().get(&feed).cloned();
    let Some(inlet) = inlet else {
        let all: Vec<_> = core.inlets().keys().cloned().collect();
        return missing(format!("no feed {feed} of this scene takes posts; there are {all:?}"));
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let answer = tokio::select! {
        answer = inlet.post(kind, body.to_vec()) => answer,
        // What was posted may be kept all the same once there is room; posted again, it is known as a repetition.
        why = core.when_held_back(&feed) => return later(&why),
    };
    match answer {
        Ok(taken) => Json(json!(taken)).into_response(),
        Err(refusal) => match refusal {
            Refusal::Unreadable(why) => (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response(),
            Refusal::Busy | Refusal::Closed => later(&refusal.to_string()),
        },
    }
}

/// Not taken, and why; to be posted again.
fn later(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_S)], Json(json!({ "error": why }))).into_response()
}
