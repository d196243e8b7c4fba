//! Files of a tileset on the network, fetched to a folder: few at a time, within bounds, each once.

use super::error::TileError;
use super::fetch::TileSource;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use url::Url;

/// Requests at a time: a guest at somebody's server takes no more than a browser does.
const CONNECTIONS: usize = 4;
/// Of all files together. A country is bigger; it is better asked for on a disk.
const BYTES_MAX: u64 = 64 << 30;
/// Before the second and third try.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// A tileset being fetched. Files stand in its folder under their own names.
pub struct Download {
    source: TileSource,
    base: Url,
    root: String,
    folder: PathBuf,
    runtime: tokio::runtime::Runtime,
    /// What became of each file that was asked for.
    done: Mutex<HashMap<String, Result<(), String>>>,
    pub files: AtomicU64,
    pub bytes: AtomicU64,
}

impl Download {
    /// Of the tileset at an http(s) address; `folder` is made.
    ///
    /// # Errors
    /// [`TileError::Fetch`] for what is no such address, or a folder that can't be made.
    pub fn new(address: &str, folder: &Path) -> Result<Self, TileError> {
        let refused = |why: String| TileError::Fetch { url: address.to_owned(), why, retry: false };
        let source = TileSource::open(address)?;
        let url = Url::parse(source.root_url()).map_err(|e| refused(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only http and https addresses are fetched".to_owned()));
        }
        let (base, root) = match url.path().rsplit_once('/') {
            Some((_, file)) if file.contains('.') => (url.clone(), file.to_owned()),
            // A folder's address.
            _ => {
                let mut base = url.clone();
                base.set_path(&format!("{}/", url.path().trim_end_matches('/')));
                (base, "tileset.json".to_owned())
            }
        };
        std::fs::create_dir_all(folder).map_err(|e| refused(format!("{}: {e}", folder.display())))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|e| refused(format!("no thread to fetch with: {e}")))?;
        let (done, files, bytes) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { source, base, root, folder: folder.to_owned(), runtime, done, files, bytes })
    }

    /// Name of the root file.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Where a fetched file stands; `name` is a path below the tileset's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Fetches what is not there yet, and waits for it.
    pub fn fetch(&self, names: &[String]) {
        let known = |name: &String| self.lock().contains_key(name);
        let wanted: Vec<&String> = names.iter().filter(|n| !known(n)).collect();
        self.runtime.block_on(async {
            let mut running = futures_util::stream::iter(wanted.into_iter().map(|name| async move { (name, self.one(name).await) }))
                .buffer_unordered(CONNECTIONS);
            while let Some((name, result)) = running.next().await {
                self.lock().insert(name.clone(), result);
            }
        });
    }

    /// What became of a file, once it was asked for.
    pub fn outcome(&self, name: &str) -> Option<Result<(), String>> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Result<(), String>>> {
        // Entries are put in whole: a panic elsewhere leaves nothing wrong.
        self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn one(&self, name: &str) -> Result<(), String> {
        if self.bytes.load(Ordering::Relaxed) > BYTES_MAX {
            return Err(format!("more than {} GiB are not fetched; download the tileset by other means", BYTES_MAX >> 30));
        }
        let escaped: Vec<String> = name.split('/').map(|part| part.replace('%', "%25").replace('?', "%3F").replace('#', "%23")).collect();
        let url = self.base.join(&format!("./{}", escaped.join("/"))).map_err(|e| e.to_string())?;
        let bytes = self.patiently(url.as_str()).await?;
        let path = self.path(name);
        let write = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, &bytes)
        };
        write().map_err(|e| format!("{}: {e}", path.display()))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn patiently(&self, url: &str) -> Result<Vec<u8>, String> {
        let why = |e: TileError| match e {
            TileError::Fetch { why, .. } => why,
            other => other.to_string(),
        };
        for wait in WAITS {
            match self.source.fetch(url).await {
                // What is not there is not asked for again.
                Err(TileError::Fetch { why, retry: true, .. }) if !why.contains("404") => tokio::time::sleep(wait).await,
                other => return other.map_err(why),
            }
        }
        self.source.fetch(url).await.map_err(why)
    }
}
