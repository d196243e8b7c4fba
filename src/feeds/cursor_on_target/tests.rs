//! Against sockets of our own that behave like a TAK server and its devices, well or badly.

use crate::feeds::tests::peers::{Server, Wire, certificates, free_port, taky};
use crate::feeds::tests::{Heard, listen, quick};
use crate::feeds::tls::{client_config, server_config};
use crate::feeds::{FeedEvent, Tuning, install_tls, spawn_tuned};
use crate::model::feed::{CotSource, FeedConfig, FeedStatus, Source};
use crate::model::transport::Tls;
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn event(uid: &str, kind: &str, lon: f64) -> String {
    event_until(uid, kind, lon, Utc::now() + TimeDelta::minutes(2))
}

fn event_until(uid: &str, kind: &str, lon: f64, stale: DateTime<Utc>) -> String {
    let iso = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Micros, true);
    let (time, stale) = (iso(Utc::now()), iso(stale));
    format!(
        "<?xml version=\"1.0\"?><event version=\"2.0\" uid=\"{uid}\" type=\"{kind}\" how=\"m-g\" time=\"{time}\" start=\"{time}\" stale=\"{stale}\">\
         <point lat=\"33.9\" lon=\"{lon}\" hae=\"1\" ce=\"1\" le=\"1\"/><detail><contact callsign=\"C {uid}\"/><link uid=\"b\"/></detail></event>"
    )
}

fn feed(url: Option<String>, port: Option<u16>, tls: Tls, tuning: Tuning) -> (crate::feeds::FeedHandle, mpsc::Receiver<FeedEvent>) {
    let listen = port.map(|p| ([127, 0, 0, 1], p).into());
    let source = CotSource { url, listen, tls, types: Default::default() };
    let (tx, rx) = mpsc::channel(1000);
    (spawn_tuned(&FeedConfig::new("tak", Source::CursorOnTarget(Box::new(source))), tuning, tx), rx)
}

/// Who `name` is by the certificates in `dir`.
fn identity(dir: &Path, name: &str) -> Tls {
    let file = |name: String| Some(dir.join(name));
    Tls { ca: file("ca.pem".into()), certificate: file(format!("{name}.pem")), key: file(format!("{name}.key")) }
}

/// A device's connection to a server here.
async fn dialled(port: u16, tls: &Tls) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(client_config(tls).unwrap())).connect("localhost".try_into().unwrap(), socket).await
}

/// A server that sends one unit after the other to all who connect, and answers pings.
async fn server(tls: Option<TlsAcceptor>) -> u16 {
    async fn serve(socket: impl AsyncRead + AsyncWrite) {
        let (mut read, mut write) = tokio::io::split(socket);
        let pings = async {
            let mut buffer = [0; 4096];
            while read.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        };
        let units = async {
            for n in 0.. {
                let text = event(&format!("u{}", n % 3), "a-f-G-U-C", 118.0 + f64::from(n) * 1e-5);
                // In two halves, so that an event is never whole in one packet.
                let (a, b) = text.split_at(text.len() / 2);
                for half in [a, b] {
                    if write.write_all(half.as_bytes()).await.is_err() || write.flush().await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        tokio::join!(pings, units);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => serve(socket).await,
                    Some(tls) => {
                        if let Ok(socket) = tls.accept(socket).await {
                            serve(socket).await;
                        }
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_units_come_over_tcp_and_a_dead_connection_is_dialled_again() {
    let wire = Wire::to(server(None).await).await;
    let tuning = Tuning { silence_max: Duration::from_millis(600), ..quick() };
    let (_feed, mut rx) = feed(Some(format!("tcp://127.0.0.1:{}", wire.port)), None, Tls::default(), tuning);
    let mut heard = Heard::default();
    let each = |n: usize| move |h: &Heard| h.units.len() == 3 && h.units.values().all(|c| *c > n);
    listen(&mut rx, &mut heard, each(2)).await;
    assert_eq!(heard.units.keys().map(String::as_str).collect::<Vec<_>>(), ["tak/u0", "tak/u1", "tak/u2"]);
    wire.cut();
    listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("nothing heard"))).await;
    let before = *heard.units.values().max().unwrap();
    listen(&mut rx, &mut heard, each(before + 1)).await;
    assert_eq!(heard.status.rejected, 0, "{:?}", heard.status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_works_both_ways_with_certificates_on_both_sides() {
    install_tls();
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let tls = |name: &str| identity(dir.path(), name);
    // We dial a server that asks for our certificate.
    let port = server(Some(TlsAcceptor::from(Arc::new(server_config(&tls("server")).unwrap())))).await;
    let (_feed, mut rx) = feed(Some(format!("tls://localhost:{port}")), None, tls("client"), quick());
    listen(&mut rx, &mut Heard::default(), |h| h.units.len() == 3).await;
    // A device dials us; one without a certificate is turned away, and it is said.
    let port = free_port();
    let (_feed, mut rx) = feed(None, Some(port), tls("server"), quick());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    if let Ok(mut socket) = dialled(port, &Tls { certificate: None, key: None, ..tls("client") }).await {
        let _ = socket.write_all(event("stranger", "a-f-G", 118.0).as_bytes()).await;
    }
    listen(&mut rx, &mut heard, |h| h.status.last_error.is_some()).await;
    let mut socket = dialled(port, &tls("client")).await.unwrap();
    socket.write_all(event("friend", "a-f-G", 118.0).as_bytes()).await.unwrap();
    listen(&mut rx, &mut heard, |h| h.units.contains_key("tak/friend")).await;
    assert_eq!(heard.units.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_from_one_device_is_counted_and_the_others_are_heard() {
    let port = free_port();
    let (_feed, mut rx) = feed(None, Some(port), Tls::default(), quick());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    let mut bad = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut good = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let same = event("a", "a-f-G", 118.0);
    let rubbish = format!("\u{0}\u{1}rubbish{}<event><x>{}", event("m", "b-m-p", 1.0), "y".repeat(300 << 10));
    bad.write_all(rubbish.as_bytes()).await.unwrap();
    let all = format!("{same}{same}{}{}", event("b", "a-f-A-M-F-Q", 118.1), event("ping", "t-x-c-t", 0.0));
    good.write_all(all.as_bytes()).await.unwrap();
    listen(&mut rx, &mut heard, |h| h.status.received == 6).await;
    let s = &heard.status;
    assert_eq!((s.stored, s.conflated_by["repeated"], s.rejected), (2, 1, 3), "{s:?}");
    assert_eq!((s.rejected_for["unreadable"], s.rejected_for["unsupported"], s.rejected_for["too_large"]), (1, 1, 1));
    // Its server says that one is gone: it is stale from that moment.
    good.write_all(event("x", "t-x-d-d", 0.0).as_bytes()).await.unwrap();
    let gone = async {
        loop {
            if let FeedEvent::Unit(unit) = rx.recv().await.unwrap() {
                return unit;
            }
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert_eq!((gone.id.as_str(), gone.stale_at), ("tak/b", Some(gone.seen_at)));
}

// A place that somebody made up, and not pi.
#[expect(clippy::approx_constant)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_devices_and_programs_of_others_send_is_read() {
    const STREAM: &str = include_str!("../../../tests/data/cot/stream.xml");
    let port = free_port();
    let (_feed, mut rx) = feed(None, Some(port), Tls::default(), quick());
    listen(&mut rx, &mut Heard::default(), |h| h.status.connected).await;
    let mut device = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    device.write_all(STREAM.as_bytes()).await.unwrap();
    let (mut units, mut status) = (Vec::new(), FeedStatus::default());
    let all = async {
        while status.received < 6 {
            match rx.recv().await.unwrap() {
                FeedEvent::Unit(unit) => units.push(unit),
                FeedEvent::Status(s) => status = s,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("six events");
    let told: Vec<_> = units
        .iter()
        .map(|u| (u.id.as_str(), u.call_sign.as_str(), u.kind.as_str(), u.lon, u.lat, (u.heading_deg * 100.0).round() / 100.0))
        .collect();
    let expected = [
        ("tak/ANDROID-deadbeef", "JENNY", "officer", -3.141592, 1.234567, 80.25),
        ("tak/aa0b0312", "Eliopoli HQ", "vehicle", -66.07737696, 43.97957317, 0.0),
        ("tak/C94B9215-9BD4-4DBE-BDE1-83625F09153F", "DFPC-iSchmidt", "vehicle", -107.72376567, 41.52309645, 137.24),
        // A drone of the rotary wing (`a-f-A-M-H-Q`), its point behind its details, and without a call sign.
        ("tak/2983J8B001V013", "2983J8B001V013", "drone", -108.6, 39.1, 140.8),
    ];
    assert_eq!(told, expected);
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!((units[1].seen_at, units[1].stale_at), (time("2020-02-08T18:10:44Z"), Some(time("2020-02-08T18:11:11Z"))));
    assert_eq!((units[3].seen_at, units[3].stale_at), (time("2024-04-24T16:37:38.002Z"), Some(time("2024-04-24T16:37:41.502Z"))));
    // A chat and a mark on the map are no units.
    assert_eq!((status.stored, status.rejected_for["unsupported"], status.rejected), (4, 2, 2), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_tak_server_passes_on_what_another_client_says_with_its_stale_time() {
    let Some(program) = taky() else {
        return eprintln!("NOT TESTED: there is no taky here; scripts/setup installs one");
    };
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = dir.path().join("taky.conf");
    std::fs::write(&config, format!("[taky]\nbind_ip = 127.0.0.1\nroot_dir = .\n[cot_server]\nport = {port}\n[ssl]\nenabled = false\n"))
        .unwrap();
    let mut server = Some(Server::start(&program, &["-c", &config.display().to_string()], port).await);
    let (_feed, mut rx) = feed(Some(format!("tcp://127.0.0.1:{port}")), None, Tls::default(), quick());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    // Another client: it says who it is, as ATAK does, and where others are; one of them is to be stale in a moment.
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (soon, later) = (Utc::now() + TimeDelta::milliseconds(300), Utc::now() + TimeDelta::hours(1));
    let own = event_until("own", "a-f-G-U-C", 118.0, later).replace(
        "<link uid=\"b\"/>",
        "<uid Droid=\"own\"/><__group name=\"Cyan\" role=\"Team Member\"/><takv device=\"d\" platform=\"p\" os=\"1\" version=\"1\"/>",
    );
    let said =
        own + &event_until("soon", "a-f-G-U-C", 118.1, soon) + &event_until("boat", "a-f-S", 118.2, later) + &event("m", "b-m-p", 1.0);
    client.write_all(said.as_bytes()).await.unwrap();
    let mut stale = std::collections::BTreeMap::new();
    let units = async {
        while stale.len() < 3 {
            if let FeedEvent::Unit(unit) = rx.recv().await.unwrap() {
                stale.insert(unit.id, (unit.kind, unit.call_sign, unit.stale_at.unwrap()));
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), units).await.expect("all three come");
    // taky writes times in milliseconds.
    let unit = |kind: &str, call_sign: &str, stale: DateTime<Utc>| (kind.to_owned(), call_sign.to_owned(), stale.trunc_subsecs(3));
    let told =
        [("boat", unit("boat", "C boat", later)), ("own", unit("officer", "C own", later)), ("soon", unit("officer", "C soon", soon))];
    assert_eq!(stale.into_iter().collect::<Vec<_>>(), told.map(|(id, unit)| (format!("tak/{id}"), unit)));
    listen(&mut rx, &mut heard, |h| h.status.rejected_for.get("unsupported") == Some(&1)).await;
    // The server is started anew: the feed says so, comes back, and hears the client that has come back too.
    drop(server.take());
    listen(&mut rx, &mut heard, |h| !h.status.connected && h.status.last_error.is_some()).await;
    let _again = Server::start(&program, &["-c", &config.display().to_string()], port).await;
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client.write_all(event("back", "a-f-G-U-C", 118.3).as_bytes()).await.unwrap();
    listen(&mut rx, &mut heard, |h| h.units.contains_key("tak/back")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_tak_server_is_heard_over_tls_and_one_that_turns_us_away_is_named() {
    let Some(program) = taky() else {
        return eprintln!("NOT TESTED: there is no taky here; scripts/setup installs one");
    };
    install_tls();
    let (dir, port, other_port) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    certificates(dir.path());
    let config = dir.path().join("taky.conf");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let text = format!(
        "[taky]\nbind_ip = 127.0.0.1\nroot_dir = .\n[cot_server]\nport = {port}\nmon_ip = 127.0.0.1\nmon_port = {other_port}\n\
         [ssl]\nenabled = true\nclient_cert_required = true\nca = {}\ncert = {}\nkey = {}\ncert_db = {}\n",
        file("ca.pem"),
        file("server.pem"),
        file("server.key"),
        file("cert-db.txt")
    );
    std::fs::write(&config, text).unwrap();
    let _server = Server::start(&program, &["-c", &config.display().to_string()], port).await;
    let client = identity(dir.path(), "client");
    let url = Some(format!("tls://localhost:{port}"));
    let (_feed, mut rx) = feed(url.clone(), None, client.clone(), quick());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    let mut device = dialled(port, &client).await.unwrap();
    let said = event("own", "a-f-G-U-C", 118.0) + &event("boat", "a-f-S", 118.2);
    device.write_all(said.as_bytes()).await.unwrap();
    listen(&mut rx, &mut heard, |h| h.units.contains_key("tak/own") && h.units.contains_key("tak/boat")).await;
    assert_eq!(heard.status.rejected, 0, "{:?}", heard.status);
    // Without a certificate this server hears nobody: the feed says so and does not seem to be fine.
    let (_feed, mut rx) = feed(url, None, Tls { certificate: None, key: None, ..client }, quick());
    listen(&mut rx, &mut Heard::default(), |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("ertificate"))).await;
}
