//! Polygons in flat arrays: a city has millions of rings, and a heap allocation for each would cost more than reading them.

use super::source::Surface;
use std::ops::Range;

/// No paint, in [`Head::paint`].
const BARE: u32 = u32::MAX;

/// The planar polygons of one object, with holes.
///
/// Built ring by ring: [`Faces::corner`] ..., [`Faces::end_ring`] ..., [`Faces::end_face`]; or at once with [`Faces::push`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faces {
    heads: Vec<Head>,
    /// Where each ring ends in `corners`.
    ring_ends: Vec<u32>,
    corners: Vec<u32>,
    /// Texture coordinates of the corners; shorter than `corners` where the rest has none.
    uvs: Vec<[f32; 2]>,
}

/// One face.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Head {
    surface: Surface,
    paint: u32,
    /// Where its rings end in `ring_ends`.
    ring_end: u32,
}

impl Faces {
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// A whole face: outer ring first, then holes; not closed (first point not repeated); at least 3 points a ring.
    pub fn push<R: AsRef<[u32]>>(&mut self, surface: Surface, rings: impl IntoIterator<Item = R>) {
        for ring in rings {
            self.corners.extend_from_slice(ring.as_ref());
            self.end_ring();
        }
        self.end_face(surface, None);
    }

    /// The next corner of the ring being built: an index into [`super::source::CitySource::vertices`].
    pub fn corner(&mut self, vertex: u32) {
        self.corners.push(vertex);
    }

    /// The same with texture coordinates: u to the right, v **down** from the picture's upper edge, as glTF counts them.
    pub fn textured_corner(&mut self, vertex: u32, uv: [f32; 2]) {
        // Faces before this one had none.
        self.uvs.resize(self.corners.len(), [0.0; 2]);
        self.uvs.push(uv);
        self.corners.push(vertex);
    }

    /// Closes the ring being built.
    pub fn end_ring(&mut self) {
        self.ring_ends.push(self.corners.len() as u32);
    }

    /// Closes the face being built, with all rings closed since the last one; `paint` is an index into [`super::source::CitySource::paints`].
    pub fn end_face(&mut self, surface: Surface, paint: Option<u32>) {
        self.heads.push(Head { surface, paint: paint.unwrap_or(BARE), ring_end: self.ring_ends.len() as u32 });
    }

    /// Corners of the ring being built, for mending it before [`Faces::end_ring`].
    pub fn open_ring(&self) -> &[u32] {
        &self.corners[self.ring_ends.last().map_or(0, |e| *e as usize)..]
    }

    /// Forgets the ring being built.
    pub fn drop_ring(&mut self) {
        self.corners.truncate(self.ring_ends.last().map_or(0, |e| *e as usize));
        self.uvs.truncate(self.corners.len());
    }

    /// Forgets the face being built, with its closed rings.
    pub fn drop_face(&mut self) {
        self.ring_ends.truncate(self.heads.last().map_or(0, |h| h.ring_end as usize));
        self.drop_ring();
    }

    /// Adds all faces of another object of the same source.
    pub fn append(&mut self, other: &Faces) {
        let (rings, corners) = (self.ring_ends.len() as u32, self.corners.len() as u32);
        if !other.uvs.is_empty() {
            self.uvs.resize(self.corners.len(), [0.0; 2]);
            self.uvs.extend_from_slice(&other.uvs);
        }
        self.heads.extend(other.heads.iter().map(|h| Head { ring_end: h.ring_end + rings, ..*h }));
        self.ring_ends.extend(other.ring_ends.iter().map(|e| e + corners));
        self.corners.extend_from_slice(&other.corners);
    }

    pub fn get(&self, face: usize) -> Option<Face<'_>> {
        let head = self.heads.get(face)?;
        let first = face.checked_sub(1).map_or(0, |before| self.heads[before].ring_end as usize);
        Some(Face {
            surface: head.surface,
            paint: Some(head.paint).filter(|p| *p != BARE),
            faces: self,
            rings: first..head.ring_end as usize,
        })
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Face<'_>> + ExactSizeIterator {
        (0..self.len()).map(|i| self.get(i).expect("counted"))
    }

    /// Corners of all faces, one after the other.
    pub fn corners(&self) -> &[u32] {
        &self.corners
    }

    /// For numbering vertices anew.
    pub fn corners_mut(&mut self) -> &mut [u32] {
        &mut self.corners
    }

    /// Numbers paints anew.
    pub fn repaint(&mut self, mut new: impl FnMut(u32) -> u32) {
        self.heads.iter_mut().filter(|h| h.paint != BARE).for_each(|h| h.paint = new(h.paint));
    }
}

/// A planar polygon with holes, looked at in its [`Faces`].
#[derive(Debug, Clone)]
pub struct Face<'a> {
    pub surface: Surface,
    /// Index into [`super::source::CitySource::paints`].
    pub paint: Option<u32>,
    faces: &'a Faces,
    rings: Range<usize>,
}

impl<'a> Face<'a> {
    /// Outer ring first, then holes; each at least 3 points, not closed.
    pub fn rings(&self) -> impl DoubleEndedIterator<Item = &'a [u32]> + ExactSizeIterator + use<'a> {
        let faces = self.faces;
        self.rings.clone().map(move |r| &faces.corners[span(faces, r)])
    }

    /// The outer ring; empty for a face without rings.
    pub fn outer(&self) -> &'a [u32] {
        self.rings().next().unwrap_or(&[])
    }

    /// Corners of all its rings.
    pub fn corners(&self) -> &'a [u32] {
        &self.faces.corners[self.span()]
    }

    /// Texture coordinates of [`Face::corners`]; `None` where the source gives none.
    pub fn uvs(&self) -> Option<&'a [[f32; 2]]> {
        self.paint.and_then(|_| self.faces.uvs.get(self.span()))
    }

    fn span(&self) -> Range<usize> {
        if self.rings.is_empty() {
            return 0..0;
        }
        span(self.faces, self.rings.start).start..span(self.faces, self.rings.end - 1).end
    }
}

fn span(faces: &Faces, ring: usize) -> Range<usize> {
    let start = ring.checked_sub(1).map_or(0, |before| faces.ring_ends[before] as usize);
    start..faces.ring_ends[ring] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_come_back_as_they_were_given() {
        let mut faces = Faces::default();
        faces.push(Surface::Roof, [vec![0, 1, 2, 3], vec![4, 5, 6]]);
        [7, 8].into_iter().for_each(|v| faces.corner(v));
        faces.drop_ring();
        for (v, uv) in [(7, [0.0, 0.0]), (8, [1.0, 0.0]), (9, [1.0, 1.0])] {
            faces.textured_corner(v, uv);
        }
        faces.end_ring();
        faces.end_face(Surface::Wall, Some(2));
        faces.push(Surface::Ground, [[3, 2, 1]]);
        faces.corner(5);
        faces.end_ring();
        faces.drop_face();
        let mut twice = faces.clone();
        twice.append(&faces);
        assert_eq!((faces.len(), twice.len()), (3, 6));
        for offset in [0, 3] {
            let face = |i: usize| twice.get(i + offset).unwrap();
            assert_eq!(face(0).rings().collect::<Vec<_>>(), [&[0, 1, 2, 3][..], &[4, 5, 6]]);
            assert_eq!((face(0).outer().len(), face(0).corners().len(), face(0).uvs()), (4, 7, None));
            assert_eq!((face(1).paint, face(1).uvs().unwrap()[1]), (Some(2), [1.0, 0.0]));
            assert_eq!((face(2).surface, face(2).corners()), (Surface::Ground, &[3, 2, 1][..]));
        }
        assert!(faces.get(3).is_none());
    }
}
