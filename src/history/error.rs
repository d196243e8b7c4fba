use std::path::PathBuf;

/// Why the history did not take or tell something.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum HistoryError {
    #[error("{folder}: another hub keeps its history here; stop it, or give this one another --history folder")]
    InUse { folder: PathBuf },
    #[error("{file}: {why}; check the disk and who may write there")]
    File { file: PathBuf, why: String },
    /// Nothing of the batch is kept; the next one is tried again.
    #[error("{file}: the disk is full and nothing of this batch was kept; free some space or keep fewer days, and send it again")]
    DiskFull { file: PathBuf },
    /// After a failed sync nobody knows what is on the disk: nothing more is promised until a restart has looked.
    #[error("{file}: could not be made durable ({why}); restart the hub once the disk is sound, it then says what it found")]
    Failed { file: PathBuf, why: String },
    #[error("the history can't seal as fast as readings come: {rows} rows wait in memory ({why}); send again in a moment")]
    Behind { rows: u64, why: String },
    #[error("datastream {id:?} was never described: append its Datastream before its readings, or with them")]
    Unknown { id: String },
    #[error("{what}: {found}, at most {max} are kept; merge feeds or raise the bound in src/history")]
    TooMany { what: &'static str, found: u64, max: u64 },
    #[error("{what} is {value}: {mend}")]
    Query { what: &'static str, value: String, mend: &'static str },
    /// An answer of a ClickHouse server, or that there was none.
    #[error("{url}: {why}; see that the server runs and knows the cluster (docs/history.md)")]
    Server { url: String, why: String },
    #[error("the history has been closed")]
    Closed,
}

impl HistoryError {
    /// Whether the same batch may be kept later: what failed is the disk or the server, not the batch.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Behind { .. } | Self::DiskFull { .. } | Self::File { .. } | Self::Server { .. })
    }
}
