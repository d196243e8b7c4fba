//! Jobs of the loader under way, and how what nobody wants any more is broken off.

use super::ledger::{Claim, Need, NoRoom};
use super::tree::TileId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A fetch that nobody has wanted for this long is broken off. Shorter, and a camera that shakes would fetch one tile again and again.
pub const UNWANTED_MAX: Duration = Duration::from_millis(500);

/// How a job ended.
pub enum Ended {
    Answered,
    BrokenOff(BrokenOff),
}

/// Why there is no answer.
pub enum BrokenOff {
    Unwanted,
    /// It begins anew when it is wanted and there is room.
    NoRoom(NoRoom),
}

impl From<NoRoom> for BrokenOff {
    fn from(no: NoRoom) -> Self {
        Self::NoRoom(no)
    }
}

/// Told to a job when it is to end.
pub type Gone = oneshot::Receiver<()>;

/// A job under way. When this goes, its fetch is broken off.
struct Busy {
    wanted_at: Instant,
    claim: Arc<Claim>,
    _go_on: oneshot::Sender<()>,
}

/// All jobs begun and not ended, by tile.
#[derive(Default)]
pub struct UnderWay {
    busy: HashMap<TileId, Busy>,
    /// Told to break off; not ended yet.
    leaving: HashSet<TileId>,
    /// What tiles would have needed that did not fit. They ask for as much at once: two that each were given half would get into each other's
    /// way for ever.
    known: HashMap<TileId, usize>,
}

impl UnderWay {
    pub fn contains(&self, tile: TileId) -> bool {
        self.busy.contains_key(&tile) || self.leaving.contains(&tile)
    }

    /// A job begins: what it says to the ledger, and what it is told when it is to end.
    pub fn begin(&mut self, tile: TileId, need: Need) -> (Arc<Claim>, Gone) {
        let claim = Arc::new(Claim::new(need, self.known.get(&tile).copied()));
        let (go_on, gone) = oneshot::channel();
        self.busy.insert(tile, Busy { wanted_at: Instant::now(), claim: claim.clone(), _go_on: go_on });
        (claim, gone)
    }

    pub fn end(&mut self, tile: TileId, ended: &Ended) {
        self.busy.remove(&tile);
        self.leaving.remove(&tile);
        match ended {
            Ended::Answered => drop(self.known.remove(&tile)),
            Ended::BrokenOff(BrokenOff::NoRoom(NoRoom(bytes))) => drop(self.known.insert(tile, *bytes)),
            Ended::BrokenOff(BrokenOff::Unwanted) => {}
        }
    }

    /// A new list of wishes: jobs learn what they are needed for now. Broken off is what no wish names, at once where it still waits for room,
    /// a fetch after [`UNWANTED_MAX`].
    pub fn want(&mut self, wishes: impl Iterator<Item = (TileId, Need)>) {
        let now = Instant::now();
        for (tile, need) in wishes {
            if let Some(busy) = self.busy.get_mut(&tile) {
                busy.wanted_at = now;
                busy.claim.set_need(need);
            }
        }
        let unwanted = |b: &Busy| b.wanted_at != now && (!b.claim.is_admitted() || now - b.wanted_at > UNWANTED_MAX);
        self.leaving.extend(self.busy.extract_if(|_, b| unwanted(b)).map(|(tile, _)| tile));
    }
}

/// What `fetch` brings; an error if it is broken off before. Only fetches are: what is here already is decoded and kept, it may be wanted again.
pub async fn while_wanted<T>(gone: &mut Gone, fetch: impl Future<Output = T>) -> Result<T, BrokenOff> {
    tokio::select! {
        biased;
        done = fetch => Ok(done),
        _ = gone => Err(BrokenOff::Unwanted),
    }
}
