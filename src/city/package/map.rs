//! The phone's 2D map: footprints and ground as GeoJSON.

use super::PackageError;
use super::outline::{Polygons, outline, signed_area};
use super::place::{City, Feature};
use super::tiles::frame;
use crate::city::source::{Face, Surface};
use crate::geo::LocalFrame;
use crate::model::city::TilesetRole;
use glam::DVec2;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

/// Writes `footprints.geojson` and `ground.geojson` into `dir`.
pub fn write(city: &City, dir: &Path) -> Result<(), PackageError> {
    std::fs::create_dir_all(dir).map_err(PackageError::io(dir))?;
    let footprint = |f: &Feature| {
        let height_m = (f.height_m() * 10.0).round() / 10.0;
        let frame = frame(&f.region);
        polygons(&outline(city, f, &frame), &frame, json!({ "id": f.object.id, "height_m": height_m }))
    };
    let of_role = |role: TilesetRole| city.features.par_iter().filter(move |f| f.role == role);
    let footprints = of_role(TilesetRole::Buildings).filter_map(footprint).collect();
    collection(&dir.join("footprints.geojson"), footprints)?;
    let ground = of_role(TilesetRole::Surfaces).flat_map_iter(|f| ground(city, f)).collect();
    collection(&dir.join("ground.geojson"), ground)
}

/// Water, green, roads and land of one object; one line a kind. Terrain has no outline worth drawing.
fn ground(city: &City, feature: &Feature) -> Vec<String> {
    let frame = frame(&feature.region);
    let kinds = [(Surface::Water, "water"), (Surface::Green, "green"), (Surface::Road, "road"), (Surface::Land, "land")];
    let of = |surface: Surface| -> Polygons {
        let faces = feature.object.faces.iter().filter(|f| f.surface == surface);
        faces.map(|f| rings(city, feature, &f, &frame)).filter(|p| !p.is_empty()).collect()
    };
    kinds.into_iter().filter_map(|(surface, kind)| polygons(&of(surface), &frame, json!({ "kind": kind }))).collect()
}

/// A face seen from above: outer ring counter-clockwise, holes clockwise; nothing when it stands on edge.
fn rings(city: &City, feature: &Feature, face: &Face<'_>, frame: &LocalFrame) -> Vec<Vec<DVec2>> {
    let points = &city.points[feature.source];
    let flat = |i: &u32| frame.geodetic_to_enu(points[*i as usize]).truncate();
    let mut rings: Vec<Vec<DVec2>> = face.rings().map(|r| r.iter().map(flat).collect()).collect();
    for (i, ring) in rings.iter_mut().enumerate() {
        if (signed_area(ring) < 0.0) == (i == 0) {
            ring.reverse();
        }
    }
    if rings.first().is_none_or(|r| signed_area(r).abs() < 0.01) { Vec::new() } else { rings }
}

/// One GeoJSON feature as a line of text; `None` without polygons.
fn polygons(polygons: &Polygons, frame: &LocalFrame, properties: Value) -> Option<String> {
    let ring = |ring: &Vec<DVec2>| {
        let mut line: Vec<[f64; 2]> = ring.iter().map(|p| degrees(*p, frame)).collect();
        line.dedup();
        line.extend(line.first().copied());
        line
    };
    let coordinates: Vec<Vec<Vec<[f64; 2]>>> =
        polygons.iter().map(|p| p.iter().map(ring).filter(|r| r.len() >= 4).collect::<Vec<_>>()).filter(|p| !p.is_empty()).collect();
    let geometry = match &coordinates[..] {
        [] => return None,
        [one] => json!({ "type": "Polygon", "coordinates": one }),
        all => json!({ "type": "MultiPolygon", "coordinates": all }),
    };
    Some(json!({ "type": "Feature", "properties": properties, "geometry": geometry }).to_string())
}

/// Longitude and latitude to 6 decimals, 11 cm: finer than a phone's map can show.
fn degrees(p: DVec2, frame: &LocalFrame) -> [f64; 2] {
    let g = frame.enu_to_geodetic(p.extend(0.0));
    [g.lon_deg(), g.lat_deg()].map(|d| (d * 1e6).round() / 1e6)
}

/// A collection with one feature a line: big, but a tool by lines can read it.
fn collection(path: &Path, features: Vec<String>) -> Result<(), PackageError> {
    let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", features.join(",\n"));
    std::fs::write(path, text).map_err(PackageError::io(path))
}
