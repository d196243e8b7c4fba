//! The loader against a server that never answers.

use super::*;
use crate::tiles::under_way::UNWANTED_MAX;
use crate::tiles::{BoundingVolume, Refine};
use std::io::Read;
use std::net::{TcpListener, TcpStream};

const TILE: TileId = TileId(1);

fn job(url: &str) -> Job {
    job_of(TILE, Need::Picture, url)
}

fn job_of(tile: TileId, need: Need, url: &str) -> Job {
    let contents = vec![ContentRef { url: url.to_owned() }];
    Job::new(tile, need, 0, &Tile { contents, ..Tile::new(BoundingVolume::Everywhere, 1.0, Refine::Replace) })
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

#[test]
fn a_stand_in_does_not_queue_behind_what_waits_for_its_room_and_who_is_unwanted_makes_place_at_once() {
    let ledger = Ledger::new(1000);
    let share = ledger.join();
    share.set_resident(990);
    let url = "http://127.0.0.1:9/1.glb";
    let loader = TileLoader::start(TileSource::open(url).unwrap(), ledger.clone()).unwrap();
    let until = |there: &dyn Fn(usize, usize) -> bool| {
        let started = std::time::Instant::now();
        while !there(ledger.standing().picture.tiles, ledger.standing().stand_ins.tiles) {
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", ledger.standing());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let parts = (1..30).map(|i| job_of(TileId(i), Need::Picture, url));
    loader.want(parts.clone().collect());
    until(&|parts, _| parts == IN_FLIGHT_MAX);
    loader.want(std::iter::once(job_of(TileId(99), Need::StandIn, url)).chain(parts).collect());
    until(&|parts, stand_ins| parts == IN_FLIGHT_MAX && stand_ins == 1);
    // Said once: nothing has been fetched that would be worth half a second.
    loader.want(vec![job_of(TileId(1), Need::StandIn, url)]);
    until(&|parts, stand_ins| parts == 0 && stand_ins <= 1);
    share.set_resident(990);
    until(&|parts, stand_ins| parts == 0 && stand_ins == 1);
}
