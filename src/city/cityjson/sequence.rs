//! CityJSONSeq: a header line, then one CityJSONFeature a line with vertices of its own. Read in blocks, so that a city need not fit in memory.

use super::Text;
use super::appearance::Appearance;
use super::document::utf8;
use super::frame::Frame;
use super::json_error;
use super::object;
use super::shape::Document;
use crate::city::CityError;
use crate::city::ahead::{Send, ahead};
use crate::city::level::Wanted;
use crate::city::part::{Outcome, Part};
use crate::city::report::BuildReport;
use glam::DVec3;
use rayon::prelude::*;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Text of one part: enough work for every core, little memory. Three parts are in the air at most: one being read, one waiting, one being
/// worked on by whoever takes it.
const BLOCK_BYTES: u64 = 4 << 20;
/// Longest line: a feature is a building, or a terrain at worst.
const LINE_BYTES_MAX: u64 = 1 << 30;

pub(super) fn read(path: &Path, input: Text, wanted: Wanted, take: impl FnMut(Part) -> Result<(), CityError>) -> Result<(), CityError> {
    let mut lines = Lines { file: path, input: BufReader::new(input), next: 1 };
    ahead(|send| parts(&mut lines, wanted, send), take)
}

fn parts(lines: &mut Lines, wanted: Wanted, send: &mut Send<Part>) -> Result<(), CityError> {
    let path = lines.file;
    let (number, header) = lines.first()?;
    let header = Document::read(utf8(path, &header)?).map_err(|e| json_error(path, &e, number - 1))?;
    let mut report = BuildReport::default();
    let frame = Frame::read(path, &header, wanted, &mut report)?;
    let mut part = Part::new(path, frame.crs.clone());
    part.report = report;
    // Objects beside the header are against the rules and happen; without any there still is a file that says where it lies.
    feature_of(&header, &frame, BuildReport::default()).put(&mut part);
    while send(part) {
        let (first, block) = lines.block()?;
        if block.is_empty() {
            break;
        }
        part = Part::new(path, frame.crs.clone());
        let lines: Vec<&[u8]> = block.split(|b| *b == b'\n').collect();
        let features: Vec<Feature> = lines.par_iter().enumerate().filter_map(|(i, line)| feature(first + i, line, &frame)).collect();
        features.into_iter().for_each(|feature| feature.put(&mut part));
    }
    Ok(())
}

/// What became of a line.
struct Feature {
    vertices: Vec<DVec3>,
    outcomes: Vec<Outcome>,
    report: BuildReport,
}

impl Feature {
    fn put(self, part: &mut Part) {
        part.report.merge(self.report);
        part.add(self.outcomes, &self.vertices);
    }
}

/// A line that can't be read is one object left out; a blank one is nothing.
fn feature(number: usize, line: &[u8], frame: &Frame) -> Option<Feature> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let read = || -> Result<Feature, CityError> {
        let feature = Document::read(utf8(frame.file, line)?).map_err(|e| json_error(frame.file, &e, number - 1))?;
        if feature.kind.as_deref() != Some("CityJSONFeature") {
            let why = format!("type is {:?}, not \"CityJSONFeature\"", feature.kind.unwrap_or_default());
            let mend = "after the header every line is one CityJSONFeature";
            return Err(CityError::Json { file: frame.file.to_owned(), line: number, column: 1, why, mend });
        }
        Ok(feature_of(&feature, frame, BuildReport::default()))
    };
    Some(read().unwrap_or_else(|e| {
        let mut report = BuildReport { objects_in: 1, ..BuildReport::default() };
        report.reject("line is no CityJSONFeature", &format!("line {number}: {e}; the line is left out"));
        Feature { vertices: Vec::new(), outcomes: Vec::new(), report }
    }))
}

fn feature_of(feature: &Document, frame: &Frame, mut report: BuildReport) -> Feature {
    let vertices = frame.vertices(feature.vertices, None, &mut report);
    let appearance = Appearance::read(frame.file, feature.appearance, &mut report);
    let context = frame.context(&vertices, &appearance);
    let outcomes = feature.objects.iter().map(|e| object::read(&e.id, e.text, &context)).collect();
    Feature { vertices, outcomes, report }
}

struct Lines<'a> {
    file: &'a Path,
    input: BufReader<Text>,
    /// Number of the next line, from 1.
    next: usize,
}

impl Lines<'_> {
    /// The first line that is not blank, with its number.
    fn first(&mut self) -> Result<(usize, Vec<u8>), CityError> {
        loop {
            let mut line = Vec::new();
            self.line(&mut line)?;
            if line.is_empty() {
                return Err(CityError::Empty { file: self.file.to_owned() });
            }
            self.next += 1;
            if !line.trim_ascii().is_empty() {
                return Ok((self.next - 1, line));
            }
        }
    }

    /// Whole lines, with the number of the first one; empty at the end.
    fn block(&mut self) -> Result<(usize, Vec<u8>), CityError> {
        let mut block = Vec::with_capacity(BLOCK_BYTES as usize);
        self.input.by_ref().take(BLOCK_BYTES).read_to_end(&mut block).map_err(CityError::open(self.file))?;
        let first = self.next;
        self.next += block.iter().filter(|b| **b == b'\n').count();
        if block.last().is_some_and(|b| *b != b'\n') {
            self.line(&mut block)?;
            self.next += 1;
        }
        Ok((first, block))
    }

    /// Puts the rest of a line behind `bytes`.
    fn line(&mut self, bytes: &mut Vec<u8>) -> Result<(), CityError> {
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', bytes).map_err(CityError::open(self.file))?;
        if read as u64 == LINE_BYTES_MAX {
            let what = format!("line {} is too long", self.next);
            let mend = "a CityJSONSeq holds one feature a line; write it with `cjio FILE export jsonl NEW.city.jsonl`";
            return Err(CityError::TooBig { file: self.file.to_owned(), what, limit: LINE_BYTES_MAX, mend });
        }
        Ok(())
    }
}
