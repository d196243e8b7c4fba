//! Public warnings as the Common Alerting Protocol has them (OASIS CAP 1.2): what threatens whom, where, until when.

use super::incident::Severity;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An alert in force or announced; updated and cancelled by its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// CAP `identifier`, unique together with its sender.
    pub id: String,
    pub feed: String,
    pub sender: String,
    pub sent: DateTime<Utc>,
    pub status: AlertStatus,
    /// CAP's own word: `Extreme`, `Severe` and so on are mapped to the four of incidents.
    pub severity: Severity,
    /// CAP `event`, in the language of the first info block.
    pub event: String,
    #[serde(default)]
    pub headline: String,
    /// Headline of an English info block, where there is one.
    #[serde(default)]
    pub headline_en: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub instruction: String,
    pub areas: Vec<AlertArea>,
    /// When it begins to hold; `sent` where the source doesn't say.
    pub effective: DateTime<Utc>,
    /// From here on it is shown as past.
    pub expires: Option<DateTime<Utc>>,
    /// Cancelled by its source.
    #[serde(default)]
    pub cancelled: bool,
}

/// CAP `status`. Only `Actual` is ever shown as real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    Actual,
    /// 演练: for exercises only, always marked so.
    Exercise,
    System,
    Test,
    Draft,
}

/// One area of an alert, WGS 84 degrees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertArea {
    #[serde(default)]
    pub name: String,
    /// Rings of longitude and latitude, closed; each one a polygon of its own.
    #[serde(default)]
    pub polygons: Vec<Vec<[f64; 2]>>,
    /// Longitude, latitude, radius in metres.
    #[serde(default)]
    pub circles: Vec<[f64; 3]>,
}

impl Alert {
    /// Whether it holds at `now`: begun, not over, not cancelled.
    pub fn in_force(&self, now: DateTime<Utc>) -> bool {
        !self.cancelled && self.effective <= now && self.expires.is_none_or(|end| now < end)
    }
}
