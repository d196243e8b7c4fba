//! CityJSON 1.0, 1.1 and 2.0, and CityJSONSeq, into a [`CitySource`].
//!
//! [`document`] and [`sequence`] take a file apart, [`shape`] says of what it consists, [`frame`] is what it says once, [`object`] one city
//! object, [`geometry`] its faces ([`rings`] fast, [`boundaries`] with care), [`wear`] their colours and pictures, [`template`] geometry used
//! many times, [`super::part`] what is handed on. Whatever one object gets wrong stays with it: faces and objects that can't be used are left out and
//! counted in the report, with file, object and ring; only a broken file as a whole is an error.

mod appearance;
mod boundaries;
mod document;
mod families;
mod frame;
mod geometry;
mod nested;
mod object;
mod rings;
mod scan;
mod sequence;
mod shape;
pub(super) mod surfaces;
mod template;
#[cfg(test)]
mod tests;
pub(super) mod vertices;
mod wear;

use super::CityError;
use super::level::Wanted;
use super::part::{Part, Twins};
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is looked at to tell a sequence.
const HEAD_BYTES: u64 = 64 << 10;

/// Reads a CityJSON or CityJSONSeq file, told apart by content, and hands it on in parts of some thousand objects; of a sequence no more than
/// a few parts are in memory at once.
///
/// Objects keep the best level of detail they have in surfaces or solids (see [`ReadOptions::lod`]); objects that only group parts come with no
/// faces. `report` gets `objects_in` (objects with geometry), rejections and warnings.
///
/// # Errors
/// A [`CityError`] with file, place and mend when the file as a whole can't be read: not there, empty, cut off, not JSON, not CityJSON, too old.
/// What `sink` answers ends the reading.
pub fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    if is_sequence(path)? {
        let text = File::open(path).map_err(CityError::open(path))?;
        return read_lines(path, Box::new(text), options, report, sink);
    }
    let wanted = Wanted::new(options.lod.as_deref());
    let mut twins = Twins::default();
    document::read(path, wanted, |part| hand_on(part, &mut twins, report, sink))
}

/// Text from wherever; read on a thread of its own.
pub(super) type Text = Box<dyn Read + Send>;

/// Reads the text of a CityJSONSeq, which may be made while it is read; `path` is the file that errors name. Else as [`read`].
///
/// # Errors
/// As [`read`].
pub(super) fn read_lines(
    path: &Path,
    text: Text,
    options: &ReadOptions,
    report: &mut BuildReport,
    sink: &mut Sink,
) -> Result<(), CityError> {
    let wanted = Wanted::new(options.lod.as_deref());
    let mut twins = Twins::default();
    sequence::read(path, text, wanted, |part| hand_on(part, &mut twins, report, sink))
}

fn hand_on(part: Part, twins: &mut Twins, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    report.merge(part.report);
    twins.tell(&part.source, report);
    sink(part.source)
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
