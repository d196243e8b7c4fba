//! HTTP as all adapters use it: one client, bounded answers, errors in words.

use super::FeedError;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use std::time::Duration;

/// Largest answer read into memory. A page of 1,000 expanded datastreams is under 3 MB.
pub(super) const BODY_BYTES_MAX: usize = 32 << 20;

/// A client that gives up dialling after 5 s; the whole-request limit is set per request, since streams have none.
pub(super) fn client() -> Result<reqwest::Client, FeedError> {
    reqwest::Client::builder()
        .user_agent(concat!("yiping/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|e| FeedError::Http { url: "HTTP client".into(), why: in_words(&e) })
}

/// An answer, and what it says of its server's clock.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// The server's clock less ours, milliseconds, within half a second; `None` when it doesn't tell.
    pub(super) skew_ms: Option<f64>,
}

/// A source's token, out of the environment variable `name`: scenes are open to all, so that no token stands in one.
///
/// # Errors
/// That the variable is not set.
pub(super) fn token(name: &str) -> Result<String, FeedError> {
    std::env::var(name)
        .map_err(|_| FeedError::Http { url: name.to_owned(), why: "this environment variable must hold the source's token".into() })
}

/// A token as the value of `Authorization`, never shown in a log.
///
/// # Errors
/// As [`token`]; or that it can't stand in a header.
pub(super) fn bearer(name: &str) -> Result<HeaderValue, FeedError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token(name)?));
    let mut value = value.map_err(|_| FeedError::Http { url: name.to_owned(), why: "its token can't stand in a header".into() })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Asks one server, with its token where it has one. Links of its answers may lead to others, and those don't get the token.
pub(super) struct Caller {
    client: reqwest::Client,
    token: Option<HeaderValue>,
    server: Option<url::Origin>,
}

impl Caller {
    /// # Errors
    /// As [`bearer`] for `token_env`.
    pub(super) fn new(root: &str, token_env: Option<&str>) -> Result<Self, FeedError> {
        let token = token_env.map(bearer).transpose()?;
        Ok(Self { client: client()?, token, server: url::Url::parse(root).ok().map(|root| root.origin()) })
    }

    /// One whole answer of status 200, with the server's clock.
    ///
    /// # Errors
    /// The URL and what is wrong: not reached, another status (with the start of the answer), or longer than the bound.
    pub(super) async fn get_dated(&self, url: &str) -> Result<Answer, FeedError> {
        let failed = |why: String| FeedError::Http { url: url.to_owned(), why };
        let mut request = self.client.get(url).timeout(Duration::from_secs(30)).header("accept", "application/json, */*;q=0.5");
        let is_ours = || url::Url::parse(url).ok().map(|url| url.origin()) == self.server;
        if let Some(token) = self.token.as_ref().filter(|_| is_ours()) {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let asked = Utc::now();
        let response = request.send().await.map_err(|e| failed(in_words(&e)))?;
        let skew_ms = response.headers().get("date").and_then(|d| d.to_str().ok()).and_then(|date| skew_ms(date, asked, Utc::now()));
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
        if status.is_success() { Ok(Answer { body, skew_ms }) } else { Err(failed(format!("answered {status}: {}", start_of(&body)))) }
    }
}

/// The server's clock less ours: `Date` is cut to whole seconds, and was written somewhere between question and answer.
fn skew_ms(date: &str, asked: DateTime<Utc>, answered: DateTime<Utc>) -> Option<f64> {
    let theirs = DateTime::parse_from_rfc2822(date).ok()?.timestamp_millis() as f64 + 500.0;
    Some(theirs - (asked.timestamp_millis() + answered.timestamp_millis()) as f64 / 2.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock_is_known_within_half_a_second() {
        let at = |s: &str| s.parse::<DateTime<Utc>>().unwrap();
        let skew = skew_ms("Fri, 01 May 2026 00:05:00 GMT", at("2026-05-01T00:00:00.400Z"), at("2026-05-01T00:00:00.600Z"));
        assert_eq!(skew, Some(300_000.0));
        assert_eq!(skew_ms("soon", at("2026-05-01T00:00:00Z"), at("2026-05-01T00:00:00Z")), None);
    }
}
