//! OGC API - Features, part 1 (OGC 17-069r4): core, GeoJSON, OpenAPI 3.0, below `/ogc/features`.

mod collections;
mod items;
mod openapi;
mod query;

pub use collections::{COLLECTIONS, Collection, Field};
pub use items::{Extent, extent};
pub use query::ItemQuery;

use super::{Shared, address};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

pub const ROOT: &str = "/ogc/features";
const GEOJSON: &str = "application/geo+json";
const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";
pub const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const CONFORMANCE: [&str; 4] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
];

pub fn routes() -> Router<Arc<super::Standards>> {
    Router::new()
        .route(ROOT, get(landing))
        .route("/ogc/features/", get(landing))
        .route("/ogc/features/api", get(api))
        .route("/ogc/features/conformance", get(conformance))
        .route("/ogc/features/collections", get(all))
        .route("/ogc/features/collections/{collection}", get(one))
        .route("/ogc/features/collections/{collection}/items", get(page))
        .route("/ogc/features/collections/{collection}/items/{*id}", get(item))
}

fn link(href: String, rel: &str, kind: &str, title: &str) -> Value {
    json!({"href": href, "rel": rel, "type": kind, "title": title})
}

async fn landing(State(standards): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if let Err(why) = query::nothing_but_format(query.as_deref()) {
        return refused(StatusCode::BAD_REQUEST, &why);
    }
    let root = address::root(&headers) + ROOT;
    let scene = &standards.core.scene.scene;
    Json(json!({
        "title": format!("{} / {}", scene.name, scene.name_en),
        "description": "Incidents, units, areas and sensors of this city as OGC API Features.",
        "links": [
            link(root.clone(), "self", "application/json", "this document"),
            link(format!("{root}/api"), "service-desc", OPENAPI, "the API in OpenAPI 3.0"),
            link(format!("{}/catalogue.html", address::root(&headers)), "service-doc", "text/html", "the catalogue of this hub"),
            link(format!("{root}/conformance"), "conformance", "application/json", "requirement classes that are met"),
            link(format!("{root}/collections"), "data", "application/json", "the collections"),
        ],
    }))
    .into_response()
}

async fn api(State(standards): Shared, headers: HeaderMap) -> Response {
    let scene = &standards.core.scene.scene;
    let document = openapi::document(&(address::root(&headers) + ROOT), &scene.name_en, standards.core.token.is_some());
    ([(header::CONTENT_TYPE, OPENAPI)], document.to_string()).into_response()
}

async fn conformance(RawQuery(query): RawQuery) -> Response {
    match query::nothing_but_format(query.as_deref()) {
        Ok(()) => Json(json!({"conformsTo": CONFORMANCE})).into_response(),
        Err(why) => refused(StatusCode::BAD_REQUEST, &why),
    }
}

async fn all(State(standards): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if let Err(why) = query::nothing_but_format(query.as_deref()) {
        return refused(StatusCode::BAD_REQUEST, &why);
    }
    let root = address::root(&headers) + ROOT;
    working(move || {
        let collections: Vec<Value> = COLLECTIONS.iter().map(|c| described(c, &standards, &root)).collect();
        let this = link(format!("{root}/collections"), "self", "application/json", "this document");
        Json(json!({"links": [this], "collections": collections})).into_response()
    })
    .await
}

async fn one(State(standards): Shared, Path(id): Path<String>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if let Err(why) = query::nothing_but_format(query.as_deref()) {
        return refused(StatusCode::BAD_REQUEST, &why);
    }
    let root = address::root(&headers) + ROOT;
    match Collection::named(&id) {
        Some(collection) => working(move || Json(described(collection, &standards, &root)).into_response()).await,
        None => no_collection(&id),
    }
}

fn described(c: &Collection, standards: &super::Standards, root: &str) -> Value {
    let here = format!("{root}/collections/{}", c.id);
    let extent = items::extent(c, standards);
    let mut out = json!({
        "id": c.id, "title": format!("{} / {}", c.title_zh, c.title), "description": c.description, "itemType": "feature", "crs": [CRS84],
        "links": [
            link(here.clone(), "self", "application/json", "this collection"),
            link(format!("{here}/items"), "items", GEOJSON, c.title),
            link(format!("{root}/api"), "describedby", OPENAPI, "its schema"),
        ],
    });
    if let Some([west, south, east, north]) = extent.bounds {
        out["extent"] = json!({"spatial": {"bbox": [[west, south, east, north]], "crs": CRS84}});
        if extent.begin.is_some() || extent.end.is_some() {
            let temporal = json!({"interval": [[extent.begin, extent.end]], "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"});
            out["extent"]["temporal"] = temporal;
        }
    }
    out
}

async fn page(State(standards): Shared, Path(id): Path<String>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(collection) = Collection::named(&id) else { return no_collection(&id) };
    let pairs = address::pairs(query.as_deref());
    let asked = match ItemQuery::parse(&pairs, collection) {
        Ok(asked) => asked,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    let root = address::root(&headers) + ROOT;
    working(move || {
        let found = items::page(collection, &standards, &asked);
        let here = format!("{root}/collections/{}", collection.id);
        let at = |offset: usize| {
            let kept = pairs.iter().filter(|(k, _)| k != "offset").cloned();
            let pairs: Vec<_> = kept.chain((offset > 0).then(|| ("offset".to_owned(), offset.to_string()))).collect();
            address::with_pairs(&format!("{here}/items"), &pairs)
        };
        let mut links = vec![
            link(at(asked.offset), "self", GEOJSON, "this page"),
            link(here.clone(), "collection", "application/json", collection.title),
        ];
        if asked.offset + found.features.len() < found.matched {
            links.push(link(at(asked.offset + asked.limit), "next", GEOJSON, "the next page"));
        }
        if asked.offset > 0 {
            links.push(link(at(asked.offset.saturating_sub(asked.limit)), "prev", GEOJSON, "the page before"));
        }
        geojson(&json!({
            "type": "FeatureCollection",
            "timeStamp": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "numberMatched": found.matched,
            "numberReturned": found.features.len(),
            "links": links,
            "features": found.features,
        }))
    })
    .await
}

async fn item(State(standards): Shared, Path((id, item)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(collection) = Collection::named(&id) else { return no_collection(&id) };
    let here = format!("{}{ROOT}/collections/{}", address::root(&headers), collection.id);
    working(move || {
        let Some(mut feature) = items::one(collection, &standards, &item) else {
            return refused(StatusCode::NOT_FOUND, &format!("{} have no item {item:?}", collection.id));
        };
        feature["links"] = json!([
            link(format!("{here}/items/{}", address::segment(&item)), "self", GEOJSON, "this item"),
            link(here, "collection", "application/json", collection.title),
        ]);
        geojson(&feature)
    })
    .await
}

fn geojson(value: &Value) -> Response {
    (
        [
            (header::CONTENT_TYPE, GEOJSON),
            (header::HeaderName::from_static("content-crs"), concat!("<", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", ">")),
        ],
        value.to_string(),
    )
        .into_response()
}

/// Off the runtime's threads, which serve the streams.
async fn working(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn no_collection(id: &str) -> Response {
    let names: Vec<&str> = COLLECTIONS.iter().map(|c| c.id).collect();
    refused(StatusCode::NOT_FOUND, &format!("there is no collection {id:?}; there are {}", names.join(", ")))
}

/// An exception as OGC API has it (RFC 7807).
fn refused(status: StatusCode, why: &str) -> Response {
    let body = json!({"type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": why});
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
