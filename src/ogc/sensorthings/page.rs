//! What an entity is and leads to, and which of a collection stand on a page.

use super::answer::{Answerer, Refusal};
use super::filter::Demand;
use super::id::Id;
use super::query::{Query, write_token};
use super::set::Set;
use super::source::{Entity, Rank, Wanted};
use super::value::{Value, iso};
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;

/// Entities of one page, how many there are in all where that was asked, and the token of the next page.
pub(super) struct Page {
    pub count: Option<usize>,
    pub entities: Vec<Entity>,
    pub next: Option<String>,
}

impl Answerer<'_> {
    pub(super) fn id(&self, entity: Entity) -> Id {
        match entity {
            Entity::Catalogue(set, i) => self.source.catalogue().id(set, i),
            Entity::Observation(reading) => self.source.observation_id(&reading),
        }
    }

    pub(super) fn find(&self, set: Set, id: &Id) -> Option<Entity> {
        match set {
            Set::Observations => self.source.observation(id).map(Entity::Observation),
            set => self.source.catalogue().find(set, id).map(|i| Entity::Catalogue(set, i)),
        }
    }

    /// What a navigation property to one leads to.
    pub(super) fn linked_one(&self, of: Entity, to: Set) -> Option<Entity> {
        let catalogue = self.source.catalogue();
        match (of, to) {
            (Entity::Observation(o), Set::FeaturesOfInterest) => Some(catalogue.feature_of(o.stream)),
            (Entity::Observation(o), _) => Some(Entity::Catalogue(to, o.stream)),
            (Entity::Catalogue(set, i), _) => catalogue.linked((set, i), to).first().map(|i| Entity::Catalogue(to, *i)),
        }
    }

    /// Whether `entity` is one of those that `of` leads to.
    pub(super) fn is_linked(&self, of: Entity, entity: Entity) -> bool {
        match (of, entity) {
            (Entity::Catalogue(Set::Datastreams, i), Entity::Observation(o)) => o.stream == i,
            (Entity::Catalogue(set, i), Entity::Observation(o)) => self.source.catalogue().streams_of(set, i).contains(&o.stream),
            (Entity::Catalogue(set, i), Entity::Catalogue(to, j)) => self.source.catalogue().linked((set, i), to).contains(&j),
            (Entity::Observation(_), _) => self.linked_one(of, entity.set()) == Some(entity),
        }
    }

    pub(super) fn properties(&self, entity: Entity) -> Map<String, Json> {
        match entity {
            Entity::Catalogue(set, i) => {
                let span = (set == Set::Datastreams).then(|| self.source.span(i)).flatten();
                self.source.catalogue().properties(set, i, span)
            }
            Entity::Observation(o) => {
                let quality = o.suspect.then(|| ("resultQuality".to_owned(), Json::from("suspect")));
                let all =
                    [("phenomenonTime", json!(o.phenomenon_time())), ("resultTime", json!(iso(o.time_ms))), ("result", json!(o.value))];
                all.into_iter().map(|(k, v)| (k.to_owned(), v)).chain(quality).collect()
            }
        }
    }

    /// The value at a path such as `result`, `Datastream/id` or `unitOfMeasurement/symbol`; `Null` where there is none.
    fn value(&self, entity: Entity, path: &[String]) -> Value {
        let Some((first, rest)) = path.split_first() else { return Value::Null };
        if let Some((_, to, many)) = entity.set().link(first) {
            return match (many, self.linked_one(entity, *to)) {
                (false, Some(next)) => self.value(next, rest),
                _ => Value::Null,
            };
        }
        match (entity, first.as_str()) {
            (_, "id" | "@iot.id") => self.id(entity).value(),
            // An interval compares by its end: when its value, or its last one, was known.
            (Entity::Observation(o), "phenomenonTime" | "resultTime") => Value::Time(o.time_ms),
            (Entity::Observation(o), "result") => Value::Number(o.value),
            (Entity::Catalogue(Set::Datastreams, i), "phenomenonTime" | "resultTime") => {
                self.source.span(i).map_or(Value::Null, |(_, last)| Value::Time(last))
            }
            (Entity::Catalogue(set, i), first) => match self.source.catalogue().value(set, i, first) {
                Some(value) if rest.is_empty() => value,
                _ => inside(self.properties(entity), path),
            },
            _ => inside(self.properties(entity), path),
        }
    }

    /// A collection's page: all of `set`, or those that `of` leads to.
    pub(super) fn page(&self, set: Set, of: Option<Entity>, query: &Query) -> Result<Page, Refusal> {
        let (mut all, mut count) = (Vec::new(), None);
        if set == Set::Observations {
            let mut wanted = self.wanted(of, query);
            if query.count {
                // Without the position: all pages tell the same number. Who can't count must be read whole.
                let whole = self.wanted(of, &Query { after: None, ..query.clone() });
                count = whole.most.and_then(|_| self.source.count(&whole));
                if count.is_none() {
                    wanted = Wanted { most: None, ..whole };
                }
            }
            all.extend(self.source.observations(&wanted)?.into_iter().map(Entity::Observation));
        } else {
            all.extend(self.of_catalogue(set, of));
        }
        if let Some(filter) = &query.filter {
            all.retain(|e| filter.holds(&|path: &[String]| self.value(*e, path)));
        }
        let count = query.count.then(|| count.unwrap_or(all.len()));
        let (entities, next) = self.cut(all, set, query)?;
        Ok(Page { count, entities, next })
    }

    fn of_catalogue(&self, set: Set, of: Option<Entity>) -> Vec<Entity> {
        let catalogue = self.source.catalogue();
        match of {
            None => (0..catalogue.count(set)).map(|i| Entity::Catalogue(set, i)).collect(),
            Some(Entity::Catalogue(from, i)) => catalogue.linked((from, i), set).into_iter().map(|i| Entity::Catalogue(set, i)).collect(),
            Some(Entity::Observation(_)) => Vec::new(),
        }
    }

    /// Which observations matter to `query`, so that a source with many reads few.
    fn wanted(&self, of: Option<Entity>, query: &Query) -> Wanted {
        let none = Demand { whole: true, ..Demand::default() };
        let demand = query.filter.as_ref().map_or(none, |f| f.demand());
        let catalogue = self.source.catalogue();
        let mut streams = match of {
            None => None,
            Some(Entity::Catalogue(Set::Datastreams, i)) => Some(vec![i]),
            Some(Entity::Catalogue(set, i)) => Some(catalogue.streams_of(set, i).to_vec()),
            Some(Entity::Observation(o)) => Some(vec![o.stream]),
        };
        if let Some(id) = &demand.datastream {
            let one = Id::of(id).and_then(|id| catalogue.find(Set::Datastreams, &id));
            let of_both = |i: &u32| streams.as_ref().is_none_or(|s| s.contains(i));
            streams = Some(one.into_iter().filter(of_both).collect());
        }
        let by_time = match &query.order[..] {
            [(path, down)] if path.len() == 1 && path[0] == "phenomenonTime" => Some(*down),
            _ => None,
        };
        let (mut from_ms, mut until_ms) = (demand.from_ms, demand.until_ms);
        if let (Some(down), Some((keys, _))) = (by_time, &query.after)
            && let [Value::Time(t)] = keys[..]
        {
            match down {
                true => until_ms = Some(until_ms.map_or(t, |u| u.min(t))),
                false => from_ms = from_ms.max(Some(t)),
            }
        }
        // A page, one more to see that there is more, and at either end as many as may share one instant: one a datastream.
        let ties = streams.as_ref().map_or(catalogue.len(), Vec::len);
        let page = query.skip.saturating_add(query.page()).saturating_add(1).saturating_add(2 * ties);
        let most = (demand.whole && by_time.is_some()).then_some(page);
        Wanted { streams, from_ms, until_ms, newest_first: by_time == Some(true), most }
    }

    fn rank(&self, entity: &Entity) -> Rank {
        match entity {
            Entity::Catalogue(_, i) => (*i, 0),
            Entity::Observation(reading) => self.source.rank(reading),
        }
    }

    fn rank_of(&self, set: Set, id: &Id) -> Option<Rank> {
        match set {
            Set::Observations => self.source.rank_of(id),
            set => self.source.catalogue().find(set, id).map(|i| (i, 0)),
        }
    }

    /// Those of `all` that stand on the page, in order, and the token of the next one.
    fn cut(&self, all: Vec<Entity>, set: Set, query: &Query) -> Result<(Vec<Entity>, Option<String>), Refusal> {
        let keys = |e: &Entity| -> Vec<Value> { query.order.iter().map(|(path, _)| self.value(*e, path).key()).collect() };
        let compare = |a: (&[Value], Rank), b: (&[Value], Rank)| {
            let by_keys = a.0.iter().zip(b.0).zip(&query.order).map(|((x, y), (_, down))| if *down { y.order(x) } else { x.order(y) });
            by_keys.fold(Ordering::Equal, Ordering::then).then(a.1.cmp(&b.1))
        };
        let mut keyed: Vec<(Vec<Value>, Rank, Entity)> = all.into_iter().map(|e| (keys(&e), self.rank(&e), e)).collect();
        if let Some((after, id)) = &query.after {
            let gone = || Refusal::Bad("$skiptoken: what the last page ended with is gone; start again without it".into());
            let rank = self.rank_of(set, id).ok_or_else(gone)?;
            keyed.retain(|(k, r, _)| compare((k, *r), (after, rank)) == Ordering::Greater);
        }
        keyed.sort_by(|a, b| compare((&a.0, a.1), (&b.0, b.1)));
        let rest = keyed.len().saturating_sub(query.skip);
        let page: Vec<_> = keyed.into_iter().skip(query.skip).take(query.page()).collect();
        let next = page.last().filter(|_| rest > page.len()).map(|(keys, _, e)| write_token(keys, &self.id(*e)));
        Ok((page.into_iter().map(|(.., e)| e).collect(), next))
    }
}

/// The value at `path` in an entity's JSON.
fn inside(properties: Map<String, Json>, path: &[String]) -> Value {
    let properties = Json::Object(properties);
    match path.iter().try_fold(&properties, |at, key| at.get(key)) {
        Some(Json::String(s)) => Value::Text(s.clone()),
        Some(Json::Number(n)) => n.as_f64().map_or(Value::Null, Value::Number),
        Some(Json::Bool(b)) => Value::Bool(*b),
        _ => Value::Null,
    }
}
