//! What the history has kept, over HTTP: hexagons and events; and for how long it is kept.

use crate::live::{Platform, scene};
use crate::screen::{PATIENCE, config, data};
use crate::standards::City;
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use std::time::Instant;
use yiping::hub::{HistoryPlace, Hub, HubConfig};

fn list<'a>(answer: &'a Value, key: &str) -> &'a Vec<Value> {
    answer[key].as_array().unwrap_or_else(|| panic!("no list {key} in {answer}"))
}

#[test]
fn hexagons_of_a_property_come_by_bucket_and_as_shapes() {
    let city = City::open();
    let told = city.json("/api/hexagons?property=noise&resolution=9");
    assert_eq!((&told["resolution"], &told["step_s"], &told["missing"]), (&9.into(), &900.0.into(), &serde_json::json!([])));
    let cells: Vec<&Value> = list(&told, "buckets").iter().flat_map(|b| list(b, "cells")).collect();
    let (count, sum) = cells.iter().fold((0, 0.0), |(count, sum), c| {
        let n = c["count"].as_u64().unwrap();
        (count + n, sum + n as f64 * c["mean"].as_f64().unwrap())
    });
    assert_eq!((count, sum), (3, 90.0), "three sensors read 10, 30 and 50 dB: {told}");
    assert!(cells.iter().all(|c| c["cell"].as_str().unwrap().starts_with("89")), "H3 cells of resolution 9: {cells:?}");
    let shapes = city.get("/api/hexagons?property=noise&resolution=9&f=geojson");
    assert_eq!(shapes.header("content-type"), "application/geo+json");
    let shapes = shapes.json();
    assert_eq!(list(&shapes, "features").len(), cells.len());
    for feature in list(&shapes, "features") {
        let ring = feature["geometry"]["coordinates"][0].as_array().unwrap();
        assert!(ring.len() == 7 && ring[0] == ring[6], "a closed hexagon: {ring:?}");
        assert!((ring[0][0].as_f64().unwrap() - 118.27).abs() < 0.1 && (ring[0][1].as_f64().unwrap() - 33.96).abs() < 0.1);
        assert!(feature["properties"]["end"].as_str() > feature["properties"]["start"].as_str());
    }
    assert_eq!(city.json("/api/hexagons?property=nothing")["buckets"], serde_json::json!([]));
}

#[test]
fn hexagons_that_are_too_many_or_make_no_sense_are_refused_in_words() {
    let city = City::open();
    for (asked, said) in [
        ("property=noise&step_s=1", "wider step_s"),
        ("property=noise&resolution=16", "0 to 15"),
        ("property=noise&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "before to"),
        ("property=noise&to=-262143-01-01T00:00:00Z", "before to"),
        ("resolution=8", "property"),
    ] {
        let got = city.get(&format!("/api/hexagons?{asked}"));
        assert!(got.status == 400 && got.text.contains(said), "{asked}: {} {}", got.status, got.text);
    }
}

#[test]
fn events_of_an_incident_are_told_as_they_are_and_as_we_knew_them() {
    let city = City::open();
    let end = Instant::now() + PATIENCE;
    // They come into the history beside; nobody waits for it.
    let all = loop {
        let told = city.json("/api/events");
        if list(&told, "events").len() >= 5 {
            break told;
        }
        assert!(Instant::now() < end, "{told}");
    };
    assert_eq!((list(&all, "events").len(), &all["more"]), (5, &false.into()), "four reports, and one made void");
    let one = city.json("/api/events?incident=i3");
    let told: Vec<_> = list(&one, "events").iter().map(|e| (e["version"].as_u64().unwrap(), e["state"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "reported"), (2, "void")]);
    let then = list(&one, "events")[0]["received_at"].as_str().unwrap();
    let knew = city.json(&format!("/api/events?incident=i3&known_by={then}"));
    assert_eq!(list(&knew, "events").len(), 1, "it had not been made void yet: {knew}");
    let page = city.json("/api/events?limit=2");
    assert_eq!((list(&page, "events").len(), &page["more"]), (2, &true.into()));
    assert_eq!(list(&page, "events")[..], list(&all, "events")[..2], "oldest first");
    assert_eq!(city.json("/api/events?incident=nobody")["events"], serde_json::json!([]));
    for wrong in ["limit=0", "limit=1000000", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"] {
        assert_eq!(city.get(&format!("/api/events?{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn what_is_kept_asks_for_the_token_and_a_hub_without_a_history_says_so() {
    let city = City::with(Some("open sesame"));
    for path in ["/api/hexagons?property=noise", "/api/events"] {
        assert_eq!(city.get(path).status, 401, "{path}");
        assert_eq!(city.ask(path, &[("authorization", "Bearer open sesame")]).status, 200, "{path}");
    }
    let dir = data();
    scene(&dir, "");
    let hub = Hub::start(HubConfig { history: HistoryPlace::Nowhere, ..config(dir.path(), 0) }).unwrap();
    let platform = Platform::new(&hub);
    for path in ["/api/hexagons?property=noise", "/api/events", "/api/series?datastream=a"] {
        assert!(platform.get(path)["error"].as_str().unwrap().contains("--history"), "{path}");
    }
}

#[test]
fn a_scene_says_for_how_many_days_readings_are_kept() {
    let dir = data();
    let before = Utc::now() - TimeDelta::days(3);
    let asked = format!(
        "/api/series?datastream=platform/1&step_s=60&from={}&to={}",
        (before - TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Millis, true),
        (before + TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Millis, true)
    );
    let hub = |more: &str| {
        scene(&dir, more);
        Hub::start(config(dir.path(), 0)).unwrap()
    };
    let first = hub("");
    let platform = Platform::new(&first);
    platform.describe(1);
    // The last hour of a sensor's property would stay.
    for (time, value) in [(before, 7.0), (Utc::now(), 8.0)] {
        assert_eq!(platform.say(1, time, value)["accepted"], 1);
    }
    assert_eq!(list(&platform.get(&asked), "points").len(), 1);
    first.stop();
    let second = hub("[history]\nraw_days = 2\nrollup_days = 2\n");
    let platform = Platform::new(&second);
    let end = Instant::now() + PATIENCE;
    while !list(&platform.get(&asked), "points").is_empty() {
        assert!(Instant::now() < end, "three days ago is more than two days");
    }
}
