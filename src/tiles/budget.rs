//! How much memory tiles may take, and a ledger that holds them to it: whoever decodes reserves before.

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

/// Bytes that one tileset may take, decoded, uploaded and on the way: a quarter of the machine's memory (`machine_bytes`, where it is known),
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

/// What of a budget is taken.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    max: usize,
    /// Of tiles that are here.
    resident: usize,
    /// Of tiles being fetched, decoded or waiting to be taken.
    in_flight: usize,
    /// Of tiles that wait for room.
    waiting: usize,
    /// What the last tiles took, about the most of them.
    guess: usize,
    /// Decoded bytes of a fetched one, about the most of the last tiles.
    growth: f64,
}

impl Ledger {
    pub fn new(max: usize) -> Arc<Self> {
        let state = State { max, resident: 0, in_flight: 0, waiting: 0, guess: FIRST_GUESS, growth: 8.0 };
        Arc::new(Self { state: Mutex::new(state), freed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers only, each set in one step: a panic elsewhere leaves nothing wrong.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_max(&self, max: usize) {
        self.lock().max = max;
        self.freed.notify_waiters();
    }

    /// Notes what tiles that are here take.
    pub fn set_resident(&self, bytes: usize) {
        self.lock().resident = bytes;
        self.freed.notify_waiters();
    }

    /// Bytes on the way, and bytes that wait for room.
    pub fn under_way(&self) -> (usize, usize) {
        let state = self.lock();
        (state.in_flight, state.waiting)
    }

    /// Waits until a tile of the usual size has room. Dropping the future ends the waiting.
    pub async fn reserve(self: &Arc<Self>) -> Reservation {
        let mut queued: Option<Queued<'_>> = None;
        loop {
            // Made before the look, so that what is freed in between wakes it.
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                let bytes = state.guess.min(state.max / GUESS_SHARE);
                if state.resident + state.in_flight + bytes <= state.max || state.resident + state.in_flight == 0 {
                    state.in_flight += bytes;
                    return Reservation { ledger: self.clone(), bytes };
                }
                if queued.is_none() {
                    state.waiting += bytes;
                    queued = Some(Queued { ledger: self, bytes });
                }
            }
            freed.await;
        }
    }
}

/// Somebody who waits for room.
struct Queued<'a> {
    ledger: &'a Ledger,
    bytes: usize,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.ledger.lock().waiting -= self.bytes;
    }
}

/// Bytes set aside for a tile on the way; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    ledger: Arc<Ledger>,
    bytes: usize,
}

impl Reservation {
    /// Fetched and to be decoded: what is here, and what it is likely to become. False if that does not fit: then it should be given up, and
    /// begun again when there is room.
    #[must_use]
    pub fn fetched(&mut self, bytes: usize) -> bool {
        let likely = {
            let state = self.ledger.lock();
            bytes.saturating_add((bytes as f64 * state.growth) as usize).min(state.max / GUESS_SHARE)
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
            bytes > state.max
        };
        never || self.set(bytes)
    }

    fn set(&mut self, bytes: usize) -> bool {
        let mut state = self.ledger.lock();
        let others = state.resident + state.in_flight - self.bytes;
        let fits = bytes <= self.bytes || others + bytes <= state.max;
        if fits {
            state.in_flight = state.in_flight - self.bytes + bytes;
            self.bytes = bytes;
        } else {
            // The next one asks for as much before it is fetched.
            state.guess = state.guess.max(bytes);
        }
        drop(state);
        self.ledger.freed.notify_waiters();
        fits
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.ledger.lock().in_flight -= self.bytes;
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
        assert_eq!(ledger.under_way(), (500, 0));
        assert!(first.decoded(100, 900));
        let second = ledger.reserve();
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(ledger.under_way(), (900, 500));
        drop(first);
        assert!(futures_util::poll!(&mut second).is_ready());
        ledger.set_resident(950);
        {
            let third = ledger.reserve();
            tokio::pin!(third);
            assert!(futures_util::poll!(&mut third).is_pending());
        }
        let mut fourth = Reservation { ledger: ledger.clone(), bytes: 0 };
        assert!(!fourth.fetched(60) && !fourth.decoded(60, 51) && fourth.decoded(60, 50));
        drop(fourth);
        assert_eq!(ledger.under_way(), (0, 0), "the second is done with, the third was given up");
    }
}
