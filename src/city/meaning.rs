//! What a face is: from its semantics, else from its object's class, else from where it looks.

use crate::city::source::Surface;
use glam::{DVec2, DVec3};
use serde_json::{Map, Value};

/// Steepest roof still called one: 80 degrees from level. Cosine of it, the height of the unit normal.
const ROOF_NORMAL_Z_MIN: f64 = 0.17;

/// How the faces of an object get their meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// Whatever the semantics say, this.
    Always(Surface),
    /// This, unless the semantics know better.
    Default(Surface),
    /// Roof, wall or ground by the normal, unless the semantics know better.
    BySlope,
}

/// The rule of a class; `attributes` tell parks from paved land.
pub(crate) fn rule(class: &str, attributes: &Map<String, Value>) -> Rule {
    match class {
        "TINRelief" => Rule::Always(Surface::Terrain),
        "PlantCover" | "SolitaryVegetationObject" => Rule::Always(Surface::Green),
        "LandUse" => Rule::Always(if is_green(attributes) { Surface::Green } else { Surface::Land }),
        "WaterBody" | "Waterway" => Rule::Default(Surface::Water),
        "Road" | "Railway" | "TransportSquare" | "Square" | "Track" | "TransportationComplex" => Rule::Always(Surface::Road),
        _ if class.starts_with("Bridge") => Rule::Always(Surface::Bridge),
        _ if class.starts_with("Building") || class.starts_with("Tunnel") || class == "OtherConstruction" => Rule::BySlope,
        _ => Rule::Default(Surface::Other),
    }
}

/// Beginnings of words for growing things, in the languages open city models are published in.
const GREEN_WORDS: [&str; 26] = [
    "akker",
    "arable",
    "boom",
    "bos",
    "bosch",
    "crop",
    "farm",
    "field",
    "forest",
    "garden",
    "gras",
    "grass",
    "green",
    "groen",
    "grün",
    "heath",
    "meadow",
    "orchard",
    "park",
    "plant",
    "scrub",
    "tuin",
    "vegetation",
    "wald",
    "wiese",
    "wood",
];
/// The same in characters written without spaces.
const GREEN_CHARACTERS: [char; 10] = ['绿', '綠', '草', '林', '园', '園', '田', '农', '農', '畑'];

/// Attributes that say what land is used for.
const USE_KEYS: [&str; 9] =
    ["class", "function", "usage", "bgt_fysiekvoorkomen", "plus_fysiekvoorkomen", "landuse", "landUse", "land_use", "natural"];

fn is_green(attributes: &Map<String, Value>) -> bool {
    // "parking" begins like "park" and is the opposite of it.
    let green = |word: &str| !word.starts_with("parkin") && !word.starts_with("parkee") && GREEN_WORDS.iter().any(|g| word.starts_with(g));
    USE_KEYS.iter().filter_map(|k| attributes.get(*k)?.as_str()).any(|text| {
        let text = text.to_lowercase();
        text.contains(GREEN_CHARACTERS) || text.split(|c: char| !c.is_alphabetic()).any(green)
    })
}

/// What faces of a semantic surface are, where that is known without looking at them.
pub(crate) fn known(rule: Rule, semantic: Option<&str>) -> Option<Surface> {
    match (rule, semantic.and_then(by_semantic)) {
        (Rule::Always(surface), _) | (_, Some(surface)) | (Rule::Default(surface), None) => Some(surface),
        (Rule::BySlope, None) => None,
    }
}

/// The meaning of one face.
///
/// `semantic` is the type of its semantic surface. `normal` is asked only where nothing else says it.
pub(crate) fn surface(rule: Rule, semantic: Option<&str>, normal: impl FnOnce() -> DVec3) -> Surface {
    known(rule, semantic).unwrap_or_else(|| match normal().z {
        z if z > ROOF_NORMAL_Z_MIN => Surface::Roof,
        z if z < -ROOF_NORMAL_Z_MIN => Surface::Ground,
        _ => Surface::Wall,
    })
}

/// CityJSON 2.0, section 3.3: the semantic surface types. An outer ceiling hangs over a passage and is seen from below: a wall, not ground.
fn by_semantic(kind: &str) -> Option<Surface> {
    Some(match kind {
        "RoofSurface" | "OuterFloorSurface" => Surface::Roof,
        "GroundSurface" | "WaterGroundSurface" => Surface::Ground,
        "WallSurface"
        | "OuterCeilingSurface"
        | "ClosureSurface"
        | "Window"
        | "Door"
        | "InteriorWallSurface"
        | "CeilingSurface"
        | "FloorSurface" => Surface::Wall,
        "WaterSurface" | "WaterClosureSurface" => Surface::Water,
        "TrafficArea" | "AuxiliaryTrafficArea" | "TransportationMarking" | "TransportationHole" => Surface::Road,
        _ => return None,
    })
}

/// Unit normal of a ring by Newell's method, out of the side from which it runs counter-clockwise; zero for a ring without area.
///
/// `metres` are the metres along x and y of one unit of the coordinates.
pub(crate) fn normal(ring: &[u32], vertices: &[DVec3], metres: DVec2) -> DVec3 {
    let Some(origin) = ring.first().map(|i| vertices[*i as usize]) else { return DVec3::ZERO };
    // From the first point: coordinates are millions of metres, faces a few.
    let point = |i: usize| (vertices[ring[i % ring.len()] as usize] - origin) * metres.extend(1.0);
    let sum: DVec3 = (0..ring.len()).map(|i| point(i).cross(point(i + 1))).sum();
    sum.normalize_or_zero()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn land_is_green_when_its_use_says_so() {
        for (value, green) in [
            ("grasland overig", true),
            ("groenvoorziening", true),
            ("公园绿地", true),
            ("City park", true),
            ("parking", false),
            ("parkeervlak", false),
            ("erf", false),
            ("open verharding", false),
        ] {
            let attributes = json!({"bgt_fysiekvoorkomen": value, "name": "green"}).as_object().unwrap().clone();
            let surface = if green { Surface::Green } else { Surface::Land };
            assert_eq!(rule("LandUse", &attributes), Rule::Always(surface), "{value}");
        }
    }

    #[test]
    fn a_face_without_semantics_is_told_by_where_it_looks() {
        let square = [DVec3::ZERO, DVec3::X, DVec3::new(1.0, 1.0, 0.0), DVec3::Y, DVec3::new(1.0, 0.0, 1.0), DVec3::Z];
        let told = |ring: &[u32]| surface(Rule::BySlope, None, || normal(ring, &square, DVec2::ONE));
        assert_eq!(told(&[0, 1, 2, 3]), Surface::Roof);
        assert_eq!(told(&[3, 2, 1, 0]), Surface::Ground);
        assert_eq!(told(&[0, 1, 4, 5]), Surface::Wall);
        assert_eq!(surface(Rule::BySlope, Some("OuterCeilingSurface"), || unreachable!()), Surface::Wall);
        assert_eq!(surface(Rule::Default(Surface::Water), Some("WaterGroundSurface"), || unreachable!()), Surface::Ground);
        assert_eq!(surface(Rule::BySlope, Some("+SolarPanel"), || DVec3::Z), Surface::Roof, "an extension's type is unknown here");
    }
}
