//! Simple and nested properties as attributes: every text of an object is kept, numbers as numbers.

use super::codes::CodeLists;
use super::namespaces::Ns;
use super::numbers;
use super::tree::Element;
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Longest name of an attribute, dots and all.
const NAME_BYTES_MAX: usize = 256;
/// Longest text of an attribute.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Values that repeated nested properties are spread over in lists of equal length; more come as a list of objects.
const SPREAD_MAX: usize = 4096;

/// Properties of CityGML that are numbers; others are codes and text, even where they look like numbers.
const NUMBERS: [&str; 11] = [
    "averageHeight",
    "crownDiameter",
    "height",
    "measuredHeight",
    "storeyHeightsAboveGround",
    "storeyHeightsBelowGround",
    "storeysAboveGround",
    "storeysBelowGround",
    "trunkDiameter",
    "yearOfConstruction",
    "yearOfDemolition",
];

/// Ways of writing metres.
const METRES: [&str; 9] = [
    "m",
    "#m",
    "metre",
    "meter",
    "urn:adv:uom:m",
    "urn:ogc:def:uom:EPSG::9001",
    "urn:ogc:def:uom:EPSG:9001",
    "urn:x-ogc:def:uom:EPSG:9001",
    "urn:ogc:def:uom:UCUM::m",
];

/// Attributes of one object or surface, being gathered.
pub(super) struct Attributes<'c> {
    pub all: Map<String, Value>,
    codes: &'c CodeLists,
    /// What was left out, in words, with its place.
    pub left_out: Vec<(&'static str, usize)>,
}

impl<'c> Attributes<'c> {
    pub(super) fn new(codes: &'c CodeLists) -> Self {
        Self { all: Map::new(), codes, left_out: Vec::new() }
    }

    /// Properties of an object or a data type, those that hold others behind the simple ones.
    pub(super) fn add<'t, 'a: 't>(&mut self, properties: impl Iterator<Item = Element<'t, 'a>>) {
        let mut all = std::mem::take(&mut self.all);
        self.gather(properties, "", &mut all);
        self.all = all;
    }

    fn gather<'t, 'a: 't>(&mut self, properties: impl Iterator<Item = Element<'t, 'a>>, prefix: &str, into: &mut Map<String, Value>) {
        let mut nested: IndexMap<&str, Vec<Element>> = IndexMap::new();
        for property in properties {
            if property.ns() == Ns::Generics && property.name().ends_with("Attribute") {
                self.generic(property, prefix, into);
            } else if property.is(Ns::Generics, "genericAttributeSet") {
                let Some(prefix) = self.name(prefix, property.attribute("name").unwrap_or("genericAttributeSet"), property) else {
                    continue;
                };
                self.gather(property.children(), &format!("{prefix}."), into);
            } else if property.children().next().is_some() {
                nested.entry(property.name()).or_default().push(property);
            } else {
                self.simple(property, prefix, into);
            }
        }
        for (name, all) in nested {
            self.nested(name, &all, prefix, into);
        }
    }

    /// The full name; `None` when it would be too long.
    fn name(&mut self, prefix: &str, name: &str, element: Element) -> Option<String> {
        if prefix.len() + name.len() > NAME_BYTES_MAX {
            self.left_out.push(("attribute left out: its name is too long", element.span().start));
            return None;
        }
        Some(format!("{prefix}{name}"))
    }

    /// `gen:stringAttribute` and its like: CityGML 2.0, section 10.11.
    fn generic(&mut self, property: Element, prefix: &str, into: &mut Map<String, Value>) {
        let Some(name) = self.name(prefix, property.attribute("name").unwrap_or(property.name()), property) else { return };
        let Some(value) = property.child("value") else { return };
        let text = value.text();
        if !self.fits(text, property) {
            return;
        }
        let number = match property.name() {
            "intAttribute" => integer(text),
            "doubleAttribute" | "measureAttribute" => numbers::number(text).map(Value::from),
            _ => None,
        };
        self.unit(&name, value, into);
        put(into, name, number.unwrap_or_else(|| Value::from(text)));
    }

    fn fits(&mut self, text: &str, element: Element) -> bool {
        let fits = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
        if text.len() > TEXT_BYTES_MAX {
            self.left_out.push(("attribute left out: its text is too long", element.span().start));
        }
        fits
    }

    /// Keeps the unit beside a measure that is not in metres.
    fn unit(&self, name: &str, element: Element, into: &mut Map<String, Value>) {
        if let Some(unit) = element.attribute("uom").filter(|unit| !unit.is_empty() && !METRES.contains(unit)) {
            put(into, format!("{name}_uom"), unit.into());
        }
    }

    fn simple(&mut self, property: Element, prefix: &str, into: &mut Map<String, Value>) {
        let text = match property.text() {
            // A reference stands for what it names.
            "" => property.href().unwrap_or_default(),
            text => text,
        };
        if !self.fits(text, property) {
            return;
        }
        let Some(name) = self.name(prefix, property.name(), property) else { return };
        if let Some(space) = property.attribute("codeSpace") {
            if let Some(meaning) = self.codes.meaning(space, text) {
                put(into, format!("{name}_name"), meaning.into());
            }
            put(into, name, text.into());
            return;
        }
        self.unit(&name, property, into);
        put(into, name, typed(property, text));
    }

    /// A property that holds a data type (or members straight away), as often as its object has it. `a.b` names what is inside; where there are
    /// several, each of these is a list with one place for every one of them.
    fn nested(&mut self, name: &str, all: &[Element], prefix: &str, into: &mut Map<String, Value>) {
        let Some(first) = all.first() else { return };
        let Some(full) = self.name(prefix, name, *first) else { return };
        let mut each: Vec<Map<String, Value>> = all.iter().map(|property| self.one(*property, name)).collect();
        if let [one] = &mut each[..] {
            for (key, value) in std::mem::take(one) {
                if let Some(key) = self.name(&full, &format!(".{key}"), *first) {
                    put(into, key, value);
                }
            }
            return;
        }
        let mut keys: IndexMap<String, ()> = IndexMap::new();
        keys.extend(each.iter().flat_map(|one| one.keys()).map(|key| (key.clone(), ())));
        if keys.len() * each.len() > SPREAD_MAX {
            return put(into, full, each.into_iter().map(Value::Object).collect::<Vec<_>>().into());
        }
        for key in keys.into_keys() {
            let values: Vec<Value> = each.iter_mut().map(|one| one.get_mut(&key).map_or(Value::Null, Value::take)).collect();
            if let Some(key) = self.name(&full, &format!(".{key}"), *first) {
                put(into, key, values.into());
            }
        }
    }

    /// The members of one nested property; an address by the parts that xAL names.
    fn one(&mut self, property: Element, name: &str) -> Map<String, Value> {
        let mut into = Map::new();
        let mut children = property.children();
        let (first, second) = (children.next(), children.next());
        match first {
            Some(only) if second.is_none() && only.name() == "Address" => self.address(only, &mut into),
            Some(only) if second.is_none() && only.name().starts_with(char::is_uppercase) && only.ns() != Ns::Gml => {
                if !only.name().eq_ignore_ascii_case(name) {
                    into.insert("dataType".to_owned(), only.name().into());
                }
                self.gather(only.children(), "", &mut into);
            }
            _ => {
                if property.children().any(|c| is_geometry(c.name()) && c.ns() == Ns::Gml) {
                    self.left_out.push(("geometry of an unknown property left out", property.span().start));
                }
                self.gather(property.children().filter(|c| c.ns() != Ns::Gml || !is_geometry(c.name())), "", &mut into);
            }
        }
        into
    }

    fn address(&mut self, address: Element, into: &mut Map<String, Value>) {
        let kept = |e: &Element| e.ns() == Ns::Address && !e.text().is_empty();
        for part in address.descendants().filter(kept) {
            if self.fits(part.text(), part) {
                put(into, part.name().to_owned(), part.text().into());
            }
        }
        let others = address.children().filter(|c| !matches!(c.name(), "xalAddress"));
        let mut points = Vec::new();
        self.gather(
            others.filter(|c| {
                let point = c.name() == "multiPoint";
                if point {
                    points.push(c.span().start);
                }
                !point
            }),
            "",
            into,
        );
        self.left_out.extend(points.into_iter().map(|at| ("point of an address left out", at)));
    }
}

/// A second value makes a list of the first.
fn put(into: &mut Map<String, Value>, name: String, value: Value) {
    match into.get_mut(&name) {
        None => drop(into.insert(name, value)),
        Some(Value::Array(all)) => all.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn integer(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::from).or_else(|| numbers::number(text).map(Value::from))
}

fn typed(property: Element, text: &str) -> Value {
    let number = || integer(text);
    let is_measure = property.attribute("uom").is_some();
    let value = match property.ns() {
        Ns::City if NUMBERS.contains(&property.name()) || is_measure => number().or_else(|| number_list(text)),
        // Extensions say nothing of their types here: what is written as a number is one.
        Ns::Other if is_measure || is_plain_number(text) => number(),
        Ns::City | Ns::Other => match text {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        _ => None,
    };
    value.unwrap_or_else(|| text.into())
}

fn number_list(text: &str) -> Option<Value> {
    let mut all = Vec::new();
    numbers::list(text, b' ', &mut all).ok()?;
    Some(all.into())
}

/// Whether writing the number again would give the same text, give or take zeros at its end: `007` and `1e5` are codes.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits.len() <= 16 && all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// Names of GML's surfaces, and of what holds them.
pub(super) fn is_surface(name: &str) -> bool {
    matches!(
        name,
        "MultiSurface"
            | "CompositeSurface"
            | "Surface"
            | "PolyhedralSurface"
            | "TriangulatedSurface"
            | "Tin"
            | "OrientableSurface"
            | "TexturedSurface"
            | "_TexturedSurface"
            | "Polygon"
            | "MultiGeometry"
            | "GeometricComplex"
            | "Shell"
    )
}

/// Names of GML's geometries.
pub(super) fn is_geometry(name: &str) -> bool {
    is_surface(name)
        || matches!(
            name,
            "Solid"
                | "CompositeSolid"
                | "MultiSolid"
                | "Point"
                | "MultiPoint"
                | "Curve"
                | "LineString"
                | "OrientableCurve"
                | "MultiCurve"
                | "CompositeCurve"
                | "RectifiedGrid"
                | "RectifiedGridCoverage"
        )
}
