//! A document or a feature into a [`CitySource`]: what all its objects share, then the objects side by side.

use super::object::{self, Context, Outcome};
use super::shape::Document;
use super::template::Templates;
use super::vertices::{self, Transform};
use crate::city::CityError;
use crate::city::error::SOURCE_FORMATS;
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource};
use glam::DVec3;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::Path;

const REPAIR: &str = "find what is wrong with `cjio FILE validate`, or export the file again";

/// What a whole file says once: where it lies, and its templates.
pub(super) struct Frame<'a> {
    pub file: &'a Path,
    pub crs: Option<String>,
    geographic: bool,
    transform: Transform,
    templates: Templates<'a>,
}

impl<'a> Frame<'a> {
    /// From the document, or the header of a sequence.
    ///
    /// # Errors
    /// When it is no CityJSON, of a version not read, or its transform is broken.
    pub(super) fn read(file: &'a Path, document: &Document<'a>, report: &mut BuildReport) -> Result<Self, CityError> {
        check_kind(file, document)?;
        match document.version.as_deref() {
            Some(v) if v.starts_with("1.") || v.starts_with("2.") || v == "1" || v == "2" => {}
            Some(v) => return Err(CityError::Version { file: file.to_owned(), version: v.to_owned() }),
            None => report.warn("CityJSON version missing", &format!("{}: no \"version\"; read as 2.0", file.display())),
        }
        let why = |e: serde_json::Error| in_part(file, "transform", &e);
        let transform = Transform::read(document.transform).map_err(why)?;
        let crs = vertices::reference_system(document.metadata);
        let geographic = crs.as_deref().is_some_and(vertices::is_geographic);
        Ok(Self { file, crs, geographic, transform, templates: Templates::read(file, document.templates, report) })
    }
}

/// serde sees a member's text alone, so the place is told from the member's start.
fn in_part(file: &Path, member: &str, e: &serde_json::Error) -> CityError {
    let why = format!("counted from the start of {member:?}: {}", object::plain(e));
    CityError::Json { file: file.to_owned(), line: e.line(), column: e.column(), why, mend: REPAIR }
}

fn check_kind(file: &Path, document: &Document) -> Result<(), CityError> {
    let found = match document.kind.as_deref() {
        Some("CityJSON") => return Ok(()),
        Some("CityJSONFeature") => "a CityJSONFeature without the CityJSON header line before it".to_owned(),
        Some(other) => format!("JSON of type {other:?}"),
        None => "JSON without \"type\": \"CityJSON\"".to_owned(),
    };
    Err(CityError::Unsupported { file: file.to_owned(), found, supported: SOURCE_FORMATS })
}

/// Objects with the vertices they index, and what was said about them.
#[derive(Default)]
pub(super) struct Part {
    pub vertices: Vec<DVec3>,
    pub objects: Vec<CityObject>,
    pub report: BuildReport,
}

/// Reads vertices and objects of a document or feature, objects side by side on all cores, in the file's order.
pub(super) fn part(document: &Document, frame: &Frame) -> Part {
    let mut report = BuildReport::default();
    let mut vertices = document.vertices.map_or_else(Vec::new, |raw| {
        vertices::decode(frame.file, raw, &frame.transform, &mut report).unwrap_or_else(|e| {
            report.warn("vertices not understood", &format!("{}: vertices: {e}; {REPAIR}", frame.file.display()));
            Vec::new()
        })
    });
    if frame.geographic && vertices::longitude_first(&mut vertices) {
        report.warn("latitude stood first", &format!("{}: coordinates were turned to longitude, latitude", frame.file.display()));
    }
    let metres = vertices::metres_per_unit(frame.geographic, &vertices);
    let context = Context { file: frame.file, vertices: &vertices, metres, templates: &frame.templates };
    let mut outcomes: Vec<Outcome> = document.objects.0.par_iter().map(|(id, raw)| object::read(id, raw, &context)).collect();
    adopt(&mut outcomes);
    let count = vertices.len();
    let mut objects = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        report.merge(outcome.report);
        let Some(mut object) = outcome.object else { continue };
        // Vertices of templates were numbered from `count` on in every object; give each object's their own place.
        let moved = (vertices.len() - count) as u32;
        if !outcome.extra.is_empty() && moved > 0 {
            object.faces.corners_mut().iter_mut().filter(|n| **n as usize >= count).for_each(|n| *n += moved);
        }
        vertices.extend(outcome.extra);
        objects.push(object);
    }
    Part { vertices, objects, report }
}

/// Gives parts that don't name their parent the one that names them.
fn adopt(outcomes: &mut [Outcome]) {
    let orphan = |o: &CityObject| {
        o.parent.is_none()
            && ["Part", "Installation", "Element", "Furniture", "Room", "Storey", "Unit"].iter().any(|w| o.class.ends_with(w))
    };
    let mut orphans: HashMap<String, usize> = HashMap::new();
    for (i, object) in outcomes.iter().enumerate().filter_map(|(i, o)| Some((i, o.object.as_ref()?))) {
        if orphan(object) {
            orphans.insert(object.id.clone(), i);
        }
    }
    if orphans.is_empty() {
        return;
    }
    for i in 0..outcomes.len() {
        let children: Vec<String> = outcomes[i].children.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let Some(parent) = outcomes[i].object.as_ref().map(|o| o.id.clone()) else { continue };
        for child in children.iter().filter_map(|c| orphans.get(c)) {
            if let Some(object) = &mut outcomes[*child].object {
                object.parent = Some(parent.clone());
            }
        }
    }
}

/// Puts a part behind what is there.
///
/// # Errors
/// [`CityError::TooBig`] when vertices can no longer be numbered with 32 bits.
pub(super) fn append(source: &mut CitySource, mut part: Part, report: &mut BuildReport) -> Result<(), CityError> {
    let base = source.vertices.len();
    if u32::try_from(base + part.vertices.len()).is_err() {
        let (what, mend) = ("too many vertices".to_owned(), "split the city into several files and give them all");
        return Err(CityError::TooBig { file: source.file.clone(), what, limit: u64::from(u32::MAX), mend });
    }
    if base == 0 {
        source.vertices = part.vertices;
    } else {
        part.objects.iter_mut().flat_map(|o| o.faces.corners_mut()).for_each(|n| *n += base as u32);
        source.vertices.append(&mut part.vertices);
    }
    source.objects.append(&mut part.objects);
    report.merge(part.report);
    Ok(())
}

/// Tells of ids that two objects share; both are kept.
pub(super) fn tell_twins(source: &CitySource, report: &mut BuildReport) {
    let mut seen: HashSet<&str> = HashSet::with_capacity(source.objects.len());
    for object in source.objects.iter().filter(|o| !seen.insert(&o.id)) {
        report.warn("id used twice", &format!("{}: object {:?} comes twice; both are kept", source.file.display(), object.id));
    }
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
