//! Elevation grids of any coordinate system, asked by longitude and latitude.

use super::super::PackageError;
use super::super::place::choose_crs;
use super::flatten::{LeftOut, Level, Levels};
use super::footing::Footing;
use crate::city::elevation::{OWN_REACH, REACH};
use crate::city::report::BuildReport;
use crate::city::source::ElevationGrid;
use crate::geo::Heights;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// West, south, east, north in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Extent {
    pub fn of(points: impl Iterator<Item = (f64, f64)>) -> Self {
        let start = Self { west: f64::INFINITY, south: f64::INFINITY, east: f64::NEG_INFINITY, north: f64::NEG_INFINITY };
        points.fold(start, |e, (x, y)| Self { west: e.west.min(x), south: e.south.min(y), east: e.east.max(x), north: e.north.max(y) })
    }

    fn corners(&self) -> [(f64, f64); 2] {
        [(self.west, self.south), (self.east, self.north)]
    }

    pub fn at(&self, u: f64, v: f64) -> (f64, f64) {
        (self.west + (self.east - self.west) * u, self.south + (self.north - self.south) * v)
    }

    pub fn holds(&self, x: f64, y: f64) -> bool {
        self.west <= x && x <= self.east && self.south <= y && y <= self.north
    }

    pub fn touches(&self, o: &Self) -> bool {
        self.west <= o.east && o.west <= self.east && self.south <= o.north && o.south <= self.north
    }

    /// Widened by so many degrees of longitude and latitude on all sides.
    pub fn wider(&self, (x, y): (f64, f64)) -> Self {
        Self { west: self.west - x, south: self.south - y, east: self.east + x, north: self.north + y }
    }

    /// What both cover; `None` when that is nothing.
    pub fn within(&self, o: &Self) -> Option<Self> {
        let e = Self {
            west: self.west.max(o.west),
            south: self.south.max(o.south),
            east: self.east.min(o.east),
            north: self.north.min(o.north),
        };
        (e.west < e.east && e.south < e.north).then_some(e)
    }
}

/// All elevation of a build; where grids overlap, the first given wins.
pub struct Relief {
    grids: Vec<Placed>,
    /// Where the ground is made level.
    pub levels: Levels,
}

struct Placed {
    grid: ElevationGrid,
    footing: Footing,
    heights: Heights,
    /// Where it may have a say.
    reach: Extent,
    /// From sample to sample, degrees of longitude and latitude.
    step: (f64, f64),
}

impl Relief {
    /// Places every grid.
    ///
    /// # Errors
    /// No or an unknown coordinate system; a grid that is smaller than 2 x 2, or none of them holds a value.
    pub fn new(grids: Vec<ElevationGrid>, crs: Option<&str>, report: &mut BuildReport) -> Result<Self, PackageError> {
        let mut placed = Vec::new();
        let mut empty = None;
        for grid in grids {
            let name = choose_crs(&grid.file, grid.crs.as_deref(), crs, report)?;
            let fits = grid.width >= 2 && grid.height >= 2 && grid.values.len() == grid.width * grid.height;
            if !fits {
                return Err(PackageError::EmptyGrid { file: grid.file });
            }
            // Of a hundred tiles some lie in the sea.
            if !grid.values.iter().any(|v| v.is_finite()) {
                report.warn("an elevation model holds no height", &grid.file.display().to_string());
                empty = Some(grid.file);
                continue;
            }
            let footing = Footing::new(&grid.file, name, grid.bounds())?;
            let step = footing.step_deg(grid.width, grid.height);
            let reach = footing.extent.wider((step.0 * REACH, step.1 * REACH));
            placed.push(Placed { grid, footing, heights: Heights::Ellipsoidal, reach, step });
        }
        match empty {
            Some(file) if placed.is_empty() => Err(PackageError::EmptyGrid { file }),
            _ => Ok(Self { grids: placed, levels: Levels::default() }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.grids.is_empty()
    }

    /// Everything that heights follow from.
    pub fn hash(&self, hash: &mut Xxh3) {
        for p in &self.grids {
            let g = &p.grid;
            hash.update(format!("{} {} {:?} {:?} {} {}", p.footing.crs, p.heights, g.origin, g.step, g.width, g.height).as_bytes());
            hash.update(bytemuck::cast_slice(&g.values));
        }
        self.levels.hash(hash);
    }

    /// Says what the heights of each grid count from, by its file and coordinate system; before that they are taken to be ellipsoidal.
    pub fn set_heights(&mut self, of: impl Fn(&Path, &str) -> Heights) {
        self.grids.iter_mut().for_each(|p| p.heights = of(&p.grid.file, &p.footing.crs));
    }

    /// File, number of samples, coordinate system and heights of each grid.
    pub fn files(&self) -> Vec<(&PathBuf, u64, &String, &Heights)> {
        self.grids.iter().map(|p| (&p.grid.file, p.grid.values.len() as u64, &p.footing.crs, &p.heights)).collect()
    }

    /// Around all grids, from outermost sample to outermost sample.
    pub fn extent(&self) -> Extent {
        Extent::of(self.grids.iter().flat_map(|p| p.footing.extent.corners()))
    }

    /// Height at a place in degrees, metres, between four samples; `None` where no grid has data.
    pub fn height_m(&self, lon_deg: f64, lat_deg: f64) -> Option<f64> {
        height_m(self.grids.iter(), lon_deg, lat_deg)
    }

    /// Takes places that are made level.
    pub fn level(&mut self, levels: Vec<Level>) -> LeftOut {
        let grids = &self.grids;
        self.levels.add(levels, |lon, lat| height_m(grids.iter(), lon, lat))
    }

    /// The grids that reach into an extent.
    pub fn part(&self, extent: &Extent) -> Part<'_> {
        Part { grids: self.grids.iter().filter(|p| p.reach.touches(extent)).collect(), levels: self.levels.within(extent) }
    }
}

/// What of a relief matters for one tile.
pub struct Part<'a> {
    grids: Vec<&'a Placed>,
    levels: super::flatten::Within<'a>,
}

impl Part<'_> {
    pub fn is_empty(&self) -> bool {
        self.grids.is_empty()
    }

    /// Whether ground is made level in it.
    pub fn is_levelled(&self) -> bool {
        !self.levels.is_empty()
    }

    /// Distance between samples of the finest grid, degrees of longitude and of latitude.
    pub fn step_deg(&self) -> (f64, f64) {
        self.grids.iter().fold((f64::INFINITY, f64::INFINITY), |(x, y), p| (x.min(p.step.0), y.min(p.step.1)))
    }

    /// Heights in metres at `n` x `n` places over an extent, and `pad` more on every side, row by row from the south-west; `NaN` without data.
    pub fn heights(&self, extent: &Extent, n: usize, pad: usize) -> Vec<f64> {
        let side = n + 2 * pad;
        let share = |i: usize| (i as f64 - pad as f64) / (n - 1) as f64;
        let at = |k: usize| extent.at(share(k % side), share(k / side));
        let mut heights: Vec<f64> = (0..side * side)
            .map(|k| {
                let (lon, lat) = at(k);
                height_m(self.grids.iter().copied(), lon, lat).unwrap_or(f64::NAN)
            })
            .collect();
        let (first, second) = (at(0), at(side + 1));
        self.levels.apply(first, (second.0 - first.0, second.1 - first.1), side, &mut heights);
        heights
    }
}

/// The first grid with data inside of its outermost samples wins. Between grids that abut, the edges of both count by how near they are, as if
/// they were one grid; a gap of one sample is bridged the same way. Beside all others a grid ends half a step behind its last sample.
fn height_m<'a>(grids: impl Iterator<Item = &'a Placed>, lon: f64, lat: f64) -> Option<f64> {
    let (mut own, mut sum, mut weights) = (None, 0.0, 0.0);
    // Whether some grid ends to the west, east, north, south of the place.
    let mut ends = [false; 4];
    for p in grids.filter(|p| p.reach.holds(lon, lat)) {
        let (x, y) = p.footing.own(lon, lat);
        let Some((z, (east, south))) = p.grid.sample_near(x, y) else { continue };
        let (z, beyond) = (f64::from(z) + p.heights.undulation_m(lon, lat), east.abs().max(south.abs()));
        // Beyond the grid of a geoid.
        if z.is_nan() {
            continue;
        }
        if beyond == 0.0 {
            return Some(z);
        }
        own = own.or((beyond <= OWN_REACH).then_some(z));
        (sum, weights) = (sum + z / beyond, weights + 1.0 / beyond);
        ends.iter_mut().zip([east > 0.0, east < 0.0, south > 0.0, south < 0.0]).for_each(|(e, now)| *e |= now);
    }
    if ends[0] && ends[1] || ends[2] && ends[3] { Some(sum / weights) } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(crs: &str, origin: (f64, f64), step: (f64, f64), f: impl Fn(f64, f64) -> f64) -> ElevationGrid {
        let (width, height) = (41, 31);
        let value = |i: usize| f(origin.0 + (i % width) as f64 * step.0, origin.1 + (i / width) as f64 * step.1) as f32;
        let values = (0..width * height).map(value).collect();
        ElevationGrid { file: "test.tif".into(), crs: Some(crs.into()), origin, step, width, height, values }
    }

    #[test]
    fn a_plane_in_degrees_is_met_everywhere_and_nothing_lies_outside() {
        let g = grid("EPSG:4326", (118.0, 34.0), (0.001, -0.001), |x, y| (x - 118.0) * 1000.0 + (y - 34.0) * 500.0);
        let r = Relief::new(vec![g], None, &mut BuildReport::default()).unwrap();
        assert!((r.height_m(118.0205, 33.9855).unwrap() - (20.5 - 7.25)).abs() < 1e-3);
        assert!(r.height_m(118.04, 33.97).is_some() && r.height_m(118.0406, 33.98).is_none());
    }

    #[test]
    fn a_projected_grid_is_asked_in_degrees() {
        // A plane over Dutch metres; the expected height comes from the forward projection alone.
        let g = grid("EPSG:28992", (78_000.0, 458_000.0), (25.0, -25.0), |x, y| (x - 78_000.0) * 0.01 + (y - 457_000.0) * 0.02);
        let r = Relief::new(vec![g], None, &mut BuildReport::default()).unwrap();
        let p = crate::geo::Crs::new("EPSG:28992").unwrap().to_geodetic(78_512.0, 457_633.0, 0.0).unwrap();
        let expected = 512.0 * 0.01 + 633.0 * 0.02;
        assert!((r.height_m(p.lon_deg(), p.lat_deg()).unwrap() - expected).abs() < 0.01);
    }

    fn relief(grids: Vec<ElevationGrid>) -> Relief {
        Relief::new(grids, None, &mut BuildReport::default()).unwrap()
    }

    #[test]
    fn grids_that_abut_meet_without_a_step_and_a_gap_of_one_sample_is_bridged() {
        let slope = |x: f64, y: f64| (x - 118.0) * 2000.0 + (y - 34.0) * 300.0;
        let step = (0.001, -0.001);
        // 41 samples wide: the second begins one step (areas that abut) or two (a sample missing) behind the last of the first.
        for gap in [1.0, 2.0] {
            let second = grid("EPSG:4326", (118.0 + 0.001 * (40.0 + gap), 34.0), step, slope);
            let r = relief(vec![grid("EPSG:4326", (118.0, 34.0), step, slope), second]);
            for i in 0..=100 {
                let (lon, lat) = (118.0395 + 0.001 * (gap + 1.0) * f64::from(i) / 100.0, 33.99137);
                let z = r.height_m(lon, lat).unwrap_or_else(|| panic!("a hole at {lon} with a gap of {gap}"));
                assert!((z - slope(lon, lat)).abs() < 0.01, "{z} at {lon}, gap {gap}");
            }
        }
        let alone = relief(vec![grid("EPSG:4326", (118.0, 34.0), step, slope)]);
        assert!(alone.height_m(118.0404, 33.99).is_some() && alone.height_m(118.0406, 33.99).is_none());
    }

    #[test]
    fn grids_of_other_systems_and_steps_fill_in_where_the_first_has_nothing() {
        // A fine Dutch grid of 1 km with a hole, over a coarse one in degrees.
        let mut fine = grid("EPSG:28992", (78_000.0, 458_000.0), (25.0, -25.0), |_, _| 10.0);
        let mut values = fine.values.to_vec();
        (0..41 * 31).filter(|n| n % 41 > 30).for_each(|n| values[n] = f32::NAN);
        fine.values = values.into();
        let r = relief(vec![fine, grid("EPSG:4326", (4.25, 52.12), (0.002, -0.002), |_, _| 99.0)]);
        let at = |x, y| {
            let p = crate::geo::Crs::new("EPSG:28992").unwrap().to_geodetic(x, y, 0.0).unwrap();
            r.height_m(p.lon_deg(), p.lat_deg())
        };
        assert_eq!([at(78_300.0, 457_500.0), at(78_900.0, 457_500.0), at(77_500.0, 457_500.0)], [Some(10.0), Some(99.0), Some(99.0)]);
        assert!(r.part(&r.extent()).step_deg().0 < 0.0005, "as fine as the finest");
    }

    #[test]
    fn a_tile_is_sampled_as_single_places_are() {
        let r = relief(vec![grid("EPSG:28992", (78_000.0, 458_000.0), (25.0, -25.0), |x, y| (x * 0.01).sin() * 9.0 + y * 1e-4)]);
        let e = r.extent();
        let heights = r.part(&e).heights(&e, 9, 1);
        for (k, z) in heights.iter().enumerate() {
            let (lon, lat) = e.at(((k % 11) as f64 - 1.0) / 8.0, ((k / 11) as f64 - 1.0) / 8.0);
            assert_eq!(r.height_m(lon, lat).map(f64::to_bits), Some(*z).filter(|z| z.is_finite()).map(f64::to_bits));
        }
    }

    #[test]
    fn holes_stay_holes() {
        let mut g = grid("EPSG:4326", (118.0, 34.0), (0.001, -0.001), |_, _| 5.0);
        // A single missing sample is bridged from its neighbours; a patch is not.
        let mut values = g.values.to_vec();
        (0..9).for_each(|i| values[(10 + i / 3) * 41 + 10 + i % 3] = f32::NAN);
        g.values = values.into();
        let r = Relief::new(vec![g], None, &mut BuildReport::default()).unwrap();
        assert!(r.height_m(118.0115, 33.9885).is_none() && r.height_m(118.014, 33.99).is_some());
    }
}
