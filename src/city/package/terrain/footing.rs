//! A raster of any coordinate system under longitude and latitude.

use super::super::PackageError;
use super::super::place::with_crs;
use super::relief::Extent;
use crate::geo::Geodetic;
use std::path::Path;

/// Rasters in these systems are asked directly: their axes are longitude and latitude on (what is for heights) WGS 84.
const GEOGRAPHIC: [&str; 4] = ["EPSG:4326", "EPSG:4979", "EPSG:4490", "OGC:CRS84"];
/// Nodes a side of the net that carries longitude and latitude over to a projected raster; bilinear between them.
/// Over 50 km, 1.6 km apart, a map projection bends by under 0.1 m from node to node; PROJ at every sample would take minutes.
const NET: usize = 33;

/// Where a raster stands, and the way from degrees to its own coordinates.
pub struct Footing {
    pub crs: String,
    /// From outermost sample to outermost sample.
    pub extent: Extent,
    /// Own coordinates at the nodes of a net over `extent`, row by row from the south-west; empty when they are degrees.
    net: Vec<(f64, f64)>,
}

impl Footing {
    /// `bounds` are west, south, east, north of the outermost samples in the system `crs`.
    ///
    /// # Errors
    /// [`PackageError::Crs`] when a part of it lies outside of its system.
    pub fn new(file: &Path, crs: String, [west, south, east, north]: [f64; 4]) -> Result<Self, PackageError> {
        if GEOGRAPHIC.contains(&crs.as_str()) {
            return Ok(Self { crs, extent: Extent { west, south, east, north }, net: Vec::new() });
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
        let (extent, net) = placed.and_then(|r| r).map_err(|source| PackageError::Crs { file: file.to_owned(), source })?;
        Ok(Self { crs, extent, net })
    }

    /// A place in degrees in the raster's own coordinates.
    pub fn own(&self, lon: f64, lat: f64) -> (f64, f64) {
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

    /// Degrees of longitude and of latitude from one of `width` x `height` samples to the next.
    pub fn step_deg(&self, width: usize, height: usize) -> (f64, f64) {
        let e = &self.extent;
        ((e.east - e.west) / width.saturating_sub(1).max(1) as f64, (e.north - e.south) / height.saturating_sub(1).max(1) as f64)
    }
}
