//! Watching: what is there, then what comes, without a hole between.

use super::super::{Entry, Revision, Seen, StoreError, Watch};
use super::{Disk, reading};
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub struct EmbeddedWatch {
    disk: Arc<Disk>,
    news: Receiver<Arc<Entry>>,
    prefix: String,
    /// Read and not yet told.
    waiting: VecDeque<Seen>,
    /// All revisions up to here were told or are waiting; `None`: nothing was read yet, a snapshot is due.
    known: Option<Revision>,
    /// Whether `known` must be completed from disk before news is listened to.
    behind: bool,
}

impl EmbeddedWatch {
    pub fn new(disk: Arc<Disk>, news: Receiver<Arc<Entry>>, prefix: &str, from: Option<Revision>) -> Self {
        Self { disk, news, prefix: prefix.to_owned(), waiting: VecDeque::new(), known: from, behind: true }
    }

    /// Reads what is missing from the log, or a snapshot when there is no telling from the log.
    async fn catch_up(&mut self, live: bool) -> Result<(), StoreError> {
        let now = reading(self.disk.clone(), Disk::health).await?.revision;
        if let Some(known) = self.known {
            match reading(self.disk.clone(), move |disk| disk.log(Revision(known.0 + 1)..=now)).await {
                // A watcher from the future has seen another store: what it knows is worth nothing.
                Ok(missed) if known <= now => {
                    let prefix = &self.prefix;
                    self.waiting.extend(missed.into_iter().filter(|e| e.key.starts_with(prefix)).map(Seen::Entry));
                    if live {
                        self.waiting.push_back(Seen::Live(now));
                    }
                    (self.known, self.behind) = (Some(now), false);
                    return Ok(());
                }
                Ok(_) | Err(StoreError::Trimmed { .. }) => {
                    self.waiting.push_back(Seen::Gap { from: Revision(known.0 + 1), to: now });
                }
                Err(e) => return Err(e),
            }
        }
        let prefix = self.prefix.clone();
        let (entries, revision) = reading(self.disk.clone(), move |disk| disk.snapshot(&prefix)).await?;
        self.waiting.extend(entries.into_iter().map(Seen::Entry));
        self.waiting.push_back(Seen::Live(revision));
        (self.known, self.behind) = (Some(revision), false);
        Ok(())
    }

    async fn find_next(&mut self) -> Result<Seen, StoreError> {
        // The first reading ends with `Live`; one after a lag goes on without saying so again, unless it needs a snapshot.
        if self.behind {
            self.catch_up(true).await?;
        }
        loop {
            if let Some(seen) = self.waiting.pop_front() {
                return Ok(seen);
            }
            match self.news.recv().await {
                Ok(entry) if self.known.is_some_and(|known| entry.revision <= known) => {}
                Ok(entry) => {
                    self.known = Some(entry.revision);
                    if entry.key.starts_with(&self.prefix) {
                        return Ok(Seen::Entry((*entry).clone()));
                    }
                }
                Err(RecvError::Lagged(_)) => self.catch_up(false).await?,
                Err(RecvError::Closed) => return Err(StoreError::Closed),
            }
        }
    }
}

impl Watch for EmbeddedWatch {
    fn next(&mut self) -> BoxFuture<'_, Result<Seen, StoreError>> {
        Box::pin(self.find_next())
    }
}
