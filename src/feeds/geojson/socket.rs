//! One Feature or collection a WebSocket message. There is no position to resume from: what a server sends again after a break is
//! known by its content.

use super::{Features, Way};
use crate::feeds::dial::{Socket, dial};
use crate::feeds::http::bearer;
use crate::feeds::outbox::{Outbox, Reason};
use crate::feeds::{FeedError, Tuning};
use crate::model::transport::Tls;
use futures_util::{SinkExt, StreamExt};
use reqwest::header::AUTHORIZATION;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};

/// Longest message. A collection of 1,000 Features is under 1 MB.
const MESSAGE_BYTES_MAX: usize = 8 << 20;
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);

/// Reads one socket; what it has seen outlives the connection.
pub(in crate::feeds) struct Adapter {
    url: String,
    /// Environment variable with the source's bearer token.
    token_env: Option<String>,
    /// Of `wss://`.
    tls: Tls,
    tuning: Tuning,
    features: Features,
}

impl Adapter {
    pub fn new(url: String, token_env: Option<String>, tls: Tls, features: Features, tuning: Tuning) -> Self {
        Self { url, token_env, tls, tuning, features }
    }

    async fn connect(&self) -> Result<WebSocketStream<Box<dyn Socket>>, FeedError> {
        let request = self.request()?;
        let secure = request.uri().scheme_str() == Some("wss");
        let host = request.uri().host().ok_or_else(|| self.failed("no host; write wss://host/path".into()))?.to_owned();
        let port = request.uri().port_u16().unwrap_or(if secure { 443 } else { 80 });
        let socket = dial(&host, port, secure.then_some(&self.tls)).await.map_err(|why| self.failed(why))?;
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
        let upgrading = tokio_tungstenite::client_async_with_config(request, socket, Some(config));
        let upgraded = timeout(UPGRADE_WITHIN, upgrading).await.map_err(|_| self.failed("no answer in time".into()))?;
        Ok(upgraded.map_err(|e| self.failed(e.to_string()))?.0)
    }

    fn request(&self) -> Result<Request, FeedError> {
        let mut request = self.url.as_str().into_client_request().map_err(|e| self.failed(e.to_string()))?;
        if let Some(name) = &self.token_env {
            request.headers_mut().insert(AUTHORIZATION, bearer(name)?);
        }
        Ok(request)
    }

    fn failed(&self, why: String) -> FeedError {
        FeedError::Http { url: self.url.clone(), why }
    }

    async fn hear(&mut self, message: Message, outbox: &mut Outbox) -> Result<(), FeedError> {
        match message {
            // What can't be read is counted by whoever takes it.
            Message::Text(text) => drop(self.features.take(&text, Way::Pushed, outbox).await?),
            Message::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => drop(self.features.take(text, Way::Pushed, outbox).await?),
                Err(_) => outbox.reject(Reason::Unreadable, "a message is not UTF-8".into()),
            },
            // Answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(frame) => {
                let why = frame.map(|f| format!("closed by the server: {} {}", f.code, f.reason));
                return Err(self.failed(why.unwrap_or_else(|| "closed by the server".into())));
            }
        }
        Ok(())
    }
}

impl crate::feeds::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut socket = self.connect().await?;
        outbox.connected();
        let (mut heard, mut pinged) = (Instant::now(), false);
        loop {
            outbox.flush()?;
            tokio::select! {
                message = socket.next() => {
                    (heard, pinged) = (Instant::now(), false);
                    match message {
                        Some(Ok(message)) => self.hear(message, outbox).await?,
                        Some(Err(Error::Capacity(why))) => {
                            outbox.reject(Reason::TooLarge, why.to_string());
                            return Err(self.failed(why.to_string()));
                        }
                        Some(Err(why)) => return Err(self.failed(why.to_string())),
                        None => return Err(FeedError::Ended { url: self.url.clone() }),
                    }
                }
                () = sleep_until(outbox.next_flush()) => {
                    if heard.elapsed() > self.tuning.silence_max {
                        return Err(FeedError::Silent { url: self.url.clone(), seconds: self.tuning.silence_max.as_secs() });
                    }
                    // A source that has nothing to say still answers when it is asked whether it is there.
                    if !pinged && heard.elapsed() > self.tuning.silence_max / 2 {
                        pinged = true;
                        socket.send(Message::Ping(Vec::new().into())).await.map_err(|e| self.failed(e.to_string()))?;
                    }
                }
            }
        }
    }
}
