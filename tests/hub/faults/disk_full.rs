//! The disk fills up under a hub, and there is room again: a real process under a limit of its own, so that nothing else is hit.

use super::{Asker, Broker, feed, mqtt_feed, reading, scene, until};
use crate::screen::{Screen, accepted, data, rejected, report};
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use yiping::model::protocol::Role;

const CRASH: &str = include_str!("../../data/eido/crash.json");

/// A `yiping hub` whose files may be limited in length. To the hub it is a full disk: each write beyond is refused (EFBIG for ENOSPC).
struct Hub {
    child: Child,
    url: String,
}

impl Hub {
    fn start(data: &Path) -> Self {
        // The kernel's signal at such a write is ignored; `exec` keeps the process id.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_yiping"), "hub", "--listen", "127.0.0.1:0", "--scene"])
            .arg(data.join("test.toml"))
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            // Its log lies on the same disk.
            .stderr(std::fs::File::create(data.join("hub.log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("yiping hub: ").unwrap_or_else(|| panic!("the hub said {line:?}")).to_owned();
        Self { child, url }
    }

    fn limit(&self, bytes: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status().unwrap();
        assert!(done.success(), "prlimit of util-linux");
    }

    fn fill_the_disk(&self) {
        self.limit("1");
    }

    fn make_room(&self) {
        self.limit("unlimited");
    }

    /// SIGKILL: no last write.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A data array of so many readings, a second apart, from `second` of the last hour on.
fn readings(second: i64, count: i64) -> Value {
    let begin = Utc::now() - TimeDelta::hours(1);
    let at = |s: i64| (begin + TimeDelta::seconds(s)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let rows: Vec<Value> = (second..second + count).map(|s| json!([at(s), s])).collect();
    json!([{"Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray": rows}])
}

fn stream() -> Value {
    let place = json!({"type": "Point", "coordinates": [118.28, 33.96]});
    json!({"@iot.id": 1, "ObservedProperty": {"name": "PM2.5"}, "unitOfMeasurement": {"symbol": "µg/m³"},
        "Thing": {"name": "观测点", "Locations": [{"location": place}]}})
}

/// A public warning in force.
fn alert(id: &str) -> String {
    let at = |minutes: i64| (Utc::now() + TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%S+00:00");
    format!(
        "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>{id}</identifier><sender>s@example.org</sender><sent>{}</sent>\
         <status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><category>Met</category><event>rain</event>\
         <urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty><expires>{}</expires>\
         <area><areaDesc>city</areaDesc><circle>33.96,118.28 5</circle></area></info></alert>",
        at(-1),
        at(60)
    )
}

#[test]
fn on_a_full_disk_nobody_is_told_that_it_is_kept_and_with_room_again_everything_goes_on() {
    let data = data();
    let feeds = "[[feed]]\nkind = \"sensorthings_in\"\nid = \"platform\"\nrecord = true\n\
        [[feed]]\nkind = \"eido\"\nid = \"110\"\n[[feed]]\nkind = \"cap\"\nid = \"warnings\"";
    scene(data.path(), feeds);
    let hub = Hub::start(data.path());
    let platform = Asker::new(&hub.url);
    let mut desk = Screen::open(&hub.url, "desk", Role::Officer);
    assert_eq!(platform.post("/feeds/platform", &stream()).0, 200);
    assert_eq!(platform.post("/feeds/platform", &readings(0, 1000)).1["accepted"], 1000);
    accepted(desk.ask(report("before")));
    assert_eq!(platform.post_text("/feeds/warnings", &alert("early")).0, 200);

    hub.fill_the_disk();
    let (lost, crash) = (readings(1000, 50), serde_json::from_str::<Value>(CRASH).unwrap());
    for (path, body) in [("/feeds/platform", &lost), ("/feeds/110", &crash)] {
        let (status, why) = platform.post(path, body);
        assert!(status == 503 && why["error"].as_str().unwrap().contains("disk is full"), "{path}: {status} {why}");
    }
    let late = alert("late");
    let (status, why) = platform.post_text("/feeds/warnings", &late);
    assert!(status == 503 && why["error"].as_str().unwrap().contains("disk is full"), "{status} {why}");
    assert!(rejected(&desk.ask(report("meanwhile"))).contains("disk is full"), "a screen hears it at once and keeps its report");
    for id in ["platform", "110", "warnings"] {
        let told = until(&mut desk, id, "why the feed stands still", |f| f.held_back.is_some());
        assert!(told.held_back.unwrap().contains("disk is full"));
    }
    assert_eq!(feed(&desk, "platform").unwrap().stored, 1000);

    hub.make_room();
    for id in ["platform", "110", "warnings"] {
        until(&mut desk, id, "the feed to go on", |f| f.held_back.is_none());
    }
    until(&mut desk, "platform", "what is in no journal", |f| f.unrecorded > 0);
    desk.until("the incident that waited", |s| s.world.incidents.keys().any(|i| i.starts_with("110/")));
    for (path, body) in [("/feeds/platform", &lost), ("/feeds/110", &crash)] {
        assert_eq!(platform.post(path, body).0, 200, "the source says it again and hears that it is kept");
    }
    assert_eq!(platform.post_text("/feeds/warnings", &late).0, 200);
    accepted(desk.ask(report("after")));
    let ledger = until(&mut desk, "platform", "the ledger", |f| f.received >= 1100);
    assert_eq!((ledger.rejected, ledger.quarantined, ledger.stored + ledger.conflated), (0, 0, 1100), "{ledger:?}");
    platform.until_kept(1050);

    // What was acknowledged is on the disk and not only in memory.
    hub.kill();
    let hub = Hub::start(data.path());
    let after = Screen::open(&hub.url, "after", Role::Viewer);
    Asker::new(&hub.url).until_kept(1050);
    assert_eq!(after.world.alerts.len(), 2, "{:?}", after.world.alerts);
    let incidents: Vec<&str> = after.world.incidents.keys().map(String::as_str).collect();
    assert!(incidents.contains(&"before") && incidents.contains(&"after") && !incidents.contains(&"meanwhile"), "{incidents:?}");
    assert_eq!(incidents.iter().filter(|i| i.starts_with("110/")).count(), 1, "{incidents:?}");
}

#[test]
fn what_a_full_disk_could_not_take_is_not_acknowledged_to_a_broker_which_gives_it_again() {
    let data = data();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let broker = Broker::start(&runtime);
    scene(data.path(), &mqtt_feed(broker.port));
    let now = Utc::now().timestamp_millis();
    let messages = |from: u64, to: u64| (from..to).map(move |n| reading("a", n, now - 60_000 + n as i64 * 100));
    let hub = Hub::start(data.path());
    let mut desk = Screen::open(&hub.url, "desk", Role::Officer);
    until(&mut desk, "air", "the broker", |f| f.connected);
    broker.publish(&runtime, messages(0, 200));
    until(&mut desk, "air", "the first", |f| f.stored == 200);
    hub.fill_the_disk();
    broker.publish(&runtime, messages(200, 300));
    until(&mut desk, "air", "why it stands still", |f| f.held_back.as_ref().is_some_and(|why| why.contains("disk is full")));
    assert_eq!(feed(&desk, "air").unwrap().stored, 200);
    // The worst hour: the hub falls while the disk is full.
    hub.kill();
    let hub = Hub::start(data.path());
    Asker::new(&hub.url).until_kept(300);
    let mut desk = Screen::open(&hub.url, "desk", Role::Officer);
    // It goes on from what was kept of it before the fall.
    let ledger = until(&mut desk, "air", "the rest", |f| f.stored >= 100);
    assert_eq!((ledger.held_back, ledger.gaps, ledger.rejected), (None, 0, 0));
}
