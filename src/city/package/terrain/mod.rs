//! Terrain: elevation grids to an implicit quadtree of glb tiles, each meshed within an error bound, with skirts.
//!
//! A tile is 64 x 64 cells of its part of the extent. It is divided while halving the cells would move the ground by more
//! than the finest tolerance: flat land ends early, mountains go down to the samples.

mod relief;
mod rtin;
mod subtree;
mod tile;

pub use relief::Relief;

use super::place::{NOWHERE, grow};
use super::schema::Schema;
use super::tiles::frame;
use super::tileset::{self, Implicit, Tile};
use super::{PackageError, Progress, Stage};
use crate::geo::{Geodetic, LocalFrame, Region};
use crate::model::city::TilesetRole;
use rayon::prelude::*;
use relief::Extent;
use rtin::SIDE;
use std::path::Path;
use subtree::Availability;

/// Levels at most: 4^10 tiles of 64 x 64 cells are 4 billion samples, more than any city has.
const LEVELS_MAX: u32 = 11;
/// Levels in one `.subtree` file: 1,365 bits a file.
const SUBTREE_LEVELS: u32 = 6;
/// Finest tolerance in parts of the cell: 0.3 m for cells of 30 m, far under what such a model is good for ...
const TOLERANCE_PER_CELL: f64 = 0.01;
/// ... and within these metres.
const TOLERANCE_M: (f64, f64) = (0.1, 2.0);
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
    pub extent: Extent,
    pub frame: LocalFrame,
    pub schema: Schema,
    /// Error bound of a level's meshes, metres.
    pub bound_m: Vec<f64>,
    pub tolerance_m: f64,
}

/// Writes tiles, subtrees and `tileset.json` into `dir`; `None` without elevation.
pub fn write(relief: &Relief, dir: &Path, progress: &dyn Progress) -> Result<Option<Written>, PackageError> {
    if relief.is_empty() {
        return Ok(None);
    }
    let extent = relief.extent();
    let (levels, tolerance_m) = resolution(relief, &extent);
    let looks = look(relief, &extent, levels);
    let wanted = choose(&looks, tolerance_m);
    let bound = |level| if level + 1 < levels { tolerance_m * f64::from(1u32 << (levels - 1 - level)) } else { tolerance_m };
    let bound_m: Vec<f64> = (0..levels).map(bound).collect();
    let plan = Plan { relief, extent, frame: frame(&region(&extent)), schema: Schema::base(), bound_m, tolerance_m };
    std::fs::create_dir_all(dir).map_err(PackageError::io(dir))?;
    progress.start(Stage::Tiles(TilesetRole::Terrain), wanted.len() as u64);
    let made: Vec<(f64, f64, u64)> = wanted
        .par_iter()
        .map(|(address, divided)| {
            let made = tile::write(&plan, *address, *divided, dir);
            progress.advance(1);
            made
        })
        .collect::<Result<_, _>>()?;
    let mut whole = region(&extent);
    whole.min_height_m = made.iter().map(|m| m.0).fold(f64::INFINITY, f64::min);
    whole.max_height_m = made.iter().map(|m| m.1).fold(f64::NEG_INFINITY, f64::max);
    let deepest = wanted.iter().map(|(a, _)| a.level).max().unwrap_or(0);
    let subtree_levels = SUBTREE_LEVELS.min(deepest + 1);
    write_subtrees(&wanted, subtree_levels, deepest, dir)?;
    // Errors halve from level to level, so the root's is what the worst level needs.
    let needs = wanted.iter().filter(|(_, divided)| *divided).map(|(a, _)| {
        let own = looks[a.level as usize][subtree::morton(a.x, a.y)].error_m + plan.bound_m[a.level as usize];
        own * f64::from(1u32 << a.level)
    });
    let root = Tile {
        region: whole,
        error_m: needs.fold(tolerance_m, f64::max),
        frame: Some(plan.frame),
        placed: None,
        content: Some("{level}/{x}/{y}.glb".to_owned()),
        children: Vec::new(),
        implicit: Some(Implicit { subtree_levels, available_levels: deepest + 1, subtrees: "subtrees/{level}/{x}/{y}.subtree".to_owned() }),
    };
    tileset::write(&dir.join("tileset.json"), &root)?;
    Ok(Some(Written { root, triangles: made.iter().map(|m| m.2).sum(), tiles: made.len() as u64 }))
}

/// Levels until cells are no larger than samples, and the finest tolerance in metres.
fn resolution(relief: &Relief, e: &Extent) -> (u32, f64) {
    let (step_x, step_y) = relief.step_deg();
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

/// Every tile of every level, level by level in Morton order, errors summed from the finest level up.
fn look(relief: &Relief, extent: &Extent, levels: u32) -> Vec<Vec<Look>> {
    let mut looks: Vec<Vec<Look>> = Vec::new();
    for level in (0..levels).rev() {
        let at = |m: usize| {
            let bits = |shift: u32| (0..16).map(|b| ((m >> (2 * b + shift)) & 1) << b).sum::<usize>() as u32;
            Address { level, x: bits(0), y: bits(1) }
        };
        let mut row: Vec<Look> = (0..1usize << (2 * level)).into_par_iter().map(|m| tile::look(relief, &at(m).extent(extent))).collect();
        if let Some(below) = looks.last() {
            for (look, children) in row.iter_mut().zip(below.chunks_exact(4)) {
                look.error_m += children.iter().map(|c| c.error_m).fold(0.0, f64::max);
                look.mixed |= children.iter().any(|c| c.mixed) || children.iter().any(|c| c.empty != look.empty);
                look.empty &= children.iter().all(|c| c.empty);
            }
        }
        looks.push(row);
    }
    looks.reverse();
    looks
}

/// Tiles to be made, sorted, each with whether it has children.
fn choose(looks: &[Vec<Look>], tolerance_m: f64) -> Vec<(Address, bool)> {
    let mut wanted = Vec::new();
    let mut open = vec![Address { level: 0, x: 0, y: 0 }];
    while let Some(a) = open.pop() {
        let look = &looks[a.level as usize][subtree::morton(a.x, a.y)];
        if look.empty {
            continue;
        }
        let divided = (a.level as usize + 1) < looks.len() && (look.error_m > tolerance_m || look.mixed);
        wanted.push((a, divided));
        if divided {
            open.extend(a.children());
        }
    }
    wanted.sort();
    wanted
}

fn write_subtrees(wanted: &[(Address, bool)], levels: u32, deepest: u32, dir: &Path) -> Result<(), PackageError> {
    for root in (0..=deepest).step_by(levels as usize).flat_map(|level| wanted.iter().filter(move |(a, _)| a.level == level)) {
        let root = root.0;
        let mut tiles = Availability::new(subtree::level_offset(levels));
        let mut children = Availability::new(1 << (2 * levels));
        for (a, _) in wanted.iter().filter(|(a, _)| a.level >= root.level && a.level <= root.level + levels) {
            let down = a.level - root.level;
            if (a.x >> down, a.y >> down) != (root.x, root.y) {
                continue;
            }
            let mask = (1u32 << down) - 1;
            let index = subtree::morton(a.x & mask, a.y & mask);
            if down < levels { tiles.set(subtree::level_offset(down) + index) } else { children.set(index) }
        }
        let folder = dir.join(format!("subtrees/{}/{}", root.level, root.x));
        std::fs::create_dir_all(&folder).map_err(PackageError::io(&folder))?;
        let path = folder.join(format!("{}.subtree", root.y));
        std::fs::write(&path, subtree::write(&tiles, &children)).map_err(PackageError::io(path))?;
    }
    Ok(())
}
