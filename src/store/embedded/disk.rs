//! Tables and transactions.

use super::super::{Entry, Expect, Health, Revision, StoreError};
use chrono::{DateTime, Utc};
use redb::{Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Key -> record (JSON head, newline, value).
const VALUES: TableDefinition<&str, &[u8]> = TableDefinition::new("values");
/// Revision -> record, whose head names the key.
const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// `revision`: the newest one. Kept apart from the log, which may be trimmed to nothing.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const REVISION: &str = "revision";
/// Layout of these tables; a file with another one is not touched.
const FORMAT: &str = "format";
const FORMAT_NOW: u64 = 1;

pub struct Disk {
    /// `None` while a file that was closed after a full disk can't be opened again. Held for reading as long as anything reads: the
    /// file is free to be opened again only when nobody does.
    db: RwLock<Option<Database>>,
    file: PathBuf,
    log_rows_max: u64,
    /// One for each opening.
    store: String,
}

/// What stands before a value. JSON, so that a file can be read with nothing but this line of explanation.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    key: std::borrow::Cow<'a, str>,
    revision: u64,
    actor: std::borrow::Cow<'a, str>,
    at: DateTime<Utc>,
}

impl Disk {
    pub fn open(file: &Path, log_rows_max: u64) -> Result<Self, StoreError> {
        let unreadable = |why: String| StoreError::Unreadable { file: file.to_owned(), why };
        let db = RwLock::new(Some(open_file(file)?));
        let disk = Self { db, file: file.to_owned(), log_rows_max, store: uuid::Uuid::new_v4().to_string() };
        disk.make_tables().map_err(|e| unreadable(e.to_string()))?;
        match disk
            .reading(|tx| Ok(tx.open_table(META).map_err(redb::Error::from)?.get(FORMAT).map_err(redb::Error::from)?.map(|v| v.value())))
        {
            Ok(Some(FORMAT_NOW)) => Ok(disk),
            Ok(found) => Err(unreadable(format!("its layout is {found:?}, this program knows {FORMAT_NOW}"))),
            Err(e) => Err(unreadable(e.to_string())),
        }
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let db = self.db();
        let tx = db.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
        tx.open_table(VALUES)?;
        tx.open_table(LOG)?;
        {
            let mut meta = tx.open_table(META)?;
            if meta.get(FORMAT)?.is_none() {
                meta.insert(FORMAT, FORMAT_NOW)?;
                meta.insert(REVISION, 0)?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    fn db(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let db = self.db();
        let tx = db.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        read(&tx)
    }

    fn failed(&self, e: redb::Error) -> StoreError {
        match e {
            redb::Error::Io(e) if is_full(&e) => StoreError::DiskFull { file: self.file.clone() },
            // Closed by ourselves, after a full disk.
            redb::Error::DatabaseClosed => StoreError::DiskFull { file: self.file.clone() },
            e => StoreError::Failed { why: format!("{}: {e}", self.file.display()) },
        }
    }

    /// Opens the file anew after a disk that was full: the engine takes nothing more from a failed write on, though the file holds all
    /// that was ever committed.
    ///
    /// # Errors
    /// When there is still no room, or the file can't be read; then it stays closed.
    pub fn open_again(&self) -> Result<(), StoreError> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        *db = None;
        *db = Some(open_file(&self.file)?);
        Ok(())
    }

    /// Puts all of `wanted` in order in one transaction; a conflict refuses only its own put. An error: nothing was put.
    #[allow(clippy::type_complexity)]
    pub fn put_all(&self, wanted: &[(&str, &[u8], Expect, &str)]) -> Result<Vec<Result<Entry, StoreError>>, StoreError> {
        self.try_put_all(wanted).map_err(|e| self.failed(e))
    }

    #[allow(clippy::type_complexity)]
    fn try_put_all(&self, wanted: &[(&str, &[u8], Expect, &str)]) -> Result<Vec<Result<Entry, StoreError>>, redb::Error> {
        let db = self.db();
        let mut tx = db.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
        tx.set_durability(Durability::Immediate)?;
        let mut outcomes = Vec::with_capacity(wanted.len());
        {
            let (mut values, mut log, mut meta) = (tx.open_table(VALUES)?, tx.open_table(LOG)?, tx.open_table(META)?);
            let mut revision = meta.get(REVISION)?.map_or(0, |v| v.value());
            for (key, value, expect, actor) in wanted {
                let current = values.get(*key)?.and_then(|v| decode(v.value()));
                let holds = match (expect, &current) {
                    (Expect::Any, _) | (Expect::Absent, None) => true,
                    (Expect::At(at), Some(entry)) => entry.revision == *at,
                    _ => false,
                };
                if !holds {
                    outcomes.push(Err(StoreError::Conflict { current: current.map(Box::new) }));
                    continue;
                }
                revision += 1;
                let entry = Entry {
                    key: (*key).to_owned(),
                    value: value.to_vec(),
                    revision: Revision(revision),
                    actor: (*actor).to_owned(),
                    at: Utc::now(),
                };
                let record = encode(&entry);
                values.insert(*key, record.as_slice())?;
                log.insert(revision, record.as_slice())?;
                outcomes.push(Ok(entry));
            }
            meta.insert(REVISION, revision)?;
            while log.len()? > self.log_rows_max {
                log.pop_first()?;
            }
        }
        tx.commit()?;
        Ok(outcomes)
    }

    pub fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let get = |tx: &ReadTransaction| Ok(tx.open_table(VALUES)?.get(key)?.and_then(|v| decode(v.value())));
        self.reading(get).map_err(|e| self.failed(e))
    }

    /// All values under `prefix` in the order of their revisions, and the revision this holds for.
    pub fn snapshot(&self, prefix: &str) -> Result<(Vec<Entry>, Revision), StoreError> {
        let read = |tx: &ReadTransaction| {
            let mut entries = Vec::new();
            for row in tx.open_table(VALUES)?.range(prefix..)? {
                let (key, record) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                entries.extend(decode(record.value()));
            }
            entries.sort_by_key(|e| e.revision);
            Ok((entries, revision(tx)?))
        };
        self.reading(read).map_err(|e| self.failed(e))
    }

    pub fn log(&self, range: RangeInclusive<Revision>) -> Result<Vec<Entry>, StoreError> {
        let (first, last) = (range.start().0.max(1), range.end().0);
        let read = |tx: &ReadTransaction| {
            let log = tx.open_table(LOG)?;
            let oldest = log.first()?.map_or(revision(tx)?.0 + 1, |(revision, _)| revision.value());
            if first < oldest && first <= last {
                return Ok(Err(StoreError::Trimmed { from: Revision(oldest) }));
            }
            let mut entries = Vec::new();
            if first <= last {
                for row in log.range(first..=last)? {
                    entries.extend(decode(row?.1.value()));
                }
            }
            Ok(Ok(entries))
        };
        self.reading(read).map_err(|e| self.failed(e))?
    }

    pub fn health(&self) -> Result<Health, StoreError> {
        let read = |tx: &ReadTransaction| {
            let log_from = tx.open_table(LOG)?.first()?.map(|(revision, _)| Revision(revision.value()));
            Ok(Health { revision: revision(tx)?, log_from, keys: tx.open_table(VALUES)?.len()?, store: self.store.clone() })
        };
        self.reading(read).map_err(|e| self.failed(e))
    }
}

/// Checked whole, 20 ms for 10,000 changes: a damaged file is refused at the start, not half-way through a night.
fn open_file(file: &Path) -> Result<Database, StoreError> {
    let opened = Database::builder().set_check_integrity_on_open(true).create(file);
    opened.map_err(|e| match e {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { file: file.to_owned() },
        DatabaseError::Storage(redb::StorageError::Io(e)) if is_full(&e) => StoreError::DiskFull { file: file.to_owned() },
        DatabaseError::Storage(redb::StorageError::Io(e)) if e.kind() != ErrorKind::InvalidData => {
            StoreError::File { file: file.to_owned(), why: e.to_string() }
        }
        e => StoreError::Unreadable { file: file.to_owned(), why: e.to_string() },
    })
}

/// Whether there is no room: on the disk, in a quota, or under a process's limit. Nothing of such a write is doubtful, as it is after a
/// failed sync.
fn is_full(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn revision(tx: &ReadTransaction) -> Result<Revision, redb::Error> {
    Ok(Revision(tx.open_table(META)?.get(REVISION)?.map_or(0, |v| v.value())))
}

fn encode(entry: &Entry) -> Vec<u8> {
    let head = Head { key: (&entry.key).into(), revision: entry.revision.0, actor: (&entry.actor).into(), at: entry.at };
    // Strings, a number and a time: serde_json has no way to refuse them.
    let mut record = serde_json::to_vec(&head).unwrap_or_default();
    record.push(b'\n');
    record.extend_from_slice(&entry.value);
    record
}

/// `None` (logged) for a record this program did not write.
fn decode(record: &[u8]) -> Option<Entry> {
    let cut = record.iter().position(|b| *b == b'\n').unwrap_or(record.len());
    match serde_json::from_slice::<Head>(&record[..cut]) {
        Ok(head) => Some(Entry {
            key: head.key.into_owned(),
            value: record.get(cut + 1..).unwrap_or_default().to_vec(),
            revision: Revision(head.revision),
            actor: head.actor.into_owned(),
            at: head.at,
        }),
        Err(e) => {
            tracing::error!("a record of the state store is unreadable and left out: {e}");
            None
        }
    }
}
