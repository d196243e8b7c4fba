//! Boundaries that are as they should be, straight from the text into [`Faces`]: no list is made on the way.
//!
//! At anything odd it answers `None`, and [`super::boundaries`] reads the same geometry ring by ring and tells what is wrong.

use super::nested::Nesting;
use super::scan::Scan;
use super::wear::Wear;
use crate::city::source::{Faces, Surface};
use glam::DVec3;

/// Turns the text of boundaries into faces.
pub(super) struct Rings<'a, M> {
    pub vertices: &'a [DVec3],
    /// How a face is coloured.
    pub wear: &'a Wear<'a>,
    /// What a face is, by its solid, its number in the outer shell and its outer ring.
    pub meaning: M,
    pub faces: Faces,
}

impl<M: FnMut(usize, usize, &[u32]) -> Surface> Rings<'_, M> {
    /// The faces, and how many inner shells were left out.
    pub(super) fn read(mut self, nesting: Nesting, text: &str) -> Option<(Faces, usize)> {
        let inner = nesting.walk(text, false, &mut |scan, solid, face| self.face(scan, solid, face))?;
        Some((self.faces, inner))
    }

    fn face(&mut self, scan: &mut Scan, solid: usize, face: usize) -> Option<()> {
        let worn = self.wear.face(solid, face);
        let mut surface = None;
        let mut ring = 0;
        scan.items(|scan| {
            self.ring(scan, worn.and_then(|worn| self.wear.uvs(worn, ring)))?;
            if ring == 0 {
                surface = Some((self.meaning)(solid, face, self.faces.open_ring()));
            }
            self.faces.end_ring();
            ring += 1;
            Some(())
        })?;
        self.faces.end_face(surface?, worn.and_then(|worn| worn.paint));
        Some(())
    }

    /// Points that stand where the one before them does are left out, the closing one too.
    fn ring(&mut self, scan: &mut Scan, uvs: Option<&[u32]>) -> Option<()> {
        let mut first = DVec3::NAN;
        let mut held: Option<(u32, DVec3, usize)> = None;
        let (mut index, mut count) = (0, 0);
        scan.items(|scan| {
            let number = scan.number()?;
            let place = *self.vertices.get(number as usize).filter(|v| v.is_finite())?;
            match held {
                Some((before, there, _)) if before == number || there == place => {}
                Some((before, _, at)) => {
                    self.corner(before, uvs, at)?;
                    count += 1;
                    held = Some((number, place, index));
                }
                None => {
                    first = place;
                    held = Some((number, place, index));
                }
            }
            index += 1;
            Some(())
        })?;
        let (last, place, at) = held?;
        if place != first {
            self.corner(last, uvs, at)?;
            count += 1;
        }
        // A picture that names more or fewer places than the ring has is told by the careful way.
        (count >= 3 && uvs.is_none_or(|uvs| uvs.len() == index)).then_some(())
    }

    fn corner(&mut self, vertex: u32, uvs: Option<&[u32]>, index: usize) -> Option<()> {
        match uvs {
            None => self.faces.corner(vertex),
            Some(uvs) => self.faces.textured_corner(vertex, self.wear.uv(*uvs.get(index)?)?),
        }
        Some(())
    }
}
