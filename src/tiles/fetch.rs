//! Bytes from a folder, out of a `.3tz` or over HTTP.

use super::cached::{Ask, Asked, Cached};
use super::disk_cache::{CacheFigures, CacheOptions};
use super::error::{Fault, TileError};
use super::headers::Headers;
use crate::ogc::archive::{self, Archive, ArchiveError};
use futures_util::StreamExt;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use url::Url;

/// Largest file taken, bytes. City tiles are well under 10 MB; this stops a wrong address from filling the memory.
pub const BODY_BYTES_MAX: u64 = 256 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const ROOT: &str = "tileset.json";
const USER_AGENT: &str = concat!("yiping/", env!("CARGO_PKG_VERSION"));

/// Reads tiles of one tileset, from disk (`file:`) or the network (`http:`, `https:`).
#[derive(Clone, Debug)]
pub struct TileSource {
    root: Url,
    client: reqwest::Client,
    headers: Headers,
    /// Where the tileset is in an archive: files below its path are read out of it.
    archive: Option<Arc<Archive>>,
    /// Files from the network, kept on disk.
    cache: Option<Arc<Cached>>,
}

impl TileSource {
    /// `address` is a path of a `tileset.json`, of a folder or a `.3tz` that has one, or an http(s) address.
    ///
    /// # Errors
    /// [`TileError::Fetch`] when there is no such file or it is damaged, or no TLS for this machine.
    pub fn open(address: &str) -> Result<Self, TileError> {
        Self::open_with(address, Headers::default())
    }

    /// The same, sending `headers` with every request to the server at `address`.
    pub fn open_with(address: &str, headers: Headers) -> Result<Self, TileError> {
        let refused = |why: String| TileError::Fetch { url: address.to_owned(), why, retry: false };
        static TLS: Once = Once::new();
        // Fails only when another part of the program has installed a provider first, which serves as well.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let mut opened = None;
        let root = if address.starts_with("http://") || address.starts_with("https://") || address.starts_with("file://") {
            Url::parse(address).map_err(|e| refused(e.to_string()))?
        } else {
            let path = Path::new(address);
            let path = if path.is_dir() { path.join(ROOT) } else { path.to_path_buf() };
            let missing =
                |e: std::io::Error| refused(format!("{}: {e}; give the path of a tileset.json, its folder or a .3tz", path.display()));
            let path = match archive_of(&path) {
                Some((file, name)) => {
                    let file = file.canonicalize().map_err(missing)?;
                    opened = Some(Arc::new(Archive::open(&file).map_err(|e| refused(e.to_string()))?));
                    file.join(name)
                }
                None => path.canonicalize().map_err(missing)?,
            };
            Url::from_file_path(&path).map_err(|()| refused("the path can't be written as an address".to_owned()))?
        };
        if root.scheme() != "file" && archive::is_archive(Path::new(root.path())) {
            return Err(refused("a .3tz on the network is not read; download it, or let a hub serve it".to_owned()));
        }
        let client = reqwest::Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT);
        let client = client.redirect(headers.redirects());
        let client = client.build().map_err(|e| refused(e.to_string()))?;
        Ok(Self { root, client, headers, archive: opened, cache: None })
    }

    /// The same, keeping files from the network on disk.
    pub fn cached(mut self, options: Option<&CacheOptions>) -> Self {
        self.cache = options.filter(|_| self.root.scheme() != "file").map(Cached::open);
        self
    }

    /// Address of the root `tileset.json`.
    pub fn root_url(&self) -> &str {
        self.root.as_str()
    }

    /// The whole body at `url`.
    ///
    /// # Errors
    /// [`TileError::Fetch`]; `retry` says whether a later try may succeed.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, TileError> {
        let refused = |why: String, retry: bool| TileError::Fetch { url: url.to_owned(), why, retry };
        let parsed = Url::parse(url).map_err(|e| refused(e.to_string(), false))?;
        match parsed.scheme() {
            "file" if self.root.scheme() == "file" => {
                let path = parsed.to_file_path().map_err(|()| refused("not a path of this machine".into(), false))?;
                if let Some(archive) = &self.archive {
                    return read_archived(archive.clone(), &path).await.map_err(|why| refused(why, false));
                }
                read_file(&path).await.map_err(|(why, retry)| refused(why, retry))
            }
            "file" => Err(refused("a tileset from the network may not read local files".into(), false)),
            "http" | "https" => self.get(parsed).await.map_err(|r| refused(r.why, r.retry)),
            other => Err(refused(format!("addresses of kind {other:?} are not read; use a path, http or https"), false)),
        }
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, Refused> {
        let headers = self.headers.for_url(&url, &self.root);
        let server = Server { client: &self.client, url: url.clone() };
        if let Some(cache) = &self.cache {
            return cache.get(&url, headers, &server).await;
        }
        match server.ask(headers).await? {
            Asked::Body { body, .. } => Ok(body),
            Asked::Unchanged(_) => Err(Refused::of("the server answered 304 to a question that was not asked", false)),
        }
    }

    /// What the cache on disk did; `None` without one.
    pub fn cache_figures(&self) -> Option<CacheFigures> {
        self.cache.as_ref().map(|c| c.figures())
    }
}

/// Why there are no bytes.
#[derive(Debug)]
pub struct Refused {
    pub why: String,
    /// A later try may succeed.
    pub retry: bool,
    /// The server, or what stands before it, can't be reached now.
    pub unreachable: bool,
}

impl Refused {
    pub fn of(why: &str, retry: bool) -> Self {
        Self { why: why.to_owned(), retry, unreachable: false }
    }

    fn lost(error: &reqwest::Error) -> Self {
        Self { why: describe(error), retry: true, unreachable: true }
    }
}

/// One file on a server.
struct Server<'a> {
    client: &'a reqwest::Client,
    url: Url,
}

impl Ask for Server<'_> {
    async fn ask(&self, headers: HeaderMap) -> Result<Asked, Refused> {
        let answer = self.client.get(self.url.clone()).headers(headers).send().await.map_err(|e| Refused::lost(&e))?;
        let (status, headers, redirected) = (answer.status(), answer.headers().clone(), *answer.url() != self.url);
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Asked::Unchanged(headers));
        }
        if status.is_redirection() {
            return Err(Refused::of("it is sent on to another server, which must not get this one's headers; open it there", false));
        }
        if !status.is_success() {
            let retry = status.is_server_error() || matches!(status.as_u16(), 404 | 408 | 425 | 429);
            let unreachable = matches!(status.as_u16(), 502..=504);
            return Err(Refused { why: format!("the server answered {status}"), retry, unreachable });
        }
        // No other answer is the whole file.
        let redirected = redirected || status != StatusCode::OK;
        if answer.content_length().is_some_and(|n| n > BODY_BYTES_MAX) {
            return Err(Refused::of(&too_large(), false));
        }
        let mut body = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|e| Refused::lost(&e))?;
            if (body.len() + piece.len()) as u64 > BODY_BYTES_MAX {
                return Err(Refused::of(&too_large(), false));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Asked::Body { headers, body, redirected })
    }
}

/// reqwest hides the cause ("connection refused") behind "error sending request"; the chain has it. The address is said once, by the caller.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "the request failed".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        text = format!("{text}: {e}");
        cause = e.source();
    }
    text
}

fn too_large() -> String {
    format!("the file is larger than {} MiB, the most that is read", BODY_BYTES_MAX >> 20)
}

async fn read_file(path: &Path) -> Result<Vec<u8>, (String, bool)> {
    // A file that is not there now won't be there in a second; anything else (a network drive) may recover.
    let failed = |e: std::io::Error| (e.to_string(), e.kind() != std::io::ErrorKind::NotFound);
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut body = Vec::new();
    file.take(BODY_BYTES_MAX + 1).read_to_end(&mut body).await.map_err(failed)?;
    if body.len() as u64 > BODY_BYTES_MAX { Err((too_large(), false)) } else { Ok(body) }
}

/// The archive a path leads to or into, and the file in it: `city.3tz`, `city.3tz/tileset.json`.
fn archive_of(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let file = path.ancestors().find(|p| archive::is_archive(p) && p.is_file())?;
    let name = path.strip_prefix(file).ok()?;
    Some((file.to_owned(), if name.as_os_str().is_empty() { PathBuf::from(ROOT) } else { name.to_owned() }))
}

/// A file of an archive, which is unpacked on a thread that may take its time.
async fn read_archived(archive: Arc<Archive>, path: &Path) -> Result<Vec<u8>, String> {
    let name = path.strip_prefix(archive.path()).map_err(|_| "a tileset in an archive may not read files outside of it".to_owned())?;
    let name = name.to_string_lossy().replace('\\', "/");
    let read = tokio::task::spawn_blocking(move || archive.read(&name)).await;
    read.map_err(|e| e.to_string())?.map_err(|e| match e {
        ArchiveError::Missing { .. } => "the archive has no such file".to_owned(),
        other => other.to_string(),
    })
}

/// `uri` as written in the file at `base`, made absolute.
pub(crate) fn resolve(base: &str, uri: &str) -> Result<String, Fault> {
    let joined = Url::parse(base).and_then(|base| base.join(uri));
    joined.map(String::from).map_err(|e| Fault::bad(format!("uri {uri:?}"), e.to_string()).mend("write a relative path or an http address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_resolve_against_their_file() {
        assert_eq!(resolve("file:///a/b/tileset.json", "t/1.glb").unwrap(), "file:///a/b/t/1.glb");
        assert_eq!(resolve("https://x.example/a/tileset.json?k=1", "../c.glb").unwrap(), "https://x.example/c.glb");
        assert!(resolve("nonsense", "a").is_err());
    }

    #[tokio::test]
    async fn a_network_tileset_may_not_read_local_files() {
        let source = TileSource::open("http://127.0.0.1:9/tileset.json").unwrap();
        assert!(source.fetch("file:///etc/hostname").await.unwrap_err().to_string().contains("local files"));
        let closed = source.fetch("http://127.0.0.1:9/tileset.json").await.unwrap_err();
        assert!(matches!(closed, TileError::Fetch { retry: true, .. }), "{closed}");
    }

    #[test]
    fn a_missing_folder_is_named_with_the_mend() {
        let e = TileSource::open("/no/such/city").unwrap_err().to_string();
        assert!(e.contains("/no/such/city") && e.contains("tileset.json"), "{e}");
    }
}
