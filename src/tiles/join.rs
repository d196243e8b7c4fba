//! Parts of a tile as one mesh, so that it is drawn in one call.

use super::content::{STEP_MAX_M, TileMesh};
use glam::{DMat3, DVec3};

/// Local coordinates reach so far at most: steps of `f32` there are a quarter of a millimetre.
const REACH_MAX_M: f64 = 4096.0;

impl TileMesh {
    /// Adds another part of the same tile, ids and all: they must be of the tile's own table already. What does not go together is given back.
    ///
    /// Together go parts without pictures that say the same of their vertices and lie near each other, so that 16 bits still suffice for their
    /// places and corners if they did before.
    pub(super) fn join(&mut self, other: Self) -> Option<Self> {
        let places = self.places_of(&other);
        if !self.goes_with(&other, &places) {
            return Some(other);
        }
        let to_local = DMat3::from_mat4(self.to_world).transpose() * DMat3::from_mat4(other.to_world);
        let base = self.positions.len() as u32;
        self.positions.extend(places.iter().map(|p| p.as_vec3().to_array()));
        self.normals.extend(other.normals.iter().map(|n| (to_local * DVec3::from(n.map(f64::from))).as_vec3().to_array()));
        self.feature_ids.extend(other.feature_ids);
        self.surfaces.extend(other.surfaces);
        self.colours.extend(other.colours);
        self.texcoords.extend(other.texcoords);
        self.indices.extend(other.indices.iter().map(|i| i + base));
        self.metadata.extend(other.metadata.into_iter().map(|run| run.moved(base)));
        self.contents.extend(other.contents.into_iter().map(|(first, content)| (first + base, content)));
        None
    }

    /// The vertices of another part in this one's frame.
    fn places_of(&self, other: &Self) -> Vec<DVec3> {
        // Between the frames first: both lie far from the world's origin.
        let turn = DMat3::from_mat4(self.to_world).transpose();
        let (turn, shift) = (turn * DMat3::from_mat4(other.to_world), turn * (other.to_world.w_axis - self.to_world.w_axis).truncate());
        other.positions.iter().map(|p| turn * DVec3::from(p.map(f64::from)) + shift).collect()
    }

    fn goes_with(&self, other: &Self, places: &[DVec3]) -> bool {
        let (low, high) = places.iter().fold(self.bounds(), |(low, high), p| (low.min(*p), high.max(*p)));
        let near = (high - low).max_element() <= STEP_MAX_M * f64::from(u16::MAX) && low.abs().max(high.abs()).max_element() <= REACH_MAX_M;
        let (a, b, short) = (self.positions.len(), other.positions.len(), usize::from(u16::MAX));
        let bare = self.texture.is_none() && other.texture.is_none();
        let alike = self.texcoords.is_empty() == other.texcoords.is_empty() && self.two_sided == other.two_sided;
        // Vertices that are not finite are near nothing.
        bare && alike && near && (a + b <= short || a > short && b > short && a + b <= u32::MAX as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ogc::NO_FEATURE;
    use crate::tiles::{KeptTile, TileContent};
    use glam::DMat4;

    /// A triangle standing at `at`, turned by `turn_rad` about the vertical.
    fn part(at: DVec3, turn_rad: f64, id: u32) -> TileMesh {
        TileMesh {
            to_world: DMat4::from_translation(at) * DMat4::from_rotation_z(turn_rad),
            positions: vec![[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 0.0, 20.0]],
            normals: vec![[0.0, -1.0, 0.0]; 3],
            feature_ids: vec![id; 3],
            surfaces: vec![id as u8; 3],
            colours: vec![[id as u8; 4]; 3],
            indices: vec![0, 1, 2],
            ..TileMesh::default()
        }
    }

    #[test]
    fn parts_near_each_other_become_one_where_they_stood() {
        let (here, there) = (DVec3::new(1.2e6, -4.7e6, 4.0e6), DVec3::new(1.2e6 + 500.0, -4.7e6 + 40.0, 4.0e6 - 3.0));
        let (mut one, other) = (part(here, 0.3, 1), part(there, 2.0, 5));
        let world = |m: &TileMesh, i: usize| m.to_world.transform_point3(DVec3::from(m.positions[i].map(f64::from)));
        let was: Vec<DVec3> = (0..3).map(|i| world(&other, i)).collect();
        let faced = DMat3::from_mat4(other.to_world) * DVec3::NEG_Y;
        assert!(one.join(other).is_none());
        (0..3).for_each(|i| assert!((world(&one, i + 3) - was[i]).length() < 1e-3));
        let normal = DMat3::from_mat4(one.to_world) * DVec3::from(one.normals[4].map(f64::from));
        assert!((normal - faced).length() < 1e-5);
        assert_eq!((one.indices.as_slice(), one.feature_ids.as_slice()), ([0, 1, 2, 3, 4, 5].as_slice(), [1, 1, 1, 5, 5, 5].as_slice()));
        assert_eq!((one.surfaces[3], one.colours[3]), (5, [5; 4]));
        // A ray that meets the second part's face is told its id and kind.
        let kept = KeptTile::of(&TileContent { meshes: vec![one], ..TileContent::default() });
        let (first, corners) = kept.meshes[0].triangle(1).unwrap();
        assert_eq!(kept.meshes[0].about(first), (5, 5));
        assert!((kept.meshes[0].to_world.transform_point3(corners[2]) - was[2]).length() < 0.02);
    }

    #[test]
    fn what_does_not_go_together_stays_apart() {
        let one = || part(DVec3::ZERO, 0.0, NO_FEATURE);
        let far = part(DVec3::X * 3000.0, 0.0, 2);
        let two_sided = TileMesh { two_sided: true, ..one() };
        let facade = TileMesh { texcoords: vec![[0.0; 2]; 3], ..one() };
        let broken = TileMesh { positions: vec![[f32::NAN; 3]; 3], to_world: DMat4::from_translation(DVec3::splat(f64::NAN)), ..one() };
        let many = TileMesh { positions: vec![[0.0; 3]; 65_533], ..one() };
        for other in [far, two_sided, facade, broken, many] {
            let mut mesh = one();
            assert!(mesh.join(other).is_some());
            assert_eq!((mesh.positions.len(), mesh.indices.len()), (3, 3));
        }
    }
}
