//! An NGSI-LD entity as brokers write it (ETSI GS CIM 009): normalized, concise, key-values, and expanded JSON-LD; NGSI v2's form on
//! the way. All of them become one: short names, and attributes that have a value, perhaps a time and a unit.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

/// Instances of one attribute that are read (several sources by `datasetId`, the lanes of a road).
const INSTANCES_MAX: usize = 64;
/// Characters of an id, and of an attribute's name.
const ID_MAX: usize = 300;
const NAME_MAX: usize = 100;
/// Members that hold a value: of a Property, a VocabProperty, a LanguageProperty, a JsonProperty (ETSI GS CIM 009, 4.5).
const VALUES: [&str; 4] = ["value", "vocab", "languageMap", "json"];
/// Of a text in several languages, the first of these that is there.
const LANGUAGES: [&str; 4] = ["zh", "zh-CN", "zh-Hans", "en"];

/// An entity with short names: `NO2`, not `https://smartdatamodels.org/dataModel.Environment/NO2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub id: String,
    pub kind: String,
    attributes: Map<String, Value>,
}

/// One instance of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute<'a> {
    pub name: &'a str,
    pub value: &'a Value,
    pub observed_at: Option<DateTime<Utc>>,
    /// UN/CEFACT code.
    pub unit_code: Option<&'a str>,
    pub dataset: Option<&'a str>,
}

impl Entity {
    /// # Errors
    /// In words: no object, no id, no type.
    pub fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(members) = plain(value) else { return Err("an entity that is no object".into()) };
        let text = |name: &str| {
            members.get(name).or_else(|| members.get(&format!("@{name}"))).map(|v| match v {
                // Several types: the first.
                Value::Array(all) => all.first().cloned().unwrap_or(Value::Null),
                one => one.clone(),
            })
        };
        let text = |name: &str| text(name).and_then(|v| v.as_str().map(str::to_owned)).filter(|t| !t.is_empty());
        let id = text("id").ok_or("an entity without id")?;
        if id.chars().count() > ID_MAX {
            return Err(format!("an entity whose id is longer than {ID_MAX} characters"));
        }
        let kind = text("type").map(|t| short(&t).to_owned()).ok_or_else(|| format!("{id}: no type"))?;
        Ok(Self { id, kind, attributes: members })
    }

    /// All instances of all attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let is_attribute = |name: &str| !name.starts_with('@') && name.len() <= NAME_MAX && !matches!(name, "id" | "type");
        let members = self.attributes.iter().filter(move |(name, _)| is_attribute(name));
        members.flat_map(|(name, value)| instances(name, value))
    }

    /// The first instance of the first of these attributes that is there.
    pub fn attribute(&self, names: &[&str]) -> Option<Attribute<'_>> {
        names
            .iter()
            .find_map(|name| self.attributes.get_key_value(*name).and_then(|(name, value)| instances(name, value).into_iter().next()))
    }

    /// The value of an attribute as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(&[name])?.value.as_str().map(str::trim).filter(|t| !t.is_empty())
    }

    /// The value of an attribute as a time.
    pub fn time(&self, names: &[&str]) -> Option<DateTime<Utc>> {
        names.iter().find_map(|name| time(self.text(name)?))
    }

    /// The geometry of the first of these attributes that has one.
    pub fn geometry(&self, names: &[&str]) -> Option<&Value> {
        self.attribute(names).map(|a| a.value).filter(|v| v.get("coordinates").is_some())
    }
}

fn instances<'a>(name: &'a str, value: &'a Value) -> Vec<Attribute<'a>> {
    match value {
        // A list of instances, or a value that is a list itself.
        Value::Array(all) if all.iter().any(is_instance) => all.iter().take(INSTANCES_MAX).map(|v| instance(name, v)).collect(),
        one => vec![instance(name, one)],
    }
}

fn is_instance(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    VALUES.iter().any(|name| has(name)) || (has("object") && value.get("type").is_some_and(|t| t == "Relationship"))
}

fn instance<'a>(name: &'a str, value: &'a Value) -> Attribute<'a> {
    if !is_instance(value) {
        return Attribute { name, value, observed_at: None, unit_code: None, dataset: None };
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    // NGSI v2 keeps both as metadata.
    let metadata = |name: &str| value.get("metadata").and_then(|m| m.get(name)).and_then(|m| m.get("value").unwrap_or(m).as_str());
    let held = VALUES.iter().find_map(|name| value.get(name)).or_else(|| value.get("object")).unwrap_or(&Value::Null);
    Attribute {
        name,
        value: if value.get("languageMap").is_some() { in_our_language(held) } else { held },
        observed_at: text("observedAt").or_else(|| metadata("timestamp")).or_else(|| metadata("TimeInstant")).and_then(time),
        unit_code: text("unitCode").or_else(|| metadata("unitCode")),
        dataset: text("datasetId"),
    }
}

/// The text of a language map in a language of ours, else in any.
fn in_our_language(map: &Value) -> &Value {
    let ours = LANGUAGES.iter().find_map(|language| map.get(language));
    ours.or_else(|| map.as_object()?.values().next()).unwrap_or(map)
}

/// JSON-LD's wrappings taken off, and every name of a member made short.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            for wrapping in ["@value", "@list", "@set"] {
                if let Some(inner) = members.get(wrapping) {
                    return plain(inner);
                }
            }
            let is_reference = members.len() == 1 && members.contains_key("@id");
            match members.get("@id") {
                Some(id) if is_reference => id.clone(),
                _ => Value::Object(members.iter().map(|(name, value)| member(name, value)).collect()),
            }
        }
        // Expanded JSON-LD has a list around everything.
        Value::Array(list) => match list.as_slice() {
            [one @ Value::Object(members)] if members.keys().any(|k| k.starts_with('@') || k.starts_with("https://uri.etsi.org/")) => {
                plain(one)
            }
            list => Value::Array(list.iter().map(plain).collect()),
        },
        other => other.clone(),
    }
}

fn member(name: &str, value: &Value) -> (String, Value) {
    match name {
        "@type" => {
            // `["https://uri.etsi.org/ngsi-ld/Property"]`
            let text = value.as_str().or_else(|| value.get(0).and_then(Value::as_str)).unwrap_or_default();
            ("type".into(), Value::String(short(text).to_owned()))
        }
        "@id" => ("id".into(), value.clone()),
        // Names of terms, not values.
        "@context" => ("@context".into(), Value::Null),
        name => {
            let name = match short(name) {
                "hasValue" => "value",
                "hasObject" => "object",
                name => name,
            };
            (name.to_owned(), plain(value))
        }
    }
}

/// A term without its namespace.
pub fn short(name: &str) -> &str {
    // Not at a colon within a word that is no prefix: `urn:` names are values and not terms.
    let after = name.rsplit(['/', '#']).next().unwrap_or(name);
    after.rsplit(':').next().unwrap_or(after)
}

/// An instant, or the end of an interval `a/b`; without a zone it is UTC, as the standard has it.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let end = text.rsplit('/').next()?.trim();
    let without_zone = || ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"].iter().find_map(|f| NaiveDateTime::parse_from_str(end, f).ok());
    DateTime::parse_from_rfc3339(end).ok().map(|t| t.with_timezone(&Utc)).or_else(|| without_zone().map(|t| t.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn no2(entity: Value) -> (f64, Option<String>, Option<String>) {
        let entity = Entity::read(&entity).unwrap();
        assert_eq!((entity.id.as_str(), entity.kind.as_str()), ("urn:x:1", "AirQualityObserved"));
        assert_eq!(entity.geometry(&["location"]).unwrap()["coordinates"], json!([118.2, 33.9]));
        let no2 = entity.attribute(&["NO2"]).unwrap();
        (no2.value.as_f64().unwrap(), no2.unit_code.map(Into::into), no2.observed_at.map(|t| t.to_rfc3339()))
    }

    #[test]
    fn all_forms_of_an_entity_say_the_same() {
        let point = json!({"type": "Point", "coordinates": [118.2, 33.9]});
        let whole = (69.0, Some("GQ".to_owned()), Some("2026-01-01T00:00:00+00:00".to_owned()));
        let normalized = json!({"id": "urn:x:1", "type": "AirQualityObserved", "location": {"type": "GeoProperty", "value": point},
            "NO2": {"type": "Property", "value": 69, "unitCode": "GQ", "observedAt": "2026-01-01T00:00:00Z"}});
        let concise = json!({"id": "urn:x:1", "type": "AirQualityObserved", "location": point,
            "NO2": {"value": 69, "unitCode": "GQ", "observedAt": "2026-01-01T00:00:00Z"}});
        let expanded_names = json!({"id": "urn:x:1", "type": "https://smartdatamodels.org/dataModel.Environment/AirQualityObserved",
            "location": {"type": "GeoProperty", "value": point}, "https://smartdatamodels.org/dataModel.Environment/NO2":
            {"type": "Property", "value": 69, "unitCode": "GQ", "observedAt": "2026-01-01T08:00:00+08:00"}});
        let expanded = json!({"@id": "urn:x:1", "@type": ["https://uri.fiware.org/ns/data-models#AirQualityObserved"],
            "https://uri.etsi.org/ngsi-ld/location": [{"@type": ["https://uri.etsi.org/ngsi-ld/GeoProperty"],
                "https://uri.etsi.org/ngsi-ld/hasValue": [{"@type": ["https://purl.org/geojson/vocab#Point"],
                    "https://purl.org/geojson/vocab#coordinates": [{"@list": [{"@value": 118.2}, {"@value": 33.9}]}]}]}],
            "https://uri.fiware.org/ns/data-models#NO2": [{"@type": ["https://uri.etsi.org/ngsi-ld/Property"],
                "https://uri.etsi.org/ngsi-ld/hasValue": [{"@value": 69}], "https://uri.etsi.org/ngsi-ld/unitCode": [{"@value": "GQ"}],
                "https://uri.etsi.org/ngsi-ld/observedAt": [{"@type": "https://uri.etsi.org/ngsi-ld/DateTime", "@value": "2026-01-01T00:00:00Z"}]}]});
        let v2 = json!({"id": "urn:x:1", "type": "AirQualityObserved", "location": {"type": "geo:json", "value": point, "metadata": {}},
            "NO2": {"type": "Number", "value": 69, "metadata": {"unitCode": {"type": "Text", "value": "GQ"}, "timestamp": {"type": "DateTime", "value": "2026-01-01T00:00:00.000Z"}}}});
        for entity in [normalized, concise, expanded_names, expanded, v2] {
            assert_eq!(no2(entity.clone()), whole, "{entity}");
        }
        let key_values = json!({"id": "urn:x:1", "type": ["AirQualityObserved"], "location": point, "NO2": 69});
        assert_eq!(no2(key_values), (69.0, None, None));
    }

    #[test]
    fn several_instances_of_an_attribute_are_several() {
        let entity = json!({"id": "a", "type": "T", "speed": [{"value": 1, "datasetId": "urn:lane:1"}, {"value": 2}], "tags": [1, 2]});
        let entity = Entity::read(&entity).unwrap();
        let all: Vec<_> = entity.attributes().map(|a| (a.name, a.value.clone(), a.dataset)).collect();
        assert_eq!(all, [("speed", json!(1), Some("urn:lane:1")), ("speed", json!(2), None), ("tags", json!([1, 2]), None)]);
        assert!(
            Entity::read(&json!([])).is_err() && Entity::read(&json!({"type": "T"})).is_err() && Entity::read(&json!({"id": "a"})).is_err()
        );
    }

    #[test]
    fn times_have_a_zone_or_are_utc_and_an_interval_is_its_end() {
        let read = |text: &str| time(text).map(|t| t.timestamp());
        assert_eq!(read("2016-03-15T11:00:00/2016-03-15T12:00:00"), read("2016-03-15T12:00:00Z"));
        assert_eq!((read("2016-03-15T12:00:00.5+08:00"), read("yesterday")), (read("2016-03-15T04:00:00Z"), None));
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(text in "[\\[{\"}\\]:,@a-z0-9 ]{0,80}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = Entity::read(&value).map(|e| e.attributes().count());
            }
        }
    }
}
