//! Names and files: a partition's name says all that is known of it, so no list of them can disagree with the disk.
//!
//! `observations/day=2026-11-25/property=pm2_5/part-h13-000000000012-000000000019-9f86d081884c7d65.parquet` holds the readings of
//! 13:00 to 14:00 UTC that came with the journal's segments 12 to 19; the last number is the XXH3 of the file. A file that covers
//! the segments of another has taken its place. What is still being written has a name that begins with a dot.

use super::super::HistoryError;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::Xxh3;

/// What a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Observations,
    Minute,
    Quarter,
    Hour,
    Cells,
    Keyframes,
    Events,
}

impl Kind {
    pub(super) const ALL: [Kind; 7] =
        [Kind::Observations, Kind::Minute, Kind::Quarter, Kind::Hour, Kind::Cells, Kind::Keyframes, Kind::Events];

    pub(super) fn folder(self) -> &'static str {
        match self {
            Kind::Observations => "observations",
            Kind::Minute => "rollup-1m",
            Kind::Quarter => "rollup-15m",
            Kind::Hour => "rollup-1h",
            Kind::Cells => "cells-15m",
            Kind::Keyframes => "keyframes",
            Kind::Events => "events",
        }
    }
}

/// Name of a partition file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Hour of the day, UTC; 0 for events, which are kept by the day.
    pub hour: u8,
    /// Segments of the journal it covers. What is derived covers all up to `to`.
    pub from: u64,
    pub to: u64,
    pub hash: u64,
}

impl Name {
    pub(super) fn file_name(&self) -> String {
        format!("part-h{:02}-{:012}-{:012}-{:016x}.parquet", self.hour, self.from, self.to, self.hash)
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let mut fields = file_name.strip_prefix("part-h")?.strip_suffix(".parquet")?.split('-');
        let hour = fields.next()?.parse().ok().filter(|h| *h < 24)?;
        let from = fields.next()?.parse().ok()?;
        let to = fields.next()?.parse().ok().filter(|to| *to >= from)?;
        let hash = u64::from_str_radix(fields.next()?, 16).ok()?;
        fields.next().is_none().then_some(Self { hour, from, to, hash })
    }
}

/// `day=2026-11-25`, for days since the Unix epoch.
pub(super) fn day_name(day: i64) -> String {
    format!("day={}", date(day))
}

pub(super) fn date(day: i64) -> NaiveDate {
    let epoch = NaiveDate::default();
    epoch.checked_add_signed(chrono::TimeDelta::try_days(day).unwrap_or_default()).unwrap_or(epoch)
}

pub(super) fn parse_day(name: &str) -> Option<i64> {
    let date: NaiveDate = name.strip_prefix("day=")?.parse().ok()?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

/// `property=pm2_5`; what is no letter, digit, `_`, `-` or `.` is percent-encoded, as other readers of such folders expect.
pub(super) fn property_name(property: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let encoded = property.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") });
    format!("property={}", encoded.collect::<String>())
}

pub(super) fn parse_property(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("property=")?.bytes();
    let mut out = Vec::new();
    while let Some(b) = rest.next() {
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        out.push(if b == b'%' { (digit(rest.next())? * 16 + digit(rest.next())?) as u8 } else { b });
    }
    String::from_utf8(out).ok()
}

pub(super) fn failed(file: &Path, why: impl std::fmt::Display) -> HistoryError {
    HistoryError::File { file: file.to_owned(), why: why.to_string() }
}

pub(super) fn io_failed(file: &Path, e: &io::Error) -> HistoryError {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            HistoryError::DiskFull { file: file.to_owned() }
        }
        _ => failed(file, e),
    }
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), HistoryError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| io_failed(folder, &e))
}

/// Makes a folder and its parents, durably.
pub(super) fn make_folder(folder: &Path) -> Result<(), HistoryError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or_else(|| failed(folder, "has no parent folder"))?;
    make_folder(parent)?;
    match std::fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(io_failed(folder, &e)),
        _ => sync_folder(parent),
    }
}

/// What begins so was never finished.
pub(super) const DRAFT: &str = ".draft-";

static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// A Parquet file being written: nobody sees it before it is whole and on disk.
pub(super) struct Draft {
    folder: PathBuf,
    path: PathBuf,
    writer: ArrowWriter<Hashing>,
    rows: u64,
}

impl Draft {
    pub(super) fn new(folder: &Path, schema: SchemaRef, properties: WriterProperties) -> Result<Self, HistoryError> {
        make_folder(folder)?;
        let path = folder.join(format!("{DRAFT}{}", DRAFTS.fetch_add(1, Ordering::Relaxed)));
        let file = File::create(&path).map_err(|e| io_failed(&path, &e))?;
        let hashing = Hashing { file: BufWriter::with_capacity(1 << 20, file), hash: Xxh3::new() };
        let writer = ArrowWriter::try_new(hashing, schema, Some(properties)).map_err(|e| parquet_failed(&path, e))?;
        Ok(Self { folder: folder.to_owned(), path, writer, rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), HistoryError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|e| parquet_failed(&self.path, e))
    }

    /// On disk and under its name, which `name` gives for its hash.
    pub(super) fn publish(self, name: impl FnOnce(u64) -> String) -> Result<(PathBuf, u64, u64), HistoryError> {
        let hashing = self.writer.into_inner().map_err(|e| parquet_failed(&self.path, e))?;
        let hash = hashing.hash.digest();
        let file = hashing.file.into_inner().map_err(|e| io_failed(&self.path, e.error()))?;
        file.sync_all().map_err(|e| io_failed(&self.path, &e))?;
        let bytes = file.metadata().map_err(|e| io_failed(&self.path, &e))?.len();
        let path = self.folder.join(name(hash));
        std::fs::rename(&self.path, &path).map_err(|e| io_failed(&path, &e))?;
        sync_folder(&self.folder)?;
        Ok((path, hash, bytes))
    }
}

fn parquet_failed(file: &Path, e: ParquetError) -> HistoryError {
    if let ParquetError::External(inner) = &e
        && let Some(io) = inner.downcast_ref::<io::Error>()
    {
        return io_failed(file, io);
    }
    failed(file, e)
}

/// Hashes what goes to the file.
struct Hashing {
    file: BufWriter<File>,
    hash: Xxh3,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buf)?;
        self.hash.update(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// XXH3 of a file.
pub(super) fn hash_file(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.digest()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_were_made_of() {
        let name = Name { hour: 13, from: 12, to: 19, hash: 0x9f86_d081 };
        assert_eq!(name.file_name(), "part-h13-000000000012-000000000019-000000009f86d081.parquet");
        assert_eq!(Name::parse(&name.file_name()), Some(name));
        for wrong in ["", "part-h24-1-1-0.parquet", "part-h01-2-1-0.parquet", "part-h01-1-1.parquet", ".draft-1", "x.parquet"] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
        assert_eq!(day_name(20_782), "day=2026-11-25");
        assert_eq!(parse_day("day=2026-11-25"), Some(20_782));
        for property in ["pm2_5", "水位", "a b/../c", "%"] {
            assert_eq!(parse_property(&property_name(property)).as_deref(), Some(property));
            assert!(!property_name(property).contains('/'));
        }
    }
}
