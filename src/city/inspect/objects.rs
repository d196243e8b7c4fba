//! City objects, counted.

use super::LonLat;
use crate::city::report::BuildReport;
use crate::city::source::{CitySource, Surface};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Serialize)]
pub struct ObjectsSummary {
    pub file: PathBuf,
    pub crs: Option<String>,
    /// Of all vertices, in the file's own coordinates.
    pub extent: Option<Extent>,
    pub middle: Option<LonLat>,
    pub vertices: u64,
    pub faces: u64,
    /// Objects by class, then by the level of detail that is read; `-` for those without geometry.
    pub classes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Faces by what they are.
    pub surfaces: BTreeMap<String, u64>,
    pub attributes: BTreeMap<String, AttributeSummary>,
    pub report: BuildReport,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Extent {
    pub min: [f64; 3],
    pub max: [f64; 3],
}

/// One attribute over all objects.
#[derive(Debug, Default, Serialize)]
pub struct AttributeSummary {
    /// Objects that have it.
    pub count: u64,
    /// How often it is a `number`, `text`, `boolean`, `null`, `list` or `object`.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Smallest and largest of its numbers.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The first different texts, at most [`AttributeSummary::EXAMPLES_MAX`].
    pub examples: Vec<String>,
}

impl AttributeSummary {
    pub const EXAMPLES_MAX: usize = 5;

    fn add(&mut self, value: &Value) {
        self.count += 1;
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        *self.kinds.entry(kind).or_default() += 1;
        if let Some(n) = value.as_f64() {
            self.min = Some(self.min.map_or(n, |m| m.min(n)));
            self.max = Some(self.max.map_or(n, |m| m.max(n)));
        }
        if let Value::String(text) = value
            && self.examples.len() < Self::EXAMPLES_MAX
            && !self.examples.contains(text)
        {
            self.examples.push(text.clone());
        }
    }
}

pub(super) fn summarise(source: &CitySource, report: BuildReport) -> ObjectsSummary {
    let mut classes: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut surfaces: BTreeMap<String, u64> = BTreeMap::new();
    let mut attributes: BTreeMap<String, AttributeSummary> = BTreeMap::new();
    let mut faces = 0;
    for object in &source.objects {
        let lod = if object.faces.is_empty() { "-" } else { &object.lod };
        *classes.entry(object.class.clone()).or_default().entry(lod.to_owned()).or_default() += 1;
        faces += object.faces.len() as u64;
        for face in object.faces.iter() {
            *surfaces.entry(name(face.surface).to_owned()).or_default() += 1;
        }
        for (key, value) in &object.attributes {
            attributes.entry(key.clone()).or_default().add(value);
        }
    }
    let extent = extent(source);
    let middle = extent.and_then(|e| LonLat::of(source.crs.as_deref(), (e.min[0] + e.max[0]) / 2.0, (e.min[1] + e.max[1]) / 2.0));
    ObjectsSummary {
        file: source.file.clone(),
        crs: source.crs.clone(),
        extent,
        middle,
        vertices: source.vertices.len() as u64,
        faces,
        classes,
        surfaces,
        attributes,
        report,
    }
}

fn extent(source: &CitySource) -> Option<Extent> {
    let mut usable = source.vertices.iter().filter(|v| v.is_finite());
    let first = *usable.next()?;
    let (min, max) = usable.fold((first, first), |(min, max), v| (min.min(*v), max.max(*v)));
    Some(Extent { min: min.into(), max: max.into() })
}

fn name(surface: Surface) -> &'static str {
    match surface {
        Surface::Other => "other",
        Surface::Wall => "wall",
        Surface::Roof => "roof",
        Surface::Ground => "ground",
        Surface::Terrain => "terrain",
        Surface::Water => "water",
        Surface::Road => "road",
        Surface::Green => "green",
        Surface::Land => "land",
        Surface::Bridge => "bridge",
    }
}
