//! One file from the hub over HTTP.

use super::{LinkError, hub_url};
use futures_util::StreamExt;
use std::time::Duration;
use url::Url;

/// Bytes of one answer; the largest GeoJSON of a city is a tenth of it.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Of an error page, as much as a log line bears.
const ERROR_CHARS_MAX: usize = 300;

/// Gets `path` (`/api/scene`) from the hub at `url`, waiting for it. For start-up and tools; a running screen uses [`super::Link::fetch`].
pub fn fetch(url: &str, path: &str) -> Result<Vec<u8>, LinkError> {
    let base = hub_url(url)?;
    // A thread of its own: the caller may be inside a runtime, where waiting is not allowed.
    let path = path.to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| LinkError::Thread(e.to_string()))?.block_on(get(&client()?, &base, &path, None))
    });
    thread.join().unwrap_or_else(|_| Err(LinkError::Thread("it has panicked".into())))
}

pub fn client() -> Result<reqwest::Client, LinkError> {
    // reqwest is built without a TLS backend of its own; a second installation is refused and means one is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN).build();
    client.map_err(|e| LinkError::Thread(e.to_string()))
}

pub async fn get(client: &reqwest::Client, base: &Url, path: &str, token: Option<&str>) -> Result<Vec<u8>, LinkError> {
    let url = base.join(path).map_err(|e| LinkError::Url { url: path.to_owned(), why: e.to_string() })?;
    let failed = |e: reqwest::Error| LinkError::Fetch { url: url.to_string(), why: in_words(&e) };
    let mut request = client.get(url.clone());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(failed)?);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(LinkError::TooLarge { url: url.to_string(), max: ANSWER_BYTES_MAX });
        }
    }
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body).trim().chars().take(ERROR_CHARS_MAX).collect();
        return Err(LinkError::Status { url: url.to_string(), status: status.as_u16(), body });
    }
    Ok(body)
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn in_words(e: &dyn std::error::Error) -> String {
    let mut cause = e;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
