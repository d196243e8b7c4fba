//! Footprints and streets from FlatGeobuf (`.fgb`), by the same road as GeoJSON's: [`super::footprints`].
//!
//! With an extent only the index's branches and the features that touch it are read. Source: flatgeobuf.org, version 3 of the format;
//! fields are named by their place in `header.fbs` and `feature.fbs`.

mod geometry;
#[cfg(test)]
mod tests;

use super::CityError;
use super::flat::columns::{Columns, Slots};
use super::flat::table::{Broken, Table};
use super::flat::{Records, index};
use super::footprints::CRS84;
use super::footprints::extrude::{Extruder, Refusal};
use super::footprints::feature::VectorFeature;
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use glam::DVec2;
use std::path::Path;

/// Features handed on at once.
const BATCH_BYTES: usize = 16 << 20;

const COLUMN: Slots = Slots { index: None, name: 4, kind: 6 };

/// Whether a file that begins like this is FlatGeobuf.
pub(super) fn is_flatgeobuf(head: &[u8]) -> bool {
    head.starts_with(b"fgb") && head.get(4..7) == Some(b"fgb")
}

/// What the header says.
struct Header {
    envelope: Vec<f64>,
    geometry_type: u8,
    columns: Columns,
    features: u64,
    node_size: u16,
    crs: Option<String>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let table = Table::root(bytes)?;
        Ok(Self {
            envelope: table.f64s(6)?,
            geometry_type: table.u8(8, 0)?,
            columns: Columns::read(&table.tables(18)?, COLUMN)?,
            features: table.u64(20)?,
            node_size: table.u16(22, 16)?,
            crs: table.table(24)?.map(|crs| crs_name(&crs)).transpose()?.flatten(),
        })
    }
}

/// `EPSG:n`, or the definition where there is no code.
fn crs_name(crs: &Table) -> Result<Option<String>, Broken> {
    let authority = crs.text(4)?.filter(|org| !org.is_empty()).unwrap_or("EPSG");
    let code = match (crs.i32(6, 0)?, crs.text(14)?) {
        (0, Some(code)) => code.to_owned(),
        (0, None) => return Ok(crs.text(12)?.or(crs.text(8)?).filter(|name| !name.is_empty()).map(str::to_owned)),
        (code, _) => code.to_string(),
    };
    let name = format!("{authority}:{code}");
    Ok(Some(if ["EPSG:4326", "OGC:CRS84"].contains(&name.as_str()) { CRS84.to_owned() } else { name }))
}

/// Reads a FlatGeobuf file, or the part of it that touches the extent asked for.
///
/// `report` gets `objects_in`, rejections and warnings.
///
/// # Errors
/// A [`CityError`] when the file can't be read, is cut off, or its header, coordinate system or mapping can't be used.
pub(super) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let mut records = Records::open(path)?;
    let header = Header::read(&records.header).map_err(|_| records.broken("the header"))?;
    let index_bytes = index::index_bytes(header.features, header.node_size).filter(|b| *b <= records.length());
    let index_bytes = index_bytes.ok_or_else(|| records.cut())?;
    let start = records.header_end + index_bytes;
    let at = match header.envelope[..] {
        [west, south, east, north, ..] => DVec2::new((west + east) / 2.0, (south + north) / 2.0),
        _ => first_place(&mut records, &header, start)?,
    };
    let degrees = at.x.abs() <= 360.0 && at.y.abs() <= 90.0;
    let crs = header.crs.clone().or_else(|| degrees.then(|| CRS84.to_owned()));
    let extruder = Extruder::new(path.to_owned(), crs, at, options)?;
    let wanted = match extruder.bounds() {
        Some(bounds) if index_bytes > 0 => Some(index::search(&mut records, header.features, header.node_size, bounds)?),
        _ => None,
    };
    let mut source = Features { records, start, wanted, next: 0, number: 0 };
    source.begin()?;
    loop {
        let batch = source.batch()?;
        if batch.is_empty() {
            return Ok(());
        }
        let read = |(number, bytes): &(usize, Vec<u8>)| match feature(bytes, &header) {
            Ok(feature) => Ok((*number, feature)),
            Err(Broken) => Err(refusal(path, *number)),
        };
        sink(extruder.part(&batch, read, report))?;
    }
}

fn refusal(path: &Path, number: usize) -> Refusal {
    ("not a FlatGeobuf feature".to_owned(), format!("{}: feature {number}: its offsets lead out of it", path.display()))
}

/// The features of a file, or those at the offsets wanted.
struct Features {
    records: Records,
    start: u64,
    wanted: Option<Vec<u64>>,
    next: usize,
    number: usize,
}

impl Features {
    fn begin(&mut self) -> Result<(), CityError> {
        self.records.seek(self.start)
    }

    fn batch(&mut self) -> Result<Vec<(usize, Vec<u8>)>, CityError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            if let Some(wanted) = &self.wanted {
                let Some(offset) = wanted.get(self.next) else { break };
                self.next += 1;
                let place = self.start.checked_add(*offset).filter(|p| *p < self.records.length());
                self.records.seek(place.ok_or_else(|| self.records.cut())?)?;
            }
            let Some(feature) = self.records.feature()? else { break };
            bytes += feature.len();
            self.number += 1;
            batch.push((self.number, feature));
        }
        Ok(batch)
    }
}

fn feature(bytes: &[u8], header: &Header) -> Result<VectorFeature, Broken> {
    let table = Table::root(bytes)?;
    let own = table.tables(8)?;
    let own = if own.is_empty() { None } else { Some(Columns::read(&own, COLUMN)?) };
    let columns = own.as_ref().unwrap_or(&header.columns);
    let attributes = match table.list(6, 1)? {
        Some(values) if !columns.is_empty() => columns.values(values, true)?,
        _ => Default::default(),
    };
    let shape = table.table(4)?.map(|g| geometry::shape(&g, header.geometry_type, bytes.len())).transpose()?.unwrap_or_default();
    Ok(VectorFeature { id: None, attributes, shape })
}

/// Where the first feature lies, for files that don't say their envelope.
fn first_place(records: &mut Records, header: &Header, start: u64) -> Result<DVec2, CityError> {
    records.seek(start)?;
    let first = records.feature()?;
    let place = first.and_then(|bytes| feature(&bytes, header).ok()).and_then(|f| f.shape.corners().next());
    Ok(place.unwrap_or(DVec2::ZERO))
}
