//! The API in OpenAPI 3.0, made of the same list of collections that answers it.

use super::collections::{COLLECTIONS, Collection, Field};
use super::query::{LIMIT, LIMIT_MAX};
use serde_json::{Map, Value, json};

/// The document for the API at `root`.
pub fn document(root: &str, city: &str, with_token: bool) -> Value {
    let mut paths = Map::new();
    let plain = |summary: &str, id: &str| json!({"get": {"summary": summary, "operationId": id, "responses": answers("application/json", json!({"type": "object"}))}});
    paths.insert("/".into(), plain("Landing page", "getLandingPage"));
    paths.insert("/conformance".into(), plain("Requirement classes that are met", "getConformance"));
    paths.insert("/collections".into(), plain("The collections", "getCollections"));
    for c in &COLLECTIONS {
        paths.insert(format!("/collections/{}", c.id), plain(c.description, &format!("describe_{}", c.id)));
        paths.insert(format!("/collections/{}/items", c.id), items(c));
        paths.insert(format!("/collections/{}/items/{{featureId}}", c.id), item(c));
    }
    let schemas: Map<String, Value> = COLLECTIONS.iter().map(|c| (c.id.to_owned(), feature(c))).collect();
    let mut out = json!({
        "openapi": "3.0.3",
        "info": {"title": format!("{city}: OGC API Features"), "version": env!("CARGO_PKG_VERSION"),
            "description": "Incidents, units, areas and sensors of a Yiping hub.", "license": {"name": "see the catalogue of the hub"}},
        "servers": [{"url": root}],
        "paths": paths,
        "components": {"schemas": schemas},
    });
    if with_token {
        let schemes = json!({"bearer": {"type": "http", "scheme": "bearer"}, "query": {"type": "apiKey", "in": "query", "name": "token"}});
        out["components"]["securitySchemes"] = schemes;
        out["security"] = json!([{"bearer": []}, {"query": []}]);
    }
    out
}

fn answers(kind: &str, schema: Value) -> Value {
    let problem =
        json!({"description": "what is wrong, in words", "content": {"application/problem+json": {"schema": {"type": "object"}}}});
    json!({"200": {"description": "as asked", "content": {kind: {"schema": schema}}}, "400": problem, "404": problem, "default": problem})
}

fn items(c: &Collection) -> Value {
    let number = |name: &str, least: usize, usual: usize, most: Option<usize>, what: &str| {
        let mut schema = json!({"type": "integer", "minimum": least, "default": usual});
        if let Some(most) = most {
            schema["maximum"] = most.into();
        }
        json!({"name": name, "in": "query", "description": what, "required": false, "style": "form", "explode": false, "schema": schema})
    };
    let bbox =
        json!({"type": "array", "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}], "items": {"type": "number"}});
    let mut parameters = vec![
        json!({"name": "bbox", "in": "query", "description": "west,south,east,north in degrees", "required": false, "style": "form",
            "explode": false, "schema": bbox}),
        json!({"name": "datetime", "in": "query", "description": format!("an instant or an interval a/b, ../b, a/..; asks about: {}", c.time),
            "required": false, "style": "form", "explode": false, "schema": {"type": "string"}}),
        number("limit", 1, LIMIT, Some(LIMIT_MAX), "features on a page"),
        number("offset", 0, 0, None, "features before the page; as in next and prev links"),
    ];
    let filter = |f: &Field| json!({"name": f.name, "in": "query", "description": f.en, "required": false, "style": "form", "explode": false, "schema": schema(f)});
    parameters.extend(c.fields.iter().map(filter));
    let page = json!({"type": "object", "required": ["type", "features"], "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]}, "numberMatched": {"type": "integer"}, "numberReturned": {"type": "integer"},
        "timeStamp": {"type": "string", "format": "date-time"}, "links": {"type": "array", "items": {"type": "object"}},
        "features": {"type": "array", "items": {"$ref": format!("#/components/schemas/{}", c.id)}}}});
    json!({"get": {"summary": c.title, "operationId": format!("get_{}", c.id), "parameters": parameters,
        "responses": answers("application/geo+json", page)}})
}

fn item(c: &Collection) -> Value {
    let id = json!({"name": "featureId", "in": "path", "required": true, "schema": {"type": "string"}});
    let one = json!({"$ref": format!("#/components/schemas/{}", c.id)});
    json!({"get": {"summary": format!("One of {}", c.title), "operationId": format!("get_one_of_{}", c.id), "parameters": [id],
        "responses": answers("application/geo+json", one)}})
}

/// JSON Schema of one feature.
fn feature(c: &Collection) -> Value {
    let properties: Map<String, Value> = c.fields.iter().map(|f| (f.name.to_owned(), described(f))).collect();
    json!({"type": "object", "required": ["type", "geometry", "properties"], "properties": {
        "type": {"type": "string", "enum": ["Feature"]}, "id": {"type": "string"}, "geometry": {"type": "object"},
        "properties": {"type": "object", "properties": properties}}})
}

fn described(f: &Field) -> Value {
    let mut schema = schema(f);
    schema["title"] = f.zh.into();
    schema["description"] = f.en.into();
    schema
}

fn schema(f: &Field) -> Value {
    match f.kind {
        "date-time" => json!({"type": "string", "format": "date-time"}),
        "array" => json!({"type": "array", "items": {"type": "string"}}),
        kind => json!({"type": kind}),
    }
}
