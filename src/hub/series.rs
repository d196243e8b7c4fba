//! `GET /api/series?datastream=…&from=…&to=…&step_s=…`: one sensor's readings in buckets, for charts.

use super::core::Core;
use crate::history::{HistoryError, SeriesQuery};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Points of one chart; a screen has fewer pixels.
const POINTS_MAX: i64 = 2_000;

#[derive(Deserialize)]
pub struct Asked {
    datastream: String,
    /// By default the last hour.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// Width of a bucket, seconds; by default a minute.
    step_s: Option<f64>,
    /// Only what had arrived by then.
    known_by: Option<DateTime<Utc>>,
}

/// Which time is asked for, by default the last hour, in steps of how many seconds.
///
/// # Errors
/// In words, where there is nothing between or it takes more than `steps_max` steps.
pub(super) fn span(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    step_s: f64,
    steps_max: i64,
) -> Result<(DateTime<Utc>, DateTime<Utc>, TimeDelta), String> {
    let to = to.unwrap_or_else(Utc::now);
    let from = from.unwrap_or_else(|| before(to, TimeDelta::hours(1)));
    let step = TimeDelta::milliseconds((step_s * 1000.0).clamp(0.0, 1e12) as i64);
    if step <= TimeDelta::zero() || from >= to || (to - from).num_milliseconds() / step.num_milliseconds() > steps_max {
        return Err(format!("from must be before to, and at most {steps_max} steps between them; give a wider step_s"));
    }
    Ok((from, to, step))
}

pub async fn series(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    let Some(history) = core.history.clone() else { return no_history() };
    let (from, to, step) = match span(asked.from, asked.to, asked.step_s.unwrap_or(60.0), POINTS_MAX) {
        Ok(span) => span,
        Err(why) => return wrong(StatusCode::BAD_REQUEST, why),
    };
    let query = SeriesQuery { datastream: asked.datastream, from, to, step, known_by: asked.known_by };
    match history.series(query).await {
        Ok(told) => {
            let points: Vec<_> = told
                .rows
                .iter()
                .map(|b| json!({"start": b.start, "count": b.count, "suspect": b.suspect, "mean": b.mean, "min": b.min, "max": b.max, "last": b.last}))
                .collect();
            Json(json!({ "from": from, "to": to, "step_s": step.as_seconds_f64(), "points": points, "missing": told.missing }))
                .into_response()
        }
        Err(e) => refused(&e),
    }
}

/// So long before a time that somebody named, who may have named the beginning of the calendar.
pub(super) fn before(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_sub_signed(by).unwrap_or(time)
}

pub(super) fn wrong(status: StatusCode, why: String) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

pub(super) fn no_history() -> Response {
    wrong(StatusCode::NOT_FOUND, "this hub keeps no history; start it with one (--history)".into())
}

/// A question that makes no sense is the asker's; anything else is the history's and may pass.
pub(super) fn refused(e: &HistoryError) -> Response {
    let status = if matches!(e, HistoryError::Query { .. }) { StatusCode::BAD_REQUEST } else { StatusCode::SERVICE_UNAVAILABLE };
    wrong(status, e.to_string())
}
