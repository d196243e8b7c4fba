//! Elevation grids of any coordinate system, asked by longitude and latitude.

use super::super::PackageError;
use super::super::place::{choose_crs, with_crs};
use crate::city::report::BuildReport;
use crate::city::source::ElevationGrid;
use std::path::PathBuf;

/// Grids in these systems are asked directly: their axes are longitude and latitude on (what is for heights) WGS 84.
const GEOGRAPHIC: [&str; 4] = ["EPSG:4326", "EPSG:4979", "EPSG:4490", "OGC:CRS84"];
/// Nodes a side of the net that carries longitude and latitude over to a projected grid; bilinear between them.
/// Over 50 km, 1.6 km apart, a map projection bends by under 0.1 m from node to node.
const NET: usize = 33;
/// Newton steps for a node of the net: the first guess is affine, two are enough for conformal projections.
const STEPS: usize = 5;
/// Grid cells by which a point may lie outside and still count as on the edge: rounding of the way back from degrees.
const EDGE: f64 = 1e-6;

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
    extent: Extent,
    /// Column and row at the nodes of a net over `extent`, row by row from the south-west; empty when the grid is geographic.
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

    /// File, number of samples and coordinate system of each grid.
    pub fn files(&self) -> Vec<(&PathBuf, u64, &String)> {
        self.grids.iter().map(|p| (&p.grid.file, p.grid.values.len() as u64, &p.crs)).collect()
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
        let (last_x, last_y) = ((grid.width - 1) as f64, (grid.height - 1) as f64);
        let xy = |column: f64, row: f64| (grid.origin.0 + column * grid.step.0, grid.origin.1 + row * grid.step.1);
        if GEOGRAPHIC.contains(&crs.as_str()) {
            let extent = Extent::of([xy(0.0, 0.0), xy(last_x, last_y)].into_iter());
            return Ok(Self { grid, crs, extent, net: Vec::new() });
        }
        let file = grid.file.clone();
        let placed = with_crs(&crs, |crs| {
            let forward = |(column, row): (f64, f64)| {
                let (x, y) = xy(column, row);
                crs.to_geodetic(x, y, 0.0).map(|g| (g.lon_deg(), g.lat_deg()))
            };
            let around = (0..=NET).flat_map(|i| {
                let t = i as f64 / NET as f64;
                [(t * last_x, 0.0), (t * last_x, last_y), (0.0, t * last_y), (last_x, t * last_y)]
            });
            let edge = around.map(forward).collect::<Result<Vec<_>, _>>()?;
            let extent = Extent::of(edge.into_iter());
            let node = |i: usize| extent.at((i % NET) as f64 / (NET - 1) as f64, (i / NET) as f64 / (NET - 1) as f64);
            let net = (0..NET * NET).map(|i| invert(&forward, node(i), (last_x, last_y))).collect::<Result<Vec<_>, _>>()?;
            Ok((extent, net))
        });
        let (extent, net) = placed.and_then(|r| r).map_err(|source| PackageError::Crs { file, source })?;
        Ok(Self { grid, crs, extent, net })
    }

    /// Column and row of a place in degrees.
    fn cell(&self, lon: f64, lat: f64) -> (f64, f64) {
        let g = &self.grid;
        if self.net.is_empty() {
            return ((lon - g.origin.0) / g.step.0, (lat - g.origin.1) / g.step.1);
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
        let (last_x, last_y) = ((self.grid.width - 1) as f64, (self.grid.height - 1) as f64);
        let (x, y) = self.cell(lon, lat);
        let inside = (-EDGE..=last_x + EDGE).contains(&x) && (-EDGE..=last_y + EDGE).contains(&y);
        if !inside {
            return None;
        }
        let (x, y) = (x.clamp(0.0, last_x), y.clamp(0.0, last_y));
        let (i, j) = ((x as usize).min(self.grid.width - 2), (y as usize).min(self.grid.height - 2));
        let (fx, fy) = (x - i as f64, y - j as f64);
        let mut height = 0.0;
        for (di, dj, weight) in [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)] {
            if weight > EDGE {
                height += weight * f64::from(self.grid.values[(j + dj) * self.grid.width + i + di]);
            }
        }
        // A missing sample is NaN, and so is every mean it takes part in.
        height.is_finite().then_some(height)
    }
}

/// Column and row whose place is `goal`, by Newton's method with differences for derivatives.
fn invert<E>(
    forward: &impl Fn((f64, f64)) -> Result<(f64, f64), E>,
    goal: (f64, f64),
    (last_x, last_y): (f64, f64),
) -> Result<(f64, f64), E> {
    let mut at = (last_x * 0.5, last_y * 0.5);
    for _ in 0..STEPS {
        let here = forward(at)?;
        let (dx, dy) = (forward((at.0 + 1.0, at.1))?, forward((at.0, at.1 + 1.0))?);
        let (a, b, c, d) = (dx.0 - here.0, dy.0 - here.0, dx.1 - here.1, dy.1 - here.1);
        let (ex, ey) = (goal.0 - here.0, goal.1 - here.1);
        let det = a * d - b * c;
        if det == 0.0 {
            break;
        }
        at = (at.0 + (ex * d - ey * b) / det, at.1 + (ey * a - ex * c) / det);
    }
    Ok(at)
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
        assert!(r.height_m(118.04, 33.97).is_some() && r.height_m(118.0401, 33.98).is_none());
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
        g.values[10 * 41 + 10] = f32::NAN;
        let r = Relief::new(vec![g], None, &mut BuildReport::default()).unwrap();
        assert!(r.height_m(118.0105, 33.9895).is_none() && r.height_m(118.012, 33.99).is_some());
    }
}
