//! Terrain: elevation grids to an implicit quadtree of glb tiles, each meshed within an error bound, with skirts, and draped with photos.
//!
//! A tile is 64 x 64 cells of its part of the extent. It is divided while halving the cells would move the ground by more
//! than the finest tolerance, or while a photo over it is finer than its picture: flat land ends early, mountains go down to the samples.
//! [`relief`] answers heights, [`flatten`] makes places level, [`drape`] makes the pictures, [`tile`] the meshes, [`subtree`] the tree's files.

mod drape;
mod flatten;
mod footing;
mod relief;
mod rtin;
mod subtree;
mod tile;

pub use drape::Drape;
pub use flatten::{Flatten, Level};
pub use relief::Relief;

use super::place::{NOWHERE, grow, region_size_m};
use super::schema::Schema;
use super::tiles::frame;
use super::tileset::{self, Implicit, Tile};
use super::{PackageError, Progress, Stage};
use crate::geo::{Geodetic, LocalFrame, Region};
use crate::model::city::TilesetRole;
use drape::Picture;
use rayon::prelude::*;
use relief::Extent;
use rtin::SIDE;
use std::path::Path;

/// Levels at most: 4^10 tiles of 64 x 64 cells are 4 billion samples, more than any city has.
const LEVELS_MAX: u32 = 11;
/// Finest tolerance in parts of the cell: 0.3 m for cells of 30 m, far under what such a model is good for ...
const TOLERANCE_PER_CELL: f64 = 0.01;
/// ... and within these metres.
const TOLERANCE_M: (f64, f64) = (0.1, 2.0);
/// Where ground is made level, cells go down to this size, metres: less than the side of a house ...
const LEVEL_CELL_M: f64 = 3.0;
/// ... but by so many levels at most under the samples: 64 times the tiles.
const LEVEL_DEEPER: u32 = 3;
/// A pixel of a picture counts as so many metres of error for each metre it is wide: with the usual limit of 16 pixels on screen, a picture's
/// pixel is drawn two wide before the next level comes.
const ERROR_PER_PIXEL: f64 = 8.0;
/// Metres a degree of latitude, roughly.
const DEGREE_M: f64 = 111_320.0;

/// What came of the terrain.
pub struct Written {
    pub root: Tile,
    pub triangles: u64,
    pub tiles: u64,
}

/// Place of a tile in the tree; `y` runs north, as implicit tiling of regions has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Address {
    pub level: u32,
    pub x: u32,
    pub y: u32,
}

impl Address {
    fn children(self) -> impl Iterator<Item = Self> {
        (0..4).map(move |q| Self { level: self.level + 1, x: self.x * 2 + (q & 1), y: self.y * 2 + (q >> 1) })
    }

    /// Its part of the whole.
    pub fn extent(self, all: &Extent) -> Extent {
        let n = f64::from(1u32 << self.level);
        let ((west, south), (east, north)) =
            (all.at(f64::from(self.x) / n, f64::from(self.y) / n), all.at(f64::from(self.x + 1) / n, f64::from(self.y + 1) / n));
        Extent { west, south, east, north }
    }
}

/// What a look at a tile's samples tells before anything is meshed.
#[derive(Clone, Copy)]
struct Look {
    /// Metres by which its grid may be off the finest samples.
    error_m: f64,
    /// Some samples have data, some have not.
    mixed: bool,
    empty: bool,
}

/// What all tiles share.
pub struct Plan<'a> {
    pub relief: &'a Relief,
    pub drape: &'a Drape,
    pub extent: Extent,
    pub frame: LocalFrame,
    pub schema: Schema,
    /// Levels until cells are no larger than the finest samples.
    levels: u32,
    pub tolerance_m: f64,
}

/// A tile that is to be made.
struct Node {
    address: Address,
    look: Look,
    children: Option<Box<[Option<Node>; 4]>>,
}

/// A tile, and all below it, when they are made.
struct Made {
    low_m: f64,
    high_m: f64,
    triangles: u64,
    tiles: u64,
    picture: Option<Picture>,
}

/// Tells what terrain is made from: the same key gives the same bytes.
pub fn key(relief: &Relief, drape: &Drape, within: Option<[f64; 4]>) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(env!("CARGO_PKG_VERSION").as_bytes());
    within.into_iter().flatten().for_each(|v| hash.update(&v.to_le_bytes()));
    relief.hash(&mut hash);
    drape.hash(&mut hash);
    hash.digest()
}

/// Writes tiles, subtrees and `tileset.json` into `dir`; `None` without elevation. `within` cuts it off: west, south, east, north in degrees.
pub fn write(
    relief: &Relief,
    drape: &Drape,
    within: Option<[f64; 4]>,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Option<Written>, PackageError> {
    let Some(plan) = Plan::new(relief, drape, within) else { return Ok(None) };
    let extent = plan.extent;
    let Some(root) = plan.grow(Address { level: 0, x: 0, y: 0 }) else { return Ok(None) };
    std::fs::create_dir_all(dir).map_err(PackageError::io(dir))?;
    let mut nodes = Vec::new();
    root.list(&mut nodes);
    progress.start(Stage::Tiles(TilesetRole::Terrain), nodes.len() as u64);
    let made = plan.make(&root, dir, progress)?;
    let mut whole = region(&extent);
    (whole.min_height_m, whole.max_height_m) = (made.low_m, made.high_m);
    let mut tiles: Vec<(Address, bool)> = nodes.iter().map(|n| (n.address, !n.look.empty)).collect();
    tiles.sort();
    let (subtree_levels, available_levels) = subtree::write_all(&tiles, dir)?;
    // Errors halve from level to level, so the root's is what the worst level needs.
    let needs = nodes.iter().filter(|n| n.children.is_some()).map(|n| {
        let level = n.address.level;
        (n.look.error_m + plan.bound_m(level)) * f64::from(1u32 << level)
    });
    let of_pictures = if drape.is_empty() {
        0.0
    } else {
        region_size_m(&Region { min_height_m: 0.0, max_height_m: 0.0, ..region(&extent) }) / drape::PIXELS_MAX as f64 * ERROR_PER_PIXEL
    };
    let root = Tile {
        region: whole,
        error_m: needs.fold(plan.tolerance_m.max(of_pictures), f64::max),
        frame: Some(plan.frame),
        placed: None,
        content: Some("{level}/{x}/{y}.glb".to_owned()),
        children: Vec::new(),
        implicit: Some(Implicit { subtree_levels, available_levels, subtrees: "subtrees/{level}/{x}/{y}.subtree".to_owned() }),
    };
    tileset::write(&dir.join("tileset.json"), &root)?;
    Ok(Some(Written { root, triangles: made.triangles, tiles: made.tiles }))
}

/// Levels until cells are no larger than samples, and the finest tolerance in metres.
fn resolution(relief: &Relief, e: &Extent) -> (u32, f64) {
    let (step_x, step_y) = relief.part(e).step_deg();
    let cells = ((e.east - e.west) / step_x).max((e.north - e.south) / step_y);
    let levels = (cells / (SIDE - 1) as f64).log2().ceil().max(0.0) as u32 + 1;
    (levels.min(LEVELS_MAX), (step_y * DEGREE_M * TOLERANCE_PER_CELL).clamp(TOLERANCE_M.0, TOLERANCE_M.1))
}

fn region(e: &Extent) -> Region {
    let mut region = NOWHERE;
    grow(&mut region, Geodetic::from_degrees(e.west, e.south, 0.0));
    grow(&mut region, Geodetic::from_degrees(e.east, e.north, 0.0));
    region
}

impl<'a> Plan<'a> {
    /// `None` when there is no ground to plan for.
    fn new(relief: &'a Relief, drape: &'a Drape, within: Option<[f64; 4]>) -> Option<Self> {
        let asked = within.map(|[west, south, east, north]| Extent { west, south, east, north });
        let extent = asked.map_or(Some(relief.extent()), |e| relief.extent().within(&e)).filter(|_| !relief.is_empty())?;
        let (levels, tolerance_m) = resolution(relief, &extent);
        Some(Self { relief, drape, extent, frame: frame(&region(&extent)), schema: Schema::base(), levels, tolerance_m })
    }

    /// Error bound of a level's meshes, metres.
    pub fn bound_m(&self, level: u32) -> f64 {
        self.tolerance_m * f64::from(1u32 << (self.levels - 1).saturating_sub(level))
    }

    /// Whether children of a tile could show what it can't.
    fn goes_on(&self, level: u32, extent: &Extent, part: &relief::Part) -> bool {
        let cell = ((extent.east - extent.west) / (SIDE - 1) as f64, (extent.north - extent.south) / (SIDE - 1) as f64);
        let step = part.step_deg();
        let samples = cell.0 > step.0 * (1.0 + 1e-9) || cell.1 > step.1 * (1.0 + 1e-9);
        let level_ground = part.is_levelled() && cell.1 * DEGREE_M > LEVEL_CELL_M && level + 1 < self.levels + LEVEL_DEEPER;
        level + 1 < LEVELS_MAX && (samples || level_ground)
    }

    /// A tile and those below it that are worth making; `None` where there is no ground. Errors are summed from the finest level up.
    fn grow(&self, address: Address) -> Option<Node> {
        let extent = address.extent(&self.extent);
        let part = self.relief.part(&extent);
        if part.is_empty() {
            return None;
        }
        let mut look = tile::look(&part, &extent);
        let draped = address.level + 1 < LEVELS_MAX && self.drape.wants_division(&extent);
        let mut children = None;
        if self.goes_on(address.level, &extent, &part) || draped && !look.empty {
            let below: Vec<Option<Node>> = address.children().collect::<Vec<_>>().into_par_iter().map(|a| self.grow(a)).collect();
            look.error_m += below.iter().flatten().map(|c| c.look.error_m).fold(0.0, f64::max);
            look.mixed |= below.iter().flatten().any(|c| c.look.mixed) || below.iter().any(|c| c.is_none() != look.empty);
            let divided = below.iter().any(Option::is_some) && (look.error_m > self.tolerance_m || look.mixed || draped);
            children = if divided { <Box<[Option<Node>; 4]>>::try_from(below.into_boxed_slice()).ok() } else { None };
        }
        if look.empty && children.is_none() { None } else { Some(Node { address, look, children }) }
    }

    /// Writes a tile and all below it; pictures are made of those of the children, so that each pixel of a photo counts.
    fn make(&self, node: &Node, dir: &Path, progress: &dyn Progress) -> Result<Made, PackageError> {
        let mut made = Made { low_m: f64::INFINITY, high_m: f64::NEG_INFINITY, triangles: 0, tiles: 0, picture: None };
        if let Some(children) = &node.children {
            let below: Vec<Option<Made>> = children
                .par_iter()
                .map(|c| c.as_ref().map(|c| self.make(c, dir, progress)).transpose())
                .collect::<Result<_, PackageError>>()?;
            let mut pictures = [None, None, None, None];
            for (child, picture) in below.into_iter().zip(&mut pictures) {
                let Some(child) = child else { continue };
                (made.low_m, made.high_m) = (made.low_m.min(child.low_m), made.high_m.max(child.high_m));
                (made.triangles, made.tiles) = (made.triangles + child.triangles, made.tiles + child.tiles);
                *picture = child.picture;
            }
            made.picture = drape::join(&pictures);
        } else if !self.drape.is_empty() {
            made.picture = self.drape.picture(&node.address.extent(&self.extent));
        }
        if !node.look.empty {
            let (low_m, high_m, triangles) = tile::write(self, node.address, node.children.is_some(), made.picture.as_ref(), dir)?;
            (made.low_m, made.high_m) = (made.low_m.min(low_m), made.high_m.max(high_m));
            (made.triangles, made.tiles) = (made.triangles + triangles, made.tiles + 1);
        }
        progress.advance(1);
        Ok(made)
    }
}

impl Node {
    /// This tile and all below it.
    fn list<'a>(&'a self, out: &mut Vec<&'a Node>) {
        out.push(self);
        self.children.iter().flat_map(|c| c.iter()).flatten().for_each(|c| c.list(out));
    }
}

#[cfg(test)]
mod tests;
