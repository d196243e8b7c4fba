//! A CityJSON document: its text in memory in one piece, its objects handed on in parts.

use super::appearance::Appearance;
use super::families;
use super::frame::Frame;
use super::object;
use super::scan::Scan;
use super::shape::Document;
use super::{json_error, vertices};
use crate::city::CityError;
use crate::city::ahead::{self, ahead};
use crate::city::level::Wanted;
use crate::city::part::{Outcome, Part, Renumbering};
use crate::city::report::BuildReport;
use glam::DVec3;
use rayon::prelude::*;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A CityJSON file is read in one piece; a bigger city comes as CityJSONSeq, which is not.
const FILE_BYTES_MAX: u64 = 8 << 30;
/// Bytes a core reads at once.
const PIECE_BYTES: usize = 4 << 20;
/// Objects a core takes at once.
const OBJECTS_AT_ONCE: usize = 32;

pub(super) fn read(path: &Path, wanted: Wanted, take: impl FnMut(Part) -> Result<(), CityError>) -> Result<(), CityError> {
    let size = std::fs::metadata(path).map_err(CityError::open(path))?.len();
    if size > FILE_BYTES_MAX {
        let mend = "write it as CityJSONSeq with `cjio FILE export jsonl NEW.city.jsonl`, or split it";
        return Err(CityError::TooBig { file: path.to_owned(), what: format!("{size} bytes in one piece"), limit: FILE_BYTES_MAX, mend });
    }
    let bytes = whole(path, size).map_err(CityError::open(path))?;
    if bytes.trim_ascii().is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    let text = utf8(path, &bytes)?;
    ahead(|send| parts(path, text, wanted, send), take)
}

/// A file of about `size` bytes, read by all cores side by side: memory that is touched for the first time takes longer than the reading.
fn whole(path: &Path, size: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; size as usize];
    let piece = |(n, piece): (usize, &mut [u8])| file.read_exact_at(piece, (n * PIECE_BYTES) as u64);
    bytes.par_chunks_mut(PIECE_BYTES).enumerate().try_for_each(piece)?;
    if size > 0 {
        file.seek(SeekFrom::Start(size))?;
    }
    // Nothing, or all of it where the file can't tell its size.
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parts(path: &Path, text: &str, wanted: Wanted, send: &mut ahead::Send<Part>) -> Result<(), CityError> {
    // The vertices are at the end of most files, far from the objects: both are looked for at the same time.
    let (document, guess) = rayon::join(|| Document::read(text), || guess_vertices(text));
    let document = document.map_err(|e| json_error(path, &e, 0))?;
    let mut report = BuildReport::default();
    let frame = Frame::read(path, &document, wanted, &mut report)?;
    let appearance = Appearance::read(path, document.appearance, &mut report);
    let stored = guess.filter(|(text, _)| document.vertices.is_some_and(|found| std::ptr::eq(found, *text))).map(|(_, stored)| stored);
    let vertices = frame.vertices(document.vertices, stored, &mut report);
    let context = frame.context(&vertices, &appearance);
    let mut numbers = Renumbering::new(vertices.len());
    let mut families = families::parts(&document.objects);
    if families.is_empty() {
        // Without objects there still is a file that says where it lies.
        families.push(Vec::new());
    }
    for family in families {
        let mut part = Part::new(path, frame.crs.clone());
        part.report = std::mem::take(&mut report);
        let read = |i: &u32| -> Outcome { object::read(&document.objects[*i as usize].id, document.objects[*i as usize].text, &context) };
        let outcomes = family.par_iter().with_min_len(OBJECTS_AT_ONCE).map(read).collect();
        part.add_used(outcomes, &vertices, &mut numbers);
        if !send(part) {
            break;
        }
    }
    Ok(())
}

/// The vertices of a file that ends with them: what follows the last string of the text.
fn guess_vertices(text: &str) -> Option<(&str, Vec<DVec3>)> {
    let quote = text.as_bytes().iter().rposition(|b| *b == b'"')?;
    let after = text.get(..=quote)?.strip_suffix("\"vertices\"")?.len() + "\"vertices\"".len();
    let mut scan = Scan::new(text.get(after..)?);
    scan.need(b':')?;
    let found = scan.value()?;
    Some((found, vertices::stored(found).ok()?))
}

/// The text of a file or line, without a byte-order mark.
///
/// # Errors
/// Line and column of the first byte that is not UTF-8.
pub(super) fn utf8<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a str, CityError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let good = &bytes[..e.valid_up_to()];
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        let column = 1 + good.iter().rev().take_while(|b| **b != b'\n').count();
        let mend = "convert the file to UTF-8 (`iconv -f GB18030 -t UTF-8 FILE`), or copy it again";
        CityError::Json { file: file.to_owned(), line, column, why: "a byte that is not UTF-8".to_owned(), mend }
    })
}
