//! How high a building is and what roof it has, from its attributes.

use super::feature::Tags;
use super::mapping::Mapping;
use super::quantity::{direction_deg, length_m, number};
use super::roof::{RoofShape, RoofWish, Top};
use super::solid::Heights;
use crate::city::report::BuildReport;

/// Taller than this is a mistake, metres: the tallest building stands 828 m.
const HEIGHT_MAX_M: f64 = 1_000.0;
/// Walls are at least this high, metres: a roof down to the ground still has an edge.
const WALL_MIN_M: f64 = 0.1;
/// Most of a building that a roof takes whose height is only guessed.
const GUESSED_ROOF_MAX: f64 = 0.4;
/// Steepest pitch believed, degrees.
const PITCH_MAX_DEG: f64 = 80.0;

/// What the attributes say, in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measures {
    /// Height of the ground: 0 where heights count from it.
    base: f64,
    /// Of the underside above the ground.
    min: f64,
    tall: Tall,
    roof_height: RoofHeight,
    pub(super) roof: RoofWish,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Tall {
    /// From the ground to the highest point of the roof.
    Top(f64),
    /// From the ground to the eaves.
    Eaves(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum RoofHeight {
    Metres(f64),
    Degrees(f64),
    Unknown,
}

impl Measures {
    /// Reads them; what is not understood or missing is told to `report` under `name` (file and object).
    pub(super) fn read(tags: Tags, mapping: &Mapping, name: &str, report: &mut BuildReport) -> Self {
        let mut reader = Reader { tags, mapping, name, report };
        let base = reader.length("height of the ground", &mapping.base).unwrap_or(0.0);
        let storeys = reader.count("storeys", &mapping.levels);
        let min = reader.length("lower height", &mapping.min_height).filter(|m| m.abs() < HEIGHT_MAX_M);
        let min = min.or_else(|| Some(reader.count("lowest storey", &mapping.min_level)? * mapping.storey_m)).unwrap_or(0.0);
        // -1 and 0 are how data sets say that they don't know.
        let height = reader.length("height", &mapping.height);
        let height = if mapping.top_is_absolute { height.map(|h| h - base) } else { height }.filter(|h| *h > 0.0);
        let height = match height {
            Some(h) if h > HEIGHT_MAX_M => {
                reader.warn("height above 1000 m not believed", &format!("{h} m"));
                None
            }
            h => h,
        };
        let roof_height = reader.roof_height();
        let roof = reader.roof();
        let tall = match (height, storeys.filter(|n| *n > 0.0 || roof_height != RoofHeight::Unknown)) {
            (Some(height), _) => Tall::Top(height),
            (None, Some(storeys)) => Tall::Eaves(storeys.max(0.0) * mapping.storey_m),
            (None, None) => reader.assumed(min),
        };
        Self { base, min, tall, roof_height, roof }
    }

    /// Heights of the body under a roof of this shape; `None` when its underside is not below its top.
    pub(super) fn heights(&self, top: &Top) -> Option<Heights> {
        let pitched = |degrees: f64| top.run_m * degrees.clamp(0.0, PITCH_MAX_DEG).to_radians().tan();
        let highest = top.points.iter().map(|p| p.z).fold(0.0, f64::max);
        let wanted = match self.roof_height {
            _ if highest <= 0.0 => 0.0,
            RoofHeight::Metres(m) => m,
            RoofHeight::Degrees(d) => pitched(d),
            RoofHeight::Unknown => pitched(self.roof.shape.usual_angle_deg()),
        };
        let (eaves, roof) = match self.tall {
            Tall::Top(height) => {
                let room = height - self.min - WALL_MIN_M;
                let most = if self.roof_height == RoofHeight::Unknown { room * GUESSED_ROOF_MAX } else { room };
                let roof = wanted.clamp(0.0, most.max(0.0));
                (height - roof, roof)
            }
            Tall::Eaves(eaves) => {
                let eaves = eaves.max(self.min + WALL_MIN_M);
                let most = if self.roof_height == RoofHeight::Unknown { (eaves - self.min).max(2.0) } else { HEIGHT_MAX_M };
                (eaves, wanted.clamp(0.0, most))
            }
        };
        let bottom = self.base + self.min;
        (eaves - self.min >= WALL_MIN_M / 2.0).then_some(Heights { bottom, eaves: self.base + eaves, roof })
    }
}

struct Reader<'a> {
    tags: Tags<'a>,
    mapping: &'a Mapping,
    name: &'a str,
    report: &'a mut BuildReport,
}

impl Reader<'_> {
    fn warn(&mut self, reason: &str, what: &str) {
        self.report.warn(reason, &format!("{}: {what}", self.name));
    }

    fn length(&mut self, what: &str, names: &[String]) -> Option<f64> {
        let read = self.tags.first(names, |name, value| length_m(value, self.mapping.unit(name)));
        read.unwrap_or_else(|odd| {
            let odd = odd.to_string();
            self.warn(&format!("{what} not understood"), &odd);
            None
        })
    }

    fn count(&mut self, what: &str, names: &[String]) -> Option<f64> {
        let read = self.tags.first(names, |_, value| number(value).filter(|n| n.abs() < 500.0));
        read.unwrap_or_else(|odd| {
            let odd = odd.to_string();
            self.warn(&format!("{what} not understood"), &odd);
            None
        })
    }

    fn roof_height(&mut self) -> RoofHeight {
        let storeys = |reader: &mut Self| reader.count("roof storeys", &reader.mapping.roof_levels).filter(|n| *n > 0.0);
        if let Some(metres) = self.length("roof height", &self.mapping.roof_height).filter(|m| *m >= 0.0) {
            RoofHeight::Metres(metres)
        } else if let Some(degrees) = self.count("roof angle", &self.mapping.roof_angle).filter(|d| *d > 0.0) {
            RoofHeight::Degrees(degrees)
        } else if let Some(storeys) = storeys(self) {
            RoofHeight::Metres(storeys * self.mapping.storey_m)
        } else {
            RoofHeight::Unknown
        }
    }

    fn roof(&mut self) -> RoofWish {
        let word = self.tags.first(&self.mapping.roof_shape, |_, value| match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(code) => Some(code.to_string()),
            _ => None,
        });
        let word = word.ok().flatten();
        let shape = word.map_or(RoofShape::Flat, |word| {
            RoofShape::named(self.mapping.roof_word(&word)).unwrap_or_else(|| {
                self.warn("roof drawn flat: its shape is not known here", &format!("{word:?}; drawn are {}", RoofShape::NAMES));
                RoofShape::Flat
            })
        });
        let direction_deg = self.tags.first(&self.mapping.roof_direction, |_, v| direction_deg(v)).ok().flatten();
        let orientation = self.tags.first(&self.mapping.roof_orientation, |_, v| v.as_str().map(|t| t == "across"));
        RoofWish { shape, direction_deg, across: orientation.ok().flatten().unwrap_or(false) }
    }

    /// The height of what says nothing of it.
    fn assumed(&mut self, min: f64) -> Tall {
        let class = self.tags.first(&self.mapping.class, |_, v| v.as_str().map(str::to_owned)).ok().flatten();
        let height = self.mapping.height_of(class.as_deref().unwrap_or_default());
        self.warn(&format!("height missing: {height} m assumed"), "no height, no storeys; name the attribute in a mapping");
        Tall::Top(min.max(0.0) + height)
    }
}
