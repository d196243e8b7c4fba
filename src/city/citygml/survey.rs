//! The first pass over a file: what members must know of each other before any of them is read.
//!
//! Where the file lies, the appearances of the whole model (they may stand behind the buildings that wear them), and geometry that one member
//! takes from another by `xlink:href`. Members without such links are not looked into, so this pass costs little more than reading the file.

use super::appearance::{Appearance, is_appearance};
use super::members::{Kind, Member, Members};
use super::namespaces::split;
use super::numbers;
use super::reference::Reference;
use super::tree::{Element, Tree};
use crate::city::CityError;
use crate::city::error::SOURCE_FORMATS;
use crate::city::part::{AsIs, name_hash};
use crate::city::report::BuildReport;
use memchr::{memchr, memmem, memrchr};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::path::Path;

/// Most links from one member to another that are followed.
const LINKS_MAX: usize = 1 << 20;
/// Text of geometry that members take from each other, kept until the file is read.
const TARGETS_BYTES_MAX: usize = 64 << 20;

/// What a first pass found.
#[derive(Default)]
pub(super) struct Survey {
    pub reference: Reference,
    /// Numbers in a position, where nothing closer to it says so.
    pub dimension: usize,
    /// Of the whole model.
    pub appearance: Appearance,
    pub targets: Targets,
}

/// Geometry that other members name, by the hash of its id.
#[derive(Default)]
pub(super) struct Targets {
    known: HashMap<u64, Target>,
    bytes: usize,
}

/// A piece of another member.
pub(super) struct Target {
    pub text: String,
    /// Line of the file it begins on.
    pub line: u64,
}

impl Targets {
    pub(super) fn get(&self, id: &str) -> Option<&Target> {
        self.known.get(&name_hash(id))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

type Hashes = HashSet<u64, BuildHasherDefault<AsIs>>;

impl Survey {
    /// # Errors
    /// When the file can't be read, or is no CityGML of a version that is read.
    pub(super) fn of(path: &Path, report: &mut BuildReport) -> Result<Self, CityError> {
        let mut members = Members::open(path)?;
        check(path, &members)?;
        let mut survey = Self { dimension: 3, ..Self::default() };
        let mut envelope = Envelope { srs_name: attribute(members.root().tag.as_bytes(), b"srsName"), ..Envelope::default() };
        let (mut wanted, mut full) = (Hashes::default(), 0u64);
        loop {
            let batch = members.batch()?;
            if batch.is_empty() {
                break;
            }
            let found: Vec<Found> = batch.par_iter().map(|member| look(member, envelope.srs_name.is_none())).collect();
            for (member, found) in batch.iter().zip(found) {
                for link in found.links {
                    if wanted.len() < LINKS_MAX {
                        wanted.insert(link);
                    } else {
                        full += 1;
                    }
                }
                match member.kind {
                    Kind::Appearance => survey.add_appearance(path, member, &members, report),
                    Kind::Other => envelope.read(member, &members),
                    Kind::Objects if envelope.srs_name.is_none() => envelope.srs_name = found.srs_name,
                    Kind::Objects => {}
                }
            }
        }
        if full > 0 {
            let text = format!("{}: {full} links beyond the first {LINKS_MAX} are not followed; split the file", path.display());
            report.warn("too many links between members", &text);
        }
        survey.reference = Reference::new(envelope.srs_name.as_deref(), envelope.corner);
        survey.dimension = envelope.dimension.unwrap_or(3);
        if !wanted.is_empty() {
            survey.targets = Targets::collect(path, &wanted, report)?;
        }
        Ok(survey)
    }

    fn add_appearance(&mut self, path: &Path, member: &Member, members: &Members, report: &mut BuildReport) {
        let broken = |report: &mut BuildReport, line: u64, why: &str| {
            report.warn("appearance left out", &format!("{}: line {line}: {why}; what it colours is drawn without it", path.display()));
        };
        if let Some((line, why)) = &member.broken {
            return broken(report, *line, why);
        }
        let (text, _) = members.root().encoding.decode(&member.text);
        match Tree::read(&text, &members.root().namespaces) {
            Err(e) => broken(report, member.line_of(e.at), &e.why),
            Ok(tree) => {
                let place = |e: Element| format!("{}: line {}: <{}>", path.display(), member.line_of(e.span().start), e.name());
                for appearance in tree.iter().filter(|e| is_appearance(*e)) {
                    self.appearance.add(appearance, path, &place, report);
                }
            }
        }
    }
}

/// # Errors
/// For XML that is no CityGML, and for versions not read.
fn check(path: &Path, members: &Members) -> Result<(), CityError> {
    let root = members.root();
    match root.namespaces.version.as_deref() {
        Some(version) if version.starts_with('1') || version.starts_with('2') => Ok(()),
        Some(version) => {
            let why = format!(
                "this is CityGML {version}, read are 1.0 and 2.0; turn it into 2.0, or into CityJSON with `citygml-tools to-cityjson FILE`"
            );
            Err(CityError::unusable(path, why))
        }
        None => {
            let found = format!("XML with the root <{}> and no namespace of CityGML", root.name);
            Err(CityError::Unsupported { file: path.to_owned(), found, supported: SOURCE_FORMATS })
        }
    }
}

/// What the model's `gml:boundedBy` says.
#[derive(Default)]
struct Envelope {
    srs_name: Option<String>,
    corner: Option<[f64; 2]>,
    dimension: Option<usize>,
}

impl Envelope {
    fn read(&mut self, member: &Member, members: &Members) {
        let (text, _) = members.root().encoding.decode(&member.text);
        let Ok(tree) = Tree::read(&text, &members.root().namespaces) else { return };
        let Some(envelope) = tree.iter().find(|e| e.name() == "Envelope") else { return };
        if let Some(name) = envelope.attribute("srsName") {
            self.srs_name = Some(name.to_owned());
        }
        self.dimension = envelope.attribute("srsDimension").and_then(|d| d.parse().ok()).filter(|d| matches!(d, 2 | 3));
        let corner = envelope.child("lowerCorner").or_else(|| envelope.child("pos"));
        let mut numbers = Vec::new();
        if corner.is_some_and(|c| numbers::list(c.text(), b' ', &mut numbers).is_ok())
            && let [first, second, ..] = numbers[..]
        {
            self.corner = Some([first, second]);
        }
    }
}

/// What one member has for the others.
#[derive(Default)]
struct Found {
    /// Geometry it names and does not hold.
    links: Vec<u64>,
    srs_name: Option<String>,
}

fn look(member: &Member, want_srs: bool) -> Found {
    let text = &member.text[..];
    if member.kind != Kind::Objects {
        return Found::default();
    }
    let mut links: Vec<u64> = links(text).map(|id| name_hash(&id)).collect();
    if !links.is_empty() {
        let own: Hashes = values(text, b"id=").map(|(_, id)| name_hash(&String::from_utf8_lossy(id))).collect();
        links.retain(|link| !own.contains(link));
    }
    Found { links, srs_name: if want_srs { attribute(text, b"srsName") } else { None } }
}

/// Values in quotes behind `key`, each with the place of its key.
fn values<'t>(text: &'t [u8], key: &'static [u8]) -> impl Iterator<Item = (usize, &'t [u8])> {
    memmem::find_iter(text, key).filter_map(move |at| {
        let rest = text.get(at + key.len()..)?;
        let quote = *rest.first().filter(|q| matches!(q, b'"' | b'\''))?;
        let end = memchr(quote, &rest[1..])?;
        Some((at, &rest[1..=end]))
    })
}

fn attribute(text: &[u8], name: &'static [u8]) -> Option<String> {
    let at = memmem::find(text, name)?;
    let rest = text.get(at + name.len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *rest.first().filter(|q| matches!(q, b'"' | b'\''))?;
    let end = memchr(quote, &rest[1..])?;
    Some(String::from_utf8_lossy(&rest[1..=end]).into_owned())
}

/// Ids of geometry that is taken from elsewhere in the file; links to city objects are no such.
fn links(text: &[u8]) -> impl Iterator<Item = String> {
    values(text, b"href=").filter_map(|(at, value)| {
        let id = value.strip_prefix(b"#")?;
        let tag = memrchr(b'<', &text[..at])?;
        let name = text.get(tag + 1..at)?.split(|b| b.is_ascii_whitespace()).next()?;
        let name = split(std::str::from_utf8(name).ok()?).1;
        is_geometry_property(name).then(|| String::from_utf8_lossy(id).into_owned())
    })
}

/// Properties whose value is geometry.
pub(super) fn is_geometry_property(name: &str) -> bool {
    let of_level = name.strip_prefix("lod").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    of_level
        || matches!(
            name,
            "surfaceMember"
                | "surfaceMembers"
                | "baseSurface"
                | "solidMember"
                | "geometryMember"
                | "element"
                | "exterior"
                | "relativeGMLGeometry"
                | "tin"
        )
}

impl Targets {
    /// Another pass over the file, for geometry that other members name.
    fn collect(path: &Path, wanted: &Hashes, report: &mut BuildReport) -> Result<Self, CityError> {
        let mut targets = Self::default();
        let mut members = Members::open(path)?;
        loop {
            let batch = members.batch()?;
            if batch.is_empty() {
                return Ok(targets);
            }
            let holds =
                |member: &Member| values(&member.text, b"id=").any(|(_, id)| wanted.contains(&name_hash(&String::from_utf8_lossy(id))));
            let holding: Vec<bool> = batch.par_iter().map(|m| m.kind == Kind::Objects && holds(m)).collect();
            for (member, _) in batch.iter().zip(holding).filter(|(_, holds)| *holds) {
                targets.add(path, member, &members, wanted, report);
            }
        }
    }

    fn add(&mut self, path: &Path, member: &Member, members: &Members, wanted: &Hashes, report: &mut BuildReport) {
        let (text, _) = members.root().encoding.decode(&member.text);
        // What is wrong with the member is told when it is read itself.
        let Ok(tree) = Tree::read(&text, &members.root().namespaces) else { return };
        let named = |e: &Element| e.id().is_some_and(|id| wanted.contains(&name_hash(id)));
        let mut open: Vec<Element> = tree.iter().filter(named).collect();
        while let Some(element) = open.pop() {
            let Some(id) = element.id().map(name_hash).filter(|id| !self.known.contains_key(id)) else { continue };
            let span = element.span();
            if self.bytes + span.len() > TARGETS_BYTES_MAX {
                let place = format!("{}: line {}: <{}>", path.display(), member.line_of(span.start), element.name());
                let limit = TARGETS_BYTES_MAX >> 20;
                report.warn("too much geometry shared between members", &format!("{place} is beyond {limit} MiB of it; split the file"));
                continue;
            }
            self.bytes += span.len();
            let line = member.line_of(span.start);
            self.known.insert(id, Target { text: text.get(span).unwrap_or_default().to_owned(), line });
            // What it takes from its own member is needed as well.
            open.extend(element.descendants().filter_map(|e| element.sibling_by_id(e.href()?.strip_prefix('#')?)));
        }
    }
}
