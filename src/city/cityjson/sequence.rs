//! CityJSONSeq: a header line, then one CityJSONFeature a line with vertices of its own. Read in batches, so a city need not fit in memory twice.

use super::document::{self, Frame, Part};
use super::{json_error, shape::Document};
use crate::city::CityError;
use crate::city::report::BuildReport;
use crate::city::source::CitySource;
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of text in the air at once; enough work for every core, little memory.
const BATCH_BYTES: usize = 32 << 20;
/// Longest line: a feature is a building, or a terrain at worst.
const LINE_BYTES_MAX: u64 = 1 << 30;

pub(super) fn read(path: &Path, report: &mut BuildReport) -> Result<CitySource, CityError> {
    let mut lines =
        Lines { file: path, input: BufReader::with_capacity(1 << 20, File::open(path).map_err(CityError::open(path))?), number: 0 };
    let (_, first) = lines.next()?.ok_or_else(|| CityError::Empty { file: path.to_owned() })?;
    let first = document::utf8(path, &first)?;
    let header: Document = serde_json::from_str(first).map_err(|e| json_error(path, &e, 0))?;
    let frame = Frame::read(path, &header, report)?;
    let mut source = CitySource::new(path, frame.crs.clone());
    document::append(&mut source, document::part(&header, &frame), report)?;
    loop {
        let batch = lines.batch()?;
        if batch.is_empty() {
            break;
        }
        let parts: Vec<Part> = batch.par_iter().map(|(number, line)| feature(*number, line, &frame)).collect();
        for part in parts {
            document::append(&mut source, part, report)?;
        }
    }
    Ok(source)
}

/// One feature; a line that can't be read is one object left out.
fn feature(number: usize, line: &[u8], frame: &Frame) -> Part {
    let read = || -> Result<Part, CityError> {
        let text = document::utf8(frame.file, line)?;
        let feature: Document = serde_json::from_str(text).map_err(|e| json_error(frame.file, &e, number - 1))?;
        if feature.kind.as_deref() != Some("CityJSONFeature") {
            let why = format!("type is {:?}, not \"CityJSONFeature\"", feature.kind.unwrap_or_default());
            let mend = "after the header every line is one CityJSONFeature";
            return Err(CityError::Json { file: frame.file.to_owned(), line: number, column: 1, why, mend });
        }
        Ok(document::part(&feature, frame))
    };
    read().unwrap_or_else(|e| {
        let mut report = BuildReport { objects_in: 1, ..BuildReport::default() };
        report.reject("line is no CityJSONFeature", &format!("line {number}: {e}; the line is left out"));
        Part { report, ..Part::default() }
    })
}

struct Lines<'a> {
    file: &'a Path,
    input: BufReader<File>,
    number: usize,
}

impl Lines<'_> {
    /// The next line that is not blank, with its number from 1.
    fn next(&mut self) -> Result<Option<(usize, Vec<u8>)>, CityError> {
        loop {
            let mut line = Vec::new();
            let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(CityError::open(self.file))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == LINE_BYTES_MAX {
                let what = format!("line {} is too long", self.number);
                let mend = "a CityJSONSeq holds one feature a line; write it with `cjio FILE export jsonl NEW.city.jsonl`";
                return Err(CityError::TooBig { file: self.file.to_owned(), what, limit: LINE_BYTES_MAX, mend });
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some((self.number, line)));
            }
        }
    }

    fn batch(&mut self) -> Result<Vec<(usize, Vec<u8>)>, CityError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some((number, line)) = self.next()?
        {
            bytes += line.len();
            batch.push((number, line));
        }
        Ok(batch)
    }
}
