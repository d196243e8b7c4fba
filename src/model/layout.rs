//! Layouts: the same panels placed for large, medium and small screens.

use serde::{Deserialize, Serialize};

/// Which panels stand where on each class of screen; the map fills the rest and keeps at least 60 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layout {
    pub large: Vec<Placement>,
    pub medium: Vec<Placement>,
    pub small: Vec<Placement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    pub panel: Panel,
    pub at: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    IncidentList,
    /// The selected incident, feature or sensor.
    Card,
    Kpi,
    Legend,
    Clock,
    Layers,
    Feeds,
    TourCaption,
    /// The last day to go back to; stands while the clock is in the past.
    Timeline,
    /// 鹰眼: the whole city from above, and where the camera looks.
    MiniMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    TopLeft,
    Top,
    TopRight,
    Left,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

impl Default for Layout {
    fn default() -> Self {
        use Panel::*;
        let place = |panel, at| Placement { panel, at };
        Self {
            large: vec![
                place(Clock, Place::Top),
                place(Kpi, Place::TopLeft),
                place(IncidentList, Place::Right),
                place(Legend, Place::BottomLeft),
                place(TourCaption, Place::Bottom),
            ],
            medium: vec![
                place(Clock, Place::Top),
                place(Kpi, Place::TopLeft),
                place(Layers, Place::Left),
                place(IncidentList, Place::Right),
                place(MiniMap, Place::BottomRight),
                place(Card, Place::BottomRight),
                place(Legend, Place::BottomLeft),
                place(Feeds, Place::BottomRight),
                place(Timeline, Place::Bottom),
                place(TourCaption, Place::Bottom),
            ],
            small: vec![place(IncidentList, Place::Bottom), place(TourCaption, Place::Top)],
        }
    }
}
