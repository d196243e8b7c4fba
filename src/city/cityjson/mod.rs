//! CityJSON 1.0, 1.1 and 2.0, and CityJSONSeq, into a [`CitySource`].
//!
//! [`shape`] is what serde sees, [`document`] one file or feature, [`object`] one city object, [`boundaries`] its rings, [`meaning`] what its
//! faces are, [`template`] geometry used many times, [`sequence`] the line-by-line form. Whatever one object gets wrong stays with it: faces and
//! objects that can't be used are left out and counted in the report, with file, object and ring; only a broken file as a whole is an error.

mod boundaries;
mod document;
mod object;
mod sequence;
mod shape;
mod template;
#[cfg(test)]
mod tests;
mod vertices;

use super::CityError;
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use super::source::CitySource;
use document::Frame;
use shape::Document;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A CityJSON file is read in one piece; a bigger city comes as CityJSONSeq, which is not.
const FILE_BYTES_MAX: u64 = 8 << 30;

/// How much of a file is looked at to tell a sequence.
const HEAD_BYTES: u64 = 64 << 10;

/// Reads a CityJSON or CityJSONSeq file, told apart by content.
///
/// Objects keep the highest level of detail they have in surfaces or solids; objects that only group parts come with no faces.
/// `report` gets `objects_in` (objects with geometry), rejections and warnings.
///
/// # Errors
/// A [`CityError`] with file, place and mend when the file as a whole can't be read: not there, empty, cut off, not JSON, not CityJSON, too old.
pub fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let _ = options;
    let source = if is_sequence(path)? { sequence::read(path, report)? } else { read_document(path, report)? };
    document::tell_twins(&source, report);
    sink(source)
}

fn read_document(path: &Path, report: &mut BuildReport) -> Result<CitySource, CityError> {
    let size = std::fs::metadata(path).map_err(CityError::open(path))?.len();
    if size > FILE_BYTES_MAX {
        let mend = "write it as CityJSONSeq with `cjio FILE export jsonl NEW.city.jsonl`, or split it";
        return Err(CityError::TooBig { file: path.to_owned(), what: format!("{size} bytes in one piece"), limit: FILE_BYTES_MAX, mend });
    }
    let bytes = std::fs::read(path).map_err(CityError::open(path))?;
    if bytes.trim_ascii().is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    let text = document::utf8(path, &bytes)?;
    let document: Document = serde_json::from_str(text).map_err(|e| json_error(path, &e, 0))?;
    let frame = Frame::read(path, &document, report)?;
    let mut source = CitySource::new(path, frame.crs.clone());
    document::append(&mut source, document::part(&document, &frame), report)?;
    Ok(source)
}

/// Whether one JSON text a line follows another: the first line is whole, and the next one opens again.
fn is_sequence(path: &Path) -> Result<bool, CityError> {
    let mut head = Vec::new();
    File::open(path).and_then(|f| f.take(HEAD_BYTES).read_to_end(&mut head)).map_err(CityError::open(path))?;
    let mut lines = head.split_inclusive(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty());
    let (first, second) = (lines.next().unwrap_or_default(), lines.next());
    let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl"));
    Ok(match second {
        Some(second) => first.ends_with(b"}") && second.starts_with(b"{"),
        // A header longer than the head: believe the name.
        None => named && head.len() as u64 == HEAD_BYTES,
    })
}

/// serde's error with the file's name and what to do; `lines_before` are added to its line.
fn json_error(file: &Path, e: &serde_json::Error, lines_before: usize) -> CityError {
    use serde_json::error::Category;
    let (what, mend) = match e.classify() {
        Category::Eof => ("the text breaks off", "the file was cut off: copy or download it again"),
        Category::Data => ("not in the shape of CityJSON", "find what is wrong with `cjio FILE validate`, or export the file again"),
        Category::Syntax | Category::Io => ("not JSON", "repair it at this place, or export the file again"),
    };
    let why = format!("{what} ({})", object::plain(e));
    CityError::Json { file: file.to_owned(), line: e.line() + lines_before, column: e.column(), why, mend }
}
