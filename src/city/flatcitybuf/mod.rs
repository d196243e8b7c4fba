//! FlatCityBuf (`.fcb`): CityJSON features in FlatBuffers behind an index. Read as the CityJSONSeq it was written from.
//!
//! [`text`] writes each feature as a line of CityJSONSeq, and [`super::cityjson`] reads those lines as they come: one place knows levels of detail,
//! semantics, materials and templates. With an extent only the index's branches and the features that touch it are read.
//! Source: github.com/cityjson/flatcitybuf, `src/fbs`, version 1 of the format; fields are named by their place in the tables.

mod geometry;
#[cfg(test)]
mod tests;
mod text;

use super::CityError;
use super::cityjson;
use super::flat::columns::{Columns, Slots};
use super::flat::table::{Broken, Table};
use super::flat::{Records, index};
use super::footprints::extrude::{bounds_in, touch};
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const COLUMN: Slots = Slots { index: Some(4), name: 6, kind: 8 };
/// Bytes of the `AttributeIndex` struct, and where the length of its index stands in it.
const ATTRIBUTE_INDEX_BYTES: usize = 16;

/// Whether a file that begins like this is FlatCityBuf.
pub(super) fn is_flatcitybuf(head: &[u8]) -> bool {
    head.starts_with(b"fcb") && head.get(4..7) == Some(b"fcb")
}

/// What the header says once for all features.
pub(super) struct Header {
    pub(super) columns: Columns,
    pub(super) semantic_columns: Columns,
    features: u64,
    node_size: u16,
    /// Of the attributes' indices, which are passed over.
    attribute_index_bytes: u64,
    crs: Option<String>,
    /// Scale and translation of x and y.
    scale: [f64; 2],
    translate: [f64; 2],
    /// The first line of the CityJSONSeq.
    line: String,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let table = Table::root(bytes)?;
        let transform = table.inline::<48>(4)?;
        let number = |i: usize| transform.map_or(f64::from(u8::from(i < 3)), |t| f64::from_le_bytes(t.as_chunks::<8>().0[i]));
        let mut attribute_index_bytes = 0u64;
        for entry in table.list(16, ATTRIBUTE_INDEX_BYTES)?.unwrap_or_default().as_chunks::<ATTRIBUTE_INDEX_BYTES>().0 {
            attribute_index_bytes += u64::from(u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]));
        }
        let mut header = Self {
            columns: Columns::read(&table.tables(8)?, COLUMN)?,
            semantic_columns: Columns::read(&table.tables(10)?, COLUMN)?,
            features: table.u64(12)?,
            node_size: table.u16(14, 16)?,
            attribute_index_bytes,
            crs: table.table(20)?.map(|t| text::crs(&t)).transpose()?.flatten(),
            scale: [number(0), number(1)],
            translate: [number(3), number(4)],
            line: String::new(),
        };
        header.line = text::header(&table, transform.is_some().then(|| [0, 1, 2, 3, 4, 5].map(number)), &header)?;
        Ok(header)
    }
}

/// Reads a FlatCityBuf file, or the part of it that touches the extent asked for.
///
/// # Errors
/// A [`CityError`] when the file can't be read, is cut off, its header is broken, or it does not say where it lies though an extent is asked for.
pub(super) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let mut records = Records::open(path)?;
    let header = Header::read(&records.header).map_err(|_| records.broken("the header"))?;
    let index_bytes = index::index_bytes(header.features, header.node_size).filter(|b| *b <= records.length());
    let index_bytes = index_bytes.ok_or_else(|| records.cut())?;
    let bounds = options.extent.map(|extent| bounds_in(header.crs.as_deref(), extent)).transpose();
    let bounds = bounds.map_err(|why| CityError::unusable(path, why))?;
    let wanted = match bounds {
        Some(bounds) if index_bytes > 0 => Some(index::search(&mut records, header.features, header.node_size, bounds)?),
        _ => None,
    };
    let start = records.header_end.saturating_add(index_bytes).saturating_add(header.attribute_index_bytes);
    records.seek(start)?;
    let spill = Arc::new(Mutex::new(Spill::default()));
    let lines = Lines {
        file: path.to_owned(),
        buffer: format!("{}\n", header.line).into_bytes(),
        at: 0,
        records,
        start,
        wanted,
        next: 0,
        number: 0,
        bounds,
        header,
        spill: Arc::clone(&spill),
    };
    let read = cityjson::read_lines(path, Box::new(lines), options, report, sink);
    let mut spill = spill.lock().unwrap_or_else(PoisonError::into_inner);
    report.merge(std::mem::take(&mut spill.report));
    read.and(spill.error.take().map_or(Ok(()), Err))
}

/// What went wrong while lines were made, for whoever asked for them.
#[derive(Default)]
struct Spill {
    report: BuildReport,
    error: Option<CityError>,
}

/// The file as the text of a CityJSONSeq, made while it is read.
struct Lines {
    file: PathBuf,
    records: Records,
    header: Header,
    start: u64,
    wanted: Option<Vec<u64>>,
    next: usize,
    number: usize,
    bounds: Option<[f64; 4]>,
    buffer: Vec<u8>,
    at: usize,
    spill: Arc<Mutex<Spill>>,
}

impl Lines {
    /// The next line, or nothing at the end.
    fn line(&mut self) -> Result<Option<String>, CityError> {
        loop {
            if let Some(wanted) = &self.wanted {
                let Some(offset) = wanted.get(self.next) else { return Ok(None) };
                self.next += 1;
                let place = self.start.checked_add(*offset).filter(|p| *p < self.records.length());
                self.records.seek(place.ok_or_else(|| self.records.cut())?)?;
            }
            let Some(bytes) = self.records.feature()? else { return Ok(None) };
            self.number += 1;
            match self.text(&bytes) {
                Ok(Some(line)) => return Ok(Some(line)),
                Ok(None) => {}
                Err(Broken) => {
                    let mut spill = self.spill.lock().unwrap_or_else(PoisonError::into_inner);
                    let place = format!("{}: feature {}: its offsets or counts lead out of it", self.file.display(), self.number);
                    spill.report.objects_in += 1;
                    spill.report.reject("not a FlatCityBuf feature", &place);
                }
            }
        }
    }

    /// A feature's line; nothing for one beside the extent asked for.
    fn text(&self, bytes: &[u8]) -> Result<Option<String>, Broken> {
        let table = Table::root(bytes)?;
        if let Some(wanted) = self.bounds
            && !self.extent(&table)?.is_some_and(|extent| touch(wanted, extent))
        {
            return Ok(None);
        }
        text::feature(&table, &self.header).map(Some)
    }

    /// West, south, east, north of a feature's vertices.
    fn extent(&self, feature: &Table) -> Result<Option<[f64; 4]>, Broken> {
        let mut extent: Option<[f64; 4]> = None;
        for vertex in feature.list(8, 12)?.unwrap_or_default().as_chunks::<4>().0.as_chunks::<3>().0 {
            let place = |i: usize| f64::from(i32::from_le_bytes(vertex[i])) * self.header.scale[i] + self.header.translate[i];
            let (x, y) = (place(0), place(1));
            extent = Some(extent.map_or([x, y, x, y], |[w, s, e, n]| [w.min(x), s.min(y), e.max(x), n.max(y)]));
        }
        Ok(extent)
    }
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            match self.line() {
                Ok(Some(line)) => {
                    self.buffer = line.into_bytes();
                    self.buffer.push(b'\n');
                    self.at = 0;
                }
                Ok(None) => return Ok(0),
                Err(e) => {
                    self.spill.lock().unwrap_or_else(PoisonError::into_inner).error.get_or_insert(e);
                    return Ok(0);
                }
            }
        }
        let length = out.len().min(self.buffer.len() - self.at);
        out[..length].copy_from_slice(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
