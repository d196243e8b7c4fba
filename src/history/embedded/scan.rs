//! Reads partition files: only the row groups and pages that may hold what is wanted.

use super::super::Sample;
use super::columns::{CellRow, Rollup, column};
use super::folder::failed;
use super::index::{Broken, Facts, Part};
use crate::history::{HistoryError, Series};
use crate::model::observation::{Quality, SpanStart};
use arrow::array::{Array, BooleanArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array, UInt64Array};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Rows handed on at once.
const BATCH_ROWS: usize = 1 << 16;
/// Footers kept in memory, some 10 KiB each; beyond it all are forgotten.
const FOOTERS_MAX: usize = 4096;

/// Footers of files, read once.
#[derive(Default)]
pub(super) struct Footers {
    known: Mutex<HashMap<PathBuf, ArrowReaderMetadata>>,
}

impl Footers {
    fn of(&self, part: &Part) -> Result<(File, ArrowReaderMetadata), Broken> {
        let file = File::open(&part.path).map_err(|e| Broken::Unread(e.to_string()))?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&part.path).cloned();
        if let Some(known) = known {
            return Ok((file, known));
        }
        part.verify()?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load(&file, options).map_err(|e| Broken::Damaged(e.to_string()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= FOOTERS_MAX {
            known.clear();
        }
        known.insert(part.path.clone(), footer.clone());
        Ok((file, footer))
    }

    /// First series of each row group.
    pub(super) fn group_starts(&self, part: &Part) -> Result<Vec<u32>, Broken> {
        let footer = self.of(part)?.1;
        let groups = footer.metadata().row_groups().iter();
        Ok(groups.filter_map(|g| least_and_most(g.column(0).statistics()?)).map(|(least, _)| least as u32).collect())
    }
}

/// Rows and times of a file by its footer alone, whose content is not looked at; nothing for one that can't be read.
pub(super) fn facts(part: &Part, time_column: usize) -> Facts {
    *part.facts.get_or_init(|| {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let footer = File::open(&part.path).ok().and_then(|file| ArrowReaderMetadata::load(&file, options).ok());
        let Some(footer) = footer else { return Facts::default() };
        let groups = footer.metadata().row_groups().iter().map(|g| least_and_most(g.column(time_column).statistics()?));
        let times = groups.reduce(|a, b| a.zip(b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)))).flatten();
        Facts { rows: footer.metadata().file_metadata().num_rows().max(0) as u64, times }
    })
}

/// Of a column of whole numbers (ours are never negative but for times, so their signed order is right).
fn least_and_most(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int32(s) => Some((i64::from(*s.min_opt()?), i64::from(*s.max_opt()?))),
        Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

/// What is wanted of a file that begins with the columns `series` and a time.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub series: RangeInclusive<u32>,
    /// Inclusive, microseconds.
    pub times: RangeInclusive<i64>,
}

impl Wanted {
    pub(super) fn all() -> Self {
        Self { series: 0..=u32::MAX, times: i64::MIN..=i64::MAX }
    }

    fn every_series(&self) -> bool {
        self.series == (0..=u32::MAX)
    }

    fn may_hold(&self, column: usize, least: i64, most: i64) -> bool {
        match column {
            0 => self.every_series() || least <= i64::from(*self.series.end()) && most >= i64::from(*self.series.start()),
            _ => least <= *self.times.end() && most >= *self.times.start(),
        }
    }

    /// Row groups that may hold it, by their statistics.
    fn groups(&self, metadata: &ParquetMetaData) -> Vec<usize> {
        let may = |i: &usize| {
            let group = metadata.row_group(*i);
            (0..2).all(|c| group.column(c).statistics().and_then(least_and_most).is_none_or(|(least, most)| self.may_hold(c, least, most)))
        };
        (0..metadata.num_row_groups()).filter(may).collect()
    }

    /// Rows of a row group that may hold it, by the series of its pages; `None`: all.
    fn selection(&self, metadata: &ParquetMetaData, group: usize) -> Option<RowSelection> {
        if self.every_series() {
            return None;
        }
        let pages = metadata.offset_index()?.get(group)?.first()?.page_locations();
        let ColumnIndexMetaData::INT32(index) = metadata.column_index()?.get(group)?.first()? else { return None };
        let rows = metadata.row_group(group).num_rows();
        let mut selectors = Vec::with_capacity(pages.len());
        for (i, page) in pages.iter().enumerate() {
            let end = pages.get(i + 1).map_or(rows, |next| next.first_row_index);
            let count = usize::try_from(end - page.first_row_index).ok()?;
            let (least, most) = (i64::from(*index.min_value(i)?), i64::from(*index.max_value(i)?));
            let wanted = self.may_hold(0, least, most);
            selectors.push(if wanted { RowSelector::select(count) } else { RowSelector::skip(count) });
        }
        Some(RowSelection::from(selectors))
    }
}

/// Reads what may be wanted of a file, a row group a core, and folds each row group's batches; results in the order of row groups.
fn fold_groups<T: Send + Default>(
    footers: &Footers,
    part: &Part,
    wanted: &Wanted,
    take: impl Fn(&mut T, &RecordBatch) -> Result<(), HistoryError> + Sync,
) -> Result<Vec<T>, Broken> {
    let (_, footer) = footers.of(part)?;
    let groups = wanted.groups(footer.metadata());
    let one = |group: usize| -> Result<T, Broken> {
        // A file handle of its own: readers seek.
        let file = File::open(&part.path).map_err(|e| Broken::Unread(e.to_string()))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone()).with_batch_size(BATCH_ROWS);
        builder = builder.with_row_groups(vec![group]);
        if let Some(selection) = wanted.selection(footer.metadata(), group) {
            builder = builder.with_row_selection(selection);
        }
        let mut folded = T::default();
        for batch in builder.build().map_err(|e| Broken::Damaged(e.to_string()))? {
            let batch = batch.map_err(|e| Broken::Damaged(e.to_string()))?;
            take(&mut folded, &batch).map_err(|e| Broken::Damaged(e.to_string()))?;
        }
        Ok(folded)
    };
    match groups.as_slice() {
        [group] => Ok(vec![one(*group)?]),
        groups => groups.par_iter().map(|g| one(*g)).collect(),
    }
}

/// The columns of readings in a batch of rows.
struct Readings<'a> {
    series: &'a [u32],
    time: &'a [i64],
    received: &'a [i64],
    value: &'a [f64],
    suspect: &'a BooleanArray,
    /// `None`: no row has a span, or the file is older than spans are.
    start: Option<&'a TimestampMicrosecondArray>,
}

impl<'a> Readings<'a> {
    fn of(batch: &'a RecordBatch, path: &Path) -> Result<Self, HistoryError> {
        let (time, received): (&TimestampMicrosecondArray, &TimestampMicrosecondArray) =
            (column(batch, "time", path)?, column(batch, "received", path)?);
        let start = match batch.column_by_name("start") {
            Some(start) if start.null_count() < start.len() => Some(column(batch, "start", path)?),
            _ => None,
        };
        let (series, value): (&UInt32Array, &Float64Array) = (column(batch, "series", path)?, column(batch, "value", path)?);
        let suspect = column(batch, "suspect", path)?;
        Ok(Self { series: series.values(), time: time.values(), received: received.values(), value: value.values(), suspect, start })
    }

    fn sample(&self, i: usize) -> Sample {
        Sample {
            series: Series(self.series[i]),
            time_us: self.time[i],
            start: self.start.filter(|start| start.is_valid(i)).map(|start| SpanStart::from_micros(start.value(i))),
            received_us: self.received[i],
            value: self.value[i],
            quality: if self.suspect.value(i) { Quality::Suspect } else { Quality::Good },
        }
    }
}

/// Readings of a file, in its order.
pub(super) fn samples(footers: &Footers, part: &Part, wanted: &Wanted) -> Result<Vec<Vec<Sample>>, Broken> {
    fold_groups(footers, part, wanted, |out: &mut Vec<Sample>, batch| {
        let rows = Readings::of(batch, &part.path)?;
        out.reserve(batch.num_rows());
        let is_wanted = |i: &usize| wanted.series.contains(&rows.series[*i]) && wanted.times.contains(&rows.time[*i]);
        out.extend((0..batch.num_rows()).filter(is_wanted).map(|i| rows.sample(i)));
        Ok(())
    })
}

/// The newest reading of each series of a file up to the end of `wanted.times`, of what was received by `known_by`, in the file's order.
/// A series may be told twice, where a row group ends within it. By row groups: a million series need not be copied into one list.
pub(super) fn newest(footers: &Footers, part: &Part, wanted: &Wanted, known_by: i64) -> Result<Vec<Vec<Sample>>, Broken> {
    fold_groups(footers, part, wanted, |out: &mut Vec<Sample>, batch| {
        let readings = Readings::of(batch, &part.path)?;
        let Readings { series, time, received, .. } = readings;
        let (until, rows) = (*wanted.times.end(), series.len());
        let mut newest = None;
        for i in 0..rows {
            if time[i] <= until && received[i] <= known_by {
                newest = Some(i);
            }
            // Sorted by series and time: the last that fits before the next series begins is its newest.
            if (i + 1 == rows || series[i + 1] != series[i])
                && let Some(at) = newest.take().filter(|_| wanted.series.contains(&series[i]))
            {
                out.push(readings.sample(at));
            }
        }
        Ok(())
    })
}

/// Roll-ups of a file, in its order.
pub(super) fn rollups(footers: &Footers, part: &Part, wanted: &Wanted) -> Result<Vec<Rollup>, Broken> {
    let groups = fold_groups(footers, part, wanted, |out: &mut Vec<Rollup>, batch| {
        let path = &part.path;
        let series: &UInt32Array = column(batch, "series", path)?;
        let counts = [column::<UInt32Array>(batch, "count", path)?, column(batch, "suspect", path)?];
        let times = [column::<TimestampMicrosecondArray>(batch, "start", path)?, column(batch, "last_time", path)?];
        let floats: [&Float64Array; 4] =
            [column(batch, "sum", path)?, column(batch, "min", path)?, column(batch, "max", path)?, column(batch, "last", path)?];
        for i in 0..batch.num_rows() {
            if wanted.series.contains(&series.value(i)) && wanted.times.contains(&times[0].value(i)) {
                let [sum, min, max, last] = floats.map(|f| f.value(i));
                let (count, suspect) = (counts[0].value(i), counts[1].value(i));
                let (start_us, last_us) = (times[0].value(i), times[1].value(i));
                out.push(Rollup { series: Series(series.value(i)), start_us, count, suspect, sum, min, max, last_us, last });
            }
        }
        Ok(())
    })?;
    Ok(groups.concat())
}

/// Cells of a file, in its order (by `start` and `cell`).
pub(super) fn cells(footers: &Footers, part: &Part) -> Result<Vec<Vec<CellRow>>, Broken> {
    fold_groups(footers, part, &Wanted::all(), |out: &mut Vec<CellRow>, batch| {
        let path = &part.path;
        let start: &TimestampMicrosecondArray = column(batch, "start", path)?;
        let cell: &UInt64Array = column(batch, "cell", path)?;
        let count: &UInt32Array = column(batch, "count", path)?;
        let [sum, min, max]: [&Float64Array; 3] = [column(batch, "sum", path)?, column(batch, "min", path)?, column(batch, "max", path)?];
        out.reserve(batch.num_rows());
        for i in 0..batch.num_rows() {
            let (start_us, cell, count) = (start.value(i), cell.value(i), count.value(i));
            out.push(CellRow { start_us, cell, count, sum: sum.value(i), min: min.value(i), max: max.value(i) });
        }
        Ok(())
    })
}

/// For callers that only pass a failure on.
impl From<Broken> for HistoryError {
    fn from(broken: Broken) -> Self {
        let (Broken::Damaged(why) | Broken::Unread(why)) = broken;
        failed(&PathBuf::from("a partition"), why)
    }
}
