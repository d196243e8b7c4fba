//! The loader against a server that never answers.

use super::*;
use crate::tiles::{BoundingVolume, Refine};
use std::io::Read;
use std::net::{TcpListener, TcpStream};

const TILE: TileId = TileId(1);

fn job(url: &str) -> Job {
    let contents = vec![ContentRef { url: url.to_owned() }];
    Job::new(TILE, 0, &Tile { contents, ..Tile::new(BoundingVolume::Everywhere, 1.0, Refine::Replace) })
}

/// Waits for the next request and reads its first bytes.
fn asked(server: &TcpListener) -> TcpStream {
    let (mut stream, _) = server.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    stream
}

/// Repeats a list of wishes, as an engine does every frame, until `UNWANTED_MAX` is well over.
fn frames(loader: &TileLoader, wishes: &[Job]) {
    for _ in 0..15 {
        loader.want(wishes.to_vec());
        std::thread::sleep(UNWANTED_MAX / 10);
    }
}

#[test]
fn a_fetch_is_broken_off_when_nobody_wants_it_and_begins_anew_when_somebody_does() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/1.glb", server.local_addr().unwrap());
    let loader = TileLoader::start(TileSource::open(&url).unwrap(), Ledger::new(1 << 30)).unwrap();
    loader.want(vec![job(&url)]);
    let mut stream = asked(&server);
    frames(&loader, &[job(&url)]);
    stream.set_nonblocking(true).unwrap();
    assert!(stream.read(&mut [0; 16]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "wanted, it goes on");
    stream.set_nonblocking(false).unwrap();
    frames(&loader, &[]);
    assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)), "unwanted, it is closed");
    frames(&loader, &[job(&url)]);
    asked(&server);
    assert!(loader.poll().is_none(), "a job that is broken off has no answer");
}
