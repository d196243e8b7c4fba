//! Geometry templates: a tree or a lamp described once and placed many times.

use super::appearance::Appearance;
use super::object::Context;
use super::shape::{Geometry, RawTemplates};
use super::vertices::{self, Transform};
use crate::city::report::BuildReport;
use crate::city::source::Faces;
use glam::{DMat4, DVec3};
use std::collections::HashMap;
use std::path::Path;

/// The templates of a file, in their own coordinates (metres).
#[derive(Default)]
pub(super) struct Templates<'a> {
    pub geometries: Vec<Geometry<'a>>,
    pub vertices: Vec<DVec3>,
    /// What they wear: in a sequence the appearance of its header.
    pub appearance: Appearance,
}

impl<'a> Templates<'a> {
    /// Broken templates are told once here and are missing to every object that names them.
    pub(super) fn read(file: &Path, text: Option<&'a str>, appearance: Option<&str>, report: &mut BuildReport) -> Self {
        let Some(text) = text else { return Self::default() };
        let read = || -> serde_json::Result<(Vec<Geometry>, Vec<DVec3>, Transform)> {
            let raw: RawTemplates = serde_json::from_str(text)?;
            Ok((raw.templates, vertices::stored(raw.vertices.get())?, Transform::read(None)?))
        };
        match read() {
            Ok((geometries, mut vertices, plain)) => {
                vertices::decode(file, &mut vertices, &plain, report);
                Self { geometries, vertices, appearance: Appearance::read(file, appearance, report) }
            }
            Err(e) => {
                report.warn("geometry templates not understood", &format!("{}: geometry-templates: {e}", file.display()));
                Self::default()
            }
        }
    }
}

/// Moves faces that name template vertices to where `instance` puts them: CityJSON 2.0, section 3.4,
/// `matrix * vertex + reference point`, the matrix row by row.
///
/// New vertices go to `extra`, and the faces then name them from `context.vertices.len()` on.
///
/// # Errors
/// What is wrong with the instance, in words.
pub(super) fn place(instance: &Geometry, faces: &mut Faces, context: &Context, extra: &mut Vec<DVec3>) -> Result<(), String> {
    let matrix = match instance.matrix {
        None => DMat4::IDENTITY,
        Some(text) => {
            let rows: [f64; 16] = serde_json::from_str(text).map_err(|e| format!("transformationMatrix: {e}"))?;
            DMat4::from_cols_array(&rows).transpose()
        }
    };
    let reference: [u32; 1] = instance
        .boundaries
        .ok_or("no boundaries naming its reference point")
        .and_then(|text| serde_json::from_str(text).map_err(|_| "boundaries are not one vertex number"))?;
    let count = context.vertices.len();
    let at = *context.vertices.get(reference[0] as usize).ok_or_else(|| format!("names vertex {}, the file has {count}", reference[0]))?;
    let mut placed: HashMap<u32, u32> = HashMap::new();
    for number in faces.corners_mut() {
        let template = *number;
        *number = match placed.get(&template) {
            Some(known) => *known,
            None => {
                // Metres to the units of the file, which are degrees in a geographic one.
                let moved = matrix.transform_point3(context.templates.vertices[template as usize]) / context.metres.extend(1.0);
                let new = u32::try_from(count + extra.len()).map_err(|_| "more vertices than can be numbered".to_owned())?;
                if !(moved + at).is_finite() {
                    return Err("its matrix or reference point is no usable number".to_owned());
                }
                extra.push(moved + at);
                placed.insert(template, new);
                new
            }
        };
    }
    Ok(())
}
