//! A screen that doesn't listen: it is conflated and resynchronised, and nobody waits for it.

use crate::screen::{PATIENCE, Screen, accepted, data, hub, report};
use futures_util::{SinkExt, StreamExt};
use std::time::Instant;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use yiping::link::{LinkEvent, WorldState};
use yiping::model::protocol::{Command, FromHub, Role};

/// A report of the largest size that is allowed, so that few fill every buffer on the way.
fn large(id: &str) -> Command {
    let Command::Report { mut report } = report(id) else { unreachable!() };
    report.description = "x".repeat(8_000);
    Command::Report { report }
}

#[test]
fn a_screen_that_does_not_listen_gets_a_gap_and_a_snapshot_and_holds_up_nobody() {
    let data = data();
    let hub = hub(data.path());
    let addr = hub.addr;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut slow = runtime.block_on(async {
        // Until its queue is full, a fast machine may take in more reports than the default limit of a message holds in one snapshot.
        let no_limit = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4096).unwrap();
        let tcp = tcp.connect(addr).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async_with_config(format!("ws://{addr}/ws"), tcp, Some(no_limit)).await.unwrap();
        let hello = r#"{"type":"hello","version":1,"screen":"slow","class":"small","role":"viewer","actor":"x"}"#;
        socket.send(Message::text(hello)).await.unwrap();
        socket
    });
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let end = Instant::now() + PATIENCE;
    let mut n = 0;
    let dropped = |s: &Screen| s.world.screens.iter().any(|i| i.screen == "slow" && i.dropped > 0);
    while !dropped(&desk) {
        assert!(Instant::now() < end, "after {n} large reports the slow screen's queue is still not full");
        let ids: Vec<_> = (0..100).map(|i| desk.link.send(large(&format!("{n}-{i}")))).collect();
        for id in &ids {
            accepted(desk.answer(id));
        }
        n += 1;
        desk.heard.clear();
    }
    let last = desk.world.revision;
    // What it holds once it listens: how often it fell behind on the way depends on the machine, where it ends does not.
    let mut held = WorldState::default();
    let (mut gap, mut reached) = (false, false);
    runtime.block_on(async {
        while !reached {
            let message = match tokio::time::timeout(PATIENCE, slow.next()).await {
                Ok(Some(Ok(message))) => message,
                ended => panic!("it was cut off: {ended:?}"),
            };
            let Message::Text(text) = message else { continue };
            match serde_json::from_str(&text).unwrap() {
                FromHub::Gap { .. } => gap = true,
                FromHub::Snapshot(snapshot) => held.apply(&LinkEvent::Snapshot(snapshot)),
                FromHub::Delta { revision, time, changes } => held.apply(&LinkEvent::Delta { revision, time, changes }),
                _ => {}
            }
            reached = gap && held.revision >= last && held.incidents.len() == 100 * n;
        }
    });
    assert!(gap, "it was told of no gap");
    assert!(reached, "it did not get to the newest revision: at {:?} with {} of {}", held.revision, held.incidents.len(), 100 * n);
}

/// `cargo test --test hub pace -- --ignored --nocapture` prints how many commands a second are accepted, each on disk.
#[test]
#[ignore = "measures, takes 10 s"]
fn pace() {
    for screens in [1, 4, 16, 64] {
        let data = data();
        let hub = hub(data.path());
        let url = hub.url();
        let each = 1_600 / screens;
        let began = Instant::now();
        let work = |s: usize| {
            let mut screen = Screen::open(&url, &format!("s{s}"), Role::Officer);
            for i in 0..each {
                accepted(screen.ask(report(&format!("{s}-{i}"))));
                screen.heard.clear();
            }
        };
        std::thread::scope(|scope| (0..screens).for_each(|s| drop(scope.spawn(move || work(s)))));
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{screens} screens: {:.0} commands/s accepted, {:.1} ms each",
            (each * screens) as f64 / seconds,
            1000.0 * seconds / each as f64
        );
    }
}
