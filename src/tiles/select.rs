//! Which tiles to draw and which to load: a function of the tree, the views, what is loaded, and what was drawn before.
//!
//! The simple answer, "draw every tile whose error is small enough", leaves holes while tiles load. The rules, by the
//! names the field gives them (Cesium Native, `selection-algorithm-details.md`):
//! - **meets SSE**: a tile whose screen-space error is small enough in every view that sees it is drawn, its children are not looked at.
//! - **kicking**: a tile refined by replacement whose descendants can't all be drawn yet takes their place, if it is loaded itself,
//!   unless some of them were on screen last frame: detail once shown does not vanish for a neighbour that is late.
//! - **no holes** (an option): it takes their place even then. Only children in sight are waited for.
//! - **ancestor meets SSE**: zooming out, a tile that is not loaded any more leaves its descendants on screen until it is.
//! - **nothing to stand in**: empty and failed tiles with children are always refined, they can't fill a hole.
//! - **loading descendants limit**: a tile with too many descendants to wait for is loaded itself first.
//! - **zoom out**: a tile that its children replace is wanted as well, for later, where moving away a little would show it.
//! - **frustum**, **horizon**, **haze**: what is out of the picture, below the Earth's edge or lost in the air is not in sight.
//! - **nothing to show**: a tile in sight is neither drawn nor loaded if its content's own volume is not, or none of the children that
//!   replace it.
//!
//! `docs/tile-selection.md` tells why each is needed. What the views see is in `sight`, the walk itself in `walk`.

use super::outcomes::SelectionState;
use super::sight::Sight;
use super::tree::{TileId, TileTree};
use super::view::View;
use super::walk::Walk;

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
    /// Also ask for tiles that their children replace, so that they are here when the camera moves away to so many times the distance. With
    /// [`Self::no_holes`] for all of them.
    pub zoom_out_max: f64,
    /// Never show a hole where something coarser is loaded: detail on screen gives way to its parent while a neighbour in sight is late.
    /// For a wall in public view; off, detail stays and the neighbour's place is empty for a moment.
    pub no_holes: bool,
    /// Leave out what the Earth hides. Only tilesets in ECEF have a horizon; in others this does nothing.
    pub horizon: bool,
    /// Pixels of error more that full haze allows, for views that have haze ([`View::with_haze`]).
    pub haze_sse_px: f64,
}

impl Default for SelectOptions {
    fn default() -> Self {
        // 20 descendants: Cesium Native's figure. 24 pixels: CesiumJS's `dynamicScreenSpaceErrorFactor`.
        Self {
            max_sse_px: 16.0,
            loading_descendants_max: 20,
            preload_siblings: true,
            zoom_out_max: 4.0,
            no_holes: false,
            horizon: true,
            haze_sse_px: 24.0,
        }
    }
}

/// How much a tile is needed; earlier is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadClass {
    /// The very tile to draw now, and nothing finer replaces it.
    Urgent,
    /// Part of the picture.
    Normal,
    /// Part of a small picture beside it ([`super::Purpose::Inset`]).
    Aside,
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
    /// Finer tiles keep its place on screen and go when it comes: it frees memory.
    pub stands_in: bool,
}

impl Load {
    /// Most needed first.
    pub(super) fn by_need(&self, other: &Self) -> std::cmp::Ordering {
        self.class.cmp(&other.class).then(other.score.total_cmp(&self.score)).then(self.tile.cmp(&other.tile))
    }
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

/// Chooses tiles for all `views` together. `loads` has one entry a tile of `tree`. `state` is the last call's and is brought up to date.
pub fn select(tree: &TileTree, loads: &[LoadState], views: &[View], options: &SelectOptions, state: &mut SelectionState) -> Selection {
    state.begin(tree.len());
    let walk = Walk { tree, loads, sight: Sight::new(tree, views, options), options, state, out: Selection::default() };
    let mut out = walk.run();
    out.load.sort_unstable_by(Load::by_need);
    out
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
