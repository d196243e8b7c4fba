//! What became of each tile in the last frame, at a cost of what was looked at and not of what there is.

use super::tree::TileId;

/// What the last selection did with each tile it looked at. One for each group of views of one tileset.
///
/// Four bytes a tile of the tree, kept from frame to frame; nothing is cleared between frames, an old stamp simply counts no more.
#[derive(Clone, Debug)]
pub struct SelectionState {
    /// By tile: the frame of its last outcome, shifted left by one, and 1 if it was refined. 0: never.
    stamps: Vec<u32>,
    frame: u32,
    /// Tiles noted in this frame, in the order of the walk.
    noted: Vec<TileId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Drawn,
    Refined,
}

/// The first frame is one more, so that no stamp of 0 is of the frame before it.
const BEFORE_FIRST: u32 = 1;
/// Frames until stamps run out, a year at 60 frames a second. Then the past is forgotten: a tile may be kicked once that would not have been.
const FRAMES_MAX: u32 = u32::MAX >> 1;

impl Default for SelectionState {
    fn default() -> Self {
        Self { stamps: Vec::new(), frame: BEFORE_FIRST, noted: Vec::new() }
    }
}

impl SelectionState {
    /// Starts a frame of a tree of `tiles`.
    pub(super) fn begin(&mut self, tiles: usize) {
        if self.frame == FRAMES_MAX {
            self.stamps.fill(0);
            self.frame = BEFORE_FIRST;
        }
        self.frame += 1;
        self.noted.clear();
        if self.stamps.len() < tiles {
            self.stamps.resize(tiles, 0);
        }
    }

    /// What became of the tile in the frame before. Ask before [`SelectionState::note`]: the note takes its place.
    pub(super) fn before(&self, id: TileId) -> Option<Outcome> {
        let stamp = self.stamps[id.index()];
        (stamp >> 1 == self.frame - 1).then_some(if stamp & 1 == 0 { Outcome::Drawn } else { Outcome::Refined })
    }

    pub(super) fn note(&mut self, id: TileId, outcome: Outcome) {
        self.stamps[id.index()] = self.frame << 1 | u32::from(outcome == Outcome::Refined);
        self.noted.push(id);
    }

    /// A place in this frame's notes, for [`SelectionState::forget_since`].
    pub(super) fn mark(&self) -> usize {
        self.noted.len()
    }

    pub(super) fn forget_since(&mut self, mark: usize) {
        for id in self.noted.drain(mark..) {
            self.stamps[id.index()] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: TileId = TileId(3);

    #[test]
    fn only_the_frame_before_counts() {
        let mut state = SelectionState::default();
        state.begin(5);
        assert_eq!(state.before(TILE), None);
        state.note(TILE, Outcome::Refined);
        state.begin(5);
        assert_eq!(state.before(TILE), Some(Outcome::Refined));
        state.begin(8);
        assert_eq!((state.before(TILE), state.before(TileId(7))), (None, None));
    }

    #[test]
    fn what_is_forgotten_was_not() {
        let mut state = SelectionState::default();
        state.begin(5);
        state.note(TileId(1), Outcome::Refined);
        let mark = state.mark();
        state.note(TILE, Outcome::Drawn);
        state.forget_since(mark);
        state.begin(5);
        assert_eq!((state.before(TileId(1)), state.before(TILE)), (Some(Outcome::Refined), None));
    }

    #[test]
    fn when_stamps_run_out_the_past_is_forgotten() {
        let mut state = SelectionState { frame: FRAMES_MAX - 1, ..SelectionState::default() };
        state.begin(5);
        state.note(TILE, Outcome::Drawn);
        state.begin(5);
        assert_eq!(state.before(TILE), None);
        state.note(TILE, Outcome::Drawn);
        state.begin(5);
        assert_eq!(state.before(TILE), Some(Outcome::Drawn));
    }
}
