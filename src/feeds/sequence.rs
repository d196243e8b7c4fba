//! Sequence numbers of a source: what was left out, what came late, what came twice.

/// How far back a late message is still told from one that came twice; the messages of some minutes.
const WINDOW: u64 = 1024;
/// A number this small after a large one: the counter was started anew (a reboot, or it has run over).
const STARTED_ANEW: u64 = 64;
/// More than this missing at once is no gap but another counter.
const GAP_MAX: u64 = 1_000_000;

/// The counter of one id.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    first: u64,
    highest: u64,
    /// One bit a number of the window, at its remainder.
    came: [u64; (WINDOW / 64) as usize],
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    /// So many before it have not come.
    Skipped(u64),
    /// One that was counted as missing.
    Late,
    Repeated,
}

impl Sequence {
    pub(super) fn new(first: u64) -> Self {
        let mut new = Self { first, highest: first, came: [0; (WINDOW / 64) as usize] };
        new.mark(first, true);
        new
    }

    fn mark(&mut self, n: u64, came: bool) {
        let (word, bit) = ((n % WINDOW / 64) as usize, 1 << (n % 64));
        if came {
            self.came[word] |= bit;
        } else {
            self.came[word] &= !bit;
        }
    }

    fn has_come(&self, n: u64) -> bool {
        self.came[(n % WINDOW / 64) as usize] & (1 << (n % 64)) != 0
    }

    /// Takes the next number heard.
    pub(super) fn step(&mut self, n: u64) -> Step {
        if n > self.highest {
            let skipped = n - self.highest - 1;
            if skipped > GAP_MAX {
                *self = Self::new(n);
                return Step::Next;
            }
            for not_yet in (self.highest + 1..n).rev().take(WINDOW as usize) {
                self.mark(not_yet, false);
            }
            self.mark(n, true);
            self.highest = n;
            return if skipped == 0 { Step::Next } else { Step::Skipped(skipped) };
        }
        if self.highest - n < WINDOW {
            return match self.has_come(n) {
                // Numbers before the first heard were never counted as missing, and their bits say nothing.
                _ if n < self.first => Step::Next,
                true => Step::Repeated,
                false => {
                    self.mark(n, true);
                    Step::Late
                }
            };
        }
        if n < STARTED_ANEW {
            *self = Self::new(n);
        }
        Step::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_late_comers_and_repetitions_are_told_apart() {
        let mut s = Sequence::new(10);
        let steps: Vec<Step> = [11, 14, 12, 12, 14, 9, 15].into_iter().map(|n| s.step(n)).collect();
        use Step::*;
        assert_eq!(steps, [Next, Skipped(2), Late, Repeated, Repeated, Next, Next]);
        // A counter that begins again, or jumps far away, is no gap.
        let mut s = Sequence::new(60_000);
        assert_eq!((s.step(0), s.step(1), s.step(u64::MAX), s.step(3)), (Next, Next, Next, Next));
    }

    proptest! {
        #[test]
        fn whatever_the_order_what_is_missing_at_the_end_is_what_never_came(
            (count, lost, seed) in (2u64..300).prop_flat_map(|n| (Just(n), proptest::collection::vec(any::<bool>(), n as usize), any::<u64>()))
        ) {
            let mut heard: Vec<u64> = (1..count).filter(|n| !lost[*n as usize] || *n == count - 1).collect();
            // Neighbours change places, now and then one comes twice.
            for i in 1..heard.len() {
                if (seed >> (i % 64)) & 1 == 1 { heard.swap(i - 1, i) }
            }
            heard.extend(heard.clone().into_iter().step_by(7));
            let mut s = Sequence::new(0);
            let (mut missing, mut repeated) = (0i64, 0);
            for n in &heard {
                match s.step(*n) {
                    Step::Next => {}
                    Step::Skipped(n) => missing += n as i64,
                    Step::Late => missing -= 1,
                    Step::Repeated => repeated += 1,
                }
            }
            let came: std::collections::BTreeSet<u64> = heard.iter().copied().collect();
            prop_assert_eq!(missing, count as i64 - 1 - came.len() as i64);
            prop_assert_eq!(repeated, heard.len() - came.len());
        }
    }
}
