//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Exponential backoff with full upper-half jitter, so that a thousand clients of a restarted server don't come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    ceiling: Duration,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, ceiling: min }
    }

    /// Back to the shortest wait.
    pub(super) fn reset(&mut self) {
        self.ceiling = self.min;
    }

    /// Between half the ceiling and the ceiling; the ceiling doubles each time up to the maximum.
    pub(super) fn next_wait(&mut self) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = (ceiling * 2).min(self.max);
        // A fresh RandomState is seeded by the system: enough to spread clients, and no generator to carry along.
        let fraction = (RandomState::new().hash_one(0u8) >> 11) as f64 / (1u64 << 53) as f64;
        ceiling.mul_f64(0.5 + 0.5 * fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_maximum_and_stay_within_their_half() {
        let mut b = Backoff::new(Duration::from_millis(100), Duration::from_millis(700));
        for ceiling_ms in [100, 200, 400, 700, 700] {
            let wait = b.next_wait();
            assert!(wait >= Duration::from_millis(ceiling_ms / 2) && wait <= Duration::from_millis(ceiling_ms), "{wait:?}");
        }
        b.reset();
        assert!(b.next_wait() <= Duration::from_millis(100));
    }
}
