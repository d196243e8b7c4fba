//! Closed bodies: ground below, walls around, a roof on top.

use super::outline::Outline;
use super::roof::Top;
use crate::city::source::{Faces, Surface};
use glam::DVec3;

/// Points in metres and the faces over them, all seen from outside counter-clockwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Solid {
    pub(super) points: Vec<DVec3>,
    pub(super) faces: Vec<SolidFace>,
}

#[derive(Debug, Clone)]
pub(super) struct SolidFace {
    pub(super) surface: Surface,
    /// Outer ring first, then holes.
    pub(super) rings: Vec<Vec<u32>>,
}

/// Heights of a body, metres: underside, eaves, and from the eaves to the highest point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heights {
    pub(super) bottom: f64,
    pub(super) eaves: f64,
    pub(super) roof: f64,
}

impl Solid {
    /// The body between an outline's underside and a roof. Its eaves are above its underside, else walls would have no height.
    pub(super) fn under(outline: &Outline, top: Top, heights: Heights) -> Self {
        let count = outline.corners().len();
        let mut points: Vec<DVec3> = outline.corners().iter().map(|c| c.extend(heights.bottom)).collect();
        points.extend(top.points.iter().map(|p| p.with_z(heights.eaves + p.z * heights.roof)));
        let lift = count as u32;
        let ground = outline.rings().map(|r| r.rev().map(|c| c as u32).collect()).collect();
        let mut faces = vec![SolidFace { surface: Surface::Ground, rings: ground }];
        for (a, b) in outline.edges() {
            let mut wall = vec![a as u32, b as u32, lift + b as u32];
            wall.extend(top.on_edges.iter().rev().filter(|(edge, _)| *edge == a).map(|(_, n)| lift + n));
            wall.push(lift + a as u32);
            faces.push(SolidFace { surface: Surface::Wall, rings: vec![wall] });
        }
        for mut face in top.faces {
            face.rings.iter_mut().flatten().for_each(|n| *n += lift);
            faces.push(SolidFace { surface: face.surface, rings: face.rings });
        }
        Self { points, faces }
    }

    /// A flat piece of ground, seen from above.
    pub(super) fn ground(outline: &Outline, height: f64, surface: Surface) -> Self {
        let rings = outline.rings().map(|r| r.map(|c| c as u32).collect()).collect();
        Self { points: outline.corners().iter().map(|c| c.extend(height)).collect(), faces: vec![SolidFace { surface, rings }] }
    }

    /// Adds its faces to an object's, its points to a vertex table.
    pub(super) fn put(self, faces: &mut Faces, vertices: &mut Vec<DVec3>, place: impl Fn(DVec3) -> DVec3) {
        let base = vertices.len() as u32;
        vertices.extend(self.points.into_iter().map(place));
        for face in self.faces {
            faces.push(face.surface, face.rings.into_iter().map(|r| r.into_iter().map(|n| n + base).collect::<Vec<u32>>()));
        }
    }

    /// Edges that are not shared by exactly two faces in opposite directions; none for a closed body.
    #[cfg(test)]
    pub(super) fn open_edges(&self) -> Vec<(u32, u32)> {
        let mut counts: std::collections::HashMap<(u32, u32), i32> = std::collections::HashMap::new();
        for ring in self.faces.iter().flat_map(|f| &f.rings) {
            for i in 0..ring.len() {
                *counts.entry((ring[i], ring[(i + 1) % ring.len()])).or_default() += 1;
            }
        }
        counts.iter().filter(|((a, b), n)| **n != 1 || counts.get(&(*b, *a)) != Some(&1)).map(|(edge, _)| *edge).collect()
    }
}
