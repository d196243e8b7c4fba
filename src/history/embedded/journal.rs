//! The journal: what was acknowledged and is not yet in a partition.
//!
//! A segment is `journal/000000000012.journal`: eight bytes that say what it is, then frames of `length, CRC-32, content`
//! (little-endian u32, u32, bytes), one frame a batch. What a crash left at the end unfinished was never acknowledged; it is cut and counted.

use super::super::{IncidentEvent, Sample, Series};
use super::folder::{failed, io_failed, sync_folder};
use crate::history::HistoryError;
use crate::model::observation::{Datastream, Quality, SpanStart};
use flate2::Crc;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"YPHIST01";
/// Bytes of a frame: the longest batch with room to spare. A length beyond it is no length.
const FRAME_MAX: usize = 1 << 28;
/// Bytes of a reading: series, phenomenon time, arrival, value, flags; after them the start of its span where it has one.
const SAMPLE_BYTES: usize = 4 + 8 + 8 + 8 + 1;
/// Flags of a reading. A hub that knew no spans wrote the first alone, so its journals are read as they are.
const SUSPECT: u8 = 1;
const SPAN: u8 = 2;

/// A batch with numbers for ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub datastreams: Vec<(Series, Datastream)>,
    pub samples: Vec<Sample>,
    pub events: Vec<IncidentEvent>,
}

fn put_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Our own types with string keys: serde_json has no way to refuse them.
    let json = serde_json::to_vec(value).unwrap_or_default();
    out.extend((json.len() as u32).to_le_bytes());
    out.extend(json);
}

/// Appends `entry` as a frame.
pub(super) fn encode(entry: &Entry, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend([0; 8]);
    for count in [entry.datastreams.len(), entry.samples.len(), entry.events.len()] {
        out.extend((count as u32).to_le_bytes());
    }
    for (series, datastream) in &entry.datastreams {
        out.extend(series.0.to_le_bytes());
        put_json(out, datastream);
    }
    for s in &entry.samples {
        out.extend(s.series.0.to_le_bytes());
        out.extend(s.time_us.to_le_bytes());
        out.extend(s.received_us.to_le_bytes());
        out.extend(s.value.to_le_bytes());
        let suspect = if s.quality == Quality::Good { 0 } else { SUSPECT };
        out.push(suspect | s.start.map_or(0, |_| SPAN));
        if let Some(start) = s.start {
            out.extend(start.micros().to_le_bytes());
        }
    }
    for event in &entry.events {
        put_json(out, event);
    }
    let content = at + 8;
    let (length, crc) = ((out.len() - content) as u32, crc(&out[content..]));
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    out[at + 4..content].copy_from_slice(&crc.to_le_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Takes numbers off the front of bytes.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        let length = self.u32()?;
        serde_json::from_slice(self.bytes(length as usize)?).ok()
    }
}

fn decode(content: &[u8]) -> Option<Entry> {
    let mut cursor = Cursor(content);
    let counts = [cursor.u32()?, cursor.u32()?, cursor.u32()?];
    let mut entry = Entry::default();
    for _ in 0..counts[0] {
        entry.datastreams.push((Series(cursor.u32()?), cursor.json()?));
    }
    for _ in 0..counts[1] {
        let mut row = Cursor(cursor.bytes(SAMPLE_BYTES)?);
        let series = Series(row.u32()?);
        let (time_us, received_us, value) = (row.i64()?, row.i64()?, f64::from_bits(row.i64()? as u64));
        let &[flags] = row.bytes(1)? else { return None };
        let quality = if flags & SUSPECT == 0 { Quality::Good } else { Quality::Suspect };
        let start = if flags & SPAN == 0 { None } else { Some(SpanStart::from_micros(cursor.i64()?)) };
        entry.samples.push(Sample { series, time_us, start, received_us, value, quality });
    }
    for _ in 0..counts[2] {
        entry.events.push(cursor.json()?);
    }
    cursor.0.is_empty().then_some(entry)
}

/// What a segment says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scanned {
    pub entries: Vec<Entry>,
    /// Bytes at its end that are no whole frame: a write that was never acknowledged.
    pub torn_bytes: u64,
    /// Whole frames in its middle whose content is not what was written: lost, and to be told.
    pub damaged: u64,
}

/// The frame at `at`: where it ends, and what it says when its sum is right.
fn frame(bytes: &[u8], at: usize) -> Option<(usize, Option<Entry>)> {
    let mut cursor = Cursor(bytes.get(at..)?);
    let (length, sum) = (cursor.u32()? as usize, cursor.u32()?);
    if length > FRAME_MAX {
        return None;
    }
    let content = cursor.bytes(length)?;
    let entry = if crc(content) == sum { decode(content) } else { None };
    Some((at + 8 + length, entry))
}

/// Reads a segment. A frame with a wrong sum is damaged when whole frames follow it, else it is where a write was torn.
pub(super) fn scan(bytes: &[u8]) -> Scanned {
    let mut scanned = Scanned::default();
    let mut at = MAGIC.len();
    if bytes.get(..at) != Some(MAGIC) {
        scanned.torn_bytes = bytes.len() as u64;
        return scanned;
    }
    let (mut whole, mut doubtful) = (at, 0);
    while let Some((end, entry)) = frame(bytes, at) {
        match entry {
            Some(entry) => {
                scanned.entries.push(entry);
                scanned.damaged += doubtful;
                (whole, doubtful) = (end, 0);
            }
            None => doubtful += 1,
        }
        at = end;
    }
    scanned.torn_bytes = (bytes.len() - whole) as u64;
    scanned
}

pub(super) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:012}.journal"))
}

/// Numbers of the segments in a folder, oldest first.
pub(super) fn segments(folder: &Path) -> Result<Vec<u64>, HistoryError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| io_failed(folder, &e))? {
        let name = entry.map_err(|e| io_failed(folder, &e))?.file_name();
        numbers.extend(name.to_str().and_then(|n| n.strip_suffix(".journal")).and_then(|n| n.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segment being written.
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    /// Bytes that are on disk.
    length: u64,
    /// Why nobody knows any more what is on disk.
    failed: Option<HistoryError>,
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> Result<Self, HistoryError> {
        let path = segment_path(folder, number);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(|e| io_failed(&path, &e))?;
        let mut segment = Self { path, file, length: 0, failed: None };
        segment.append(MAGIC)?;
        sync_folder(folder)?;
        Ok(segment)
    }

    /// Writes frames and returns when they are on disk.
    ///
    /// # Errors
    /// When the disk is full nothing of them is kept and the next may be tried; after a failed sync nothing more is taken.
    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), HistoryError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if let Err(e) = self.file.write_all(frames) {
            let back = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            let e = io_failed(&self.path, &e);
            return Err(match back {
                Ok(_) => e,
                Err(back) => self.fail(&back),
            });
        }
        if let Err(e) = self.file.sync_data() {
            return Err(self.fail(&e));
        }
        self.length += frames.len() as u64;
        Ok(())
    }

    fn fail(&mut self, e: &std::io::Error) -> HistoryError {
        let failed = HistoryError::Failed { file: self.path.clone(), why: e.to_string() };
        tracing::error!("{failed}");
        self.failed = Some(failed.clone());
        failed
    }
}

/// A segment's bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, HistoryError> {
    std::fs::read(path).map_err(|e| failed(path, format!("can't be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance::{datastream, event, second};
    use super::*;
    use crate::model::incident::IncidentState;

    fn entries() -> Vec<Entry> {
        let sample = |n: u32| Sample {
            series: Series(n),
            time_us: second(i64::from(n)).timestamp_micros(),
            start: (n % 3 == 1).then(|| second(i64::from(n) - 3600).into()),
            received_us: second(i64::from(n) + 1).timestamp_micros(),
            value: f64::from(n) / 3.0,
            quality: if n.is_multiple_of(2) { Quality::Good } else { Quality::Suspect },
        };
        let described = Entry { datastreams: vec![(Series(0), datastream("a", "pm2_5", 118.0, 34.0))], ..Entry::default() };
        let readings = Entry { samples: (0..3).map(sample).collect(), ..Entry::default() };
        let happened = Entry { events: vec![event("i", 2, 5, 6, IncidentState::Accepted)], samples: vec![sample(9)], ..Entry::default() };
        vec![described, readings, happened]
    }

    fn segment(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = MAGIC.to_vec();
        let mut ends = Vec::new();
        for entry in entries {
            encode(entry, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    #[test]
    fn what_was_acknowledged_is_there_after_a_cut_at_any_byte() {
        let (bytes, ends) = segment(&entries());
        assert_eq!(scan(&bytes), Scanned { entries: entries(), ..Scanned::default() });
        for cut in 0..bytes.len() {
            let scanned = scan(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(scanned.entries, entries()[..whole], "cut at {cut}");
            let kept = if cut < MAGIC.len() { 0 } else { ends[..whole].last().copied().unwrap_or(MAGIC.len()) };
            assert_eq!((scanned.torn_bytes, scanned.damaged), ((cut - kept) as u64, 0), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_frame_loses_itself_only_and_is_counted() {
        let (bytes, ends) = segment(&entries());
        for at in ends[0] + 4..ends[1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let scanned = scan(&flipped);
            assert_eq!((scanned.entries.len(), scanned.damaged, scanned.torn_bytes), (2, 1, 0), "flipped at {at}");
            assert_eq!(scanned.entries[1], entries()[2]);
        }
    }

    /// Series 7 at 1 s, received at 2 s, of 0.5, suspect: as it was written before there were spans.
    #[test]
    fn a_journal_of_before_there_were_spans_is_read() {
        let mut content = [0_u32, 1, 0, 7].map(u32::to_le_bytes).concat();
        content.extend([1_000_000, 2_000_000, 0.5_f64.to_bits() as i64].map(i64::to_le_bytes).concat());
        content.push(1);
        let sample = decode(&content).unwrap().samples[0];
        let (series, quality, start) = (Series(7), Quality::Suspect, None);
        assert_eq!(sample, Sample { series, time_us: 1_000_000, start, received_us: 2_000_000, value: 0.5, quality });
        let mut again = Vec::new();
        encode(&Entry { samples: vec![sample], ..Entry::default() }, &mut again);
        assert_eq!(again[8..], content, "an instant is written as ever");
    }

    #[test]
    fn rubbish_says_nothing_and_never_panics() {
        for n in 0..200_u32 {
            let rubbish: Vec<u8> = MAGIC.iter().copied().chain((0..n).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)).collect();
            assert_eq!(scan(&rubbish).entries, []);
        }
    }
}
