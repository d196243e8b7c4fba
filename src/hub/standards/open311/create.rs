//! `POST requests`: a citizen's request becomes a reported incident.

use super::write::{self, Format};
use super::{Refusal, bad, services};
use crate::hub::http::same_house;
use crate::hub::standards::{Shared, Standards, address};
use crate::model::incident::{Report, Severity, Stamp};
use crate::model::lifecycle::{Order, Wish};
use crate::model::protocol::{Outcome, Role};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use chrono::Utc;
use geo::{Intersects, Point};
use serde_json::json;
use std::sync::Arc;

/// Source of what came this way, and who is written as its reporter.
const SOURCE: &str = "open311";

pub async fn create(
    State(standards): Shared,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, format) = Format::of(&path, &headers);
    let created = if path.trim_matches('/') == "requests" {
        request(standards, &headers, query.as_deref(), body).await
    } else {
        Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "only requests can be posted".into()))
    };
    match created {
        Ok(id) => {
            let notice = "已受理登记 reported; ask for requests/{id} how it goes".replace("{id}", &id);
            write::created(format, &json!([{"service_request_id": id, "service_notice": notice, "account_id": null}]))
        }
        Err(refusal) => write::refused(format, &refusal),
    }
}

/// Reports it, and answers once it is on disk: the incident's id.
async fn request(standards: Arc<Standards>, headers: &HeaderMap, query: Option<&str>, body: Bytes) -> Result<String, Refusal> {
    let form = std::str::from_utf8(&body).map(|text| address::pairs(Some(text))).map_err(|_| bad("the body is not UTF-8"))?;
    super::enter(&standards, headers, query, &form)?;
    if standards.core.token.is_none() && !same_house(headers) {
        let why = "a page of another server may not report to a hub without a token; start the hub with --token";
        return Err(Refusal(StatusCode::FORBIDDEN, why.into()));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{kind} is not application/x-www-form-urlencoded")));
    }
    let mut report = report(&form)?;
    let (at, areas) = (Point::new(report.lon, report.lat), standards.clone());
    report.area = tokio::task::spawn_blocking(move || smallest_area(&areas, at)).await.ok().flatten();
    let id = report.id.clone();
    let by = Stamp { actor: SOURCE.into(), screen: SOURCE.into(), at: Utc::now() };
    let what = Wish::Report { report, source: SOURCE.into() };
    let order = Order { command: id.clone(), by, role: Role::Field, device_time: None, reason: None, what };
    // On a task of its own: once begun it is finished, even if the client goes.
    let incident = id.clone();
    let outcome = tokio::spawn(async move { standards.core.try_incident(&incident, order).await }).await;
    match outcome {
        Ok(Ok(Outcome::Accepted { .. })) => Ok(id),
        Ok(Ok(Outcome::Rejected { rule, rule_zh })) => Err(bad(format!("{rule} {rule_zh}"))),
        Ok(Err(e)) => Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("not stored, try again: {e}"))),
        Ok(Ok(Outcome::Conflict { .. })) => Err(Refusal(StatusCode::CONFLICT, "this request is there already".into())),
        Err(e) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the hub failed on this request: {e}"))),
    }
}

/// What the form says, or what is missing in it.
fn report(form: &[(String, String)]) -> Result<Report, Refusal> {
    let said = |key: &str| form.iter().find(|(k, _)| k == key).map(|(_, v)| v.trim()).filter(|v| !v.is_empty());
    let code = said("service_code").ok_or_else(|| bad("service_code is missing; see services.json"))?;
    let service =
        services::find(code).ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("there is no service {code:?}; see services.json")))?;
    let degrees = |key: &str| {
        let text = said(key).ok_or_else(|| bad(format!("{key} is missing: this hub finds no place by its address alone")))?;
        text.parse::<f64>().map_err(|_| bad(format!("{key}: {text:?} is no number of degrees")))
    };
    let severity = match said("attribute[severity]") {
        None | Some("minor") => Severity::Minor,
        Some("critical") => Severity::Critical,
        Some("major") => Severity::Major,
        Some("info") => Severity::Info,
        Some(other) => return Err(bad(format!("attribute[severity]: {other:?} is none of critical, major, minor, info"))),
    };
    let address = said("address_string").map(|a| format!("地址 address: {a}"));
    let media = said("media_url").map(|m| format!("照片 picture: {m}"));
    let description = said("description").map(str::to_owned).into_iter().chain(address).chain(media).collect::<Vec<_>>().join("\n");
    Ok(Report {
        id: uuid::Uuid::now_v7().to_string(),
        domain: service.domain,
        severity,
        title: service.name.to_owned(),
        title_en: service.name_en.to_owned(),
        description,
        lon: degrees("long")?,
        lat: degrees("lat")?,
        category: service.category,
        area: None,
        reported_at: None,
    })
}

/// The grid cell, or the smallest area there is, in which a place lies.
fn smallest_area(standards: &Standards, at: Point) -> Option<String> {
    let read = standards.areas.read();
    let size = |[w, s, e, n]: [f64; 4]| (e - w) * (n - s);
    let around = |[w, s, e, n]: [f64; 4]| (w..=e).contains(&at.x()) && (s..=n).contains(&at.y());
    let mut here: Vec<_> = read.areas.iter().filter(|a| around(a.bounds)).collect();
    here.sort_by(|a, b| size(a.bounds).total_cmp(&size(b.bounds)));
    here.into_iter().find(|a| a.shape.intersects(&at)).map(|a| a.id.clone())
}
