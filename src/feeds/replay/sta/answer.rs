//! A path and a query to the JSON of SensorThings 1.1.

use super::query::{Query, write_token};
use super::store::{Entity, SETS, Set, Store};
use super::value::Value;
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;

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
    pub store: &'a Store,
    pub root: &'a str,
}

enum At {
    Collection { set: Set, of: Option<Entity> },
    One(Entity),
}

impl Answerer<'_> {
    /// The service root: entity sets and what the server can do.
    pub fn service_root(&self) -> Json {
        let sets: Vec<Json> = SETS.iter().map(|(_, name)| json!({"name": name, "url": format!("{}/{name}", self.root)})).collect();
        let base = "http://www.opengis.net/spec/iot_sensing/1.1/req/";
        let conformance = [
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
            "request-data/orderby",
            "request-data/top",
            "request-data/skip",
            "request-data/count",
            "request-data/filter",
            "request-data/pagination",
            "receive-updates-via-mqtt/receive-updates",
        ];
        let conformance: Vec<String> = conformance.iter().map(|c| format!("{base}{c}")).collect();
        json!({"value": sets, "serverSettings": {"conformance": conformance}})
    }

    /// Answers `path` (below the root, decoded) with `query` (as it stands in the URL).
    ///
    /// # Errors
    /// [`Refusal`] with what is not there or not understood.
    pub fn answer(&self, path: &str, query: &str) -> Result<Answer, Refusal> {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let (first, mut rest) = segments.split_first().ok_or_else(|| Refusal::NotFound("no entity set named".into()))?;
        if segments.len() > SEGMENTS_MAX {
            return Err(Refusal::Bad(format!("a path of more than {SEGMENTS_MAX} segments")));
        }
        let mut at = self.step_into(None, first)?;
        while let Some((segment, after)) = rest.split_first() {
            at = match at {
                At::One(entity) if !entity.set().links().iter().any(|l| l.0 == name_of(segment)) => {
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
                let query = Query::parse(query, entity.set()).map_err(Refusal::Bad)?;
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
                let link = entity.set().links().iter().find(|l| l.0 == name);
                link.map(|(_, to, many)| (*to, *many)).ok_or_else(|| Refusal::NotFound(format!("no {name:?} here")))?
            }
        };
        let missing = || Refusal::NotFound(format!("no {segment} here"));
        if !many {
            let linked = from.and_then(|e| self.store.linked(e, set).first().copied());
            return linked.map(At::One).ok_or_else(missing);
        }
        if name == segment {
            return Ok(At::Collection { set, of: from });
        }
        let id = segment[name.len()..].strip_prefix('(').and_then(|s| s.strip_suffix(')')).and_then(|id| id.parse().ok());
        let id: u64 = id.ok_or_else(|| Refusal::NotFound(format!("{segment:?}: ids are whole numbers in parentheses")))?;
        let found = match from {
            None => self.store.find(set, id),
            Some(entity) => self.store.linked(entity, set).into_iter().find(|e| e.id() == id),
        };
        found.map(At::One).ok_or_else(missing)
    }

    fn property(&self, entity: Entity, segment: &str, after: &[&str]) -> Result<Answer, Refusal> {
        let properties = self.store.properties(entity);
        let value = if segment == "@iot.id" || segment == "id" { Some(entity.id().into()) } else { properties.get(segment).cloned() };
        let value: Json = value.ok_or_else(|| Refusal::NotFound(format!("{} have no property {segment:?}", entity.set().name())))?;
        match (after, value) {
            ([], value) => Ok(Answer::Json(json!({segment: value}))),
            (["$value"], Json::String(text)) => Ok(Answer::Text(text)),
            (["$value"], value) => Ok(Answer::Text(value.to_string())),
            _ => Err(Refusal::NotFound(format!("nothing below the property {segment:?} but $value"))),
        }
    }

    fn collection(&self, set: Set, of: Option<Entity>, path: &str, query: &str, refs: bool) -> Result<Answer, Refusal> {
        let parsed = Query::parse(query, set).map_err(Refusal::Bad)?;
        let all = match of {
            None => self.store.all(set, parsed.filter.as_ref().and_then(|f| f.time_floor_ms())),
            Some(entity) => self.store.linked(entity, set),
        };
        let (count, page, next) = self.page(all, &parsed);
        let mut size = 0;
        let values = page.into_iter().map(|e| match refs {
            true => Ok(json!({"@iot.selfLink": self.link(e)})),
            false => self.entity(e, &parsed, &mut size),
        });
        let values = values.collect::<Result<Vec<Json>, Refusal>>()?;
        let mut out = Map::new();
        if parsed.count {
            out.insert("@iot.count".into(), count.into());
        }
        if let Some(token) = next {
            // All options but the position stay as they were asked.
            let kept = query.split('&').filter(|p| !p.is_empty() && !["$skip=", "$skiptoken=", "%24skip"].iter().any(|k| p.starts_with(k)));
            let options: Vec<String> = kept.map(str::to_owned).chain([format!("$skiptoken={token}")]).collect();
            let path = path.trim_matches('/');
            out.insert("@iot.nextLink".into(), format!("{}/{path}?{}", self.root, options.join("&")).into());
        }
        out.insert("value".into(), values.into());
        Ok(Answer::Json(Json::Object(out)))
    }

    /// How many there are, those of this page, and the token of the next.
    fn page(&self, mut all: Vec<Entity>, query: &Query) -> (usize, Vec<Entity>, Option<String>) {
        if let Some(filter) = &query.filter {
            all.retain(|e| filter.holds(&|path: &[String]| self.store.value(*e, path)));
        }
        let count = all.len();
        let keys = |e: &Entity| -> Vec<Value> { query.order.iter().map(|(path, _)| self.store.value(*e, path)).collect() };
        let compare = |a: (&[Value], u64), b: (&[Value], u64)| {
            let by_keys = a.0.iter().zip(b.0).zip(&query.order).map(|((x, y), (_, down))| if *down { y.order(x) } else { x.order(y) });
            by_keys.fold(Ordering::Equal, Ordering::then).then(a.1.cmp(&b.1))
        };
        let mut keyed: Vec<(Vec<Value>, Entity)> = all.into_iter().map(|e| (keys(&e), e)).collect();
        if let Some((after, id)) = &query.after {
            keyed.retain(|(k, e)| compare((k, e.id()), (after, *id)) == Ordering::Greater);
        }
        if !query.order.is_empty() {
            keyed.sort_by(|a, b| compare((&a.0, a.1.id()), (&b.0, b.1.id())));
        }
        let rest = keyed.len().saturating_sub(query.skip);
        let page: Vec<_> = keyed.into_iter().skip(query.skip).take(query.page()).collect();
        let next = page.last().filter(|_| rest > page.len()).map(|(keys, e)| write_token(keys, e.id()));
        (count, page.into_iter().map(|(_, e)| e).collect(), next)
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
            out.insert("@iot.id".into(), entity.id().into());
        }
        if query.select.is_empty() {
            out.insert("@iot.selfLink".into(), link.clone().into());
        }
        out.extend(self.store.properties(entity).into_iter().filter(|(name, _)| selected(name)));
        for (name, to, many) in entity.set().links() {
            match query.expand.iter().find(|(n, _)| n == name) {
                Some((_, inner)) => self.expanded(entity, (name, *to, *many), inner, &mut out, size)?,
                None if selected(name) => {
                    out.insert(format!("{name}@iot.navigationLink"), format!("{link}/{name}").into());
                }
                None => {}
            }
        }
        Ok(Json::Object(out))
    }

    fn expanded(
        &self,
        of: Entity,
        link: (&str, Set, bool),
        query: &Query,
        out: &mut Map<String, Json>,
        size: &mut usize,
    ) -> Result<(), Refusal> {
        let (name, to, many) = link;
        let linked = self.store.linked(of, to);
        if !many {
            let one = linked.first().map(|e| self.entity(*e, query, size)).transpose()?;
            out.insert(name.into(), one.unwrap_or(Json::Null));
            return Ok(());
        }
        let (count, page, next) = self.page(linked, query);
        if query.count {
            out.insert(format!("{name}@iot.count"), count.into());
        }
        if let Some(token) = next {
            // Goes on without what was nested inside; the position holds only with the same order.
            let order: Vec<String> = query.order.iter().map(|(p, down)| p.join("/") + if *down { "%20desc" } else { "" }).collect();
            let order = if order.is_empty() { String::new() } else { format!("$orderby={}&", order.join(",")) };
            let top = query.page();
            out.insert(format!("{name}@iot.nextLink"), format!("{}/{name}?$top={top}&{order}$skiptoken={token}", self.link(of)).into());
        }
        let page = page.into_iter().map(|e| self.entity(e, query, size)).collect::<Result<Vec<Json>, Refusal>>()?;
        out.insert(name.into(), page.into());
        Ok(())
    }

    fn link(&self, entity: Entity) -> String {
        format!("{}/{}({})", self.root, entity.set().name(), entity.id())
    }

    /// An observation as MQTT publishes it, with its topic below the version.
    pub fn publication(&self, entity: Entity) -> Option<(String, String)> {
        let topic = format!("Datastreams({})/Observations", entity.datastream_id()?);
        let json = self.entity(entity, &Query::default(), &mut 0).ok()?;
        Some((topic, json.to_string()))
    }
}

fn name_of(segment: &str) -> &str {
    segment.split('(').next().unwrap_or(segment)
}
