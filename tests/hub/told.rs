//! What other systems post reaches the screens: a public warning with its cancellation, and an incident that its centre closes.

use crate::screen::{PATIENCE, SCENE, Screen, config, data};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use yiping::feeds::replay::{Options, PAYLOAD_BYTES, Platform};
use yiping::hub::{Hub, HubHandle};
use yiping::model::alert::AlertStatus;
use yiping::model::incident::IncidentState;
use yiping::model::protocol::Role;

const FEEDS: &str = "[[feed]]\nkind = \"cap\"\nid = \"warnings\"\n[[feed]]\nkind = \"eido\"\nid = \"110\"\n\
    [[feed]]\nkind = \"sensorthings_in\"\nid = \"air\"\n";

fn hub(dir: &tempfile::TempDir) -> HubHandle {
    hub_of(dir, FEEDS)
}

fn hub_of(dir: &tempfile::TempDir, feeds: &str) -> HubHandle {
    let (head, rest) = SCENE.split_once("[[camera]]").unwrap();
    std::fs::write(dir.path().join("test.toml"), format!("{head}{feeds}[[camera]]{rest}")).unwrap();
    Hub::start(config(dir.path(), 0)).unwrap()
}

/// Posts to a feed; its adapter starts beside the hub, so a 404 is tried again.
fn post(hub: &HubHandle, feed: &str, body: String) -> Value {
    yiping::feeds::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (http, end) = (reqwest::Client::new(), Instant::now() + PATIENCE);
        loop {
            let answer = http.post(format!("{}/feeds/{feed}", hub.url())).body(body.clone()).send().await.unwrap();
            if answer.status() == 404 && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            assert_eq!(answer.status(), 200);
            return answer.json().await.unwrap();
        }
    })
}

const ID: &str = "example@suqian.invalid/320000.20260725.1";

/// An exercise that holds for an hour, and its end.
fn warning() -> [String; 2] {
    let alert = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cap/rainstorm-zh-en.xml")).unwrap();
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let alert = alert.replace("2026-07-25T22:00:00+08:00", &later.to_rfc3339());
    let cancel = alert
        .replace("<identifier>320000.20260725.1</identifier>", "<identifier>c</identifier>")
        .replace("<msgType>Alert</msgType>", "<msgType>Cancel</msgType>")
        .replace("<info>", "<references>example@suqian.invalid,320000.20260725.1,2026-07-25T14:05:00+08:00</references><info>");
    [alert, cancel]
}

#[test]
fn a_warning_is_on_the_screens_until_it_is_cancelled() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
    let [alert, cancel] = warning();
    assert_eq!(post(&hub, "warnings", alert)["accepted"], 1);
    desk.until("the warning", |s| s.world.alerts.contains_key(ID));
    let shown = &desk.world.alerts[ID];
    assert!(shown.is_shown(chrono::Utc::now()) && shown.status == AlertStatus::Exercise && shown.areas[0].circles[0][2] == 12_500.0);
    assert_eq!(post(&hub, "warnings", cancel)["accepted"], 1);
    desk.until("its end", |s| s.world.alerts[ID].cancelled);
    assert!(!desk.world.alerts[ID].is_shown(chrono::Utc::now()));
}

#[test]
fn a_recorded_warning_is_shown_again_by_a_hub_that_reads_its_replay() {
    let (first, second) = (data(), data());
    let [alert, cancel] = warning();
    let between = {
        let hub = hub_of(&first, "[[feed]]\nkind = \"cap\"\nid = \"warnings\"\nrecord = true\n");
        post(&hub, "warnings", alert);
        let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
        desk.until("the warning", |s| s.world.alerts.contains_key(ID));
        let between = chrono::Utc::now();
        // At a tenth of the speed there are seconds to hold the replay in.
        std::thread::sleep(Duration::from_millis(300));
        post(&hub, "warnings", cancel);
        hub.stop();
        between
    };
    let any = ([127, 0, 0, 1], 0).into();
    let (journals, mqtt_payload_bytes) = (vec![first.path().join("journals")], PAYLOAD_BYTES);
    let (city, mqtt, record, start) = (None, None, None, Some(between));
    let options = Options { city, journals, listen: any, mqtt, mqtt_payload_bytes, speed: 0.1, start, seed: 7, record };
    let platform = Platform::start(options).unwrap();
    let control = |body: &'static str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = reqwest::Client::new().post(format!("http://{}/control", platform.http)).body(body).send();
        assert!(runtime.block_on(asked).unwrap().status().is_success());
    };
    control(r#"{"paused": true}"#);
    let feed = format!("[[feed]]\nkind = \"cap\"\nid = \"again\"\nurl = \"http://{}/cap\"\npoll_s = 0.1\n", platform.http);
    let hub = hub_of(&second, &feed);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
    desk.until("the warning", |s| s.world.alerts.contains_key(ID));
    let shown = &desk.world.alerts[ID];
    assert!(
        shown.is_shown(chrono::Utc::now())
            && shown.status == AlertStatus::Exercise
            && shown.headline_en == "Rainstorm red warning for Suqian"
    );
    control(r#"{"paused": false, "speed": 100}"#);
    desk.until("its end", |s| s.world.alerts[ID].cancelled);
}

#[test]
fn an_incident_of_another_centre_comes_and_is_closed_by_it() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/eido/crash.json")).unwrap();
    let mut eido: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(post(&hub, "110", eido.to_string())["accepted"], 1);
    let id = "110/urn:emergency:uid:incidentid:a56e556d871:bcf.state.pa.us";
    desk.until("the incident", |s| s.world.incidents.contains_key(id));
    assert_eq!(desk.world.incidents[id].category, "traffic/accident/injury");
    eido["lastUpdateTimeStamp"] = json!("2021-04-30T15:00:00-04:00");
    eido["incidentComponent"]["incidentStatusCommonRegistryText"] = json!(["Closed"]);
    assert_eq!(post(&hub, "110", eido.to_string())["accepted"], 1);
    desk.until("its end", |s| s.world.incidents[id].state == IncidentState::Closed);
    desk.until("the account", |s| s.world.feeds.get("110").is_some_and(|f| f.stored == 2 && f.balances()));
}

#[test]
fn how_long_the_news_of_each_source_take_to_the_screens_is_in_its_account() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
    let read = |file: &str| std::fs::read_to_string(format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let place = json!({"type": "Point", "coordinates": [118.28, 33.96]});
    let sensor =
        json!({"@iot.id": 1, "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": "观测点", "Locations": [{"location": place}]}});
    let reading = json!({"Datastream": {"@iot.id": 1}, "phenomenonTime": chrono::Utc::now().to_rfc3339(), "result": 17.0});
    post(&hub, "air", sensor.to_string());
    for (feed, body) in [("air", reading.to_string()), ("warnings", read("cap/rainstorm-zh-en.xml")), ("110", read("eido/crash.json"))] {
        post(&hub, feed, body);
    }
    let to_screens =
        |s: &Screen, feed: &str| s.world.feeds.get(feed).and_then(|f| f.lag).and_then(|l| l.screen_p50_ms.zip(l.screen_p99_ms));
    let all = ["air", "warnings", "110"];
    desk.until("a time of readings, warnings and incidents", |s| all.iter().all(|feed| to_screens(s, feed).is_some()));
    assert!(all.iter().filter_map(|feed| to_screens(&desk, feed)).all(|(p50, p99)| p50 <= p99));
    let told: Value = serde_json::from_slice(&yiping::link::fetch(&hub.url(), "/api/feeds").unwrap()).unwrap();
    assert!(told.as_array().unwrap().iter().all(|f| f["lag"]["screen_p99_ms"].is_f64()), "{told}");
}
