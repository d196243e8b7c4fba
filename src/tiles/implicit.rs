//! Implicit tiling: a whole pyramid of tiles said in one rule.

use super::tree::{Refine, UpAxis};
use crate::geo::Region;
pub use crate::ogc::{Coordinates, Scheme};
use glam::{DMat3, DMat4, DVec3};
use serde_json::Value;
use std::sync::Arc;

/// A bounding volume as a file writes it, before any transform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VolumeShape {
    Box { centre: DVec3, half_axes: DMat3 },
    Region(Region),
    Sphere { centre: DVec3, radius_m: f64 },
}

/// The rule of one implicit tileset.
#[derive(Clone, Debug)]
pub struct Implicit {
    /// Address of the tileset the templates are relative to.
    pub url: String,
    pub scheme: Scheme,
    /// Levels with tiles, at most [`Implicit::LEVELS_MAX`].
    pub levels: u32,
    pub subtree_levels: u32,
    pub subtree_template: String,
    pub content_templates: Vec<String>,
    /// The root tile's volume.
    pub shape: VolumeShape,
    pub transform: DMat4,
    pub geometric_error_m: f64,
    pub refine: Refine,
    pub up_axis: UpAxis,
    /// Of the metadata in subtrees.
    pub schema: Arc<Value>,
}

impl Implicit {
    /// 2^40 tiles on a side: half a millimetre on the whole Earth's girth, and coordinates stay exact in f64.
    pub const LEVELS_MAX: u32 = 40;

    /// Volume of the tile at `c`: the root's divided evenly. Source: 3D Tiles 1.1, "Implicit Tiling", subdivision rules.
    pub fn shape_at(&self, c: Coordinates) -> VolumeShape {
        let side = (1u64 << c.level) as f64;
        let octree = self.scheme == Scheme::Octree;
        match self.shape {
            VolumeShape::Box { centre, half_axes } => {
                let middle = |i: u64| (2.0 * i as f64 + 1.0) / side - 1.0;
                let z = if octree { middle(c.z) } else { 0.0 };
                let centre = centre + half_axes * DVec3::new(middle(c.x), middle(c.y), z);
                let shrink = DVec3::new(1.0 / side, 1.0 / side, if octree { 1.0 / side } else { 1.0 });
                VolumeShape::Box { centre, half_axes: half_axes * DMat3::from_diagonal(shrink) }
            }
            VolumeShape::Region(r) => {
                let turn = if r.east_rad < r.west_rad { std::f64::consts::TAU } else { 0.0 };
                let (dx, dy) = ((r.east_rad + turn - r.west_rad) / side, (r.north_rad - r.south_rad) / side);
                let dz = (r.max_height_m - r.min_height_m) / side;
                let (low, high) = if octree {
                    (r.min_height_m + dz * c.z as f64, r.min_height_m + dz * (c.z + 1) as f64)
                } else {
                    (r.min_height_m, r.max_height_m)
                };
                VolumeShape::Region(Region {
                    west_rad: r.west_rad + dx * c.x as f64,
                    east_rad: r.west_rad + dx * (c.x + 1) as f64,
                    south_rad: r.south_rad + dy * c.y as f64,
                    north_rad: r.south_rad + dy * (c.y + 1) as f64,
                    min_height_m: low,
                    max_height_m: high,
                })
            }
            sphere @ VolumeShape::Sphere { .. } => sphere,
        }
    }

    /// Metres; halves with each level.
    pub fn geometric_error_at(&self, c: Coordinates) -> f64 {
        self.geometric_error_m / (1u64 << c.level) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_children_fill_their_parent() {
        let implicit = Implicit {
            url: String::new(),
            scheme: Scheme::Quadtree,
            levels: 3,
            subtree_levels: 2,
            subtree_template: String::new(),
            content_templates: vec![],
            shape: VolumeShape::Box { centre: DVec3::ZERO, half_axes: DMat3::from_diagonal(DVec3::new(8.0, 4.0, 1.0)) },
            transform: DMat4::IDENTITY,
            geometric_error_m: 64.0,
            refine: Refine::Replace,
            up_axis: UpAxis::Y,
            schema: Arc::default(),
        };
        let c = Coordinates::ROOT.child(3).child(0);
        let VolumeShape::Box { centre, half_axes } = implicit.shape_at(c) else { panic!("a box stays a box") };
        assert_eq!((centre, half_axes), (DVec3::new(2.0, 1.0, 0.0), DMat3::from_diagonal(DVec3::new(2.0, 1.0, 1.0))));
        assert_eq!(implicit.geometric_error_at(c), 16.0);
    }
}
