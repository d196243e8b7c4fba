//! A tileset that keeps itself loaded: call [`Tileset::update`] once a frame, draw what it says.

mod detail;
mod intake;
mod memory;
mod said;

use super::budget::MemoryBudget;
use super::content::TileContent;
use super::disk_cache::{CacheFigures, CacheOptions};
use super::error::TileError;
use super::fetch::TileSource;
use super::groups::{Purpose, ViewGroup, choose, drawn_by_any};
use super::headers::Headers;
use super::kept::KeptTile;
use super::ledger::{Need, Share};
use super::loader::{Job, TileLoader};
use super::pick::{self, Hit};
use super::place_metadata::MetadataGroup;
use super::prepared::Prepare;
use super::select::{Load, LoadClass, LoadState, SelectOptions};
use super::tree::{TileId, TileTree};
use super::view::View;
use crate::geo::Sphere;
use detail::Detail;
use glam::{DMat4, DVec3};
use memory::Memory;
use said::Said;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How a tileset is kept.
#[derive(Clone, Debug, Default)]
pub struct TilesetOptions {
    pub select: SelectOptions,
    /// Bytes of tiles in memory: kept here, uploaded and on the way, never more. Tiles out of view go when it is reached; when all are in view,
    /// detail is lowered. `None`: what suits the machine ([`super::memory_budget`]).
    pub memory_bytes_max: Option<usize>,
    /// Memory shared with other tilesets; it stands before `memory_bytes_max`.
    pub memory: Option<MemoryBudget>,
    /// Where files from the network are kept between runs; `None` for nowhere.
    pub cache: Option<CacheOptions>,
    /// World (ECEF) from the tileset's own frame, for one that doesn't stand on Earth by itself. Tiles with a `region` stay where they are.
    pub place: Option<DMat4>,
}

/// What changed and what to draw.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Tiles to draw now; of several groups of views, what any of them draws ([`ViewGroup::drawn`] has each one's own).
    /// Each was in `loaded` of this or an earlier frame and not in `evicted` since.
    pub draw: Vec<TileId>,
    /// Tiles to upload; nobody else keeps their looks, so that they are gone when these are dropped.
    pub loaded: Vec<(TileId, Arc<TileContent>)>,
    /// Tiles to forget. Never one of `draw`.
    pub evicted: Vec<TileId>,
    /// Tiles given up in this update.
    pub failed: Vec<Failure>,
    pub progress: Progress,
}

/// Figures for the health panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Tiles the current picture still waits for.
    pub pending: usize,
    /// Tiles that would be nice to have.
    pub preloading: usize,
    /// Tiles given up; see [`Tileset::failures`].
    pub failed: usize,
    /// Tiles in view that are missing because they failed, or because memory does not suffice for the coarsest there are.
    pub holes: usize,
    pub resident_tiles: usize,
    /// Of tiles that are here: kept and uploaded.
    pub resident_bytes: usize,
    /// Those of them that are kept here, the rest being on the graphics device.
    pub kept_bytes: usize,
    /// Of all tilesets that share the budget: tiles that are here, and what is being fetched and decoded.
    pub held_bytes: usize,
    pub budget_bytes: usize,
    /// Screen-space error drawn, pixels: above the option where memory does not suffice.
    pub sse_px: f64,
    /// Tiles whose content was drawn without something, by what; each is told to the log once.
    pub notes: BTreeMap<String, usize>,
    /// The last tiles given up, newest first, 8 at most.
    pub recent_failures: Arc<[Failure]>,
}

/// A tile given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub tile: TileId,
    /// Address of its content, or of the first of several. What failed may be a file that it names: [`TileError::url`].
    pub uri: String,
    /// What is wrong and the mend, in words (`to_string`).
    pub error: TileError,
}

/// Handed over in the first updates, before anybody says how long it takes.
const UPLOAD_BYTES_FIRST: usize = 2 << 20;
/// Preloading stops at this part of the memory budget.
const PRELOAD_SHARE: f64 = 0.75;

/// One tileset, opened.
#[derive(Debug)]
pub struct Tileset {
    options: TilesetOptions,
    tree: TileTree,
    loads: Vec<LoadState>,
    /// What [`Tileset::update`] sees.
    views: ViewGroup,
    /// What the first group that draws drew last.
    drawn: Vec<TileId>,
    source: TileSource,
    loader: TileLoader,
    memory: MemoryBudget,
    share: Share,
    /// Bytes handed over in one update; the rest waits a frame.
    upload_bytes_max: usize,
    resident: HashMap<TileId, Resident>,
    resident_bytes: usize,
    /// How often each tile's load was answered; tells the loader old wishes from new ones.
    answered: HashMap<TileId, u32>,
    said: Said,
    detail: Detail,
    /// A tile that had come was turned away for want of room.
    turned_away: bool,
    update: u64,
    settled: bool,
}

#[derive(Debug)]
struct Resident {
    content: Arc<KeptTile>,
    /// The update that last drew it or waited to.
    used: u64,
}

impl Tileset {
    /// Starts reading a tileset: `address` is a path of a `tileset.json`, of its folder, of a `.3tz`, of a content by itself
    /// (`.glb`, `.gltf`, `.b3dm` and the like, which is then the only tile), or an http(s) address of one. Does not block.
    ///
    /// # Errors
    /// When a path does not exist. What is found wrong later is in [`Tileset::failures`].
    pub fn open(address: &str, options: TilesetOptions) -> Result<Self, TileError> {
        Self::open_with_headers(address, options, Headers::default())
    }

    /// As [`Tileset::open`], sending `headers` with every request to the server at `address`.
    pub fn open_with_headers(address: &str, options: TilesetOptions, headers: Headers) -> Result<Self, TileError> {
        let source = TileSource::open_with(address, headers)?.cached(options.cache.as_ref());
        let tree = TileTree::placed(source.root_url(), options.place.unwrap_or(DMat4::IDENTITY));
        let own = || options.memory_bytes_max.map_or_else(MemoryBudget::of_machine, MemoryBudget::new);
        let memory = options.memory.clone().unwrap_or_else(own);
        let loader = TileLoader::start(source.clone(), memory.ledger.clone())?;
        Ok(Self {
            options,
            tree,
            loads: vec![LoadState::Absent],
            views: ViewGroup::default(),
            drawn: Vec::new(),
            source,
            loader,
            share: memory.ledger.join(),
            memory,
            upload_bytes_max: UPLOAD_BYTES_FIRST,
            resident: HashMap::new(),
            resident_bytes: 0,
            answered: HashMap::new(),
            said: Said::default(),
            detail: Detail::new(),
            turned_away: false,
            update: 0,
            settled: false,
        })
    }

    /// Has `prepare` made of each tile by the loader's threads before it is handed over; call it before the first update.
    pub fn prepare_with(&self, prepare: Prepare) {
        self.loader.prepare_with(prepare);
    }

    /// One frame: takes in what was loaded, chooses what to draw, asks for what is missing. Never waits.
    ///
    /// All views are served together; a wall node gives one view with the wall's detail ([`View::off_axis`]).
    pub fn update(&mut self, views: &[View]) -> Frame {
        let mut group = std::mem::take(&mut self.views);
        group.views.clear();
        group.views.extend_from_slice(views);
        let frame = self.update_groups(std::slice::from_mut(&mut group));
        self.views = group;
        frame
    }

    /// One frame of several groups of views, each with its own picture ([`ViewGroup::drawn`]) over the same loaded tiles.
    pub fn update_groups(&mut self, groups: &mut [ViewGroup]) -> Frame {
        self.update += 1;
        let mut frame = Frame::default();
        self.take_answers(&mut frame);
        let options = SelectOptions { max_sse_px: self.options.select.max_sse_px * self.detail.factor(), ..self.options.select };
        let wanted = choose(&self.tree, &self.loads, &options, groups);
        groups.iter().for_each(|group| self.keep_used(group));
        let memory = self.keep_budget(&wanted, groups, &mut frame);
        self.ask(&wanted, memory);
        let mut drawing = groups.iter().filter(|g| g.purpose == Purpose::Draw);
        let wishes = wanted.iter().filter(|l| l.class != LoadClass::Preload).count();
        // What can't be had is not waited for: it is a hole.
        let (pending, given_up) = if memory == Memory::Lacking { (0, wishes) } else { (wishes, 0) };
        self.settled = pending == 0 && memory != Memory::Easing && drawing.clone().any(|g| !g.views.is_empty());
        self.drawn = drawing.next().map(|g| g.drawn().to_vec()).unwrap_or_default();
        frame.draw = drawn_by_any(groups);
        frame.progress = Progress {
            pending,
            preloading: wanted.len() - wishes,
            holes: groups.iter().map(ViewGroup::holes).sum::<usize>() + given_up,
            resident_tiles: self.resident.len(),
            resident_bytes: self.resident_bytes,
            kept_bytes: self.resident.values().map(|r| r.content.kept_bytes).sum(),
            held_bytes: self.memory.held_bytes(),
            budget_bytes: self.memory.bytes_max(),
            sse_px: options.max_sse_px,
            ..Progress::default()
        };
        let stale = self.source.cache_figures().map_or(0, |f| f.stale as usize);
        self.said.put(stale, given_up, self.source.root_url(), &mut frame.progress);
        frame
    }

    /// What the cache on disk did; `None` without one.
    pub fn cache_figures(&self) -> Option<CacheFigures> {
        self.source.cache_figures()
    }

    /// True if the last update's picture waits for nothing. Failed tiles don't count as waiting.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// A sphere around the whole tileset, for framing a camera; `None` until the root is read.
    pub fn bounding_sphere(&self) -> Option<Sphere> {
        self.tree.tile(TileTree::ROOT).volume.bounding_sphere()
    }

    /// Tiles given up, oldest first, the first 1000 of them; the last ones are in [`Progress::recent_failures`].
    pub fn failures(&self) -> &[Failure] {
        self.said.failures()
    }

    /// Forgets failures, so that the tiles are asked for again.
    pub fn retry_failed(&mut self) {
        for load in self.loads.iter_mut().filter(|l| **l == LoadState::Failed) {
            *load = LoadState::Absent;
        }
        self.said.forget_failures();
    }

    /// The memory it keeps to, to be shared with others.
    pub fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    pub fn tree(&self) -> &TileTree {
        &self.tree
    }

    /// What is kept of a tile that is in memory: its faces without colours, normals and pictures, and its features.
    pub fn content(&self, tile: TileId) -> Option<&Arc<KeptTile>> {
        self.resident.get(&tile).map(|r| &r.content)
    }

    /// What files say of a tile and its tileset: see [`TileTree::metadata`].
    pub fn metadata(&self, tile: TileId) -> Map<String, Value> {
        self.tree.metadata(tile)
    }

    /// All that files say of the place of a hit, as a person reads it: of the feature that is drawn there and of every other set of feature ids,
    /// of the pixel of property textures, of property attributes, and of the content, its group, the tile and the tileset.
    ///
    /// Sources that say nothing there are left out, and all if the tile is not in memory any more.
    pub fn place_metadata(&self, hit: &Hit) -> Vec<MetadataGroup> {
        let Some(content) = self.content(hit.tile) else { return Vec::new() };
        let mut groups = content.said_at(&hit.spot, hit.feature_id);
        groups.extend(self.tree.metadata_groups(hit.tile, content.content_at(&hit.spot)));
        groups.retain(MetadataGroup::says_something);
        groups
    }

    /// Attributes of a feature; empty if the tile is not in memory or the feature has none.
    pub fn attributes(&self, tile: TileId, feature_id: u32) -> Map<String, Value> {
        self.content(tile).map(|c| c.features.attributes(feature_id)).unwrap_or_default()
    }

    /// The nearest drawn triangle of the first group that draws, on a ray from `origin` (ECEF) along `direction`.
    pub fn pick(&self, origin: DVec3, direction: DVec3) -> Option<Hit> {
        self.pick_where(origin, direction, |_, _| true)
    }

    /// As [`Tileset::pick`], passing through features for which `visible` is false.
    pub fn pick_where(&self, origin: DVec3, direction: DVec3, visible: impl Fn(TileId, u32) -> bool) -> Option<Hit> {
        self.pick_among(&self.drawn, origin, direction, visible)
    }

    /// As [`Tileset::pick_where`] among tiles of another group ([`ViewGroup::drawn`]).
    pub fn pick_among(&self, drawn: &[TileId], origin: DVec3, direction: DVec3, visible: impl Fn(TileId, u32) -> bool) -> Option<Hit> {
        let drawn = drawn.iter().filter_map(|id| Some((*id, &self.tree.tile(*id).volume, &*self.resident.get(id)?.content)));
        pick::nearest(drawn, origin, direction, &visible)
    }

    fn ask(&mut self, wanted: &[Load], memory: Memory) {
        let now = self.share.standing();
        let room = (now.resident as f64) < now.max as f64 * PRELOAD_SHARE;
        let job = |l: &Load| {
            let need = match l.class {
                _ if l.stands_in => Need::StandIn,
                LoadClass::Preload => Need::Later,
                LoadClass::Urgent | LoadClass::Normal | LoadClass::Aside => Need::Picture,
            };
            Job::new(l.tile, need, self.answered.get(&l.tile).copied().unwrap_or(0), self.tree.tile(l.tile))
        };
        // Where memory lacks, what frees some comes first.
        let lacks = self.detail.factor() > 1.0 || memory == Memory::Short;
        let first = |l: &&Load| l.stands_in && lacks;
        let others = wanted.iter().filter(|l| !first(l) && (room || l.class != LoadClass::Preload));
        self.loader.want(wanted.iter().filter(first).chain(others).take(TileLoader::QUEUE_MAX).map(job).collect());
    }
}

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
