use crate::feeds::tests::{Heard, listen, quick};
use crate::feeds::{FeedEvent, FeedHandle, spawn_tuned};
use crate::model::feed::{FeedConfig, FeedStatus, Source};
use crate::model::unit::Unit;
use chrono::{DateTime, TimeDelta, Utc};
use std::io::Write;
use std::time::Duration;
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

/// A log of gpsd's tests, read to its end: what each unit was, and the ledger.
async fn logged(name: &str, received: u64) -> (Vec<Unit>, FeedStatus) {
    let (_feed, mut rx) = feed(format!("{}/tests/data/nmea/{name}", env!("CARGO_MANIFEST_DIR")));
    let (mut units, mut status) = (Vec::new(), FeedStatus::default());
    let all = async {
        while status.received < received {
            match rx.recv().await.expect("the feed has ended") {
                FeedEvent::Unit(unit) => units.push(unit),
                FeedEvent::Status(s) => status = s,
                other => panic!("{other:?}"),
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), all).await;
    assert!(done.is_ok() && status.balances(), "{status:?}");
    (units, status)
}

/// Time, longitude, latitude and course, as far as a receiver tells them.
fn told(unit: &Unit) -> (String, f64, f64, f64) {
    let round = |v: f64, digits: i32| (v * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let time = unit.seen_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    (time, round(unit.lon, 6), round(unit.lat, 6), round(unit.heading_deg, 2))
}

#[tokio::test]
async fn a_log_of_a_beidou_receiver_is_of_its_own_day_and_has_its_courses() {
    let (units, status) = logged("beidou-gb.log", 19).await;
    let at = |second: u32, lon: f64, lat: f64| (format!("2015-03-02T05:32:{second}.438Z"), lon, lat, 167.42);
    assert_eq!(units.iter().map(told).collect::<Vec<_>>(), [at(32, 121.587403, 31.247982), at(33, 121.58738, 31.248035)]);
    // GGA and RMC of three seconds without a fix; GGA of two that RMC says as well; nine lines of comment.
    assert_eq!((status.quarantined_for["no_fix"], status.conflated_by["repeated"]), (6, 2), "{status:?}");
    assert_eq!((status.rejected_for["unreadable"], status.stored), (9, 2));
}

#[tokio::test]
async fn a_log_of_a_receiver_with_corrections_and_one_of_several_systems_are_read() {
    let (units, status) = logged("nmea-fuzzy-cases.log", 36).await;
    assert_eq!((units.len(), status.conflated_by["repeated"], status.rejected), (14, 14, 8), "{status:?}");
    assert_eq!(told(&units[0]), ("2020-03-18T13:28:20.600Z".into(), -93.750559, 41.57497, 92.31));
    assert_eq!(told(&units[13]), ("2020-03-18T13:39:00.900Z".into(), -93.750598, 41.57503, 0.0));
    // `\r\r\n`, and each second once by GPS and once by Galileo.
    let (units, status) = logged("telit-multi-gnss.log", 17).await;
    let at = |second: u32, lon: f64| (format!("2025-09-04T04:35:{second}.000Z"), lon, 43.553170, 0.0);
    assert_eq!(units.iter().map(told).collect::<Vec<_>>(), [at(39, 1.460306), at(40, 1.460306)]);
    assert_eq!((status.conflated_by["repeated"], status.rejected_for["unreadable"]), (6, 9), "{status:?}");
}
