//! All entities but observations, as they follow from a list of datastreams.

use super::id::Id;
use super::set::Set;
use super::source::Entity;
use super::value::{Value, iso};
use super::vocabulary;
use geo::Point;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::sync::Arc;

/// One datastream with what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Names it for ever, and orders it where ids are text.
    pub key: String,
    /// Where it comes from; sensors of two feeds are two kinds.
    pub feed: String,
    /// Name of its Thing.
    pub thing: String,
    /// Lower snake case.
    pub observed_property: String,
    /// Symbol.
    pub unit: String,
    /// WGS 84, degrees.
    pub lon: f64,
    pub lat: f64,
    /// Above ground, metres.
    pub height_m: f64,
}

/// What `@iot.id`s are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Numbers from 1 in the order in which things became known.
    #[default]
    Numbers,
    /// Made of the streams' keys: the same after a restart. Streams must be learnt in the order of their keys.
    Keys,
}

/// Streams and the Things, Sensors and ObservedProperties they share.
///
/// Datastreams of one feed that name the same Thing at the same place belong to one; Location, HistoricalLocation and
/// FeatureOfInterest of a Thing have its number.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    naming: Naming,
    /// Since when Things are where they are, Unix milliseconds; `None`: not known, and no HistoricalLocations.
    since_ms: Option<i64>,
    streams: Vec<Placed>,
    by_key: HashMap<String, u32>,
    things: Grouped<ThingKey>,
    /// Feed and observed property.
    sensors: Grouped<(String, String)>,
    properties: Grouped<String>,
}

#[derive(Clone, Debug)]
struct Placed {
    stream: Stream,
    thing: u32,
    sensor: u32,
    property: u32,
}

/// Feed, name, and the bits of longitude, latitude and height.
type ThingKey = (String, String, [u64; 3]);

/// Streams by what they share.
#[derive(Clone, Debug)]
struct Grouped<K> {
    groups: Vec<(K, Vec<u32>)>,
    index: HashMap<K, u32>,
}

impl<K> Default for Grouped<K> {
    fn default() -> Self {
        Self { groups: Vec::new(), index: HashMap::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash> Grouped<K> {
    /// Puts a stream that is in no group into that of `key`.
    fn join(&mut self, key: K, stream: u32) -> u32 {
        let next = self.groups.len() as u32;
        let group = *self.index.entry(key.clone()).or_insert(next);
        if group == next {
            self.groups.push((key, Vec::new()));
        }
        self.groups[group as usize].1.push(stream);
        group
    }

    /// Takes `stream` from `group` into that of `key`; a group of its own goes along, so that a moving Thing stays one.
    fn move_to(&mut self, group: u32, key: K, stream: u32) -> u32 {
        let (old, members) = &mut self.groups[group as usize];
        if *old == key {
            return group;
        }
        if members[..] == [stream] && !self.index.contains_key(&key) {
            self.index.remove(old);
            *old = key.clone();
            self.index.insert(key, group);
            return group;
        }
        members.retain(|m| *m != stream);
        self.join(key, stream)
    }
}

impl Catalogue {
    pub fn new(naming: Naming, since_ms: Option<i64>) -> Self {
        Self { naming, since_ms, ..Self::default() }
    }

    /// Adds a stream, or changes the one of the same key.
    pub fn learn(&mut self, stream: Stream) {
        let thing = (stream.feed.clone(), stream.thing.clone(), [stream.lon, stream.lat, stream.height_m].map(f64::to_bits));
        let sensor = (stream.feed.clone(), stream.observed_property.clone());
        let property = stream.observed_property.clone();
        match self.by_key.get(&stream.key).copied() {
            Some(i) => {
                let placed = &mut self.streams[i as usize];
                placed.thing = self.things.move_to(placed.thing, thing, i);
                placed.sensor = self.sensors.move_to(placed.sensor, sensor, i);
                placed.property = self.properties.move_to(placed.property, property, i);
                placed.stream = stream;
            }
            None => {
                let i = self.streams.len() as u32;
                let (thing, sensor) = (self.things.join(thing, i), self.sensors.join(sensor, i));
                let property = self.properties.join(property, i);
                self.by_key.insert(stream.key.clone(), i);
                self.streams.push(Placed { stream, thing, sensor, property });
            }
        }
    }

    pub fn len(&self) -> usize {
        self.streams.len()
    }

    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    pub fn stream(&self, i: u32) -> Option<&Stream> {
        self.streams.get(i as usize).map(|p| &p.stream)
    }

    pub fn stream_of(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// Each once.
    pub fn observed_properties(&self) -> impl Iterator<Item = &str> {
        self.properties.groups.iter().map(|(name, _)| name.as_str())
    }

    /// How many entities a set of the catalogue has.
    pub(super) fn count(&self, set: Set) -> u32 {
        let count = match set {
            Set::Observations => 0,
            Set::Datastreams => self.streams.len(),
            Set::Sensors => self.sensors.groups.len(),
            Set::ObservedProperties => self.properties.groups.len(),
            Set::HistoricalLocations if self.since_ms.is_none() => 0,
            _ => self.things.groups.len(),
        };
        count as u32
    }

    pub(super) fn id(&self, set: Set, i: u32) -> Id {
        if self.naming == Naming::Numbers {
            return Id::Number(u64::from(i) + 1);
        }
        let first_key = |members: &[u32]| members.first().and_then(|s| self.stream(*s)).map_or(String::new(), |s| s.key.clone());
        let i = i as usize;
        Id::Text(match set {
            Set::Datastreams => self.streams[i].stream.key.clone(),
            Set::Sensors => format!("{}/{}", self.sensors.groups[i].0.0, self.sensors.groups[i].0.1),
            Set::ObservedProperties => self.properties.groups[i].0.clone(),
            _ => first_key(&self.things.groups[i].1),
        })
    }

    pub(super) fn find(&self, set: Set, id: &Id) -> Option<u32> {
        let found = match (self.naming, id) {
            (Naming::Numbers, Id::Number(n)) => u32::try_from(n.checked_sub(1)?).ok(),
            (Naming::Keys, Id::Text(text)) => match set {
                Set::Datastreams => self.stream_of(text),
                Set::Sensors => self.sensors.index.get(&text.rsplit_once('/').map(|(f, p)| (f.to_owned(), p.to_owned()))?).copied(),
                Set::ObservedProperties => self.properties.index.get(text).copied(),
                // Only the first of a Thing's datastreams names it.
                _ => self.stream_of(text).map(|s| self.streams[s as usize].thing).filter(|t| self.id(set, *t) == *id),
            },
            _ => None,
        };
        found.filter(|i| *i < self.count(set))
    }

    /// What a navigation property of a catalogue entity leads to within the catalogue.
    pub(super) fn linked(&self, (set, i): (Set, u32), to: Set) -> Vec<u32> {
        let i = i as usize;
        match (set, to) {
            (_, Set::HistoricalLocations) if self.since_ms.is_none() => Vec::new(),
            (Set::Datastreams, Set::Sensors) => vec![self.streams[i].sensor],
            (Set::Datastreams, Set::ObservedProperties) => vec![self.streams[i].property],
            (Set::Datastreams, _) => vec![self.streams[i].thing],
            (_, Set::Datastreams) => self.streams_of(set, i as u32).to_vec(),
            _ => vec![i as u32],
        }
    }

    /// Datastreams behind an entity of any set.
    pub(super) fn streams_of(&self, set: Set, i: u32) -> &[u32] {
        let i = i as usize;
        match set {
            Set::Sensors => &self.sensors.groups[i].1,
            Set::ObservedProperties => &self.properties.groups[i].1,
            Set::Datastreams | Set::Observations => &[],
            _ => &self.things.groups[i].1,
        }
    }

    pub(super) fn feature_of(&self, stream: u32) -> Entity {
        Entity::Catalogue(Set::FeaturesOfInterest, self.streams[stream as usize].thing)
    }

    /// What filters ask for most, without making the whole entity.
    pub(super) fn value(&self, set: Set, i: u32, name: &str) -> Option<Value> {
        match (set, name) {
            (Set::Datastreams, "observedArea") => {
                let s = &self.streams[i as usize].stream;
                Some(shape(s.lon, s.lat))
            }
            (Set::Locations, "location") | (Set::FeaturesOfInterest, "feature") => {
                let [lon, lat, _] = self.things.groups[i as usize].0.2.map(f64::from_bits);
                Some(shape(lon, lat))
            }
            (Set::ObservedProperties, "name") => Some(Value::Text(self.properties.groups[i as usize].0.clone())),
            (Set::Things | Set::Locations | Set::FeaturesOfInterest, "name") => {
                Some(Value::Text(self.things.groups[i as usize].0.1.clone()))
            }
            (Set::HistoricalLocations, "time") => self.since_ms.map(Value::Time),
            _ => None,
        }
    }

    /// The entity's own properties, without ids and links. `span`: times of a datastream's first and last observation.
    pub(super) fn properties(&self, set: Set, i: u32, span: Option<(i64, i64)>) -> Map<String, Json> {
        object(match set {
            Set::Sensors => self.sensor(&self.sensors.groups[i as usize].0),
            Set::ObservedProperties => {
                let property = &self.properties.groups[i as usize].0;
                json!({"name": property, "definition": vocabulary::property(property), "description": property.replace('_', " ")})
            }
            Set::Datastreams => datastream(&self.streams[i as usize].stream, span),
            Set::Observations => Json::Null,
            _ => self.of_thing(set, i),
        })
    }

    fn sensor(&self, (feed, property): &(String, String)) -> Json {
        let of = if feed.is_empty() { String::new() } else { format!(" of feed {feed}") };
        json!({"name": format!("{property} sensor"), "description": format!("Instrument that measures {property}{of}"),
            "encodingType": "text/html", "metadata": "https://docs.ogc.org/is/18-088/18-088.html#sensor", "properties": {"feed": feed}})
    }

    fn of_thing(&self, set: Set, i: u32) -> Json {
        let ((feed, name, place), members) = &self.things.groups[i as usize];
        let [lon, lat, height_m] = place.map(f64::from_bits);
        let point = json!({"type": "Point", "coordinates": [lon, lat]});
        match set {
            Set::Things => {
                let key = members.first().and_then(|s| self.stream(*s)).map(|s| &s.key);
                json!({"name": name, "description": format!("Sensor station {name}"),
                    "properties": {"key": key, "feed": feed, "height_m": height_m}})
            }
            Set::Locations => json!({"name": name, "description": format!("Where {name} stands"),
                "encodingType": "application/geo+json", "location": point}),
            Set::FeaturesOfInterest => json!({"name": name, "description": format!("The surroundings of {name}"),
                "encodingType": "application/geo+json", "feature": point}),
            _ => json!({"time": self.since_ms.map(iso)}),
        }
    }
}

fn datastream(s: &Stream, span: Option<(i64, i64)>) -> Json {
    let (unit, definition) = vocabulary::unit(&s.unit);
    let mut out = json!({"name": format!("{} {}", s.thing, s.observed_property),
        "description": format!("{} at {}", s.observed_property, s.thing),
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": unit, "symbol": s.unit, "definition": definition},
        "observedArea": {"type": "Point", "coordinates": [s.lon, s.lat]},
        "properties": {"key": s.key, "feed": s.feed}});
    if let Some((first, last)) = span {
        let interval = format!("{}/{}", iso(first), iso(last));
        out["phenomenonTime"] = interval.clone().into();
        out["resultTime"] = interval.into();
    }
    out
}

fn shape(lon: f64, lat: f64) -> Value {
    Value::Shape(Arc::new(Point::new(lon, lat).into()))
}

fn object(value: Json) -> Map<String, Json> {
    if let Json::Object(map) = value { map } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(key: &str, thing: &str, property: &str, lon: f64) -> Stream {
        let [key, feed, thing, observed_property, unit] = [key, "f", thing, property, "m"].map(str::to_owned);
        Stream { key, feed, thing, observed_property, unit, lon, lat: 1.0, height_m: 0.0 }
    }

    #[test]
    fn datastreams_of_one_station_share_its_thing_and_those_of_one_kind_its_sensor() {
        let mut c = Catalogue::new(Naming::Keys, Some(0));
        for (key, thing, property) in [("f/1", "A", "pm10"), ("f/2", "A", "no2"), ("f/3", "B", "pm10")] {
            c.learn(stream(key, thing, property, 1.0));
        }
        assert_eq!([Set::Things, Set::Sensors, Set::ObservedProperties, Set::HistoricalLocations].map(|s| c.count(s)), [2; 4]);
        assert_eq!(c.linked((Set::Things, 0), Set::Datastreams), [0, 1]);
        assert_eq!(c.linked((Set::ObservedProperties, 0), Set::Datastreams), [0, 2]);
        for set in [Set::Things, Set::Datastreams, Set::Sensors, Set::ObservedProperties, Set::Locations] {
            (0..c.count(set)).for_each(|i| assert_eq!(c.find(set, &c.id(set, i)), Some(i), "{set:?}"));
        }
        assert_eq!(c.find(Set::Things, &Id::Text("f/2".into())), None, "its second datastream does not name a Thing");
    }

    #[test]
    fn a_thing_that_moves_stays_one() {
        let mut c = Catalogue::default();
        (0..50).for_each(|i| c.learn(stream("f/1", "boat", "temperature", f64::from(i))));
        assert_eq!(c.count(Set::Things), 1);
        assert_eq!(c.value(Set::Locations, 0, "location"), Some(shape(49.0, 1.0)));
    }
}
