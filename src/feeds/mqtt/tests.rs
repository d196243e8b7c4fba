//! Against a real mosquitto.

use crate::feeds::replay::batch::{PAYLOAD_BYTES, payloads};
use crate::feeds::tests::peers::{Server, Wire, certificates, free_port, mosquitto};
use crate::feeds::tests::{CATALOGUE, Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, Tuning, install_tls, spawn_tuned};
use crate::model::feed::{FeedConfig, MqttSource, Source};
use crate::model::transport::{Broker, MqttVersion, Tls};
use axum::Router;
use axum::routing::get;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Receiver};

struct Mosquitto {
    dir: TempDir,
    port: u16,
    server: Option<Server>,
    config: String,
}

impl Mosquitto {
    async fn start(config: impl Fn(&Path, u16) -> String) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let config = config(dir.path(), port);
        let mut this = Self { dir, port, server: None, config };
        this.again().await;
        this
    }

    async fn again(&mut self) {
        let file = self.dir.path().join("conf");
        // Run by root it would become another user, who may not write here.
        std::fs::write(&file, format!("user root\n{}", self.config)).unwrap();
        self.server = Some(Server::start(&mosquitto(), &["-c", &file.display().to_string()], self.port).await);
    }

    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    async fn plain() -> Self {
        Self::start(|dir, port| {
            let dir = dir.display();
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {dir}/\nmax_queued_messages 0\n"
            )
        })
        .await
    }

    fn broker(&self, version: MqttVersion, client_id: Option<&str>) -> Broker {
        Broker { version, client_id: client_id.map(str::to_owned), ..Broker::at(format!("mqtt://127.0.0.1:{}", self.port)) }
    }
}

const AIR: &str = r#"
    topic = "air/+/json"
    id = "{2}"
    time = "/t"
    time_format = "epoch_s"
    lon = 118.3
    lat = 33.9
    sequence = "/n"
    observations = [{ value = "/v", observed_property = "pm2_5" }]"#;

fn feed(broker: Broker, topics: &[&str], qos: u8, tuning: Tuning) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(1000);
    let topics = topics.iter().map(|t| t.to_string()).collect();
    let source = MqttSource { broker, topics, qos, mapping: vec![toml::from_str(AIR).unwrap()] };
    (spawn_tuned(&FeedConfig::new("f", Source::Mqtt(Box::new(source))), tuning, tx), rx)
}

/// Publishes and waits until the broker has all of it.
async fn publish(port: u16, messages: impl IntoIterator<Item = (String, String)>) {
    let mut options = MqttOptions::new(format!("test-{}", uuid::Uuid::new_v4().simple()), "127.0.0.1", port);
    options.set_inflight(1000).set_max_packet_size(4 << 20, 4 << 20);
    let (client, mut events) = AsyncClient::new(options, 10_000);
    let mut unacknowledged = 0;
    for (topic, payload) in messages {
        client.try_publish(topic, QoS::AtLeastOnce, false, payload).unwrap();
        unacknowledged += 1;
    }
    while unacknowledged > 0 {
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
            unacknowledged -= 1;
        }
    }
    client.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
}

fn reading(n: u64) -> (String, String) {
    ("air/a/json".into(), format!(r#"{{"n": {n}, "t": {n}, "v": {n}}}"#))
}

async fn connected(rx: &mut Receiver<FeedEvent>, heard: &mut Heard) {
    listen(rx, heard, |h| h.status.connected).await;
}

fn values(heard: &Heard) -> Vec<u64> {
    heard.observations.values().flatten().map(|o| o.1 as u64).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_take_wildcards_and_a_shared_subscription_gives_each_message_to_one() {
    let broker = Mosquitto::plain().await;
    let shared = ["$share/hub/air/+/json"];
    let (_a, mut a) = feed(broker.broker(MqttVersion::V311, None), &shared, 1, quick());
    let (_b, mut b) = feed(broker.broker(MqttVersion::V5, None), &shared, 1, quick());
    let (_all, mut all) = feed(broker.broker(MqttVersion::V5, None), &["air/#"], 0, quick());
    let (mut heard_a, mut heard_b, mut heard_all) = (Heard::default(), Heard::default(), Heard::default());
    connected(&mut a, &mut heard_a).await;
    connected(&mut b, &mut heard_b).await;
    connected(&mut all, &mut heard_all).await;
    publish(broker.port, (0..40).map(reading)).await;
    listen(&mut all, &mut heard_all, |h| h.status.stored == 40).await;
    let mut together: Vec<u64> = Vec::new();
    for (rx, heard) in [(&mut a, &mut heard_a), (&mut b, &mut heard_b)] {
        listen(rx, heard, |h| h.status.stored > 0 && values(h).len() >= 10).await;
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(300), rx.recv()).await {
            match event {
                FeedEvent::Observation(o) => together.push(o.value as u64),
                FeedEvent::Barrier(barrier) => barrier.reached(),
                _ => {}
            }
        }
        together.extend(values(heard));
    }
    together.sort_unstable();
    assert_eq!(together, (0..40).collect::<Vec<_>>());
    assert_eq!(values(&heard_all), (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_an_own_authority_and_a_client_certificate() {
    install_tls();
    let broker = Mosquitto::start(|dir, port| {
        certificates(dir);
        let d = dir.display();
        format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nrequire_certificate true\ncafile {d}/ca.pem\ncertfile {d}/server.pem\nkeyfile {d}/server.key\n"
        )
    })
    .await;
    let file = |name: &str| Some(broker.dir.path().join(name));
    let tls = |certificate: bool| Tls {
        ca: file("ca.pem"),
        certificate: certificate.then(|| file("client.pem")).flatten(),
        key: certificate.then(|| file("client.key")).flatten(),
    };
    for version in [MqttVersion::V311, MqttVersion::V5] {
        let at = |tls| Broker { version, tls, ..Broker::at(format!("mqtts://localhost:{}", broker.port)) };
        let (_good, mut rx) = feed(at(tls(true)), &["air/#"], 1, quick());
        connected(&mut rx, &mut Heard::default()).await;
        for wrong in [tls(false), Tls::default()] {
            let (_feed, mut rx) = feed(at(wrong), &["air/#"], 1, quick());
            let mut heard = Heard::default();
            listen(&mut rx, &mut heard, |h| h.status.last_error.is_some()).await;
            assert!(!heard.status.connected, "{:?}", heard.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_on_disk_comes_again_and_what_is_does_not() {
    let broker = Mosquitto::plain().await;
    for version in [MqttVersion::V311, MqttVersion::V5] {
        let named = || broker.broker(version, Some(if version == MqttVersion::V5 { "hub5" } else { "hub4" }));
        let (first, mut rx) = feed(named(), &["air/#"], 1, quick());
        connected(&mut rx, &mut Heard::default()).await;
        publish(broker.port, (0..5).map(reading)).await;
        // A hub that falls before the disk has it: no mark is ever reached.
        let mut held = Vec::new();
        let mut got = 0;
        while got < 5 {
            match rx.recv().await.unwrap() {
                FeedEvent::Observation(_) => got += 1,
                FeedEvent::Barrier(barrier) => held.push(barrier),
                _ => {}
            }
        }
        drop((first, held, rx));
        publish(broker.port, (5..8).map(reading)).await;
        let (second, mut rx) = feed(named(), &["air/#"], 1, quick());
        let mut heard = Heard::default();
        // `listen` reaches every mark.
        listen(&mut rx, &mut heard, |h| values(h).len() == 8 && h.status.stored == 8).await;
        assert_eq!(values(&heard), (0..8).collect::<Vec<_>>());
        publish(broker.port, [reading(8)]).await;
        listen(&mut rx, &mut heard, |h| values(h).len() == 9).await;
        // The mark behind the last one, and its acknowledgement on the wire.
        let _ = tokio::time::timeout(Duration::from_millis(300), listen(&mut rx, &mut heard, |_| false)).await;
        drop((second, rx));
        let (_third, mut rx) = feed(named(), &["air/#"], 1, quick());
        let mut heard = Heard::default();
        connected(&mut rx, &mut heard).await;
        publish(broker.port, [reading(9)]).await;
        listen(&mut rx, &mut heard, |h| !values(h).is_empty()).await;
        assert_eq!(values(&heard), [9]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_loses_nothing_that_it_had_taken() {
    let mut broker = Mosquitto::plain().await;
    let (_feed, mut rx) = feed(broker.broker(MqttVersion::V311, Some("hub")), &["air/#"], 1, quick());
    let mut heard = Heard::default();
    connected(&mut rx, &mut heard).await;
    publish(broker.port, (0..20).map(reading)).await;
    listen(&mut rx, &mut heard, |h| values(h).len() == 20).await;
    broker.stop();
    listen(&mut rx, &mut heard, |h| !h.status.connected && h.status.last_error.is_some()).await;
    broker.again().await;
    publish(broker.port, (20..40).map(reading)).await;
    listen(&mut rx, &mut heard, |h| h.status.connected && values(h).len() >= 40).await;
    assert_eq!(values(&heard), (0..40).collect::<Vec<_>>());
    assert_eq!(heard.status.gaps, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_disorder_gaps_and_rubbish_are_counted() {
    let broker = Mosquitto::plain().await;
    let (_feed, mut rx) = feed(broker.broker(MqttVersion::V5, None), &["#"], 1, quick());
    let mut heard = Heard::default();
    connected(&mut rx, &mut heard).await;
    let rubbish = ["", "<html>", "17", "{\"n\":", "\u{0}\u{1}", r#"{"n": 100}"#].map(|p| ("air/a/json".to_owned(), p.to_owned()));
    let huge = ("air/a/json".to_owned(), "x".repeat(1 << 20));
    let elsewhere = ("sea/a".to_owned(), "{}".to_owned());
    let order = [0, 1, 4, 3, 3, 4, 9].map(reading);
    publish(broker.port, order.into_iter().chain(rubbish).chain([huge, elsewhere])).await;
    listen(&mut rx, &mut heard, |h| h.status.received == 15).await;
    assert_eq!(values(&heard), [0, 1, 4, 3, 9]);
    let s = &heard.status;
    // 2 never came, nor did 5 to 8; the last of the rubbish has a number, though nothing else.
    assert_eq!((s.stored, s.conflated_by["repeated"], s.gaps, s.rejected), (5, 2, 5 + 90, 8), "{s:?}");
    assert_eq!((s.rejected_for["unreadable"], s.rejected_for["incomplete"], s.rejected_for["unsupported"]), (6, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_dead_at_its_other_end_is_noticed_and_dialled_again() {
    let broker = Mosquitto::plain().await;
    let wire = Wire::to(broker.port).await;
    let tuning = Tuning { silence_max: Duration::from_secs(3), ..quick() };
    let at = Broker { client_id: Some("hub".into()), ..Broker::at(format!("mqtt://127.0.0.1:{}", wire.port)) };
    let (_feed, mut rx) = feed(at, &["air/#"], 1, tuning);
    let mut heard = Heard::default();
    connected(&mut rx, &mut heard).await;
    publish(broker.port, [reading(0)]).await;
    listen(&mut rx, &mut heard, |h| values(h).len() == 1).await;
    wire.cut();
    publish(broker.port, [reading(1)]).await;
    listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("no longer answers"))).await;
    listen(&mut rx, &mut heard, |h| h.status.connected && values(h).contains(&1)).await;
}

fn topic() -> String {
    "v1.1/Datastreams('a')/Observations".to_owned()
}

/// A SensorThings server whose news come over this broker; one reading of its datastream, 0, has come over it.
async fn sensorthings(broker: &Mosquitto) -> (FeedHandle, Receiver<FeedEvent>, Heard) {
    let nothing = || async { r#"{"value": []}"# };
    let router = Router::new().route("/v1.1/Datastreams", get(|| async { CATALOGUE })).route("/v1.1/Observations", get(nothing));
    let url = format!("http://{}/v1.1", serve(router).await);
    let mqtt = Some(broker.broker(MqttVersion::V5, None));
    let (tx, mut rx) = mpsc::channel(100);
    let source = Source::Sensorthings { url, mqtt, observed_properties: vec![], area: None, token_env: None, late_days: 1 };
    let handle = spawn_tuned(&FeedConfig::new("x", source), quick(), tx);
    let mut heard = Heard::default();
    connected(&mut rx, &mut heard).await;
    // The subscription comes a little after the catalogue.
    for n in 0.. {
        publish(broker.port, [(topic(), r#"{"phenomenonTime": "2026-05-01T00:00:00Z", "result": 0}"#.to_owned())]).await;
        if tokio::time::timeout(Duration::from_millis(300), listen(&mut rx, &mut heard, |h| !values(h).is_empty())).await.is_ok() {
            break;
        }
        assert!(n < 30, "{:?}", heard.status);
    }
    (handle, rx, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_takes_8_kb_takes_a_batch_that_was_split_and_not_the_whole_one() {
    let broker = Mosquitto::start(|_, port| {
        // The longest packet: the payload with its topic and 14 bytes of head.
        let packet = PAYLOAD_BYTES + topic().len() + 14;
        format!("listener {port} 127.0.0.1\nallow_anonymous true\nmessage_size_limit {PAYLOAD_BYTES}\nmax_packet_size {packet}\n")
    })
    .await;
    let (_feed, mut rx, mut heard) = sensorthings(&broker).await;
    let at = |minute: u32, v: u32| format!(r#"{{"phenomenonTime": "2026-05-01T00:{minute:02}:{:02}Z", "result": {v}}}"#, v % 60);
    let readings = |minutes: std::ops::Range<u32>| minutes.flat_map(move |m| (0..60).map(move |s| at(m, m * 60 + s))).collect::<Vec<_>>();
    // Seven minutes by the second: 24 kB.
    let split = payloads(readings(1..8), PAYLOAD_BYTES);
    assert!(
        split.len() == 3 && split.iter().any(|p| p.len() > PAYLOAD_BYTES - 80),
        "{:?}",
        split.iter().map(String::len).collect::<Vec<_>>()
    );
    publish(broker.port, split.into_iter().map(|p| (topic(), p))).await;
    listen(&mut rx, &mut heard, |h| values(h).len() >= 421).await;
    assert_eq!(values(&heard), std::iter::once(0).chain(60..480).collect::<Vec<_>>());
    // What is not split is not taken: the broker ends the connection of who sends it.
    let mut options = MqttOptions::new("whole", "127.0.0.1", broker.port);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 10);
    client.try_publish(topic(), QoS::AtLeastOnce, false, format!("[{}]", readings(8..15).join(","))).unwrap();
    while !matches!(events.poll().await, Err(_) | Ok(Event::Incoming(Packet::PubAck(_)))) {}
    publish(broker.port, [(topic(), at(20, 1200))]).await;
    listen(&mut rx, &mut heard, |h| values(h).contains(&1200)).await;
    assert_eq!(values(&heard).len(), 422, "nothing of the whole batch has come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sensorthings_batches_come_as_arrays_data_arrays_and_over_several_messages() {
    let broker = Mosquitto::plain().await;
    let (_feed, mut rx, mut heard) = sensorthings(&broker).await;
    let at = |s: u32, v: u32| format!(r#"{{"phenomenonTime": "2026-05-01T00:00:{s:02}Z", "result": {v}}}"#);
    let rows = r#"{"components": ["phenomenonTime", "result"], "dataArray": [["2026-05-01T00:00:04Z", 4], ["2026-05-01T00:00:05Z", 5]]}"#;
    let several = [at(1, 1), format!("[{}, {}]", at(2, 2), at(3, 3)), rows.to_owned(), "[17]".to_owned(), format!("[{}]", at(5, 5))];
    publish(broker.port, several.map(|p| (topic(), p))).await;
    listen(&mut rx, &mut heard, |h| values(h).len() == 6 && h.status.conflated_by.get("repeated").is_some_and(|n| *n > 0)).await;
    assert_eq!(values(&heard), [0, 1, 2, 3, 4, 5]);
}
