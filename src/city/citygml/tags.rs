//! Tags of a file, one after the other, each whole in a buffer that goes along with them.
//!
//! Where elements begin and end is all that is looked at: what is between is for [`super::tree`].

use crate::city::CityError;
use memchr::{memchr, memchr_iter, memchr2, memmem};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Longest stretch that is kept in the buffer.
pub(super) const KEPT_BYTES_MAX: usize = 96 << 20;
/// Longest tag; the root's of PLATEAU is 4 kB.
const TAG_BYTES_MAX: usize = 1 << 20;

/// What stands at a place of the buffer.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Start {
        at: usize,
        name_len: usize,
        empty: bool,
    },
    End {
        at: usize,
        name_len: usize,
    },
    /// Nothing to see: a comment, an instruction.
    Nothing,
}

/// A file, tag by tag.
pub(super) struct Tags {
    file: PathBuf,
    input: File,
    pub buffer: Vec<u8>,
    /// Everything before it has been looked at.
    pub at: usize,
    /// Where the token being read begins.
    mark: usize,
    /// From here on the buffer is kept as it is read on; `None` when nothing but the token is wanted, or too much would be kept.
    pub keep: Option<usize>,
    /// Newlines are counted up to here.
    counted: usize,
    line: u64,
    /// Why the file could not be read to its end, and on which line.
    pub fault: Option<(u64, String)>,
}

impl Tags {
    /// # Errors
    /// When the file can't be read.
    pub(super) fn open(path: &Path) -> Result<Self, CityError> {
        let mut tags = Self {
            file: path.to_owned(),
            input: File::open(path).map_err(CityError::open(path))?,
            buffer: Vec::new(),
            at: 0,
            mark: 0,
            keep: None,
            counted: 0,
            line: 1,
            fault: None,
        };
        tags.fill()?;
        Ok(tags)
    }

    /// Some bytes of the buffer; none where it has no such.
    pub(super) fn bytes(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..at.saturating_add(len)).unwrap_or_default()
    }

    /// The line of a place in the buffer; places are asked for in order.
    pub(super) fn line_at(&mut self, at: usize) -> u64 {
        self.line += newlines(self.buffer.get(self.counted..at).unwrap_or_default());
        self.counted = self.counted.max(at);
        self.line
    }

    /// Forgets what is kept between `from` and what has been looked at, and goes on reading there.
    pub(super) fn cut(&mut self, from: usize) {
        self.line_at(self.at);
        self.buffer.drain(from..self.at);
        (self.at, self.mark, self.counted) = (from, from, from);
    }

    /// Keeps nothing any more.
    pub(super) fn let_go(&mut self) {
        self.keep = None;
        self.mark = self.at;
    }

    /// Reads on. `false` when there is no more.
    fn fill(&mut self) -> Result<bool, CityError> {
        let kept = self.keep.unwrap_or(self.mark);
        if kept > 0 {
            self.line_at(kept);
            self.buffer.drain(..kept);
            self.at -= kept;
            self.mark -= kept;
            self.counted -= kept;
            self.keep = self.keep.map(|_| 0);
        }
        if self.buffer.len() > KEPT_BYTES_MAX {
            self.keep = None;
        }
        self.buffer.reserve(CHUNK_BYTES);
        let read = (&mut self.input).take(CHUNK_BYTES as u64).read_to_end(&mut self.buffer).map_err(CityError::open(&self.file))?;
        Ok(read > 0)
    }

    /// The next tag, whole in the buffer; `None` at the end or at a [`Tags::fault`].
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn token(&mut self) -> Result<Option<Token>, CityError> {
        loop {
            if let Some(text) = memchr(b'<', &self.buffer[self.at..]) {
                self.at += text;
                break;
            }
            self.at = self.buffer.len();
            self.mark = self.at;
            if !self.fill()? {
                return Ok(None);
            }
        }
        self.mark = self.at;
        while self.buffer.len() - self.at < b"<![CDATA[".len() && self.fill()? {}
        let rest = &self.buffer[self.at..];
        match rest {
            [b'<', b'!', b'-', b'-', ..] => self.pass(4, b"-->", "a comment"),
            [b'<', b'?', ..] => self.pass(2, b"?>", "an instruction"),
            _ if rest.starts_with(b"<![CDATA[") => self.pass(9, b"]]>", "a CDATA section"),
            [b'<', b'!', ..] => self.whole("a document type", doctype_end).map(|end| end.map(|_| Token::Nothing)),
            _ => self.tag(),
        }
    }

    fn tag(&mut self) -> Result<Option<Token>, CityError> {
        let Some(len) = self.whole("a tag", tag_end)? else { return Ok(None) };
        let at = self.at - len;
        let tag = &self.buffer[at..self.at];
        let closes = tag.get(1) == Some(&b'/');
        let name = &tag[(1 + usize::from(closes)).min(tag.len())..];
        let name_len = name.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>')).unwrap_or(name.len());
        Ok(Some(match (closes, name_len) {
            // An angle bracket in the text, or a tag that another one interrupts.
            (_, 0) => Token::Nothing,
            (true, _) => Token::End { at, name_len },
            (false, _) => Token::Start { at, name_len, empty: tag.ends_with(b"/>") },
        }))
    }

    /// Passes over something that may be as long as it likes.
    fn pass(&mut self, skip: usize, end: &[u8], what: &str) -> Result<Option<Token>, CityError> {
        self.at += skip;
        loop {
            if let Some(n) = memmem::find(&self.buffer[self.at..], end) {
                self.at += n + end.len();
                return Ok(Some(Token::Nothing));
            }
            // Its last bytes may be the first of `end`.
            self.at = self.at.max((self.buffer.len() + 1).saturating_sub(end.len()));
            self.mark = self.at;
            if !self.fill()? {
                let line = self.line_at(self.at);
                self.fault = Some((line, format!("{what} is not closed")));
                return Ok(None);
            }
        }
    }

    /// Reads on until `length` finds the end of what begins here, and passes over it.
    fn whole(&mut self, what: &str, length: impl Fn(&[u8]) -> Option<usize>) -> Result<Option<usize>, CityError> {
        loop {
            if let Some(length) = length(&self.buffer[self.at..]) {
                self.at += length;
                return Ok(Some(length));
            }
            let long = self.buffer.len() - self.at > TAG_BYTES_MAX;
            if long || !self.fill()? {
                let line = self.line_at(self.at);
                let why =
                    if long { format!("{what} of more than {TAG_BYTES_MAX} bytes") } else { format!("the file breaks off within {what}") };
                self.fault = Some((line, why));
                return Ok(None);
            }
        }
    }
}

/// Bytes of the tag at the start of `text`, `None` when it goes on beyond. A tag that another one interrupts ends
/// before it: an angle bracket may not even stand in quotes.
fn tag_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'>' => return Some(at + 1),
            b'<' => return Some(at),
            quote @ (b'"' | b'\'') => {
                let end = at + 1 + memchr2(quote, b'<', &text[at + 1..])?;
                if text[end] == b'<' {
                    return Some(end);
                }
                at = end + 1;
            }
            _ => at += 1,
        }
    }
}

/// Bytes of a document type: its own declarations stand in brackets.
fn doctype_end(text: &[u8]) -> Option<usize> {
    let (mut at, mut inside) = (2, false);
    loop {
        match *text.get(at)? {
            b'>' if !inside => return Some(at + 1),
            b'[' => inside = true,
            b']' => inside = false,
            quote @ (b'"' | b'\'') => at += 1 + memchr(quote, &text[at + 1..])?,
            _ => {}
        }
        at += 1;
    }
}

/// Counted.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
