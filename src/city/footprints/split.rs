//! Features out of a JSON text of any length, one after the other, without reading the text whole.
//!
//! Knows a FeatureCollection, a bare list, and one JSON text a line (or after each record separator, RFC 8142). Looks at brackets and strings
//! only; whether a feature is sound is found out by who parses it.

use crate::city::CityError;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

/// Text handed on at once: work for every core, little memory.
const BATCH_BYTES: usize = 16 << 20;
/// Longest feature, and longest collection without its features.
const ITEM_BYTES_MAX: usize = 256 << 20;
const CHUNK_BYTES: usize = 1 << 20;

/// Some features' texts.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Where a feature stands.
pub(super) struct Item {
    range: Range<usize>,
    /// In the file, from 1.
    pub(super) number: usize,
    /// Lines before the feature's first.
    pub(super) lines_before: usize,
}

impl Batch {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn text(&self, item: &Item) -> &[u8] {
        self.bytes.get(item.range.clone()).unwrap_or_default()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Between texts.
    Outside,
    /// In an object of the top level.
    Top,
    /// Between members of `features`.
    Features,
    /// In a feature.
    Item,
}

pub(super) struct Splitter<'a, R> {
    file: &'a Path,
    input: R,
    chunk: Vec<u8>,
    at: usize,
    state: State,
    /// The collection's own text, with an empty list of features.
    head: Vec<u8>,
    /// The last string of the top object's own level in `head`, and whether a colon followed it.
    key: Range<usize>,
    is_key: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether `features` belongs to an object, or the list stands alone.
    in_object: bool,
    /// The top object had features.
    is_collection: bool,
    batch: Batch,
    item_start: usize,
    item_lines: usize,
    lines: usize,
    number: usize,
    ended: bool,
}

impl<'a, R: Read> Splitter<'a, R> {
    pub(super) fn new(file: &'a Path, input: R) -> Self {
        Self {
            file,
            input,
            chunk: Vec::new(),
            at: 0,
            state: State::Outside,
            head: Vec::new(),
            key: 0..0,
            is_key: false,
            depth: 0,
            in_string: false,
            escaped: false,
            in_object: false,
            is_collection: false,
            batch: Batch::default(),
            item_start: 0,
            item_lines: 0,
            lines: 0,
            number: 0,
            ended: false,
        }
    }

    /// The collection's own members as far as they were read, as a JSON object; empty for other texts.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = if self.is_collection { self.head.clone() } else { Vec::new() };
        if self.is_collection && self.state != State::Outside {
            head.extend_from_slice(if self.state == State::Top { b"}" } else { b"]}" });
        }
        head
    }

    /// The next features; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read, is no JSON between its features, or breaks off; what came before was handed on.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, CityError> {
        loop {
            while let Some(&byte) = self.chunk.get(self.at) {
                self.at += 1;
                self.step(byte)?;
                if self.state != State::Item && self.batch.bytes.len() >= BATCH_BYTES {
                    return Ok(Some(std::mem::take(&mut self.batch)));
                }
            }
            if self.ended {
                if !self.batch.items.is_empty() {
                    return Ok(Some(std::mem::take(&mut self.batch)));
                }
                return if self.state == State::Outside { Ok(None) } else { Err(self.wrong("the text breaks off")) };
            }
            self.chunk.resize(CHUNK_BYTES, 0);
            let read = self.input.read(&mut self.chunk).map_err(CityError::open(self.file))?;
            self.chunk.truncate(read);
            self.at = 0;
            self.ended = read == 0;
        }
    }

    fn wrong(&self, why: &str) -> CityError {
        let mend = "copy or download the file again, or export it anew (`ogr2ogr NEW.geojson FILE`)";
        CityError::Json { file: self.file.to_owned(), line: self.lines + 1, column: 1, why: why.to_owned(), mend }
    }

    fn step(&mut self, byte: u8) -> Result<(), CityError> {
        self.lines += usize::from(byte == b'\n');
        match self.state {
            State::Outside => self.outside(byte),
            State::Top => self.top(byte),
            State::Features => self.between(byte),
            State::Item => self.item(byte),
        }
    }

    fn outside(&mut self, byte: u8) -> Result<(), CityError> {
        match byte {
            b'{' => {
                self.head.clear();
                self.head.push(byte);
                (self.key, self.is_key, self.depth, self.is_collection) = (0..0, false, 1, false);
                self.item_lines = self.lines;
                self.state = State::Top;
            }
            b'[' => (self.state, self.in_object) = (State::Features, false),
            // White space, record separator, the bytes of a byte-order mark, commas between lines.
            b' ' | b'\t' | b'\r' | b'\n' | 0x1e | 0xef | 0xbb | 0xbf | b',' => {}
            other => return Err(self.wrong(&format!("not JSON: {:?} where a feature should begin", char::from(other)))),
        }
        Ok(())
    }

    fn top(&mut self, byte: u8) -> Result<(), CityError> {
        if self.head.len() >= ITEM_BYTES_MAX {
            return Err(self.too_big());
        }
        self.head.push(byte);
        let was_in_string = self.in_string;
        let closed = self.bracket(byte);
        if self.depth == 1 && self.in_string && !was_in_string {
            (self.key, self.is_key) = (self.head.len()..self.head.len(), false);
        } else if self.depth == 1 && was_in_string && !self.in_string {
            self.key.end = self.head.len() - 1;
        } else if self.depth == 1 && !self.in_string && byte == b':' {
            self.is_key = true;
        } else if self.depth == 1 && byte == b',' {
            self.is_key = false;
        } else if byte == b'['
            && self.depth == 2
            && self.is_key
            && self.head.get(self.key.clone()) == Some(b"features")
            && !self.is_collection
        {
            self.depth = 1;
            (self.state, self.in_object, self.is_collection) = (State::Features, true, true);
        }
        if closed {
            self.state = State::Outside;
            if !self.is_collection {
                self.item_start = self.batch.bytes.len();
                self.batch.bytes.append(&mut self.head);
                self.push();
            }
        }
        Ok(())
    }

    /// Follows brackets and strings; whether the last bracket was closed.
    fn bracket(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn between(&mut self, byte: u8) -> Result<(), CityError> {
        match byte {
            b'{' => {
                self.item_start = self.batch.bytes.len();
                self.item_lines = self.lines;
                self.batch.bytes.push(byte);
                (self.depth, self.state) = (1, State::Item);
            }
            b']' if self.in_object => {
                self.head.push(byte);
                (self.depth, self.is_key, self.state) = (1, false, State::Top);
            }
            b']' => self.state = State::Outside,
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
            // `null` and other members that are no features: letters of one more thing that is none.
            b'n' | b'u' | b'l' => {}
            other => return Err(self.wrong(&format!("not JSON: {:?} where a feature should begin", char::from(other)))),
        }
        Ok(())
    }

    fn item(&mut self, byte: u8) -> Result<(), CityError> {
        if self.batch.bytes.len() - self.item_start >= ITEM_BYTES_MAX {
            return Err(self.too_big());
        }
        self.batch.bytes.push(byte);
        if self.bracket(byte) {
            self.push();
            self.state = State::Features;
        }
        Ok(())
    }

    fn push(&mut self) {
        self.number += 1;
        let range = self.item_start..self.batch.bytes.len();
        self.batch.items.push(Item { range, number: self.number, lines_before: self.item_lines });
    }

    fn too_big(&self) -> CityError {
        let what = format!("the feature at line {} goes on and on", self.item_lines + 1);
        let mend = "a quotation mark or bracket may be missing there; export the file again";
        CityError::TooBig { file: self.file.to_owned(), what, limit: ITEM_BYTES_MAX as u64, mend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<String>, String, Option<String>) {
        let mut splitter = Splitter::new(Path::new("x"), text.as_bytes());
        let (mut found, mut wrong) = (Vec::new(), None);
        loop {
            match splitter.next() {
                Ok(Some(batch)) => found.extend(batch.items().iter().map(|i| String::from_utf8_lossy(batch.text(i)).into_owned())),
                Ok(None) => break,
                Err(e) => {
                    wrong = Some(e.to_string());
                    break;
                }
            }
        }
        (found, String::from_utf8(splitter.head()).unwrap(), wrong)
    }

    #[test]
    fn features_are_found_in_every_form() {
        let text = "{\"crs\": {\"a\": \"features\"}, \"features\": [{\"p\": \"}]\\\"\"}, {\"q\": [1]}], \"name\": \"n\"}";
        let (found, head, wrong) = split(text);
        assert_eq!(found, ["{\"p\": \"}]\\\"\"}", "{\"q\": [1]}"]);
        assert_eq!(head, "{\"crs\": {\"a\": \"features\"}, \"features\": [], \"name\": \"n\"}");
        assert!(wrong.is_none());
        for text in ["{\"a\": 1}\n{\"b\": 2}\n", "\u{1e}{\"a\": 1}\n\u{1e}{\"b\": 2}", "\u{feff}[{\"a\": 1}, {\"b\": 2}]"] {
            assert_eq!(split(text).0, ["{\"a\": 1}", "{\"b\": 2}"], "{text}");
        }
        let (found, _, wrong) = split("{\"type\": \"FeatureCollection\",\n\"features\": [{\"a\": 1},\n{\"b\": ");
        assert_eq!(found, ["{\"a\": 1}"]);
        assert!(wrong.unwrap().contains("line 3"));
        assert!(split("{\"features\": [1]}").2.unwrap().contains("where a feature should begin"));
        // Properties that are called like the list are none.
        assert_eq!(split("{\"properties\": {\"features\": [{}]}}").0.len(), 1);
    }
}
