//! What a server gives, by way of the disk: HTTP's own rules of what may be used again (RFC 9111).

use super::disk_cache::{CacheFigures, CacheOptions, DiskCache, Entry, Key};
use super::fetch::Refused;
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions as Rules, CachePolicy};
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap, HeaderName};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use url::{Origin, Url};

/// A server that could not be reached is not asked again for so long where the disk has an answer: else every tile would wait for it.
const DOWN: Duration = Duration::from_secs(10);
/// Headers of an answer that say how long and for whom it is good; no other is kept.
const KEPT: [HeaderName; 8] =
    [header::AGE, header::CACHE_CONTROL, header::DATE, header::ETAG, header::EXPIRES, header::LAST_MODIFIED, header::PRAGMA, header::VARY];

/// The cache of one tileset, and which server of it can't be reached.
pub struct Cached {
    disk: DiskCache,
    down: Mutex<Option<(Origin, Instant)>>,
}

/// What asking a server came to.
pub enum Asked {
    Unchanged(HeaderMap),
    Body { headers: HeaderMap, body: Vec<u8>, redirected: bool },
}

/// Sends one request with these headers.
pub trait Ask {
    fn ask(&self, headers: HeaderMap) -> impl Future<Output = Result<Asked, Refused>> + Send;
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached").finish_non_exhaustive()
    }
}

impl Cached {
    pub fn open(options: &CacheOptions) -> Arc<Self> {
        Arc::new(Self { disk: DiskCache::open(options), down: Mutex::default() })
    }

    pub fn figures(&self) -> CacheFigures {
        self.disk.figures()
    }

    /// The body at `url`, from disk where HTTP allows it or the server can't be reached; `server` asks it, with these headers and more.
    pub async fn get(self: &Arc<Self>, url: &Url, headers: HeaderMap, server: &impl Ask) -> Result<Vec<u8>, Refused> {
        let key = Key::of(url.as_str(), headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let (this, of) = (self.clone(), key.clone());
        // A disk that fails is as good as none.
        let kept = tokio::task::spawn_blocking(move || this.disk.get(&of)).await.ok().flatten();
        let Some(kept) = kept else {
            let asked = server.ask(headers).await.inspect_err(|e| self.note_down(url, e))?;
            return self.took(key, asked, None).await;
        };
        let mut headers = headers;
        match kept.policy.before_request(&request(), SystemTime::now()) {
            BeforeRequest::Fresh(_) => {
                self.disk.counts.fresh.fetch_add(1, Ordering::Relaxed);
                return Ok(kept.body);
            }
            BeforeRequest::Stale { request, matches: true } => {
                for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
                    request.headers.get(&name).map(|value| headers.insert(name, value.clone()));
                }
            }
            BeforeRequest::Stale { .. } => {}
        }
        if self.is_down(url) && !kept.firm {
            return Ok(self.stale(kept));
        }
        match server.ask(headers).await {
            Ok(asked) => self.took(key, asked, Some(kept)).await,
            Err(refused) => {
                self.note_down(url, &refused);
                if refused.unreachable && !kept.firm { Ok(self.stale(kept)) } else { Err(refused) }
            }
        }
    }

    async fn took(self: &Arc<Self>, key: Key, asked: Asked, kept: Option<Entry>) -> Result<Vec<u8>, Refused> {
        let now = SystemTime::now();
        let (policy, firm, body) = match (asked, kept) {
            (Asked::Unchanged(headers), Some(kept)) => {
                self.disk.counts.unchanged.fetch_add(1, Ordering::Relaxed);
                // Only one answer is kept and only its marks were sent, so it is the one that has not changed, whatever the 304 repeats of them.
                match kept.policy.after_response(&request(), &answer(StatusCode::NOT_MODIFIED, &headers), now) {
                    AfterResponse::NotModified(policy, parts) => (policy, firm(&parts.headers), kept.body),
                    AfterResponse::Modified(..) => return Ok(kept.body),
                }
            }
            (Asked::Unchanged(_), None) => return Err(Refused::of("the server says that what nobody has did not change", true)),
            (Asked::Body { body, redirected: true, .. }, _) => return Ok(body),
            (Asked::Body { headers, body, .. }, _) => {
                // This machine's own cache, not a proxy's for many.
                let rules = Rules { shared: false, ..Rules::default() };
                (CachePolicy::new_options(&request(), &answer(StatusCode::OK, &headers), now, rules), firm(&headers), body)
            }
        };
        if !policy.is_storable() {
            return Ok(body);
        }
        let this = self.clone();
        let put = move || {
            let entry = Entry { policy, firm, body };
            this.disk.put(&key, &entry);
            entry.body
        };
        tokio::task::spawn_blocking(put).await.map_err(|e| Refused::of(&e.to_string(), true))
    }

    fn stale(&self, kept: Entry) -> Vec<u8> {
        self.disk.counts.stale.fetch_add(1, Ordering::Relaxed);
        kept.body
    }

    fn note_down(&self, url: &Url, refused: &Refused) {
        if refused.unreachable {
            *self.down.lock().unwrap_or_else(PoisonError::into_inner) = Some((url.origin(), Instant::now()));
        }
    }

    fn is_down(&self, url: &Url) -> bool {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.as_ref().is_some_and(|(origin, since)| since.elapsed() < DOWN && *origin == url.origin())
    }
}

/// Whether a server forbids that its old answer be used while it can't be reached.
fn firm(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case("must-revalidate"))
}

/// What is asked, for the rules: address and headers are in the key, so that none of them is on the disk.
fn request() -> http::request::Parts {
    http::Request::new(()).into_parts().0
}

fn answer(status: StatusCode, headers: &HeaderMap) -> http::response::Parts {
    let mut parts = http::Response::new(()).into_parts().0;
    parts.status = status;
    for name in KEPT {
        for value in headers.get_all(&name) {
            parts.headers.append(&name, value.clone());
        }
    }
    parts
}
