//! Against real servers: two shards of Debian's `clickhouse-server` (18.16) as processes on loopback, and the current engine by PyPI's `chdb`.

mod replicas;
mod rollups;
mod upgrade;

use super::super::conformance::{self, datastream, reading, second};
use super::*;
use crate::history::{History, ReadingsQuery};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SERVER: &str = "/usr/sbin/clickhouse-server";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A server that ends with the test.
struct Process {
    child: Child,
    url: Url,
}

impl Process {
    fn start(command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, url }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shard's folder and ports.
struct Shard {
    folder: PathBuf,
    http: u16,
    tcp: u16,
}

impl Shard {
    fn start(&self) -> Process {
        let config = format!("--config-file={}", self.folder.join("config.xml").display());
        Process::start(Command::new(SERVER).arg(config).current_dir(&self.folder), self.http)
    }

    fn configure(&self, cluster: &str) {
        let folder = self.folder.display();
        let config = format!(
            "<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>\
             <http_port>{}</http_port><tcp_port>{}</tcp_port><interserver_http_port>{}</interserver_http_port>\
             <listen_host>127.0.0.1</listen_host><path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>\
             <users_config>{folder}/users.xml</users_config><mark_cache_size>67108864</mark_cache_size>\
             <default_profile>default</default_profile><default_database>default</default_database>\
             <remote_servers><city>{cluster}</city></remote_servers></yandex>",
            self.http,
            self.tcp,
            free_port(),
        );
        let users = "<yandex><profiles><default/></profiles><users><default><password></password><networks><ip>127.0.0.1</ip></networks>\
                     <profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>";
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.folder.join("config.xml"), config).unwrap();
        std::fs::write(self.folder.join("users.xml"), users).unwrap();
    }
}

/// Two shards of one cluster.
fn shards(folder: &Path) -> Vec<Shard> {
    servers(folder, "</shard><shard><internal_replication>false</internal_replication>")
}

/// Two servers of one cluster, with what stands between them.
fn servers(folder: &Path, between: &str) -> Vec<Shard> {
    let servers: Vec<_> =
        (0..2).map(|i| Shard { folder: folder.join(format!("server-{i}")), http: free_port(), tcp: free_port() }).collect();
    let one = |s: &Shard| format!("<replica><host>127.0.0.1</host><port>{}</port></replica>", s.tcp);
    let all = servers.iter().map(one).collect::<Vec<_>>().join(between);
    let cluster = format!("<shard><internal_replication>false</internal_replication>{all}</shard>");
    servers.iter().for_each(|s| s.configure(&cluster));
    servers
}

/// Whether there is a server to start; says so where there is none.
fn is_installed() -> bool {
    let there = Path::new(SERVER).exists();
    if !there {
        eprintln!("skipped: {SERVER} is not there; apt-get install --no-install-recommends clickhouse-server");
    }
    there
}

/// A number that one server alone answers.
async fn alone(server: &Process, question: &str) -> u64 {
    let servers = Servers::new(vec![server.url.clone()], None).unwrap();
    In(&servers.ask(question).await.unwrap()).u64().unwrap()
}

/// All readings of the first hundred seconds.
async fn all_readings(history: &ClickHouse) -> Vec<Reading> {
    let (from, to) = (second(0), second(100));
    let query = ReadingsQuery { select: Select::all(), from, to, newest_first: false, skip: 0, limit: 1000, known_by: None };
    history.readings(query).await.unwrap().rows
}

/// Asks again and again while a server comes back.
async fn until_kept(history: &ClickHouse, batch: Batch) {
    let begun = Instant::now();
    while let Err(e) = history.append(batch.clone()).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server is back and takes rows: {e}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn config(servers: &[&Process], database: &str, cluster: Option<&str>) -> ClickHouseConfig {
    let urls = servers.iter().map(|s| s.url.clone()).collect();
    ClickHouseConfig { urls, cluster: cluster.map(str::to_owned), database: database.to_owned(), user: None }
}

/// Opens also from within a runtime, for the conformance suite asks for the next one where it stands.
fn open(servers: &[&Process], database: &str, cluster: Option<&str>) -> ClickHouse {
    let config = config(servers, database, cluster);
    let opening = || tokio::runtime::Handle::current().block_on(ClickHouse::open(config));
    tokio::task::block_in_place(opening).unwrap()
}

#[test]
fn two_shards_of_a_real_server_keep_what_every_history_must_keep() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let shards = shards(folder.path());
    let (first, second) = (shards[0].start(), shards[1].start());
    let rt = runtime();
    let mut n = 0;
    rt.block_on(conformance::all(|| {
        n += 1;
        open(&[&first, &second], &format!("t{n}"), Some("city"))
    }));
    rt.block_on(async { conformance::roll_ups_outlive_their_readings(&open(&[&first, &second], "outlive", Some("city"))).await });
    rt.block_on(rollups::roll_ups_answer_where_they_hold(&[&first, &second], Some("city")));
    rt.block_on(rollups::quiet_hours_are_made_by_themselves(&[&first, &second], Some("city")));
    rt.block_on(upgrade::tables_of_before_there_were_spans_get_their_column(&[&first, &second], Some("city")));
    rt.block_on(rows_are_shared_out_and_every_hub_sees_them(&first, &second));
    rt.block_on(a_shard_that_is_down_keeps_nothing_from_being_sent_again(&shards, first, second));
}

async fn rows_are_shared_out_and_every_hub_sees_them(first: &Process, second: &Process) {
    let history = ClickHouse::open(config(&[first, second], "shared_out", Some("city"))).await.unwrap();
    let ids: Vec<String> = (0..40).map(|i| format!("sensor {i}'s \\ id")).collect();
    let datastreams = ids.iter().map(|id| datastream(id, "pm2_5", 118.0, 34.0)).collect();
    let readings = ids.iter().map(|id| reading(id, 10, 10, 1.0)).collect();
    history.append(Batch { datastreams, readings, ..Batch::default() }).await.unwrap();
    for server in [first, second] {
        let rows = alone(server, "SELECT count() FROM shared_out.observations_local").await;
        assert!((5..=35).contains(&rows), "{rows} of 40 rows lie on one of two shards");
    }
    let other_hub = ClickHouse::open(config(&[second, first], "shared_out", Some("city"))).await.unwrap();
    assert_eq!(other_hub.latest(Select::all()).await.unwrap().samples.len(), 40);
    assert_eq!(other_hub.latest(Select::datastream(&ids[7])).await.unwrap().samples.len(), 1);
}

async fn a_shard_that_is_down_keeps_nothing_from_being_sent_again(shards: &[Shard], first: Process, second: Process) {
    let history = ClickHouse::open(config(&[&first, &second], "down", Some("city"))).await.unwrap();
    let ids: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    let datastreams = ids.iter().map(|id| datastream(id, "pm2_5", 118.0, 34.0)).collect();
    history.append(Batch { datastreams, ..Batch::default() }).await.unwrap();
    drop(second);
    let batch = Batch { readings: ids.iter().map(|id| reading(id, 10, 10, 1.0)).collect(), ..Batch::default() };
    let refused = history.append(batch.clone()).await;
    assert!(matches!(&refused, Err(HistoryError::Server { .. })), "rows for a shard that is down are not acknowledged: {refused:?}");
    let _second = shards[1].start();
    until_kept(&history, batch).await;
    assert_eq!(all_readings(&history).await.len(), 20, "what was sent twice counts once");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let url: Url = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
    let config = ClickHouseConfig { urls: vec![url.clone()], cluster: None, database: "city".into(), user: None };
    let error = runtime().block_on(ClickHouse::open(config.clone())).err().unwrap();
    assert!(matches!(&error, HistoryError::Server { url: named, .. } if *named == url.to_string()), "{error}");
    for database in ["", "a b", "a;DROP"] {
        let wrong = ClickHouseConfig { database: database.into(), ..config.clone() };
        assert!(matches!(runtime().block_on(ClickHouse::open(wrong)), Err(HistoryError::Query { .. })));
    }
}

/// Python with `chdb`, as `benches/peers/history/setup` installs it.
fn python_with_chdb() -> Option<PathBuf> {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let python = cache?.join("yiping/peers/history/bin/python");
    let has = Command::new(&python).args(["-c", "import chdb"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    has.then_some(python)
}

#[test]
fn the_current_engine_understands_the_same_sql() {
    let Some(python) = python_with_chdb() else {
        eprintln!("skipped: there is no chdb; benches/peers/history/setup installs it (980 MB)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/history/chdb_server.py");
    let server = Process::start(Command::new(python).arg(script).arg(port.to_string()).current_dir(folder.path()), port);
    let rt = runtime();
    let mut n = 0;
    rt.block_on(conformance::all(|| {
        n += 1;
        open(&[&server], &format!("t{n}"), None)
    }));
    rt.block_on(async { conformance::roll_ups_outlive_their_readings(&open(&[&server], "outlive", None)).await });
    rt.block_on(rollups::roll_ups_answer_where_they_hold(&[&server], None));
    rt.block_on(upgrade::tables_of_before_there_were_spans_get_their_column(&[&server], None));
    rt.block_on(rollups::quiet_hours_are_made_by_themselves(&[&server], None));
}
