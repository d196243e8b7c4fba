//! Implicit geometry: a tree or a lamp in coordinates of its own, placed by a matrix and a point.

use super::geometry::{Builder, TooMuch, Walk};
use super::numbers;
use super::tree::Element;
use glam::{DMat4, DVec3};

/// Where a template stands.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub matrix: DMat4,
    /// Of the reference point, in the coordinates of the file.
    pub at: DVec3,
}

impl Builder<'_, '_, '_> {
    /// CityGML 2.0, section 8.3: `matrix * position + reference point`, the matrix row by row.
    pub(super) fn implicit<'p, 'b: 'p>(&mut self, implicit: Element<'p, 'b>, walk: Walk) -> Result<(), TooMuch> {
        let Some(geometry) = implicit.child("relativeGMLGeometry") else {
            let library = implicit.child("libraryObject").map_or("nothing", |l| l.text());
            self.warn(implicit, "library object left out", &format!("its geometry is {library:?}, which is not read"));
            return Ok(());
        };
        match self.frame(implicit) {
            Ok(frame) => self.property(geometry, Walk { frame: Some(frame), dimension: 3, ..walk }),
            Err(why) => {
                self.warn(implicit, "implicit geometry not placed", &format!("{why}; it is left out"));
                Ok(())
            }
        }
    }

    fn frame(&self, implicit: Element) -> Result<Frame, String> {
        let list = |element: Element| {
            let mut all = Vec::new();
            numbers::list(element.text(), b' ', &mut all).map_err(|bad| format!("<{}> has {bad:?}, which is no number", element.name()))?;
            Ok::<_, String>(all)
        };
        let matrix = match implicit.child("transformationMatrix") {
            None => DMat4::IDENTITY,
            Some(element) => {
                let rows: [f64; 16] = list(element)?.try_into().map_err(|_| "its transformationMatrix has not 16 numbers")?;
                DMat4::from_cols_array(&rows).transpose()
            }
        };
        let point = implicit.child("referencePoint").ok_or("it has no referencePoint")?;
        let position =
            point.descendants().find(|e| matches!(e.name(), "pos" | "coordinates")).ok_or("its referencePoint has no position")?;
        let [x, y, z] = list(position)?.try_into().map_err(|_| "its referencePoint has not three coordinates")?;
        Ok(Frame { matrix, at: self.reader.context.survey.reference.place(DVec3::new(x, y, z)) })
    }
}
