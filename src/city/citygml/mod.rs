//! CityGML 1.0 and 2.0 into a [`CitySource`](crate::city::source::CitySource), however big the file.
//!
//! A file is read twice: [`survey`] looks for what members must know of each other, then [`members`] cuts it into its members and each is read
//! by itself, side by side on all cores: [`tree`] is its XML, [`feature`] the objects in it, [`properties`] what they consist of, [`attributes`]
//! and [`codes`] what is known of them, [`geometry`] and [`rings`] their faces, [`appearance`] what these wear. [`reference`] says where a file
//! lies and which axis comes first. Whatever one member gets wrong stays with it, and is told with file and line.
//!
//! Not read, and counted: interiors, curves and points, library objects of implicit geometries, textures by a rule (`TexCoordGen`,
//! `GeoreferencedTexture`), and all themes of an appearance but one.

mod appearance;
mod attributes;
mod codes;
mod encoding;
mod feature;
mod geometry;
mod implicit;
mod members;
mod namespaces;
mod numbers;
mod properties;
mod reference;
mod rings;
mod survey;
mod tags;
#[cfg(test)]
mod tests;
mod tree;
mod vertices;

use super::CityError;
use super::ahead::{Send, ahead};
use super::level::Wanted;
use super::part::{Part, Twins};
use super::read::{ReadOptions, Sink};
use super::report::BuildReport;
use codes::CodeLists;
use feature::Context;
use members::{Kind, Members};
use rayon::prelude::*;
use std::path::Path;
use survey::Survey;

/// Reads a CityGML file and hands it on in parts of some thousand objects; no more than a few parts are in memory at once.
///
/// Objects keep the best level of detail they have in surfaces or solids (see [`ReadOptions::lod`]); objects that only group parts come with no
/// faces. `report` gets `objects_in` (objects with geometry), rejections and warnings.
///
/// # Errors
/// A [`CityError`] when the file as a whole can't be read: not there, no XML, no CityGML, CityGML 3.0. What `sink` answers ends the reading.
pub(super) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let survey = Survey::of(path, report)?;
    let codes = CodeLists::beside(path);
    let wanted = Wanted::new(options.lod.as_deref());
    let mut twins = Twins::default();
    ahead(
        |send| parts(path, wanted, &survey, &codes, send),
        |part| {
            report.merge(part.report);
            twins.tell(&part.source, report);
            sink(part.source)
        },
    )?;
    for list in codes.missing() {
        report.warn("code list missing", &format!("{}: {list:?} is not beside it; its codes come without their meaning", path.display()));
    }
    Ok(())
}

fn parts(path: &Path, wanted: Wanted, survey: &Survey, codes: &CodeLists, send: &mut Send<Part>) -> Result<(), CityError> {
    let mut members = Members::open(path)?;
    let crs = &survey.reference.name;
    // Without objects there still is a file that says where it lies.
    let mut part = Part::new(path, crs.clone());
    while send(part) {
        let batch = members.batch()?;
        part = Part::new(path, crs.clone());
        if batch.is_empty() {
            if let Some((line, why)) = members.fault() {
                let text = format!("{}: line {line}: {why}; what comes before is kept", path.display());
                part.report.warn("the file could not be read to its end", &text);
                send(part);
            }
            break;
        }
        let root = members.root();
        let context = Context { file: path, wanted, survey, namespaces: &root.namespaces, encoding: root.encoding, codes };
        let outcomes: Vec<_> = batch.par_iter().filter(|m| m.kind == Kind::Objects).map(|m| feature::read(m, &context)).collect();
        part.add(outcomes.into_iter().flatten().collect(), &[]);
    }
    Ok(())
}
