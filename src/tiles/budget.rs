//! How much memory tiles may take; `ledger` holds them to it.

use super::ledger::Ledger;
use std::sync::Arc;

/// Of the machine's memory.
const SHARE: u64 = 4;
/// Where the machine doesn't tell its memory.
const UNKNOWN: u64 = 2 << 30;
const LEAST: u64 = 256 << 20;
/// Where the graphics device draws out of the machine's own memory, as software and integrated graphics do.
const MOST_SHARED: u64 = 4 << 30;
/// Where it has its own.
const MOST_OWN: u64 = 6 << 30;

/// Where the graphics device keeps what it draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphicsMemory {
    /// In the machine's own memory, as software and integrated graphics do.
    Shared,
    /// In memory of its own: so many bytes, where its driver tells.
    Own { bytes: Option<u64> },
}

impl GraphicsMemory {
    /// Bytes that tiles may take at most. Of memory of its own they get half, the rest being pictures, shadows and other programs;
    /// and about three quarters of what is counted lie there.
    fn most(self) -> u64 {
        match self {
            Self::Shared => MOST_SHARED,
            Self::Own { bytes } => bytes.map_or(MOST_OWN, |own| (own / 2 / 3).saturating_mul(4).clamp(LEAST, MOST_OWN)),
        }
    }
}

/// Bytes that all tilesets together may take, decoded, uploaded and on the way: a quarter of the machine's memory (`machine_bytes`, where it is known),
/// at least 256 MiB, at most 4 GiB; where the graphics device has memory of its own, at most 6 GiB and two thirds of it.
pub fn memory_budget(machine_bytes: Option<u64>, graphics: GraphicsMemory) -> usize {
    let bytes = machine_bytes.map_or(UNKNOWN, |all| all / SHARE).clamp(LEAST, graphics.most());
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
        Self { ledger: Ledger::new(memory_budget(machine_bytes(), GraphicsMemory::Shared)), of_machine: true }
    }

    /// Sets what suits the graphics device; nothing where the limit was given in bytes.
    pub fn fit(&self, graphics: GraphicsMemory) {
        if self.of_machine {
            self.ledger.set_max(memory_budget(machine_bytes(), graphics));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_quarter_of_the_machine_within_bounds() {
        let gib = |n: u64| (n << 30) as usize;
        let shared = |machine| memory_budget(machine, GraphicsMemory::Shared);
        assert_eq!((shared(Some(8 << 30)), shared(Some(64 << 30)), shared(None)), (gib(2), gib(4), gib(2)));
        assert_eq!(shared(Some(100 << 20)), 256 << 20);
    }

    #[test]
    fn a_card_with_little_memory_keeps_its_tiles_few_and_one_with_much_is_not_filled() {
        let own = |card: Option<u64>| memory_budget(Some(64 << 30), GraphicsMemory::Own { bytes: card.map(|gib| gib << 30) }) >> 20;
        assert_eq!([own(None), own(Some(24)), own(Some(6)), own(Some(3)), own(Some(0))], [6 << 10, 6 << 10, 4 << 10, 2 << 10, 256]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells_its_memory() {
        assert!(machine_bytes().is_some_and(|n| n > 64 << 20));
    }

    #[test]
    fn tilesets_that_share_a_budget_know_the_sum_and_how_long_the_others_tiles_are_idle() {
        let budget = MemoryBudget::new(1000);
        let (one, two) = (budget.ledger.join(), budget.ledger.join());
        one.set_resident(400);
        two.set_resident(500);
        two.set_use(0, 7);
        assert_eq!((budget.held_bytes(), one.others_idle(), two.others_idle()), (900, 7, 0));
        one.set_resident(100);
        assert_eq!((one.standing().resident, budget.bytes_max()), (600, 1000));
        drop(two);
        assert_eq!((budget.held_bytes(), one.others_idle()), (100, 0), "what is gone counts no more");
        budget.fit(GraphicsMemory::Own { bytes: None });
        assert_eq!(budget.bytes_max(), 1000, "a limit given in bytes stays");
    }
}
