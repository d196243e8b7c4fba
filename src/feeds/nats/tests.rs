//! Against a real nats-server.

use crate::feeds::tests::peers::{Server, Wire, free_port, nats_server};
use crate::feeds::tests::{Heard, listen, quick};
use crate::feeds::{FeedEvent, FeedHandle, Tuning, spawn_tuned};
use crate::model::feed::{Durable, FeedConfig, NatsSource, Source};
use crate::model::transport::Tls;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Receiver};

struct Nats {
    dir: TempDir,
    port: u16,
    program: PathBuf,
    server: Option<Server>,
}

impl Nats {
    /// `None`, said aloud, where there is no nats-server.
    async fn start() -> Option<Self> {
        let Some(program) = nats_server() else {
            eprintln!("NOT TESTED: there is no nats-server here; scripts/setup installs one");
            return None;
        };
        let mut this = Self { dir: tempfile::tempdir().unwrap(), port: free_port(), program, server: None };
        this.again().await;
        Some(this)
    }

    async fn again(&mut self) {
        let (dir, port) = (self.dir.path().display().to_string(), self.port.to_string());
        let args = ["-a", "127.0.0.1", "-p", &port, "-js", "-sd", &dir];
        self.server = Some(Server::start(&self.program, &args, self.port).await);
    }

    /// A server that has only just begun to listen may hang up once.
    async fn client(&self) -> async_nats::Client {
        let url = format!("nats://127.0.0.1:{}", self.port);
        for _ in 0..20 {
            if let Ok(client) = async_nats::connect(&url).await {
                return client;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        async_nats::connect(&url).await.unwrap()
    }

    /// Publishes into the stream `air` and waits until the server has it.
    async fn keep(&self, numbers: std::ops::Range<u64>) {
        let context = async_nats::jetstream::new(self.client().await);
        let config = async_nats::jetstream::stream::Config { name: "air".into(), subjects: vec!["air.>".into()], ..Default::default() };
        context.get_or_create_stream(config).await.unwrap();
        for n in numbers {
            let (subject, payload) = reading(n);
            context.publish(subject, payload.into()).await.unwrap().await.unwrap();
        }
    }

    fn feed(&self, port: u16, queue: Option<&str>, consumer: Option<&str>, tuning: Tuning) -> (FeedHandle, Receiver<FeedEvent>) {
        let mapping = "topic = \"air.*.json\"\nid = \"{2}\"\ntime = \"/t\"\ntime_format = \"epoch_s\"\nlon = 118.3\nlat = 33.9\n\
             sequence = \"/n\"\nobservations = [{ value = \"/v\", observed_property = \"pm2_5\" }]";
        let source = NatsSource {
            url: format!("nats://127.0.0.1:{port}"),
            subjects: vec!["air.*.json".into()],
            queue: queue.map(str::to_owned),
            jetstream: consumer.map(|c| Durable { stream: "air".into(), consumer: c.into() }),
            username: None,
            password: None,
            token: None,
            creds: None,
            nkey: None,
            tls: Tls::default(),
            mapping: vec![toml::from_str(mapping).unwrap()],
        };
        let (tx, rx) = mpsc::channel(1000);
        (spawn_tuned(&FeedConfig::new("f", Source::Nats(Box::new(source))), tuning, tx), rx)
    }
}

fn reading(n: u64) -> (String, String) {
    ("air.a.json".into(), format!(r#"{{"n": {n}, "t": {n}, "v": {n}}}"#))
}

fn values(heard: &Heard) -> Vec<u64> {
    heard.observations.values().flatten().map(|o| o.1 as u64).collect()
}

async fn connected(rx: &mut Receiver<FeedEvent>) -> Heard {
    let mut heard = Heard::default();
    listen(rx, &mut heard, |h| h.status.connected).await;
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wildcards_bring_all_and_a_queue_group_shares_them_out() {
    let Some(nats) = Nats::start().await else { return };
    let (_a, mut a) = nats.feed(nats.port, Some("hubs"), None, quick());
    let (_b, mut b) = nats.feed(nats.port, Some("hubs"), None, quick());
    let (_all, mut all) = nats.feed(nats.port, None, None, quick());
    let (mut heard_a, mut heard_b, mut heard) = (connected(&mut a).await, connected(&mut b).await, connected(&mut all).await);
    let client = nats.client().await;
    for n in 0..100 {
        let (subject, payload) = reading(n);
        client.publish(subject, payload.into()).await.unwrap();
    }
    client.publish("air.a.json", "<html>".into()).await.unwrap();
    client.flush().await.unwrap();
    listen(&mut all, &mut heard, |h| h.status.received == 101).await;
    assert_eq!(values(&heard), (0..100).collect::<Vec<_>>());
    assert_eq!(heard.status.rejected_for["unreadable"], 1);
    listen(&mut a, &mut heard_a, |h| values(h).len() > 10).await;
    listen(&mut b, &mut heard_b, |h| values(h).len() > 10).await;
    for (rx, heard) in [(&mut a, &mut heard_a), (&mut b, &mut heard_b)] {
        let _ = tokio::time::timeout(Duration::from_millis(300), listen(rx, heard, |_| false)).await;
    }
    let mut together = [values(&heard_a), values(&heard_b)].concat();
    together.sort_unstable();
    assert_eq!(together, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_what_comes_meanwhile_and_what_is_not_on_disk_comes_again() {
    let Some(mut nats) = Nats::start().await else { return };
    nats.keep(0..5).await;
    let (first, mut rx) = nats.feed(nats.port, None, Some("hub"), quick());
    let mut held = Vec::new();
    let mut got = 0;
    while got < 5 {
        match rx.recv().await.unwrap() {
            FeedEvent::Observation(_) => got += 1,
            FeedEvent::Barrier(barrier) => held.push(barrier),
            _ => {}
        }
    }
    // Now the disk has them; what comes after the fall of this hub is for the next.
    held.drain(..).for_each(|b| b.reached());
    let mut heard = Heard::default();
    let _ = tokio::time::timeout(Duration::from_millis(300), listen(&mut rx, &mut heard, |_| false)).await;
    drop((first, rx));
    nats.keep(5..10).await;
    nats.server.take().unwrap().stop();
    nats.again().await;
    let (_second, mut rx) = nats.feed(nats.port, None, Some("hub"), quick());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| values(h).len() >= 5).await;
    assert_eq!(values(&heard), (5..10).collect::<Vec<_>>());
    // The server goes away under a feed that reads, and comes back with what it had.
    nats.server.take().unwrap().stop();
    listen(&mut rx, &mut heard, |h| !h.status.connected && h.status.last_error.is_some()).await;
    nats.again().await;
    nats.keep(10..12).await;
    listen(&mut rx, &mut heard, |h| values(h).contains(&11)).await;
    let (mut all, gaps) = (values(&heard), heard.status.gaps);
    all.dedup();
    assert_eq!((all, gaps), ((5..12).collect::<Vec<_>>(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_dead_at_its_other_end_is_noticed_and_dialled_again() {
    let Some(nats) = Nats::start().await else { return };
    nats.keep(0..1).await;
    let wire = Wire::to(nats.port).await;
    let tuning = Tuning { silence_max: Duration::from_millis(1500), ..quick() };
    let (_feed, mut rx) = nats.feed(wire.port, None, Some("hub"), tuning);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| values(h).len() == 1).await;
    wire.cut();
    nats.keep(1..2).await;
    listen(&mut rx, &mut heard, |h| h.status.last_error.is_some()).await;
    // The server still hands what the dead connection had asked for to it, and again only when that is not acknowledged in time: what comes
    // after that is ours.
    nats.keep(2..600).await;
    listen(&mut rx, &mut heard, |h| values(h).iter().any(|v| *v >= 2)).await;
}

/// A server that asks who comes, by this part of its configuration.
async fn asking(config: &str) -> Option<(Server, u16, TempDir)> {
    let (program, port, dir) = (nats_server()?, free_port(), tempfile::tempdir().unwrap());
    let file = dir.path().join("conf");
    std::fs::write(&file, format!("listen: \"127.0.0.1:{port}\"\n{config}\n")).unwrap();
    Some((Server::start(&program, &["-c", &file.display().to_string()], port).await, port, dir))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nkey_or_a_credentials_file_lets_us_in_and_without_them_the_server_does_not() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/nats");
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap().trim().to_owned();
    let by_key = format!("authorization {{ users = [ {{ nkey: {} }} ] }}", read("user.pub"));
    let nkey = format!("nkey = \"{}\"", read("user.seed"));
    let creds = format!("creds = \"{}\"", data.join("hub.creds").display());
    for (config, ours) in [(by_key, nkey), (read("operator.conf"), creds)] {
        let Some((_server, port, _dir)) = asking(&config).await else {
            return eprintln!("NOT TESTED: there is no nats-server here; scripts/setup installs one");
        };
        let feed = |ours: &str| {
            let text = format!(
                "kind = \"nats\"\nid = \"f\"\nurl = \"nats://127.0.0.1:{port}\"\nsubjects = [\"a\"]\n{ours}\n\
                 [[mapping]]\nid = \"/id\"\nlon = 118.3\nlat = 33.9\nobservations = [{{ value = \"/v\", observed_property = \"x\" }}]"
            );
            let (tx, rx) = mpsc::channel(100);
            (spawn_tuned(&toml::from_str::<FeedConfig>(&text).unwrap(), quick(), tx), rx)
        };
        let (_feed, mut rx) = feed(&ours);
        connected(&mut rx).await;
        let (_stranger, mut rx) = feed("");
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.status.last_error.is_some()).await;
        assert!(!heard.status.connected, "{:?}", heard.status);
    }
}
