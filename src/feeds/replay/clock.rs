//! The platform's own time: runs at any speed, stands, jumps.

use chrono::{DateTime, TimeDelta, Utc};
use std::ops::RangeInclusive;
use std::time::Instant;

/// Simulated seconds a second.
pub const SPEEDS: RangeInclusive<f64> = 0.1..=1000.0;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Simulated time at `since`.
    base: DateTime<Utc>,
    since: Instant,
    speed: f64,
    paused: bool,
}

impl Clock {
    pub fn new(start: DateTime<Utc>, speed: f64, since: Instant) -> Self {
        Self { base: start, since, speed, paused: false }
    }

    pub fn at(&self, now: Instant) -> DateTime<Utc> {
        if self.paused {
            return self.base;
        }
        let ms = now.saturating_duration_since(self.since).as_secs_f64() * self.speed * 1000.0;
        self.base + TimeDelta::milliseconds(ms as i64)
    }

    /// Another speed, pause or time from now on; what isn't given stays.
    pub fn change(&mut self, now: Instant, speed: Option<f64>, paused: Option<bool>, time: Option<DateTime<Utc>>) {
        self.base = time.unwrap_or_else(|| self.at(now));
        self.since = now;
        self.speed = speed.unwrap_or(self.speed);
        self.paused = paused.unwrap_or(self.paused);
    }

    pub fn speed(&self) -> f64 {
        self.speed
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn time_never_jumps_when_its_speed_changes_and_stands_when_paused() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let start = DateTime::UNIX_EPOCH;
        let mut clock = Clock::new(start, 10.0, began);
        let s = |clock: &Clock, after: u32| (clock.at(began + second * after) - start).num_seconds();
        assert_eq!(s(&clock, 2), 20);
        clock.change(began + second * 2, Some(100.0), None, None);
        assert_eq!((s(&clock, 2), s(&clock, 3)), (20, 120));
        clock.change(began + second * 3, None, Some(true), None);
        assert_eq!((s(&clock, 3), s(&clock, 9)), (120, 120));
        clock.change(began + second * 9, None, Some(false), Some(start));
        assert_eq!((s(&clock, 9), s(&clock, 10)), (0, 100));
    }
}
