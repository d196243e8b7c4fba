//! Parts of a tile as one mesh, so that it is drawn in one call.

use super::content::TileMesh;
use super::mesh::{UNLIT, VERTICES_MAX};
use super::texture::Wear;
use glam::{DMat3, DVec3};
use std::sync::Arc;

/// Local coordinates reach so far at most: steps of `f32` there are two millimetres.
const REACH_MAX_M: f64 = 16_384.0;

impl TileMesh {
    /// Adds another part of the same tile, ids and all: they must be of the tile's own table already. What does not go together is given back: parts
    /// that lie 16 km apart, have more vertices than a tile may, or wear more pictures than fit one texture.
    pub(super) fn join(&mut self, mut other: Self) -> Option<Self> {
        if self.positions.len() + other.positions.len() > VERTICES_MAX {
            return Some(other);
        }
        let places = self.places_of(&other);
        if !self.is_near(&places) || !self.wear_as_one(&mut other) {
            return Some(other);
        }
        self.tell_facades(&mut other);
        let to_local = DMat3::from_mat4(self.to_world).transpose() * DMat3::from_mat4(other.to_world);
        let base = self.positions.len() as u32;
        self.positions.extend(places.iter().map(|p| p.as_vec3().to_array()));
        self.normals.extend(other.normals.iter().map(|n| (to_local * DVec3::from(n.map(f64::from))).as_vec3().to_array()));
        self.feature_ids.extend(other.feature_ids);
        self.surfaces.extend(other.surfaces);
        self.colours.extend(other.colours);
        self.texcoords.extend(other.texcoords);
        self.texture_uvs.extend(other.texture_uvs);
        self.wears.extend(other.wears);
        // Faces of closed bodies that are seen from behind too are hidden by those before them.
        self.two_sided |= other.two_sided;
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

    fn is_near(&self, places: &[DVec3]) -> bool {
        let (low, high) = places.iter().fold(self.bounds(), |(low, high), p| (low.min(*p), high.max(*p)));
        // Vertices that are not finite are near nothing.
        low.abs().max(high.abs()).max_element() <= REACH_MAX_M
    }

    /// Gives both parts the same texture and lists of what is worn, if they need any; false where their pictures don't fit one.
    fn wear_as_one(&mut self, other: &mut Self) -> bool {
        match (&self.texture, &other.texture) {
            (None, None) => return true,
            (Some(a), Some(b)) => {
                let first = a.layers;
                let Some(both) = a.join(b) else { return false };
                let worn = other.wears.iter_mut().filter(|w| **w & Wear::TEXTURED != 0);
                // The layer is in the lowest bits, and both together have fewer than would overflow them.
                worn.for_each(|w| *w += first);
                self.texture = Some(Arc::new(both));
            }
            (one, another) => self.texture = one.clone().or(another.clone()),
        }
        for part in [self, other] {
            part.texture_uvs.resize(part.positions.len(), [0.0; 2]);
            part.wears.resize(part.positions.len(), 0);
        }
        true
    }

    /// Facade coordinates are of both parts or of none; a part without any, or without faces of a known kind, gets them from its places.
    fn tell_facades(&mut self, other: &mut Self) {
        if self.texcoords.is_empty() && other.texcoords.is_empty() && !self.knows_kinds() && !other.knows_kinds() {
            return;
        }
        for part in [self, other] {
            part.texcoords = part.facades();
        }
    }

    fn knows_kinds(&self) -> bool {
        self.surfaces.iter().any(|s| *s != 0 && *s != UNLIT)
    }

    /// Facade coordinates, metres along the wall and above the lowest point; models without any get their height above the part's lowest point and a
    /// horizontal coordinate from their place.
    pub fn facades(&self) -> Vec<[f32; 2]> {
        if self.texcoords.len() == self.positions.len() && self.knows_kinds() {
            return self.texcoords.clone();
        }
        let lowest = self.positions.iter().map(|p| p[2]).fold(f32::INFINITY, f32::min);
        self.positions.iter().map(|p| [p[0] + p[1], p[2] - lowest]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ogc::NO_FEATURE;
    use crate::tiles::{KeptTile, TileContent, TileTexture};
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
        let far = part(DVec3::X * 20_000.0, 0.0, 2);
        let broken = TileMesh { positions: vec![[f32::NAN; 3]; 3], to_world: DMat4::from_translation(DVec3::splat(f64::NAN)), ..one() };
        let many = TileMesh { positions: vec![[0.0; 3]; VERTICES_MAX], ..one() };
        for other in [far, broken, many] {
            let mut mesh = one();
            assert!(mesh.join(other).is_some());
            assert_eq!((mesh.positions.len(), mesh.indices.len()), (3, 3));
        }
    }

    #[test]
    fn parts_that_say_different_things_become_one_that_says_both() {
        let (mut wall, mut tree) = (part(DVec3::ZERO, 0.0, 1), part(DVec3::X * 50.0, 0.0, 0));
        wall.texcoords = vec![[1.0, 2.0]; 3];
        tree.two_sided = true;
        // Places on a picture, which are no facade coordinates.
        tree.texcoords = vec![[0.5, 0.5]; 3];
        assert!(wall.join(tree).is_none());
        assert!(wall.two_sided);
        assert_eq!(wall.texcoords[..3], [[1.0, 2.0]; 3]);
        assert_eq!(wall.texcoords[3..], [[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]]);
    }

    #[test]
    fn pictures_of_parts_become_layers_of_one_and_each_face_keeps_its_own() {
        let picture = |grey: u8, side: u32| image::RgbaImage::from_pixel(side, side, image::Rgba([grey, grey, grey, 255]));
        let worn = |greys: &[u8], side: u32, layer: u32| TileMesh {
            texture: TileTexture::of(greys.iter().map(|g| picture(*g, side)).collect()).map(Arc::new),
            texture_uvs: vec![[0.5; 2]; 3],
            wears: vec![Wear::TEXTURED | Wear::CLAMP_U | layer; 3],
            ..part(DVec3::ZERO, 0.0, 0)
        };
        let (mut first, second, bare) = (worn(&[10, 20], 4, 1), worn(&[30], 8, 0), part(DVec3::Y, 0.0, 2));
        assert!(first.join(second).is_none() && first.join(bare).is_none());
        assert_eq!((first.wears[0] & 0xffff, first.wears[3] & 0xffff, first.wears[6]), (1, 2, 0));
        assert!(first.wears[3] & Wear::CLAMP_U != 0 && first.texture_uvs.len() == 9);
        let texture = first.texture.unwrap();
        assert_eq!((texture.layers, texture.width, texture.height), (3, 8, 8));
        let pixels = texture.take();
        assert_eq!(pixels.len(), texture.bytes());
        let layer = pixels.len() / 3;
        assert_eq!([0, 1, 2].map(|i| pixels[i * layer]), [10, 20, 30]);
    }
}
