//! Alert rules 预警规则 of a scene: when readings make an incident, when it is over, and when corrected data takes it back. Pure.

mod again;
mod area;
mod ground;
mod naming;
mod recent;
mod silence;
mod together;
mod watch;

pub use again::Needed;
pub use area::{Border, RuleArea};
pub use watch::{Evidence, Verdict, Watch};

use super::incident::{Domain, Severity};
use serde::{Deserialize, Serialize};

/// One rule, over all sensors of a property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Unique in the scene; no `/`.
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub observed_property: String,
    pub when: Condition,
    /// It opens once the condition has held for so long, seconds: one wild reading is no incident.
    #[serde(default)]
    pub for_s: f64,
    /// It is over once the condition has not held for so long, seconds.
    #[serde(default)]
    pub close_after_s: f64,
    /// Only sensors in here: west, south, east, north, degrees.
    #[serde(default)]
    pub bounds: Option<[f64; 4]>,
    /// Only sensors in here: an area of the city by its code, or a border.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<RuleArea>,
    pub domain: Domain,
    /// Path in the category trees: `urban_management/appearance/smoke`.
    pub category: String,
    pub severity: Severity,
}

/// What makes an incident. `close` is hysteresis: once open, it stays so until the value is beyond `close`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// A reading above a value.
    Above {
        value: f64,
        #[serde(default)]
        close: Option<f64>,
    },
    /// A reading below a value.
    Below {
        value: f64,
        #[serde(default)]
        close: Option<f64>,
    },
    /// It has risen by so much within a span; over when it has risen by less than `close` (half of it by default).
    Rise {
        by: f64,
        within_s: f64,
        #[serde(default)]
        close: Option<f64>,
    },
    /// It has fallen by so much within a span; over when it has fallen by less than `close` (half of it by default).
    Fall {
        by: f64,
        within_s: f64,
        #[serde(default)]
        close: Option<f64>,
    },
    /// A sensor has said nothing for so long; over with its next reading. Where nothing of its whole feed comes, that is one incident.
    Silent { for_s: f64 },
    /// So many sensors above a value at the same time: one incident for all of them.
    Many {
        above: f64,
        sensors: usize,
        #[serde(default)]
        close: Option<f64>,
    },
}

/// How much a value must have changed within a span: a fall is a rise of the value with the other sign.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    by: f64,
    within_s: f64,
    close: f64,
    /// 1 for a rise, -1 for a fall.
    sign: f64,
}

impl Condition {
    fn rate(self) -> Option<Rate> {
        let (by, within_s, close, sign) = match self {
            Self::Rise { by, within_s, close } => (by, within_s, close, 1.0),
            Self::Fall { by, within_s, close } => (by, within_s, close, -1.0),
            Self::Above { .. } | Self::Below { .. } | Self::Silent { .. } | Self::Many { .. } => return None,
        };
        Some(Rate { by, within_s, close: close.unwrap_or(by / 2.0), sign })
    }
}

impl AlertRule {
    /// What makes no sense in a rule, in words.
    ///
    /// # Errors
    /// The field and the mend.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("rule {:?}: {why}", self.id));
        if self.id.is_empty() || self.id.contains('/') {
            return wrong("its id is empty or has a /; give it a short word");
        }
        if !self.category.starts_with(&format!("{}/", word(self.domain))) {
            return wrong("its category must be a path of its domain, like urban_management/appearance/smoke");
        }
        if self.bounds.is_some() && self.area.is_some() {
            return wrong("give bounds for a rectangle or area for any other border, not both");
        }
        if self.bounds.is_some_and(|[west, south, east, north]| !(west <= east && south <= north)) {
            return wrong("bounds are west, south, east, north in degrees, each not above its opposite");
        }
        let spans = [self.for_s, self.close_after_s];
        if spans.iter().any(|s| !s.is_finite() || *s < 0.0) {
            return wrong("for_s and close_after_s are seconds, 0 or more");
        }
        match self.when {
            Condition::Above { value, close } if !value.is_finite() || close.is_some_and(|c| !(c <= value)) => {
                wrong("close must not be above value, or it would be over before it has begun")
            }
            Condition::Below { value, close } if !value.is_finite() || close.is_some_and(|c| !(c >= value)) => {
                wrong("close must not be below value, or it would be over before it has begun")
            }
            Condition::Rise { by, within_s, close } | Condition::Fall { by, within_s, close }
                if !(by > 0.0) || !(within_s > 0.0) || close.is_some_and(|c| !(c <= by)) =>
            {
                wrong("by and within_s must be above 0, and close not above by")
            }
            Condition::Silent { for_s } if !(for_s > 0.0) => wrong("for_s must be above 0"),
            Condition::Many { above, sensors, close } if !above.is_finite() || sensors == 0 || close.is_some_and(|c| !(c <= above)) => {
                wrong("sensors must be 1 or more, and close not above the value")
            }
            _ => Ok(()),
        }
    }

    /// Whether sensors at this place count. An area by its code covers nothing before its border was looked up.
    pub fn covers(&self, lon: f64, lat: f64) -> bool {
        let in_area = match &self.area {
            None => true,
            Some(RuleArea::Code(_)) => false,
            Some(RuleArea::Border(border)) => border.contains(lon, lat),
        };
        in_area && self.bounds.is_none_or(|[west, south, east, north]| (west..=east).contains(&lon) && (south..=north).contains(&lat))
    }
}

fn word(domain: Domain) -> &'static str {
    match domain {
        Domain::PublicOrder => "public_order",
        Domain::UrbanManagement => "urban_management",
        Domain::Emergency => "emergency",
        Domain::Traffic => "traffic",
    }
}

#[cfg(test)]
mod tests;
