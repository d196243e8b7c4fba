//! Where state is kept: one trait, several backends (floor 2; the only way to durable state).
//!
//! A store maps keys to values and gives every accepted change the next [`Revision`]. Whoever wants to change a key says
//! what they think is there ([`Expect`]); whoever wants to know watches a prefix.
//! - [`embedded`]: one file on this machine (`redb`), nothing to install.
//! - A NATS JetStream backend comes beside it; [`conformance`] is what both must hold.
//!
//! Never here: what keys and values mean.

pub mod conformance;
pub mod embedded;
mod error;

pub use crate::model::protocol::Revision;
pub use embedded::Embedded;
pub use error::StoreError;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use std::ops::RangeInclusive;

/// Bytes of a key and of a value. 64 KiB is ten times the largest view state; NATS takes 1 MiB at most.
pub const KEY_BYTES_MAX: usize = 1024;
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What a writer takes to be there; when it is not so, nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No value under this key.
    Absent,
    /// The value put at this revision.
    At(Revision),
    /// Whatever is there.
    Any,
}

/// A value as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub value: Vec<u8>,
    pub revision: Revision,
    pub actor: String,
    /// The store's clock.
    pub at: DateTime<Utc>,
}

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub revision: Revision,
    /// Oldest revision still in the log; `None` when the log is empty.
    pub log_from: Option<Revision>,
    pub keys: u64,
    /// One for each start of a store: screens that hear another one ask for a snapshot.
    pub store: String,
}

/// What a watcher is told, in this order: entries of a snapshot or from the log, `Live` once, entries as they are put.
/// A `Gap` may come at any time and starts that order anew with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Entry(Entry),
    /// All that was there has been told; from here on it is news. Holds for this revision.
    Live(Revision),
    /// Revisions from `from` on are no longer in the log, or the watcher was too slow for them.
    Gap {
        from: Revision,
        to: Revision,
    },
}

/// A watcher's end. Dropping it ends the watch.
pub trait Watch: Send {
    fn next(&mut self) -> BoxFuture<'_, Result<Seen, StoreError>>;
}

/// Keys, values, one order of changes, and the promise that what was accepted is on disk.
pub trait StateStore: Send + Sync + 'static {
    /// The newest value of `key`.
    fn get(&self, key: &str) -> BoxFuture<'_, Result<Option<Entry>, StoreError>>;

    /// Puts `value` if `expect` holds; else [`StoreError::Conflict`] says what is there. Returns when it is on disk.
    fn put(&self, key: &str, value: Vec<u8>, expect: Expect, actor: &str) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// All keys under `prefix` as they change. `from`: the last revision already known, to go on from the log; `None` starts with a snapshot.
    fn watch(&self, prefix: &str, from: Option<Revision>) -> BoxFuture<'_, Result<Box<dyn Watch>, StoreError>>;

    /// The changes of `range` in order; [`StoreError::Trimmed`] when the log no longer reaches back so far.
    fn log(&self, range: RangeInclusive<Revision>) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>>;
}

/// What every backend refuses before it asks its engine.
fn check(key: &str, value: &[u8]) -> Result<(), StoreError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(StoreError::Key { bytes: key.len() });
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(StoreError::TooLarge { key: key.to_owned(), bytes: value.len() });
    }
    Ok(())
}
