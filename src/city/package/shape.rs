//! One accepted object in metres around its own middle: everything a tile needs of it, without its source.

use super::place::NOWHERE;
use super::place::grow;
use super::terrain::Relief;
use crate::city::source::{CityObject, Face, Faces, Surface};
use crate::geo::{Ecef, Geodetic, LocalFrame, Region};
use glam::DVec3;

/// An object's geometry in its own frame.
pub struct Shape {
    /// East-north-up at the middle of the object, on the ellipsoid.
    pub frame: LocalFrame,
    /// Metres in that frame; each vertex once.
    pub points: Vec<DVec3>,
    /// Corners are indices into `points`.
    pub faces: Faces,
    /// Around all its vertices, undersides included.
    pub region: Region,
    /// Lowest and highest point, metres up in the frame.
    pub base_m: f64,
    pub top_m: f64,
}

impl Shape {
    /// Takes the faces out of an object whose vertices have all been placed (see [`super::place`]).
    ///
    /// With `relief` the heights are above the ground there: the object is put on the lowest ground under it.
    pub fn take(object: &mut CityObject, placed: &Placed, stamps: &mut Stamps, relief: Option<&Relief>) -> Self {
        let mut faces = std::mem::take(&mut object.faces);
        let mut region = NOWHERE;
        let kept = stamps.renumber(faces.corners_mut());
        kept.iter().for_each(|&v| grow(&mut region, placed.geodetic[v as usize]));
        let frame = middle(&region);
        let ground = |relief: &Relief| {
            let under = kept.iter().map(|&v| placed.geodetic[v as usize]).filter_map(|g| relief.height_m(g.lon_deg(), g.lat_deg()));
            under.reduce(f64::min)
        };
        let lift = DVec3::Z * relief.and_then(ground).unwrap_or(0.0);
        region.min_height_m += lift.z;
        region.max_height_m += lift.z;
        let points: Vec<DVec3> = kept.iter().map(|&v| frame.to_enu(Ecef(placed.ecef[v as usize])) + lift).collect();
        let heights = || points.iter().map(|p| p.z);
        let (base_m, top_m) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
        Self { frame, points, faces, region, base_m, top_m }
    }

    /// Metres between lowest and highest vertex.
    pub fn height_m(&self) -> f64 {
        self.top_m - self.base_m
    }

    /// Faces that are drawn: all but undersides.
    pub fn drawn_faces(&self) -> impl Iterator<Item = Face<'_>> {
        self.faces.iter().filter(|f| f.surface != Surface::Ground)
    }
}

/// Vertices of one part of a source, in WGS 84 and in ECEF; longitude is NaN where one couldn't be placed.
pub struct Placed {
    pub geodetic: Vec<Geodetic>,
    pub ecef: Vec<DVec3>,
}

/// East-north-up at the middle of a region, on the ellipsoid.
pub fn middle(r: &Region) -> LocalFrame {
    LocalFrame::new(Geodetic { lon_rad: (r.west_rad + r.east_rad) * 0.5, lat_rad: (r.south_rad + r.north_rad) * 0.5, height_m: 0.0 })
}

/// Numbers an object's vertices from 0, in the order met; keeps its table between objects, so that none is cleared or hashed.
#[derive(Default)]
pub struct Stamps {
    /// For each vertex of the source: which object met it last, and as what.
    met: Vec<(u32, u32)>,
    object: u32,
}

impl Stamps {
    /// Makes room for a source of `vertices` vertices.
    pub fn fit(&mut self, vertices: usize) {
        if self.met.len() < vertices {
            self.met.resize(vertices, (0, 0));
        }
    }

    /// Puts new numbers into `corners`; answers the old number of each.
    fn renumber(&mut self, corners: &mut [u32]) -> Vec<u32> {
        self.object = self.object.wrapping_add(1);
        if self.object == 0 {
            self.met.fill((0, 0));
            self.object = 1;
        }
        let mut kept = Vec::with_capacity(corners.len() / 3 + 1);
        for corner in corners {
            let slot = &mut self.met[*corner as usize];
            if slot.0 != self.object {
                *slot = (self.object, kept.len() as u32);
                kept.push(*corner);
            }
            *corner = slot.1;
        }
        kept
    }
}
