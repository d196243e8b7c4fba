//! Sources whose clocks are five minutes off.

use super::{Asker, feed, quick, scene, until};
use crate::screen::{Screen, config, data};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use yiping::hub::{Hub, HubConfig};
use yiping::model::protocol::Role;

const OFF_MS: i64 = 5 * 60_000;

/// A SensorThings server with a clock of its own, by which it dates its answers and the reading of its one sensor.
fn server(runtime: &tokio::runtime::Runtime, off_ms: &Arc<AtomicI64>) -> SocketAddr {
    let off_ms = off_ms.clone();
    let answer = move |body: fn(DateTime<Utc>) -> serde_json::Value| {
        let off_ms = off_ms.clone();
        move || async move {
            let now = Utc::now() + TimeDelta::milliseconds(off_ms.load(Ordering::Relaxed));
            let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            ([(header::DATE, date), (header::CONTENT_TYPE, "application/json".to_owned())], body(now).to_string())
        }
    };
    // It tells no latest observations with its catalogue.
    let catalogue = |_| {
        let place = json!({"type": "Point", "coordinates": [118.28, 33.96]});
        json!({"value": [{"@iot.id": "s", "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": "S", "Locations": [{"location": place}]}}]})
    };
    // A reading each time it is asked, whose value is its second by the server's clock.
    let observations = |now: DateTime<Utc>| {
        let time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"value": [{"phenomenonTime": time, "result": now.timestamp(), "Datastream": {"@iot.id": "s"}}]})
    };
    let router =
        Router::new().route("/v1.1/Datastreams", get(answer.clone()(catalogue))).route("/v1.1/Observations", get(answer(observations)));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    })
}

#[test]
fn clocks_five_minutes_off_are_measured_and_told_and_their_readings_are_kept() {
    let data = data();
    let ask = Asker::new("");
    let clocks = [("fast", OFF_MS), ("slow", -OFF_MS)].map(|(id, ms)| (id, Arc::new(AtomicI64::new(ms))));
    let feeds = clocks.iter().map(|(id, off)| {
        let address = server(&ask.runtime, off);
        format!("[[feed]]\nkind = \"sensorthings\"\nid = \"{id}\"\nurl = \"http://{address}/v1.1\"\n")
    });
    let feeds: String = feeds.collect();
    scene(data.path(), &feeds);
    let hub = Hub::start(HubConfig { tuning: quick(), ..config(data.path(), 0) }).unwrap();
    let ask = Asker { url: hub.url(), ..ask };
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    for (id, off) in [("fast", OFF_MS), ("slow", -OFF_MS)] {
        let told = until(&mut desk, id, "its skew and some readings", |f| f.skew_ms.is_some() && f.stored >= 5);
        let wrong_ms = told.skew_ms.unwrap() - off as f64;
        assert!(wrong_ms.abs() <= 2_000.0, "{id}: {told:?}");
        assert_eq!((told.rejected, told.quarantined), (0, 0), "{id}: {told:?}");
        let shown = desk.world.observations[&format!("{id}/s")].phenomenon_time - Utc::now();
        assert!((shown.num_milliseconds() - off).abs() < 30_000, "screens have its newest, by its own time");
        assert!(ask.kept(&format!("Datastream/id eq '{id}/s'")) >= 5, "{id}: in the history");
    }
    // Put right, the fast one's readings show at once and not only when their time has come.
    clocks[0].1.store(0, Ordering::Relaxed);
    let right = |s: &Screen| s.world.observations["fast/s"].phenomenon_time <= Utc::now() + TimeDelta::seconds(2);
    desk.until("the clock that was put right", right);
    until(&mut desk, "fast", "no skew any more", |f| f.skew_ms.is_some_and(|ms| ms.abs() < 2_000.0));
    assert!(feed(&desk, "slow").unwrap().skew_ms.unwrap() < -290_000.0);
}

#[test]
fn a_source_that_tells_no_time_is_known_by_its_readings_to_be_ahead() {
    let data = data();
    scene(data.path(), "[[feed]]\nkind = \"sensorthings_in\"\nid = \"platform\"");
    let hub = Hub::start(config(data.path(), 0)).unwrap();
    let ask = Asker::new(&hub.url());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let place = json!({"type": "Point", "coordinates": [118.28, 33.96]});
    let stream = json!({"@iot.id": 1, "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": "S", "Locations": [{"location": place}]}});
    assert_eq!(ask.post("/feeds/platform", &stream).0, 200);
    let at = |s: i64| (Utc::now() + TimeDelta::seconds(300 - s)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let readings: Vec<_> = (0..10).rev().map(|s| json!({"phenomenonTime": at(s), "result": s, "Datastream": {"@iot.id": 1}})).collect();
    assert_eq!(ask.post("/feeds/platform", &json!(readings)).1["accepted"], 10);
    let told = until(&mut desk, "platform", "its skew", |f| f.skew_ms.is_some());
    assert!((280_000.0..310_000.0).contains(&told.skew_ms.unwrap()), "{told:?}");
    // A sensor an hour off would hide all true readings behind it: kept apart.
    let mad = json!({"phenomenonTime": at(-7_200), "result": 1, "Datastream": {"@iot.id": 1}});
    assert_eq!(ask.post("/feeds/platform", &mad).1["left_out"], 1);
    until(&mut desk, "platform", "the mad clock's fate", |f| f.quarantined_for.get("clock_ahead") == Some(&1));
}
