//! Which names belong to which distance, how important they are and how large they are written.

use super::collide::Group;
use crate::model::area::AreaLevel;
use crate::screen::style::TextSizes;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Area(AreaLevel),
    Water,
    Green,
    Landmark,
    Place,
    Road,
    Building,
}

/// Distances at which a kind of name is shown, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Nearer than this one stands within what it names.
    pub near_m: f64,
    /// Farther than this it is too small to matter.
    pub far_m: f64,
    /// The name is shown while the camera is as near to what it looks at as this, metres.
    pub zoom_m: f64,
}

/// Distances for a name of a kind and rank (1 is seen from farthest).
pub fn band(kind: Kind, rank: u8) -> Band {
    let (near_m, far_m, zoom_m) = match kind {
        Kind::Area(AreaLevel::City) => (25_000.0, 500_000.0, 1e7),
        Kind::Area(AreaLevel::County) => (2_500.0, 120_000.0, 120_000.0),
        Kind::Area(AreaLevel::Town) => (1_200.0, 16_000.0, 14_000.0),
        Kind::Area(AreaLevel::Village) => (500.0, 3_500.0, 3_000.0),
        Kind::Area(AreaLevel::GridCell) => (150.0, 1_100.0, 900.0),
        Kind::Building => (0.0, 700.0, 1_100.0),
        Kind::Road => match rank {
            0..=4 => (0.0, 12_500.0, 14_000.0),
            5 => (0.0, 11_500.0, 12_000.0),
            _ => (0.0, 1_800.0, 2_200.0),
        },
        _ => match rank {
            0 | 1 => (0.0, 60_000.0, 80_000.0),
            2 => (0.0, 16_000.0, 16_000.0),
            3 => (0.0, 8_000.0, 9_000.0),
            4 => (0.0, 4_500.0, 5_000.0),
            _ => (0.0, 2_800.0, 3_000.0),
        },
    };
    Band { near_m, far_m, zoom_m }
}

/// A label that is shown stays shown this much beyond its band, so that it does not come and go at the edge.
const STAY: f64 = 1.08;

impl Band {
    pub fn holds(&self, distance_m: f64, zoom_m: f64, shown: bool) -> bool {
        let slack = if shown { STAY } else { 1.0 };
        distance_m >= self.near_m / slack && distance_m <= self.far_m * slack && zoom_m <= self.zoom_m * slack
    }
}

/// Who comes first for room: 1 before 2; 0 is for what is selected.
pub fn priority(kind: Kind, rank: u8) -> u8 {
    match kind {
        Kind::Area(AreaLevel::City) => 1,
        Kind::Area(AreaLevel::County) => 2,
        Kind::Area(AreaLevel::Town) => 4,
        Kind::Area(AreaLevel::Village) => 6,
        Kind::Area(AreaLevel::GridCell) => 8,
        Kind::Building => 7,
        _ => rank.clamp(1, 9),
    }
}

pub fn group(kind: Kind) -> Group {
    match kind {
        Kind::Area(_) => Group::Area,
        Kind::Road => Group::Road,
        Kind::Building => Group::Building,
        _ => Group::Place,
    }
}

/// How many of `total` labels a group may have: names of one kind don't fill the map.
pub fn share(group: Group, total: usize) -> usize {
    let part = match group {
        Group::Area => 0.4,
        Group::Road => 0.4,
        Group::Building => 0.3,
        Group::Place => 0.6,
    };
    (total as f64 * part).ceil() as usize
}

/// Height of the first line, points; the second is half of it, but never less than the screen's smallest text.
pub fn size(kind: Kind, rank: u8, text: &TextSizes) -> f32 {
    let size = match kind {
        Kind::Area(AreaLevel::City) => text.title * 1.15,
        Kind::Area(AreaLevel::County) => text.title,
        Kind::Area(AreaLevel::Town) => text.body * 1.05,
        Kind::Area(_) | Kind::Building | Kind::Road => text.body * 0.92,
        _ if rank <= 1 => text.title,
        _ => text.body,
    };
    size.max(text.small)
}

/// Height of the second line, points.
pub fn second_size(first: f32, text: &TextSizes) -> f32 {
    (first * 0.5).max(text.small)
}

/// The level whose borders are drawn when looking from `zoom_m` away; none from close by, where streets tell more.
pub fn border_level(zoom_m: f64) -> Option<AreaLevel> {
    match zoom_m {
        z if z < 1_000.0 => None,
        z if z < 3_000.0 => Some(AreaLevel::Village),
        z if z < 14_000.0 => Some(AreaLevel::Town),
        z if z < 90_000.0 => Some(AreaLevel::County),
        _ => Some(AreaLevel::City),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AreaLevel::*;

    #[test]
    fn each_level_of_areas_has_its_distance() {
        let named = |distance_m: f64| -> Vec<AreaLevel> {
            let all = [City, County, Town, Village, GridCell];
            all.into_iter().filter(|l| band(Kind::Area(*l), 0).holds(distance_m, distance_m, false)).collect()
        };
        assert_eq!(named(200_000.0), [City]);
        assert_eq!(named(20_000.0), [County]);
        assert_eq!(named(10_000.0), [County, Town]);
        assert_eq!(named(2_400.0), [Town, Village]);
        assert_eq!(named(600.0), [Village, GridCell]);
    }

    #[test]
    fn a_name_at_the_edge_of_its_band_does_not_come_and_go() {
        let town = band(Kind::Area(Town), 0);
        assert!(!town.holds(16_100.0, 9_000.0, false) && town.holds(16_100.0, 9_000.0, true) && !town.holds(18_000.0, 9_000.0, true));
    }

    #[test]
    fn no_text_is_smaller_than_the_screens_smallest() {
        for text in [TextSizes::desk(720.0), TextSizes::desk(2160.0), TextSizes::wall(115.0, 92.0)] {
            for kind in [Kind::Area(City), Kind::Area(GridCell), Kind::Road, Kind::Building, Kind::Place] {
                let first = size(kind, 4, &text);
                assert!(first >= text.small && second_size(first, &text) >= text.small);
            }
        }
    }
}
