//! What CityJSON says, as serde sees it. Whatever one object can get wrong stays raw text here, so that it can't spoil the rest of the file.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A CityJSON file, the header of a CityJSONSeq, or one CityJSONFeature.
#[derive(Deserialize)]
#[serde(expecting = "a CityJSON object, `{\"type\": \"CityJSON\", ...}`")]
pub(super) struct Document<'a> {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub version: Option<String>,
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub transform: Option<&'a RawValue>,
    #[serde(rename = "CityObjects", borrow, default)]
    pub objects: Objects<'a>,
    #[serde(borrow)]
    pub vertices: Option<&'a RawValue>,
    #[serde(rename = "geometry-templates", borrow)]
    pub templates: Option<&'a RawValue>,
}

/// Ids and objects in the file's order, an id twice if the file has it twice.
#[derive(Default)]
pub(super) struct Objects<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

/// A string that stays in the file's text where it has no escapes; serde borrows a `Cow` only when told so on a field.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Objects<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Objects<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of city objects by their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Text(id), object)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    entries.push((id, object));
                }
                Ok(Objects(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[derive(Deserialize)]
pub(super) struct Object<'a> {
    #[serde(rename = "type", borrow)]
    pub class: Cow<'a, str>,
    #[serde(borrow)]
    pub attributes: Option<&'a RawValue>,
    /// Stands beside the attributes since 1.1, and is one of them to anybody who asks.
    #[serde(borrow)]
    pub address: Option<&'a RawValue>,
    #[serde(borrow)]
    pub parents: Option<&'a RawValue>,
    #[serde(borrow)]
    pub children: Option<&'a RawValue>,
    #[serde(borrow)]
    pub geometry: Option<Vec<Geometry<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Geometry<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// A string since 1.1, a number before.
    #[serde(borrow)]
    pub lod: Option<&'a RawValue>,
    #[serde(borrow)]
    pub boundaries: Option<&'a RawValue>,
    #[serde(borrow)]
    pub semantics: Option<&'a RawValue>,
    /// Of a GeometryInstance.
    #[serde(borrow)]
    pub template: Option<&'a RawValue>,
    #[serde(rename = "transformationMatrix", borrow)]
    pub matrix: Option<&'a RawValue>,
}

impl Geometry<'_> {
    /// The level of detail as written, without quotes; empty where there is none.
    pub fn lod(&self) -> &str {
        self.lod.map_or("", |raw| raw.get().trim_matches('"'))
    }
}

#[derive(Deserialize)]
pub(super) struct Semantics<'a> {
    #[serde(borrow)]
    pub surfaces: Vec<SemanticSurface<'a>>,
    #[serde(borrow)]
    pub values: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct SemanticSurface<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawTemplates<'a> {
    #[serde(borrow)]
    pub templates: Vec<Geometry<'a>>,
    #[serde(rename = "vertices-templates", borrow)]
    pub vertices: &'a RawValue,
}
