//! `GET /api/events?incident=…&from=…&to=…&known_by=…&limit=…`: what happened to incidents, as the history has kept it.
//!
//! The state store tells an incident with its events as they are now (`/api/incidents/ID`); the history tells all of a span of time,
//! and what was known by an instant.

use super::core::Core;
use super::series::{before, no_history, refused, wrong};
use crate::history::EventQuery;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Events of one answer when nobody says how many, and at most.
const EVENTS: usize = 1_000;
const EVENTS_MAX: usize = 10_000;
/// A device's clock may be ahead of the hub's.
const AHEAD: TimeDelta = TimeDelta::days(1);

#[derive(Deserialize)]
pub struct Asked {
    incident: Option<String>,
    /// By default the last day; of one incident, all that is kept.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// Only what had arrived by then.
    known_by: Option<DateTime<Utc>>,
    limit: Option<usize>,
}

pub async fn events(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    let Some(history) = core.history.clone() else { return no_history() };
    let now = Utc::now();
    let to = asked.to.unwrap_or(now + AHEAD);
    let since = if asked.incident.is_some() { DateTime::UNIX_EPOCH } else { before(to.min(now), TimeDelta::days(1)) };
    let from = asked.from.unwrap_or(since);
    let limit = asked.limit.unwrap_or(EVENTS);
    if from >= to || !(1..=EVENTS_MAX).contains(&limit) {
        return wrong(StatusCode::BAD_REQUEST, format!("from must be before to, and limit 1 to {EVENTS_MAX}"));
    }
    // One more than is told, to know whether there are more.
    match history.events(EventQuery { from, to, incident: asked.incident, known_by: asked.known_by, limit: limit + 1 }).await {
        Ok(mut told) => {
            let more = told.rows.len() > limit;
            told.rows.truncate(limit);
            Json(json!({ "from": from, "to": to, "known_by": asked.known_by, "events": told.rows, "more": more, "missing": told.missing }))
                .into_response()
        }
        Err(e) => refused(&e),
    }
}
