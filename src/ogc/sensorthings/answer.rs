//! A path and a query to the JSON of SensorThings 1.1.

use super::id::{Id, segments};
use super::page::Page;
use super::query::Query;
use super::set::{Link, SETS, Set};
use super::source::{Entity, Source};
use serde_json::{Map, Value as Json, json};

/// Segments of a path; the longest meaningful one has six.
const SEGMENTS_MAX: usize = 12;
/// Entities in one answer with all that is expanded.
const ANSWER_MAX: usize = 50_000;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// HTTP 404.
    #[error("{0}")]
    NotFound(String),
    /// HTTP 400.
    #[error("{0}")]
    Bad(String),
    /// HTTP 503: what holds the data does not answer.
    #[error("{0}")]
    Failed(String),
}

/// What a request is answered with.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Json(Json),
    /// Of `$value`.
    Text(String),
}

/// Answers requests below `root` (`http://host/v1.1`).
pub struct Answerer<'a> {
    pub source: &'a dyn Source,
    pub root: &'a str,
    /// What `now()` in a filter means, Unix milliseconds.
    pub now_ms: i64,
}

/// Where a path has led so far.
pub(super) enum At {
    Collection { set: Set, of: Option<Entity> },
    One(Entity),
}

/// Requirement classes of part 1 that are met; what a server adds (MQTT) it names to [`Answerer::service_root`].
const CONFORMANCE: [&str; 22] = [
    "datamodel/thing",
    "datamodel/location",
    "datamodel/historical-location",
    "datamodel/datastream",
    "datamodel/sensor",
    "datamodel/observed-property",
    "datamodel/observation",
    "datamodel/feature-of-interest",
    "datamodel/entity-control-information",
    "resource-path/resource-path-to-entities",
    "request-data/order",
    "request-data/expand",
    "request-data/select",
    "request-data/status-code",
    "request-data/query-status-code",
    "request-data/orderby",
    "request-data/top",
    "request-data/skip",
    "request-data/count",
    "request-data/filter",
    "request-data/pagination",
    "data-array/data-array",
];

impl Answerer<'_> {
    /// The service root: entity sets and what the server can do, with requirement classes it meets besides.
    pub fn service_root(&self, besides: &[&str]) -> Json {
        let sets: Vec<Json> = SETS.iter().map(|(_, name)| json!({"name": name, "url": format!("{}/{name}", self.root)})).collect();
        let functions = ["request-data/built-in-filter-operations", "request-data/built-in-query-functions"];
        let conformance = CONFORMANCE.iter().chain(&functions).chain(besides);
        let conformance: Vec<String> = conformance.map(|c| format!("http://www.opengis.net/spec/iot_sensing/1.1/req/{c}")).collect();
        json!({"value": sets, "serverSettings": {"conformance": conformance}})
    }

    /// Answers `path` (below the root, decoded) with `query` (as it stands in the URL).
    ///
    /// # Errors
    /// [`Refusal`] with what is not there or not understood.
    pub fn answer(&self, path: &str, query: &str) -> Result<Answer, Refusal> {
        let segments = segments(path);
        let (first, mut rest) = segments.split_first().ok_or_else(|| Refusal::NotFound("no entity set named".into()))?;
        if segments.len() > SEGMENTS_MAX {
            return Err(Refusal::Bad(format!("a path of more than {SEGMENTS_MAX} segments")));
        }
        let mut at = self.step_into(None, first)?;
        while let Some((segment, after)) = rest.split_first() {
            at = match at {
                At::One(entity) if entity.set().link(name_of(segment)).is_none() => {
                    return self.property(entity, segment, after);
                }
                At::One(entity) => self.step_into(Some(entity), segment)?,
                At::Collection { set, of } if *segment == "$ref" && after.is_empty() => return self.collection(set, of, path, query, true),
                At::Collection { set, .. } => {
                    return Err(Refusal::NotFound(format!("{segment:?} after a collection; name one of {} by id", set.name())));
                }
            };
            rest = after;
        }
        match at {
            At::Collection { set, of } => self.collection(set, of, path, query, false),
            At::One(entity) => {
                let query = Query::parse(query, entity.set(), self.now_ms).map_err(Refusal::Bad)?;
                Ok(Answer::Json(self.entity(entity, &query, &mut 0)?))
            }
        }
    }

    /// `Datastreams`, `Datastreams(7)` or, from an entity, `Thing`.
    fn step_into(&self, from: Option<Entity>, segment: &str) -> Result<At, Refusal> {
        let name = name_of(segment);
        let (set, many) = match from {
            None => (Set::parse(name).ok_or_else(|| Refusal::NotFound(format!("no entity set {name:?}")))?, true),
            Some(entity) => {
                entity.set().link(name).map(|(_, to, many)| (*to, *many)).ok_or_else(|| Refusal::NotFound(format!("no {name:?} here")))?
            }
        };
        let missing = || Refusal::NotFound(format!("no {segment} here"));
        if !many {
            let linked = from.and_then(|e| self.linked_one(e, set));
            return linked.map(At::One).ok_or_else(missing);
        }
        if name == segment {
            return Ok(At::Collection { set, of: from });
        }
        let id = segment[name.len()..].strip_prefix('(').and_then(|s| s.strip_suffix(')')).and_then(Id::parse);
        let id = id.ok_or_else(|| Refusal::NotFound(format!("{segment:?}: an id is a whole number, or a text in ''")))?;
        let found = self.find(set, &id).filter(|e| from.is_none_or(|of| self.is_linked(of, *e)));
        found.map(At::One).ok_or_else(missing)
    }

    fn property(&self, entity: Entity, segment: &str, after: &[&str]) -> Result<Answer, Refusal> {
        let properties = self.properties(entity);
        let value = if segment == "@iot.id" || segment == "id" { Some(self.id(entity).json()) } else { properties.get(segment).cloned() };
        let value: Json = value.ok_or_else(|| Refusal::NotFound(format!("{} have no property {segment:?}", entity.set().name())))?;
        match (after, value) {
            ([], value) => Ok(Answer::Json(json!({segment: value}))),
            (["$value"], Json::String(text)) => Ok(Answer::Text(text)),
            (["$value"], value) => Ok(Answer::Text(value.to_string())),
            _ => Err(Refusal::NotFound(format!("nothing below the property {segment:?} but $value"))),
        }
    }

    fn collection(&self, set: Set, of: Option<Entity>, path: &str, query: &str, refs: bool) -> Result<Answer, Refusal> {
        let parsed = Query::parse(query, set, self.now_ms).map_err(Refusal::Bad)?;
        let Page { count, entities, next } = self.page(set, of, &parsed)?;
        let mut out = Map::new();
        if let Some(count) = count {
            out.insert("@iot.count".into(), count.into());
        }
        if let Some(token) = next {
            // All options but the position stay as they were asked.
            let kept = query.split('&').filter(|p| !p.is_empty() && !["$skip=", "$skiptoken=", "%24skip"].iter().any(|k| p.starts_with(k)));
            let options: Vec<String> = kept.map(str::to_owned).chain([format!("$skiptoken={token}")]).collect();
            let path = self.written(path);
            out.insert("@iot.nextLink".into(), format!("{}/{path}?{}", self.root, options.join("&")).into());
        }
        let mut size = 0;
        let value: Vec<Json> = match (refs, parsed.data_array) {
            (true, _) => entities.into_iter().map(|e| json!({"@iot.selfLink": self.link(e)})).collect(),
            (false, true) => self.data_arrays(&entities, &parsed),
            (false, false) => entities.into_iter().map(|e| self.entity(e, &parsed, &mut size)).collect::<Result<_, _>>()?,
        };
        out.insert("value".into(), value.into());
        Ok(Answer::Json(Json::Object(out)))
    }

    /// A path as it stands in a link: ids in it encoded again.
    fn written(&self, path: &str) -> String {
        let one = |segment: &str| {
            let name = name_of(segment);
            let id = segment[name.len()..].strip_prefix('(').and_then(|s| s.strip_suffix(')')).and_then(Id::parse);
            id.map_or_else(|| segment.to_owned(), |id| format!("{name}({})", id.in_path()))
        };
        segments(path).into_iter().map(one).collect::<Vec<_>>().join("/")
    }

    /// One entity with its links and what is expanded; `size` counts entities in the answer.
    fn entity(&self, entity: Entity, query: &Query, size: &mut usize) -> Result<Json, Refusal> {
        *size += 1;
        if *size > ANSWER_MAX {
            return Err(Refusal::Bad(format!("the answer would hold more than {ANSWER_MAX} entities; expand less or use a smaller $top")));
        }
        let selected = |name: &str| query.select.is_empty() || query.select.iter().any(|s| s == name);
        let link = self.link(entity);
        let mut out = Map::new();
        if selected("@iot.id") {
            out.insert("@iot.id".into(), self.id(entity).json());
        }
        if selected("@iot.selfLink") {
            out.insert("@iot.selfLink".into(), link.clone().into());
        }
        out.extend(self.properties(entity).into_iter().filter(|(name, _)| selected(name)));
        for &(name, to, many) in entity.set().links() {
            let navigation = || (format!("{name}@iot.navigationLink"), Json::from(format!("{link}/{name}")));
            match query.expand.iter().find(|(n, _)| n == name) {
                Some((_, inner)) => self.expanded(entity, (name, to, many), inner, &mut out, size)?,
                None if selected(name) => {
                    out.extend([navigation()]);
                    // Beyond the standard: which one it is, without another request.
                    if let Some(one) = (!many).then(|| self.linked_one(entity, to)).flatten() {
                        out.insert(name.into(), json!({"@iot.id": self.id(one).json()}));
                    }
                }
                None => {}
            }
        }
        Ok(Json::Object(out))
    }

    fn expanded(&self, of: Entity, link: Link, query: &Query, out: &mut Map<String, Json>, size: &mut usize) -> Result<(), Refusal> {
        let (name, to, many) = link;
        if !many {
            let one = self.linked_one(of, to).map(|e| self.entity(e, query, size)).transpose()?;
            out.insert(name.into(), one.unwrap_or(Json::Null));
            return Ok(());
        }
        let Page { count, entities, next } = self.page(to, Some(of), query)?;
        if let Some(count) = count {
            out.insert(format!("{name}@iot.count"), count.into());
        }
        if let Some(token) = next {
            // Goes on without what was nested inside; the position holds only with the same order.
            let order: Vec<String> = query.order.iter().map(|(p, down)| p.join("/") + if *down { "%20desc" } else { "" }).collect();
            let order = if order.is_empty() { String::new() } else { format!("$orderby={}&", order.join(",")) };
            let top = query.page();
            out.insert(format!("{name}@iot.nextLink"), format!("{}/{name}?$top={top}&{order}$skiptoken={token}", self.link(of)).into());
        }
        let page = entities.into_iter().map(|e| self.entity(e, query, size)).collect::<Result<Vec<Json>, Refusal>>()?;
        out.insert(name.into(), page.into());
        Ok(())
    }

    /// Observations as arrays, one a datastream (OGC 18-088, 12.2): a quarter of the size.
    fn data_arrays(&self, observations: &[Entity], query: &Query) -> Vec<Json> {
        let usual = ["@iot.id", "phenomenonTime", "resultTime", "result", "resultQuality"];
        let names: Vec<&str> = usual.into_iter().filter(|n| query.select.is_empty() || query.select.iter().any(|s| s == n)).collect();
        let components: Vec<&str> = names.iter().map(|n| if *n == "@iot.id" { "id" } else { n }).collect();
        let mut groups: indexmap::IndexMap<u32, Vec<Json>> = indexmap::IndexMap::new();
        for entity in observations {
            let Entity::Observation(reading) = entity else { continue };
            let properties = self.properties(*entity);
            let cell = |name: &&str| match *name {
                "@iot.id" => self.id(*entity).json(),
                name => properties.get(name).cloned().unwrap_or(Json::Null),
            };
            groups.entry(reading.stream).or_default().push(names.iter().map(cell).collect());
        }
        let group = |(stream, rows): (u32, Vec<Json>)| {
            let link = self.link(Entity::Catalogue(Set::Datastreams, stream));
            json!({"Datastream@iot.navigationLink": link, "components": components, "dataArray@iot.count": rows.len(), "dataArray": rows})
        };
        groups.into_iter().map(group).collect()
    }

    pub(super) fn link(&self, entity: Entity) -> String {
        format!("{}/{}({})", self.root, entity.set().name(), self.id(entity).in_path())
    }

    /// An observation as MQTT publishes it, with its topic below the version.
    pub fn publication(&self, entity: Entity) -> Option<(String, String)> {
        let Entity::Observation(reading) = entity else { return None };
        let stream = self.id(Entity::Catalogue(Set::Datastreams, reading.stream));
        let json = self.entity(entity, &Query::default(), &mut 0).ok()?;
        Some((format!("Datastreams({})/Observations", stream.in_path()), json.to_string()))
    }
}

/// `Datastreams` of `Datastreams(7)`.
fn name_of(segment: &str) -> &str {
    segment.split('(').next().unwrap_or(segment)
}
