//! Sources that are asked round by round, may post to the hub in between, or both.

use super::backoff::Backoff;
use super::inlet::{Posted, Refusal, Taken};
use super::outbox::Outbox;
use super::visit::{Manners, Visitor};
use super::{FeedError, Tuning};
use crate::model::feed::FeedStatus;
use indexmap::IndexMap;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

/// One kind of source; what it knows lives as long as the feed.
pub(super) trait Source: Send + 'static {
    /// Asks once for what is new. Whatever it has taken before an error stays taken.
    fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> impl Future<Output = Result<(), FeedError>> + Send;

    /// Takes what was posted. `Ok(Err(why))`: it can't be read at all, and is counted as rejected already.
    fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> impl Future<Output = Result<Result<(), String>, FeedError>> + Send;
}

/// Reads a [`Source`].
pub(super) struct Adapter<S> {
    source: S,
    manners: Manners,
    /// Between two rounds; `None` for a source that only posts.
    every: Option<Duration>,
    posts: Receiver<Posted>,
    backoff: Backoff,
    visitor: Option<Visitor>,
}

impl<S: Source> Adapter<S> {
    pub fn new(source: S, manners: Manners, every: Option<Duration>, posts: Receiver<Posted>, tuning: &Tuning) -> Self {
        let backoff = Backoff::new(tuning.retry_min, tuning.retry_max);
        Self { source, manners, every, posts, backoff, visitor: None }
    }

    /// One round; when the next one is due. A source that can't be reached is waited for here and not by ending the session, because
    /// what it posts must be taken all the same.
    async fn round(&mut self, every: Duration, outbox: &mut Outbox) -> Result<Instant, FeedError> {
        let mut visitor = match self.visitor.take() {
            Some(visitor) => visitor,
            None => Visitor::new(&self.manners)?,
        };
        let done = self.source.round(&mut visitor, outbox).await;
        let patience = visitor.not_before();
        self.visitor = Some(visitor);
        let next = match done {
            Ok(()) => {
                outbox.connected();
                self.backoff.reset();
                Instant::now() + every
            }
            Err(FeedError::Closed) => return Err(FeedError::Closed),
            Err(error) => {
                outbox.lost(error.to_string());
                Instant::now() + self.backoff.next_wait()
            }
        };
        Ok(patience.map_or(next, |patience| patience.max(next)))
    }

    async fn take(&mut self, posted: Posted, outbox: &mut Outbox) -> Result<(), FeedError> {
        let before = outbox.status().clone();
        match self.source.posted(&posted.body, outbox).await? {
            Ok(()) => answer(posted, &before, outbox).await,
            Err(why) => {
                // Whoever posted may have gone.
                let _ = posted.answer.send(Err(Refusal::Unreadable(why)));
                Ok(())
            }
        }
    }
}

/// Makes room for one more where `max` are remembered: the oldest tenth is forgotten, and of what is open nothing as long as there is
/// something else, since its end would not be known for one.
pub(super) fn make_room<V>(known: &mut IndexMap<String, V>, max: usize, is_open: impl Fn(&V) -> bool) {
    if known.len() < max {
        return;
    }
    let mut left = max / 10;
    known.retain(|_, v| {
        let goes = left > 0 && !is_open(v);
        left -= usize::from(goes);
        !goes
    });
    if known.len() >= max {
        known.drain(..max / 10);
    }
}

/// Tells a source what became of its messages since `before`, once they are on disk.
async fn answer(posted: Posted, before: &FeedStatus, outbox: &mut Outbox) -> Result<(), FeedError> {
    let after = outbox.status();
    let taken = Taken {
        received: after.received - before.received,
        accepted: after.stored - before.stored,
        rejected: after.rejected - before.rejected,
        left_out: after.conflated + after.quarantined - before.conflated - before.quarantined,
        why: after.last_error.clone().filter(|_| after.rejected + after.quarantined > before.rejected + before.quarantined),
    };
    let on_disk = outbox.barrier().await?;
    // Beside us, so that the next body is read while the disk is at work on this one.
    tokio::spawn(async move {
        let _ = posted.answer.send(on_disk.await.map(|()| taken).map_err(|_| Refusal::Closed));
    });
    Ok(())
}

impl<S: Source> super::Adapter for Adapter<S> {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        if self.every.is_none() {
            outbox.connected();
        }
        let mut next_round = Instant::now();
        loop {
            outbox.flush()?;
            tokio::select! {
                posted = self.posts.recv() => match posted {
                    Some(posted) => self.take(posted, outbox).await?,
                    None => return Err(FeedError::Closed),
                },
                () = sleep_until(next_round), if self.every.is_some() => {
                    if let Some(every) = self.every {
                        next_round = self.round(every, outbox).await?;
                    }
                }
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_not_forgotten_for_what_is_not() {
        let mut known: IndexMap<String, bool> = (0..20).map(|n| (n.to_string(), !(4..18).contains(&n))).collect();
        make_room(&mut known, 20, |open| *open);
        assert_eq!((known.len(), known.contains_key("0"), known.contains_key("4"), known.contains_key("5")), (18, true, false, false));
        let mut all_open: IndexMap<String, bool> = (0..20).map(|n| (n.to_string(), true)).collect();
        make_room(&mut all_open, 20, |open| *open);
        assert_eq!((all_open.len(), all_open.contains_key("1")), (18, false));
    }
}
