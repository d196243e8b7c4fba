//! How late messages come: quantiles over the last minute or so.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// A window is kept for so long, then it is the older of the two that are asked.
const WINDOW: Duration = Duration::from_secs(30);
/// A day; what is later than that counts as a day late.
const MOST_MS: u64 = 86_400_000;

/// Times in milliseconds of the last 30 to 60 seconds, in about 20 kB.
#[derive(Clone, Debug)]
pub struct LagMeter {
    now: Option<Histogram<u32>>,
    before: Option<Histogram<u32>>,
    began: Instant,
}

impl Default for LagMeter {
    fn default() -> Self {
        Self { now: None, before: None, began: Instant::now() }
    }
}

impl LagMeter {
    /// Takes one time. Before the event (a clock ahead of ours) counts as none.
    pub fn record(&mut self, ms: i64) {
        if self.began.elapsed() > WINDOW {
            self.before = self.now.take();
            self.began = Instant::now();
        }
        // Two digits are enough for a panel; the bounds are right, so that making one can't fail.
        if self.now.is_none() {
            self.now = Histogram::new_with_bounds(1, MOST_MS, 2).ok();
        }
        if let Some(now) = &mut self.now {
            now.saturating_record(ms.max(0) as u64);
        }
    }

    /// The middle one and the one that 99 of 100 are not later than; `None` when nothing came for a minute.
    pub fn quantiles_ms(&self) -> Option<(f64, f64)> {
        self.all().map(|h| (h.value_at_quantile(0.5) as f64, h.value_at_quantile(0.99) as f64))
    }

    /// The least and the middle one of at least `count`.
    pub fn least_and_half_ms(&self, count: u64) -> Option<(f64, f64)> {
        self.all().filter(|h| h.len() >= count).map(|h| (h.min() as f64, h.value_at_quantile(0.5) as f64))
    }

    fn all(&self) -> Option<Histogram<u32>> {
        let windows = if self.began.elapsed() > 2 * WINDOW { [None, None] } else { [self.now.as_ref(), self.before.as_ref()] };
        let mut all: Option<Histogram<u32>> = None;
        for window in windows.into_iter().flatten() {
            match &mut all {
                None => all = Some(window.clone()),
                // Both have the same bounds.
                Some(all) => drop(all.add(window)),
            }
        }
        all.filter(|h| !h.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_came_within_one_percent() {
        let mut meter = LagMeter::default();
        assert_eq!(meter.quantiles_ms(), None);
        (1..=1000).for_each(|ms| meter.record(ms));
        let (p50, p99) = meter.quantiles_ms().unwrap();
        assert!((p50 - 500.0).abs() <= 5.0 && (p99 - 990.0).abs() <= 10.0, "{p50} {p99}");
        assert_eq!(meter.least_and_half_ms(1001), None);
        assert!(meter.least_and_half_ms(1000).is_some_and(|(least, half)| least == 1.0 && half == p50));
        meter.record(-5);
        meter.record(i64::MAX);
        assert!(meter.quantiles_ms().is_some());
    }
}
