//! City objects of one member: taken apart, read, and whatever is wrong with them told with its line.

use super::appearance::{Appearance, is_appearance};
use super::codes::CodeLists;
use super::encoding::Encoding;
use super::geometry::{Builder, TooMuch};
use super::members::Member;
use super::namespaces::Namespaces;
use super::properties::{Properties, Surface};
use super::survey::Survey;
use super::tree::{Element, Tree};
use crate::city::cityjson::surfaces;
use crate::city::cityjson::vertices::metres_per_unit;
use crate::city::level::Wanted;
use crate::city::meaning;
use crate::city::part::Outcome;
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, Faces, Texture};
use glam::{DVec2, DVec3};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::path::Path;

/// Points and elements that references may ask for, for each byte of a member: one takes 6 bytes at least to write, and no sensible member names
/// its own surfaces a hundred times.
const SPEND_PER_BYTE: usize = 16;
/// What small members may ask for.
const SPEND_MIN: usize = 100_000;

/// What members are read against.
pub(super) struct Context<'c> {
    pub file: &'c Path,
    pub wanted: Wanted,
    pub survey: &'c Survey,
    pub namespaces: &'c Namespaces,
    pub encoding: Encoding,
    pub codes: &'c CodeLists,
}

/// Reads the objects of one member. Nothing they get wrong goes further than their own [`Outcome`].
pub(super) fn read(member: &Member, context: &Context) -> Vec<Outcome> {
    if let Some((line, why)) = &member.broken {
        return vec![rejected(context.file, *line, why)];
    }
    let (text, understood) = context.encoding.decode(&member.text);
    let tree = match Tree::read(&text, context.namespaces) {
        Ok(tree) => tree,
        Err(e) => return vec![rejected(context.file, member.line_of(e.at), &e.why)],
    };
    let budget = text.len().saturating_add(context.survey.targets.bytes()).saturating_mul(SPEND_PER_BYTE).saturating_add(SPEND_MIN);
    let mut outcomes = Vec::new();
    let mut report = BuildReport::default();
    if !understood {
        let place = format!("{}: line {}", context.file.display(), member.line);
        report.warn("bytes that are no UTF-8", &format!("{place}: they are replaced; say in the first line of the file how it is written"));
    }
    let appearance = own_appearance(&tree, member, context, &mut report);
    outcomes.push(Outcome { object: None, extra: Vec::new(), paints: Vec::new(), children: Vec::new(), report });
    let reader = Reader { context, member, tree: &tree, appearance, left: Cell::new(budget) };
    if let Some(root) = tree.root() {
        match root.name() {
            "cityObjectMember" | "featureMember" | "member" => {
                root.children().for_each(|object| reader.object(object, None, &mut outcomes))
            }
            _ => reader.object(root, None, &mut outcomes),
        }
    }
    outcomes
}

fn rejected(file: &Path, line: u64, why: &str) -> Outcome {
    let mut report = BuildReport { objects_in: 1, ..BuildReport::default() };
    report.reject("member can't be read", &format!("{}: line {line}: {why}; the member is left out", file.display()));
    Outcome { object: None, extra: Vec::new(), paints: Vec::new(), children: Vec::new(), report }
}

/// Appearances that stand in the objects themselves.
fn own_appearance(tree: &Tree, member: &Member, context: &Context, report: &mut BuildReport) -> Appearance {
    let mut own = Appearance::default();
    let place = |e: Element| format!("{}: line {}: <{}>", context.file.display(), member.line_of(e.span().start), e.name());
    for appearance in tree.iter().filter(|e| is_appearance(*e)) {
        own.add(appearance, context.file, &place, report);
    }
    own
}

/// One member being read.
pub(super) struct Reader<'c, 't, 'a> {
    pub context: &'c Context<'c>,
    member: &'c Member,
    pub tree: &'t Tree<'a>,
    /// Of the objects in it; that of the whole model comes behind it.
    appearance: Appearance,
    /// Points and elements that may still be asked for.
    left: Cell<usize>,
}

impl<'t, 'a> Reader<'_, 't, 'a> {
    /// Reads an object, then those in it.
    fn object(&self, element: Element<'t, 'a>, parent: Option<&str>, outcomes: &mut Vec<Outcome>) {
        let mut report = BuildReport::default();
        let id = self.id(element);
        let class = element.name();
        let mut properties = Properties::of(element, self.context.codes);
        let mut attributes = std::mem::take(&mut properties.attributes);
        let rule = meaning::rule(class, &attributes);
        let mut builder = Builder::new(self, &id, rule, &properties, &mut report);
        let lod = builder.best(&properties.geometries);
        builder.tell_inner_shells(element);
        let (mut faces, mut vertices, paints, counts) = (builder.faces, builder.vertices.list, builder.paints.list, builder.face_counts);
        let lod = lod.unwrap_or_else(|TooMuch| {
            let text =
                format!("{}: its references ask for more than the member may hold; its geometry is left out", self.place(element, &id));
            report.warn("references ask for too much", &text);
            (faces, vertices) = (Faces::default(), Vec::new());
            String::new()
        });
        surfaces::keep(list(&properties.surfaces, &counts), &mut attributes);
        for (what, at) in &properties.left_out {
            report.warn(what, &format!("{}: line {}: object {id:?}", self.context.file.display(), self.member.line_of(*at)));
        }
        let piece = self.member.piece > 0;
        let has_parts = properties.objects.iter().any(|(_, part)| *part);
        // The last piece of a terrain may have nothing left.
        if properties.has_geometry && !(piece && faces.is_empty()) {
            report.objects_in += 1;
            if faces.is_empty() {
                let text = format!("{}: none of its faces can be used (see warnings); the object is left out", self.place(element, &id));
                report.reject("no usable geometry", &text);
            }
        }
        let keeps = !faces.is_empty() || (!piece && (!properties.has_geometry || has_parts));
        let object = keeps.then(|| CityObject {
            id: id.clone(),
            class: class.to_owned(),
            // It came with the first piece.
            parent: parent.filter(|_| !piece).map(str::to_owned),
            lod,
            attributes,
            faces,
        });
        outcomes.push(Outcome { object, extra: vertices, paints, children: Vec::new(), report });
        for (child, part) in properties.objects {
            self.object(child, part.then_some(id.as_str()).or(parent), outcomes);
        }
    }

    /// Its `gml:id`, or its class and line; later pieces of one that is cut have a number behind it.
    fn id(&self, element: Element) -> String {
        let own =
            element.id().map_or_else(|| format!("{}-line-{}", element.name(), self.member.line_of(element.span().start)), str::to_owned);
        if self.member.piece > 0 { format!("{own}/{}", self.member.piece + 1) } else { own }
    }

    /// File, line and object, as they stand at the head of every warning.
    pub(super) fn place(&self, element: Element, id: &str) -> String {
        let file = self.context.file.display();
        if element.is_of(self.tree) {
            format!("{file}: line {}: object {id:?}: <{}>", self.member.line_of(element.span().start), element.name())
        } else {
            format!("{file}: line {}: object {id:?}: <{}> of another member", self.member.line, element.name())
        }
    }

    /// # Errors
    /// When all is spent.
    pub(super) fn spend(&self, count: usize) -> Result<(), TooMuch> {
        let left = self.left.get().checked_sub(count).ok_or(TooMuch)?;
        self.left.set(left);
        Ok(())
    }

    /// Metres along x and y of one unit of the coordinates near a place.
    pub(super) fn metres(&self, near: Option<&DVec3>) -> DVec2 {
        metres_per_unit(self.context.survey.reference.geographic, near.map_or(&[], std::slice::from_ref))
    }

    pub(super) fn has_colours(&self) -> bool {
        self.appearance.has_colours() || self.context.survey.appearance.has_colours()
    }

    pub(super) fn colour(&self, id: &str) -> Option<[u8; 4]> {
        let from = |appearance: &Appearance| if appearance.has_colours() { appearance.colour(id) } else { None };
        from(&self.appearance).or_else(|| from(&self.context.survey.appearance))
    }

    pub(super) fn picture(&self, ring: &str) -> Option<(&Texture, &[[f32; 2]])> {
        [&self.appearance, &self.context.survey.appearance].into_iter().filter(|a| a.has_pictures()).find_map(|a| a.picture(ring))
    }
}

/// Semantic surfaces that have attributes of their own, each with the number of its faces.
fn list(surfaces: &[Surface], counts: &[u32]) -> Vec<Value> {
    let told = surfaces.iter().zip(counts).filter(|(surface, faces)| **faces > 0 && !surface.attributes.is_empty());
    told.map(|(surface, faces)| {
        let mut all = Map::new();
        all.insert("type".to_owned(), surface.element.name().into());
        all.extend(surface.attributes.clone());
        all.insert("faces".to_owned(), (*faces).into());
        Value::Object(all)
    })
    .collect()
}
