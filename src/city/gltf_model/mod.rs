//! glTF models (`.glb`, `.gltf`) as city objects, placed by position and heading, one or a list of many.
//!
//! [`place`] says where, [`shape`] reads the triangles, [`paint`] their colours and pictures, [`features`] their ids, [`buffers`] the bytes,
//! [`document`] the JSON. Contents of tilesets come by the same way (`city::tileset`).

mod buffers;
mod document;
mod features;
mod paint;
mod place;
mod shape;
#[cfg(test)]
mod tests;

pub(super) use buffers::{Beside, chunks};
pub use place::ModelPlace;
pub(super) use shape::{Shape, Wrapping, read_bytes};

use super::CityError;
use super::footprints::extrude::touch;
use super::meaning;
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use super::source::{CityObject, CitySource, Surface};
use crate::geo::ecef_to_geodetic;
use glam::{DVec2, DVec3};
use place::Placement;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// WGS 84 with ellipsoidal heights; longitude first, as all vertices here.
const CRS: &str = "EPSG:4979";
/// What looks down is the underside of a model only this near to its lowest point, metres.
pub(super) const UNDERSIDE_M: f64 = 0.5;
/// Corners handed on at once.
pub(super) const PART_CORNERS: usize = 1 << 21;

/// Whether a text is a list of models.
pub(super) fn is_list(head: &[u8], named_toml: bool) -> bool {
    let word = b"[[model]]";
    named_toml && head.windows(word.len()).any(|w| w == word)
}

/// Reads one model, placed by [`ReadOptions::place`] or by the file beside it.
///
/// # Errors
/// When it has no place, or can't be read; with the mend.
pub(super) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let placement = place::of_model(path, options.place)?;
    let shape = shape::read(path).map_err(|why| CityError::unusable(path, why))?;
    let mut town = Town::new(path, options);
    town.tell(&shape, path, report);
    town.build(&shape, &placement, report, sink)?;
    town.hand_on(&shape, sink)
}

/// Reads a list of models. One that can't be read is an object left out, as often as it is placed.
///
/// # Errors
/// When the list can't be read.
pub(super) fn read_list(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let mut by_file: BTreeMap<(PathBuf, bool), Vec<Placement>> = BTreeMap::new();
    for placement in place::of_list(path)? {
        match placement {
            Ok(placement) => by_file.entry((placement.file.clone(), placement.place.height_m.is_none())).or_default().push(placement),
            Err(why) => refuse("model without a usable place", &format!("{}: {why}", path.display()), report),
        }
    }
    let mut town = Town::new(path, options);
    for ((file, _), placements) in by_file {
        let shape = match shape::read(&file) {
            Ok(shape) => shape,
            Err(why) => {
                let told = |p: &Placement| format!("{}: model {:?}: {}: {why}", path.display(), p.id, file.display());
                placements.iter().for_each(|p| refuse("model can't be read", &told(p), report));
                continue;
            }
        };
        town.tell(&shape, &file, report);
        placements.iter().try_for_each(|p| town.build(&shape, p, report, sink))?;
        town.hand_on(&shape, sink)?;
    }
    Ok(())
}

fn refuse(reason: &str, example: &str, report: &mut BuildReport) {
    report.objects_in += 1;
    report.reject(reason, example);
}

/// Models standing in their places, until they are handed on.
struct Town<'a> {
    file: &'a Path,
    extent: Option<[f64; 4]>,
    part: CitySource,
    corners: usize,
}

impl<'a> Town<'a> {
    fn new(file: &'a Path, options: &ReadOptions) -> Self {
        Self { file, extent: options.extent, part: CitySource::new(file, Some(CRS.to_owned())), corners: 0 }
    }

    fn tell(&self, shape: &Shape, file: &Path, report: &mut BuildReport) {
        for note in &shape.notes {
            // "texture left out: why": the reason groups, the rest is the example.
            let (reason, rest) = note.split_once(": ").unwrap_or((note, ""));
            report.warn(&format!("model: {reason}"), format!("{}: {rest}", file.display()).trim_end_matches(": "));
        }
    }

    fn build(&mut self, shape: &Shape, placement: &Placement, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
        let name = || format!("{}: model {:?}", self.file.display(), placement.id);
        if shape.triangles.is_empty() {
            refuse("model without triangles", &name(), report);
            return Ok(());
        }
        let (frame, to_enu) = placement.place.frame();
        let enu: Vec<DVec3> = shape.points.iter().map(|p| to_enu.transform_point3(*p)).collect();
        let placed: Vec<DVec3> =
            enu.iter().map(|p| ecef_to_geodetic(frame.to_ecef(*p))).map(|g| DVec3::new(g.lon_deg(), g.lat_deg(), g.height_m)).collect();
        if self.extent.is_some_and(|wanted| bounds(&placed).is_none_or(|b| !touch(wanted, b))) {
            return Ok(());
        }
        report.objects_in += 1;
        self.part.above_ground = placement.place.height_m.is_none();
        let object = object(shape, placement, &enu, self.part.vertices.len() as u32);
        self.corners += object.faces.corners().len();
        self.part.vertices.extend(placed);
        self.part.objects.push(object);
        if self.corners > PART_CORNERS { self.hand_on(shape, sink) } else { Ok(()) }
    }

    fn hand_on(&mut self, shape: &Shape, sink: &mut Sink) -> Result<(), CityError> {
        if self.part.objects.is_empty() {
            return Ok(());
        }
        self.corners = 0;
        self.part.paints.clone_from(&shape.paints);
        sink(std::mem::replace(&mut self.part, CitySource::new(self.file, Some(CRS.to_owned()))))
    }
}

fn object(shape: &Shape, placement: &Placement, enu: &[DVec3], base: u32) -> CityObject {
    let mut attributes = placement.attributes.clone();
    if let Some(copyright) = &shape.copyright {
        attributes.entry("copyright").or_insert_with(|| Value::from(copyright.as_str()));
    }
    let rule = meaning::rule(&placement.class, &attributes);
    let mut object = CityObject { id: placement.id.clone(), class: placement.class.clone(), lod: "3".to_owned(), ..CityObject::default() };
    let low = enu.iter().map(|p| p.z).fold(f64::INFINITY, f64::min);
    let lies_low = |triangle: &shape::Triangle| triangle.corners.iter().all(|c| enu[*c as usize].z < low + UNDERSIDE_M);
    for triangle in &shape.triangles {
        let surface = match meaning::surface(rule, None, || meaning::normal(&triangle.corners, enu, DVec2::ONE)) {
            // Seen from the street: eaves, balconies, bridges between towers.
            Surface::Ground if !lies_low(triangle) => Surface::Wall,
            surface => surface,
        };
        for (i, corner) in triangle.corners.iter().enumerate() {
            match triangle.uvs {
                Some(uvs) => object.faces.textured_corner(base + corner, uvs[i]),
                None => object.faces.corner(base + corner),
            }
        }
        object.faces.end_ring();
        object.faces.end_face(surface, triangle.paint);
    }
    object.attributes = attributes;
    object
}

/// West, south, east, north.
fn bounds(places: &[DVec3]) -> Option<[f64; 4]> {
    let all = places.iter().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(min, max), p| (min.min(*p), max.max(*p)));
    (all.0.x <= all.1.x).then_some([all.0.x, all.0.y, all.1.x, all.1.y])
}
