//! Which tiles to draw and which to load: a function of the tree, the views, what is loaded, and what was drawn before.
//!
//! The simple answer, "draw every tile whose error is small enough", leaves holes while tiles load. The rules, by the
//! names the field gives them (Cesium Native, `selection-algorithm-details.md`):
//! - **meets SSE**: a tile whose screen-space error is small enough in every view that sees it is drawn, its children are not looked at.
//! - **kicking**: a tile refined by replacement whose descendants can't all be drawn yet takes their place, if it is loaded itself,
//!   unless some of them were on screen last frame: detail once shown does not vanish for a neighbour that is late.
//! - **ancestor meets SSE**: zooming out, a tile that is not loaded any more leaves its descendants on screen until it is.
//! - **nothing to stand in**: empty and failed tiles with children are always refined, they can't fill a hole.
//! - **loading descendants limit**: a tile with too many descendants to wait for is loaded itself first.

use super::tree::{Refine, Tile, TileId, TileTree};
use super::view::View;
use std::collections::HashMap;

/// What is known of a tile's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadState {
    /// Not here (not asked for, under way, or evicted).
    Absent,
    /// Here, with something to draw.
    Ready,
    /// Nothing to draw: an empty tile, or one whose content was another tileset.
    Empty,
    /// Could not be had.
    Failed,
}

/// How to choose.
#[derive(Clone, Copy, Debug)]
pub struct SelectOptions {
    /// Largest screen-space error drawn, pixels. 16 is the field's default; 8 looks better on a desk, 24 spares a weak machine.
    pub max_sse_px: f64,
    /// Descendants a tile waits for before it is loaded itself first.
    pub loading_descendants_max: usize,
    /// Also ask for tiles just out of view whose parent is refined, so that turning the camera shows no hole.
    pub preload_siblings: bool,
}

impl Default for SelectOptions {
    fn default() -> Self {
        // 20: Cesium Native's figure.
        Self { max_sse_px: 16.0, loading_descendants_max: 20, preload_siblings: true }
    }
}

/// How much a tile is needed; earlier is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadClass {
    /// The very tile to draw now, and nothing finer replaces it.
    Urgent,
    /// Part of the picture.
    Normal,
    /// Not in the picture; may be soon.
    Preload,
}

/// A tile to load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub tile: TileId,
    pub class: LoadClass,
    /// Higher is sooner within a class: screen-space error, weighted by nearness to a view's centre.
    pub score: f64,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Tiles to draw, all [`LoadState::Ready`]; in tree order.
    pub draw: Vec<TileId>,
    /// Tiles to load, most needed first.
    pub load: Vec<Load>,
    /// Tiles that are ready but kicked: they wait for others, and should stay in memory.
    pub kicked: Vec<TileId>,
    /// Tiles in view that can't be drawn because they failed and nothing stands in.
    pub holes: usize,
    /// Tiles looked at.
    pub visited: usize,
}

/// What the last selection did with each tile it looked at.
#[derive(Clone, Debug, Default)]
pub struct SelectionState {
    outcomes: HashMap<TileId, Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Drawn,
    Refined,
}

/// Chooses tiles for all `views` together. `loads` has one entry a tile of `tree`. `state` is the last call's and is brought up to date.
pub fn select(tree: &TileTree, loads: &[LoadState], views: &[View], options: &SelectOptions, state: &mut SelectionState) -> Selection {
    let mut traversal = Traversal { tree, loads, views, options, before: &state.outcomes, outcomes: Vec::new(), out: Selection::default() };
    if let Some(seen) = traversal.seen(tree.tile(TileTree::ROOT)) {
        traversal.visit(TileTree::ROOT, seen, false);
    }
    let Traversal { outcomes, mut out, .. } = traversal;
    state.outcomes = outcomes.into_iter().collect();
    out.load.sort_by(|a, b| a.class.cmp(&b.class).then(b.score.total_cmp(&a.score)).then(a.tile.cmp(&b.tile)));
    out
}

struct Traversal<'a> {
    tree: &'a TileTree,
    loads: &'a [LoadState],
    views: &'a [View],
    options: &'a SelectOptions,
    before: &'a HashMap<TileId, Outcome>,
    outcomes: Vec<(TileId, Outcome)>,
    out: Selection,
}

/// A tile in at least one view.
#[derive(Clone, Copy)]
struct Seen {
    sse_px: f64,
    score: f64,
}

/// What a visited tile says of itself and all below it.
#[derive(Clone, Copy)]
struct Below {
    /// No hole in what is drawn.
    all_renderable: bool,
    any_drawn_before: bool,
    /// Tiles waited for.
    waiting: usize,
}

impl Below {
    const NOTHING: Self = Self { all_renderable: true, any_drawn_before: false, waiting: 0 };

    fn and(self, other: Self) -> Self {
        Self {
            all_renderable: self.all_renderable && other.all_renderable,
            any_drawn_before: self.any_drawn_before || other.any_drawn_before,
            waiting: self.waiting + other.waiting,
        }
    }
}

impl Traversal<'_> {
    /// The largest error over the views that see the tile; `None` if none does.
    fn seen(&self, tile: &Tile) -> Option<Seen> {
        let mut seen: Option<Seen> = None;
        for view in self.views {
            let inside = tile.viewer_request_volume.as_ref().is_none_or(|v| v.contains(view.position()));
            if !inside || !tile.volume.meets_frustum(view.planes()) {
                continue;
            }
            let sse_px = view.screen_space_error_px(tile.geometric_error_m, tile.volume.distance_m(view.position()));
            let aside = (tile.volume.centre() - view.position()).normalize_or_zero().dot(view.forward()).max(0.0);
            // Leaves have no error to rank by; the square of nearness to the centre then decides alone.
            let score = sse_px.clamp(1.0, 1e6) * (0.1 + 0.9 * aside * aside);
            let so_far = seen.unwrap_or(Seen { sse_px: 0.0, score: 0.0 });
            seen = Some(Seen { sse_px: so_far.sse_px.max(sse_px), score: so_far.score.max(score) });
        }
        seen
    }

    fn load_state(&self, id: TileId) -> LoadState {
        self.loads.get(id.index()).copied().unwrap_or(LoadState::Absent)
    }

    fn visit(&mut self, id: TileId, seen: Seen, ancestor_meets_sse: bool) -> Below {
        self.out.visited += 1;
        let tree = self.tree;
        let tile = tree.tile(id);
        let load = self.load_state(id);
        let nothing_to_stand_in = matches!(load, LoadState::Empty | LoadState::Failed);
        if tile.children.is_empty() {
            return self.draw_or_wait(id, load, seen, LoadClass::Normal, ancestor_meets_sse);
        }
        let meets_sse = seen.sse_px <= self.options.max_sse_px && !nothing_to_stand_in;
        let mut ancestor_meets_sse = ancestor_meets_sse;
        if meets_sse || (ancestor_meets_sse && !nothing_to_stand_in) {
            let was_refined = self.before.get(&id) == Some(&Outcome::Refined);
            if load == LoadState::Ready || tile.refine == Refine::Add || !was_refined {
                return self.draw_or_wait(id, load, seen, LoadClass::Urgent, ancestor_meets_sse);
            }
            // Its descendants are on screen and it is not here: they stay until it is.
            if !ancestor_meets_sse {
                self.ask(id, LoadClass::Urgent, seen.score);
            }
            ancestor_meets_sse = true;
        }
        match tile.refine {
            Refine::Add if load != LoadState::Empty => self.refine_by_adding(id, tile, load, seen, ancestor_meets_sse),
            _ => self.refine_by_replacing(id, tile, load, seen, ancestor_meets_sse),
        }
    }

    /// The end of a branch: this tile, or the wish for it.
    fn draw_or_wait(&mut self, id: TileId, load: LoadState, seen: Seen, class: LoadClass, ancestor_meets_sse: bool) -> Below {
        let any_drawn_before = self.before.get(&id) == Some(&Outcome::Drawn);
        let renderable = matches!(load, LoadState::Ready | LoadState::Empty);
        match load {
            LoadState::Ready => self.draw(id),
            LoadState::Absent if !ancestor_meets_sse => self.ask(id, class, seen.score),
            LoadState::Failed => self.out.holes += 1,
            _ => {}
        }
        Below {
            all_renderable: renderable,
            any_drawn_before: any_drawn_before && renderable,
            waiting: usize::from(load == LoadState::Absent),
        }
    }

    fn refine_by_adding(&mut self, id: TileId, tile: &Tile, load: LoadState, seen: Seen, ancestor_meets_sse: bool) -> Below {
        let own = self.draw_or_wait(id, load, seen, LoadClass::Normal, ancestor_meets_sse);
        let below = self.visit_children(tile, ancestor_meets_sse);
        // Added detail that is late is no hole.
        Below { all_renderable: own.all_renderable, any_drawn_before: own.any_drawn_before || below.any_drawn_before, ..own.and(below) }
    }

    fn refine_by_replacing(&mut self, id: TileId, tile: &Tile, load: LoadState, seen: Seen, ancestor_meets_sse: bool) -> Below {
        let (drawn, asked, noted, holes) = (self.out.draw.len(), self.out.load.len(), self.outcomes.len(), self.out.holes);
        let below = self.visit_children(tile, ancestor_meets_sse);
        if !below.all_renderable && !below.any_drawn_before && load == LoadState::Ready {
            // Kicking.
            self.out.kicked.extend(self.out.draw.drain(drawn..));
            self.outcomes.truncate(noted);
            self.out.holes = holes;
            let any_drawn_before = self.before.get(&id) == Some(&Outcome::Drawn);
            self.draw(id);
            return Below { all_renderable: true, any_drawn_before, waiting: below.waiting };
        }
        self.outcomes.push((id, Outcome::Refined));
        if load == LoadState::Absent && !ancestor_meets_sse {
            if !below.any_drawn_before && below.waiting > self.options.loading_descendants_max {
                self.out.load.truncate(asked);
                self.ask(id, LoadClass::Normal, seen.score);
                return Below { waiting: 1, ..below };
            }
            // Where something below has failed, this tile is all there will be.
            let class = if self.out.holes > holes { LoadClass::Urgent } else { LoadClass::Preload };
            self.ask(id, class, seen.score);
        }
        below
    }

    fn visit_children(&mut self, tile: &Tile, ancestor_meets_sse: bool) -> Below {
        let tree = self.tree;
        let mut all = Below::NOTHING;
        for &child in &tile.children {
            if let Some(seen) = self.seen(tree.tile(child)) {
                all = all.and(self.visit(child, seen, ancestor_meets_sse));
            } else if self.options.preload_siblings && !ancestor_meets_sse && self.load_state(child) == LoadState::Absent {
                self.ask(child, LoadClass::Preload, 0.0);
            }
        }
        all
    }

    fn draw(&mut self, id: TileId) {
        self.out.draw.push(id);
        self.outcomes.push((id, Outcome::Drawn));
    }

    fn ask(&mut self, tile: TileId, class: LoadClass, score: f64) {
        self.out.load.push(Load { tile, class, score });
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
