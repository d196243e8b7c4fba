//! Sources on the globe: every vertex reprojected once, every object accepted or refused with its reason.

use super::PackageError;
use super::shape::Placed;
use crate::city::CityError;
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, Surface};
use crate::geo::{Crs, CrsError, Geodetic, Heights, Region, geodetic_to_ecef};
use crate::model::city::TilesetRole;
use glam::DVec3;
use rayon::prelude::*;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;

/// Vertices reprojected by one task: some milliseconds of work, so that threads stay level and progress moves.
const CHUNK: usize = 8192;
/// Heights beyond these (metres) are no city on Earth: below the deepest mine, above the highest mountain and any tower on it.
const HEIGHT_M: std::ops::RangeInclusive<f64> = -5_000.0..=12_000.0;
/// One object wider than this (degrees, about 200 km) is a mistake in the coordinates, not an object.
const WIDTH_MAX_DEG: f64 = 2.0;
/// Mean radius of the Earth, metres (IUGG R1).
const RADIUS_M: f64 = 6_371_008.8;
/// Parts of parts of parts: deeper chains of parents are cut, which also ends cycles.
const PARENTS_MAX: usize = 8;

/// Metres along the diagonal of a region, on a sphere: good to half a percent, which is all that error bounds need.
pub fn region_size_m(r: &Region) -> f64 {
    let mid = (r.south_rad + r.north_rad) * 0.5;
    let (x, y) = ((r.east_rad - r.west_rad) * mid.cos() * RADIUS_M, (r.north_rad - r.south_rad) * RADIUS_M);
    (x * x + y * y + (r.max_height_m - r.min_height_m).powi(2)).sqrt()
}

/// An empty region, ready for [`grow`].
pub const NOWHERE: Region = Region {
    west_rad: f64::INFINITY,
    south_rad: f64::INFINITY,
    east_rad: f64::NEG_INFINITY,
    north_rad: f64::NEG_INFINITY,
    min_height_m: f64::INFINITY,
    max_height_m: f64::NEG_INFINITY,
};

/// `r` widened to hold `p`.
pub fn grow(r: &mut Region, p: Geodetic) {
    r.west_rad = r.west_rad.min(p.lon_rad);
    r.east_rad = r.east_rad.max(p.lon_rad);
    r.south_rad = r.south_rad.min(p.lat_rad);
    r.north_rad = r.north_rad.max(p.lat_rad);
    r.min_height_m = r.min_height_m.min(p.height_m);
    r.max_height_m = r.max_height_m.max(p.height_m);
}

/// `r` widened to hold `o`.
pub fn join(r: &mut Region, o: &Region) {
    grow(r, Geodetic { lon_rad: o.west_rad, lat_rad: o.south_rad, height_m: o.min_height_m });
    grow(r, Geodetic { lon_rad: o.east_rad, lat_rad: o.north_rad, height_m: o.max_height_m });
}

/// The coordinate system of one input, checked, as `EPSG:n` where it is one.
pub fn choose_crs(
    file: &std::path::Path,
    own: Option<&str>,
    given: Option<&str>,
    report: &mut BuildReport,
) -> Result<String, PackageError> {
    let check = |name: &str| {
        let known = with_crs(name, |crs| crs.name().to_owned());
        known.map_err(|source| PackageError::Crs { file: file.to_owned(), source })
    };
    match (own, given.map(check).transpose()?) {
        (Some(own), given) => {
            let own = check(own)?;
            if let Some(given) = given.filter(|g| *g != own) {
                let line = format!("{}: says {own}, --crs {given} not used for it", file.display());
                report.warn("a file names its own coordinate system", &line);
            }
            Ok(own)
        }
        (None, Some(given)) => Ok(given),
        (None, None) => Err(CityError::NoCrs { file: file.to_owned() }.into()),
    }
}

thread_local! {
    // A PROJ context belongs to one thread and takes milliseconds to make: one a thread, kept while the name stays.
    static CRS: RefCell<Option<(String, Crs)>> = const { RefCell::new(None) };
}

/// Runs `f` with this thread's [`Crs`] of that name.
pub fn with_crs<R>(name: &str, f: impl FnOnce(&Crs) -> R) -> Result<R, CrsError> {
    CRS.with(|cell| {
        let mut slot = cell.borrow_mut();
        let kept = match slot.take() {
            Some(kept) if kept.0 == name || kept.1.name() == name => kept,
            _ => (name.to_owned(), Crs::new(name)?),
        };
        let (_, crs) = slot.insert(kept);
        Ok(f(crs))
    })
}

/// A vertex that couldn't be placed.
const LOST: Geodetic = Geodetic { lon_rad: f64::NAN, lat_rad: f64::NAN, height_m: f64::NAN };

/// Every vertex of a part of a source, in WGS 84 with ellipsoidal heights.
pub fn place(vertices: &[DVec3], crs: &str, heights: &Heights) -> Placed {
    let chunk = |chunk: &[DVec3]| -> Vec<(Geodetic, DVec3)> {
        let mut placed = Vec::with_capacity(chunk.len());
        if with_crs(crs, |crs| crs.to_geodetic_batch(chunk, &mut placed)).is_err() {
            placed = vec![LOST; chunk.len()];
        }
        heights.lift(&mut placed);
        placed.into_iter().map(|g| (g, geodetic_to_ecef(g).0)).collect()
    };
    let (geodetic, ecef) = vertices.par_chunks(CHUNK).flat_map_iter(chunk).unzip();
    Placed { geodetic, ecef }
}

/// Why an object can't be drawn: the reason groups, the detail says where.
pub type Refusal = (&'static str, String);

/// Whether every vertex of an object has a place on Earth.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(object: &CityObject, raw: &[DVec3], placed: &Placed) -> Result<(), Refusal> {
    let mut region = NOWHERE;
    for (f, face) in object.faces.iter().enumerate() {
        for &i in face.corners() {
            let (Some(v), Some(p)) = (raw.get(i as usize), placed.geodetic.get(i as usize)) else {
                return Err(("a face names a vertex that the file does not have", format!("face {f}, vertex {i} of {}", raw.len())));
            };
            if !v.is_finite() {
                return Err(("a vertex is not a finite number", format!("face {f}, vertex {i} is ({}, {}, {})", v.x, v.y, v.z)));
            }
            if p.lon_rad.is_nan() {
                return Err((
                    "a vertex lies outside of its coordinate system or geoid",
                    format!("vertex {i} is ({}, {}, {})", v.x, v.y, v.z),
                ));
            }
            if !HEIGHT_M.contains(&p.height_m) {
                return Err(("a height is no height on Earth", format!("vertex {i} is at {} m", p.height_m)));
            }
            grow(&mut region, *p);
        }
    }
    let width = (region.east_rad - region.west_rad).max(region.north_rad - region.south_rad).to_degrees();
    if width > WIDTH_MAX_DEG {
        return Err(("an object is wider than a city", format!("{width:.1} degrees across")));
    }
    if object.faces.iter().all(|f| f.surface == Surface::Ground || f.corners().is_empty()) {
        return Err(("an object has nothing that can be seen", "only undersides".to_owned()));
    }
    Ok(())
}

/// Objects of a part that only group others, with what they hand down.
pub struct Groups(HashMap<String, (Option<String>, Map<String, Value>)>);

impl Groups {
    pub fn of(objects: &[CityObject]) -> Self {
        let groups = objects.iter().filter(|o| o.faces.is_empty());
        Self(groups.map(|o| (o.id.clone(), (o.parent.clone(), o.attributes.clone()))).collect())
    }

    /// A part carries the attributes of objects that only group it, where it has none of its own of that name: they would be lost otherwise.
    pub fn hand_down(&self, object: &mut CityObject) {
        let mut parent = object.parent.clone();
        for _ in 0..PARENTS_MAX {
            let Some((next, attributes)) = parent.as_ref().and_then(|p| self.0.get(p)) else { return };
            for (key, value) in attributes {
                object.attributes.entry(key.clone()).or_insert_with(|| value.clone());
            }
            parent = next.clone();
        }
    }
}

/// What stands up is a building, what lies on the ground is a surface; the class decides where it is known, else the walls do.
pub fn role(object: &CityObject) -> TilesetRole {
    let stands = |s: Surface| matches!(s, Surface::Wall | Surface::Roof);
    if object.class.starts_with("Building") || object.faces.iter().any(|f| stands(f.surface)) {
        TilesetRole::Buildings
    } else {
        TilesetRole::Surfaces
    }
}
