//! What a whole file says once: its version, where it lies, and its templates.

use super::appearance::Appearance;
use super::object::{self, Context};
use super::shape::Document;
use super::template::Templates;
use super::vertices::{self, Transform};
use crate::city::CityError;
use crate::city::error::SOURCE_FORMATS;
use crate::city::level::Wanted;
use crate::city::report::BuildReport;
use glam::DVec3;
use std::path::Path;

const REPAIR: &str = "find what is wrong with `cjio FILE validate`, or export the file again";

/// From the document, or the header of a sequence.
pub(super) struct Frame<'a> {
    pub file: &'a Path,
    pub crs: Option<String>,
    pub wanted: Wanted,
    geographic: bool,
    transform: Transform,
    templates: Templates<'a>,
}

impl<'a> Frame<'a> {
    /// # Errors
    /// When it is no CityJSON, of a version not read, or its transform is broken.
    pub(super) fn read(file: &'a Path, document: &Document<'a>, wanted: Wanted, report: &mut BuildReport) -> Result<Self, CityError> {
        check_kind(file, document)?;
        match document.version.as_deref() {
            Some(v) if v.starts_with("1.") || v.starts_with("2.") || v == "1" || v == "2" => {}
            Some(v) => return Err(CityError::Version { file: file.to_owned(), version: v.to_owned() }),
            None => report.warn("CityJSON version missing", &format!("{}: no \"version\"; read as 2.0", file.display())),
        }
        let transform = Transform::read(document.transform).map_err(|e| in_part(file, "transform", &e))?;
        let crs = vertices::reference_system(document.metadata);
        let geographic = crs.as_deref().is_some_and(vertices::is_geographic);
        let templates = Templates::read(file, document.templates, document.appearance, report);
        Ok(Self { file, crs, wanted, geographic, transform, templates })
    }

    /// The vertices of a document or a feature; none, and a warning, where they can't be read. `stored` are their numbers if known already.
    pub(super) fn vertices(&self, text: Option<&str>, stored: Option<Vec<DVec3>>, report: &mut BuildReport) -> Vec<DVec3> {
        let read = stored.map_or_else(|| text.map_or(Ok(Vec::new()), vertices::stored), Ok);
        let mut vertices = read.unwrap_or_else(|e| {
            report.warn("vertices not understood", &format!("{}: vertices: {e}; {REPAIR}", self.file.display()));
            Vec::new()
        });
        vertices::decode(self.file, &mut vertices, &self.transform, report);
        if self.geographic && vertices::longitude_first(&mut vertices) {
            report.warn("latitude stood first", &format!("{}: coordinates were turned to longitude, latitude", self.file.display()));
        }
        vertices
    }

    /// What objects over these vertices are read against.
    pub(super) fn context(&'a self, vertices: &'a [DVec3], appearance: &'a Appearance) -> Context<'a> {
        let metres = vertices::metres_per_unit(self.geographic, vertices);
        Context { file: self.file, wanted: self.wanted, vertices, metres, appearance, templates: &self.templates }
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
