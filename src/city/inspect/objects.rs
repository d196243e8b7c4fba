//! City objects, counted as they are read.

use super::LonLat;
use crate::city::report::BuildReport;
use crate::city::source::{CitySource, Surface};
use glam::DVec3;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Different attributes; beyond them they are not told one by one.
const ATTRIBUTES_MAX: usize = 4096;

#[derive(Debug, Serialize)]
pub struct ObjectsSummary {
    pub file: PathBuf,
    pub crs: Option<String>,
    /// Of all vertices, in the file's own coordinates.
    pub extent: Option<Extent>,
    /// West, south, east, north in degrees; of the corners of `extent` and points between them.
    pub extent_deg: Option<[f64; 4]>,
    pub middle: Option<LonLat>,
    /// Heights count from the ground under each object.
    pub above_ground: bool,
    pub vertices: u64,
    pub faces: u64,
    /// Faces that wear a picture.
    pub textured_faces: u64,
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
    /// Part of all objects that have it, 0 to 1.
    pub share: f64,
    /// How often it is a `number`, `text`, `boolean`, `null`, `list` or `object`.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Smallest and largest of its numbers.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Different values; at [`AttributeSummary::DISTINCT_MAX`] there may be more.
    pub distinct: usize,
    /// The first different texts, at most [`AttributeSummary::EXAMPLES_MAX`].
    pub examples: Vec<String>,
    #[serde(skip)]
    seen: HashSet<u64>,
}

impl AttributeSummary {
    pub const EXAMPLES_MAX: usize = 5;
    /// Values told apart; 16 bytes each, for each attribute.
    pub const DISTINCT_MAX: usize = 10_000;
    /// A longer text is cut short in the list of examples, characters.
    const EXAMPLE_CHARS_MAX: usize = 48;

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
        if self.seen.len() >= Self::DISTINCT_MAX || value.is_null() {
            return;
        }
        let new = match value {
            Value::String(text) => self.seen.insert(xxh3_64(text.as_bytes())),
            other => self.seen.insert(xxh3_64(other.to_string().as_bytes())),
        };
        if let Value::String(text) = value
            && new
            && self.examples.len() < Self::EXAMPLES_MAX
        {
            let mut example: String = text.chars().take(Self::EXAMPLE_CHARS_MAX).collect();
            if example.len() < text.len() {
                example.push('…');
            }
            self.examples.push(example);
        }
        self.distinct = self.seen.len();
    }
}

/// Attributes of objects as they come.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    all: BTreeMap<String, AttributeSummary>,
    objects: u64,
}

impl Attributes {
    pub(super) fn add(&mut self, attributes: &Map<String, Value>) {
        self.objects += 1;
        for (key, value) in attributes {
            if let Some(known) = self.all.get_mut(key) {
                known.add(value);
            } else if self.all.len() < ATTRIBUTES_MAX {
                self.all.entry(key.clone()).or_default().add(value);
            }
        }
    }

    pub(super) fn finish(mut self) -> BTreeMap<String, AttributeSummary> {
        self.all.values_mut().for_each(|a| a.share = a.count as f64 / self.objects.max(1) as f64);
        self.all
    }
}

/// Objects counted part by part, so that a file need not fit in memory.
pub(super) struct Gather {
    summary: ObjectsSummary,
    attributes: Attributes,
}

impl Gather {
    pub(super) fn new(file: &Path) -> Self {
        let summary = ObjectsSummary {
            file: file.to_owned(),
            crs: None,
            extent: None,
            extent_deg: None,
            middle: None,
            above_ground: false,
            vertices: 0,
            faces: 0,
            textured_faces: 0,
            classes: BTreeMap::new(),
            surfaces: BTreeMap::new(),
            attributes: BTreeMap::new(),
            report: BuildReport::default(),
        };
        Self { summary, attributes: Attributes::default() }
    }

    pub(super) fn add(&mut self, part: &CitySource) {
        let s = &mut self.summary;
        for object in &part.objects {
            let lod = if object.faces.is_empty() { "-" } else { &object.lod };
            *s.classes.entry(object.class.clone()).or_default().entry(lod.to_owned()).or_default() += 1;
            s.faces += object.faces.len() as u64;
            for face in object.faces.iter() {
                *s.surfaces.entry(name(face.surface).to_owned()).or_default() += 1;
                s.textured_faces += u64::from(face.uvs().is_some());
            }
            self.attributes.add(&object.attributes);
        }
        s.vertices += part.vertices.len() as u64;
        s.above_ground |= part.above_ground;
        if s.crs.is_none() {
            s.crs.clone_from(&part.crs);
        }
        for v in part.vertices.iter().filter(|v| v.is_finite()) {
            let extent = s.extent.get_or_insert(Extent { min: v.to_array(), max: v.to_array() });
            (extent.min, extent.max) = (DVec3::from(extent.min).min(*v).into(), DVec3::from(extent.max).max(*v).into());
        }
    }

    pub(super) fn finish(self, report: BuildReport) -> ObjectsSummary {
        let Self { mut summary, attributes } = self;
        (summary.attributes, summary.report) = (attributes.finish(), report);
        if let Some(Extent { min, max }) = summary.extent {
            let crs = summary.crs.as_deref();
            summary.middle = LonLat::of(crs, (min[0] + max[0]) / 2.0, (min[1] + max[1]) / 2.0);
            summary.extent_deg = super::degrees(crs, [min[0], min[1], max[0], max[1]]);
        }
        summary
    }
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
