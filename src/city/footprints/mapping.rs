//! Which attributes say what: built in for OpenStreetMap, Overture, Microsoft and EUBUCCO; a small TOML names others.
//!
//! ```toml
//! layer = "building"            # what the shapes are: building, building_part, road, railway, water, green, land; tags decide where absent
//! id = "identificatie"
//! height = ["h_dak_max", "hoogte"]   # tried in this order; from the ground to the highest point of the roof
//! base = "h_maaiveld"           # height of the ground above the datum; without it heights count from the ground
//! levels = "verdiepingen"
//! roof_shape = "daktype"
//! storey_m = 3.2
//! default_height_m = 8
//! top_is_absolute = true        # `height` is above the datum, not above `base`
//!
//! [units]                       # of numbers that stand without one
//! h_dak_max = "cm"
//!
//! [default_heights]             # metres, by the value of `class`
//! shed = 2.5
//!
//! [roof_shapes]                 # their word = ours
//! "1000" = "flat"
//! ```

use super::layer::Layer;
use super::quantity::Unit;
use crate::city::CityError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A mapping is a page of text; anything longer is another file given by mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One attribute's name, or several that are tried in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    layer: Option<Layer>,
    id: Option<Names>,
    class: Option<Names>,
    height: Option<Names>,
    min_height: Option<Names>,
    base: Option<Names>,
    levels: Option<Names>,
    min_level: Option<Names>,
    roof_shape: Option<Names>,
    roof_height: Option<Names>,
    roof_levels: Option<Names>,
    roof_angle: Option<Names>,
    roof_direction: Option<Names>,
    roof_orientation: Option<Names>,
    width: Option<Names>,
    lanes: Option<Names>,
    storey_m: Option<f64>,
    default_height_m: Option<f64>,
    top_is_absolute: bool,
    units: BTreeMap<String, String>,
    default_heights: BTreeMap<String, f64>,
    roof_shapes: BTreeMap<String, String>,
}

/// Names of the attributes that count, first the one that wins.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) layer: Option<Layer>,
    pub(super) id: Vec<String>,
    /// The TOML names it.
    pub(super) id_named: bool,
    pub(super) class: Vec<String>,
    pub(super) height: Vec<String>,
    pub(super) min_height: Vec<String>,
    pub(super) base: Vec<String>,
    pub(super) levels: Vec<String>,
    pub(super) min_level: Vec<String>,
    pub(super) roof_shape: Vec<String>,
    pub(super) roof_height: Vec<String>,
    pub(super) roof_levels: Vec<String>,
    pub(super) roof_angle: Vec<String>,
    pub(super) roof_direction: Vec<String>,
    pub(super) roof_orientation: Vec<String>,
    pub(super) width: Vec<String>,
    pub(super) lanes: Vec<String>,
    /// Height of a storey, metres.
    pub(super) storey_m: f64,
    /// Of buildings that say nothing of their height, metres.
    pub(super) default_height_m: f64,
    pub(super) top_is_absolute: bool,
    units: BTreeMap<String, Unit>,
    default_heights: BTreeMap<String, f64>,
    roof_shapes: BTreeMap<String, String>,
}

/// Heights of buildings that tell only what they are: plain guesses, metres, better than one guess for garages and flats alike.
const HEIGHTS_BY_CLASS: [(&str, f64); 26] = [
    ("house", 7.0),
    ("detached", 7.0),
    ("semidetached_house", 7.5),
    ("terrace", 8.0),
    ("bungalow", 4.5),
    ("residential", 9.0),
    ("apartments", 15.0),
    ("dormitory", 15.0),
    ("hotel", 18.0),
    ("office", 18.0),
    ("commercial", 12.0),
    ("retail", 7.0),
    ("industrial", 9.0),
    ("warehouse", 9.0),
    ("school", 10.0),
    ("hospital", 15.0),
    ("church", 14.0),
    ("garage", 2.7),
    ("garages", 2.7),
    ("carport", 2.5),
    ("shed", 2.5),
    ("hut", 2.7),
    ("kiosk", 3.0),
    ("greenhouse", 3.5),
    ("roof", 4.0),
    ("farm_auxiliary", 5.0),
];

impl Default for Mapping {
    fn default() -> Self {
        Self::of(Written::default())
    }
}

impl Mapping {
    /// The mapping of a TOML file, or the built-in one.
    ///
    /// # Errors
    /// When the file can't be read, or says something not known here.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, CityError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let size = std::fs::metadata(path).map_err(CityError::open(path))?.len();
        if size > FILE_BYTES_MAX {
            let mend = "give the mapping (a few lines of TOML), not the data";
            return Err(CityError::TooBig { file: path.to_owned(), what: format!("{size} bytes"), limit: FILE_BYTES_MAX, mend });
        }
        let text = std::fs::read_to_string(path).map_err(CityError::open(path))?;
        let wrong = |why: String| CityError::unusable(path, why);
        let written: Written = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        for (attribute, unit) in &written.units {
            Unit::named(unit)
                .ok_or_else(|| wrong(format!("units.{attribute}: {unit:?} is no unit of length; write m, cm, ft, in, ...")))?;
        }
        for (their, our) in &written.roof_shapes {
            super::roof::RoofShape::named(our).ok_or_else(|| {
                wrong(format!("roof_shapes.{their}: {our:?} is no roof drawn here; drawn are {}", super::roof::RoofShape::NAMES))
            })?;
        }
        let lengths = [written.storey_m, written.default_height_m].into_iter().flatten().chain(written.default_heights.values().copied());
        if let Some(bad) = lengths.into_iter().find(|m| !(*m > 0.0 && *m < 1000.0)) {
            return Err(wrong(format!("{bad} is no height of a building or storey; write metres above 0")));
        }
        Ok(Self::of(written))
    }

    fn of(written: Written) -> Self {
        let names = |given: Option<Names>, known: &[&str]| match given {
            Some(Names::One(name)) => vec![name],
            Some(Names::Several(names)) => names,
            None => known.iter().map(|n| (*n).to_owned()).collect(),
        };
        let w = written;
        Self {
            layer: w.layer,
            id_named: w.id.is_some(),
            id: names(w.id, &["@id", "id", "osm_id", "osm_way_id", "full_id", "gml_id", "GlobalID", "fid", "OBJECTID"]),
            class: names(w.class, &["building", "building:part", "class", "subtype", "building:use", "type"]),
            height: names(w.height, &["height", "building:height", "measuredHeight", "measured_height", "height_m", "est_height"]),
            min_height: names(w.min_height, &["min_height", "building:min_height"]),
            base: names(w.base, &[]),
            levels: names(w.levels, &["building:levels", "num_floors", "levels", "storeysAboveGround", "building_levels", "n_floors"]),
            min_level: names(w.min_level, &["building:min_level", "min_floor", "min_level"]),
            roof_shape: names(w.roof_shape, &["roof:shape", "roof_shape", "building:roof:shape"]),
            roof_height: names(w.roof_height, &["roof:height", "roof_height"]),
            roof_levels: names(w.roof_levels, &["roof:levels", "roof_levels"]),
            roof_angle: names(w.roof_angle, &["roof:angle", "roof_angle"]),
            roof_direction: names(w.roof_direction, &["roof:direction", "roof_direction"]),
            roof_orientation: names(w.roof_orientation, &["roof:orientation", "roof_orientation"]),
            width: names(w.width, &["width", "est_width"]),
            lanes: names(w.lanes, &["lanes"]),
            storey_m: w.storey_m.unwrap_or(3.0),
            default_height_m: w.default_height_m.unwrap_or(9.0),
            top_is_absolute: w.top_is_absolute,
            units: w.units.into_iter().map(|(name, unit)| (name, Unit::named(&unit).unwrap_or(Unit::METRE))).collect(),
            default_heights: w.default_heights,
            roof_shapes: w.roof_shapes,
        }
    }

    /// Unit of an attribute's bare numbers.
    pub(super) fn unit(&self, attribute: &str) -> Unit {
        self.units.get(attribute).copied().unwrap_or(Unit::METRE)
    }

    /// Height of a building of a class that doesn't tell its own, metres.
    pub(super) fn height_of(&self, class: &str) -> f64 {
        let known = || HEIGHTS_BY_CLASS.iter().find(|(name, _)| *name == class).map(|(_, height)| *height);
        self.default_heights.get(class).copied().or_else(known).unwrap_or(self.default_height_m)
    }

    /// A roof's shape in our words.
    pub(super) fn roof_word<'a>(&'a self, word: &'a str) -> &'a str {
        self.roof_shapes.get(word).map_or(word, String::as_str)
    }

    /// Whether heights count from the ground instead of from a datum.
    pub(super) fn above_ground(&self) -> bool {
        self.base.is_empty()
    }
}
