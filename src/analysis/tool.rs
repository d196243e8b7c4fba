//! One question of any kind, as a desk, a command line and a file ask it.

use super::error::AnalysisError;
use super::gather::Extent;
use super::kernel::Kernel;
use super::measure::{self, AreaResult, DistanceResult, HeightResult};
use super::section::{self, SectionInput, SectionResult};
use super::sight::{self, SightResult};
use super::spot::Spot;
use super::sun::{self, SunInput, SunResult};
use super::viewshed::{self, ViewshedInput, ViewshedResult};
use crate::model::clip::ClipRegion;
use crate::model::derived::DerivedAttributes;
use serde::{Deserialize, Serialize};

/// What a long answer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading tiles.
    Read,
    /// Making the hierarchy.
    Build,
    /// Asking rays.
    Compute,
}

/// Hears how far a stage is, 0 to 1; called from many threads.
pub type Report<'a> = dyn Fn(Stage, f64) + Sync + 'a;

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "kebab-case")]
pub enum ToolInput {
    Distance {
        points: Vec<Spot>,
    },
    Height {
        at: Spot,
        /// All buildings within too, metres.
        #[serde(default)]
        radius_m: f64,
    },
    Area {
        points: Vec<Spot>,
    },
    LineOfSight {
        from: Spot,
        to: Spot,
    },
    Viewshed(ViewshedInput),
    SunHours(SunInput),
    Section(SectionInput),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "kebab-case")]
pub enum ToolResult {
    Distance(DistanceResult),
    Height(HeightResult),
    Area(AreaResult),
    LineOfSight(SightResult),
    Viewshed(ViewshedResult),
    SunHours(SunResult),
    Section(SectionResult),
}

impl ToolInput {
    /// The places it names.
    pub fn spots(&self) -> Vec<Spot> {
        match self {
            Self::Distance { points } | Self::Area { points } => points.clone(),
            Self::Height { at, .. } => vec![*at],
            Self::LineOfSight { from, to } => vec![*from, *to],
            Self::Viewshed(v) => vec![v.from],
            Self::SunHours(s) => vec![s.at],
            Self::Section(s) => s.points.clone(),
        }
    }

    /// The piece of the city its answer needs; `None` without a place.
    pub fn extent(&self) -> Option<Extent> {
        let margin_m = match self {
            Self::Viewshed(v) => v.radius_m + 50.0,
            Self::SunHours(s) => s.radius_m + s.shade_m,
            Self::Height { radius_m, .. } => radius_m + 50.0,
            _ => 50.0,
        };
        Extent::around(self.spots().iter().map(|s| [s.lon, s.lat]), margin_m)
    }
}

/// Answers a question.
///
/// # Errors
/// In words with the mend; see each tool.
pub fn run(kernel: &Kernel, input: &ToolInput, report: &Report<'_>) -> Result<ToolResult, AnalysisError> {
    Ok(match input {
        ToolInput::Distance { points } => ToolResult::Distance(measure::distance(kernel, points)?),
        ToolInput::Height { at, radius_m } => ToolResult::Height(measure::height(kernel, at, *radius_m)?),
        ToolInput::Area { points } => ToolResult::Area(measure::area(kernel, points)?),
        ToolInput::LineOfSight { from, to } => ToolResult::LineOfSight(sight::line_of_sight(kernel, from, to)?),
        ToolInput::Viewshed(input) => ToolResult::Viewshed(viewshed::viewshed(kernel, input, report)?),
        ToolInput::SunHours(input) => ToolResult::SunHours(sun::sun_hours(kernel, input, report)?),
        ToolInput::Section(input) => ToolResult::Section(section::section(kernel, input)?),
    })
}

impl ToolResult {
    /// What the answer says of city objects, to style, filter and export by.
    pub fn attributes(&self) -> DerivedAttributes {
        let mut found = DerivedAttributes::default();
        match self {
            Self::SunHours(sun) => {
                for o in &sun.objects {
                    found.number("sun_hours", "h", &o.id, o.mean_h, o.at);
                    found.number("sun_hours_min", "h", &o.id, o.min_h, o.at);
                    found.number("sun_hours_max", "h", &o.id, o.max_h, o.at);
                    if let Some(walls) = o.facade_mean_h {
                        found.number("sun_hours_facade", "h", &o.id, walls, o.at);
                    }
                }
            }
            Self::Viewshed(view) => {
                for o in &view.objects {
                    found.truth("visible", &o.id, o.share > 0.0, o.at);
                    found.number("visible_share", "", &o.id, o.share, o.at);
                }
            }
            Self::Height(height) => {
                if let Some(id) = &height.object {
                    found.number("height_over_ground", "m", id, height.height_m, height.at);
                }
                height.around.iter().for_each(|o| found.number("height_over_ground", "m", &o.id, o.height_m, o.at));
            }
            Self::Section(section) => {
                for c in &section.crossed {
                    let middle = 0.5 * (c.from_m + c.to_m);
                    let near = section.samples.iter().find(|s| s.distance_m >= middle);
                    let at = near.map_or([0.0; 3], |s| [s.lon, s.lat, s.ground_m.unwrap_or(0.0)]);
                    found.number("height_over_ground", "m", &c.id, c.height_m, at);
                }
            }
            Self::Distance(_) | Self::Area(_) | Self::LineOfSight(_) => {}
        }
        found
    }
}

impl Asked {
    /// What the values of its answer hang on besides the object: answers to questions alike in this add up, others stand instead of each other.
    pub fn setting(&self) -> String {
        let clip = serde_json::to_string(&self.clip).unwrap_or_default();
        match &self.input {
            ToolInput::SunHours(sun) => format!("{} {:?} {} {} {clip}", sun.date, sun.utc_offset_h, sun.step_min, sun.grid_m),
            ToolInput::Height { .. } | ToolInput::Section(_) => String::new(),
            other => serde_json::to_string(other).unwrap_or_default() + &clip,
        }
    }
}

/// A question with what is cut away, as a file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    #[serde(flatten)]
    pub input: ToolInput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipRegion>,
}
