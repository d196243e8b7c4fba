//! A feature's own plane: metres east and north of one of its points, so that widths and heights are in one unit.

use crate::city::CityError;
use crate::geo::Crs;
use glam::DVec2;
use std::path::Path;

/// What one unit of a file's coordinates is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Degrees,
    /// Metres along x and y of one unit; not (1, 1) for feet and for Web Mercator.
    Metres(DVec2),
}

/// More metres than this a unit, and it is a degree.
const UNIT_METRES_MAX: f64 = 10_000.0;

impl Unit {
    /// Asks PROJ how far it is from a point of the system to points one unit away.
    ///
    /// # Errors
    /// When the system is unknown, or the point has no place in it.
    pub(crate) fn of(file: &Path, crs: &str, at: DVec2) -> Result<Self, CityError> {
        if crs == super::CRS84 {
            return Ok(Self::Degrees);
        }
        let unusable = |e: crate::geo::CrsError| CityError::unusable(file, e.to_string());
        let system = Crs::new(crs).map_err(unusable)?;
        let place = |p: DVec2| system.to_geodetic(p.x, p.y, 0.0).map(|g| DVec2::new(g.lon_deg(), g.lat_deg())).map_err(unusable);
        let middle = place(at)?;
        let scale = metres_per_degree(middle.y);
        let length = |p: DVec2| ((p - middle) * scale).length();
        let metres = DVec2::new(length(place(at + DVec2::X)?), length(place(at + DVec2::Y)?));
        if metres.max_element() > UNIT_METRES_MAX {
            return Ok(Self::Degrees);
        }
        if !(metres.min_element() > 1e-6) {
            return Err(CityError::unusable(file, format!("{crs} measures no lengths at ({}, {}); give another with --crs", at.x, at.y)));
        }
        Ok(Self::Metres(metres))
    }
}

/// Metres of a degree of longitude and of latitude. Series for the WGS 84 ellipsoid, exact to a centimetre a degree.
/// Source: NGA, "Length of a degree of latitude and longitude" calculator.
fn metres_per_degree(lat_deg: f64) -> DVec2 {
    let lat = lat_deg.clamp(-89.9, 89.9).to_radians();
    let lon_m = 111_412.84 * lat.cos() - 93.5 * (3.0 * lat).cos() + 0.118 * (5.0 * lat).cos();
    let lat_m = 111_132.92 - 559.82 * (2.0 * lat).cos() + 1.175 * (4.0 * lat).cos() - 0.0023 * (6.0 * lat).cos();
    DVec2::new(lon_m, lat_m)
}

/// From a file's coordinates to metres around a point, and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    origin: DVec2,
    metres: DVec2,
}

impl Plane {
    pub(crate) fn at(origin: DVec2, unit: Unit) -> Self {
        let metres = match unit {
            Unit::Degrees => metres_per_degree(origin.y),
            Unit::Metres(metres) => metres,
        };
        Self { origin, metres }
    }

    pub(crate) fn to_metres(self, p: DVec2) -> DVec2 {
        (p - self.origin) * self.metres
    }

    pub(crate) fn to_degrees(self, p: DVec2) -> DVec2 {
        self.origin + p / self.metres
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_by_proj() {
        let of = |crs: &str, x: f64, y: f64| Unit::of(Path::new("x"), crs, DVec2::new(x, y)).unwrap();
        assert_eq!(of("EPSG:4490", 16.4, 48.2), Unit::Degrees);
        let Unit::Metres(m) = of("EPSG:28992", 78_600.0, 457_900.0) else { panic!() };
        assert!((m - 1.0).abs().max_element() < 1e-3, "{m}");
        // Web Mercator stretches by 1 / cos(lat): 1.5 at 48 degrees.
        let Unit::Metres(m) = of("EPSG:3857", 1_825_640.0, 6_140_000.0) else { panic!() };
        assert!((m - 0.667).abs().max_element() < 5e-3, "{m}");
        let plane = Plane::at(DVec2::new(16.0, 48.0), Unit::Degrees);
        let p = DVec2::new(16.001, 48.001);
        assert!((plane.to_metres(p) - DVec2::new(74.63, 111.19)).abs().max_element() < 0.02, "{}", plane.to_metres(p));
        assert!((plane.to_degrees(plane.to_metres(p)) - p).length() < 1e-12);
    }
}
