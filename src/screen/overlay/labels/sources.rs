//! All names of a scene, put together from its files.

use super::levels::Kind;
use super::read::{self, AreaBorder, Place, Road};
use std::collections::HashSet;

/// Names from the scene's data folder; what is absent stays empty.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Places and areas, each thing once.
    pub places: Vec<Place>,
    pub roads: Vec<Road>,
    pub areas: Vec<AreaBorder>,
}

impl Sources {
    /// Reads what `get` finds under the names of the three files.
    pub fn read(get: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        let text = |file: &str| get(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let places = text("places.geojson").map(|t| said("places.geojson", read::places(&t))).unwrap_or_default();
        let roads = text("roads.geojson").map(|t| said("roads.geojson", read::roads(&t))).unwrap_or_default();
        let areas = text("areas.geojson").map(|t| said("areas.geojson", read::areas(&t))).unwrap_or_default();
        Self::merge(places, roads, areas)
    }

    /// One label for what several files name: a place gives its area the point where its name stands, a line takes over from points on a road.
    pub fn merge(mut places: Vec<Place>, roads: Vec<Road>, mut areas: Vec<AreaBorder>) -> Self {
        let along: HashSet<&str> = roads.iter().map(|r| r.name.as_str()).collect();
        places.retain(|p| p.kind != Kind::Road || !along.contains(p.name.as_str()));
        for area in &mut areas {
            let Some(i) = places.iter().position(|p| p.name == area.place.name && holds(area, p)) else { continue };
            let place = places.swap_remove(i);
            (area.place.lon, area.place.lat) = (place.lon, place.lat);
        }
        places.extend(areas.iter().map(|a| a.place.clone()));
        Self { places, roads, areas }
    }
}

/// Whether a place lies within the box around an area.
fn holds(area: &AreaBorder, place: &Place) -> bool {
    let within = |i: usize, at: f64| {
        let all = || area.rings.iter().flatten().map(|p| p[i]);
        all().fold(f64::INFINITY, f64::min) <= at && at <= all().fold(f64::NEG_INFINITY, f64::max)
    };
    within(0, place.lon) && within(1, place.lat)
}

/// Tells what was left out, or that there is nothing.
fn said<T>(file: &str, read: Result<(Vec<T>, usize), String>) -> Vec<T> {
    match read {
        Ok((all, 0)) => all,
        Ok((all, left_out)) => {
            tracing::warn!("{file}: {left_out} features without a name or a usable shape are left out");
            all
        }
        Err(e) => {
            tracing::error!("{e}; its names are not shown");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::area::AreaLevel;

    #[test]
    fn an_area_and_a_place_of_the_same_name_become_one_label_at_the_place() {
        let place =
            |name: &str, kind, lon| Place { id: String::new(), name: name.into(), name_en: String::new(), kind, rank: 3, lon, lat: 0.5 };
        let ring = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        let area = AreaBorder { place: place("镇", Kind::Area(AreaLevel::Town), 0.6), level: AreaLevel::Town, rings: vec![ring] };
        let road = Road { name: "路".into(), name_en: String::new(), rank: 5, line: vec![[0.0, 0.0], [1.0, 1.0]] };
        let given = vec![place("镇", Kind::Place, 0.7), place("镇", Kind::Place, 30.0), place("路", Kind::Road, 0.1)];
        let all = Sources::merge(given, vec![road], vec![area]);
        assert_eq!(all.places.len(), 2, "the town of the same name far away stays");
        assert!(all.places.iter().any(|p| p.kind == Kind::Area(AreaLevel::Town) && p.lon == 0.7));
    }
}
