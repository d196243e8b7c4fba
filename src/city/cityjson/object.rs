//! One city object: its best geometry as faces, its attributes, and whatever is wrong with it.

use super::boundaries::{self, Nesting, RingPath};
use super::shape::{Geometry, Object, Semantics};
use super::template::{self, Templates};
use crate::city::meaning::{self, Rule};
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, Faces};
use glam::{DVec2, DVec3};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// What an object is read against.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub file: &'a Path,
    pub vertices: &'a [DVec3],
    /// Metres along x and y of one unit of the coordinates.
    pub metres: DVec2,
    pub templates: &'a Templates<'a>,
}

/// What became of an object.
pub(super) struct Outcome<'a> {
    /// `None` when it is left out (and counted in `report`).
    pub object: Option<CityObject>,
    /// Vertices of expanded templates; faces name them from `Context::vertices.len()` on.
    pub extra: Vec<DVec3>,
    /// The ids of its parts as the file lists them.
    pub children: Option<&'a RawValue>,
    pub report: BuildReport,
}

/// Reads one object. Nothing it gets wrong goes further than its own [`Outcome`].
pub(super) fn read<'a>(id: &str, raw: &'a RawValue, context: &Context) -> Outcome<'a> {
    let name = format!("{}: object {id:?}", context.file.display());
    let mut outcome = Outcome { object: None, extra: Vec::new(), children: None, report: BuildReport::default() };
    let object: Object = match serde_json::from_str(raw.get()) {
        Ok(object) => object,
        Err(e) => {
            outcome.report.objects_in += 1;
            outcome.report.reject("object is not in the shape of CityJSON", &format!("{name}: {}; the object is left out", plain(&e)));
            return outcome;
        }
    };
    outcome.children = object.children;
    let attributes = attributes(&object, &name, &mut outcome.report);
    let rule = meaning::rule(&object.class, &attributes);
    let given = object.geometry.as_deref().unwrap_or_default();
    let mut reader = Reader { name: &name, rule, context, extra: &mut outcome.extra, report: &mut outcome.report };
    let (lod, faces) = reader.best(given);
    let has_parts = object.children.is_some_and(|c| c.get().len() > 2);
    if !given.is_empty() {
        outcome.report.objects_in += 1;
        if faces.is_empty() {
            outcome
                .report
                .reject("no usable geometry", &format!("{name}: none of its faces can be used (see warnings); the object is left out"));
        }
    }
    // A building whose own shape is bad still holds its parts together.
    if !faces.is_empty() || given.is_empty() || has_parts {
        let parent = object.parents.and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok()).and_then(|p| p.into_iter().next());
        outcome.object = Some(CityObject { id: id.to_owned(), class: object.class.into_owned(), parent, lod, attributes, faces });
    }
    outcome
}

/// serde's word without its line and column, which count from the object's own first character.
pub(super) fn plain(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(why, _)| why.to_owned())
}

fn attributes(object: &Object, name: &str, report: &mut BuildReport) -> Map<String, Value> {
    let mut attributes = object.attributes.map_or_else(Map::new, |raw| all_attributes(raw.get(), name, report));
    if let Some(address) = object.address
        && !attributes.contains_key("address")
        && let Ok(value) = serde_json::from_str(address.get())
    {
        attributes.insert("address".to_owned(), value);
    }
    attributes
}

fn all_attributes(raw: &str, name: &str, report: &mut BuildReport) -> Map<String, Value> {
    if let Ok(all) = serde_json::from_str(raw) {
        return all;
    }
    // One bad value (1e999, nested too deeply) fails them all; take them one by one.
    match serde_json::from_str::<BTreeMap<String, &RawValue>>(raw) {
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

/// Turns the geometries of one object into faces.
struct Reader<'a, 'o> {
    name: &'o str,
    rule: Rule,
    context: &'o Context<'a>,
    extra: &'o mut Vec<DVec3>,
    report: &'o mut BuildReport,
}

/// A geometry that can be read, with its level of detail.
struct Candidate<'g> {
    index: usize,
    lod: &'g str,
    nesting: Nesting,
    geometry: &'g Geometry<'g>,
    /// Where it stands when it is a template.
    instance: Option<&'g Geometry<'g>>,
}

impl Candidate<'_> {
    fn level(&self) -> f64 {
        self.lod.parse().unwrap_or(-1.0)
    }
}

impl Reader<'_, '_> {
    /// The faces of the highest level of detail that has any. Of several geometries on that level solids win, because files that give both
    /// say the same twice; otherwise all are taken.
    fn best(&mut self, geometries: &[Geometry]) -> (String, Faces) {
        let mut candidates: Vec<Candidate> = geometries.iter().enumerate().filter_map(|(i, g)| self.candidate(i, g)).collect();
        candidates.sort_by(|a, b| b.level().total_cmp(&a.level()));
        for level in candidates.chunk_by(|a, b| a.level() == b.level()) {
            let has_solid = level.iter().any(|c| c.nesting != Nesting::Surfaces);
            let chosen = level.iter().filter(|c| !has_solid || c.nesting != Nesting::Surfaces);
            let mut faces = Faces::default();
            chosen.for_each(|c| faces.append(&self.faces(c)));
            if !faces.is_empty() {
                return (level[0].lod.to_owned(), faces);
            }
        }
        (candidates.first().map_or_else(String::new, |c| c.lod.to_owned()), Faces::default())
    }

    /// `None`, and a warning, for what has no surfaces or points nowhere.
    fn candidate<'g>(&mut self, index: usize, given: &'g Geometry<'g>) -> Option<Candidate<'g>>
    where
        Self: 'g,
    {
        let (geometry, instance) = if given.kind == "GeometryInstance" {
            let number = given.template.and_then(|raw| raw.get().parse::<usize>().ok());
            let Some(template) = number.and_then(|n| self.context.templates.geometries.get(n)) else {
                let text = given.template.map_or("none", |raw| raw.get());
                self.report
                    .warn("geometry template missing", &format!("{}: geometry[{index}] names template {text}; it is left out", self.name));
                return None;
            };
            (template, Some(given))
        } else {
            (given, None)
        };
        let Some(nesting) = Nesting::of(&geometry.kind) else {
            let kind = &geometry.kind;
            self.report.warn(&format!("geometry of type {kind} left out"), &format!("{}: geometry[{index}] is a {kind}", self.name));
            return None;
        };
        Some(Candidate { index, lod: geometry.lod(), nesting, geometry, instance })
    }

    fn faces(&mut self, candidate: &Candidate) -> Faces {
        match candidate.instance {
            None => self.faces_on(candidate, self.context.vertices, self.context.metres),
            Some(instance) => {
                let mut faces = self.faces_on(candidate, &self.context.templates.vertices, DVec2::ONE);
                match template::place(instance, &mut faces, self.context, self.extra) {
                    Ok(()) => faces,
                    Err(why) => {
                        let text = format!("{}: geometry[{}]: {why}; it is left out", self.name, candidate.index);
                        self.report.warn("geometry template not placed", &text);
                        Faces::default()
                    }
                }
            }
        }
    }

    fn faces_on(&mut self, candidate: &Candidate, vertices: &[DVec3], metres: DVec2) -> Faces {
        let &Candidate { index, nesting, geometry, .. } = candidate;
        let shells = match boundaries::shells(nesting, geometry.boundaries.map_or("[]", |raw| raw.get())) {
            Ok(shells) => shells,
            Err(e) => {
                let kind = &geometry.kind;
                let text = format!("{}: geometry[{index}].boundaries are not those of a {kind}: {}; it is left out", self.name, plain(&e));
                self.report.warn("geometry left out: boundaries", &text);
                return Faces::default();
            }
        };
        if shells.inner > 0 {
            self.report.warn("inner shell of a solid left out", &format!("{}: geometry[{index}] has {} inside", self.name, shells.inner));
        }
        let meanings = self.meanings(index, nesting, geometry);
        let mut faces = Faces::default();
        for (solid, shell) in shells.faces.into_iter().enumerate() {
            for (face, rings) in shell.into_iter().enumerate() {
                let at = RingPath { geometry: index, nesting, solid, face, ring: 0 };
                let Some(rings) = self.rings(rings, vertices, at) else { continue };
                let semantic = meanings.of(solid, face);
                let surface = meaning::surface(self.rule, semantic, || meaning::normal(&rings[0], vertices, metres));
                faces.push(surface, &rings);
            }
        }
        faces
    }

    fn rings(&mut self, rings: Result<Vec<Vec<u32>>, String>, vertices: &[DVec3], at: RingPath) -> Option<Vec<Vec<u32>>> {
        match rings {
            Ok(rings) => boundaries::sound(rings, vertices, self.name, at, self.report),
            Err(why) => {
                let text = format!("{}: ring {at} is no list of vertex numbers ({why}); the face is left out", self.name);
                self.report.warn("face left out: no list of vertex numbers", &text);
                None
            }
        }
    }

    /// The semantics of a geometry; broken ones are told and then missing.
    fn meanings<'g>(&mut self, index: usize, nesting: Nesting, geometry: &Geometry<'g>) -> Meanings<'g> {
        let Some(raw) = geometry.semantics else { return Meanings::default() };
        let read = || -> serde_json::Result<Meanings> {
            let semantics: Semantics = serde_json::from_str(raw.get())?;
            let numbers = semantics.values.map_or(Ok(Vec::new()), |v| boundaries::semantic_numbers(nesting, v.get()))?;
            Ok(Meanings { kinds: semantics.surfaces.into_iter().map(|s| s.kind).collect(), numbers })
        };
        read().unwrap_or_else(|e| {
            let text = format!("{}: geometry[{index}].semantics: {}; surfaces are told by class and slope", self.name, plain(&e));
            self.report.warn("semantics not understood", &text);
            Meanings::default()
        })
    }
}

/// Names of semantic surfaces by face.
#[derive(Default)]
struct Meanings<'a> {
    kinds: Vec<Cow<'a, str>>,
    numbers: Vec<Vec<Option<u32>>>,
}

impl Meanings<'_> {
    fn of(&self, solid: usize, face: usize) -> Option<&str> {
        let number = *self.numbers.get(solid)?.get(face)?;
        self.kinds.get(number? as usize).map(AsRef::as_ref)
    }
}
