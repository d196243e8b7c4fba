//! A ledger that holds tiles to their budget: whoever decodes reserves before.
//!
//! The last part of a budget is for stand-ins, coarser tiles that free more than they take: a picture that fills its memory with detail could
//! otherwise never get rid of it without a hole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What a tile is taken to need before the first one is known.
const FIRST_GUESS: usize = 1 << 20;
/// A guess never takes more than this part of the budget, so that there always is room for one.
const GUESS_SHARE: usize = 2;
/// Tiles of the usual size that have room where only stand-ins may be.
const STAND_INS: usize = 2;
/// The part of the budget that is theirs at most.
const STAND_IN_SHARE: usize = 8;

/// What a tile is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may be in the picture soon. Its waiting puts nobody under pressure.
    Later = 0,
    Picture = 1,
    /// Finer tiles on screen go when it comes.
    StandIn = 2,
}

/// What a job under way says to the ledger: what it is for, which may change while it waits, and whether it waits.
#[derive(Debug)]
pub struct Claim {
    need: AtomicU8,
    admitted: AtomicBool,
    /// Bytes it will take, where that is no guess: it was decoded before and did not fit.
    known: Option<usize>,
}

impl Claim {
    pub fn new(need: Need, known: Option<usize>) -> Self {
        Self { need: AtomicU8::new(need as u8), admitted: AtomicBool::new(false), known }
    }

    pub fn set_need(&self, need: Need) {
        self.need.store(need as u8, Ordering::Relaxed);
    }

    /// False while it waits for room: nothing is fetched yet.
    pub fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
    }

    fn need(&self) -> Need {
        match self.need.load(Ordering::Relaxed) {
            0 => Need::Later,
            1 => Need::Picture,
            _ => Need::StandIn,
        }
    }
}

/// Tiles that wait for room.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waiting {
    pub tiles: usize,
    pub bytes: usize,
}

impl Waiting {
    /// Bytes of one of them, about; 0 if there is none.
    pub fn one(&self) -> usize {
        self.bytes.checked_div(self.tiles).unwrap_or(0)
    }
}

/// Bytes of a budget at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub max: usize,
    /// Of tiles that are here, of all tilesets.
    pub resident: usize,
    /// Those of them that pictures need, as their tilesets said last.
    pub needed: usize,
    /// Of tiles being fetched, decoded or waiting to be taken.
    pub in_flight: usize,
    /// Parts of pictures that wait for room.
    pub picture: Waiting,
    /// Stand-ins that wait for room.
    pub stand_ins: Waiting,
    /// What the last tiles took, about the most of them.
    pub guess: usize,
    /// Tilesets that share it.
    pub members: usize,
}

impl Standing {
    /// What all but stand-ins may take: all there is where a tile would not fit into the rest.
    pub fn picture_max(&self) -> usize {
        let rest = self.guess.saturating_mul(STAND_INS).min(self.max / STAND_IN_SHARE);
        if self.guess > rest { self.max } else { self.max - rest }
    }

    /// By how much more is taken or waited for than allowed.
    pub fn over(&self) -> usize {
        let taken = self.resident + self.in_flight + self.picture.bytes + self.stand_ins.bytes;
        taken.saturating_sub(self.picture_max())
    }

    /// True if tiles wait for which there is no room beside those that are here, whatever becomes of those on the way: what is reserved for
    /// them is a guess, and often much more than they turn out to take.
    pub fn is_short(&self) -> bool {
        let none = |waiting: &Waiting, max: usize| waiting.tiles > 0 && self.resident + waiting.one() > max;
        self.resident > self.max || none(&self.picture, self.picture_max()) || none(&self.stand_ins, self.max)
    }

    /// Whether `bytes` have room beside the `others`. A tile by itself may take all there is.
    fn fits(&self, others: usize, bytes: usize, need: Need) -> bool {
        let limit = if need == Need::StandIn || others == 0 { self.max } else { self.picture_max() };
        others.saturating_add(bytes) <= limit
    }

    /// Whether somebody more needed waits.
    fn yields(&self, need: Need) -> bool {
        need != Need::StandIn && self.stand_ins.tiles > 0 || need == Need::Later && self.picture.tiles > 0
    }

    fn waiting(&mut self, need: Need) -> Option<&mut Waiting> {
        match need {
            Need::Later => None,
            Need::Picture => Some(&mut self.picture),
            Need::StandIn => Some(&mut self.stand_ins),
        }
    }
}

/// What of a budget is taken.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    now: Standing,
    /// What each tileset holds, by its number.
    members: BTreeMap<u64, Member>,
    next_member: u64,
    /// Decoded bytes of a fetched one, about the most of the last tiles.
    growth: f64,
    /// A tile has been decoded, and both are no guess out of nothing.
    measured: bool,
}

/// One tileset's part of a budget.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    resident: usize,
    needed: usize,
    /// For how many updates its longest unused tile has not been needed; 0 where all are in use.
    idle: u64,
}

impl Ledger {
    pub fn new(max: usize) -> Arc<Self> {
        let none = Waiting::default();
        let now = Standing { max, resident: 0, needed: 0, in_flight: 0, picture: none, stand_ins: none, guess: FIRST_GUESS, members: 0 };
        let state = State { now, members: BTreeMap::new(), next_member: 0, growth: 8.0, measured: false };
        Arc::new(Self { state: Mutex::new(state), freed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers only, each set in one step: a panic elsewhere leaves nothing wrong.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_max(&self, max: usize) {
        self.lock().now.max = max;
        self.freed.notify_waiters();
    }

    pub fn standing(&self) -> Standing {
        self.lock().now
    }

    /// A part of the budget for one more tileset.
    pub fn join(self: &Arc<Self>) -> Share {
        let mut state = self.lock();
        let number = state.next_member;
        state.next_member += 1;
        state.members.insert(number, Member::default());
        state.now.members += 1;
        drop(state);
        Share { ledger: self.clone(), number }
    }

    /// Waits until a tile of the usual size, or of the size that is known of it, has room. Dropping the future ends the waiting.
    pub async fn reserve(self: &Arc<Self>, claim: &Claim) -> Reservation {
        let mut queued = Queued { ledger: self, need: Need::Later, bytes: 0 };
        loop {
            // Made before the look, so that what is freed in between wakes it.
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                queued.leave(&mut state.now);
                let (now, need) = (state.now, claim.need());
                let bytes = claim.known.map_or(now.guess.min(now.max / GUESS_SHARE), |known| known.min(now.max));
                if !now.yields(need) && now.fits(now.resident + now.in_flight, bytes, need) {
                    state.now.in_flight += bytes;
                    claim.admitted.store(true, Ordering::Relaxed);
                    return Reservation { ledger: self.clone(), bytes, need, known: claim.known.is_some() };
                }
                queued.join(&mut state.now, need, bytes);
            }
            freed.await;
        }
    }
}

/// What one tileset holds of a budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    ledger: Arc<Ledger>,
    number: u64,
}

impl Share {
    pub fn standing(&self) -> Standing {
        self.ledger.standing()
    }

    /// Notes what this tileset's tiles take.
    pub fn set_resident(&self, bytes: usize) {
        let mut state = self.ledger.lock();
        let member = state.members.entry(self.number).or_default();
        let before = std::mem::replace(&mut member.resident, bytes);
        state.now.resident = state.now.resident - before + bytes;
        drop(state);
        self.ledger.freed.notify_waiters();
    }

    /// Notes how many bytes of them its picture needs, and for how many updates the longest unused one has not been needed; 0 where all are.
    pub fn set_use(&self, needed: usize, idle: u64) {
        let mut state = self.ledger.lock();
        let member = state.members.entry(self.number).or_default();
        member.idle = idle;
        let before = std::mem::replace(&mut member.needed, needed);
        state.now.needed = state.now.needed - before + needed;
    }

    /// The same of all other tilesets, as they said last.
    pub fn others_idle(&self) -> u64 {
        self.ledger.lock().members.iter().filter(|(number, _)| **number != self.number).map(|(_, m)| m.idle).max().unwrap_or(0)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.ledger.lock();
        let gone = state.members.remove(&self.number).unwrap_or_default();
        state.now.resident -= gone.resident;
        state.now.needed -= gone.needed;
        state.now.members -= 1;
        drop(state);
        self.ledger.freed.notify_waiters();
    }
}

/// Somebody who waits for room.
struct Queued<'a> {
    ledger: &'a Ledger,
    need: Need,
    bytes: usize,
}

impl Queued<'_> {
    fn join(&mut self, now: &mut Standing, need: Need, bytes: usize) {
        (self.need, self.bytes) = (need, bytes);
        if let Some(waiting) = now.waiting(need) {
            waiting.tiles += 1;
            waiting.bytes += bytes;
        }
    }

    fn leave(&mut self, now: &mut Standing) {
        if let Some(waiting) = now.waiting(self.need) {
            waiting.tiles -= 1;
            waiting.bytes -= self.bytes;
        }
        self.need = Need::Later;
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let waited = self.need != Need::Later;
        let ledger = self.ledger;
        self.leave(&mut ledger.lock().now);
        if waited {
            // Somebody less needed may have waited for it.
            ledger.freed.notify_waiters();
        }
    }
}

/// There is no room for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoRoom(pub usize);

/// Bytes set aside for a tile on the way; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    ledger: Arc<Ledger>,
    bytes: usize,
    need: Need,
    /// It is not a guess: the tile was decoded before and did not fit.
    known: bool,
}

impl Reservation {
    /// Fetched and to be decoded: what is here, and what it is likely to become.
    ///
    /// # Errors
    /// If that does not fit: then it should be given up, and begun again when there is room for as much.
    pub fn fetched(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let likely = if self.known {
            self.bytes.max(bytes)
        } else {
            let state = self.ledger.lock();
            bytes.saturating_add((bytes as f64 * state.growth) as usize).min(state.now.max / GUESS_SHARE)
        };
        self.set(likely)
    }

    /// Decoded: what was fetched is gone. Remembers the size for the next. What never can fit is let through, to be told.
    ///
    /// # Errors
    /// If it does not fit now.
    pub fn decoded(&mut self, fetched: usize, bytes: usize) -> Result<(), NoRoom> {
        let never = {
            let mut state = self.ledger.lock();
            let (guess, growth) = if std::mem::replace(&mut state.measured, true) { (state.now.guess, state.growth) } else { (0, 0.0) };
            // Up at once, down slowly.
            state.now.guess = (fetched + bytes).max(guess - guess / 16);
            state.growth = (bytes as f64 / fetched.max(1) as f64).clamp(1.0, 64.0).max(growth * 0.95);
            bytes > state.now.max
        };
        if never { Ok(()) } else { self.set(bytes) }
    }

    fn set(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let mut state = self.ledger.lock();
        let others = state.now.resident + state.now.in_flight - self.bytes;
        let fits = bytes <= self.bytes || state.now.fits(others, bytes, self.need);
        if fits {
            state.now.in_flight = state.now.in_flight - self.bytes + bytes;
            self.bytes = bytes;
        }
        drop(state);
        self.ledger.freed.notify_waiters();
        if fits { Ok(()) } else { Err(NoRoom(bytes)) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.ledger.lock().now.in_flight -= self.bytes;
        self.ledger.freed.notify_waiters();
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
