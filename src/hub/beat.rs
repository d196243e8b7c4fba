//! The hub's beat: what has changed goes out to all screens together, written down once.
//!
//! So a position costs one look a screen and beat, not a lock, a timer and a wake-up a screen and position.

use super::core::Core;
use super::fresh::{Copied, Fresh};
use super::news::News;
use chrono::Utc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// Positions go out this often: what moves on a map is seen to move.
const UNITS_EVERY: Duration = Duration::from_millis(100);
/// Readings and the rest go out no more often than this, and at the next beat when it was quiet before.
const REST_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for units to forget.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Beats until the hub ends.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(UNITS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rest_at = Instant::now();
    let mut forget_at = rest_at;
    loop {
        tick.tick().await;
        let now = Instant::now();
        if now >= forget_at {
            forget_at = now + FORGET_EVERY;
            let count = core.world().forget_units(Utc::now());
            if count > 0 {
                tracing::info!("{count} units are forgotten: nothing of them has come for a day");
            }
        }
        if core.beat(now, now >= rest_at) {
            rest_at = now + REST_EVERY;
        }
    }
}

impl Core {
    /// Tells screens of positions, and of the rest when it is its turn; whether all of that was told.
    fn beat(&self, now: Instant, rest: bool) -> bool {
        let mut world = self.world();
        // Taken under the world's lock and held until all have heard: a screen that is told the world as it is now by another way
        // (hello, a new viewport) is so before this or after, and never hears the older of two values last.
        let screens = self.screens();
        if screens.is_empty() {
            world.fresh = Fresh::default();
            return false;
        }
        let rest = rest && world.fresh.has_rest();
        let copied = world.take_fresh(rest);
        let done = rest && !world.fresh.has_rest();
        drop(world);
        let news: Vec<Arc<News>> = copied.into_iter().map(Copied::news).collect();
        if !news.is_empty() {
            screens.values().for_each(|c| c.outbox.tell(&news, now));
        }
        done
    }
}
