//! Journals: what a platform said and when, one JSON object a line, plain or `.gz`.
//!
//! ```text
//! {"t":"2026-05-01T00:00:02Z","kind":"observation","data":{"datastream":"aq-01","phenomenon_time":"…","value":31.0}}
//! ```
//! `t` is when it was served, by the platform's clock; `data` is a [`Datastream`], [`Observation`], [`Report`] or [`Unit`].

use super::ReplayError;
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Longest line taken; an entry is under 2 kB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bad lines told one by one; the rest is only counted.
const TOLD_MAX: usize = 20;

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub t: DateTime<Utc>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum What {
    Datastream(Datastream),
    Observation(Observation),
    Incident(Report),
    Unit(Unit),
}

/// What could not be played or served, and what could.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlayReport {
    pub played: u64,
    pub bad_lines: u64,
    /// Observations of a datastream that no entry and no `sensors.geojson` described.
    pub unknown_datastream: u64,
    /// Publications the broker's queue had no room for.
    pub mqtt_dropped: u64,
    /// The first of what went wrong: file, line, reason.
    pub told: Vec<String>,
}

impl PlayReport {
    /// An observation that has no datastream.
    pub fn unknown(&mut self, datastream: &str) {
        self.unknown_datastream += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(format!("an observation of {datastream:?}, which nothing describes; give its --data folder"));
        }
    }

    fn bad(&mut self, why: String) {
        tracing::warn!(why, "journal line left out");
        self.bad_lines += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(why);
        }
    }
}

/// Several journals as one, by time.
pub struct Journals {
    files: Vec<Reader>,
}

struct Reader {
    file: PathBuf,
    lines: Box<dyn BufRead + Send>,
    line: u64,
    next: Option<Entry>,
}

impl Journals {
    /// Opens all files and reads the first entry of each.
    ///
    /// # Errors
    /// [`ReplayError::Io`] with the file that can't be opened.
    pub fn open(files: &[PathBuf], report: &mut PlayReport) -> Result<Self, ReplayError> {
        let mut readers = Vec::new();
        for file in files {
            let opened = File::open(file).map_err(|source| ReplayError::Io { file: file.clone(), source })?;
            let lines: Box<dyn BufRead + Send> = match file.extension().is_some_and(|e| e == "gz") {
                true => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(BufReader::new(opened)))),
                false => Box::new(BufReader::new(opened)),
            };
            let mut reader = Reader { file: file.clone(), lines, line: 0, next: None };
            reader.advance(report);
            readers.push(reader);
        }
        Ok(Self { files: readers })
    }

    /// When the next entry is due; `None` at the end of all files.
    pub fn next_time(&self) -> Option<DateTime<Utc>> {
        self.files.iter().filter_map(|f| f.next.as_ref().map(|e| e.t)).min()
    }

    /// The next entry if it is due at `until`.
    ///
    /// A file whose times go back plays those entries at once: its head decides, not a sort of the whole file.
    pub fn due(&mut self, until: DateTime<Utc>, report: &mut PlayReport) -> Option<Entry> {
        let first = self.files.iter_mut().filter(|f| f.next.is_some()).min_by_key(|f| f.next.as_ref().map(|e| e.t))?;
        let entry = first.next.take_if(|e| e.t <= until)?;
        first.advance(report);
        report.played += 1;
        Some(entry)
    }
}

impl Reader {
    /// Reads on to the next line that is an entry.
    fn advance(&mut self, report: &mut PlayReport) {
        self.next = None;
        while self.next.is_none() {
            self.line += 1;
            let mut line = Vec::new();
            let at = |why: String| format!("{}:{}: {why}", self.file.display(), self.line);
            match self.lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Err(e) => return report.bad(at(format!("{e}; the rest of the file is lost"))),
                Ok(0) => return,
                Ok(n) if n as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') => {
                    report.bad(at(format!("longer than {} KiB", LINE_BYTES_MAX >> 10)));
                    if self.lines.skip_until(b'\n').is_err() {
                        return;
                    }
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => match serde_json::from_slice(&line) {
                    Ok(entry) => self.next = Some(entry),
                    Err(e) => report.bad(at(e.to_string())),
                },
            }
        }
    }
}

/// Writes what is served; `.gz` by the file's name.
pub struct Recorder {
    file: PathBuf,
    out: Box<dyn Write + Send>,
}

impl Recorder {
    /// # Errors
    /// [`ReplayError::Io`] when the file can't be made.
    pub fn create(file: &Path) -> Result<Self, ReplayError> {
        let created = File::create(file).map_err(|source| ReplayError::Io { file: file.to_owned(), source })?;
        let out: Box<dyn Write + Send> = match file.extension().is_some_and(|e| e == "gz") {
            true => Box::new(flate2::write::GzEncoder::new(BufWriter::new(created), flate2::Compression::default())),
            false => Box::new(BufWriter::new(created)),
        };
        Ok(Self { file: file.to_owned(), out })
    }

    /// # Errors
    /// [`ReplayError::Io`], e.g. when the disk is full.
    pub fn write(&mut self, entry: &Entry) -> Result<(), ReplayError> {
        let line = serde_json::to_string(entry).map_err(std::io::Error::other);
        let written = line.and_then(|line| writeln!(self.out, "{line}"));
        written.map_err(|source| ReplayError::Io { file: self.file.clone(), source })
    }

    /// Puts on disk what is in memory.
    ///
    /// # Errors
    /// [`ReplayError::Io`], e.g. when the disk is full.
    pub fn flush(&mut self) -> Result<(), ReplayError> {
        self.out.flush().map_err(|source| ReplayError::Io { file: self.file.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64) -> Entry {
        let t = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second);
        let what = What::Observation(Observation { datastream: "a".into(), phenomenon_time: t, value: 1.5, quality: Default::default() });
        Entry { t, what }
    }

    #[test]
    fn journals_round_trip_merge_by_time_and_skip_rubbish() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, zipped) = (dir.path().join("a.jsonl"), dir.path().join("b.jsonl.gz"));
        let mut recorder = Recorder::create(&zipped).unwrap();
        recorder.write(&entry(1)).unwrap();
        recorder.write(&entry(3)).unwrap();
        drop(recorder);
        let good = serde_json::to_string(&entry(2)).unwrap();
        let long = "x".repeat(2 << 20);
        std::fs::write(&plain, format!("{{rubbish\n\n{good}\n{long}\n{good}\n{}", &good[..20])).unwrap();
        let mut report = PlayReport::default();
        let mut journals = Journals::open(&[plain, zipped], &mut report).unwrap();
        assert!(journals.due(DateTime::UNIX_EPOCH, &mut report).is_none());
        let mut seconds = Vec::new();
        while let Some(e) = journals.due(DateTime::<Utc>::MAX_UTC, &mut report) {
            seconds.push(e.t.timestamp());
        }
        assert_eq!(seconds, [1, 2, 2, 3]);
        assert_eq!((report.played, report.bad_lines), (4, 3));
        let told = report.told.join("\n");
        assert!(told.contains("a.jsonl:1:") && told.contains("a.jsonl:4: longer") && told.contains("a.jsonl:6:"), "{told}");
    }
}
