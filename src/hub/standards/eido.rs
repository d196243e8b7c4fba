//! Incidents as EIDO-JSON (NENA-STA-021.1a-2022) below `/eido/incidents`, for other dispatch centres.
//!
//! One incident is what NENA-STA-024.1a calls the EIDO retrieval service: a GET of an address that ends in the incident's reference. The
//! list is ours, because that standard has none: it subscribes over WebSockets, which this hub does not offer. It is paged by `Link`
//! (RFC 8288) from one incident's id to the next, so that nothing is left out or told twice whatever comes in meanwhile.

use super::{Shared, Standards, address};
use crate::model::category::root as domain_word;
use crate::model::eido::{Issuer, write};
use crate::model::incident::{Domain, Incident};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::ops::Bound;
use std::sync::Arc;

pub const ROOT: &str = "/eido/incidents";
/// As registered for EIDO-JSON.
pub const EIDO: &str = "application/emergency.eido+json";
/// Incidents on a page when nothing is asked, and at most; one is some 3 kB.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
/// Incidents looked at while the world is held.
const PIECE: usize = 512;

pub fn routes() -> Router<Arc<Standards>> {
    Router::new().route(ROOT, get(list)).route("/eido/incidents/{*id}", get(one))
}

/// What a list is asked for.
#[derive(Debug, Default, PartialEq)]
struct Query {
    open: Option<bool>,
    domain: Option<Domain>,
    updated_after: Option<DateTime<Utc>>,
    limit: usize,
    /// Only those whose id comes after this one.
    after: Option<String>,
}

impl Query {
    /// # Errors
    /// The parameter that is not understood, and how it is written.
    fn parse(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut query = Query { limit: PAGE, ..Query::default() };
        for (key, value) in pairs {
            match key.as_str() {
                "status" => query.open = Some(open(value)?),
                "domain" => query.domain = Some(domain(value)?),
                "updated_after" => {
                    let time = DateTime::parse_from_rfc3339(value)
                        .map_err(|_| format!("updated_after: {value:?} is no time like 2026-01-01T00:00:00Z (write + as %2B)"))?;
                    query.updated_after = Some(time.with_timezone(&Utc));
                }
                "limit" => {
                    let limit = value.parse::<usize>().ok().filter(|n| *n > 0);
                    query.limit = limit.ok_or_else(|| format!("limit: {value:?} is no whole number from 1 on"))?.min(PAGE_MAX);
                }
                "after" => query.after = Some(value.clone()),
                "token" => {}
                other => return Err(format!("{other:?} is no parameter here; there are status, domain, updated_after, limit and after")),
            }
        }
        Ok(query)
    }

    fn meets(&self, i: &Incident) -> bool {
        self.open.is_none_or(|open| open != i.state.is_ended())
            && self.domain.is_none_or(|domain| domain == i.domain)
            && self.updated_after.is_none_or(|time| i.updated_at > time)
    }
}

fn open(text: &str) -> Result<bool, String> {
    match text {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err(format!("status: {text:?} is neither open nor closed")),
    }
}

fn domain(text: &str) -> Result<Domain, String> {
    let all = [Domain::PublicOrder, Domain::UrbanManagement, Domain::Emergency, Domain::Traffic];
    let named = all.into_iter().find(|d| domain_word(*d) == text);
    named.ok_or_else(|| format!("domain: {text:?} is none of {}", all.map(domain_word).join(", ")))
}

async fn list(State(standards): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let pairs = address::pairs(query.as_deref());
    let query = match Query::parse(&pairs) {
        Ok(query) => query,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    let here = address::root(&headers) + ROOT;
    let work = move || {
        let (found, more) = page(&standards, &query);
        let issuer = standards.issuer();
        let next = found.last().filter(|_| more).map(|last| {
            let kept = pairs.into_iter().filter(|(k, _)| k != "after");
            let pairs: Vec<_> = kept.chain([("after".to_owned(), last.id.clone())]).collect();
            format!("<{}>; rel=\"next\"", address::with_pairs(&here, &pairs))
        });
        let eidos: Vec<Value> = found.iter().map(|i| write(i, &issuer)).collect();
        answered(&Value::Array(eidos), next)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// In the order of their ids, and whether there are more. The world is let go of every few hundred, so that no list holds up the feeds.
fn page(standards: &Standards, query: &Query) -> (Vec<Incident>, bool) {
    let (mut found, mut after) = (Vec::new(), query.after.clone());
    loop {
        let world = standards.core.world();
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut piece = world.incidents.range::<str, _>((from, Bound::Unbounded));
        let mut last = None;
        for (id, incident) in piece.by_ref().take(PIECE) {
            last = Some(id.clone());
            if query.meets(incident) {
                if found.len() == query.limit {
                    return (found, true);
                }
                found.push(incident.clone());
            }
        }
        match last {
            Some(last) => after = Some(last),
            None => return (found, false),
        }
    }
}

/// By the incident's own id, or by the `$id` that its EIDO has.
async fn one(State(standards): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    if let Some((key, _)) = address::pairs(query.as_deref()).iter().find(|(k, _)| k != "token") {
        return refused(StatusCode::BAD_REQUEST, &format!("{key:?} is no parameter here; there is none"));
    }
    let work = move || {
        let issuer = standards.issuer();
        let named = standards.core.world().incidents.get(&id).cloned();
        let found = named.map(|i| write(&i, &issuer)).or_else(|| by_urn(&standards, &issuer, &id));
        match found {
            Some(eido) => answered(&eido, None),
            None => refused(StatusCode::NOT_FOUND, &format!("there is no incident {id:?}; {ROOT} lists them")),
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn by_urn(standards: &Standards, issuer: &Issuer, urn: &str) -> Option<Value> {
    let mut found = None;
    super::pieces::each(
        &standards.core,
        |w| &w.incidents,
        |id, incident| {
            if issuer.incident_urn(id) == urn {
                found = Some(incident);
            }
            found.is_none()
        },
    );
    found.map(|i| write(&i, issuer))
}

impl Standards {
    /// The scene's `agency`, else a name that is nobody else's and no real domain.
    fn issuer(&self) -> Issuer {
        let agency = self.core.scene.scene.agency.clone().unwrap_or_else(|| format!("{}.yiping.invalid", self.core.name));
        Issuer { element: format!("hub.{agency}"), agency }
    }
}

fn answered(eido: &Value, next: Option<String>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, EIDO)], eido.to_string()).into_response();
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        response.headers_mut().insert(header::LINK, next);
    }
    response
}

/// A problem as RFC 9457 has it, as for OGC API.
fn refused(status: StatusCode, why: &str) -> Response {
    let body = json!({"type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": why});
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_understood_or_named() {
        let parse = |query: &str| Query::parse(&address::pairs(Some(query)));
        let asked = parse("status=open&domain=traffic&updated_after=2026-01-01T08:00:00%2B08:00&limit=9999&after=a/b&token=x").unwrap();
        let updated_after = Some("2026-01-01T00:00:00Z".parse().unwrap());
        let (open, domain, after) = (Some(true), Some(Domain::Traffic), Some("a/b".to_owned()));
        assert_eq!(asked, Query { open, domain, updated_after, limit: PAGE_MAX, after });
        for wrong in ["status=shut", "domain=sea", "updated_after=soon", "limit=0", "page=2"] {
            let named = wrong.split('=').next().unwrap();
            assert!(parse(wrong).unwrap_err().contains(named), "{wrong}");
        }
    }
}
