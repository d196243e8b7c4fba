//! The engine within its memory budget: what goes when room is needed, and when detail is lowered instead.

use super::detail::Scene;
use super::{Frame, Tileset};
use crate::tiles::budget::GraphicsMemory;
use crate::tiles::groups::{Purpose, ViewGroup};
use crate::tiles::ledger::Standing;
use crate::tiles::select::{Load, LoadClass, LoadState};
use crate::tiles::tree::TileId;

/// How a picture stands to its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    Suffices,
    /// Detail that was given up comes back, now or soon.
    Easing,
    /// Detail is given up, or has been.
    Short,
    /// Not even the coarsest tiles there are have room.
    Lacking,
}

/// How tiles are let go.
struct Leaving {
    /// Bytes to free.
    bytes: usize,
    /// Only tiles that were last used before this update.
    since: u64,
    /// Only while no other tileset of the budget has one that is idle for longer.
    in_turn: bool,
}

impl Tileset {
    /// Notes that the group has need of its tiles. What is only for later goes before the picture does, but after all else.
    pub(super) fn keep_used(&mut self, group: &ViewGroup) {
        let used = if group.purpose == Purpose::Preload { self.update - 1 } else { self.update };
        for id in group.selection.draw.iter().chain(&group.selection.kicked) {
            if let Some(resident) = self.resident.get_mut(id) {
                resident.used = resident.used.max(used);
            }
        }
    }

    /// Keeps within the memory budget, with what waits to be fetched: tiles out of use go, longest unused first, whichever tileset of the budget
    /// has them; if that is not enough, detail is lowered.
    pub(super) fn keep_budget(&mut self, wanted: &[Load], groups: &mut [ViewGroup], frame: &mut Frame) -> Memory {
        let over = self.share.standing().over();
        if over > 0 {
            self.drop_unused(&Leaving { bytes: over, since: self.update, in_turn: true }, frame);
        }
        let (mut needed, mut idle) = (0, 0);
        for resident in self.resident.values() {
            needed += if resident.used == self.update { resident.content.bytes } else { 0 };
            idle = idle.max(self.update - resident.used);
        }
        self.share.set_use(needed, idle);
        let now = self.share.standing();
        let short = std::mem::take(&mut self.turned_away) || now.is_short();
        let memory = self.weigh(short, now, needed, wanted, groups, frame);
        // Said in every update, so that whoever waits for room looks again: it may have come between his looking and his waiting.
        self.share.set_resident(self.resident_bytes);
        memory
    }

    /// What is to be done about detail, `short` of memory or not.
    fn weigh(&mut self, short: bool, now: Standing, needed: usize, wanted: &[Load], groups: &mut [ViewGroup], frame: &mut Frame) -> Memory {
        let stand_ins: Vec<TileId> = wanted.iter().filter(|l| l.stands_in).map(|l| l.tile).collect();
        let pending = wanted.iter().filter(|l| l.class != LoadClass::Preload).count();
        if !short {
            let eases = stand_ins.is_empty() && self.detail.restore(&Scene { groups, now, needed, pending });
            return if eases { Memory::Easing } else { Memory::Suffices };
        }
        // Tiles on their way to take the place of finer ones make room. Only where they get none themselves more is to be done.
        let on_their_way = !stand_ins.is_empty() && (now.stand_ins.tiles == 0 || now.in_flight > 0);
        // And while another tileset has tiles out of use, those go first.
        if on_their_way || self.share.others_idle() > 0 || self.give_way(&stand_ins, now, groups, frame) {
            return Memory::Short;
        }
        let lowered = self.detail.lower(self.options.select.max_sse_px, &Scene { groups, now, needed, pending });
        if lowered { Memory::Short } else { Memory::Lacking }
    }

    /// Gives up tiles on screen that a coarser one is to replace, where even that has no room beside them: a hole until it is here, and no longer.
    /// True if some went.
    fn give_way(&mut self, stand_ins: &[TileId], now: Standing, groups: &mut [ViewGroup], frame: &mut Frame) -> bool {
        let mut excess = (now.resident + now.in_flight + now.stand_ins.one()).saturating_sub(now.max);
        let mut gave = false;
        for stand_in in stand_ins {
            let mut below: Vec<TileId> = self.resident.keys().copied().filter(|id| self.is_below(*id, *stand_in)).collect();
            below.sort_unstable();
            while let (true, Some(id)) = (excess > 0, below.pop()) {
                excess = excess.saturating_sub(self.let_go(id, frame));
                gave = true;
            }
        }
        for group in groups.iter_mut().filter(|_| gave) {
            group.selection.draw.retain(|id| self.resident.contains_key(id));
        }
        gave
    }

    fn is_below(&self, tile: TileId, above: TileId) -> bool {
        std::iter::successors(self.tree.tile(tile).parent, |id| self.tree.tile(*id).parent).any(|id| id == above)
    }

    /// Whether so many bytes fit, once tiles of this tileset that were not needed in the last update are gone.
    pub(super) fn make_room(&mut self, bytes: usize, frame: &mut Frame) -> bool {
        let now = self.share.standing();
        let Some(goal) = now.max.checked_sub(bytes) else { return false };
        if now.resident > goal {
            self.drop_unused(&Leaving { bytes: now.resident - goal, since: self.update - 1, in_turn: false }, frame);
        }
        self.share.standing().resident <= goal
    }

    /// Lets tiles go, longest unused first, until enough is free.
    fn drop_unused(&mut self, leaving: &Leaving, frame: &mut Frame) {
        let mut unused: Vec<_> = self.resident.iter().filter(|(_, r)| r.used < leaving.since).map(|(id, r)| (r.used, *id)).collect();
        unused.sort_unstable();
        // The others spoke in this frame or in the one before.
        let others = if leaving.in_turn { self.share.others_idle() } else { 0 };
        let goal = self.resident_bytes.saturating_sub(leaving.bytes);
        for (used, id) in unused {
            if self.resident_bytes <= goal || self.update - used + 1 < others {
                break;
            }
            self.let_go(id, frame);
        }
        self.share.set_resident(self.resident_bytes);
    }

    /// Forgets a tile; gives the bytes that are free then.
    fn let_go(&mut self, id: TileId, frame: &mut Frame) -> usize {
        let Some(gone) = self.resident.remove(&id) else { return 0 };
        self.resident_bytes -= gone.content.bytes;
        self.loads[id.index()] = LoadState::Absent;
        let handed_over = frame.loaded.len();
        frame.loaded.retain(|(loaded, _)| *loaded != id);
        if frame.loaded.len() == handed_over {
            frame.evicted.push(id);
        }
        gone.content.bytes
    }

    /// Sets what suits the graphics device, where the options leave it open.
    pub fn fit_memory(&mut self, graphics: GraphicsMemory) {
        self.memory.fit(graphics);
    }

    /// Bytes of tiles handed over in one update at most, but one tile at least, or none where it is 0: whoever uploads knows how long it takes.
    pub fn limit_uploads(&mut self, bytes: usize) {
        self.upload_bytes_max = bytes;
    }
}
