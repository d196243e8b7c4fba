//! The columns of partition files. Sorted by `series` and time, so that one datastream is a few pages and a delta is small.

use super::super::{Sample, Series};
use super::folder::failed;
use crate::history::HistoryError;
use crate::model::observation::{Quality, SpanStart};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array, UInt64Array, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group: some 6 MiB in memory; what one core reads at a time.
pub(super) const GROUP_ROWS: usize = 1 << 18;
/// Rows of a page: what one datastream's chart has to unpack at least.
const PAGE_ROWS: usize = 1 << 13;

pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false)).collect::<Vec<_>>()))
}

/// Readings, and keyframes (the newest reading of each series before an hour).
pub(super) fn sample_schema() -> SchemaRef {
    let columns = [
        ("series", DataType::UInt32),
        ("time", time_type()),
        ("received", time_type()),
        ("value", DataType::Float64),
        ("suspect", DataType::Boolean),
    ];
    // When the span of time began that a reading stands for; nothing for an instant. Files of before there were spans don't have it.
    let start = Field::new("start", time_type(), true);
    Arc::new(Schema::new(columns.into_iter().map(|(name, kind)| Field::new(name, kind, false)).chain([start]).collect::<Vec<_>>()))
}

/// Roll-ups by datastream.
pub(super) fn rollup_schema() -> SchemaRef {
    schema(&[
        ("series", DataType::UInt32),
        ("start", time_type()),
        ("count", DataType::UInt32),
        ("suspect", DataType::UInt32),
        ("sum", DataType::Float64),
        ("min", DataType::Float64),
        ("max", DataType::Float64),
        ("last_time", time_type()),
        ("last", DataType::Float64),
    ])
}

/// Roll-ups by H3 cell, sorted by `start` and `cell`.
pub(super) fn cell_schema() -> SchemaRef {
    schema(&[
        ("start", time_type()),
        ("cell", DataType::UInt64),
        ("count", DataType::UInt32),
        ("sum", DataType::Float64),
        ("min", DataType::Float64),
        ("max", DataType::Float64),
    ])
}

/// How partitions are packed: whole numbers as deltas, values by dictionary where few differ, everything by zstd.
pub(super) fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("yiping ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some((0..2).map(|i| SortingColumn { column_idx: i, descending: false, nulls_first: false }).collect()));
    for field in schema.fields() {
        if matches!(field.data_type(), DataType::UInt32 | DataType::UInt64 | DataType::Timestamp(..)) {
            let column = ColumnPath::from(field.name().as_str());
            properties = properties.set_column_dictionary_enabled(column.clone(), false);
            properties = properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

pub(super) fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// Samples as rows of [`sample_schema`].
pub(super) fn sample_batch(samples: &[Sample]) -> RecordBatch {
    let suspect: Vec<bool> = samples.iter().map(|s| s.quality != Quality::Good).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(samples.iter().map(|s| s.series.0))),
        times(samples.iter().map(|s| s.time_us).collect()),
        times(samples.iter().map(|s| s.received_us).collect()),
        Arc::new(Float64Array::from_iter_values(samples.iter().map(|s| s.value))),
        Arc::new(BooleanArray::from(suspect)),
        starts(samples),
    ];
    batch(sample_schema(), columns)
}

fn starts(samples: &[Sample]) -> ArrayRef {
    if samples.iter().all(|s| s.start.is_none()) {
        return new_null_array(&time_type(), samples.len());
    }
    let starts = TimestampMicrosecondArray::from_iter(samples.iter().map(|s| s.start.map(SpanStart::micros)));
    Arc::new(starts.with_timezone("UTC"))
}

/// One step of a series. `sum`, `min` and `max` are of good readings, and nothing where none is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rollup {
    pub series: Series,
    pub start_us: i64,
    pub count: u32,
    pub suspect: u32,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub last_us: i64,
    pub last: f64,
}

impl Rollup {
    pub(super) fn empty(series: Series, start_us: i64) -> Self {
        Self { series, start_us, count: 0, suspect: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, last_us: i64::MIN, last: 0.0 }
    }

    /// Takes one more reading of this step; each phenomenon time once.
    pub(super) fn add(&mut self, sample: &Sample) {
        if sample.quality == Quality::Good {
            self.count += 1;
            self.sum += sample.value;
            self.min = self.min.min(sample.value);
            self.max = self.max.max(sample.value);
        } else {
            self.suspect += 1;
        }
        if sample.time_us >= self.last_us {
            (self.last_us, self.last) = (sample.time_us, sample.value);
        }
    }

    /// Takes a narrower step of other readings.
    pub(super) fn merge(&mut self, other: &Rollup) {
        self.count += other.count;
        self.suspect += other.suspect;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_us >= self.last_us {
            (self.last_us, self.last) = (other.last_us, other.last);
        }
    }
}

pub(super) fn rollup_batch(rows: &[Rollup]) -> RecordBatch {
    let floats = |f: fn(&Rollup) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(f))) };
    let counts = |f: fn(&Rollup) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(rows.iter().map(f))) };
    let columns = vec![
        counts(|r| r.series.0),
        times(rows.iter().map(|r| r.start_us).collect()),
        counts(|r| r.count),
        counts(|r| r.suspect),
        floats(|r| r.sum),
        floats(|r| r.min),
        floats(|r| r.max),
        times(rows.iter().map(|r| r.last_us).collect()),
        floats(|r| r.last),
    ];
    batch(rollup_schema(), columns)
}

/// One cell in one step: its good readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CellRow {
    pub start_us: i64,
    pub cell: u64,
    pub count: u32,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

impl CellRow {
    pub(super) fn merge(&mut self, other: &CellRow) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

pub(super) fn cell_batch(rows: &[CellRow]) -> RecordBatch {
    let floats = |f: fn(&CellRow) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(f))) };
    let columns: Vec<ArrayRef> = vec![
        times(rows.iter().map(|r| r.start_us).collect()),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.cell))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.count))),
        floats(|r| r.sum),
        floats(|r| r.min),
        floats(|r| r.max),
    ];
    batch(cell_schema(), columns)
}

/// Columns of one length that were made for their schema.
pub(super) fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema.clone(), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema))
}

/// A column of a file, by its name and type.
pub(super) fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str, file: &Path) -> Result<&'a T, HistoryError> {
    batch
        .column_by_name(name)
        .and_then(|c| c.as_any().downcast_ref())
        .ok_or_else(|| failed(file, format!("it has no column `{name}` of the type this version writes")))
}
