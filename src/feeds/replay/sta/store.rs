//! What the platform knows: the catalogue, and a bounded history of observations.

use super::value::{Value, iso};
use crate::model::observation::{Datastream, Observation, Quality};
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, VecDeque};

/// Observations kept in all, about 40 bytes each: four hours of a thousand sensors.
pub const HISTORY_MAX: usize = 500_000;
/// Observations kept of one datastream.
pub const HISTORY_A_STREAM_MAX: usize = 2_000;

/// The entity sets of SensorThings Sensing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Things,
    Locations,
    HistoricalLocations,
    Datastreams,
    Sensors,
    ObservedProperties,
    Observations,
    FeaturesOfInterest,
}

pub const SETS: [(Set, &str); 8] = [
    (Set::Things, "Things"),
    (Set::Locations, "Locations"),
    (Set::HistoricalLocations, "HistoricalLocations"),
    (Set::Datastreams, "Datastreams"),
    (Set::Sensors, "Sensors"),
    (Set::ObservedProperties, "ObservedProperties"),
    (Set::Observations, "Observations"),
    (Set::FeaturesOfInterest, "FeaturesOfInterest"),
];

impl Set {
    pub fn parse(name: &str) -> Option<Set> {
        SETS.into_iter().find(|(_, n)| *n == name).map(|(set, _)| set)
    }

    pub fn name(self) -> &'static str {
        SETS.into_iter().find(|(set, _)| *set == self).map_or("", |(_, n)| n)
    }

    /// Navigation properties: name, where they lead, whether to many.
    pub fn links(self) -> &'static [(&'static str, Set, bool)] {
        use Set::*;
        match self {
            Things => {
                &[("Datastreams", Datastreams, true), ("Locations", Locations, true), ("HistoricalLocations", HistoricalLocations, true)]
            }
            Locations => &[("Things", Things, true), ("HistoricalLocations", HistoricalLocations, true)],
            HistoricalLocations => &[("Thing", Things, false), ("Locations", Locations, true)],
            Datastreams => &[
                ("Thing", Things, false),
                ("Sensor", Sensors, false),
                ("ObservedProperty", ObservedProperties, false),
                ("Observations", Observations, true),
            ],
            Sensors | ObservedProperties => &[("Datastreams", Datastreams, true)],
            Observations => &[("Datastream", Datastreams, false), ("FeatureOfInterest", FeaturesOfInterest, false)],
            FeaturesOfInterest => &[("Observations", Observations, true)],
        }
    }
}

/// One observation as it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    pub id: u64,
    stream: u32,
    time_ms: i64,
    value: f64,
    suspect: bool,
}

/// An entity: of the catalogue by its place, of the history by itself.
///
/// Thing, Location, Datastream and FeatureOfInterest of one sensor have the same number; Sensor and ObservedProperty of one kind too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entity {
    Catalogue(Set, u32),
    Observation(Kept),
}

/// Catalogue and history.
#[derive(Debug, Default)]
pub struct Store {
    streams: Vec<Stream>,
    by_key: HashMap<String, u32>,
    /// Observed property and unit of each kind of sensor.
    kinds: Vec<(String, String)>,
    all: VecDeque<Kept>,
    next_id: u64,
    /// Times in `all` never went back, so that a time can be looked up.
    out_of_order: bool,
}

#[derive(Debug)]
struct Stream {
    datastream: Datastream,
    kind: u32,
    recent: VecDeque<Kept>,
}

impl Store {
    /// Adds a datastream, or changes the one of the same id.
    pub fn learn(&mut self, datastream: Datastream) {
        let named = (datastream.observed_property.clone(), datastream.unit.clone());
        let kind = self.kinds.iter().position(|k| *k == named).unwrap_or_else(|| {
            self.kinds.push(named);
            self.kinds.len() - 1
        }) as u32;
        match self.by_key.get(&datastream.id) {
            Some(&i) => {
                let stream = &mut self.streams[i as usize];
                (stream.datastream, stream.kind) = (datastream, kind);
            }
            None => {
                self.by_key.insert(datastream.id.clone(), self.streams.len() as u32);
                self.streams.push(Stream { datastream, kind, recent: VecDeque::new() });
            }
        }
    }

    /// Keeps an observation; `None` when its datastream is unknown.
    pub fn keep(&mut self, o: &Observation) -> Option<Entity> {
        let stream = *self.by_key.get(&o.datastream)?;
        self.next_id += 1;
        let time_ms = o.phenomenon_time.timestamp_millis();
        let kept = Kept { id: self.next_id, stream, time_ms, value: o.value, suspect: o.quality == Quality::Suspect };
        self.out_of_order |= self.all.back().is_some_and(|last| last.time_ms > time_ms);
        if self.all.len() == HISTORY_MAX {
            self.all.pop_front();
        }
        self.all.push_back(kept);
        let recent = &mut self.streams[stream as usize].recent;
        if recent.len() == HISTORY_A_STREAM_MAX {
            recent.pop_front();
        }
        recent.push_back(kept);
        Some(Entity::Observation(kept))
    }

    pub fn datastreams(&self) -> usize {
        self.streams.len()
    }

    /// All entities of a set by id; observations from `floor_ms` on where that can be looked up.
    pub fn all(&self, set: Set, floor_ms: Option<i64>) -> Vec<Entity> {
        let count = match set {
            Set::Observations => {
                let from = floor_ms.filter(|_| !self.out_of_order).map_or(0, |ms| self.all.partition_point(|o| o.time_ms < ms));
                return self.all.range(from..).map(|o| Entity::Observation(*o)).collect();
            }
            Set::HistoricalLocations => 0,
            Set::Sensors | Set::ObservedProperties => self.kinds.len(),
            _ => self.streams.len(),
        };
        (0..count as u32).map(|i| Entity::Catalogue(set, i)).collect()
    }

    pub fn find(&self, set: Set, id: u64) -> Option<Entity> {
        match set {
            Set::Observations => {
                let i = self.all.binary_search_by_key(&id, |o| o.id).ok()?;
                self.all.get(i).map(|o| Entity::Observation(*o))
            }
            Set::HistoricalLocations => None,
            _ => {
                let count = if matches!(set, Set::Sensors | Set::ObservedProperties) { self.kinds.len() } else { self.streams.len() };
                let i = id.checked_sub(1).filter(|i| *i < count as u64)?;
                Some(Entity::Catalogue(set, i as u32))
            }
        }
    }

    /// What a navigation property leads to; the caller knows from [`Set::links`] that it exists.
    pub fn linked(&self, entity: Entity, to: Set) -> Vec<Entity> {
        let here = |set, i| vec![Entity::Catalogue(set, i)];
        match (entity, to) {
            (_, Set::HistoricalLocations) => Vec::new(),
            (Entity::Observation(o), to) => here(to, o.stream),
            (Entity::Catalogue(Set::Datastreams | Set::FeaturesOfInterest, i), Set::Observations) => {
                self.streams[i as usize].recent.iter().map(|o| Entity::Observation(*o)).collect()
            }
            (Entity::Catalogue(Set::Datastreams, i), Set::Sensors | Set::ObservedProperties) => here(to, self.streams[i as usize].kind),
            (Entity::Catalogue(Set::Sensors | Set::ObservedProperties, kind), _) => {
                let of_kind = self.streams.iter().enumerate().filter(|(_, s)| s.kind == kind);
                of_kind.map(|(i, _)| Entity::Catalogue(to, i as u32)).collect()
            }
            (Entity::Catalogue(_, i), to) => here(to, i),
        }
    }

    /// The value at a path such as `result`, `Datastream/id` or `unitOfMeasurement/symbol`; `Null` where there is none.
    pub fn value(&self, entity: Entity, path: &[String]) -> Value {
        let Some((first, rest)) = path.split_first() else { return Value::Null };
        if let Some((_, to, many)) = entity.set().links().iter().find(|l| l.0 == first) {
            return match (many, self.linked(entity, *to).first()) {
                (false, Some(next)) => self.value(*next, rest),
                _ => Value::Null,
            };
        }
        match (entity, first.as_str()) {
            (_, "id" | "@iot.id") => Value::Number(entity.id() as f64),
            (Entity::Observation(o), "phenomenonTime" | "resultTime") => Value::Time(o.time_ms),
            (Entity::Observation(o), "result") => Value::Number(o.value),
            _ => {
                let properties = Json::Object(self.properties(entity));
                match path.iter().try_fold(&properties, |at, key| at.get(key)) {
                    Some(Json::String(s)) => Value::Text(s.clone()),
                    Some(Json::Number(n)) => n.as_f64().map_or(Value::Null, Value::Number),
                    Some(Json::Bool(b)) => Value::Bool(*b),
                    _ => Value::Null,
                }
            }
        }
    }

    /// The entity's own properties, without ids and links.
    pub fn properties(&self, entity: Entity) -> Map<String, Json> {
        let (set, i) = match entity {
            Entity::Catalogue(set, i) => (set, i as usize),
            Entity::Observation(o) => {
                let mut p = object(json!({"phenomenonTime": iso(o.time_ms), "resultTime": iso(o.time_ms), "result": o.value}));
                if o.suspect {
                    p.insert("resultQuality".into(), "suspect".into());
                }
                return p;
            }
        };
        if matches!(set, Set::Sensors | Set::ObservedProperties) {
            let (property, _) = &self.kinds[i];
            return object(if set == Set::Sensors {
                json!({"name": format!("{property} sensor"), "description": format!("Instrument that measures {property}"),
                    "encodingType": "text/html", "metadata": "https://docs.ogc.org/is/18-088/18-088.html#sensor"})
            } else {
                json!({"name": property, "definition": format!("urn:yiping:property:{property}"), "description": property})
            });
        }
        let Stream { datastream: d, recent, .. } = &self.streams[i];
        let place = json!({"type": "Point", "coordinates": [d.lon, d.lat]});
        object(match set {
            Set::Things => json!({"name": d.sensor, "description": format!("Sensor {}", d.id),
                "properties": {"key": d.id, "height_m": d.height_m}}),
            Set::Locations => json!({"name": d.sensor, "description": format!("Where sensor {} stands", d.id),
                "encodingType": "application/geo+json", "location": place}),
            Set::FeaturesOfInterest => json!({"name": d.sensor, "description": format!("The surroundings of sensor {}", d.id),
                "encodingType": "application/geo+json", "feature": place}),
            _ => {
                let mut p = json!({"name": format!("{} {}", d.sensor, d.observed_property),
                    "description": format!("{} at {}", d.observed_property, d.sensor),
                    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
                    "unitOfMeasurement": {"name": d.unit, "symbol": d.unit, "definition": format!("urn:yiping:unit:{}", d.unit)},
                    "observedArea": place});
                if let (Some(first), Some(last)) = (recent.front(), recent.back()) {
                    p["phenomenonTime"] = format!("{}/{}", iso(first.time_ms), iso(last.time_ms)).into();
                }
                p
            }
        })
    }
}

impl Entity {
    pub fn set(self) -> Set {
        match self {
            Entity::Catalogue(set, _) => set,
            Entity::Observation(_) => Set::Observations,
        }
    }

    pub fn id(self) -> u64 {
        match self {
            Entity::Catalogue(_, i) => u64::from(i) + 1,
            Entity::Observation(o) => o.id,
        }
    }

    /// The number of the datastream an observation belongs to.
    pub fn datastream_id(self) -> Option<u64> {
        match self {
            Entity::Observation(o) => Some(u64::from(o.stream) + 1),
            Entity::Catalogue(..) => None,
        }
    }
}

fn object(value: Json) -> Map<String, Json> {
    if let Json::Object(map) = value { map } else { Map::new() }
}
