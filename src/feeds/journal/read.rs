//! Reads journals: several files as one, by time, from any instant.

use super::{Entry, JournalError, State, What};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line taken; an entry is under 2 kB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bad lines told one by one; the rest is only counted.
const TOLD_MAX: usize = 20;
/// Journal files in a folder.
const FILES_MAX: usize = 100_000;

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

/// Several journals as one, by time. Files of one feed follow one another; different feeds run side by side.
pub struct Journals {
    groups: Vec<Group>,
}

/// Files of one feed, oldest first.
struct Group {
    feed: Option<String>,
    parts: Vec<Part>,
    /// The part being read.
    at: usize,
    reader: Option<Reader>,
}

struct Part {
    start: DateTime<Utc>,
    file: PathBuf,
}

impl Journals {
    /// Opens files, and all journals of folders, ready to play from `from` on, by default from the first entry. Gives what was known
    /// at that instant as well: it has happened and is not played.
    ///
    /// # Errors
    /// [`JournalError`] with the file that can't be opened.
    pub fn open(paths: &[PathBuf], from: Option<DateTime<Utc>>, report: &mut PlayReport) -> Result<(Self, Vec<Entry>), JournalError> {
        let mut groups: Vec<Group> = Vec::new();
        for file in expanded(paths)? {
            let mut reader = Reader::open(&file)?;
            let Some(first) = reader.take(report) else { continue };
            let feed = match &first.what {
                What::Base(base) => Some(base.feed.clone()),
                _ => None,
            };
            let part = Part { start: first.t, file };
            match groups.iter_mut().find(|g| feed.is_some() && g.feed == feed) {
                Some(group) => group.parts.push(part),
                None => groups.push(Group { feed, parts: vec![part], at: 0, reader: None }),
            }
        }
        groups.iter_mut().for_each(|g| g.parts.sort_by(|a, b| (a.start, &a.file).cmp(&(b.start, &b.file))));
        let mut journals = Self { groups };
        // Lines that are bad were told above already.
        let there = journals.seek(from, &mut PlayReport::default())?;
        Ok((journals, there))
    }

    /// Goes to an instant, forwards or backwards: what was known then, one-time events and all, is given and not played again.
    ///
    /// # Errors
    /// [`JournalError`] with the file that can't be opened.
    pub fn seek(&mut self, to: Option<DateTime<Utc>>, report: &mut PlayReport) -> Result<Vec<Entry>, JournalError> {
        let mut state = State::default();
        for group in &mut self.groups {
            group.seek(to, &mut state, report)?;
        }
        let now = to.or_else(|| self.start()).unwrap_or(DateTime::UNIX_EPOCH);
        Ok(state.entries(now))
    }

    /// When the first of all entries was said.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.groups.iter().filter_map(|g| g.parts.first()).map(|p| p.start).min()
    }

    /// When the next entry is due; `None` at the end of all files.
    pub fn next_time(&self) -> Option<DateTime<Utc>> {
        self.groups.iter().filter_map(Group::next).map(|e| e.t).min()
    }

    /// The next entry if it is due at `until`.
    ///
    /// A file whose times go back plays those entries at once: its head decides, not a sort of the whole file.
    pub fn due(&mut self, until: DateTime<Utc>, report: &mut PlayReport) -> Option<Entry> {
        let first = self.groups.iter_mut().filter(|g| g.next().is_some()).min_by_key(|g| g.next().map(|e| e.t))?;
        if first.next()?.t > until {
            return None;
        }
        let entry = first.reader.as_mut()?.next.take();
        first.advance(report);
        report.played += 1;
        entry
    }
}

impl Group {
    fn next(&self) -> Option<&Entry> {
        self.reader.as_ref()?.next.as_ref()
    }

    fn seek(&mut self, to: Option<DateTime<Utc>>, state: &mut State, report: &mut PlayReport) -> Result<(), JournalError> {
        // Only a file that begins with what was known may stand for those before it.
        let begun = to.map_or(0, |to| self.parts.iter().filter(|p| p.start <= to).count());
        self.at = begun.saturating_sub(1);
        self.reader = None;
        let Some(part) = self.parts.get(self.at) else { return Ok(()) };
        let mut reader = Reader::open(&part.file)?;
        while let Some(entry) = reader.take(report) {
            if reader.was_base || to.is_some_and(|to| entry.t <= to) {
                state.apply(entry);
            } else if !matches!(entry.what, What::Base(_)) {
                reader.next = Some(entry);
                break;
            }
        }
        let ended = reader.next.is_none();
        self.reader = Some(reader);
        if ended {
            self.advance(report);
        }
        Ok(())
    }

    /// Reads on to the next thing that happened, in this file or one of the next.
    fn advance(&mut self, report: &mut PlayReport) {
        loop {
            if let Some(reader) = &mut self.reader {
                while let Some(entry) = reader.take(report) {
                    // What a later file begins with has been played from the earlier ones.
                    if !reader.was_base && !matches!(entry.what, What::Base(_)) {
                        reader.next = Some(entry);
                        return;
                    }
                }
            }
            self.at += 1;
            let Some(part) = self.parts.get(self.at) else {
                self.reader = None;
                return;
            };
            self.reader = match Reader::open(&part.file) {
                Ok(reader) => Some(reader),
                // Deleted since: its entries are missing, the next file's are not.
                Err(e) => {
                    report.bad(e.to_string());
                    None
                }
            };
        }
    }
}

/// Files as they are named, and the journals in folders.
fn expanded(paths: &[PathBuf]) -> Result<Vec<PathBuf>, JournalError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |source| JournalError { file: path.clone(), source };
        let is_journal = |name: &str| [".jsonl", ".jsonl.gz", ".jsonl.zst"].iter().any(|end| name.ends_with(end));
        let mut found = Vec::new();
        for listed in std::fs::read_dir(path).map_err(failed)?.take(FILES_MAX) {
            let file = listed.map_err(failed)?.path();
            if file.file_name().and_then(|n| n.to_str()).is_some_and(is_journal) {
                found.push(file);
            }
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

struct Reader {
    file: PathBuf,
    lines: Box<dyn BufRead + Send>,
    line: u64,
    /// Entries that the file still has to say of what was known when it was begun.
    base_left: u64,
    /// Whether the last entry was one of those.
    was_base: bool,
    next: Option<Entry>,
}

impl Reader {
    fn open(file: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError { file: file.to_owned(), source };
        let opened = BufReader::new(File::open(file).map_err(failed)?);
        let lines: Box<dyn BufRead + Send> = match file.extension().and_then(|e| e.to_str()) {
            Some("gz") => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(opened))),
            Some("zst") => Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(opened).map_err(failed)?)),
            _ => Box::new(opened),
        };
        Ok(Self { file: file.to_owned(), lines, line: 0, base_left: 0, was_base: false, next: None })
    }

    /// The next line that is an entry; `None` at the end.
    fn take(&mut self, report: &mut PlayReport) -> Option<Entry> {
        if let Some(entry) = self.next.take() {
            return Some(entry);
        }
        loop {
            self.line += 1;
            let mut line = Vec::new();
            let at = |why: String| format!("{}:{}: {why}", self.file.display(), self.line);
            match self.lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Err(e) => {
                    report.bad(at(format!("{e}; the rest of the file is lost")));
                    self.lines = Box::new(std::io::empty());
                    return None;
                }
                Ok(0) => return None,
                Ok(n) if n as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') => {
                    report.bad(at(format!("longer than {} KiB", LINE_BYTES_MAX >> 10)));
                    if self.lines.skip_until(b'\n').is_err() {
                        return None;
                    }
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => match serde_json::from_slice::<Entry>(&line) {
                    Ok(entry) => {
                        self.was_base = self.base_left > 0;
                        self.base_left = self.base_left.saturating_sub(1);
                        if let What::Base(base) = &entry.what {
                            self.base_left = base.entries;
                        }
                        return Some(entry);
                    }
                    Err(e) => report.bad(at(e.to_string())),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Single;
    use super::*;
    use crate::model::observation::Observation;
    use proptest::prelude::*;

    fn entry(second: i64) -> Entry {
        let t = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second);
        Entry { t, what: What::Observation(Observation::new("a", t, 1.5)) }
    }

    #[test]
    fn journals_round_trip_merge_by_time_and_skip_rubbish() {
        for end in ["gz", "zst"] {
            let dir = tempfile::tempdir().unwrap();
            let (plain, packed) = (dir.path().join("a.jsonl"), dir.path().join(format!("b.jsonl.{end}")));
            let mut single = Single::create(&packed).unwrap();
            single.write(&entry(1)).unwrap();
            single.write(&entry(3)).unwrap();
            drop(single);
            let good = serde_json::to_string(&entry(2)).unwrap();
            let long = "x".repeat(2 << 20);
            std::fs::write(&plain, format!("{{rubbish\n\n{good}\n{long}\n{good}\n{}", &good[..20])).unwrap();
            let mut report = PlayReport::default();
            let (mut journals, there) = Journals::open(&[dir.path().to_owned()], None, &mut report).unwrap();
            assert!(there.is_empty() && journals.due(DateTime::UNIX_EPOCH, &mut report).is_none());
            let mut seconds = Vec::new();
            while let Some(e) = journals.due(DateTime::<Utc>::MAX_UTC, &mut report) {
                seconds.push(e.t.timestamp());
            }
            assert_eq!(seconds, [1, 2, 2, 3]);
            assert_eq!((report.played, report.bad_lines), (4, 3));
            let told = report.told.join("\n");
            assert!(told.contains("a.jsonl:1:") && told.contains("a.jsonl:4: longer") && told.contains("a.jsonl:6:"), "{told}");
            // Back to the middle.
            let there = journals.seek(Some(entry(2).t), &mut report).unwrap();
            assert_eq!((there, journals.next_time()), (vec![entry(2)], Some(entry(3).t)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), end in prop_oneof![Just("jsonl"), Just("jsonl.zst"), Just("jsonl.gz")]) {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(format!("a.{end}")), bytes).unwrap();
            let mut report = PlayReport::default();
            if let Ok((mut journals, _)) = Journals::open(&[dir.path().to_owned()], None, &mut report) {
                while journals.due(DateTime::<Utc>::MAX_UTC, &mut report).is_some() {}
            }
        }
    }
}
