//! The table of datastreams: `datastreams-<segment>-<hash>.parquet`, written whole whenever a description has changed.

use super::Shared;
use super::columns::{batch, column};
use super::folder::{DRAFT, Draft, failed, hash_file, io_failed};
use crate::history::{CELL_RESOLUTION, Catalogue, HistoryError, Series, cell};
use crate::model::observation::Datastream;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const ROWS: usize = 1 << 16;

pub(super) fn schema() -> SchemaRef {
    let text = ["id", "feed", "sensor", "observed_property", "unit"].map(|n| Field::new(n, DataType::Utf8, false));
    let float = ["lon", "lat", "height_m"].map(|n| Field::new(n, DataType::Float64, false));
    let mut fields = vec![Field::new("series", DataType::UInt32, false)];
    fields.extend(text);
    fields.extend(float);
    // H3 cell of `CELL_RESOLUTION`; 0 for one without a place on Earth.
    fields.push(Field::new("cell", DataType::UInt64, false));
    Arc::new(Schema::new(fields))
}

pub(super) fn rows(datastreams: &[(Series, &Datastream)]) -> RecordBatch {
    let text = |f: fn(&Datastream) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(datastreams.iter().map(|(_, d)| f(d)))) };
    let float = |f: fn(&Datastream) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(datastreams.iter().map(|(_, d)| f(d)))) };
    let resolution = cell::resolution(CELL_RESOLUTION).ok();
    let cell = |d: &Datastream| resolution.and_then(|r| cell::of(d, r)).unwrap_or(0);
    let columns = vec![
        Arc::new(UInt32Array::from_iter_values(datastreams.iter().map(|(s, _)| s.0))) as ArrayRef,
        text(|d| &d.id),
        text(|d| &d.feed),
        text(|d| &d.sensor),
        text(|d| &d.observed_property),
        text(|d| &d.unit),
        float(|d| d.lon),
        float(|d| d.lat),
        float(|d| d.height_m),
        Arc::new(UInt64Array::from_iter_values(datastreams.iter().map(|(_, d)| cell(d)))),
    ];
    batch(schema(), columns)
}

/// Tables in a folder, newest last, each with the hash in its name.
fn tables(folder: &Path) -> Result<Vec<(u64, u64, PathBuf)>, HistoryError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| io_failed(folder, &e))? {
        let path = entry.map_err(|e| io_failed(folder, &e))?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        if name.starts_with(DRAFT) {
            super::index::remove(&path);
            continue;
        }
        let fields = name.strip_prefix("datastreams-").and_then(|n| n.strip_suffix(".parquet")).and_then(|n| n.split_once('-'));
        let numbers = fields.and_then(|(segment, hash)| Some((segment.parse().ok()?, u64::from_str_radix(hash, 16).ok()?)));
        if let Some((segment, hash)) = numbers {
            found.push((segment, hash, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest table.
///
/// # Errors
/// When it is damaged: rows hold numbers, and without it nobody knows whose they are.
pub(super) fn load(folder: &Path) -> Result<Catalogue, HistoryError> {
    let mut catalogue = Catalogue::default();
    let Some((_, hash, path)) = tables(folder)?.pop() else { return Ok(catalogue) };
    let damaged = |why: String| failed(&path, format!("the table of datastreams can't be read ({why}); put back a copy of it"));
    if hash_file(&path).map_err(|e| damaged(e.to_string()))? != hash {
        return Err(damaged("its content is not what was written".to_owned()));
    }
    let file = File::open(&path).map_err(|e| damaged(e.to_string()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.with_batch_size(ROWS).build());
    for batch in reader.map_err(|e| damaged(e.to_string()))? {
        take(&batch.map_err(|e| damaged(e.to_string()))?, &path, &mut catalogue)?;
    }
    Ok(catalogue)
}

fn take(batch: &RecordBatch, path: &Path, catalogue: &mut Catalogue) -> Result<(), HistoryError> {
    let series: &UInt32Array = column(batch, "series", path)?;
    let text = |name| column::<StringArray>(batch, name, path);
    let float = |name| column::<Float64Array>(batch, name, path);
    let [id, feed, sensor, property, unit] = [text("id")?, text("feed")?, text("sensor")?, text("observed_property")?, text("unit")?];
    let [lon, lat, height_m] = [float("lon")?, float("lat")?, float("height_m")?];
    for i in 0..batch.num_rows() {
        let datastream = Datastream {
            id: id.value(i).to_owned(),
            feed: feed.value(i).to_owned(),
            sensor: sensor.value(i).to_owned(),
            observed_property: property.value(i).to_owned(),
            unit: unit.value(i).to_owned(),
            lon: lon.value(i),
            lat: lat.value(i),
            height_m: height_m.value(i),
        };
        catalogue.put(Series(series.value(i)), datastream);
    }
    Ok(())
}

impl Shared {
    /// Writes the table when a description has changed; `segment` names the newest one whose descriptions it holds.
    pub(super) fn write_table(&self, segment: u64) -> Result<(), HistoryError> {
        if !self.described.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let catalogue = self.hot().catalogue.clone();
        let written = self.write_rows(&catalogue, segment);
        if written.is_err() {
            self.described();
        }
        written
    }

    fn write_rows(&self, catalogue: &Catalogue, segment: u64) -> Result<(), HistoryError> {
        let old = tables(&self.folder)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let mut draft = Draft::new(&self.folder, schema(), properties)?;
        let all: Vec<_> = catalogue.iter().collect();
        for part in all.chunks(ROWS) {
            draft.write(&rows(part))?;
        }
        let (written, ..) = draft.publish(|hash| format!("datastreams-{segment:012}-{hash:016x}.parquet"))?;
        old.iter().filter(|(.., path)| *path != written).for_each(|(.., path)| super::index::remove(path));
        Ok(())
    }
}
