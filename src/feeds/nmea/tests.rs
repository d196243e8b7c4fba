use crate::feeds::tests::{Heard, listen, quick};
use crate::feeds::{FeedEvent, FeedHandle, spawn_tuned};
use crate::model::feed::{FeedConfig, Source};
use chrono::{DateTime, TimeDelta, Utc};
use std::io::Write;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc::{self, Receiver};

fn sentence(talker: &str, at: DateTime<Utc>, minutes: f64) -> String {
    let (time, date) = (at.format("%H%M%S%.3f"), at.format("%d%m%y"));
    let inside = format!("{talker}RMC,{time},A,33{minutes:07.4},N,11818.0000,E,10.0,90.0,{date},,");
    format!("${inside}*{:02X}\r\n", inside.bytes().fold(0, |a, b| a ^ b))
}

fn feed(url: String) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(100);
    let config: FeedConfig =
        toml::from_str(&format!("kind = \"nmea\"\nid = \"gps\"\nurl = {url:?}\nunit_kind = \"bus\"\ndomain = \"traffic\"")).unwrap();
    assert!(matches!(config.source, Source::Nmea(_)));
    (spawn_tuned(&config, quick(), tx), rx)
}

#[tokio::test]
async fn a_receiver_over_tcp_is_one_unit_and_damaged_lines_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_feed, mut rx) = feed(format!("tcp://{}", listener.local_addr().unwrap()));
    let (mut socket, _) = listener.accept().await.unwrap();
    let now = Utc::now();
    let text: String = (0..4).map(|n| sentence("GP", now + TimeDelta::seconds(n), 50.0 + n as f64)).collect();
    let again = sentence("GN", now + TimeDelta::seconds(3), 53.0);
    let broken = sentence("GP", now + TimeDelta::seconds(9), 1.0).replace("11818", "11819");
    socket
        .write_all(format!("{text}{again}{broken}{}\n{}", "x".repeat(2000), sentence("GP", now + TimeDelta::seconds(10), 2.0)).as_bytes())
        .await
        .unwrap();
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.received == 8).await;
    assert_eq!(heard.units.into_iter().collect::<Vec<_>>(), [("gps".to_owned(), 5)]);
    let s = heard.status;
    assert_eq!((s.conflated_by["repeated"], s.rejected_for["unreadable"], s.rejected_for["too_large"]), (1, 1, 1), "{s:?}");
    // The receiver hangs up: said, and dialled again.
    drop(socket);
    let (mut socket, _) = listener.accept().await.unwrap();
    socket.write_all(sentence("GP", now + TimeDelta::seconds(20), 5.0).as_bytes()).await.unwrap();
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.units.len() == 1).await;
}

#[tokio::test]
async fn each_sender_of_datagrams_is_a_unit() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_feed, mut rx) = feed(format!("udp://127.0.0.1:{port}"));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    for from in ["127.0.0.1:0", "127.0.0.2:0"] {
        let socket = UdpSocket::bind(from).await.unwrap();
        socket.send_to(sentence("GP", Utc::now(), 57.0).as_bytes(), ("127.0.0.1", port)).await.unwrap();
    }
    listen(&mut rx, &mut heard, |h| h.units.len() == 2).await;
    assert_eq!(heard.units.keys().map(String::as_str).collect::<Vec<_>>(), ["gps/127.0.0.1", "gps/127.0.0.2"]);
}

#[tokio::test]
async fn a_log_is_read_to_its_end_and_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.nmea");
    let start = Utc::now() - TimeDelta::hours(1);
    let first = sentence("GP", start, 1.0);
    // The second line is not complete yet.
    let second = sentence("GP", start + TimeDelta::seconds(1), 2.0);
    std::fs::write(&path, format!("{first}{}", &second[..20])).unwrap();
    let (_feed, mut rx) = feed(path.display().to_string());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.units.get("gps") == Some(&1)).await;
    let mut log = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    write!(log, "{}{}", &second[20..], sentence("GP", start + TimeDelta::seconds(2), 3.0)).unwrap();
    listen(&mut rx, &mut heard, |h| h.units.get("gps") == Some(&3)).await;
    // Begun anew, shorter than before.
    std::fs::write(&path, sentence("GP", start + TimeDelta::seconds(9), 4.0)).unwrap();
    listen(&mut rx, &mut heard, |h| h.units.get("gps") == Some(&4)).await;
    assert_eq!(heard.status.rejected, 0);
}
