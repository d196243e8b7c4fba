//! What semantic surfaces say beyond their type, kept as an attribute of their object.

use super::nested::ByFace;
use super::shape::SemanticSurface;
use serde_json::{Map, Value};

/// The attribute that lists them; the other name is for objects that have an attribute of that name.
const NAMES: [&str; 2] = ["surfaces", "semanticSurfaces"];

/// The surfaces that have attributes of their own, each with the number of its `faces`.
///
/// # Errors
/// The first that can't be read; the others are in the list all the same.
pub(super) fn list(surfaces: &[SemanticSurface], numbers: &ByFace<Option<u32>>, list: &mut Vec<Value>) -> serde_json::Result<()> {
    if surfaces.iter().all(|s| s.more.is_none()) {
        return Ok(());
    }
    let mut counts = vec![0u32; surfaces.len()];
    for number in numbers.values().iter().flatten() {
        if let Some(count) = counts.get_mut(*number as usize) {
            *count += 1;
        }
    }
    let mut wrong = Ok(());
    for (text, faces) in surfaces.iter().zip(counts).filter_map(|(s, faces)| Some((s.more?, faces))) {
        match surface(text, faces) {
            Ok(Some(value)) => list.push(value),
            Ok(None) => {}
            Err(e) => wrong = wrong.and(Err(e)),
        }
    }
    wrong
}

fn surface(text: &str, faces: u32) -> serde_json::Result<Option<Value>> {
    let mut all: Map<String, Value> = serde_json::from_str(text)?;
    all.shift_remove("parent");
    all.shift_remove("children");
    let has_type = usize::from(all.contains_key("type"));
    if all.len() == has_type {
        return Ok(None);
    }
    all.entry("faces").or_insert_with(|| faces.into());
    Ok(Some(Value::Object(all)))
}

/// Puts the list among the attributes of the object.
pub(in crate::city) fn keep(list: Vec<Value>, attributes: &mut Map<String, Value>) {
    if !list.is_empty()
        && let Some(name) = NAMES.iter().find(|name| !attributes.contains_key(**name))
    {
        attributes.insert((*name).to_owned(), list.into());
    }
}
