//! GeoJSON Features as server-sent events, resumed by `Last-Event-ID`.

mod events;

use super::geojson::{Features, Way};
use super::http::{bearer, client, in_words};
use super::outbox::{Outbox, Reason};
use super::{FeedError, Tuning};
use events::{EVENT_BYTES_MAX, Parser, Said};
use futures_util::StreamExt;
use reqwest::header::AUTHORIZATION;
use tokio::time::{Instant, sleep_until, timeout};

/// Reads one stream; its position outlives the connection.
pub(super) struct Adapter {
    url: String,
    /// Environment variable with the source's bearer token.
    token_env: Option<String>,
    tuning: Tuning,
    last_event_id: Option<String>,
    features: Features,
}

impl Adapter {
    pub(super) fn new(url: String, token_env: Option<String>, features: Features, tuning: Tuning) -> Self {
        Self { url, token_env, tuning, last_event_id: None, features }
    }

    async fn connect(&self) -> Result<reqwest::Response, FeedError> {
        let mut request = client()?.get(&self.url).header("accept", "text/event-stream").header("cache-control", "no-cache");
        if let Some(name) = &self.token_env {
            request = request.header(AUTHORIZATION, bearer(name)?);
        }
        if let Some(id) = &self.last_event_id {
            request = request.header("last-event-id", id);
        }
        let response =
            timeout(self.tuning.silence_max, request.send()).await.map_err(|_| self.silent())?.map_err(|e| self.failed(in_words(&e)))?;
        if !response.status().is_success() {
            return Err(self.failed(format!("answered {}", response.status())));
        }
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("nothing");
        if !kind.starts_with("text/event-stream") {
            return Err(self.failed(format!("answered with {kind}, not with text/event-stream; is this the address of a stream?")));
        }
        Ok(response)
    }

    async fn hear(&mut self, said: Said, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (data, id) = match said {
            Said::TooLong => {
                outbox.reject(Reason::TooLarge, format!("an event is longer than {} KiB", EVENT_BYTES_MAX >> 10));
                return Ok(());
            }
            Said::NotText => {
                outbox.reject(Reason::Unreadable, "a line is not UTF-8".into());
                return Ok(());
            }
            Said::Event { data, id } => (data, id),
        };
        // What can't be read is counted there.
        drop(self.features.take(&data, Way::Pushed, outbox).await?);
        // Only now: were it kept before, a cut in between would lose this event.
        self.last_event_id = id.or(self.last_event_id.take());
        Ok(())
    }

    fn failed(&self, why: String) -> FeedError {
        FeedError::Http { url: self.url.clone(), why }
    }

    fn silent(&self) -> FeedError {
        FeedError::Silent { url: self.url.clone(), seconds: self.tuning.silence_max.as_secs() }
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut chunks = self.connect().await?.bytes_stream();
        outbox.connected();
        let mut parser = Parser::default();
        let mut heard = Instant::now();
        loop {
            outbox.flush()?;
            tokio::select! {
                chunk = chunks.next() => {
                    let chunk = chunk.ok_or_else(|| FeedError::Ended { url: self.url.clone() })?;
                    let chunk = chunk.map_err(|e| self.failed(in_words(&e)))?;
                    heard = Instant::now();
                    let mut said = Vec::new();
                    parser.push(&chunk, |s| said.push(s));
                    for said in said {
                        self.hear(said, outbox).await?;
                    }
                }
                () = sleep_until(outbox.next_flush()) => {
                    if heard.elapsed() > self.tuning.silence_max {
                        return Err(self.silent());
                    }
                }
            }
        }
    }
}
