//! The hierarchy city 市 > county 县区 > town 街道 > village 社区 > grid cell 网格.

use serde::{Deserialize, Serialize};

/// One of the five levels, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    City,
    County,
    Town,
    Village,
    GridCell,
}

/// A node of the hierarchy without its border (the border is in `areas.geojson`, same `id`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// GB/T 2260 code, extended below the county: `321302001003`.
    pub id: String,
    pub name: String,
    pub name_en: String,
    pub level: AreaLevel,
    pub parent: Option<String>,
}
