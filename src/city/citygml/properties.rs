//! What an object consists of: its geometries, its surfaces, its parts, and the properties that are attributes.

use super::attributes::{Attributes, is_geometry, is_surface};
use super::codes::CodeLists;
use super::namespaces::Ns;
use super::tree::Element;
use serde_json::{Map, Value};

/// What a geometry is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Solid,
    Surfaces,
    /// The outline of a roof from above, which says less than the footprint beside it.
    RoofEdge,
    /// Geometry of its own coordinates, placed by a matrix and a point.
    Implicit,
}

/// A geometry with its level of detail.
pub(super) struct Geometry<'t, 'a> {
    pub lod: &'t str,
    pub shape: Shape,
    /// The property that holds it, or names it.
    pub property: Element<'t, 'a>,
    /// Index of the semantic surface it belongs to; `None` for the object's own.
    pub surface: Option<usize>,
}

/// A semantic surface: `RoofSurface`, `Door`, `TrafficArea`, ...
pub(super) struct Surface<'t, 'a> {
    pub element: Element<'t, 'a>,
    pub attributes: Map<String, Value>,
    /// The surface it is in, of a door or window.
    pub outer: Option<usize>,
}

/// An object taken apart.
pub(super) struct Properties<'t, 'a> {
    pub attributes: Map<String, Value>,
    pub geometries: Vec<Geometry<'t, 'a>>,
    pub surfaces: Vec<Surface<'t, 'a>>,
    /// Objects in it, and whether they are parts of it (members of a group are not).
    pub objects: Vec<(Element<'t, 'a>, bool)>,
    /// What is left out: a word for the report, and its place.
    pub left_out: Vec<(String, usize)>,
    /// Whether there is geometry at all, readable or not.
    pub has_geometry: bool,
}

impl<'t, 'a> Properties<'t, 'a> {
    pub(super) fn of(object: Element<'t, 'a>, codes: &CodeLists) -> Self {
        let mut all = Self {
            attributes: Map::new(),
            geometries: Vec::new(),
            surfaces: Vec::new(),
            objects: Vec::new(),
            left_out: Vec::new(),
            has_geometry: false,
        };
        all.attributes = all.take(object, None, codes);
        all
    }

    /// Sorts the properties of an object or of one of its surfaces. Answers its attributes.
    fn take(&mut self, owner: Element<'t, 'a>, surface: Option<usize>, codes: &CodeLists) -> Map<String, Value> {
        let mut others = Vec::new();
        for property in owner.children() {
            if !self.sort(owner, property, surface, codes) {
                others.push(property);
            }
        }
        let mut attributes = Attributes::new(codes);
        attributes.add(others.into_iter());
        self.left_out.extend(attributes.left_out.into_iter().map(|(what, at)| (what.to_owned(), at)));
        attributes.all
    }

    /// Takes a property that is no attribute; `false` for one that is.
    fn sort(&mut self, owner: Element<'t, 'a>, property: Element<'t, 'a>, surface: Option<usize>, codes: &CodeLists) -> bool {
        let (ns, name) = (property.ns(), property.name());
        match (ns, name) {
            (Ns::Gml, "boundedBy" | "metaDataProperty") | (Ns::Appearance, _) | (Ns::City, "extent") => true,
            (Ns::Gml, _) if !property.children().any(|c| is_geometry(c.name())) => false,
            (Ns::Generics, _) if name.ends_with("Attribute") || name == "genericAttributeSet" => false,
            (Ns::City, "lod") if owner.name().contains("Relief") => true,
            (Ns::City | Ns::Other, "boundedBy" | "opening" | "trafficArea" | "auxiliaryTrafficArea") => {
                property.children().for_each(|child| self.surface(child, surface, codes));
                true
            }
            (Ns::City, "tin") => {
                let lod = owner.child("lod").map_or("", |lod| lod.text());
                self.geometry(property, lod, surface);
                true
            }
            (Ns::City, "generalizesTo") => {
                self.leave_out_objects(property, "generalised object left out");
                true
            }
            (Ns::City, "groupMember" | "parent") if property.children().next().is_some() => {
                self.objects.extend(property.children().map(|c| (c, false)));
                true
            }
            (Ns::City, _) if name.starts_with("interior") || name == "roomInstallation" => {
                self.leave_out_objects(property, "interior left out");
                true
            }
            _ => self.by_content(property, surface),
        }
    }

    fn by_content(&mut self, property: Element<'t, 'a>, surface: Option<usize>) -> bool {
        let name = property.name();
        if let Some(lod) = level(name)
            && (holds_geometry(property) || property.href().is_some())
        {
            self.geometry(property, lod, surface);
            return true;
        }
        let mut children = property.children();
        let (first, second) = (children.next(), children.next());
        if let Some(child) = first
            && second.is_none()
            && is_object(property, child)
        {
            self.objects.push((child, true));
            return true;
        }
        if first.is_some_and(|c| is_geometry(c.name()) && c.ns() == Ns::Gml) {
            self.has_geometry = true;
            self.left_out.push((format!("geometry of {name} left out"), property.span().start));
            return true;
        }
        // A part that stands elsewhere names its parent by being there.
        is_part(name) && property.href().is_some()
    }

    fn leave_out_objects(&mut self, property: Element, what: &str) {
        self.left_out.extend(property.children().map(|c| (format!("{what}: {}", c.name()), c.span().start)));
    }

    fn surface(&mut self, element: Element<'t, 'a>, outer: Option<usize>, codes: &CodeLists) {
        let index = self.surfaces.len();
        self.surfaces.push(Surface { element, attributes: Map::new(), outer });
        let attributes = self.take(element, Some(index), codes);
        if let Some(surface) = self.surfaces.get_mut(index) {
            surface.attributes = attributes;
        }
    }

    fn geometry(&mut self, property: Element<'t, 'a>, lod: &'t str, surface: Option<usize>) {
        let name = property.name();
        if name.ends_with("TerrainIntersection") {
            return;
        }
        self.has_geometry = true;
        let shape = match property.children().next().map(|c| c.name()) {
            Some("ImplicitGeometry") => Shape::Implicit,
            Some("Solid" | "CompositeSolid" | "MultiSolid") => Shape::Solid,
            None if name.ends_with("Solid") => Shape::Solid,
            None => Shape::Surfaces,
            Some(_) if name.ends_with("RoofEdge") => Shape::RoofEdge,
            Some(other) if is_surface(other) => Shape::Surfaces,
            Some(other) => {
                self.left_out.push((format!("geometry of type {other} left out"), property.span().start));
                return;
            }
        };
        self.geometries.push(Geometry { lod, shape, property, surface });
    }
}

/// `2` of `lod2Solid`.
fn level(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("lod")?;
    let lod = rest.get(..1).filter(|l| l.starts_with(|c: char| c.is_ascii_digit()))?;
    rest.get(1..)?.starts_with(char::is_uppercase).then_some(lod)
}

fn holds_geometry(property: Element) -> bool {
    property.children().any(|c| {
        (c.ns() == Ns::Gml && is_geometry(c.name())) || matches!(c.name(), "ImplicitGeometry" | "TexturedSurface" | "_TexturedSurface")
    })
}

/// Properties of CityGML whose value is an object that stands for itself.
fn is_part(name: &str) -> bool {
    name.starts_with("consistsOf") || name.starts_with("outer") || name == "reliefComponent"
}

/// Whether what a property holds is an object, not a data type: it has geometry, or surfaces, or parts.
fn is_object(property: Element, child: Element) -> bool {
    if child.ns() == Ns::Gml || !child.name().starts_with(char::is_uppercase) {
        return false;
    }
    let shows = |p: Element| {
        (level(p.name()).is_some() && holds_geometry(p)) || (p.ns() == Ns::City && (is_part(p.name()) || p.name() == "boundedBy"))
    };
    (property.ns() == Ns::City && is_part(property.name())) || child.children().any(shows)
}
