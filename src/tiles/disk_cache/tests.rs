//! The cache before a small server of its own on this machine.

use super::{CacheFigures, CacheOptions};
use crate::tiles::fetch::TileSource;
use crate::tiles::{Headers, Tileset, TilesetOptions, View};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use glam::DVec3;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinHandle;

/// Answers sent: whole, and "not changed".
#[derive(Default)]
struct Sent {
    whole: AtomicUsize,
    unchanged: AtomicUsize,
}

/// Paths say how they may be kept: `/no-store/...`, `/max-age=60/...`, `/no-cache/...`, each of 1,000 bytes.
async fn answer(State(sent): State<Arc<Sent>>, asked: HeaderMap, uri: axum::http::Uri) -> Response {
    let rule = uri.path().split('/').nth(1).unwrap_or_default().replace("%20", " ");
    let about = [(header::CACHE_CONTROL, rule), (header::ETAG, "\"one\"".to_owned()), (header::VARY, "authorization".to_owned())];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == "\"one\"") {
        sent.unchanged.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    sent.whole.fetch_add(1, Ordering::Relaxed);
    let tile = r#"{"asset":{"version":"1.1"},"geometricError":0,"root":{"boundingVolume":{"sphere":[0,0,0,1]},"geometricError":0}}"#;
    (about, format!("{tile:<1000}")).into_response()
}

async fn server(port: u16) -> (String, u16, Arc<Sent>, JoinHandle<()>) {
    let sent = Arc::new(Sent::default());
    let app = axum::Router::new().fallback(answer).with_state(sent.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (format!("http://127.0.0.1:{port}"), port, sent, task)
}

fn options(folder: &std::path::Path, bytes_max: u64) -> CacheOptions {
    CacheOptions { folder: folder.to_owned(), bytes_max }
}

/// As a program started anew would open it.
fn source(at: &str, options: &CacheOptions, headers: &[&str]) -> TileSource {
    TileSource::open_with(&format!("{at}/tileset.json"), Headers::parse(headers).unwrap()).unwrap().cached(Some(options))
}

#[tokio::test]
async fn what_is_fresh_is_not_asked_for_again_and_what_is_old_only_whether_it_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (options, (at, _, sent, _task)) = (options(dir.path(), 1 << 20), server(0).await);
    for round in 1..=2u64 {
        let source = source(&at, &options, &[]);
        for path in ["max-age=60/a.glb", "max-age=60/b.glb", "no-cache/c.glb", "no-store/d.glb"] {
            assert_eq!(source.fetch(&format!("{at}/{path}")).await.unwrap().len(), 1000);
        }
        let figures = source.cache_figures().unwrap();
        let should = match round {
            1 => CacheFigures { stored: 3, ..CacheFigures::default() },
            _ => CacheFigures { fresh: 2, unchanged: 1, stored: 1, ..CacheFigures::default() },
        };
        assert_eq!(figures, should, "round {round}");
    }
    // The second time only what must not be stored was sent, and once it was said that nothing changed.
    assert_eq!((sent.whole.load(Ordering::Relaxed), sent.unchanged.load(Ordering::Relaxed)), (5, 1));
}

#[tokio::test]
async fn whoever_sends_other_headers_gets_nothing_of_theirs_and_no_secret_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (options, (at, _, sent, _task)) = (options(dir.path(), 1 << 20), server(0).await);
    for (header, whole) in [("Authorization: Bearer s3cret", 1), ("Authorization: Bearer other", 2), ("Authorization: Bearer s3cret", 2)] {
        source(&at, &options, &[header]).fetch(&format!("{at}/max-age=60/a.glb?key=s3cret")).await.unwrap();
        assert_eq!(sent.whole.load(Ordering::Relaxed), whole);
    }
    for (path, bytes) in lying(dir.path()) {
        assert!(!path.contains("cret") && !bytes.windows(4).any(|w| w == b"cret"), "{path}");
    }
}

#[tokio::test]
async fn the_least_recently_used_give_way() {
    let dir = tempfile::tempdir().unwrap();
    // An entry takes about 1,500 bytes, and is reckoned at 2,044 while it is put.
    let (options, (at, _, sent, _task)) = (options(dir.path(), 16_000), server(0).await);
    let source = source(&at, &options, &[]);
    let get = async |i: usize| source.fetch(&format!("{at}/max-age=60/{i}.glb")).await.unwrap().len();
    for i in 0..30 {
        get(i).await;
        // Used all the time.
        get(0).await;
        let bytes: usize = lying(dir.path()).iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= 16_000, "{bytes}");
    }
    let figures = source.cache_figures().unwrap();
    assert!(figures.evicted > 15 && figures.fresh >= 30, "{figures:?}");
    assert_eq!(sent.whole.load(Ordering::Relaxed), 30, "the first one stayed");
}

#[tokio::test]
async fn without_its_server_a_tileset_opens_as_it_was_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (options, (at, port, _, task)) = (options(dir.path(), 1 << 20), server(0).await);
    let address = format!("{at}/no-cache/tileset.json");
    source(&at, &options, &[]).fetch(&address).await.unwrap();
    source(&at, &options, &[]).fetch(&format!("{at}/no-cache, must-revalidate/firm.glb")).await.unwrap();
    task.abort();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let lost = source(&at, &options, &[]).fetch(&format!("{at}/no-cache, must-revalidate/firm.glb")).await;
    assert!(lost.is_err(), "its server forbids it");
    let tileset_options = TilesetOptions { cache: Some(options), ..TilesetOptions::default() };
    let mut tileset = Tileset::open(&address, tileset_options).unwrap();
    let view = View::perspective(DVec3::new(9.0, 0.0, 0.0), -DVec3::X, DVec3::Z, 1.0, 1.0, 100.0);
    let notes = loop {
        let frame = tileset.update(std::slice::from_ref(&view));
        if tileset.is_settled() && tileset.tree().len() > 1 {
            break frame.progress.notes;
        }
        assert!(tileset.failures().is_empty(), "{:?}", tileset.failures());
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    };
    assert!(notes.keys().any(|n| n.contains("can't be reached")), "{notes:?}");
}

#[tokio::test]
async fn a_damaged_entry_is_dropped_and_a_folder_that_can_not_be_made_only_turns_the_cache_off() {
    let dir = tempfile::tempdir().unwrap();
    let (options, (at, _, sent, _task)) = (options(dir.path(), 1 << 20), server(0).await);
    let address = format!("{at}/max-age=60/a.glb");
    source(&at, &options, &[]).fetch(&address).await.unwrap();
    let (path, mut bytes) = lying(dir.path()).remove(0);
    for at in [0, 9, 17, 40, bytes.len() - 1] {
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let source = source(&address.replace("/max-age=60/a.glb", ""), &options, &[]);
        assert_eq!(source.fetch(&address).await.unwrap().len(), 1000);
        assert_eq!(source.cache_figures().unwrap().broken, 1, "byte {at}");
    }
    assert_eq!(sent.whole.load(Ordering::Relaxed), 6);
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let source = source(&at, &self::options(&file, 1 << 20), &[]);
    assert_eq!(source.fetch(&address).await.unwrap().len(), 1000);
    assert_eq!(source.cache_figures().unwrap(), CacheFigures::default());
}

/// Files below a folder with their bytes.
fn lying(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { found.push((path.display().to_string(), std::fs::read(&path).unwrap())) }
        }
    }
    found
}
