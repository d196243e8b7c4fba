//! What a hub must still know after it was started anew: who speaks to it, and what it had open.

use super::{Asker, scene, until};
use crate::screen::{PATIENCE, Screen, Server, config, data};
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use yiping::hub::{Hub, HubHandle};
use yiping::model::protocol::Role;

const CRASH: &str = include_str!("../../data/eido/crash.json");
const FEEDS: &str = r#"
[[feed]]
kind = "sensorthings_in"
id = "platform"
[[feed]]
kind = "cap"
id = "warnings"
[[feed]]
kind = "eido"
id = "110"
[[rule]]
id = "silent"
name = "传感器失联"
observed_property = "pm2_5"
when = { silent = { for_s = 8.0 } }
domain = "urban_management"
category = "urban_management/appearance/smoke"
severity = "minor"
"#;

fn start(data: &Path) -> (HubHandle, Asker, Screen) {
    let hub = Hub::start(config(data, 0)).unwrap();
    let (ask, desk) = (Asker::new(&hub.url()), Screen::open(&hub.url(), "desk", Role::Officer));
    (hub, ask, desk)
}

fn stream(n: u32) -> Value {
    let place = json!({"type": "Point", "coordinates": [118.2 + f64::from(n) * 0.01, 33.96]});
    json!({"@iot.id": n, "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": format!("站 {n}"), "Locations": [{"location": place}]}})
}

/// Each of these sensors has a reading now.
fn speak(ask: &Asker, sensors: &[u32]) {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let said: Value = sensors.iter().map(|n| json!({"phenomenonTime": now, "result": n, "Datastream": {"@iot.id": n}})).collect();
    let (status, answer) = ask.post("/feeds/platform", &said);
    assert_eq!((status, answer["accepted"].as_u64()), (200, Some(sensors.len() as u64)), "{answer}");
}

#[test]
fn a_platform_need_not_describe_its_sensors_again_and_one_that_died_meanwhile_is_missed() {
    let data = data();
    scene(data.path(), FEEDS);
    let (first, ask, desk) = start(data.path());
    assert_eq!(ask.post("/feeds/platform", &(0..3).map(stream).collect()).0, 200);
    speak(&ask, &[0, 1, 2]);
    drop(desk);
    first.stop();
    let (_second, ask, mut desk) = start(data.path());
    let shown: Vec<f64> = desk.world.observations.values().map(|o| o.value).collect();
    assert_eq!((desk.world.datastreams.len(), shown), (3, vec![0.0, 1.0, 2.0]), "the last that was known, with its time");
    let missed = |s: &Screen| s.world.incidents.values().any(|i| i.title.contains("站 2"));
    let is_missed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + PATIENCE;
            while !is_missed.load(Ordering::Relaxed) && Instant::now() < end {
                speak(&ask, &[0, 1]);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        desk.until("the third sensor to be missed", missed);
        is_missed.store(true, Ordering::Relaxed);
    });
    assert_eq!(desk.world.incidents.len(), 1, "and nobody else");
    let ledger = until(&mut desk, "platform", "its ledger", |f| f.stored > 0);
    assert_eq!((ledger.quarantined, ledger.rejected), (0, 0), "{ledger:?}");
}

#[test]
fn the_counts_of_a_feed_go_on_over_a_restart_and_a_kill_and_balance() {
    let data = data();
    scene(data.path(), FEEDS);
    let (first, ask, mut desk) = start(data.path());
    assert_eq!(ask.post("/feeds/platform", &(0..3).map(stream).collect()).0, 200);
    speak(&ask, &[0, 1, 2]);
    let unknown = json!([{"phenomenonTime": "2026-01-01T00:00:00Z", "result": 1, "Datastream": {"@iot.id": 9}}]);
    assert_eq!(ask.post("/feeds/platform", &unknown).1["left_out"], 1, "nobody has described it");
    let told = until(&mut desk, "platform", "its ledger", |f| f.received == 4);
    assert!(told.since.is_some_and(|since| since <= Utc::now()));
    drop(desk);
    // Counted though no screen has been told.
    speak(&ask, &[0, 1]);
    first.stop();

    let mut second = Server::start(data.path(), "127.0.0.1:0");
    let (ask, mut desk) = (Asker::new(&second.1), Screen::open(&second.1, "desk", Role::Officer));
    speak(&ask, &[2]);
    let on = until(&mut desk, "platform", "its ledger to go on", |f| f.received == 7);
    assert_eq!((on.stored, on.quarantined, on.since), (6, 1, told.since), "{on:?}");
    let end = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(data.path().join("hub.feeds.json")).unwrap().contains(r#""received":7"#) {
        assert!(Instant::now() < end, "it is kept within seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
    second.kill();

    let third = Server::start(data.path(), "127.0.0.1:0");
    let (ask, mut desk) = (Asker::new(&third.1), Screen::open(&third.1, "desk", Role::Officer));
    speak(&ask, &[0]);
    let on = until(&mut desk, "platform", "its ledger to go on", |f| f.received == 8);
    assert_eq!((on.stored, on.quarantined, on.since), (7, 1, told.since), "{on:?}");
}

#[test]
fn an_incident_that_its_centre_closed_meanwhile_is_ended() {
    let data = data();
    scene(data.path(), FEEDS);
    let (first, ask, mut desk) = start(data.path());
    let crash: Value = serde_json::from_str(CRASH).unwrap();
    assert_eq!(ask.post("/feeds/110", &crash).1["accepted"], 1);
    desk.until("the incident", |s| s.world.incidents.values().any(|i| !i.state.is_ended()));
    drop(desk);
    first.stop();
    let (_second, ask, mut desk) = start(data.path());
    let mut closed = crash;
    closed["incidentComponent"]["incidentStatusCommonRegistryText"] = json!(["Closed"]);
    assert_eq!(ask.post("/feeds/110", &closed).1["accepted"], 1);
    desk.until("its end", |s| s.world.incidents.values().all(|i| i.state.is_ended()));
}

/// An alert, or what `kind` says about `about`.
fn cap(identifier: &str, kind: &str, about: &str) -> String {
    let at = |hours: i64| (Utc::now() + TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Secs, false);
    let references = if about.is_empty() { String::new() } else { format!("<references>s@x,{about},{}</references>", at(0)) };
    format!(
        "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>{identifier}</identifier><sender>s@x</sender><sent>{}</sent>\
         <status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>{references}<info><category>Met</category>\
         <event>Rain</event><urgency>Future</urgency><severity>Severe</severity><certainty>Likely</certainty><senderName>气象台</senderName>\
         <expires>{}</expires><area><areaDesc>宿迁</areaDesc></area></info></alert>",
        at(-1),
        at(3)
    )
}

#[test]
fn a_warning_of_before_a_restart_is_cancelled_by_its_source_and_stays_so() {
    let data = data();
    scene(data.path(), FEEDS);
    let (first, ask, mut desk) = start(data.path());
    let rain = cap("rain", "Alert", "");
    assert_eq!(ask.post_text("/feeds/warnings", &rain).1["accepted"], 1);
    desk.until("the warning", |s| s.world.alerts.contains_key("s@x/rain"));
    drop(desk);
    first.stop();
    let (second, ask, mut desk) = start(data.path());
    assert!(desk.world.alerts["s@x/rain"].is_shown(Utc::now()));
    assert_eq!(ask.post_text("/feeds/warnings", &cap("over", "Cancel", "rain")).1["accepted"], 1);
    desk.until("its end", |s| s.world.alerts["s@x/rain"].cancelled);
    drop(desk);
    second.stop();
    // An index that still has the first message.
    let (_third, ask, desk) = start(data.path());
    assert_eq!(ask.post_text("/feeds/warnings", &rain).1["left_out"], 1);
    assert!(desk.world.alerts["s@x/rain"].cancelled, "it does not come back");
}
