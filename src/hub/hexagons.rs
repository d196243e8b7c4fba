//! `GET /api/hexagons?property=…&from=…&to=…&step_s=…&resolution=…`: a property by H3 cell and bucket of time, as JSON or as GeoJSON.

use super::core::Core;
use super::series::{no_history, refused, span, wrong};
use crate::history::{Hexagon, HexagonQuery};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, TimeDelta, Utc};
use h3o::CellIndex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Buckets of one answer: a week of hours, and two days of quarters.
const BUCKETS_MAX: i64 = 200;
/// Cells of one answer, over all buckets: some 10 MB.
const CELLS_MAX: usize = 100_000;

#[derive(Deserialize)]
pub struct Asked {
    property: String,
    /// By default the last hour.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// Width of a bucket, seconds; by default a quarter of an hour. Multiples of it are told from roll-ups.
    step_s: Option<f64>,
    /// H3, 0 to 15; by default 8, hexagons of 0.7 km².
    resolution: Option<u8>,
    #[serde(default)]
    f: Format,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    GeoJson,
}

pub async fn hexagons(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    let Some(history) = core.history.clone() else { return no_history() };
    let (from, to, step) = match span(asked.from, asked.to, asked.step_s.unwrap_or(900.0), BUCKETS_MAX) {
        Ok(span) => span,
        Err(why) => return wrong(StatusCode::BAD_REQUEST, why),
    };
    let resolution = asked.resolution.unwrap_or(8);
    let told = match history.hexagons(HexagonQuery { property: asked.property.clone(), from, to, bucket: step, resolution }).await {
        Ok(told) => told,
        Err(e) => return refused(&e),
    };
    if told.rows.len() > CELLS_MAX {
        let why = format!(
            "{} cells, at most {CELLS_MAX} are told at once; give a coarser resolution, a wider step_s or less time",
            told.rows.len()
        );
        return wrong(StatusCode::BAD_REQUEST, why);
    }
    match asked.f {
        Format::Json => Json(json!({
            "property": asked.property, "from": from, "to": to, "step_s": step.as_seconds_f64(), "resolution": resolution,
            "buckets": buckets(&told.rows), "missing": told.missing,
        }))
        .into_response(),
        Format::GeoJson => {
            let features: Vec<Value> = told.rows.iter().filter_map(|h| feature(h, step)).collect();
            let collection = json!({ "type": "FeatureCollection", "features": features, "missing": told.missing });
            ([(header::CONTENT_TYPE, "application/geo+json")], collection.to_string()).into_response()
        }
    }
}

/// H3 writes its numbers in hexadecimal.
fn name(cell: u64) -> String {
    format!("{cell:x}")
}

/// Cells by bucket; they come ordered by it.
fn buckets(rows: &[Hexagon]) -> Vec<Value> {
    let cell = |h: &Hexagon| json!({ "cell": name(h.cell), "count": h.count, "mean": h.mean, "min": h.min, "max": h.max });
    let of_bucket =
        |rows: &[Hexagon]| json!({ "start": rows.first().map(|h| h.start), "cells": rows.iter().map(cell).collect::<Vec<_>>() });
    rows.chunk_by(|a, b| a.start == b.start).map(of_bucket).collect()
}

fn feature(h: &Hexagon, step: TimeDelta) -> Option<Value> {
    let mut ring: Vec<[f64; 2]> = CellIndex::try_from(h.cell).ok()?.boundary().iter().map(|p| [p.lng(), p.lat()]).collect();
    ring.push(*ring.first()?);
    let properties = json!({
        "cell": name(h.cell), "start": h.start, "end": h.start.checked_add_signed(step), "count": h.count, "mean": h.mean, "min": h.min, "max": h.max,
    });
    Some(json!({ "type": "Feature", "geometry": { "type": "Polygon", "coordinates": [ring] }, "properties": properties }))
}
