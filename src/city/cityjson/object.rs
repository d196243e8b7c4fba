//! One city object: its best geometry as faces, its attributes, and whatever is wrong with it.

use super::appearance::Appearance;
use super::geometry::Reader;
use super::shape::Object;
use super::surfaces;
use super::template::Templates;
use crate::city::level::Wanted;
use crate::city::meaning;
use crate::city::part::{Outcome, Paints};
use crate::city::report::BuildReport;
use crate::city::source::CityObject;
use glam::{DVec2, DVec3};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What an object is read against.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub file: &'a Path,
    pub wanted: Wanted,
    pub vertices: &'a [DVec3],
    /// Metres along x and y of one unit of the coordinates.
    pub metres: DVec2,
    pub appearance: &'a Appearance,
    pub templates: &'a Templates<'a>,
}

/// File and object, as they stand at the head of every warning.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    file: &'a Path,
    id: &'a str,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: object {:?}", self.file.display(), self.id)
    }
}

/// Reads one object. Nothing it gets wrong goes further than its own [`Outcome`].
pub(super) fn read(id: &str, text: &str, context: &Context) -> Outcome {
    let name = Name { file: context.file, id };
    let mut outcome = Outcome { object: None, extra: Vec::new(), paints: Vec::new(), children: Vec::new(), report: BuildReport::default() };
    let object = match Object::read(text) {
        Ok(object) => object,
        Err(e) => {
            outcome.report.objects_in += 1;
            outcome.report.reject("object is not in the shape of CityJSON", &format!("{name}: {}; the object is left out", plain(&e)));
            return outcome;
        }
    };
    outcome.children = object.children.map(ids).unwrap_or_default();
    let mut attributes = attributes(&object, name, &mut outcome.report);
    let (extra, paints, report) = (&mut outcome.extra, &mut Paints::default(), &mut outcome.report);
    let rule = meaning::rule(&object.class, &attributes);
    let mut reader = Reader { name, rule, context, extra, paints, members: Map::new(), surfaces: Vec::new(), report };
    let given = object.geometry.as_deref().unwrap_or_default();
    let (lod, faces) = reader.best(given);
    surfaces::keep(reader.surfaces, &mut attributes);
    for (name, value) in reader.members {
        attributes.entry(name).or_insert(value);
    }
    outcome.paints = std::mem::take(&mut paints.list);
    let has_parts = !outcome.children.is_empty();
    if !given.is_empty() {
        outcome.report.objects_in += 1;
        if faces.is_empty() {
            let text = format!("{name}: none of its faces can be used (see warnings); the object is left out");
            outcome.report.reject("no usable geometry", &text);
        }
    }
    // A building whose own shape is bad still holds its parts together.
    if !faces.is_empty() || given.is_empty() || has_parts {
        let parent = object.parents.map(ids).and_then(|ids| ids.into_iter().next());
        outcome.object = Some(CityObject { id: id.to_owned(), class: object.class.into_owned(), parent, lod, attributes, faces });
    }
    outcome
}

/// A list of ids; empty where it is none.
pub(super) fn ids(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

/// serde's word without its line and column, which count from the object's own first character.
pub(super) fn plain(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(why, _)| why.to_owned())
}

/// Its attributes, and what stands beside them: an address, roles of children, members of extensions.
fn attributes(object: &Object, name: Name, report: &mut BuildReport) -> Map<String, Value> {
    let mut attributes = object.attributes.map_or_else(Map::new, |text| all_attributes(text, name, report));
    for (key, text) in &object.others {
        if attributes.contains_key(key.as_ref()) {
            continue;
        }
        match serde_json::from_str(text) {
            Ok(Value::Null) => {}
            Ok(value) => drop(attributes.insert(key.as_ref().to_owned(), value)),
            Err(e) => report.warn("attribute left out", &format!("{name}: {key:?}: {}; it is left out", plain(&e))),
        }
    }
    attributes
}

fn all_attributes(text: &str, name: Name, report: &mut BuildReport) -> Map<String, Value> {
    if let Ok(all) = serde_json::from_str(text) {
        return all;
    }
    // One bad value (1e999, nested too deeply) fails them all; take them one by one.
    match serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
        Err(e) => {
            report.warn("attributes left out", &format!("{name}: attributes: {}; all are left out", plain(&e)));
            Map::new()
        }
        Ok(each) => {
            let mut kept = Map::new();
            for (key, raw) in each {
                match serde_json::from_str(raw.get()) {
                    Ok(value) => drop(kept.insert(key, value)),
                    Err(e) => report.warn("attribute left out", &format!("{name}: attribute {key:?}: {}; it is left out", plain(&e))),
                }
            }
            kept
        }
    }
}
