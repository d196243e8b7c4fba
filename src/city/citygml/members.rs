//! Cuts a file into the children of its root, one after the other, in bounded memory.
//!
//! Only tags are looked at, and only for where they begin and end: [`super::tree`] reads what is between. A member that is not well-formed ends
//! where its own end tag stands, or where the next member begins, so that one bad building costs no other.

use super::encoding::Encoding;
use super::namespaces::{Namespaces, split};
use crate::city::CityError;
use memchr::{memchr, memchr_iter, memchr2, memmem};
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Longest member that is read: a building of this size has a million walls. Longer ones are left out, but for terrain, which is cut.
const MEMBER_BYTES_MAX: usize = 96 << 20;
/// Terrain and appearances are cut into pieces of this size.
const PIECE_BYTES: usize = 4 << 20;
/// What comes before the triangles of a terrain is repeated before each piece of it.
const PIECE_HEAD_BYTES_MAX: usize = 64 << 10;
/// Text and number of the members that are worked on together.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_MEMBERS: usize = 4096;
/// Longest tag; the root's of PLATEAU is 4 kB.
const TAG_BYTES_MAX: usize = 1 << 20;
/// Deeper nesting is no CityGML and would let the list of open elements grow with the file.
const OPEN_MAX: usize = 4096;

/// What a child of the root is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Holds city objects, or is one itself.
    Objects,
    /// An appearance of the whole model.
    Appearance,
    /// What the model says of itself.
    Other,
}

/// A child of the root.
pub(super) struct Member {
    pub kind: Kind,
    /// From its start tag to its end tag; empty when it is `broken`.
    pub text: Vec<u8>,
    /// Line of the file its text begins on.
    pub line: u64,
    /// Number of the piece when it is cut; 0 else.
    pub piece: u32,
    /// From here on `text` stands on a later line than that of what comes before.
    rest: Option<(usize, u64)>,
    /// Why it can't be read, and on which line.
    pub broken: Option<(u64, String)>,
}

impl Member {
    /// The line of a place in the text.
    pub(super) fn line_of(&self, at: usize) -> u64 {
        let (start, line) = self.rest.filter(|(rest, _)| at >= *rest).unwrap_or((0, self.line));
        line + newlines(self.text.get(start..at.min(self.text.len())).unwrap_or_default())
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// What the root says.
#[derive(Debug)]
pub(super) struct Root {
    pub name: String,
    pub namespaces: Namespaces,
    pub encoding: Encoding,
    /// Its start tag between `<` and `>`.
    pub tag: String,
}

/// An element that is open, in a member: places count from the member's start.
struct Open {
    name: u64,
    /// Where its start tag begins and ends, and how long its name is.
    at: usize,
    till: usize,
    name_len: usize,
    /// Its children may be handed on in pieces.
    cuts: bool,
}

/// A member being read.
struct Current {
    kind: Kind,
    line: u64,
    open: Vec<Open>,
    piece: u32,
    rest: Option<(usize, u64)>,
    broken: Option<(u64, String)>,
    /// Too long: its text is forgotten while its end is looked for.
    forgotten: bool,
}

/// What stands at a place of the buffer.
enum Token {
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

/// The file, member by member.
pub(super) struct Members {
    file: PathBuf,
    input: File,
    buffer: Vec<u8>,
    /// Everything before it has been looked at.
    at: usize,
    /// Where the token being read begins.
    mark: usize,
    /// Where the member being read begins.
    base: usize,
    ended: bool,
    /// Newlines are counted up to here.
    counted: usize,
    line: u64,
    /// Name of the root, and of a `featureMembers` inside of it.
    shells: Vec<u64>,
    current: Option<Current>,
    root: Root,
    /// Why the file could not be read to its end, and on which line.
    pub fault: Option<(u64, String)>,
    done: bool,
}

impl Members {
    /// Opens a file and reads its root.
    ///
    /// # Errors
    /// When it can't be read, is empty, or is no XML that can be read here.
    pub(super) fn open(path: &Path) -> Result<Self, CityError> {
        let root = Root { name: String::new(), namespaces: Namespaces::default(), encoding: Encoding::Utf8, tag: String::new() };
        let mut members = Self {
            file: path.to_owned(),
            input: File::open(path).map_err(CityError::open(path))?,
            buffer: Vec::new(),
            at: 0,
            mark: 0,
            base: 0,
            ended: false,
            counted: 0,
            line: 1,
            shells: Vec::new(),
            current: None,
            root,
            fault: None,
            done: false,
        };
        members.fill()?;
        members.root.encoding = Encoding::of(&members.buffer).map_err(|why| CityError::unusable(path, why))?;
        while members.shells.is_empty() {
            match members.token()? {
                Some(Token::Start { at, name_len, empty }) => members.read_root(at, name_len, empty),
                Some(_) => {}
                None => {
                    let (line, why) = members.fault.take().unwrap_or((members.line, "there is no element in it".to_owned()));
                    let why = format!("line {line}: {why}; it was cut off or is no XML: copy or export it again");
                    return Err(CityError::unusable(path, why));
                }
            }
        }
        Ok(members)
    }

    fn read_root(&mut self, at: usize, name_len: usize, empty: bool) {
        let tag = String::from_utf8_lossy(self.buffer.get(at + 1..self.at.saturating_sub(1)).unwrap_or_default()).into_owned();
        let name = tag.get(..name_len).unwrap_or_default();
        self.root.name = split(name).1.to_owned();
        self.root.namespaces = Namespaces::of_root(&tag, name_len.min(tag.len()));
        self.shells.push(hash(self.name(at + 1, name_len)));
        self.root.tag = tag;
        self.done = empty;
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// The next member; `None` at the end, or where the file can no longer be understood ([`Members::fault`]).
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn next(&mut self) -> Result<Option<Member>, CityError> {
        while !self.done {
            let found = match self.token()? {
                Some(Token::Nothing) => None,
                Some(Token::Start { at, name_len, empty }) => self.start(at, name_len, empty),
                Some(Token::End { at, name_len }) => self.end(at, name_len),
                None => {
                    self.done = true;
                    return Ok(self.cut_off());
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The next members, as many as keep all cores busy for a while; none at the end.
    ///
    /// # Errors
    /// As [`Members::next`].
    pub(super) fn batch(&mut self) -> Result<Vec<Member>, CityError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_MEMBERS && bytes < BATCH_BYTES {
            let Some(member) = self.next()? else { break };
            bytes += member.text.len();
            batch.push(member);
        }
        Ok(batch)
    }

    fn name(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..at + len).unwrap_or_default()
    }

    /// The line of a place in the buffer; places are asked for in order.
    fn line_at(&mut self, at: usize) -> u64 {
        self.line += newlines(self.buffer.get(self.counted..at).unwrap_or_default());
        self.counted = self.counted.max(at);
        self.line
    }

    fn start(&mut self, at: usize, name_len: usize, empty: bool) -> Option<Member> {
        let name = hash(self.name(at + 1, name_len));
        let local = local(self.name(at + 1, name_len));
        let cuts = matches!(local, b"trianglePatches" | b"Appearance");
        let kind = kind(local, self.shells.len());
        let shell = self.shells.len() == 1 && matches!(local, b"featureMembers" | b"cityObjectMembers" | b"members");
        match &mut self.current {
            None if shell => {
                if !empty {
                    self.shells.push(name);
                }
                return None;
            }
            None => {
                self.base = at;
                let open = vec![Open { name, at: 0, till: self.at - at, name_len, cuts: false }];
                let line = self.line_at(at);
                self.current = Some(Current { kind, line, open, piece: 0, rest: None, broken: None, forgotten: false });
                return if empty { self.finish() } else { None };
            }
            // Where a member begins, the one before it has ended, closed or not.
            Some(current)
                if self.shells.len() == 1 && current.kind != Kind::Other && current.open.first().is_some_and(|o| o.name == name) =>
            {
                let why = "the member is not closed before the next one begins".to_owned();
                current.broken.get_or_insert((current.line, why));
                self.at = at;
                return self.finish();
            }
            Some(current) if !empty => {
                if current.open.len() == OPEN_MAX {
                    let line = self.line_at(at);
                    self.fault = Some((line, format!("nested deeper than {OPEN_MAX} elements")));
                    self.done = true;
                    return self.cut_off();
                }
                current.open.push(Open { name, at: at - self.base, till: self.at - self.base, name_len, cuts });
            }
            Some(_) => {}
        }
        None
    }

    fn end(&mut self, at: usize, name_len: usize) -> Option<Member> {
        let name = hash(self.name(at + 2, name_len));
        let Some(current) = &mut self.current else {
            self.leave_shell(name);
            return None;
        };
        if current.open.last().is_some_and(|o| o.name == name) {
            current.open.pop();
            return match current.open.last() {
                None => self.finish(),
                Some(top) if top.cuts && !current.forgotten && self.at - self.base >= PIECE_BYTES => self.cut(),
                Some(_) => None,
            };
        }
        let known = current.open.iter().rposition(|o| o.name == name);
        let leaves = self.shells.contains(&name);
        if known.is_none() && !leaves {
            // Closes nothing that is open; the tree will tell.
            return None;
        }
        if current.broken.is_none() {
            let what = current.open.last().map(|o| {
                String::from_utf8_lossy(self.buffer.get(self.base + o.at + 1..).and_then(|b| b.get(..o.name_len)).unwrap_or_default())
                    .into_owned()
            });
            let closing = String::from_utf8_lossy(self.name(at + 2, name_len)).into_owned();
            let line = self.line_at(at);
            if let Some(current) = &mut self.current {
                current.broken = Some((line, format!("</{closing}> stands where <{}> is still open", what.unwrap_or_default())));
            }
        }
        if let Some(known) = known {
            let current = self.current.as_mut()?;
            current.open.truncate(known);
            return if known == 0 { self.finish() } else { None };
        }
        let member = self.finish();
        self.leave_shell(name);
        member
    }

    /// The end tag of the root or of a `featureMembers`.
    fn leave_shell(&mut self, name: u64) {
        if let Some(level) = self.shells.iter().rposition(|s| *s == name) {
            self.shells.truncate(level);
            self.done = level == 0;
        }
    }

    /// Hands on what has been read of a member.
    fn finish(&mut self) -> Option<Member> {
        let current = self.current.take()?;
        let whole = current.broken.is_none() && !current.forgotten;
        let text = if whole { self.buffer.get(self.base..self.at).unwrap_or_default().to_vec() } else { Vec::new() };
        self.mark = self.at;
        Some(Member { kind: current.kind, text, line: current.line, piece: current.piece, rest: current.rest, broken: current.broken })
    }

    /// Hands on the children read so far of an element that may be cut, in a member of their own.
    fn cut(&mut self) -> Option<Member> {
        let line = self.line_at(self.at);
        let current = self.current.as_mut()?;
        let head = current.open.last()?.till;
        if head > PIECE_HEAD_BYTES_MAX {
            return None;
        }
        let mut text = self.buffer.get(self.base..self.at)?.to_vec();
        for open in current.open.iter().rev() {
            let name = text.get(open.at + 1..open.at + 1 + open.name_len)?.to_vec();
            text.extend_from_slice(b"</");
            text.extend_from_slice(&name);
            text.push(b'>');
        }
        let member = Member { kind: current.kind, text, line: current.line, piece: current.piece, rest: current.rest, broken: None };
        current.piece += 1;
        current.rest = Some((head, line));
        self.buffer.drain(self.base + head..self.at);
        self.at = self.base + head;
        (self.mark, self.counted) = (self.at, self.at);
        Some(member)
    }

    /// What is left of a member when the file can't be read on.
    fn cut_off(&mut self) -> Option<Member> {
        let line = self.line_at(self.at);
        if self.fault.is_none() {
            self.fault = Some((line, "the file breaks off: its root is not closed".to_owned()));
        }
        let why = self.fault.clone();
        self.current.as_mut()?.broken = why;
        self.finish()
    }

    /// Reads on. `false` when there is no more.
    fn fill(&mut self) -> Result<bool, CityError> {
        let kept = self.current.as_ref().filter(|c| !c.forgotten).map_or(self.mark, |_| self.base);
        if kept > 0 {
            self.line_at(kept);
            self.buffer.drain(..kept);
            self.at -= kept;
            self.mark -= kept;
            self.counted -= kept;
            self.base = self.base.saturating_sub(kept);
        }
        if let Some(current) = &mut self.current
            && !current.forgotten
            && self.buffer.len() > MEMBER_BYTES_MAX
        {
            current.forgotten = true;
            current.broken = Some((current.line, format!("a member of more than {} MiB", MEMBER_BYTES_MAX >> 20)));
        }
        let before = self.buffer.len();
        // Room for what is read, doubled where a member is long.
        self.buffer.reserve(CHUNK_BYTES);
        let read = (&mut self.input).take(CHUNK_BYTES as u64).read_to_end(&mut self.buffer).map_err(CityError::open(&self.file))?;
        self.ended = read == 0;
        Ok(self.buffer.len() > before)
    }

    /// The next tag, whole in the buffer; `None` at the end or at a [`Members::fault`].
    fn token(&mut self) -> Result<Option<Token>, CityError> {
        while let None = memchr(b'<', &self.buffer[self.at..]).map(|n| self.at += n) {
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

/// Bytes of the tag at the start of `text`, `None` when it goes on beyond. A tag that another one interrupts
/// ends before it: an angle bracket may not even stand in quotes.
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

fn local(name: &[u8]) -> &[u8] {
    memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

fn kind(local: &[u8], shells: usize) -> Kind {
    match local {
        b"cityObjectMember" | b"featureMember" | b"member" => Kind::Objects,
        b"appearanceMember" => Kind::Appearance,
        _ if shells > 1 => Kind::Objects,
        _ => Kind::Other,
    }
}

fn hash(name: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}
