//! Reading: by the index where there is a good one, else by an index made from the zip's directory, so that any zip of a tileset serves.

use super::format::{self, Directory, Header};
use super::index::{INDEX, Index};
use super::{ArchiveError, FILE_BYTES_MAX};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The end of a zip may be followed by a comment of this length.
const COMMENT_BYTES_MAX: u64 = 0xffff;
/// A country has some million tiles; each costs 24 bytes here.
const ENTRIES_MAX: u64 = 4 << 20;
/// The most that deflate makes of a byte, with a margin: what says more is not made room for beforehand.
const DEFLATE_RATIO_MAX: u64 = 1100;
const BUFFER_BYTES: usize = 1 << 16;

/// One file of an archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: String,
    /// Unpacked, as the directory says; what is read is bounded all the same.
    pub bytes: u64,
}

/// An archive, opened. Reads from several threads take turns at the file.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: Mutex<File>,
    directory: Directory,
    index: Index,
    /// Whether the archive has an index of its own that finds every file.
    pub indexed: bool,
}

impl Archive {
    /// Opens an archive and its index.
    ///
    /// # Errors
    /// [`ArchiveError`] for what is no zip, cut short, or has more files than a bound of ours.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let io = |source| ArchiveError::Io { file: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let damaged = |what: &str| ArchiveError::Damaged { file: path.to_owned(), what: what.to_owned() };
        let directory =
            find_directory(&mut file, length).map_err(io)?.ok_or_else(|| damaged("it is no zip archive, or its end is missing"))?;
        if directory.entries > ENTRIES_MAX {
            let what = format!("{} files (at most {ENTRIES_MAX}); divide the tileset", directory.entries);
            return Err(ArchiveError::Refused { file: path.to_owned(), what });
        }
        let mut this = Self { path: path.to_owned(), file: Mutex::new(file), directory, index: Index::default(), indexed: false };
        let mut last = None;
        let mut count = 0;
        this.each(|header| {
            count += 1;
            last = Some(header);
        })?;
        let index = last.filter(|h| h.name == INDEX).and_then(|h| Index::read(&this.unpack(&h, count * 24).ok()?));
        match index.filter(|i| i.len() as u64 + 1 == count) {
            Some(index) => (this.index, this.indexed) = (index, true),
            None => {
                let mut all = Vec::new();
                this.each(|header| all.push((header.name, header.offset)))?;
                this.index = Index::of(all.iter().map(|(name, offset)| (name.as_str(), *offset)));
            }
        }
        Ok(this)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All files but the index, in the order of the archive.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`].
    pub fn entries(&self) -> Result<Vec<Entry>, ArchiveError> {
        let mut all = Vec::new();
        self.each(|h| all.push(Entry { name: h.name, bytes: h.size }))?;
        all.retain(|e| e.name != INDEX && !e.name.ends_with('/'));
        Ok(all)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.index.find(name).next().is_some()
    }

    /// The file of that name, at most [`FILE_BYTES_MAX`].
    ///
    /// # Errors
    /// [`ArchiveError::Missing`], or another where its bytes can't be had.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        for offset in self.index.find(name) {
            let header = self.local(offset)?;
            if header.name == name {
                return self.unpack(&header, FILE_BYTES_MAX);
            }
        }
        Err(ArchiveError::Missing { file: self.path.clone(), name: name.to_owned() })
    }

    fn damaged(&self, what: impl Into<String>) -> ArchiveError {
        ArchiveError::Damaged { file: self.path.clone(), what: what.into() }
    }

    fn io(&self) -> impl Fn(std::io::Error) -> ArchiveError + '_ {
        |source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
            _ => ArchiveError::Io { file: self.path.clone(), source },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, File> {
        // Every read begins with a seek, so a panic in another one leaves nothing wrong.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through the directory; memory for one entry at a time.
    fn each(&self, mut take: impl FnMut(Header)) -> Result<(), ArchiveError> {
        let mut file = self.lock();
        file.seek(SeekFrom::Start(self.directory.offset)).map_err(self.io())?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, Read::take(&mut *file, self.directory.bytes));
        for n in 0..self.directory.entries {
            let mut fixed = [0; format::ENTRY_BYTES];
            reader.read_exact(&mut fixed).map_err(self.io())?;
            let header = format::entry(&fixed).ok_or_else(|| self.damaged(format!("entry {n} of its directory is none")))?;
            let mut tail = vec![0; header.tail];
            reader.read_exact(&mut tail).map_err(self.io())?;
            take(header.with_tail(&fixed, &tail).ok_or_else(|| self.damaged(format!("entry {n} of its directory is cut short")))?);
        }
        Ok(())
    }

    /// The header at an offset of the index, with sizes and method as the file's own header says.
    fn local(&self, offset: u64) -> Result<Header, ArchiveError> {
        let mut file = self.lock();
        let mut fixed = [0; format::LOCAL_BYTES];
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut fixed)).map_err(self.io())?;
        let wrong = || self.damaged(format!("no file begins at byte {offset}, where its index says so"));
        let header = format::local(&fixed).ok_or_else(wrong)?;
        let mut tail = vec![0; header.tail];
        file.read_exact(&mut tail).map_err(self.io())?;
        drop(file);
        let header = header.with_tail(&fixed, &tail).ok_or_else(wrong)?;
        if header.packed == 0 && header.crc == 0 {
            // Written as a stream: the sizes follow the bytes, and stand in the directory.
            return self.in_directory(offset).map(|found| found.unwrap_or(Header { offset, ..header }));
        }
        Ok(Header { offset, ..header })
    }

    fn in_directory(&self, offset: u64) -> Result<Option<Header>, ArchiveError> {
        let mut found = None;
        self.each(|h| {
            if h.offset == offset {
                found = Some(h);
            }
        })?;
        Ok(found)
    }

    /// The bytes behind the local header at `header.offset`.
    fn unpack(&self, header: &Header, bytes_max: u64) -> Result<Vec<u8>, ArchiveError> {
        let refused = |what: String| ArchiveError::Refused { file: self.path.clone(), what: format!("{}: {what}", header.name) };
        if header.encrypted {
            return Err(refused("is encrypted; write the archive without a password".to_owned()));
        }
        if header.size > bytes_max || header.packed > bytes_max {
            return Err(refused(format!("{} bytes (at most {bytes_max})", header.size.max(header.packed))));
        }
        let mut file = self.lock();
        let mut fixed = [0; format::LOCAL_BYTES];
        file.seek(SeekFrom::Start(header.offset)).and_then(|_| file.read_exact(&mut fixed)).map_err(self.io())?;
        let tail =
            format::local(&fixed).ok_or_else(|| self.damaged(format!("{} does not begin where the directory says", header.name)))?.tail;
        file.seek(SeekFrom::Current(tail as i64)).map_err(self.io())?;
        let mut packed = Vec::new();
        Read::take(&mut *file, header.packed).read_to_end(&mut packed).map_err(self.io())?;
        drop(file);
        // Exactly, where it may be true: growing by doubling would take twice as much.
        let room = (header.size + 1).min(header.packed.saturating_mul(DEFLATE_RATIO_MAX)) as usize;
        let mut out = if header.method == format::STORED { Vec::new() } else { Vec::with_capacity(room) };
        let read = match header.method {
            _ if packed.len() as u64 != header.packed => Err(std::io::ErrorKind::UnexpectedEof.into()),
            format::STORED => {
                out = packed;
                Ok(0)
            }
            // One byte more than it should be tells that it is more.
            format::DEFLATED => flate2::read::DeflateDecoder::new(&packed[..]).take(header.size + 1).read_to_end(&mut out),
            format::ZSTD => zstd(&packed, header.size + 1, &mut out),
            other => return Err(refused(format!("is compressed by method {other}; read are stored, deflate and zstd"))),
        };
        let crc = || {
            let mut crc = flate2::Crc::new();
            crc.update(&out);
            crc.sum()
        };
        match read {
            Ok(_) if out.len() as u64 == header.size && crc() == header.crc => Ok(out),
            _ => Err(self.damaged(format!("the bytes of {} are damaged", header.name))),
        }
    }
}

fn zstd(packed: &[u8], bytes_max: u64, out: &mut Vec<u8>) -> std::io::Result<usize> {
    // Its window is at most 100 MB, which the crate checks itself.
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|e| std::io::Error::other(e.to_string()))?;
    decoder.take(bytes_max).read_to_end(out)
}

/// The directory's place from the records at the end of the file; `None` where there are none.
fn find_directory(file: &mut File, length: u64) -> std::io::Result<Option<Directory>> {
    let from = length.saturating_sub(COMMENT_BYTES_MAX + (format::END_BYTES + format::LOCATOR64_BYTES) as u64);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    Read::take(&mut *file, length - from).read_to_end(&mut end)?;
    let Some(at) = (0..end.len()).rev().find(|at| Directory::of_end(&end[*at..]).is_some()) else { return Ok(None) };
    let mut found = Directory::of_end(&end[at..]);
    if found.is_some_and(|d| d.needs_zip64())
        && let Some(locator) = at.checked_sub(format::LOCATOR64_BYTES)
        && let Some(place) = Directory::locate64(&end[locator..])
    {
        let mut end64 = [0; format::END64_BYTES];
        file.seek(SeekFrom::Start(place))?;
        file.read_exact(&mut end64)?;
        found = Directory::of_end64(&end64);
    }
    let room = |d: &Directory| d.offset.checked_add(d.bytes).is_some_and(|end| end <= length);
    // Each entry has at least its fixed part: a count that can't be is told here and not when memory runs out.
    let fits = |d: &Directory| d.entries.checked_mul(format::ENTRY_BYTES as u64).is_some_and(|n| n <= d.bytes);
    Ok(found.filter(|d| room(d) && fits(d)))
}
