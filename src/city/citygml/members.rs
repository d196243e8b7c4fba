//! Cuts a file into the children of its root, one after the other, in bounded memory.
//!
//! A member that is not well-formed ends where its own end tag stands, or where the next member begins, so that one bad building costs no other.
//! One of more than [`KEPT_BYTES_MAX`] is left out: a building of that size has a million walls. Terrain is cut and may be as big as it likes.

use super::encoding::Encoding;
use super::namespaces::{Namespaces, split};
use super::tags::{KEPT_BYTES_MAX, Tags, Token, newlines};
use super::vertices::Mix;
use crate::city::CityError;
use memchr::memchr;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::path::Path;

/// Terrain and appearances are cut into pieces of this size.
const PIECE_BYTES: usize = 4 << 20;
/// What comes before the triangles of a terrain is repeated before each piece of it.
const PIECE_HEAD_BYTES_MAX: usize = 64 << 10;
/// Text and number of the members that are worked on together.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_MEMBERS: usize = 4096;
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
}

/// The file, member by member.
pub(super) struct Members {
    tags: Tags,
    /// Name of the root, and of a `featureMembers` inside of it.
    shells: Vec<u64>,
    current: Option<Current>,
    root: Root,
    done: bool,
}

impl Members {
    /// Opens a file and reads its root.
    ///
    /// # Errors
    /// When it can't be read, is empty, or is no XML that can be read here.
    pub(super) fn open(path: &Path) -> Result<Self, CityError> {
        let root = Root { name: String::new(), namespaces: Namespaces::default(), encoding: Encoding::Utf8, tag: String::new() };
        let mut members = Self { tags: Tags::open(path)?, shells: Vec::new(), current: None, root, done: false };
        members.root.encoding = Encoding::of(&members.tags.buffer).map_err(|why| CityError::unusable(path, why))?;
        while members.shells.is_empty() {
            match members.tags.token()? {
                Some(Token::Start { at, name_len, empty }) => members.read_root(at, name_len, empty),
                Some(_) => {}
                None => {
                    let end = members.tags.line_at(members.tags.at);
                    let (line, why) = members.tags.fault.take().unwrap_or((end, "there is no element in it".to_owned()));
                    let why = format!("line {line}: {why}; it was cut off or is no XML: copy or export it again");
                    return Err(CityError::unusable(path, why));
                }
            }
        }
        Ok(members)
    }

    fn read_root(&mut self, at: usize, name_len: usize, empty: bool) {
        let tag = String::from_utf8_lossy(self.tags.bytes(at + 1, self.tags.at.saturating_sub(at + 2))).into_owned();
        let name = tag.get(..name_len).unwrap_or_default();
        self.root.name = split(name).1.to_owned();
        self.root.namespaces = Namespaces::of_root(&tag, name_len.min(tag.len()));
        self.shells.push(hash(self.tags.bytes(at + 1, name_len)));
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
            let found = match self.tags.token()? {
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

    /// Why the file could not be read to its end, and on which line.
    pub(super) fn fault(&self) -> Option<&(u64, String)> {
        self.tags.fault.as_ref()
    }

    fn start(&mut self, at: usize, name_len: usize, empty: bool) -> Option<Member> {
        let name = hash(self.tags.bytes(at + 1, name_len));
        let local = local(self.tags.bytes(at + 1, name_len));
        let cuts = [b"trianglePatches".as_slice(), b"Appearance"].map(|known| known == local);
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
                self.tags.keep = Some(at);
                let open = vec![Open { name, at: 0, till: self.tags.at - at, name_len, cuts: false }];
                let line = self.tags.line_at(at);
                self.current = Some(Current { kind, line, open, piece: 0, rest: None, broken: None });
                return if empty { self.finish() } else { None };
            }
            // Where a member begins, the one before it has ended, closed or not.
            Some(current)
                if self.shells.len() == 1 && current.kind != Kind::Other && current.open.first().is_some_and(|o| o.name == name) =>
            {
                let why = "the member is not closed before the next one begins".to_owned();
                current.broken.get_or_insert((current.line, why));
                self.tags.at = at;
                return self.finish();
            }
            Some(current) if !empty => {
                if current.open.len() == OPEN_MAX {
                    let line = self.tags.line_at(at);
                    self.tags.fault = Some((line, format!("nested deeper than {OPEN_MAX} elements")));
                    self.done = true;
                    return self.cut_off();
                }
                // Places of what is not kept are not asked for.
                let base = self.tags.keep.unwrap_or(at);
                let cuts = cuts[usize::from(current.kind == Kind::Appearance)];
                current.open.push(Open { name, at: at - base, till: self.tags.at - base, name_len, cuts });
            }
            Some(_) => {}
        }
        None
    }

    fn end(&mut self, at: usize, name_len: usize) -> Option<Member> {
        let name = hash(self.tags.bytes(at + 2, name_len));
        let Some(current) = &mut self.current else {
            self.leave_shell(name);
            return None;
        };
        if current.open.last().is_some_and(|o| o.name == name) {
            current.open.pop();
            return match current.open.last() {
                None => self.finish(),
                Some(top) if top.cuts && self.tags.keep.is_some_and(|base| self.tags.at - base >= PIECE_BYTES) => self.cut(),
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
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let opened = self.tags.keep.zip(current.open.last());
            let opened = opened.map_or(String::new(), |(base, open)| text(self.tags.bytes(base + open.at + 1, open.name_len)));
            let closing = text(self.tags.bytes(at + 2, name_len));
            current.broken = Some((self.tags.line_at(at), format!("</{closing}> stands where <{opened}> is still open")));
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
        let Current { kind, line, piece, rest, broken, .. } = self.current.take()?;
        let kept = self.tags.keep.and_then(|base| self.tags.buffer.get(base..self.tags.at));
        let long = || (line, format!("a member of more than {} MiB", KEPT_BYTES_MAX >> 20));
        let broken = broken.or_else(|| kept.is_none().then(long));
        let text = kept.filter(|_| broken.is_none()).map(<[u8]>::to_vec).unwrap_or_default();
        self.tags.let_go();
        Some(Member { kind, text, line, piece, rest, broken })
    }

    /// Hands on the children read so far of an element that may be cut, in a member of their own.
    fn cut(&mut self) -> Option<Member> {
        let line = self.tags.line_at(self.tags.at);
        let (current, base) = (self.current.as_mut()?, self.tags.keep?);
        let head = current.open.last()?.till;
        // A member that is broken stays in one piece: it is left out as one.
        if head > PIECE_HEAD_BYTES_MAX || current.broken.is_some() {
            return None;
        }
        let mut text = self.tags.buffer.get(base..self.tags.at)?.to_vec();
        for open in current.open.iter().rev() {
            let name = text.get(open.at + 1..open.at + 1 + open.name_len)?.to_vec();
            text.extend_from_slice(b"</");
            text.extend_from_slice(&name);
            text.push(b'>');
        }
        let member = Member { kind: current.kind, text, line: current.line, piece: current.piece, rest: current.rest, broken: None };
        current.piece += 1;
        current.rest = Some((head, line));
        self.tags.cut(base + head);
        Some(member)
    }

    /// What is left of a member when the file can't be read on.
    fn cut_off(&mut self) -> Option<Member> {
        let line = self.tags.line_at(self.tags.at);
        let fault = self.tags.fault.get_or_insert_with(|| (line, "the file breaks off: its root is not closed".to_owned()));
        self.current.as_mut()?.broken = Some(fault.clone());
        self.finish()
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
    BuildHasherDefault::<Mix>::default().hash_one(name)
}
