//! How much memory tiles may take, and a ledger that holds them to it: whoever decodes reserves before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Of the machine's memory.
const SHARE: u64 = 4;
/// Where the machine doesn't tell its memory.
const UNKNOWN: u64 = 2 << 30;
const LEAST: u64 = 256 << 20;
/// Where the graphics device draws out of the machine's own memory, as software and integrated graphics do.
const MOST_SHARED: u64 = 4 << 30;
/// Where it has its own: about three quarters of what is counted lie there.
const MOST_OWN: u64 = 6 << 30;
/// What a tile is taken to need before the first one is known.
const FIRST_GUESS: usize = 1 << 20;
/// A guess never takes more than this part of the budget, so that there always is room for one.
const GUESS_SHARE: usize = 2;

/// Bytes that all tilesets together may take, decoded, uploaded and on the way: a quarter of the machine's memory (`machine_bytes`, where it is known),
/// at least 256 MiB, at most 4 GiB, or 6 GiB where the graphics device has memory of its own.
pub fn memory_budget(machine_bytes: Option<u64>, own_graphics_memory: bool) -> usize {
    let most = if own_graphics_memory { MOST_OWN } else { MOST_SHARED };
    let bytes = machine_bytes.map_or(UNKNOWN, |all| (all / SHARE).clamp(LEAST, most));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Memory of this machine, bytes; `None` where the system doesn't tell (it is asked on Linux only).
pub fn machine_bytes() -> Option<u64> {
    let about = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = about.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Memory that several tilesets share: a hard limit on what all of them together hold, decoded, uploaded and on the way.
///
/// Cheap to clone; every clone is the same budget. Each tileset that shares one is updated once a frame: what is longest unused goes first,
/// whichever tileset has it.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    pub(super) ledger: Arc<Ledger>,
    /// It was reckoned from the machine, and may be reckoned again.
    of_machine: bool,
}

impl MemoryBudget {
    /// Of so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { ledger: Ledger::new(bytes_max), of_machine: false }
    }

    /// What suits this machine ([`memory_budget`]), its graphics device being taken to have no memory of its own until [`Self::fit`] says so.
    pub fn of_machine() -> Self {
        Self { ledger: Ledger::new(memory_budget(machine_bytes(), false)), of_machine: true }
    }

    /// Sets what suits a graphics device that has memory of its own or not; nothing where the limit was given in bytes.
    pub fn fit(&self, own_graphics_memory: bool) {
        if self.of_machine {
            self.ledger.set_max(memory_budget(machine_bytes(), own_graphics_memory));
        }
    }

    pub fn bytes_max(&self) -> usize {
        self.ledger.standing().max
    }

    /// Bytes of all its tilesets: tiles that are here and on the way.
    pub fn held_bytes(&self) -> usize {
        let now = self.ledger.standing();
        now.resident + now.in_flight
    }
}

/// What of a budget is taken.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    freed: Notify,
}

/// Bytes of a budget at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub max: usize,
    /// Of tiles that are here, of all tilesets.
    pub resident: usize,
    /// Of tiles being fetched, decoded or waiting to be taken.
    pub in_flight: usize,
    /// Of tiles that wait for room.
    pub waiting: usize,
}

impl Standing {
    /// By how much more is taken or waited for than allowed.
    pub fn over(&self) -> usize {
        (self.resident + self.in_flight + self.waiting).saturating_sub(self.max)
    }
}

#[derive(Debug)]
struct State {
    now: Standing,
    /// What each tileset holds, by its number.
    members: BTreeMap<u64, Member>,
    next_member: u64,
    /// What the last tiles took, about the most of them.
    guess: usize,
    /// Decoded bytes of a fetched one, about the most of the last tiles.
    growth: f64,
    /// What a tile on the way would have needed, that did not fit beside the others. Until one has come through, the next asks for as much at
    /// once: two that each were given half would get into each other's way for ever.
    needed: Option<usize>,
}

/// One tileset's part of a budget.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    resident: usize,
    /// For how many updates its longest unused tile has not been needed; 0 where all are in use.
    idle: u64,
}

impl Ledger {
    pub fn new(max: usize) -> Arc<Self> {
        let now = Standing { max, resident: 0, in_flight: 0, waiting: 0 };
        let state = State { now, members: BTreeMap::new(), next_member: 0, guess: FIRST_GUESS, growth: 8.0, needed: None };
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
        drop(state);
        Share { ledger: self.clone(), number }
    }

    /// Waits until a tile of the usual size has room. Dropping the future ends the waiting.
    pub async fn reserve(self: &Arc<Self>) -> Reservation {
        let mut queued: Option<Queued<'_>> = None;
        loop {
            // Made before the look, so that what is freed in between wakes it.
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                let now = state.now;
                let bytes = state.needed.map_or(state.guess.min(now.max / GUESS_SHARE), |known| known.min(now.max));
                if now.resident + now.in_flight + bytes <= now.max || now.resident + now.in_flight == 0 {
                    state.now.in_flight += bytes;
                    return Reservation { ledger: self.clone(), bytes, known: state.needed.is_some() };
                }
                if queued.is_none() {
                    state.now.waiting += bytes;
                    queued = Some(Queued { ledger: self, bytes });
                }
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

    /// Notes for how many updates the longest unused tile has not been needed; 0 where all are.
    pub fn set_idle(&self, updates: u64) {
        self.ledger.lock().members.entry(self.number).or_default().idle = updates;
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
        drop(state);
        self.ledger.freed.notify_waiters();
    }
}

/// Somebody who waits for room.
struct Queued<'a> {
    ledger: &'a Ledger,
    bytes: usize,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.ledger.lock().now.waiting -= self.bytes;
    }
}

/// Bytes set aside for a tile on the way; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    ledger: Arc<Ledger>,
    bytes: usize,
    /// It is not a guess: a tile just like it, most likely itself, was decoded before and did not fit.
    known: bool,
}

impl Reservation {
    /// Fetched and to be decoded: what is here, and what it is likely to become. False if that does not fit: then it should be given up, and
    /// begun again when there is room.
    #[must_use]
    pub fn fetched(&mut self, bytes: usize) -> bool {
        let likely = if self.known {
            self.bytes.max(bytes)
        } else {
            let state = self.ledger.lock();
            bytes.saturating_add((bytes as f64 * state.growth) as usize).min(state.now.max / GUESS_SHARE)
        };
        self.set(likely)
    }

    /// Decoded: what was fetched is gone. Remembers the size for the next. False if it does not fit; what never can is let through, to be told.
    #[must_use]
    pub fn decoded(&mut self, fetched: usize, bytes: usize) -> bool {
        let never = {
            let mut state = self.ledger.lock();
            // Up at once, down slowly.
            state.guess = (fetched + bytes).max(state.guess - state.guess / 16);
            state.growth = (bytes as f64 / fetched.max(1) as f64).clamp(1.0, 64.0).max(state.growth * 0.95);
            bytes > state.now.max
        };
        let fits = never || self.set(bytes);
        if fits {
            self.ledger.lock().needed = None;
        }
        fits
    }

    fn set(&mut self, bytes: usize) -> bool {
        let mut state = self.ledger.lock();
        let others = state.now.resident + state.now.in_flight - self.bytes;
        let fits = bytes <= self.bytes || others + bytes <= state.now.max;
        if fits {
            state.now.in_flight = state.now.in_flight - self.bytes + bytes;
            self.bytes = bytes;
        } else {
            // The next one asks for as much before it is fetched.
            state.needed = Some(bytes);
        }
        drop(state);
        self.ledger.freed.notify_waiters();
        fits
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.ledger.lock().now.in_flight -= self.bytes;
        self.ledger.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_quarter_of_the_machine_within_bounds() {
        let gib = |n: u64| (n << 30) as usize;
        assert_eq!((memory_budget(Some(8 << 30), false), memory_budget(Some(64 << 30), false)), (gib(2), gib(4)));
        assert_eq!((memory_budget(Some(64 << 30), true), memory_budget(None, true)), (gib(6), gib(2)));
        assert_eq!(memory_budget(Some(100 << 20), false), 256 << 20);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells_its_memory() {
        assert!(machine_bytes().is_some_and(|n| n > 64 << 20));
    }

    #[tokio::test]
    async fn whoever_finds_no_room_waits_until_there_is_and_is_forgotten_when_it_goes() {
        let ledger = Ledger::new(1000);
        let mut first = ledger.reserve().await;
        let under_way = || (ledger.standing().in_flight, ledger.standing().waiting);
        let share = ledger.join();
        assert_eq!(under_way(), (500, 0));
        assert!(first.decoded(100, 900));
        let second = ledger.reserve();
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(under_way(), (900, 500));
        drop(first);
        assert!(futures_util::poll!(&mut second).is_ready());
        share.set_resident(950);
        {
            let third = ledger.reserve();
            tokio::pin!(third);
            assert!(futures_util::poll!(&mut third).is_pending());
        }
        let mut fourth = Reservation { ledger: ledger.clone(), bytes: 0, known: false };
        assert!(!fourth.fetched(60) && !fourth.decoded(60, 51) && fourth.decoded(60, 50));
        drop(fourth);
        assert_eq!(under_way(), (0, 0), "the second is done with, the third was given up");
    }

    #[test]
    fn tilesets_that_share_a_budget_know_the_sum_and_how_long_the_others_tiles_are_idle() {
        let budget = MemoryBudget::new(1000);
        let (one, two) = (budget.ledger.join(), budget.ledger.join());
        one.set_resident(400);
        two.set_resident(500);
        two.set_idle(7);
        assert_eq!((budget.held_bytes(), one.others_idle(), two.others_idle()), (900, 7, 0));
        one.set_resident(100);
        assert_eq!((one.standing().resident, budget.bytes_max()), (600, 1000));
        drop(two);
        assert_eq!((budget.held_bytes(), one.others_idle()), (100, 0), "what is gone counts no more");
        budget.fit(true);
        assert_eq!(budget.bytes_max(), 1000, "a limit given in bytes stays");
    }
}
