//! A source is held back while the disk can't take what it brings: nothing is lost, nothing is acknowledged, and screens are told why.

use super::core::Core;
use super::ledger::Ledger;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often it is tried again; the source waits meanwhile.
pub const RETRY_EVERY: Duration = Duration::from_millis(200);
/// What is over sooner is nobody's news: a history that falls behind for a moment, a disk that is slow for once.
pub const SAID_AFTER: Duration = Duration::from_secs(1);
/// How often a source that waits for its answer is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Asks again and again until it is kept, or refused for good.
///
/// # Errors
/// What will not pass, by `may_pass`.
pub async fn until_kept<T, E: Display, F: Future<Output = Result<T, E>>>(
    core: &Core,
    feed: &mut Ledger,
    may_pass: impl Fn(&E) -> bool,
    ask: impl Fn() -> F,
) -> Result<T, E> {
    let (begun, mut held) = (Instant::now(), false);
    loop {
        match ask().await {
            Err(e) if may_pass(&e) => {
                if begun.elapsed() >= SAID_AFTER && feed.hold_back(Some(e.to_string())) {
                    held = true;
                    tracing::error!(feed = feed.id(), "held back: {e}");
                    core.tell_feed(feed);
                }
                tokio::time::sleep(RETRY_EVERY).await;
            }
            done => {
                // What holds back readings is the history's to say.
                if held && feed.hold_back(None) {
                    tracing::info!(feed = feed.id(), "goes on");
                    core.tell_feed(feed);
                }
                return done;
            }
        }
    }
}

impl Core {
    /// Returns when a feed is held back, with the reason: its source can as well be told at once.
    pub async fn when_held_back(&self, feed: &str) -> String {
        loop {
            let why = self.world().feeds.get(feed).and_then(|f| f.held_back.clone());
            match why {
                Some(why) => return why,
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}
