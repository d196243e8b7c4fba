use super::{Entry, KEY_BYTES_MAX, Revision, VALUE_BYTES_MAX};
use std::path::PathBuf;

#[derive(thiserror::Error, Clone, Debug)]
pub enum StoreError {
    /// Nothing was changed.
    #[error("someone else was first: the key is now at {}", current.as_ref().map_or("nothing".to_owned(), |e| format!("revision {}", e.revision.0)))]
    Conflict { current: Option<Box<Entry>> },
    #[error("the log starts at revision {}; older changes are no longer kept, ask for a snapshot", from.0)]
    Trimmed { from: Revision },
    #[error("a key has 1 to {KEY_BYTES_MAX} bytes, this one has {bytes}")]
    Key { bytes: usize },
    #[error("the value of {key} has {bytes} bytes; {VALUE_BYTES_MAX} are allowed")]
    TooLarge { key: String, bytes: usize },
    #[error("{file}: another program has this state file open; stop the other hub, or name another file with --state")]
    InUse { file: PathBuf },
    #[error(
        "{file}: not a readable state file ({why}); if it was cut off or overwritten, put back a copy of it, or move it away to start with empty state"
    )]
    Unreadable { file: PathBuf, why: String },
    #[error("{file}: {why}")]
    File { file: PathBuf, why: String },
    /// Nothing was changed. The store goes on by itself once there is room.
    #[error("{file}: the disk is full and nothing was stored; free some space, and it goes on by itself")]
    DiskFull { file: PathBuf },
    #[error("the state store has failed and takes no more changes: {why}; free disk space or mend the disk, then start the hub again")]
    Failed { why: String },
    #[error("the state store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same change may be stored later: what failed is the disk, not the change.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Conflict { .. } | Self::Trimmed { .. } | Self::Key { .. } | Self::TooLarge { .. })
    }
}
