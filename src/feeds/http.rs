//! HTTP as all adapters use it: one client, bounded answers, errors in words.

use super::FeedError;
use futures_util::StreamExt;
use std::time::Duration;

/// Largest answer read into memory. A page of 1,000 expanded datastreams is under 3 MB.
pub(super) const BODY_BYTES_MAX: usize = 32 << 20;

/// Makes *ring* the TLS provider of this process; doing it again does nothing.
///
/// reqwest is built without a provider of its own, and panics on its first `https` without one.
pub fn install_tls() {
    // An error means that one is installed already, which is all we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that gives up dialling after 5 s; the whole-request limit is set per request, since streams have none.
pub(super) fn client() -> Result<reqwest::Client, FeedError> {
    reqwest::Client::builder()
        .user_agent(concat!("yiping/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|e| FeedError::Http { url: "HTTP client".into(), why: in_words(&e) })
}

/// One whole answer of status 200.
///
/// # Errors
/// The URL and what is wrong: not reached, another status (with the start of the answer), or longer than the bound.
pub(super) async fn get(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, FeedError> {
    let failed = |why: String| FeedError::Http { url: url.to_owned(), why };
    let request = client.get(url).timeout(Duration::from_secs(30)).header("accept", "application/json");
    let response = request.send().await.map_err(|e| failed(in_words(&e)))?;
    let status = response.status();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| failed(in_words(&e)))?;
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(failed(format!("the answer is longer than {} MiB; ask for smaller pages", BODY_BYTES_MAX >> 20)));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() { Ok(body) } else { Err(failed(format!("answered {status}: {}", start_of(&body)))) }
}

/// reqwest's own text names only the outermost failure; the cause below it is what helps.
pub(super) fn in_words(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if error.is_timeout() { "no answer in time".into() } else { deepest.to_string() }
}

/// The first words of an answer, to show what came instead of what was asked for.
pub(super) fn start_of(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(&body[..body.len().min(400)]).chars().filter(|c| !c.is_control()).take(80).collect();
    format!("{text:?}")
}
