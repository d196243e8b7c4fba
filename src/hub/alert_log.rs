//! What was said of public warnings and when, on disk: a line a word, appended, so that the past can tell which stood at an instant.

use super::alert_file::in_words;
use crate::model::alert_past::{AlertPast, AlertWord};
use chrono::{DateTime, Utc};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Words that the file may hold beyond those that are still remembered, before it is written anew without them.
const SPARE_MAX: usize = 20_000;
/// Longest line read: an alert has at most some 50,000 points.
const LINE_BYTES_MAX: u64 = 8 << 20;

/// The file, and whose turn it is to write it.
pub struct AlertLog {
    path: Arc<Path>,
    written: tokio::sync::Mutex<Written>,
}

/// How much of the file is known to be on disk.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    bytes: u64,
    words: usize,
}

impl AlertLog {
    /// The log with what it holds, without what is too old at `now`. What can't be read of it is left out and said.
    pub fn open(path: PathBuf, now: DateTime<Utc>) -> (Self, AlertPast) {
        let (mut past, bytes) = read(&path).unwrap_or_else(|e| {
            tracing::error!("{}: {e}; which warnings stood in the past is not known", path.display());
            (AlertPast::default(), std::fs::metadata(&path).map_or(0, |m| m.len()))
        });
        let mut written = Written { bytes, words: past.words().count() };
        if past.forget_old(now) {
            match rewrite(&path, past.words()) {
                Ok(anew) => written = anew,
                Err(e) => tracing::warn!("{}: {e}; what is too old stays in it", path.display()),
            }
        }
        (Self { path: path.into(), written: tokio::sync::Mutex::new(written) }, past)
    }

    /// Appends what `words` gives once it is our turn and tells `done` how many that were; on disk when this returns. `all` gives
    /// everything that is remembered, for when the file has grown too long.
    ///
    /// # Errors
    /// The file and why it can't be written; what is in it then goes with the next try.
    pub async fn append(
        &self,
        words: impl FnOnce() -> Vec<AlertWord>,
        all: impl FnOnce() -> Vec<AlertWord>,
        done: impl FnOnce(usize),
    ) -> io::Result<()> {
        let mut written = self.written.lock().await;
        let words = words();
        if words.is_empty() {
            return Ok(());
        }
        let (path, before, count) = (self.path.clone(), *written, words.len());
        // What is remembered has these already.
        let all = all();
        let is_long = before.words + count > all.len() + SPARE_MAX;
        let write = move || if is_long { rewrite(&path, all.iter()) } else { append(&path, before, &words) };
        let tried = tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(io::Error::other(e)));
        *written = tried.map_err(|e| io::Error::new(e.kind(), in_words(&self.path, &e)))?;
        done(count);
        Ok(())
    }
}

/// The words in the file, and its length up to the last whole line.
fn read(path: &Path) -> io::Result<(AlertPast, u64)> {
    let mut past = AlertPast::default();
    let mut file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((past, 0)),
        Err(e) => return Err(e),
    };
    let (mut bytes, mut bad) = (0, 0);
    loop {
        let mut line = Vec::new();
        let read = io::Read::take(&mut file, LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        // A torn end is written over by the next word.
        if line.last() != Some(&b'\n') && read < LINE_BYTES_MAX {
            break;
        }
        bytes += read;
        match serde_json::from_slice(&line) {
            Ok(word) => past.push(word),
            Err(_) => bad += 1,
        }
    }
    if bad > 0 {
        tracing::error!("{}: {bad} lines can't be read and are left out", path.display());
    }
    Ok((past, bytes))
}

fn append(path: &Path, before: Written, words: &[AlertWord]) -> io::Result<Written> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    // What a failed try has left.
    if file.metadata()?.len() > before.bytes {
        file.set_len(before.bytes)?;
    }
    let is_new = before.bytes == 0;
    let lines = lines(words.iter())?;
    (&file).write_all(&lines)?;
    file.sync_all()?;
    if is_new {
        File::open(folder(path))?.sync_all()?;
    }
    Ok(Written { bytes: before.bytes + lines.len() as u64, words: before.words + words.len() })
}

/// Writes the file anew; it is the old one or the new one, never half.
fn rewrite<'a>(path: &Path, words: impl Iterator<Item = &'a AlertWord>) -> io::Result<Written> {
    let mut out = BufWriter::new(tempfile::NamedTempFile::new_in(folder(path))?);
    let mut written = Written::default();
    for word in words {
        let line = lines(std::iter::once(word))?;
        out.write_all(&line)?;
        written = Written { bytes: written.bytes + line.len() as u64, words: written.words + 1 };
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder(path))?.sync_all()?;
    Ok(written)
}

fn lines<'a>(words: impl Iterator<Item = &'a AlertWord>) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for word in words {
        serde_json::to_writer(&mut lines, word)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use serde_json::json;

    fn word(id: &str, day: i64) -> AlertWord {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(day);
        let alert = json!({"id": id, "feed": "f", "sender": "s", "sent": at, "status": "actual", "severity": "minor", "event": "rain",
            "areas": [], "effective": at, "expires": at + TimeDelta::hours(1)});
        AlertWord { received_at: at, alert: serde_json::from_value(alert).unwrap() }
    }

    async fn put(log: &AlertLog, past: &mut AlertPast, words: Vec<AlertWord>) -> usize {
        words.iter().for_each(|w| past.push(w.clone()));
        let mut count = 0;
        log.append(|| words, || past.words().cloned().collect(), |n| count = n).await.unwrap();
        count
    }

    fn open(path: &Path, day: i64) -> (AlertLog, AlertPast, Vec<String>) {
        let (log, past) = AlertLog::open(path.to_owned(), DateTime::UNIX_EPOCH + TimeDelta::days(day));
        let ids = past.words().map(|w| w.alert.id.clone()).collect();
        (log, past, ids)
    }

    #[tokio::test]
    async fn what_was_appended_is_read_again_over_a_torn_end_and_without_what_is_too_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.alerts.jsonl");
        let (log, mut past, ids) = open(&path, 0);
        assert!(ids.is_empty() && !path.exists());
        assert_eq!(put(&log, &mut past, vec![word("a", 0), word("b", 0)]).await, 2);
        assert_eq!(put(&log, &mut past, vec![]).await, 0);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{rubbish}\n", &whole[..30]].concat()).unwrap();
        let (log, mut past, ids) = open(&path, 1);
        assert_eq!(ids, ["a", "b"]);
        put(&log, &mut past, vec![word("c", 60)]).await;
        assert_eq!(open(&path, 60).2, ["a", "b", "c"]);
        assert_eq!((open(&path, 120).2, std::fs::read_to_string(&path).unwrap().lines().count()), (vec!["c".to_owned()], 1));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left lying about");
    }

    #[tokio::test]
    async fn a_failed_try_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone").join("hub.alerts.jsonl");
        let (log, mut past, _) = open(&path, 0);
        past.push(word("a", 0));
        let tried = log.append(|| vec![word("a", 0)], || vec![word("a", 0)], |_| panic!("it was not written")).await;
        assert!(tried.unwrap_err().to_string().contains("hub.alerts.jsonl"));
        std::fs::create_dir(dir.path().join("gone")).unwrap();
        std::fs::write(&path, "{\"torn").unwrap();
        let mut count = 0;
        log.append(|| vec![word("a", 0)], || vec![word("a", 0)], |n| count = n).await.unwrap();
        assert_eq!((count, open(&path, 0).2), (1, vec!["a".to_owned()]));
    }
}
