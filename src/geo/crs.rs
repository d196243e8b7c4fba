//! Any coordinate reference system to WGS 84, through PROJ.

use super::Geodetic;
use super::china::Shifted;
use super::patch::{Cell, Patch};
use glam::{DVec2, DVec3};
use proj::Proj;
use std::cell::RefCell;
use std::collections::HashMap;

/// Fitted cells kept at once; a country has fewer.
const PATCHES_MAX: usize = 100_000;

/// A point that has no place.
const LOST: Geodetic = Geodetic { lon_rad: f64::NAN, lat_rad: f64::NAN, height_m: f64::NAN };

/// Why a coordinate system can't be used.
#[derive(thiserror::Error, Debug)]
pub enum CrsError {
    #[error(
        "{name:?} is no coordinate system PROJ knows ({why}); write --crs EPSG:<code>, e.g. EPSG:7415 (Netherlands), EPSG:6697 (Japan), EPSG:4490 (China)"
    )]
    Unknown { name: String, why: String },
    #[error("point ({x}, {y}, {z}) lies outside of {name}: {why}; is the coordinate system right?")]
    Outside { name: String, x: f64, y: f64, z: f64, why: String },
}

/// A source coordinate system and its way to WGS 84 geographic 3D (EPSG:4979).
///
/// Input axes are x = east or longitude, y = north or latitude, z = height, whatever the authority's order says.
/// Not `Sync`: PROJ contexts belong to one thread, so make one per thread with [`Crs::new`].
pub struct Crs {
    name: String,
    way: Way,
    /// Fitted cells; `None` for those that can't be.
    patches: RefCell<HashMap<Cell, Option<Patch>>>,
}

/// How points get to WGS 84.
enum Way {
    Proj(Proj),
    Shifted(Shifted),
}

impl Crs {
    /// `name` is `EPSG:7415`, a bare code `7415`, a URN/OGC URL as CityJSON writes it, WKT, or a PROJ string; `GCJ-02` and `BD-09` for the shifted
    /// coordinates of Chinese maps.
    ///
    /// # Errors
    /// [`CrsError::Unknown`] when PROJ has no such system.
    pub fn new(name: &str) -> Result<Self, CrsError> {
        if let Some(shifted) = Shifted::named(name) {
            return Ok(Self { name: shifted.name().to_owned(), way: Way::Shifted(shifted), patches: RefCell::default() });
        }
        let name = normalise(name);
        let proj =
            Proj::new_known_crs(&name, "EPSG:4979", None).map_err(|e| CrsError::Unknown { name: name.clone(), why: e.to_string() })?;
        Ok(Self { name, way: Way::Proj(proj), patches: RefCell::default() })
    }

    /// The name as `EPSG:n` where it is one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its numbers are degrees: its way to longitude and latitude leaves them as they are.
    pub fn counts_degrees(&self) -> bool {
        let stays =
            |x: f64, y: f64| self.to_geodetic(x, y, 0.0).is_ok_and(|g| (g.lon_deg() - x).abs() < 0.05 && (g.lat_deg() - y).abs() < 0.05);
        stays(10.0, 40.0) && stays(120.0, 30.0)
    }

    /// One point to WGS 84. The height passes through unchanged: it stays in the source's vertical datum.
    ///
    /// # Errors
    /// [`CrsError::Outside`] when the point is not finite or PROJ refuses it.
    pub fn to_geodetic(&self, x: f64, y: f64, z: f64) -> Result<Geodetic, CrsError> {
        let outside = |why: String| CrsError::Outside { name: self.name.clone(), x, y, z, why };
        if !(x.is_finite() && y.is_finite() && z.is_finite()) {
            return Err(outside("not a finite number".to_owned()));
        }
        let (lon, lat): (f64, f64) = match &self.way {
            Way::Proj(proj) => proj.convert((x, y)).map_err(|e| outside(e.to_string()))?,
            Way::Shifted(shifted) => shifted.inverse(x, y),
        };
        // A far-off point can come back as infinity or a wild number without an error code.
        if !(lon.is_finite() && lat.is_finite() && lon.abs() <= 360.0 && lat.abs() <= 90.0) {
            return Err(outside(format!("it projects to longitude {lon}, latitude {lat}")));
        }
        Ok(Geodetic::from_degrees(lon, lat, z))
    }

    /// Many points to WGS 84, within 1 mm of [`Crs::to_geodetic`] and many times faster where they lie near each other. A point that can't be
    /// placed gets a longitude of NaN. What a point becomes does not depend on the others.
    pub fn to_geodetic_batch(&self, points: &[DVec3], out: &mut Vec<Geodetic>) {
        // Numbers as small as degrees are degrees.
        let degrees = |p: DVec2| p.abs().max_element() <= 360.0;
        let exact = |p: DVec2| self.to_geodetic(p.x, p.y, 0.0).ok().map(|g| DVec2::new(g.lon_deg(), g.lat_deg()));
        let mut patches = self.patches.borrow_mut();
        if patches.len() > PATCHES_MAX {
            patches.clear();
        }
        out.reserve(points.len());
        let mut rest = points;
        while let Some(first) = rest.first() {
            if !first.is_finite() {
                out.push(LOST);
                rest = &rest[1..];
                continue;
            }
            // Neighbours in the file are neighbours in the city: look a cell up once for all that follow in it.
            let (unit, cell) = (degrees(first.truncate()), Cell::of(first.truncate(), degrees(first.truncate())));
            let same = |p: &DVec3| p.is_finite() && degrees(p.truncate()) == unit && Cell::of(p.truncate(), unit) == cell;
            let (run, after) = rest.split_at(rest.iter().position(|p| !same(p)).unwrap_or(rest.len()));
            match patches.entry(cell).or_insert_with(|| Patch::fit(cell, exact)) {
                None => out.extend(run.iter().map(|p| self.to_geodetic(p.x, p.y, p.z).unwrap_or(LOST))),
                Some(patch) => out.extend(run.iter().map(|p| {
                    let at = patch.at(p.truncate());
                    Geodetic::from_degrees(at.x, at.y, p.z)
                })),
            }
            rest = after;
        }
    }

    /// The inverse of [`Crs::to_geodetic`]: WGS 84 to this system's `(x, y)`, east or longitude first.
    ///
    /// # Errors
    /// [`CrsError::Outside`] when the point is not finite or PROJ refuses it.
    pub fn from_geodetic(&self, p: Geodetic) -> Result<(f64, f64), CrsError> {
        let (lon, lat) = (p.lon_deg(), p.lat_deg());
        let outside = |why: String| CrsError::Outside { name: self.name.clone(), x: lon, y: lat, z: p.height_m, why };
        let (x, y): (f64, f64) = match &self.way {
            Way::Proj(proj) => proj.project((lon, lat), true).map_err(|e| outside(e.to_string()))?,
            Way::Shifted(shifted) => shifted.forward(lon, lat),
        };
        if x.is_finite() && y.is_finite() { Ok((x, y)) } else { Err(outside("it has no place in this system".to_owned())) }
    }
}

/// `EPSG:n` from the several ways files write it; PROJ strings and names pass through.
fn normalise(name: &str) -> String {
    let name = name.trim();
    let tail = name.rsplit(['/', ':']).next().unwrap_or(name);
    let is_code = !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit());
    if is_code && (name == tail || name.to_ascii_lowercase().contains("epsg")) { format!("EPSG:{tail}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hague_lands_in_the_hague_whichever_way_the_code_is_written() {
        for name in ["EPSG:7415", "7415", "urn:ogc:def:crs:EPSG::7415", "https://www.opengis.net/def/crs/EPSG/0/7415"] {
            let p = Crs::new(name).unwrap().to_geodetic(78_600.0, 457_900.0, 5.0).unwrap();
            assert!((p.lon_deg() - 4.2720).abs() < 0.001 && (p.lat_deg() - 52.1035).abs() < 0.001, "{name}: {p:?}");
            assert_eq!(p.height_m, 5.0);
        }
    }

    #[test]
    fn a_point_goes_to_the_gauss_kruger_zone_and_back() {
        // CGCS2000 / 3-degree Gauss-Kruger, central meridian 117 E: 1.275 degrees east of it is about 117.8 km.
        let crs = Crs::new("EPSG:4548").unwrap();
        let (x, y) = crs.from_geodetic(Geodetic::from_degrees(118.275, 33.963, 0.0)).unwrap();
        assert!((x - 617_830.0).abs() < 500.0 && (y - 3_759_800.0).abs() < 1_500.0, "{x} {y}");
        let back = crs.to_geodetic(x, y, 0.0).unwrap();
        assert!((back.lon_deg() - 118.275).abs() < 1e-9 && (back.lat_deg() - 33.963).abs() < 1e-9, "{back:?}");
    }

    #[test]
    fn many_points_land_where_each_would_alone() {
        for (name, origin, step) in [
            ("EPSG:7415", DVec2::new(78_000.0, 457_000.0), 9.0),
            ("EPSG:7415", DVec2::new(20_000.0, 310_000.0), 700.0),
            ("EPSG:4548", DVec2::new(617_000.0, 3_759_000.0), 100.0),
            ("EPSG:4326", DVec2::new(118.2, 33.9), 1e-4),
            ("EPSG:3857", DVec2::new(13_000_000.0, 4_000_000.0), 30.0),
            ("EPSG:27700", DVec2::new(530_000.0, 180_000.0), 20.0),
        ] {
            let crs = Crs::new(name).unwrap();
            let mut points: Vec<DVec3> =
                (0..150).map(|n| (origin + DVec2::new(f64::from(n % 13), f64::from(n)) * step).extend(7.0)).collect();
            points[17].x = f64::NAN;
            let mut batch = Vec::new();
            crs.to_geodetic_batch(&points, &mut batch);
            assert!(batch.len() == points.len() && batch[17].lon_rad.is_nan());
            for (p, b) in points.iter().zip(&batch).filter(|(p, _)| p.is_finite()) {
                let a = crs.to_geodetic(p.x, p.y, p.z).unwrap();
                assert!((a.lon_deg() - b.lon_deg()).abs() < 9e-9 && (a.lat_deg() - b.lat_deg()).abs() < 9e-9, "{name}: {a:?} {b:?}");
                assert_eq!(b.height_m, 7.0);
            }
        }
    }

    #[test]
    fn shifted_coordinates_of_chinese_maps_come_back_where_they_belong() {
        let at = Geodetic::from_degrees(118.275, 33.963, 12.0);
        for name in ["gcj02", "BD-09"] {
            let crs = Crs::new(name).unwrap();
            let (x, y) = crs.from_geodetic(at).unwrap();
            assert!((x - 118.275).abs() > 1e-3, "{name} shifts");
            let mut out = Vec::new();
            crs.to_geodetic_batch(&[DVec3::new(x, y, 12.0)], &mut out);
            assert!((out[0].lon_deg() - 118.275).abs() < 1e-8 && (out[0].lat_deg() - 33.963).abs() < 1e-8, "{name}: {:?}", out[0]);
        }
    }

    #[test]
    fn degrees_are_told_from_metres() {
        for (name, degrees) in [("EPSG:4326", true), ("EPSG:6697", true), ("EPSG:4490", true), ("EPSG:4548", false), ("EPSG:28992", false)]
        {
            assert_eq!(Crs::new(name).unwrap().counts_degrees(), degrees, "{name}");
        }
    }

    #[test]
    fn china_2000_zones_are_read_east_first() {
        // Every 3-degree zone at its central meridian: false easting 500 km, with the zone's number in front or not (EPSG:4513 to 4554).
        for code in 4513..=4554u32 {
            let crs = Crs::new(&format!("EPSG:{code}")).unwrap();
            let (zone, prefix) = if code < 4534 { (code - 4513 + 25, f64::from(code - 4513 + 25) * 1e6) } else { (code - 4534 + 25, 0.0) };
            let p = crs.to_geodetic(prefix + 500_000.0, 3_800_000.0, 0.0).unwrap();
            assert!((p.lon_deg() - f64::from(zone * 3)).abs() < 1e-9 && (p.lat_deg() - 34.325).abs() < 0.01, "{code}: {p:?}");
        }
    }

    #[test]
    fn unknown_codes_and_bad_points_are_refused_with_the_mend() {
        let e = Crs::new("EPSG:999999").err().unwrap().to_string();
        assert!(e.contains("--crs EPSG:"), "{e}");
        let crs = Crs::new("EPSG:4326").unwrap();
        assert!(crs.to_geodetic(f64::NAN, 0.0, 0.0).is_err());
    }
}
