//! A hub whose history lies in a ClickHouse: a real server of its own, with a user and a password.

use crate::live::{Platform, scene};
use crate::screen::{PATIENCE, config, data};
use chrono::{TimeDelta, Utc};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use yiping::history::ClickHouseConfig;
use yiping::hub::{HistoryPlace, Hub, HubConfig, HubError, HubHandle};

const SERVER: &str = "/usr/sbin/clickhouse-server";

/// A server that ends with the test.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// `None` where there is none to start.
    fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            eprintln!("skipped: {SERVER} is not there; apt-get install --no-install-recommends clickhouse-server");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let (folder, port) = (dir.path().display(), free_port());
        let config = format!(
            "<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>\
             <http_port>{port}</http_port><tcp_port>{}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/data/</path>\
             <tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config><mark_cache_size>67108864</mark_cache_size>\
             <default_profile>default</default_profile><default_database>default</default_database></yandex>",
            free_port()
        );
        let users = "<yandex><profiles><default/></profiles><users><hub><password>open sesame</password>\
                     <networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></hub></users>\
                     <quotas><default/></quotas></yandex>";
        std::fs::write(dir.path().join("config.xml"), config).unwrap();
        std::fs::write(dir.path().join("users.xml"), users).unwrap();
        let mut command = Command::new(SERVER);
        command.arg(format!("--config-file={folder}/config.xml")).current_dir(dir.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port, _folder: dir };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "{SERVER} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn place(&self, user: &str) -> ClickHouseConfig {
        format!("clickhouse://{user}127.0.0.1:{}/city", self.port).parse().unwrap()
    }
}

fn hub(dir: &tempfile::TempDir, place: ClickHouseConfig) -> Result<HubHandle, HubError> {
    scene(dir, "");
    Hub::start(HubConfig { history: HistoryPlace::ClickHouse(place), ..config(dir.path(), 0) })
}

#[test]
fn a_hub_keeps_its_history_in_a_clickhouse() {
    let Some(server) = Server::start() else { return };
    let place = server.place("hub@").with_password("open sesame".into());
    let dir = data();
    let now = Utc::now();
    let asked = "/api/series?datastream=platform/1&step_s=60";
    let first = hub(&dir, place.clone()).unwrap();
    let platform = Platform::new(&first);
    platform.describe(1);
    for (minutes, value) in [(30, 10.0), (20, 20.0)] {
        assert_eq!(platform.say(1, now - TimeDelta::minutes(minutes), value)["accepted"], 1);
    }
    let lasts = |told: Value| told["points"].as_array().unwrap().iter().map(|p| p["last"].as_f64().unwrap()).collect::<Vec<_>>();
    assert_eq!(lasts(platform.get(asked)), [10.0, 20.0]);
    first.stop();
    assert!(!dir.path().join("history").exists(), "nothing of it lies in the data folder");
    let second = hub(&data(), place).unwrap();
    let platform = Platform::new(&second);
    assert_eq!(lasts(platform.get(asked)), [10.0, 20.0], "another hub with another data folder tells the same");
    assert_eq!(platform.get("/api/health")["history"]["readings"], 2);
}

#[test]
fn a_hub_says_how_to_mend_an_address_that_its_clickhouse_refuses() {
    let Some(server) = Server::start() else { return };
    let error = |place: ClickHouseConfig| hub(&data(), place).err().map(|e| e.to_string()).expect("no hub starts without its history");
    for place in [server.place(""), server.place("hub@"), server.place("nobody@").with_password("x".into())] {
        let error = error(place);
        assert!(error.contains("YIPING_CLICKHOUSE_PASSWORD") && error.contains("clickhouse://USER@"), "{error}");
    }
    let nowhere: ClickHouseConfig = format!("clickhouse://127.0.0.1:{}/city", free_port()).parse().unwrap();
    let error = error(nowhere);
    assert!(error.contains("refused") && error.contains("see that the server runs"), "{error}");
    let mut cluster = server.place("hub@").with_password("open sesame".into());
    cluster.cluster = Some("nowhere".into());
    let error = hub(&data(), cluster).err().map(|e| e.to_string()).expect("a cluster that the server does not know");
    assert!(error.contains("remote_servers"), "{error}");
}
