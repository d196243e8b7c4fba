//! The engine within its memory budget: what goes when room is needed, and when detail is lowered instead.

use super::{Frame, Tileset};
use crate::tiles::groups::{Purpose, ViewGroup};
use crate::tiles::select::LoadState;

/// Detail is lowered by at most this factor.
const SSE_FACTOR_MAX: f64 = 64.0;

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
        let used = if group.purpose == Purpose::Draw { self.update } else { self.update - 1 };
        for id in group.selection.draw.iter().chain(&group.selection.kicked) {
            if let Some(resident) = self.resident.get_mut(id) {
                resident.used = resident.used.max(used);
            }
        }
    }

    /// Keeps within the memory budget, with what waits to be fetched: tiles out of use go, longest unused first, whichever tileset of the budget
    /// has them; if that is not enough, detail is lowered.
    pub(super) fn evict(&mut self, frame: &mut Frame) {
        let over = self.share.standing().over();
        if over > 0 {
            self.drop_unused(&Leaving { bytes: over, since: self.update, in_turn: true }, frame);
        }
        self.share.set_idle(self.resident.values().map(|r| self.update - r.used).max().unwrap_or(0));
        let now = self.share.standing();
        if now.resident > now.max || now.waiting > 0 && now.over() > 0 {
            // While another tileset has tiles out of use, those go first.
            if self.share.others_idle() == 0 {
                self.lower_detail();
            }
        } else if self.sse_factor > 1.0 && now.resident < now.max / 2 {
            self.sse_factor = (self.sse_factor / 1.02).max(1.0);
        }
        // Said in every update, so that whoever waits for room looks again: it may have come between his looking and his waiting.
        self.share.set_resident(self.resident_bytes);
    }

    pub(super) fn lower_detail(&mut self) {
        self.sse_factor = (self.sse_factor * 1.05).min(SSE_FACTOR_MAX);
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
            if let Some(gone) = self.resident.remove(&id) {
                self.resident_bytes -= gone.content.bytes;
                self.loads[id.index()] = LoadState::Absent;
                frame.loaded.retain(|(loaded, _)| *loaded != id);
                frame.evicted.push(id);
            }
        }
        self.share.set_resident(self.resident_bytes);
    }

    /// Sets what suits a graphics device that has memory of its own or not, where the options leave it open.
    pub fn fit_memory(&mut self, own_graphics_memory: bool) {
        self.memory.fit(own_graphics_memory);
    }

    /// Bytes of tiles handed over in one update at most, but one tile at least, or none where it is 0: whoever uploads knows how long it takes.
    pub fn limit_uploads(&mut self, bytes: usize) {
        self.upload_bytes_max = bytes;
    }
}
