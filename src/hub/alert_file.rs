//! Public warnings on disk: a source that was told that its alert is kept does not say it again, so that it must outlive the hub.
//!
//! One small file beside the state, written whole: there are some dozens of alerts, and they change a few times an hour.

use super::whole_file;
use crate::model::alert::Alert;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file, and whose turn it is to write it.
pub struct AlertFile {
    path: PathBuf,
    turn: tokio::sync::Mutex<()>,
}

impl AlertFile {
    /// `hub.alerts.json` beside `hub.redb`.
    pub fn beside(state: &Path) -> Self {
        Self { path: state.with_extension("alerts.json"), turn: tokio::sync::Mutex::default() }
    }

    /// `hub.alerts.jsonl` beside it: what was said when.
    pub fn log(&self) -> PathBuf {
        self.path.with_extension("jsonl")
    }

    /// What was written last. A file that can't be read is put aside and said: a hub without old alerts is better than none.
    pub fn read(&self) -> BTreeMap<String, Alert> {
        let alerts: Vec<Alert> = whole_file::read(&self.path, "alerts begin anew");
        alerts.into_iter().map(|a| (a.id.clone(), a)).collect()
    }

    /// Writes what `alerts` gives once it is our turn; on disk when this returns.
    ///
    /// # Errors
    /// The file and why; then it is as it was before.
    pub async fn write(&self, alerts: impl FnOnce() -> Vec<Alert>) -> io::Result<()> {
        let _turn = self.turn.lock().await;
        let (path, alerts) = (self.path.clone(), alerts());
        let written = tokio::task::spawn_blocking(move || whole_file::write(&path, &alerts)).await;
        written.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| io::Error::new(e.kind(), in_words(&self.path, &e)))
    }
}

/// Why a file of alerts can't be written, and what helps.
pub(super) fn in_words(file: &Path, e: &io::Error) -> String {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge].contains(&e.kind());
    match full {
        true => format!("{}: the disk is full and the alert was not kept; free some space, and it goes on by itself", file.display()),
        false => format!("{}: {e}", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert(id: &str) -> Alert {
        serde_json::from_value(json!({"id": id, "feed": "f", "sender": "s", "sent": "2026-05-01T00:00:00Z", "status": "actual",
            "severity": "minor", "event": "rain", "areas": [], "effective": "2026-05-01T00:00:00Z", "expires": null}))
        .unwrap()
    }

    #[tokio::test]
    async fn what_was_written_is_read_again_and_rubbish_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let file = AlertFile::beside(&dir.path().join("hub.redb"));
        assert!(file.read().is_empty());
        file.write(|| vec![alert("a"), alert("b")]).await.unwrap();
        file.write(|| vec![alert("b"), alert("c")]).await.unwrap();
        assert_eq!(file.read().into_keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left lying about");
        std::fs::write(dir.path().join("hub.alerts.json"), "[{").unwrap();
        assert!(file.read().is_empty());
        assert_eq!(std::fs::read(dir.path().join("hub.alerts.unreadable")).unwrap(), b"[{");
    }
}
