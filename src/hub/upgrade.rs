//! From a request to a WebSocket (RFC 6455) whose frames are ours to cut: ten thousand screens must not each keep a buffer of the
//! longest message they were ever sent, which is what a WebSocket does that takes whole messages only.

use axum::extract::FromRequestParts;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{Sink, SinkExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// Bytes of one message from a screen; the longest report is a tenth of it.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Read at a time: what a screen says is short, and a longer message makes room for itself while it comes.
const READ_BYTES: usize = 512;
/// Longest frame sent; longer messages go out in several. With its head it fills a block of the allocator.
const FRAME_BYTES_MAX: usize = 8 * 1024 - 16;

pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A request to open a WebSocket; everything about it is right.
pub struct Upgrade {
    key: HeaderValue,
    on: OnUpgrade,
}

/// What is wrong with a request to open a WebSocket.
#[derive(Debug, thiserror::Error)]
#[error("this is a WebSocket: {0}")]
pub struct NoWebSocket(&'static str);

impl IntoResponse for NoWebSocket {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, [(SEC_WEBSOCKET_VERSION, "13")], format!("{self}\n")).into_response()
    }
}

fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|w| w.trim().eq_ignore_ascii_case(word))
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NoWebSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoWebSocket> {
        if parts.method != Method::GET {
            return Err(NoWebSocket("it is opened with GET"));
        }
        if !says(&parts.headers, CONNECTION, "upgrade") || !says(&parts.headers, UPGRADE, "websocket") {
            return Err(NoWebSocket("the request lacks Connection: Upgrade and Upgrade: websocket"));
        }
        if !says(&parts.headers, SEC_WEBSOCKET_VERSION, "13") {
            return Err(NoWebSocket("Sec-WebSocket-Version must be 13"));
        }
        let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned().ok_or(NoWebSocket("the request lacks Sec-WebSocket-Key"))?;
        let on = parts.extensions.remove::<OnUpgrade>().ok_or(NoWebSocket("this connection can't be upgraded; use HTTP/1.1"))?;
        Ok(Self { key, on })
    }
}

impl Upgrade {
    /// Accepts, and serves the socket on a task of its own.
    pub fn accept<F: Future<Output = ()> + Send + 'static>(self, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response {
        let accept = derive_accept_key(self.key.as_bytes());
        tokio::spawn(async move {
            match self.on.await {
                Ok(upgraded) => serve(socket(upgraded).await).await,
                Err(e) => tracing::debug!("a screen has gone before its WebSocket was open: {e}"),
            }
        });
        let headers = [(CONNECTION, "upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, accept.as_str())];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

async fn socket(upgraded: Upgraded) -> Socket {
    let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    // Every frame is flushed, so nothing is gained by gathering.
    let config = limits.read_buffer_size(READ_BYTES).write_buffer_size(0);
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await
}

/// Sends a text, a long one in several frames.
pub async fn send_text(out: &mut (impl Sink<Message, Error = Error> + Unpin), text: Utf8Bytes) -> Result<(), Error> {
    if text.len() <= FRAME_BYTES_MAX {
        return out.send(Message::Text(text)).await;
    }
    let mut rest = axum::body::Bytes::from(text);
    let mut kind = OpCode::Data(Data::Text);
    while !rest.is_empty() {
        // Characters may be cut: text is text as a whole (RFC 6455, 5.6).
        let part = rest.split_to(rest.len().min(FRAME_BYTES_MAX));
        out.send(Message::Frame(Frame::message(part, kind, rest.is_empty()))).await?;
        kind = OpCode::Data(Data::Continue);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    #[test]
    fn a_long_text_arrives_whole_whatever_its_frames_cut() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (near, far) = tokio::io::duplex(4096);
            let mut hub = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
            let mut screen = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
            let texts: Vec<String> = [1, 1000, 2728, 2729, 10_000].map(|n| "警".repeat(n)).into();
            let said = texts.clone();
            tokio::spawn(async move {
                for text in said {
                    send_text(&mut hub, text.into()).await.unwrap();
                }
            });
            for text in texts {
                assert_eq!(screen.next().await.unwrap().unwrap(), Message::text(text));
            }
        });
    }

    #[test]
    fn lists_of_words_are_read_as_browsers_write_them() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(says(&headers, CONNECTION, "upgrade") && !says(&headers, UPGRADE, "websocket"));
    }
}
