//! The door for sources that post to the hub instead of being read: the hub hands each body to the feed's adapter, and the source
//! is answered once what it brought is on disk.

use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Bodies that may wait for the adapter; then the hub makes the source wait.
const QUEUE: usize = 64;
/// How long a source waits for its answer. A platform that posts gives up sooner or later as well, and posts again.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A body as it was posted.
#[derive(Debug)]
pub struct Posted {
    /// `Content-Type`, empty when there was none.
    pub content_type: String,
    pub body: Vec<u8>,
    /// Answered when all of it is on disk or refused; a source that goes away meanwhile is not waited for.
    pub answer: oneshot::Sender<Result<Taken, Refusal>>,
}

/// What became of a body's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    pub received: u64,
    /// On disk now, unless a hub's rule is against one of them; the ledger of the feed tells.
    pub accepted: u64,
    pub rejected: u64,
    /// Repetitions and those kept apart.
    pub left_out: u64,
    /// Why the last of those was left out.
    pub why: Option<String>,
}

/// Why a body was not taken at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Unreadable(String),
    #[error("too many posts at a time; try again")]
    Busy,
    #[error("the feed has ended")]
    Closed,
}

/// Where the hub hands over what is posted for one feed.
#[derive(Clone, Debug)]
pub struct Inlet(Sender<Posted>);

pub(super) fn channel() -> (Inlet, Receiver<Posted>) {
    let (send, receive) = mpsc::channel(QUEUE);
    (Inlet(send), receive)
}

impl Inlet {
    /// Hands a body over and waits for the adapter's answer.
    ///
    /// # Errors
    /// [`Refusal`]: it can't be read, the feed is busy, or it has ended.
    pub async fn post(&self, content_type: String, body: Vec<u8>) -> Result<Taken, Refusal> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.0.send(Posted { content_type, body, answer }).await.map_err(|_| Refusal::Closed)?;
            answered.await.map_err(|_| Refusal::Closed)?
        };
        timeout(ANSWER_WITHIN, asked).await.unwrap_or(Err(Refusal::Busy))
    }
}

/// A mark in a feed's events: whoever keeps them says when all before it is on disk.
#[derive(Clone, Debug)]
pub struct Barrier(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Barrier {
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (reached, is_reached) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(reached)))), is_reached)
    }

    /// All events before this one are on disk (or were refused by a rule).
    pub fn reached(&self) {
        if let Some(reached) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever asked may have gone.
            let _ = reached.send(());
        }
    }
}

impl PartialEq for Barrier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
