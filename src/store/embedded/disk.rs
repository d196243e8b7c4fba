//! Tables and transactions.

use super::super::{Entry, Expect, Health, Revision, StoreError};
use chrono::{DateTime, Utc};
use redb::{Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

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
    db: Database,
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
        // Checked whole, 20 ms for 10,000 changes: a damaged file is refused at the start, not half-way through a night.
        let created = Database::builder().set_check_integrity_on_open(true).create(file);
        let db = created.map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { file: file.to_owned() },
            DatabaseError::Storage(redb::StorageError::Io(e)) if e.kind() != std::io::ErrorKind::InvalidData => {
                StoreError::File { file: file.to_owned(), why: e.to_string() }
            }
            e => unreadable(e.to_string()),
        })?;
        let disk = Self { db, file: file.to_owned(), log_rows_max, store: uuid::Uuid::new_v4().to_string() };
        disk.make_tables().map_err(|e| unreadable(e.to_string()))?;
        match disk
            .read()
            .and_then(|tx| Ok(tx.open_table(META).map_err(redb::Error::from)?.get(FORMAT).map_err(redb::Error::from)?.map(|v| v.value())))
        {
            Ok(Some(FORMAT_NOW)) => Ok(disk),
            Ok(found) => Err(unreadable(format!("its layout is {found:?}, this program knows {FORMAT_NOW}"))),
            Err(e) => Err(unreadable(e.to_string())),
        }
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let tx = self.db.begin_write()?;
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

    fn read(&self) -> Result<ReadTransaction, redb::Error> {
        Ok(self.db.begin_read()?)
    }

    fn failed(&self, e: redb::Error) -> StoreError {
        StoreError::Failed { why: format!("{}: {e}", self.file.display()) }
    }

    /// Puts all of `wanted` in order in one transaction; a conflict refuses only its own put. An error: nothing was put.
    #[allow(clippy::type_complexity)]
    pub fn put_all(&self, wanted: &[(&str, &[u8], Expect, &str)]) -> Result<Vec<Result<Entry, StoreError>>, StoreError> {
        self.try_put_all(wanted).map_err(|e| self.failed(e))
    }

    #[allow(clippy::type_complexity)]
    fn try_put_all(&self, wanted: &[(&str, &[u8], Expect, &str)]) -> Result<Vec<Result<Entry, StoreError>>, redb::Error> {
        let mut tx = self.db.begin_write()?;
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
        let get = || -> Result<_, redb::Error> {
            let values = self.read()?.open_table(VALUES)?;
            Ok(values.get(key)?.and_then(|v| decode(v.value())))
        };
        get().map_err(|e| self.failed(e))
    }

    /// All values under `prefix` in the order of their revisions, and the revision this holds for.
    pub fn snapshot(&self, prefix: &str) -> Result<(Vec<Entry>, Revision), StoreError> {
        let read = || -> Result<_, redb::Error> {
            let tx = self.read()?;
            let mut entries = Vec::new();
            for row in tx.open_table(VALUES)?.range(prefix..)? {
                let (key, record) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                entries.extend(decode(record.value()));
            }
            entries.sort_by_key(|e| e.revision);
            Ok((entries, revision(&tx)?))
        };
        read().map_err(|e| self.failed(e))
    }

    pub fn log(&self, range: RangeInclusive<Revision>) -> Result<Vec<Entry>, StoreError> {
        let (first, last) = (range.start().0.max(1), range.end().0);
        let read = || -> Result<_, redb::Error> {
            let tx = self.read()?;
            let log = tx.open_table(LOG)?;
            let oldest = log.first()?.map_or(revision(&tx)?.0 + 1, |(revision, _)| revision.value());
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
        read().map_err(|e| self.failed(e))?
    }

    pub fn health(&self) -> Result<Health, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let tx = self.read()?;
            let log_from = tx.open_table(LOG)?.first()?.map(|(revision, _)| Revision(revision.value()));
            Ok(Health { revision: revision(&tx)?, log_from, keys: tx.open_table(VALUES)?.len()?, store: self.store.clone() })
        };
        read().map_err(|e| self.failed(e))
    }
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
