//! Features by polling and over a WebSocket, from real servers.

mod mapped;

use crate::feeds::tests::peers::certificates;
use crate::feeds::tests::{Heard, feature, listen, quick, serve};
use crate::feeds::tls::{install_tls, server_config};
use crate::feeds::{FeedEvent, FeedHandle, spawn_tuned};
use crate::model::feed::{FeedConfig, Source};
use crate::model::transport::Tls;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{self, Receiver};

fn feed(url: String) -> (FeedHandle, Receiver<FeedEvent>) {
    secured(url, Tls::default())
}

fn secured(url: String, tls: Tls) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(100);
    let source = Source::Geojson { url, poll_s: 0.03, token_env: None, tls, mapping: vec![] };
    (spawn_tuned(&FeedConfig::new("g", source), quick(), tx), rx)
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

#[tokio::test]
async fn a_collection_is_polled_only_when_it_has_changed_and_repetitions_are_no_news() {
    async fn features(State(calls): State<Arc<AtomicUsize>>, headers: HeaderMap) -> impl IntoResponse {
        let known = headers.get(header::IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let (early, late) = ("Wed, 25 Nov 2026 12:00:00 GMT", "Wed, 25 Nov 2026 12:00:10 GMT");
        let answer = |at: &'static str, features: &[String]| ([(header::LAST_MODIFIED, at)], collection(features)).into_response();
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")], "").into_response(),
            1 => answer(early, &[feature("a", "minor"), feature("bad", "terrible"), "7".into()]),
            2..=4 if known == early => StatusCode::NOT_MODIFIED.into_response(),
            5 if known == early => answer(late, &[feature("b", "major"), feature("bad", "terrible"), feature("a", "minor")]),
            _ if known == late => StatusCode::NOT_MODIFIED.into_response(),
            call => panic!("call {call} knows {known:?}"),
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(Router::new().route("/f", get(features)).with_state(calls.clone())).await;
    let (_feed, mut rx) = feed(format!("http://{address}/f"));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 2 && h.status.stored == 2).await;
    while calls.load(Ordering::SeqCst) < 8 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(heard.incidents, ["a", "b"]);
    assert_eq!((heard.status.rejected, heard.status.conflated), (2, 0), "{:?}", heard.status);
}

#[tokio::test]
async fn an_incident_that_its_collection_says_is_closed_ends_once() {
    async fn features(State(calls): State<Arc<AtomicUsize>>) -> impl IntoResponse {
        let closed = feature("a", "minor").replace(r#""severity""#, r#""state":"closed","severity""#);
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => collection(&[feature("a", "minor"), feature("b", "major")]),
            _ => collection(&[closed, feature("b", "major")]),
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(Router::new().route("/f", get(features)).with_state(calls.clone())).await;
    let (_feed, mut rx) = feed(format!("http://{address}/f"));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 3 && h.status.stored == 3).await;
    let then = calls.load(Ordering::SeqCst);
    while calls.load(Ordering::SeqCst) < then + 3 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    while let Ok(event) = rx.try_recv() {
        assert!(matches!(event, FeedEvent::Status(_)), "said again: {event:?}");
    }
    assert_eq!(heard.incidents, ["a", "b", "a×"]);
}

#[tokio::test]
async fn a_websocket_is_read_again_after_a_break_and_rubbish_on_it_is_counted() {
    async fn talk(mut socket: WebSocket, call: usize) {
        let texts = match call {
            0 => vec![feature("a", "minor"), "<html>".into(), feature("b", "major")],
            _ => vec![collection(&[feature("b", "major"), feature("c", "info")])],
        };
        for text in texts {
            if socket.send(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
        let _ = socket.send(Message::Binary(vec![0xff, 0xfe].into())).await;
        if call > 0 {
            while socket.recv().await.is_some() {}
        }
    }
    async fn upgrade(State(calls): State<Arc<AtomicUsize>>, upgrade: WebSocketUpgrade) -> impl IntoResponse {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        upgrade.on_upgrade(move |socket| talk(socket, call))
    }
    let address = serve(Router::new().route("/ws", get(upgrade)).with_state(Arc::default())).await;
    let (_feed, mut rx) = feed(format!("ws://{address}/ws"));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 3 && h.status.rejected == 3).await;
    assert_eq!(heard.incidents, ["a", "b", "c"]);
    assert_eq!((heard.status.stored, heard.status.conflated_by["repeated"]), (3, 1), "{:?}", heard.status);
}

#[tokio::test]
async fn a_websocket_over_tls_is_trusted_by_an_own_authority_only() {
    install_tls();
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| Some(dir.path().join(name));
    let ours = Tls { ca: None, certificate: file("server.pem"), key: file("server.key") };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config(&ours).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust us breaks off.
            let Ok(socket) = acceptor.accept(socket).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
            socket.send(feature("a", "minor").into()).await.unwrap();
            tokio::spawn(async move { while socket.next().await.is_some() {} });
        }
    });
    let url = format!("wss://localhost:{port}/");
    let (_stranger, mut rx) = secured(url.clone(), Tls::default());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.last_error.is_some()).await;
    assert!(!heard.status.connected && heard.status.last_error.unwrap().contains("certificate"));
    let (_feed, mut rx) = secured(url, Tls { ca: file("ca.pem"), ..Tls::default() });
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected && h.incidents.len() == 1).await;
    assert_eq!(heard.incidents, ["a"]);
}
