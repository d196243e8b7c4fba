//! Footprints and streets from GeoJSON: polygons become buildings with roofs by their attributes, lines become streets as wide as they are.
//!
//! [`split`] finds the features in a file of any length, [`geojson`] reads one, [`mapping`] says which attributes hold heights and roofs,
//! [`layer`] what a feature is, [`measures`] how high it is, [`outline`] mends its rings, [`roof`] and [`solid`] give it a body,
//! [`parts`] finds buildings that are mapped in parts, [`extrude`] goes through all of that for one feature. Other vector formats
//! ([`super::flatgeobuf`]) hand their features to [`extrude`], too.

pub(crate) mod extrude;
pub(crate) mod feature;
mod geojson;
mod layer;
mod mapping;
mod measures;
mod outline;
mod parts;
pub(crate) mod plane;
mod quantity;
mod roof;
mod solid;
mod split;
#[cfg(test)]
mod tests;

use super::CityError;
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use extrude::Extruder;
use glam::DVec2;
use split::{Batch, Item, Splitter};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Longitude, latitude on WGS 84: what GeoJSON is in unless it says otherwise (RFC 7946, section 4). PROJ takes it in this order.
pub(crate) const CRS84: &str = "EPSG:4326";

/// How much of a file's end is searched for a `crs` that stands behind the features.
const TAIL_BYTES: u64 = 16 << 10;

/// Whether a text that begins like this is GeoJSON and not CityJSON; `named` says that the file's name does.
pub(super) fn is_geojson(head: &[u8], named: bool) -> bool {
    let has = |word: &[u8]| head.windows(word.len()).any(|w| w == word);
    let first = |word: &[u8]| head.windows(word.len()).position(|w| w == word);
    if first(b"\"CityJSON").is_some_and(|city| first(b"\"Feature").is_none_or(|feature| city < feature)) {
        return false;
    }
    let kinds: [&[u8]; 4] = [b"\"FeatureCollection\"", b"\"Feature\"", b"\"features\"", b"\"coordinates\""];
    named || kinds.iter().any(|k| has(k))
}

/// Reads a GeoJSON file: a FeatureCollection, a list of features, or one feature a line.
///
/// `report` gets `objects_in`, rejections and warnings.
///
/// # Errors
/// A [`CityError`] when the file can't be read, breaks off, or its coordinate system or mapping can't be used.
pub(super) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let mut splitter = Splitter::new(path, File::open(path).map_err(CityError::open(path))?);
    let mut extruder: Option<Extruder> = None;
    while let Some(batch) = splitter.next()? {
        if extruder.is_none() {
            let crs = geojson::reference_system(&splitter.head()).map_or_else(|| at_end(path), |crs| Ok(Some(crs)))?;
            extruder = first_place(&batch).map(|at| Extruder::new(path.to_owned(), crs_or_degrees(crs, at), at, options)).transpose()?;
        }
        // Without a single place there is nothing to build, only to tell.
        let nowhere = || Extruder::new(path.to_owned(), Some(CRS84.to_owned()), DVec2::ZERO, options);
        let made = match &extruder {
            Some(extruder) => part(extruder, path, &batch, report),
            None => part(&nowhere()?, path, &batch, report),
        };
        sink(made)?;
    }
    Ok(())
}

fn part(extruder: &Extruder, path: &Path, batch: &Batch, report: &mut BuildReport) -> super::source::CitySource {
    let read = |item: &Item| match geojson::feature(batch.text(item)) {
        Ok(feature) => Ok((item.number, feature)),
        Err((reason, details)) => {
            let place = format!("{}: feature {}, which begins in line {}", path.display(), item.number, item.lines_before + 1);
            Err((reason, format!("{place}: {details}")))
        }
    };
    extruder.part(batch.items(), read, report)
}

/// Degrees unless the file says otherwise or its numbers can't be any.
fn crs_or_degrees(crs: Option<String>, at: DVec2) -> Option<String> {
    crs.or_else(|| (at.x.abs() <= 360.0 && at.y.abs() <= 90.0).then(|| CRS84.to_owned()))
}

fn first_place(batch: &Batch) -> Option<DVec2> {
    batch.items().iter().filter_map(|i| geojson::feature(batch.text(i)).ok()).find_map(|f| f.shape.corners().find(|p| p.is_finite()))
}

fn at_end(path: &Path) -> Result<Option<String>, CityError> {
    let mut file = File::open(path).map_err(CityError::open(path))?;
    let length = file.metadata().map_err(CityError::open(path))?.len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).map_err(CityError::open(path))?;
    file.take(TAIL_BYTES).read_to_end(&mut tail).map_err(CityError::open(path))?;
    Ok(geojson::reference_system_at_end(&tail))
}
