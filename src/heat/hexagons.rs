//! Hexagons of Uber's H3 grid: the same everywhere on Earth, so that two cities and two days compare.

use super::patches::Patch;
use glam::DVec2;
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::BTreeMap;

/// Points rolled up by hexagon.
#[derive(Clone, Debug, PartialEq)]
pub struct Hexagon {
    pub cell: CellIndex,
    pub count: u32,
    /// Mean of the values in it.
    pub mean: f64,
}

/// Resolution 9 hexagons are 0.11 km² (sides of 201 m), 8 are 0.74 km² (531 m), 7 are 5.2 km² (1.4 km). `None` above 15.
pub fn resolution(number: u8) -> Option<Resolution> {
    Resolution::try_from(number).ok()
}

/// Hexagons that hold at least one point (longitude and latitude in degrees, and a value), by index; how many points are no place on Earth comes second.
pub fn roll_up(resolution: Resolution, points: impl IntoIterator<Item = (f64, f64, f64)>) -> (Vec<Hexagon>, usize) {
    let mut found: BTreeMap<CellIndex, Hexagon> = BTreeMap::new();
    let mut nowhere = 0;
    for (lon, lat, value) in points {
        let Ok(place) = LatLng::new(lat, lon) else {
            nowhere += 1;
            continue;
        };
        let cell = place.to_cell(resolution);
        let hexagon = found.entry(cell).or_insert(Hexagon { cell, count: 0, mean: 0.0 });
        hexagon.count += 1;
        hexagon.mean += (value - hexagon.mean) / f64::from(hexagon.count);
    }
    (found.into_values().collect(), nowhere)
}

impl Hexagon {
    pub fn area_km2(&self) -> f64 {
        self.cell.area_km2()
    }

    /// Its outline in metres from the anchor; `to_metres` takes longitude and latitude in degrees.
    pub fn patch(&self, to_metres: impl Fn(f64, f64) -> DVec2) -> Patch {
        Patch { rings_m: vec![self.cell.boundary().iter().map(|p| to_metres(p.lng(), p.lat())).collect()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_gather_in_the_hexagon_around_them_and_none_is_lost() {
        let points = [(118.2545, 33.9858, 10.0), (118.2546, 33.9858, 20.0), (118.40, 33.9858, 7.0), (f64::NAN, 0.0, 1.0)];
        let (hexagons, nowhere) = roll_up(resolution(9).unwrap(), points);
        assert_eq!((hexagons.iter().map(|h| h.count).sum::<u32>(), hexagons.len(), nowhere), (3, 2, 1));
        let here = hexagons.iter().find(|h| h.count == 2).unwrap();
        assert_eq!(here.mean, 15.0);
        let to_metres = |lon: f64, lat: f64| DVec2::new((lon - 118.2545) * 92_400.0, (lat - 33.9858) * 110_900.0);
        let patch = here.patch(to_metres);
        assert!(patch.rings_m[0].len() == 6 && patch.contains(to_metres(118.2546, 33.9858)) && !patch.contains(to_metres(118.40, 33.9858)));
        assert!((patch.area_m2() / 1e6 / here.area_km2() - 1.0).abs() < 0.02);
        assert_eq!(resolution(16), None);
    }
}
