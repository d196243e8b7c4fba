//! What a feature is of a city: told by the mapping, else by the tags of OpenStreetMap and Overture.

use super::feature::Tags;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layer {
    Building,
    BuildingPart,
    Road,
    Railway,
    Water,
    Green,
    Land,
}

impl Layer {
    /// The CityGML class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Building => "Building",
            Self::BuildingPart => "BuildingPart",
            Self::Road => "Road",
            Self::Railway => "Railway",
            Self::Water => "WaterBody",
            Self::Green => "PlantCover",
            Self::Land => "LandUse",
        }
    }

    pub(super) fn is_building(self) -> bool {
        matches!(self, Self::Building | Self::BuildingPart)
    }
}

/// Leisure grounds that are grown over.
const GREEN_LEISURE: [&str; 7] = ["park", "garden", "pitch", "golf_course", "nature_reserve", "common", "dog_park"];
/// Attributes that tell of ground, whatever its use.
const GROUND_KEYS: [&str; 6] = ["landuse", "natural", "leisure", "amenity", "landcover", "place"];

/// The layer that tags tell; `None` when they are silent.
pub(super) fn by_tags(tags: Tags) -> Option<Layer> {
    let kind = tags.text("type").unwrap_or_default();
    if tags.has("building:part") || kind == "building_part" {
        return Some(Layer::BuildingPart);
    }
    if tags.has("building") || kind == "building" {
        return Some(Layer::Building);
    }
    if tags.has("highway") || tags.has("area:highway") || (kind == "segment" && tags.text("subtype") == Some("road")) {
        return Some(Layer::Road);
    }
    if tags.has("railway") || (kind == "segment" && tags.text("subtype") == Some("rail")) {
        return Some(Layer::Railway);
    }
    let wet = tags.has("waterway")
        || tags.has("water")
        || kind == "water"
        || matches!(tags.text("natural"), Some("water" | "bay" | "strait"))
        || matches!(tags.text("landuse"), Some("reservoir" | "basin"));
    if wet {
        return Some(Layer::Water);
    }
    if tags.text("leisure").is_some_and(|l| GREEN_LEISURE.contains(&l)) {
        return Some(Layer::Green);
    }
    (GROUND_KEYS.iter().any(|k| tags.has(k)) || kind == "land_use" || kind == "land").then_some(Layer::Land)
}

/// Why a feature has no place in the picture though its tags are understood; `None` when it has.
pub(super) fn hidden(tags: Tags, layer: Layer) -> Option<&'static str> {
    let negative = |name: &str| tags.get(name).and_then(super::quantity::number).is_some_and(|n| n < 0.0);
    if tags.text("location") == Some("underground") || tags.get("is_underground").is_some_and(|v| v == &serde_json::Value::Bool(true)) {
        return Some("underground");
    }
    if matches!(layer, Layer::Road | Layer::Railway | Layer::Water) && (tags.has("tunnel") || negative("layer")) {
        return Some("in a tunnel");
    }
    match tags.text("highway").or_else(|| tags.text("railway")) {
        Some("proposed" | "planned" | "abandoned" | "razed" | "disused" | "dismantled") => Some("not there (proposed or gone)"),
        _ => None,
    }
}

/// How wide a line is when it doesn't say, metres: plain guesses by class.
pub(super) fn width_m(tags: Tags, layer: Layer) -> f64 {
    match layer {
        Layer::Railway => 4.0,
        Layer::Water => match tags.text("waterway") {
            Some("river") => 20.0,
            Some("canal") => 12.0,
            _ => 3.0,
        },
        _ => match tags.text("highway").or_else(|| tags.text("class")).unwrap_or_default() {
            "motorway" => 15.0,
            "trunk" => 12.0,
            "primary" => 10.0,
            "secondary" => 8.5,
            "tertiary" => 7.5,
            "motorway_link" | "trunk_link" | "primary_link" | "secondary_link" | "tertiary_link" => 5.0,
            "residential" | "unclassified" | "living_street" => 6.0,
            "pedestrian" => 5.0,
            "service" | "busway" => 4.0,
            "track" | "raceway" => 3.0,
            "cycleway" => 2.5,
            "footway" | "path" | "steps" | "bridleway" | "corridor" => 2.0,
            _ => 6.0,
        },
    }
}
