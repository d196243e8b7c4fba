//! Asking one source again and again over HTTP: what has not changed is not sent again, a server that asks for patience gets it,
//! and its clock is compared with ours.

use super::FeedError;
use super::http::{BODY_BYTES_MAX, bearer, client, in_words, start_of, token};
use super::outbox::Outbox;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use indexmap::IndexMap;
use reqwest::header::{AGE, AUTHORIZATION, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use reqwest::header::{LAST_MODIFIED, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// Addresses whose validators are remembered; a feed has one, an index of alerts some hundred.
const REMEMBERED_MAX: usize = 5_000;
/// One whole answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// No server makes us wait longer than this, whatever it asks for.
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// How a source wants to be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Manners {
    /// Name of the environment variable that holds the source's token; scenes are open to all, so that no token stands in one.
    pub token_env: Option<String>,
    /// The header it goes into as it is; without one it is a bearer token.
    pub token_header: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
}

/// What came.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a round, read and dropped")]
pub(super) enum Answer {
    New(Page),
    /// The same as the last time.
    Unchanged,
}

/// An answer of status 200, or another that means success.
#[derive(Debug)]
pub(super) struct Page {
    pub body: Vec<u8>,
    pub headers: HeaderMap,
    validators: Validators,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// What the server named this version of a page.
#[derive(Clone, Debug, PartialEq)]
struct Validators {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
    /// Of the content, for servers that name no versions.
    hash: u64,
}

/// One source's client with what it remembers between visits.
#[derive(Debug)]
pub(super) struct Visitor {
    client: reqwest::Client,
    headers: HeaderMap,
    known: IndexMap<String, Validators>,
    not_before: Option<Instant>,
}

impl Visitor {
    /// # Errors
    /// A token's variable that is not set, or a header that can't be one.
    pub fn new(manners: &Manners) -> Result<Self, FeedError> {
        let mut headers = HeaderMap::new();
        let refuse = |what: &str, why: String| FeedError::Http { url: what.to_owned(), why };
        for (name, value) in &manners.headers {
            let value = HeaderValue::from_str(value).map_err(|e| refuse(name, e.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(name) = &manners.token_env {
            let (header, value) = match &manners.token_header {
                None => (AUTHORIZATION, bearer(name)?),
                Some(header) => {
                    let mut value =
                        HeaderValue::from_str(&token(name)?).map_err(|_| refuse(name, "its token can't stand in a header".into()))?;
                    value.set_sensitive(true);
                    (header.parse().map_err(|_| refuse(header, "is no name of a header".into()))?, value)
                }
            };
            headers.insert(header, value);
        }
        Ok(Self { client: client()?, headers, known: IndexMap::new(), not_before: None })
    }

    /// Another visitor with the same manners and no memory; for what is to be said when this one is gone.
    pub fn another(&self) -> Option<Self> {
        Some(Self { client: client().ok()?, headers: self.headers.clone(), known: IndexMap::new(), not_before: None })
    }

    /// Takes something away at the server; it may be gone already, and the server as well.
    pub async fn delete(&self, url: &str, within: Duration) {
        if let Err(e) = self.client.delete(url).headers(self.headers.clone()).timeout(within).send().await {
            tracing::info!(url, "not taken away: {}", in_words(&e));
        }
    }

    /// Before then the server wants to be left alone.
    pub fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// The page at `url`, unless it is the one of which [`Visitor::taken`] was said last.
    ///
    /// # Errors
    /// The URL and what is wrong: not reached, another status (with the start of the answer), or longer than the bound.
    pub async fn get(&mut self, url: &str, accept: &str, outbox: &mut Outbox) -> Result<Answer, FeedError> {
        let mut request = self.client.get(url).header("accept", accept);
        if let Some(known) = self.known.get(url) {
            for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)] {
                if let Some(value) = value {
                    request = request.header(name, value.clone());
                }
            }
        }
        self.ask(url, request, outbox).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// As [`Visitor::get`].
    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        content_type: &str,
        body: String,
        outbox: &mut Outbox,
    ) -> Result<Page, FeedError> {
        let request = self.client.request(method, url).header("content-type", content_type).body(body);
        match self.ask(url, request, outbox).await? {
            Answer::New(page) => Ok(page),
            Answer::Unchanged => Err(FeedError::Http { url: url.to_owned(), why: "answered 304 to a change".into() }),
        }
    }

    async fn ask(&mut self, url: &str, request: reqwest::RequestBuilder, outbox: &mut Outbox) -> Result<Answer, FeedError> {
        let failed = |why: String| FeedError::Http { url: url.to_owned(), why };
        let asked = Utc::now();
        let request = request.headers(self.headers.clone()).timeout(ANSWER_WITHIN);
        let response = request.send().await.map_err(|e| failed(in_words(&e)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some(skew_ms) = skew_ms(&headers, asked, Utc::now()) {
            outbox.skew(skew_ms);
        }
        self.not_before = wait(&headers, Utc::now()).map(|wait| Instant::now() + wait);
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Answer::Unchanged);
        }
        let body = bounded(response).await.map_err(failed)?;
        if !status.is_success() {
            let patience = self.not_before.map(|at| format!(", wants {} s of peace", (at - Instant::now()).as_secs() + 1));
            return Err(failed(format!("answered {status}{}: {}", patience.unwrap_or_default(), start_of(&body))));
        }
        let (etag, modified) = (headers.get(ETAG).cloned(), headers.get(LAST_MODIFIED).cloned());
        let validators = Validators { etag, modified, hash: xxhash_rust::xxh3::xxh3_64(&body) };
        if self.known.get(url).is_some_and(|known| known.hash == validators.hash) {
            return Ok(Answer::Unchanged);
        }
        Ok(Answer::New(Page { body, headers, validators }))
    }

    /// All of `page` was taken: the next time only a newer one is wanted.
    ///
    /// Said after the work and not before, so that a page whose taking was cut short is read again.
    pub fn taken(&mut self, url: &str, page: &Page) {
        if self.known.len() >= REMEMBERED_MAX && !self.known.contains_key(url) {
            self.known.drain(..REMEMBERED_MAX / 10);
        }
        self.known.insert(url.to_owned(), page.validators.clone());
    }
}

async fn bounded(response: reqwest::Response) -> Result<Vec<u8>, String> {
    let (mut body, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| in_words(&e))?;
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(format!("the answer is longer than {} MiB; ask for smaller pages", BODY_BYTES_MAX >> 20));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The server's clock less ours, milliseconds; `None` where it doesn't say, or a cache on the way says it.
///
/// `Date` has whole seconds (RFC 9110, 6.6.1), cut off: half of one is added, and the answer was written midway.
fn skew_ms(headers: &HeaderMap, asked: DateTime<Utc>, answered: DateTime<Utc>) -> Option<f64> {
    if headers.get(AGE).and_then(|v| v.to_str().ok()).is_some_and(|age| age.trim() != "0") {
        return None;
    }
    let theirs = http_date(headers.get(DATE)?)?;
    let ours = asked + (answered - asked) / 2;
    let skew_ms = (theirs - ours).num_milliseconds() as f64 + 500.0;
    // Below a second it may as well be the cutting off.
    Some(if skew_ms.abs() < 1_000.0 { 0.0 } else { skew_ms })
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let wait = match value.to_str().ok()?.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (http_date(value)? - now).to_std().ok()?,
    };
    Some(wait.min(PATIENCE_MAX))
}

fn http_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?.trim()).ok().map(|t| t.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_clock_of_a_server_is_told_within_its_second_and_not_by_a_cache() {
        let (asked, answered) = (time("2026-11-25T12:00:00Z"), time("2026-11-25T12:00:00.400Z"));
        let skew = |date: &str| skew_ms(&headers(&[(DATE, date)]), asked, answered);
        assert_eq!(skew("Wed, 25 Nov 2026 12:05:00 GMT"), Some(300_300.0));
        assert_eq!((skew("Wed, 25 Nov 2026 12:00:00 GMT"), skew("soon")), (Some(0.0), None));
        let cached = headers(&[(DATE, "Wed, 25 Nov 2026 11:00:00 GMT"), (AGE, "3600")]);
        assert_eq!(skew_ms(&cached, asked, answered), None);
    }

    #[test]
    fn patience_is_asked_for_in_seconds_or_until_a_date_and_has_an_end() {
        let now = time("2026-11-25T12:00:00Z");
        let asked = |value: &str| wait(&headers(&[(RETRY_AFTER, value)]), now).map(|w| w.as_secs());
        assert_eq!((asked("120"), asked("Wed, 25 Nov 2026 12:01:00 GMT")), (Some(120), Some(60)));
        assert_eq!((asked("99999999"), asked("Wed, 25 Nov 2026 11:01:00 GMT"), asked("later")), (Some(3600), None, None));
    }

    #[test]
    fn a_token_that_is_not_there_is_said() {
        let manners = Manners { token_env: Some("YIPING_NO_SUCH_TOKEN".into()), ..Manners::default() };
        let why = Visitor::new(&manners).unwrap_err().to_string();
        assert!(why.contains("YIPING_NO_SUCH_TOKEN") && why.contains("must hold"), "{why}");
    }
}
