//! The geometries of one object into faces: the level of detail asked for, surfaces found by reference, what each face is.

use super::feature::Reader;
use super::implicit::Frame;
use super::namespaces::Ns;
use super::properties::{Geometry, Properties, Shape};
use super::survey::is_geometry_property;
use super::tree::{Element, Tree};
use super::vertices::Vertices;
use crate::city::level::Level;
use crate::city::meaning::Rule;
use crate::city::part::Paints;
use crate::city::report::BuildReport;
use crate::city::source::Faces;
use glam::DVec3;
use std::cmp::Reverse;
use std::collections::HashSet;

/// How often one reference may lead to another.
const HOPS_MAX: u32 = 8;

/// More is asked for by references than a member may hold.
pub(super) struct TooMuch;

/// What is known on the way down to a polygon.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// Seen from its other side.
    pub flip: bool,
    /// Numbers in a position.
    pub dimension: usize,
    /// Index of the semantic surface.
    pub surface: Option<usize>,
    /// Colour of what holds it.
    pub colour: Option<[u8; 4]>,
    pub hops: u32,
    pub frame: Option<Frame>,
}

/// A stretch of the member that is one semantic surface.
struct Stretch {
    end: u32,
    surface: usize,
    /// The stretch it lies in.
    outer: Option<usize>,
}

/// Turns the geometries of one object into faces.
pub(super) struct Builder<'r, 't, 'a> {
    pub reader: &'r Reader<'r, 't, 'a>,
    id: &'r str,
    pub rule: Rule,
    pub faces: Faces,
    pub vertices: Vertices,
    pub paints: Paints,
    /// Type of each semantic surface, and how many faces it has.
    pub kinds: Vec<&'a str>,
    pub face_counts: Vec<u32>,
    /// Stretches of semantic surfaces by where they begin.
    stretches: Vec<(u32, Stretch)>,
    /// Polygons of the member that have become faces, where it matters.
    used: Option<HashSet<u32>>,
    /// Leave out polygons that are used.
    once: bool,
    pub scratch: (Vec<DVec3>, Vec<f64>, Vec<usize>),
    inner_shells: u32,
    pub report: &'r mut BuildReport,
}

impl<'r, 't, 'a> Builder<'r, 't, 'a> {
    pub(super) fn new(
        reader: &'r Reader<'r, 't, 'a>,
        id: &'r str,
        rule: Rule,
        properties: &Properties<'t, 'a>,
        report: &'r mut BuildReport,
    ) -> Self {
        let mut stretches: Vec<(u32, Stretch)> = Vec::with_capacity(properties.surfaces.len());
        for (surface, s) in properties.surfaces.iter().enumerate() {
            let range = s.element.range();
            stretches.push((range.start, Stretch { end: range.end, surface, outer: s.outer }));
        }
        Self {
            reader,
            id,
            rule,
            faces: Faces::default(),
            vertices: Vertices::default(),
            paints: Paints::default(),
            kinds: properties.surfaces.iter().map(|s| s.element.name()).collect(),
            face_counts: vec![0; properties.surfaces.len()],
            stretches,
            used: None,
            once: false,
            scratch: Default::default(),
            inner_shells: 0,
            report,
        }
    }

    /// The faces of the best level of detail that has any; answers that level.
    ///
    /// On one level solids win over surfaces, because files that give both say the same twice. Semantic surfaces that a solid names give its
    /// faces their meaning; those it does not name (roof overhangs, doors in their openings) are taken beside it. Where a solid repeats the
    /// surfaces without naming any, the surfaces are taken, for they say what they are.
    pub(super) fn best(&mut self, geometries: &[Geometry<'t, 'a>]) -> Result<String, TooMuch> {
        let rank = |g: &Geometry| self.reader.context.wanted.rank(g.lod);
        let mut sorted: Vec<(Level, &Geometry)> = geometries.iter().map(|g| (rank(g), g)).collect();
        sorted.sort_by_key(|(rank, _)| Reverse(*rank));
        for level in sorted.chunk_by(|a, b| a.0 == b.0) {
            self.level(level)?;
            if !self.faces.is_empty() {
                let (rank, first) = &level[0];
                if rank.is_above() {
                    let text = format!("its lowest level is {}, which is taken", first.lod);
                    self.warn(first.property, "only above the level of detail asked for", &text);
                }
                return Ok(first.lod.to_owned());
            }
        }
        Ok(sorted.first().map_or_else(String::new, |(_, g)| g.lod.to_owned()))
    }

    fn level(&mut self, level: &[(Level, &Geometry<'t, 'a>)]) -> Result<(), TooMuch> {
        let own = || level.iter().map(|(_, g)| *g).filter(|g| g.surface.is_none());
        let of_surfaces: Vec<&Geometry> = level.iter().map(|(_, g)| *g).filter(|g| g.surface.is_some()).collect();
        let best = [Shape::Solid, Shape::Surfaces, Shape::Implicit, Shape::RoofEdge].into_iter().find(|s| own().any(|g| g.shape == *s));
        self.used = (best.is_some() && !of_surfaces.is_empty()).then(HashSet::new);
        for geometry in own().filter(|g| Some(g.shape) == best || g.shape == Shape::Implicit) {
            self.geometry(geometry)?;
        }
        if let Some(used) = &self.used {
            let of_surface = |i: &u32| self.reader.tree.get(*i).is_some_and(|polygon| self.surface_at(polygon).is_some());
            let names_none = !used.iter().any(of_surface);
            let polygons = || of_surfaces.iter().flat_map(|g| g.property.descendants()).filter(|e| e.name() == "Polygon").count();
            if names_none && !self.faces.is_empty() {
                if polygons() < self.faces.len() {
                    return Ok(());
                }
                self.start_again();
            }
        }
        self.once = self.used.is_some();
        for geometry in of_surfaces {
            self.geometry(geometry)?;
        }
        (self.once, self.used) = (false, None);
        Ok(())
    }

    fn start_again(&mut self) {
        self.faces = Faces::default();
        self.vertices.clear();
        self.face_counts.fill(0);
        self.paints = Paints::default();
    }

    fn geometry(&mut self, geometry: &Geometry<'t, 'a>) -> Result<(), TooMuch> {
        let walk = Walk {
            flip: false,
            dimension: self.reader.context.survey.dimension,
            surface: geometry.surface,
            colour: None,
            hops: 0,
            frame: None,
        };
        if geometry.shape == Shape::Implicit {
            return geometry.property.children().try_for_each(|implicit| self.implicit(implicit, walk));
        }
        self.property(geometry.property, walk)
    }

    /// What a property holds, or names.
    pub(super) fn property<'p, 'b: 'p>(&mut self, property: Element<'p, 'b>, walk: Walk) -> Result<(), TooMuch> {
        self.spend(1)?;
        if let Some(href) = property.href() {
            self.follow(property, href, walk)?;
        }
        property.children().try_for_each(|child| self.walk(child, walk))
    }

    fn follow<'p, 'b: 'p>(&mut self, property: Element<'p, 'b>, href: &str, walk: Walk) -> Result<(), TooMuch> {
        let Some(id) = href.strip_prefix('#') else {
            self.warn(property, "reference to another file left out", &format!("{href:?} is not followed"));
            return Ok(());
        };
        let walk = Walk { hops: walk.hops + 1, ..walk };
        if walk.hops > HOPS_MAX {
            self.warn(property, "references lead in circles", &format!("{href:?} is one of more than {HOPS_MAX} that lead to each other"));
            return Ok(());
        }
        if let Some(target) = property.sibling_by_id(id) {
            return self.walk(target, walk);
        }
        // The member itself, from geometry of another one that was taken into it.
        if let Some(target) = self.reader.tree.by_id(id) {
            return self.walk(target, walk);
        }
        let Some(target) = self.reader.context.survey.targets.get(id) else {
            self.warn(property, "reference to nothing", &format!("{href:?} is nowhere in the file; it is left out"));
            return Ok(());
        };
        self.spend(target.text.len() / 64)?;
        match Tree::read(&target.text, self.reader.context.namespaces) {
            Ok(tree) => tree.root().map_or(Ok(()), |root| self.walk(root, walk)),
            Err(e) => {
                self.warn(property, "reference to broken geometry", &format!("{href:?} on line {}: {}", target.line, e.why));
                Ok(())
            }
        }
    }

    fn walk<'p, 'b: 'p>(&mut self, element: Element<'p, 'b>, mut walk: Walk) -> Result<(), TooMuch> {
        self.spend(1)?;
        if let Some(dimension) = element.attribute("srsDimension").and_then(|d| d.parse().ok()).filter(|d| matches!(d, 2 | 3)) {
            walk.dimension = dimension;
        }
        if walk.frame.is_none()
            && let Some(srs_name) = element.attribute("srsName")
            && !self.reader.context.survey.reference.agrees(srs_name)
        {
            self.warn(element, "geometry in another coordinate system left out", &format!("its srsName is {srs_name:?}"));
            return Ok(());
        }
        if let Some(colour) = element.id().and_then(|id| self.reader.colour(id)) {
            walk.colour = Some(colour);
        }
        match element.name() {
            "Polygon" | "Triangle" | "Rectangle" | "PolygonPatch" => self.polygon(element, walk),
            "Solid" => {
                self.inner_shells += element.children().filter(|c| c.name() == "interior").count() as u32;
                element.children().filter(|c| c.name() == "exterior").try_for_each(|shell| self.property(shell, walk))
            }
            "OrientableSurface" | "TexturedSurface" | "_TexturedSurface" => {
                walk.flip ^= element.attribute("orientation") == Some("-");
                element.children().filter(|c| c.name() == "baseSurface").try_for_each(|base| self.property(base, walk))
            }
            "CompositeSurface"
            | "MultiSurface"
            | "Shell"
            | "Surface"
            | "PolyhedralSurface"
            | "TriangulatedSurface"
            | "Tin"
            | "MultiSolid"
            | "CompositeSolid"
            | "MultiGeometry"
            | "GeometricComplex" => {
                let holds = |name: &str| {
                    is_geometry_property(name)
                        || matches!(name, "patches" | "polygonPatches" | "trianglePatches" | "solidMembers" | "geometryMembers")
                };
                element.children().filter(|c| holds(c.name())).try_for_each(|member| self.property(member, walk))
            }
            name => {
                let what = if element.ns() == Ns::Gml { name } else { "unknown kind" };
                self.warn(element, &format!("geometry of type {what} left out"), &format!("<{name}> has no surfaces that are read"));
                Ok(())
            }
        }
    }

    /// A position as written to coordinates.
    pub(super) fn place(&self, written: DVec3, walk: Walk) -> DVec3 {
        match walk.frame {
            None => self.reader.context.survey.reference.place(written),
            // Metres to the units of the file, which are degrees in a geographic one.
            Some(frame) => frame.matrix.transform_point3(written) / self.reader.metres(Some(&frame.at)).extend(1.0) + frame.at,
        }
    }

    /// The innermost semantic surface of this object that a polygon of the member lies in.
    pub(super) fn surface_at(&self, polygon: Element) -> Option<usize> {
        if self.stretches.is_empty() || !polygon.is_of(self.reader.tree) {
            return None;
        }
        let index = polygon.index();
        let mut next = self.stretches.partition_point(|(start, _)| *start <= index).checked_sub(1);
        while let Some((_, stretch)) = next.and_then(|n| self.stretches.get(n)) {
            if index < stretch.end {
                return Some(stretch.surface);
            }
            next = stretch.outer;
        }
        None
    }

    /// Notes that a polygon becomes a face; `false` when it has become one and must not again.
    pub(super) fn first_time(&mut self, polygon: Element) -> bool {
        let Some(used) = self.used.as_mut().filter(|_| polygon.is_of(self.reader.tree)) else { return true };
        used.insert(polygon.index()) || !self.once
    }

    /// The colour of a polygon: its own, or of the nearest thing that holds it.
    pub(super) fn colour(&self, polygon: Element, walk: Walk) -> Option<[u8; 4]> {
        if !self.reader.has_colours() {
            return None;
        }
        let mut next = Some(polygon);
        while let Some(element) = next {
            if let Some(colour) = element.id().and_then(|id| self.reader.colour(id)) {
                return Some(colour);
            }
            next = element.parent();
        }
        walk.colour
    }

    pub(super) fn spend(&self, count: usize) -> Result<(), TooMuch> {
        self.reader.spend(count)
    }

    pub(super) fn warn(&mut self, element: Element, reason: &str, text: &str) {
        let place = self.reader.place(element, self.id);
        self.report.warn(reason, &format!("{place}: {text}"));
    }

    /// Tells of hollows inside of solids: never seen, left out.
    pub(super) fn tell_inner_shells(&mut self, object: Element) {
        if self.inner_shells > 0 {
            let text = format!("{} inside", self.inner_shells);
            self.warn(object, "inner shell of a solid left out", &text);
        }
    }
}
