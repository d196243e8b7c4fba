//! What FlatGeobuf and FlatCityBuf share: tables of FlatBuffers, a packed Hilbert R-tree, and attributes in columns.
//!
//! Read here and not through the crates `flatgeobuf` and `fcb_core`: their readers panic on attributes that don't fit their columns (fcb_core
//! 0.7.8, `decode_attributes`) or take a header's counts for an allocation, and fcb_core brings some forty crates with it (a command line,
//! BSON, CBOR, tables for terminals). Every look into a file's bytes here is bounded and may fail.

pub(super) mod columns;
pub(super) mod index;
pub(super) mod table;

use super::CityError;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Longest header: FlatGeobuf's reference reader takes 10 MiB, FlatCityBuf's 512 MiB (templates and materials stand in it).
const HEADER_BYTES_MAX: u64 = 256 << 20;
/// Longest feature.
const FEATURE_BYTES_MAX: u64 = 256 << 20;
/// Before the header: magic bytes and the header's length.
const PREFIX_BYTES: u64 = 12;

/// A file of sized records behind a header and an index.
pub(super) struct Records {
    file: PathBuf,
    input: BufReader<File>,
    length: u64,
    pub(super) header: Vec<u8>,
    /// Where the header ends.
    pub(super) header_end: u64,
}

impl Records {
    /// Opens a file and reads its header. `magic` are the first three bytes.
    ///
    /// # Errors
    /// When the file can't be read, or its header is cut short.
    pub(super) fn open(path: &Path) -> Result<Self, CityError> {
        let file = File::open(path).map_err(CityError::open(path))?;
        let length = file.metadata().map_err(CityError::open(path))?.len();
        let mut records = Self {
            file: path.to_owned(),
            input: BufReader::with_capacity(1 << 18, file),
            length,
            header: Vec::new(),
            header_end: PREFIX_BYTES,
        };
        records.seek(8)?;
        records.header = records.record(HEADER_BYTES_MAX)?.ok_or_else(|| records.cut())?;
        records.header_end = PREFIX_BYTES + records.header.len() as u64;
        Ok(records)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn seek(&mut self, to: u64) -> Result<(), CityError> {
        // Relative, so that what is read ahead is kept when the next record follows at once.
        let at = self.input.stream_position().map_err(CityError::open(&self.file))?;
        let step = i64::try_from(to).ok().zip(i64::try_from(at).ok()).map(|(to, at)| to - at).ok_or_else(|| self.cut())?;
        self.input.seek_relative(step).map_err(CityError::open(&self.file))
    }

    pub(super) fn exact(&mut self, length: usize) -> Result<Vec<u8>, CityError> {
        if length as u64 > self.length {
            return Err(self.cut());
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes).map_err(|_| self.cut())?;
        Ok(bytes)
    }

    /// The next feature, without its length; `None` at the end of the file.
    pub(super) fn feature(&mut self) -> Result<Option<Vec<u8>>, CityError> {
        self.record(FEATURE_BYTES_MAX)
    }

    fn record(&mut self, most: u64) -> Result<Option<Vec<u8>>, CityError> {
        let mut size = [0; 4];
        match self.input.read(&mut size[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => self.input.read_exact(&mut size[1..]).map_err(|_| self.cut())?,
            Err(e) => return Err(CityError::open(&self.file)(e)),
        }
        let size = u64::from(u32::from_le_bytes(size));
        if size > most {
            let what = format!("a record of {size} bytes");
            return Err(CityError::TooBig { file: self.file.clone(), what, limit: most, mend: "copy or write the file again" });
        }
        self.exact(size as usize).map(Some)
    }

    pub(super) fn cut(&self) -> CityError {
        CityError::unusable(&self.file, "the file is cut off or its lengths are wrong; copy or download it again")
    }

    pub(super) fn broken(&self, what: &str) -> CityError {
        CityError::unusable(&self.file, format!("{what} can't be read; copy the file again, or write it anew"))
    }
}
