//! Verdicts of alert rules on their way to the store: none is lost, and each incident hears its own in their order.
//!
//! They are said while the world is held, so nobody can wait there. What bounds them is that feeds are not read on while many wait:
//! beyond the bound come only those of the batches at work and of one look for silent sensors.

use super::hold::SAID_AFTER;
use crate::model::rule::{AlertRule, Verdict};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Feeds are held back while so many wait, until half of them are carried out.
const WAITING_MAX: usize = 10_000;

/// A queue, the oldest first.
#[derive(Default)]
pub struct Verdicts {
    waiting: Mutex<Waiting>,
    came: Notify,
    has_room_again: Notify,
}

#[derive(Default)]
struct Waiting {
    said: VecDeque<(Arc<AlertRule>, Verdict)>,
    /// Since when there are too many.
    full_since: Option<Instant>,
}

impl Verdicts {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a rule says; never waits.
    pub fn say(&self, rule: &Arc<AlertRule>, verdict: Verdict) {
        let mut waiting = self.waiting();
        waiting.said.push_back((rule.clone(), verdict));
        if waiting.said.len() >= WAITING_MAX && waiting.full_since.is_none() {
            waiting.full_since = Some(Instant::now());
            tracing::warn!(rule = rule.id, "{WAITING_MAX} verdicts wait for the store, and feeds wait for them: are the limits set right?");
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// The oldest of them, at most `max` and no two of one incident. Waits for one; none is lost when the wait is broken off.
    pub async fn next(&self, max: usize) -> Vec<(Arc<AlertRule>, Verdict)> {
        loop {
            let said = self.take(max);
            if !said.is_empty() {
                return said;
            }
            self.came.notified().await;
        }
    }

    /// What [`Verdicts::next`] gives, none where none waits.
    pub fn take(&self, max: usize) -> Vec<(Arc<AlertRule>, Verdict)> {
        let mut waiting = self.waiting();
        let count = {
            let mut incidents = HashSet::new();
            waiting.said.iter().take(max).take_while(|(_, verdict)| incidents.insert(verdict.incident())).count()
        };
        let taken = waiting.said.drain(..count).collect();
        if waiting.said.len() <= WAITING_MAX / 2 && waiting.full_since.take().is_some() {
            tracing::info!("feeds no longer wait for verdicts of alert rules");
            self.has_room_again.notify_waiters();
        }
        taken
    }

    /// Whether feeds may be read on.
    pub fn has_room(&self) -> bool {
        self.waiting().full_since.is_none()
    }

    /// Returns when [`Verdicts::has_room`].
    pub async fn room(&self) {
        let again = self.has_room_again.notified();
        if !self.has_room() {
            again.await;
        }
    }

    /// Why feeds have not been read on for a while.
    pub fn held_back(&self) -> Option<String> {
        let waiting = self.waiting();
        let since = waiting.full_since.filter(|since| since.elapsed() >= SAID_AFTER);
        since.map(|_| "many verdicts of alert rules wait for the state store; it goes on by itself".to_owned())
    }
}

#[cfg(test)]
mod tests;
