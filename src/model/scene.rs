//! Scenes 场景: a TOML file in `scenes/` that says what a city application shows. A new application is a new scene, not new code.

pub use super::heat::HeatConfig;

use super::feed::FeedConfig;
use super::rule::AlertRule;
use super::styling::{NamedFilter, StyleRule};
use super::tour::Tour;
use super::view::CameraPose;
use serde::{Deserialize, Serialize};

/// A scene as written in TOML. Paths are relative to the data folder (`--data`, default `~/.local/share/yiping`), where `scripts/demo` builds the demo city.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    pub name: String,
    pub name_en: String,
    /// City package (a folder or a `.3tz`), or the URL of a tileset.
    pub package: String,
    /// Folder with `areas.geojson`, `places.geojson`, `roads.geojson`, `sensors.geojson`, `units.geojson`, `marathon.gpx`; what is absent is not shown.
    #[serde(default)]
    pub city_data: Option<String>,
    /// Licence of the city's data as the hub's catalogue tells it: `CC BY 4.0`.
    #[serde(default)]
    pub licence: Option<String>,
    /// Domain name of the centre, which names its incidents to other centres (EIDO): `suqian.example`.
    #[serde(default)]
    pub agency: Option<String>,
    /// Shown beside the city package.
    #[serde(default, rename = "tileset")]
    pub tilesets: Vec<TilesetConfig>,
    #[serde(default)]
    pub theme: Theme,
    /// Languages of the names on the map.
    #[serde(default)]
    pub labels: LabelLanguage,
    #[serde(default, rename = "feed")]
    pub feeds: Vec<FeedConfig>,
    #[serde(default, rename = "heat")]
    pub heats: Vec<HeatConfig>,
    /// Attributes as colours of the buildings.
    #[serde(default, rename = "style")]
    pub styles: Vec<StyleRule>,
    #[serde(default, rename = "filter")]
    pub filters: Vec<NamedFilter>,
    /// When readings make an incident.
    #[serde(default, rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<AlertRule>,
    #[serde(default, rename = "camera")]
    pub cameras: Vec<NamedCamera>,
    #[serde(default)]
    pub tour: Option<Tour>,
    /// What the screens show beside the map.
    #[serde(default)]
    pub layout: super::layout::Layout,
    /// How long the hub keeps what was; screens are not told.
    #[serde(default, skip_serializing)]
    pub history: HistoryConfig,
}

/// How long what is kept: whole days (UTC), counted back with today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Days of single readings and positions.
    pub raw_days: u32,
    /// Days of roll-ups and incident events.
    pub rollup_days: u32,
}

impl Default for HistoryConfig {
    /// A month of readings, two years of roll-ups and events.
    fn default() -> Self {
        Self { raw_days: 31, rollup_days: 731 }
    }
}

/// Days of ten years, ten times: more is a slip of the pen.
const HISTORY_DAYS_MAX: u32 = 36_525;

impl HistoryConfig {
    /// # Errors
    /// When it keeps nothing, or roll-ups shorter than what they are made of; in words.
    pub fn check(&self) -> Result<(), String> {
        let Self { raw_days, rollup_days } = *self;
        if raw_days == 0 {
            return Err("history: raw_days = 0 would keep nothing; write 1 for today alone, or start the hub with --history off".into());
        }
        if rollup_days < raw_days {
            return Err(format!(
                "history: rollup_days = {rollup_days} is less than raw_days = {raw_days}; roll-ups are kept at least as long as readings"
            ));
        }
        if rollup_days > HISTORY_DAYS_MAX {
            return Err(format!("history: rollup_days = {rollup_days} is more than a century; at most {HISTORY_DAYS_MAX}"));
        }
        Ok(())
    }
}

/// A tileset shown beside the city package: imported photogrammetry, a design, a neighbour's city.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TilesetConfig {
    /// Layer id in the view state, and its name in the hub's addresses: letters, digits, `-` and `_`.
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    /// Folder or `.3tz` in the data folder, or the URL of a tileset.
    pub source: String,
    #[serde(default)]
    pub kind: TilesetKind,
    #[serde(default = "shown")]
    pub shown: bool,
}

/// What a tileset is to those who stand on it and colour it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TilesetKind {
    /// Buildings, which styles and filters apply to; ground where its faces say so.
    #[default]
    Buildings,
    /// Ground with all that stands on it, as photogrammetry is: signs stand on it, and it keeps its own colours.
    Ground,
}

fn shown() -> bool {
    true
}

impl TilesetConfig {
    /// Whether it is somewhere else than in the data folder.
    pub fn is_remote(&self) -> bool {
        self.source.starts_with("http://") || self.source.starts_with("https://")
    }

    /// Where a screen of the hub at `hub` finds it.
    pub fn address_at(&self, hub: &str) -> String {
        if self.is_remote() { self.source.clone() } else { format!("{}/tilesets/{}/tileset.json", hub.trim_end_matches('/'), self.id) }
    }
}

/// Looks of LOOK.md, chosen by scene or by hand; values in `assets/themes/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    Night,
    Dusk,
    Day,
    /// A quiet dark map: shapes without windows, for data over the city.
    Dark,
    /// Follows the scene's clock: sun and sky as they are at that time and place.
    Clock,
}

/// Languages of the names on the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelLanguage {
    /// Chinese with English under it.
    #[default]
    Both,
    Zh,
    En,
}

/// A camera people can go to by name; the first is where the scene opens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCamera {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub pose: CameraPose,
}
