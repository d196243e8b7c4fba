//! Elevation grids of any coordinate system, asked by longitude and latitude.

use super::super::PackageError;
use super::super::place::{choose_crs, with_crs};
use crate::city::report::BuildReport;
use crate::city::source::ElevationGrid;
use crate::geo::{Geodetic, Heights};
use std::path::{Path, PathBuf};

/// Grids in these systems are asked directly: their axes are longitude and latitude on (what is for heights) WGS 84.
const GEOGRAPHIC: [&str; 4] = ["EPSG:4326", "EPSG:4979", "EPSG:4490", "OGC:CRS84"];
/// Nodes a side of the net that carries longitude and latitude over to a projected grid; bilinear between them.
/// Over 50 km, 1.6 km apart, a map projection bends by under 0.1 m from node to node; PROJ at every sample would take minutes.
const NET: usize = 33;

/// West, south, east, north in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Extent {
    fn of(points: impl Iterator<Item = (f64, f64)>) -> Self {
        let start = Self { west: f64::INFINITY, south: f64::INFINITY, east: f64::NEG_INFINITY, north: f64::NEG_INFINITY };
        points.fold(start, |e, (x, y)| Self { west: e.west.min(x), south: e.south.min(y), east: e.east.max(x), north: e.north.max(y) })
    }

    fn corners(&self) -> [(f64, f64); 2] {
        [(self.west, self.south), (self.east, self.north)]
    }

    pub fn at(&self, u: f64, v: f64) -> (f64, f64) {
        (self.west + (self.east - self.west) * u, self.south + (self.north - self.south) * v)
    }
}

/// All elevation of a build; where grids overlap, the first given wins.
pub struct Relief {
    grids: Vec<Placed>,
}

struct Placed {
    grid: ElevationGrid,
    crs: String,
    heights: Heights,
    extent: Extent,
    /// The grid's own coordinates at the nodes of a net over `extent`, row by row from the south-west; empty when the grid is geographic.
    net: Vec<(f64, f64)>,
}

impl Relief {
    /// Places every grid.
    ///
    /// # Errors
    /// No or an unknown coordinate system; a grid that is smaller than 2 x 2 or holds no value.
    pub fn new(grids: Vec<ElevationGrid>, crs: Option<&str>, report: &mut BuildReport) -> Result<Self, PackageError> {
        let mut placed = Vec::new();
        for grid in grids {
            let name = choose_crs(&grid.file, grid.crs.as_deref(), crs, report)?;
            let fits = grid.width >= 2 && grid.height >= 2 && grid.values.len() == grid.width * grid.height;
            if !fits || !grid.values.iter().any(|v| v.is_finite()) {
                return Err(PackageError::EmptyGrid { file: grid.file });
            }
            placed.push(Placed::new(grid, name)?);
        }
        Ok(Self { grids: placed })
    }

    pub fn is_empty(&self) -> bool {
        self.grids.is_empty()
    }

    /// Says what the heights of each grid count from, by its file and coordinate system; before that they are taken to be ellipsoidal.
    pub fn set_heights(&mut self, of: impl Fn(&Path, &str) -> Heights) {
        self.grids.iter_mut().for_each(|p| p.heights = of(&p.grid.file, &p.crs));
    }

    /// File, number of samples, coordinate system and heights of each grid.
    pub fn files(&self) -> Vec<(&PathBuf, u64, &String, &Heights)> {
        self.grids.iter().map(|p| (&p.grid.file, p.grid.values.len() as u64, &p.crs, &p.heights)).collect()
    }

    /// Around all grids, from outermost sample to outermost sample.
    pub fn extent(&self) -> Extent {
        Extent::of(self.grids.iter().flat_map(|p| p.extent.corners()))
    }

    /// Distance between samples of the finest grid, degrees of longitude and of latitude.
    pub fn step_deg(&self) -> (f64, f64) {
        self.grids.iter().fold((f64::INFINITY, f64::INFINITY), |(x, y), p| {
            let e = &p.extent;
            (x.min((e.east - e.west) / (p.grid.width - 1) as f64), y.min((e.north - e.south) / (p.grid.height - 1) as f64))
        })
    }

    /// Height at a place in degrees, metres, between four samples; `None` where no grid has data.
    pub fn height_m(&self, lon_deg: f64, lat_deg: f64) -> Option<f64> {
        self.grids.iter().find_map(|p| p.height_m(lon_deg, lat_deg))
    }
}

impl Placed {
    fn new(grid: ElevationGrid, crs: String) -> Result<Self, PackageError> {
        let [west, south, east, north] = grid.bounds();
        if GEOGRAPHIC.contains(&crs.as_str()) {
            let extent = Extent { west, south, east, north };
            return Ok(Self { grid, crs, heights: Heights::Ellipsoidal, extent, net: Vec::new() });
        }
        let placed = with_crs(&crs, |crs| {
            let around = (0..=NET).flat_map(|i| {
                let t = i as f64 / NET as f64;
                let (x, y) = (west + t * (east - west), south + t * (north - south));
                [(x, south), (x, north), (west, y), (east, y)]
            });
            let edge =
                around.map(|(x, y)| crs.to_geodetic(x, y, 0.0).map(|g| (g.lon_deg(), g.lat_deg()))).collect::<Result<Vec<_>, _>>()?;
            let extent = Extent::of(edge.into_iter());
            let node = |i: usize| {
                let (lon, lat) = extent.at((i % NET) as f64 / (NET - 1) as f64, (i / NET) as f64 / (NET - 1) as f64);
                crs.from_geodetic(Geodetic::from_degrees(lon, lat, 0.0))
            };
            Ok((extent, (0..NET * NET).map(node).collect::<Result<Vec<_>, _>>()?))
        });
        let (extent, net) = placed.and_then(|r| r).map_err(|source| PackageError::Crs { file: grid.file.clone(), source })?;
        Ok(Self { grid, crs, heights: Heights::Ellipsoidal, extent, net })
    }

    /// A place in degrees in the grid's own coordinates.
    fn own(&self, lon: f64, lat: f64) -> (f64, f64) {
        if self.net.is_empty() {
            return (lon, lat);
        }
        let e = &self.extent;
        let last = (NET - 1) as f64;
        let (u, v) = ((lon - e.west) / (e.east - e.west) * last, (lat - e.south) / (e.north - e.south) * last);
        let (i, j) = (u.clamp(0.0, last - 1.0) as usize, v.clamp(0.0, last - 1.0) as usize);
        let (fu, fv) = (u - i as f64, v - j as f64);
        let n = |di: usize, dj: usize| self.net[(j + dj) * NET + i + di];
        let mix = |f: fn((f64, f64)) -> f64| {
            let (south, north) = (f(n(0, 0)) * (1.0 - fu) + f(n(1, 0)) * fu, f(n(0, 1)) * (1.0 - fu) + f(n(1, 1)) * fu);
            south * (1.0 - fv) + north * fv
        };
        (mix(|c| c.0), mix(|c| c.1))
    }

    fn height_m(&self, lon: f64, lat: f64) -> Option<f64> {
        let (x, y) = self.own(lon, lat);
        let up_m = self.heights.undulation_m(lon, lat);
        self.grid.sample(x, y).map(|h| f64::from(h) + up_m).filter(|h| h.is_finite())
    }
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

    #[test]
    fn holes_stay_holes() {
        let mut g = grid("EPSG:4326", (118.0, 34.0), (0.001, -0.001), |_, _| 5.0);
        // A single missing sample is bridged from its neighbours; a patch is not.
        (0..9).for_each(|i| g.values[(10 + i / 3) * 41 + 10 + i % 3] = f32::NAN);
        let r = Relief::new(vec![g], None, &mut BuildReport::default()).unwrap();
        assert!(r.height_m(118.0115, 33.9885).is_none() && r.height_m(118.014, 33.99).is_some());
    }
}
