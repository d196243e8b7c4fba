//! The geometries of one object into faces: the level of detail asked for, what each face is and wears.

use super::boundaries::{self, RingPath, Rings, Shells};
use super::nested::{ByFace, Nesting};
use super::object::{Context, Name, plain};
use super::rings;
use super::shape::{Geometry, SemanticSurface, Semantics};
use super::surfaces;
use super::template;
use super::wear::Wear;
use crate::city::level::Level;
use crate::city::meaning::{self, Rule};
use crate::city::part::Paints;
use crate::city::report::BuildReport;
use crate::city::source::{Faces, Surface};
use glam::{DVec2, DVec3};
use serde_json::{Map, Value};

/// Turns the geometries of one object into faces.
pub(super) struct Reader<'a, 'o> {
    pub name: Name<'o>,
    pub rule: Rule,
    pub context: &'o Context<'a>,
    /// Vertices of expanded templates; faces name them from `Context::vertices.len()` on.
    pub extra: &'o mut Vec<DVec3>,
    pub paints: &'o mut Paints,
    /// What geometries say beyond their shape: members of extensions, semantic surfaces with attributes.
    pub members: Map<String, Value>,
    pub surfaces: Vec<Value>,
    pub report: &'o mut BuildReport,
}

/// A geometry that can be read, with its level of detail.
struct Candidate<'g> {
    index: usize,
    lod: &'g str,
    level: Level,
    nesting: Nesting,
    geometry: &'g Geometry<'g>,
    /// Where it stands when it is a template.
    instance: Option<&'g Geometry<'g>>,
}

/// Where the faces of a geometry are told from.
struct Ground<'a> {
    vertices: &'a [DVec3],
    /// Metres along x and y of one unit of the coordinates.
    metres: DVec2,
}

impl Reader<'_, '_> {
    /// The faces of the best level of detail that has any. Of several geometries on that level solids win, because files that give both
    /// say the same twice; otherwise all are taken.
    pub(super) fn best(&mut self, geometries: &[Geometry]) -> (String, Faces) {
        let mut candidates: Vec<Candidate> = geometries.iter().enumerate().filter_map(|(i, g)| self.candidate(i, g)).collect();
        candidates.sort_by_key(|c| std::cmp::Reverse(c.level));
        for level in candidates.chunk_by(|a, b| a.level == b.level) {
            let has_solid = level.iter().any(|c| c.nesting != Nesting::Surfaces);
            let mut faces = Faces::default();
            for chosen in level.iter().filter(|c| !has_solid || c.nesting != Nesting::Surfaces) {
                let more = self.faces(chosen);
                if faces.is_empty() { faces = more } else { faces.append(&more) }
            }
            if !faces.is_empty() {
                self.tell_level(&level[0]);
                return (level[0].lod.to_owned(), faces);
            }
        }
        (candidates.first().map_or_else(String::new, |c| c.lod.to_owned()), Faces::default())
    }

    fn tell_level(&mut self, chosen: &Candidate) {
        if chosen.level.is_above() {
            let text = format!("{}: its lowest level is {}, which is taken", self.name, chosen.lod);
            self.report.warn("only above the level of detail asked for", &text);
        }
    }

    /// `None`, and a warning, for what has no surfaces or points nowhere.
    fn candidate<'g>(&mut self, index: usize, given: &'g Geometry<'g>) -> Option<Candidate<'g>>
    where
        Self: 'g,
    {
        let (geometry, instance) = if given.kind == "GeometryInstance" {
            let number = given.template.and_then(|text| text.parse::<usize>().ok());
            let Some(template) = number.and_then(|n| self.context.templates.geometries.get(n)) else {
                let text = given.template.unwrap_or("none");
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
        let lod = geometry.lod();
        Some(Candidate { index, lod, level: self.context.wanted.rank(lod), nesting, geometry, instance })
    }

    fn faces(&mut self, candidate: &Candidate) -> Faces {
        let Some(instance) = candidate.instance else {
            return self.faces_on(candidate, &Ground { vertices: self.context.vertices, metres: self.context.metres });
        };
        let mut faces = self.faces_on(candidate, &Ground { vertices: &self.context.templates.vertices, metres: DVec2::ONE });
        if let Err(why) = template::place(instance, &mut faces, self.context, self.extra) {
            let text = format!("{}: geometry[{}]: {why}; it is left out", self.name, candidate.index);
            self.report.warn("geometry template not placed", &text);
            return Faces::default();
        }
        faces
    }

    fn faces_on(&mut self, candidate: &Candidate, ground: &Ground) -> Faces {
        let &Candidate { index, nesting, geometry, instance, .. } = candidate;
        let meanings = self.meanings(index, nesting, geometry);
        let appearance = if instance.is_some() { &self.context.templates.appearance } else { self.context.appearance };
        let mut wrong = Vec::new();
        let wear = Wear::read(nesting, geometry, appearance, self.paints, &mut wrong);
        for why in wrong {
            self.report.warn("appearance left out", &format!("{}: geometry[{index}]: {why}; they are left out", self.name));
        }
        let text = geometry.boundaries.unwrap_or("[]");
        let meaning = |solid, face, ring: &[u32]| meanings.surface(solid, face, || meaning::normal(ring, ground.vertices, ground.metres));
        let fast = rings::Rings { vertices: ground.vertices, wear: &wear, meaning, faces: Faces::default() }.read(nesting, text);
        let (faces, inner) = fast.unwrap_or_else(|| self.carefully(candidate, ground, &meanings, &wear));
        if inner > 0 {
            self.report.warn("inner shell of a solid left out", &format!("{}: geometry[{index}] has {inner} inside", self.name));
        }
        if let Err(e) = surfaces::list(&meanings.surfaces, &meanings.numbers, &mut self.surfaces) {
            let text = format!("{}: geometry[{index}].semantics.surfaces: {}; the attributes are left out", self.name, plain(&e));
            self.report.warn("attributes of a semantic surface left out", &text);
        }
        self.keep_members(index, geometry);
        faces
    }

    fn keep_members(&mut self, index: usize, geometry: &Geometry) {
        for (name, text) in &geometry.others {
            match serde_json::from_str(text) {
                Ok(value) => drop(self.members.insert((*name).to_owned(), value)),
                Err(e) => {
                    let text = format!("{}: geometry[{index}].{name}: {}; it is left out", self.name, plain(&e));
                    self.report.warn("attribute left out", &text);
                }
            }
        }
    }

    /// Ring by ring, with a word on everything that is wrong.
    fn carefully(&mut self, candidate: &Candidate, ground: &Ground, meanings: &Meanings, wear: &Wear) -> (Faces, usize) {
        let &Candidate { index, nesting, geometry, .. } = candidate;
        let Shells { faces: shells, inner } = match boundaries::shells(nesting, geometry.boundaries.unwrap_or("[]")) {
            Ok(shells) => shells,
            Err(e) => {
                let kind = &geometry.kind;
                let text = format!("{}: geometry[{index}].boundaries are not those of a {kind}: {}; it is left out", self.name, plain(&e));
                self.report.warn("geometry left out: boundaries", &text);
                return (Faces::default(), 0);
            }
        };
        let mut faces = Faces::default();
        for (solid, shell) in shells.into_iter().enumerate() {
            for (face, rings) in shell.into_iter().enumerate() {
                let at = RingPath { geometry: index, nesting, solid, face, ring: 0 };
                match rings {
                    Ok(rings) => self.face(&rings, at, ground, meanings, wear, &mut faces),
                    Err(why) => {
                        let text = format!("{}: ring {at} is no list of vertex numbers ({why}); the face is left out", self.name);
                        self.report.warn("face left out: no list of vertex numbers", &text);
                    }
                }
            }
        }
        (faces, inner)
    }

    fn face(&mut self, rings: &Rings, at: RingPath, ground: &Ground, meanings: &Meanings, wear: &Wear, faces: &mut Faces) {
        let Some(kept) = boundaries::sound(rings, ground.vertices, &self.name, at, self.report) else { return };
        let worn = wear.face(at.solid, at.face);
        let uvs = |ring: usize| worn.and_then(|worn| wear.uvs(worn, ring));
        let fits = |ring: usize| uvs(ring).is_none_or(|uvs| uvs.len() == rings[ring].len() && uvs.iter().all(|n| wear.uv(*n).is_some()));
        let pictured = kept.iter().all(|(ring, _)| fits(*ring));
        if !pictured {
            let text = format!("{}: texture of ring {at} has other corners than the ring, or names none of vertices-texture", self.name);
            self.report.warn("texture left out of a face", &text);
        }
        let mut surface = None;
        for (ring, places) in kept {
            for place in places {
                match uvs(ring).filter(|_| pictured).and_then(|uvs| wear.uv(uvs[place])) {
                    Some(uv) => faces.textured_corner(rings[ring][place], uv),
                    None => faces.corner(rings[ring][place]),
                }
            }
            let normal = || meaning::normal(faces.open_ring(), ground.vertices, ground.metres);
            surface.get_or_insert_with(|| meanings.surface(at.solid, at.face, normal));
            faces.end_ring();
        }
        let paint = worn.and_then(|worn| if pictured { worn.paint } else { worn.plain });
        faces.end_face(surface.unwrap_or(Surface::Other), paint);
    }

    /// The semantics of a geometry; broken ones are told and then missing.
    fn meanings<'g>(&mut self, index: usize, nesting: Nesting, geometry: &Geometry<'g>) -> Meanings<'g> {
        let rule = self.rule;
        let Some(text) = geometry.semantics else { return Meanings::none(rule) };
        let read = || -> serde_json::Result<Meanings> {
            let semantics = Semantics::read(text)?;
            let numbers = semantics.values.map_or(Ok(ByFace::default()), |v| boundaries::semantic_numbers(nesting, v))?;
            let known = semantics.surfaces.iter().map(|s| meaning::known(rule, Some(&s.kind))).collect();
            Ok(Meanings { rule, known, surfaces: semantics.surfaces, numbers })
        };
        read().unwrap_or_else(|e| {
            let text = format!("{}: geometry[{index}].semantics: {}; surfaces are told by class and slope", self.name, plain(&e));
            self.report.warn("semantics not understood", &text);
            Meanings::none(rule)
        })
    }
}

/// What the faces of a geometry are.
struct Meanings<'a> {
    rule: Rule,
    surfaces: Vec<SemanticSurface<'a>>,
    /// Of each of `surfaces`; `None` where the slope tells.
    known: Vec<Option<Surface>>,
    /// Number of the semantic surface by face.
    numbers: ByFace<Option<u32>>,
}

impl Meanings<'_> {
    fn none(rule: Rule) -> Self {
        Self { rule, surfaces: Vec::new(), known: Vec::new(), numbers: ByFace::default() }
    }

    fn surface(&self, solid: usize, face: usize, normal: impl FnOnce() -> DVec3) -> Surface {
        let number = self.numbers.get(solid, face).copied().flatten();
        let known = number.and_then(|n| *self.known.get(n as usize)?);
        known.unwrap_or_else(|| meaning::surface(self.rule, None, normal))
    }
}
