//! The walk down the tree: each tile in sight is drawn, refined or waited for. The rules are told in [`super::select`].

use super::outcomes::{Outcome, SelectionState};
use super::select::{Load, LoadClass, LoadState, SelectOptions, Selection};
use super::sight::{Look, Seen, Sight};
use super::tree::{Refine, Tile, TileId, TileTree};

pub(super) struct Walk<'a> {
    pub tree: &'a TileTree,
    pub loads: &'a [LoadState],
    pub sight: Sight<'a>,
    pub options: &'a SelectOptions,
    pub state: &'a mut SelectionState,
    pub out: Selection,
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

impl Walk<'_> {
    pub fn run(mut self) -> Selection {
        if let Look::Seen(seen) = self.sight.look(self.tree.tile(TileTree::ROOT)) {
            self.visit(TileTree::ROOT, seen, false);
        }
        self.out
    }

    fn load_state(&self, id: TileId) -> LoadState {
        self.loads.get(id.index()).copied().unwrap_or(LoadState::Absent)
    }

    fn visit(&mut self, id: TileId, seen: Seen, ancestor_meets_sse: bool) -> Below {
        self.out.visited += 1;
        let tree = self.tree;
        let tile = tree.tile(id);
        let load = self.load_state(id);
        if tile.children.is_empty() {
            return self.draw_or_wait(id, load, seen, LoadClass::Normal, ancestor_meets_sse);
        }
        let nothing_to_stand_in = matches!(load, LoadState::Empty | LoadState::Failed);
        let mut ancestor_meets_sse = ancestor_meets_sse;
        if !nothing_to_stand_in && (ancestor_meets_sse || seen.sse_px <= self.options.max_sse_px) {
            let was_refined = self.state.before(id) == Some(Outcome::Refined);
            if load == LoadState::Ready || tile.refine == Refine::Add || !was_refined {
                return self.draw_or_wait(id, load, seen, LoadClass::Urgent, ancestor_meets_sse);
            }
            // Its descendants are on screen and it is not here: they stay until it is.
            if !ancestor_meets_sse && self.shows(tile, seen) {
                self.out.load.push(Load { tile: id, class: LoadClass::Urgent, score: seen.score, stands_in: true });
            }
            ancestor_meets_sse = true;
        }
        match tile.refine {
            Refine::Add if load != LoadState::Empty => self.refine_by_adding(id, load, seen, ancestor_meets_sse),
            _ => self.refine_by_replacing(id, load, seen, ancestor_meets_sse),
        }
    }

    /// The end of a branch: this tile, or the wish for it.
    fn draw_or_wait(&mut self, id: TileId, load: LoadState, seen: Seen, class: LoadClass, ancestor_meets_sse: bool) -> Below {
        let tree = self.tree;
        if load != LoadState::Empty && !self.shows(tree.tile(id), seen) {
            return Below::NOTHING;
        }
        let any_drawn_before = self.state.before(id) == Some(Outcome::Drawn);
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

    /// **Nothing to show**: false if no view sees a content's own volume, or any child of a tile that its children replace.
    fn shows(&self, tile: &Tile, seen: Seen) -> bool {
        // A tile that is in the picture as a whole is so with all that is in it.
        if seen.whole {
            return true;
        }
        let content = tile.content_volumes.is_empty() || tile.content_volumes.iter().any(|v| self.sight.sees(v));
        let replaced = tile.refine == Refine::Replace && !tile.children.is_empty();
        content && (!replaced || tile.children.iter().any(|c| self.sight.sees(&self.tree.tile(*c).volume)))
    }

    fn refine_by_adding(&mut self, id: TileId, load: LoadState, seen: Seen, ancestor_meets_sse: bool) -> Below {
        let own = self.draw_or_wait(id, load, seen, LoadClass::Normal, ancestor_meets_sse);
        let below = self.visit_children(id, ancestor_meets_sse).unwrap_or(Below::NOTHING);
        // Added detail that is late is no hole.
        Below { all_renderable: own.all_renderable, any_drawn_before: own.any_drawn_before || below.any_drawn_before, ..own.and(below) }
    }

    fn refine_by_replacing(&mut self, id: TileId, load: LoadState, seen: Seen, ancestor_meets_sse: bool) -> Below {
        let (drawn, asked, noted, holes) = (self.out.draw.len(), self.out.load.len(), self.state.mark(), self.out.holes);
        let tree = self.tree;
        let Some(below) = self.visit_children(id, ancestor_meets_sse) else {
            // Kept from its children by their request volumes, or with nothing to show.
            self.out.load.truncate(asked);
            return self.draw_or_wait(id, load, seen, LoadClass::Normal, ancestor_meets_sse);
        };
        let may_kick = load == LoadState::Ready && (self.options.no_holes || !below.any_drawn_before);
        if !below.all_renderable && may_kick && self.shows(tree.tile(id), seen) {
            // Kicking.
            self.out.kicked.extend(self.out.draw.drain(drawn..));
            self.state.forget_since(noted);
            self.out.holes = holes;
            let any_drawn_before = self.state.before(id) == Some(Outcome::Drawn);
            self.draw(id);
            return Below { all_renderable: true, any_drawn_before, waiting: below.waiting };
        }
        self.state.note(id, Outcome::Refined);
        if load == LoadState::Absent && !ancestor_meets_sse {
            if !below.any_drawn_before && below.waiting > self.options.loading_descendants_max {
                self.out.load.truncate(asked);
                self.ask(id, LoadClass::Normal, seen.score);
                return Below { waiting: 1, ..below };
            }
            // Where something below has failed, this tile is all there will be.
            if self.out.holes > holes {
                self.ask(id, LoadClass::Urgent, seen.score);
            } else if self.options.no_holes || seen.sse_px <= self.options.max_sse_px * self.options.zoom_out_max {
                self.ask(id, LoadClass::Preload, seen.score);
            }
        }
        below
    }

    /// All children in sight; `None` if none is.
    fn visit_children(&mut self, id: TileId, ancestor_meets_sse: bool) -> Option<Below> {
        let tree = self.tree;
        let mut all: Option<Below> = None;
        for &child in &tree.tile(id).children {
            match self.sight.look(tree.tile(child)) {
                Look::Seen(seen) => {
                    let below = self.visit(child, seen, ancestor_meets_sse);
                    all = Some(all.map_or(below, |all| all.and(below)));
                }
                Look::Aside if self.options.preload_siblings && !ancestor_meets_sse && self.load_state(child) == LoadState::Absent => {
                    self.ask(child, LoadClass::Preload, 0.0);
                }
                _ => {}
            }
        }
        all
    }

    fn draw(&mut self, id: TileId) {
        self.out.draw.push(id);
        self.state.note(id, Outcome::Drawn);
    }

    fn ask(&mut self, tile: TileId, class: LoadClass, score: f64) {
        self.out.load.push(Load { tile, class, score, stands_in: false });
    }
}
