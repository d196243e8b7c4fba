//! What CityJSON says, as pieces of its text. Whatever one object can get wrong stays raw here, so that it can't spoil the rest of the file.
//!
//! Each shape is read twice over: by a [`Scan`] where the text is as expected, else by serde, which says what is wrong.

use super::scan::Scan;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A CityJSON file, the header of a CityJSONSeq, or one CityJSONFeature.
#[derive(Deserialize, Default)]
#[serde(expecting = "a CityJSON object, `{\"type\": \"CityJSON\", ...}`")]
pub(super) struct Document<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub version: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub metadata: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub transform: Option<&'a str>,
    #[serde(rename = "CityObjects", borrow, default, deserialize_with = "entries")]
    pub objects: Vec<Entry<'a>>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub vertices: Option<&'a str>,
    #[serde(rename = "geometry-templates", borrow, deserialize_with = "raw", default)]
    pub templates: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub appearance: Option<&'a str>,
}

impl<'a> Document<'a> {
    /// # Errors
    /// serde's, with line and column in `text`.
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        Self::scan(text).map_or_else(|| serde_json::from_str(text), Ok)
    }

    fn scan(text: &'a str) -> Option<Self> {
        let mut all = Self::default();
        let mut objects = None;
        let mut scan = Scan::new(text);
        scan.members(|scan, key| match key {
            "type" => once(&mut all.kind, Cow::Borrowed(scan.plain_string()?)),
            "version" => once(&mut all.version, Cow::Borrowed(scan.plain_string()?)),
            "metadata" => piece(&mut all.metadata, scan),
            "transform" => piece(&mut all.transform, scan),
            "vertices" => piece(&mut all.vertices, scan),
            "geometry-templates" => piece(&mut all.templates, scan),
            "appearance" => piece(&mut all.appearance, scan),
            "CityObjects" => once(&mut objects, Entry::scan_all(scan)?),
            _ => other(scan, key),
        })?;
        scan.end()?;
        all.objects = objects.unwrap_or_default();
        Some(all)
    }
}

/// Fills a member that may come once. serde has words for the second time.
fn once<T>(member: &mut Option<T>, value: T) -> Option<()> {
    member.replace(value).is_none().then_some(())
}

/// The same with a value as it is written; `null` says nothing.
fn piece<'a>(member: &mut Option<&'a str>, scan: &mut Scan<'a>) -> Option<()> {
    match scan.value()? {
        "null" => Some(()),
        text => once(member, text),
    }
}

/// Walks over a member nobody asked for. A name with escapes may be one that somebody did ask for.
fn other(scan: &mut Scan, key: &str) -> Option<()> {
    if key.contains('\\') { None } else { scan.value().map(drop) }
}

fn raw<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a str>, D::Error> {
    Ok(Option::<&'de RawValue>::deserialize(deserializer)?.map(RawValue::get))
}

/// A city object as it stands in the file; in the file's order, an id twice if the file has it twice.
pub(super) struct Entry<'a> {
    pub id: Cow<'a, str>,
    pub text: &'a str,
    /// Lists of the ids of its parents and of its children, where it has them.
    pub kin: [Option<&'a str>; 2],
    /// A CityObjectGroup: its children are members, not parts.
    pub is_group: bool,
}

impl<'a> Entry<'a> {
    fn scan_all(scan: &mut Scan<'a>) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        scan.members(|scan, id| {
            let id = if id.contains('\\') { Cow::Owned(serde_json::from_str(&format!("\"{id}\"")).ok()?) } else { Cow::Borrowed(id) };
            let first = scan.peek()?;
            let (before, mut kin, mut is_group) = (*scan, [None; 2], false);
            if first == b'{' {
                scan.members(|scan, key| match key {
                    "parents" => piece(&mut kin[0], scan),
                    "children" => piece(&mut kin[1], scan),
                    "type" => scan.value().map(|kind| is_group = kind == "\"CityObjectGroup\""),
                    _ => scan.value().map(drop),
                })?;
            } else {
                scan.value()?;
            }
            all.push(Self { id, text: before.until(scan), kin, is_group });
            Some(())
        })?;
        Some(all)
    }
}

/// The members of an object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A string that stays in the file's text where it has no escapes; serde borrows a `Cow` only when told so on a field.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of values by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(id), object)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((id, object));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

fn entries<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry<'a>>, D::Error> {
    let entry = |(id, raw): (Cow<'a, str>, &'a RawValue)| {
        let object: Object = serde_json::from_str(raw.get()).unwrap_or_default();
        Entry { id, text: raw.get(), kin: [object.parents, object.children], is_group: object.class == "CityObjectGroup" }
    };
    Ok(Members::deserialize(deserializer)?.0.into_iter().map(entry).collect())
}

/// A city object's own members.
#[derive(Deserialize, Default)]
pub(super) struct Object<'a> {
    #[serde(rename = "type", borrow)]
    pub class: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub attributes: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub parents: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub children: Option<&'a str>,
    #[serde(borrow, default)]
    pub geometry: Option<Vec<Geometry<'a>>>,
    /// What stands beside the attributes and is one to anybody who asks: `address` since 1.1, `children_roles`, members of extensions.
    #[serde(skip)]
    pub others: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Object<'a> {
    /// # Errors
    /// serde's.
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        if let Some(object) = Self::scan(text) {
            return Ok(object);
        }
        let mut object: Self = serde_json::from_str(text)?;
        let known = |name: &str| matches!(name, "type" | "attributes" | "parents" | "children" | "geometry" | "geographicalExtent");
        let members = serde_json::from_str::<Members>(text)?.0;
        object.others = members.into_iter().filter(|(name, _)| !known(name)).map(|(name, raw)| (name, raw.get())).collect();
        Ok(object)
    }

    fn scan(text: &'a str) -> Option<Self> {
        let (mut object, mut class, mut geometry) = (Self::default(), None, None);
        let mut scan = Scan::new(text);
        scan.members(|scan, key| match key {
            "type" => once(&mut class, scan.plain_string()?),
            "attributes" => piece(&mut object.attributes, scan),
            "parents" => piece(&mut object.parents, scan),
            "children" => piece(&mut object.children, scan),
            "geometry" => once(&mut geometry, Geometry::scan_all(scan)?),
            // Derived from the geometry.
            "geographicalExtent" => scan.value().map(drop),
            _ if key.contains('\\') => None,
            _ => scan.value().map(|text| object.others.push((Cow::Borrowed(key), text))),
        })?;
        scan.end()?;
        object.class = Cow::Borrowed(class?);
        object.geometry = geometry;
        Some(object)
    }
}

/// One geometry of an object, or a template.
#[derive(Deserialize, Default)]
pub(super) struct Geometry<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// A string since 1.1, a number before.
    #[serde(borrow, deserialize_with = "raw", default)]
    pub lod: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub boundaries: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub semantics: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub material: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub texture: Option<&'a str>,
    /// Of a GeometryInstance.
    #[serde(borrow, deserialize_with = "raw", default)]
    pub template: Option<&'a str>,
    #[serde(rename = "transformationMatrix", borrow, deserialize_with = "raw", default)]
    pub matrix: Option<&'a str>,
    /// Members of extensions; missing where serde had to read it.
    #[serde(skip)]
    pub others: Vec<(&'a str, &'a str)>,
}

impl<'a> Geometry<'a> {
    fn scan_all(scan: &mut Scan<'a>) -> Option<Vec<Self>> {
        let mut all = Vec::with_capacity(1);
        scan.items(|scan| {
            all.push(Self::scan(scan)?);
            Some(())
        })?;
        Some(all)
    }

    fn scan(scan: &mut Scan<'a>) -> Option<Self> {
        let (mut geometry, mut kind) = (Self::default(), None);
        scan.members(|scan, key| match key {
            "type" => once(&mut kind, scan.plain_string()?),
            "lod" => piece(&mut geometry.lod, scan),
            "boundaries" => piece(&mut geometry.boundaries, scan),
            "semantics" => piece(&mut geometry.semantics, scan),
            "material" => piece(&mut geometry.material, scan),
            "texture" => piece(&mut geometry.texture, scan),
            "template" => piece(&mut geometry.template, scan),
            "transformationMatrix" => piece(&mut geometry.matrix, scan),
            _ if key.contains('\\') => None,
            _ => scan.value().map(|text| geometry.others.push((key, text))),
        })?;
        geometry.kind = Cow::Borrowed(kind?);
        Some(geometry)
    }

    /// The level of detail as written, without quotes; empty where there is none.
    pub fn lod(&self) -> &'a str {
        self.lod.map_or("", |text| text.trim_matches('"'))
    }
}

/// What the faces of a geometry are.
#[derive(Deserialize, Default)]
pub(super) struct Semantics<'a> {
    #[serde(borrow)]
    pub surfaces: Vec<SemanticSurface<'a>>,
    #[serde(borrow, deserialize_with = "raw", default)]
    pub values: Option<&'a str>,
}

/// One kind of face, often shared by many.
pub(super) struct SemanticSurface<'a> {
    pub kind: Cow<'a, str>,
    /// All it says of itself, when that is more than its type and its kin.
    pub more: Option<&'a str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for SemanticSurface<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
        }
        let text = <&'de RawValue>::deserialize(deserializer)?.get();
        let kind = serde_json::from_str::<Kind>(text).map_err(serde::de::Error::custom)?.kind;
        Ok(Self { kind, more: Some(text) })
    }
}

impl<'a> Semantics<'a> {
    /// # Errors
    /// serde's.
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        Self::scan(text).map_or_else(|| serde_json::from_str(text), Ok)
    }

    fn scan(text: &'a str) -> Option<Self> {
        let (mut surfaces, mut values) = (None, None);
        let mut scan = Scan::new(text);
        scan.members(|scan, key| match key {
            "surfaces" => {
                let mut all = Vec::new();
                scan.items(|scan| {
                    all.push(SemanticSurface::scan(scan)?);
                    Some(())
                })?;
                once(&mut surfaces, all)
            }
            "values" => piece(&mut values, scan),
            _ => other(scan, key),
        })?;
        Some(Self { surfaces: surfaces?, values })
    }
}

impl<'a> SemanticSurface<'a> {
    fn scan(scan: &mut Scan<'a>) -> Option<Self> {
        let (mut kind, mut more) = (None, false);
        scan.peek()?;
        let before = *scan;
        scan.members(|scan, key| match key {
            "type" => once(&mut kind, scan.plain_string()?),
            "parent" | "children" => scan.value().map(drop),
            _ => {
                more = true;
                other(scan, key)
            }
        })?;
        Some(Self { kind: Cow::Borrowed(kind?), more: more.then(|| before.until(scan)) })
    }
}

/// Geometry templates of a file.
#[derive(Deserialize)]
pub(super) struct RawTemplates<'a> {
    #[serde(borrow)]
    pub templates: Vec<Geometry<'a>>,
    #[serde(rename = "vertices-templates", borrow)]
    pub vertices: &'a RawValue,
}
