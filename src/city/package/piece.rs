//! What a tile is made of: an object, or a part of a wide one, as triangles in the object's own frame; and its bytes in the spool.

use super::mesh::{Triangulator, lies, newell};
use super::quadtree::{DEPTH_MAX, code, prefix};
use super::shape::Shape;
use crate::city::source::{Face, Surface};
use crate::geo::Geodetic;
use bytemuck::{Pod, Zeroable};
use glam::{DVec3, Vec3};

/// Things on the ground are cut into pieces of no more faces than this ...
const PIECE_FACES: usize = 2000;
/// ... and, where they have several faces, no wider than this (metres), so that a road across the city is in each tile it crosses.
const PIECE_M: f64 = 400.0;
/// Mean radius of the Earth, metres (IUGG R1); good enough to tell which cell a face is in.
const RADIUS_M: f64 = 6_371_008.8;
/// A body is closed when its volumes along the axes agree to this part: faces are kept as f32 and slivers are dropped.
const CLOSED_PART: f64 = 0.01;
/// No texture, in [`PieceFace::paint`].
pub const BARE: u32 = u32::MAX;

/// One face, triangulated.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct PieceFace {
    /// Unit, outward; up for what lies on the ground.
    pub normal: [f32; 3],
    /// Number of its paint in the package, or [`BARE`].
    pub paint: u32,
    /// Mean of what it shows of its paint's picture, sRGB; transparent without one.
    pub colour: [u8; 4],
    pub corners: u32,
    /// Indices of its triangles.
    pub indices: u32,
    /// [`Surface`] as a number.
    pub surface: u32,
}

/// Triangles with what they were made from.
#[derive(Default, Debug, Clone, PartialEq)]
pub struct Piece {
    /// Metres in the object's frame.
    pub points: Vec<[f32; 3]>,
    pub faces: Vec<PieceFace>,
    /// Indices into `points`, face after face.
    pub corners: Vec<u32>,
    /// Three a triangle, counted from the face's first corner, face after face.
    pub indices: Vec<u16>,
    /// Texture coordinates of `corners`, or nothing.
    pub uvs: Vec<[f32; 2]>,
}

/// A face with its corners, indices and texture coordinates.
pub type FaceParts<'a> = (&'a PieceFace, &'a [u32], &'a [u16], Option<&'a [[f32; 2]]>);

/// Faces of an object that belong into one piece, and where it lies.
pub struct Cut {
    pub faces: Vec<u32>,
    pub middle: Geodetic,
}

/// All drawn faces of a building in one, of other things in pieces that tiles can share out.
pub fn cuts(shape: &Shape, whole: bool) -> Vec<Cut> {
    let drawn = |f: &(usize, Face)| f.1.surface != Surface::Ground && !f.1.corners().is_empty();
    let all = || shape.faces.iter().enumerate().filter(drawn);
    let r = &shape.region;
    let middle = Geodetic { lon_rad: (r.west_rad + r.east_rad) * 0.5, lat_rad: (r.south_rad + r.north_rad) * 0.5, height_m: 0.0 };
    if whole || (shape.faces.len() <= PIECE_FACES && width_m(shape, shape.faces.iter()) <= PIECE_M) {
        return vec![Cut { faces: all().map(|(i, _)| i as u32).collect(), middle }];
    }
    let east_m = RADIUS_M * middle.lat_rad.cos();
    let cell = |f: &Face| {
        let ring = f.outer();
        let sum: DVec3 = ring.iter().map(|i| shape.points[*i as usize]).sum();
        let at = sum / ring.len().max(1) as f64;
        code(Geodetic { lon_rad: middle.lon_rad + at.x / east_m, lat_rad: middle.lat_rad + at.y / RADIUS_M, height_m: 0.0 })
    };
    let mut faces: Vec<(u64, u32)> = all().map(|(i, f)| (cell(&f), i as u32)).collect();
    faces.sort_unstable();
    let mut cuts = Vec::new();
    split(shape, &faces, 0, &mut cuts);
    cuts
}

fn split(shape: &Shape, faces: &[(u64, u32)], level: u32, cuts: &mut Vec<Cut>) {
    let (Some(first), Some(last)) = (faces.first(), faces.last()) else { return };
    let each = || faces.iter().filter_map(|f| shape.faces.get(f.1 as usize));
    let small = faces.len() == 1 || level >= DEPTH_MAX || (faces.len() <= PIECE_FACES && width_m(shape, each()) <= PIECE_M);
    if small {
        let corners = || each().flat_map(|f| f.corners()).map(|i| shape.points[*i as usize]);
        let (lo, hi) = corners().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(lo, hi), p| (lo.min(p), hi.max(p)));
        let mut own: Vec<u32> = faces.iter().map(|f| f.1).collect();
        own.sort_unstable();
        cuts.push(Cut { faces: own, middle: shape.frame.enu_to_geodetic((lo + hi) * 0.5) });
        return;
    }
    let level = (level..DEPTH_MAX).find(|l| prefix(first.0, l + 1) != prefix(last.0, l + 1)).map_or(DEPTH_MAX, |l| l + 1);
    faces.chunk_by(|a, b| prefix(a.0, level) == prefix(b.0, level)).for_each(|part| split(shape, part, level, cuts));
}

/// The longer side of the box around faces, metres.
fn width_m<'a>(shape: &Shape, faces: impl Iterator<Item = Face<'a>>) -> f64 {
    let corners = faces.flat_map(|f| f.corners()).map(|i| shape.points[*i as usize].truncate());
    let (lo, hi) = corners.fold((glam::DVec2::INFINITY, glam::DVec2::NEG_INFINITY), |(lo, hi), p| (lo.min(p), hi.max(p)));
    (hi - lo).max_element()
}

impl Piece {
    /// Triangulates faces of a shape; `bad` is told the number of each face that has no area.
    pub fn of(shape: &Shape, faces: &[u32], triangulator: &mut Triangulator, bad: &mut dyn FnMut(u32)) -> Self {
        let mut piece = Self::default();
        let mut renumbered: Vec<u32> = vec![u32::MAX; shape.points.len()];
        for &number in faces {
            let Some(face) = shape.faces.get(number as usize) else { continue };
            if !piece.add(shape, &face, triangulator, &mut renumbered) {
                bad(number);
            }
        }
        piece
    }

    fn add(&mut self, shape: &Shape, face: &Face, triangulator: &mut Triangulator, renumbered: &mut [u32]) -> bool {
        let at = |i: &u32| shape.points[*i as usize];
        let Some(outward) = newell(face.outer().iter().map(at)) else { return false };
        // Ground lies face up whatever the order of its ring: a road is never seen from below.
        let normal = if lies(face.surface) && outward.z < 0.0 { -outward } else { outward };
        let Some(indices) = triangulator.run(face.rings().map(|r| r.iter().map(at)), normal, outward) else { return false };
        for &corner in face.corners() {
            let slot = &mut renumbered[corner as usize];
            if *slot == u32::MAX {
                *slot = self.points.len() as u32;
                self.points.push(shape.points[corner as usize].as_vec3().to_array());
            }
            self.corners.push(*slot);
        }
        if let Some(uvs) = face.uvs() {
            self.uvs.resize(self.corners.len() - uvs.len(), [0.0; 2]);
            self.uvs.extend_from_slice(uvs);
        }
        self.indices.extend_from_slice(indices);
        self.faces.push(PieceFace {
            normal: normal.as_vec3().to_array(),
            paint: face.paint.unwrap_or(BARE),
            colour: [0; 4],
            corners: face.corners().len() as u32,
            indices: indices.len() as u32,
            surface: face.surface as u32,
        });
        true
    }

    pub fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    /// Vertices of its full geometry, where faces share none.
    pub fn vertices(&self) -> usize {
        self.corners.len()
    }

    /// Faces with their corners, indices and texture coordinates.
    pub fn iter(&self) -> impl Iterator<Item = FaceParts<'_>> {
        let (mut corner, mut index) = (0, 0);
        self.faces.iter().map(move |face| {
            let (c, i) = (corner, index);
            (corner, index) = (corner + face.corners as usize, index + face.indices as usize);
            let uvs = if face.paint == BARE { None } else { self.uvs.get(c..corner) };
            (face, &self.corners[c..corner], &self.indices[i..index], uvs)
        })
    }

    /// Whether its faces close it in, all outwards, but for a floor at `base_m` (metres up in the object's frame): then nobody sees one from behind.
    ///
    /// By the divergence theorem the volume comes out alike along x, y and z for a closed body; a face that is missing or turned spoils it in
    /// the direction it looks, and leaves the sum of the faces' areas askew.
    pub fn is_closed(&self, base_m: f64) -> bool {
        let Some(first) = self.points.first().map(|p| DVec3::from(Vec3::from(*p))) else { return true };
        let origin = DVec3::new(first.x, first.y, base_m);
        let (mut volumes, mut askew, mut area) = (DVec3::ZERO, DVec3::ZERO, 0.0);
        for (_, corners, indices, _) in self.iter() {
            let at =
                |i: u16| corners.get(usize::from(i)).map_or(DVec3::ZERO, |c| DVec3::from(Vec3::from(self.points[*c as usize])) - origin);
            for t in indices.chunks_exact(3) {
                let [a, b, c] = [at(t[0]), at(t[1]), at(t[2])];
                let of_face = (b - a).cross(c - a) * 0.5;
                volumes += of_face * ((a + b + c) / 3.0);
                askew += of_face;
                area += of_face.length();
            }
        }
        let volume = volumes.z;
        volume > 0.0
            && askew.truncate().length() <= area * CLOSED_PART
            && (volumes.x - volume).abs() <= volume * CLOSED_PART
            && (volumes.y - volume).abs() <= volume * CLOSED_PART
    }

    /// Numbers of its paints, each once, in the order met.
    pub fn palette(&self) -> Vec<u32> {
        let mut seen = std::collections::BTreeSet::new();
        self.faces.iter().map(|f| f.paint).filter(|p| seen.insert(*p)).collect()
    }

    /// The same with paints numbered from 0 in the order met: equal for equal pieces, whatever else the package holds.
    pub fn renumbered(&self) -> Self {
        let number: std::collections::BTreeMap<u32, u32> =
            self.palette().into_iter().filter(|p| *p != BARE).zip(0..).chain(std::iter::once((BARE, BARE))).collect();
        let face = |f: &PieceFace| PieceFace { paint: number.get(&f.paint).copied().unwrap_or(BARE), ..*f };
        Self { faces: self.faces.iter().map(face).collect(), ..self.clone() }
    }

    /// Around its points, metres in the object's frame.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        self.points.iter().map(|p| Vec3::from(*p)).fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| (lo.min(p), hi.max(p)))
    }

    /// Its bytes in the spool, of this machine's byte order: nobody else reads them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let lengths = [self.points.len(), self.faces.len(), self.corners.len(), self.indices.len(), self.uvs.len()].map(|n| n as u32);
        out.extend_from_slice(bytemuck::cast_slice(&lengths));
        out.extend_from_slice(bytemuck::cast_slice(&self.points));
        out.extend_from_slice(bytemuck::cast_slice(&self.faces));
        out.extend_from_slice(bytemuck::cast_slice(&self.corners));
        out.extend_from_slice(bytemuck::cast_slice(&self.indices));
        out.extend_from_slice(bytemuck::cast_slice(&self.uvs));
    }

    /// The reverse of [`Piece::encode`]; `None` when the bytes are not those of a piece.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let lengths: [u32; 5] = bytemuck::pod_read_unaligned(bytes.get(..20)?);
        bytes = &bytes[20..];
        let piece = Self {
            points: take(&mut bytes, lengths[0])?,
            faces: take(&mut bytes, lengths[1])?,
            corners: take(&mut bytes, lengths[2])?,
            indices: take(&mut bytes, lengths[3])?,
            uvs: take(&mut bytes, lengths[4])?,
        };
        Some(piece)
    }
}

/// `count` values off the front of `bytes`.
pub fn take<T: Pod>(bytes: &mut &[u8], count: u32) -> Option<Vec<T>> {
    let length = (count as usize).checked_mul(size_of::<T>())?;
    let (own, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let mut values = vec![T::zeroed(); count as usize];
    bytemuck::cast_slice_mut(&mut values).copy_from_slice(own);
    Some(values)
}

/// The surface of a number written by [`Piece::encode`].
pub fn surface(number: u32) -> Surface {
    use Surface::{Bridge, Green, Ground, Land, Other, Road, Roof, Terrain, Wall, Water};
    [Other, Wall, Roof, Ground, Terrain, Water, Road, Green, Land, Bridge].get(number as usize).copied().unwrap_or(Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_comes_back_from_its_bytes_and_broken_bytes_do_not() {
        let face =
            PieceFace { normal: [0.0, 0.0, 1.0], paint: BARE, colour: [0; 4], corners: 3, indices: 3, surface: Surface::Roof as u32 };
        let piece = Piece { points: vec![[1.5; 3]; 3], faces: vec![face], corners: vec![0, 1, 2], indices: vec![0, 1, 2], uvs: Vec::new() };
        let mut bytes = Vec::new();
        piece.encode(&mut bytes);
        assert_eq!(Piece::decode(&bytes).unwrap(), piece);
        assert!((0..bytes.len()).all(|n| Piece::decode(&bytes[..n]).is_none()));
        for s in 0..10 {
            assert_eq!(surface(s) as u32, s);
        }
    }

    /// A box of 2 x 3 x 4 m whose floor is at 10 m.
    fn body() -> Piece {
        let points = (0..8u8).map(|i| [f32::from(i & 1) * 2.0, f32::from(i >> 1 & 1) * 3.0, 10.0 + f32::from(i >> 2) * 4.0]).collect();
        // South, north, west, east, roof, floor; counter-clockwise from outside.
        let corners = vec![0, 1, 5, 4, 3, 2, 6, 7, 2, 0, 4, 6, 1, 3, 7, 5, 4, 5, 7, 6, 2, 3, 1, 0];
        let face = PieceFace { normal: [0.0; 3], paint: BARE, colour: [0; 4], corners: 4, indices: 6, surface: Surface::Wall as u32 };
        Piece { points, faces: vec![face; 6], corners, indices: [0, 1, 2, 0, 2, 3].repeat(6), uvs: Vec::new() }
    }

    fn without(mut piece: Piece, face: usize) -> Piece {
        piece.faces.remove(face);
        piece.corners.drain(face * 4..face * 4 + 4);
        piece.indices.drain(face * 6..face * 6 + 6);
        piece
    }

    fn turned(mut piece: Piece, faces: &[usize]) -> Piece {
        faces.iter().for_each(|f| piece.corners[f * 4..f * 4 + 4].reverse());
        piece
    }

    #[test]
    fn a_body_is_closed_with_or_without_its_floor_and_not_with_a_face_missing_or_turned() {
        assert!(body().is_closed(10.0) && without(body(), 5).is_closed(10.0));
        assert!((0..5).all(|f| !without(body(), f).is_closed(10.0)));
        assert!((0..5).all(|f| !turned(body(), &[f]).is_closed(10.0)));
        assert!(!turned(body(), &[0, 1]).is_closed(10.0), "two opposite walls turned: their areas even out, their volumes don't");
        assert!(!turned(body(), &[0, 1, 2, 3, 4, 5]).is_closed(10.0), "inside out");
    }
}
