//! The plane the demo city is drawn on: metres east and north of its centre, in CGCS2000 Gauss-Kruger.

use crate::geo::{Crs, CrsError, Geodetic};
use glam::DVec2;

/// CGCS2000 / 3-degree Gauss-Kruger, central meridian 117 E: the zone Suqian (118.275 E) lies in.
pub const CRS: &str = "EPSG:4548";
/// The same as CityJSON writes it.
pub const CRS_URL: &str = "https://www.opengis.net/def/crs/EPSG/0/4548";
/// Centre of the demo city, degrees.
pub const CENTRE: (f64, f64) = (118.275, 33.963);

/// Metres east and north of [`CENTRE`], and their ways out.
pub struct Plane {
    crs: Crs,
    /// Projected coordinates of the centre, metres.
    pub origin: DVec2,
}

impl Plane {
    /// # Errors
    /// When PROJ does not know [`CRS`].
    pub fn new() -> Result<Self, CrsError> {
        let crs = Crs::new(CRS)?;
        let (x, y) = crs.from_geodetic(Geodetic::from_degrees(CENTRE.0, CENTRE.1, 0.0))?;
        // Whole metres, so that the CityJSON translation is exact.
        Ok(Self { crs, origin: DVec2::new(x.round(), y.round()) })
    }

    /// Longitude and latitude in degrees, rounded to 1e-7 degree (1 cm).
    pub fn lonlat(&self, p: DVec2) -> Result<[f64; 2], CrsError> {
        let at = p + self.origin;
        let g = self.crs.to_geodetic(at.x, at.y, 0.0)?;
        let round = |v: f64| (v * 1e7).round() / 1e7;
        Ok([round(g.lon_deg()), round(g.lat_deg())])
    }

    /// From degrees to metres east and north of the centre.
    pub fn local(&self, lon: f64, lat: f64) -> Result<DVec2, CrsError> {
        let (x, y) = self.crs.from_geodetic(Geodetic::from_degrees(lon, lat, 0.0))?;
        Ok(DVec2::new(x, y) - self.origin)
    }
}
