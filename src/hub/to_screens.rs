//! How long what a source says is on its way through the hub: from when the hub has it to when a screen's socket has it.

use crate::feeds::LagMeter;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Which source said something, and when the hub had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// Id of the feed.
    pub source: Arc<str>,
    pub at: Instant,
}

/// Of each message the longest wait of each source: a message of a thousand readings is one time, so that measuring costs nothing beside
/// writing it.
pub fn oldest<'a>(all: impl Iterator<Item = &'a Came>) -> Vec<Came> {
    let mut oldest: Vec<Came> = Vec::new();
    for came in all {
        // A handful of sources, and mostly the same pointer.
        match oldest.iter_mut().find(|o| Arc::ptr_eq(&o.source, &came.source) || o.source == came.source) {
            Some(known) => known.at = known.at.min(came.at),
            None => oldest.push(came.clone()),
        }
    }
    oldest
}

/// Waits by source, of the last minute or so.
#[derive(Debug, Default)]
pub struct ToScreens(Mutex<BTreeMap<Arc<str>, LagMeter>>);

impl ToScreens {
    /// A screen's socket has taken a message of which these have waited longest.
    pub fn sent(&self, oldest: &[Came]) {
        if oldest.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Came { source, at } in oldest {
            let waited_ms = now.saturating_duration_since(*at).as_millis() as i64;
            match meters.get_mut(source) {
                Some(meter) => meter.record(waited_ms),
                None => meters.entry(source.clone()).or_default().record(waited_ms),
            }
        }
    }

    /// The middle one, and the one 99 of 100 are not above, ms; `None` when no screen was sent anything of this source for a minute.
    pub fn quantiles_ms(&self, source: &str) -> Option<(f64, f64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(source)?.quantiles_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_source_has_its_own_times_and_of_a_message_the_longest_counts() {
        let (now, [a, also_a, b]) = (Instant::now(), ["a", "a", "b"].map(Arc::<str>::from));
        let came = |source: &Arc<str>, ago_ms| Came { source: source.clone(), at: now - Duration::from_millis(ago_ms) };
        let message = [came(&a, 10), came(&b, 900), came(&also_a, 5_000), came(&a, 20)];
        let oldest = oldest(message.iter());
        assert_eq!(oldest, [came(&a, 5_000), came(&b, 900)]);
        let meters = ToScreens::default();
        meters.sent(&oldest);
        let (p50, p99) = meters.quantiles_ms("a").unwrap();
        assert!(p50 >= 4_950.0 && p99 >= p50, "{p50} {p99}");
        assert!((890.0..4_000.0).contains(&meters.quantiles_ms("b").unwrap().0));
        assert_eq!(meters.quantiles_ms("nobody"), None);
    }
}
