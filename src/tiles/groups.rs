//! Independent groups of views over one tileset: the wall, a mini-map, a preview, the next stretch of a camera path.
//!
//! Each group chooses by itself and remembers its own last frame; what they share is the tree, the loaded tiles and the loader.

use super::outcomes::SelectionState;
use super::select::{Load, LoadClass, LoadState, SelectOptions, Selection, select};
use super::tree::{TileId, TileTree};
use super::view::View;

/// What a group's tiles are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// On screen now.
    #[default]
    Draw,
    /// On screen now as a small picture beside another one, a mini-map or a preview: it is drawn, and what it lacks is loaded as [`LoadClass::Aside`],
    /// when no group that draws waits for anything.
    Inset,
    /// On screen soon: nothing is drawn, and everything is loaded as [`LoadClass::Preload`].
    Preload,
}

/// Views that choose their tiles together, apart from other groups. Keep it from frame to frame: it remembers what it showed.
///
/// A group belongs to one tileset.
#[derive(Clone, Debug)]
pub struct ViewGroup {
    /// The views of this frame. Without any, nothing is drawn or loaded.
    pub views: Vec<View>,
    /// Load scores are multiplied by this, 1 by itself: of two groups that draw (or of two insets) the heavier one is served first.
    pub weight: f64,
    pub purpose: Purpose,
    state: SelectionState,
    pub(super) selection: Selection,
}

impl Default for ViewGroup {
    fn default() -> Self {
        Self::new(Purpose::Draw, 1.0)
    }
}

impl ViewGroup {
    pub fn new(purpose: Purpose, weight: f64) -> Self {
        Self { views: Vec::new(), weight, purpose, state: SelectionState::default(), selection: Selection::default() }
    }

    /// Tiles this group draws, as of the last [`super::Tileset::update_groups`]; in tree order.
    pub fn drawn(&self) -> &[TileId] {
        &self.selection.draw
    }

    /// Tiles in this group's views that are missing because they failed.
    pub fn holes(&self) -> usize {
        self.selection.holes
    }

    fn choose(&mut self, tree: &TileTree, loads: &[LoadState], options: &SelectOptions) {
        let mut chosen = select(tree, loads, &self.views, options, &mut self.state);
        for load in &mut chosen.load {
            load.score *= self.weight;
            match self.purpose {
                Purpose::Draw => {}
                // A stand-in of a small picture must not take the place of finer tiles that the large one shows.
                Purpose::Inset => (load.class, load.stands_in) = (load.class.max(LoadClass::Aside), false),
                Purpose::Preload => (load.class, load.stands_in) = (LoadClass::Preload, false),
            }
        }
        if self.purpose == Purpose::Preload {
            chosen.kicked.append(&mut chosen.draw);
            chosen.holes = 0;
        }
        self.selection = chosen;
    }
}

/// Lets every group choose; gives what to load for all of them, most needed first.
pub(super) fn choose(tree: &TileTree, loads: &[LoadState], options: &SelectOptions, groups: &mut [ViewGroup]) -> Vec<Load> {
    groups.iter_mut().for_each(|group| group.choose(tree, loads, options));
    let mut wanted: Vec<Load> = groups.iter().flat_map(|g| &g.selection.load).copied().collect();
    // A tile that several groups want is loaded once, as soon as the neediest wants it.
    wanted.sort_unstable_by(|a, b| a.tile.cmp(&b.tile).then(a.by_need(b)));
    wanted.dedup_by(|again, load| {
        let same = again.tile == load.tile;
        load.stands_in |= same && again.stands_in;
        same
    });
    wanted.sort_unstable_by(Load::by_need);
    wanted
}

/// What is on the screens, insets too.
pub(super) fn views(groups: &[ViewGroup]) -> impl Iterator<Item = &View> {
    groups.iter().filter(|g| g.purpose != Purpose::Preload).flat_map(|g| &g.views)
}

/// Tiles that any group draws, each once.
pub(super) fn drawn_by_any(groups: &[ViewGroup]) -> Vec<TileId> {
    let mut drawn: Vec<TileId> = groups.iter().flat_map(ViewGroup::drawn).copied().collect();
    if groups.len() > 1 {
        drawn.sort_unstable();
        drawn.dedup();
    }
    drawn
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
