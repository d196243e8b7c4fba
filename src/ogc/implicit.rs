//! Implicit tiling: how a pyramid of tiles is divided and its tiles are named.

/// How a tile is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In four, in x and y.
    Quadtree,
    /// In eight.
    Octree,
}

impl Scheme {
    /// Children of a tile, 4 or 8.
    pub fn branching(self) -> usize {
        match self {
            Self::Quadtree => 4,
            Self::Octree => 8,
        }
    }

    /// Levels of one subtree file: at most 2^24 bits of availability, 2 MiB.
    pub fn subtree_levels_max(self) -> u32 {
        match self {
            Self::Quadtree => 12,
            Self::Octree => 8,
        }
    }
}

/// Where a tile is in an implicit pyramid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    pub level: u32,
    pub x: u64,
    pub y: u64,
    /// 0 in a quadtree.
    pub z: u64,
}

impl Coordinates {
    pub const ROOT: Self = Self { level: 0, x: 0, y: 0, z: 0 };

    /// Child `i` in Morton order: bit 0 is x, bit 1 is y, bit 2 is z.
    pub fn child(self, i: usize) -> Self {
        let bit = |n: usize| (i as u64 >> n) & 1;
        Self { level: self.level + 1, x: self.x * 2 + bit(0), y: self.y * 2 + bit(1), z: self.z * 2 + bit(2) }
    }

    /// A template with `{level}`, `{x}`, `{y}` and `{z}` filled in.
    pub fn fill(self, template: &str) -> String {
        let Self { level, x, y, z } = self;
        let filled = template.replace("{level}", &level.to_string()).replace("{x}", &x.to_string()).replace("{y}", &y.to_string());
        filled.replace("{z}", &z.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_morton_order() {
        let c = Coordinates::ROOT.child(1).child(2).child(7);
        assert_eq!(c, Coordinates { level: 3, x: 5, y: 3, z: 1 });
        assert_eq!(c.fill("{level}/{x}/{y}/{z}.glb"), "3/5/3/1.glb");
    }
}
