//! The tree of tiles: an arena that grows as external tilesets and subtrees are read.

use super::error::Fault;
use super::implicit::{Coordinates, Implicit};
use super::metadata::Said;
use super::place_metadata::MetadataGroup;
use super::volume::BoundingVolume;
use crate::geo::Sphere;
use glam::{DMat4, DVec3};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tiles of one tileset, all files together. A node is about 400 bytes, so this is 1 GB of tree; a city has some thousands.
const TILES_MAX: usize = 2_000_000;
/// Levels below the root, external tilesets included; stops a tileset that names itself.
const DEPTH_MAX: u16 = 200;

/// Index of a tile in its [`TileTree`]; stays valid for the tree's life (tiles are added, never removed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId(pub u32);

impl TileId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a tile's children do to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Children are drawn beside the tile.
    Add,
    /// Children are drawn instead of the tile.
    Replace,
}

/// Where a piece of a tile's content is.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentRef {
    /// Absolute address, `file:` or `http(s):`.
    pub url: String,
}

/// The axis that points up inside glTF contents (3D Tiles 1.0 lets old tilesets say otherwise in `asset.gltfUpAxis`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UpAxis {
    X,
    #[default]
    Y,
    Z,
}

/// The part of an implicit tileset a tile stands for until its subtree file is read.
#[derive(Clone, Debug)]
pub(crate) struct SubtreeRef {
    pub implicit: Arc<Implicit>,
    pub at: Coordinates,
}

/// One tile.
#[derive(Clone, Debug)]
pub struct Tile {
    pub parent: Option<TileId>,
    pub children: Vec<TileId>,
    /// Levels below the root of the whole tree.
    pub depth: u16,
    /// World volume of the tile and all below it.
    pub volume: BoundingVolume,
    /// The tile is looked at only by cameras inside this volume, where there is one.
    pub viewer_request_volume: Option<Box<BoundingVolume>>,
    /// World volumes of the contents alone, one each; empty where a content does not say and may fill the tile.
    pub content_volumes: Box<[BoundingVolume]>,
    /// Error in metres when the tile is drawn and its children are not.
    pub geometric_error_m: f64,
    pub refine: Refine,
    /// World from content (z-up), all transforms above multiplied in.
    pub transform: DMat4,
    pub contents: Vec<ContentRef>,
    pub up_axis: UpAxis,
    pub(crate) subtree: Option<SubtreeRef>,
}

impl Tile {
    /// A tile by itself: no content, no children, the world as its frame.
    pub fn new(volume: BoundingVolume, geometric_error_m: f64, refine: Refine) -> Self {
        Self {
            parent: None,
            children: Vec::new(),
            depth: 0,
            volume,
            viewer_request_volume: None,
            content_volumes: Box::default(),
            geometric_error_m,
            refine,
            transform: DMat4::IDENTITY,
            contents: Vec::new(),
            up_axis: UpAxis::Y,
            subtree: None,
        }
    }

    /// True if there is nothing to load for this tile.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty() && self.subtree.is_none()
    }
}

/// Tiles read from one file, ids counted from its own root at 0, to be joined to the tree by [`TileTree::graft`].
#[derive(Clone, Debug, Default)]
pub struct Fragment {
    pub(crate) tiles: Vec<Tile>,
    /// What files say of some of them.
    pub(crate) said: BTreeMap<TileId, Said>,
}

impl Fragment {
    /// Tiles of which no file says anything.
    pub(crate) fn of(tiles: Vec<Tile>) -> Self {
        Self { tiles, said: BTreeMap::new() }
    }
}

/// All tiles known so far. Tile 0 is a stand-in whose content is the root `tileset.json`.
#[derive(Clone, Debug)]
pub struct TileTree {
    tiles: Vec<Tile>,
    said: BTreeMap<TileId, Said>,
}

impl TileTree {
    /// A tree that knows only the address of its root tileset.
    pub fn new(url: &str) -> Self {
        Self::placed(url, DMat4::IDENTITY)
    }

    /// The same, the whole tileset standing where `transform` (world from its own frame) puts it.
    pub fn placed(url: &str, transform: DMat4) -> Self {
        let root = Tile {
            contents: vec![ContentRef { url: url.to_owned() }],
            transform,
            ..Tile::new(BoundingVolume::Everywhere, f64::INFINITY, Refine::Replace)
        };
        Self { tiles: vec![root], said: BTreeMap::new() }
    }

    pub const ROOT: TileId = TileId(0);

    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Never: a tree has at least its stand-in root.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// # Panics
    /// If `id` is of another tree.
    pub fn tile(&self, id: TileId) -> &Tile {
        &self.tiles[id.index()]
    }

    pub fn iter(&self) -> impl Iterator<Item = (TileId, &Tile)> {
        self.tiles.iter().enumerate().map(|(i, t)| (TileId(i as u32), t))
    }

    /// What files say of a tile, beside its content and features: metadata (3D Tiles 1.1, and `3DTILES_metadata`) and `extras`.
    ///
    /// Properties under `tile`, `content`, `group` (of several contents, the second has `content 2` and `group 2`) and `tileset`, the
    /// nearest above; what nothing is said of is missing.
    pub fn metadata(&self, id: TileId) -> Map<String, Value> {
        let mut found = Map::new();
        self.said.get(&id).into_iter().for_each(|said| said.put(&mut found));
        let mut up = std::iter::successors(self.tiles.get(id.index()).map(|_| id), |id| self.tile(*id).parent);
        up.find(|id| self.said.get(id).is_some_and(|said| said.put_tileset(&mut found)));
        found
    }

    /// As [`TileTree::metadata`] of one content of a tile, with what schemas say of it: content, group, tile, and the nearest tileset above.
    pub fn metadata_groups(&self, id: TileId, content: usize) -> Vec<MetadataGroup> {
        let mut groups: Vec<MetadataGroup> = self.said.get(&id).into_iter().flat_map(|said| said.groups(content)).collect();
        let mut up = std::iter::successors(self.tiles.get(id.index()).map(|_| id), |id| self.tile(*id).parent);
        groups.extend(up.find_map(|id| self.said.get(&id)?.tileset_group()));
        groups
    }

    /// Adds one tile below `parent`, for trees that come from no file; `None` when there are too many tiles or levels.
    ///
    /// # Panics
    /// If `parent` is of another tree.
    pub fn add(&mut self, parent: TileId, tile: Tile) -> Option<TileId> {
        let id = TileId(self.tiles.len() as u32);
        self.graft(parent, Fragment::of(vec![Tile { parent: None, children: Vec::new(), depth: 0, ..tile }])).ok().map(|()| id)
    }

    /// Joins a read tileset below `parent`. The fragment was parsed with `parent`'s transform already applied.
    pub(crate) fn graft(&mut self, parent: TileId, fragment: Fragment) -> Result<(), Fault> {
        self.room_for(parent, &fragment)?;
        let base = self.tiles.len() as u32;
        let depth = self.tile(parent).depth + 1;
        self.said.extend(fragment.said.into_iter().map(|(id, said)| (TileId(id.0 + base), said)));
        for mut tile in fragment.tiles {
            tile.parent = Some(tile.parent.map_or(parent, |p| TileId(p.0 + base)));
            tile.depth += depth;
            for child in &mut tile.children {
                child.0 += base;
            }
            self.tiles.push(tile);
        }
        if parent == Self::ROOT {
            self.tiles[0].volume = self.tiles[base as usize].volume;
        }
        self.tiles[parent.index()].children.push(TileId(base));
        Ok(())
    }

    /// Joins a read subtree: its first tile replaces what `at` stood for, the others come below.
    pub(crate) fn graft_subtree(&mut self, at: TileId, fragment: Fragment) -> Result<(), Fault> {
        self.room_for(at, &fragment)?;
        let depth = self.tile(at).depth;
        // Tile 0 of the fragment becomes `at`, tile n becomes base + n - 1.
        let base = self.tiles.len() as u32;
        let moved = |id: TileId| if id.0 == 0 { at } else { TileId(id.0 - 1 + base) };
        for (id, mut said) in fragment.said {
            // What the tileset itself says of the implicit tiling's root stays.
            let before = self.said.remove(&moved(id)).unwrap_or_default();
            said.tileset = before.tileset;
            said.tile = said.tile.or(before.tile);
            self.said.insert(moved(id), said);
        }
        for (i, mut tile) in fragment.tiles.into_iter().enumerate() {
            tile.children.iter_mut().for_each(|c| *c = moved(*c));
            tile.depth += depth;
            if i == 0 {
                tile.parent = self.tile(at).parent;
                self.tiles[at.index()] = tile;
            } else {
                tile.parent = tile.parent.map(moved);
                self.tiles.push(tile);
            }
        }
        Ok(())
    }

    /// The root is a content and no tileset: it reaches as far as these points (world, metres) do and is never refined.
    pub(crate) fn bound_root(&mut self, points: &[DVec3]) {
        let centre = points.iter().sum::<DVec3>() / points.len() as f64;
        let radius_m = points.iter().map(|p| p.distance(centre)).fold(0.0, f64::max);
        // Without points the middle is not a number.
        if centre.is_finite() && radius_m.is_finite() {
            (self.tiles[0].volume, self.tiles[0].geometric_error_m) = (BoundingVolume::Sphere(Sphere { centre, radius_m }), 0.0);
        }
    }

    fn room_for(&self, at: TileId, fragment: &Fragment) -> Result<(), Fault> {
        let below = fragment.tiles.iter().map(|t| t.depth).max().unwrap_or(0);
        if fragment.tiles.is_empty() {
            return Err(Fault::bad("root", "there are no tiles"));
        }
        if self.tiles.len() + fragment.tiles.len() > TILES_MAX {
            return Err(Fault::unsupported(format!("a tileset of more than {TILES_MAX} tiles"), "open a part of it"));
        }
        if self.tile(at).depth.saturating_add(below) >= DEPTH_MAX {
            return Err(
                Fault::bad("root", format!("the tree is more than {DEPTH_MAX} levels deep")).mend("does a tileset name itself as content?")
            );
        }
        Ok(())
    }
}
