//! What goes wrong in a night: disks that fill up, sources that are cut off for ten minutes, brokers that are started anew, connections
//! dead at their other end, clocks that are wrong. Nothing acknowledged is lost, every message has one fate, and screens are told.

mod clocks;
mod disk_full;
mod outage;
#[path = "../../../src/feeds/tests/peers.rs"]
#[allow(dead_code, reason = "shared with the adapters' own tests, which use all of it")]
mod peers;
mod platform;
mod restart;
mod silence;

use crate::screen::{PATIENCE, SCENE, Screen};
use peers::{Server, free_port, mosquitto};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use yiping::feeds::Tuning;
use yiping::model::feed::FeedStatus;

/// A scene with these feeds (and rules) before its camera.
fn scene(data: &Path, feeds: &str) {
    let (head, rest) = SCENE.split_once("[[camera]]").unwrap();
    std::fs::write(data.join("test.toml"), format!("{head}{feeds}\n[[camera]]{rest}")).unwrap();
}

/// A connection that is silent for three seconds is taken for dead; retries come at once.
fn quick() -> Tuning {
    let ms = Duration::from_millis;
    Tuning { poll_every: ms(50), status_every: ms(50), retry_min: ms(50), retry_max: ms(200), silence_max: ms(3_000) }
}

/// Who asks a hub over HTTP.
struct Asker {
    url: String,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Asker {
    fn new(url: &str) -> Self {
        yiping::feeds::install_tls();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { url: url.to_owned(), http: reqwest::Client::new(), runtime }
    }

    fn get(&self, path: &str) -> Value {
        self.runtime.block_on(async { self.http.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap() })
    }

    /// Status and answer; asked again while the feed's door is still closed, as it is for a moment after the hub's start.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_text(path, &body.to_string())
    }

    fn post_text(&self, path: &str, body: &str) -> (u16, Value) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.runtime.block_on(async {
                let answer = self.http.post(format!("{}{path}", self.url)).body(body.to_owned()).send().await.unwrap();
                (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
            });
            if answer.0 != 404 || Instant::now() > end {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Observations that the hub's history holds, by the standard's own count.
    fn kept(&self, filter: &str) -> u64 {
        let filter = if filter.is_empty() { String::new() } else { format!("&$filter={filter}") };
        let page = self.get(&format!("/sta/v1.1/Observations?$count=true&$top=1{filter}"));
        page["@iot.count"].as_u64().unwrap_or_else(|| panic!("{page}"))
    }

    /// Waits until so many are kept.
    fn until_kept(&self, count: u64) {
        let end = Instant::now() + PATIENCE;
        while self.kept("") < count {
            assert!(Instant::now() < end, "{} of {count} kept; {}", self.kept(""), self.get("/api/feeds"));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.kept(""), count);
    }
}

/// What screens know of a feed.
fn feed<'a>(screen: &'a Screen, id: &str) -> Option<&'a FeedStatus> {
    screen.world.feeds.get(id)
}

/// Waits until screens are told so of a feed; every ledger on the way balances.
fn until(screen: &mut Screen, id: &str, what: &str, so: impl Fn(&FeedStatus) -> bool) -> FeedStatus {
    screen.until(what, |s| {
        feed(s, id).is_some_and(|f| {
            assert!(f.balances(), "{f:?}");
            so(f)
        })
    });
    feed(screen, id).unwrap().clone()
}

/// A real mosquitto that keeps what clients of a name have not acknowledged.
struct Broker {
    dir: tempfile::TempDir,
    port: u16,
    server: Option<Server>,
}

impl Broker {
    fn start(runtime: &Runtime) -> Self {
        let mut broker = Self { dir: tempfile::tempdir().unwrap(), port: free_port(), server: None };
        broker.again(runtime);
        broker
    }

    fn again(&mut self, runtime: &Runtime) {
        let (dir, port) = (self.dir.path().display(), self.port);
        let config = format!(
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {dir}/\nmax_queued_messages 0\n"
        );
        let file = self.dir.path().join("conf");
        std::fs::write(&file, config).unwrap();
        self.server = Some(runtime.block_on(Server::start(&mosquitto(), &["-c", &file.display().to_string()], port)));
    }

    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    /// Publishes and returns when the broker has all of it.
    fn publish(&self, runtime: &Runtime, messages: impl IntoIterator<Item = String>) {
        runtime.block_on(async {
            let mut options = MqttOptions::new(format!("test-{}", uuid::Uuid::new_v4().simple()), "127.0.0.1", self.port);
            options.set_inflight(1000);
            let (client, mut events) = AsyncClient::new(options, 20_000);
            let mut unacknowledged = 0;
            for payload in messages {
                client.try_publish("air/json", QoS::AtLeastOnce, false, payload).unwrap();
                unacknowledged += 1;
            }
            while unacknowledged > 0 {
                if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
                    unacknowledged -= 1;
                }
            }
            client.disconnect().await.unwrap();
            while events.poll().await.is_ok() {}
        });
    }
}

/// A feed that reads a broker; acknowledges what is on disk and, having a name, is kept what comes meanwhile.
fn mqtt_feed(port: u16) -> String {
    format!(
        r#"
[[feed]]
kind = "mqtt"
id = "air"
topics = ["air/#"]
broker = {{ url = "mqtt://127.0.0.1:{port}", client_id = "hub" }}
[[feed.mapping]]
id = "/s"
time = "/t"
time_format = "epoch_ms"
lon = 118.28
lat = 33.96
sequence = "/n"
observations = [{{ value = "/v", observed_property = "pm2_5", unit = "µg/m³" }}]
"#
    )
}

/// The `n`th reading of a sensor.
fn reading(sensor: &str, n: u64, time_ms: i64) -> String {
    format!(r#"{{"s": "{sensor}", "n": {n}, "t": {time_ms}, "v": {n}}}"#)
}
