//! Ground made level: under water at the water's level, under buildings at the foot of the building.

use super::super::outline::Polygons;
use super::super::shape::Shape;
use super::relief::Extent;
use crate::city::source::{CityObject, Surface};
use crate::geo::LocalFrame;
use crate::model::city::TilesetRole;
use glam::DVec2;
use xxhash_rust::xxh3::Xxh3;

/// The bed lies this far under the water, metres: at the same height the two would shine through each other.
const BED_M: f64 = 0.25;
/// Corners of all polygons: 256 MiB. What is beyond stays as the elevation model has it, and is counted.
const CORNERS_MAX: usize = 1 << 24;
/// A level further than this, metres, from the ground there is no foot of a building but another datum or a tunnel: cutting or heaping that much
/// would do more harm than good.
const OFF_MAX_M: f64 = 30.0;
/// Cells a side of the index over all polygons.
const CELLS: usize = 256;

/// What is made level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flatten {
    /// The ground under water takes the water's level.
    pub water: bool,
    /// The ground under a building takes the height of its foot.
    pub buildings: bool,
}

/// A polygon in degrees with its level.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Buildings win over water.
    building: bool,
    height_m: f64,
    /// Closed by their first corner; a place is inside when it is in an odd number of them.
    rings: Vec<Vec<(f64, f64)>>,
}

impl Level {
    /// What an object makes level.
    pub fn of(object: &CityObject, role: TilesetRole, shape: &Shape, outline: &Polygons, flatten: Flatten) -> Vec<Level> {
        if role == TilesetRole::Buildings {
            // The foot of a bridge is the bottom of its deepest pier: only buildings stand on the ground they cover.
            if !(flatten.buildings && object.class.starts_with("Building")) {
                return Vec::new();
            }
            let level = |rings: &Vec<Vec<DVec2>>| Level {
                building: true,
                height_m: shape.region.min_height_m,
                rings: rings.iter().map(|r| degrees(r.iter().copied(), &shape.frame)).collect(),
            };
            return outline.iter().map(level).collect();
        }
        let water = || shape.faces.iter().filter(|f| f.surface == Surface::Water);
        let corners = water().flat_map(|f| f.outer().iter().map(|i| shape.points[*i as usize]));
        // One level for all of it, and no single corner that went astray.
        let mut heights: Vec<f64> = corners.map(|p| shape.frame.enu_to_geodetic_near(p).height_m).collect();
        if !flatten.water || heights.is_empty() {
            return Vec::new();
        }
        heights.sort_by(f64::total_cmp);
        let height_m = heights[heights.len() / 2] - BED_M;
        let ring = |r: &[u32]| degrees(r.iter().map(|i| shape.points[*i as usize].truncate()), &shape.frame);
        water().map(|f| Level { building: false, height_m, rings: f.rings().map(ring).collect() }).collect()
    }

    fn extent(&self) -> Extent {
        Extent::of(self.rings.iter().flatten().copied())
    }
}

fn degrees(ring: impl Iterator<Item = DVec2>, frame: &LocalFrame) -> Vec<(f64, f64)> {
    let place = |p: DVec2| {
        let g = frame.enu_to_geodetic_near(p.extend(0.0));
        (g.lon_deg(), g.lat_deg())
    };
    ring.map(place).collect()
}

/// Why some ground was not made level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub too_many: u64,
    pub too_far: u64,
}

/// All places that are made level.
#[derive(Default)]
pub struct Levels {
    levels: Vec<(Extent, Level)>,
    corners: usize,
    index: Option<Index>,
}

struct Index {
    extent: Extent,
    cells: Vec<Vec<u32>>,
}

impl Levels {
    /// Everything that is made level, and how.
    pub fn hash(&self, hash: &mut Xxh3) {
        for (_, level) in &self.levels {
            hash.update(&[u8::from(level.building)]);
            hash.update(&level.height_m.to_le_bytes());
            for ring in &level.rings {
                hash.update(&ring.len().to_le_bytes());
                ring.iter().for_each(|(x, y)| [x, y].into_iter().for_each(|v| hash.update(&v.to_le_bytes())));
            }
        }
    }

    /// Adds some, given the height of the ground at a place in degrees; answers what was not taken.
    pub fn add(&mut self, levels: Vec<Level>, ground_m: impl Fn(f64, f64) -> Option<f64>) -> LeftOut {
        let mut left_out = LeftOut::default();
        for level in levels {
            let corners: usize = level.rings.iter().map(Vec::len).sum();
            let first = level.rings.first().and_then(|r| r.first());
            let off_m = first.and_then(|(lon, lat)| ground_m(*lon, *lat)).map_or(0.0, |ground| (ground - level.height_m).abs());
            if off_m > OFF_MAX_M {
                left_out.too_far += 1;
            } else if self.corners + corners > CORNERS_MAX {
                left_out.too_many += 1;
            } else {
                self.corners += corners;
                self.levels.push((level.extent(), level));
            }
        }
        left_out
    }

    /// Orders them by place, before they are asked for.
    pub fn index(&mut self) {
        if self.levels.is_empty() {
            return;
        }
        let extent = Extent::of(self.levels.iter().flat_map(|(e, _)| [(e.west, e.south), (e.east, e.north)]));
        let mut index = Index { extent, cells: vec![Vec::new(); CELLS * CELLS] };
        for (n, (e, _)) in self.levels.iter().enumerate() {
            let [x0, y0, x1, y1] = index.cells_of(e);
            (y0..=y1).for_each(|y| (x0..=x1).for_each(|x| index.cells[y * CELLS + x].push(n as u32)));
        }
        self.index = Some(index);
    }

    /// Those that touch an extent, in the order they came.
    pub fn within(&self, extent: &Extent) -> Within<'_> {
        let Some(index) = self.index.as_ref().filter(|i| i.extent.touches(extent)) else { return Within(Vec::new()) };
        let [x0, y0, x1, y1] = index.cells_of(extent);
        let mut numbers: Vec<u32> =
            (y0..=y1).flat_map(|y| (x0..=x1).flat_map(move |x| index.cells[y * CELLS + x].iter().copied())).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Within(numbers.into_iter().map(|n| &self.levels[n as usize]).filter(|(e, _)| e.touches(extent)).collect())
    }
}

impl Index {
    fn cells_of(&self, e: &Extent) -> [usize; 4] {
        let all = &self.extent;
        let cell =
            |v: f64, low: f64, high: f64| ((v - low) / (high - low).max(1e-12) * CELLS as f64).clamp(0.0, CELLS as f64 - 1.0) as usize;
        let (x, y) = (|v| cell(v, all.west, all.east), |v| cell(v, all.south, all.north));
        [x(e.west), y(e.south), x(e.east), y(e.north)]
    }
}

/// Levels around one tile.
pub struct Within<'a>(Vec<&'a (Extent, Level)>);

impl Within<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the heights of places that are in a polygon: `side` x `side` places from `first` on, `step` apart, row by row northwards. Where
    /// several cover a place, a building wins over water, and the lowest of a kind wins. Places without data stay without.
    pub fn apply(&self, first: (f64, f64), step: (f64, f64), side: usize, heights: &mut [f64]) {
        if self.0.is_empty() {
            return;
        }
        let mut set = vec![(false, f64::INFINITY); heights.len()];
        let mut crossings = Vec::new();
        for (extent, level) in &self.0 {
            let index = |v: f64, first: f64, step: f64| ((v - first) / step).ceil().clamp(0.0, side as f64) as usize;
            let rows = index(extent.south, first.1, step.1)..index(extent.north, first.1, step.1);
            for row in rows {
                level.crossings(first.1 + row as f64 * step.1, &mut crossings);
                for span in crossings.chunks_exact(2) {
                    for column in index(span[0], first.0, step.0)..index(span[1], first.0, step.0) {
                        let slot = &mut set[row * side + column];
                        if level.building && !slot.0 || level.building == slot.0 && level.height_m < slot.1 {
                            *slot = (level.building, level.height_m);
                        }
                    }
                }
            }
        }
        for (height, (_, level)) in heights.iter_mut().zip(set).filter(|(h, (_, level))| h.is_finite() && level.is_finite()) {
            *height = level;
        }
    }
}

impl Level {
    /// Longitudes at which the rings cross a latitude, in order.
    fn crossings(&self, lat: f64, out: &mut Vec<f64>) {
        out.clear();
        for ring in &self.rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                if (a.1 <= lat) != (b.1 <= lat) {
                    out.push(a.0 + (lat - a.1) / (b.1 - a.1) * (b.0 - a.0));
                }
            }
        }
        out.sort_by(f64::total_cmp);
    }
}

/// A rectangle.
#[cfg(test)]
pub(super) fn tests_level(building: bool, height_m: f64, e: &Extent) -> Level {
    Level { building, height_m, rings: vec![vec![(e.west, e.south), (e.east, e.south), (e.east, e.north), (e.west, e.north)]] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(building: bool, height_m: f64, low: f64, high: f64) -> Level {
        Level { building, height_m, rings: vec![vec![(low, low), (high, low), (high, high), (low, high)]] }
    }

    #[test]
    fn places_inside_take_the_level_and_buildings_win_over_water() {
        let mut levels = Levels::default();
        let mut lake = square(false, -2.0, 0.5, 8.5);
        lake.rings.push(vec![(3.5, 3.5), (5.5, 3.5), (5.5, 5.5), (3.5, 5.5)]);
        let given = vec![
            lake,
            square(true, 1.5, 6.5, 9.5),
            square(true, 1.0, 8.5, 9.5),
            square(false, 7.0, 90.0, 91.0),
            square(true, 60.0, 1.0, 9.0),
        ];
        assert_eq!(levels.add(given, |_, _| Some(10.0)), LeftOut { too_many: 0, too_far: 1 });
        levels.index();
        let mut heights = vec![10.0; 121];
        heights[2 * 11 + 2] = f64::NAN;
        levels.within(&Extent { west: 0.0, south: 0.0, east: 10.0, north: 10.0 }).apply((0.0, 0.0), (1.0, 1.0), 11, &mut heights);
        let at = |x: usize, y: usize| heights[y * 11 + x];
        assert_eq!([at(0, 0), at(1, 1), at(4, 4), at(7, 7), at(9, 9), at(8, 1), at(10, 10)], [10.0, -2.0, 10.0, 1.5, 1.0, -2.0, 10.0]);
        assert!(at(2, 2).is_nan(), "water makes no ground where the model has none");
    }
}
